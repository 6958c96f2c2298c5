//! The function, call by call, as far as its calls concern the ledger: in the handler's order, with symbols where the
//! handler has AWS's types. The table says which file repeats which. Absent are moves to another load balancer, host
//! names below a domain, looks that see what was before, what the last delivery of an event does, ids that come again, and
//! the daily ending of requests that nobody comes back for.
//!
//! | here | there |
//! |---|---|
//! | `request.rs`, `request/taking.rs` | `request.rs`, `request/…`, and `carry_on` of `lib.rs` |
//! | this file | `operation.rs`, `operation/failure.rs` |
//! | `round.rs` | `operation/round.rs` |
//! | `hold.rs`, `goal.rs`, `answer.rs` | `operation/…` |
//! | `plan.rs` | `core/src/plan` |
//! | `placement.rs` | `ledger/pool.rs` |
//! | `pool_operation.rs` | `pool_operation.rs`, `sweep.rs` |
//! | `guard.rs` | `guard.rs` |

mod answer;
mod goal;
pub mod guard;
mod hold;
mod placement;
mod plan;
pub mod pool_operation;
pub mod request;
mod round;

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use express_core::claim::Operation;

use crate::aws::{AwsFailure, Sight};
use crate::effect::{Effect, Failure, Reply as CallReply, RequestId, Response};
use crate::history::{Properties, Service};
use crate::ledger::{LedgerFailure, Stored};
use crate::rules::Rule;
use crate::world::Invocation;
use answer::Turn;
use goal::Goal;
use guard::Need;
use plan::{Decision, Step};

/// As `operation.rs` has it.
const ROUNDS_MAX: usize = 40;
/// As `operation.rs` has it.
const WORK_BUDGET_MS: u64 = 40_000;
/// As `operation.rs` has it, in seconds.
const CONTINUE_AFTER_S: u64 = 5;
/// As `operation/failure.rs` has it, in seconds.
const RETRY_S: u64 = 15;
/// As `operation/failure.rs` has it.
const CONSISTENCY_MS: u64 = 120_000;
/// As `waiter.rs` has it, in seconds.
const STOP_MARGIN_S: u64 = 300;
/// As `waiter.rs` has it, in seconds.
const ANSWER_MARGIN_S: u64 = 120;
/// As `waiter.rs` has it.
const WAIT_S: std::ops::RangeInclusive<u64> = 5..=150;

/// What the function tells the waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reply {
    /// The operation has ended.
    Done,
    /// Call again in so many seconds.
    Wait(u64),
}

/// What ends the work of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    /// There is no way to what is desired.
    Plan(&'static str),
    /// AWS refused a step, or did not say what is there.
    Aws(AwsFailure),
    /// The ledger refused.
    Ledger(LedgerFailure),
    /// The answer could not be sent.
    Respond,
    /// The provider is to be deleted, and cannot be.
    ProviderInUse,
    /// CloudFormation gives up soon.
    OutOfTime,
    /// Something undoes what we do.
    TooManyRounds,
}

impl From<LedgerFailure> for Problem {
    fn from(failure: LedgerFailure) -> Self {
        Self::Ledger(failure)
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Ledger(failure) => Self::Ledger(failure),
            Failure::Aws(failure) => Self::Aws(failure),
        }
    }
}

impl Problem {
    fn may_pass(self, unseen_for_ms: u64) -> bool {
        match self {
            Self::Aws(failure) => match failure {
                AwsFailure::Unknown | AwsFailure::Throttled | AwsFailure::InUse => true,
                AwsFailure::AlreadyExists | AwsFailure::NotFound | AwsFailure::PriorityInUse => {
                    unseen_for_ms < CONSISTENCY_MS
                }
            },
            Self::Ledger(failure) => failure != LedgerFailure::OwnedByAnother,
            Self::Respond => true,
            Self::Plan(_) | Self::ProviderInUse | Self::OutOfTime | Self::TooManyRounds => false,
        }
    }

    fn is_unseen(self) -> bool {
        matches!(
            self,
            Self::Aws(AwsFailure::AlreadyExists | AwsFailure::NotFound | AwsFailure::PriorityInUse)
        )
    }

    /// Whether a call may still have its effect: `is_outcome_unknown` and `may_land_late` of the handler.
    fn may_land_late(self, invocation: &Invocation) -> bool {
        match self {
            Self::Aws(failure) => failure == AwsFailure::Unknown,
            Self::Ledger(failure) => {
                failure == LedgerFailure::UnknownClaim && !invocation.is_off(Rule::LateClaim)
            }
            Self::Plan(_)
            | Self::Respond
            | Self::ProviderInUse
            | Self::OutOfTime
            | Self::TooManyRounds => false,
        }
    }
}

