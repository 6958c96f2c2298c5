//! Tags of load balancers, listeners, rules and target groups.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};
use unicode_properties::{GeneralCategoryGroup, UnicodeGeneralCategory};

use super::State;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Tags by key.
pub(super) type Tags = BTreeMap<String, String>;

/// Tags of one resource at most.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-tags.html>
const TAGS_MAX: usize = 50;
/// Characters of a key, and of a value, at most.
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;
/// Resources of one DescribeTags call at most.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>
const RESOURCES_MAX: usize = 20;

/// The member `Tags` of a call.
pub(super) fn parse(input: Input<'_>) -> Result<Tags, Refusal> {
    let mut tags = Tags::new();
    for tag in input.items("Tags") {
        let key = tag.required("Key")?;
        let value = tag.text("Value").unwrap_or_default();
        check(key, value)?;
        if tags.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(Refusal::client(
                "DuplicateTagKeys",
                format!("The tag key '{key}' is given more than once"),
            ));
        }
    }
    within_limit(&tags)?;
    Ok(tags)
}

fn check(key: &str, value: &str) -> Result<(), Refusal> {
    let is_allowed = |character: char| {
        let group = character.general_category_group();
        matches!(
            group,
            GeneralCategoryGroup::Letter
                | GeneralCategoryGroup::Separator
                | GeneralCategoryGroup::Number
        ) || "_.:/=+-@".contains(character)
    };
    let problem = if key.is_empty() || key.chars().count() > KEY_CHARS_MAX {
        format!("Tag key `{key}` must have 1 to {KEY_CHARS_MAX} characters")
    } else if value.chars().count() > VALUE_CHARS_MAX {
        format!("The value of tag `{key}` must have at most {VALUE_CHARS_MAX} characters")
    } else if key.to_ascii_lowercase().starts_with("aws:") {
        format!("Tag key `{key}` is reserved: it begins with aws:")
    } else if !key.chars().chain(value.chars()).all(is_allowed) {
        format!("Tag `{key}` has characters that are not allowed")
    } else {
        return Ok(());
    };
    Err(super::invalid(problem))
}

fn within_limit(tags: &Tags) -> Result<(), Refusal> {
    if tags.len() <= TAGS_MAX {
        return Ok(());
    }
    Err(Refusal::client(
        "TooManyTags",
        format!("A resource can have at most {TAGS_MAX} tags"),
    ))
}

pub(super) fn add(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceArns", "Tags"])?;
    let arn = one_resource(&mut cloud.elbv2, input)?;
    let new = parse(input)?;
    if new.is_empty() {
        return Err(super::invalid("At least one tag must be given"));
    }
    let tags = tags_of(&mut cloud.elbv2, arn)?;
    let mut all = tags.clone();
    all.extend(new);
    within_limit(&all)?;
    *tags = all;
    Ok(json!({}))
}

pub(super) fn remove(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceArns", "TagKeys"])?;
    let keys = input.texts("TagKeys");
    let arn = one_resource(&mut cloud.elbv2, input)?;
    let tags = tags_of(&mut cloud.elbv2, arn)?;
    tags.retain(|key, _| !keys.contains(&key.as_str()));
    Ok(json!({}))
}

/// The only member of the list: AWS's reference has a list, and AWS refuses a second one.
/// Seen: <https://github.com/aws/aws-sdk-go-v2/issues/2715>
fn one_resource<'a>(state: &mut State, input: Input<'a>) -> Result<&'a str, Refusal> {
    match known_resources(state, input)?.as_slice() {
        [arn] => Ok(arn),
        _ => Err(super::invalid("Only one resource can be tagged at a time")),
    }
}

pub(super) fn describe(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceArns"])?;
    let mut descriptions = Vec::new();
    for arn in known_resources(&mut cloud.elbv2, input)? {
        let tags: Vec<Value> = tags_of(&mut cloud.elbv2, arn)?
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        descriptions.push(json!({"ResourceArn": arn, "Tags": tags}));
    }
    Ok(json!({"TagDescriptions": descriptions}))
}

fn known_resources<'a>(state: &mut State, input: Input<'a>) -> Result<Vec<&'a str>, Refusal> {
    let arns = input.texts("ResourceArns");
    if arns.is_empty() || arns.len() > RESOURCES_MAX {
        return Err(super::invalid(format!(
            "ResourceArns must name 1 to {RESOURCES_MAX} resources"
        )));
    }
    for arn in &arns {
        tags_of(state, arn)?;
    }
    Ok(arns)
}

/// The tags of the resource with this ARN, whatever its kind.
fn tags_of<'s>(state: &'s mut State, arn: &str) -> Result<&'s mut Tags, Refusal> {
    let resource = arn.splitn(6, ':').last().unwrap_or_default();
    let (kind, _) = resource.split_once('/').unwrap_or_default();
    match kind {
        "loadbalancer" => state
            .load_balancers
            .get_mut(arn)
            .map(|balancer| &mut balancer.tags)
            .ok_or_else(|| super::load_balancer::not_found(arn)),
        "listener" => state
            .listeners
            .get_mut(arn)
            .map(|listener| &mut listener.tags)
            .ok_or_else(|| super::listener::not_found(arn)),
        "listener-rule" => state
            .rules
            .tags_mut(arn)
            .ok_or_else(|| super::rule::not_found(arn)),
        "targetgroup" => state
            .target_groups
            .get_mut(arn)
            .map(|group| &mut group.tags)
            .ok_or_else(super::target_group::not_found),
        _ => Err(super::invalid(format!(
            "'{arn}' is not a valid resource ARN"
        ))),
    }
}
