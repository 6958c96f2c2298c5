//! The envelope of a request: what has a URL to answer to is answerable, whatever else is wrong with it.

use express_handler::cloudformation::event;
use serde_json::{Value, json};

use crate::cloudformation::RequestType;
use crate::properties::web;
use crate::world::World;

/// The driver's events with the properties of the fixtures, and one that came through an SNS topic.
///
/// # Errors
/// When the fixtures cannot be read.
pub fn seeds() -> anyhow::Result<Vec<Value>> {
    let stack = World::new().stack("app");
    let created = stack.event(RequestType::Create, None, &web());
    let mut seeds = vec![
        json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": created.to_string()}}]}),
    ];
    for request_type in [
        RequestType::Create,
        RequestType::Update,
        RequestType::Delete,
    ] {
        for properties in super::properties::seeds()? {
            let mut event = stack.event(request_type, None, &web());
            event["ResourceProperties"] = properties;
            if request_type != RequestType::Create {
                event["PhysicalResourceId"] =
                    json!("arn:aws:ecs:eu-west-1:123456789012:service/default/web");
            }
            if request_type == RequestType::Update {
                event["OldResourceProperties"] = web().stringified();
            }
            seeds.push(event);
        }
    }
    Ok(seeds)
}

/// Tries one input.
///
/// # Errors
/// What does not hold.
pub fn check(input: &Value) -> Result<&'static str, String> {
    let url = response_url(input);
    match event::parse(input) {
        Ok(envelope) => {
            if Some(envelope.response_url.expose()) != url.as_ref() {
                return Err("the answer would go elsewhere".to_owned());
            }
            Ok("valid")
        }
        Err(error) if error.problem.is_empty() => Err("refused without a reason".to_owned()),
        Err(error) => match (error.answerable, url) {
            (Some(answerable), Some(url)) if *answerable.response_url.expose() == url => {
                Ok("answerable")
            }
            (None, None) => Ok("unanswerable"),
            (Some(_), _) => Err("the answer would go elsewhere".to_owned()),
            (None, Some(_)) => Err("there is a URL, but no answer".to_owned()),
        },
    }
}

/// Where an answer is expected: the URL of the request, or of the one in an SNS record.
pub(super) fn response_url(input: &Value) -> Option<String> {
    let message = input
        .pointer("/Records/0/Sns/Message")
        .and_then(Value::as_str);
    let inner: Value;
    let request = match message {
        Some(message) => {
            inner = serde_json::from_str(message).unwrap_or_default();
            &inner
        }
        None => input,
    };
    let url = request.get("ResponseURL")?.as_str()?;
    (!url.is_empty()).then(|| url.to_owned())
}
