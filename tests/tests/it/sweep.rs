//! The daily sweep: it carries on what died, corrects what others have moved, and reports the rest.

use express_tests::account::{self, Kind};
use express_tests::cloudformation::SeenStatus;
use express_tests::history::{AttemptEnd, Event};
use express_tests::network;
use express_tests::world::provider::LEDGER_TABLE;
use express_tests::{ServiceProperties, Stack, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::sfn::ExecutionStatus;
use local_aws::wire::Service;
use serde_json::{Value, json};

/// What of a report a person has to look at.
const FINDINGS: [&str; 4] = [
    "unknown_target_groups",
    "forgotten",
    "unattended",
    "skipped",
];

/// Sweeps, and returns the report. Whoever has to look at it is told so by the line that the alarm of the provider's
/// template waits for.
fn swept(world: &World) -> Value {
    let (_, before) = world.logs().since(0);
    world.deliver(json!({"sweep": true}));
    world.settle();
    let history = world.history();
    let mut reports = history.events.iter().filter_map(|event| match event {
        Event::Ended {
            end: AttemptEnd::Returned(value),
            ..
        } if value.get("closing").is_some() => Some(value.clone()),
        _ => None,
    });
    let report = reports.next_back().expect("a report");
    let (logged, _) = world.logs().since(before);
    let has_findings = FINDINGS
        .into_iter()
        .any(|what| count(&report, what) != Some(0));
    let is_told = logged.contains(r#""event":"sweep.findings""#);
    assert_eq!(is_told, has_findings, "{report}");
    report
}

fn nothing_found() -> Value {
    json!({"closing": [], "offered": [], "unknown_target_groups": [], "forgotten": [], "corrected_alarms": [], "unattended": [], "skipped": []})
}

#[test]
fn a_sweep_of_what_is_as_it_should_be_changes_nothing() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let before = world.inventory();
    assert_eq!(swept(&world), nothing_found());
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

#[test]
fn case_47_a_closing_that_died_is_carried_on() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web());
    let name = "elasticloadbalancing:DeleteLoadBalancer";
    world
        .faults()
        .add(Rule::once(Some(name), 0, Fault::Deny).times(u64::MAX));
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    assert_eq!(world.inventory().of(Kind::LoadBalancer).count(), 1);
    world.faults().clear();
    let report = swept(&world);
    assert_eq!(count(&report, "closing"), Some(1), "{report}");
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
    assert_eq!(swept(&world), nothing_found());
}

#[test]
fn a_rule_of_people_s_that_names_the_group_of_a_closed_load_balancer_is_waited_for_by_the_sweep() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (_, balancer) = inventory.of(Kind::LoadBalancer).next().unwrap();
    let group = balancer.description["SecurityGroups"][0].as_str().unwrap();
    let database = network::admit_to_database(&world, group);
    let is_there = || {
        world
            .inventory()
            .of(Kind::SecurityGroup)
            .any(|(id, _)| id == group)
    };
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    let attempts = |from: usize| {
        let history = world.history();
        let tries = history.calls().skip(from);
        tries
            .filter(|call| call.recorded.operation == "DeleteSecurityGroup")
            .count()
    };
    let deleted_ms = world.now_ms();
    world.settle();
    let waited_ms = world.now_ms() - deleted_ms;
    assert!(
        (3_600_000..3_700_000).contains(&waited_ms),
        "{waited_ms} ms"
    );
    // Each day once, until the rule is gone.
    for _ in 0..2 {
        let seen = world.history().calls().count();
        assert_eq!(count(&swept(&world), "closing"), Some(1));
        assert_eq!((attempts(seen), is_there()), (1, true));
    }
    network::stop_admitting(&world, &database, group);
    assert_eq!(count(&swept(&world), "closing"), Some(1));
    assert!(!is_there());
}

/// What is refused for another reason than that somebody uses the group is not waited for: the failed execution tells.
#[test]
fn a_group_that_may_not_be_deleted_fails_the_closing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web());
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    let name = "ec2:DeleteSecurityGroup";
    world
        .faults()
        .add(Rule::once(Some(name), 0, Fault::Deny).times(u64::MAX));
    world.settle();
    let closing = world.account().cloud().sfn.executions.last().cloned();
    assert_eq!(closing.unwrap().status, ExecutionStatus::Failed);
    world.faults().clear();
    assert_eq!(count(&swept(&world), "closing"), Some(1));
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

/// How much a report has of something.
fn count(report: &Value, what: &str) -> Option<usize> {
    report[what].as_array().map(Vec::len)
}

