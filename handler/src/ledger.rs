//! The ledger: one DynamoDB table. The only place that knows its keys, conditions and item versions.
//!
//! | `pk` | what | written |
//! |---|---|---|
//! | `owner#<owner key>` | `record` (JSON of [`OwnerRecord`]), `sealed`, `revision` | only while `revision` is the one that was read |
//! | `service#<service ARN>` | the owner of a service name | created if absent or ours; deleted if ours |
//! | `host#<host name>` | the owner of a host name | as above |
//! | `pool#<pool>` | the pool's VPC, scheme, subnets and ordinals | [`pool`] |
//! | `load-balancer#<pool>#<ordinal>` | its members and their slots | [`pool`] |
//!
//! A record's writer that finds another revision has lost a race: it changes nothing and reads again.
//! That is also how an attempt learns that a Delete has ended its operation.
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html>

mod item;
pub mod pool;
pub mod scan;

use aws_sdk_dynamodb::types::{
    CancellationReason, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem,
};
use express_core::claim::{Owner, OwnerRecord, SCHEMA_VERSION};
use express_core::decision::HandlerErrorCode;
use express_core::naming;

use crate::Runtime;
use crate::aws::error::{AwsError, aws_error};
use item::Item;

/// How long an owner is remembered after its last service: late events meet it (DESIGN §2).
const REMEMBERED_S: u64 = 30 * 24 * 60 * 60;

/// A record as it was read, and the revision that a write of it must find.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record.
    pub record: OwnerRecord,
    /// The open operation's sealed part, in Base64.
    pub sealed: Option<String>,
    revision: u64,
}

impl Stored {
    /// The revision that was read or written.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }
}

/// Names that a new service claims together with its first operation.
#[derive(Clone, Copy, Debug)]
pub struct NameClaims<'a> {
    /// ARN of the service.
    pub service_arn: &'a str,
    /// Its host name.
    pub host: &'a str,
}

/// Why the ledger did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// Somebody else has written the record since it was read.
    #[error("the record was changed by another attempt")]
    Conflict,
    /// A name belongs to another owner.
    #[error("{what} belongs to resource `{}` of stack `{}`", owner.logical_resource_id, owner.stack_id)]
    OwnedByAnother {
        /// What.
        what: String,
        /// Whose.
        owner: Owner,
    },
    /// An item was written by a newer version of the provider, or by something else.
    #[error("ledger item `{pk}` {problem}; upgrade the provider, or restore the item")]
    Unreadable {
        /// The item.
        pk: String,
        /// What is wrong with it.
        problem: String,
    },
    /// DynamoDB refused.
    #[error("ledger")]
    Aws(#[from] AwsError),
}

impl LedgerError {
    /// CloudFormation's word for it.
    #[must_use]
    pub const fn class(&self) -> HandlerErrorCode {
        match self {
            Self::Conflict => HandlerErrorCode::ResourceConflict,
            Self::OwnedByAnother { .. } => HandlerErrorCode::AlreadyExists,
            Self::Unreadable { .. } => HandlerErrorCode::HandlerInternalFailure,
            Self::Aws(error) => error.class,
        }
    }

    /// Whether a write may still have its effect when others have written since: a claim, or the giving back of
    /// one. A record is written only over the revision that was read, so a late write of it meets a newer one.
    #[must_use]
    pub fn may_land_late(&self) -> bool {
        matches!(self, Self::Aws(error) if error.is_outcome_unknown()
            && CLAIMING_OPERATIONS.contains(&error.operation))
    }
}

/// The operations that write claims: slots, names, ordinals.
const CLAIMING_OPERATIONS: [&str; 2] = ["dynamodb:UpdateItem", "dynamodb:TransactWriteItems"];

/// Reads what is known of an owner, consistently.
///
/// # Errors
/// When DynamoDB does not answer, or the item is of a newer version.
pub async fn find(runtime: &Runtime, owner_key: &str) -> Result<Option<Stored>, LedgerError> {
    let pk = owner_pk(owner_key);
    item::get(runtime, &pk)
        .await?
        .map(|item| stored(&pk, &item))
        .transpose()
}

/// Begins an operation: writes the record, and with it claims the names of a new service.
///
/// `read` is what was read of this owner before; none when it was not read or not there, and then it
/// must not be there.
///
/// # Errors
/// [`LedgerError::Conflict`] when the record is not as it was read, [`LedgerError::OwnedByAnother`]
/// when a name is taken; nothing is written then.
pub async fn begin(
    runtime: &Runtime,
    read: Option<&Stored>,
    record: OwnerRecord,
    sealed: Option<String>,
    names: Option<NameClaims<'_>>,
) -> Result<Stored, LedgerError> {
    let next = Stored {
        record,
        sealed,
        revision: read.map_or(1, |read| read.revision + 1),
    };
    let Some(names) = names else {
        put(runtime, &next, next.revision - 1).await?;
        return Ok(next);
    };
    let owner = &next.record.owner;
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
                .put(record_put(runtime, &next, next.revision - 1)?)
                .build(),
        )
        .transact_items(name_put(service_pk(names.service_arn))?)
        .transact_items(name_put(host_pk(names.host))?)
        .send()
        .await;
    match outcome {
        Ok(_) => Ok(next),
        Err(error) => {
            let reasons = error
                .as_service_error()
                .and_then(|error| match error {
                    aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError::TransactionCanceledException(cancelled) => {
                        Some(cancelled.cancellation_reasons().to_vec())
                    }
                    _ => None,
                });
            match reasons {
                Some(reasons) => Err(refused(&reasons, &names)),
                None => Err(aws_error("dynamodb:TransactWriteItems")(error).into()),
            }
        }
    }
}

