//! What a service tells of itself: its scheduler's events, and the ids by which tasks know its deployments.
//!
//! ECS keeps the newest 100 events.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html>

use aws_sdk_ecs::types::{Deployment, Service};
use aws_smithy_types::DateTime;
use express_core::diagnosis::Event;

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error};
use crate::telemetry::presentable;

/// Events looked at: a deployment that fails repeats itself.
const EVENTS_MAX: usize = 20;
/// How much sooner than a service deployment ECS may have made the entry in `deployments` that its tasks name.
/// AWS promises nothing; an older one is of the deployment before.
const MADE_SOONER_MS: u64 = 10_000;

/// What the service tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Activity {
    /// `ecs-svc/…` of the deployment that began at the given time; none when the newest is older.
    pub deployment_id: Option<String>,
    /// Whether another deployment has fewer tasks than it wants.
    pub is_other_short: bool,
    /// The events since then, newest first.
    pub events: Vec<Event>,
}

/// What the service tells since `since_ms` (milliseconds since the epoch, by ECS's clock).
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
    since_ms: u64,
) -> Result<Activity, AwsError> {
    let answer = aws
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(service)
        .send()
        .await
        .map_err(aws_error("ecs:DescribeServices"))?;
    let found = answer.services().first();
    Ok(found.map_or_else(Activity::default, |found| activity(found, since_ms)))
}

fn activity(service: &Service, since_ms: u64) -> Activity {
    let made_ms = |it: &Deployment| it.created_at().and_then(millis).unwrap_or_default();
    let deployments = service.deployments();
    let newest = deployments
        .iter()
        .max_by_key(|it| made_ms(it))
        .filter(|it| made_ms(it).saturating_add(MADE_SOONER_MS) >= since_ms);
    let mut others = deployments
        .iter()
        .filter(|it| it.id() != newest.and_then(Deployment::id));
    Activity {
        deployment_id: newest.and_then(Deployment::id).map(str::to_owned),
        is_other_short: others.any(|it| it.running_count() < it.desired_count()),
        events: service
            .events()
            .iter()
            .filter_map(|event| {
                let at_ms = event.created_at().and_then(millis)?;
                let text = presentable(event.message()?, MESSAGE_BYTES_MAX);
                (at_ms >= since_ms).then_some(Event { at_ms, text })
            })
            .take(EVENTS_MAX)
            .collect(),
    }
}

/// Milliseconds since the epoch.
pub(super) fn millis(time: &DateTime) -> Option<u64> {
    u64::try_from(time.to_millis().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ServiceEvent;

    use super::*;

    fn deployment(id: &str, made_ms: i64, running: i32) -> Deployment {
        Deployment::builder()
            .id(id)
            .created_at(DateTime::from_millis(made_ms))
            .desired_count(2)
            .running_count(running)
            .build()
    }

    #[test]
    fn the_newest_deployment_counts_unless_it_is_of_before() {
        let event = |at_ms, text: &str| {
            let event = ServiceEvent::builder().message(text);
            event.created_at(DateTime::from_millis(at_ms)).build()
        };
        let service = Service::builder()
            .deployments(deployment("ecs-svc/1", 1_000, 1))
            .deployments(deployment("ecs-svc/2", 100_000, 0))
            .events(event(120_000, "new"))
            .events(event(90_000, "old"))
            .build();
        let found = activity(&service, 105_000);
        assert_eq!(found.deployment_id.as_deref(), Some("ecs-svc/2"));
        assert!(found.is_other_short);
        let texts: Vec<&str> = found.events.iter().map(|it| it.text.as_str()).collect();
        assert_eq!(texts, ["new"]);
        assert_eq!(activity(&service, 200_000).deployment_id, None);
    }
}
