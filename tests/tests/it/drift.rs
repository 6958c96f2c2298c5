//! What people, broken neighbours and other versions do to a service, and what the next request makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::AsyncSleep;
use express_tests::account::Kind;
use express_tests::by_hand::{self, ByHand};
use express_tests::world::provider::LEDGER_TABLE;
use express_tests::{StackStatus, Template, World, account, web};
use local_aws::fault::{Fault, Rule};
use local_aws::recorder::Recorded;
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{DeleteComplete, RollbackFailed, UpdateComplete};

/// Those that the next update repairs, and one that it refuses.
const CHANGES: [ByHand; 8] = [
    by_hand::RULE_DELETED,
    by_hand::RULE_MOVED,
    by_hand::GROUP_DETACHED,
    by_hand::HEALTH_CHECK_CHANGED,
    by_hand::DELAY_RAISED,
    by_hand::ALARM_DELETED,
    by_hand::TARGET_DEREGISTERED,
    by_hand::GROUP_UNTAGGED,
];

const REGISTER: &str = "application-autoscaling:RegisterScalableTarget";

/// Members that say which thing it is or when something happened to it, not what it is.
const VOLATILE: [&str; 15] = [
    "RuleArn",
    "Priority",
    "ScalableTargetARN",
    "PolicyARN",
    "CreationTime",
    "Alarms",
    "AlarmArn",
    "AlarmName",
    "AlarmActions",
    "AlarmConfigurationUpdatedTimestamp",
    "StateValue",
    "StateReason",
    "StateReasonData",
    "StateTransitionedTimestamp",
    "StateUpdatedTimestamp",
];

/// Everything in the account as AWS describes it, by its kind and name. A service that gets another rule is deployed
/// again, so its revision and which of its two groups has the traffic do not count.
fn described(world: &World) -> BTreeMap<String, Value> {
    let inventory = world.inventory();
    let parts = inventory
        .items
        .iter()
        .filter(|((kind, _), _)| !matches!(kind, Kind::TaskDefinition | Kind::EcsService));
    let parts = parts.map(|((kind, _), item)| {
        let mut description = item.description.clone();
        without_volatile(&mut description);
        let name = match kind {
            // It is named by its place, which is looked at besides.
            Kind::ListenerRule => "",
            _ => &item.name,
        };
        let description = json!({"is": description, "tags": item.tags});
        (format!("{kind:?} {name}"), description)
    });
    parts.collect()
}

fn without_volatile(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.retain(|name, _| !VOLATILE.contains(&name.as_str()));
            members.values_mut().for_each(without_volatile);
        }
        Value::Array(items) => items.iter_mut().for_each(without_volatile),
        Value::String(text) if text.starts_with("targetgroup/") => {
            // Alarms watch the group that is idle.
            *text = "targetgroup".to_owned();
        }
        Value::String(text) if text.starts_with("DO NOT EDIT OR DELETE") => {
            // Auto Scaling's alarms name their policy by its ARN.
            text.clear();
        }
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The shares of the rule's groups, in no order.
fn weights(description: &mut BTreeMap<String, Value>) {
    let rule = description.get_mut("ListenerRule ").expect("a rule");
    let groups = rule["is"].pointer_mut("/Actions/0/ForwardConfig/TargetGroups");
    let groups = groups.and_then(Value::as_array_mut).expect("groups");
    let mut shares: Vec<Value> = groups.iter().map(|group| group["Weight"].clone()).collect();
    shares.sort_by_key(Value::to_string);
    for (group, share) in groups.iter_mut().zip(shares) {
        group["Weight"] = share;
    }
}

/// Where the only rule stands.
fn priority(world: &World) -> String {
    let inventory = world.inventory();
    let mut rules = inventory.of(Kind::ListenerRule);
    let (_, rule) = rules.next().expect("a rule");
    account::description(rule, "/Priority").to_owned()
}

