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
