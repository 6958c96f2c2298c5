//! Opening pools, and further load balancers in them.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem, Update};
use express_core::claim::SCHEMA_VERSION;
use express_core::claim::pool::open_after;
use express_core::step::SlotRequest;

use super::{LedgerError, OPEN, Pool, Runtime, load_balancer_pk, pool_pk, subnets};
use crate::aws::error::aws_error;
use crate::ledger::item::{self, Item};

/// Opens a pool with its first ordinal. Losing the race to another is fine: it is there then.
pub(super) async fn open_pool(runtime: &Runtime, request: &SlotRequest) -> Result<(), LedgerError> {
    let mut pool = Item::of(&pool_pk(&request.pool_id));
    pool.set_number("schema_version", u64::from(SCHEMA_VERSION));
    pool.set_text("vpc_id", &request.vpc_id);
    pool.set_text("scheme", &request.scheme);
    if let Some(owner_key) = &request.dedicated_to {
        pool.set_text("dedicated_to", owner_key);
    }
    pool.set_number("next_ordinal", 2);
    pool.set("open", AttributeValue::L(vec![item::number(1)]));
    let put = Put::builder()
        .table_name(&runtime.settings.ledger_table)
        .set_item(Some(pool.into_attributes()))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .map_err(item::unbuildable)?;
    let first = TransactWriteItem::builder().put(put).build();
    open_with(runtime, first, new_ordinal(runtime, request, 1)?).await
}

/// Opens the next ordinal and drops the full ones from those with room.
pub(super) async fn open_ordinal(
    runtime: &Runtime,
    request: &SlotRequest,
    pool: &Pool,
    full: &[u64],
) -> Result<(), LedgerError> {
    let ordinal = pool.next_ordinal;
    let open = open_after(&pool.open, full, ordinal);
    let open = open.into_iter().map(item::number).collect();
    let update = Update::builder()
        .table_name(&runtime.settings.ledger_table)
        .key("pk", item::text(&pool_pk(&request.pool_id)))
        .update_expression("SET next_ordinal = :next, #open = :open")
        .condition_expression("schema_version = :version AND next_ordinal = :seen")
        .expression_attribute_values(":version", item::number(u64::from(SCHEMA_VERSION)))
        .expression_attribute_names("#open", "open")
        .expression_attribute_values(":next", item::number(ordinal + 1))
        .expression_attribute_values(":seen", item::number(ordinal))
        .expression_attribute_values(":open", AttributeValue::L(open))
        .build()
        .map_err(item::unbuildable)?;
    let advance = TransactWriteItem::builder().update(update).build();
    open_with(runtime, advance, new_ordinal(runtime, request, ordinal)?).await
}

fn new_ordinal(
    runtime: &Runtime,
    request: &SlotRequest,
    ordinal: u64,
) -> Result<TransactWriteItem, LedgerError> {
    let mut load_balancer = Item::of(&load_balancer_pk(&request.pool_id, ordinal));
    load_balancer.set_number("schema_version", u64::from(SCHEMA_VERSION));
    load_balancer.set_text("state", OPEN);
    load_balancer.set("subnets", subnets::to_attribute(&request.subnets));
    load_balancer.set("members", AttributeValue::M(HashMap::new()));
    load_balancer.set("owners", AttributeValue::M(HashMap::new()));
    load_balancer.set_number("next_slot", 0);
    let put = Put::builder()
        .table_name(&runtime.settings.ledger_table)
        .set_item(Some(load_balancer.into_attributes()))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .map_err(item::unbuildable)?;
    Ok(TransactWriteItem::builder().put(put).build())
}

/// Writes both items, or neither because somebody else was first. An ordinal that is there already although its pool says
/// that it is not, because the pool's item was lost or set back, is taken into the pool as it is.
async fn open_with(
    runtime: &Runtime,
    pool: TransactWriteItem,
    ordinal: TransactWriteItem,
) -> Result<(), LedgerError> {
    let cancelled = write(runtime, vec![pool.clone(), ordinal]).await?;
    let failed: Vec<bool> = cancelled.iter().map(|code| code == CONDITION).collect();
    if failed == [false, true] {
        tracing::warn!(event = "pool.ordinal.adopted");
        write(runtime, vec![pool]).await?;
    }
    Ok(())
}

/// The code of an item of a transaction whose condition did not hold.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TransactWriteItems.html>
const CONDITION: &str = "ConditionalCheckFailed";

/// Writes all of the items or none of them; for each, why it was not written, where others were first.
async fn write(
    runtime: &Runtime,
    items: Vec<TransactWriteItem>,
) -> Result<Vec<String>, LedgerError> {
    let written = runtime
        .aws
        .dynamodb
        .transact_write_items()
        .set_transact_items(Some(items))
        .send()
        .await;
    let Err(error) = written else {
        return Ok(Vec::new());
    };
    match error.as_service_error() {
        Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => Ok(cancelled
            .cancellation_reasons()
            .iter()
            .map(|reason| reason.code().unwrap_or_default().to_owned())
            .collect()),
        _ => Err(aws_error("dynamodb:TransactWriteItems")(error).into()),
    }
}
