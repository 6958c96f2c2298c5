//! The pre-signed S3 URLs to which a custom resource's answers are PUT.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Call, Input, Protocol, Refusal, Service};

/// What arrived, and what is to be answered.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Every PUT, in order of arrival, also those that were refused.
    pub received: Vec<Put>,
    /// Status codes for the next PUTs, first one first; 200 once it is empty.
    pub next_statuses: std::collections::VecDeque<u16>,
}

/// One PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Put {
    /// The URL, with its query.
    pub url: String,
    /// The `content-type` header; CloudFormation's URLs are signed for an empty one.
    pub content_type: Option<String>,
    /// The `content-length` header.
    pub content_length: Option<u64>,
    /// The body as text.
    pub body: String,
    /// The status that was answered.
    pub status: u16,
}

pub(crate) fn decode(request: &Request<Bytes>) -> Call {
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned)
    };
    let host = header("host").unwrap_or_default();
    let url = match request.uri().authority() {
        Some(_) => request.uri().to_string(),
        None => format!("http://{host}{}", request.uri()),
    };
    Call {
        service: Service::ResponseSink,
        protocol: Protocol::Put,
        operation: "PutResponse".to_owned(),
        input: json!({
            "url": url,
            "contentType": header("content-type"),
            "contentLength": header("content-length").and_then(|text| text.parse::<u64>().ok()),
            "body": String::from_utf8_lossy(request.body()),
        }),
    }
}

pub(crate) fn call(cloud: &mut Cloud, _operation: &str, input: Input<'_>) -> Outcome {
    let status = cloud.response_sink.next_statuses.pop_front().unwrap_or(200);
    cloud.response_sink.received.push(Put {
        url: input.required("url")?.to_owned(),
        content_type: input.text("contentType").map(str::to_owned),
        content_length: input.member("contentLength").and_then(Value::as_u64),
        body: input.text("body").unwrap_or_default().to_owned(),
        status,
    });
    if status >= 400 {
        return Err(Refusal::new(status, "AccessDenied", "the PUT was refused"));
    }
    Ok(Value::Null)
}

pub(crate) fn encode(outcome: Outcome) -> Response<Bytes> {
    let status = outcome.map_or_else(|refusal| refusal.status, |_| 200);
    let mut response = Response::new(Bytes::new());
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    response
}
