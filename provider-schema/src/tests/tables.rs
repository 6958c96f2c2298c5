//! The tables agree with the types, and say what they should of a change.

use std::collections::HashSet;

use expect_test::expect;
use serde_json::{Value, json};

use super::REQUEST;
use crate::ownership::FIELDS;
use crate::updates::{Effect, Property, changes, replacement_reasons};
use crate::{ATTRIBUTES, Attributes, Properties, json_schema, parse};

fn request(change: impl FnOnce(&mut Value)) -> Properties {
    let mut value = json!({
        "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "PrimaryContainer": {
            "Image": "web:1",
            "AwsLogsConfiguration": { "LogGroup": "g" },
            "RepositoryCredentials": { "CredentialsParameter": "registry" },
        },
        "NetworkConfiguration": {},
        "ScalingTarget": {},
        "LoadBalancer": {},
        "Deployment": {
            "CircuitBreaker": { "ThresholdConfiguration": {} },
            "RollbackAlarm": {},
        },
    });
    change(&mut value);
    parse(&value, &REQUEST).unwrap()
}

/// Another value for each property that can change alone.
fn samples() -> Vec<(Property, Value)> {
    let role = "arn:aws:iam::123456789012:role/other";
    vec![
        (
            Property::ServiceToken,
            json!("arn:aws:lambda:us-east-1:123456789012:function:x"),
        ),
        (Property::ServiceTimeout, json!("1800")),
        (Property::ServiceName, json!("web")),
        (Property::Cluster, json!("prod")),
        (Property::InfrastructureRoleArn, json!(role)),
        (Property::ExecutionRoleArn, json!(role)),
        (Property::TaskRoleArn, json!(role)),
        (Property::Image, json!("web:2")),
        (Property::ContainerPort, json!("8080")),
        (Property::LogGroup, json!("h")),
        (Property::LogStreamPrefix, json!("web")),
        (Property::CredentialsParameter, json!("other")),
        (Property::Command, json!(["serve"])),
        (
            Property::Environment,
            json!([{ "Name": "A", "Value": "x" }]),
        ),
        (
            Property::Secrets,
            json!([{ "Name": "A", "ValueFrom": "/x" }]),
        ),
        (Property::Cpu, json!("512")),
        (Property::Memory, json!("4096")),
        (Property::CpuArchitecture, json!("ARM64")),
        (Property::HealthCheckPath, json!("/up")),
        (Property::SecurityGroups, json!(["sg-01234567"])),
        (
            Property::Subnets,
            json!(["subnet-01234567", "subnet-89abcdef"]),
        ),
        (Property::MinTaskCount, json!("2")),
        (Property::MaxTaskCount, json!("2")),
        (Property::AutoScalingMetric, json!("AVERAGE_MEMORY")),
        (Property::AutoScalingTargetValue, json!("50")),
        (Property::Tags, json!([{ "Key": "team", "Value": "web" }])),
        (Property::Sharing, json!("DEDICATED")),
        (Property::Scheme, json!("internal")),
        (Property::Strategy, json!("ROLLING")),
        (Property::BakeTimeInMinutes, json!("4")),
        (Property::CanaryPercent, json!("2.5")),
        (Property::CanaryBakeTimeInMinutes, json!("4")),
        (Property::CircuitBreakerEnable, json!("false")),
        (Property::ThresholdType, json!("COUNT")),
        (Property::ThresholdValue, json!("5")),
        (Property::ErrorRatePercent, json!("2.5")),
        (Property::MinimumRequests, json!("5")),
        (Property::Count4xx, json!("true")),
        (Property::EvaluationPeriods, json!("5")),
        (Property::DatapointsToAlarm, json!("1")),
        (Property::AlarmNames, json!(["latency"])),
        (
            Property::LifecycleHooks,
            json!([{
                "HookTargetArn": "arn:aws:lambda:us-east-1:123456789012:function:check",
                "RoleArn": role,
                "LifecycleStages": ["PRE_SCALE_UP"],
            }]),
        ),
        (Property::ForceDeployment, json!("again")),
    ]
}

#[test]
fn each_property_alone_is_the_only_change() {
    let old = request(|_| ());
    assert_eq!(changes(&old, &old), []);
    for (property, value) in samples() {
        let new = request(|request| set(request, property.path(), &value));
        assert_eq!(changes(&old, &new), [property]);
        assert_eq!(changes(&new, &old), [property]);
    }
    let mut covered: HashSet<Property> = samples().iter().map(|(property, _)| *property).collect();
    // They cannot change alone; their tests are the next ones.
    covered.insert(Property::TaskDefinitionArn);
    covered.insert(Property::Preset);
    covered.extend([Property::StepPercent, Property::StepBakeTimeInMinutes]);
    covered.extend([Property::TestHeaderName, Property::TestHeaderValue]);
    assert_eq!(covered.len(), Property::ALL.len());
}

