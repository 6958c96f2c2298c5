//! Log groups.
//!
//! Identity: the name. Repeat-safe: creating one that exists is refused, and changes nothing.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{LogStream, bad_token, invalid, limit, no_group, required};
use crate::cloud::{Account, Cloud, Outcome};
use crate::paging;
use crate::tags::{self, TagProblem, Tags};
use crate::wire::{Input, Refusal};

/// Log groups on a page, at most and by default.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
const PAGE_MAX: usize = 50;

/// The retentions there are, in days.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html>
const RETENTIONS: &[i64] = &[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
];

/// One log group.
#[derive(Clone, Debug)]
pub struct LogGroup {
    /// Unique in the account and region.
    pub name: String,
    /// Days that events are kept; none keeps them for ever.
    pub retention_days: Option<i64>,
    /// Its streams, by name.
    pub streams: BTreeMap<String, LogStream>,
    class: String,
    created_ms: u64,
    tags: Tags,
}

impl LogGroup {
    /// The ARN that tags and policies use; `DescribeLogGroups` also has one that ends in `:*`.
    pub(super) fn arn(&self, account: &Account) -> String {
        account.arn("logs", &format!("log-group:{}", self.name))
    }

    fn describe(&self, account: &Account) -> Value {
        let arn = self.arn(account);
        let stored: usize = self.streams.values().map(LogStream::bytes).sum();
        let mut group = json!({
            "logGroupName": self.name,
            "creationTime": self.created_ms,
            "metricFilterCount": 0,
            "arn": format!("{arn}:*"),
            "storedBytes": stored,
            "logGroupClass": self.class,
            "logGroupArn": arn,
        });
        if let (Some(days), Some(members)) = (self.retention_days, group.as_object_mut()) {
            members.insert("retentionInDays".to_owned(), days.into());
        }
        group
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["logGroupName", "tags", "logGroupClass"])?;
    let name = required(input, "logGroupName")?;
    check_name(name)?;
    let class = input.text("logGroupClass").unwrap_or("STANDARD");
    if !matches!(class, "STANDARD" | "INFREQUENT_ACCESS") {
        return Err(invalid(format!(
            "local-aws has no log group class `{class}`"
        )));
    }
    let tags = tags::from_map(input, "tags").map_err(|problem| refused_tags(&problem))?;
    if cloud.logs.groups.contains_key(name) {
        return Err(Refusal::client(
            "ResourceAlreadyExistsException",
            "The specified log group already exists",
        ));
    }
    let group = LogGroup {
        name: name.to_owned(),
        retention_days: None,
        streams: BTreeMap::new(),
        class: class.to_owned(),
        created_ms: cloud.now_ms,
        tags,
    };
    cloud.logs.groups.insert(name.to_owned(), group);
    Ok(json!({}))
}

fn check_name(name: &str) -> Result<(), Refusal> {
    let characters = name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | '/' | '#'));
    if name.is_empty() || name.len() > 512 || !characters {
        return Err(invalid(format!(
            "1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy \
             constraint: Member must satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
        )));
    }
    if name.starts_with("aws/") {
        return Err(invalid(
            "Log groups starting with aws/ are reserved for AWS.",
        ));
    }
    Ok(())
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "logGroupNamePrefix",
        "logGroupNamePattern",
        "logGroupClass",
        "limit",
        "nextToken",
    ])?;
    let prefix = input.text("logGroupNamePrefix");
    let pattern = input.text("logGroupNamePattern").map(str::to_lowercase);
    if prefix.is_some() && pattern.is_some() {
        return Err(invalid(
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ));
    }
    let class = input.text("logGroupClass");
    let groups = cloud.logs.groups.values().filter(|group| {
        prefix.is_none_or(|prefix| group.name.starts_with(prefix))
            && pattern
                .as_ref()
                .is_none_or(|part| group.name.to_lowercase().contains(part))
            && class.is_none_or(|class| group.class == class)
    });
    let page = paging::page(
        groups.map(|group| (group.name.clone(), group.describe(&cloud.account))),
        input.text("nextToken"),
        limit(input, PAGE_MAX)?,
    )
    .map_err(|_| bad_token())?;
    Ok(json!({"logGroups": page.items, "nextToken": page.next}))
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["logGroupName"])?;
    let name = required(input, "logGroupName")?;
    cloud.logs.groups.remove(name).ok_or_else(no_group)?;
    Ok(json!({}))
}

pub(super) fn put_retention(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["logGroupName", "retentionInDays"])?;
    let days = input
        .integer("retentionInDays")?
        .filter(|days| RETENTIONS.contains(days))
        .ok_or_else(|| {
            let choices: Vec<String> = RETENTIONS.iter().map(i64::to_string).collect();
            invalid(format!(
                "retentionInDays must be one of {}",
                choices.join(", ")
            ))
        })?;
    named(cloud, input)?.retention_days = Some(days);
    Ok(json!({}))
}

pub(super) fn delete_retention(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["logGroupName"])?;
    named(cloud, input)?.retention_days = None;
    Ok(json!({}))
}

fn named<'a>(cloud: &'a mut Cloud, input: Input<'_>) -> Result<&'a mut LogGroup, Refusal> {
    let name = required(input, "logGroupName")?;
    cloud.logs.groups.get_mut(name).ok_or_else(no_group)
}

/// The ARN without the `:*` at its end.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TagResource.html>
fn tagged<'a>(cloud: &'a mut Cloud, input: Input<'_>) -> Result<&'a mut LogGroup, Refusal> {
    let arn = required(input, "resourceArn")?;
    let prefix = cloud.account.arn("logs", "log-group:");
    let name = arn.strip_prefix(&prefix).unwrap_or_default();
    cloud.logs.groups.get_mut(name).ok_or_else(|| {
        Refusal::client(
            "ResourceNotFoundException",
            format!("The specified resource does not exist: {arn}"),
        )
    })
}

pub(super) fn tag(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["resourceArn", "tags"])?;
    let added = tags::from_map(input, "tags").map_err(|problem| refused_tags(&problem))?;
    let group = tagged(cloud, input)?;
    tags::merge(&mut group.tags, added).map_err(|problem| refused_tags(&problem))?;
    Ok(json!({}))
}

pub(super) fn untag(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["resourceArn", "tagKeys"])?;
    let group = tagged(cloud, input)?;
    for key in input.texts("tagKeys") {
        group.tags.remove(key);
    }
    Ok(json!({}))
}

pub(super) fn list_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["resourceArn"])?;
    let tags = &tagged(cloud, input)?.tags;
    Ok(json!({ "tags": tags }))
}

fn refused_tags(problem: &TagProblem) -> Refusal {
    match problem {
        TagProblem::TooMany => Refusal::client("TooManyTagsException", problem.to_string()),
        TagProblem::Malformed(text) => invalid(text.as_str()),
    }
}
