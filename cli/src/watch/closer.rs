//! The closer look, as the provider takes it: evidence is read when there may be something new to find, and what was
//! found stays until something better is known, because its evidence may be gone.

use express_core::diagnosis::{self, Examined, Finding, Verdict};
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};
use express_handler::aws::AwsClients;
use express_handler::evidence::{self, LogSource, Subject};

use super::parts::Parts;
use crate::reference::ServiceArn;

/// Calls that one closer look takes at most.
const CALLS: u32 = 8;
/// Milliseconds between closer looks at a deployment that goes back already.
const GOING_BACK_MS: u64 = 60_000;

/// When evidence is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Examine {
    /// When something new may be found.
    WhenWorthIt,
    /// At every look.
    Always,
}

/// What was found of one deployment.
#[derive(Clone, Debug)]
pub struct Closer {
    examine: Examine,
    /// ARN of the deployment, and where it stood at the last closer look.
    of: Option<(String, DeploymentStatus)>,
    examined: Option<Examined>,
    findings: Vec<Verdict>,
}

impl Closer {
    /// Nothing was found yet.
    #[must_use]
    pub const fn new(examine: Examine) -> Self {
        Self {
            examine,
            of: None,
            examined: None,
            findings: Vec::new(),
        }
    }

    /// What was found, the most telling first.
    #[must_use]
    pub fn findings(&self) -> &[Verdict] {
        &self.findings
    }

    /// Looks closer where it is worth it, and returns how many calls that took at most.
    pub async fn look(
        &mut self,
        aws: &AwsClients,
        arn: &ServiceArn,
        parts: &Parts,
        deployment: &ObservedDeployment,
        now_ms: u64,
    ) -> u32 {
        if self
            .of
            .as_ref()
            .is_some_and(|(of, _)| *of != deployment.arn)
        {
            *self = Self::new(self.examine);
        }
        if self.examine == Examine::WhenWorthIt
            && !self.is_worth_it(deployment, !parts.is_provisioning, now_ms)
        {
            return 0;
        }
        let subject = Subject {
            cluster: &arn.cluster,
            service: &arn.name,
            deployment,
            log: parts.container.as_ref().map(LogSource::of),
        };
        let age_ms = now_ms.saturating_sub(deployment.created_ms);
        let evidence = evidence::find(aws, &subject, parts.expected.clone(), age_ms).await;
        self.of = Some((deployment.arn.clone(), deployment.status));
        self.examined = Some(Examined {
            deployment_arn: Some(deployment.arn.clone()),
            at_ms: now_ms,
            failures: deployment.progress.failures,
        });
        let findings = diagnosis::diagnose(&evidence);
        if !findings.is_empty() {
            self.findings = findings.iter().map(Finding::verdict).collect();
        }
        CALLS
    }

    fn is_worth_it(
        &self,
        deployment: &ObservedDeployment,
        is_reachable: bool,
        now_ms: u64,
    ) -> bool {
        let stood = self.of.as_ref().map(|(_, status)| *status);
        let has_moved = stood != Some(deployment.status);
        match deployment.status {
            DeploymentStatus::Running => diagnosis::is_worth_a_look(
                &deployment.progress,
                self.examined.as_ref(),
                is_reachable,
                deployment.created_ms,
                now_ms,
            ),
            DeploymentStatus::GoingBack => {
                let last_ms = self.examined.as_ref().map_or(0, |last| last.at_ms);
                has_moved || now_ms.saturating_sub(last_ms) >= GOING_BACK_MS
            }
            DeploymentStatus::Failed => has_moved,
            DeploymentStatus::Successful => false,
        }
    }
}
