//! The domain that the guard has accepted.
//!
//! CloudFormation updates the function before the guard, whose function it is. So for a while, and until the update is
//! taken back where the guard refuses, the function has a domain that is not in force: no service is made under it.
//! A ledger without the item is that of an older provider, which took any domain.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use express_core::claim::SCHEMA_VERSION;
use express_core::claim::domain::Domain;

use super::item::{self, Item};
use super::{LedgerError, Runtime, pool};
use crate::aws::error::aws_error;

const PK: &str = "provider#domain";

/// Refuses a domain that is not the accepted one.
///
/// # Errors
/// [`LedgerError::DomainNotAccepted`], or when DynamoDB does not answer.
pub async fn check(runtime: &Runtime) -> Result<(), LedgerError> {
    let Some(item) = item::get(runtime, PK).await? else {
        return Ok(());
    };
    pool::check_version(PK, &item)?;
    let accepted = Domain {
        name: item.text("name").unwrap_or_default().to_owned(),
        hosted_zone_id: item.text("hosted_zone_id").map(str::to_owned),
    };
    let domain = runtime.settings.domain();
    if accepted == domain {
        return Ok(());
    }
    Err(LedgerError::DomainNotAccepted { name: domain.name })
}

/// Whether a request that was issued later has written already: this one changes nothing any more.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn is_superseded(runtime: &Runtime, issued_ms: u64) -> Result<bool, LedgerError> {
    let item = item::get(runtime, PK).await?;
    let latest_ms = item.and_then(|item| item.number("issued_ms"));
    Ok(latest_ms.is_some_and(|latest_ms| latest_ms > issued_ms))
}

/// Accepts a domain. A request that CloudFormation issued before the one that has written last changes nothing.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn accept(runtime: &Runtime, domain: &Domain, issued_ms: u64) -> Result<(), LedgerError> {
    let Domain {
        name,
        hosted_zone_id,
    } = domain;
    let mut item = Item::of(PK);
    item.set_number("schema_version", u64::from(SCHEMA_VERSION));
    item.set_number("issued_ms", issued_ms);
    item.set_text("name", name);
    if let Some(zone) = hosted_zone_id {
        item.set_text("hosted_zone_id", zone);
    }
    let written = runtime
        .aws
        .dynamodb
        .put_item()
        .table_name(&runtime.settings.ledger_table)
        .set_item(Some(item.into_attributes()))
        .condition_expression("attribute_not_exists(pk) OR issued_ms <= :issued_ms")
        .expression_attribute_values(":issued_ms", item::number(issued_ms))
        .send()
        .await;
    match written {
        Ok(_) => Ok(()),
        Err(error) if is_newer(&error) => Ok(()),
        Err(error) => Err(aws_error("dynamodb:PutItem")(error).into()),
    }
}

fn is_newer<R>(error: &SdkError<PutItemError, R>) -> bool {
    matches!(
        error.as_service_error(),
        Some(PutItemError::ConditionalCheckFailedException(_))
    )
}
