//! The protocol of custom resources: cases 1 to 15. Cases 3 and 13 are also checked after every attempt of every
//! test here, by the driver's invariants.

use std::collections::BTreeSet;
use std::time::Duration;

use express_tests::cloudformation::{RequestType, SeenStatus, answers_sent};
use express_tests::history::{AttemptEnd, Call, Event};
use express_tests::invariants::check_all_answered;
use express_tests::properties::ENVIRONMENT_CANARY;
use express_tests::{Run, Scenario, ServiceProperties, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use serde_json::{Value, json};

use StackStatus::{
    CreateComplete, DeleteComplete, RollbackComplete, UpdateComplete, UpdateRollbackComplete,
};

/// Answers that cost no deployment come at once.
const AT_ONCE_S: u64 = 5;

/// Creates a stack that is to be refused, and returns the reason.
fn refused(properties: &ServiceProperties) -> String {
    let world = World::new();
    let outcome = world.stack("app").deploy_now(Template::of(properties));
    assert_eq!(outcome.status, RollbackComplete);
    let first = outcome.first();
    assert_eq!(first.status, SeenStatus::Failed);
    assert!(first.seconds() <= AT_ONCE_S, "{} s", first.seconds());
    assert_eq!(world.mutations(), Vec::<String>::new());
    world.settle();
    check_all_answered(&world);
    first.reason.clone()
}

/// Delivers one event that no stack waits for, and returns the answers.
fn delivered(change: impl FnOnce(&mut Value)) -> (World, Vec<Value>) {
    let world = World::new();
    let mut event = world.stack("app").event(RequestType::Create, None, &web());
    change(&mut event);
    let began_ms = world.now_ms();
    world.deliver(event);
    world.settle();
    let answers = answers_sent(&world);
    assert_eq!(world.mutations(), Vec::<String>::new());
    let history = world.history();
    let put = history
        .calls()
        .filter(|call| call.recorded.operation == "PutResponse");
    for answer in put {
        let after_ms = answer.recorded.at_ms - began_ms;
        assert!(after_ms <= AT_ONCE_S * 1000, "{after_ms} ms");
    }
    drop(history);
    (world, answers)
}

#[test]
fn case_1_every_request_is_answered_exactly_once() {
    let run = Scenario::new()
        .create(web())
        .then_update(web().health_check_path("/up"))
        .then_update(web().set("/Cpu", "no number"))
        .then_delete()
        .run();
    assert_eq!(
        run.statuses(),
        [
            CreateComplete,
            UpdateComplete,
            StackStatus::UpdateRollbackComplete,
            DeleteComplete
        ]
    );
    assert_eq!(answers_sent(&run.world).len(), run.seen().len());
}

#[test]
fn case_1_an_attempt_that_dies_is_answered_for_by_its_successor() {
    let run = Scenario::new()
        .with_fault(Rule::once(Some("ecs:CreateService"), 0, Fault::CrashAfter))
        .create(web())
        .then_delete()
        .run();
    assert_eq!(run.statuses(), [CreateComplete, DeleteComplete]);
}

/// How many calls a Create makes.
fn calls_of_a_create() -> u64 {
    let run = Scenario::new().create(web()).run();
    run.world.history().calls().count() as u64
}

/// The handler's code fails: once, at every third call of a Create, after which whoever comes next goes on, or the
/// request is refused; or each time that it comes to a call, one before there is a waiter and one after.
#[test]
fn case_1_a_request_in_which_the_handler_panics_is_answered_once() {
    let numbers = (0..calls_of_a_create()).step_by(3);
    let once = numbers.map(|number| Rule::once(None, number, Fault::Panic));
    // The operation is open then, and has no waiter yet.
    let early = Rule::once(Some("states:StartExecution"), 0, Fault::Panic);
    let always = ["kms:GenerateDataKey", "ecs:CreateService"];
    let always = always.map(|call| Rule::once(Some(call), 0, Fault::Panic).times(u64::MAX));
    for rule in once.chain([early]).chain(always) {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let context = format!("{rule:?}");
        world.faults().add(rule);
        let stack = world.stack("app");
        let outcome = stack.deploy_now(Template::of(&web()));
        world.settle();
        let context = format!("{context}: {:?}", outcome.seen);
        assert!(
            world.logs().text().contains("attempt.panicked"),
            "{context}"
        );
        let answered = outcome
            .seen
            .iter()
            .filter(|seen| seen.status != SeenStatus::TimedOut);
        assert_eq!(answered.count(), outcome.seen.len(), "{context}");
        // Who failed after the answer had arrived does not know that it had: the same goes out again.
        let puts: BTreeSet<String> = answers_sent(&world).iter().map(Value::to_string).collect();
        assert_eq!(puts.len(), outcome.seen.len(), "{context}");
        if outcome.status == CreateComplete {
            assert_eq!(stack.delete_now().status, DeleteComplete, "{context}");
            world.settle();
        } else {
            assert_eq!(outcome.status, RollbackComplete, "{context}");
        }
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{context}");
    }
}

/// The process stands still at a call until Lambda ends it; here at every third of a Create.
#[test]
fn case_1_a_request_that_outlasts_the_functions_timeout_is_answered_once() {
    for number in (0..calls_of_a_create()).step_by(3) {
        let world = World::new();
        world.faults().add(Rule::once(None, number, Fault::Hang));
        // Who comes next has spent some of his time before he watches, and ends in time all the same.
        let throttled = Rule::once(None, number + 1, Fault::Throttle);
        world.faults().add(throttled);
        let outcome = world.stack("app").deploy_now(Template::of(&web()));
        world.settle();
        let context = format!("call {number}: {:?}", outcome.seen);
        assert_eq!(outcome.status, CreateComplete, "{context}");
        let timeouts = ends(&world).filter(|end| *end == AttemptEnd::TimedOut);
        assert_eq!(timeouts.count(), 1, "{context}");
        check_all_answered(&world);
        // Who was ended after the answer had arrived does not know that it had: the same goes out again.
        let puts = answers_sent(&world);
        assert!(
            puts.len() <= 2 && puts.iter().all(|put| *put == puts[0]),
            "{context}"
        );
    }
}

/// AWS carries everything out and says nothing, for two minutes, from several calls on: no attempt can do anything, and
/// none outlives its time. Lambda's third delivery comes after that.
#[test]
fn case_1_a_request_while_no_call_is_answered_is_answered_once() {
    const SECONDS: u64 = 120;
    for from in [0, 6, 12, 40] {
        let world = World::new();
        let silent = Rule::once(None, from, Fault::NoAnswer).times(u64::MAX);
        world.faults().add(silent);
        let later = world.clone();
        world.spawn(async move {
            later.sleep_s(SECONDS).await;
            later.faults().clear();
        });
        let outcome = world.stack("app").deploy_now(Template::of(&web()));
        world.settle();
        let context = format!("from call {from}: {:?}", outcome.seen);
        assert!(world.faults().struck() > 3, "{context}");
        assert_eq!(outcome.status, CreateComplete, "{context}");
        assert!(
            ends(&world).all(|end| end != AttemptEnd::TimedOut),
            "{context}"
        );
        check_all_answered(&world);
        let puts = answers_sent(&world);
        assert!(puts.iter().all(|put| *put == puts[0]), "{context}");
    }
}

/// Every fourth call is answered only when it is made again, five seconds later.
#[test]
fn case_1_an_attempt_that_gets_on_slowly_ends_before_lambda_ends_it() {
    let world = World::new();
    for number in (0..1_000).step_by(4) {
        world
            .faults()
            .add(Rule::once(None, number, Fault::NoAnswer));
    }
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    world.settle();
    assert_eq!(outcome.status, CreateComplete, "{:?}", outcome.seen);
    assert!(ends(&world).all(|end| end != AttemptEnd::TimedOut));
    check_all_answered(&world);
}

fn ends(world: &World) -> impl Iterator<Item = AttemptEnd> {
    let history = world.history();
    let ends = history.events.iter().filter_map(|event| match event {
        Event::Ended { end, .. } => Some(end.clone()),
        _ => None,
    });
    ends.collect::<Vec<_>>().into_iter()
}

#[test]
fn case_2_an_answer_that_is_not_accepted_is_sent_again() {
    let world = World::new();
    world
        .account()
        .cloud()
        .response_sink
        .next_statuses
        .extend([500, 503]);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, CreateComplete);
}

