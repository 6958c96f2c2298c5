//! Who may mutate, as `handler/src/operation/hold.rs` has it.

use express_core::claim::{Awaited, RunningAttempt, Waiting};
use express_core::resources::ecs_service::DeploymentStatus as CoreStatus;

use super::{Attempt, CONTINUE_AFTER_S, Outcome, WORK_BUDGET_MS, ledger_reply};
use crate::aws::{DeploymentStatus, Sight};
use crate::effect::{Effect, Response};
use crate::ledger::{LedgerFailure, service_of};
use crate::rules::Rule;

/// Seconds between looks at a record that another attempt holds.
const WATCH_S: u32 = 5;
/// Times that a lost race for the record is run again.
const RACES_MAX: usize = 5;
/// Seconds between quick looks.
const WAITING_S: u64 = 15;
/// Quick looks before everything is observed again.
const QUICK_LOOKS: u64 = 5;

impl Attempt<'_> {
    /// Takes the right to mutate; a wait when another attempt may still have it.
    pub(super) async fn hold(&mut self) -> Result<Option<u64>, LedgerFailure> {
        if self.invocation.is_off(Rule::RunningAttempt) {
            return Ok(None);
        }
        for _ in 0..RACES_MAX {
            if self.stored.record.is_running(&self.name) {
                return Ok(None);
            }
            let is_free = self
                .stored
                .record
                .running
                .as_ref()
                .is_none_or(RunningAttempt::is_over);
            if is_free {
                let name = self.name.clone();
                let _is_free = self.stored_mut().record.begin_attempt(&name);
                match self.write().await {
                    Ok(()) => return Ok(None),
                    Err(LedgerFailure::Conflict) => self.read_again().await?,
                    Err(failure) => return Err(failure),
                }
            } else if !self.watch().await? {
                break;
            }
        }
        Ok(Some(CONTINUE_AFTER_S))
    }

    async fn watch(&mut self) -> Result<bool, LedgerFailure> {
        let mut watched_s = 0;
        let revision = self.stored.revision;
        while !self.is_out_of_time_for(WATCH_S) {
            self.invocation.sleep_ms(u64::from(WATCH_S) * 1000).await;
            self.read_again().await?;
            if self.stored.revision != revision {
                return Ok(self.stored.record.running.is_none());
            }
            watched_s += WATCH_S;
            let is_over = self.stored.record.running.as_ref().is_none_or(|running| {
                RunningAttempt {
                    unchanged_s: running.unchanged_s + watched_s,
                    ..running.clone()
                }
                .is_over()
            });
            if is_over {
                break;
            }
        }
        if let Some(running) = &mut self.stored_mut().record.running {
            running.unchanged_s += watched_s;
        }
        match self.write().await {
            Ok(()) => {
                let running = self.stored.record.running.as_ref();
                Ok(running.is_none_or(RunningAttempt::is_over))
            }
            Err(LedgerFailure::Conflict) => {
                self.read_again().await?;
                Ok(false)
            }
            Err(failure) => Err(failure),
        }
    }

    fn is_out_of_time_for(&self, seconds: u32) -> bool {
        let used_ms = self.invocation.now_ms() - self.invocation.began_ms;
        used_ms + u64::from(seconds) * 1000 > WORK_BUDGET_MS
    }

    async fn read_again(&mut self) -> Result<(), LedgerFailure> {
        match ledger_reply(self.invocation.call(Effect::FindOwner).await)? {
            Response::Owner(Some(stored)) => {
                self.stored = stored;
                Ok(())
            }
            _ => Err(LedgerFailure::Conflict),
        }
    }

    /// Lets others mutate, but not while a call of ours may still have its effect.
    pub(super) async fn let_go(&mut self, outcome: Outcome) -> Result<Outcome, LedgerFailure> {
        if self.stored.record.is_running(&self.name) && !self.is_in_flight {
            let name = self.name.clone();
            self.stored_mut().record.end_attempt(&name);
            self.write().await?;
        }
        Ok(outcome)
    }

    /// A deployment that is merely waited for is looked at by one call.
    pub(super) async fn look_quickly(&self) -> Option<u64> {
        let operation = self.stored.record.operation.as_ref()?;
        let waiting = operation.waiting.as_ref()?;
        let now_ms = self.invocation.now_ms();
        let is_due = now_ms.saturating_sub(waiting.observed_ms) >= QUICK_LOOKS * WAITING_S * 1000
            || now_ms + super::STOP_MARGIN_S * 1000 >= operation.answer_by_ms
            || !self.stored.record.superseded.is_empty();
        if self.stored.record.running.is_some() || is_due || operation.answer.is_some() {
            return None;
        }
        let Awaited::Deployment { arn, status: _ } = &waiting.awaited else {
            return None;
        };
        let service = operation.converge.as_deref().and_then(service_of)?;
        match self.invocation.call(Effect::FindDeployment(service)).await {
            Ok(Response::Deployment(Some((id, DeploymentStatus::Running))))
                if id.to_string() == *arn =>
            {
                Some(WAITING_S)
            }
            Ok(_) | Err(_) => None,
        }
    }

    /// Notes the deployment that is waited for.
    pub(super) fn remember_deployment(&mut self, seen: &Sight) {
        let observed_ms = self.invocation.now_ms();
        let running = seen
            .service
            .as_ref()
            .filter(|(_, status)| *status == DeploymentStatus::Running);
        let waiting = running.map(|(service, _)| Waiting {
            awaited: Awaited::Deployment {
                arn: service.deployment.id.to_string(),
                status: CoreStatus::Running,
            },
            observed_ms,
        });
        if let Some(operation) = &mut self.stored_mut().record.operation {
            operation.waiting = waiting;
        }
    }
}
