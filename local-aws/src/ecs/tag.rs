//! Tags: reading them from requests, writing them to answers, and the three tag operations.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{State, client, invalid_parameter};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Tags of one resource, by key.
pub(super) type Tags = BTreeMap<String, String>;

/// Tags per resource, and characters of a key and of a value.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// Tags that ECS itself puts on tasks under `enableECSManagedTags`; nobody else may use the prefix.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>
const RESERVED_PREFIX: &str = "aws:";

/// The member `tags`.
///
/// # Errors
/// `InvalidParameterException` when they break a limit, repeat a key or use the reserved prefix.
pub(super) fn parse(input: Input<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in input.items("tags") {
        let key = tag.text("key").unwrap_or_default();
        let value = tag.text("value").unwrap_or_default();
        if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
            return Err(invalid_parameter(format!(
                "Invalid tag key '{key}': a key has 1 to {KEY_CHARS_MAX} characters."
            )));
        }
        if value.chars().count() > VALUE_CHARS_MAX {
            return Err(invalid_parameter(format!(
                "Invalid value of tag '{key}': a value has at most {VALUE_CHARS_MAX} characters."
            )));
        }
        if key.to_ascii_lowercase().starts_with(RESERVED_PREFIX) {
            return Err(invalid_parameter(format!(
                "Invalid tag key '{key}': the prefix {RESERVED_PREFIX} is reserved."
            )));
        }
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(invalid_parameter(format!("Duplicate tag key '{key}'.")));
        }
    }
    at_most(&tags)?;
    Ok(tags)
}

fn at_most(tags: &Tags) -> Result<(), Refusal> {
    if tags.len() > TAGS_MAX {
        return Err(invalid_parameter(format!(
            "A resource has at most {TAGS_MAX} tags, got {}.",
            tags.len()
        )));
    }
    Ok(())
}

/// `[{key, value}]`
pub(super) fn output(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// Whether a Describe call asks for tags, by `include: ["TAGS"]`.
pub(super) fn wanted(input: Input<'_>) -> bool {
    input.texts("include").contains(&"TAGS")
}

pub(super) fn tag_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["resourceArn", "tags"])?;
    let new = parse(input)?;
    let tags = of_resource(&mut cloud.ecs, input)?;
    let mut merged = tags.clone();
    merged.extend(new);
    at_most(&merged)?;
    *tags = merged;
    Ok(json!({}))
}

pub(super) fn untag_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["resourceArn", "tagKeys"])?;
    let tags = of_resource(&mut cloud.ecs, input)?;
    for key in input.texts("tagKeys") {
        tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list_tags_for_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["resourceArn"])?;
    let tags = of_resource(&mut cloud.ecs, input)?;
    Ok(json!({"tags": output(tags)}))
}

/// The tags of a cluster, service, task or task definition, by its ARN.
fn of_resource<'a>(state: &'a mut State, input: Input<'_>) -> Result<&'a mut Tags, Refusal> {
    let arn = super::required(input, "resourceArn")?;
    let resource = arn.splitn(6, ':').nth(5).unwrap_or_default();
    let tags = match resource.split_once('/') {
        Some(("cluster", _)) => state
            .clusters
            .values_mut()
            .find(|cluster| cluster.arn == arn)
            .map(|cluster| &mut cluster.tags),
        Some(("service", _)) => state.services.get_mut(arn).map(|service| &mut service.tags),
        Some(("task", _)) => state.tasks.get_mut(arn).map(|task| &mut task.tags),
        Some(("task-definition", _)) => state
            .task_definitions
            .values_mut()
            .flatten()
            .find(|definition| definition.arn == arn)
            .map(|definition| &mut definition.tags),
        Some(_) | None => {
            return Err(invalid_parameter(format!("Invalid resource ARN '{arn}'.")));
        }
    };
    tags.ok_or_else(|| {
        client(
            "ResourceNotFoundException",
            "The specified resource wasn't found.",
        )
    })
}
