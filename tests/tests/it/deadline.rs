//! What is refused, or not heard, until the time is up: the answer still comes, and says what it was.

use express_core::naming::{TAG_OWNER, id_of_nothing};
use express_tests::account::Kind;
use express_tests::by_hand;
use express_tests::cloudformation::{RequestType, Seen, SeenStatus, answers_sent};
use express_tests::executor::Handle;
use express_tests::network::admit_to_database;
use express_tests::{StackOutcome, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::sfn::ExecutionStatus;
use serde_json::json;

use StackStatus::{
    CreateComplete, DeleteComplete, DeleteFailed, RollbackComplete, UpdateComplete,
    UpdateRollbackComplete,
};

/// Until Lambda has delivered an event for the last time.
const DELIVERIES_S: u64 = 240;

#[test]
fn case_47_a_group_that_somebody_else_s_group_admits_is_named_when_the_time_is_up() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (group, _) = inventory
        .of(Kind::SecurityGroup)
        .find(|(_, item)| item.tags.contains_key(TAG_OWNER))
        .unwrap();
    let _database = admit_to_database(&world, group);
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let reason = &outcome.last().reason;
    for part in [
        "did not finish",
        "DeleteSecurityGroup",
        group,
        "DependencyViolation",
    ] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("drain"), "{reason}");
}

/// What AWS broke off may still land, so that the attempt is not let go of.
#[test]
fn what_aws_has_broken_off_until_the_time_is_up_is_named() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let away = Rule::once(Some("cloudwatch:*"), 0, Fault::ServerError);
    world.faults().add(away.times(u64::MAX));
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let reason = &outcome.last().reason;
    for part in ["did not finish", "AWS refused last", "DeleteMetricAlarm"] {
        assert!(reason.contains(part), "{part}: {reason}");
    }
    assert!(!reason.contains("drain"), "{reason}");
}

#[test]
fn case_44_a_rule_without_its_tag_is_named_also_when_its_service_is_gone() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    by_hand::RULE_UNTAGGED.happen(&world, "web");
    by_hand::SERVICE_DELETED.happen(&world, "web");
    world.block_on(world.sleep_s(600));
    let outcome = stack.delete_now();
    assert_eq!(outcome.status, DeleteFailed);
    let reason = &outcome.last().reason;
    assert!(
        reason.contains("listener-rule") && reason.contains(TAG_OWNER),
        "{reason}"
    );
    assert!(
        outcome.last().seconds() < 300,
        "{}",
        outcome.last().seconds()
    );
}

#[test]
fn case_2_an_answer_that_is_refused_at_the_deadline_is_sent_for_as_long_as_somebody_listens() {
    let world = World::new();
    let refused = Rule::once(
        Some("elasticloadbalancing:CreateTargetGroup"),
        0,
        Fault::Throttle,
    );
    world.faults().add(refused.times(u64::MAX));
    // Those of two attempts.
    world
        .account()
        .cloud()
        .response_sink
        .next_statuses
        .extend([503; 10]);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    let first = outcome.first();
    assert_eq!(first.status, SeenStatus::Failed);
    assert!(
        first.reason.contains("CreateTargetGroup"),
        "{}",
        first.reason
    );
    assert!(first.seconds() > 3_480, "{}", first.seconds());
}

#[test]
fn case_1_a_waiter_that_must_not_be_started_is_a_refusal_at_once() {
    let world = World::new();
    let before = world.inventory();
    let denied = || Rule::once(Some("states:StartExecution"), 0, Fault::Deny).times(u64::MAX);
    world.faults().add(denied());
    let stack = world.stack("app");
    let outcome = stack.deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, RollbackComplete);
    refused_at_once(&world, outcome.first());
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    // Its names are free for anybody.
    world.faults().clear();
    let stack = world.stack("other");
    assert_eq!(
        stack.deploy_now(Template::of(&web())).status,
        CreateComplete
    );
    world.faults().add(denied());
    let made = world.inventory();
    let update = stack.deploy_now(Template::of(&web().health_check_path("/up")));
    refused_at_once(&world, update.first());
    assert_eq!(made.diff(&world.inventory()), Vec::<String>::new());
    let delete = stack.delete_now();
    assert_eq!(delete.status, DeleteFailed);
    refused_at_once(&world, delete.last());
    world.faults().clear();
    assert_eq!(stack.delete_now().status, DeleteComplete);
}

