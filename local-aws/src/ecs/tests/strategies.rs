//! What each deployment strategy does to the rule and the tasks over time, and what ends it.

use super::*;
use crate::cloudwatch;

/// Seconds in which the tasks of a revision are started and healthy, and a look.
const START_S: u64 = 180;

/// Creates a service that is deployed with `configuration` from its first update on.
fn created(configuration: Value) -> World {
    let mut world = World::new();
    world.create("nginx");
    let mut whole = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": true}});
    for (name, value) in configuration.as_object().unwrap() {
        whole[name] = value.clone();
    }
    world.update(json!({"deploymentConfiguration": whole}));
    world
}

/// Deploys `image` and tells the weights that the rule held, with the seconds for which it held them; the last one
/// for as long as was watched.
fn watched(world: &mut World, image: &str, seconds: u64) -> Vec<([u32; 2], u64)> {
    let definition = world.definition(image);
    world.update(json!({"taskDefinition": definition}));
    let mut held: Vec<([u32; 2], u64)> = Vec::new();
    for _ in 0..seconds {
        world.pass(1);
        let weights = world.weights();
        match held.last_mut() {
            Some((last, seconds)) if *last == weights => *seconds += 1,
            Some(_) | None => held.push((weights, 1)),
        }
    }
    held
}

fn weights_of(held: &[([u32; 2], u64)]) -> Vec<[u32; 2]> {
    held.iter().map(|(weights, _)| *weights).collect()
}

/// Each but the first and the last was held for this long.
fn check_steps(held: &[([u32; 2], u64)], seconds: u64) {
    let steps = &held[1..held.len() - 1];
    // The scheduler looks every five seconds.
    let fits = |held: u64| (seconds..=seconds + 5).contains(&held);
    assert!(steps.iter().all(|(_, held)| fits(*held)), "{held:?}");
}

#[test]
fn a_canary_holds_its_share_for_its_bake_and_both_revisions_for_the_last_bake() {
    let mut world = created(json!({
        "strategy": "CANARY", "bakeTimeInMinutes": 3,
        "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 4},
    }));
    let held = watched(&mut world, "nginx:2", START_S + 4 * 60);
    assert_eq!(weights_of(&held), [[100, 0], [950, 50], [0, 100]]);
    check_steps(&held, 240);
    let deployment = world.deployment();
    assert_eq!(deployment["lifecycleStage"], "BAKE_TIME");
    assert_eq!(world.tasks("RUNNING").len(), 4);
    world.pass(240);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    assert_eq!(world.tasks("RUNNING").len(), 2);
}

#[test]
fn a_linear_deployment_goes_up_step_by_step() {
    let mut world = created(json!({
        "strategy": "LINEAR", "bakeTimeInMinutes": 0,
        "linearConfiguration": {"stepPercent": 30.0, "stepBakeTimeInMinutes": 2},
    }));
    let held = watched(&mut world, "nginx:2", START_S + 3 * 130);
    let weights = weights_of(&held);
    assert_eq!(
        weights,
        [[100, 0], [700, 300], [400, 600], [100, 900], [0, 100]]
    );
    check_steps(&held, 120);
    world.pass(60);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
}

#[test]
fn blue_green_moves_all_traffic_at_once_and_keeps_the_old_revision_for_the_bake() {
    let mut world = created(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 5}));
    let held = watched(&mut world, "nginx:2", START_S + 60);
    assert_eq!(weights_of(&held), [[100, 0], [0, 100]]);
    assert_eq!(world.tasks("RUNNING").len(), 4);
    let weight = &world.deployment()["targetServiceRevision"]["requestedProductionTrafficWeight"];
    assert_eq!(*weight, 100.0);
    world.pass(300);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    assert_eq!(world.tasks("RUNNING").len(), 2);
}

#[test]
fn a_first_deployment_bakes_nothing_whatever_the_strategy() {
    for configuration in [
        json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 60}),
        json!({"strategy": "LINEAR", "bakeTimeInMinutes": 60}),
        json!({"strategy": "CANARY", "bakeTimeInMinutes": 60}),
        json!({"strategy": "ROLLING"}),
    ] {
        let mut world = World::new();
        let mut input = world.create_input("nginx");
        input["deploymentConfiguration"] = configuration.clone();
        world.ok("CreateService", input);
        world.pass(300);
        assert_eq!(
            world.deployment()["status"],
            "SUCCESSFUL",
            "{configuration}"
        );
        assert_eq!(world.weights(), [100, 0]);
    }
}

#[test]
fn a_rolling_deployment_stays_in_the_group_that_serves_within_its_limits() {
    let mut world = created(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}));
    watched(&mut world, "nginx:2", 300);
    assert_eq!(world.weights(), [0, 100], "the alternate group is live");
    let rolling = json!({
        "strategy": "ROLLING", "maximumPercent": 150, "minimumHealthyPercent": 50,
    });
    world.update(json!({"deploymentConfiguration": rolling, "desiredCount": 4}));
    world.pass(120);
    let definition = world.definition("nginx:3");
    world.update(json!({"taskDefinition": definition}));
    let live = world.groups[1].clone();
    for _ in 0..120 {
        world.pass(5);
        let wanted = world
            .cloud
            .ecs
            .tasks
            .values()
            .filter(|task| task.is_wanted());
        assert!(wanted.count() <= 6);
        let tasks = world.cloud.ecs.tasks.values();
        let healthy = tasks
            .filter(|task| task.target_group(&world.cloud) == live && task.is_wanted())
            .filter(|task| task.target_health(&world.cloud) == Some(elbv2::TargetHealth::Healthy));
        assert!(healthy.count() >= 2);
        assert_eq!(world.weights(), [0, 100]);
    }
    let deployment = world.deployment();
    assert_eq!(deployment["status"], "SUCCESSFUL");
    assert_eq!(deployment["lifecycleStage"], Value::Null);
    assert_eq!(world.tasks("RUNNING").len(), 4);
    let runs = world.tasks("RUNNING");
    assert!(
        runs.iter()
            .all(|task| text(task, "/taskDefinitionArn") == definition)
    );
}

