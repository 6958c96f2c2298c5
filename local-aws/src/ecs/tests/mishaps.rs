//! What the demo images show in each of the places that one looks at.

use super::*;

/// A task of a service with this image that stopped for its own reason, the service's events, and the reason of its target.
fn shown(image: &str) -> (Value, String, String) {
    let mut world = World::new();
    let mut input = world.create_input(image);
    input["healthCheckGracePeriodSeconds"] = json!(100);
    world.ok("CreateService", input);
    let mut reason = String::new();
    for _ in 0..60 {
        world.pass(5);
        let group = json!({"TargetGroupArn": world.groups[0]});
        let health = ask(&mut world.cloud, elbv2::call, "DescribeTargetHealth", group);
        let of_first = &health["TargetHealthDescriptions"][0]["TargetHealth"];
        if of_first["State"] == "unhealthy" {
            reason = text(of_first, "/Reason");
        }
    }
    let is_telling = |task: &Value| !text(task, "/stoppedReason").starts_with("Scaling activity");
    let stopped = world.tasks("STOPPED").into_iter().find(is_telling);
    let stopped = stopped.unwrap_or_default();
    let events = world.service()["events"].to_string();
    (stopped, events, reason)
}

#[test]
fn tasks_that_do_not_start_or_end_say_why() {
    for (image, code, reason, exit_code) in [
        (
            "demo/no-such-tag:7",
            "TaskFailedToStart",
            "demo/no-such-tag:7: not found",
            None,
        ),
        (
            "demo/no-secret",
            "TaskFailedToStart",
            "arn:aws:secretsmanager:eu-west-1",
            None,
        ),
        (
            "demo/no-command",
            "TaskFailedToStart",
            "executable file not found",
            None,
        ),
        (
            "demo/finished",
            "EssentialContainerExited",
            "Essential container in task exited",
            Some(0),
        ),
        (
            "demo/out-of-memory",
            "EssentialContainerExited",
            "Essential container in task exited",
            Some(137),
        ),
    ] {
        let (task, _, _) = shown(image);
        assert_eq!(task["stopCode"], code, "{image}");
        assert!(
            text(&task, "/stoppedReason").contains(reason),
            "{image}: {task}"
        );
        let container = &task["containers"][0];
        assert_eq!(container["exitCode"].as_i64(), exit_code, "{image}");
    }
    let (task, _, _) = shown("demo/out-of-memory");
    let reason = text(&task, "/containers/0/reason");
    assert!(reason.starts_with("OutOfMemoryError"), "{reason}");
}

#[test]
fn tasks_that_are_not_placed_leave_an_event_only() {
    for (image, event) in [
        (
            "demo/no-capacity",
            "was unable to place a task. Reason: Capacity is unavailable",
        ),
        (
            "demo/no-addresses",
            "failed to launch a task with (error InsufficientFreeAddresses",
        ),
    ] {
        let (task, events, _) = shown(image);
        assert_eq!(task, Value::Null, "{image}");
        assert!(events.contains(event), "{image}: {events}");
    }
}

#[test]
fn targets_and_events_say_why_a_health_check_fails() {
    for (image, reason, event) in [
        (
            "demo/not-found",
            "Target.ResponseCodeMismatch",
            "codes: [404])",
        ),
        (
            "demo/slow",
            "Target.Timeout",
            "due to (reason Request timed out)",
        ),
        (
            "demo/deaf",
            "Target.FailedHealthChecks",
            "due to (reason Health checks failed)",
        ),
    ] {
        let (task, events, found) = shown(image);
        assert_eq!(found, reason, "{image}");
        assert!(events.contains(event), "{image}: {events}");
        let stopped = text(&task, "/stoppedReason");
        assert!(
            stopped.starts_with("Task failed ELB health checks"),
            "{stopped}"
        );
    }
}

#[test]
fn a_role_lacks_what_its_name_says() {
    let mut world = World::new();
    let mut input = world.create_input("nginx");
    input["loadBalancers"][0]["advancedConfiguration"]["roleArn"] =
        json!(format!("{ROLE}-without-RegisterTargets"));
    world.ok("CreateService", input);
    world.pass(60);
    let events = world.service()["events"].to_string();
    let denied = "assumed-role/infrastructure-without-RegisterTargets/ecs-service-scheduler is not authorized to \
                  perform: elasticloadbalancing:RegisterTargets on resource: arn:aws:elasticloadbalancing";
    assert!(events.contains(denied), "{events}");
    assert_eq!(world.tasks("RUNNING").len(), 0);
}
