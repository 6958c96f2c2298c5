//! Answers as they arrive at their URLs, and whether CloudFormation would accept them.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::{Context, Poll, Waker};

use local_aws::response_sink::Put;
use serde_json::{Map, Value};

use crate::world::World;

/// The longest answer that CloudFormation reads, in bytes.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html>
const ANSWER_BYTES_MAX: usize = 4096;

/// The first answer at each place, and who waits for one.
#[derive(Default)]
pub struct Answers {
    arrived: RefCell<BTreeMap<String, Arrived>>,
    waiting: RefCell<BTreeMap<String, Waker>>,
    collected: Cell<usize>,
}

/// The place that a response URL names, whenever it was signed.
#[must_use]
pub fn place_of(url: &str) -> &str {
    url.split_once('?').map_or(url, |(place, _)| place)
}

/// An answer at its place.
#[derive(Clone, Debug)]
pub(crate) struct Arrived {
    pub(crate) put: Put,
    pub(crate) at_ms: u64,
}

/// What an accepted answer says.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) is_success: bool,
    pub(crate) physical_id: String,
    pub(crate) reason: Option<String>,
    pub(crate) data: Map<String, Value>,
}

impl Answers {
    /// Takes what has been put since the last time. A refused PUT is none; a second one comes too late.
    pub(crate) fn collect(&self, puts: &[Put], now_ms: u64) {
        for put in puts.iter().skip(self.collected.replace(puts.len())) {
            if put.status >= 400 {
                continue;
            }
            self.arrived
                .borrow_mut()
                .entry(place_of(&put.url).to_owned())
                .or_insert_with(|| Arrived {
                    put: put.clone(),
                    at_ms: now_ms,
                });
            if let Some(waker) = self.waiting.borrow_mut().remove(place_of(&put.url)) {
                waker.wake();
            }
        }
    }

    pub(crate) fn poll(&self, url: &str, context: &Context<'_>) -> Poll<Arrived> {
        if let Some(arrived) = self.arrived.borrow().get(place_of(url)) {
            return Poll::Ready(arrived.clone());
        }
        self.waiting
            .borrow_mut()
            .insert(place_of(url).to_owned(), context.waker().clone());
        Poll::Pending
    }
}

/// What CloudFormation reads in an answer to `event`.
///
/// # Errors
/// Why it would not accept it.
pub(crate) fn check(put: &Put, event: &Value) -> Result<Answer, String> {
    let bytes = put.body.len();
    if bytes > ANSWER_BYTES_MAX {
        return Err(format!("the answer has {bytes} bytes"));
    }
    if put.content_length != Some(bytes as u64) {
        return Err(format!(
            "content-length {:?} for {bytes} bytes",
            put.content_length
        ));
    }
    // The URL is signed for an empty content type: S3 answers 403 to any other.
    if put
        .content_type
        .as_deref()
        .is_some_and(|kind| !kind.is_empty())
    {
        return Err(format!("content-type {:?}", put.content_type));
    }
    let body: Value =
        serde_json::from_str(&put.body).map_err(|error| format!("not JSON: {error}"))?;
    for name in ["StackId", "RequestId", "LogicalResourceId"] {
        if body[name] != event[name] {
            return Err(format!(
                "{name} is {} instead of {}",
                body[name], event[name]
            ));
        }
    }
    let text = |name: &str| {
        body[name]
            .as_str()
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let is_success = match body["Status"].as_str() {
        Some("SUCCESS") => true,
        Some("FAILED") => false,
        other => return Err(format!("Status is {other:?}")),
    };
    let reason = text("Reason");
    if !is_success && reason.is_none() {
        return Err("FAILED without a Reason".to_owned());
    }
    Ok(Answer {
        is_success,
        physical_id: text("PhysicalResourceId").ok_or("no PhysicalResourceId")?,
        reason,
        data: body["Data"].as_object().cloned().unwrap_or_default(),
    })
}

/// The bodies of all answers that were sent, in order of arrival, also of those that were refused.
///
/// # Panics
/// When one is not JSON.
#[must_use]
pub fn answers_sent(world: &World) -> Vec<Value> {
    let received = world.account().cloud().response_sink.received.clone();
    let bodies = received.iter().map(|put| serde_json::from_str(&put.body));
    bodies
        .map(|body| body.unwrap_or_else(|error| panic!("an answer is no JSON: {error}")))
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn put(body: &Value) -> Put {
        let body = body.to_string();
        Put {
            url: String::new(),
            content_type: Some(String::new()),
            content_length: Some(body.len() as u64),
            body,
            status: 200,
        }
    }

    fn event() -> Value {
        json!({"StackId": "s", "RequestId": "r", "LogicalResourceId": "l"})
    }

    fn body(changes: &Value) -> Value {
        let mut body = json!({
            "StackId": "s", "RequestId": "r", "LogicalResourceId": "l",
            "Status": "SUCCESS", "PhysicalResourceId": "p",
        });
        for (name, value) in changes.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    }

    #[test]
    fn a_complete_answer_is_accepted() {
        let answer = check(&put(&body(&json!({"Data": {"A": "b"}}))), &event()).unwrap();
        assert!(answer.is_success);
        assert_eq!(
            (answer.physical_id.as_str(), &answer.data["A"]),
            ("p", &json!("b"))
        );
    }

    #[test]
    fn what_cloudformation_refuses_is_refused() {
        for changes in [
            json!({"RequestId": "other"}),
            json!({"Status": "DONE"}),
            json!({"Status": "FAILED"}),
            json!({"PhysicalResourceId": ""}),
            json!({"Reason": "x".repeat(4096)}),
        ] {
            assert!(check(&put(&body(&changes)), &event()).is_err(), "{changes}");
        }
        let typed = Put {
            content_type: Some("application/json".into()),
            ..put(&body(&json!({})))
        };
        assert!(check(&typed, &event()).is_err());
        let short = Put {
            content_length: Some(1),
            ..put(&body(&json!({})))
        };
        assert!(check(&short, &event()).is_err());
    }
}
