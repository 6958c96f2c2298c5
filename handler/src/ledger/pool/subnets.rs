//! The subnets of one ordinal's load balancer: extended when a service needs a further zone, never taken away from a
//! load balancer that exists.
//!
//! `SetSubnets` replaces the whole list, so two services that need different zones at once must not each send
//! what it knows: the ordinal's item joins them, and whoever has sent looks again whether somebody has added a
//! zone since. The last one to send has then sent all.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use express_core::claim::Slot;

use super::{LedgerError, Runtime, Updated, load_balancer_pk, send_if, update};
use crate::ledger::item::{self, Item};

/// Adds the zones that the load balancer of `slot` does not have yet; its subnet by zone from now on.
///
/// # Errors
/// [`LedgerError::Conflict`] when there is no such ordinal, and when DynamoDB does not answer.
pub async fn extend(
    runtime: &Runtime,
    slot: &Slot,
    wanted: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, LedgerError> {
    let mut update = update(runtime);
    let mut assignments = Vec::new();
    for (index, (zone, subnet)) in wanted.iter().enumerate() {
        let (name, value) = (format!("#zone{index}"), format!(":subnet{index}"));
        assignments.push(format!(
            "subnets.{name} = if_not_exists(subnets.{name}, {value})"
        ));
        update = update
            .expression_attribute_names(name, zone)
            .expression_attribute_values(value, item::text(subnet));
    }
    let extended = update.update_expression(format!("SET {}", assignments.join(", ")));
    let pk = load_balancer_pk(&slot.pool_id, slot.ordinal);
    match send_if("attribute_exists(pk)", &pk, extended).await? {
        Updated::Made(item) => Ok(of(&item)),
        Updated::Refused(_) => Err(LedgerError::Conflict),
    }
}

/// Writes `subnets` instead of those that were `seen`, some of which no load balancer can be in any more.
///
/// # Errors
/// [`LedgerError::Conflict`] when others have changed them meanwhile, and when DynamoDB does not answer.
pub async fn replace(
    runtime: &Runtime,
    slot: &Slot,
    seen: &BTreeMap<String, String>,
    subnets: &BTreeMap<String, String>,
) -> Result<(), LedgerError> {
    let replaced = update(runtime)
        .update_expression("SET subnets = :subnets")
        .expression_attribute_values(":subnets", to_attribute(subnets))
        .expression_attribute_values(":seen", to_attribute(seen));
    let pk = load_balancer_pk(&slot.pool_id, slot.ordinal);
    match send_if("subnets = :seen", &pk, replaced).await? {
        Updated::Made(_) => Ok(()),
        Updated::Refused(_) => Err(LedgerError::Conflict),
    }
}

/// As the item has them.
pub(super) fn of(item: &Item) -> BTreeMap<String, String> {
    let by_zone = item.map("subnets").into_iter().flatten();
    by_zone
        .filter_map(|(zone, subnet)| Some((zone.clone(), subnet.as_s().ok()?.clone())))
        .collect()
}

pub(super) fn to_attribute(subnets: &BTreeMap<String, String>) -> AttributeValue {
    let by_zone = subnets.iter();
    let by_zone = by_zone.map(|(zone, subnet)| (zone.clone(), item::text(subnet)));
    AttributeValue::M(by_zone.collect())
}
