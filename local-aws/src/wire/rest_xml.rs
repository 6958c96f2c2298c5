//! REST-XML, which Route 53 speaks.
//!
//! The call's input has `method`, `path`, `query` (the query parameters) and `body` (the document as
//! nested members; a repeated element becomes a list); the operation is named by the service's routes.
//! AWS: <https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html>

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value, json};

use super::json::respond;
use super::query::error_document;
use super::xml::{self, Lists};
use super::{Call, Protocol, Refusal, Service};
use crate::cloud::Outcome;

pub(super) fn decode(request: &Request<Bytes>) -> Result<Call, Refusal> {
    let body = if request.body().is_empty() {
        Value::Null
    } else {
        parse(request.body())?
    };
    let query: Map<String, Value> =
        form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes())
            .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
            .collect();
    let path = request.uri().path();
    Ok(Call {
        service: Service::Route53,
        protocol: Protocol::RestXml,
        operation: operation(request.method(), path).to_owned(),
        input: json!({
            "method": request.method().as_str(),
            "path": path,
            "query": query,
            "body": body,
        }),
    })
}

/// Route 53's routes, by method and by the segments after the API version.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_Operations.html>
fn operation(method: &http::Method, path: &str) -> &'static str {
    let segments: Vec<&str> = path
        .split('/')
        .filter(|segment| !segment.is_empty())
        .skip(1)
        .collect();
    match (method.as_str(), segments.as_slice()) {
        ("POST", ["hostedzone", _, "rrset"]) => "ChangeResourceRecordSets",
        ("GET", ["hostedzone", _, "rrset"]) => "ListResourceRecordSets",
        ("GET", ["change", _]) => "GetChange",
        ("POST", ["hostedzone"]) => "CreateHostedZone",
        ("GET", ["hostedzone"]) => "ListHostedZones",
        ("GET", ["hostedzonesbyname"]) => "ListHostedZonesByName",
        ("GET", ["hostedzone", _]) => "GetHostedZone",
        ("DELETE", ["hostedzone", _]) => "DeleteHostedZone",
        ("POST", ["tags", "hostedzone", _]) => "ChangeTagsForResource",
        ("GET", ["tags", "hostedzone", _]) => "ListTagsForResource",
        _ => "UnknownRoute",
    }
}

/// The member of an output that is written as the `Location` header, not into the document.
pub(crate) const LOCATION: &str = "$location";

/// Beside [`LOCATION`], the output's only member is the document's root.
pub(super) fn encode(call: &Call, outcome: Outcome) -> Response<Bytes> {
    let mut output = match outcome {
        Ok(output) => output,
        Err(refusal) => {
            let document = Bytes::from(error_document(&refusal));
            return respond(refusal.status, "text/xml", document);
        }
    };
    let location = output
        .as_object_mut()
        .and_then(|root| root.remove(LOCATION));
    // AWS: https://docs.aws.amazon.com/Route53/latest/APIReference/API_CreateHostedZone.html
    let status = if call.operation == "CreateHostedZone" {
        201
    } else {
        200
    };
    let document = Bytes::from(xml::members(&output, Lists::Repeated));
    let mut response = respond(status, "text/xml", document);
    let location = location
        .as_ref()
        .and_then(Value::as_str)
        .and_then(|url| http::HeaderValue::from_str(url).ok());
    if let Some(location) = location {
        response.headers_mut().insert("location", location);
    }
    response
}

fn parse(body: &Bytes) -> Result<Value, Refusal> {
    let text = std::str::from_utf8(body)
        .map_err(|error| Refusal::client("InvalidInput", error.to_string()))?;
    let document = roxmltree::Document::parse(text)
        .map_err(|error| Refusal::client("InvalidInput", error.to_string()))?;
    Ok(members(document.root_element()))
}

fn members(node: roxmltree::Node<'_, '_>) -> Value {
    let mut children = node
        .children()
        .filter(roxmltree::Node::is_element)
        .peekable();
    if children.peek().is_none() {
        return Value::String(node.text().unwrap_or_default().to_owned());
    }
    let mut members: Map<String, Value> = Map::new();
    for child in children {
        let name = child.tag_name().name().to_owned();
        let value = self::members(child);
        match members.get_mut(&name) {
            None => {
                members.insert(name, value);
            }
            Some(Value::Array(items)) => items.push(value),
            Some(first) => *first = json!([first.take(), value]),
        }
    }
    Value::Object(members)
}
