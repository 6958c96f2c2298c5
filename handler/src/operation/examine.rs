//! The closer look at a deployment that does not get on: evidence is read, and core says what it means.
//!
//! A look costs up to eight calls ([`evidence`]), so it is taken only when there may be something new to see
//! ([`diagnosis::is_worth_a_look`]), and once more when ECS goes back or has given up. What is found is kept in the
//! record: once a deployment was rolled back, its targets are gone.

use express_core::decision::{Wait, WaitReason};
use express_core::desired::{Desired, DesiredTaskDefinition};
use express_core::diagnosis::{self, Alarm, Cause, Evidence, Examined, Expected, Finding, Verdict};
use express_core::observed::Observed;
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};
use express_core::resources::load_balancer::LoadBalancerState;

use super::Attempt;
use super::goal::Goal;
use crate::evidence::{self, LogSource, Subject};

/// Milliseconds between looks at a deployment that goes back already.
const GOING_BACK_MS: u64 = 60_000;

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
        let asked_ms = self.deployment_asked_ms();
        let now_ms = self.runtime.clock.now_ms();
        let subject = Subject {
            cluster: &desired.identity.cluster,
            service: &desired.identity.service,
            task_definition_arn: service.map_or("", |service| &service.task_definition_arn),
            deployment,
            log: match &desired.task_definition {
                DesiredTaskDefinition::Ours(spec) => Some(LogSource::of(&spec.container)),
                DesiredTaskDefinition::Given(_) => None,
            },
        };
        let age_ms = asked_ms.map_or(0, |asked_ms| now_ms.saturating_sub(asked_ms));
        let expected = Expected::of(desired, observed);
        evidence::find(&self.runtime.aws, &subject, expected, age_ms).await
    }

    pub(super) async fn alarms(&self, names: &[String]) -> Vec<Alarm> {
        evidence::alarms(&self.runtime.aws, names).await
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
