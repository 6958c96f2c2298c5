//! The provider's own deletion, which must not leave anything behind that needs it.

use express_handler::guard;
use express_tests::account::{Inventory, Kind};
use express_tests::cloudformation::RequestType;
use express_tests::{StackStatus, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

/// Seconds within which the guard answers.
const ANSWERS_WITHIN_S: u64 = 3_600;

/// Delivers a request for the guard of the provider's stack: what it was answered, and what the account had in that
/// moment. The provider may be gone from then on.
fn answered(world: &World, request_type: RequestType) -> (Value, Inventory) {
    let id = (request_type != RequestType::Create).then_some("express-provider-guard");
    let mut event = world
        .stack("express-provider")
        .event(request_type, id, &web());
    event["ResourceType"] = guard::RESOURCE_TYPE.into();
    let url = event["ResponseURL"].clone();
    let answers = || -> Vec<Value> {
        let received = world.account().cloud().response_sink.received.clone();
        let answers = received.iter().filter(|put| url == put.url.as_str());
        answers
            .map(|put| serde_json::from_str(&put.body).unwrap())
            .collect()
    };
    world.deliver(event);
    for _ in 0..ANSWERS_WITHIN_S {
        if !answers().is_empty() {
            break;
        }
        world.block_on(world.sleep_s(1));
    }
    let found = world.inventory().without_what_stays();
    world.settle();
    let [answer] = answers().try_into().expect("one answer");
    (answer, found)
}

#[test]
fn the_provider_is_installed_at_once_and_deleted_at_once_when_it_was_never_used() {
    let world = World::new();
    for request_type in [RequestType::Create, RequestType::Delete] {
        assert_eq!(answered(&world, request_type).0["Status"], "SUCCESS");
    }
}

#[test]
fn the_provider_is_not_deleted_while_a_service_needs_it() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let (answer, _) = answered(&world, RequestType::Delete);
    assert_eq!(answer["Status"], "FAILED");
    let reason = answer["Reason"].as_str().unwrap();
    assert!(reason.contains("service/default/web"), "{reason}");
    for part in ["1 service still needs", "delete its stack first"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn case_47_the_provider_waits_for_the_load_balancers_that_are_going() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web());
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    assert!(
        world.inventory().of(Kind::SecurityGroup).count() > 1,
        "still closing"
    );
    let (answer, found) = answered(&world, RequestType::Delete);
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(before.diff(&found), Vec::<String>::new());
}

#[test]
fn case_47_the_provider_carries_on_a_closing_that_nobody_else_does() {
    // Whether it died before the ordinal was closed or after.
    for call in ["DescribeListeners", "DeleteLoadBalancer"] {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        world.block_on(world.sleep_s(600));
        let call = format!("elasticloadbalancing:{call}");
        let denied = Rule::once(Some(&call), 0, Fault::Deny).times(u64::MAX);
        let deleting = world.spawn(stack.clone().delete());
        world.faults().add(denied);
        assert_eq!(world.block_on(deleting).status, StackStatus::DeleteComplete);
        world.settle();
        assert_eq!(world.inventory().of(Kind::LoadBalancer).count(), 1);
        world.faults().clear();
        let (answer, found) = answered(&world, RequestType::Delete);
        assert_eq!(answer["Status"], "SUCCESS", "{call}");
        assert_eq!(before.diff(&found), Vec::<String>::new(), "{call}");
    }
}

#[test]
fn a_load_balancer_that_people_have_made_their_own_does_not_keep_the_provider() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (arn, _) = inventory.of(Kind::LoadBalancer).next().unwrap();
    let protected = json!({
        "LoadBalancerArn": arn,
        "Attributes": [{"Key": "deletion_protection.enabled", "Value": "true"}],
    });
    let elb = Service::ElasticLoadBalancing;
    let protecting = world
        .account()
        .perform(elb, "ModifyLoadBalancerAttributes", protected);
    protecting.unwrap();
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    let (answer, found) = answered(&world, RequestType::Delete);
    assert_eq!(answer["Status"], "SUCCESS");
    assert_eq!(found.of(Kind::LoadBalancer).count(), 1);
}

#[test]
fn the_provider_waits_until_every_delete_is_answered() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    // Until long after its load balancer is gone, which the guard waits for too.
    let dies = Rule::once(Some("cloudformation:PutResponse"), 0, Fault::CrashBefore).times(12);
    world.faults().add(dies);
    let deleting = world.spawn(stack.clone().delete());
    while world.faults().struck() < 4 {
        world.block_on(world.sleep_s(5));
    }
    assert_eq!(answered(&world, RequestType::Delete).0["Status"], "SUCCESS");
    assert_eq!(world.block_on(deleting).status, StackStatus::DeleteComplete);
    let received = world.account().cloud().response_sink.received.clone();
    let last = received.last().unwrap();
    assert!(
        last.body.contains("express-provider-guard"),
        "{}",
        last.body
    );
}
