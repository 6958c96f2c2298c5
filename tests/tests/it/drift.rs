//! What people, broken neighbours and other versions do to a service, and what the next request makes of it.

use express_tests::account::Kind;
use express_tests::by_hand::{self, ByHand};
use express_tests::world::provider::LEDGER_TABLE;
use express_tests::{StackStatus, Template, World, account, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{DeleteComplete, RollbackFailed, UpdateComplete};

/// Those that the next update repairs, and one that it refuses.
const CHANGES: [ByHand; 7] = [
    by_hand::RULE_DELETED,
    by_hand::RULE_MOVED,
    by_hand::HEALTH_CHECK_CHANGED,
    by_hand::DELAY_RAISED,
    by_hand::ALARM_DELETED,
    by_hand::TARGET_DEREGISTERED,
    by_hand::GROUP_UNTAGGED,
];

/// What was made by hand is gone, and what was removed is there again: ids aside, as before.
fn names(world: &World) -> Vec<String> {
    let inventory = world.inventory();
    let parts = inventory
        .items
        .iter()
        .filter(|((kind, _), _)| !matches!(kind, Kind::TaskDefinition | Kind::MetricAlarm));
    let mut names: Vec<String> = parts
        .map(|((kind, _), item)| format!("{kind:?} {}", item.name))
        .collect();
    names.sort();
    names
}

#[test]
fn case_56_what_was_changed_by_hand_is_repaired_by_the_next_update() {
    // The last one is refused instead: it is case 44's.
    for change in &CHANGES[..CHANGES.len() - 1] {
        let world = World::new();
        let stack = world.with_service("web", &web().named("web"));
        let before = names(&world);
        change.happen(&world, "web");
        let outcome = stack.update_unchanged_now();
        let context = format!("{}: {}", change.operation, outcome.first().reason);
        assert_eq!(outcome.status, UpdateComplete, "{context}");
        world.settle();
        if change.operation != "SetRulePriorities" {
            assert_eq!(names(&world), before, "{context}");
        }
        let mutations = world.mutations();
        assert_eq!(
            stack.update_unchanged_now().status,
            UpdateComplete,
            "{context}"
        );
        assert_eq!(world.mutations(), mutations, "{context}");
        assert_eq!(stack.delete_now().status, DeleteComplete, "{context}");
    }
}

#[test]
fn case_57_a_broken_member_stops_nobody_else_on_its_load_balancer() {
    for change in &CHANGES {
        let world = World::new();
        let _stack = world.with_service("broken", &web().named("broken"));
        let healthy = world.with_service("healthy", &web().named("healthy"));
        change.happen(&world, "broken");
        let context = change.operation;
        let changed = web()
            .named("healthy")
            .image("public.ecr.aws/nginx/nginx:1.28");
        let updated = healthy.deploy_now(Template::of(&changed));
        assert_eq!(updated.status, UpdateComplete, "{context}");
        let _stack = world.with_service("newcomer", &web().named("newcomer"));
        assert_eq!(healthy.delete_now().status, DeleteComplete, "{context}");
        world.settle();
        assert_eq!(
            world.inventory().of(Kind::LoadBalancer).count(),
            1,
            "{context}"
        );
    }
}

#[test]
fn case_58_what_a_newer_version_wrote_is_not_overwritten_and_the_upgrade_is_named() {
    let world = World::new();
    let _stack = world.with_service("web", &web().named("web"));
    let ledger = account::ledger(world.account());
    let written = |item: &Value| {
        item["pk"]["S"]
            .as_str()
            .is_some_and(|pk| pk.starts_with("pool#"))
    };
    let pool = ledger.iter().find(|item| written(item)).expect("a pool");
    let mut newer = pool.clone();
    let version = newer
        .as_object_mut()
        .unwrap()
        .get_mut("schema_version")
        .expect("a version");
    *version = json!({"N": "999"});
    let put = json!({"TableName": LEDGER_TABLE, "Item": newer});
    world
        .account()
        .perform(Service::DynamoDb, "PutItem", put)
        .unwrap();
    let stack = world.stack("next");
    let outcome = stack.deploy_now(Template::of(&web().named("next")));
    // Whether the claim was made cannot be read either, so nothing is taken for gone.
    assert_eq!(outcome.status, RollbackFailed);
    for seen in &outcome.seen {
        let reason = &seen.reason;
        assert!(
            reason.contains("schema version 999") && reason.contains("upgrade"),
            "{reason}"
        );
    }
    world.settle();
    let after = account::ledger(world.account());
    assert_eq!(after.iter().find(|item| written(item)), Some(&newer));
    // Once the version is one that can be read, the Delete comes through.
    let put = json!({"TableName": LEDGER_TABLE, "Item": pool});
    world
        .account()
        .perform(Service::DynamoDb, "PutItem", put)
        .unwrap();
    let failed = outcome.last().clone();
    let deleted = world.block_on(stack.delete_again(failed)).unwrap();
    assert!(deleted.is_success(), "{}", deleted.reason);
}
