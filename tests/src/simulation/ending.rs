//! What must hold once all is quiet: everything answered, services that stay as they are, and nothing left after them.
//!
//! A history may contain what keeps some of that from being promised:
//! - A part that was changed by hand is repaired by the next Update, which therefore changes something.
//! - A way back that succeeds although AWS refuses to let go of what was to replace the service leaves that to the next
//!   Update, which therefore changes something.
//! - A part whose owner tag was taken off makes Update and Delete fail, with words; once the tag is back they succeed.
//! - A table that was set back does not know what was made since, and an id that it does not know is left alone: what is
//!   left over is not looked at.

use std::collections::{BTreeMap, BTreeSet};

use express_core::claim::Owner;
use express_core::naming::{self, TAG_HOST, TAG_OWNER, TAG_SLOT, TAG_TEST_SLOT};
use futures::future::join_all;
use serde_json::Value;

use super::play::Player;
use super::{account, again, watch};
use crate::account::{Inventory, Item, Kind, description};
use crate::cloudformation::{
    RequestType, SeenStatus, Stack, StackOutcome, StackStatus, owner_key_of,
};
use crate::invariants;
use crate::world::World;

/// Until the next daily sweep. Closings that were begun need minutes: load balancers keep their network interfaces.
const DAY_S: u64 = 24 * 3600;

pub(super) fn check(player: &mut Player, before: &Inventory) {
    answered(player);
    if is_unattended(player) && sealed(&player.world).is_some() {
        // The daily sweep ends it.
        player.world.block_on(player.world.sleep_s(DAY_S));
        player.sweep();
        player.world.settle();
    }
    unsealed(&player.world);
    for untagged in std::mem::take(&mut player.untagged) {
        untagged.repair(player.world.account());
    }
    stay_as_they_are(player);
    nothing_orphaned(player);
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
    unsealed(&player.world);
    if !player.is_restored {
        let left = before.diff(&player.world.inventory().without_what_stays());
        assert!(
            left.is_empty(),
            "after the last Delete something is different: {left:?}\n{}",
            crate::trace::of(&player.world)
        );
        nothing_held(&player.world);
        invariants::check_attempts_apart(&player.world);
    }
}

/// Every request was answered, and before CloudFormation gave up, but those whose event Lambda gave up on.
fn answered(player: &Player) {
    let lost = player.world.dead_letters().borrow();
    let lost: BTreeSet<&str> = lost.iter().filter_map(request_id).collect();
    let unanswered = invariants::unanswered(&player.world);
    let unanswered: Vec<&str> = unanswered
        .iter()
        .filter_map(request_id)
        .filter(|id| !lost.contains(id))
        .collect();
    let given_up = player.world.history().seen().find_map(|seen| {
        let is_late = seen.status == SeenStatus::TimedOut;
        (is_late && !lost.contains(seen.request_id.as_str())).then(|| seen.request_id.clone())
    });
    assert!(
        given_up.is_none(),
        "CloudFormation has given up waiting for {given_up:?}\n{}",
        crate::trace::of(&player.world)
    );
    assert!(
        unanswered.is_empty(),
        "never answered: {unanswered:?}\n{}",
        crate::trace::of(&player.world)
    );
}

fn request_id(event: &Value) -> Option<&str> {
    event["RequestId"].as_str()
}

/// Of what is over the ledger keeps nothing that is sealed.
pub(crate) fn unsealed(world: &World) {
    if let Some(pk) = sealed(world) {
        panic!(
            "all is quiet, but the ledger still holds what was sealed: {pk}\n{}",
            crate::trace::of(world)
        );
    }
}

/// After the last Delete nobody holds a name, a host name or a slot, and no operation is open: what is held could never
/// be had again.
pub(crate) fn nothing_held(world: &World) {
    let ledger = crate::account::ledger(world.account());
    let held: Vec<String> = ledger.iter().filter_map(held_in).collect();
    assert!(
        held.is_empty(),
        "after the last Delete the ledger still holds {held:?}\n{}",
        crate::trace::of(world)
    );
}

