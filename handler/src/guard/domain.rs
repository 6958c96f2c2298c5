//! The provider's domain, which stays while services have their names below it.
//!
//! A change of `DomainName` or `HostedZoneId` updates the function first and the guard after it. Where the guard
//! refuses, CloudFormation sets the function back, and sends the guard an Update with the properties of before: these
//! fit the services, so it succeeds. In between no service is made (`ledger/domain.rs`), changed or removed
//! (`OperationError::OtherDomain`).

use express_core::claim::domain::Domain;
use serde_json::Value;

use super::{NAMED_MAX, first_of};
use crate::ledger::scan::{self, Contents};
use crate::ledger::{self, LedgerError};
use crate::request::taking::Taking;
use crate::telemetry::presentable;

/// Bytes of a domain that are repeated to whoever named it.
const QUOTE_BYTES_MAX: usize = 100;

/// Accepts the domain that the guard's properties name, or says what it would leave behind. The guard of an older
/// template names none.
pub(super) async fn accept(taking: &Taking<'_>) -> Result<Option<String>, LedgerError> {
    let Some(domain) = named(&taking.envelope.properties) else {
        return Ok(None);
    };
    let before = taking.envelope.old_properties.as_ref().and_then(named);
    if before.as_ref() != Some(&domain)
        && let Some(problem) = left_behind(&scan::read(taking.runtime).await?, &domain)
    {
        return Ok(Some(problem));
    }
    // Whoever may call the function may send it a guard of his own. The provider's has the function's domain.
    let served = taking.runtime.settings.domain();
    let issued_ms = taking.issued_ms();
    if domain != served && !ledger::domain::is_superseded(taking.runtime, issued_ms).await? {
        return Ok(Some(format!(
            "the guard names the domain `{}`, and the function serves `{}`, or in another hosted zone; only the provider's \
             own template has a guard",
            presentable(&domain.name, QUOTE_BYTES_MAX),
            served.name
        )));
    }
    ledger::domain::accept(taking.runtime, &domain, issued_ms).await?;
    Ok(None)
}

/// As the function's environment has it.
fn named(properties: &Value) -> Option<Domain> {
    let text = |name: &str| properties.get(name).and_then(Value::as_str);
    Some(Domain {
        name: text("DomainName")?.to_ascii_lowercase(),
        hosted_zone_id: text("HostedZoneId")
            .filter(|zone| !zone.is_empty())
            .map(str::to_owned),
    })
}

/// Services that could not be served, changed or removed any more.
fn left_behind(contents: &Contents, domain: &Domain) -> Option<String> {
    let services: Vec<String> = contents
        .owners
        .iter()
        .flat_map(|record| {
            let stack = record.owner.stack_name();
            let left = record.services.values().filter(|it| !domain.has(it));
            left.map(move |service| format!("`{}` of stack `{stack}`", service.host))
        })
        .collect();
    if services.is_empty() {
        return None;
    }
    let more = match services.len().saturating_sub(NAMED_MAX) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "`DomainName` and `HostedZoneId` stay as they are while services have names and records there: {}{more}; \
         keep both, or delete the stacks of these services first",
        first_of(&services),
    ))
}