#[test]
fn a_rolling_deployment_of_a_broken_image_goes_back_and_never_touches_the_traffic() {
    let mut world = created(json!({"strategy": "ROLLING"}));
    let old = text(&world.service(), "/taskDefinition");
    let held = watched(&mut world, "demo/crash", 600);
    assert_eq!(weights_of(&held), [[100, 0]]);
    let deployment = world.deployment();
    assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(world.service()["taskDefinition"], old);
    assert_eq!(world.tasks("RUNNING").len(), 2);
}

fn alarm(world: &mut World, state: &str) {
    let input = json!({
        "AlarmName": "errors", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 3, "Threshold": 1, "TreatMissingData": "ignore",
        "ComparisonOperator": "GreaterThanThreshold",
    });
    ask(&mut world.cloud, cloudwatch::call, "PutMetricAlarm", input);
    set_alarm(world, state);
}

fn set_alarm(world: &mut World, state: &str) {
    let input = json!({"AlarmName": "errors", "StateValue": state, "StateReason": "a test"});
    ask(&mut world.cloud, cloudwatch::call, "SetAlarmState", input);
}

const WATCHED: &str = "errors";

fn watching(strategy: &str, rollback: bool) -> Value {
    let alarms = json!({"alarmNames": [WATCHED], "enable": true, "rollback": rollback});
    let mut configuration = json!({"strategy": strategy, "alarms": alarms});
    if strategy != "ROLLING" {
        configuration["bakeTimeInMinutes"] = json!(3);
    }
    configuration
}

#[test]
fn an_alarm_rolls_every_strategy_back_at_once_also_in_the_last_bake() {
    for strategy in ["CANARY", "LINEAR", "BLUE_GREEN", "ROLLING"] {
        let mut world = created(watching(strategy, true));
        alarm(&mut world, "OK");
        let old = text(&world.service(), "/taskDefinition");
        watched(&mut world, "nginx:2", START_S);
        assert_eq!(world.deployment()["alarms"]["status"], "MONITORING");
        set_alarm(&mut world, "ALARM");
        world.pass(10);
        let expected = [100, 0];
        assert_eq!(world.weights(), expected, "{strategy}: no traffic any more");
        world.pass(300);
        let deployment = world.deployment();
        assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL", "{strategy}");
        assert_eq!(deployment["alarms"]["status"], "TRIGGERED");
        assert_eq!(
            deployment["alarms"]["triggeredAlarmNames"],
            json!([WATCHED])
        );
        assert!(text(&deployment, "/statusReason").contains("errors"));
        assert!(
            world.service()["events"]
                .to_string()
                .contains("deployment failed: alarm detected.")
        );
        assert_eq!(world.service()["taskDefinition"], old);
        assert_eq!(world.tasks("RUNNING").len(), 2);
    }
}

#[test]
fn alarms_without_rollback_stop_the_deployment() {
    let mut world = created(watching("BLUE_GREEN", false));
    alarm(&mut world, "OK");
    watched(&mut world, "nginx:2", START_S);
    set_alarm(&mut world, "ALARM");
    world.pass(60);
    assert_eq!(world.deployment()["status"], "STOPPED");
}

#[test]
fn an_alarm_that_is_in_alarm_at_the_start_is_ignored_for_the_whole_deployment() {
    let mut world = created(watching("BLUE_GREEN", true));
    alarm(&mut world, "ALARM");
    watched(&mut world, "nginx:2", START_S);
    assert_eq!(world.deployment()["alarms"]["status"], "DISABLED");
    set_alarm(&mut world, "OK");
    world.pass(10);
    set_alarm(&mut world, "ALARM");
    world.pass(300);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_rolling_deployment_watches_its_alarms_for_as_long_as_they_look_back() {
    let mut world = created(watching("ROLLING", true));
    alarm(&mut world, "OK");
    watched(&mut world, "nginx:2", START_S);
    assert_eq!(world.deployment()["status"], "IN_PROGRESS");
    assert_eq!(world.tasks("RUNNING").len(), 2);
    world.pass(180);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
}

#[test]
fn a_strategy_changes_only_between_deployments() {
    let mut world = created(json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 3}));
    watched(&mut world, "nginx:2", 30);
    let rolling = json!({"service": "web", "deploymentConfiguration": {"strategy": "ROLLING"}});
    let refusal = world.refusal("UpdateService", rolling.clone());
    assert_eq!(refusal.code, "InvalidParameterException");
    world.pass(600);
    world.ok("UpdateService", rolling);
}

#[test]
fn a_deployment_that_is_stopped_in_the_middle_of_a_swap_gives_the_traffic_back() {
    let mut world = created(json!({
        "strategy": "LINEAR", "bakeTimeInMinutes": 3,
        "linearConfiguration": {"stepPercent": 50.0, "stepBakeTimeInMinutes": 5},
    }));
    watched(&mut world, "nginx:2", START_S);
    assert_eq!(world.weights(), [500, 500]);
    let stop = json!({"serviceDeploymentArn": world.deployment()["serviceDeploymentArn"]});
    world.ok("StopServiceDeployment", stop);
    world.pass(15);
    assert_eq!(world.weights(), [100, 0]);
    world.pass(120);
    assert_eq!(world.deployment()["status"], "ROLLBACK_SUCCESSFUL");
}
