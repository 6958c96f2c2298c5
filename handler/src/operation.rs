//! One attempt at an operation: the loop that observes, plans and applies until CloudFormation can be
//! answered or there is something to wait for.
//!
//! ```text
//! hold (only one attempt per owner may mutate)
//!   └─ for each goal: converge to the service asked for, remove those that are to go
//!        └─ rounds: observe what is unknown ─► plan ─► re-check the record ─► apply the steps side by side
//!   └─ decide the answer (written first) ─► PUT ─► finished
//! ```
//!
//! # Guarantees
//! An attempt mutates only while the record names it as the running one. Before each batch of steps the
//! record is written on the condition that nobody else has changed it, so an operation that a later
//! request has ended makes no further call. The answer is decided in the record before it is sent: after
//! a crash in between the same answer is sent again.
//!
//! # Crash safety
//! Nothing but the record survives an attempt, and the record holds no progress: the next attempt
//! observes everything anew.

mod answer;
mod failure;
mod goal;
mod hold;

use std::collections::BTreeMap;

use express_core::claim::Operation;
use express_core::decision::{Decision, Wait, WaitReason};
use express_core::desired::Desired;
use express_core::network::VpcFacts;
use express_core::observed::{Observed, Presence};
use express_core::plan::Timing;
use express_core::sought::Sought;
use express_core::step::Step;

use crate::aws::error::AwsError;
use crate::ledger::{self, LedgerError, Stored};
use crate::sealed::SealedOperation;
use crate::waiter::{self, WaiterReply};
use crate::{Invocation, Runtime, apply, guard, observe, resources};

pub use failure::OperationError;
use goal::Goal;
pub(crate) use goal::environment;

/// Rounds of one attempt for one goal. A Create from nothing takes about nine; beyond this something
/// undoes what we do.
const ROUNDS_MAX: usize = 40;
/// Milliseconds after which an attempt begins no further round (DESIGN §4: function timeout 60 s).
const WORK_BUDGET_MS: u64 = 40_000;
/// Seconds until the next attempt when the budget of one is used up, or a race is lost.
const CONTINUE_AFTER_S: u32 = 5;
/// Times that a load balancer's subnets are set before the attempt gives up: once for each further zone that
/// others may add meanwhile, of the six that a region has at most.
/// AWS: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>
const EXTENSIONS_MAX: usize = 6;
/// Looks at a deployment whose status has not changed before everything is observed again (DESIGN §5).
const QUICK_LOOKS: u64 = 5;

/// One invocation's work on one owner's open operation.
pub struct Attempt<'a> {
    runtime: &'a Runtime,
    invocation: &'a Invocation,
    stored: Stored,
    /// What the record calls this attempt.
    name: String,
    began_ms: u64,
    /// Known already when this invocation received the request itself.
    sealed: Option<SealedOperation>,
    /// What was seen before the attempt began.
    known: Known,
    /// Whether a call ended without an answer: it may still have its effect, and nobody else may mutate
    /// before it surely has had it.
    is_in_flight: bool,
    /// The step that AWS found outdated in the round before.
    outdated: Option<Step>,
}

/// What the invocation that received a request has seen already, so that it is not looked at twice.
#[derive(Debug, Default)]
pub struct Known {
    /// Whether nothing can have been made under the names of the service yet: this invocation has
    /// just claimed them.
    pub is_first: bool,
    /// The network of the properties.
    pub vpc_facts: Option<VpcFacts>,
    /// The service to converge to.
    pub observed: Option<Observed>,
}

/// How the work of one attempt ended.
enum Outcome {
    /// CloudFormation was answered, or there is nothing left to answer.
    Finished,
    /// Nothing can be done before something else has happened.
    Waiting(Wait),
}

impl<'a> Attempt<'a> {
    /// An attempt at the operation that is open in `stored`.
    #[must_use]
    pub fn new(
        runtime: &'a Runtime,
        invocation: &'a Invocation,
        stored: Stored,
        name: String,
    ) -> Self {
        Self {
            runtime,
            invocation,
            stored,
            name,
            began_ms: runtime.clock.now_ms(),
            sealed: None,
            known: Known::default(),
            is_in_flight: false,
            outdated: None,
        }
    }

