//! The one answer to a request: a PUT to the signed URL that came with it.
//!
//! Repeat-safe: the same answer sent twice has the effect of one; CloudFormation reads the first.
//! A refused answer (403: the URL has expired, or CloudFormation no longer waits) is not tried again.
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>

use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use express_core::claim::RequestId;
use http::Uri;
use serde::Serialize;
use serde_json::{Map, Value};

use super::physical_id;
use super::reason::REASON_BYTES_MAX;
use super::response_host::{ForeignHost, ResponseHosts};
use crate::Runtime;
use crate::clock::Clock;
use crate::telemetry::{Sensitive, truncate};

/// The most bytes of an answer's body. AWS: the page above.
pub const RESPONSE_BYTES_MAX: usize = 4096;

/// Tries of one answer, the first included. With [`RESPONSE_TRY_TIMEOUT_MS`] and the waits between, all of
/// them take at most 18 s: the 20 s that the function's timeout (60 s) leaves after the work budget (40 s).
pub const RESPONSE_TRIES_MAX: u32 = 5;

/// One try, from the connection to the head of the answer. The connector is built with it.
pub const RESPONSE_TRY_TIMEOUT_MS: u64 = 3_000;

/// The wait before the second try; it doubles with each further one.
pub const RESPONSE_BACKOFF_MS: u64 = 200;

/// Whether the resource is as requested.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Status {
    /// It is.
    #[serde(rename = "SUCCESS")]
    Success,
    /// It is not, for a reason.
    #[serde(rename = "FAILED")]
    Failed,
}

/// What CloudFormation is told.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Whether the resource is as requested.
    pub status: Status,
    /// What `Ref` returns, and what later events carry.
    pub physical_resource_id: String,
    /// From the request, verbatim.
    pub stack_id: String,
    /// From the request, verbatim.
    pub request_id: String,
    /// From the request, verbatim.
    pub logical_resource_id: String,
    /// Why it failed. Cut to [`REASON_BYTES_MAX`].
    pub reason: Option<String>,
    /// The attributes for `Fn::GetAtt`. Never a secret: CloudFormation stores and shows them.
    pub data: Option<Map<String, Value>>,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery {
    /// CloudFormation has it.
    Delivered,
    /// It was refused for good: nobody waits for it any more.
    Refused {
        /// The HTTP status.
        status: u16,
    },
}

/// Why an answer could not be delivered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RespondError {
    /// The URL is not CloudFormation's. Nothing was sent; nothing ever should be.
    #[error(transparent)]
    ForeignHost(#[from] ForeignHost),
    /// The ids of the request alone are larger than an answer may be.
    #[error(
        "an answer with the ids of this request needs {bytes} bytes, CloudFormation accepts {RESPONSE_BYTES_MAX}"
    )]
    TooLarge {
        /// Its size without attributes and with the shortest reason.
        bytes: usize,
    },
    /// No try was accepted. Another attempt may fare better.
    #[error("the answer was not accepted in {RESPONSE_TRIES_MAX} tries (last: {last})")]
    NotAccepted {
        /// `status <n>` or `no answer`.
        last: String,
    },
}

/// What sending an answer needs, also where there is no [`Runtime`].
#[derive(Debug, Clone, Copy)]
pub struct Responder<'a> {
    /// Waits between tries.
    pub clock: &'a Clock,
    /// Sends. Has a timeout of its own, [`RESPONSE_TRY_TIMEOUT_MS`].
    pub connector: &'a SharedHttpConnector,
    /// Where to.
    pub hosts: &'a ResponseHosts,
}

