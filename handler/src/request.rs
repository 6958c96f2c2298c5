//! A request of CloudFormation: from the event to an open operation, or to an answer at once.
//!
//! ```text
//! event ─► envelope (always answerable) ─► place and type ─► properties ─► identity
//!   ─► record of the owner: what does this mean? ─► begin: record and names in one write
//!   ─► waiter ─► first attempt
//! ```
//!
//! # Guarantees
//! Whatever has a response URL gets an answer. Nothing in AWS is changed before the operation is in the
//! ledger and its waiter has been started, so a crash at any later point leaves somebody who comes back.
//! A request that changes nothing (an unchanged Update, a Delete of nothing) is answered at once,
//! without a waiter.

pub(crate) mod early;
mod first_look;
pub(crate) mod taking;
mod unattended;

use express_core::claim::{Owner, Standing};
use express_core::decision::HandlerErrorCode;
use serde_json::Value;

use crate::cloudformation::event;
use crate::error::chain;
use crate::ledger::LedgerError;
use crate::operation::OperationError;
use crate::process::catch_panic;
use crate::seal::SealError;
use crate::waiter::WaiterReply;
use crate::{Invocation, Runtime, guard, refusal};
use early::EarlyAnswer;
use taking::Taking;

/// Executions of the waiter for one operation: each died unanswered.
const WAITERS_MAX: u32 = 10;