/// The answers to an Update that a later request ended, when the sink answers so to the first of all tries to answer; and
/// how many of all came before the last one of those.
fn told_of_its_end(statuses: impl IntoIterator<Item = u16>) -> (World, String, Vec<Value>, usize) {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let id = stack.resources()["Web"].physical_id.clone();
    world
        .account()
        .cloud()
        .response_sink
        .next_statuses
        .extend(statuses);
    let changed = Template::of(&web().set("/Cpu", "512")).sibling_fails_after(20);
    let outcome = stack.deploy_now(changed);
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.settle();
    let ended = outcome.first().request_id.as_str();
    let all = answers_sent(&world);
    let is_it = |put: &&Value| put["RequestId"] == ended;
    let answers: Vec<Value> = all.iter().filter(is_it).cloned().collect();
    let last = all.iter().rposition(|put| is_it(&put)).unwrap();
    (world, id, answers, last)
}

/// Tries of one attempt.
const TRIES: usize = 5; // RESPONSE_TRIES_MAX

#[test]
fn case_2_a_request_that_was_ended_is_told_so_also_when_that_is_not_accepted_at_first() {
    // Those of one attempt: the first of the way back, which ends the update.
    let (world, id, answers, last) = told_of_its_end([503; TRIES]);
    assert_eq!(answers.len(), TRIES + 1, "{answers:?}");
    let reason = answers[TRIES]["Reason"].as_str();
    assert!(reason.is_some_and(|it| it.contains("a later request for the same resource")));
    assert_eq!(answers[TRIES]["PhysicalResourceId"], id.as_str());
    // What is asked now does not wait for it: that is answered first.
    assert_eq!(last + 1, answers_sent(&world).len());
}