#[test]
fn a_preset_changes_what_follows_from_it() {
    let old = request(|_| ());
    let new = request(|request| set(request, "Deployment.Preset", &json!("DEVELOPMENT")));
    assert_eq!(
        changes(&old, &new),
        [
            Property::Preset,
            Property::Strategy,
            Property::BakeTimeInMinutes
        ]
    );
}

#[test]
fn test_traffic_comes_as_a_whole_and_each_part_of_it_changes_alone() {
    let tested = |name: &str, value: &str| {
        request(|request| {
            let test = json!({ "HeaderName": name, "HeaderValue": value });
            request["Deployment"]["TestTraffic"] = test;
        })
    };
    let both = [Property::TestHeaderName, Property::TestHeaderValue];
    let old = tested("X-Test", "new");
    assert_eq!(changes(&request(|_| ()), &old), both);
    assert_eq!(changes(&old, &request(|_| ())), both);
    for (property, new) in both
        .into_iter()
        .zip([tested("X-Next", "new"), tested("X-Test", "newer")])
    {
        assert_eq!(changes(&old, &new), [property]);
        assert_eq!(property.effect(), Effect::NewDeployment);
    }
}

#[test]
fn the_steps_of_a_linear_deployment_change_in_place() {
    let linear = |name: &str, value: &str| {
        request(|request| {
            set(request, "Deployment.Strategy", &json!("LINEAR"));
            let path = format!("Deployment.LinearConfiguration.{name}");
            set(request, &path, &json!(value));
        })
    };
    let old = linear("StepPercent", "");
    for (property, name, value) in [
        (Property::StepPercent, "StepPercent", "20"),
        (
            Property::StepBakeTimeInMinutes,
            "StepBakeTimeInMinutes",
            "1",
        ),
    ] {
        assert_eq!(changes(&old, &linear(name, value)), [property]);
        assert_eq!(property.effect(), Effect::InPlace);
    }
}

#[test]
fn a_task_definition_takes_the_place_of_the_container() {
    let old = request(|_| ());
    let new = request(|request| {
        for name in ["PrimaryContainer", "ExecutionRoleArn"] {
            request.as_object_mut().unwrap().remove(name);
        }
        let arn = json!("arn:aws:ecs:us-east-1:123456789012:task-definition/web:1");
        set(request, "TaskDefinitionArn", &arn);
    });
    let changed: Vec<&str> = changes(&old, &new)
        .iter()
        .map(|property| property.path())
        .collect();
    let expected = [
        "ExecutionRoleArn",
        "PrimaryContainer.Image",
        "PrimaryContainer.ContainerPort",
        "PrimaryContainer.AwsLogsConfiguration.LogGroup",
        "PrimaryContainer.AwsLogsConfiguration.LogStreamPrefix",
        "PrimaryContainer.RepositoryCredentials.CredentialsParameter",
        "TaskDefinitionArn",
    ];
    assert_eq!(changed, expected);
}

#[test]
fn the_table_of_changes_has_every_property_of_the_schema() {
    let schema = json_schema();
    let paths: Vec<String> = super::fixtures::property_pointers(&schema, "Properties")
        .iter()
        .map(|pointer| pointer.trim_start_matches('/').replace('/', "."))
        .collect();
    let table: Vec<&str> = Property::ALL
        .iter()
        .map(|property| property.path())
        .collect();
    assert_eq!(table, paths);
}

fn set(request: &mut Value, path: &str, value: &Value) {
    let (parents, name) = path.rsplit_once('.').unwrap_or(("", path));
    let parent = parents.split('.').filter(|part| !part.is_empty());
    let object = parent.fold(request, |object, part| &mut object[part]);
    object[name] = value.clone();
}