/// How often the load balancers of pools were looked for so far.
fn looks(world: &World) -> usize {
    let history = world.history();
    let calls = history.calls();
    calls
        .filter(|call| call.recorded.operation == "DescribeLoadBalancers")
        .count()
}

const DAY_S: u64 = 24 * 3_600;

#[test]
fn a_load_balancer_that_is_gone_is_looked_for_until_that_is_certain_and_then_forgotten() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    assert_eq!(swept(&world), nothing_found());
    // What was begun before it was closed may still become visible.
    let seen = looks(&world);
    assert_eq!(swept(&world), nothing_found());
    assert_eq!(looks(&world), seen + 1, "it was forgotten too early");
    world.block_on(world.sleep_s(3_600));
    assert_eq!(swept(&world), nothing_found());
    let seen = looks(&world);
    assert_eq!(swept(&world), nothing_found());
    assert_eq!(looks(&world), seen, "it was looked for again");
    let item = account::ledger_item(world.account(), "load-balancer#");
    let expires_s: u64 = item["expires_at"]["N"].as_str().unwrap().parse().unwrap();
    let left_s = expires_s - world.now_ms() / 1_000;
    assert!((29 * DAY_S..=30 * DAY_S).contains(&left_s), "{left_s}");
    // DynamoDB deletes it, and nothing misses it.
    let key = json!({"TableName": LEDGER_TABLE, "Key": {"pk": item["pk"]}});
    let deleted = world
        .account()
        .perform(Service::DynamoDb, "DeleteItem", key);
    deleted.unwrap();
    let again = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(again.status, StackStatus::CreateComplete);
    assert_eq!(swept(&world), nothing_found());
}

#[test]
fn a_load_balancer_that_cannot_be_looked_at_does_not_keep_the_others_from_being_closed() {
    let world = World::new();
    let alone = |name: &str| web().named(name).set("/LoadBalancer/Sharing", "DEDICATED");
    let stacks = ["one", "two"].map(|name| world.with_service(name, &alone(name)));
    let denied = Rule::once(
        Some("elasticloadbalancing:DeleteLoadBalancer"),
        0,
        Fault::Deny,
    );
    world.faults().add(denied.times(u64::MAX));
    for stack in stacks {
        assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    }
    world.settle();
    world.faults().clear();
    let look = Rule::once(
        Some("elasticloadbalancing:DescribeLoadBalancers"),
        0,
        Fault::Deny,
    );
    world.faults().add(look);
    let report = swept(&world);
    assert_eq!(count(&report, "closing"), Some(1), "{report}");
    assert_eq!(count(&report, "skipped"), Some(1), "{report}");
    assert!(world.logs().text().contains("sweep.skipped"));
    let report = swept(&world);
    assert_eq!(count(&report, "closing"), Some(1), "{report}");
    assert_eq!(swept(&world), nothing_found());
}

#[test]
fn case_46_a_load_balancer_with_room_that_no_claim_tries_any_more_is_listed_again() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let pool = account::ledger_item(world.account(), "pool#");
    // As after a claim that had found it full, and has opened the next one just after somebody had left.
    let drops = json!({
        "TableName": LEDGER_TABLE,
        "Key": {"pk": pool["pk"]},
        "UpdateExpression": "SET #open = :none",
        "ExpressionAttributeNames": {"#open": "open"},
        "ExpressionAttributeValues": {":none": {"L": []}},
    });
    let dropped = world
        .account()
        .perform(Service::DynamoDb, "UpdateItem", drops);
    dropped.unwrap();
    let report = swept(&world);
    assert_eq!(count(&report, "offered"), Some(1), "{report}");
    assert_eq!(swept(&world), nothing_found());
    let _joined = world.with_service("next", &web().named("next"));
    assert_eq!(world.inventory().of(Kind::LoadBalancer).count(), 1);
}

