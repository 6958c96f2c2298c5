//! AWS Query (Elastic Load Balancing, CloudWatch for the AWS CLI) and EC2's dialect of it.
//!
//! AWS: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html>,
//! <https://smithy.io/2.0/aws/protocols/aws-ec2-query-protocol.html>

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value};

use super::json::respond;
use super::xml::{self, Lists};
use super::{Call, Protocol, Refusal, Service};
use crate::cloud::Outcome;

/// Deepest nesting of members that is unflattened; AWS's own structures stay well below.
const DEPTH_MAX: usize = 16;

/// The version of EC2's interface, by which an unsigned request is known for one.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/Welcome.html>
const EC2_VERSION: &str = "2016-11-15";

pub(super) fn has_ec2_version(body: &Bytes) -> bool {
    form_urlencoded::parse(body).any(|(name, value)| name == "Version" && value == EC2_VERSION)
}

pub(super) fn decode(service: Service, request: &Request<Bytes>) -> Result<Call, Refusal> {
    let query = request.uri().query().unwrap_or_default().as_bytes();
    let mut tree = Node::default();
    let mut operation = None;
    for (name, value) in form_urlencoded::parse(query).chain(form_urlencoded::parse(request.body()))
    {
        match name.as_ref() {
            "Action" => operation = Some(value.into_owned()),
            "Version" => {}
            _ => tree.insert(&name, value.into_owned())?,
        }
    }
    let operation =
        operation.ok_or_else(|| Refusal::client("MissingAction", "the request names no Action"))?;
    let protocol = if service == Service::Ec2 {
        Protocol::Ec2Query
    } else {
        Protocol::Query
    };
    Ok(Call {
        service,
        protocol,
        operation,
        input: tree.into_members(),
    })
}

/// Members under their dotted names.
#[derive(Default)]
struct Node {
    scalar: Option<String>,
    children: BTreeMap<String, Node>,
}

impl Node {
    fn insert(&mut self, path: &str, value: String) -> Result<(), Refusal> {
        let mut node = self;
        for (depth, name) in path.split('.').enumerate() {
            if depth >= DEPTH_MAX {
                return Err(Refusal::client(
                    "MalformedQueryString",
                    "the parameters are nested too deeply",
                ));
            }
            node = node.children.entry(name.to_owned()).or_default();
        }
        node.scalar = Some(value);
        Ok(())
    }

    fn into_members(self) -> Value {
        Value::Object(
            self.children
                .into_iter()
                .map(|(name, node)| (name, node.into_value()))
                .collect::<Map<_, _>>(),
        )
    }

    /// A node whose children are numbers is a list; `member` and `entry` are the list's own level.
    fn into_value(mut self) -> Value {
        if self.children.is_empty() {
            // `Subnets=` is how Query writes an empty list and an empty text alike.
            return Value::String(self.scalar.unwrap_or_default());
        }
        if self.children.len() == 1 {
            for level in ["member", "entry"] {
                if let Some(list) = self.children.remove(level) {
                    return list.into_value();
                }
            }
        }
        if !self.children.keys().all(|name| name.parse::<u32>().is_ok()) {
            return self.into_members();
        }
        let mut items: Vec<(u32, Self)> = self
            .children
            .into_iter()
            .filter_map(|(name, node)| Some((name.parse().ok()?, node)))
            .collect();
        items.sort_by_key(|(index, _)| *index);
        items
            .into_iter()
            .map(|(_, node)| node.into_value())
            .collect()
    }
}

pub(super) fn encode(call: &Call, outcome: Outcome) -> Response<Bytes> {
    let (status, document) = match outcome {
        Ok(output) => {
            let name = &call.operation;
            let body = xml::element(&format!("{name}Result"), &output, Lists::Member);
            let metadata = "<ResponseMetadata><RequestId>local</RequestId></ResponseMetadata>";
            (
                200,
                format!("<{name}Response>{body}{metadata}</{name}Response>"),
            )
        }
        Err(refusal) => (refusal.status, error_document(&refusal)),
    };
    respond(status, "text/xml", Bytes::from(document))
}

/// The error document of Query and REST-XML.
pub(super) fn error_document(refusal: &Refusal) -> String {
    let fault = if refusal.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    format!(
        "<ErrorResponse><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>local</RequestId></ErrorResponse>",
        xml::escape(&refusal.code),
        xml::escape(&refusal.message)
    )
}

pub(super) fn encode_ec2(call: &Call, outcome: Outcome) -> Response<Bytes> {
    let (status, document) = match outcome {
        Ok(output) => {
            let name = &call.operation;
            let body = xml::members(&output, Lists::Item);
            let document =
                format!("<{name}Response><requestId>local</requestId>{body}</{name}Response>");
            (200, document)
        }
        Err(refusal) => (
            refusal.status,
            format!(
                "<Response><Errors><Error><Code>{}</Code><Message>{}</Message></Error></Errors>\
                 <RequestID>local</RequestID></Response>",
                xml::escape(&refusal.code),
                xml::escape(&refusal.message)
            ),
        ),
    };
    respond(status, "text/xml", Bytes::from(document))
}