#[test]
fn case_2_a_request_that_was_ended_is_told_so_by_two_attempts_and_no_more() {
    // Between them the way back itself is answered.
    let statuses = [&[503; TRIES][..], &[200], &[503; TRIES]].concat();
    let (world, _, answers, _) = told_of_its_end(statuses);
    assert_eq!(answers.len(), 2 * TRIES, "{answers:?}");
    // Nobody is owed an answer any more.
    let ledger = express_tests::account::ledger(world.account());
    let ledger = serde_json::to_string(&ledger).unwrap();
    assert!(ledger.contains(r#"\"superseded\":[]"#), "{ledger}");
}

/// An Update that changes nothing is over as soon as its answer is decided. The delivery that is to send it again may not
/// read the record at first.
#[test]
fn case_2_an_answer_at_once_that_is_not_accepted_is_sent_again() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let id = stack.resources()["Web"].physical_id.clone();
    let event = stack.update_event(&id, &web(), &web());
    // Until AWS shows all that was made.
    world.block_on(world.sleep_s(60));
    let before = answers_sent(&world).len();
    world
        .account()
        .cloud()
        .response_sink
        .next_statuses
        .extend([503; TRIES]);
    world.deliver(event);
    world.block_on(world.sleep_s(30));
    let denied = Rule::once(Some("dynamodb:GetItem"), 0, Fault::Deny);
    world.faults().add(denied);
    world.settle();
    assert_eq!(world.faults().struck(), 1);
    let mut all = answers_sent(&world);
    let sent = all.split_off(before);
    assert_eq!(sent.len(), TRIES + 1, "{sent:?}");
    assert_eq!(sent[0]["Status"], "SUCCESS");
    assert_eq!(sent[0]["Data"], all[0]["Data"], "as of the Create");
    assert!(sent[0]["Data"]["Endpoint"].is_string(), "{sent:?}");
    assert!(sent.iter().all(|put| *put == sent[0]), "{sent:?}");
}

/// How often an Update is told that a later request ended it, when KMS does not open its part for ten seconds.
fn told_when_kms_says(fault: Fault) -> usize {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let changed = Template::of(&web().set("/Cpu", "512")).sibling_fails_after(20);
    let deploying = world.spawn(stack.deploy(changed));
    world.block_on(world.sleep_s(19));
    let closed = Rule::once(Some("kms:Decrypt"), 0, fault).times(u64::MAX);
    world.faults().add(closed);
    world.block_on(world.sleep_s(10));
    world.faults().clear();
    let outcome = world.block_on(deploying);
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.settle();
    let ended = outcome.first().request_id.as_str();
    let puts = answers_sent(&world);
    puts.iter().filter(|put| put["RequestId"] == ended).count()
}

/// What cannot be opened for good is no reason to keep who asks now waiting; what KMS does not open just now is told later.
#[test]
fn case_2_a_request_that_was_ended_and_cannot_be_told_does_not_keep_the_next_one() {
    assert_eq!(told_when_kms_says(Fault::Deny), 0);
    assert_eq!(told_when_kms_says(Fault::ServerError), 1);
}

/// Whoever's clock that is: what CloudFormation asks next is newer all the same.
#[test]
fn an_event_whose_url_was_signed_in_the_far_future_overtakes_nothing() {
    const DATE: &str = "X-Amz-Date=";
    let world = World::new();
    let stack = world.with_service("app", &web());
    let id = stack.resources()["Web"].physical_id.clone();
    let mut event = stack.update_event(&id, &web(), &web().image("nginx:2"));
    let url = event["ResponseURL"].as_str().unwrap();
    let (before, date) = url.split_once(DATE).unwrap();
    let (_, after) = date.split_once('&').unwrap();
    event["ResponseURL"] = json!(format!("{before}{DATE}20360101T000000Z&{after}"));
    world.deliver(event);
    world.settle();
    assert_eq!(world.active_container()["image"], "nginx:2");
    let next = stack.deploy_now(Template::of(&web().image("nginx:3")));
    assert_eq!(next.status, UpdateComplete, "{:?}", next.seen);
}

#[test]
fn case_2_an_expired_url_ends_the_operation_without_a_crash_loop() {
    let world = World::new();
    world
        .account()
        .cloud()
        .response_sink
        .next_statuses
        .extend([403]);
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(outcome.first().status, SeenStatus::TimedOut);
    world.settle();
    let create = outcome.first().request_id.as_str();
    assert_eq!(
        answers_sent(&world)
            .iter()
            .filter(|put| put["RequestId"] == create)
            .count(),
        1
    );
    assert_eq!(world.dead_letters().borrow().len(), 0);
}

#[test]
fn case_4_a_reason_with_hundreds_of_problems_still_fits() {
    let nonsense = (0..400).fold(web(), |properties, number| {
        properties.set(&format!("/Größe{number}"), "x".repeat(100))
    });
    assert!(refused(&nonsense).len() >= 200);
}

#[test]
fn case_5_an_event_with_a_url_is_answered_whatever_else_it_lacks() {
    for change in [
        (|event| event["RequestType"] = json!("Replace")) as fn(&mut Value),
        |event| event["ResourceProperties"] = json!("none"),
        |event| {
            event.as_object_mut().unwrap().remove("ResourceProperties");
        },
    ] {
        let (_, answers) = delivered(change);
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0]["Status"], "FAILED");
    }
}

