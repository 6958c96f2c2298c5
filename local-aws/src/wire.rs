//! From bytes to a [`Call`] and back: which service, which protocol, which operation, which input.
//!
//! Every protocol is decoded to the same shape, a JSON value whose names are those of the wire, so
//! that a service is written once: JSON 1.0/1.1 bodies as they are; Query and EC2 Query unflattened
//! (`Subnets.member.1` and `Filter.1.Value.2` become lists, scalars stay strings); RPC v2 CBOR with
//! its numbers; REST-XML by the service's own routes.

mod cbor;
mod input;
mod json;
mod query;
mod query_compatible;
mod refusal;
mod rest_xml;
mod xml;

pub use input::{Input, timestamp};
pub use refusal::Refusal;
pub(crate) use rest_xml::LOCATION;

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use crate::cloud::Outcome;

/// The services, told apart by the scope of the SigV4 signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// `ecs`
    Ecs,
    /// `elasticloadbalancing`, version 2
    ElasticLoadBalancing,
    /// `ec2`
    Ec2,
    /// `application-autoscaling`
    ApplicationAutoScaling,
    /// `monitoring`
    CloudWatch,
    /// `logs`
    Logs,
    /// `acm`
    Acm,
    /// `route53`
    Route53,
    /// `wafv2`
    Wafv2,
    /// `kms`
    Kms,
    /// `states`
    StepFunctions,
    /// `dynamodb`
    DynamoDb,
    /// `sts`
    Sts,
    /// An unsigned PUT: the answer to a custom resource request, to a pre-signed S3 URL.
    ResponseSink,
}

impl Service {
    /// Whether an operation may change something outside the ledger: every one that does not only read.
    #[must_use]
    pub(crate) fn mutates(self, operation: &str) -> bool {
        match self {
            Self::DynamoDb | Self::StepFunctions | Self::ResponseSink | Self::Kms | Self::Sts => {
                false
            }
            Self::Ecs
            | Self::ElasticLoadBalancing
            | Self::Ec2
            | Self::ApplicationAutoScaling
            | Self::CloudWatch
            | Self::Logs
            | Self::Acm
            | Self::Route53
            | Self::Wafv2 => !reads(operation),
        }
    }

    fn from_signing_name(name: &str) -> Option<Self> {
        Some(match name {
            "ecs" => Self::Ecs,
            "elasticloadbalancing" => Self::ElasticLoadBalancing,
            "ec2" => Self::Ec2,
            "application-autoscaling" => Self::ApplicationAutoScaling,
            "monitoring" => Self::CloudWatch,
            "logs" => Self::Logs,
            "acm" => Self::Acm,
            "route53" => Self::Route53,
            "wafv2" => Self::Wafv2,
            "kms" => Self::Kms,
            "states" => Self::StepFunctions,
            "dynamodb" => Self::DynamoDb,
            "sts" => Self::Sts,
            _ => return None,
        })
    }

    /// The prefix of the service's IAM actions; with the operation it is the name of a call
    /// everywhere: `elasticloadbalancing:CreateRule`.
    #[must_use]
    pub const fn iam_prefix(self) -> &'static str {
        match self {
            Self::Ecs => "ecs",
            Self::ElasticLoadBalancing => "elasticloadbalancing",
            Self::Ec2 => "ec2",
            Self::ApplicationAutoScaling => "application-autoscaling",
            Self::CloudWatch => "cloudwatch",
            Self::Logs => "logs",
            Self::Acm => "acm",
            Self::Route53 => "route53",
            Self::Wafv2 => "wafv2",
            Self::Kms => "kms",
            Self::StepFunctions => "states",
            Self::DynamoDb => "dynamodb",
            Self::Sts => "sts",
            Self::ResponseSink => "cloudformation",
        }
    }
}

/// How a call was written, and so how its answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON; the version is that of the content type.
    Json {
        /// `1.0` or `1.1`
        version: &'static str,
    },
    /// AWS Query.
    Query,
    /// Query in EC2's dialect.
    Ec2Query,
    /// Smithy RPC v2 over CBOR.
    Cbor,
    /// REST with XML bodies.
    RestXml,
    /// A plain HTTP PUT.
    Put,
}

/// One decoded request.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// Who is called.
    pub service: Service,
    /// In which protocol.
    pub protocol: Protocol,
    /// `CreateService`
    pub operation: String,
    /// The members, by their names on the wire.
    pub input: Value,
}