/// What ECS has refused it was not asked: neither does a deployment that never began come to be waited for, nor does the
/// update end as one that ECS does not keep.
#[test]
fn an_update_that_ecs_refuses_is_tried_again_and_told_in_its_words() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let lost = web().set(
        "/NetworkConfiguration/SecurityGroups",
        json!(["sg-0a1b2c3d4e5f60718"]),
    );
    let refused = stack.deploy_now(Template::of(&lost));
    assert_eq!(refused.status, UpdateRollbackComplete);
    let first = refused.first();
    assert!(
        first.reason.contains("InvalidGroup.NotFound"),
        "{}",
        first.reason
    );
    assert!(first.seconds() < 200, "{first:?}");
    let busy = Rule::once(Some("ecs:UpdateService"), 0, Fault::Throttle).times(80);
    world.faults().add(busy);
    let late = stack.deploy_now(Template::of(&web().image("nginx:2")));
    assert_eq!(late.status, UpdateComplete, "{}", late.first().reason);
    assert!(late.first().seconds() > 240, "{:?}", late.first());
}

fn refused_at_once(world: &World, seen: &Seen) {
    assert_eq!(seen.status, SeenStatus::Failed);
    assert!(seen.seconds() <= 5, "{} s", seen.seconds());
    for part in ["AccessDenied", "waiter", "states:StartExecution"] {
        assert!(seen.reason.contains(part), "{}", seen.reason);
    }
    assert_eq!(world.dead_letters().borrow().len(), 0);
}

#[test]
fn case_1_what_cannot_be_taken_up_is_answered_with_the_last_delivery() {
    for calls in [
        &["states:StartExecution"][..],
        &["kms:GenerateDataKey"],
        &[
            "dynamodb:GetItem",
            "dynamodb:PutItem",
            "dynamodb:TransactWriteItems",
        ],
    ] {
        let world = World::new();
        let before = world.inventory();
        for call in calls {
            let away = Rule::once(Some(call), 0, Fault::ServerError).times(u64::MAX);
            world.faults().add(away);
        }
        let stack = world.stack("app");
        let deploying = world.spawn(stack.clone().deploy(Template::of(&web())));
        world.block_on(world.sleep_s(DELIVERIES_S));
        world.faults().clear();
        let outcome = world.block_on(deploying);
        assert_eq!(outcome.status, RollbackComplete, "{calls:?}");
        let first = outcome.first();
        assert_eq!(first.status, SeenStatus::Failed, "{calls:?}");
        assert!(
            first.seconds() < DELIVERIES_S,
            "{calls:?}: {} s",
            first.seconds()
        );
        assert!(
            first.reason.contains("ServiceInternalError"),
            "{}",
            first.reason
        );
        world.settle();
        assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
        assert_eq!(world.dead_letters().borrow().len(), 0, "{calls:?}");
    }
}

/// An earlier delivery may have begun to remove what the stack's Create has made.
#[test]
fn case_1_a_delete_of_nothing_that_cannot_be_taken_up_fails() {
    let world = World::new();
    let away = Rule::once(Some("dynamodb:*"), 0, Fault::ServerError).times(u64::MAX);
    world.faults().add(away);
    let id = id_of_nothing(&"0a1b2c3d-0000-4000-8000-000000000000".into());
    let stack = world.stack("app");
    world.deliver(stack.event(RequestType::Delete, Some(&id), &web()));
    world.block_on(world.sleep_s(DELIVERIES_S));
    let answers = answers_sent(&world);
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert_eq!(answers[0]["Status"], "FAILED", "{answers:?}");
    assert_eq!(answers[0]["PhysicalResourceId"], id);
}

#[test]
fn case_9_a_waiter_that_cannot_be_started_at_first_is_started_by_a_later_delivery() {
    let world = World::new();
    // All tries of the first delivery's call.
    let away = Rule::once(Some("states:StartExecution"), 0, Fault::ServerError).times(4);
    world.faults().add(away);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(world.faults().struck(), 4);
    assert_eq!(outcome.status, CreateComplete, "{:?}", outcome.seen);
}

