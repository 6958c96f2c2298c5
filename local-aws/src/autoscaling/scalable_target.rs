//! Scalable targets: the limits of a service's desired count.
//!
//! Repeat-safe: registering again changes what is given and keeps the rest.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    DIMENSION, NAMESPACE, ecs_service, in_namespace, no_target, paged, required, scaling_policy,
    validation,
};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal, timestamp};

/// Tags of a scalable target.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/userguide/resource-tagging-support.html>
const TAGS_MAX: usize = 50;

/// Scaling activities that may be suspended.
const SUSPENDABLE: [&str; 3] = [
    "DynamicScalingInSuspended",
    "DynamicScalingOutSuspended",
    "ScheduledScalingSuspended",
];

/// A scalable target.
#[derive(Clone, Debug)]
pub(super) struct ScalableTarget {
    arn: String,
    min: u32,
    max: u32,
    suspended: BTreeMap<&'static str, bool>,
    tags: BTreeMap<String, String>,
    created_at_ms: u64,
}

pub(super) fn register(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "ServiceNamespace",
        "ResourceId",
        "ScalableDimension",
        "MinCapacity",
        "MaxCapacity",
        "RoleARN",
        "SuspendedState",
        "Tags",
    ])?;
    let (resource, cluster, service) = ecs_service(input)?;
    let existing = cloud.autoscaling.targets.get(resource).cloned();
    let (min, max) = (
        capacity(input, "MinCapacity")?,
        capacity(input, "MaxCapacity")?,
    );
    let tags = parse_tags(input)?;
    // Seen: https://github.com/hashicorp/terraform-provider-aws/issues/31839
    if existing.is_some() && !tags.is_empty() {
        return Err(validation(
            "The scalable target that you tried to tag already exists. To update tags on an existing scalable target, \
             use the TagResource API.",
        ));
    }
    let suspended = suspended(input, existing.as_ref())?;
    let min = min.or(existing.as_ref().map(|target| target.min));
    let max = max.or(existing.as_ref().map(|target| target.max));
    let (Some(min), Some(max)) = (min, max) else {
        return Err(validation(
            "Both MinCapacity and MaxCapacity must be specified for a new scalable target",
        ));
    };
    if min > max {
        return Err(validation(
            "Maximum capacity cannot be less than minimum capacity",
        ));
    }
    let Some(desired) = crate::ecs::desired_count(cloud, cluster, service) else {
        return Err(validation(format!("ECS service doesn't exist: {resource}")));
    };
    let target = ScalableTarget {
        arn: match &existing {
            Some(target) => target.arn.clone(),
            None => {
                let id = cloud.random.hex(36);
                let resource = format!("scalable-target/{id}");
                cloud.account.arn("application-autoscaling", &resource)
            }
        },
        min,
        max,
        suspended,
        tags: match &existing {
            Some(target) => target.tags.clone(),
            None => tags,
        },
        created_at_ms: existing.map_or(cloud.now_ms, |target| target.created_at_ms),
    };
    let output = json!({"ScalableTargetARN": target.arn});
    cloud
        .autoscaling
        .targets
        .insert(resource.to_owned(), target);
    // AWS: https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-register-scalable-target.html:
    // a capacity outside the limits is brought within them.
    if !(min..=max).contains(&desired) {
        crate::ecs::set_desired_count(cloud, cluster, service, desired.clamp(min, max));
    }
    Ok(output)
}

fn capacity(input: Input<'_>, name: &str) -> Result<Option<u32>, Refusal> {
    let Some(capacity) = input.integer(name)? else {
        return Ok(None);
    };
    let capacity = u32::try_from(capacity)
        .map_err(|_| validation(format!("{name} must not be negative, got {capacity}")))?;
    Ok(Some(capacity))
}

fn suspended(
    input: Input<'_>,
    existing: Option<&ScalableTarget>,
) -> Result<BTreeMap<&'static str, bool>, Refusal> {
    let state = input.object("SuspendedState");
    if let Some(state) = state {
        state.only(&SUSPENDABLE)?;
    }
    let mut suspended = BTreeMap::new();
    for name in SUSPENDABLE {
        let before = existing.and_then(|target| target.suspended.get(name));
        let given = match state {
            Some(state) => state.flag(name)?,
            None => None,
        };
        let value = given.or(before.copied()).unwrap_or(false);
        suspended.insert(name, value);
    }
    Ok(suspended)
}

