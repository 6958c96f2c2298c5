//! What an operation has to reach: the service that is asked for, and the absence of others.

use express_core::claim::{Awaited, Operation, Slot};
use express_core::decision::Decision;
use express_core::desired::{Desired, Environment, Identity};
use express_core::network;
use express_core::observed::Observed;
use express_core::plan::{self, PlanError, Timing};
use express_core::sought::Sought;

use super::{Attempt, OperationError};
use crate::ledger::{self, LedgerError, Stored, pool};
use crate::sealed::SealedOperation;
use crate::{Runtime, observe, pool_operation};

/// One goal.
pub(super) enum Goal {
    /// The service is to be as desired.
    Converge(Box<Desired>),
    /// Nothing of the service is to be left.
    Remove {
        /// Which.
        identity: Box<Identity>,
        /// Its place on a load balancer.
        slot: Option<Slot>,
    },
}

impl Goal {
    pub(super) fn plan(
        &self,
        runtime: &Runtime,
        observed: &Observed,
        timing: &Timing,
    ) -> Result<Decision, PlanError> {
        match self {
            Self::Converge(desired) => plan::converge(desired, observed, timing),
            Self::Remove { identity, slot: _ } => {
                let zone = runtime.settings.hosted_zone_id.as_deref();
                plan::remove(identity, zone, observed)
            }
        }
    }

    const fn identity(&self) -> &Identity {
        match self {
            Self::Converge(desired) => &desired.identity,
            Self::Remove { identity, slot: _ } => identity,
        }
    }

    /// The service's slot, by the record.
    pub(super) fn slot(&self, stored: &Stored) -> Option<Slot> {
        let service = stored.record.services.get(&self.identity().service_arn)?;
        service.slot.clone()
    }
}