/// Why a request could not be taken up. Lambda delivers it again.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The ledger did not answer, or other attempts were quicker too often.
    #[error("ledger")]
    Ledger(#[from] LedgerError),
    /// The request could not be sealed.
    #[error("cannot seal the request")]
    Seal(#[from] SealError),
    /// The waiter could not be started.
    #[error("cannot start the waiter")]
    Waiter(#[source] crate::aws::error::AwsError),
    /// The one before has died, and the next could not be started.
    #[error("the waiter has died, and cannot start another")]
    NextWaiter(#[source] crate::aws::error::AwsError),
    /// No waiter of this operation stays alive.
    #[error("{WAITERS_MAX} waiters of this operation have died")]
    WaitersExhausted,
    /// A bug, in the middle of an operation that is open.
    #[error("the handler panicked")]
    Panicked,
    /// What was decided of an operation without a waiter could not be told.
    #[error("nobody comes back for this operation")]
    Untold(#[source] OperationError),
    /// CloudFormation's host did not take the answer.
    #[error("cannot answer")]
    Respond(#[from] crate::cloudformation::respond::RespondError),
}

impl RequestError {
    const fn class(&self) -> HandlerErrorCode {
        match self {
            Self::Ledger(error) => error.class(),
            Self::Seal(error) => error.class(),
            // The operation is open and nobody comes back for it but this event; or nobody can be told.
            Self::Waiter(_)
            | Self::NextWaiter(_)
            | Self::WaitersExhausted
            | Self::Panicked
            | Self::Untold(_)
            | Self::Respond(_) => HandlerErrorCode::NetworkFailure,
        }
    }

    /// Whether another delivery may end otherwise. The first events come just after the provider's stack has attached its
    /// policies.
    fn is_worth_another_delivery(&self) -> bool {
        let spreads = match self {
            Self::Ledger(error) => error.may_be_iam_propagation(),
            Self::Seal(error) => error.may_be_iam_propagation(),
            Self::Waiter(_)
            | Self::NextWaiter(_)
            | Self::WaitersExhausted
            | Self::Panicked
            | Self::Untold(_)
            | Self::Respond(_) => false,
        };
        spreads || self.class().is_retriable()
    }

    /// Whether it shows that the operation's waiter has died.
    const fn is_of_dead_waiter(&self) -> bool {
        matches!(self, Self::NextWaiter(_) | Self::WaitersExhausted)
    }

    /// What the user is told.
    const fn cause(&self) -> HandlerErrorCode {
        match self {
            Self::Waiter(error) | Self::NextWaiter(error) => error.class,
            Self::Ledger(_)
            | Self::Seal(_)
            | Self::WaitersExhausted
            | Self::Panicked
            | Self::Untold(_)
            | Self::Respond(_) => self.class(),
        }
    }
}

/// Takes up one event.
///
/// # Errors
/// When it has to be delivered again.
pub async fn receive(
    event: &Value,
    invocation: &Invocation,
    runtime: &Runtime,
) -> Result<WaiterReply, RequestError> {
    let began_ms = runtime.clock.now_ms();
    let envelope = match event::parse(event) {
        Ok(envelope) => envelope,
        Err(error) => return early::unreadable(runtime, invocation, &error).await,
    };
    tracing::info!(
        event = "attempt.started",
        request_type = %envelope.request_type,
        stack_id = envelope.stack_id.as_str(),
        logical_resource_id = envelope.logical_resource_id,
        request_id = envelope.request_id,
        physical_resource_id = envelope.physical_resource_id,
    );
    if let Err(error) = runtime
        .settings
        .response_hosts
        .admit(&envelope.response_url)
    {
        // Whoever sent this is not CloudFormation: nothing is done for him and nothing is sent.
        tracing::error!(event = "response.failed", error = %error);
        return Ok(WaiterReply::Done);
    }
    let early = EarlyAnswer::new(runtime, invocation, &envelope);
    if let Err(error) = envelope.stack_id.check_place(&invocation.function_arn) {
        if refusal::is_delete_of_nothing(&envelope) {
            // The Delete after a refused Create must succeed, whatever the refusal was for.
            let id = envelope.physical_resource_id.as_deref();
            return early.succeeded(id.unwrap_or_default()).await;
        }
        return early
            .failed(HandlerErrorCode::InvalidRequest, &error.to_string())
            .await;
    }
    let taking = Taking {
        runtime,
        invocation,
        envelope: &envelope,
        early: &early,
        owner: Owner {
            stack_id: envelope.stack_id.as_str().to_owned(),
            logical_resource_id: envelope.logical_resource_id.clone(),
        },
        began_ms,
    };
    match catch_panic(Box::pin(take(&taking))).await {
        Ok(Err(error)) if error.is_worth_another_delivery() => {
            // Another delivery cannot send what this one could not.
            let is_answer = matches!(error, RequestError::Respond(_));
            if is_answer || !taking.is_last_delivery() {
                return Err(error);
            }
            let early = early.of_what_may_be();
            give_up(&taking, &early, error.cause(), Some(&error)).await
        }
        Ok(Err(error)) => give_up(&taking, &early, error.class(), Some(&error)).await,
        Ok(taken) => taken,
        Err(_) => give_up(&taking, &early, HandlerErrorCode::InternalFailure, None).await,
    }
}

/// Answers a request that would end in the same way if it were delivered again, or that is not. `error` is none after a
/// panic.
async fn give_up(
    taking: &Taking<'_>,
    early: &EarlyAnswer<'_>,
    code: HandlerErrorCode,
    error: Option<&RequestError>,
) -> Result<WaiterReply, RequestError> {
    match (taking.standing().await, error) {
        (Standing::Over, _) => Ok(WaiterReply::Done),
        (Standing::AnsweredAtOnce(body), _) => taking.early.send(&body).await,
        (Standing::Open, Some(error)) => taking.end_unattended(error).await,
        // It may have no waiter yet: delivered again, it gets one.
        (Standing::Open, None) => Err(RequestError::Panicked),
        (Standing::Unknown, error) => {
            let problem = error.map(|error| chain(error).to_string());
            let problem = problem.unwrap_or_else(|| PANICKED.to_owned());
            early.failed(code, &problem).await
        }
    }
}

async fn take(taking: &Taking<'_>) -> Result<WaiterReply, RequestError> {
    let envelope = taking.envelope;
    if envelope.resource_type == guard::RESOURCE_TYPE {
        return guard::receive(taking).await;
    }
    match envelope.request_type {
        event::RequestType::Delete => taking.delete().await,
        event::RequestType::Create | event::RequestType::Update => {
            match taking.parse(&envelope.properties) {
                Ok(properties) => taking.converge(properties).await,
                Err(errors) => {
                    let code = HandlerErrorCode::InvalidRequest;
                    taking.early.failed(code, &errors.to_string()).await
                }
            }
        }
    }
}

const PANICKED: &str = "the provider failed in a way that it should not; its log says where, show it to whoever installed the provider";
