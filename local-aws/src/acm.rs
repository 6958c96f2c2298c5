//! ACM: public certificates, validated by DNS.
//!
//! A certificate is requested, waits for the CNAME records that prove that its names are ours, and is issued
//! once they are in hosted zones of this account. It cannot be deleted while something uses it. There are no
//! keys here: nothing encrypts with these certificates.
//!
//! AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_Operations.html>,
//! <https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html>

mod certificate;
mod request;
#[cfg(test)]
mod tests;
mod validation;

use std::collections::BTreeMap;

use serde_json::json;

use crate::cloud::{Cloud, Outcome};
use crate::tags::{self, TagProblem};
use crate::wire::{Input, Refusal};

pub use certificate::{Certificate, Status};
pub use validation::ValidationRecord;

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// By ARN.
    pub certificates: BTreeMap<String, Certificate>,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "RequestCertificate" => request::request(cloud, input),
        "DescribeCertificate" => certificate::describe(cloud, input),
        "DeleteCertificate" => certificate::delete(cloud, input),
        "ListCertificates" => certificate::list(cloud, input),
        "AddTagsToCertificate" => add_tags(cloud, input),
        "RemoveTagsFromCertificate" => remove_tags(cloud, input),
        "ListTagsForCertificate" => list_tags(cloud, input),
        _ => Err(Refusal::unsupported("acm", operation)),
    }
}

/// The certificate of this ARN.
#[must_use]
pub fn certificate<'a>(cloud: &'a Cloud, arn: &str) -> Option<&'a Certificate> {
    cloud.acm.certificates.get(arn)
}

/// Says that `by`, an ARN, uses the certificate or no longer does; an unknown certificate is left alone.
pub fn set_in_use(cloud: &mut Cloud, arn: &str, by: &str, in_use: bool) {
    if let Some(certificate) = cloud.acm.certificates.get_mut(arn) {
        if in_use {
            certificate.in_use_by.insert(by.to_owned());
        } else {
            certificate.in_use_by.remove(by);
        }
    }
}

/// When the next thing happens here by itself, in milliseconds since the epoch.
pub(crate) fn next_due_ms(state: &State) -> Option<u64> {
    state
        .certificates
        .values()
        .filter_map(|certificate| certificate.validation_due_ms)
        .min()
}

/// Lets happen what is due at `cloud.now_ms`: looking for validation records.
pub(crate) fn happen(cloud: &mut Cloud) {
    let now_ms = cloud.now_ms;
    let due: Vec<Certificate> = cloud
        .acm
        .certificates
        .values()
        .filter(|certificate| {
            certificate
                .validation_due_ms
                .is_some_and(|due_ms| due_ms <= now_ms)
        })
        .cloned()
        .collect();
    for mut certificate in due {
        validation::validate(cloud, &mut certificate);
        let arn = certificate.arn.clone();
        cloud.acm.certificates.insert(arn, certificate);
    }
}

/// The certificate that the input names.
fn named<'a>(cloud: &'a mut Cloud, input: Input<'_>) -> Result<&'a mut Certificate, Refusal> {
    let arn = required(input, "CertificateArn")?;
    let mine = cloud.account.arn("acm", "certificate/");
    if !arn.starts_with("arn:") || !arn.contains(":acm:") {
        return Err(Refusal::client(
            "InvalidArnException",
            format!("The ARN `{arn}` is not that of a certificate"),
        ));
    }
    let region = &cloud.account.region;
    let message = if arn.starts_with(&mine) {
        format!("Could not find certificate {arn}.")
    } else {
        format!("Could not find certificate {arn} in this account and region {region}.")
    };
    cloud
        .acm
        .certificates
        .get_mut(arn)
        .ok_or_else(|| Refusal::client("ResourceNotFoundException", message))
}

fn add_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["CertificateArn", "Tags"])?;
    let added = tags::from_list(input, "Tags").map_err(|problem| refused_tags(&problem))?;
    let certificate = named(cloud, input)?;
    tags::merge(&mut certificate.tags, added).map_err(|problem| refused_tags(&problem))?;
    Ok(json!({}))
}

/// A tag given with its value goes only if it has that value.
/// AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RemoveTagsFromCertificate.html>
fn remove_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["CertificateArn", "Tags"])?;
    let certificate = named(cloud, input)?;
    for tag in input.items("Tags") {
        let key = tag.text("Key").unwrap_or_default();
        let value = tag.text("Value");
        if value.is_none() || certificate.tags.get(key).map(String::as_str) == value {
            certificate.tags.remove(key);
        }
    }
    Ok(json!({}))
}

fn list_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["CertificateArn"])?;
    let tags = tags::to_list(&named(cloud, input)?.tags);
    Ok(json!({ "Tags": tags }))
}

fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    input.text(name).ok_or_else(|| {
        Refusal::client(
            "ValidationException",
            format!(
                "1 validation error detected: Value null at '{name}' failed to satisfy constraint: \
                 Member must not be null"
            ),
        )
    })
}

fn refused_tags(problem: &TagProblem) -> Refusal {
    let code = match problem {
        TagProblem::TooMany => "TooManyTagsException",
        TagProblem::Malformed(_) => "InvalidTagException",
    };
    Refusal::client(code, problem.to_string())
}
