//! Reading the whole ledger: for the sweeper and for the guard, never for a request.

use std::collections::BTreeMap;

use express_core::claim::OwnerRecord;

use super::item::Item;
use super::pool::Members;
use super::{LedgerError, Runtime};
use crate::aws::error::aws_error;

/// Pages of a scan at most: at 1 MB each far more than any account's services.
const PAGES_MAX: usize = 1_000;

/// Everything in the ledger that stands for something in AWS.
#[derive(Clone, Debug, Default)]
pub struct Contents {
    /// Every owner.
    pub owners: Vec<OwnerRecord>,
    /// The ordinals that claims try, by pool.
    pub open: BTreeMap<String, Vec<u64>>,
    /// Every load balancer: pool, ordinal, members.
    pub load_balancers: Vec<(String, u64, Members)>,
}

/// Reads the table.
///
/// # Errors
/// When DynamoDB does not answer, or an item is of a newer version.
pub async fn read(runtime: &Runtime) -> Result<Contents, LedgerError> {
    let mut contents = Contents::default();
    let mut start = None;
    for _ in 0..PAGES_MAX {
        let page = runtime
            .aws
            .dynamodb
            .scan()
            .table_name(&runtime.settings.ledger_table)
            .consistent_read(true)
            .set_exclusive_start_key(start.take())
            .send()
            .await
            .map_err(aws_error("dynamodb:Scan"))?;
        for attributes in page.items() {
            take(&mut contents, Item::new(attributes.clone()))?;
        }
        match page.last_evaluated_key {
            Some(key) if !key.is_empty() => start = Some(key),
            Some(_) | None => return Ok(contents),
        }
    }
    Err(LedgerError::Unreadable {
        pk: "table".to_owned(),
        problem: format!("has more than {PAGES_MAX} pages"),
    })
}

fn take(contents: &mut Contents, item: Item) -> Result<(), LedgerError> {
    let pk = item.text("pk").unwrap_or_default().to_owned();
    if pk.starts_with("owner#") {
        contents.owners.push(super::stored(&pk, &item)?.record);
    } else if let Some(pool_id) = pk.strip_prefix("pool#") {
        let pool = super::pool::pool(&pk, &item)?;
        contents.open.insert(pool_id.to_owned(), pool.open);
    } else if let Some((pool_id, ordinal)) = pk
        .strip_prefix("load-balancer#")
        .and_then(|rest| rest.split_once('#'))
    {
        super::pool::check_version(&pk, &item)?;
        if let Ok(ordinal) = ordinal.parse() {
            let members = super::pool::members(&item);
            contents
                .load_balancers
                .push((pool_id.to_owned(), ordinal, members));
        }
    }
    Ok(())
}
