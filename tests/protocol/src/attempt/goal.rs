//! What an operation has to reach, and what it gives back, as `handler/src/operation/goal.rs` has it.

use express_core::claim::{Operation, Slot};

use super::placement::{self, Place};
use super::plan::Step;
use super::{Attempt, Problem, ledger_reply, pool_operation};
use crate::effect::{Effect, Failure, Response};
use crate::history::{Properties, Service};
use crate::ledger::{LedgerFailure, Members, Ordinal, arn, service_of};

/// One goal.
pub(super) enum Goal {
    /// The service is to be as desired.
    Converge(Properties),
    /// Nothing of the service is to be left.
    Remove(Service),
}

impl Goal {
    pub(super) const fn service(&self) -> Service {
        match self {
            Self::Converge(properties) => properties.service,
            Self::Remove(service) => *service,
        }
    }
}

impl Attempt<'_> {
    /// The goals of the open operation: what is asked for first, then what is to go.
    pub(super) fn goals(&self, operation: &Operation) -> Vec<Goal> {
        let services = &self.stored.record.services;
        let mut goals = Vec::new();
        if let Some(converge) = &operation.converge
            && services.contains_key(converge)
        {
            goals.extend(self.properties(operation).map(Goal::Converge));
        }
        let removed = operation.remove.iter();
        let removed = removed.filter(|arn| services.contains_key(*arn));
        goals.extend(removed.filter_map(|arn| service_of(arn)).map(Goal::Remove));
        goals
    }

    /// The service's slot, by the record.
    pub(super) fn slot_of(&self, service: Service) -> Option<Place> {
        let record = self.stored.record.services.get(&arn(service))?;
        let slot = record.slot.as_ref()?;
        let at = Ordinal {
            pool: slot.pool_id.parse().ok()?,
            number: slot.ordinal,
        };
        Some((at, slot.number))
    }

    /// Gives back what a removed service held: slot, host name, service name.
    pub(super) async fn release(&mut self, goal: &Goal) -> Result<(), Problem> {
        let Goal::Remove(service) = goal else {
            return Ok(());
        };
        let place = match self.slot_of(*service) {
            Some(place) => Some(place),
            None => self.slot_of_a_dead_claimant(*service).await?,
        };
        self.write().await?;
        if let Some((at, _)) = place {
            self.leave(at, *service).await?;
        }
        // Its names are given back by the next write of the record, which is that of the answer.
        self.stored_mut().record.services.remove(&arn(*service));
        self.released.push(*service);
        Ok(())
    }

    async fn leave(&self, at: Ordinal, service: Service) -> Result<(), Problem> {
        let left = ledger_reply(self.invocation.call(Effect::Release(at, service)).await)?;
        let Response::Members(Some(left)) = left else {
            return Ok(());
        };
        let Members {
            count,
            next_slot,
            is_open,
            own_slot: _,
        } = left;
        let capacity = self.invocation.world.state().history.capacity;
        if is_open && count == 0 {
            pool_operation::start_close(self.invocation, at, next_slot).await?;
        } else if is_open && count as u64 + 1 == capacity {
            ledger_reply(self.invocation.call(Effect::Offer(at)).await)?;
        }
        Ok(())
    }

    async fn slot_of_a_dead_claimant(
        &self,
        service: Service,
    ) -> Result<Option<Place>, LedgerFailure> {
        let record = self.stored.record.services.get(&arn(service));
        let pool = record.and_then(|record| record.claiming_in.as_ref()?.parse().ok());
        match pool {
            Some(pool) => placement::find_slot(self.invocation, pool, service).await,
            None => Ok(None),
        }
    }

    /// Claims what the steps ask for.
    pub(super) async fn apply_claims(
        &self,
        goal: &Goal,
        steps: &[Step],
    ) -> Result<Option<Place>, Problem> {
        let service = goal.service();
        if steps.contains(&Step::ClaimNextSlot) {
            let (at, current) = self
                .slot_of(service)
                .ok_or(Problem::Ledger(LedgerFailure::Conflict))?;
            let effect = Effect::ClaimNext {
                at,
                service,
                current,
            };
            return match self.invocation.call(effect).await {
                Ok(Response::Slot(Some(slot))) => Ok(Some((at, slot))),
                Ok(_) => Err(Problem::Ledger(LedgerFailure::Conflict)),
                Err(Failure::Ledger(failure)) => Err(failure.into()),
                Err(Failure::Aws(failure)) => unreachable!("the ledger said {failure:?}"),
            };
        }
        if !steps.contains(&Step::ClaimSlot) {
            return Ok(None);
        }
        let pool = self.pool();
        let held = if self.known.is_first {
            None
        } else {
            placement::find_slot(self.invocation, pool, service).await?
        };
        let place = match held {
            Some(place) => place,
            None => placement::claim(self.invocation, pool, service).await?,
        };
        Ok(Some(place))
    }

    fn pool(&self) -> u8 {
        let state = self.invocation.world.state();
        state.history.stacks[self.invocation.stack].pool
    }

    /// Notes that a slot is about to be claimed; written before the claim.
    pub(super) fn note_claim(&mut self, goal: &Goal) {
        let pool = self.pool().to_string();
        if let Some(service) = self
            .stored_mut()
            .record
            .services
            .get_mut(&arn(goal.service()))
        {
            service.claiming_in = Some(pool);
        }
    }

    /// Notes a slot that was just claimed.
    pub(super) fn keep_slot(&mut self, goal: &Goal, at: Ordinal, number: u64) {
        if let Some(service) = self
            .stored_mut()
            .record
            .services
            .get_mut(&arn(goal.service()))
        {
            service.slot = Some(Slot {
                pool_id: at.pool.to_string(),
                ordinal: at.number,
                number,
            });
        }
    }
}