#[test]
fn case_56_what_was_changed_by_hand_is_repaired_by_the_next_update_and_nothing_else_changes() {
    // The last one is refused instead: it is case 44's.
    for change in &CHANGES[..CHANGES.len() - 1] {
        let world = World::new();
        let stack = world.with_service("web", &web().named("web"));
        let as_it_is = |world: &World| {
            let mut described = described(world);
            weights(&mut described);
            described
        };
        let (before, place) = (as_it_is(&world), priority(&world));
        change.happen(&world, "web");
        let is_moved = change.operation == by_hand::RULE_MOVED.operation;
        let outcome = stack.update_unchanged_now();
        let context = format!("{}: {}", change.operation, outcome.first().reason);
        assert_eq!(outcome.status, UpdateComplete, "{context}");
        world.settle();
        let after = as_it_is(&world);
        for (name, description) in &before {
            assert_eq!(after.get(name), Some(description), "{context}: {name}");
        }
        assert!(before.keys().eq(after.keys()), "{context}");
        // A rule's place is the user's (`provider-schema/src/ownership.rs`).
        let expected = if is_moved { "7" } else { &place };
        assert_eq!(priority(&world), expected, "{context}");
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

/// Tags are sent with a new one only. The provider's policy demands them of what it makes and of what it changes.
#[test]
fn a_target_that_goes_just_before_its_limits_change_is_made_again_with_its_tags() {
    let world = World::new();
    let stack = world.with_service("web", &web().named("web"));
    let tags = |world: &World| {
        let inventory = world.inventory();
        let mut targets = inventory.of(Kind::ScalableTarget);
        targets.next().map(|(_, target)| target.tags.clone())
    };
    let before = tags(&world);
    let throttled = Rule::once(Some(REGISTER), 0, Fault::Throttle);
    world.faults().add(throttled);
    let calls = world.account().recorder().calls().len();
    world.spawn({
        let world = world.clone();
        async move {
            while registrations(&world, calls).is_empty() {
                world.clock().sleep(Duration::from_millis(1)).await;
            }
            by_hand::TARGET_DEREGISTERED.happen(&world, "web");
        }
    });
    let wider = web().named("web").set("/ScalingTarget/MaxTaskCount", 7);
    let outcome = stack.deploy_now(Template::of(&wider));
    assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
    let is_denied = |call: &Recorded| call.outcome == Err("AccessDeniedException".to_owned());
    let denied = registrations(&world, calls);
    assert_eq!(denied.iter().filter(|call| is_denied(call)).count(), 1);
    assert!(before.is_some());
    assert_eq!(tags(&world), before);
}

/// Scaling that somebody has turned off and on again: another target, which has no tags.
#[test]
fn a_target_that_was_made_by_hand_is_tagged_where_it_has_to_be_changed() {
    let served = || {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("web", &web().named("web"));
        by_hand::TARGET_DEREGISTERED.happen(&world, "web");
        let input = json!({
            "ServiceNamespace": "ecs", "ResourceId": "service/default/web",
            "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 3,
        });
        let service = Service::ApplicationAutoScaling;
        let made = world
            .account()
            .perform(service, "RegisterScalableTarget", input);
        made.unwrap();
        (world, before, stack)
    };
    let (world, _, stack) = served();
    let outcome = stack.update_unchanged_now();
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, UpdateComplete, "{reason}");
    let inventory = world.inventory();
    let (_, target) = inventory.of(Kind::ScalableTarget).next().unwrap();
    assert!(target.is_ours());
    assert_eq!(target.description["MaxCapacity"], 20);
    assert!(inventory.of(Kind::ScalingPolicy).next().is_some());
    let (world, before, stack) = served();
    let outcome = stack.delete_now();
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, DeleteComplete, "{reason}");
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

fn registrations(world: &World, since: usize) -> Vec<Arc<Recorded>> {
    let recorder = world.account().recorder();
    let calls = recorder.since(since).expect("nothing was taken");
    let registrations = calls.iter().filter(|call| call.name() == REGISTER);
    registrations.cloned().collect()
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

/// An item of the ledger as a newer version would write it, and as it was.
fn of_a_newer_version(world: &World, key: &str) -> (Value, Value) {
    let item = account::ledger_item(world.account(), key);
    let mut newer = item.clone();
    newer["schema_version"] = json!({"N": "999"});
    let put = json!({"TableName": LEDGER_TABLE, "Item": newer});
    let written = world.account().perform(Service::DynamoDb, "PutItem", put);
    written.unwrap();
    (newer, item)
}

#[test]
fn case_58_a_load_balancer_that_a_newer_version_wrote_is_neither_joined_nor_left() {
    let world = World::new();
    let leaver = world.with_service("web", &web().named("web"));
    let (newer, item) = of_a_newer_version(&world, "load-balancer#");
    let joined = world
        .stack("next")
        .deploy_now(Template::of(&web().named("next")));
    let left = leaver.delete_now();
    assert_eq!(left.status, StackStatus::DeleteFailed);
    for seen in [joined.first(), left.first()] {
        let reason = &seen.reason;
        assert!(reason.contains("schema version 999"), "{reason}");
    }
    world.settle();
    let found = account::ledger_item(world.account(), "load-balancer#");
    assert_eq!(found, newer);
    let put = json!({"TableName": LEDGER_TABLE, "Item": item});
    let written = world.account().perform(Service::DynamoDb, "PutItem", put);
    written.unwrap();
    let again = leaver.delete_again(left.first().clone());
    let deleted = world.block_on(again).unwrap();
    assert!(deleted.is_success(), "{}", deleted.reason);
}

#[test]
fn case_58_what_a_newer_version_wrote_is_not_overwritten_and_the_upgrade_is_named() {
    let world = World::new();
    let _stack = world.with_service("web", &web().named("web"));
    let (newer, pool) = of_a_newer_version(&world, "pool#");
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
    assert_eq!(account::ledger_item(world.account(), "pool#"), newer);
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
