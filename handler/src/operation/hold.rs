//! Who may mutate: one attempt per owner, and none while another's calls may still be in flight.
//!
//! An attempt that was killed leaves its name in the record. Its successor mutates only when the name is
//! gone, or when successors have watched the record unchanged for longer than an attempt can live, each
//! by its own clock and without overlap: a watch counts only if the record is still at the revision at
//! which it began. No clock is ever compared with another's.

use express_core::claim::{Awaited, RunningAttempt, Waiting};
use express_core::decision::{Wait, WaitReason};
use express_core::observed::Observed;
use express_core::plan;
use express_core::resources::ecs_service::{DeploymentStatus, ServiceStatus};

use super::goal::Goal;
use super::{Attempt, CONTINUE_AFTER_S, Outcome, QUICK_LOOKS, WORK_BUDGET_MS};
use crate::ledger::{self, LedgerError, Stored};
use crate::resources;

/// Seconds between looks at a record that another attempt holds.
const WATCH_S: u32 = 5;
/// Seconds between quick looks at a service that drains.
const DRAINING_S: u32 = 15;
/// Times that a lost race for the record is run again.
const RACES_MAX: usize = 5;

impl Attempt<'_> {
    /// Takes the right to mutate; a wait when another attempt may still have it.
    pub(super) async fn hold(&mut self) -> Result<Option<Wait>, LedgerError> {
        // No attempt that may mutate begins before the waiter has been started.
        self.stored.record.note_waiter();
        for _ in 0..RACES_MAX {
            if self.stored.record.is_running(&self.name) {
                return Ok(None);
            }
            if self.stored.record.begin_attempt(&self.name) {
                match ledger::write(self.runtime, &mut self.stored).await {
                    Ok(()) => return Ok(None),
                    Err(LedgerError::Conflict) => self.read_again().await?,
                    Err(error) => return Err(error),
                }
            } else if !self.watch().await? {
                break;
            }
        }
        Ok(Some(Wait {
            reason: WaitReason::OtherAttempt,
            retry_after_s: CONTINUE_AFTER_S,
        }))
    }

    /// Watches the record for as long as this attempt may; whether it is worth trying to hold it now.
    async fn watch(&mut self) -> Result<bool, LedgerError> {
        let mut watched_s = 0;
        let revision = self.stored.revision();
        while !self.is_out_of_time_for(WATCH_S) {
            self.runtime.clock.sleep_ms(u64::from(WATCH_S) * 1000).await;
            self.read_again().await?;
            if self.stored.revision() != revision {
                // Somebody is at work, or has finished.
                return Ok(self.stored.record.running.is_none());
            }
            watched_s += WATCH_S;
            let running = self.stored.record.running.as_ref();
            if running.is_none_or(|running| running.is_over_after(watched_s)) {
                break;
            }
        }
        if let Some(running) = &mut self.stored.record.running {
            running.unchanged_s += watched_s;
        }
        match ledger::write(self.runtime, &mut self.stored).await {
            Ok(()) => Ok(self
                .stored
                .record
                .running
                .as_ref()
                .is_none_or(RunningAttempt::is_over)),
            Err(LedgerError::Conflict) => {
                self.read_again().await?;
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    fn is_out_of_time_for(&self, seconds: u32) -> bool {
        let used_ms = self.runtime.clock.now_ms().saturating_sub(self.began_ms);
        used_ms + u64::from(seconds) * 1000 > WORK_BUDGET_MS
    }

    /// Reads the record again. An attempt is for one request: what it knows of that (where it is answered, what it asks
    /// for) must not be taken for what a later one asks.
    async fn read_again(&mut self) -> Result<(), LedgerError> {
        let request_of = |stored: &Stored| {
            let operation = stored.record.operation.as_ref();
            operation.map(|operation| operation.request_id.clone())
        };
        let owner_key = express_core::naming::owner_key(&self.stored.record.owner);
        match ledger::find(self.runtime, &owner_key).await? {
            Some(stored) if request_of(&stored) == request_of(&self.stored) => {
                self.stored = stored;
                self.stored.record.note_waiter();
                Ok(())
            }
            Some(_) | None => Err(LedgerError::Conflict),
        }
    }

    /// Lets others mutate, and notes what is waited for; not while a call of ours may still have its
    /// effect: successors then watch it out as if this attempt had died.
    pub(super) async fn let_go(&mut self, outcome: Outcome) -> Result<Outcome, LedgerError> {
        if self.stored.record.is_running(&self.name) && !self.is_in_flight {
            self.stored.record.end_attempt(&self.name);
            ledger::write(self.runtime, &mut self.stored).await?;
        }
        Ok(outcome)
    }

    /// A deployment that is merely waited for is looked at by one call, and everything else only when
    /// its status changes or after some looks: ELB refills ten describes a second for the account.
    pub(super) async fn look_quickly(&self) -> Option<Wait> {
        let operation = self.stored.record.operation.as_ref()?;
        let waiting = operation.waiting.as_ref()?;
        let is_held = self.stored.record.running.is_some();
        let now_ms = self.runtime.clock.now_ms();
        let timing = self.timing(operation);
        let is_due = now_ms >= timing.stop_at_ms
            || now_ms >= operation.answer_by_ms
            || self.stored.record.has_untold();
        if is_held || is_due || operation.answer.is_some() {
            return None;
        }
        let wait = match &waiting.awaited {
            Awaited::Deployment { arn, status } => self.look_at_deployment(arn, *status).await,
            Awaited::Draining { service_arn } => self.look_at_draining(service_arn).await,
        };
        let age_ms = now_ms.saturating_sub(waiting.observed_ms);
        wait.filter(|wait| age_ms < QUICK_LOOKS * u64::from(wait.retry_after_s) * 1000)
    }

    /// Changed, gone, not getting on, or not to be had: a full look decides.
    async fn look_at_deployment(&self, arn: &str, status: DeploymentStatus) -> Option<Wait> {
        let found = resources::ecs_service::deployment::find(&self.runtime.aws, arn).await;
        let deployment = found.ok().flatten()?;
        let is_as_before =
            deployment.status == status && !self.is_to_be_examined(&deployment, true);
        let retry_after_s = deployment.progress.phase.look_again_s();
        is_as_before.then_some(Wait {
            reason: WaitReason::DeploymentRunning {
                service: deployment.arn,
                stage: deployment.stage,
            },
            retry_after_s,
        })
    }

    /// As for a deployment.
    async fn look_at_draining(&self, service_arn: &str) -> Option<Wait> {
        let service = self.stored.record.services.get(service_arn)?;
        let aws = &self.runtime.aws;
        let found = resources::ecs_service::find(aws, &service.cluster, &service.name).await;
        (found.ok().flatten()?.status == ServiceStatus::Draining).then(|| Wait {
            reason: WaitReason::ServiceDraining {
                service: service.name.clone(),
            },
            retry_after_s: DRAINING_S,
        })
    }

    /// Notes what is waited for.
    pub(super) fn remember_wait(&mut self, goal: &Goal, observed: &Observed) {
        let awaited = match goal {
            Goal::Converge(_) => deployment_under_way(observed),
            Goal::Remove { identity, held: _ } => {
                plan::is_going(identity, observed).then(|| Awaited::Draining {
                    service_arn: identity.service_arn.clone(),
                })
            }
        };
        let observed_ms = self.runtime.clock.now_ms();
        if let Some(operation) = &mut self.stored.record.operation {
            operation.note_progress();
            operation.waiting = awaited.map(|awaited| Waiting {
                awaited,
                observed_ms,
            });
        }
    }
}

fn deployment_under_way(observed: &Observed) -> Option<Awaited> {
    let service = observed.ecs_service.present()?;
    let Some(deployment) = &service.deployment else {
        // Just created: ECS has named the deployment, and it can only be running.
        return Some(Awaited::Deployment {
            arn: service.current_deployment_arn.clone()?,
            status: DeploymentStatus::Running,
        });
    };
    match deployment.status {
        DeploymentStatus::Running | DeploymentStatus::GoingBack => Some(Awaited::Deployment {
            arn: deployment.arn.clone(),
            status: deployment.status,
        }),
        DeploymentStatus::Successful | DeploymentStatus::Failed => None,
    }
}

#[cfg(test)]
mod tests;
