//! Pools and the slots on their load balancers.
//!
//! A claim is one conditional update of one load balancer's item:
//! `SET members.#service = next_slot, next_slot = next_slot + 1` if it is OPEN, has room and the service
//! is not in it. The right-hand sides read the old item, so every slot is unique without a lock, a scan
//! or a version; a refused update returns the old item, which tells "already mine" from "full". What AWS lets be on it
//! may be fewer than are meant to be: rules of people count there too.
//!
//! The item exists before its load balancer does: everybody claims at once and waits for AWS, not for
//! each other. OPEN → CLOSED is one way, in the same update that sees no members, and ordinals are never
//! used again; that alone decides between the last leaver and the next joiner.
//!
//! The subnets are the ordinal's, not the pool's: those of one that is closed may be deleted or get other routes, and
//! the next one opened must not ask for them.
//!
//! What each write means, and which ordinal is tried next, is `express_core::claim::pool`.

mod leaving;
mod opening;
mod subnets;

use std::collections::{BTreeMap, HashMap};
use std::pin::pin;

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{ReturnValue, ReturnValuesOnConditionCheckFailure};
use express_core::claim::pool::by_fullness;
use express_core::claim::{SCHEMA_VERSION, Slot};
use express_core::naming;
use express_core::step::SlotRequest;
use futures::{StreamExt, TryStreamExt, stream};

use super::item::{self, Item};
use super::{LedgerError, Runtime};
use crate::aws::error::aws_error;

pub use leaving::{close, forget, offer, release};
use opening::{open_ordinal, open_pool};
pub use subnets::{extend, replace};

/// Ordinals that are tried before a claim gives up until the next attempt.
const TRIES_MAX: usize = 8;

/// Ordinals that are read side by side: one that is closed stays, and a pool that empties daily has many.
const LOOKS_AT_ONCE: usize = 10;

/// A pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// The next ordinal to be opened.
    pub next_ordinal: u64,
    /// Ordinals that may have room, oldest first.
    pub open: Vec<u64>,
}

/// A claimed slot, and the subnets of its load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placement {
    /// The slot.
    pub slot: Slot,
    /// Subnet by zone.
    pub subnets: BTreeMap<String, String>,
}

/// What is left on a load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Members {
    /// Slot by service key.
    pub slots: BTreeMap<String, u64>,
    /// The next slot: it only grows, so it also numbers the times a load balancer became empty.
    pub next_slot: u64,
    /// Whether claims are accepted.
    pub is_open: bool,
    /// When it was last closed, in milliseconds since the epoch.
    pub closed_ms: Option<u64>,
    /// Whether nothing of a closed one was left in AWS when somebody looked.
    pub is_gone: bool,
    /// Subnet by zone of the load balancer; empty when the item does not say.
    pub subnets: BTreeMap<String, String>,
    /// How many AWS lets be on it, when those are fewer than are meant to be.
    pub members_max: Option<u64>,
}

impl Members {
    /// Whether there is room for one of `most` among those that are here: a load balancer that nobody has left yet and nobody fills.
    #[must_use]
    pub fn is_shared_with_room(&self, most: u64) -> bool {
        self.is_open && (1..self.most(most)).contains(&(self.slots.len() as u64))
    }

    /// Whether a load balancer that was full, with `most` members or as many as AWS lets be on it, is not any more.
    #[must_use]
    pub fn has_room_again(&self, most: u64) -> bool {
        self.slots.len() as u64 + 1 == self.most(most)
    }

    fn most(&self, most: u64) -> u64 {
        self.members_max.map_or(most, |limit| limit.min(most))
    }
}

/// Reads a pool.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn find(runtime: &Runtime, pool_id: &str) -> Result<Option<Pool>, LedgerError> {
    let pk = pool_pk(pool_id);
    let Some(item) = item::get(runtime, &pk).await? else {
        return Ok(None);
    };
    pool(&pk, &item).map(Some)
}

/// Reads the members of a load balancer.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn find_members(
    runtime: &Runtime,
    pool_id: &str,
    ordinal: u64,
) -> Result<Option<Members>, LedgerError> {
    let pk = load_balancer_pk(pool_id, ordinal);
    let Some(item) = item::get(runtime, &pk).await? else {
        return Ok(None);
    };
    check_version(&pk, &item)?;
    Ok(Some(members(&item)))
}

