//! What an operation has to reach: the service that is asked for, and the absence of others.

use express_core::claim::{Awaited, Operation, ServiceRecord, Slot};
use express_core::decision::Decision;
use express_core::desired::{Desired, Environment, Identity};
use express_core::naming;
use express_core::network;
use express_core::observed::{AliasLook, Observed, Presence};
use express_core::plan::{self, PlanError, Timing};
use express_core::resources::alias_record::AliasChange;
use express_core::sought::Sought;
use express_core::step::Step;

use super::{Attempt, OperationError, StepError};
use crate::apply::Effect;
use crate::aws::error::AwsError;
use crate::error::chain;
use crate::ledger::{self, LedgerError, Stored, pool};
use crate::sealed::SealedOperation;
use crate::{Runtime, observe, pool_operation, waiter};

/// Milliseconds after an operation's start from which it goes on without Route 53's answer where it can.
const ALIAS_PATIENCE_MS: u64 = 60_000;
/// Milliseconds that a way back keeps for the last deployment of a move, and for what is left behind then: some minutes
/// for each, and as much again.
const LAST_STAGE_MS: u64 = 900_000;
/// How old an operation may be that still waits for Step Functions to take the closing of the load balancer that it leaves.
const CLOSING_PATIENCE_MS: u64 = 300_000;

