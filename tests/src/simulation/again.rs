//! Deletes that failed, sent again: what an owner does once he has read why.

use crate::cloudformation::{RequestType, Seen};
use crate::world::World;

/// How often a Delete that failed is sent again.
const DELETES_AGAIN_MAX: usize = 2;

/// Sends every Delete that failed again until it succeeds.
///
/// # Panics
/// When one goes on failing.
pub(crate) fn delete_failed(world: &World) {
    for _ in 0..DELETES_AGAIN_MAX {
        let failed = failed_deletes(world);
        if failed.is_empty() {
            return;
        }
        for (seen, stack_id) in failed {
            let stack = world.stack_of(&seen.stack, &stack_id);
            let _seen = world.block_on(stack.delete_again(seen));
        }
        world.settle();
    }
    let failed = failed_deletes(world);
    assert!(
        failed.is_empty(),
        "a Delete goes on failing: {failed:?}\n{}",
        crate::trace::of(world)
    );
}

/// Deletes that failed, with the ids of their stacks, and that no later Delete of the same made good.
fn failed_deletes(world: &World) -> Vec<(Seen, String)> {
    let history = world.history();
    let stack_of = |seen: &Seen| {
        let sent = history
            .sent()
            .find(|event| event["RequestId"] == seen.request_id.as_str());
        sent.and_then(|event| event["StackId"].as_str().map(str::to_owned))
    };
    let deletes: Vec<(Seen, String)> = history
        .seen()
        .filter(|seen| seen.request_type == RequestType::Delete)
        .filter_map(|seen| Some((seen.clone(), stack_of(seen)?)))
        .collect();
    // A Delete that succeeds takes along what an earlier one of the owner has left.
    let is_made_good = |failed: &(Seen, String), later: &(Seen, String)| {
        later.1 == failed.1
            && later.0.logical_id == failed.0.logical_id
            && (later.0.is_success() || later.0.sent_id == failed.0.sent_id)
    };
    let mut open = Vec::new();
    for (number, delete) in deletes.iter().enumerate() {
        let mut later = deletes.iter().skip(number + 1);
        if !delete.0.is_success() && !later.any(|later| is_made_good(delete, later)) {
            open.push(delete.clone());
        }
    }
    open
}
