//! The provider's own deletion, which must not leave anything behind that needs it.

use express_handler::guard;
use express_tests::account::Kind;
use express_tests::cloudformation::RequestType;
use express_tests::{StackStatus, World, web};
use local_aws::fault::{Fault, Rule};
use serde_json::Value;

/// Delivers a request for the guard of the provider's stack, and what it was answered, once it was.
fn answered(world: &World, request_type: RequestType) -> Value {
    let id = (request_type != RequestType::Create).then_some("express-provider-guard");
    let mut event = world
        .stack("express-provider")
        .event(request_type, id, &web());
    event["ResourceType"] = guard::RESOURCE_TYPE.into();
    let url = event["ResponseURL"].clone();
    world.deliver(event);
    world.settle();
    let received = world.account().cloud().response_sink.received.clone();
    let mut answers = received.iter().filter(|put| url == put.url.as_str());
    let answer = answers.next().unwrap();
    assert!(answers.next().is_none(), "answered twice");
    serde_json::from_str(&answer.body).unwrap()
}

#[test]
fn the_provider_is_installed_at_once_and_deleted_at_once_when_it_was_never_used() {
    let world = World::new();
    for request_type in [RequestType::Create, RequestType::Delete] {
        assert_eq!(answered(&world, request_type)["Status"], "SUCCESS");
    }
}

#[test]
fn the_provider_is_not_deleted_while_a_service_needs_it() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let answer = answered(&world, RequestType::Delete);
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
    let begun_ms = world.now_ms();
    assert_eq!(answered(&world, RequestType::Delete)["Status"], "SUCCESS");
    assert!(world.now_ms() > begun_ms, "it has waited");
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
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
    assert_eq!(answered(&world, RequestType::Delete)["Status"], "SUCCESS");
    assert_eq!(world.block_on(deleting).status, StackStatus::DeleteComplete);
    let received = world.account().cloud().response_sink.received.clone();
    let last = received.last().unwrap();
    assert!(
        last.body.contains("express-provider-guard"),
        "{}",
        last.body
    );
}
