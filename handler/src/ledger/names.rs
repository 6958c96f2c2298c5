//! The names that services hold, written together with the records that hold them.

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use express_core::claim::{Owner, SCHEMA_VERSION};
use express_core::naming;

use super::item::{self, Item};
use super::{LedgerError, Runtime, Stored, put, record_put};
use crate::aws::error::aws_error;

/// Names that a new service claims together with its first operation.
#[derive(Clone, Copy, Debug)]
pub struct NameClaims<'a> {
    /// ARN of the service.
    pub service_arn: &'a str,
    /// Its host name.
    pub host: &'a str,
}

/// The names of one service.
#[derive(Clone, Debug)]
pub(super) struct Names {
    pub(super) service_arn: String,
    pub(super) host: String,
}

/// Writes a record and claims names for it, all or nothing. A name that another service of the same owner has is taken.
pub(super) async fn put_and_claim(
    runtime: &Runtime,
    next: &Stored,
    names: &NameClaims<'_>,
) -> Result<(), LedgerError> {
    let owner = &next.record.owner;
    // `web` in the cluster `prod` is `web-prod`, as the service of that name in the cluster `default` is.
    let mut others = next.record.services.iter();
    let taken = others.find(|(arn, it)| *arn != names.service_arn && it.host == names.host);
    if let Some((arn, _)) = taken {
        return Err(LedgerError::OwnedByAnother {
            what: format!("{} of service `{arn}`", host_name(names)),
            owner: owner.clone(),
        });
    }
    let name_put = |pk: String| -> Result<TransactWriteItem, LedgerError> {
        let put = Put::builder()
            .table_name(&runtime.settings.ledger_table)
            .set_item(Some(name_item(&pk, owner).into_attributes()))
            .condition_expression("attribute_not_exists(pk) OR owner_key = :owner_key")
            .expression_attribute_values(":owner_key", item::text(&naming::owner_key(owner)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .build()
            .map_err(item::unbuildable)?;
        Ok(TransactWriteItem::builder().put(put).build())
    };
    let outcome = runtime
        .aws
        .dynamodb
        .transact_write_items()
        .transact_items(
            TransactWriteItem::builder()
                .put(record_put(runtime, next, next.revision - 1)?)
                .build(),
        )
        .transact_items(name_put(service_pk(names.service_arn))?)
        .transact_items(name_put(host_pk(names.host))?)
        .send()
        .await;
    match outcome {
        Ok(_) => Ok(()),
        Err(error) => {
            let reasons = cancellation_reasons(&error);
            match reasons {
                Some(reasons) => Err(refused(&reasons, names)),
                None => Err(aws_error("dynamodb:TransactWriteItems")(error).into()),
            }
        }
    }
}

fn host_name(names: &NameClaims<'_>) -> String {
    format!("host name `{}`", names.host)
}

/// The reasons are in the order of the items: record, service name, host name.
fn refused(reasons: &[CancellationReason], names: &NameClaims<'_>) -> LedgerError {
    let failed = |index: usize| {
        reasons
            .get(index)
            .filter(|reason| reason.code() == Some(CONDITION_FAILED))
    };
    if failed(0).is_some() {
        return LedgerError::Conflict;
    }
    let taken = [
        (1, format!("service `{}`", names.service_arn)),
        (2, host_name(names)),
    ];
    for (index, what) in taken {
        if let Some(reason) = failed(index) {
            let held = reason.item().map(|held| Item::new(held.clone()));
            let owner = held.as_ref().map_or_else(unknown_owner, owner_of);
            return LedgerError::OwnedByAnother { what, owner };
        }
    }
    // A transaction that met another one on the same item: as good as a changed record.
    LedgerError::Conflict
}

/// Writes the record and gives back the names of services that it does not have any more, all or nothing:
/// no name is free while a record has it, and none stays taken that no record has.
pub(super) async fn put_and_release(
    runtime: &Runtime,
    stored: &Stored,
    seen: u64,
    released: &[Names],
) -> Result<(), LedgerError> {
    let mut names: Vec<String> = released
        .iter()
        .flat_map(|Names { service_arn, host }| [service_pk(service_arn), host_pk(host)])
        .collect();
    while !names.is_empty() {
        let foreign = try_put_and_release(runtime, stored, seen, &names).await?;
        if foreign.is_empty() {
            return Ok(());
        }
        // Other owners' names: after a restore of the table, say. They are not ours to give back.
        tracing::warn!(event = "ledger.name.not_ours", names = ?foreign);
        names.retain(|name| !foreign.contains(name));
    }
    put(runtime, stored, seen).await
}

/// Answers with those of the names that are another owner's; nothing is done when there are any.
async fn try_put_and_release(
    runtime: &Runtime,
    stored: &Stored,
    seen: u64,
    names: &[String],
) -> Result<Vec<String>, LedgerError> {
    let owner_key = naming::owner_key(&stored.record.owner);
    let delete = |pk: &String| -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&runtime.settings.ledger_table)
            .key("pk", item::text(pk))
            .condition_expression("attribute_not_exists(pk) OR owner_key = :owner_key")
            .expression_attribute_values(":owner_key", item::text(&owner_key))
            .build()
            .map_err(item::unbuildable)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    };
    let mut items = vec![
        TransactWriteItem::builder()
            .put(record_put(runtime, stored, seen)?)
            .build(),
    ];
    for name in names {
        items.push(delete(name)?);
    }
    let outcome = runtime
        .aws
        .dynamodb
        .transact_write_items()
        .set_transact_items(Some(items))
        .send()
        .await;
    let Err(error) = outcome else {
        return Ok(Vec::new());
    };
    let Some(reasons) = cancellation_reasons(&error) else {
        return Err(aws_error("dynamodb:TransactWriteItems")(error).into());
    };
    let is_refused = |reason: &CancellationReason| reason.code() == Some(CONDITION_FAILED);
    let (record, of_names) = reasons.split_first().ok_or(LedgerError::Conflict)?;
    let refused = names.iter().zip(of_names);
    let foreign: Vec<String> = refused
        .filter(|(_, reason)| is_refused(reason))
        .map(|(name, _)| name.clone())
        .collect();
    if is_refused(record) || foreign.is_empty() {
        return Err(LedgerError::Conflict);
    }
    Ok(foreign)
}

fn cancellation_reasons<R>(
    error: &SdkError<TransactWriteItemsError, R>,
) -> Option<Vec<CancellationReason>> {
    match error.as_service_error()? {
        TransactWriteItemsError::TransactionCanceledException(cancelled) => {
            Some(cancelled.cancellation_reasons().to_vec())
        }
        _ => None,
    }
}

/// Of an item whose condition did not hold.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_CancellationReason.html>
const CONDITION_FAILED: &str = "ConditionalCheckFailed";

fn name_item(pk: &str, owner: &Owner) -> Item {
    let mut item = Item::of(pk);
    item.set_number("schema_version", u64::from(SCHEMA_VERSION));
    item.set_text("owner_key", &naming::owner_key(owner));
    item.set_text("stack_id", &owner.stack_id);
    item.set_text("logical_resource_id", &owner.logical_resource_id);
    item
}

fn owner_of(item: &Item) -> Owner {
    let text = |name: &str| item.text(name).unwrap_or("unknown").to_owned();
    Owner {
        stack_id: text("stack_id"),
        logical_resource_id: text("logical_resource_id"),
    }
}

fn unknown_owner() -> Owner {
    owner_of(&Item::of(""))
}

fn service_pk(service_arn: &str) -> String {
    format!("service#{service_arn}")
}

fn host_pk(host: &str) -> String {
    format!("host#{host}")
}
