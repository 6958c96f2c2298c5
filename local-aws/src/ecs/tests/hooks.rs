//! Lifecycle hooks and test traffic: what a deployment asks before it goes on, and who sees it before.

use super::*;
use crate::ecs::{HookAnswer, answer_hook};

const ROLE: &str = "arn:aws:iam::123456789012:role/hooks";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:123456789012:function:check";

fn hook(function: &str, role: &str, stages: &[&str]) -> Value {
    json!({"hookTargetArn": function, "roleArn": role, "lifecycleStages": stages, "hookDetails": {"suite": "smoke"}})
}

/// A service with these hooks, at rest.
fn with_hooks(hooks: Value) -> World {
    let mut world = World::new();
    world.create("nginx");
    world.update(json!({"deploymentConfiguration": {
        "strategy": "CANARY", "bakeTimeInMinutes": 0,
        "canaryConfiguration": {"canaryPercent": 10.0, "canaryBakeTimeInMinutes": 1},
        "deploymentCircuitBreaker": {"enable": true, "rollback": true},
        "lifecycleHooks": hooks,
    }}));
    world
}

fn deploy(world: &mut World, image: &str) {
    let definition = world.definition(image);
    world.update(json!({"taskDefinition": definition}));
}

#[test]
fn a_hook_that_is_in_progress_is_called_again_and_holds_its_stage() {
    let mut world = with_hooks(json!([hook(FUNCTION, ROLE, &["POST_SCALE_UP"])]));
    let waiting = [
        HookAnswer::InProgress(None),
        HookAnswer::InProgress(Some(100)),
        HookAnswer::Succeeded,
    ];
    answer_hook(&mut world.cloud, FUNCTION, &waiting);
    deploy(&mut world, "nginx:2");
    world.pass(60);
    let deployment = world.deployment();
    assert_eq!(deployment["lifecycleStage"], "POST_SCALE_UP");
    let detail = &deployment["lifecycleHookDetails"][0];
    assert_eq!(detail["status"], "IN_PROGRESS");
    assert_eq!(detail["targetArn"], FUNCTION);
    world.pass(60);
    assert_eq!(world.deployment()["lifecycleStage"], "POST_SCALE_UP");
    assert_eq!(world.weights(), [100, 0]);
    world.pass(180);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    assert_eq!(world.weights(), [0, 100]);
}

#[test]
fn a_hook_that_fails_at_any_stage_sends_the_deployment_back() {
    for stage in [
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
    ] {
        let mut world = with_hooks(json!([hook(FUNCTION, ROLE, &[stage])]));
        answer_hook(&mut world.cloud, FUNCTION, &[HookAnswer::Failed]);
        deploy(&mut world, "nginx:2");
        world.pass(400);
        let deployment = world.deployment();
        assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL", "{stage}");
        let reason = deployment["statusReason"].as_str().unwrap();
        assert!(
            reason.contains(FUNCTION) && reason.contains(stage),
            "{reason}"
        );
        assert_eq!(deployment["lifecycleHookDetails"][0]["status"], "FAILED");
        assert_eq!(world.weights(), [100, 0], "{stage}");
    }
}

#[test]
fn the_hooks_of_a_shift_are_called_at_each_of_its_steps() {
    let stages = ["PRE_PRODUCTION_TRAFFIC_SHIFT", "PRODUCTION_TRAFFIC_SHIFT"];
    for stage in stages {
        let mut world = with_hooks(json!([hook(FUNCTION, ROLE, &[stage])]));
        // The canary's 10 % pass, the rest does not: each step is a run of its own, so the answers begin anew.
        let answers = [HookAnswer::InProgress(Some(5)), HookAnswer::Succeeded];
        answer_hook(&mut world.cloud, FUNCTION, &answers);
        deploy(&mut world, "nginx:2");
        world.pass(80);
        assert_eq!(world.weights(), [900, 100], "{stage}");
        answer_hook(&mut world.cloud, FUNCTION, &[HookAnswer::Failed]);
        world.pass(300);
        assert_eq!(
            world.deployment()["status"],
            "ROLLBACK_SUCCESSFUL",
            "{stage}"
        );
    }
}

#[test]
fn what_a_hook_answers_can_be_told_by_its_name_and_its_role_must_let_it_be_called() {
    for (name, role, status) in [
        ("check", ROLE.to_owned(), "SUCCESSFUL"),
        ("demo-waits", ROLE.to_owned(), "SUCCESSFUL"),
        ("demo-refuses", ROLE.to_owned(), "ROLLBACK_SUCCESSFUL"),
        (
            "check",
            format!("{ROLE}-not-assumable"),
            "ROLLBACK_SUCCESSFUL",
        ),
        (
            "check",
            format!("{ROLE}-without-InvokeFunction"),
            "ROLLBACK_SUCCESSFUL",
        ),
    ] {
        let function = format!("arn:aws:lambda:eu-west-1:123456789012:function:{name}");
        let mut world = with_hooks(json!([hook(&function, &role, &["PRE_SCALE_UP"])]));
        deploy(&mut world, "nginx:2");
        world.pass(400);
        assert_eq!(world.deployment()["status"], status, "{name} {role}");
    }
}

