//! Services that share load balancers.

use express_core::naming::RULE_PRIORITY_FIRST;
use express_tests::account::{self, Kind};
use express_tests::bench::scale;
use express_tests::invariants::check_all_answered;
use express_tests::{Stack, StackStatus, Template, World, web};
use futures::future::join_all;
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

/// Creates `count` services at once, each in a stack of its own.
fn created(world: &World, count: usize) -> Vec<Stack> {
    let stacks: Vec<Stack> = (0..count)
        .map(|number| world.stack(&format!("app-{number}")))
        .collect();
    let deployments = stacks.iter().enumerate().map(|(number, stack)| {
        stack
            .clone()
            .deploy(Template::of(&web().named(&format!("web-{number}"))))
    });
    let outcomes = world.block_on(join_all(deployments.collect::<Vec<_>>()));
    for outcome in outcomes {
        assert_eq!(
            outcome.status,
            StackStatus::CreateComplete,
            "{}",
            outcome.first().reason
        );
    }
    world.settle();
    stacks
}

/// Services on each load balancer, most first.
fn members(world: &World) -> Vec<usize> {
    let inventory = world.inventory();
    let mut counts: Vec<usize> = inventory
        .of(Kind::LoadBalancer)
        .map(|(_, balancer)| {
            let is_on_it = |name: &str| name.starts_with(&format!("{}:443 ", balancer.name));
            inventory
                .of(Kind::ListenerRule)
                .filter(|(_, rule)| rule.is_ours() && is_on_it(&rule.name))
                .count()
        })
        .collect();
    counts.sort_unstable_by(|one, other| other.cmp(one));
    counts
}

#[test]
fn case_26_twenty_six_services_at_once_sit_on_two_load_balancers() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let mut stacks = created(&world, 26);
    assert_eq!(members(&world), [25, 1]);
    // Whoever is alone on the second load balancer closes it when leaving.
    let alone = stacks
        .iter()
        .position(|stack| is_alone(&world, stack))
        .unwrap();
    assert_eq!(
        stacks.remove(alone).delete_now().status,
        StackStatus::DeleteComplete
    );
    world.settle();
    assert_eq!(members(&world), [25]);
    let deletions = stacks.into_iter().map(Stack::delete);
    let outcomes = world.block_on(join_all(deletions.collect::<Vec<_>>()));
    assert!(
        outcomes
            .iter()
            .all(|outcome| outcome.status == StackStatus::DeleteComplete)
    );
    world.settle();
    check_all_answered(&world);
    assert_eq!(
        before.diff(&world.inventory().without_what_stays()),
        Vec::<String>::new()
    );
}

#[test]
fn case_25_the_last_slot_is_one_service_s_and_the_other_gets_a_load_balancer() {
    let world = World::new();
    created(&world, 24);
    assert_eq!(members(&world), [24]);
    let racing = ["left", "right"].map(|name| {
        let stack = world.stack(name);
        stack.deploy(Template::of(&web().named(name)))
    });
    for outcome in world.block_on(join_all(racing)) {
        assert_eq!(outcome.status, StackStatus::CreateComplete);
    }
    world.settle();
    assert_eq!(members(&world), [25, 1]);
}

/// Seconds between the last service's Delete and the next one's Create: before it, while it is removed, while the load
/// balancer is closed, after that.
const JOINS_AFTER_S: [u64; 10] = [0, 1, 3, 10, 20, 30, 45, 60, 120, 600];

#[test]
fn case_46_who_joins_while_the_last_one_leaves_has_a_load_balancer_that_stays() {
    for seconds in JOINS_AFTER_S {
        let world = World::new();
        let stacks = created(&world, 1);
        let leaving = world.spawn(stacks[0].clone().delete());
        world.block_on(world.sleep_s(seconds));
        let joined = world
            .stack("next")
            .deploy_now(Template::of(&web().named("next")));
        assert_eq!(joined.status, StackStatus::CreateComplete, "{seconds} s");
        let left = world.block_on(leaving);
        assert_eq!(left.status, StackStatus::DeleteComplete, "{seconds} s");
        world.settle();
        assert_eq!(members(&world), [1], "{seconds} s");
    }
}

