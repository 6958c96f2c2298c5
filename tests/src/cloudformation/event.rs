//! The event of a request, as the function gets it.

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use express_core::claim::{Owner, RequestId};
use express_core::naming;
use serde_json::{Value, json};

use super::request::Request;
use crate::world::{REGION, World};

/// Part of every response URL's signature: nobody but the receiver of the event may have it.
pub const RESPONSE_URL_CANARY: &str = "canary-of-the-response-url";

/// CloudFormation's request types.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestType {
    /// Make it.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
}

impl RequestType {
    /// As in the event.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }
}

/// The event, with a request id and a URL of its own.
pub(super) fn of(world: &World, stack_id: &str, request: &Request) -> Value {
    let request_id = world.random_uuid();
    let mut event = json!({
        "RequestType": request.request_type.as_str(),
        "ServiceToken": world.function_arn(),
        "ResponseURL": response_url(world.now_ms(), stack_id, &request.logical_id, &request_id),
        "StackId": stack_id,
        "RequestId": request_id,
        "ResourceType": "Custom::ExpressService",
        "LogicalResourceId": request.logical_id,
        "ResourceProperties": request.properties,
    });
    if let Some(physical_id) = &request.physical_id {
        event["PhysicalResourceId"] = Value::String(physical_id.clone());
    }
    if let Some(old_properties) = &request.old_properties {
        event["OldResourceProperties"] = old_properties.clone();
    }
    event
}

/// A URL of CloudFormation's bucket in this region, signed now.
/// AWS: <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
fn response_url(now_ms: u64, stack_id: &str, logical_id: &str, request_id: &str) -> String {
    let bucket = format!(
        "cloudformation-custom-resource-response-{}",
        REGION.replace('-', "")
    );
    let stack = stack_id.replace(':', "%3A").replace('/', "%2F");
    let signed_at = signed_at(now_ms);
    format!(
        "https://{bucket}.s3.{REGION}.amazonaws.com/{stack}%7C{logical_id}%7C{request_id}\
         ?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date={signed_at}&X-Amz-Expires=7200&X-Amz-Signature={RESPONSE_URL_CANARY}"
    )
}

/// `X-Amz-Date`.
fn signed_at(now_ms: u64) -> String {
    DateTime::from_secs(i64::try_from(now_ms / 1000).unwrap_or_default())
        .fmt(Format::DateTime)
        .unwrap_or_default()
        .replace(['-', ':'], "")
}

/// The same event as CloudFormation issues it once more under the same id: what it signs anew names the same place.
pub(crate) fn issued_again(event: &Value, now_ms: u64) -> Value {
    let mut again = event.clone();
    let url = event["ResponseURL"].as_str().unwrap_or_default();
    let parameters = url
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some(("X-Amz-Date", _)) => format!("X-Amz-Date={}", signed_at(now_ms)),
            _ => parameter.to_owned(),
        });
    again["ResponseURL"] = Value::String(parameters.collect::<Vec<_>>().join("&"));
    again
}

/// The request that an attempt with this input works for: an event's own, or that of the waiter's
/// operation `<owner key>#<RequestId>`. A pool's operation and a sweep have none.
#[must_use]
pub fn request_of(input: &Value) -> Option<String> {
    if let Some(request_id) = input["RequestId"].as_str() {
        return Some(request_id.to_owned());
    }
    let (_, request_id) = input["operation"].as_str()?.split_once('#')?;
    Some(RequestId::from(request_id).cloudformation_id().to_owned())
}

/// The key of the owner whose request an event is; none if it does not name one.
#[must_use]
pub fn owner_key_of(event: &Value) -> Option<String> {
    let text = |name: &str| event[name].as_str().map(str::to_owned);
    Some(naming::owner_key(&Owner {
        stack_id: text("StackId")?,
        logical_resource_id: text("LogicalResourceId")?,
    }))
}