/// How the work of one attempt ended.
enum Outcome {
    Finished,
    Waiting(u64),
}

/// How the pursuit of one goal ended.
enum Pursuit {
    Converged,
    Removed,
    Waiting(u64),
}

/// One invocation's work on one owner's open operation.
struct Attempt<'a> {
    invocation: &'a Invocation,
    stored: Rc<Stored>,
    name: String,
    /// What was seen before the attempt began.
    known: Known,
    /// Names of services that the record no longer has: given back by the write that says so.
    released: Vec<Service>,
    /// Whether a call ended without an answer.
    is_in_flight: bool,
    /// Steps that AWS has found outdated in this attempt, each of which was looked at again.
    outdated: Vec<Step>,
    /// Whether a foreign rule has our priority.
    is_priority_taken: bool,
}

/// What the invocation that received a request has seen already.
#[derive(Default)]
struct Known {
    /// Whether nothing can have been made under the names of the service yet.
    is_first: bool,
    /// The service to converge to.
    seen: Option<Sight>,
}

impl<'a> Attempt<'a> {
    const fn new(
        invocation: &'a Invocation,
        stored: Rc<Stored>,
        name: String,
        known: Known,
    ) -> Self {
        Self {
            invocation,
            stored,
            name,
            known,
            released: Vec::new(),
            is_in_flight: false,
            outdated: Vec::new(),
            is_priority_taken: false,
        }
    }

    async fn run(mut self) -> Option<Reply> {
        match self.try_to_run().await {
            Ok(Outcome::Finished) => Some(Reply::Done),
            Ok(Outcome::Waiting(seconds)) => {
                Some(Reply::Wait(seconds.clamp(*WAIT_S.start(), *WAIT_S.end())))
            }
            Err(LedgerFailure::Conflict) => Some(Reply::Wait(CONTINUE_AFTER_S)),
            Err(_) => None,
        }
    }

    async fn try_to_run(&mut self) -> Result<Outcome, LedgerFailure> {
        if self.stored.record.operation.is_none() && self.stored.record.superseded.is_empty() {
            return Ok(Outcome::Finished);
        }
        if let Some(seconds) = self.look_quickly().await {
            return Ok(Outcome::Waiting(seconds));
        }
        if self.must_answer_now() {
            return self.wait_or_fail(Problem::OutOfTime).await;
        }
        if let Some(seconds) = self.hold().await? {
            return Ok(Outcome::Waiting(seconds));
        }
        match self.work().await {
            Ok(outcome) => self.let_go(outcome).await,
            Err(Problem::Ledger(LedgerFailure::Conflict)) => Err(LedgerFailure::Conflict),
            Err(problem) => {
                self.is_in_flight |=
                    matches!(problem, Problem::Ledger(_)) && problem.may_land_late(self.invocation);
                self.wait_or_fail(problem).await
            }
        }
    }

    async fn work(&mut self) -> Result<Outcome, Problem> {
        let is_over = self.stored.record.operation.is_none();
        let turn = if is_over { Turn::Last } else { Turn::First };
        self.answer_superseded(turn).await?;
        let Some(operation) = self.stored.record.operation.clone() else {
            return Ok(Outcome::Finished);
        };
        if operation.answer.is_some() {
            return self.deliver().await;
        }
        if self.invocation.now_ms() >= operation.answer_by_ms {
            return Err(Problem::OutOfTime);
        }
        if operation.waits_for_closings {
            match guard::look(self.invocation).await? {
                Need::Nothing => {}
                Need::Services => return Err(Problem::ProviderInUse),
                Need::Time => return Ok(Outcome::Waiting(guard::RETRY_S)),
            }
        }
        for goal in self.goals(&operation) {
            match self.pursue(&goal, &operation).await? {
                Pursuit::Converged => {}
                Pursuit::Removed => self.release(&goal).await?,
                Pursuit::Waiting(seconds) => return Ok(Outcome::Waiting(seconds)),
            }
        }
        self.decide(&operation, true).await?;
        self.deliver().await
    }