impl Attempt<'_> {
    /// The goals of the open operation: what is asked for first, then what is to go.
    pub(super) async fn goals(
        &mut self,
        operation: &Operation,
        sealed: &SealedOperation,
    ) -> Result<Vec<Goal>, OperationError> {
        let mut goals = Vec::new();
        if let Some((identity, slot)) = operation.converge.as_ref().and_then(|arn| self.held(arn)) {
            let desired = self.desired(identity, slot, operation, sealed).await?;
            goals.push(Goal::Converge(Box::new(desired)));
        }
        for (identity, slot) in operation.remove.iter().filter_map(|arn| self.held(arn)) {
            goals.push(Goal::Remove {
                identity: Box::new(identity),
                slot,
            });
        }
        Ok(goals)
    }

    /// A service of the record, with its slot.
    fn held(&self, arn: &str) -> Option<(Identity, Option<Slot>)> {
        let record = &self.stored.record;
        let service = record.services.get(arn)?;
        let identity = Identity::of_record(&record.owner, arn, service);
        Some((identity, service.slot.clone()))
    }

    async fn desired(
        &mut self,
        identity: Identity,
        slot: Option<Slot>,
        operation: &Operation,
        sealed: &SealedOperation,
    ) -> Result<Desired, OperationError> {
        let properties = sealed.properties.as_ref().ok_or({
            if sealed.is_of_newer_version {
                OperationError::PropertiesNewer
            } else {
                OperationError::PropertiesMissing
            }
        })?;
        let environment = environment(self.runtime, &self.stored.record.owner.stack_id);
        let facts = match self.known.vpc_facts.take() {
            Some(facts) => facts,
            None => {
                let mut observed = Observed {
                    slot: slot.into(),
                    ..Observed::default()
                };
                let facts = observe::with_network(
                    &self.runtime.aws,
                    &Sought::new(&identity, &environment, properties),
                    operation.deployment_asked_ms.is_some(),
                    properties,
                    &mut observed,
                )
                .await
                .map_err(OperationError::Observe)?;
                self.known.observed = Some(observed);
                facts
            }
        };
        let network = network::resolve(properties, &facts).map_err(OperationError::Plan)?;
        Ok(Desired::new(
            identity,
            environment,
            network,
            properties,
            sealed.old_properties.as_ref(),
        ))
    }

    /// What is known before the first look: what the invocation that received the request has seen, else
    /// the slot, by the record.
    pub(super) fn first_observation(&mut self, goal: &Goal) -> Observed {
        if let (Goal::Converge(_), Some(observed)) = (goal, self.known.observed.take()) {
            return observed;
        }
        let observed = Observed {
            slot: goal.slot(&self.stored).into(),
            ..Observed::default()
        };
        match goal {
            Goal::Remove { identity, slot: _ } if self.has_drained(&identity.service_arn) => {
                observed.without_what_serves()
            }
            Goal::Converge(_) | Goal::Remove { .. } => observed,
        }
    }

    /// Whether an earlier attempt has waited for this service to drain: it had removed what serves.
    fn has_drained(&self, arn: &str) -> bool {
        let operation = self.stored.record.operation.as_ref();
        operation
            .and_then(|operation| operation.waiting.as_ref())
            .is_some_and(|waiting| match &waiting.awaited {
                Awaited::Draining { service_arn } => service_arn == arn,
                Awaited::Deployment { arn: _, status: _ } => false,
            })
    }

    /// Gives back what a removed service held: slot, host name, service name. The last one to leave a load
    /// balancer has it closed, by an operation of its own that nobody waits for (R16).
    pub(super) async fn release(&mut self, goal: &Goal) -> Result<(), OperationError> {
        let Goal::Remove { identity, slot } = goal else {
            return Ok(());
        };
        let slot = match slot {
            Some(slot) => Some(slot.clone()),
            None => self.slot_of_a_dead_claimant(identity).await?,
        };
        ledger::write(self.runtime, &mut self.stored).await?;
        if let Some(slot) = slot {
            let left = pool::release(self.runtime, &slot, &identity.service_arn).await?;
            if let Some(left) = left.filter(|left| left.is_open) {
                if left.slots.is_empty() {
                    pool_operation::start_close(self.runtime, &slot, left.next_slot)
                        .await
                        .map_err(OperationError::Observe)?;
                } else if left.has_room_again() {
                    pool::offer(self.runtime, &slot.pool_id, slot.ordinal).await?;
                }
            }
        }
        // Its names are given back by the next write of the record, which is that of the answer.
        self.stored.release_service(&identity.service_arn);
        Ok(())
    }

    async fn slot_of_a_dead_claimant(
        &self,
        identity: &Identity,
    ) -> Result<Option<Slot>, LedgerError> {
        let service = self.stored.record.services.get(&identity.service_arn);
        let Some(pool_id) = service.and_then(|service| service.claiming_in.as_ref()) else {
            return Ok(None);
        };
        let found = pool::find_slot(self.runtime, pool_id, &identity.service_arn).await?;
        Ok(found.map(|placement| placement.slot))
    }

    /// Notes that a slot is about to be claimed; written before the claim.
    pub(super) fn note_claim(&mut self, goal: &Goal, pool_id: &str) {
        let arn = &goal.identity().service_arn;
        if let Some(service) = self.stored.record.services.get_mut(arn) {
            service.claiming_in = Some(pool_id.to_owned());
        }
    }

    /// Notes a slot that was just claimed.
    pub(super) fn keep_slot(&mut self, goal: &Goal, effect: &crate::apply::Effect) {
        let slot = match effect {
            crate::apply::Effect::Slot(placement) => &placement.slot,
            crate::apply::Effect::NextSlot(slot) => slot,
            _ => return,
        };
        let arn = &goal.identity().service_arn;
        if let Some(service) = self.stored.record.services.get_mut(arn) {
            service.slot = Some(slot.clone());
        }
    }
}

/// What the provider knows beside the request. Partition, region and account are those of the stack,
/// which were checked to be the function's own.
pub(crate) fn environment(runtime: &Runtime, stack_id: &str) -> Environment {
    let settings = &runtime.settings;
    let mut parts = stack_id.split(':').skip(1);
    let mut next = || parts.next().unwrap_or_default().to_owned();
    let partition = next();
    let _service = next();
    let region = next();
    let account_id = next();
    Environment {
        partition,
        region,
        account_id,
        domain_name: settings.domain_name.clone(),
        hosted_zone_id: settings.hosted_zone_id.clone(),
        certificate_arn: settings.certificate_arn.clone(),
    }
}
