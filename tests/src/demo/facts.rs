//! What must be true between the stages; read from the account, not from what the provider says.

use std::collections::BTreeSet;

use anyhow::{Context, bail, ensure};
use local_aws::LocalAws;
use local_aws::elbv2::{self, Answer, Priority, RouteOutcome};
use local_aws::route53;
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::tree::{Branch, Tree};
use crate::account::Kind;

/// Follows `https://<host>` as a browser would: the name, the load balancer, a healthy task.
///
/// # Errors
/// Where the way ends.
pub fn answers(account: &LocalAws, endpoint: &str) -> anyhow::Result<Answer> {
    let host = endpoint
        .strip_prefix("https://")
        .with_context(|| format!("the endpoint `{endpoint}` does not begin with https://"))?;
    let cloud = account.cloud();
    let record = route53::record_set(&cloud, host, "A")
        .with_context(|| format!("`{host}` has no record"))?;
    let route53::Target::Alias { name, .. } = &record.target else {
        bail!("the record of `{host}` is no alias");
    };
    let answer = match elbv2::route(&cloud, host) {
        RouteOutcome::Answered(answer) => answer,
        RouteOutcome::NoRule => bail!("no listener rule is for `{host}`"),
        RouteOutcome::Ambiguous(answers) => {
            bail!("{} load balancers answer for `{host}`", answers.len())
        }
    };
    let balancer = cloud
        .elbv2
        .load_balancers
        .get(&answer.load_balancer_arn)
        .with_context(|| format!("there is no load balancer `{}`", answer.load_balancer_arn))?;
    let alias = name.as_str().trim_end_matches('.');
    ensure!(
        alias
            .trim_start_matches("dualstack.")
            .eq_ignore_ascii_case(&balancer.dns_name),
        "`{host}` is an alias of `{alias}`, but `{}` has its rule",
        balancer.dns_name
    );
    ensure!(
        answer.is_served(),
        "`{host}` forwards to a target group without a healthy task: {:?}",
        answer.groups
    );
    Ok(answer)
}

/// The priority of a listener rule.
///
/// # Errors
/// When the rule is not there, or is the default one.
pub fn priority(account: &LocalAws, answer: &Answer) -> anyhow::Result<u32> {
    let cloud = account.cloud();
    let mut rules = cloud.elbv2.rules_of(&answer.listener_arn);
    let rule = rules
        .find(|rule| rule.arn == answer.rule_arn)
        .context("the rule is gone")?;
    match rule.priority {
        Priority::Number(priority) => Ok(priority),
        Priority::Default => bail!("the rule is the listener's default one"),
    }
}

/// The image that a service's container `Main` runs.
///
/// # Errors
/// When the service or its task definition is not there.
pub fn image(account: &LocalAws, service_arn: &str) -> anyhow::Result<String> {
    let definition = task_definition(account, service_arn)?;
    let pointer = "/containerDefinitions/0/image";
    let image = definition.pointer(pointer).and_then(Value::as_str);
    image
        .map(str::to_owned)
        .context("the task definition has no image")
}

/// The task definition that a service runs, as ECS describes it.
///
/// # Errors
/// When it or the service is not there.
pub fn task_definition(account: &LocalAws, service_arn: &str) -> anyhow::Result<Value> {
    let ask = |operation: &str, input, pointer: &str| {
        let mut answer = account
            .perform(Service::Ecs, operation, input)
            .map_err(|refusal| anyhow::anyhow!("{operation} was refused: {refusal:?}"))?;
        let found = answer.pointer_mut(pointer).map(Value::take);
        found.with_context(|| format!("{operation} answers no {pointer}"))
    };
    let cluster = service_arn
        .split('/')
        .nth(1)
        .context("the physical id is not the ARN of a service")?;
    let input = json!({"cluster": cluster, "services": [service_arn]});
    let definition = ask("DescribeServices", input, "/services/0/taskDefinition")?;
    let input = json!({"taskDefinition": definition});
    ask("DescribeTaskDefinition", input, "/taskDefinition")
}

/// Everything that is there, without its state.
pub fn names(tree: &Tree) -> BTreeSet<(Kind, String)> {
    tree.leaves()
        .map(|(_, leaf)| (leaf.kind, leaf.id.clone()))
        .collect()
}

/// What is left although no service is, by kind.
///
/// # Errors
/// When it is more than the cluster, the log groups and the provider.
pub fn left(tree: &Tree) -> anyhow::Result<Vec<(Kind, String)>> {
    let mut kept = Vec::new();
    let mut too_much = Vec::new();
    for (branch, leaf) in tree.leaves() {
        match branch {
            Branch::Kept => kept.push((leaf.kind, leaf.name.clone())),
            Branch::Provider => {}
            Branch::Pool(_) | Branch::Service(_) => {
                too_much.push(format!("{:?} {}", leaf.kind, leaf.name))
            }
        }
    }
    ensure!(too_much.is_empty(), "left behind: {}", too_much.join(", "));
    Ok(kept)
}
