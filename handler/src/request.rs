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
//! ledger and its waiter has been started, so a crash at any later point leaves somebody who comes back
//! (R3). A request that changes nothing (an unchanged Update, a Delete of nothing) is answered at once,
//! without a waiter.

pub(crate) mod early;
mod first_look;
pub(crate) mod taking;

use express_core::claim::Owner;
use express_core::decision::HandlerErrorCode;
use express_core::naming;
use serde_json::Value;

use crate::cloudformation::event::{self, Envelope};
use crate::error::chain;
use crate::ledger::{self, LedgerError};
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
    /// The waiter could not be started; nothing was changed.
    #[error("cannot start the waiter")]
    Waiter(#[source] crate::aws::error::AwsError),
    /// No waiter of this operation stays alive.
    #[error("{WAITERS_MAX} waiters of this operation have died")]
    WaitersExhausted,
    /// A bug, in the middle of an operation that is open.
    #[error("the handler panicked")]
    Panicked,
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
            Self::Waiter(_) | Self::WaitersExhausted | Self::Panicked | Self::Respond(_) => {
                HandlerErrorCode::NetworkFailure
            }
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
    let outcome = catch_panic(Box::pin(take(&envelope, invocation, runtime, &early))).await;
    let has_panicked = outcome.is_err();
    let (code, problem) = match outcome {
        Ok(Err(error)) if !error.class().is_retriable() => {
            (error.class(), chain(&error).to_string())
        }
        Ok(outcome) => return outcome,
        Err(_) => (HandlerErrorCode::InternalFailure, PANICKED.to_owned()),
    };
    if is_open(runtime, &envelope).await {
        if has_panicked {
            // It may have no waiter yet: delivered again, it gets one.
            return Err(RequestError::Panicked);
        }
        // Its waiter carries on, and answers.
        return Ok(WaiterReply::Done);
    }
    // Delivering the event again would end the same way: the user is told now.
    early.failed(code, &problem).await
}

/// Whether the request has an operation in the ledger.
async fn is_open(runtime: &Runtime, envelope: &Envelope) -> bool {
    let owner_key = naming::owner_key(&Owner {
        stack_id: envelope.stack_id.as_str().to_owned(),
        logical_resource_id: envelope.logical_resource_id.clone(),
    });
    match ledger::find(runtime, &owner_key).await {
        Ok(Some(stored)) => stored
            .record
            .operation
            .is_some_and(|operation| operation.request_id == envelope.request_id),
        Ok(None) => false,
        // A newer version has written it. If that one has taken the request up, it answers.
        Err(LedgerError::Unreadable { .. }) => {
            let named = ledger::names_request(runtime, &owner_key, &envelope.request_id).await;
            named.unwrap_or_default()
        }
        Err(_) => false,
    }
}

async fn take(
    envelope: &Envelope,
    invocation: &Invocation,
    runtime: &Runtime,
    early: &EarlyAnswer<'_>,
) -> Result<WaiterReply, RequestError> {
    let taking = Taking {
        runtime,
        invocation,
        envelope,
        early,
        owner: Owner {
            stack_id: envelope.stack_id.as_str().to_owned(),
            logical_resource_id: envelope.logical_resource_id.clone(),
        },
    };
    if envelope.resource_type == guard::RESOURCE_TYPE {
        return guard::receive(&taking).await;
    }
    match envelope.request_type {
        event::RequestType::Delete => taking.delete().await,
        event::RequestType::Create | event::RequestType::Update => {
            match taking.parse(&envelope.properties) {
                Ok(properties) => taking.converge(properties).await,
                Err(errors) => {
                    early
                        .failed(HandlerErrorCode::InvalidRequest, &errors.to_string())
                        .await
                }
            }
        }
    }
}

const PANICKED: &str =
    "the provider failed in a way that it should not; its log says where, please report it";
