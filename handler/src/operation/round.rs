//! One round: observing what is unknown, and applying what was planned.

use std::collections::BTreeMap;

use express_core::claim::Operation;
use express_core::desired::Identity;
use express_core::naming;
use express_core::observed::{Observed, Presence};
use express_core::resources::listener_rule::load_balancer_name_of;
use express_core::resources::task_definition;
use express_core::sought::Sought;
use express_core::step::Step;

use super::goal::Goal;
use super::{Attempt, OperationError, writes_tags_anew};
use crate::apply::Effect;
use crate::aws::error::AwsError;
use crate::error::chain;
use crate::ledger::{self, LedgerError};
use crate::{apply, observe, resources};

impl Attempt<'_> {
    pub(super) async fn observe(
        &self,
        goal: &Goal,
        operation: &Operation,
        observed: &mut Observed,
    ) -> Result<(), OperationError> {
        let aws = &self.runtime.aws;
        match goal {
            Goal::Converge(desired) => {
                let counts_revisions =
                    operation.deployment_asked_ms.is_some() || self.deployment_asked_ms().is_some();
                let sought = Sought::of(desired);
                observe::for_converging(aws, &sought, counts_revisions, observed)
                    .await
                    .map_err(OperationError::Observe)?;
                let current = self.stored.record.operation.as_ref();
                observed.registered_in_vain =
                    current.and_then(Operation::registered_in_vain).cloned();
                observe::for_planning(aws, desired, observed)
                    .await
                    .map_err(OperationError::Observe)?;
                self.observe_subnets(desired, observed).await
            }
            Goal::Remove { identity, held } => {
                let zone = self.runtime.settings.hosted_zone_id.as_deref();
                let needs_alias = self.needs_alias(held);
                observe::for_removing(aws, identity, zone, needs_alias, observed)
                    .await
                    .map_err(OperationError::Observe)
            }
        }
    }

    /// Applies the steps side by side. All of them end before the first failure is reported, so that no
    /// call is in flight when the attempt lets go.
    pub(super) async fn apply(
        &mut self,
        goal: &Goal,
        steps: &[Step],
        observed: &mut Observed,
    ) -> Result<(), OperationError> {
        let open = self.stored.record.operation.as_ref();
        let before = open.filter(|_| steps.iter().any(asks_ecs)).cloned();
        self.note_deployment(steps, observed);
        self.note_steps(goal, steps);
        ledger::write(self.runtime, &mut self.stored).await?;
        let applied = futures::future::join_all(steps.iter().map(|step| {
            tracing::info!(event = "step.begun", step = %step);
            self.apply_one(goal, step)
        }))
        .await;
        let (mut failure, mut is_done) = (None, true);
        for (step, applied) in steps.iter().zip(applied) {
            match applied {
                Ok(effect) => {
                    tracing::info!(event = "step.applied", step = %step);
                    self.keep_slot(goal, &effect);
                    self.note_tagged(step);
                    self.note_registered(step, &effect);
                    apply::merge(observed, step, effect);
                }
                Err(error) => {
                    is_done = false;
                    let own = self.own_subnets(goal, step, observed, &error).await;
                    apply::forget(observed, step);
                    if let Some(subnets) = own {
                        observed.pool_subnets = subnets;
                        continue;
                    }
                    if let (false, Some(operation), Some(before)) = (
                        error.is_outcome_unknown() || !asks_ecs(step),
                        &mut self.stored.record.operation,
                        &before,
                    ) {
                        operation.note_unasked(before);
                    }
                    self.is_in_flight |= error.is_outcome_unknown();
                    self.limit_load_balancer(goal, step, &error).await;
                    let error = self.tolerate(step, error);
                    failure = failure.or(error.map(|source| (step.clone(), source)));
                }
            }
        }
        self.note_test_rule(goal, observed);
        if begins_move(steps) {
            // What was looked at on one load balancer says nothing of the other.
            let by_record = self.by_record(goal);
            if by_record.leaving.is_some() || observed.leaving.is_some() {
                *observed = by_record;
            }
        }
        match failure {
            None => {
                // What is looked at again is not done yet.
                if let (Some(operation), true) = (&mut self.stored.record.operation, is_done) {
                    operation.note_progress();
                }
                Ok(())
            }
            Some((step, StepError::Aws(source))) => Err(OperationError::Step {
                step: Box::new(step),
                source,
            }),
            Some((_, StepError::Ledger(error))) => Err(OperationError::Ledger(error)),
        }
    }

    /// Notes that ECS is about to be asked for a deployment, and which is the newest before.
    fn note_deployment(&mut self, steps: &[Step], observed: &Observed) {
        let now_ms = self.runtime.clock.now_ms();
        let Some(operation) = &mut self.stored.record.operation else {
            return;
        };
        for step in steps {
            match step {
                Step::UpdateService { spec: _, change } if !change.starts_deployment() => {
                    operation.settings_sent_ms = Some(now_ms);
                }
                Step::CreateService { .. } | Step::UpdateService { .. } => {
                    let is_again = matches!(step, Step::UpdateService { change, .. } if change.is_deployed_again);
                    if is_again {
                        operation.deployed_again_after = operation.early_deployment();
                    } else {
                        operation.verdict = None;
                    }
                    let newest = observed.ecs_service.present();
                    operation.deployment_before = newest
                        .and_then(|service| service.deployment.as_ref())
                        .map(|deployment| deployment.arn.clone());
                    operation.deployment_asked_ms = Some(now_ms);
                    operation.examined = None;
                }
                _ => continue,
            }
            // One service is made at most, however often AWS refuses to.
            if !matches!(step, Step::CreateService { .. }) {
                operation.service_updates += 1;
            }
        }
    }

    /// Notes that the tags of everything were written; kept with the next write of the record.
    fn note_tagged(&mut self, step: &Step) {
        if let (Step::TagResources(_), Some(operation)) = (step, &mut self.stored.record.operation)
        {
            operation.has_tagged = true;
        }
    }

    /// Notes that a revision was registered, and says in what ECS describes it otherwise than it was written, or that it
    /// does so only later.
    fn note_registered(&mut self, step: &Step, effect: &Effect) {
        let (Step::RegisterTaskDefinition(spec), Effect::TaskDefinition(found), Some(operation)) =
            (step, effect, &mut self.stored.record.operation)
        else {
            return;
        };
        let fields = task_definition::diff(spec, found);
        operation.note_registered(&found.arn, fields.is_empty());
        if operation.registered_in_vain().is_some() {
            let arn = found.arn.as_str();
            tracing::warn!(event = "revision.differs", arn, fields = fields.join(" "));
        }
    }

    /// A failure that only says that something changed between looking and doing is looked at again, once for each step:
    /// the same one twice is no coincidence.
    fn tolerate(&mut self, step: &Step, error: StepError) -> Option<StepError> {
        if self.gives_tags_up(step, &error) {
            let problem = chain(&error).to_string();
            tracing::warn!(event = "tags.left", step = %step, problem);
            self.note_tagged(step);
            return None;
        }
        if !apply::is_outdated(&error) || self.outdated.contains(step) {
            return Some(error);
        }
        self.outdated.push(step.clone());
        None
    }

    /// Whether tags that an Update which failed may have left stay where they are: on the way back they are written again,
    /// and what keeps them from being written must not keep the service from going back. Where its own tags are not as
    /// desired, they are planned once more, and that has to succeed.
    fn gives_tags_up(&self, step: &Step, error: &StepError) -> bool {
        let operation = self.stored.record.operation.as_ref();
        let is_anew = operation.is_some_and(|it| writes_tags_anew(it, self.old_and_new()));
        let is_denied = matches!(error, StepError::Aws(error) if error.is_access_denied());
        matches!(step, Step::TagResources(_)) && is_anew && is_denied
    }

    async fn apply_one(&self, goal: &Goal, step: &Step) -> Result<apply::Effect, StepError> {
        match step {
            Step::ClaimSlot(request) => {
                let held = if self.known.is_first {
                    None
                } else {
                    let arn = &request.service_arn;
                    ledger::pool::find_slot(self.runtime, &request.pool_id, arn).await?
                };
                let placement = match held {
                    Some(placement) => placement,
                    None => ledger::pool::claim(self.runtime, request).await?,
                };
                Ok(apply::Effect::Slot(placement))
            }
            // What was given back meanwhile is somebody else's, or is being closed: it is left for good, and a slot is
            // claimed anew.
            Step::TurnBack if !self.is_still_held(goal.identity()).await? => {
                Ok(apply::Effect::Left)
            }
            Step::TurnBack => {
                let held = goal.slot(&self.stored);
                let found = match held {
                    Some(_) => None,
                    None => self.slot_of_a_dead_claimant(goal.identity()).await?,
                };
                Ok(apply::Effect::TurnedBack(found))
            }
            Step::LeaveSlot(slot) => {
                self.leave(slot, &goal.identity().service_arn).await?;
                Ok(apply::Effect::Left)
            }
            Step::ClaimNextSlot(request) => {
                let current = goal.slot(&self.stored).ok_or(LedgerError::Conflict)?;
                let slot = ledger::pool::claim_next(self.runtime, request, &current).await?;
                Ok(apply::Effect::NextSlot(slot))
            }
            Step::ExtendSubnets {
                load_balancer_arn,
                slot,
                subnets,
            } => {
                if let Goal::Converge(desired) = goal {
                    let network = &desired.network;
                    self.extend_subnets(network, load_balancer_arn, slot, subnets)
                        .await?;
                }
                Ok(apply::Effect::Changed)
            }
            aws_step => Ok(apply::carry_out(&self.runtime.aws, aws_step).await?),
        }
    }

    /// What a load balancer that AWS does not make in the subnets which others have asked for is now to be made in, if that
    /// is another try: the service's own, at once, before others who have met the same put theirs in the place.
    async fn own_subnets(
        &self,
        goal: &Goal,
        step: &Step,
        observed: &Observed,
        error: &StepError,
    ) -> Option<Presence<BTreeMap<String, String>>> {
        let (
            Goal::Converge(desired),
            Step::CreateLoadBalancer { .. },
            StepError::Aws(refused),
            Some(held),
            Some(slot),
        ) = (
            goal,
            step,
            error,
            observed.pool_subnets.present(),
            goal.slot(&self.stored),
        )
        else {
            return None;
        };
        let own = &desired.network.ingress_subnets;
        if held == own || !refused.is_for_a_subnet() {
            return None;
        }
        match ledger::pool::replace(self.runtime, &slot, held, own).await {
            Ok(()) => Some(Presence::Present(own.clone())),
            // Others were quicker.
            Err(LedgerError::Conflict) => Some(Presence::Unknown),
            Err(_) => None,
        }
    }

    /// Keeps further services from a load balancer that AWS lets have no further rule: its pool would offer it to each of
    /// them. Where that cannot be noted, the next one that is refused does.
    async fn limit_load_balancer(&self, goal: &Goal, step: &Step, error: &StepError) {
        let (Step::CreateListenerRule(spec), StepError::Aws(error)) = (step, error) else {
            return;
        };
        if !error.is_load_balancer_full() {
            return;
        }
        let services = &self.stored.record.services;
        let service = services.get(&goal.identity().service_arn);
        let is_new = service.is_none_or(|service| !service.is_reached);
        let mut places = service
            .into_iter()
            .flat_map(|service| service.slot.iter().chain(&service.leaving));
        let name = load_balancer_name_of(&spec.listener_arn);
        let Some(full) = places.find(|slot| {
            name.as_ref() == Some(&naming::load_balancer(&slot.pool_id, slot.ordinal))
        }) else {
            return;
        };
        let limited = async {
            let rules = resources::listener_rule::find_all(&self.runtime.aws, &spec.listener_arn);
            let rules = rules.await?;
            // A new service may have got one of the two rules that it asked for; it will be gone.
            let gone = is_new.then(|| naming::rule_priority(full.number));
            let staying = rules
                .iter()
                .filter(|rule| rule.is_in_a_slot() && (gone.is_none() || rule.priority != gone));
            let placed = staying.count();
            Ok::<_, StepError>(ledger::pool::limit(self.runtime, full, placed as u64).await?)
        };
        match limited.await {
            Ok(()) => tracing::info!(event = "load_balancer.full", load_balancer = name),
            Err(error) => {
                let problem = chain(&error).to_string();
                tracing::warn!(event = "load_balancer.full", load_balancer = name, problem);
            }
        }
    }

    /// Whether the place that the service leaves is its own still: the attempt that gave it back may have died before
    /// it noted that.
    async fn is_still_held(&self, identity: &Identity) -> Result<bool, LedgerError> {
        let arn = &identity.service_arn;
        let service = self.stored.record.services.get(arn);
        let Some(leaving) = service.and_then(|service| service.leaving.as_ref()) else {
            return Ok(true);
        };
        let held = ledger::pool::find_slot(self.runtime, &leaving.pool_id, arn).await?;
        Ok(held.is_some())
    }
}

/// Whether it may give the service another load balancer, or that another DNS name.
pub(super) const fn changes_load_balancer(step: &Step) -> bool {
    matches!(
        step,
        Step::ClaimSlot(_) | Step::TurnBack | Step::CreateLoadBalancer { .. }
    )
}

/// Whether one of the steps may exchange the places that the service holds.
fn begins_move(steps: &[Step]) -> bool {
    steps
        .iter()
        .any(|step| matches!(step, Step::ClaimSlot(_) | Step::TurnBack))
}

/// Whether it asks ECS to make or to change the service.
fn asks_ecs(step: &Step) -> bool {
    matches!(
        step,
        Step::CreateService { .. } | Step::UpdateService { .. }
    )
}

/// Why one step failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// AWS refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl StepError {
    /// Whether the call may still have its effect.
    fn is_outcome_unknown(&self) -> bool {
        match self {
            Self::Aws(error) => error.is_outcome_unknown(),
            // Before it lands, its claimant would not find it, and claim another.
            Self::Ledger(error) => error.may_land_late(),
        }
    }
}
