//! What must hold once all is quiet: everything answered, services that stay as they are, and nothing left after them.
//!
//! A history may contain what keeps some of that from being promised:
//! - A part that was changed by hand is repaired by the next Update, which therefore changes something.
//! - A part whose owner tag was taken off makes Update and Delete fail, with words; once the tag is back they succeed.
//! - A table that was set back does not know what was made since, and an id that it does not know is left alone: only
//!   answers and strangers are looked at.

use std::collections::BTreeSet;

use futures::future::join_all;
use serde_json::Value;

use super::account;
use super::play::Player;
use crate::account::Inventory;
use crate::cloudformation::{RequestType, Seen, Stack, StackOutcome, StackStatus};
use crate::invariants;

/// How often a Delete that failed is sent again.
const DELETES_AGAIN_MAX: usize = 2;
/// Time for closings that were begun: load balancers keep their network interfaces for minutes.
const DAY_S: u64 = 24 * 3600;

pub(super) fn check(player: &mut Player, before: &Inventory) {
    answered(player);
    unsealed(player);
    for untagged in std::mem::take(&mut player.untagged) {
        untagged.repair(player.world.account());
    }
    stay_as_they_are(player);
    delete_all(player);
    for rule in std::mem::take(&mut player.foreign_rules) {
        account::delete_foreign_rule(&player.world, &rule);
    }
    player.sweep();
    player.world.settle();
    player.world.block_on(player.world.sleep_s(DAY_S));
    player.sweep();
    player.world.settle();
    answered(player);
    unsealed(player);
    if !player.is_restored {
        let left = before.diff(&player.world.inventory().without_what_stays());
        assert!(
            left.is_empty(),
            "after the last Delete something is different: {left:?}\n{}",
            crate::trace::of(&player.world)
        );
    }
}

/// Every request was answered, but those whose event Lambda gave up on.
fn answered(player: &Player) {
    let lost: BTreeSet<String> = player
        .world
        .dead_letters()
        .borrow()
        .iter()
        .map(|event| event["ResponseURL"].to_string())
        .collect();
    let unanswered = invariants::unanswered(&player.world);
    let unanswered: Vec<&Value> = unanswered
        .iter()
        .filter(|event| !lost.contains(&event["ResponseURL"].to_string()))
        .map(|event| &event["RequestId"])
        .collect();
    assert!(
        unanswered.is_empty(),
        "never answered: {unanswered:?}\n{}",
        crate::trace::of(&player.world)
    );
}

/// Of what is over the ledger keeps nothing that is sealed.
fn unsealed(player: &Player) {
    for item in crate::account::ledger(player.world.account()) {
        assert!(
            item.get("sealed").is_none(),
            "all is quiet, but the ledger still holds what was sealed: {}\n{}",
            item["pk"],
            crate::trace::of(&player.world)
        );
    }
}

/// An Update without a change makes none, once one was answered SUCCESS: what was done by hand is repaired by then.
fn stay_as_they_are(player: &Player) {
    let is_repaired = player.is_restored || player.watcher.borrow().is_touched();
    let mut settled = player.updatable();
    if is_repaired {
        let outcomes = all(player, settled.clone(), |stack| {
            Box::pin(stack.update_unchanged())
        });
        let outcomes = settled.into_iter().zip(outcomes);
        settled = outcomes
            .filter(|(_, outcome)| outcome.status == StackStatus::UpdateComplete)
            .map(|(stack, _)| stack)
            .collect();
    }
    let mutations = || {
        let history = player.world.history();
        let calls = history.calls().filter(|call| call.recorded.mutates());
        calls
            .map(|call| call.recorded.name())
            .collect::<Vec<String>>()
    };
    let made = mutations().len();
    let outcomes = all(player, settled, |stack| Box::pin(stack.update_unchanged()));
    for outcome in &outcomes {
        assert!(
            outcome.status == StackStatus::UpdateComplete,
            "an Update without a change failed: {:?}\n{}",
            outcome.first().reason,
            crate::trace::of(&player.world)
        );
    }
    let further = mutations().split_off(made);
    assert!(
        further.is_empty(),
        "an Update without a change changes something: {further:?}\n{}",
        crate::trace::of(&player.world)
    );
}

/// Deletes every stack; what failed before is deleted again, as its owner would after he has read why.
fn delete_all(player: &Player) {
    let _told = all(player, player.standing(), |stack| Box::pin(stack.delete()));
    for _ in 0..DELETES_AGAIN_MAX {
        let failed = failed_deletes(player);
        if failed.is_empty() {
            return;
        }
        for (seen, stack_id) in failed {
            let stack = player.world.stack_of(&seen.stack, &stack_id);
            let _seen = player.world.block_on(stack.delete_again(seen));
        }
        player.world.settle();
    }
    let failed = failed_deletes(player);
    assert!(
        failed.is_empty(),
        "a Delete goes on failing: {failed:?}\n{}",
        crate::trace::of(&player.world)
    );
}

/// Deletes that failed, with the ids of their stacks, and that no later Delete of the same made good.
fn failed_deletes(player: &Player) -> Vec<(Seen, String)> {
    let history = player.world.history();
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
    let is_made_good = |failed: &(Seen, String), later: &(Seen, String)| {
        later.1 == failed.1
            && later.0.logical_id == failed.0.logical_id
            && later.0.sent_id == failed.0.sent_id
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

/// An operation of each of these stacks, at the same time, until nothing is under way.
fn all(
    player: &Player,
    stacks: Vec<Stack>,
    operation: impl Fn(Stack) -> futures::future::LocalBoxFuture<'static, StackOutcome>,
) -> Vec<StackOutcome> {
    let operations: Vec<_> = stacks.into_iter().map(operation).collect();
    let outcomes = player.world.block_on(join_all(operations));
    player.world.settle();
    outcomes
}
