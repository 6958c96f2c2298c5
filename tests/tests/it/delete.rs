//! Deleting a service.

use express_core::naming::TAG_OWNER;
use express_tests::account::{Inventory, Item, Kind};
use express_tests::by_hand::{self, ByHand};
use express_tests::cloudformation::RequestType;
use express_tests::{Scenario, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, DeleteFailed, RollbackComplete};

#[test]
fn case_43_a_delete_of_an_id_that_nobody_knows_succeeds_and_changes_nothing() {
    for id in [
        "2024/03/01/[$LATEST]0123456789abcdef",
        "0a1b2c3d-0000-4000-8000-000000000000",
        "app-Web-1A2B3C4D5E6F",
    ] {
        let world = World::new();
        world.deliver(
            world
                .stack("app")
                .event(RequestType::Delete, Some(id), &web()),
        );
        world.settle();
        let body: Value =
            serde_json::from_str(&world.account().cloud().response_sink.received[0].body).unwrap();
        assert_eq!(
            (&body["Status"], &body["PhysicalResourceId"]),
            (&"SUCCESS".into(), &id.into())
        );
        let mutations = world
            .history()
            .calls()
            .filter(|call| call.recorded.mutates())
            .count();
        assert_eq!(mutations, 0, "{id}");
    }
}

#[test]
fn case_43b_a_create_that_was_cancelled_at_any_time_leaves_nothing() {
    check_cancelled(World::new);
}

#[test]
fn case_43b_a_cancelled_create_leaves_nothing_of_what_aws_does_not_show_yet() {
    check_cancelled(|| {
        let world = World::new();
        let every_read = Rule::once(None, 0, Fault::StaleRead).times(u64::MAX);
        world.faults().add(every_read);
        world
    });
}

fn check_cancelled(world: impl Fn() -> World) {
    for seconds in [0, 1, 5, 10, 31, 60, 100] {
        let world = world();
        let before = world.inventory().without_what_stays();
        let template = Template::of(&web()).sibling_fails_after(seconds);
        let run = Scenario::new().then_deploy(template).run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{seconds} s");
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{seconds} s");
    }
}

#[test]
fn case_43b_a_create_whose_answer_crosses_the_cancellation_leaves_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.stack("app");
    world.deliver(stack.event(RequestType::Create, None, &web()));
    world.settle();
    assert_eq!(answers(&world)[0]["Status"], "SUCCESS");
    // CloudFormation had cancelled it a moment before the answer came, and has read nothing.
    world.deliver(stack.event(RequestType::Delete, Some("app-Web-1A2B3C4D5E6F"), &web()));
    world.settle();
    assert_eq!(answers(&world)[1]["Status"], "SUCCESS");
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_43b_a_create_that_arrives_only_after_its_delete_makes_nothing() {
    let world = World::new();
    let before = world.inventory();
    let stack = world.stack("app");
    let create = stack.event(RequestType::Create, None, &web());
    world.block_on(world.sleep_s(30));
    world.deliver(stack.event(RequestType::Delete, Some("app-Web-1A2B3C4D5E6F"), &web()));
    world.settle();
    world.deliver(create);
    world.settle();
    let after = world.inventory();
    assert_eq!(before.diff(&after), Vec::<String>::new());
    let answers = answers(&world);
    let statuses: Vec<&Value> = answers.iter().map(|answer| &answer["Status"]).collect();
    assert_eq!(statuses, ["SUCCESS", "FAILED"]);
    assert!(
        answers[1]["Reason"].to_string().contains("given it up"),
        "{}",
        answers[1]
    );
    // The tombstone ends nothing but what is older: the resource can be added again.
    world.block_on(world.sleep_s(1));
    let again = stack.deploy_now(Template::of(&web()));
    assert_eq!(again.status, CreateComplete);
}

#[test]
fn case_8_a_create_that_arrives_after_its_service_timeout_makes_nothing() {
    let world = World::new();
    let before = world.inventory();
    let create = world.stack("app").event(RequestType::Create, None, &web());
    world.block_on(world.sleep_s(3600));
    world.deliver(create);
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    assert_eq!(answers(&world)[0]["Status"], "FAILED");
}

fn answers(world: &World) -> Vec<Value> {
    let received = world.account().cloud().response_sink.received.clone();
    let bodies = received.iter().map(|put| &put.body);
    bodies
        .map(|body| serde_json::from_str(body).unwrap())
        .collect()
}

