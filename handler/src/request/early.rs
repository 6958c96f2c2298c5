//! Answers that need no operation: refusals, and requests that change nothing.

use express_core::claim::DecidedAnswer;
use express_core::decision::HandlerErrorCode;
use provider_schema::Attributes;
use serde_json::Value;

use super::RequestError;
use crate::cloudformation::event::{Answerable, Envelope, EnvelopeError, RequestType};
use crate::cloudformation::physical_id;
use crate::cloudformation::respond::{self, Answer, Delivery, RespondError, Responder, Status};
use crate::refusal::{self, Refusal};
use crate::waiter::WaiterReply;
use crate::{Invocation, Runtime};

/// Answers one request at once.
pub(crate) struct EarlyAnswer<'a> {
    runtime: &'a Runtime,
    invocation: &'a Invocation,
    answerable: Answerable,
    /// None for an event that does not say.
    request_type: Option<RequestType>,
}

impl<'a> EarlyAnswer<'a> {
    pub(crate) fn new(
        runtime: &'a Runtime,
        invocation: &'a Invocation,
        envelope: &Envelope,
    ) -> Self {
        Self {
            runtime,
            invocation,
            answerable: envelope.answerable(),
            request_type: Some(envelope.request_type),
        }
    }

    /// FAILED, with the id that the event carried, or with one that names nothing.
    pub(crate) async fn failed(
        &self,
        code: HandlerErrorCode,
        problem: &str,
    ) -> Result<WaiterReply, RequestError> {
        let refusal = Refusal {
            code,
            problem,
            remedy: None,
        };
        tracing::info!(event = "request.refused", code = %code, problem);
        let responder = Responder {
            clock: &self.runtime.clock,
            connector: &self.runtime.connector,
            hosts: &self.runtime.settings.response_hosts,
        };
        let sent = refusal::refuse(
            &responder,
            self.invocation,
            &self.answerable,
            self.request_type,
            &refusal,
        )
        .await;
        sent_or_again(sent)
    }

    /// The same answers, but for a Delete that cannot be carried out: it fails even if what it names is nothing, because
    /// an earlier delivery of what was refused may have begun.
    pub(super) fn of_what_may_be(&self) -> Self {
        let request_type = self.request_type;
        Self {
            answerable: self.answerable.clone(),
            request_type: request_type.filter(|it| *it != RequestType::Delete),
            ..*self
        }
    }

    /// What [`EarlyAnswer::failed`] would send, to be sent by the operation; none of what does not fit.
    pub(super) fn refusal(&self, code: HandlerErrorCode, problem: &str) -> Option<DecidedAnswer> {
        let refusal = Refusal {
            code,
            problem,
            remedy: None,
        };
        let answer = refusal::answer(
            self.invocation,
            &self.answerable,
            self.request_type,
            &refusal,
        );
        Some(DecidedAnswer {
            is_success: false,
            body: respond::render(&answer).ok()?,
            physical_id: answer.physical_resource_id,
        })
    }

    /// SUCCESS without attributes: of a Delete.
    pub(crate) async fn succeeded(&self, physical_id: &str) -> Result<WaiterReply, RequestError> {
        let body = respond::render(&Answer {
            physical_resource_id: physical_id.to_owned(),
            ..self.empty()
        })?;
        self.send(&body).await
    }

    /// The body of SUCCESS with attributes.
    pub(super) fn success_with(
        &self,
        physical_id: &str,
        attributes: &Attributes,
    ) -> Result<String, RespondError> {
        respond::render(&Answer {
            physical_resource_id: physical_id.to_owned(),
            data: Some(attributes.to_data()),
            ..self.empty()
        })
    }

    fn empty(&self) -> Answer {
        let Answerable {
            response_url: _,
            stack_id,
            request_id,
            logical_resource_id,
            physical_resource_id,
        } = &self.answerable;
        let nothing = || physical_id::of_nothing(&self.answerable.id());
        Answer {
            status: Status::Success,
            physical_resource_id: physical_resource_id.clone().unwrap_or_else(nothing),
            stack_id: stack_id.clone(),
            request_id: request_id.clone(),
            logical_resource_id: logical_resource_id.clone(),
            reason: None,
            data: None,
        }
    }

    /// Sends a body that was made for this request.
    pub(super) async fn send(&self, body: &str) -> Result<WaiterReply, RequestError> {
        sent_or_again(respond::send(self.runtime, &self.answerable.response_url, body).await)
    }
}

fn sent_or_again(sent: Result<Delivery, RespondError>) -> Result<WaiterReply, RequestError> {
    match sent {
        Ok(_) => Ok(WaiterReply::Done),
        // Logged where it was found. Delivering the event again would not change it.
        Err(RespondError::ForeignHost(_) | RespondError::TooLarge { .. }) => Ok(WaiterReply::Done),
        Err(error @ RespondError::NotAccepted { .. }) => Err(error.into()),
    }
}

/// An event that is no request: answered if it says where to.
pub(super) async fn unreadable(
    runtime: &Runtime,
    invocation: &Invocation,
    error: &EnvelopeError,
) -> Result<WaiterReply, RequestError> {
    match &error.answerable {
        Some(answerable) => {
            let early = EarlyAnswer {
                runtime,
                invocation,
                answerable: (**answerable).clone(),
                request_type: error.request_type,
            };
            early
                .failed(HandlerErrorCode::InvalidRequest, &error.problem)
                .await
        }
        None => {
            tracing::error!(event = "event.unanswerable", problem = error.problem);
            Ok(WaiterReply::Done)
        }
    }
}

/// `ServiceTimeout` in seconds, as the event says it, also in a Delete or among properties that are
/// refused.
pub(super) fn service_timeout_s(properties: &Value) -> Option<u64> {
    let value = properties.get("ServiceTimeout")?;
    value
        .as_u64()
        .or_else(|| value.as_str().and_then(|text| text.trim().parse().ok()))
}

/// Whether a request removes something.
pub(crate) const fn is_delete(request_type: RequestType) -> bool {
    match request_type {
        RequestType::Delete => true,
        RequestType::Create | RequestType::Update => false,
    }
}
