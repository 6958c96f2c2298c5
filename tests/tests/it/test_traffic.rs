//! Test traffic: who sees the new revision before all others, and what is left of the rule afterwards.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use express_core::naming::TAG_OWNER;
use express_tests::account::{self, Kind};
use express_tests::by_hand;
use express_tests::client::Client;
use express_tests::properties::lifecycle_hook;
use express_tests::{ServiceProperties, StackStatus, Template, World, web};
use local_aws::LocalAws;
use local_aws::ecs::{self, HookAnswer};
use local_aws::elbv2::{self, Request};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{DeleteComplete, UpdateComplete, UpdateRollbackComplete};

const HOST: &str = "web.apps.example.com";
/// How often requests are made.
const SAMPLE_S: u64 = 5;

fn tested(value: &str) -> ServiceProperties {
    quick().set(
        "/Deployment/TestTraffic",
        json!({"HeaderName": "X-Test", "HeaderValue": value}),
    )
}

fn quick() -> ServiceProperties {
    web().set("/Deployment/Preset", "DEVELOPMENT")
}

/// The target group that answers a request with these headers.
fn answering(account: &LocalAws, headers: &[(&str, &str)]) -> String {
    let cloud = account.cloud();
    let balancer = cloud.elbv2.load_balancers.values().next().unwrap();
    let request = Request::get(HOST, headers);
    let answer = elbv2::route_through(&cloud, &balancer.dns_name, request).unwrap();
    let mut groups = answer.groups.into_iter();
    let group = groups.find(|group| group.weight == 100).unwrap();
    assert!(group.healthy_targets > 0);
    group.arn
}

/// The groups that answer with the header and without it, each pair once, in the order in which they were seen.
fn watch(world: &World, value: &'static str, seconds: u64) -> Rc<RefCell<Vec<(String, String)>>> {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let (account, pairs) = (world.account().clone(), Rc::clone(&seen));
    let sleeps: Vec<_> = (1..=seconds / SAMPLE_S)
        .map(|sample| world.sleep_s(sample * SAMPLE_S))
        .collect();
    world.spawn(async move {
        for sleep in sleeps {
            sleep.await;
            let with = answering(&account, &[("x-test", value)]);
            let pair = (with, answering(&account, &[]));
            let mut seen = pairs.borrow_mut();
            if seen.last() != Some(&pair) {
                seen.push(pair);
            }
        }
    });
    seen
}

fn rules(world: &World) -> Vec<(u64, Value)> {
    let inventory = world.inventory();
    let rules = inventory.of(Kind::ListenerRule).map(|(_, rule)| {
        let priority = rule.description["Priority"].as_str().unwrap();
        let conditions = &rule.description["Conditions"];
        (priority.parse().unwrap(), conditions.clone())
    });
    let rules: BTreeMap<u64, Value> = rules.collect();
    rules.into_iter().collect()
}

#[test]
fn requests_with_the_header_reach_the_new_revision_while_the_others_stay() {
    let world = World::new();
    let hook = lifecycle_hook("check", &["POST_TEST_TRAFFIC_SHIFT"]);
    let function = hook["HookTargetArn"].as_str().unwrap().to_owned();
    let properties = tested("new").set("/Deployment/LifecycleHooks", json!([hook]));
    let answers = |answers: &[HookAnswer]| {
        ecs::answer_hook(&mut world.account().cloud(), &function, answers);
    };
    answers(&[HookAnswer::Succeeded]);
    let stack = world.with_service("app", &properties);
    let client = Client::visits(&world, HOST);
    let old = answering(world.account(), &[]);
    answers(&[HookAnswer::InProgress(Some(60)), HookAnswer::Succeeded]);
    let seen = watch(&world, "new", 900);
    let others = watch(&world, "old", 900);
    let outcome = stack.deploy_now(Template::of(&properties.clone().image("nginx:2")));
    assert_eq!(outcome.status, UpdateComplete);
    world.block_on(world.sleep_s(600));
    client.leaves_unharmed();
    let new = answering(world.account(), &[]);
    assert_ne!(old, new);
    let expected = [
        (old.clone(), old.clone()),
        (new.clone(), old.clone()),
        (new.clone(), new.clone()),
    ];
    assert_eq!(*seen.borrow(), expected);
    // Another value of the header is no test traffic.
    assert_eq!(*others.borrow(), [(old.clone(), old), (new.clone(), new)]);
}