/// The slot that a service holds in a pool, looked for on all its load balancers: for a claim whose
/// claimant died before it could note it.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn find_slot(
    runtime: &Runtime,
    pool_id: &str,
    service_arn: &str,
) -> Result<Option<Placement>, LedgerError> {
    let service_key = naming::service_key(service_arn);
    let Some(pool) = find(runtime, pool_id).await? else {
        return Ok(None);
    };
    let service_key = service_key.as_str();
    let looks = (1..pool.next_ordinal).rev().map(|ordinal| async move {
        let found = find_members(runtime, pool_id, ordinal).await?;
        let place = |members| placement(pool_id, ordinal, service_key, members);
        Ok::<_, LedgerError>(found.and_then(place))
    });
    let mut looks = pin!(stream::iter(looks).buffered(LOOKS_AT_ONCE));
    while let Some(placed) = looks.try_next().await? {
        if placed.is_some() {
            return Ok(placed);
        }
    }
    Ok(None)
}

/// Claims a slot on the fullest open load balancer of the pool with room, opening a further one when
/// all are full.
///
/// # Errors
/// [`LedgerError::Conflict`] when other claims were quicker too often.
pub async fn claim(runtime: &Runtime, request: &SlotRequest) -> Result<Placement, LedgerError> {
    for _ in 0..TRIES_MAX {
        let Some(pool) = find(runtime, &request.pool_id).await? else {
            open_pool(runtime, request).await?;
            continue;
        };
        let mut full = Vec::new();
        for ordinal in in_order(runtime, &request.pool_id, &pool.open).await? {
            match claim_on(runtime, request, ordinal).await? {
                Some(placed) => return Ok(placed),
                None => full.push(ordinal),
            }
        }
        open_ordinal(runtime, request, &pool, &full).await?;
    }
    Err(LedgerError::Conflict)
}

/// The place of a service among the members of an ordinal; none when it is not one of them.
fn placement(
    pool_id: &str,
    ordinal: u64,
    service_key: &str,
    members: Members,
) -> Option<Placement> {
    Some(Placement {
        slot: Slot {
            pool_id: pool_id.to_owned(),
            ordinal,
            number: *members.slots.get(service_key)?,
        },
        subnets: members.subnets,
    })
}

/// With one candidate its fullness does not matter, and it is not read.
async fn in_order(runtime: &Runtime, pool_id: &str, open: &[u64]) -> Result<Vec<u64>, LedgerError> {
    if open.len() < 2 {
        return Ok(open.to_vec());
    }
    let reads = open.iter().map(|ordinal| async move {
        let members = find_members(runtime, pool_id, *ordinal).await?;
        let count = members.map_or(0, |members| members.slots.len());
        Ok::<_, LedgerError>((*ordinal, count))
    });
    Ok(by_fullness(futures::future::try_join_all(reads).await?))
}

/// Claims a slot on this ordinal; none when it is full or closed.
async fn claim_on(
    runtime: &Runtime,
    request: &SlotRequest,
    ordinal: u64,
) -> Result<Option<Placement>, LedgerError> {
    let service_key = naming::service_key(&request.service_arn);
    let claimed = update(runtime)
        .update_expression(
            "SET members.#service = next_slot, owners.#service = :owner, next_slot = next_slot + :one",
        )
        .expression_attribute_names("#members_max", MEMBERS_MAX)
        .expression_attribute_names("#service", &service_key)
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":open", item::text(OPEN))
        .expression_attribute_values(":owner", item::text(&request.owner_key))
        .expression_attribute_values(":most", item::number(runtime.settings.members_max))
        .expression_attribute_values(":one", item::number(1));
    let pk = load_balancer_pk(&request.pool_id, ordinal);
    let updated = send_if(
        "#state = :open AND size(members) < :most AND attribute_not_exists(members.#service) \
         AND (attribute_not_exists(#members_max) OR size(members) < #members_max)",
        &pk,
        claimed,
    )
    .await?;
    let members = members(&updated.into_item());
    Ok(placement(&request.pool_id, ordinal, &service_key, members))
}

/// Takes the next slot on the same load balancer, because a foreign rule has the priority of `current`. Again, it is the
/// slot that was taken before: of a claim whose answer was lost, or whose claimant died before it could note it.
///
/// # Errors
/// [`LedgerError::Conflict`] when the service holds no slot there any more.
pub async fn claim_next(
    runtime: &Runtime,
    request: &SlotRequest,
    current: &Slot,
) -> Result<Slot, LedgerError> {
    let service_key = naming::service_key(&request.service_arn);
    let claimed = update(runtime)
        .update_expression("SET members.#service = next_slot, next_slot = next_slot + :one")
        .expression_attribute_names("#service", &service_key)
        .expression_attribute_values(":current", item::number(current.number))
        .expression_attribute_values(":one", item::number(1));
    let pk = load_balancer_pk(&current.pool_id, current.ordinal);
    let updated = send_if("members.#service = :current", &pk, claimed).await?;
    let slots = members(&updated.into_item()).slots;
    match slots.get(&service_key) {
        Some(number) => Ok(Slot {
            number: *number,
            ..current.clone()
        }),
        None => Err(LedgerError::Conflict),
    }
}