impl Call {
    /// `ecs:CreateService`
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.service.iam_prefix(), self.operation)
    }
}

/// Whether an operation only looks.
pub(crate) fn reads(operation: &str) -> bool {
    [
        "Describe",
        "Filter",
        "List",
        "Get",
        "Decrypt",
        "GenerateDataKey",
    ]
    .iter()
    .any(|prefix| operation.starts_with(prefix))
}

pub(crate) fn decode(request: &Request<Bytes>) -> Result<Call, Refusal> {
    let Some(service) = service_of(request)? else {
        return Ok(crate::response_sink::decode(request));
    };
    let header = |name: &str| {
        request
            .headers()
            .get(name)
            .and_then(|value| value.to_str().ok())
    };
    if header("smithy-protocol") == Some("rpc-v2-cbor") {
        cbor::decode(service, request)
    } else if let Some(target) = header("x-amz-target") {
        json::decode(service, target, header("content-type"), request.body())
    } else if service == Service::Route53 {
        rest_xml::decode(request)
    } else {
        query::decode(service, request)
    }
}

/// Answers what is no call, in the manner in which its sender reads answers.
pub(crate) fn refuse(request: &Request<Bytes>, refusal: Refusal) -> Response<Bytes> {
    let has = |name: &str| request.headers().contains_key(name);
    let service = service_of(request).ok().flatten();
    let is_ec2 = service == Some(Service::Ec2) || query::has_ec2_version(request.body());
    let protocol = if has("smithy-protocol") {
        Protocol::Cbor
    } else if has("x-amz-target") {
        Protocol::Json { version: "1.1" }
    } else if is_ec2 {
        Protocol::Ec2Query
    } else {
        Protocol::Query
    };
    let call = Call {
        service: service.unwrap_or(Service::Sts),
        protocol,
        operation: String::new(),
        input: Value::Null,
    };
    encode(&call, Err(refusal))
}

/// Refuses what is signed for another region: it would be answered with what this one has.
///
/// Route 53 and STS are global, and signed for the region of their partition's global endpoint.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
pub(crate) fn check_region(
    request: &Request<Bytes>,
    service: Service,
    region: &str,
) -> Result<(), Refusal> {
    let is_global = matches!(service, Service::Route53 | Service::Sts);
    match scope(request).and_then(|mut scope| scope.nth(2)) {
        Some(signed) if signed != region && !is_global => Err(Refusal::new(
            403,
            "SignatureDoesNotMatch",
            format!(
                "Credential should be scoped to a valid region, not '{signed}'; this is {region}"
            ),
        )),
        Some(_) | None => Ok(()),
    }
}

pub(crate) fn encode(call: &Call, outcome: Outcome) -> Response<Bytes> {
    match call.protocol {
        Protocol::Json { version } if call.service == Service::CloudWatch => {
            json::encode_query_compatible(version, outcome)
        }
        Protocol::Json { version } => json::encode(version, outcome),
        Protocol::Query => query::encode(call, outcome),
        Protocol::Ec2Query => query::encode_ec2(call, outcome),
        Protocol::Cbor => cbor::encode(outcome),
        Protocol::RestXml => rest_xml::encode(call, outcome),
        Protocol::Put => crate::response_sink::encode(outcome),
    }
}

/// `Authorization: AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …`
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
fn service_of(request: &Request<Bytes>) -> Result<Option<Service>, Refusal> {
    if !request.headers().contains_key("authorization") {
        if request.method() == http::Method::PUT {
            return Ok(None);
        }
        return Err(Refusal::new(
            403,
            "MissingAuthenticationToken",
            "the request has no signature, so the service it is meant for is unknown",
        ));
    }
    match scope(request).and_then(|mut scope| scope.nth(3)) {
        None => Err(Refusal::new(
            403,
            "IncompleteSignature",
            "the Authorization header has no credential scope",
        )),
        Some(name) => match Service::from_signing_name(name) {
            Some(service) => Ok(Some(service)),
            None => Err(Refusal::new(
                400,
                "UnsupportedService",
                format!("local-aws has no service `{name}`"),
            )),
        },
    }
}

/// Key, date, region, service and an ending.
fn scope(request: &Request<Bytes>) -> Option<std::str::Split<'_, char>> {
    let authorization = request.headers().get("authorization")?.to_str().ok()?;
    let (_, rest) = authorization.split_once("Credential=")?;
    let credential = rest.split(',').next().unwrap_or(rest);
    Some(credential.split('/'))
}

#[cfg(test)]
mod tests;