/// The body that CloudFormation is sent, made to fit.
///
/// # Errors
/// If the ids of the request alone are larger than an answer may be.
pub fn render(answer: &Answer) -> Result<String, RespondError> {
    let bytes = body(answer)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Sends a body that [`render`] made.
///
/// # Errors
/// If the host is not allowed, or no try was accepted in time.
pub async fn send(
    runtime: &Runtime,
    url: &Sensitive<String>,
    body: &str,
) -> Result<Delivery, RespondError> {
    let responder = Responder {
        clock: &runtime.clock,
        connector: &runtime.connector,
        hosts: &runtime.settings.response_hosts,
    };
    responder.send(url, body).await
}

impl Responder<'_> {
    /// Sends `answer` to `url` and logs what became of it.
    ///
    /// # Guarantees
    /// The body has at most [`RESPONSE_BYTES_MAX`] bytes. If it had to lose more than a part of its reason, it
    /// becomes a FAILED answer that says so: attributes are never dropped silently.
    ///
    /// # Errors
    /// If the host is not allowed, or no try was accepted in time.
    ///
    /// # Crash safety
    /// The caller records the answer before sending it and the delivery after; after a crash in between the
    /// same answer is sent again.
    pub async fn respond(
        &self,
        url: &Sensitive<String>,
        answer: &Answer,
    ) -> Result<Delivery, RespondError> {
        // A foreign host is refused before anything is made for it.
        self.hosts.admit(url)?;
        self.send(url, &render(answer)?).await
    }

    async fn send(&self, url: &Sensitive<String>, body: &str) -> Result<Delivery, RespondError> {
        let outcome = self.deliver(url, body.as_bytes()).await;
        match &outcome {
            Ok(Delivery::Delivered) => tracing::info!(event = "operation.responded"),
            Ok(Delivery::Refused { status }) => {
                tracing::error!(event = "response.refused", http_status = *status);
            }
            Err(error) => tracing::error!(event = "response.failed", error = %error),
        }
        outcome
    }

    async fn deliver(
        &self,
        url: &Sensitive<String>,
        body: &[u8],
    ) -> Result<Delivery, RespondError> {
        let uri = self.hosts.admit(url)?;
        let mut last = "no answer".to_owned();
        for number in 0..RESPONSE_TRIES_MAX {
            if number > 0 {
                self.clock
                    .sleep_ms(RESPONSE_BACKOFF_MS << (number - 1))
                    .await;
            }
            match self.put(&uri, body).await {
                Some(200..=299) => return Ok(Delivery::Delivered),
                Some(403) => return Ok(Delivery::Refused { status: 403 }),
                Some(status) => last = format!("status {status}"),
                None => "no answer".clone_into(&mut last),
            }
            tracing::warn!(event = "response.not_accepted", number, last);
        }
        Err(RespondError::NotAccepted { last })
    }

    /// One try: the HTTP status, or `None` if no answer came.
    async fn put(&self, uri: &Uri, body: &[u8]) -> Option<u16> {
        let mut request = HttpRequest::new(SdkBody::from(body.to_vec()));
        // Cannot fail: the method is one, and the URI has been parsed.
        request.set_method("PUT").ok()?;
        request.set_uri(uri.clone()).ok()?;
        let headers = request.headers_mut();
        // The URL is signed for a request without a content type: any value would be refused.
        headers.insert("content-type", "");
        headers.insert("content-length", body.len().to_string());
        // The cause of a failure is not kept: its text may contain the URL.
        self.connector
            .call(request)
            .await
            .ok()
            .map(|response| response.status().as_u16())
    }
}

/// The shortest reason that still helps.
const REASON_BYTES_MIN: usize = 64;

/// What one byte of text becomes at most in JSON: `\u0000`.
const ESCAPED_BYTES_MAX: usize = 6;

/// The body of `answer`, made to fit.
fn body(answer: &Answer) -> Result<Vec<u8>, RespondError> {
    let full = Body::of(answer);
    let bytes = match full.fitted() {
        Ok(body) => return Ok(body),
        Err(bytes) => bytes,
    };
    if answer.data.is_none() {
        return Err(RespondError::TooLarge { bytes });
    }
    let reason = format!(
        "InternalFailure: the attributes of `{}` make an answer of {bytes} bytes, and CloudFormation accepts \
         {RESPONSE_BYTES_MAX}. shorten the names of the service, the cluster or the log group",
        answer.logical_resource_id
    );
    let failed = Body {
        status: Status::Failed,
        reason: Some(reason),
        data: None,
        ..full
    };
    failed
        .fitted()
        .map_err(|bytes| RespondError::TooLarge { bytes })
}

/// An answer in CloudFormation's JSON.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    status: Status,
    physical_resource_id: String,
    stack_id: &'a str,
    request_id: &'a str,
    logical_resource_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a Map<String, Value>>,
}

impl<'a> Body<'a> {
    fn of(answer: &'a Answer) -> Self {
        let Answer {
            status,
            physical_resource_id,
            stack_id,
            request_id,
            logical_resource_id,
            reason,
            data,
        } = answer;
        let physical_resource_id = if physical_resource_id.is_empty() {
            // An answer without an id is invalid, and the request would hang.
            physical_id::of_nothing(&RequestId::new(request_id, None))
        } else {
            physical_resource_id.clone()
        };
        let reason = match (reason, status) {
            (Some(reason), _) => Some(reason.clone()),
            // A FAILED answer without a reason is invalid.
            (None, Status::Failed) => Some("InternalFailure: no reason was given".to_owned()),
            (None, Status::Success) => None,
        };
        Self {
            status: *status,
            physical_resource_id,
            stack_id,
            request_id,
            logical_resource_id,
            reason,
            data: data.as_ref(),
        }
    }

    /// The bytes, with a shortened reason if need be; or the size that cannot be brought below the limit.
    fn fitted(&self) -> Result<Vec<u8>, usize> {
        let mut body = self.clone();
        if let Some(reason) = &mut body.reason {
            truncate(reason, REASON_BYTES_MAX);
        }
        loop {
            let bytes = body.bytes()?;
            let Some(over) = bytes
                .len()
                .checked_sub(RESPONSE_BYTES_MAX)
                .filter(|over| *over > 0)
            else {
                return Ok(bytes);
            };
            // A byte of text is at most six in JSON, so this never cuts more than is needed.
            let cut = over.div_ceil(ESCAPED_BYTES_MAX);
            match (&mut body.reason, body.status) {
                (Some(reason), _) if reason.len() >= REASON_BYTES_MIN + cut => {
                    let room = reason.len() - cut;
                    truncate(reason, room);
                }
                // The reason of a success is a courtesy.
                (Some(_), Status::Success) => body.reason = None,
                (Some(_), Status::Failed) | (None, _) => return Err(bytes.len()),
            }
        }
    }

    fn bytes(&self) -> Result<Vec<u8>, usize> {
        // Strings and JSON values always serialize; a size that never fits stands for the impossible.
        serde_json::to_vec(self).map_err(|_| usize::MAX)
    }
}

#[cfg(test)]
mod tests;
