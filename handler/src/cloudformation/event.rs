//! The envelope of a request: everything except the meaning of its properties.
//!
//! Whoever sends something with a usable response URL gets an answer, however wrong the rest is: a stack
//! that hears nothing hangs for `ServiceTimeout`, an hour by default. So a failed parse carries what an
//! answer needs, and only an event without a URL is unanswerable.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-requests.html>

use std::fmt;

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use express_core::claim::RequestId;
use serde_json::{Map, Value};

use super::stack_id::StackId;
use crate::telemetry::{Sensitive, presentable};

/// The most bytes of a request id that we accept. CloudFormation's are UUIDs (36); the id becomes part of
/// names, such as the waiter's execution name (80).
pub const REQUEST_ID_BYTES_MAX: usize = 64;

/// The most bytes of a logical id. AWS: alphanumeric, at most 255 characters,
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>
pub const LOGICAL_ID_BYTES_MAX: usize = 255;

/// Bytes of a received value that a message repeats.
const QUOTE_BYTES_MAX: usize = 100;

/// What CloudFormation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequestType {
    /// Make the resource.
    Create,
    /// Change it.
    Update,
    /// Remove it.
    Delete,
}

/// One request of CloudFormation.
#[derive(Clone, PartialEq)]
pub struct Envelope {
    /// What is asked for.
    pub request_type: RequestType,
    /// CloudFormation's id of the request; which request it is, [`Self::id`] says.
    pub request_id: String,
    /// The stack; with the logical id it is the owner.
    pub stack_id: StackId,
    /// Where the one answer goes. A credential.
    pub response_url: Sensitive<String>,
    /// `Custom::ExpressProviderGuard`, or the name under which the template has a service.
    pub resource_type: String,
    /// The resource's name in the template.
    pub logical_resource_id: String,
    /// The id last answered; an invented one in the Delete of an unanswered Create. Always there for Update
    /// and Delete, never for Create.
    pub physical_resource_id: Option<String>,
    /// The properties as received: a JSON object.
    pub properties: Value,
    /// The properties before an Update: a JSON object.
    pub old_properties: Option<Value>,
}

/// What an answer needs, as received: the ids go back verbatim, even malformed ones.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answerable {
    /// Where the answer goes.
    pub response_url: Sensitive<String>,
    /// Empty if the event has none; CloudFormation then matches the answer by its URL.
    pub stack_id: String,
    /// As [`Self::stack_id`].
    pub request_id: String,
    /// As [`Self::stack_id`].
    pub logical_resource_id: String,
    /// The id to answer with, if the event has one.
    pub physical_resource_id: Option<String>,
}

/// An event that is no request we can serve.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct EnvelopeError {
    /// What an answer needs; `None` if there is no URL to send one to.
    pub answerable: Option<Box<Answerable>>,
    /// What was asked, if the event says it: a Delete of what was never made succeeds all the same.
    pub request_type: Option<RequestType>,
    /// What is wrong, for the user: all problems, in one line.
    pub problem: String,
}

impl RequestType {
    /// CloudFormation's word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "Create",
            Self::Update => "Update",
            Self::Delete => "Delete",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Create, Self::Update, Self::Delete]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for RequestType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// Without the properties: they hold environment values.
impl fmt::Debug for Envelope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("request_type", &self.request_type)
            .field("request_id", &self.request_id)
            .field("stack_id", &self.stack_id.as_str())
            .field("resource_type", &self.resource_type)
            .field("logical_resource_id", &self.logical_resource_id)
            .field("physical_resource_id", &self.physical_resource_id)
            .finish_non_exhaustive()
    }
}