#[test]
fn hooks_that_no_deployment_can_have_are_refused() {
    let mut world = World::new();
    world.create("nginx");
    for hook in [
        hook(
            "arn:aws:sns:eu-west-1:123456789012:check",
            ROLE,
            &["PRE_SCALE_UP"],
        ),
        hook(FUNCTION, ROLE, &["SCALE_UP"]),
        hook(FUNCTION, ROLE, &[]),
        hook(FUNCTION, "", &["PRE_SCALE_UP"]),
        json!({"targetType": "PAUSE", "lifecycleStages": ["PRE_SCALE_UP"]}),
    ] {
        let configuration =
            json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0, "lifecycleHooks": [hook]});
        let input = json!({"service": "web", "deploymentConfiguration": configuration});
        let refusal = world.refusal("UpdateService", input);
        assert_eq!(
            refusal.code, "InvalidParameterException",
            "{}",
            refusal.message
        );
    }
}

/// A second rule for the service's host: requests with a header.
fn test_rule(world: &mut World, groups: &[String]) -> String {
    let listener = world.rule.replacen(":listener-rule/", ":listener/", 1);
    let (listener, _) = listener.rsplit_once('/').unwrap();
    let groups: Vec<Value> = (0..)
        .zip(groups)
        .map(|(position, arn)| {
            let weight = if position == 0 { "100" } else { "0" };
            json!({"TargetGroupArn": arn, "Weight": weight})
        })
        .collect();
    let input = json!({
        "ListenerArn": listener,
        "Priority": "900",
        "Conditions": [
            {"Field": "host-header", "Values": ["web.example.com"]},
            {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "x-test", "Values": ["new"]}},
        ],
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": groups}}],
    });
    let answer = ask(&mut world.cloud, elbv2::call, "CreateRule", input);
    text(&answer, "/Rules/0/RuleArn")
}

fn with_test_rule(rule: &str, world: &World) -> Value {
    json!([{
        "targetGroupArn": world.groups[0],
        "containerName": "Main",
        "containerPort": 80,
        "advancedConfiguration": {
            "alternateTargetGroupArn": world.groups[1],
            "productionListenerRule": world.rule,
            "testListenerRule": rule,
            "roleArn": super::ROLE,
        },
    }])
}

#[test]
fn test_traffic_meets_the_new_revision_before_production_does_and_goes_back_with_it() {
    for (answer, status, live) in [
        (HookAnswer::Succeeded, "SUCCESSFUL", 1),
        (HookAnswer::Failed, "ROLLBACK_SUCCESSFUL", 0),
    ] {
        let mut world = with_hooks(json!([hook(FUNCTION, ROLE, &["POST_TEST_TRAFFIC_SHIFT"])]));
        let groups = world.groups.clone();
        let rule = test_rule(&mut world, &groups);
        let waiting = [HookAnswer::InProgress(Some(120)), answer];
        answer_hook(&mut world.cloud, FUNCTION, &waiting);
        let definition = world.definition("nginx:2");
        let load_balancers = with_test_rule(&rule, &world);
        world.update(json!({"taskDefinition": definition, "loadBalancers": load_balancers}));
        world.pass(90);
        let deployment = world.deployment();
        assert_eq!(deployment["lifecycleStage"], "POST_TEST_TRAFFIC_SHIFT");
        let revision = &deployment["targetServiceRevision"];
        assert_eq!(revision["requestedTestTrafficWeight"], 100.0);
        assert_eq!(revision["requestedProductionTrafficWeight"], 0.0);
        let weight = |world: &World, rule: &str, group: usize| {
            let targets = elbv2::rule_targets(&world.cloud, rule).unwrap();
            let found = targets.iter().find(|(arn, _)| *arn == world.groups[group]);
            found.map(|(_, weight)| *weight)
        };
        assert_eq!(weight(&world, &rule, 1), Some(100));
        assert_eq!(world.weights(), [100, 0]);
        world.pass(400);
        assert_eq!(world.deployment()["status"], status);
        assert_eq!(weight(&world, &rule, live), Some(100));
        assert_eq!(world.weights()[live], 100);
    }
}

#[test]
fn a_test_rule_must_be_a_rule_of_its_own_that_leads_to_both_groups() {
    let mut world = World::new();
    world.create("nginx");
    for rule in [world.rule.clone(), "arn:listener".to_owned()] {
        let load_balancers = with_test_rule(&rule, &world);
        let input = json!({"service": "web", "loadBalancers": load_balancers});
        let refusal = world.refusal("UpdateService", input);
        assert_eq!(refusal.code, "InvalidParameterException");
    }
    let one = world.groups[..1].to_vec();
    let rule = test_rule(&mut world, &one);
    let load_balancers = with_test_rule(&rule, &world);
    let definition = world.definition("nginx:2");
    world.update(json!({"taskDefinition": definition, "loadBalancers": load_balancers}));
    world.pass(120);
    let deployment = world.deployment();
    assert_eq!(deployment["status"], "ROLLBACK_SUCCESSFUL");
    let reason = deployment["statusReason"].as_str().unwrap();
    assert!(reason.contains("testListenerRule"), "{reason}");
}
