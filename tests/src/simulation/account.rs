//! What people do in the account beside the provider.

use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::account::{Kind, description};
use crate::world::World;

/// Calls the account; the call may be refused, as anybody's.
pub(super) fn attempt(account: &LocalAws, service: Service, operation: &str, input: Value) -> bool {
    account.perform(service, operation, input).is_ok()
}

/// A cluster of somebody's, for services to be moved to.
pub(super) fn create_cluster(world: &World) {
    let made = attempt(
        world.account(),
        Service::Ecs,
        "CreateCluster",
        json!({"clusterName": "prod"}),
    );
    assert!(made, "the cluster was refused");
    world.remember_foreign();
}

/// A rule on a listener of ours with the priority that the next service would get; its ARN.
pub(super) fn create_foreign_rule(world: &World) -> Option<String> {
    let inventory = world.inventory();
    let (listener, _) = inventory
        .of(Kind::Listener)
        .find(|(_, listener)| listener.is_ours() && listener.name.ends_with(":443"))?;
    let rules = inventory
        .of(Kind::ListenerRule)
        .filter(|(arn, _)| arn.starts_with(&listener.replace(":listener/", ":listener-rule/")));
    let taken = rules.filter_map(|(_, rule)| description(rule, "/Priority").parse::<u32>().ok());
    let next = taken
        .max()
        .map_or(express_core::naming::RULE_PRIORITY_FIRST, |last| last + 1);
    let rule = json!({
        "ListenerArn": listener,
        "Priority": next.to_string(),
        "Conditions": [{"Field": "path-pattern", "Values": ["/people"]}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}}],
    });
    let made = world
        .account()
        .perform(Service::ElasticLoadBalancing, "CreateRule", rule)
        .ok()?;
    let arn = made.pointer("/Rules/0/RuleArn")?.as_str()?.to_owned();
    world.remember_as_foreign(Kind::ListenerRule, &arn);
    Some(arn)
}

/// Its maker takes the rule away.
pub(super) fn delete_foreign_rule(world: &World, arn: &str) {
    world.forget_foreign(Kind::ListenerRule, arn);
    let input = json!({"RuleArn": arn});
    attempt(
        world.account(),
        Service::ElasticLoadBalancing,
        "DeleteRule",
        input,
    );
}