#[test]
fn case_5_an_event_without_a_url_is_logged_as_an_error() {
    let (world, answers) = delivered(|event| {
        event.as_object_mut().unwrap().remove("ResponseURL");
    });
    assert_eq!(answers, Vec::<Value>::new());
    assert!(
        world.logs().text().contains("\"level\":\"ERROR\""),
        "{}",
        world.logs().text()
    );
}

#[test]
fn case_6_an_event_that_is_delivered_two_or_three_times_has_one_effect() {
    let created = Scenario::new().create(web()).then_settle();
    let updated = created
        .clone()
        .then_update(web().health_check_path("/up"))
        .then_settle();
    let deleted = updated.clone().then_delete();
    for scenario in [created, updated, deleted] {
        let once = scenario.run();
        for later in [&[0][..], &[1], &[30], &[200], &[0, 1], &[1, 60]] {
            let twice = scenario
                .clone()
                .delivered_again(
                    &later
                        .iter()
                        .copied()
                        .map(Duration::from_secs)
                        .collect::<Vec<_>>(),
                )
                .run();
            let context = format!("{:?} {later:?} s", once.statuses());
            assert_eq!(twice.statuses(), once.statuses(), "{context}");
            assert_eq!(
                twice.world.inventory().to_string(),
                once.world.inventory().to_string(),
                "{context}"
            );
            let answers: BTreeSet<String> = answers_sent(&twice.world)
                .iter()
                .map(|put| put["RequestId"].to_string())
                .collect();
            assert_eq!(answers.len(), once.statuses().len(), "{context}");
            assert_eq!(answers_sent(&twice.world).len(), answers.len(), "{context}");
            // A deletion is tried again as long as something still uses the thing.
            let changes = |run: &Run| {
                let is_deletion = |name: &String| name.contains(":Delete");
                let mut names = run.mutations();
                names.retain(|name| !is_deletion(name));
                names.sort();
                names
            };
            assert_eq!(changes(&twice), changes(&once), "{context}");
        }
    }
}

