//! Scaling policies: target tracking, each with its two alarms.
//!
//! Repeat-safe: putting a policy of the same name replaces it and keeps its ARN.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html>

use serde_json::{Value, json};

use super::metric::Metric;
use super::{
    DIMENSION, NAMESPACE, ecs_service, in_namespace, no_target, paged, required, validation,
};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal, timestamp};

/// Scaling policies of one scalable target.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-limits.html>
const POLICIES_MAX: usize = 50;
/// Characters of a policy's name.
const NAME_CHARS_MAX: usize = 256;

/// Characters of an alarm's name.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
const ALARM_NAME_CHARS_MAX: usize = 255;

/// The alarms that target tracking keeps: scale out after 3 minutes above the target, scale in after
/// 15 below nine tenths of it.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-autoscaling-targettracking.html>
const HIGH_PERIODS: u32 = 3;
const LOW_PERIODS: u32 = 15;
const LOW_SHARE_OF_TARGET: f64 = 0.9;

/// A policy.
#[derive(Clone, Debug)]
pub(super) struct ScalingPolicy {
    arn: String,
    configuration: Value,
    metric: Metric,
    alarms: Vec<String>,
    created_at_ms: u64,
}

pub(super) fn put(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "PolicyName",
        "ServiceNamespace",
        "ResourceId",
        "ScalableDimension",
        "PolicyType",
        "TargetTrackingScalingPolicyConfiguration",
    ])?;
    let name = required(input, "PolicyName")?;
    if name.chars().count() > NAME_CHARS_MAX || !name.chars().all(|letter| !letter.is_control()) {
        return Err(validation(format!("Invalid policy name '{name}'")));
    }
    let (resource, cluster, service) = ecs_service(input)?;
    if input.text("PolicyType") != Some("TargetTrackingScaling") {
        return Err(Refusal::client(
            "UnsupportedMember",
            "local-aws simulates PolicyType TargetTrackingScaling only",
        ));
    }
    if !cloud.autoscaling.targets.contains_key(resource) {
        return Err(no_target(resource));
    }
    let (configuration, target_value, metric) = parse(cloud, input)?;
    let key = (resource.to_owned(), name.to_owned());
    check_others(cloud, &key, &metric)?;
    let existing = cloud.autoscaling.policies.get(&key).cloned();
    let arn = match &existing {
        Some(policy) => policy.arn.clone(),
        None => {
            let id = cloud.random.uuid();
            let rest =
                format!("scalingPolicy:{id}:resource/{NAMESPACE}/{resource}:policyName/{name}");
            cloud.account.arn("autoscaling", &rest)
        }
    };
    let alarms = put_alarms(cloud, resource, &arn, target_value, |name| {
        metric.alarm_members(name, cluster, service)
    })?;
    if let Some(existing) = &existing {
        delete_alarms(cloud, &existing.alarms);
    }
    let policy = ScalingPolicy {
        arn,
        configuration,
        metric,
        alarms,
        created_at_ms: existing.map_or(cloud.now_ms, |policy| policy.created_at_ms),
    };
    let output = json!({"PolicyARN": policy.arn, "Alarms": policy.alarm_outputs(cloud)});
    cloud.autoscaling.policies.insert(key, policy);
    Ok(output)
}

fn parse(cloud: &mut Cloud, input: Input<'_>) -> Result<(Value, f64, Metric), Refusal> {
    let given = input
        .object("TargetTrackingScalingPolicyConfiguration")
        .ok_or_else(|| {
            validation(
                "TargetTrackingScalingPolicyConfiguration is required for TargetTrackingScaling",
            )
        })?;
    given.only(&[
        "TargetValue",
        "PredefinedMetricSpecification",
        "CustomizedMetricSpecification",
        "ScaleOutCooldown",
        "ScaleInCooldown",
        "DisableScaleIn",
    ])?;
    let target_value = given
        .number("TargetValue")?
        .filter(|value| *value > 0.0)
        .ok_or_else(|| validation("TargetValue must be greater than zero"))?;
    for name in ["ScaleOutCooldown", "ScaleInCooldown"] {
        if given.integer(name)?.is_some_and(|seconds| seconds < 0) {
            return Err(validation(format!("{name} must not be negative")));
        }
    }
    let disable_scale_in = given.flag("DisableScaleIn")?.unwrap_or(false);
    let metric = Metric::parse(cloud, given)?;
    let mut configuration = given.value().clone();
    if let Some(members) = configuration.as_object_mut() {
        members.insert("DisableScaleIn".to_owned(), json!(disable_scale_in));
    }
    Ok((configuration, target_value, metric))
}

/// A target has one policy for a metric, and not more than [`POLICIES_MAX`].
fn check_others(cloud: &Cloud, key: &(String, String), metric: &Metric) -> Result<(), Refusal> {
    let policies = cloud.autoscaling.policies.iter();
    let others: Vec<&ScalingPolicy> = policies
        .filter(|(other, _)| other.0 == key.0 && other.1 != key.1)
        .map(|(_, policy)| policy)
        .collect();
    if others.iter().any(|other| other.metric == *metric) {
        return Err(validation(
            "Only one TargetTrackingScaling policy for a given metric specification is allowed.",
        ));
    }
    if others.len() >= POLICIES_MAX {
        return Err(Refusal::client(
            "LimitExceededException",
            format!("A scalable target has at most {POLICIES_MAX} scaling policies"),
        ));
    }
    Ok(())
}