/// The reasons are in the order of the items: record, service name, host name.
fn refused(reasons: &[CancellationReason], names: &NameClaims<'_>) -> LedgerError {
    let failed = |index: usize| {
        reasons
            .get(index)
            .filter(|reason| reason.code() == Some("ConditionalCheckFailed"))
    };
    if failed(0).is_some() {
        return LedgerError::Conflict;
    }
    let taken = [
        (1, format!("service `{}`", names.service_arn)),
        (2, format!("host name `{}`", names.host)),
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

/// Writes the record on the condition that it is still as it was read, and so re-checks that the
/// operation has not been ended by another request.
///
/// # Errors
/// [`LedgerError::Conflict`] when it is not.
pub async fn write(runtime: &Runtime, stored: &mut Stored) -> Result<(), LedgerError> {
    let seen = stored.revision;
    stored.revision += 1;
    if stored.record.operation.is_none() {
        stored.sealed = None;
    }
    let written = put(runtime, stored, seen).await;
    if written.is_err() {
        // Whether it was written or not, the next revision may be another writer's: taking it for seen would
        // overwrite what that one wrote.
        stored.revision = seen;
    }
    written
}

/// Gives back a service's names, once nothing of it is left.
///
/// # Errors
/// When DynamoDB does not answer. Names that are not this owner's are left alone.
pub async fn release_names(
    runtime: &Runtime,
    owner_key: &str,
    names: &NameClaims<'_>,
) -> Result<(), LedgerError> {
    let delete = |pk: String| -> Result<TransactWriteItem, LedgerError> {
        let delete = Delete::builder()
            .table_name(&runtime.settings.ledger_table)
            .key("pk", item::text(&pk))
            .condition_expression("attribute_not_exists(pk) OR owner_key = :owner_key")
            .expression_attribute_values(":owner_key", item::text(owner_key))
            .build()
            .map_err(item::unbuildable)?;
        Ok(TransactWriteItem::builder().delete(delete).build())
    };
    let released = runtime
        .aws
        .dynamodb
        .transact_write_items()
        .transact_items(delete(service_pk(names.service_arn))?)
        .transact_items(delete(host_pk(names.host))?)
        .send()
        .await
        .map_err(aws_error("dynamodb:TransactWriteItems"));
    match released {
        Ok(_) => Ok(()),
        // Another owner's name: after a restore of the table, say. It is not ours to give back.
        Err(error) if error.is("TransactionCanceledException") => {
            tracing::warn!(
                event = "ledger.name.not_ours",
                service_arn = names.service_arn
            );
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

async fn put(runtime: &Runtime, stored: &Stored, seen: u64) -> Result<(), LedgerError> {
    let put = record_put(runtime, stored, seen)?;
    let written = runtime
        .aws
        .dynamodb
        .put_item()
        .table_name(put.table_name())
        .set_item(Some(put.item().clone()))
        .set_condition_expression(put.condition_expression().map(str::to_owned))
        .set_expression_attribute_values(put.expression_attribute_values().cloned())
        .send()
        .await
        .map_err(aws_error("dynamodb:PutItem"));
    match written {
        Ok(_) => Ok(()),
        Err(error) if error.is("ConditionalCheckFailedException") => Err(LedgerError::Conflict),
        Err(error) => Err(error.into()),
    }
}

/// The record, to be written only over the revision that was seen (0 for none).
fn record_put(runtime: &Runtime, stored: &Stored, seen: u64) -> Result<Put, LedgerError> {
    let pk = owner_pk(&naming::owner_key(&stored.record.owner));
    let record =
        serde_json::to_string(&stored.record).map_err(|error| LedgerError::Unreadable {
            pk: pk.clone(),
            problem: error.to_string(),
        })?;
    let mut item = Item::of(&pk);
    item.set_number("schema_version", u64::from(SCHEMA_VERSION));
    item.set_number("revision", stored.revision);
    item.set_text("record", &record);
    if let Some(sealed) = &stored.sealed {
        item.set_text("sealed", sealed);
    }
    if stored.record.is_idle() {
        item.set_number("expires_at", runtime.clock.now_ms() / 1000 + REMEMBERED_S);
    }
    let put = Put::builder()
        .table_name(&runtime.settings.ledger_table)
        .set_item(Some(item.into_attributes()));
    let put = if seen == 0 {
        put.condition_expression("attribute_not_exists(pk)")
    } else {
        put.condition_expression("revision = :seen")
            .expression_attribute_values(":seen", item::number(seen))
    };
    put.build().map_err(item::unbuildable)
}

fn stored(pk: &str, item: &Item) -> Result<Stored, LedgerError> {
    let unreadable = |problem: String| LedgerError::Unreadable {
        pk: pk.to_owned(),
        problem,
    };
    let version = item.number("schema_version").unwrap_or_default();
    if version != u64::from(SCHEMA_VERSION) {
        return Err(unreadable(format!(
            "has schema version {version}, this provider writes {SCHEMA_VERSION}"
        )));
    }
    let text = item
        .text("record")
        .ok_or_else(|| unreadable("has no record".to_owned()))?;
    Ok(Stored {
        record: serde_json::from_str(text).map_err(|error| unreadable(error.to_string()))?,
        sealed: item.text("sealed").map(str::to_owned),
        revision: item
            .number("revision")
            .ok_or_else(|| unreadable("has no revision".to_owned()))?,
    })
}

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

fn owner_pk(owner_key: &str) -> String {
    format!("owner#{owner_key}")
}

fn service_pk(service_arn: &str) -> String {
    format!("service#{service_arn}")
}

fn host_pk(host: &str) -> String {
    format!("host#{host}")
}

#[cfg(test)]
mod tests;
