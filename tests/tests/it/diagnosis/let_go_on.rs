//! What must not be stopped, because it succeeds if it is let.

use std::cell::RefCell;
use std::rc::Rc;

use express_core::diagnosis::Cause;
use express_tests::properties::role;
use express_tests::{Scenario, StackStatus, Template, World, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use super::rows::{AFTER_BREAKER_S, image};
use super::{check, failed, meanwhile};
use StackStatus::{CreateComplete, RollbackComplete, UpdateComplete, UpdateRollbackComplete};

const STRATEGIES: [&str; 2] = ["CANARY", "ROLLING"];

/// Times that one operation asks ECS for what it is to deploy.
const DEPLOYMENTS_MAX: usize = 3;

/// How many deployments the provider has stopped.
fn stops(world: &World) -> usize {
    let calls = world.mutations();
    calls
        .iter()
        .filter(|call| *call == "ecs:StopServiceDeployment")
        .count()
}

fn ecs(world: &World, operation: &str, input: Value) -> Value {
    let answer = world.account().perform(Service::Ecs, operation, input);
    answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
}

#[test]
fn case_21_an_application_that_answers_404_while_it_starts_is_let_start() {
    for strategy in STRATEGIES {
        let properties = image("demo/slow-start").set("/Deployment/Strategy", strategy);
        let run = Scenario::new().create(properties).run();
        assert_eq!(run.statuses(), [CreateComplete], "{strategy}");
        assert_eq!(stops(&run.world), 0, "{strategy}");
    }
}

/// Nothing of the revision before can be started any more, which ECS goes on trying and telling.
#[test]
fn case_32_an_update_that_repairs_a_broken_service_is_not_stopped_for_what_it_repairs() {
    for strategy in STRATEGIES {
        let world = World::new();
        let broken = web()
            .set("/Deployment/Strategy", strategy)
            .set("/ExecutionRoleArn", role("execution-of-before"));
        let stack = world.with_service("app", &broken);
        let for_ever_ms = world.now_ms() + 86_400_000;
        world
            .account()
            .cloud()
            .ecs
            .unassumable_roles
            .insert(role("execution-of-before"), for_ever_ms);
        for task in ecs(&world, "ListTasks", json!({"serviceName": "web"}))["taskArns"]
            .as_array()
            .into_iter()
            .flatten()
        {
            ecs(&world, "StopTask", json!({"task": task}));
        }
        let repaired = broken
            .set("/ExecutionRoleArn", role("execution"))
            .image("demo/slow-start");
        let outcome = stack.deploy_now(Template::of(&repaired));
        assert_eq!(
            outcome.status,
            UpdateComplete,
            "{strategy}: {}",
            outcome.first().reason
        );
        assert_eq!(stops(&world), 0, "{strategy}");
    }
}

#[test]
fn case_37_a_deployment_that_somebody_starts_while_ours_goes_back_is_not_stopped() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let sound = world.active_service()["taskDefinition"].clone();
    let repaired = Rc::new(RefCell::new(None));
    let made = Rc::clone(&repaired);
    meanwhile(&world, move |world| {
        if stops(world) == 0 || made.borrow().is_some() {
            return;
        }
        let update = json!({"service": "web", "taskDefinition": sound, "forceNewDeployment": true});
        ecs(world, "UpdateService", update);
        let listed = ecs(world, "ListServiceDeployments", json!({"service": "web"}));
        let newest = &listed["serviceDeployments"][0]["serviceDeploymentArn"];
        *made.borrow_mut() = Some(newest.clone());
    });
    let outcome = stack.deploy_now(Template::of(&image("demo/missing")));
    assert_ne!(outcome.status, UpdateComplete);
    let arn = repaired.borrow().clone().expect("it was started");
    let asked = json!({"serviceDeploymentArns": [arn]});
    let found = ecs(&world, "DescribeServiceDeployments", asked);
    assert_eq!(found["serviceDeployments"][0]["status"], "SUCCESSFUL");
}

/// Who switches the circuit breaker off is not left with a crash loop until the time is up, nor stopped at the first.
#[test]
fn case_21_without_a_circuit_breaker_a_crash_loop_ends_when_it_would_by_default() {
    let properties =
        image("demo/crash").set("/Deployment/CircuitBreaker", json!({"Enable": false}));
    let run = Scenario::new().create(properties).run();
    assert_eq!(run.statuses(), [RollbackComplete]);
    let seen = failed(&run, 0);
    check(
        &run,
        &seen,
        Cause::ContainerCrashed,
        &["exit code 1"],
        AFTER_BREAKER_S,
    );
    assert!(seen.seconds() >= 120, "IAM may not know the task role yet");
    assert_eq!(stops(&run.world), 1);
}

#[test]
fn case_21_a_circuit_breaker_that_allows_more_is_left_to_decide() {
    let breaker = json!({"Enable": true, "ThresholdConfiguration": {"Type": "COUNT", "Value": 8}});
    let properties = image("demo/crash").set("/Deployment/CircuitBreaker", breaker);
    let run = Scenario::new().create(properties).run();
    let reason = failed(&run, 0).reason;
    assert!(reason.contains("ContainerCrashed: "), "{reason}");
    assert_eq!(stops(&run.world), 0);
}

/// Nothing is wrong with it, so that no cause is found; nor did it take too long.
#[test]
fn case_37_a_deployment_of_ours_that_somebody_stops_is_not_told_as_late() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let stopped = Rc::new(RefCell::new(false));
    let is_stopped = Rc::clone(&stopped);
    meanwhile(&world, move |world| {
        let listed = ecs(world, "ListServiceDeployments", json!({"service": "web"}));
        let newest = &listed["serviceDeployments"][0];
        if *is_stopped.borrow() || newest["status"] != "IN_PROGRESS" {
            return;
        }
        let stop = json!({
            "serviceDeploymentArn": newest["serviceDeploymentArn"],
            "stopType": "ROLLBACK",
        });
        ecs(world, "StopServiceDeployment", stop);
        *is_stopped.borrow_mut() = true;
    });
    let outcome = stack.deploy_now(Template::of(&image("nginx:2")));
    assert!(*stopped.borrow());
    assert_eq!(outcome.status, UpdateRollbackComplete);
    let reason = &outcome.first().reason;
    assert!(reason.contains("deployment"), "{reason}");
    assert!(!reason.contains("did not finish within"), "{reason}");
}

/// Whoever it is deploys what was there before, as soon as ECS is told anything else.
#[test]
fn case_37_an_update_that_somebody_undoes_again_and_again_is_given_up() {
    const HOUR_S: u64 = 3_600;
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = world.active_service()["taskDefinition"].clone();
    let deployed = |world: &World| {
        let calls = world.mutations();
        calls.iter().filter(|it| *it == "ecs:UpdateService").count()
    };
    let earlier = deployed(&world);
    let undone = world.clone();
    let until_ms = world.now_ms() + HOUR_S * 1_000;
    world.spawn(async move {
        while undone.now_ms() < until_ms {
            if undone.active_service()["taskDefinition"] != before {
                let update = json!({"service": "web", "taskDefinition": before});
                ecs(&undone, "UpdateService", update);
            }
            undone.sleep_s(5).await;
        }
    });
    let outcome = stack.deploy_now(Template::of(&image("nginx:2").service_timeout(3_600)));
    let reason = &outcome.first().reason;
    assert!(reason.contains("taskDefinition"), "{reason}");
    assert_eq!(deployed(&world) - earlier, DEPLOYMENTS_MAX, "{reason}");
}