#[test]
fn case_55_what_the_ledger_does_not_know_is_reported_and_left_alone() {
    let world = World::new();
    let _stack = world.with_service("app", &web());
    let vpc_id = world.account().cloud().ec2.vpcs.keys().next().cloned();
    // One is named as ours are, the other one as people name theirs.
    for name in ["express-0123456789ab-01234567-a", "express-api"] {
        let input = json!({
            "Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc_id, "TargetType": "ip",
            "Tags": [{"Key": "express:provider", "Value": "ecs-express"}],
        });
        let made =
            world
                .account()
                .perform(Service::ElasticLoadBalancing, "CreateTargetGroup", input);
        made.unwrap();
    }
    let before = world.inventory();
    let report = swept(&world);
    assert_eq!(
        report["unknown_target_groups"],
        json!(["express-0123456789ab-01234567-a"])
    );
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

/// The only service of this stack, which the table does not know: neither an Update, nor the Delete, nor the sweep touch it.
fn is_left_alone(world: &World, stack: &Stack, service: &ServiceProperties) {
    let before = world.inventory();
    let is_as_before = || assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    let changed = Template::of(&service.clone().health_check_path("/up"));
    let outcome = stack.deploy_now(changed);
    let reason = &outcome.first().reason;
    assert!(reason.starts_with("NotFound: "), "{:?}", outcome.seen);
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    is_as_before();
    let report = swept(world);
    assert_eq!(count(&report, "unknown_target_groups"), Some(2), "{report}");
    is_as_before();
}

/// As after a restore of an hour back: what was made since is in AWS, and the table knows nothing of it.
#[test]
fn case_55_what_a_restored_table_does_not_know_is_neither_changed_nor_deleted() {
    let world = World::new();
    let first = world.with_service("first", &web());
    let backup = account::ledger(world.account());
    let later = world.with_service("later", &web().named("later"));
    account::set_ledger_back(world.account(), &backup);
    world.lose_claims();
    is_left_alone(&world, &later, &web().named("later"));
    // What it does know is served as ever.
    let changed = Template::of(&web().health_check_path("/up"));
    assert_eq!(
        first.deploy_now(changed).status,
        StackStatus::UpdateComplete
    );
}

/// One item is gone: an owner's.
#[test]
fn case_55_a_service_whose_item_is_missing_is_neither_changed_nor_deleted() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let kept = account::ledger(world.account()).into_iter().filter(|item| {
        let key = item["pk"]["S"].as_str().expect("a key");
        !key.starts_with("owner#")
    });
    account::set_ledger_back(world.account(), &kept.collect::<Vec<_>>());
    is_left_alone(&world, &stack, &web());
}

/// CloudFormation tries a clean-up three times, and then knows of the service no more.
#[test]
fn case_55_a_service_that_cloudformation_has_forgotten_is_reported_until_it_is_gone() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let denied = Rule::once(Some("ecs:DeleteService"), 0, Fault::Deny);
    world.faults().add(denied.times(3));
    let _replaced = stack.deploy_now(Template::of(&web().named("shop")));
    world.settle();
    assert_eq!(swept(&world)["forgotten"], json!(["default/web of app"]));
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
    world.settle();
    assert_eq!(swept(&world), nothing_found());
}

#[test]
fn case_56_an_alarm_is_pointed_at_the_idle_group_after_somebody_elses_deployment() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    world
        .account()
        .perform(
            Service::Ecs,
            "UpdateService",
            json!({"service": "web", "forceNewDeployment": true}),
        )
        .unwrap();
    world.block_on(world.sleep_s(600));
    let report = swept(&world);
    assert_eq!(count(&report, "corrected_alarms"), Some(1), "{report}");
    // It looks again and finds nothing wrong, and neither does an Update.
    assert_eq!(swept(&world), nothing_found());
    let corrected = world.inventory();
    let _outcome = stack.update_unchanged_now();
    assert_eq!(corrected.diff(&world.inventory()), Vec::<String>::new());
}

/// Each delivery of its event dies before it has a waiter, and Lambda gives it up.
#[test]
fn what_nobody_comes_back_for_is_ended_and_keeps_nothing_sealed() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let dies = Rule::once(Some("states:StartExecution"), 0, Fault::CrashBefore);
    world.faults().add(dies.times(3));
    let outcome = stack.delete_now();
    assert_eq!(outcome.last().status, SeenStatus::TimedOut);
    world.faults().clear();
    let is_sealed = || {
        let ledger = account::ledger(world.account());
        ledger.iter().any(|item| item.get("sealed").is_some())
    };
    assert!(is_sealed());
    // Somebody may still be trying.
    assert_eq!(swept(&world), nothing_found());
    world.block_on(world.sleep_s(3_600));
    let report = swept(&world);
    assert_eq!(report["unattended"], json!(["Web of app"]), "{report}");
    assert!(!is_sealed());
    assert_eq!(swept(&world)["unattended"], json!([]));
    // What CloudFormation asks again is done.
    assert_eq!(stack.delete_now().status, StackStatus::DeleteComplete);
}