/// The provider was just installed: its policies have not reached all of IAM yet.
#[test]
fn case_20_what_no_policy_allows_yet_is_tried_with_the_next_delivery() {
    for call in [
        "kms:GenerateDataKey",
        "dynamodb:GetItem",
        "dynamodb:TransactWriteItems",
        "states:StartExecution",
    ] {
        let world = World::new();
        let denied = Fault::Refuse(
            "AccessDeniedException",
            "User: function is not authorized to perform this action because no identity-based policy allows it",
        );
        let denied = Rule::once(Some(call), 0, denied).times(u64::MAX);
        world.faults().add(denied);
        let deploying = world.spawn(world.stack("app").deploy(Template::of(&web())));
        world.block_on(world.sleep_s(30));
        assert!(world.faults().struck() > 0, "{call}");
        world.faults().clear();
        let outcome = world.block_on(deploying);
        assert_eq!(outcome.status, CreateComplete, "{call}: {:?}", outcome.seen);
    }
}

/// Another delivery would end in the same way.
#[test]
fn what_aws_does_not_allow_is_answered_with_the_first_delivery() {
    for call in [
        "kms:GenerateDataKey",
        "dynamodb:GetItem",
        "dynamodb:TransactWriteItems",
    ] {
        let world = World::new();
        let before = world.inventory();
        let denied = Rule::once(Some(call), 0, Fault::Deny).times(u64::MAX);
        world.faults().add(denied);
        let stack = world.stack("app");
        let deploying = world.spawn(stack.clone().deploy(Template::of(&web())));
        world.block_on(world.sleep_s(DELIVERIES_S));
        world.faults().clear();
        let outcome = world.block_on(deploying);
        let first = outcome.first();
        assert_eq!(outcome.status, RollbackComplete, "{call}");
        assert!(first.reason.contains("AccessDenied"), "{}", first.reason);
        assert!(first.seconds() <= 5, "{call}: {} s", first.seconds());
        assert_eq!(world.dead_letters().borrow().len(), 0, "{call}");
        world.settle();
        assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    }
}

/// Who may still have calls in flight keeps others from changing anything, and from nothing else.
#[test]
fn case_1_an_operation_whose_attempts_all_die_is_answered_as_soon_as_its_time_is_up() {
    const CALL: &str = "elasticloadbalancing:DescribeLoadBalancers";
    const MARGIN_S: u64 = 120; // ANSWER_MARGIN_SECONDS
    const FUNCTION_S: u64 = 60;
    // Wherever the last of them is then.
    for seconds in (1_800..2_000).step_by(20) {
        let world = World::new();
        let hang = Rule::once(Some(CALL), 0, Fault::Hang).times(u64::MAX);
        world.faults().add(hang);
        let impatient = web().service_timeout(seconds);
        let deploying = world.spawn(world.stack("app").deploy(Template::of(&impatient)));
        world.block_on(world.sleep_s(seconds));
        assert!(world.faults().struck() > 5);
        world.faults().clear();
        let outcome = world.block_on(deploying);
        assert_eq!(outcome.status, RollbackComplete);
        let first = outcome.first();
        assert_eq!(first.status, SeenStatus::Failed);
        let late_s = first.seconds() - (seconds - MARGIN_S);
        // One that began before may have hung that long.
        assert!(late_s <= FUNCTION_S, "{late_s} s: {}", first.reason);
    }
}

/// A late delivery may not read the record once, and could start no waiter: the operation has one.
#[test]
fn case_9_a_delivery_that_is_refused_leaves_the_operation_to_its_waiter() {
    let world = World::new();
    let deploying = world.spawn(world.stack("app").deploy(Template::of(&web())));
    world.block_on(world.sleep_s(60));
    let request_id = world.history().sent().next().unwrap()["RequestId"].clone();
    for (call, times) in [("dynamodb:GetItem", 1), ("states:StartExecution", u64::MAX)] {
        let denied = Rule::once(Some(call), 0, Fault::Deny).times(times);
        world.faults().add(denied);
    }
    world.redeliver(request_id.as_str().unwrap());
    let outcome = world.block_on(deploying);
    assert_eq!(world.faults().struck(), 2);
    assert_eq!(outcome.status, CreateComplete, "{:?}", outcome.seen);
}

#[test]
fn case_9_a_delivery_that_is_refused_before_there_is_a_waiter_starts_it() {
    let world = World::new();
    // All tries of the first delivery's call.
    let away = Rule::once(Some("states:StartExecution"), 0, Fault::ServerError).times(4);
    let denied = Rule::once(Some("kms:GenerateDataKey"), 1, Fault::Deny);
    world.faults().add(away);
    world.faults().add(denied);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(world.faults().struck(), 5);
    assert_eq!(outcome.status, CreateComplete, "{:?}", outcome.seen);
}

