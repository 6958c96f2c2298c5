//! What is refused, or not heard, until the time is up: the answer still comes, and says what it was.

use express_core::naming::TAG_OWNER;
use express_tests::account::Kind;
use express_tests::by_hand;
use express_tests::cloudformation::SeenStatus;
use express_tests::{StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::json;

use StackStatus::DeleteFailed;

#[test]
fn case_47_a_group_that_somebody_else_s_group_admits_is_named_when_the_time_is_up() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (group, _) = inventory
        .of(Kind::SecurityGroup)
        .find(|(_, item)| item.tags.contains_key(TAG_OWNER))
        .unwrap();
    let vpc_id = world.account().cloud().ec2.vpcs.keys().next().cloned();
    let database =
        json!({"GroupName": "database", "GroupDescription": "of people", "VpcId": vpc_id});
    let ec2 = |operation, input| world.account().perform(Service::Ec2, operation, input);
    let database = ec2("CreateSecurityGroup", database).unwrap();
    let pair = json!({"GroupId": group});
    let admits = json!({
        "GroupId": database["groupId"],
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "Groups": [pair]},
        ],
    });
    ec2("AuthorizeSecurityGroupIngress", admits).unwrap();
    let database = database["groupId"].as_str().unwrap();
    world.remember_as_foreign(Kind::SecurityGroup, database);
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let reason = &outcome.last().reason;
    for part in [
        "did not finish",
        "DeleteSecurityGroup",
        group,
        "DependencyViolation",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("drain"), "{reason}");
}

#[test]
fn what_was_refused_before_something_else_was_waited_for_is_no_cause() {
    let world = World::new();
    let stack = world.with_service("app", &web().service_timeout(1_300));
    // The service drains for longer than there is time.
    let inventory = world.inventory();
    for (id, _) in inventory.of(Kind::TargetGroup) {
        let delay = json!({"Key": "deregistration_delay.timeout_seconds", "Value": "3600"});
        let input = json!({"TargetGroupArn": id, "Attributes": [delay]});
        let elb = Service::ElasticLoadBalancing;
        let changed = world
            .account()
            .perform(elb, "ModifyTargetGroupAttributes", input);
        changed.unwrap();
    }
    let refused = Rule::once(Some("ecs:DeleteService"), 0, Fault::Throttle).times(8);
    world.faults().add(refused);
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let reason = &outcome.last().reason;
    assert!(reason.contains("to drain"), "{reason}");
}

#[test]
fn case_44_a_rule_without_its_tag_is_named_also_when_its_service_is_gone() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    by_hand::RULE_UNTAGGED.happen(&world, "web");
    by_hand::SERVICE_DELETED.happen(&world, "web");
    world.block_on(world.sleep_s(600));
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let reason = &outcome.last().reason;
    assert!(
        reason.contains("listener-rule") && reason.contains(TAG_OWNER),
        "{reason}"
    );
    assert!(
        outcome.last().seconds() < 300,
        "{}",
        outcome.last().seconds()
    );
}

#[test]
fn case_2_an_answer_that_is_refused_at_the_deadline_is_sent_for_as_long_as_somebody_listens() {
    let world = World::new();
    let refused = Rule::once(
        Some("elasticloadbalancing:CreateTargetGroup"),
        0,
        Fault::Throttle,
    );
    world.faults().add(refused.times(u64::MAX));
    // Those of two attempts.
    world
        .account()
        .cloud()
        .response_sink
        .next_statuses
        .extend([503; 10]);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    let first = outcome.first();
    assert_eq!(first.status, SeenStatus::Failed);
    assert!(
        first.reason.contains("CreateTargetGroup"),
        "{}",
        first.reason
    );
    assert!(first.seconds() > 3_480, "{}", first.seconds());
}