#[test]
fn a_revision_that_fails_its_test_never_serves_the_others() {
    let world = World::new();
    let stack = world.with_service("app", &tested("new"));
    let hook = lifecycle_hook("check", &["POST_TEST_TRAFFIC_SHIFT"]);
    let function = hook["HookTargetArn"].as_str().unwrap().to_owned();
    let refused = [HookAnswer::InProgress(Some(60)), HookAnswer::Failed];
    ecs::answer_hook(&mut world.account().cloud(), &function, &refused);
    let old = answering(world.account(), &[]);
    let seen = watch(&world, "new", 900);
    let newer = tested("new")
        .set("/Deployment/LifecycleHooks", json!([hook]))
        .image("nginx:2");
    let outcome = stack.deploy_now(Template::of(&newer));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.block_on(world.sleep_s(900));
    let seen = seen.borrow();
    assert!(seen.iter().any(|(with, _)| *with != old), "{seen:?}");
    assert!(seen.iter().all(|(_, without)| *without == old), "{seen:?}");
    assert_eq!(answering(world.account(), &[("X-Test", "new")]), old);
}

#[test]
fn test_traffic_is_set_changed_and_cleared() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &quick());
    let update = |properties: ServiceProperties| {
        let outcome = stack.deploy_now(Template::of(&properties));
        assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
        world.settle();
        (account::deployments(world.account(), "web"), rules(&world))
    };
    let header = |value: &str| {
        json!({
            "Field": "http-header",
            "HttpHeaderConfig": {"HttpHeaderName": "X-Test", "Values": [value]},
        })
    };
    let (first, rules) = update(tested("new"));
    assert_eq!(first, 2);
    let [(test, conditions), (production, _)] = rules.as_slice() else {
        panic!("two rules: {rules:#?}");
    };
    assert_eq!((*test, *production), (1000, 20_000));
    assert_eq!(conditions[1], header("new"));
    assert_eq!(conditions[0]["HostHeaderConfig"]["Values"], json!([HOST]));
    let (second, rules) = update(tested("newer"));
    assert_eq!(second, first, "another header is no deployment");
    assert_eq!(rules[0].1[1], header("newer"));
    let (third, rules) = update(quick());
    assert_eq!(third, first + 1);
    assert_eq!(rules.len(), 1);
    let calls = world.mutations();
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    world.settle();
    assert_eq!(world.mutations(), calls);
    update(tested("new"));
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn a_header_that_somebody_changed_comes_back_and_a_deleted_rule_too() {
    let world = World::new();
    let stack = world.with_service("app", &tested("new"));
    let wanted = rules(&world);
    let change = |operation: &str, input: Value| {
        let service = Service::ElasticLoadBalancing;
        world.account().perform(service, operation, input).unwrap();
    };
    let test_rule = || {
        let inventory = world.inventory();
        let mut rules = inventory.of(Kind::ListenerRule);
        let found = rules.find(|(_, rule)| rule.description["Priority"] == "1000");
        found.unwrap().0.to_owned()
    };
    let conditions = json!([
        {"Field": "host-header", "HostHeaderConfig": {"Values": [HOST]}},
        {"Field": "http-header", "HttpHeaderConfig": {"HttpHeaderName": "X-Other", "Values": ["1"]}},
    ]);
    let input = json!({"RuleArn": test_rule(), "Conditions": conditions});
    change("ModifyRule", input);
    assert_ne!(rules(&world), wanted);
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(rules(&world), wanted);
    change("DeleteRule", json!({"RuleArn": test_rule()}));
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(rules(&world), wanted);
}

#[test]
fn a_rule_that_has_lost_its_tag_gets_no_other_beside_it() {
    let world = World::new();
    let stack = world.with_service("app", &tested("new"));
    let wanted = rules(&world);
    let inventory = world.inventory();
    for (id, rule) in inventory.of(Kind::ListenerRule) {
        if rule.tags.contains_key(TAG_OWNER) {
            assert!(by_hand::RULE_UNTAGGED.is_done_to(&world, id, rule));
        }
    }
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(rules(&world), wanted);
    // Nor does it when the service cannot name them any more.
    by_hand::SERVICE_DELETED.happen(&world, "web");
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(rules(&world), wanted);
    // It is not changed as long as it does not say whose it is.
    let outcome = stack.deploy_now(Template::of(&tested("newer")));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    let reason = &outcome.first().reason;
    assert!(reason.contains(TAG_OWNER), "{reason}");
    assert_eq!(rules(&world), wanted);
}
