//! Deleting a service.

use express_tests::cloudformation::RequestType;
use express_tests::{Scenario, StackStatus, Template, World, web};
use serde_json::Value;

use StackStatus::{CreateComplete, DeleteComplete, RollbackComplete};

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
    for seconds in [0, 1, 5, 10, 31, 60, 100] {
        let world = World::new();
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
