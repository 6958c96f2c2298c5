//! Validation by DNS: the CNAME record that proves a name, and looking for it.
//!
//! AWS: <https://docs.aws.amazon.com/acm/latest/userguide/dns-validation.html>

use sha2::{Digest, Sha256};

use super::{Certificate, Status};
use crate::cloud::Cloud;
use crate::route53::{self, DomainName, Target};

/// How often the records of a certificate are looked for. AWS says "up to several hours" and takes a few
/// minutes at most in practice; short here, so that a first run does not wait.
pub(super) const INTERVAL_MS: u64 = 10_000;
/// How long ACM looks.
/// AWS: <https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-timed-out.html>
const GIVE_UP_MS: u64 = 72 * 60 * 60 * 1000;

/// A CNAME record that proves a name. It depends on the account and the name alone, and is the same for a
/// name and for all its sub-names (`*.`), so that a renewal or a second certificate needs no new one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValidationRecord {
    /// The record's name, with the dot at its end.
    pub name: String,
    /// The record's value, with the dot at its end.
    pub value: String,
    /// Whether it was found.
    pub found: bool,
}

impl ValidationRecord {
    pub(super) fn of(name: &str, account_id: &str) -> Self {
        let domain = name.strip_prefix("*.").unwrap_or(name);
        let digits = |purpose: &str, count: usize| -> String {
            let mut hash = Sha256::new();
            hash.update(format!("{purpose}/{account_id}/{domain}"));
            let hex = hash
                .finalize()
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect::<String>();
            hex.chars().take(count).collect()
        };
        Self {
            name: format!("_{}.{domain}.", digits("name", 32)),
            value: format!(
                "_{}.{}.acm-validations.aws.",
                digits("value", 32),
                digits("zone", 10)
            ),
            found: false,
        }
    }

    fn is_in_a_zone(&self, cloud: &Cloud) -> bool {
        let Some(record) = route53::record_set(cloud, &self.name, "CNAME") else {
            return false;
        };
        match &record.target {
            Target::Values { values, .. } => values
                .iter()
                .any(|value| DomainName::parse(value) == DomainName::parse(&self.value)),
            Target::Alias { .. } => false,
        }
    }
}

/// Looks once for what is still missing.
pub(super) fn validate(cloud: &Cloud, certificate: &mut Certificate) {
    for record in &mut certificate.validation_records {
        record.found = record.found || record.is_in_a_zone(cloud);
    }
    let now_ms = cloud.now_ms;
    certificate.validation_due_ms = None;
    if certificate
        .validation_records
        .iter()
        .all(|record| record.found)
    {
        certificate.status = Status::Issued;
        certificate.issued_ms = Some(now_ms);
    } else if now_ms >= certificate.created_ms + GIVE_UP_MS {
        certificate.status = Status::ValidationTimedOut;
    } else {
        certificate.validation_due_ms = Some(now_ms + INTERVAL_MS);
    }
}
