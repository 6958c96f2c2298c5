//! AWS answers nothing but "slow down" for minutes, or Route 53 nothing at all.

use express_tests::network;
use express_tests::{ServiceProperties, StackOutcome, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};

use StackStatus::{
    CreateComplete, DeleteComplete, RollbackComplete, UpdateComplete, UpdateRollbackComplete,
};

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
    assert!(world.logs().text().contains("alias.skipped"));
    // Who has no record yet, and who gets another load balancer, waits for Route 53, and says so.
    let short = |properties: ServiceProperties| Template::of(&properties.service_timeout(1_800));
    let other = world.stack("other");
    let created = other.deploy_now(short(web().named("other")));
    // It has none that would have to go.
    assert_eq!(created.status, RollbackComplete, "{:?}", created.seen);
    let dedicated = web()
        .image(images[0].0)
        .set("/LoadBalancer/Sharing", "DEDICATED");
    let moved = stack.deploy_now(short(dedicated));
    assert_eq!(moved.status, UpdateRollbackComplete, "{:?}", moved.seen);
    for refused in [created, moved] {
        let reason = &refused.first().reason;
        assert!(reason.contains("route53:"), "{reason}");
    }
    world.faults().clear();
    let again = stack.deploy_now(Template::of(&web()));
    assert_eq!(again.status, UpdateComplete, "{}", again.first().reason);
}

/// The same name is another load balancer's: the record leads nowhere until it is written anew.
#[test]
fn without_route_53_a_load_balancer_that_was_made_again_is_not_taken_for_the_one_that_the_record_leads_to()
 {
    let world = World::new();
    let stack = world.with_service("app", &web());
    network::delete_load_balancer(&world);
    let away = Rule::once(Some("route53:*"), 0, Fault::ServerError);
    world.faults().add(away.times(u64::MAX));
    let changed = web().image("public.ecr.aws/nginx/nginx:1.28");
    let outcome = stack.deploy_now(Template::of(&changed.clone().service_timeout(1_800)));
    let reason = &outcome.first().reason;
    assert!(reason.contains("route53:"), "{reason}");
    world.faults().clear();
    let outcome = stack.deploy_now(Template::of(&changed));
    assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
}