/// The name of one of the alarms, in CloudWatch's 255 characters. AWS documents neither that a long resource is cut nor
/// that it is refused; `tests/live` asks.
fn alarm_name(resource: &str, kind: &str, uuid: &str) -> String {
    let around = "TargetTracking--".len() + kind.len() + "-".len() + uuid.len();
    let room = ALARM_NAME_CHARS_MAX.saturating_sub(around);
    let resource: String = resource.chars().take(room).collect();
    format!("TargetTracking-{resource}-{kind}-{uuid}")
}

/// Makes the alarms; when CloudWatch refuses one, none is left.
fn put_alarms(
    cloud: &mut Cloud,
    resource: &str,
    policy_arn: &str,
    target_value: f64,
    members_of: impl Fn(&str) -> Value,
) -> Result<Vec<String>, Refusal> {
    let mut made = Vec::new();
    for (kind, comparison, periods, threshold) in [
        (
            "AlarmHigh",
            "GreaterThanThreshold",
            HIGH_PERIODS,
            target_value,
        ),
        (
            "AlarmLow",
            "LessThanThreshold",
            LOW_PERIODS,
            target_value * LOW_SHARE_OF_TARGET,
        ),
    ] {
        let name = alarm_name(resource, kind, &cloud.random.uuid());
        let mut alarm = members_of(&name);
        let common = json!({
            "AlarmDescription": format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {policy_arn}."),
            "ActionsEnabled": true,
            "AlarmActions": [policy_arn],
            "EvaluationPeriods": periods,
            "ComparisonOperator": comparison,
            "Threshold": threshold,
        });
        if let (Some(alarm), Value::Object(common)) = (alarm.as_object_mut(), common) {
            alarm.extend(common);
        }
        let put = crate::cloudwatch::call(cloud, "PutMetricAlarm", Input::new(&alarm));
        if let Err(refusal) = put {
            delete_alarms(cloud, &made);
            return Err(validation(refusal.message));
        }
        made.push(name);
    }
    Ok(made)
}

fn delete_alarms(cloud: &mut Cloud, names: &[String]) {
    for name in names {
        let input = json!({"AlarmNames": [name]});
        // Somebody may have deleted an alarm before; then there is nothing left to do.
        drop(crate::cloudwatch::call(
            cloud,
            "DeleteAlarms",
            Input::new(&input),
        ));
    }
}

impl ScalingPolicy {
    fn alarm_outputs(&self, cloud: &Cloud) -> Value {
        let output = |name: &String| {
            let arn = cloud.account.arn("cloudwatch", &format!("alarm:{name}"));
            json!({"AlarmName": name, "AlarmARN": arn})
        };
        self.alarms.iter().map(output).collect()
    }
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "PolicyNames",
        "ServiceNamespace",
        "ResourceId",
        "ScalableDimension",
        "MaxResults",
        "NextToken",
    ])?;
    in_namespace(input)?;
    let names = input.texts("PolicyNames");
    let is = |member: &str, value: &str| input.text(member).is_none_or(|it| it == value);
    let policies = cloud.autoscaling.policies.iter();
    let outputs = policies
        .filter(|((resource, name), _)| {
            is("ResourceId", resource)
                && is("ScalableDimension", DIMENSION)
                && (names.is_empty() || names.contains(&name.as_str()))
        })
        .map(|((resource, name), policy)| {
            json!({
                "PolicyARN": policy.arn,
                "PolicyName": name,
                "ServiceNamespace": NAMESPACE,
                "ResourceId": resource,
                "ScalableDimension": DIMENSION,
                "PolicyType": "TargetTrackingScaling",
                "TargetTrackingScalingPolicyConfiguration": policy.configuration,
                "Alarms": policy.alarm_outputs(cloud),
                "CreationTime": timestamp(policy.created_at_ms),
            })
        })
        .collect();
    paged(outputs, "ScalingPolicies", input)
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "PolicyName",
        "ServiceNamespace",
        "ResourceId",
        "ScalableDimension",
    ])?;
    let name = required(input, "PolicyName")?;
    let (resource, _, _) = ecs_service(input)?;
    let key = (resource.to_owned(), name.to_owned());
    let Some(policy) = cloud.autoscaling.policies.remove(&key) else {
        return Err(Refusal::client(
            "ObjectNotFoundException",
            format!(
                "No scaling policy found for service namespace: {NAMESPACE}, resource ID: {resource}, scalable \
                 dimension: {DIMENSION}, policy name: {name}"
            ),
        ));
    };
    delete_alarms(cloud, &policy.alarms);
    Ok(json!({}))
}

/// Deletes the policies of a resource, with their alarms.
pub(super) fn delete_all(cloud: &mut Cloud, resource: &str) {
    let mut alarms = Vec::new();
    cloud.autoscaling.policies.retain(|(of, _), policy| {
        let keep = of != resource;
        if !keep {
            alarms.append(&mut policy.alarms);
        }
        keep
    });
    delete_alarms(cloud, &alarms);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_resource_leaves_the_alarms_a_name() {
        let resource = format!("service/{}/{}", "c".repeat(212), "s".repeat(40));
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for kind in ["AlarmHigh", "AlarmLow"] {
            let name = alarm_name(&resource, kind, uuid);
            assert_eq!(name.len(), ALARM_NAME_CHARS_MAX);
            assert!(name.ends_with(&format!("c-{kind}-{uuid}")), "{name}");
        }
    }
}