#[test]
fn case_7_a_late_duplicate_of_an_old_request_has_no_effect() {
    let scenario = Scenario::new()
        .create(web())
        .then_update(web().health_check_path("/up"))
        .then_settle();
    let before = scenario.run();
    let after = scenario.then_redeliver(0).run();
    assert_eq!(after.mutations(), before.mutations());
    assert_eq!(answers_sent(&after.world), answers_sent(&before.world));
}

/// When a deployment that has failed is tried again, CloudFormation may take the id of its request once more.
#[test]
fn a_request_that_is_issued_again_under_the_same_id_is_answered_again() {
    let world = World::new();
    let stack = world.stack("app");
    let event = |properties| stack.event(RequestType::Create, None, &properties);
    let failing = event(web().image("demo/unhealthy"));
    let statuses = || -> Vec<Value> {
        let answers = answers_sent(&world);
        answers.iter().map(|put| put["Status"].clone()).collect()
    };
    let deliver = |event: &Value| {
        world.deliver(event.clone());
        world.settle();
    };
    deliver(&failing);
    assert_eq!(statuses(), ["FAILED"]);
    let again = under_the_id_of(&failing, event(web()));
    deliver(&again);
    assert_eq!(statuses(), ["FAILED", "SUCCESS"]);
    // What Lambda delivers twice is no new request.
    let mutated = world.mutations();
    for event in [&again, &failing] {
        deliver(event);
        assert_eq!(statuses(), ["FAILED", "SUCCESS"]);
    }
    assert_eq!(world.mutations(), mutated);
}

/// An event as CloudFormation would issue it under the id of another: its answer goes to the same place.
fn under_the_id_of(other: &Value, mut event: Value) -> Value {
    let id = |event: &Value| event["RequestId"].as_str().unwrap().to_owned();
    let url = event["ResponseURL"].as_str().unwrap();
    event["ResponseURL"] = json!(url.replace(&id(&event), &id(other)));
    event["RequestId"] = other["RequestId"].clone();
    event
}

/// Where both are answered in the same place, that the first one was ended must not be taken for what became of the second.
#[test]
fn a_request_that_is_issued_again_while_it_is_open_is_answered_once() {
    let world = World::new();
    let stack = world.stack("app");
    let event = |properties| stack.event(RequestType::Create, None, &properties);
    let failing = event(web().image("demo/unhealthy"));
    world.deliver(failing.clone());
    world.block_on(world.sleep_s(90));
    assert!(answers_sent(&world).is_empty());
    world.deliver(under_the_id_of(&failing, event(web())));
    world.settle();
    let answers = answers_sent(&world);
    let statuses: Vec<&Value> = answers.iter().map(|put| &put["Status"]).collect();
    assert_eq!(statuses, ["SUCCESS"]);
}

#[test]
fn case_9_the_waiter_carries_on_when_every_delivery_has_died() {
    let run = Scenario::new()
        .with_fault(Rule::once(Some("ecs:CreateService"), 0, Fault::CrashBefore).times(4))
        .create(web())
        .run();
    assert_eq!(run.statuses(), [CreateComplete]);
}

/// Lambda's longest invocation.
const LAMBDA_S: u64 = 15 * 60;