/// Lets no more services be on a load balancer than `most`, which have a rule there, since AWS has refused a further one:
/// the next one takes another. Whoever was refused leaves a place that nobody takes.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn limit(runtime: &Runtime, slot: &Slot, most: u64) -> Result<(), LedgerError> {
    let limited = update(runtime)
        .update_expression("SET #members_max = :most")
        .expression_attribute_names("#members_max", MEMBERS_MAX)
        .expression_attribute_values(":most", item::number(most));
    // Others may have been refused as well.
    let condition = "attribute_not_exists(#members_max) OR #members_max > :most";
    let pk = load_balancer_pk(&slot.pool_id, slot.ordinal);
    send_if(condition, &pk, limited).await.map(|_| ())
}

/// What became of a conditional update.
enum Updated {
    /// It was made: the item as it is now.
    Made(Item),
    /// Its condition did not hold: the item as it is, or none.
    Refused(Option<Item>),
}

impl Updated {
    const fn is_made(&self) -> bool {
        match self {
            Self::Made(_) => true,
            Self::Refused(_) => false,
        }
    }

    /// The item, empty where there is none.
    fn into_item(self) -> Item {
        match self {
            Self::Made(item) => item,
            Self::Refused(item) => item.unwrap_or_else(|| Item::new(HashMap::new())),
        }
    }
}

/// Updates an item that is there, if the condition holds, and if it is of this version: what a newer one has written must
/// not be written by this one.
///
/// # Errors
/// [`LedgerError::Unreadable`] when it is of another version, and when DynamoDB does not answer.
async fn send_if(
    condition: &str,
    pk: &str,
    update: UpdateItemFluentBuilder,
) -> Result<Updated, LedgerError> {
    let outcome = update
        .key("pk", item::text(pk))
        .condition_expression(format!("schema_version = :version AND ({condition})"))
        .expression_attribute_values(":version", item::number(u64::from(SCHEMA_VERSION)))
        .return_values(ReturnValue::AllNew)
        .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
        .send()
        .await;
    match outcome {
        Ok(updated) => Ok(Updated::Made(Item::new(
            updated.attributes.unwrap_or_default(),
        ))),
        Err(error) => match error.as_service_error() {
            Some(UpdateItemError::ConditionalCheckFailedException(failed)) => {
                let item = failed.item.clone().map(Item::new);
                item.iter().try_for_each(|item| check_version(pk, item))?;
                Ok(Updated::Refused(item))
            }
            _ => Err(aws_error("dynamodb:UpdateItem")(error).into()),
        },
    }
}

pub(super) fn pool(pk: &str, item: &Item) -> Result<Pool, LedgerError> {
    check_version(pk, item)?;
    Ok(Pool {
        next_ordinal: item.number("next_ordinal").unwrap_or(1),
        open: item
            .list("open")
            .unwrap_or_default()
            .iter()
            .filter_map(item::as_number)
            .collect(),
    })
}

pub(super) fn members(item: &Item) -> Members {
    Members {
        slots: item
            .map("members")
            .into_iter()
            .flatten()
            .filter_map(|(service, slot)| Some((service.clone(), item::as_number(slot)?)))
            .collect(),
        next_slot: item.number("next_slot").unwrap_or_default(),
        is_open: item.text("state") == Some(OPEN),
        closed_ms: item.number(CLOSED_MS),
        is_gone: item.is_true(IS_GONE),
        subnets: subnets::of(item),
        members_max: item.number(MEMBERS_MAX),
    }
}

pub(super) fn check_version(pk: &str, item: &Item) -> Result<(), LedgerError> {
    let version = item.number("schema_version").unwrap_or_default();
    if version == u64::from(SCHEMA_VERSION) {
        return Ok(());
    }
    Err(LedgerError::Unreadable {
        pk: pk.to_owned(),
        problem: format!("has schema version {version}, this provider writes {SCHEMA_VERSION}"),
    })
}

const OPEN: &str = "OPEN";
const CLOSED: &str = "CLOSED";
const CLOSED_MS: &str = "closed_ms";
const IS_GONE: &str = "is_gone";
const MEMBERS_MAX: &str = "members_max";

/// An update of one item, for [`send_if`].
fn update(runtime: &Runtime) -> UpdateItemFluentBuilder {
    let update = runtime.aws.dynamodb.update_item();
    update.table_name(&runtime.settings.ledger_table)
}

fn pool_pk(pool_id: &str) -> String {
    format!("pool#{pool_id}")
}

fn load_balancer_pk(pool_id: &str, ordinal: u64) -> String {
    format!("load-balancer#{pool_id}#{ordinal}")
}
