//! Answering CloudFormation, as `handler/src/operation/answer.rs` has it.

use express_core::claim::{DecidedAnswer, Operation, Superseded};

use super::{Attempt, Outcome, Problem};
use crate::effect::{Answer, Effect, RequestId};
use crate::ledger::LedgerFailure;
use crate::rules::Rule;
use crate::world::Invocation;

/// Tries of one answer, as `cloudformation/respond.rs` has it.
pub const TRIES_MAX: u32 = 5;
/// Milliseconds after the first, as `cloudformation/respond.rs` has it; twice as many after each further one.
pub const BACKOFF_MS: u64 = 200;

/// Sends an answer; whether CloudFormation's host has taken it.
pub(super) async fn send(invocation: &Invocation, id: RequestId, answer: &Answer) -> bool {
    for number in 0..TRIES_MAX {
        if number > 0 {
            if invocation.is_off(Rule::AnswerRetry) {
                return true;
            }
            invocation.sleep_ms(BACKOFF_MS << (number - 1)).await;
        }
        let sent = invocation.call(Effect::Answer(id, answer.clone())).await;
        if sent.is_ok() {
            return true;
        }
    }
    false
}

impl Attempt<'_> {
    pub(super) async fn decide(
        &mut self,
        operation: &Operation,
        is_success: bool,
    ) -> Result<(), Problem> {
        let id = if is_success {
            operation.reached_id()
        } else {
            self.stored.record.failed_id(operation)
        };
        let physical_id = id
            .cloned()
            .unwrap_or_else(|| format!("nothing-{}", operation.request_id));
        if let Some(operation) = &mut self.stored_mut().record.operation {
            operation.answer = Some(DecidedAnswer {
                is_success,
                body: if is_success { "SUCCESS" } else { "FAILED" }.to_owned(),
                physical_id,
            });
        }
        Ok(self.write().await?)
    }

    /// Sends the decided answer and ends the operation.
    pub(super) async fn deliver(&mut self) -> Result<Outcome, Problem> {
        let Some(operation) = self.stored.record.operation.clone() else {
            return Ok(Outcome::Finished);
        };
        let (Some(answer), Some(id)) = (
            &operation.answer,
            RequestId::parse(operation.request_id.as_str()),
        ) else {
            return Ok(Outcome::Finished);
        };
        if !send(self.invocation, id, &decided(answer)).await {
            return Err(Problem::Respond);
        }
        let heard = self.invocation.world.now_ms() < operation.given_up_ms;
        Ok(self.conclude(heard).await?)
    }

    /// Writes that the operation is over; then those are told that would not be told before.
    pub(super) async fn conclude(&mut self, heard: bool) -> Result<Outcome, LedgerFailure> {
        self.stored_mut().record.finish_operation(heard);
        if !self.is_in_flight {
            let name = self.name.clone();
            self.stored_mut().record.end_attempt(&name);
        }
        self.write().await?;
        // They stay for the next request, and for the sweep.
        let _are_told = self.answer_superseded(Turn::Last).await;
        Ok(Outcome::Finished)
    }

    /// Requests that a later one has ended are told so, or what was decided before.
    pub(super) async fn answer_superseded(&mut self, turn: Turn) -> Result<(), Problem> {
        for superseded in self.stored.record.superseded.clone() {
            let Superseded {
                request_id,
                physical_id,
                answer,
                sealed: _,
                is_tried,
            } = superseded;
            if is_tried && turn == Turn::First {
                continue;
            }
            let answer = answer.as_ref().map_or(
                Answer {
                    is_success: false,
                    physical_id,
                },
                decided,
            );
            let is_taken = match RequestId::parse(request_id.as_str()) {
                Some(id) => send(self.invocation, id, &answer).await,
                None => true,
            };
            if is_taken || turn == Turn::Last {
                self.stored_mut().record.finish_superseded(&request_id);
            } else {
                self.stored_mut().record.try_superseded_again(&request_id);
            }
            self.write().await?;
        }
        Ok(())
    }
}

/// When the requests that were ended are told so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Turn {
    /// Before the work on what is asked now.
    First,
    /// After its answer.
    Last,
}

fn decided(answer: &DecidedAnswer) -> Answer {
    Answer {
        is_success: answer.is_success,
        physical_id: answer.physical_id.clone(),
    }
}