#[test]
fn case_9_an_update_that_takes_longer_than_a_function_can_run_outlives_a_new_version() {
    for deployment in [
        json!({"Strategy": "LINEAR", "LinearConfiguration":
            {"StepPercent": 10.0, "StepBakeTimeInMinutes": 2}}),
        json!({"Strategy": "CANARY", "BakeTimeInMinutes": 10, "CanaryConfiguration":
            {"CanaryPercent": 10.0, "CanaryBakeTimeInMinutes": 8}}),
    ] {
        for seed in 0..3 {
            let world = World::new();
            let before = world.inventory().without_what_stays();
            let properties = web().set("/Deployment", deployment.clone());
            let stack = world.with_service("app", &properties);
            let changed = properties.image("public.ecr.aws/nginx/nginx:1.28");
            let updating = world.spawn(stack.clone().deploy(Template::of(&changed)));
            world.block_on(world.sleep_s(LAMBDA_S / 2));
            // The function is updated: for a while both versions are called, with new processes only.
            world.two_versions(seed);
            world.end_idle_processes();
            let outcome = world.block_on(updating);
            let seen = outcome.first();
            let context = format!("{deployment} {seed}: {}", seen.reason);
            assert_eq!(outcome.status, UpdateComplete, "{context}");
            assert!(seen.seconds() > LAMBDA_S, "{context}: {} s", seen.seconds());
            assert_eq!(
                world.active_container()["image"],
                "public.ecr.aws/nginx/nginx:1.28",
                "{context}"
            );
            world.settle();
            check_all_answered(&world);
            assert_eq!(answers_sent(&world).len(), 2, "{context}");
            assert_eq!(stack.delete_now().status, DeleteComplete, "{context}");
            world.settle();
            let after = world.inventory().without_what_stays();
            assert_eq!(before.diff(&after), Vec::<String>::new(), "{context}");
        }
    }
}

#[test]
fn case_9_the_waiter_is_there_before_anything_changes() {
    let run = Scenario::new()
        .create(web())
        .then_update(web().health_check_path("/up"))
        .then_delete()
        .run();
    let history = run.world.history();
    let calls: Vec<_> = history.calls().collect();
    let is = |call: &Call, operation: &str| call.recorded.operation == operation;
    // Who seals a request has received it.
    let received = calls.iter().filter(|call| is(call, "GenerateDataKey"));
    let received: Vec<u64> = received.map(|call| call.attempt).collect();
    assert_eq!(received.len(), 3);
    for attempt in received {
        let mut of_attempt = calls.iter().filter(|call| call.attempt == attempt);
        let first = of_attempt.find(|call| is(call, "StartExecution") || call.recorded.mutates());
        assert!(
            first.is_some_and(|call| is(call, "StartExecution")),
            "attempt {attempt}"
        );
    }
}

#[test]
fn case_10_environment_values_and_urls_stay_out_of_logs_ledger_waiter_and_answers() {
    let secret = web().environment("PASSWORD", ENVIRONMENT_CANARY);
    let run = Scenario::new()
        .create(secret.clone())
        .then_update(secret.clone().health_check_path("/up"))
        .then_update(secret.set("/Cpu", ENVIRONMENT_CANARY.len()))
        .then_delete()
        .run();
    // The driver looked for them after every attempt; here, that there was something to look at.
    assert!(run.world.logs().text().lines().count() > 3);
    assert!(!run.world.account().cloud().sfn.executions.is_empty());
}

#[test]
fn case_11_a_foreign_response_host_gets_no_request() {
    for url in [
        "https://example.com/answer",
        "https://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com@example.com/x",
        "http://cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com/x",
    ] {
        let (world, answers) = delivered(|event| event["ResponseURL"] = json!(url));
        assert_eq!(answers, Vec::<Value>::new(), "{url}");
        assert!(world.logs().text().contains("\"level\":\"ERROR\""), "{url}");
    }
}

#[test]
fn a_request_with_what_the_schedule_or_the_waiter_sends_is_answered_all_the_same() {
    for (name, value) in [
        ("sweep", json!(true)),
        ("operation", json!("x")),
        ("last", json!(true)),
    ] {
        let (_, answers) = delivered(|event| {
            event[name] = value;
            event["ResourceProperties"]["Cpu"] = json!("no number");
        });
        assert_eq!(answers.len(), 1, "{name}");
    }
}