#[test]
fn case_45_the_last_service_takes_the_load_balancer_with_it() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let run = Scenario::new()
        .create(web())
        .then_settle()
        .then_delete()
        .run_in(world);
    assert_eq!(run.statuses(), [CreateComplete, DeleteComplete]);
    let after = run.world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_50_the_same_name_can_be_created_again_at_once() {
    let run = Scenario::new()
        .create(web())
        .then_delete()
        .create(web())
        .then_delete()
        .run();
    assert_eq!(
        run.statuses(),
        [
            CreateComplete,
            DeleteComplete,
            CreateComplete,
            DeleteComplete
        ]
    );
}

/// One thing of a kind that belongs to a service.
fn of_a_service(inventory: &Inventory, kind: Kind) -> Option<(&str, &Item)> {
    let mut owned = inventory
        .of(kind)
        .filter(|(_, item)| item.tags.contains_key(TAG_OWNER) || kind == Kind::ScalableTarget);
    owned.next()
}

/// What somebody deletes in the console.
const BY_HAND: [ByHand; 5] = [
    by_hand::RULE_DELETED,
    by_hand::ALARM_DELETED,
    by_hand::TARGET_DEREGISTERED,
    by_hand::REVISION_DEREGISTERED,
    // Last: by the service the other things are found.
    by_hand::SERVICE_DELETED,
];

#[test]
fn case_42_what_was_deleted_by_hand_does_not_stop_a_delete() {
    // One thing each, and at last all of them.
    let alone = BY_HAND.iter().map(|one| vec![*one]);
    for deleted in alone.chain([BY_HAND.to_vec()]) {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        let kinds: Vec<Kind> = deleted.iter().map(|one| one.kind).collect();
        for by_hand in deleted {
            by_hand.happen(&world, "web");
        }
        let outcome = stack.delete_now();
        assert_eq!(outcome.status, DeleteComplete, "{kinds:?}");
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{kinds:?}");
    }
}

#[test]
fn case_42_a_second_delete_succeeds_and_changes_nothing() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let id = stack.resources()["Web"].physical_id.clone();
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let before = world.inventory();
    world.deliver(stack.event(RequestType::Delete, Some(&id), &web()));
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    let answers = answers(&world);
    assert_eq!(answers.last().unwrap()["Status"], "SUCCESS");
    assert_eq!(answers.last().unwrap()["PhysicalResourceId"], *id);
}

#[test]
fn case_44_a_delete_leaves_what_has_lost_its_tag_and_says_which() {
    for change in [
        by_hand::RULE_UNTAGGED,
        by_hand::TARGET_GROUP_UNTAGGED,
        by_hand::GROUP_UNTAGGED,
        by_hand::SERVICE_UNTAGGED,
    ] {
        let kind = change.kind;
        let world = World::new();
        let stack = world.with_service("app", &web());
        let inventory = world.inventory();
        let (id, item) = of_a_service(&inventory, kind).unwrap();
        assert!(change.is_done_to(&world, id, item), "{kind:?}");
        let outcome = stack.delete_now();
        assert_eq!(outcome.status, DeleteFailed, "{kind:?}");
        let reason = &outcome.last().reason;
        assert!(reason.contains(TAG_OWNER), "{kind:?}: {reason}");
        world.settle();
        let left = world.inventory();
        let is_left = left.of(kind).any(|(found, _)| found == id);
        assert!(is_left, "{kind:?}");
    }
}

#[test]
fn case_48_a_deregistration_delay_of_half_an_hour_does_not_outlast_the_service_timeout() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    for (id, _) in inventory.of(Kind::TargetGroup) {
        let delay = json!({"Key": "deregistration_delay.timeout_seconds", "Value": "1800"});
        let input = json!({"TargetGroupArn": id, "Attributes": [delay]});
        let elb = Service::ElasticLoadBalancing;
        world
            .account()
            .perform(elb, "ModifyTargetGroupAttributes", input)
            .unwrap();
    }
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteComplete, "{}", outcome.last().reason);
    assert!(outcome.last().seconds() < 3_600);
}

#[test]
fn case_52_a_load_balancer_that_is_protected_is_kept_and_named_and_the_service_goes() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (balancer, _) = inventory.of(Kind::LoadBalancer).next().unwrap();
    let protection = json!({"Key": "deletion_protection.enabled", "Value": "true"});
    world
        .account()
        .perform(
            Service::ElasticLoadBalancing,
            "ModifyLoadBalancerAttributes",
            json!({"LoadBalancerArn": balancer, "Attributes": [protection]}),
        )
        .unwrap();
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let left = world.inventory();
    assert_eq!(
        left.of(Kind::EcsService)
            .filter(|(_, item)| item.description["status"] == "ACTIVE")
            .count(),
        0
    );
    let balancers: Vec<&str> = left.of(Kind::LoadBalancer).map(|(id, _)| id).collect();
    assert_eq!(balancers, [balancer]);
    let logs = world.logs().text();
    assert!(logs.contains("pool.kept") && logs.contains("deletion protection is on"));
}
