//! Operations that nobody comes back for: Lambda has given their event up before they had a waiter, or their waiter has
//! died. They are ended, so that nothing sealed stays in the table; what they were about is the next request's to see to.

use express_core::claim::OwnerRecord;
use express_core::naming;

use crate::Runtime;
use crate::ledger::scan::Contents;
use crate::ledger::{self, LedgerError};
use crate::pool_operation::PoolError;

/// Ends them; the resources that they were of, and their stacks.
///
/// # Errors
/// When the ledger does not answer.
pub(super) async fn end(runtime: &Runtime, contents: &Contents) -> Result<Vec<String>, PoolError> {
    let now_ms = runtime.clock.now_ms();
    let mut ended = Vec::new();
    for record in &contents.owners {
        if record.clone().end_unattended(now_ms) && end_one(runtime, record).await? {
            let owner = &record.owner;
            let stack = owner.stack_name();
            ended.push(format!("{} of {stack}", owner.logical_resource_id));
        }
    }
    Ok(ended)
}

/// Of what the ledger has by now: somebody may have come back after all.
async fn end_one(runtime: &Runtime, read: &OwnerRecord) -> Result<bool, LedgerError> {
    let owner_key = naming::owner_key(&read.owner);
    let Some(mut stored) = ledger::find(runtime, &owner_key).await? else {
        return Ok(false);
    };
    if !stored.record.end_unattended(runtime.clock.now_ms()) {
        return Ok(false);
    }
    match ledger::write(runtime, &mut stored).await {
        Ok(()) => Ok(true),
        Err(LedgerError::Conflict) => Ok(false),
        Err(error) => Err(error),
    }
}
