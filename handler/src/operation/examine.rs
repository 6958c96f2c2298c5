//! The closer look at a deployment that does not get on: evidence is read, and core says what it means.
//!
//! A look costs up to eight calls, so it is taken only when there may be something new to see
//! ([`diagnosis::is_worth_a_look`]), and once more when ECS goes back or has given up. What is found is kept in the
//! record: once a deployment was rolled back, its targets are gone. Evidence that cannot be had is left out; a
//! diagnosis must not be what fails an operation.

use express_core::decision::{Wait, WaitReason};
use express_core::desired::{Desired, DesiredTaskDefinition};
use express_core::diagnosis::{
    self, Alarm, Cause, Evidence, Examined, Expected, Finding, StoppedTask, Target, Verdict,
};
use express_core::observed::Observed;
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};
use express_core::resources::load_balancer::LoadBalancerState;
use express_core::resources::task_definition::PRIMARY_CONTAINER;

use super::Attempt;
use super::goal::Goal;
use crate::aws::error::AwsError;
use crate::resources::ecs_service::task::FoundTask;
use crate::resources::{ecs_service, log_group, metric_alarm, target_group};

/// Milliseconds between looks at a deployment that goes back already.
const GOING_BACK_MS: u64 = 60_000;
/// Milliseconds before a task's end from which on its log is read.
const LAST_WORDS_MS: u64 = 120_000;

