//! Targets and their health.

use super::*;

#[test]
fn a_target_is_unused_until_a_rule_forwards_to_its_group_and_its_zone_is_enabled() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    // 172.31.32.0/20 is the third zone's, which the load balancer has no subnet in.
    for (address, zone) in [
        ("172.31.0.10", "eu-west-1a"),
        ("172.31.32.10", "eu-west-1c"),
    ] {
        register_target(&mut world.cloud, &group, address, 80, zone).unwrap();
    }
    let unused = ("unused".to_owned(), "Target.NotInUse".to_owned());
    assert_eq!(world.health(&group), unused);
    let rule = world.rule(&listener, 1, "a.example.com", &[&group]);
    assert_eq!(world.health(&group).1, "Elb.RegistrationInProgress");
    let all = world.ok("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    let third = &all["TargetHealthDescriptions"][1]["TargetHealth"];
    assert_eq!(third["State"], "unused");
    assert!(text(third, "/Description").contains("Availability Zone"));

    // Nothing has the address, so the first check, five seconds after the load balancer serves, fails.
    world.wait_s(120);
    assert_eq!(world.health(&group).1, "Elb.RegistrationInProgress");
    world.wait_s(5);
    assert_eq!(
        world.health(&group),
        ("initial".to_owned(), "Elb.InitialHealthChecking".to_owned())
    );
    world.wait_s(30);
    assert_eq!(
        world.health(&group),
        ("unhealthy".to_owned(), "Target.Timeout".to_owned())
    );
    world.ok(
        "SetSubnets",
        json!({"LoadBalancerArn": balancer, "Subnets": world.subnets}),
    );
    assert_eq!(
        target_health(&world.cloud, &group, "172.31.32.10", 80),
        Some(TargetHealth::Initial)
    );
    world.ok("DeleteRule", json!({"RuleArn": rule}));
    assert_eq!(world.health(&group), unused);
}

#[test]
fn a_deregistered_target_drains_while_its_group_is_in_use() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    let rule = world.rule(&listener, 1, "a.example.com", &[&group]);
    world.wait_s(120);
    let delay = json!({
        "TargetGroupArn": group,
        "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
    });
    world.ok("ModifyTargetGroupAttributes", delay);
    let targets = json!({"TargetGroupArn": group, "Targets": [{"Id": "172.31.0.10"}]});
    let target = |world: &World| target_health(&world.cloud, &group, "172.31.0.10", 80);
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    assert_eq!(world.health(&group).1, "Target.DeregistrationInProgress");
    world.wait_s(29);
    assert_eq!(target(world), Some(TargetHealth::Draining));
    world.wait_s(1);
    assert_eq!(target(world), None);
    let described = world.ok("DescribeTargetHealth", targets.clone());
    let health = &described["TargetHealthDescriptions"][0]["TargetHealth"];
    assert_eq!(health["Reason"], "Target.NotRegistered");

    // Without the rule nothing is left to drain: the target is gone at once.
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    world.ok("DeleteRule", json!({"RuleArn": rule}));
    assert_eq!(target(world), None);
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    assert_eq!(target(world), None);
    world.ok("DeregisterTargets", targets);
}

#[test]
fn a_target_that_comes_back_while_draining_begins_anew() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    world.rule(&listener, 1, "a.example.com", &[&group]);
    world.wait_s(120);
    let targets = json!({"TargetGroupArn": group, "Targets": [{"Id": "172.31.0.10"}]});
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    world.ok("RegisterTargets", targets);
    world.wait_s(400);
    assert_eq!(world.health(&group).0, "unhealthy");
}

#[test]
fn addresses_outside_the_network_are_no_targets() {
    let world = &mut World::new();
    let group = world.group("a");
    for (target, expected) in [
        (json!({"Id": "10.0.0.1"}), "InvalidTarget"),
        (json!({"Id": "i-0"}), "InvalidTarget"),
        (json!({"Id": "172.31.0.10", "Port": "0"}), "ValidationError"),
        (
            json!({"Id": "172.31.0.10", "AvailabilityZone": "eu-west-1b"}),
            "ValidationError",
        ),
    ] {
        let input = json!({"TargetGroupArn": group, "Targets": [target]});
        assert_eq!(world.code("RegisterTargets", input), expected);
    }
    assert!(world.cloud.elbv2.target_groups[&group].targets.is_empty());
}