fn parse_tags(input: Input<'_>) -> Result<BTreeMap<String, String>, Refusal> {
    let given = input.member("Tags").and_then(Value::as_object);
    let tags: BTreeMap<String, String> = given
        .into_iter()
        .flatten()
        .map(|(key, value)| (key.clone(), value.as_str().unwrap_or_default().to_owned()))
        .collect();
    check_tag_count(&tags)?;
    // Seen: https://github.com/hashicorp/terraform-provider-aws/issues/32677
    if tags.values().any(|value| value.trim().is_empty()) {
        return Err(validation("Tag values cannot be empty or blank"));
    }
    Ok(tags)
}

fn check_tag_count(tags: &BTreeMap<String, String>) -> Result<(), Refusal> {
    if tags.len() > TAGS_MAX {
        return Err(Refusal::client(
            "TooManyTagsException",
            format!("A scalable target has at most {TAGS_MAX} tags"),
        ));
    }
    Ok(())
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "ServiceNamespace",
        "ResourceIds",
        "ScalableDimension",
        "MaxResults",
        "NextToken",
    ])?;
    in_namespace(input)?;
    let asked = input.texts("ResourceIds");
    let of_dimension = input
        .text("ScalableDimension")
        .is_none_or(|dimension| dimension == DIMENSION);
    let targets = cloud.autoscaling.targets.iter();
    let outputs = targets
        .filter(|(id, _)| of_dimension && (asked.is_empty() || asked.contains(&id.as_str())))
        .map(|(id, target)| target.output(cloud, id))
        .collect();
    paged(outputs, "ScalableTargets", input)
}

impl ScalableTarget {
    pub(super) fn has_tag(&self, key: &str) -> bool {
        self.tags.contains_key(key)
    }

    fn output(&self, cloud: &Cloud, resource: &str) -> Value {
        let account = &cloud.account;
        json!({
            "ServiceNamespace": NAMESPACE,
            "ResourceId": resource,
            "ScalableDimension": DIMENSION,
            "MinCapacity": self.min,
            "MaxCapacity": self.max,
            // Scaling ECS always uses the service-linked role, whatever role was given.
            "RoleARN": format!(
                "arn:{}:iam::{}:role/aws-service-role/ecs.application-autoscaling.amazonaws.com/\
                 AWSServiceRoleForApplicationAutoScaling_ECSService",
                account.partition, account.id
            ),
            "CreationTime": timestamp(self.created_at_ms),
            "SuspendedState": self.suspended,
            "ScalableTargetARN": self.arn,
        })
    }
}

/// Removes the target's policies and their alarms too.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DeregisterScalableTarget.html>
pub(super) fn deregister(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ServiceNamespace", "ResourceId", "ScalableDimension"])?;
    let (resource, _, _) = ecs_service(input)?;
    if cloud.autoscaling.targets.remove(resource).is_none() {
        return Err(no_target(resource));
    }
    scaling_policy::delete_all(cloud, resource);
    Ok(json!({}))
}

pub(super) fn tag(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN", "Tags"])?;
    let new = parse_tags(input)?;
    let target = of_arn(cloud, input)?;
    let mut tags = target.tags.clone();
    tags.extend(new);
    check_tag_count(&tags)?;
    target.tags = tags;
    Ok(json!({}))
}

pub(super) fn untag(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN", "TagKeys"])?;
    let target = of_arn(cloud, input)?;
    for key in input.texts("TagKeys") {
        target.tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN"])?;
    let target = of_arn(cloud, input)?;
    Ok(json!({"Tags": target.tags}))
}

fn of_arn<'a>(cloud: &'a mut Cloud, input: Input<'_>) -> Result<&'a mut ScalableTarget, Refusal> {
    let arn = required(input, "ResourceARN")?;
    let mut targets = cloud.autoscaling.targets.values_mut();
    targets.find(|target| target.arn == arn).ok_or_else(|| {
        Refusal::client(
            "ResourceNotFoundException",
            format!("The specified resource doesn't exist: {arn}"),
        )
    })
}
