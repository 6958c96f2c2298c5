//! AWS JSON 1.0 and 1.1.
//! AWS: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>

use bytes::Bytes;
use http::Response;
use serde_json::{Value, json};

use super::input::as_timestamp;
use super::{Call, Protocol, Refusal, Service, query_compatible};
use crate::cloud::Outcome;

pub(super) fn decode(
    service: Service,
    target: &str,
    content_type: Option<&str>,
    body: &Bytes,
) -> Result<Call, Refusal> {
    let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
    let input = if body.is_empty() {
        json!({})
    } else {
        serde_json::from_slice(body)
            .map_err(|error| Refusal::client("SerializationException", error.to_string()))
            .and_then(structure)?
    };
    let version = match content_type {
        Some("application/x-amz-json-1.0") => "1.0",
        Some(_) | None => "1.1",
    };
    Ok(Call {
        service,
        protocol: Protocol::Json { version },
        operation,
        input,
    })
}

/// The input, if it has members at all: the input of every operation is a structure.
/// AWS: <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>
pub(super) fn structure(input: Value) -> Result<Value, Refusal> {
    if input.is_object() {
        Ok(input)
    } else {
        Err(Refusal::client(
            "SerializationException",
            "the body is not a structure",
        ))
    }
}

/// CloudWatch's errors, which carry Query's code in a header.
pub(super) fn encode_query_compatible(version: &str, outcome: Outcome) -> Response<Bytes> {
    let mut code = None;
    let outcome = outcome.map_err(|refusal| {
        code = query_compatible::header(&refusal);
        let shape = query_compatible::shape(&refusal.code).to_owned();
        Refusal {
            code: shape,
            ..refusal
        }
    });
    let mut response = encode(version, outcome);
    if let Some(code) = code {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

pub(super) fn encode(version: &str, outcome: Outcome) -> Response<Bytes> {
    let (status, body) = match outcome {
        Ok(output) => (200, times_as_seconds(output)),
        Err(refusal) => {
            let mut body = refusal.details.map(|details| *details).unwrap_or_default();
            body.insert("__type".to_owned(), refusal.code.into());
            body.insert("message".to_owned(), refusal.message.into());
            (refusal.status, Value::Object(body))
        }
    };
    respond(
        status,
        &format!("application/x-amz-json-{version}"),
        Bytes::from(body.to_string()),
    )
}

pub(super) fn respond(status: u16, content_type: &str, body: Bytes) -> Response<Bytes> {
    let mut response = Response::new(body);
    *response.status_mut() =
        http::StatusCode::from_u16(status).unwrap_or(http::StatusCode::INTERNAL_SERVER_ERROR);
    if let Ok(value) = http::HeaderValue::from_str(content_type) {
        response.headers_mut().insert("content-type", value);
    }
    response
}

/// JSON writes times as seconds since the epoch.
#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since the epoch stay exact in an f64 for 285,000 years"
)]
fn times_as_seconds(value: Value) -> Value {
    if let Some(ms) = as_timestamp(&value) {
        return json!(ms as f64 / 1000.0);
    }
    match value {
        Value::Object(members) => members
            .into_iter()
            .map(|(name, member)| (name, times_as_seconds(member)))
            .collect(),
        Value::Array(items) => items.into_iter().map(times_as_seconds).collect(),
        scalar @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => scalar,
    }
}
