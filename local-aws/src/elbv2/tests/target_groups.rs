//! Target groups, and what keeps them.

use super::*;

#[test]
fn a_target_group_serves_one_load_balancer_and_cannot_go_while_it_does() {
    let world = &mut World::new();
    let [one, other] = [world.balancer("one"), world.balancer("other")];
    let [one, other] = [world.listener(&one, 80), world.listener(&other, 80)];
    let [a, b] = [world.group("a"), world.group("b")];
    let rule = world.rule(&one, 1, "a.example.com", &[&a, &b]);
    let input = rule_input(&other, 1, "a.example.com", &[&a]);
    assert_eq!(
        world.code("CreateRule", input),
        "TargetGroupAssociationLimit"
    );
    let input = rule_input(&one, 2, "a.example.com", &[&"arn:aws:none".to_owned()]);
    assert_eq!(world.code("CreateRule", input), "TargetGroupNotFound");
    let delete = json!({"TargetGroupArn": b});
    assert_eq!(
        world.code("DeleteTargetGroup", delete.clone()),
        "ResourceInUse"
    );

    assert_eq!(
        rule_targets(&world.cloud, &rule),
        Some(vec![(a.clone(), 100), (b.clone(), 0)])
    );
    let weights = [(a.clone(), 0), (b.clone(), 100)];
    set_rule_weights(&mut world.cloud, &rule, &weights).unwrap();
    assert_eq!(rule_targets(&world.cloud, &rule), Some(weights.to_vec()));
    assert_eq!(rule_targets(&world.cloud, "arn:aws:none"), None);

    world.ok("DeleteRule", json!({"RuleArn": rule}));
    world.ok("DeleteTargetGroup", delete.clone());
    world.ok("DeleteTargetGroup", delete);
    world.rule(&other, 1, "a.example.com", &[&a]);
}

#[test]
fn a_target_group_is_created_once_with_aws_defaults() {
    let world = &mut World::new();
    let input = world.group_input("web");
    let created = world.ok("CreateTargetGroup", input.clone());
    let group = &created["TargetGroups"][0];
    for (member, value) in [
        ("HealthCheckProtocol", json!("HTTP")),
        ("HealthCheckPort", json!("traffic-port")),
        ("HealthCheckPath", json!("/")),
        ("HealthCheckIntervalSeconds", json!(30)),
        ("HealthCheckTimeoutSeconds", json!(6)),
        ("HealthyThresholdCount", json!(5)),
        ("UnhealthyThresholdCount", json!(2)),
        ("Matcher", json!({"HttpCode": "200"})),
        ("LoadBalancerArns", json!([])),
    ] {
        assert_eq!(group[member], value, "{member}");
    }
    assert_eq!(world.ok("CreateTargetGroup", input.clone()), created);
    let mut other = input.clone();
    other["HealthCheckPath"] = json!("/up");
    assert_eq!(
        world.code("CreateTargetGroup", other),
        "DuplicateTargetGroupName"
    );
    for (member, value, expected) in [
        ("Name", json!("a_b"), "ValidationError"),
        ("VpcId", json!("vpc-0"), "ValidationError"),
        ("TargetType", json!("lambda"), "UnsupportedMember"),
        ("Port", json!("70000"), "ValidationError"),
        (
            "Tags",
            json!([{"Key": "a"}, {"Key": "a"}]),
            "DuplicateTagKeys",
        ),
        (
            "HealthCheckEnabled",
            json!("false"),
            "InvalidConfigurationRequest",
        ),
    ] {
        let mut bad = world.group_input("other");
        bad[member] = value;
        assert_eq!(world.code("CreateTargetGroup", bad), expected, "{member}");
    }
    let arn = text(group, "/TargetGroupArn");
    let modify =
        json!({"TargetGroupArn": arn, "HealthCheckPath": "/up", "Matcher": {"HttpCode": "204"}});
    let modified = world.ok("ModifyTargetGroup", modify);
    assert_eq!(modified["TargetGroups"][0]["HealthCheckPath"], "/up");
    assert_eq!(
        modified["TargetGroups"][0]["HealthCheckIntervalSeconds"],
        30
    );
    for input in [
        json!({"Names": ["none"]}),
        json!({"TargetGroupArns": ["none"]}),
    ] {
        assert_eq!(
            world.code("DescribeTargetGroups", input),
            "TargetGroupNotFound"
        );
    }
}