impl Envelope {
    /// What an answer to this request needs.
    #[must_use]
    pub fn answerable(&self) -> Answerable {
        Answerable {
            response_url: self.response_url.clone(),
            stack_id: self.stack_id.as_str().to_owned(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
            physical_resource_id: self.physical_resource_id.clone(),
        }
    }

    /// When CloudFormation issued the request, to the second; `None` if the event does not say.
    #[must_use]
    pub fn issued_ms(&self) -> Option<u64> {
        issued_ms(&self.response_url)
    }

    /// Which request it is: the same one delivered again has the same.
    #[must_use]
    pub fn id(&self) -> RequestId {
        RequestId::new(&self.request_id, self.issued_ms())
    }
}

impl Answerable {
    /// As [`Envelope::id`].
    #[must_use]
    pub fn id(&self) -> RequestId {
        RequestId::new(&self.request_id, issued_ms(&self.response_url))
    }
}

/// When CloudFormation signed a response URL, to the second: milliseconds since the epoch; `None` for one that does not
/// say.
///
/// AWS: `X-Amz-Date`, <https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>
fn issued_ms(response_url: &Sensitive<String>) -> Option<u64> {
    let (_, query) = response_url.expose().split_once('?')?;
    let signed_at = query
        .split('&')
        .find_map(|parameter| parameter.strip_prefix("X-Amz-Date="))?;
    iso_8601_basic_ms(signed_at)
}

/// `20261121T061203Z` in milliseconds since the epoch.
fn iso_8601_basic_ms(text: &str) -> Option<u64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let digits = |text: &str, count: usize| {
        text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if !digits(date, 8) || !digits(time, 6) {
        return None;
    }
    let ((year, month_day), (hour, minute_second)) = (date.split_at(4), time.split_at(2));
    let ((month, day), (minute, second)) = (month_day.split_at(2), minute_second.split_at(2));
    let extended = format!("{year}-{month}-{day}T{hour}:{minute}:{second}Z");
    let instant = DateTime::from_str(&extended, Format::DateTime).ok()?;
    u64::try_from(instant.to_millis().ok()?).ok()
}

/// Parses an event into a request.
///
/// # Errors
/// If it is not one. The error is answerable wherever a response URL can be found, also for an event that
/// came through an SNS topic, which is refused: it arrives wrapped, and possibly more than once.
pub fn parse(event: &Value) -> Result<Envelope, EnvelopeError> {
    if let Some(message) = sns_message(event) {
        let inner: Option<Value> = serde_json::from_str(message).ok();
        let fields = inner.as_ref().and_then(Value::as_object);
        return Err(EnvelopeError {
            answerable: fields.and_then(answerable),
            request_type: fields.and_then(request_type),
            problem: "the request came through an Amazon SNS topic; \
                      set ServiceToken to the ARN of the provider's function itself"
                .to_owned(),
        });
    }
    let Some(fields) = event.as_object() else {
        return Err(EnvelopeError {
            answerable: None,
            request_type: None,
            problem: "the event is not a JSON object".to_owned(),
        });
    };
    let mut problems = Vec::new();
    let envelope = read(fields, &mut problems);
    match (envelope, problems.is_empty()) {
        (Some(envelope), true) => Ok(envelope),
        (_, _) => Err(EnvelopeError {
            answerable: answerable(fields),
            request_type: request_type(fields),
            problem: problems.join("; "),
        }),
    }
}

fn request_type(fields: &Map<String, Value>) -> Option<RequestType> {
    RequestType::parse(fields.get("RequestType")?.as_str()?)
}

/// Reads all fields, noting every problem; `None` if one without which there is no envelope is missing.
fn read(fields: &Map<String, Value>, problems: &mut Vec<String>) -> Option<Envelope> {
    let response_url = text(fields, "ResponseURL", problems);
    let request_type = text(fields, "RequestType", problems).and_then(|word| {
        let known = RequestType::parse(word);
        if known.is_none() {
            problems.push(format!(
                "RequestType `{}` is not known, expected Create, Update or Delete",
                presentable(word, QUOTE_BYTES_MAX)
            ));
        }
        known
    });
    let request_id = text(fields, "RequestId", problems).filter(|id| {
        let valid = id.len() <= REQUEST_ID_BYTES_MAX
            && id
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if !valid {
            problems.push(format!(
                "RequestId `{}` is not an id of letters, digits and hyphens with at most \
                 {REQUEST_ID_BYTES_MAX} characters",
                presentable(id, QUOTE_BYTES_MAX)
            ));
        }
        valid
    });
    let stack_id = text(fields, "StackId", problems).and_then(|arn| {
        let parsed = StackId::parse(arn);
        if parsed.is_none() {
            problems.push(format!(
                "StackId `{}` is not the ARN of a stack",
                presentable(arn, QUOTE_BYTES_MAX)
            ));
        }
        parsed
    });
    let logical_resource_id = text(fields, "LogicalResourceId", problems).filter(|id| {
        let valid = id.len() <= LOGICAL_ID_BYTES_MAX && id.bytes().all(|b| b.is_ascii_alphanumeric());
        if !valid {
            problems.push(format!(
                "LogicalResourceId `{}` is not alphanumeric with at most {LOGICAL_ID_BYTES_MAX} characters",
                presentable(id, QUOTE_BYTES_MAX)
            ));
        }
        valid
    });
    let resource_type = text(fields, "ResourceType", problems);
    let physical_resource_id = match request_type {
        Some(RequestType::Update | RequestType::Delete) => {
            text(fields, "PhysicalResourceId", problems).map(str::to_owned)
        }
        Some(RequestType::Create) | None => None,
    };
    let properties = properties(fields, request_type, problems);
    let old_properties = match request_type {
        Some(RequestType::Update) => object(fields, "OldResourceProperties", problems),
        Some(RequestType::Create | RequestType::Delete) | None => None,
    };
    Some(Envelope {
        request_type: request_type?,
        request_id: request_id?.to_owned(),
        stack_id: stack_id?,
        response_url: Sensitive::new(response_url?.to_owned()),
        resource_type: resource_type?.to_owned(),
        logical_resource_id: logical_resource_id?.to_owned(),
        physical_resource_id,
        properties: properties?,
        old_properties,
    })
}

/// The properties. A Delete does not need any: what is deleted is looked up by owner.
fn properties(
    fields: &Map<String, Value>,
    request_type: Option<RequestType>,
    problems: &mut Vec<String>,
) -> Option<Value> {
    let absent = !fields.contains_key("ResourceProperties");
    if absent && request_type == Some(RequestType::Delete) {
        return Some(Value::Object(Map::new()));
    }
    object(fields, "ResourceProperties", problems)
}

/// A field that is a JSON object.
fn object(fields: &Map<String, Value>, name: &str, problems: &mut Vec<String>) -> Option<Value> {
    match fields.get(name) {
        Some(value @ Value::Object(_)) => Some(value.clone()),
        Some(_) => {
            problems.push(format!("{name} is not a JSON object"));
            None
        }
        None => {
            problems.push(format!("{name} is missing"));
            None
        }
    }
}

/// A field that is a string with at least one character.
fn text<'a>(
    fields: &'a Map<String, Value>,
    name: &str,
    problems: &mut Vec<String>,
) -> Option<&'a str> {
    match fields.get(name) {
        Some(Value::String(text)) if !text.is_empty() => Some(text),
        Some(Value::String(_)) => {
            problems.push(format!("{name} is empty"));
            None
        }
        Some(_) => {
            problems.push(format!("{name} is not a string"));
            None
        }
        None => {
            problems.push(format!("{name} is missing"));
            None
        }
    }
}

/// What an answer needs, if there is a URL to send it to.
fn answerable(fields: &Map<String, Value>) -> Option<Box<Answerable>> {
    let field = |name: &str| {
        fields
            .get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let owned = |name: &str| field(name).unwrap_or_default().to_owned();
    let response_url = Sensitive::new(field("ResponseURL")?.to_owned());
    Some(Box::new(Answerable {
        response_url,
        stack_id: owned("StackId"),
        request_id: owned("RequestId"),
        logical_resource_id: owned("LogicalResourceId"),
        physical_resource_id: field("PhysicalResourceId").map(str::to_owned),
    }))
}

/// The message of an event that Amazon SNS sent: it always holds exactly one record.
///
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html>
fn sns_message(event: &Value) -> Option<&str> {
    event.pointer("/Records/0/Sns/Message")?.as_str()
}

#[cfg(test)]
mod tests;
