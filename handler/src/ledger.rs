//! The ledger: one DynamoDB table. The only place that knows its keys, conditions and item versions.
//!
//! | `pk` | what | written |
//! |---|---|---|
//! | `owner#<owner key>` | `record` (JSON of [`OwnerRecord`]), `sealed`, `revision` | only while `revision` is the one that was read |
//! | `service#<service ARN>` | the owner of a service name | created if absent or ours; deleted if ours |
//! | `host#<host name>` | the owner of a host name | as above |
//! | `pool#<pool>` | the pool's VPC, scheme, subnets and ordinals | [`pool`] |
//! | `load-balancer#<pool>#<ordinal>` | its members and their slots | [`pool`] |
//! | `provider#domain` | the domain that the guard has accepted | [`domain`] |
//!
//! Two versions of the provider work on one table while the function is updated, and after it was set back. Items of a
//! newer `schema_version` are refused. Within one version an older provider carries along what it does not know: further
//! attributes of owners, pools and load balancers, and the record's further fields ([`express_core::claim::Further`]).
//!
//! A record's writer that finds another revision has lost a race: it changes nothing and reads again.
//! That is also how an attempt learns that a Delete has ended its operation.
//! AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.ConditionExpressions.html>

pub mod domain;
mod item;
mod names;
pub mod pool;
pub mod scan;

use aws_sdk_dynamodb::types::Put;
use express_core::claim::{Owner, OwnerRecord, RequestId, SCHEMA_VERSION};
use express_core::decision::HandlerErrorCode;
use express_core::naming;

use crate::Runtime;
use crate::aws::error::{AwsError, aws_error};
use item::Item;
pub use names::NameClaims;
use names::Names;

/// How long an owner is remembered after its last service, and a load balancer after its end: late events meet it.
const REMEMBERED_S: u64 = 30 * 24 * 60 * 60;

/// The attributes of an owner's item that this version writes.
const OWN_ATTRIBUTES: [&str; 6] = [
    "pk",
    "schema_version",
    "revision",
    "record",
    "sealed",
    "expires_at",
];

/// A record as it was read, and the revision that a write of it must find.
#[derive(Clone, Debug)]
pub struct Stored {
    /// The record.
    pub record: OwnerRecord,
    /// The open operation's sealed part, in Base64.
    pub sealed: Option<String>,
    revision: u64,
    /// What a newer version keeps beside the record: written again as it was read.
    further: Item,
    /// Names of services that the record no longer has: given back by the write that says so.
    released: Vec<Names>,
}

impl Stored {
    /// The revision that was read or written.
    #[must_use]
    pub const fn revision(&self) -> u64 {
        self.revision
    }

    /// Takes a service that is gone out of the record; the next write gives its names back with that.
    pub fn release_service(&mut self, service_arn: &str) {
        if let Some(service) = self.record.services.remove(service_arn) {
            self.released.push(Names {
                service_arn: service_arn.to_owned(),
                host: service.host,
            });
        }
    }
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
    /// The provider's stack is being updated, or its guard has refused the update.
    #[error(
        "the provider's domain is `{name}` or its hosted zone another, and its stack has not accepted that"
    )]
    DomainNotAccepted {
        /// The domain in the function's environment.
        name: String,
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
            Self::Conflict | Self::DomainNotAccepted { .. } => HandlerErrorCode::ResourceConflict,
            Self::OwnedByAnother { .. } => HandlerErrorCode::AlreadyExists,
            Self::Unreadable { .. } => HandlerErrorCode::HandlerInternalFailure,
            Self::Aws(error) => error.class,
        }
    }

    /// As [`AwsError::may_be_iam_propagation`].
    #[must_use]
    pub fn may_be_iam_propagation(&self) -> bool {
        matches!(self, Self::Aws(error) if error.may_be_iam_propagation())
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

/// Whether an owner's item names a request, whatever else is in it and whichever version has written it.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn names_request(
    runtime: &Runtime,
    owner_key: &str,
    request_id: &RequestId,
) -> Result<bool, LedgerError> {
    let item = item::get(runtime, &owner_pk(owner_key)).await?;
    Ok(item.is_some_and(|item| item.contains(request_id.as_str())))
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
        further: read.map_or_else(Item::default, |read| read.further.clone()),
        released: Vec::new(),
    };
    let Some(names) = names else {
        put(runtime, &next, next.revision - 1).await?;
        return Ok(next);
    };
    names::put_and_claim(runtime, &next, &names).await?;
    Ok(next)
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
    let released = std::mem::take(&mut stored.released);
    let written = if released.is_empty() {
        put(runtime, stored, seen).await
    } else {
        names::put_and_release(runtime, stored, seen, &released).await
    };
    if written.is_err() {
        // Whether it was written or not, the next revision may be another writer's: taking it for seen would
        // overwrite what that one wrote.
        stored.revision = seen;
        stored.released = released;
    }
    written
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
    let mut item = stored.further.clone();
    item.set_text("pk", &pk);
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
        further: item.without(&OWN_ATTRIBUTES),
        released: Vec::new(),
    })
}

fn owner_pk(owner_key: &str) -> String {
    format!("owner#{owner_key}")
}

#[cfg(test)]
mod tests;