impl Attempt<'_> {
    /// Whether the deployment that this operation asked for cannot succeed any more.
    pub(super) fn is_hopeless(&self) -> bool {
        let operation = self.stored.record.operation.as_ref();
        operation
            .and_then(|operation| operation.verdict.as_ref())
            .is_some_and(|verdict| verdict.is_certain)
    }

    /// Whether a look at a deployment of ours may show something new; no target is reachable before the load
    /// balancer is in service.
    pub(super) fn is_to_be_examined(
        &self,
        deployment: &ObservedDeployment,
        is_reachable: bool,
    ) -> bool {
        let Some(operation) = &self.stored.record.operation else {
            return false;
        };
        let (Some(asked_ms), false) = (
            operation.deployment_asked_ms,
            operation.deployment_before.as_ref() == Some(&deployment.arn),
        ) else {
            return false;
        };
        let now_ms = self.runtime.clock.now_ms();
        match deployment.status {
            DeploymentStatus::Running => {
                let (progress, last) = (&deployment.progress, operation.examined);
                diagnosis::is_worth_a_look(progress, last, is_reachable, asked_ms, now_ms)
            }
            DeploymentStatus::GoingBack => operation
                .examined
                .is_none_or(|last| now_ms.saturating_sub(last.at_ms) >= GOING_BACK_MS),
            DeploymentStatus::Failed => true,
            DeploymentStatus::Successful => false,
        }
    }

    /// Looks closer where it is worth it, and keeps what is found.
    pub(super) async fn examine(&mut self, goal: &Goal, observed: &Observed) {
        let Goal::Converge(desired) = goal else {
            return;
        };
        let service = observed.ecs_service.present();
        let Some(deployment) = service.and_then(|service| service.deployment.as_ref()) else {
            return;
        };
        if self.is_hopeless() {
            return;
        }
        let examined = Examined {
            at_ms: self.runtime.clock.now_ms(),
            failures: deployment.progress.failures,
        };
        let load_balancer = observed.load_balancer.present();
        let is_reachable = load_balancer.is_some_and(|it| it.state == LoadBalancerState::Active);
        if !self.is_to_be_examined(deployment, is_reachable) {
            if let Some(operation) = &mut self.stored.record.operation
                && !is_reachable
                && deployment.status == DeploymentStatus::Running
            {
                // Waiting for health begins when it can come.
                operation.examined = Some(examined);
            }
            return;
        }
        let evidence = self.evidence(desired, observed, deployment).await;
        let findings = diagnosis::diagnose(&evidence);
        log(&findings);
        if let Some(operation) = &mut self.stored.record.operation {
            operation.examined = Some(examined);
            // What was suspected stays until something better is known: its evidence may be gone.
            let first = findings.first().map(Finding::verdict);
            operation.verdict = first.or(operation.verdict.take());
        }
    }

    async fn evidence(
        &self,
        desired: &Desired,
        observed: &Observed,
        deployment: &ObservedDeployment,
    ) -> Evidence {
        let service = observed.ecs_service.present();
        let task_definition = service.map_or("", |service| &service.task_definition_arn);
        let identity = &desired.identity;
        let (cluster, name) = (&identity.cluster, &identity.service);
        let (aws, since_ms) = (&self.runtime.aws, deployment.created_ms);
        let (tasks, events, targets, alarms) = futures::join!(
            ecs_service::task::find(aws, cluster, name, task_definition, since_ms),
            ecs_service::event::find(aws, cluster, name, since_ms),
            self.targets(deployment),
            self.alarms(&deployment.progress.triggered_alarms),
        );
        let tasks = tasks.map_err(note).unwrap_or_default();
        let log_lines = match has_spoken(&tasks) {
            Some(task) => self.log_lines(desired, task, since_ms).await,
            None => Vec::new(),
        };
        let asked_ms = self.deployment_asked_ms();
        let now_ms = self.runtime.clock.now_ms();
        Evidence {
            expected: Expected::of(desired, observed),
            age_ms: asked_ms.map_or(0, |asked_ms| now_ms.saturating_sub(asked_ms)),
            status_reason: deployment.status_reason.clone(),
            tasks: stopped(&tasks),
            targets,
            events: events.map_err(note).unwrap_or_default(),
            log_lines,
            alarms,
        }
    }

    async fn targets(&self, deployment: &ObservedDeployment) -> Vec<Target> {
        let Some(revision) = &deployment.target_revision_arn else {
            return Vec::new();
        };
        let aws = &self.runtime.aws;
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

    pub(super) async fn alarms(&self, names: &[String]) -> Vec<Alarm> {
        if names.is_empty() {
            return Vec::new();
        }
        let found = metric_alarm::state::find(&self.runtime.aws, names).await;
        found.map_err(note).unwrap_or_default()
    }

    /// What a task wrote, if the task definition is ours: of another one nobody knows the stream.
    async fn log_lines(&self, desired: &Desired, task: &FoundTask, since_ms: u64) -> Vec<String> {
        let DesiredTaskDefinition::Ours(spec) = &desired.task_definition else {
            return Vec::new();
        };
        let container = &spec.container;
        let stream = format!(
            "{}/{PRIMARY_CONTAINER}/{}",
            container.log_stream_prefix, task.id
        );
        let since_ms = task.stopped.as_ref().map_or(since_ms, |stopped| {
            stopped.stopping_ms.saturating_sub(LAST_WORDS_MS)
        });
        let group = &container.log_group;
        log_group::tail::find(&self.runtime.aws, group, &stream, since_ms)
            .await
            .map_err(note)
            .unwrap_or_default()
    }

    /// A service of the name that is still going: nothing else will be known if it does not go in time.
    pub(super) fn remember_predecessor(&mut self, goal: &Goal, wait: &Wait) {
        let (Goal::Converge(desired), WaitReason::ServiceDraining { .. }) = (goal, &wait.reason)
        else {
            return;
        };
        let expected = Expected {
            service: desired.identity.service.clone(),
            ..Expected::default()
        };
        let finding = Finding::plain(Cause::PredecessorDraining, "", &expected);
        if let Some(operation) = &mut self.stored.record.operation {
            operation.verdict = Some(Verdict {
                is_certain: false,
                ..finding.verdict()
            });
        }
    }
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

/// In full, as fields.
pub(super) fn log(findings: &[Finding]) {
    for finding in findings {
        tracing::info!(
            event = "diagnosis.finding",
            code = finding.cause.code(),
            is_certain = finding.is_certain,
            what = finding.what,
            evidence = finding.evidence,
            remedy = finding.cause.remedy()
        );
    }
}