/// What an item of the ledger holds for somebody.
fn held_in(item: &Value) -> Option<String> {
    let key = item["pk"]["S"].as_str().unwrap_or_default();
    let record = item["record"]["S"].as_str().unwrap_or("null");
    let record: Value = serde_json::from_str(record).unwrap_or_default();
    let is_name = ["service#", "host#"]
        .iter()
        .any(|kind| key.starts_with(kind));
    let is_filled = |value: &Value| match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null => false,
        Value::Bool(_) | Value::Number(_) | Value::String(_) => true,
    };
    let parts = [
        ("the name", &Value::Bool(is_name)),
        ("members", &item["members"]["M"]),
        ("services", &record["services"]),
        ("an operation", &record["operation"]),
        ("requests that were not answered", &record["superseded"]),
    ];
    let held = parts
        .into_iter()
        .find(|(_, part)| **part != Value::Bool(false) && is_filled(part));
    held.map(|(what, _)| format!("{what} of {key}"))
}

/// Whether there may be a request that nobody comes back for: Lambda has given its event up, or it was answered without
/// the ledger, which did not answer.
fn is_unattended(player: &Player) -> bool {
    let history = player.world.history();
    !player.world.dead_letters().borrow().is_empty()
        || history
            .seen()
            .any(|seen| crate::invariants::is_without_ledger(&seen.reason))
}

/// The key of an item that holds something sealed.
fn sealed(world: &World) -> Option<Value> {
    let ledger = crate::account::ledger(world.account());
    let item = ledger.into_iter().find(|item| item.get("sealed").is_some());
    item.map(|item| item["pk"].clone())
}

