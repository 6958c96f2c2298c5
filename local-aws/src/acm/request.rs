//! Requesting a certificate.
//!
//! Repeat-safe: the same `IdempotencyToken` within an hour gives the same certificate.
//! AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>

use std::collections::BTreeSet;

use serde_json::json;

use super::validation::{self, ValidationRecord};
use super::{Certificate, Status, refused_tags, required};
use crate::cloud::{Cloud, Outcome};
use crate::tags;
use crate::wire::{Input, Refusal};

/// How long a token stands for the certificate that was requested with it.
const TOKEN_VALID_MS: u64 = 60 * 60 * 1000;
/// Characters of a token.
const TOKEN_CHARACTERS_MAX: usize = 32;
/// Characters of the first name, which becomes the common name, and of any other.
const FIRST_NAME_CHARACTERS_MAX: usize = 64;
const NAME_CHARACTERS_MAX: usize = 253;
/// Names of one certificate, adjustable up to 100, and certificates of one account in a region, adjustable.
/// AWS: <https://docs.aws.amazon.com/acm/latest/userguide/acm-limits.html>
const NAMES_MAX: usize = 10;
const CERTIFICATES_MAX: usize = 2500;
/// Key algorithms of public certificates.
const KEY_ALGORITHMS: &[&str] = &["RSA_2048", "EC_prime256v1", "EC_secp384r1"];

pub(super) fn request(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "DomainName",
        "ValidationMethod",
        "SubjectAlternativeNames",
        "IdempotencyToken",
        "Options",
        "Tags",
        "KeyAlgorithm",
    ])?;
    let names = names(input)?;
    validates_by_dns(input)?;
    let token = token(input)?;
    let key_algorithm = input.text("KeyAlgorithm").unwrap_or("RSA_2048");
    if !KEY_ALGORITHMS.contains(&key_algorithm) {
        return Err(invalid(format!(
            "The KeyAlgorithm `{key_algorithm}` is not supported for public certificates"
        )));
    }
    let transparency_logging = transparency_logging(input)?;
    let tags = tags::from_list(input, "Tags").map_err(|problem| refused_tags(&problem))?;
    let now_ms = cloud.now_ms;
    let known = cloud.acm.certificates.values().find(|known| {
        token.is_some() && known.token == token && now_ms < known.created_ms + TOKEN_VALID_MS
    });
    if let Some(known) = known {
        return Ok(json!({ "CertificateArn": known.arn }));
    }
    if cloud.acm.certificates.len() >= CERTIFICATES_MAX {
        return Err(limit_exceeded(format!(
            "The account has reached its limit of {CERTIFICATES_MAX} certificates"
        )));
    }
    let resource = format!("certificate/{}", cloud.random.uuid());
    let arn = cloud.account.arn("acm", &resource);
    let records = names
        .iter()
        .map(|name| ValidationRecord::of(name, &cloud.account.id));
    let certificate = Certificate {
        arn: arn.clone(),
        validation_records: records.collect(),
        names,
        status: Status::PendingValidation,
        in_use_by: BTreeSet::new(),
        token,
        key_algorithm: key_algorithm.to_owned(),
        transparency_logging,
        serial: cloud.random.hex(32),
        created_ms: now_ms,
        issued_ms: None,
        validation_due_ms: Some(now_ms + validation::INTERVAL_MS),
        tags,
    };
    cloud.acm.certificates.insert(arn.clone(), certificate);
    Ok(json!({ "CertificateArn": arn }))
}

/// AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_RequestCertificate.html>
fn validates_by_dns(input: Input<'_>) -> Result<(), Refusal> {
    match input.text("ValidationMethod") {
        Some("DNS") => Ok(()),
        None | Some("EMAIL" | "HTTP") => Err(Refusal::client(
            "UnsupportedMember",
            "local-aws validates with the ValidationMethod DNS only; AWS's default is EMAIL",
        )),
        Some(other) => Err(Refusal::client(
            "ValidationException",
            format!("The ValidationMethod `{other}` is not one of DNS, EMAIL and HTTP"),
        )),
    }
}

/// The first name and the others, in lower case, each once.
fn names(input: Input<'_>) -> Result<Vec<String>, Refusal> {
    let first = required(input, "DomainName")?;
    let mut names: Vec<String> = Vec::new();
    for name in std::iter::once(first).chain(input.texts("SubjectAlternativeNames")) {
        if !is_domain_name(name) {
            return Err(Refusal::client(
                "ValidationException",
                format!("The domain name `{name}` is not valid"),
            ));
        }
        let name = name.to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if first.len() > FIRST_NAME_CHARACTERS_MAX {
        return Err(invalid(format!(
            "The first domain name can have at most {FIRST_NAME_CHARACTERS_MAX} characters"
        )));
    }
    if names.len() > NAMES_MAX {
        return Err(limit_exceeded(format!(
            "A certificate is for at most {NAMES_MAX} domain names"
        )));
    }
    Ok(names)
}

/// Two or more labels of letters, digits and inner hyphens; the first may be `*`.
fn is_domain_name(name: &str) -> bool {
    let labels: Vec<&str> = name.strip_prefix("*.").unwrap_or(name).split('.').collect();
    let well_formed = |label: &&str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= NAME_CHARACTERS_MAX
        && labels.len() > 1
        && labels.iter().all(well_formed)
        && labels.last().is_some_and(|label| label.len() > 1)
}

fn token(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(token) = input.text("IdempotencyToken") else {
        return Ok(None);
    };
    let characters = token.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if token.is_empty() || token.len() > TOKEN_CHARACTERS_MAX || !characters {
        return Err(Refusal::client(
            "ValidationException",
            format!(
                "1 validation error detected: Value '{token}' at 'idempotencyToken' failed to satisfy \
                 constraint: Member must satisfy regular expression pattern: \\w+ and have length less \
                 than or equal to {TOKEN_CHARACTERS_MAX}"
            ),
        ));
    }
    Ok(Some(token.to_owned()))
}

fn transparency_logging(input: Input<'_>) -> Result<String, Refusal> {
    let Some(options) = input.object("Options") else {
        return Ok("ENABLED".to_owned());
    };
    options.only(&["CertificateTransparencyLoggingPreference"])?;
    let preference = options
        .text("CertificateTransparencyLoggingPreference")
        .unwrap_or("ENABLED");
    if !matches!(preference, "ENABLED" | "DISABLED") {
        return Err(invalid(format!(
            "The CertificateTransparencyLoggingPreference `{preference}` is not ENABLED or DISABLED"
        )));
    }
    Ok(preference.to_owned())
}

fn invalid(message: String) -> Refusal {
    Refusal::client("InvalidParameterException", message)
}

fn limit_exceeded(message: String) -> Refusal {
    Refusal::client("LimitExceededException", message)
}
