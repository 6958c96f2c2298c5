//! Certificates: describing, listing and deleting them.
//!
//! Identity: the ARN, which ACM makes up. Delete only once nothing uses it.
//! AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_CertificateDetail.html>

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::{ValidationRecord, named};
use crate::cloud::{Cloud, Outcome};
use crate::paging;
use crate::tags::Tags;
use crate::wire::{Input, Refusal, timestamp};

/// Certificates on a page, at most and by default.
/// AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_ListCertificates.html>
const PAGE_MAX: usize = 1000;
/// How long a certificate is valid: 198 days, below the 200 that public authorities may give since March 2026.
/// AWS: <https://docs.aws.amazon.com/acm/latest/userguide/acm-certificate-characteristics.html>
const VALIDITY_MS: u64 = 198 * 24 * 60 * 60 * 1000;

/// Where a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Some of its validation records are missing.
    PendingValidation,
    /// Usable.
    Issued,
    /// The records did not come within 72 hours; it never becomes usable.
    ValidationTimedOut,
}

impl Status {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PendingValidation => "PENDING_VALIDATION",
            Self::Issued => "ISSUED",
            Self::ValidationTimedOut => "VALIDATION_TIMED_OUT",
        }
    }

    const fn of_domain(self, validated: bool) -> &'static str {
        match (validated, self) {
            (true, _) => "SUCCESS",
            (false, Self::PendingValidation | Self::Issued) => "PENDING_VALIDATION",
            (false, Self::ValidationTimedOut) => "FAILED",
        }
    }
}

/// One certificate.
#[derive(Clone, Debug)]
pub struct Certificate {
    /// Its identity.
    pub arn: String,
    /// The names that it is for, the first one first; each may begin with `*.`.
    pub names: Vec<String>,
    /// Where it stands.
    pub status: Status,
    /// ARNs of what uses it.
    pub in_use_by: BTreeSet<String>,
    /// What proves each of the names, in their order.
    pub validation_records: Vec<ValidationRecord>,
    pub(super) token: Option<String>,
    pub(super) key_algorithm: String,
    pub(super) transparency_logging: String,
    pub(super) serial: String,
    pub(super) created_ms: u64,
    pub(super) issued_ms: Option<u64>,
    /// When its records are next looked for; none once it is decided.
    pub(super) validation_due_ms: Option<u64>,
    pub(super) tags: Tags,
}

impl Certificate {
    /// Whether a client that asks for `host` accepts it; a `*` stands for exactly one label.
    #[must_use]
    pub fn is_for(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.names.iter().any(|name| match name.strip_prefix("*.") {
            None => *name == host,
            Some(domain) => host
                .split_once('.')
                .is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
        })
    }

    fn domain(&self) -> &str {
        self.names.first().map_or("", String::as_str)
    }

    fn times(&self) -> Map<String, Value> {
        let mut times = Map::new();
        times.insert("CreatedAt".to_owned(), timestamp(self.created_ms));
        if let Some(issued_ms) = self.issued_ms {
            times.insert("IssuedAt".to_owned(), timestamp(issued_ms));
            times.insert("NotBefore".to_owned(), timestamp(issued_ms));
            times.insert("NotAfter".to_owned(), timestamp(issued_ms + VALIDITY_MS));
        }
        times
    }

