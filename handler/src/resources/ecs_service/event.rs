//! Events of a service: what its scheduler tells of what it does and cannot do.
//!
//! ECS keeps the newest 100.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html>

use aws_smithy_types::DateTime;

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error};
use crate::telemetry::presentable;

/// Events looked at: a deployment that fails repeats itself.
const EVENTS_MAX: usize = 20;

/// The events since `since_ms` (milliseconds since the epoch, by ECS's clock), newest first.
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
    since_ms: u64,
) -> Result<Vec<String>, AwsError> {
    let answer = aws
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(service)
        .send()
        .await
        .map_err(aws_error("ecs:DescribeServices"))?;
    let events = answer.services().first().map(|service| service.events());
    Ok(events
        .unwrap_or_default()
        .iter()
        .filter(|event| event.created_at().and_then(millis) >= Some(since_ms))
        .filter_map(|event| event.message())
        .take(EVENTS_MAX)
        .map(|message| presentable(message, MESSAGE_BYTES_MAX))
        .collect())
}

/// Milliseconds since the epoch.
pub(super) fn millis(time: &DateTime) -> Option<u64> {
    u64::try_from(time.to_millis().ok()?).ok()
}
