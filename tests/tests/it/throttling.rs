//! AWS answers nothing but "slow down" for minutes, or Route 53 nothing at all.

use express_tests::{StackOutcome, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};

use StackStatus::{CreateComplete, DeleteComplete, UpdateComplete, UpdateRollbackComplete};

/// How long every call of both services is refused.
const THROTTLED_S: u64 = 120;
/// Calls that may be refused meanwhile: one a second. An attempt every 15 seconds asks for what it can ask side by side,
/// and the SDK asks four times at most, and less often while its own token bucket is low.
/// AWS: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html>
const REFUSED_MAX: u64 = THROTTLED_S;

/// From now on ELB and ECS refuse everything, for two minutes.
fn throttle(world: &World) {
    for calls in ["ecs:*", "elasticloadbalancing:*"] {
        let rule = Rule::once(Some(calls), 0, Fault::Throttle);
        world.faults().add(rule.times(u64::MAX));
    }
    let later = world.clone();
    world.spawn(async move {
        later.sleep_s(THROTTLED_S).await;
        later.faults().clear();
    });
}

fn check(world: &World, expected: StackStatus, happen: impl FnOnce() -> StackOutcome) {
    let struck = world.faults().struck();
    throttle(world);
    let outcome = happen();
    let seen = outcome.first();
    let context = format!("{:?}: {}", seen.request_type, seen.reason);
    assert_eq!(outcome.status, expected, "{context}");
    assert!(
        seen.seconds() >= THROTTLED_S,
        "{context}: {} s",
        seen.seconds()
    );
    let refused = world.faults().struck() - struck;
    assert!(refused > 0, "{context}");
    assert!(refused <= REFUSED_MAX, "{context}: {refused} calls");
    world.settle();
}

#[test]
fn case_61_two_minutes_of_throttling_are_lived_through_without_a_storm_of_calls() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.stack("app");
    check(&world, CreateComplete, || {
        stack.deploy_now(Template::of(&web()))
    });
    let changed = web()
        .health_check_path("/up")
        .image("public.ecr.aws/nginx/nginx:1.28");
    check(&world, UpdateComplete, || {
        stack.deploy_now(Template::of(&changed))
    });
    check(&world, DeleteComplete, || stack.delete_now());
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

/// Route 53 has one control plane for the world. While it is away, what needs no change of a record goes on elsewhere.
#[test]
fn without_route_53_services_are_deployed_and_led_back() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let away = Rule::once(Some("route53:*"), 0, Fault::ServerError);
    world.faults().add(away.times(u64::MAX));
    let images = [
        ("public.ecr.aws/nginx/nginx:1.28", UpdateComplete),
        ("demo/unhealthy", UpdateRollbackComplete),
    ];
    for (image, expected) in images {
        let outcome = stack.deploy_now(Template::of(&web().image(image)));
        assert_eq!(outcome.status, expected, "{}", outcome.first().reason);
        world.settle();
        let runs = &world.active_container()["image"];
        assert_eq!(runs, "public.ecr.aws/nginx/nginx:1.28");
    }
    // Who has no record yet waits for one.
    let other = world.stack("other");
    let outcome = other.deploy_now(Template::of(&web().named("other").service_timeout(900)));
    assert_ne!(outcome.status, CreateComplete);
    world.faults().clear();
}
