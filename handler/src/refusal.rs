//! Requests that are answered without being carried out: malformed, from elsewhere, or while the function
//! itself is not able to work.
//!
//! A refused Create is answered with an id that names nothing, and the Delete that follows it must succeed,
//! or a stack that met a refusal could not even be rolled back.

use express_core::decision::HandlerErrorCode;
use serde_json::Value;

use crate::Invocation;
use crate::cloudformation::event::{self, Answerable, Envelope, EnvelopeError, RequestType};
use crate::cloudformation::physical_id;
use crate::cloudformation::reason::{Whereabouts, reason};
use crate::cloudformation::respond::{Answer, Delivery, RespondError, Responder, Status};

/// Why a request is not carried out, for its user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// CloudFormation's word for it.
    pub code: HandlerErrorCode,
    /// What is wrong.
    pub problem: &'a str,
    /// What to do about it.
    pub remedy: Option<&'a str>,
}

/// Answers a request with a refusal; `request_type` if it is known.
///
/// # Guarantees
/// A Delete of an id that names nothing is a success, whatever the refusal: there is nothing to carry out.
///
/// # Errors
/// As [`Responder::respond`].
pub async fn refuse(
    responder: &Responder<'_>,
    invocation: &Invocation,
    answerable: &Answerable,
    request_type: Option<RequestType>,
    refusal: &Refusal<'_>,
) -> Result<Delivery, RespondError> {
    let answer = answer(invocation, answerable, request_type, refusal);
    responder.respond(&answerable.response_url, &answer).await
}

/// Answers every event with the same refusal, while the function is not able to work.
///
/// `Ok(None)` means that the event cannot be answered: no request, or one without a response URL.
///
/// # Errors
/// As [`Responder::respond`].
pub async fn refuse_all(
    responder: &Responder<'_>,
    invocation: &Invocation,
    event: &Value,
    refusal: &Refusal<'_>,
) -> Result<Option<Delivery>, RespondError> {
    let (answerable, request_type) = match event::parse(event) {
        Ok(envelope) => (envelope.answerable(), Some(envelope.request_type)),
        Err(EnvelopeError {
            answerable: Some(answerable),
            request_type,
            problem: _,
        }) => (*answerable, request_type),
        Err(EnvelopeError {
            answerable: None,
            request_type: _,
            problem,
        }) => {
            tracing::error!(event = "request.unanswerable", problem);
            return Ok(None);
        }
    };
    refuse(responder, invocation, &answerable, request_type, refusal)
        .await
        .map(Some)
}

/// Whether `envelope` is the Delete of something that never was: it can be answered at once.
#[must_use]
pub fn is_delete_of_nothing(envelope: &Envelope) -> bool {
    envelope.request_type == RequestType::Delete
        && envelope
            .physical_resource_id
            .as_deref()
            .is_some_and(physical_id::names_nothing)
}

/// The answer that a refusal is.
pub(crate) fn answer(
    invocation: &Invocation,
    answerable: &Answerable,
    request_type: Option<RequestType>,
    refusal: &Refusal<'_>,
) -> Answer {
    let Answerable {
        stack_id,
        request_id,
        logical_resource_id,
        physical_resource_id,
        response_url: _,
    } = answerable;
    let received = physical_resource_id
        .as_ref()
        .filter(|_| request_type != Some(RequestType::Create));
    let nothing_to_delete = request_type == Some(RequestType::Delete)
        && received.is_some_and(|id| physical_id::names_nothing(id));
    let whereabouts = Whereabouts {
        request_id: request_id.clone(),
        log_stream: invocation.log_stream.clone(),
    };
    let why = || reason(refusal.code, refusal.problem, refusal.remedy, &whereabouts);
    Answer {
        status: if nothing_to_delete {
            Status::Success
        } else {
            Status::Failed
        },
        physical_resource_id: received
            .cloned()
            .unwrap_or_else(|| physical_id::of_nothing(&answerable.id())),
        stack_id: stack_id.clone(),
        request_id: request_id.clone(),
        logical_resource_id: logical_resource_id.clone(),
        reason: (!nothing_to_delete).then(why),
        data: None,
    }
}

#[cfg(test)]
mod tests;
