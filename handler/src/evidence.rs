//! Evidence for a deployment that does not get on: what ECS, ELB, CloudWatch and the container's log tell.
//!
//! Up to eight calls, all of them reads. Evidence that cannot be had is left out: a diagnosis must not be what fails
//! whoever wants one. What it means is core's to say (`express_core::diagnosis`).

use express_core::diagnosis::{self, Alarm, Evidence, Expected, Target, Task};
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};
use express_core::resources::task_definition::{ContainerSpec, PRIMARY_CONTAINER};

use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::resources::log_group::tail::Lines;
use crate::resources::{ecs_service, log_group, metric_alarm, target_group};

/// What evidence is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Short name of the cluster.
    pub cluster: &'a str,
    /// Name of the service.
    pub service: &'a str,
    /// The deployment.
    pub deployment: &'a ObservedDeployment,
    /// Where its containers write; none when nobody knows their streams.
    pub log: Option<LogSource<'a>>,
}

/// Where a task definition's primary container writes.
#[derive(Clone, Copy, Debug)]
pub struct LogSource<'a> {
    group: &'a str,
    stream_prefix: &'a str,
}

impl<'a> LogSource<'a> {
    /// Where this container writes.
    #[must_use]
    pub fn of(container: &'a ContainerSpec) -> Self {
        Self {
            group: &container.log_group,
            stream_prefix: &container.log_stream_prefix,
        }
    }
}

/// All that AWS tells of `subject`, of which `expected` should be there; `age_ms` is how long ago the deployment was
/// asked for.
pub async fn find(
    aws: &AwsClients,
    subject: &Subject<'_>,
    expected: Expected,
    age_ms: u64,
) -> Evidence {
    let Subject {
        cluster,
        service,
        deployment,
        log,
    } = subject;
    let since_ms = deployment.created_ms;
    let (tasks, activity, targets, alarms) = futures::join!(
        ecs_service::task::find(aws, cluster, service),
        ecs_service::event::find(aws, cluster, service, since_ms),
        targets(aws, deployment),
        alarms(aws, &deployment.progress.triggered_alarms),
    );
    let activity = activity.map_err(note).unwrap_or_default();
    // Once ECS goes back, the newest is another one.
    let is_running = deployment.status == DeploymentStatus::Running;
    let mut evidence = Evidence {
        expected,
        age_ms,
        deployed_ms: since_ms,
        deployment_id: activity.deployment_id.filter(|_| is_running),
        is_other_short: activity.is_other_short,
        status_reason: deployment.status_reason.clone(),
        tasks: tasks.map_err(note).unwrap_or_default(),
        targets,
        events: activity.events,
        first_lines: Vec::new(),
        last_lines: Vec::new(),
        alarms,
    };
    if let (Some(log), Some(task)) = (log, diagnosis::has_spoken(&evidence)) {
        let lines = log_lines(aws, log, &task).await;
        (evidence.first_lines, evidence.last_lines) = (lines.first, lines.last);
    }
    evidence
}

/// Why the alarms of these names are in the state that they are in.
pub async fn alarms(aws: &AwsClients, names: &[String]) -> Vec<Alarm> {
    if names.is_empty() {
        return Vec::new();
    }
    let found = metric_alarm::state::find(aws, names).await;
    found.map_err(note).unwrap_or_default()
}

async fn targets(aws: &AwsClients, deployment: &ObservedDeployment) -> Vec<Target> {
    let Some(revision) = &deployment.target_revision_arn else {
        return Vec::new();
    };
    let revision = ecs_service::deployment::find_revision(aws, revision).await;
    let revision = revision.map_err(note).ok().flatten();
    match revision.and_then(|revision| revision.target_group_arn) {
        Some(group) => target_group::health::find(aws, &group)
            .await
            .map_err(note)
            .unwrap_or_default(),
        None => Vec::new(),
    }
}

/// What a task wrote.
async fn log_lines(aws: &AwsClients, log: &LogSource<'_>, task: &Task) -> Lines {
    let LogSource {
        group,
        stream_prefix,
    } = log;
    let stream = format!("{stream_prefix}/{PRIMARY_CONTAINER}/{}", task.id);
    log_group::tail::find(aws, group, &stream, task.created_ms)
        .await
        .map_err(note)
        .unwrap_or_default()
}

/// Evidence that cannot be had.
fn note(error: AwsError) {
    tracing::info!(
        event = "diagnosis.incomplete",
        operation = error.operation,
        code = error.code,
        message = error.message
    );
}
