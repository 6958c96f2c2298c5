//! Limits and policies of one ECS service, through the calls that the provider makes.

use serde_json::{Value, json};

use super::*;
use crate::cloudwatch;
use crate::ecs::tests::{World, ask};

const RESOURCE: &str = "service/default/web";

/// The members that name the scalable target, with others.
fn named(members: Value) -> Value {
    let mut input = json!({
        "ServiceNamespace": "ecs", "ResourceId": RESOURCE, "ScalableDimension": "ecs:service:DesiredCount",
    });
    for (name, value) in members.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn ok(world: &mut World, operation: &str, members: Value) -> Value {
    ask(&mut world.cloud, call, operation, named(members))
}

fn code(world: &mut World, operation: &str, members: Value) -> String {
    let input = named(members);
    let refusal = call(&mut world.cloud, operation, Input::new(&input)).unwrap_err();
    refusal.code
}

/// A service of two tasks and its scalable target.
fn registered() -> World {
    let mut world = World::new();
    world.create("nginx");
    ok(
        &mut world,
        "RegisterScalableTarget",
        json!({"MinCapacity": 1, "MaxCapacity": 20}),
    );
    world
}

fn alarms(world: &mut World) -> Vec<String> {
    let answer = ask(
        &mut world.cloud,
        cloudwatch::call,
        "DescribeAlarms",
        json!({}),
    );
    let alarms = answer["MetricAlarms"].as_array().unwrap().clone();
    let name = |alarm: Value| alarm["AlarmName"].as_str().unwrap().to_owned();
    alarms.into_iter().map(name).collect()
}

fn policy(configuration: Value) -> Value {
    let mut configuration = configuration;
    configuration["TargetValue"] = json!(60.0);
    json!({
        "PolicyName": "webAverageCpu",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": configuration,
    })
}

fn predefined(metric: &str) -> Value {
    policy(json!({"PredefinedMetricSpecification": {"PredefinedMetricType": metric}}))
}

#[test]
fn limits_move_the_desired_count_into_their_range() {
    for (min, max, desired) in [(1, 20, 2), (3, 20, 3), (0, 1, 1)] {
        let mut world = World::new();
        world.create("nginx");
        let limits = json!({"MinCapacity": min, "MaxCapacity": max});
        let answer = ok(&mut world, "RegisterScalableTarget", limits);
        let arn = answer["ScalableTargetARN"].as_str().unwrap();
        assert!(arn.contains(":scalable-target/"), "{arn}");
        assert_eq!(
            crate::ecs::desired_count(&world.cloud, "default", "web"),
            Some(desired)
        );
    }
}

#[test]
fn registering_again_keeps_what_is_not_given() {
    let mut world = registered();
    let before = ok(
        &mut world,
        "RegisterScalableTarget",
        json!({"MaxCapacity": 5}),
    );
    let described = ask(
        &mut world.cloud,
        call,
        "DescribeScalableTargets",
        json!({"ServiceNamespace": "ecs", "ResourceIds": [RESOURCE]}),
    );
    let target = &described["ScalableTargets"][0];
    assert_eq!([&target["MinCapacity"], &target["MaxCapacity"]], [1, 5]);
    assert_eq!(target["ScalableTargetARN"], before["ScalableTargetARN"]);
    assert_eq!(target["SuspendedState"]["DynamicScalingInSuspended"], false);
}

#[test]
fn a_target_that_cannot_be_is_refused() {
    let mut world = World::new();
    let limits = json!({"MinCapacity": 1, "MaxCapacity": 2});
    assert_eq!(
        code(&mut world, "RegisterScalableTarget", limits),
        "ValidationException"
    );
    world.create("nginx");
    for (members, expected) in [
        (
            json!({"MinCapacity": 3, "MaxCapacity": 2}),
            "ValidationException",
        ),
        (json!({"MinCapacity": 1}), "ValidationException"),
        (
            json!({"MinCapacity": -1, "MaxCapacity": 2}),
            "ValidationException",
        ),
        (
            json!({"ResourceId": "web", "MinCapacity": 1, "MaxCapacity": 2}),
            "ValidationException",
        ),
        (
            json!({"MinCapacity": 1, "MaxCapacity": 2, "Tags": {"team": " "}}),
            "ValidationException",
        ),
        (
            json!({"ServiceNamespace": "rds", "MinCapacity": 1, "MaxCapacity": 2}),
            "UnsupportedMember",
        ),
        (
            json!({"ServiceNamespace": "colours", "MinCapacity": 1, "MaxCapacity": 2}),
            "ValidationException",
        ),
    ] {
        assert_eq!(
            code(&mut world, "RegisterScalableTarget", members.clone()),
            expected,
            "{members}"
        );
    }
    for operation in ["DeregisterScalableTarget", "PutScalingPolicy"] {
        let members = if operation == "PutScalingPolicy" {
            predefined("ECSServiceAverageCPUUtilization")
        } else {
            json!({})
        };
        assert_eq!(
            code(&mut world, operation, members),
            "ObjectNotFoundException"
        );
    }
}

#[test]
fn a_target_that_is_there_takes_tags_by_their_own_call_only() {
    let mut world = registered();
    let again = json!({"MinCapacity": 1, "MaxCapacity": 2, "Tags": {"team": "blue"}});
    let input = named(again);
    let refusal = call(
        &mut world.cloud,
        "RegisterScalableTarget",
        Input::new(&input),
    )
    .unwrap_err();
    assert!(
        refusal.message.contains("tried to tag already exists"),
        "{refusal:?}"
    );
}

#[test]
fn a_policy_has_two_alarms_that_go_with_it() {
    let mut world = registered();
    let cpu = predefined("ECSServiceAverageCPUUtilization");
    let first = ok(&mut world, "PutScalingPolicy", cpu.clone());
    let names = alarms(&mut world);
    assert_eq!(names.len(), 2);
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("TargetTracking-service/default/web-AlarmHigh-"))
    );
    assert!(
        names
            .iter()
            .any(|name| name.starts_with("TargetTracking-service/default/web-AlarmLow-"))
    );

    let again = ok(&mut world, "PutScalingPolicy", cpu.clone());
    assert_eq!(again["PolicyARN"], first["PolicyARN"]);
    assert_eq!(alarms(&mut world).len(), 2);
    let listed = ok(&mut world, "DescribeScalingPolicies", json!({}));
    assert_eq!(listed["ScalingPolicies"][0]["PolicyName"], "webAverageCpu");
    assert_eq!(listed["ScalingPolicies"][0]["Alarms"], again["Alarms"]);

    let mut other = cpu;
    other["PolicyName"] = json!("another");
    assert_eq!(
        code(&mut world, "PutScalingPolicy", other),
        "ValidationException"
    );

    ok(&mut world, "DeregisterScalableTarget", json!({}));
    assert_eq!(alarms(&mut world), Vec::<String>::new());
    let name = json!({"PolicyName": "webAverageCpu"});
    assert_eq!(
        code(&mut world, "DeleteScalingPolicy", name),
        "ObjectNotFoundException"
    );
}

