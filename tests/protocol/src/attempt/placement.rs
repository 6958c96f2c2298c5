//! Claiming a slot, as `handler/src/ledger/pool.rs` has it, with core's choices.

use express_core::claim::pool::{by_fullness, open_after};

use super::ledger_reply;
use crate::effect::{Effect, Response};
use crate::history::Service;
use crate::ledger::{LedgerFailure, Ordinal};
use crate::world::Invocation;

/// Ordinals that are tried before a claim gives up until the next attempt.
const TRIES_MAX: usize = 8;

/// A load balancer and a slot on it.
pub(super) type Place = (Ordinal, u64);

/// The slot that a service holds in a pool, looked for on all its load balancers.
pub(super) async fn find_slot(
    invocation: &Invocation,
    pool: u8,
    service: Service,
) -> Result<Option<Place>, LedgerFailure> {
    let Response::Pool(Some(found)) = ledger_reply(invocation.call(Effect::FindPool(pool)).await)?
    else {
        return Ok(None);
    };
    for number in (1..found.next_ordinal).rev() {
        let at = Ordinal { pool, number };
        let members = invocation
            .call(Effect::FindMembers(at, Some(service)))
            .await;
        if let Response::Members(Some(members)) = ledger_reply(members)?
            && let Some(slot) = members.own_slot
        {
            return Ok(Some((at, slot)));
        }
    }
    Ok(None)
}

/// Claims a slot on the fullest open load balancer with room, opening a further one when all are full.
pub(super) async fn claim(
    invocation: &Invocation,
    pool: u8,
    service: Service,
) -> Result<Place, LedgerFailure> {
    for _ in 0..TRIES_MAX {
        let Response::Pool(Some(found)) =
            ledger_reply(invocation.call(Effect::FindPool(pool)).await)?
        else {
            ledger_reply(invocation.call(Effect::OpenPool(pool)).await)?;
            continue;
        };
        let mut full = Vec::new();
        for number in in_order(invocation, pool, &found.open).await? {
            let at = Ordinal { pool, number };
            match ledger_reply(invocation.call(Effect::Claim(at, service)).await)? {
                Response::Slot(Some(slot)) => return Ok((at, slot)),
                _ => full.push(number),
            }
        }
        let opened = found.next_ordinal;
        let open = open_after(&found.open, &full, opened);
        let at = Ordinal {
            pool,
            number: opened,
        };
        ledger_reply(invocation.call(Effect::OpenOrdinal(at, open)).await)?;
    }
    Err(LedgerFailure::Conflict)
}

async fn in_order(
    invocation: &Invocation,
    pool: u8,
    open: &[u64],
) -> Result<Vec<u64>, LedgerFailure> {
    if open.len() < 2 {
        return Ok(open.to_vec());
    }
    let reads = open
        .iter()
        .map(|number| {
            let at = Ordinal {
                pool,
                number: *number,
            };
            Effect::FindMembers(at, None)
        })
        .collect();
    let mut counted = Vec::with_capacity(open.len());
    for (number, reply) in open.iter().zip(invocation.calls(reads).await) {
        let count = match ledger_reply(reply)? {
            Response::Members(Some(members)) => members.count,
            _ => 0,
        };
        counted.push((*number, count));
    }
    Ok(by_fullness(counted))
}
