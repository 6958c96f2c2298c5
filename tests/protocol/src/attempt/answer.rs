//! Answering CloudFormation, as `handler/src/operation/answer.rs` has it.

use express_core::claim::{DecidedAnswer, Operation, Superseded};

use super::{Attempt, Outcome, Problem};
use crate::effect::{Answer, Effect, RequestId};
use crate::ledger::LedgerFailure;
use crate::rules::Rule;
use crate::world::Invocation;

/// Tries of one answer.
const TRIES_MAX: u32 = 3;
/// Milliseconds between them.
const BACKOFF_MS: u64 = 200;

/// Sends an answer; whether CloudFormation's host has taken it.
pub(super) async fn send(invocation: &Invocation, id: RequestId, answer: &Answer) -> bool {
    for number in 0..TRIES_MAX {
        if number > 0 {
            if invocation.is_off(Rule::AnswerRetry) {
                return true;
            }
            invocation.sleep_ms(BACKOFF_MS << number).await;
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
        let (Some(answer), Some(id)) = (&operation.answer, RequestId::parse(&operation.request_id))
        else {
            return Ok(Outcome::Finished);
        };
        if !send(self.invocation, id, &decided(answer)).await {
            return Err(Problem::Respond);
        }
        let heard = self.invocation.world.now_ms() < operation.given_up_ms;
        self.stored_mut().record.finish_operation(heard);
        Ok(self.finish().await?)
    }

    /// Writes that the operation is over.
    pub(super) async fn finish(&mut self) -> Result<Outcome, LedgerFailure> {
        if !self.is_in_flight {
            let name = self.name.clone();
            self.stored_mut().record.end_attempt(&name);
        }
        self.write().await?;
        Ok(Outcome::Finished)
    }

    /// Requests that a later one has ended are told so, or what was decided before.
    pub(super) async fn answer_superseded(&mut self) -> Result<(), Problem> {
        for superseded in self.stored.record.superseded.clone() {
            let Superseded {
                request_id,
                physical_id,
                answer,
                sealed: _,
            } = superseded;
            let answer = answer.as_ref().map_or(
                Answer {
                    is_success: false,
                    physical_id,
                },
                decided,
            );
            if let Some(id) = RequestId::parse(&request_id) {
                // A courtesy: whether it arrives or not, it is over.
                let _is_taken = send(self.invocation, id, &answer).await;
            }
            self.stored_mut().record.finish_superseded(&request_id);
            self.write().await?;
        }
        Ok(())
    }
}

fn decided(answer: &DecidedAnswer) -> Answer {
    Answer {
        is_success: answer.is_success,
        physical_id: answer.physical_id.clone(),
    }
}
