//! CloudWatch Logs: log groups, their streams, and the events in them.
//!
//! A log group outlives the service that writes into it; a stream belongs to one writer (for ECS, one
//! container of one task). Events keep the time that their writer gave them and are read in that order.
//! Nothing expires here: a retention is stored and answered, and events older than it are refused on
//! arrival, as AWS does.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html>

mod filter_pattern;
mod log_event;
mod log_group;
mod log_stream;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

pub use log_event::LogEvent;
pub use log_group::LogGroup;
pub use log_stream::LogStream;

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// By name.
    pub groups: BTreeMap<String, LogGroup>,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "CreateLogGroup" => log_group::create(cloud, input),
        "DescribeLogGroups" => log_group::describe(cloud, input),
        "DeleteLogGroup" => log_group::delete(cloud, input),
        "PutRetentionPolicy" => log_group::put_retention(cloud, input),
        "DeleteRetentionPolicy" => log_group::delete_retention(cloud, input),
        "TagResource" => log_group::tag(cloud, input),
        "UntagResource" => log_group::untag(cloud, input),
        "ListTagsForResource" => log_group::list_tags(cloud, input),
        "CreateLogStream" => log_stream::create(cloud, input),
        "DescribeLogStreams" => log_stream::describe(cloud, input),
        "PutLogEvents" => log_event::put(cloud, input),
        "GetLogEvents" => log_event::get(cloud, input),
        "FilterLogEvents" => log_event::filter(cloud, input),
        _ => Err(Refusal::unsupported("logs", operation)),
    }
}

/// Whether there is a log group of this name.
#[must_use]
pub fn group_exists(cloud: &Cloud, name: &str) -> bool {
    cloud.logs.groups.contains_key(name)
}

/// Writes a line now, as the `awslogs` driver does: the stream is made if it is missing, the group is not.
///
/// # Errors
/// `ResourceNotFoundException` without the group.
pub fn append(cloud: &mut Cloud, group: &str, stream: &str, message: &str) -> Result<(), Refusal> {
    let now_ms = cloud.now_ms;
    let group = cloud.logs.groups.get_mut(group).ok_or_else(no_group)?;
    group
        .streams
        .entry(stream.to_owned())
        .or_insert_with(|| LogStream::created_at(now_ms))
        .append(now_ms, now_ms, message);
    Ok(())
}

/// The group that the input names, by `logGroupName` or by `logGroupIdentifier` (a name or an ARN).
fn group_of<'a>(cloud: &'a Cloud, input: Input<'_>) -> Result<&'a LogGroup, Refusal> {
    let identifier = match (input.text("logGroupName"), input.text("logGroupIdentifier")) {
        (Some(name), None) => name,
        (None, Some(identifier)) => {
            let prefix = cloud.account.arn("logs", "log-group:");
            identifier.strip_prefix(&prefix).unwrap_or(identifier)
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(
                "Exactly one of logGroupName and logGroupIdentifier must be specified",
            ));
        }
    };
    cloud.logs.groups.get(identifier).ok_or_else(no_group)
}

fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    input.text(name).ok_or_else(|| {
        invalid(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
             Member must not be null"
        ))
    })
}

fn limit(input: Input<'_>, maximum: usize) -> Result<usize, Refusal> {
    let Some(limit) = input.integer("limit")? else {
        return Ok(maximum);
    };
    usize::try_from(limit)
        .ok()
        .filter(|limit| (1..=maximum).contains(limit))
        .ok_or_else(|| invalid(format!("limit `{limit}` is not between 1 and {maximum}")))
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::client("InvalidParameterException", message)
}

fn bad_token() -> Refusal {
    invalid("The specified nextToken is invalid.")
}

fn no_group() -> Refusal {
    Refusal::client(
        "ResourceNotFoundException",
        "The specified log group does not exist.",
    )
}

fn no_stream() -> Refusal {
    Refusal::client(
        "ResourceNotFoundException",
        "The specified log stream does not exist.",
    )
}