#[test]
fn case_12_a_stack_of_another_account_region_or_partition_is_refused() {
    for stack_id in [
        "arn:aws:cloudformation:eu-west-1:999999999999:stack/app/0a1b2c3d-0000-4000-8000-000000000000",
        "arn:aws:cloudformation:us-east-1:123456789012:stack/app/0a1b2c3d-0000-4000-8000-000000000000",
        "arn:aws-cn:cloudformation:eu-west-1:123456789012:stack/app/0a1b2c3d-0000-4000-8000-000000000000",
    ] {
        let (_, answers) = delivered(|event| event["StackId"] = json!(stack_id));
        assert_eq!(answers.len(), 1, "{stack_id}");
        assert_eq!(answers[0]["Status"], "FAILED", "{stack_id}");
    }
}

#[test]
fn case_13_no_secret_is_among_the_attributes() {
    let run = Scenario::new()
        .create(web().environment("PASSWORD", ENVIRONMENT_CANARY))
        .run();
    let data = &run.seen()[0].data;
    assert!(data.contains_key("Endpoint"), "{data:?}");
    assert!(
        data.values()
            .all(|value| !value.to_string().contains(ENVIRONMENT_CANARY))
    );
}

#[test]
fn case_14_numbers_truths_and_empty_texts_mean_the_same_as_texts_or_not_at_all() {
    let typed = web()
        .set("/Cpu", 512)
        .set("/Memory", 1024)
        .set("/ScalingTarget/MaxTaskCount", 4)
        .set("/Deployment/CircuitBreaker/Enable", true)
        .set("/Deployment/RollbackAlarm/Count4xx", true);
    let texts = web()
        .set("/Cpu", "512")
        .set("/Memory", "1024")
        .set("/ScalingTarget/MaxTaskCount", "4")
        .set("/Deployment/CircuitBreaker/Enable", "true")
        .set("/Deployment/RollbackAlarm/Count4xx", "true");
    // What `!If [Condition, value, ""]` leaves counts as not given.
    let empty = typed
        .clone()
        .set("/HealthCheckPath", "")
        .set("/TaskRoleArn", "")
        .set("/NetworkConfiguration/Subnets", json!([""]))
        .set("/Deployment/BakeTimeInMinutes", "");
    let expected = arrived(&typed);
    for properties in [texts, empty] {
        assert_ne!(properties.raw(), typed.raw());
        let (sent, done) = arrived(&properties);
        assert_eq!(
            sent,
            properties.raw(),
            "the driver has made something else of it"
        );
        assert_eq!(done, expected.1);
    }
    assert_eq!(expected.0["Cpu"], json!(512));
}

/// What the handler got of these properties, and all that it did for a Create with them: what it looked at, in which
/// order, and what it sent with each change.
fn arrived(properties: &ServiceProperties) -> (Value, (String, Vec<(String, Value)>)) {
    let run = Scenario::new()
        .then_deploy(Template::of_raw(properties))
        .run();
    assert_eq!(run.statuses(), [CreateComplete]);
    let history = run.world.history();
    let sent = history.sent().next().unwrap()["ResourceProperties"].clone();
    let changes = history.calls().filter(|call| call.recorded.mutates());
    let inputs = changes.map(|call| (call.recorded.name(), call.recorded.input.clone()));
    let inputs = inputs.collect();
    drop(history);
    (sent, (run.trace(), inputs))
}

#[test]
fn case_14_an_unknown_name_is_refused_with_the_nearest() {
    let reason = refused(&web().set("/HealthCheckpath", "/up"));
    assert!(
        reason.contains("HealthCheckpath") && reason.contains("HealthCheckPath"),
        "{reason}"
    );
}

#[test]
fn case_15_another_service_token_changes_nothing() {
    let token = "arn:aws:lambda:eu-west-1:123456789012:function:express:2";
    let created = Scenario::new().create(web());
    let before = created.run().mutations();
    let run = created.then_update(web().set("/ServiceToken", token)).run();
    assert_eq!(run.statuses(), [CreateComplete, UpdateComplete]);
    assert_eq!(run.mutations(), before);
}
