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
    /// ARN of the deployment that cannot succeed any more.
    pub(super) fn hopeless_deployment(&self) -> Option<&str> {
        let verdict = self.stored.record.operation.as_ref()?.verdict.as_ref()?;
        verdict
            .deployment_arn
            .as_deref()
            .filter(|_| verdict.is_certain)
    }

    /// When this operation asked for the deployment, and the last look at it. None of one that it has not asked for, as
    /// far as is known: another one may follow it that somebody else has started, and that is not for us to judge.
    fn asked_for(&self, deployment: &ObservedDeployment) -> Option<(u64, Option<&Examined>)> {
        let operation = self.stored.record.operation.as_ref()?;
        let last = operation.examined.as_ref();
        let first = last.and_then(|last| last.deployment_arn.as_ref());
        let is_ours = operation.deployment_before.as_ref() != Some(&deployment.arn)
            && first.is_none_or(|first| *first == deployment.arn);
        let asked_ms = operation.deployment_asked_ms.filter(|_| is_ours)?;
        Some((asked_ms, last))
    }

    /// Whether a look at a deployment of ours may show something new; no target is reachable before the load
    /// balancer is in service.
    pub(super) fn is_to_be_examined(
        &self,
        deployment: &ObservedDeployment,
        is_reachable: bool,
    ) -> bool {
        let Some((asked_ms, last)) = self.asked_for(deployment) else {
            return false;
        };
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
        if is_hopeless || is_of_other || self.asked_for(deployment).is_none() {
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
        let asked_ms = self.deployment_asked_ms();
        let now_ms = self.runtime.clock.now_ms();
        let subject = Subject {
            cluster: &desired.identity.cluster,
            service: &desired.identity.service,
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
