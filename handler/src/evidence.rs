//! Evidence for a deployment that does not get on: what ECS, ELB, CloudWatch and the container's log tell.
//!
//! Up to eight calls, all of them reads. Evidence that cannot be had is left out: a diagnosis must not be what fails
//! whoever wants one. What it means is core's to say (`express_core::diagnosis`).

use express_core::diagnosis::{Alarm, Evidence, Expected, StoppedTask, Target};
use express_core::resources::ecs_service::ObservedDeployment;
use express_core::resources::task_definition::{ContainerSpec, PRIMARY_CONTAINER};

use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::resources::ecs_service::task::FoundTask;
use crate::resources::{ecs_service, log_group, metric_alarm, target_group};

/// Milliseconds before a task's end from which on its log is read.
const LAST_WORDS_MS: u64 = 120_000;

/// What evidence is looked for.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Short name of the cluster.
    pub cluster: &'a str,
    /// Name of the service.
    pub service: &'a str,
    /// Of the tasks that the deployment starts, with the revision.
    pub task_definition_arn: &'a str,
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
        task_definition_arn,
        deployment,
        log,
    } = subject;
    let since_ms = deployment.created_ms;
    let (tasks, events, targets, alarms) = futures::join!(
        ecs_service::task::find(aws, cluster, service, task_definition_arn, since_ms),
        ecs_service::event::find(aws, cluster, service, since_ms),
        targets(aws, deployment),
        alarms(aws, &deployment.progress.triggered_alarms),
    );
    let tasks = tasks.map_err(note).unwrap_or_default();
    let log_lines = match (log, has_spoken(&tasks)) {
        (Some(log), Some(task)) => log_lines(aws, log, task, since_ms).await,
        (Some(_) | None, _) => Vec::new(),
    };
    Evidence {
        expected,
        age_ms,
        status_reason: deployment.status_reason.clone(),
        tasks: stopped(&tasks),
        targets,
        events: events.map_err(note).unwrap_or_default(),
        log_lines,
        alarms,
    }
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
async fn log_lines(
    aws: &AwsClients,
    log: &LogSource<'_>,
    task: &FoundTask,
    since_ms: u64,
) -> Vec<String> {
    let LogSource {
        group,
        stream_prefix,
    } = log;
    let stream = format!("{stream_prefix}/{PRIMARY_CONTAINER}/{}", task.id);
    let since_ms = task.stopped.as_ref().map_or(since_ms, |stopped| {
        stopped.stopping_ms.saturating_sub(LAST_WORDS_MS)
    });
    log_group::tail::find(aws, group, &stream, since_ms)
        .await
        .map_err(note)
        .unwrap_or_default()
}

/// The newest task whose container has ended, else the oldest that may still run: a new one has said nothing yet.
fn has_spoken(tasks: &[FoundTask]) -> Option<&FoundTask> {
    let has_ended = |task: &&FoundTask| {
        task.stopped
            .as_ref()
            .is_some_and(|it| it.containers.iter().any(|it| it.exit_code.is_some()))
    };
    let runs = |task: &&FoundTask| task.stopped.is_none();
    tasks
        .iter()
        .find(has_ended)
        .or_else(|| tasks.iter().rev().find(runs))
}

fn stopped(tasks: &[FoundTask]) -> Vec<StoppedTask> {
    tasks
        .iter()
        .filter_map(|task| task.stopped.clone())
        .collect()
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