/// One goal.
pub(super) enum Goal {
    /// The service is to be as desired.
    Converge(Box<Desired>),
    /// Nothing of the service is to be left.
    Remove {
        /// Which.
        identity: Box<Identity>,
        /// What the ledger knows of it.
        held: Box<ServiceRecord>,
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
            Self::Remove { identity, held: _ } => {
                let zone = runtime.settings.hosted_zone_id.as_deref();
                plan::remove(identity, zone, observed)
            }
        }
    }

    pub(super) const fn identity(&self) -> &Identity {
        match self {
            Self::Converge(desired) => &desired.identity,
            Self::Remove { identity, held: _ } => identity,
        }
    }

    pub(super) const fn is_removal(&self) -> bool {
        matches!(self, Self::Remove { .. })
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
        let domain = self.runtime.settings.domain();
        let other_domain = |held: &ServiceRecord| OperationError::OtherDomain {
            host: held.host.clone(),
            domain: domain.name.clone(),
        };
        if let Some((identity, held)) = operation.converge.as_ref().and_then(|arn| self.held(arn)) {
            if !domain.has(&held) {
                return Err(other_domain(&held));
            }
            let desired = self.desired(identity, &held, operation, sealed).await?;
            goals.push(Goal::Converge(Box::new(desired)));
        }
        for (identity, held) in operation.remove.iter().filter_map(|arn| self.held(arn)) {
            if !domain.can_remove(&held) {
                return Err(other_domain(&held));
            }
            goals.push(Goal::Remove {
                identity: Box::new(identity),
                held: Box::new(held),
            });
        }
        Ok(goals)
    }

    /// A service of the record, with what it holds.
    fn held(&self, arn: &str) -> Option<(Identity, ServiceRecord)> {
        let record = &self.stored.record;
        let service = record.services.get(arn)?;
        let identity = Identity::of_record(&record.owner, arn, service);
        Some((identity, service.clone()))
    }

    async fn desired(
        &mut self,
        identity: Identity,
        held: &ServiceRecord,
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
        let reaches = held.reaches(self.runtime.clock.now_ms());
        let facts = match self.known.vpc_facts.take() {
            Some(facts) => facts,
            None => {
                let mut observed = self.of_record(held);
                let facts = observe::with_network(
                    &self.runtime.aws,
                    &Sought::new(&identity, &environment, properties),
                    operation.deployment_asked_ms.is_some(),
                    (properties, &reaches),
                    &mut observed,
                )
                .await
                .map_err(OperationError::Observe)?;
                self.known.observed = Some(observed);
                facts
            }
        };
        let network =
            network::resolve(properties, &facts, &reaches).map_err(OperationError::Plan)?;
        Ok(Desired::new(
            identity,
            environment,
            network,
            properties,
            sealed.old_properties.as_ref(),
        )
        .leading_back_from(operation.leads_back_from()))
    }

    /// What is known before the first look: what the invocation that received the request has seen, else
    /// the slot, by the record.
    pub(super) fn first_observation(&mut self, goal: &Goal) -> Observed {
        if let (Goal::Converge(_), Some(observed)) = (goal, self.known.observed.take()) {
            return observed;
        }
        let observed = self.by_record(goal);
        match goal {
            Goal::Remove { identity, held: _ } if self.has_drained(&identity.service_arn) => {
                observed.without_what_serves()
            }
            Goal::Converge(_) | Goal::Remove { .. } => observed,
        }
    }

    /// What the record says of a service; everything else has to be looked at.
    pub(super) fn by_record(&self, goal: &Goal) -> Observed {
        let services = &self.stored.record.services;
        let service = services.get(&goal.identity().service_arn);
        service.map_or_else(
            || Observed {
                slot: Presence::Absent,
                ..Observed::default()
            },
            |service| self.of_record(service),
        )
    }

    /// What the record says of a service, and how much Route 53 is asked.
    fn of_record(&self, service: &ServiceRecord) -> Observed {
        Observed {
            alias_look: self.alias_look(service),
            alias_change: self.alias_change(service),
            ..Observed::of_record(service)
        }
    }

    /// Whether the operation goes on where Route 53 does not answer: nothing depends on a record that leads to the service's
    /// load balancer. It has time to answer all the same, because one that leads elsewhere is put right.
    fn alias_look(&self, service: &ServiceRecord) -> AliasLook {
        match &service.alias_leads_to {
            Some(leads_to) if self.is_late_for_alias() && service.leaving.is_none() => {
                AliasLook::Optional(leads_to.clone())
            }
            Some(_) | None => AliasLook::Needed,
        }
    }

    /// Whether a service is not removed before Route 53 has told of its record. One that has never served and of whose record
    /// the ledger has no word has none, and what it was to become is rolled back: Route 53 has time to answer all the same.
    pub(super) fn needs_alias(&self, held: &ServiceRecord) -> bool {
        held.hosted_zone_id.is_some() || held.is_reached || !self.is_late_for_alias()
    }

    fn is_late_for_alias(&self) -> bool {
        let operation = self.stored.record.operation.as_ref();
        let now_ms = self.runtime.clock.now_ms();
        operation.is_some_and(|it| now_ms.saturating_sub(it.started_ms) >= ALIAS_PATIENCE_MS)
    }

    /// The change that Route 53 is asked for. A way back that has little time left goes by the time instead: nothing comes
    /// after it.
    fn alias_change(&self, service: &ServiceRecord) -> AliasChange {
        let now_ms = self.runtime.clock.now_ms();
        let is_last_chance = self.stored.record.operation.as_ref().is_some_and(|it| {
            let stop_at_ms = waiter::stop_at_ms(it.started_ms, it.answer_by_ms);
            it.way.is_back && now_ms + LAST_STAGE_MS >= stop_at_ms
        });
        match &service.alias_change {
            Some(id) if !is_last_chance => AliasChange::Unknown(id.clone()),
            Some(_) | None => AliasChange::None,
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
    /// balancer has it closed, by an operation of its own that nobody waits for.
    pub(super) async fn release(&mut self, goal: &Goal) -> Result<(), OperationError> {
        let Goal::Remove { identity, held } = goal else {
            return Ok(());
        };
        let slot = match &held.slot {
            Some(slot) => Some(slot.clone()),
            None => self.slot_of_a_dead_claimant(identity).await?,
        };
        ledger::write(self.runtime, &mut self.stored).await?;
        for slot in slot.iter().chain(&held.leaving) {
            let left = self.leave(slot, &identity.service_arn).await;
            left.map_err(|error| match error {
                StepError::Aws(error) => OperationError::Observe(error),
                StepError::Ledger(error) => OperationError::Ledger(error),
            })?;
        }
        // Its names are given back by the next write of the record, which is that of the answer.
        self.stored.release_service(&identity.service_arn);
        Ok(())
    }

    /// Gives one slot back; the last one to leave a load balancer has it closed.
    pub(super) async fn leave(&self, slot: &Slot, service_arn: &str) -> Result<(), StepError> {
        let left = pool::release(self.runtime, slot, service_arn).await?;
        if let Some(left) = left.filter(|left| left.is_open) {
            if left.slots.is_empty() {
                self.start_close(slot, left.next_slot).await?;
            } else if left.has_room_again(self.runtime.settings.members_max) {
                pool::offer(self.runtime, &slot.pool_id, slot.ordinal).await?;
            }
        }
        Ok(())
    }

    /// The service is gone from there: what becomes of the load balancer must not make its request fail, and the sweep
    /// closes it as well.
    async fn start_close(&self, slot: &Slot, next_slot: u64) -> Result<(), AwsError> {
        let Err(error) = pool_operation::start_close(self.runtime, slot, next_slot).await else {
            return Ok(());
        };
        let now_ms = self.runtime.clock.now_ms();
        let operation = self.stored.record.operation.as_ref();
        let age_ms = operation.map_or(0, |it| now_ms.saturating_sub(it.started_ms));
        if error.class.is_retriable() && age_ms < CLOSING_PATIENCE_MS {
            return Err(error);
        }
        let load_balancer = naming::load_balancer(&slot.pool_id, slot.ordinal);
        tracing::warn!(event = "pool.close.skipped", load_balancer, problem = %chain(&error));
        Ok(())
    }

    pub(super) async fn slot_of_a_dead_claimant(
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

    /// Notes what is about to be done, as far as nobody could tell afterwards; written before it is done.
    pub(super) fn note_steps(&mut self, goal: &Goal, steps: &[Step]) {
        let now_ms = self.runtime.clock.now_ms();
        let arn = &goal.identity().service_arn;
        let record = &mut self.stored.record;
        let Some(service) = record.services.get_mut(arn) else {
            return;
        };
        if !steps.iter().all(Step::is_of_the_ledger_alone) {
            service.stands_at = None;
        }
        if !goal.is_removal() {
            service.changed_ms = Some(now_ms);
        }
        for step in steps {
            match step {
                Step::StopDeployment {
                    deployment_arn,
                    why,
                } => {
                    let operation = record.operation.as_mut();
                    operation
                        .into_iter()
                        .for_each(|it| it.note_stop(deployment_arn, *why, now_ms));
                }
                Step::ClaimSlot(request) => service.note_claim(&request.pool_id),
                Step::CreateListenerRule(spec) if spec.header.is_some() => {
                    service.has_test_rule = true;
                }
                Step::DeleteAliasRecord { .. } => service.alias_leads_to = None,
                Step::CreateAliasRecord(spec) | Step::UpsertAliasRecord(spec) => {
                    service.note_zone(&spec.hosted_zone_id);
                    service.alias_leads_to = None;
                    service.note_alias_move(now_ms);
                }
                _ => {}
            }
        }
    }

    /// Notes that the record of the host name is the service's own, once it leads to a load balancer of its own, and what is
    /// known of the change that has pointed it there; kept with the next write of the record.
    pub(super) fn note_alias(&mut self, goal: &Goal, observed: &Observed) {
        let zone = self.runtime.settings.hosted_zone_id.as_deref();
        let now_ms = self.runtime.clock.now_ms();
        let arn = &goal.identity().service_arn;
        let (Goal::Converge(_), Some(service), Some(zone)) =
            (goal, self.stored.record.services.get_mut(arn), zone)
        else {
            return;
        };
        service.note_alias_change(&observed.alias_change, now_ms);
        match &observed.alias_record {
            Presence::Unknown => {}
            Presence::Absent => service.alias_leads_to = None,
            Presence::Present(found) => service.note_alias(zone, found),
        }
    }

    /// Notes which subnets the service is in now; kept with the next write of the record.
    pub(super) fn note_reach(&mut self, goal: &Goal) {
        let now_ms = self.runtime.clock.now_ms();
        let arn = &goal.identity().service_arn;
        if let (Goal::Converge(desired), Some(service)) =
            (goal, self.stored.record.services.get_mut(arn))
        {
            service.note_reach(&desired.network.reach, now_ms);
        }
    }

    /// Notes that there is no rule for test traffic any more; kept with the next write of the record.
    pub(super) fn note_test_rule(&mut self, goal: &Goal, observed: &Observed) {
        let arn = &goal.identity().service_arn;
        if let Some(service) = self.stored.record.services.get_mut(arn)
            && observed.test_rule.is_absent()
        {
            service.has_test_rule = false;
        }
    }

    /// Notes what became of the places that the service holds.
    pub(super) fn keep_slot(&mut self, goal: &Goal, effect: &Effect) {
        let arn = &goal.identity().service_arn;
        let Some(service) = self.stored.record.services.get_mut(arn) else {
            return;
        };
        match effect {
            Effect::Slot(placement) => service.slot = Some(placement.slot.clone()),
            Effect::NextSlot(slot) => service.slot = Some(slot.clone()),
            Effect::TurnedBack(found) => service.turn_back(found.clone()),
            Effect::Left => service.forget_left(),
            _ => {}
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
