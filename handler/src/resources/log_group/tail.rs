//! The last lines of one container.
//!
//! By FilterLogEvents, not by GetLogEvents: only the former can be allowed by the log group's tag, and the provider
//! must not read what is not a service's.
//! AWS: <https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoncloudwatchlogs.html>

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, aws_error};

/// Lines looked at, of those since the given time. A page holds at most 10,000 and 1 MB.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html>
const EVENTS_MAX: i32 = 500;
/// Lines that are kept.
const LINES_MAX: usize = 20;

/// The last lines of a stream since `since_ms` (milliseconds since the epoch), oldest first. They are the
/// application's own, in full: whoever shows them masks them first, and cuts them only then.
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    group: &str,
    stream: &str,
    since_ms: u64,
) -> Result<Vec<String>, AwsError> {
    let answer = aws
        .logs
        .filter_log_events()
        .log_group_name(group)
        .log_stream_names(stream)
        .start_time(i64::try_from(since_ms).unwrap_or_default())
        .limit(EVENTS_MAX)
        .send()
        .await
        .map_err(aws_error("logs:FilterLogEvents"));
    let answer = match answer {
        Ok(answer) => answer,
        // A container that wrote nothing has no stream.
        Err(error) if error.is_not_found() => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let events = answer.events();
    let first = events.len().saturating_sub(LINES_MAX);
    let last = events.get(first..).unwrap_or_default();
    Ok(last
        .iter()
        .filter_map(|event| event.message())
        .map(str::to_owned)
        .collect())
}
