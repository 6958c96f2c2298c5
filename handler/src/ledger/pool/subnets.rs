//! The subnets of a pool's load balancers: extended when a service needs a further zone, never taken away.
//!
//! `SetSubnets` replaces the whole list, so two services that need different zones at once must not each send
//! what it knows: the pool's item joins them, and whoever has sent looks again whether somebody has added a
//! zone since. The last one to send has then sent all.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::ReturnValue;

use super::{LedgerError, Runtime, conditional, pool_pk, subnets, update};
use crate::aws::error::aws_error;
use crate::ledger::item::{self, Item};

/// Adds the zones that the pool does not have yet; subnet by zone of the pool from now on.
///
/// # Errors
/// [`LedgerError::Conflict`] when there is no such pool, and when DynamoDB does not answer.
pub async fn extend(
    runtime: &Runtime,
    pool_id: &str,
    wanted: &BTreeMap<String, String>,
) -> Result<BTreeMap<String, String>, LedgerError> {
    let mut update = update(runtime, &pool_pk(pool_id))
        .condition_expression("attribute_exists(pk)")
        .return_values(ReturnValue::AllNew);
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
    let updated = update
        .update_expression(format!("SET {}", assignments.join(", ")))
        .send()
        .await
        .map_err(aws_error("dynamodb:UpdateItem"));
    let attributes = conditional(updated)?.attributes.unwrap_or_default();
    Ok(subnets(&Item::new(attributes)))
}
