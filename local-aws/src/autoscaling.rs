//! Application Auto Scaling: scalable targets and target tracking policies of ECS services.
//!
//! The targets hold a service's desired count between their limits; the policies have their alarms in
//! CloudWatch. Scaling by metrics is not simulated: no metric moves by itself.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_Operations.html>

mod metric;
mod scalable_target;
mod scaling_policy;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Items in a page of the Describe operations, when nothing is said and at most.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_DescribeScalableTargets.html>
const PAGE_MAX: usize = 50;

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// By resource id, `service/<cluster>/<service>`.
    targets: BTreeMap<String, scalable_target::ScalableTarget>,
    /// By resource id and name.
    policies: BTreeMap<(String, String), scaling_policy::ScalingPolicy>,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "RegisterScalableTarget" => scalable_target::register(cloud, input),
        "DescribeScalableTargets" => scalable_target::describe(cloud, input),
        "DeregisterScalableTarget" => scalable_target::deregister(cloud, input),
        "PutScalingPolicy" => scaling_policy::put(cloud, input),
        "DescribeScalingPolicies" => scaling_policy::describe(cloud, input),
        "DeleteScalingPolicy" => scaling_policy::delete(cloud, input),
        "TagResource" => scalable_target::tag(cloud, input),
        "UntagResource" => scalable_target::untag(cloud, input),
        "ListTagsForResource" => scalable_target::list_tags(cloud, input),
        _ => Err(Refusal::unsupported("application-autoscaling", operation)),
    }
}

/// Whether a call names a scalable target that has the tag `key`, or would give it to one that is not there.
pub(crate) fn has_tag(cloud: &Cloud, input: Input<'_>, key: &str) -> bool {
    let target = input.text("ResourceId");
    let target = target.and_then(|resource| cloud.autoscaling.targets.get(resource));
    let given = input.member("Tags");
    target.is_some_and(|target| target.has_tag(key))
        || given.is_some_and(|tags| tags.get(key).is_some())
}

/// When the next thing happens here by itself, in milliseconds since the epoch: nothing does.
pub(crate) fn next_due_ms(_state: &State) -> Option<u64> {
    None
}

/// Lets happen what is due at `cloud.now_ms`.
pub(crate) fn happen(_cloud: &mut Cloud) {}

/// The only thing that is scaled here: the desired count of an ECS service.
const NAMESPACE: &str = "ecs";
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>
const OTHER_NAMESPACES: &[&str] = &[
    "elasticmapreduce",
    "ec2",
    "appstream",
    "dynamodb",
    "rds",
    "sagemaker",
    "custom-resource",
    "comprehend",
    "lambda",
    "cassandra",
    "kafka",
    "elasticache",
    "neptune",
    "workspaces",
];
const DIMENSION: &str = "ecs:service:DesiredCount";

/// Cluster and service of the member `ResourceId`.
///
/// # Errors
/// `ValidationException` when namespace, dimension or resource are not those of an ECS service.
fn ecs_service<'a>(input: Input<'a>) -> Result<(&'a str, &'a str, &'a str), Refusal> {
    in_namespace(input)?;
    let resource = required(input, "ResourceId")?;
    let parts = match resource.split('/').collect::<Vec<_>>().as_slice() {
        ["service", cluster, service] if !cluster.is_empty() && !service.is_empty() => {
            Some((*cluster, *service))
        }
        _ => None,
    };
    let dimension = required(input, "ScalableDimension")?;
    match parts {
        Some((cluster, service)) if dimension == DIMENSION => Ok((resource, cluster, service)),
        Some(_) | None => Err(validation(
            "Unsupported service namespace, resource type or scalable dimension",
        )),
    }
}

/// AWS's other namespaces are not here; what is none of AWS's is refused as AWS refuses it.
fn in_namespace(input: Input<'_>) -> Result<(), Refusal> {
    match required(input, "ServiceNamespace")? {
        NAMESPACE => Ok(()),
        other if OTHER_NAMESPACES.contains(&other) => Err(Refusal::client(
            "UnsupportedMember",
            format!("local-aws scales resources of the namespace ecs, not {other}"),
        )),
        other => Err(validation(format!(
            "1 validation error detected: Value '{other}' at 'serviceNamespace' failed to satisfy constraint: Member must satisfy enum value set"
        ))),
    }
}

fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    let value = input.text(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| validation(format!("1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null")))
}

fn validation(message: impl Into<String>) -> Refusal {
    Refusal::client("ValidationException", message)
}

fn no_target(resource: &str) -> Refusal {
    Refusal::client(
        "ObjectNotFoundException",
        format!(
            "No scalable target registered for service namespace: {NAMESPACE}, resource ID: {resource}, scalable \
             dimension: {DIMENSION}"
        ),
    )
}

/// One page of `items` as the output's member `name`.
fn paged(items: Vec<Value>, name: &str, input: Input<'_>) -> Outcome {
    let size = match input.integer("MaxResults")? {
        None => PAGE_MAX,
        Some(size) => usize::try_from(size)
            .ok()
            .filter(|size| (1..=PAGE_MAX).contains(size))
            .ok_or_else(|| validation(format!("MaxResults must be between 1 and {PAGE_MAX}")))?,
    };
    let (page, token) = crate::ecs::page::slice(items, input.text("NextToken"), size)
        .ok_or_else(|| Refusal::client("InvalidNextTokenException", "Invalid next token."))?;
    let mut output = json!({name: page});
    if let (Some(token), Some(members)) = (token, output.as_object_mut()) {
        members.insert("NextToken".to_owned(), json!(token));
    }
    Ok(output)
}

#[cfg(test)]
mod tests;
