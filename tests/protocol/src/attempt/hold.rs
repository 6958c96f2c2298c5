//! Who may mutate, as `handler/src/operation/hold.rs` has it.

use express_core::claim::{Awaited, RunningAttempt, Waiting};
use express_core::resources::ecs_service::DeploymentStatus as CoreStatus;

use super::goal::Goal;
use super::{Attempt, CONTINUE_AFTER_S, Outcome, WORK_BUDGET_MS, ledger_reply};
use crate::aws::{DeploymentStatus, Sight};
use crate::effect::{Effect, Response};
use crate::history::Service;
use crate::ledger::{LedgerFailure, Stored, arn, service_of};
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
            let running = self.stored.record.running.as_ref();
            if running.is_none_or(|running| running.is_over_after(watched_s)) {
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

    /// An attempt is for one request: what it knows of that must not be taken for what a later one asks.
    async fn read_again(&mut self) -> Result<(), LedgerFailure> {
        let request_of = |stored: &Stored| {
            let operation = stored.record.operation.as_ref();
            operation.map(|operation| operation.request_id.clone())
        };
        match ledger_reply(self.invocation.call(Effect::FindOwner).await)? {
            Response::Owner(Some(stored)) if request_of(&stored) == request_of(&self.stored) => {
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
            || self.is_time_to_stop(operation)
            || now_ms >= operation.answer_by_ms
            || self.stored.record.has_untold();
        if self.stored.record.running.is_some() || is_due || operation.answer.is_some() {
            return None;
        }
        let is_unchanged = match &waiting.awaited {
            Awaited::Deployment { arn, status: _ } => {
                let service = operation.converge.as_deref().and_then(service_of)?;
                let found = self.invocation.call(Effect::FindDeployment(service)).await;
                matches!(found, Ok(Response::Deployment(Some((id, DeploymentStatus::Running))))
                    if id.to_string() == *arn)
            }
            Awaited::Draining { service_arn } => {
                let service = service_of(service_arn)?;
                let observe = Effect::Observe(service, None);
                let found = self.invocation.call(observe).await;
                matches!(found, Ok(Response::Sight(seen)) if drains(&seen))
            }
        };
        is_unchanged.then_some(WAITING_S)
    }

    /// Whether an earlier attempt has waited for this service to drain: it had removed what serves.
    pub(super) fn has_drained(&self, service: Service) -> bool {
        let operation = self.stored.record.operation.as_ref();
        operation
            .and_then(|operation| operation.waiting.as_ref())
            .is_some_and(|waiting| match &waiting.awaited {
                Awaited::Draining { service_arn } => service_of(service_arn) == Some(service),
                Awaited::Deployment { .. } => false,
            })
    }

    /// Notes what is waited for.
    pub(super) fn remember_wait(&mut self, goal: &Goal, seen: &Sight) {
        let awaited = match goal {
            Goal::Converge(_) => seen
                .service
                .as_ref()
                .filter(|(_, status)| *status == DeploymentStatus::Running)
                .map(|(service, _)| Awaited::Deployment {
                    arn: service.deployment.id.to_string(),
                    status: CoreStatus::Running,
                }),
            Goal::Remove(service) => drains(seen).then(|| Awaited::Draining {
                service_arn: arn(*service),
            }),
        };
        let observed_ms = self.invocation.now_ms();
        if let Some(operation) = &mut self.stored_mut().record.operation {
            operation.note_progress();
            operation.waiting = awaited.map(|awaited| Waiting {
                awaited,
                observed_ms,
            });
        }
    }
}

fn drains(seen: &Sight) -> bool {
    let service = seen.service.as_ref();
    service.is_some_and(|(service, _)| service.drains_until_ms.is_some())
}