#[test]
fn case_9_a_first_delivery_that_loses_the_ledger_leaves_the_operation_to_its_waiter() {
    let world = World::new();
    // The first one is of the provider's domain.
    for (call, first) in [("dynamodb:GetItem", 1), ("dynamodb:PutItem", 0)] {
        let denied = Rule::once(Some(call), first, Fault::Deny).times(u64::MAX);
        world.faults().add(denied);
    }
    let deploying = world.spawn(world.stack("app").deploy(Template::of(&web())));
    world.block_on(world.sleep_s(60));
    assert!(world.faults().struck() > 0);
    world.faults().clear();
    let outcome = world.block_on(deploying);
    assert_eq!(outcome.status, CreateComplete, "{:?}", outcome.seen);
}

/// An update that goes on, its id, and Lambda delivers its event no more after this.
fn update_at_its_last_delivery() -> (World, Handle<StackOutcome>, String) {
    const LAST_DELIVERY_S: u64 = 150;
    let world = World::new();
    let stack = world.with_service("app", &web());
    let update = Template::of(&web().environment("LOG_LEVEL", "debug"));
    let deploying = world.spawn(stack.deploy(update));
    world.block_on(world.sleep_s(LAST_DELIVERY_S));
    let request_id = world.history().sent().last().unwrap()["RequestId"]
        .as_str()
        .unwrap()
        .to_owned();
    (world, deploying, request_id)
}

/// What is known to have died does not come back.
#[test]
fn case_9_a_waiter_that_has_died_is_not_relied_on() {
    let (world, deploying, request_id) = update_at_its_last_delivery();
    for execution in &mut world.account().cloud().sfn.executions {
        execution.status = ExecutionStatus::Failed;
    }
    // The next one, that is.
    let away = Rule::once(Some("states:StartExecution"), 1, Fault::ServerError).times(u64::MAX);
    world.faults().add(away);
    world.redeliver(&request_id);
    let outcome = world.block_on(deploying);
    let failed = outcome.first();
    assert_eq!(failed.status, SeenStatus::Failed);
    assert!(
        failed.reason.contains("the waiter has died"),
        "{}",
        failed.reason
    );
}

/// Lambda delivers no event again after this one, and AWS does not answer it; but the operation has a waiter.
#[test]
fn case_9_a_last_delivery_that_is_not_answered_leaves_the_operation_to_its_waiter() {
    for calls in [
        &[("states:StartExecution", 0)][..],
        &[("states:StartExecution", 0), ("dynamodb:GetItem", 1)],
    ] {
        let (world, deploying, request_id) = update_at_its_last_delivery();
        for (call, first) in calls {
            let away = Rule::once(Some(call), *first, Fault::ServerError).times(u64::MAX);
            world.faults().add(away);
        }
        world.redeliver(&request_id);
        world.block_on(world.sleep_s(60));
        assert!(world.faults().struck() > 0);
        world.faults().clear();
        let outcome = world.block_on(deploying);
        assert_eq!(outcome.status, UpdateComplete, "{calls:?}");
    }
}

#[test]
fn a_load_balancer_that_may_not_be_opened_is_a_refusal_that_says_so() {
    let world = World::new();
    // The first is of the names.
    let denied = Rule::once(Some("dynamodb:TransactWriteItems"), 1, Fault::Deny);
    world.faults().add(denied);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, RollbackComplete);
    let reason = &outcome.first().reason;
    assert!(reason.starts_with("AccessDenied: "), "{reason}");
    assert!(reason.contains("dynamodb:TransactWriteItems"), "{reason}");
}

#[test]
fn case_1_a_create_that_had_begun_before_the_ledger_went_away_is_removed_with_its_refusal() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    // The first delivery has begun, and its waiter is there.
    world.faults().add(Rule::once(
        Some("states:StartExecution"),
        0,
        Fault::CrashAfter,
    ));
    for call in ["dynamodb:GetItem", "dynamodb:PutItem"] {
        world
            .faults()
            .add(Rule::once(Some(call), 0, Fault::ServerError).times(u64::MAX));
    }
    let stack = world.stack("app");
    let deploying = world.spawn(stack.clone().deploy(Template::of(&web())));
    world.block_on(world.sleep_s(DELIVERIES_S));
    world.faults().clear();
    let _outcome = world.block_on(deploying);
    world.settle();
    let _deleted = stack.delete_now();
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}
