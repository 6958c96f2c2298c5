//! Answering CloudFormation: decided in the record first, then sent, then recorded as heard.

use express_core::claim::{DecidedAnswer, Operation, RequestId, Superseded};
use express_core::decision::HandlerErrorCode;
use express_core::naming;
use provider_schema::Attributes;

use super::{Attempt, OperationError, Outcome};
use crate::cloudformation::physical_id;
use crate::cloudformation::reason::{Whereabouts, reason};
use crate::cloudformation::respond::{self, Answer, Delivery, RespondError, Status};
use crate::ledger::{self, LedgerError};
use crate::seal::SealContext;
use crate::sealed::SealedOperation;
use crate::waiter::WaiterReply;

impl Attempt<'_> {
    pub(super) async fn unseal(
        &mut self,
        operation: &Operation,
    ) -> Result<SealedOperation, OperationError> {
        if let Some(sealed) = &self.sealed {
            return Ok(sealed.clone());
        }
        let text = self
            .stored
            .sealed
            .clone()
            .ok_or(OperationError::SealedMissing)?;
        let opened = self.open(&operation.request_id, &text).await?;
        self.sealed = Some(opened.clone());
        Ok(opened)
    }

    async fn open(
        &self,
        request_id: &RequestId,
        sealed: &str,
    ) -> Result<SealedOperation, OperationError> {
        let owner_key = naming::owner_key(&self.stored.record.owner);
        let context = SealContext {
            owner_key: &owner_key,
            request_id: request_id.as_str(),
        };
        SealedOperation::open(self.runtime, &context, sealed)
            .await
            .map_err(OperationError::Seal)
    }

    /// Decides on SUCCESS: with the attributes of the service that was asked for, or of nothing for a Delete.
    pub(super) async fn decide_success(
        &mut self,
        operation: &Operation,
        attributes: Option<Attributes>,
    ) -> Result<(), OperationError> {
        let answer = Answer {
            status: Status::Success,
            physical_resource_id: id_of(operation, operation.reached_id()),
            reason: None,
            data: attributes.map(|attributes| attributes.to_data()),
            ..self.empty_answer(&operation.request_id)
        };
        self.decide(&answer).await
    }

    /// Decides on FAILED.
    pub(super) async fn decide_failure(
        &mut self,
        operation: &Operation,
        reason: String,
    ) -> Result<(), OperationError> {
        let answer = Answer {
            status: Status::Failed,
            physical_resource_id: id_of(operation, self.stored.record.failed_id(operation)),
            reason: Some(reason),
            data: None,
            ..self.empty_answer(&operation.request_id)
        };
        self.decide(&answer).await
    }

    fn empty_answer(&self, request_id: &RequestId) -> Answer {
        let owner = &self.stored.record.owner;
        Answer {
            status: Status::Failed,
            physical_resource_id: String::new(),
            stack_id: owner.stack_id.clone(),
            request_id: request_id.cloudformation_id().to_owned(),
            logical_resource_id: owner.logical_resource_id.clone(),
            reason: None,
            data: None,
        }
    }

    async fn decide(&mut self, answer: &Answer) -> Result<(), OperationError> {
        let decided = DecidedAnswer {
            is_success: answer.status == Status::Success,
            body: respond::render(answer).map_err(OperationError::Respond)?,
            physical_id: answer.physical_resource_id.clone(),
        };
        tracing::info!(event = "answer.decided", status = ?answer.status);
        if let Some(operation) = &mut self.stored.record.operation {
            operation.answer = Some(decided);
        }
        ledger::write(self.runtime, &mut self.stored)
            .await
            .map_err(OperationError::Ledger)
    }

    /// Sends the decided answer and ends the operation.
    pub(super) async fn deliver(&mut self) -> Result<Outcome, OperationError> {
        let Some(operation) = self.stored.record.operation.clone() else {
            return Ok(Outcome::Finished);
        };
        let Some(answer) = &operation.answer else {
            return Ok(Outcome::Finished);
        };
        let sealed = self.unseal(&operation).await?;
        let delivery = respond::send(self.runtime, &sealed.response_url, &answer.body)
            .await
            .map_err(OperationError::Respond)?;
        // S3 takes an answer also when CloudFormation has given up, and nobody reads it.
        let heard = match delivery {
            Delivery::Delivered => self.runtime.clock.now_ms() < operation.given_up_ms,
            Delivery::Refused { status: _ } => false,
        };
        self.conclude(heard).await.map_err(OperationError::Ledger)
    }

    /// Writes that the operation is over; then those are told that would not be told before.
    pub(super) async fn conclude(&mut self, heard: bool) -> Result<Outcome, LedgerError> {
        self.stored.record.finish_operation(heard);
        if !self.is_in_flight {
            self.stored.record.end_attempt(&self.name);
        }
        ledger::write(self.runtime, &mut self.stored).await?;
        if let Err(error) = self.answer_superseded(Turn::Last).await {
            // They stay for the next request, and for the sweep.
            tracing::warn!(event = "superseded.unanswered", error = %error);
        }
        Ok(Outcome::Finished)
    }

    /// Tells CloudFormation what was decided, in an operation that nobody will come back for.
    ///
    /// # Errors
    /// When the answer did not arrive.
    pub async fn tell(mut self) -> Result<WaiterReply, OperationError> {
        self.answer_superseded(Turn::First).await?;
        self.deliver().await?;
        Ok(WaiterReply::Done)
    }

    /// Ends an operation that nobody will come back for: decided on FAILED, unless something was decided before, and
    /// told. That changes nothing in AWS, so it needs no right to mutate; whoever has that finds the record changed.
    ///
    /// # Errors
    /// When the ledger does not answer, or the answer did not arrive.
    pub async fn fail(
        mut self,
        code: HandlerErrorCode,
        problem: &str,
    ) -> Result<WaiterReply, OperationError> {
        let operation = self.stored.record.operation.clone();
        if let Some(operation) = operation.filter(|open| open.answer.is_none()) {
            let whereabouts = Whereabouts {
                request_id: operation.request_id.cloudformation_id().to_owned(),
                log_stream: self.invocation.log_stream.clone(),
            };
            let reason = reason(code, problem, None, &whereabouts);
            self.decide_failure(&operation, reason).await?;
        }
        self.tell().await
    }

    /// Requests that a later one has ended are still owed an answer, which CloudFormation may or may not
    /// wait for: the one that was decided, or that they were ended. What is asked now must not wait for one that does not
    /// arrive, so it is sent again only when that is over.
    pub(super) async fn answer_superseded(&mut self, turn: Turn) -> Result<(), OperationError> {
        for superseded in self.stored.record.superseded.clone() {
            let Superseded {
                request_id,
                physical_id,
                answer,
                sealed,
                is_tried,
            } = superseded;
            if is_tried && turn == Turn::First {
                continue;
            }
            let opened = match self.open(&request_id, &sealed).await {
                Ok(opened) => opened,
                Err(OperationError::Seal(error)) if !error.class().is_retriable() => {
                    // Nobody can be told any more, and what is asked now must not wait for it.
                    tracing::error!(event = "superseded.unreadable", error = %error);
                    self.stored.record.finish_superseded(&request_id);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let body = match answer {
                Some(answer) => answer.body,
                None => respond::render(&Answer {
                    physical_resource_id: physical_id,
                    reason: Some(
                        "ResourceConflict: a later request for the same resource ended this one"
                            .to_owned(),
                    ),
                    ..self.empty_answer(&request_id)
                })
                .map_err(OperationError::Respond)?,
            };
            let mut is_again = false;
            if let Err(error) = respond::send(self.runtime, &opened.response_url, &body).await {
                // CloudFormation has given the request up: it is told as a courtesy.
                tracing::warn!(event = "superseded.unanswered", error = %error);
                is_again = turn == Turn::First && matches!(error, RespondError::NotAccepted { .. });
            }
            if is_again {
                self.stored.record.try_superseded_again(&request_id);
            } else {
                self.stored.record.finish_superseded(&request_id);
            }
            ledger::write(self.runtime, &mut self.stored)
                .await
                .map_err(OperationError::Ledger)?;
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

/// CloudFormation wants an id in each answer.
fn id_of(operation: &Operation, id: Option<&String>) -> String {
    let nothing = || physical_id::of_nothing(&operation.request_id);
    id.cloned().unwrap_or_else(nothing)
}