    /// With what this invocation knows already.
    #[must_use]
    pub fn knowing(mut self, sealed: SealedOperation, known: Known) -> Self {
        self.sealed = Some(sealed);
        self.known = known;
        self
    }

    /// Works until the operation is over, or there is something to wait for.
    ///
    /// # Errors
    /// When the ledger does not answer: whoever called calls again.
    pub async fn run(mut self) -> Result<WaiterReply, LedgerError> {
        match Box::pin(self.try_to_run()).await {
            Ok(Outcome::Finished) => Ok(WaiterReply::Done),
            Ok(Outcome::Waiting(wait)) => {
                tracing::info!(event = "attempt.waiting", reason = %wait.reason, retry_after_s = wait.retry_after_s);
                Ok(WaiterReply::wait(u64::from(wait.retry_after_s)))
            }
            // Another request or attempt has written the record. If it has ended this operation there is
            // nothing left to do here, else the next call sees what it left.
            Err(LedgerError::Conflict) => Ok(WaiterReply::wait(u64::from(CONTINUE_AFTER_S))),
            Err(error) => Err(error),
        }
    }

    async fn try_to_run(&mut self) -> Result<Outcome, LedgerError> {
        if self.stored.record.operation.is_none() && self.stored.record.superseded.is_empty() {
            return Ok(Outcome::Finished);
        }
        if let Some(wait) = self.look_quickly().await {
            return Ok(Outcome::Waiting(wait));
        }
        if self.must_answer_now() {
            // Saying FAILED changes nothing in AWS: it needs no right to mutate, and must not wait for one.
            return self.wait_or_fail(OperationError::OutOfTime).await;
        }
        if let Some(wait) = self.hold().await? {
            return Ok(Outcome::Waiting(wait));
        }
        match Box::pin(self.work()).await {
            Ok(outcome) => self.let_go(outcome).await,
            Err(OperationError::Ledger(error @ LedgerError::Conflict)) => Err(error),
            Err(error) => {
                // What is given back late would be taken from whoever has claimed it since.
                self.is_in_flight |=
                    matches!(&error, OperationError::Ledger(ledger) if ledger.may_land_late());
                self.wait_or_fail(error).await
            }
        }
    }

    async fn work(&mut self) -> Result<Outcome, OperationError> {
        self.answer_superseded().await?;
        let Some(operation) = self.stored.record.operation.clone() else {
            return Ok(Outcome::Finished);
        };
        if operation.answer.is_some() {
            return self.deliver().await;
        }
        if self.runtime.clock.now_ms() >= operation.answer_by_ms {
            return Err(OperationError::OutOfTime);
        }
        if operation.waits_for_closings
            && let Some(outcome) = self.wait_for_closings().await?
        {
            return Ok(outcome);
        }
        let sealed = self.unseal(&operation).await?;
        let mut attributes = None;
        for goal in self.goals(&operation, &sealed).await? {
            match Box::pin(self.pursue(&goal, &operation)).await? {
                Pursuit::Converged(found) => attributes = Some(*found),
                Pursuit::Removed => self.release(&goal).await?,
                Pursuit::Waiting(wait) => return Ok(Outcome::Waiting(wait)),
            }
        }
        self.decide_success(&operation, attributes).await?;
        self.deliver().await
    }

    /// Of the provider's own Delete: none when nothing is left that needs the provider.
    async fn wait_for_closings(&self) -> Result<Option<Outcome>, OperationError> {
        match guard::look(self.runtime).await? {
            guard::Need::Nothing => Ok(None),
            guard::Need::Services { problem } => Err(OperationError::ProviderInUse { problem }),
            guard::Need::Closings => Ok(Some(Outcome::Waiting(Wait {
                reason: WaitReason::LoadBalancersClosing,
                retry_after_s: guard::RETRY_S,
            }))),
        }
    }

