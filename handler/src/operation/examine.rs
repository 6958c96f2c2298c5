//! The closer look at a deployment that does not get on: evidence is read, and core says what it means.
//!
//! A look costs up to eight calls, so it is taken only when there may be something new to see
//! ([`diagnosis::is_worth_a_look`]), and once more when ECS goes back or has given up. What is found is kept in the
//! record: once a deployment was rolled back, its targets are gone. Evidence that cannot be had is left out; a
//! diagnosis must not be what fails an operation.

use express_core::decision::{Wait, WaitReason};
use express_core::desired::{Desired, DesiredTaskDefinition};
use express_core::diagnosis::{
    self, Alarm, Cause, Evidence, Examined, Expected, Finding, Target, Task, Verdict,
};
use express_core::observed::Observed;
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};
use express_core::resources::load_balancer::LoadBalancerState;
use express_core::resources::task_definition::PRIMARY_CONTAINER;

use super::Attempt;
use super::goal::Goal;
use crate::aws::error::AwsError;
use crate::resources::log_group::tail::Lines;
use crate::resources::{ecs_service, log_group, metric_alarm, target_group};

/// Milliseconds between looks at a deployment that goes back already.
const GOING_BACK_MS: u64 = 60_000;

impl Attempt<'_> {
    /// ARN of the deployment that cannot succeed any more.
    pub(super) fn hopeless_deployment(&self) -> Option<&str> {
        let verdict = self.stored.record.operation.as_ref()?.verdict.as_ref()?;
        verdict
            .deployment_arn
            .as_deref()
            .filter(|_| verdict.is_certain)
    }

    /// Whether a deployment is the one that this operation asked for, as far as is known: another one may follow it
    /// that somebody else has started, and that is not for us to judge.
    fn is_asked_for(&self, deployment: &ObservedDeployment) -> bool {
        let Some(operation) = &self.stored.record.operation else {
            return false;
        };
        let examined = operation.examined.as_ref();
        let first = examined.and_then(|last| last.deployment_arn.as_ref());
        operation.deployment_asked_ms.is_some()
            && operation.deployment_before.as_ref() != Some(&deployment.arn)
            && first.is_none_or(|first| *first == deployment.arn)
    }

    /// Whether a look at a deployment of ours may show something new; no target is reachable before the load
    /// balancer is in service.
    pub(super) fn is_to_be_examined(
        &self,
        deployment: &ObservedDeployment,
        is_reachable: bool,
    ) -> bool {
        let (Some(operation), true) =
            (&self.stored.record.operation, self.is_asked_for(deployment))
        else {
            return false;
        };
        let Some(asked_ms) = operation.deployment_asked_ms else {
            return false;
        };
        let last = operation.examined.as_ref();
        let now_ms = self.runtime.clock.now_ms();
        match deployment.status {
            DeploymentStatus::Running => {
                let progress = &deployment.progress;
                diagnosis::is_worth_a_look(progress, last, is_reachable, asked_ms, now_ms)
            }
            DeploymentStatus::GoingBack => {
                last.is_none_or(|last| now_ms.saturating_sub(last.at_ms) >= GOING_BACK_MS)
            }
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
        // One that runs something else was started by somebody else.
        let runs = observed.task_definition.present().map(|found| &found.arn);
        let is_of_other = deployment.task_definition_arn.is_some()
            && runs.is_some()
            && deployment.task_definition_arn.as_ref() != runs;
        let is_hopeless = self.hopeless_deployment() == Some(deployment.arn.as_str());
        if is_hopeless || is_of_other || !self.is_asked_for(deployment) {
            return;
        }
        let examined = Examined {
            deployment_arn: Some(deployment.arn.clone()),
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
            let first = findings.first().map(|first| Verdict {
                deployment_arn: Some(deployment.arn.clone()),
                ..first.verdict()
            });
            // What was suspected stays until something better is known: its evidence may be gone.
            operation.verdict = first.or(operation.verdict.take());
        }
    }

    async fn evidence(
        &self,
        desired: &Desired,
        observed: &Observed,
        deployment: &ObservedDeployment,
    ) -> Evidence {
        let identity = &desired.identity;
        let (cluster, name) = (&identity.cluster, &identity.service);
        let (aws, since_ms) = (&self.runtime.aws, deployment.created_ms);
        let (tasks, activity, targets, alarms) = futures::join!(
            ecs_service::task::find(aws, cluster, name),
            ecs_service::event::find(aws, cluster, name, since_ms),
            self.targets(deployment),
            self.alarms(&deployment.progress.triggered_alarms),
        );
        let activity = activity.map_err(note).unwrap_or_default();
        // Once ECS goes back, the newest is another one.
        let is_running = deployment.status == DeploymentStatus::Running;
        let asked_ms = self.deployment_asked_ms();
        let now_ms = self.runtime.clock.now_ms();
        let mut evidence = Evidence {
            expected: Expected::of(desired, observed),
            age_ms: asked_ms.map_or(0, |asked_ms| now_ms.saturating_sub(asked_ms)),
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
        if let Some(task) = diagnosis::has_spoken(&evidence) {
            let lines = self.log_lines(desired, &task).await;
            (evidence.first_lines, evidence.last_lines) = (lines.first, lines.last);
        }
        evidence
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
    async fn log_lines(&self, desired: &Desired, task: &Task) -> Lines {
        let DesiredTaskDefinition::Ours(spec) = &desired.task_definition else {
            return Lines::default();
        };
        let container = &spec.container;
        let stream = format!(
            "{}/{PRIMARY_CONTAINER}/{}",
            container.log_stream_prefix, task.id
        );
        let (aws, group) = (&self.runtime.aws, &container.log_group);
        log_group::tail::find(aws, group, &stream, task.created_ms)
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
