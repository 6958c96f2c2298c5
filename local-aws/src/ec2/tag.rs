//! Tags of EC2 resources.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::State;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Tags by key.
pub(crate) type Tags = BTreeMap<String, String>;

/// Tags of one resource at most.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/Using_Tags.html#tag-restrictions>
const TAGS_MAX: usize = 50;
/// Characters of a key, and of a value, at most.
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// The tags that a Create operation gives its resource: those of `TagSpecification` for `resource_type`.
pub(super) fn on_create(input: Input<'_>, resource_type: &str) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for specification in input.items("TagSpecification") {
        let given = super::required(specification, "ResourceType")?;
        if given != resource_type {
            return Err(Refusal::client(
                "InvalidParameterValue",
                format!("'{given}' is not a valid taggable resource type for this operation."),
            ));
        }
        tags.extend(parse(specification)?);
    }
    within_limit(&tags)?;
    Ok(tags)
}

fn parse(input: Input<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in input.items("Tag") {
        let key = super::required(tag, "Key")?;
        let value = tag.text("Value").unwrap_or_default();
        check(key, value)?;
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::client(
                "InvalidParameterValue",
                format!("Duplicate tag key '{key}' specified."),
            ));
        }
    }
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), Refusal> {
    let problem = if key.is_empty() {
        "Tag key cannot be empty.".to_owned()
    } else if key.to_ascii_lowercase().starts_with("aws:") {
        format!("Tag keys starting with 'aws:' are reserved for internal use: '{key}'")
    } else if key.chars().count() > KEY_CHARS_MAX {
        format!("Tag key exceeds the maximum length of {KEY_CHARS_MAX} characters")
    } else if value.chars().count() > VALUE_CHARS_MAX {
        format!("Tag value exceeds the maximum length of {VALUE_CHARS_MAX} characters")
    } else {
        return Ok(());
    };
    Err(Refusal::client("InvalidParameterValue", problem))
}

fn within_limit(tags: &Tags) -> Result<(), Refusal> {
    if tags.len() <= TAGS_MAX {
        return Ok(());
    }
    Err(Refusal::client(
        "TagLimitExceeded",
        format!("More than {TAGS_MAX} tags specified"),
    ))
}

/// `tagSet`
pub(super) fn describe(tags: &Tags) -> Value {
    tags.iter()
        .map(|(key, value)| json!({"key": key, "value": value}))
        .collect()
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateTags.html>
pub(super) fn create_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceId", "Tag"])?;
    let new = parse(input)?;
    let resources = known_resources(&mut cloud.ec2, input)?;
    if new.is_empty() {
        return Err(super::missing("Tag"));
    }
    for id in &resources {
        if let Some(tags) = tags_of(&mut cloud.ec2, id) {
            let mut all = tags.clone();
            all.extend(new.clone());
            within_limit(&all)?;
        }
    }
    for id in &resources {
        if let Some(tags) = tags_of(&mut cloud.ec2, id) {
            tags.extend(new.clone());
        }
    }
    Ok(json!({"return": true}))
}

/// Without `Tag` all tags go; a tag without a value goes whatever its value is.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html>
pub(super) fn delete_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceId", "Tag"])?;
    let resources = known_resources(&mut cloud.ec2, input)?;
    let mut unwanted = Vec::new();
    for tag in input.items("Tag") {
        unwanted.push((super::required(tag, "Key")?, tag.text("Value")));
    }
    for id in &resources {
        if let Some(tags) = tags_of(&mut cloud.ec2, id) {
            tags.retain(|key, value| {
                !unwanted.is_empty()
                    && !unwanted.iter().any(|(unwanted_key, unwanted_value)| {
                        key == unwanted_key
                            && unwanted_value.is_none_or(|unwanted| unwanted == value)
                    })
            });
        }
    }
    Ok(json!({"return": true}))
}

fn known_resources<'a>(state: &mut State, input: Input<'a>) -> Result<Vec<&'a str>, Refusal> {
    let ids = input.texts("ResourceId");
    if ids.is_empty() {
        return Err(super::missing("ResourceId"));
    }
    for id in &ids {
        if tags_of(state, id).is_none() {
            return Err(Refusal::client(
                "InvalidID",
                format!("The ID '{id}' is not valid"),
            ));
        }
    }
    Ok(ids)
}

/// The tags of the resource with this id, whatever its kind.
fn tags_of<'s>(state: &'s mut State, id: &str) -> Option<&'s mut Tags> {
    let (kind, _) = id.split_once('-')?;
    match kind {
        "vpc" => state.vpcs.get_mut(id).map(|vpc| &mut vpc.tags),
        "subnet" => state.subnets.get_mut(id).map(|subnet| &mut subnet.tags),
        "rtb" => state.route_tables.get_mut(id).map(|table| &mut table.tags),
        "igw" => state
            .internet_gateways
            .get_mut(id)
            .map(|gateway| &mut gateway.tags),
        "sg" => state
            .security_groups
            .get_mut(id)
            .map(|group| &mut group.tags),
        "eni" => state
            .network_interfaces
            .get_mut(id)
            .map(|interface| &mut interface.tags),
        _ => None,
    }
}
