//! Smithy RPC v2 over CBOR, which CloudWatch's newest clients speak.
//! AWS: <https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html>

use bytes::Bytes;
use ciborium::Value as Cbor;
use http::{HeaderValue, Request, Response};
use serde_json::{Map, Number, Value, json};

use super::input::as_timestamp;
use super::json::{self, respond};
use super::{Call, Protocol, Refusal, Service, query_compatible};
use crate::cloud::Outcome;

/// CBOR's tag for a time in seconds since the epoch.
const EPOCH_TAG: u64 = 1;

pub(super) fn decode(service: Service, request: &Request<Bytes>) -> Result<Call, Refusal> {
    // /service/<shape name>/operation/<operation>
    let operation = request.uri().path().rsplit('/').next().unwrap_or_default();
    let input = if request.body().is_empty() {
        json!({})
    } else {
        let body: Cbor = ciborium::from_reader(request.body().as_ref())
            .map_err(|error| Refusal::client("SerializationException", error.to_string()))?;
        json::structure(to_json(body))?
    };
    Ok(Call {
        service,
        protocol: Protocol::Cbor,
        operation: operation.to_owned(),
        input,
    })
}

pub(super) fn encode(outcome: Outcome) -> Response<Bytes> {
    let mut code = None;
    let (status, body) = match outcome {
        Ok(output) => (200, output),
        Err(refusal) => {
            code = query_compatible::header(&refusal);
            let shape = query_compatible::shape(&refusal.code);
            let body = json!({"__type": shape, "message": refusal.message});
            (refusal.status, body)
        }
    };
    let mut bytes = Vec::new();
    if let Err(error) = ciborium::into_writer(&from_json(body), &mut bytes) {
        return respond(500, "text/plain", Bytes::from(error.to_string()));
    }
    let mut response = respond(status, "application/cbor", Bytes::from(bytes));
    response
        .headers_mut()
        .insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    if let Some(code) = code {
        response.headers_mut().insert("x-amzn-query-error", code);
    }
    response
}

fn to_json(value: Cbor) -> Value {
    match value {
        Cbor::Integer(number) => i64::try_from(number).map_or(Value::Null, Value::from),
        Cbor::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
        Cbor::Text(text) => Value::String(text),
        Cbor::Bool(flag) => Value::Bool(flag),
        Cbor::Array(items) => items.into_iter().map(to_json).collect(),
        Cbor::Map(members) => members
            .into_iter()
            .filter_map(|(name, member)| Some((name.into_text().ok()?, to_json(member))))
            .collect::<Map<_, _>>()
            .into(),
        Cbor::Tag(EPOCH_TAG, seconds) => to_json(*seconds),
        Cbor::Tag(_, inner) => to_json(*inner),
        Cbor::Bytes(bytes) => {
            use base64::Engine as _;
            Value::String(base64::engine::general_purpose::STANDARD.encode(bytes))
        }
        // The enum is open: whatever else CBOR may gain has no meaning for AWS.
        _ => Value::Null,
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "milliseconds since the epoch stay exact in an f64 for 285,000 years"
)]
fn from_json(value: Value) -> Cbor {
    if let Some(ms) = as_timestamp(&value) {
        return Cbor::Tag(EPOCH_TAG, Box::new(Cbor::Float(ms as f64 / 1000.0)));
    }
    match value {
        Value::Null => Cbor::Null,
        Value::Bool(flag) => Cbor::Bool(flag),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Cbor::Integer(whole.into()),
            (None, Some(real)) => Cbor::Float(real),
            (None, None) => Cbor::Null,
        },
        Value::String(text) => Cbor::Text(text),
        Value::Array(items) => Cbor::Array(items.into_iter().map(from_json).collect()),
        Value::Object(members) => Cbor::Map(
            members
                .into_iter()
                .map(|(name, member)| (Cbor::Text(name), from_json(member)))
                .collect(),
        ),
    }
}