#[test]
fn metric_maths_must_be_complete() {
    let requests = |id: &str| {
        json!({"Id": id, "ReturnData": false, "MetricStat": {"Stat": "Sum", "Metric": {
            "Namespace": "AWS/ApplicationELB", "MetricName": "RequestCountPerTarget",
            "Dimensions": [{"Name": "TargetGroup", "Value": "targetgroup/a/0"}],
        }}})
    };
    let sum = |expression: &str, returned: bool| json!({"Id": "e", "Expression": expression, "ReturnData": returned});
    let maths =
        |metrics: Value| policy(json!({"CustomizedMetricSpecification": {"Metrics": metrics}}));
    let mut world = registered();
    let whole = maths(json!([
        requests("m0"),
        requests("m1"),
        sum("SUM([FILL(m0, 0), FILL(m1, 0)])", true)
    ]));
    ok(&mut world, "PutScalingPolicy", whole.clone());
    let stored = ok(&mut world, "DescribeScalingPolicies", json!({}));
    let stored = &stored["ScalingPolicies"][0]["TargetTrackingScalingPolicyConfiguration"];
    let sent = &whole["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(
        stored["CustomizedMetricSpecification"],
        sent["CustomizedMetricSpecification"]
    );
    for broken in [
        json!([requests("m0"), sum("m0 + m1", true)]),
        json!([requests("m0"), sum("m0", false)]),
        json!([requests("m0"), requests("m0"), sum("m0", true)]),
        json!([requests("M0"), sum("1", true)]),
        json!([{"Id": "m0", "ReturnData": true}]),
    ] {
        assert_eq!(
            code(&mut world, "PutScalingPolicy", maths(broken.clone())),
            "ValidationException",
            "{broken}"
        );
    }
}

#[test]
fn a_resource_label_must_name_an_attached_target_group() {
    let mut world = registered();
    for label in ["targetgroup/a/0", "app/lb/1/targetgroup/none/0"] {
        let policy = policy(json!({"PredefinedMetricSpecification": {
            "PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label,
        }}));
        assert_eq!(
            code(&mut world, "PutScalingPolicy", policy),
            "ValidationException",
            "{label}"
        );
    }
    let label_of_cpu = policy(json!({"PredefinedMetricSpecification": {
        "PredefinedMetricType": "ECSServiceAverageCPUUtilization", "ResourceLabel": "x",
    }}));
    assert_eq!(
        code(&mut world, "PutScalingPolicy", label_of_cpu),
        "ValidationException"
    );
}

#[test]
fn tags_follow_the_arn_of_the_target() {
    let mut world = World::new();
    world.create("nginx");
    let members = json!({"MinCapacity": 1, "MaxCapacity": 2, "Tags": {"team": "blue"}});
    let answer = ok(&mut world, "RegisterScalableTarget", members);
    let arn = answer["ScalableTargetARN"].clone();
    let cloud = &mut world.cloud;
    ask(
        cloud,
        call,
        "TagResource",
        json!({"ResourceARN": arn, "Tags": {"stage": "test"}}),
    );
    ask(
        cloud,
        call,
        "UntagResource",
        json!({"ResourceARN": arn, "TagKeys": ["team"]}),
    );
    let tags = ask(
        cloud,
        call,
        "ListTagsForResource",
        json!({"ResourceARN": arn}),
    );
    assert_eq!(tags["Tags"], json!({"stage": "test"}));
    let unknown =
        json!({"ResourceARN": "arn:aws:application-autoscaling:eu-west-1:1:scalable-target/0"});
    let refusal = call(cloud, "ListTagsForResource", Input::new(&unknown)).unwrap_err();
    assert_eq!(refusal.code, "ResourceNotFoundException");
}
