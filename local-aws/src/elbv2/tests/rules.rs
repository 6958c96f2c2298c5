//! Rules, their priorities, and which of them a request follows.

use super::*;

#[test]
fn rules_have_a_priority_of_their_own_and_the_default_rule_is_last() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    let second = world.rule(&listener, 20, "b.example.com", &[&group]);
    let first = world.rule(&listener, 3, "a.example.com", &[&group]);
    let again = rule_input(&listener, 3, "a.example.com", &[&group]);
    assert_eq!(world.code("CreateRule", again), "PriorityInUse");
    for priority in [0, 50_001] {
        let input = rule_input(&listener, priority, "c.example.com", &[&group]);
        assert_eq!(world.code("CreateRule", input), "ValidationError");
    }
    let rules = world.ok(
        "DescribeRules",
        json!({"ListenerArn": listener, "PageSize": "2"}),
    );
    let priorities = |rules: &Value| -> Vec<String> {
        let rules = rules["Rules"].as_array().unwrap().iter();
        rules.map(|rule| text(rule, "/Priority")).collect()
    };
    assert_eq!(priorities(&rules), ["3", "20"]);
    let marker = json!({"ListenerArn": listener, "Marker": rules["NextMarker"]});
    let rest = world.ok("DescribeRules", marker);
    assert_eq!(priorities(&rest), ["default"]);
    let default = text(&rest, "/Rules/0/RuleArn");

    let swap = |one: &str, other: &str| {
        json!({"RulePriorities": [
            {"RuleArn": first, "Priority": one}, {"RuleArn": second, "Priority": other},
        ]})
    };
    world.ok("SetRulePriorities", swap("20", "3"));
    let rules = world.ok("DescribeRules", json!({"ListenerArn": listener}));
    assert_eq!(rules["Rules"][0]["RuleArn"], json!(second));
    assert_eq!(
        world.code("SetRulePriorities", swap("5", "5")),
        "ValidationError"
    );
    let taken = json!({"RulePriorities": [{"RuleArn": first, "Priority": "3"}]});
    assert_eq!(world.code("SetRulePriorities", taken), "PriorityInUse");

    for (operation, input) in [
        ("DeleteRule", json!({"RuleArn": default})),
        (
            "ModifyRule",
            json!({"RuleArn": default, "Actions": not_found_action()}),
        ),
        (
            "SetRulePriorities",
            json!({"RulePriorities": [{"RuleArn": default, "Priority": "9"}]}),
        ),
    ] {
        assert_eq!(
            world.code(operation, input),
            "OperationNotPermitted",
            "{operation}"
        );
    }
    world.ok("DeleteRule", json!({"RuleArn": first}));
    assert_eq!(
        world.code("DescribeRules", json!({"RuleArns": [first]})),
        "RuleNotFound"
    );
    assert_eq!(world.code("DescribeRules", json!({})), "ValidationError");
}

#[test]
fn a_load_balancer_has_a_hundred_rules_and_a_hundred_target_groups() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("shared");
    for number in 1..=49 {
        let pair = [
            world.group(&format!("a-{number}")),
            world.group(&format!("b-{number}")),
        ];
        world.rule(&listener, number, "a.example.com", &[&pair[0], &pair[1]]);
    }
    world.rule(&listener, 50, "a.example.com", &[&group]);
    let last = world.group("last");
    world.rule(&listener, 51, "a.example.com", &[&last]);
    let beyond = world.group("beyond");
    let input = rule_input(&listener, 52, "a.example.com", &[&beyond]);
    assert_eq!(
        world.code("CreateRule", input),
        "TooManyUniqueTargetGroupsPerLoadBalancer"
    );
    for number in 52..=100 {
        world.rule(&listener, number, "a.example.com", &[&group]);
    }
    let input = rule_input(&listener, 101, "a.example.com", &[&group]);
    assert_eq!(world.code("CreateRule", input), "TooManyRules");
    let exchange = json!({
        "RuleArn": world.cloud.elbv2.rules_of(&listener).nth(50).unwrap().arn,
        "Actions": forward(&[&beyond]),
    });
    world.ok("ModifyRule", exchange);
}

#[test]
fn a_request_is_followed_to_its_target_groups() {
    let world = &mut World::new();
    let certificate = world.certificate();
    world.issue(&certificate);
    let [a, b] = [world.group("a"), world.group("b")];
    let balancer = world.balancer("web");
    let mut input = listener_input(&balancer, 443);
    input["Protocol"] = json!("HTTPS");
    input["Certificates"] = json!([{"CertificateArn": certificate}]);
    let listener = text(
        &world.ok("CreateListener", input),
        "/Listeners/0/ListenerArn",
    );
    world.rule(&listener, 2, "*.example.com", &[&b]);
    let rule = world.rule(&listener, 1, "web.example.com", &[&a, &b]);
    assert_eq!(route(&world.cloud, "web.example.com"), RouteOutcome::NoRule);
    world.wait_s(120);
    let expected = |rule_arn: &String, groups: &[(&String, u32)]| {
        RouteOutcome::Answered(Answer {
            load_balancer_arn: balancer.clone(),
            listener_arn: listener.clone(),
            rule_arn: rule_arn.clone(),
            groups: groups
                .iter()
                .map(|(arn, weight)| RoutedGroup {
                    arn: (*arn).clone(),
                    weight: *weight,
                    healthy_targets: 0,
                })
                .collect(),
        })
    };
    let answer = route(&world.cloud, "Web.Example.com");
    assert_eq!(answer, expected(&rule, &[(&a, 100), (&b, 0)]));
    let RouteOutcome::Answered(answer) = answer else {
        panic!("{answer:?}");
    };
    assert!(!answer.is_served());
    assert_eq!(route(&world.cloud, "example.org"), RouteOutcome::NoRule);
}
