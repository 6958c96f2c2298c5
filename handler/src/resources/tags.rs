//! Tags in the words of each SDK: every service has its own type for the same pair of texts.

use std::collections::HashMap;

use express_core::resources::Tags;

/// ECS's form.
#[must_use]
pub fn to_ecs(tags: &Tags) -> Vec<aws_sdk_ecs::types::Tag> {
    tags.iter()
        .map(|(key, value)| {
            aws_sdk_ecs::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
        })
        .collect()
}

/// From ECS's form; a tag without a value has an empty one.
#[must_use]
pub fn from_ecs(tags: &[aws_sdk_ecs::types::Tag]) -> Tags {
    pairs(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// EC2's form.
#[must_use]
pub fn to_ec2(tags: &Tags) -> Vec<aws_sdk_ec2::types::Tag> {
    tags.iter()
        .map(|(key, value)| {
            aws_sdk_ec2::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
        })
        .collect()
}

/// From EC2's form; a tag without a value has an empty one.
#[must_use]
pub fn from_ec2(tags: &[aws_sdk_ec2::types::Tag]) -> Tags {
    pairs(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// Elastic Load Balancing's form; none without tags, because an empty list is refused.
#[must_use]
pub fn to_elbv2(tags: &Tags) -> Option<Vec<aws_sdk_elasticloadbalancingv2::types::Tag>> {
    let tags: Vec<_> = tags
        .iter()
        .map(|(key, value)| {
            aws_sdk_elasticloadbalancingv2::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
        })
        .collect();
    (!tags.is_empty()).then_some(tags)
}

/// From Elastic Load Balancing's form; a tag without a value has an empty one.
#[must_use]
pub fn from_elbv2(tags: &[aws_sdk_elasticloadbalancingv2::types::Tag]) -> Tags {
    pairs(tags.iter().map(|tag| (tag.key(), tag.value())))
}

/// CloudWatch's form.
#[must_use]
pub fn to_cloudwatch(tags: &Tags) -> Vec<aws_sdk_cloudwatch::types::Tag> {
    tags.iter()
        .map(|(key, value)| {
            aws_sdk_cloudwatch::types::Tag::builder()
                .key(key)
                .value(value)
                .build()
        })
        .collect()
}

/// Application Auto Scaling's form, without the tags that it does not take ([`is_blank`]); none without tags.
#[must_use]
pub fn to_autoscaling(tags: &Tags) -> Option<HashMap<String, String>> {
    let tags: HashMap<String, String> = tags
        .iter()
        .filter(|(_, value)| !is_blank(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    (!tags.is_empty()).then_some(tags)
}

/// Whether a tag's value is one that Application Auto Scaling refuses, alone among the services that we tag in.
/// Seen: hashicorp/terraform-provider-aws#32677 (`Tag values cannot be empty or blank`).
#[must_use]
pub fn is_blank(value: &str) -> bool {
    value.trim().is_empty()
}

fn pairs<'a>(tags: impl Iterator<Item = (Option<&'a str>, Option<&'a str>)>) -> Tags {
    tags.filter_map(|(key, value)| Some((key?.to_owned(), value.unwrap_or_default().to_owned())))
        .collect()
}
