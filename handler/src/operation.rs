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
mod examine;
mod failure;
mod goal;
mod hold;
mod round;
mod subnets;
mod way_back;

use express_core::claim::{self, Operation, ServiceRecord};
use express_core::decision::{Decision, Wait, WaitReason};
use express_core::network::VpcFacts;
use express_core::observed::{AliasLook, Observed};
use express_core::plan::{PlanError, Timing};
use express_core::step::Step;

use crate::ledger::{LedgerError, Stored};
use crate::sealed::SealedOperation;
use crate::waiter::{self, WaiterReply};
use crate::{Invocation, Runtime, guard};

use answer::Turn;
pub use failure::OperationError;
use goal::Goal;
pub(crate) use goal::environment;
pub use round::StepError;
use way_back::deployment_ms;
pub(crate) use way_back::writes_tags_anew;

/// Rounds of one attempt for one goal. A Create from nothing takes about nine; beyond this something
/// undoes what we do.
const ROUNDS_MAX: usize = 40;
/// Milliseconds after which an attempt, which may live for 60 s, begins no further round.
const WORK_BUDGET_MS: u64 = 40_000;
/// Seconds until the next attempt when the budget of one is used up, or a race is lost.
const CONTINUE_AFTER_S: u32 = 5;
/// Looks at a deployment whose status has not changed before everything is observed again.
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
    /// Steps that AWS has found outdated in this attempt, each of which was looked at again.
    outdated: Vec<Step>,
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
            outdated: Vec::new(),
        }
    }

    /// With what this invocation knows already.
    #[must_use]
    pub fn knowing(mut self, sealed: SealedOperation, known: Known) -> Self {
        self.sealed = Some(sealed);
        self.known = known;
        self
    }

    /// With the time that this invocation has already used.
    #[must_use]
    pub const fn begun_at(mut self, began_ms: u64) -> Self {
        self.began_ms = began_ms;
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
        let is_over = self.stored.record.operation.is_none();
        let turn = if is_over { Turn::Last } else { Turn::First };
        self.answer_superseded(turn).await?;
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
        if let Some(wait) = self.wait_until_seen(&operation) {
            return Ok(Outcome::Waiting(wait));
        }
        let sealed = self.unseal(&operation).await?;
        let (mut attributes, mut refused) = (None, None);
        for goal in self.goals(&operation, &sealed).await? {
            match Box::pin(self.pursue(&goal, &operation)).await {
                Ok(Pursuit::Converged(found)) => {
                    self.note_reach(&goal);
                    attributes = Some(*found);
                }
                Ok(Pursuit::Removed) => self.release(&goal).await?,
                Ok(Pursuit::Waiting(wait)) => return Ok(Outcome::Waiting(wait)),
                // What must not be removed does not keep what else is to go. Nor is it in the way of a way back, which
                // would leave the whole stack in UPDATE_ROLLBACK_FAILED: the next request tries again.
                Err(error) if goal.is_removal() && self.leaves(&operation, &error) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        match refused {
            Some(error) if operation.way.is_back => {
                let problem = error.words();
                tracing::warn!(event = "removal.left", problem);
            }
            Some(error) => return Err(error),
            None => {}
        }
        self.decide_success(&operation, attributes).await?;
        self.deliver().await
    }

    /// What the provider's own Delete still waits for; none when nothing needs the provider any more.
    async fn wait_for_closings(&self) -> Result<Option<Outcome>, OperationError> {
        let wait_for = |reason| {
            Outcome::Waiting(Wait {
                reason,
                retry_after_s: guard::RETRY_S,
            })
        };
        match guard::look(self.runtime).await? {
            guard::Need::Nothing => Ok(None),
            guard::Need::Services { problem } => Err(OperationError::ProviderInUse { problem }),
            guard::Need::Answers => Ok(Some(wait_for(WaitReason::AnswersOwed))),
            guard::Need::Closings => Ok(Some(wait_for(WaitReason::LoadBalancersClosing))),
        }
    }

    /// None once AWS shows everything that earlier operations have changed: this one may be there to undo that.
    fn wait_until_seen(&self, operation: &Operation) -> Option<Wait> {
        let seen_after_ms = self.runtime.settings.seen_after_ms;
        let now_ms = self.runtime.clock.now_ms();
        let left_ms = claim::unseen_for_ms(operation.changed_before_ms?, now_ms, seen_after_ms)?;
        Some(Wait {
            reason: WaitReason::NotYetSeen,
            retry_after_s: u32::try_from(left_ms.div_ceil(1000)).unwrap_or(CONTINUE_AFTER_S),
        })
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
            self.examine(goal, &observed).await;
            self.note_alias(goal, &observed);
            let timing = self.timing(operation);
            let decision = match goal.plan(self.runtime, &observed, &timing) {
                Ok(decision) => decision,
                // That a move has too little time left may be because of Route 53.
                Err(PlanError::MoveWithoutTime { .. } | PlanError::MoveBackWithoutTime { .. })
                    if observed.alias_look == AliasLook::Skipped =>
                {
                    observed.alias_look = AliasLook::Needed;
                    continue;
                }
                Err(error) => match self.what_stays(goal, &observed, &error) {
                    Some(attributes) => {
                        self.leave_what_was_claimed(goal, &mut observed).await?;
                        return Ok(Pursuit::Converged(Box::new(attributes)));
                    }
                    None => return Err(OperationError::Plan(error)),
                },
            };
            match decision {
                Decision::Converged(attributes) => return Ok(Pursuit::Converged(attributes)),
                Decision::Removed => return Ok(Pursuit::Removed),
                Decision::Wait(wait) => {
                    self.remember_predecessor(goal, &wait);
                    self.remember_wait(goal, &observed);
                    return Ok(Pursuit::Waiting(wait));
                }
                // What the record leads to is about to change: without Route 53 nothing of that is begun.
                Decision::Apply(steps)
                    if observed.alias_look == AliasLook::Skipped
                        && steps.iter().any(round::changes_load_balancer) =>
                {
                    observed.alias_look = AliasLook::Needed;
                }
                Decision::Apply(steps) => self.apply(goal, &steps, &mut observed).await?,
            }
        }
        Err(OperationError::TooManyRounds)
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
        // What this attempt itself has asked for since it began is in the record.
        let current = self.stored.record.operation.as_ref();
        Timing {
            now_ms: self.runtime.clock.now_ms(),
            started_ms: operation.started_ms,
            stop_at_ms: waiter::stop_at_ms(operation.started_ms, operation.answer_by_ms),
            deployment_ms: self
                .old_and_new()
                .map_or(0, |(old, new)| deployment_ms(old, new)),
            way_back: self.way_back(operation),
            tags_anew: current.is_some_and(|current| writes_tags_anew(current, self.old_and_new())),
            deployment_asked_ms: self.deployment_asked_ms(),
            settings_sent_ms: current.and_then(|current| current.settings_sent_ms),
            service_updates: operation.service_updates,
            deployment_before: current.and_then(|current| current.deployment_before.clone()),
            abandoned: current.and_then(|current| current.abandoned.clone()),
            hopeless_deployment: self.hopeless_deployment().map(str::to_owned),
            early_deployment: current.and_then(Operation::early_deployment),
            stop_asked: current.and_then(|current| current.stop_asked.clone()),
            alias_moved_ms: self
                .converging(operation)
                .and_then(|service| service.alias_moved_ms),
            has_alias_record: self
                .converging(operation)
                .is_some_and(|service| service.has_alias_record),
            is_create: !self.was_answered(operation),
            request_id: operation.request_id.clone(),
        }
    }

    /// Whether CloudFormation was ever told of the service that is asked for: it was not while a Create or a
    /// replacement makes it.
    fn was_answered(&self, operation: &Operation) -> bool {
        self.converging(operation)
            .is_some_and(|service| service.is_answered)
    }

    /// What the record says of the service that is asked for.
    fn converging(&self, operation: &Operation) -> Option<&ServiceRecord> {
        let services = &self.stored.record.services;
        operation
            .converge
            .as_ref()
            .and_then(|arn| services.get(arn))
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

fn another_attempt() -> Wait {
    Wait {
        reason: WaitReason::OtherAttempt,
        retry_after_s: CONTINUE_AFTER_S,
    }
}