    /// Observes, plans and applies until one goal is reached.
    async fn pursue(
        &mut self,
        goal: &Goal,
        operation: &Operation,
    ) -> Result<Pursuit, OperationError> {
        let mut observed = self.first_observation(goal);
        for _ in 0..ROUNDS_MAX {
            if self.runtime.clock.now_ms().saturating_sub(self.began_ms) > WORK_BUDGET_MS {
                return Ok(Pursuit::Waiting(another_attempt()));
            }
            self.observe(goal, operation, &mut observed).await?;
            let timing = self.timing(operation);
            let decision = goal
                .plan(self.runtime, &observed, &timing)
                .map_err(OperationError::Plan)?;
            match decision {
                Decision::Converged(attributes) => return Ok(Pursuit::Converged(attributes)),
                Decision::Removed => return Ok(Pursuit::Removed),
                Decision::Wait(wait) => {
                    self.remember_wait(goal, &observed);
                    return Ok(Pursuit::Waiting(wait));
                }
                Decision::Apply(steps) => self.apply(goal, &steps, &mut observed).await?,
            }
        }
        Err(OperationError::TooManyRounds)
    }

    async fn observe(
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
                observe::for_planning(aws, desired, observed)
                    .await
                    .map_err(OperationError::Observe)?;
                self.observe_pool(desired, observed).await
            }
            Goal::Remove { identity, slot: _ } => {
                let zone = self.runtime.settings.hosted_zone_id.as_deref();
                observe::for_removing(aws, identity, zone, observed)
                    .await
                    .map_err(OperationError::Observe)
            }
        }
    }

    /// A load balancer is made with the subnets of its pool alone, whoever makes it.
    async fn observe_pool(
        &self,
        desired: &Desired,
        observed: &mut Observed,
    ) -> Result<(), OperationError> {
        let (Some(slot), true, true) = (
            observed.slot.present(),
            observed.load_balancer.is_absent(),
            observed.pool_subnets.is_unknown(),
        ) else {
            return Ok(());
        };
        let pool = ledger::pool::find(self.runtime, &slot.pool_id).await?;
        // Without the pool's item, after a restore of the table, nobody else can know better.
        let subnets = pool.map_or_else(
            || desired.network.ingress_subnets.clone(),
            |pool| pool.subnets,
        );
        observed.pool_subnets = Presence::Present(subnets);
        Ok(())
    }

    /// Applies the steps side by side. All of them end before the first failure is reported, so that no
    /// call is in flight when the attempt lets go.
    async fn apply(
        &mut self,
        goal: &Goal,
        steps: &[Step],
        observed: &mut Observed,
    ) -> Result<(), OperationError> {
        if steps.iter().any(|step| {
            matches!(
                step,
                Step::CreateService { .. } | Step::UpdateService { .. }
            )
        }) && let Some(operation) = &mut self.stored.record.operation
        {
            let newest = observed.ecs_service.present();
            operation.deployment_before = newest
                .and_then(|service| service.deployment.as_ref())
                .map(|deployment| deployment.arn.clone());
            operation.deployment_asked_ms = Some(self.runtime.clock.now_ms());
            operation.deployments_asked += 1;
        }
        for step in steps {
            if let Step::ClaimSlot(request) = step {
                self.note_claim(goal, &request.pool_id);
            }
        }
        ledger::write(self.runtime, &mut self.stored).await?;
        let applied = futures::future::join_all(steps.iter().map(|step| {
            tracing::info!(event = "step.begun", step = %step);
            self.apply_one(goal, step)
        }))
        .await;
        let mut failure = None;
        for (step, applied) in steps.iter().zip(applied) {
            match applied {
                Ok(effect) => {
                    tracing::info!(event = "step.applied", step = %step);
                    self.keep_slot(goal, &effect);
                    apply::merge(observed, step, effect);
                }
                Err(error) => {
                    apply::forget(observed, step);
                    self.is_in_flight |= error.is_outcome_unknown();
                    let error = self.tolerate(step, error);
                    failure = failure.or(error.map(|source| (step.clone(), source)));
                }
            }
        }
        match failure {
            None => Ok(()),
            Some((step, StepError::Aws(source))) => Err(OperationError::Step {
                step: Box::new(step),
                source,
            }),
            Some((_, StepError::Ledger(error))) => Err(OperationError::Ledger(error)),
        }
    }

    /// A failure that only says that something changed between looking and doing is looked at again, once:
    /// the same one twice is no coincidence.
    fn tolerate(&mut self, step: &Step, error: StepError) -> Option<StepError> {
        if !apply::is_outdated(&error) || self.outdated.as_ref() == Some(step) {
            return Some(error);
        }
        self.outdated = Some(step.clone());
        None
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
            Step::ClaimNextSlot(request) => {
                let current = goal.slot(&self.stored).ok_or(LedgerError::Conflict)?;
                let slot = ledger::pool::claim_next(self.runtime, request, &current).await?;
                Ok(apply::Effect::NextSlot(slot))
            }
            Step::ExtendSubnets {
                load_balancer_arn,
                pool_id,
                subnets,
            } => {
                self.extend_subnets(load_balancer_arn, pool_id, subnets)
                    .await?;
                Ok(apply::Effect::Changed)
            }
            aws_step => Ok(apply::carry_out(&self.runtime.aws, aws_step).await?),
        }
    }

    /// Gives a load balancer a further zone: what was sent last must hold what everybody has asked for.
    async fn extend_subnets(
        &self,
        load_balancer_arn: &str,
        pool_id: &str,
        wanted: &BTreeMap<String, String>,
    ) -> Result<(), StepError> {
        let aws = &self.runtime.aws;
        let mut subnets = ledger::pool::extend(self.runtime, pool_id, wanted).await?;
        for _ in 0..EXTENSIONS_MAX {
            let subnet_ids: Vec<String> = subnets.values().cloned().collect();
            resources::load_balancer::set_subnets(aws, load_balancer_arn, &subnet_ids).await?;
            let pool = ledger::pool::find(self.runtime, pool_id).await?;
            let now = pool.ok_or(LedgerError::Conflict)?.subnets;
            if now == subnets {
                return Ok(());
            }
            subnets = now;
        }
        Err(LedgerError::Conflict.into())
    }

    /// Whether CloudFormation gives up before anything else could be finished.
    fn must_answer_now(&self) -> bool {
        self.stored
            .record
            .operation
            .as_ref()
            .is_some_and(|operation| {
                operation.answer.is_none() && self.runtime.clock.now_ms() >= operation.answer_by_ms
            })
    }

    fn timing(&self, operation: &Operation) -> Timing {
        Timing {
            now_ms: self.runtime.clock.now_ms(),
            started_ms: operation.started_ms,
            stop_at_ms: waiter::stop_at_ms(operation.started_ms, operation.answer_by_ms),
            deployment_asked_ms: self.deployment_asked_ms(),
            deployments_asked: operation.deployments_asked,
            deployment_before: self
                .stored
                .record
                .operation
                .as_ref()
                .and_then(|operation| operation.deployment_before.clone()),
            is_create: !self.was_answered(operation),
            request_id: operation.request_id.clone(),
        }
    }

    /// Whether CloudFormation was ever told of the service that is asked for: it was not while a Create or a
    /// replacement makes it.
    fn was_answered(&self, operation: &Operation) -> bool {
        let services = &self.stored.record.services;
        let service = operation
            .converge
            .as_ref()
            .and_then(|arn| services.get(arn));
        service.is_some_and(|service| service.is_answered)
    }

    fn deployment_asked_ms(&self) -> Option<u64> {
        self.stored.record.operation.as_ref()?.deployment_asked_ms
    }
}

/// How the pursuit of one goal ended.
enum Pursuit {
    /// The service is as desired.
    Converged(Box<provider_schema::Attributes>),
    /// Nothing is left but the claims.
    Removed,
    /// Something else has to happen first.
    Waiting(Wait),
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

fn another_attempt() -> Wait {
    Wait {
        reason: WaitReason::OtherAttempt,
        retry_after_s: CONTINUE_AFTER_S,
    }
}
