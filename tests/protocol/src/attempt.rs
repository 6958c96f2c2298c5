//! The function, call by call, in the order of `handler/src`: this folder has the same files with the same steps, and
//! symbols where the handler has AWS's types.
//!
//! | here | there |
//! |---|---|
//! | `request.rs` | `request.rs`, and `carry_on` of `lib.rs` |
//! | this file | `operation.rs`, `operation/failure.rs` |
//! | `hold.rs`, `goal.rs`, `answer.rs` | `operation/…` |
//! | `plan.rs` | `core/src/plan` |
//! | `placement.rs` | `ledger/pool.rs` |
//! | `pool_operation.rs` | `pool_operation.rs`, `sweep.rs` |

mod answer;
mod goal;
mod hold;
mod placement;
mod plan;
pub mod pool_operation;
pub mod request;

use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;

use express_core::claim::Operation;

use crate::aws::{AwsFailure, Sight};
use crate::effect::{Effect, Failure, Reply as CallReply, RequestId, Response};
use crate::history::Properties;
use crate::ledger::{LedgerFailure, Stored};
use crate::rules::Rule;
use crate::world::Invocation;
use goal::Goal;
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
const IAM_PROPAGATION_MS: u64 = 120_000;
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
    fn may_pass(self, age_ms: u64) -> bool {
        match self {
            Self::Aws(failure) => match failure {
                AwsFailure::Unknown | AwsFailure::Throttled | AwsFailure::InUse => true,
                AwsFailure::AlreadyExists | AwsFailure::NotFound | AwsFailure::PriorityInUse => {
                    age_ms < IAM_PROPAGATION_MS
                }
            },
            Self::Ledger(failure) => failure != LedgerFailure::OwnedByAnother,
            Self::Respond => true,
            Self::Plan(_) | Self::OutOfTime | Self::TooManyRounds => false,
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
    /// Whether nothing can have been made yet.
    is_first: bool,
    /// Whether a call ended without an answer.
    is_in_flight: bool,
    /// The step that AWS found outdated in the round before.
    outdated: Option<Step>,
    /// Whether a foreign rule has our priority.
    is_priority_taken: bool,
}

impl<'a> Attempt<'a> {
    const fn new(
        invocation: &'a Invocation,
        stored: Rc<Stored>,
        name: String,
        is_first: bool,
    ) -> Self {
        Self {
            invocation,
            stored,
            name,
            is_first,
            is_in_flight: false,
            outdated: None,
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
                    self.invocation.may_land_late() && !self.invocation.is_off(Rule::LateClaim);
                self.wait_or_fail(problem).await
            }
        }
    }

    async fn work(&mut self) -> Result<Outcome, Problem> {
        self.answer_superseded().await?;
        let Some(operation) = self.stored.record.operation.clone() else {
            return Ok(Outcome::Finished);
        };
        if operation.answer.is_some() {
            return self.deliver().await;
        }
        if self.invocation.now_ms() >= operation.answer_by_ms {
            return Err(Problem::OutOfTime);
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
        let mut sight = self.is_first.then(Sight::default);
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
                    self.remember_deployment(&seen);
                    return Ok(Pursuit::Waiting(seconds));
                }
                Decision::Apply(steps) => sight = self.apply(goal, steps, seen).await?,
            }
        }
        Err(Problem::TooManyRounds)
    }

    async fn observe(&self, goal: &Goal) -> Result<Sight, Problem> {
        let at = self.slot_of(goal.service()).map(|(at, _)| at);
        match self
            .invocation
            .call(Effect::Observe(goal.service(), at))
            .await?
        {
            Response::Sight(sight) => Ok(*sight),
            other => unreachable!("{other:?} is no sight"),
        }
    }

    /// Applies the steps side by side; what is known then, unless it has to be looked at again.
    async fn apply(
        &mut self,
        goal: &Goal,
        steps: Vec<Step>,
        mut seen: Sight,
    ) -> Result<Option<Sight>, Problem> {
        let deploys = |step: &Step| {
            matches!(
                step,
                Step::Call(Effect::CreateService(_) | Effect::UpdateService(_))
            )
        };
        let now_ms = self.invocation.now_ms();
        if steps.iter().any(deploys)
            && let Some(operation) = &mut self.stored_mut().record.operation
        {
            let newest = seen.service.as_ref();
            operation.deployment_before =
                newest.map(|(service, _)| service.deployment.id.to_string());
            operation.deployment_asked_ms = Some(now_ms);
        }
        if steps.contains(&Step::ClaimSlot) {
            self.note_claim(goal);
        }
        self.write().await?;
        let calls = steps.iter().filter_map(Step::call).collect();
        let (claimed, replies) = join(
            self.apply_claims(goal, &steps),
            self.invocation.calls(calls),
        )
        .await;
        if let Some((at, slot)) = claimed? {
            self.keep_slot(goal, at, slot);
            self.is_priority_taken = false;
            // Where its load balancer stands is not known yet.
            seen.load_balancer = None;
        }
        let mut is_known = !steps.iter().any(Step::is_claim);
        let mut failure = None;
        let called = steps.into_iter().filter(|step| step.call().is_some());
        for (step, reply) in called.zip(replies) {
            match reply {
                Ok(response) => is_known &= merge(&mut seen, response),
                Err(error) => {
                    is_known = false;
                    failure = failure.or(self.tolerate(step, error));
                }
            }
        }
        match failure {
            None => Ok(is_known.then_some(seen)),
            Some(error) => Err(error.into()),
        }
    }

    fn tolerate(&mut self, step: Step, error: Failure) -> Option<Failure> {
        match error {
            Failure::Aws(AwsFailure::PriorityInUse) => {
                self.is_priority_taken = true;
                None
            }
            Failure::Aws(AwsFailure::AlreadyExists | AwsFailure::NotFound)
                if self.outdated.as_ref() != Some(&step) =>
            {
                self.outdated = Some(step);
                None
            }
            Failure::Aws(AwsFailure::Unknown) => {
                self.is_in_flight = true;
                Some(error)
            }
            Failure::Aws(_) | Failure::Ledger(_) => Some(error),
        }
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
        let age_ms = now_ms.saturating_sub(operation.started_ms);
        if problem.may_pass(age_ms) && now_ms < operation.answer_by_ms {
            return self.let_go(Outcome::Waiting(RETRY_S)).await;
        }
        if problem == Problem::Respond && operation.answer.is_some() {
            self.stored_mut().record.finish_operation(false);
            return self.let_go(Outcome::Finished).await;
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
        let id = RequestId::parse(&operation.request_id)?;
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
        let written = self
            .invocation
            .call(Effect::PutOwner {
                stored: Rc::clone(&self.stored),
                seen,
                names: None,
            })
            .await;
        if written.is_err() && !self.invocation.is_off(Rule::UnknownWrite) {
            self.stored_mut().revision = seen;
        }
        ledger_reply(written).map(|_| ())
    }
}

/// What a successful call says about the service; whether everything is still known.
fn merge(seen: &mut Sight, response: Response) -> bool {
    match response {
        Response::Groups(groups) => seen.groups = Some(groups),
        Response::LoadBalancer(status) => seen.load_balancer = Some(status),
        Response::Rule(placed) => seen.rule = Some(placed),
        _ => return false,
    }
    true
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