#[test]
fn another_name_or_cluster_is_the_only_replacement() {
    let old = request(|request| set(request, "ServiceName", &json!("web")));
    let new = request(|request| set(request, "Cluster", &json!("prod")));
    expect![[r#"
        [
            "`ServiceName` changes from `web` to a generated one",
            "`Cluster` changes from `default` to `prod`",
        ]
    "#]]
    .assert_debug_eq(&replacement_reasons(&old, &new));
    let arn = json!("arn:aws:ecs:us-east-1:123456789012:cluster/prod");
    let same = request(|request| set(request, "Cluster", &arn));
    assert_eq!(replacement_reasons(&new, &same), Vec::<String>::new());
    let replacing: Vec<&str> = Property::ALL
        .iter()
        .filter(|property| property.effect() == Effect::Replacement)
        .map(|property| property.path())
        .collect();
    assert_eq!(replacing, ["ServiceName", "Cluster"]);
    assert_eq!(
        json_schema()["createOnlyProperties"],
        json!(["/properties/ServiceName", "/properties/Cluster"])
    );
}

fn attributes() -> Attributes {
    let arn = |rest: &str| format!("arn:aws:{rest}");
    Attributes {
        endpoint: "https://web.apps.example.com".to_owned(),
        load_balancer_arn: arn("lb"),
        load_balancer_dns_name: "lb.example.com".to_owned(),
        load_balancer_hosted_zone_id: "Z1".to_owned(),
        task_definition_arn: arn("td"),
        service_security_group_id: "sg-01234567".to_owned(),
        log_group_name: "/aws/ecs/default/web".to_owned(),
        load_balancer_pool: "pool".to_owned(),
        service_arn: "arn:aws-cn:ecs:cn-north-1:123456789012:service/default/web".to_owned(),
        listener_arn: arn("listener"),
        listener_rule_arn: arn("rule"),
        target_group_arns: [arn("tg-a"), arn("tg-b")],
        certificate_arn: arn("certificate"),
        load_balancer_security_group_id: "sg-89abcdef".to_owned(),
        rollback_alarm_arn: arn("alarm"),
        log_group_arn: arn("log-group"),
        scalable_target_arn: arn("scalable-target"),
    }
}

#[test]
fn the_answer_has_flat_and_dotted_names() {
    let data = attributes().to_data();
    assert_eq!(data.len(), ATTRIBUTES.len());
    for attribute in ATTRIBUTES {
        assert_eq!(
            data[attribute.name].is_array(),
            attribute.is_list,
            "{}",
            attribute.name
        );
    }
    expect![[r#"
        {
          "Endpoint": "https://web.apps.example.com",
          "LoadBalancerArn": "arn:aws:lb",
          "LoadBalancerDnsName": "lb.example.com",
          "LoadBalancerHostedZoneId": "Z1",
          "TaskDefinitionArn": "arn:aws:td",
          "ServiceSecurityGroupId": "sg-01234567",
          "LogGroupName": "/aws/ecs/default/web",
          "LoadBalancerPool": "pool",
          "ServiceArn": "arn:aws-cn:ecs:cn-north-1:123456789012:service/default/web",
          "ECSManagedResourceArns.IngressPath.LoadBalancerArn": "arn:aws:lb",
          "ECSManagedResourceArns.IngressPath.ListenerArn": "arn:aws:listener",
          "ECSManagedResourceArns.IngressPath.ListenerRuleArn": "arn:aws:rule",
          "ECSManagedResourceArns.IngressPath.TargetGroupArns": [
            "arn:aws:tg-a",
            "arn:aws:tg-b"
          ],
          "ECSManagedResourceArns.IngressPath.CertificateArn": "arn:aws:certificate",
          "ECSManagedResourceArns.IngressPath.LoadBalancerSecurityGroups": [
            "arn:aws-cn:ec2:cn-north-1:123456789012:security-group/sg-89abcdef"
          ],
          "ECSManagedResourceArns.ServiceSecurityGroups": [
            "arn:aws-cn:ec2:cn-north-1:123456789012:security-group/sg-01234567"
          ],
          "ECSManagedResourceArns.MetricAlarms": [
            "arn:aws:alarm"
          ],
          "ECSManagedResourceArns.LogGroups": [
            "arn:aws:log-group"
          ],
          "ECSManagedResourceArns.AutoScaling.ScalableTarget": "arn:aws:scalable-target"
        }"#]]
    .assert_eq(&serde_json::to_string_pretty(&data).unwrap());
}

#[test]
fn no_field_has_two_owners() {
    let mut seen = HashSet::new();
    for field in FIELDS {
        assert!(seen.insert((field.resource, field.field)), "{field:?}");
    }
    let weights = FIELDS
        .iter()
        .find(|field| field.field.starts_with("weights"))
        .unwrap();
    assert_eq!(weights.owner, crate::ownership::FieldOwner::Ecs);
}