#[test]
fn a_hundred_services_under_aws_s_token_buckets_sit_on_four_load_balancers() {
    let outcome = scale::run(scale::Size {
        services: 100,
        at_once: 25,
        attempts_per_check: 50,
    });
    assert_eq!(outcome.failures, Vec::<String>::new());
    assert_eq!(outcome.load_balancers, 100_usize.div_ceil(25));
    assert_eq!(outcome.over_budget(), Vec::<String>::new(), "{outcome}");
    assert!(!outcome.throttled.is_empty(), "{outcome}");
}

/// Whether a stack's service is the only one on its load balancer.
fn is_alone(world: &World, stack: &Stack) -> bool {
    let history = world.history();
    let balancer = |seen: &express_tests::Seen| seen.data.get("LoadBalancerArn").cloned();
    let own = history
        .seen()
        .find(|seen| seen.stack == stack.name())
        .map(balancer);
    history
        .seen()
        .filter(|seen| Some(balancer(seen)) == own)
        .count()
        == 1
}

/// Somebody's rule has the priority of the slot that the next service claims; which priority that is.
fn with_the_next_priority_taken(world: &World) -> u32 {
    created(world, 1);
    let inventory = world.inventory();
    let (_, own) = inventory
        .of(Kind::ListenerRule)
        .find(|(_, rule)| rule.name.contains(":443 "))
        .unwrap();
    let own = own.description["Priority"].as_str().unwrap();
    let taken = own.parse::<u32>().unwrap() + 1;
    let (listener, _) = inventory
        .of(Kind::Listener)
        .find(|(_, listener)| listener.name.ends_with(":443"))
        .unwrap();
    let foreign = json!({
        "ListenerArn": listener,
        "Priority": taken.to_string(),
        "Conditions": [{"Field": "path-pattern", "Values": ["/people"]}],
        "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}}],
    });
    world
        .account()
        .perform(Service::ElasticLoadBalancing, "CreateRule", foreign)
        .unwrap();
    world.remember_foreign();
    taken
}

/// A second service comes, and gets the slot after the one whose priority is taken.
fn takes_the_one_after(world: &World, taken: u32) {
    let second = Template::of(&web().named("second"));
    let outcome = world.stack("second").deploy_now(second);
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, StackStatus::CreateComplete, "{reason}");
    world.settle();
    let rules = world.inventory();
    let priorities: Vec<&Value> = rules
        .of(Kind::ListenerRule)
        .map(|(_, rule)| &rule.description["Priority"])
        .collect();
    assert!(
        priorities.contains(&&json!((taken + 1).to_string())),
        "{priorities:?}"
    );
    // The record knows which place it is, not only the load balancer.
    let ledger = account::ledger(world.account());
    let number = taken + 1 - RULE_PRIORITY_FIRST;
    let noted = format!(r#"\"number\":{number}}}"#);
    let is_noted = ledger.iter().any(|item| item.to_string().contains(&noted));
    assert!(is_noted, "{noted} is not in {ledger:?}");
}

#[test]
fn case_27_a_foreign_rule_keeps_its_priority_and_the_service_takes_the_next() {
    let world = World::new();
    let taken = with_the_next_priority_taken(&world);
    takes_the_one_after(&world, taken);
}

#[test]
fn case_27_a_next_slot_that_was_taken_and_not_noted_is_found_again() {
    for fault in [Fault::CrashAfter, Fault::LoseAnswer, Fault::LandLate] {
        let world = World::new();
        let taken = with_the_next_priority_taken(&world);
        // The first update of the second service claims its slot, the second one the next.
        let next = Rule::once(Some("dynamodb:UpdateItem"), 1, fault);
        world.faults().add(next);
        takes_the_one_after(&world, taken);
        assert_eq!(world.faults().struck(), 1, "{fault:?}");
    }
}

