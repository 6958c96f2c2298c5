//! The daily sweep: it carries on what died, corrects what others have moved, and reports the rest.

use express_tests::account::Kind;
use express_tests::history::{AttemptEnd, Event};
use express_tests::{StackStatus, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

/// Sweeps, and returns the report.
fn swept(world: &World) -> Value {
    world.deliver(json!({"sweep": true}));
    world.settle();
    let history = world.history();
    let mut reports = history.events.iter().filter_map(|event| match event {
        Event::Ended {
            end: AttemptEnd::Returned(value),
            ..
        } if value.get("closing").is_some() => Some(value.clone()),
        _ => None,
    });
    reports.next_back().expect("a report")
}

fn nothing_found() -> Value {
    json!({"closing": [], "unknown_target_groups": [], "corrected_alarms": []})
}

#[test]
fn a_sweep_of_what_is_as_it_should_be_changes_nothing() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let before = world.inventory();
    assert_eq!(swept(&world), nothing_found());
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

#[test]
fn case_47_a_closing_that_died_is_carried_on() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web());
    let name = "elasticloadbalancing:DeleteLoadBalancer";
    world
        .faults()
        .add(Rule::once(Some(name), 0, Fault::Deny).times(u64::MAX));
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    assert_eq!(world.inventory().of(Kind::LoadBalancer).count(), 1);
    world.faults().clear();
    let report = swept(&world);
    assert_eq!(
        report["closing"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
    assert_eq!(swept(&world), nothing_found());
}

#[test]
fn case_55_what_the_ledger_does_not_know_is_reported_and_left_alone() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let vpc_id = world.account().cloud().ec2.vpcs.keys().next().cloned();
    world
        .account()
        .perform(
            Service::ElasticLoadBalancing,
            "CreateTargetGroup",
            json!({
                "Name": "express-0123456789ab-a", "Protocol": "HTTP", "Port": 80, "VpcId": vpc_id,
                "TargetType": "ip",
                "Tags": [{"Key": "express:provider", "Value": "ecs-express"}],
            }),
        )
        .unwrap();
    let before = world.inventory();
    let report = swept(&world);
    assert_eq!(
        report["unknown_target_groups"],
        json!(["express-0123456789ab-a"])
    );
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

#[test]
fn case_56_an_alarm_is_pointed_at_the_idle_group_after_somebody_elses_deployment() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    world
        .account()
        .perform(
            Service::Ecs,
            "UpdateService",
            json!({"service": "web", "forceNewDeployment": true}),
        )
        .unwrap();
    world.block_on(world.sleep_s(600));
    let report = swept(&world);
    assert_eq!(
        report["corrected_alarms"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
    // It looks again and finds nothing wrong, and neither does an Update.
    assert_eq!(swept(&world), nothing_found());
    let corrected = world.inventory();
    let _outcome = stack.update_unchanged_now();
    assert_eq!(corrected.diff(&world.inventory()), Vec::<String>::new());
}