    fn renewal_eligibility(&self) -> &'static str {
        if self.in_use_by.is_empty() {
            "INELIGIBLE"
        } else {
            "ELIGIBLE"
        }
    }

    fn describe(&self) -> Value {
        let domains: Vec<Value> = self
            .names
            .iter()
            .zip(&self.validation_records)
            .map(|(name, record)| {
                json!({
                    "DomainName": name,
                    "ValidationDomain": name,
                    "ValidationStatus": self.status.of_domain(record.found),
                    "ResourceRecord": {"Name": record.name, "Type": "CNAME", "Value": record.value},
                    "ValidationMethod": "DNS",
                })
            })
            .collect();
        let mut certificate = json!({
            "CertificateArn": self.arn,
            "DomainName": self.domain(),
            "SubjectAlternativeNames": self.names,
            "DomainValidationOptions": domains,
            "Subject": format!("CN={}", self.domain()),
            "Status": self.status.as_str(),
            "KeyAlgorithm": self.key_algorithm,
            "InUseBy": self.in_use_by,
            "Type": "AMAZON_ISSUED",
            "RenewalEligibility": self.renewal_eligibility(),
            "Options": {
                "CertificateTransparencyLoggingPreference": self.transparency_logging,
                "Export": "DISABLED",
            },
        });
        if let Some(members) = certificate.as_object_mut() {
            members.extend(self.times());
            if self.status == Status::Issued {
                members.insert("Serial".to_owned(), self.serial.as_str().into());
                members.insert("Issuer".to_owned(), "Amazon".into());
            }
        }
        certificate
    }

    fn summarize(&self) -> Value {
        let mut summary = json!({
            "CertificateArn": self.arn,
            "DomainName": self.domain(),
            "SubjectAlternativeNameSummaries": self.names,
            "HasAdditionalSubjectAlternativeNames": false,
            "Status": self.status.as_str(),
            "Type": "AMAZON_ISSUED",
            "KeyAlgorithm": self.key_algorithm,
            "InUse": !self.in_use_by.is_empty(),
            "RenewalEligibility": self.renewal_eligibility(),
        });
        if let Some(members) = summary.as_object_mut() {
            members.extend(self.times());
        }
        summary
    }
}

pub(super) fn describe(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["CertificateArn"])?;
    let certificate = named(cloud, input)?;
    Ok(json!({"Certificate": certificate.describe()}))
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["CertificateArn"])?;
    let account = cloud.account.id.clone();
    let certificate = named(cloud, input)?;
    let arn = certificate.arn.clone();
    if !certificate.in_use_by.is_empty() {
        return Err(Refusal::client(
            "ResourceInUseException",
            format!("Certificate {arn} in account {account} is in use."),
        ));
    }
    cloud.acm.certificates.remove(&arn);
    Ok(json!({}))
}

/// Without `Includes`, only certificates with RSA keys of up to 2048 bits are listed.
/// AWS: <https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html>
pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "CertificateStatuses",
        "Includes",
        "MaxItems",
        "NextToken",
        "SortBy",
        "SortOrder",
    ])?;
    let statuses = input.texts("CertificateStatuses");
    let includes = input.object("Includes");
    includes.map_or(Ok(()), |includes| includes.only(&["keyTypes"]))?;
    let key_types = match includes.map(|includes| includes.texts("keyTypes")) {
        Some(key_types) if !key_types.is_empty() => key_types,
        Some(_) | None => vec!["RSA_1024", "RSA_2048"],
    };
    let mut certificates: Vec<&Certificate> = cloud
        .acm
        .certificates
        .values()
        .filter(|certificate| {
            (statuses.is_empty() || statuses.contains(&certificate.status.as_str()))
                && key_types.contains(&certificate.key_algorithm.as_str())
        })
        .collect();
    match (input.text("SortBy"), input.text("SortOrder")) {
        (None, None) => {}
        (Some("CREATED_AT"), Some("ASCENDING")) => certificates.sort_by_key(|one| one.created_ms),
        (Some("CREATED_AT"), Some("DESCENDING")) => {
            certificates.sort_by_key(|one| Reverse(one.created_ms));
        }
        (Some(_), _) | (None, Some(_)) => {
            return Err(invalid(
                "SortBy is CREATED_AT, together with a SortOrder of ASCENDING or DESCENDING",
            ));
        }
    }
    let maximum = match input.integer("MaxItems")?.map(usize::try_from) {
        None => PAGE_MAX,
        Some(Ok(maximum @ 1..=PAGE_MAX)) => maximum,
        Some(Ok(_) | Err(_)) => return Err(invalid("MaxItems is not between 1 and 1000")),
    };
    let ranked = certificates
        .iter()
        .enumerate()
        .map(|(rank, one)| (format!("{rank:08}"), one.summarize()));
    let page = paging::page(ranked, input.text("NextToken"), maximum)
        .map_err(|_| invalid("The NextToken is not valid"))?;
    Ok(json!({"CertificateSummaryList": page.items, "NextToken": page.next}))
}

fn invalid(message: &str) -> Refusal {
    Refusal::client("ValidationException", message)
}