    /// Observes, plans and applies until one goal is reached.
    async fn pursue(&mut self, goal: &Goal, operation: &Operation) -> Result<Pursuit, Problem> {
        let mut sight = match goal {
            Goal::Converge(_) => self.known.seen.take(),
            Goal::Remove(_) => None,
        };
        for _ in 0..ROUNDS_MAX {
            let worked_ms = self.invocation.now_ms() - self.invocation.began_ms;
            if worked_ms > WORK_BUDGET_MS {
                return Ok(Pursuit::Waiting(CONTINUE_AFTER_S));
            }
            let seen = match sight.take() {
                Some(seen) => seen,
                None => self.observe(goal).await?,
            };
            match self.plan(goal, operation, &seen)? {
                Decision::Converged => return Ok(Pursuit::Converged),
                Decision::Removed => return Ok(Pursuit::Removed),
                Decision::Wait(seconds) => {
                    self.remember_wait(goal, &seen);
                    return Ok(Pursuit::Waiting(seconds));
                }
                Decision::Apply(steps) => sight = self.apply(goal, steps, seen).await?,
            }
        }
        Err(Problem::TooManyRounds)
    }

    fn must_answer_now(&self) -> bool {
        let operation = self.stored.record.operation.as_ref();
        operation.is_some_and(|operation| {
            operation.answer.is_none() && self.invocation.now_ms() >= operation.answer_by_ms
        })
    }

    async fn wait_or_fail(&mut self, problem: Problem) -> Result<Outcome, LedgerFailure> {
        let Some(operation) = self.stored.record.operation.clone() else {
            return self.let_go(Outcome::Waiting(RETRY_S)).await;
        };
        let now_ms = self.invocation.now_ms();
        let unseen_since_ms = operation.unseen_since_ms.unwrap_or(now_ms);
        let is_unanswerable = problem == Problem::Respond && operation.answer.is_some();
        let until_ms = if is_unanswerable {
            operation.given_up_ms
        } else {
            operation.answer_by_ms
        };
        let unseen_for_ms = now_ms.saturating_sub(unseen_since_ms);
        if problem.may_pass(unseen_for_ms) && now_ms < until_ms {
            if let Some(open) = &mut self.stored_mut().record.operation {
                open.note_refused(None, problem.is_unseen().then_some(now_ms));
            }
            return self.let_go(Outcome::Waiting(RETRY_S)).await;
        }
        if is_unanswerable {
            return self.conclude(false).await;
        }
        let failed = async {
            self.decide(&operation, false).await?;
            self.deliver().await
        };
        match failed.await {
            Ok(outcome) => Ok(outcome),
            Err(Problem::Ledger(failure)) => Err(failure),
            Err(_) => self.let_go(Outcome::Waiting(RETRY_S)).await,
        }
    }

    /// The properties of the open operation: what was sealed with it.
    fn properties(&self, operation: &Operation) -> Option<Properties> {
        let id = RequestId::parse(operation.request_id.as_str())?;
        self.invocation.world.state().request(id).properties
    }

    /// What is known of the owner, to be changed. The ledger shares it until then.
    fn stored_mut(&mut self) -> &mut Stored {
        Rc::make_mut(&mut self.stored)
    }

    /// Writes the record on the condition that it is still as it was read.
    async fn write(&mut self) -> Result<(), LedgerFailure> {
        let seen = self.stored.revision;
        self.stored_mut().revision += 1;
        if self.stored.record.operation.is_none() {
            self.stored_mut().sealed = None;
        }
        let released = std::mem::take(&mut self.released);
        let written = self
            .invocation
            .call(Effect::PutOwner {
                stored: Rc::clone(&self.stored),
                seen,
                names: None,
                released: released.clone(),
            })
            .await;
        if written.is_err() {
            self.released = released;
            if !self.invocation.is_off(Rule::UnknownWrite) {
                self.stored_mut().revision = seen;
            }
        }
        ledger_reply(written).map(|_| ())
    }
}

/// A reply of the ledger.
fn ledger_reply(reply: CallReply) -> Result<Response, LedgerFailure> {
    reply.map_err(|failure| match failure {
        Failure::Ledger(failure) => failure,
        Failure::Aws(failure) => unreachable!("the ledger said {failure:?}"),
    })
}

/// Runs two things side by side.
async fn join<A, B>(one: impl Future<Output = A>, other: impl Future<Output = B>) -> (A, B) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(found) = one.as_mut().poll(context)
        {
            first = Some(found);
        }
        if second.is_none()
            && let Poll::Ready(found) = other.as_mut().poll(context)
        {
            second = Some(found);
        }
        match (first.take(), second.take()) {
            (Some(first), Some(second)) => Poll::Ready((first, second)),
            (one, other) => {
                first = one;
                second = other;
                Poll::Pending
            }
        }
    })
    .await
}