/// An Update without a change makes none, once one was answered SUCCESS where something was done by hand, or was left to be
/// removed: that is done by then.
fn stay_as_they_are(player: &Player) {
    let stacks = player.updatable().into_iter();
    let remaining = owners_of_remains(&player.world);
    let has_remains = |stack: &Stack| owners(stack).any(|(owner, _)| remaining.contains(&owner));
    let (changed, mut settled): (Vec<Stack>, Vec<Stack>) =
        stacks.partition(|stack| may_be_changed(player, stack) || has_remains(stack));
    let outcomes = all(player, changed.clone(), |stack| {
        Box::pin(stack.update_unchanged())
    });
    let outcomes = changed.into_iter().zip(outcomes);
    let repaired = outcomes.filter(|(_, outcome)| outcome.status == StackStatus::UpdateComplete);
    settled.extend(repaired.map(|(stack, _)| stack));
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

/// Owners who have a service that is to go, and that no open operation removes.
fn owners_of_remains(world: &World) -> BTreeSet<String> {
    let ledger = crate::account::ledger(world.account());
    let records = ledger.iter().filter_map(|item| {
        let owner = item["pk"]["S"].as_str()?.strip_prefix("owner#")?;
        let record: Value = serde_json::from_str(item["record"]["S"].as_str()?).ok()?;
        Some((owner.to_owned(), record))
    });
    let has_remains = |record: &Value| {
        let services = record["services"].as_object();
        let mut services = services.into_iter().flat_map(serde_json::Map::values);
        let is_left =
            |service: &Value| service["is_doomed"] == true || service["is_answered"] == false;
        record["operation"].is_null() && services.any(is_left)
    };
    records
        .filter(|(_, record)| has_remains(record))
        .map(|(owner, _)| owner)
        .collect()
}

/// Whatever carries an owner is of a resource that a stack has, and of the service that the stack knows: not of one that
/// was replaced. Its rules have priorities of slots that are nobody else's.
///
/// Exempt is what somebody still has to say again: a Delete that failed, or a rollback.
fn nothing_orphaned(player: &Player) {
    if player.is_restored {
        return;
    }
    let known: BTreeMap<String, String> = player.standing().iter().flat_map(owners).collect();
    let lost = owners_of_failures(player);
    let inventory = player.world.inventory().without_what_stays();
    let slots = slots(&player.world);
    let parts = inventory.items.iter();
    let owned = parts.filter(|(_, item)| watch::is_of_a_service(item));
    for ((kind, id), item) in owned {
        let owner = &item.tags[TAG_OWNER];
        let is_known = known.get(owner).is_some_and(|service| {
            let host = host_of(&player.world, service);
            item.tags.get(TAG_HOST) == Some(&host) && (*kind != Kind::EcsService || service == id)
        });
        assert!(
            is_known || lost.contains(owner),
            "{kind:?} {id} of {owner} is of no resource of a stack\n{}",
            crate::trace::of(&player.world)
        );
        assert!(
            *kind != Kind::ListenerRule || lost.contains(owner) || is_in_slot(id, item, &slots),
            "{kind:?} {id} of {owner} is in the slot of another service: {slots:?}\n{}",
            crate::trace::of(&player.world)
        );
    }
}

/// By name of each load balancer of the ledger: who holds which slot, by what the names of his target groups have in them.
fn slots(world: &World) -> BTreeMap<String, BTreeMap<u64, String>> {
    let ledger = crate::account::ledger(world.account());
    let load_balancers = ledger.iter().filter_map(|item| {
        let place = item["pk"]["S"].as_str()?.strip_prefix("load-balancer#")?;
        let (pool_id, ordinal) = place.rsplit_once('#')?;
        let name = naming::load_balancer(pool_id, ordinal.parse().ok()?);
        let members = item["members"]["M"].as_object()?.iter();
        let members = members.filter_map(|(service, slot)| {
            let slot = slot["N"].as_str()?.parse().ok()?;
            Some((slot, service.clone()))
        });
        Some((name, members.collect()))
    });
    load_balancers.collect()
}

/// Whether the service whose groups a rule forwards to has a slot on the rule's load balancer, and nobody else has the one
/// whose priority the rule has. The service may hold another one by now: of its two rules one may have met somebody's
/// priority.
fn is_in_slot(arn: &str, rule: &Item, slots: &BTreeMap<String, BTreeMap<u64, String>>) -> bool {
    let slot = |tag| rule.tags.get(tag).and_then(|slot| slot.parse::<u64>().ok());
    let (slot, priority) = match (slot(TAG_SLOT), slot(TAG_TEST_SLOT)) {
        (Some(slot), None) => (slot, naming::rule_priority(slot)),
        (None, Some(slot)) => (slot, naming::test_rule_priority(slot)),
        (Some(_), Some(_)) | (None, None) => return false,
    };
    let mut on_load_balancers = slots
        .iter()
        .filter(|(name, _)| arn.contains(&format!("/{name}/")));
    let Some((_, held)) = on_load_balancers.next() else {
        return false;
    };
    let forward = rule.description["Actions"].to_string();
    let is_of = |service: &String| forward.contains(&format!("/express-{service}-"));
    description(rule, "/Priority") == priority.to_string()
        && held.values().any(is_of)
        && held.get(&slot).is_none_or(is_of)
}

/// The host name of a service: what was replaced or left has another one.
fn host_of(world: &World, service_arn: &str) -> String {
    let mut parts = service_arn.rsplit('/');
    let (service, cluster) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let label = naming::host_label(service, cluster);
    world.provider().host(&label)
}

/// The owner key and the physical id of each resource of a stack.
fn owners(stack: &Stack) -> impl Iterator<Item = (String, String)> + use<> {
    let stack_id = stack.id();
    stack.known().into_iter().map(move |(logical, resource)| {
        let owner = Owner {
            stack_id: stack_id.clone(),
            logical_resource_id: logical,
        };
        (naming::owner_key(&owner), resource.physical_id)
    })
}

/// Owners of whom a Delete failed or an event was lost, and those of stacks whose rollback failed.
fn owners_of_failures(player: &Player) -> BTreeSet<String> {
    let unfinished: BTreeSet<String> = player.unfinished().iter().map(Stack::id).collect();
    let history = player.world.history();
    let deletes = history
        .seen()
        .filter(|seen| !seen.is_success() && seen.request_type == RequestType::Delete);
    let failed: BTreeSet<&str> = deletes.map(|seen| seen.request_id.as_str()).collect();
    let sent = history.sent().filter(|event| {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        failed.contains(text("RequestId")) || unfinished.contains(text("StackId"))
    });
    let mut owners: BTreeSet<String> = sent.filter_map(owner_key_of).collect();
    owners.extend(
        player
            .world
            .dead_letters()
            .borrow()
            .iter()
            .filter_map(owner_key_of),
    );
    owners
}

/// Whether a stack's services may be other than its record says: somebody has changed a part of one by hand, or the table
/// is an older one.
fn may_be_changed(player: &Player, stack: &Stack) -> bool {
    let watcher = player.watcher.borrow();
    player.is_restored || owners(stack).any(|(owner_key, _)| watcher.is_touched(&owner_key))
}

/// Deletes every stack; what failed before is deleted again, as its owner would after he has read why.
fn delete_all(player: &Player) {
    let stacks = player.standing();
    let outcomes = all(player, stacks.clone(), |stack| Box::pin(stack.delete()));
    for (stack, outcome) in stacks.iter().zip(outcomes) {
        assert!(
            outcome.status == StackStatus::DeleteComplete || may_be_changed(player, stack),
            "the Delete of {} failed when all was quiet: {}\n{}",
            stack.name(),
            outcome.last().reason,
            crate::trace::of(&player.world)
        );
    }
    again::delete_failed(&player.world);
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
