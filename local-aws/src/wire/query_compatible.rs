//! Errors of a service that once spoke Query and now also speaks JSON and CBOR: CloudWatch.
//!
//! The body names the error by its shape, and the header `x-amzn-query-error` by the code that Query
//! clients always knew; SDKs show the latter.
//! AWS: <https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#awsquerycompatible-trait>

use http::HeaderValue;

use super::Refusal;

/// The header, `<code>;Sender` or `<code>;Receiver`.
pub(super) fn header(refusal: &Refusal) -> Option<HeaderValue> {
    let fault = if refusal.status < 500 {
        "Sender"
    } else {
        "Receiver"
    };
    HeaderValue::from_str(&format!("{};{fault}", refusal.code)).ok()
}

/// The shape of an error of CloudWatch, where it is not named like its code.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html>
pub(super) fn shape(code: &str) -> &str {
    match code {
        "InvalidFormat" => "InvalidFormatFault",
        "InvalidParameterCombination" => "InvalidParameterCombinationException",
        "InvalidParameterValue" => "InvalidParameterValueException",
        "LimitExceeded" => "LimitExceededFault",
        "MissingParameter" => "MissingRequiredParameterException",
        other => other,
    }
}