/// People add rules to the load balancer until it has as many as AWS lets it have.
fn with_rules_up_to_the_quota(world: &World) {
    let inventory = world.inventory();
    let own = inventory.of(Kind::ListenerRule);
    let own = own.filter(|(_, rule)| rule.description["Priority"] != "default");
    let (listener, _) = inventory
        .of(Kind::Listener)
        .find(|(_, listener)| listener.name.ends_with(":443"))
        .unwrap();
    for priority in 1..=RULES_MAX - own.count() {
        let foreign = json!({
            "ListenerArn": listener,
            "Priority": priority.to_string(),
            "Conditions": [{"Field": "path-pattern", "Values": [format!("/people/{priority}")]}],
            "Actions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "204"}}],
        });
        let created = world
            .account()
            .perform(Service::ElasticLoadBalancing, "CreateRule", foreign)
            .unwrap();
        let arn = created["Rules"][0]["RuleArn"].as_str().unwrap();
        world.remember_as_foreign(Kind::ListenerRule, arn);
    }
}

/// Rules of a load balancer beside the default ones.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const RULES_MAX: usize = 100;

#[test]
fn a_load_balancer_whose_rules_people_have_used_up_keeps_nobody_else_from_its_pool() {
    let world = World::new();
    let stacks = created(&world, 2);
    with_rules_up_to_the_quota(&world);
    let come = |name: &str| {
        let stack = world.stack(name);
        let outcome = stack.clone().deploy_now(Template::of(&web().named(name)));
        (stack, outcome)
    };

    // Several at once: each holds a slot when it is refused a rule.
    let refused = ["one", "other", "third"].map(|name| {
        let stack = world.stack(name);
        stack.deploy(Template::of(&web().named(name)))
    });
    for refused in world.block_on(join_all(refused)) {
        let reason = &refused.first().reason;
        assert_eq!(refused.status, StackStatus::RollbackComplete, "{reason}");
        assert!(reason.contains("TooManyRules"), "{reason}");
        assert!(reason.contains("another load balancer"), "{reason}");
    }
    world.settle();

    let (next, outcome) = come("next");
    assert_eq!(outcome.status, StackStatus::CreateComplete);
    assert!(is_alone(&world, &next));
    world.settle();
    assert_eq!(members(&world), [2, 1]);

    // Whoever leaves makes room for one.
    let left = stacks[0].clone().delete_now();
    assert_eq!(left.status, StackStatus::DeleteComplete);
    world.settle();
    for (name, expected) in [("takes its place", [2, 1]), ("one more", [2, 2])] {
        let (_, outcome) = come(&name.replace(' ', "-"));
        let reason = &outcome.first().reason;
        assert_eq!(outcome.status, StackStatus::CreateComplete, "{reason}");
        world.settle();
        assert_eq!(members(&world), expected, "{name}");
    }
    assert!(!is_alone(&world, &next));
    check_all_answered(&world);
}

/// One of its two rules takes the last place, and is gone with it.
#[test]
fn who_was_refused_one_of_two_rules_does_not_come_back_to_the_same_load_balancer() {
    let world = World::new();
    let _stacks = created(&world, 2);
    with_rules_up_to_the_quota(&world);
    let inventory = world.inventory();
    let mut rules = inventory.of(Kind::ListenerRule);
    let (arn, _) = rules
        .find(|(_, rule)| !rule.is_ours())
        .expect("one of people");
    world.forget_foreign(Kind::ListenerRule, arn);
    let input = json!({"RuleArn": arn});
    let deleted = world
        .account()
        .perform(Service::ElasticLoadBalancing, "DeleteRule", input);
    deleted.unwrap();
    let tested = web().named("tested").set(
        "/Deployment/TestTraffic",
        json!({"HeaderName": "X-Test", "HeaderValue": "new"}),
    );
    let outcome = world.stack("tested").deploy_now(Template::of(&tested));
    let reason = &outcome.first().reason;
    assert!(reason.contains("TooManyRules"), "{reason}");
    world.settle();
    let again = world.stack("again");
    let outcome = again.clone().deploy_now(Template::of(&tested));
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, StackStatus::CreateComplete, "{reason}");
    assert!(is_alone(&world, &again));
}

#[test]
fn a_dedicated_load_balancer_is_shared_with_nobody() {
    let world = World::new();
    created(&world, 1);
    let dedicated = web()
        .named("alone")
        .set("/LoadBalancer/Sharing", "DEDICATED");
    let outcome = world.stack("alone").deploy_now(Template::of(&dedicated));
    assert_eq!(
        outcome.status,
        StackStatus::CreateComplete,
        "{}",
        outcome.first().reason
    );
    assert_eq!(members(&world), [1, 1]);
}
