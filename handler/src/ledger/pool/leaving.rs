//! Leaving a load balancer, and closing it after the last one.

use aws_sdk_dynamodb::types::AttributeValue;
use express_core::claim::Slot;
use express_core::naming;

use super::{
    CLOSED, CLOSED_MS, IS_GONE, LedgerError, Members, Runtime, Updated, load_balancer_pk, members,
    pool_pk, send_if, update,
};
use crate::ledger::REMEMBERED_S;
use crate::ledger::item;

/// Gives a slot back; what is left on the load balancer.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn release(
    runtime: &Runtime,
    slot: &Slot,
    service_arn: &str,
) -> Result<Option<Members>, LedgerError> {
    let left = update(runtime)
        .update_expression("REMOVE members.#service, owners.#service")
        .expression_attribute_names("#service", naming::service_key(service_arn));
    let pk = load_balancer_pk(&slot.pool_id, slot.ordinal);
    match send_if("attribute_exists(pk)", &pk, left).await? {
        Updated::Made(item) => Ok(Some(members(&item))),
        // The item is gone: nothing is held there any more.
        Updated::Refused(_) => Ok(None),
    }
}

/// Lists an open ordinal among those with room again, after a member has left a full one.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn offer(runtime: &Runtime, pool_id: &str, ordinal: u64) -> Result<(), LedgerError> {
    let offered = update(runtime)
        .update_expression("SET #open = list_append(#open, :ordinals)")
        .expression_attribute_names("#open", "open")
        .expression_attribute_values(":ordinals", AttributeValue::L(vec![item::number(ordinal)]))
        .expression_attribute_values(":ordinal", item::number(ordinal));
    let condition = "NOT contains(#open, :ordinal)";
    let pk = pool_pk(pool_id);
    send_if(condition, &pk, offered).await.map(|_| ())
}

/// Closes a load balancer for good, if it has no members; whether it is closed now. One that is closed already counts as
/// closed now: something of it was still there.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn close(runtime: &Runtime, pool_id: &str, ordinal: u64) -> Result<bool, LedgerError> {
    let closed = update(runtime)
        .update_expression("SET #state = :closed, #closed_ms = :now")
        .expression_attribute_names("#state", "state")
        .expression_attribute_names("#closed_ms", CLOSED_MS)
        .expression_attribute_values(":now", item::number(runtime.clock.now_ms()))
        .expression_attribute_values(":closed", item::text(CLOSED))
        .expression_attribute_values(":none", item::number(0));
    let pk = load_balancer_pk(pool_id, ordinal);
    let updated = send_if("size(members) = :none", &pk, closed).await?;
    Ok(updated.is_made())
}

/// Milliseconds after which a look at what was closed is taken for the last word: many times what a call may be late,
/// or an answer old.
const SETTLED_MS: u64 = 3_600_000;

/// Lets the item of a closed load balancer go, of which nothing is left in AWS: nobody looks for it any more, and in
/// time DynamoDB deletes it. Whoever finds no item takes it for one that is closed. Nothing is done as long as it was
/// closed less than [`SETTLED_MS`] ago.
///
/// # Errors
/// When DynamoDB does not answer.
pub async fn forget(runtime: &Runtime, pool_id: &str, ordinal: u64) -> Result<(), LedgerError> {
    let now_ms = runtime.clock.now_ms();
    let expires_at = now_ms / 1000 + REMEMBERED_S;
    let forgotten = update(runtime)
        .update_expression("SET #gone = :gone, #expires_at = :expires_at")
        .expression_attribute_names("#closed_ms", CLOSED_MS)
        .expression_attribute_values(":settled", item::number(now_ms.saturating_sub(SETTLED_MS)))
        .expression_attribute_names("#gone", IS_GONE)
        .expression_attribute_names("#expires_at", "expires_at")
        .expression_attribute_names("#state", "state")
        .expression_attribute_values(":gone", AttributeValue::Bool(true))
        .expression_attribute_values(":expires_at", item::number(expires_at))
        .expression_attribute_values(":closed", item::text(CLOSED))
        .expression_attribute_values(":none", item::number(0));
    let condition = "#state = :closed AND size(members) = :none \
                     AND (attribute_not_exists(#closed_ms) OR #closed_ms <= :settled)";
    let pk = load_balancer_pk(pool_id, ordinal);
    send_if(condition, &pk, forgotten).await.map(|_| ())
}
