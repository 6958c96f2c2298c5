//! The driver itself, with scripted functions in the handler's place: a driver that is wrong would prove nothing.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use expect_test::expect;
use express_handler::Runtime;
use express_handler::cloudformation::respond::{Answer, Status, render, send};
use express_handler::telemetry::Sensitive;
use express_tests::cloudformation::{FailedReplacement, ROLLBACK_AFTER_S, Resource};
use express_tests::history::{AttemptEnd, Event};
use express_tests::lambda::Function;
use express_tests::{Stack, StackStatus, Template, World, trace, waiter, web};
use local_aws::fault::{Fault, Rule};
use local_aws::sfn::ExecutionStatus;
use serde_json::{Value, json};

/// What a scripted function does with one input.
enum Act {
    Succeed(&'static str),
    Refuse(&'static str),
    Fail,
    Hang,
    Ignore,
    Return(Value),
}

fn world(script: impl Fn(&Value) -> Act + 'static) -> World {
    let script = Rc::new(script);
    let function: Function = Rc::new(move |event, _, runtime| {
        let act = script(&event);
        Box::pin(async move {
            match act {
                Act::Succeed(id) => put(&runtime, &event, Status::Success, id).await,
                Act::Refuse(id) => put(&runtime, &event, Status::Failed, id).await,
                Act::Fail => return Err("a scripted failure".to_owned()),
                Act::Hang => std::future::pending().await,
                Act::Ignore => {}
                Act::Return(value) => return Ok(value),
            }
            Ok(json!({"status": "DONE"}))
        })
    });
    World::with_function(function)
}

async fn put(runtime: &Runtime, event: &Value, status: Status, id: &str) {
    let field = |name: &str| event[name].as_str().unwrap().to_owned();
    let answer = Answer {
        status,
        physical_resource_id: id.to_owned(),
        stack_id: field("StackId"),
        request_id: field("RequestId"),
        logical_resource_id: field("LogicalResourceId"),
        reason: (status == Status::Failed).then(|| "scripted".to_owned()),
        data: None,
    };
    let body = render(&answer).unwrap();
    send(runtime, &Sensitive::new(field("ResponseURL")), &body)
        .await
        .unwrap();
}

fn is(event: &Value, request_type: &str) -> bool {
    event["RequestType"] == request_type
}

/// `Create -> -` and so on: what was asked with which id, and what was answered.
fn exchange(world: &World) -> String {
    let history = world.history();
    let lines = history.seen().map(|seen| {
        format!(
            "{:?} {} -> {:?} {}\n",
            seen.request_type,
            seen.sent_id.as_deref().unwrap_or("-"),
            seen.status,
            seen.physical_id.as_deref().unwrap_or("-"),
        )
    });
    lines.collect()
}

fn created(world: &World) -> Stack {
    let stack = world.stack("app");
    assert_eq!(
        stack.deploy_now(Template::of(&web())).status,
        StackStatus::CreateComplete
    );
    stack
}

#[test]
fn a_create_that_succeeds_leaves_a_resource_with_the_answered_id() {
    let world = world(|_| Act::Succeed("id-1"));
    let stack = created(&world);
    let resources: Vec<Resource> = stack.resources().into_values().collect();
    assert_eq!(resources[0].physical_id, "id-1");
    assert_eq!(resources[0].properties["ServiceName"], "web");
    expect![[r#"
        +0s send Create Web
        +0s attempt (event Create)
           cloudformation:PutResponse                                          ok
          return {"status":"DONE"}
        +0s Create Web Success id-1
    "#]]
    .assert_eq(&trace::of(&world));
}

#[test]
fn a_create_that_fails_is_deleted_by_the_id_it_answered_with() {
    let world = world(|event| {
        if is(event, "Create") {
            Act::Refuse("id-1")
        } else {
            Act::Succeed("id-1")
        }
    });
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, StackStatus::RollbackComplete);
    assert_eq!(outcome.first().reason, "scripted");
    expect![[r#"
        Create - -> Failed id-1
        Delete id-1 -> Success id-1
    "#]]
    .assert_eq(&exchange(&world));
}

#[test]
fn a_cancelled_create_is_deleted_by_an_invented_id_and_its_late_answer_is_not_read() {
    let world = world(|event| {
        if is(event, "Create") {
            Act::Ignore
        } else {
            Act::Succeed("whatever")
        }
    });
    let outcome = world
        .stack("app")
        .deploy_now(Template::of(&web()).sibling_fails_after(20));
    assert_eq!(outcome.status, StackStatus::RollbackComplete);
    assert_eq!(outcome.first().seconds(), 20);
    let invented = outcome.last().sent_id.clone().unwrap();
    let random = invented.strip_prefix("app-Web-").unwrap();
    assert!(
        random.len() == 12 && random.bytes().all(|byte| byte.is_ascii_alphanumeric()),
        "{invented}"
    );
}

#[test]
fn a_failed_resource_cancels_its_siblings() {
    let world = world(
        |event| match (is(event, "Create"), event["LogicalResourceId"].as_str()) {
            (true, Some("Bad")) => Act::Refuse("bad"),
            (true, _) => Act::Ignore,
            (false, _) => Act::Succeed("gone"),
        },
    );
    let outcome = world
        .stack("app")
        .deploy_now(Template::of(&web()).with("Bad", &web()));
    assert_eq!(outcome.status, StackStatus::RollbackComplete);
    // Nobody waited for the answer that never came.
    let began_ms = express_tests::world::BEGINNING_MS;
    assert_eq!(world.now_ms(), began_ms + ROLLBACK_AFTER_S * 1000);
    assert_eq!(outcome.seen.len(), 4);
}

#[test]
fn without_an_answer_cloudformation_gives_up_at_the_service_timeout() {
    for (properties, seconds) in [(web(), 3600), (web().service_timeout(900), 900)] {
        let world = world(|event| {
            if is(event, "Create") {
                Act::Ignore
            } else {
                Act::Succeed("gone")
            }
        });
        let outcome = world.stack("app").deploy_now(Template::of(&properties));
        assert_eq!(outcome.first().seconds(), seconds);
        assert!(
            outcome
                .last()
                .sent_id
                .as_ref()
                .unwrap()
                .starts_with("app-Web-")
        );
    }
}

#[test]
fn a_replacement_deletes_the_old_one_once_the_new_one_is_there() {
    let world = world(|event| {
        if is(event, "Update") {
            Act::Succeed("id-2")
        } else {
            Act::Succeed("id-1")
        }
    });
    let stack = created(&world);
    let outcome = stack.deploy_now(Template::of(&web().cluster("other")));
    assert_eq!(outcome.status, StackStatus::UpdateComplete);
    assert_eq!(stack.resources()["Web"].physical_id, "id-2");
    expect![[r#"
        Create - -> Success id-1
        Update id-1 -> Success id-2
        Delete id-1 -> Success id-1
    "#]]
    .assert_eq(&exchange(&world));
}

#[test]
fn equal_properties_send_nothing_unless_told_to() {
    let world = world(|_| Act::Succeed("id-1"));
    let stack = created(&world);
    assert!(stack.deploy_now(Template::of(&web())).seen.is_empty());
    assert_eq!(stack.update_unchanged_now().seen.len(), 1);
}

#[test]
fn a_failed_update_in_place_is_sent_back_with_the_properties_swapped() {
    let world = world(|event| {
        let fails = event["ResourceProperties"]["HealthCheckPath"] == "/bad";
        if fails && is(event, "Update") {
            Act::Refuse("id-1")
        } else {
            Act::Succeed("id-1")
        }
    });
    let stack = created(&world);
    let outcome = stack.deploy_now(Template::of(&web().health_check_path("/bad")));
    assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
    let history = world.history();
    let back = history.sent().last().unwrap();
    assert_eq!(back["OldResourceProperties"]["HealthCheckPath"], "/bad");
    assert_eq!(back["ResourceProperties"].get("HealthCheckPath"), None);
}

#[test]
fn a_failed_replacement_ends_in_either_of_the_observed_ways() {
    let check = |reaction: FailedReplacement, expected: expect_test::Expect| {
        let world = world(|event| {
            match (
                event["RequestType"].as_str(),
                event["ResourceProperties"].get("Cluster"),
            ) {
                (Some("Update"), Some(_)) => Act::Refuse("id-2"),
                (_, _) => Act::Succeed("id-1"),
            }
        });
        let stack = created(&world).after_failed_replacement(reaction);
        let outcome = stack.deploy_now(Template::of(&web().cluster("other")));
        assert_eq!(outcome.status, StackStatus::UpdateRollbackComplete);
        assert_eq!(stack.resources()["Web"].physical_id, "id-1");
        expected.assert_eq(&exchange(&world));
    };
    check(
        FailedReplacement::DeleteAnsweredId,
        expect![[r#"
            Create - -> Success id-1
            Update id-1 -> Failed id-2
            Delete id-2 -> Success id-1
        "#]],
    );
    check(
        FailedReplacement::UpdateBack,
        expect![[r#"
            Create - -> Success id-1
            Update id-1 -> Failed id-2
            Update id-2 -> Success id-1
            Delete id-2 -> Success id-1
        "#]],
    );
}

#[test]
fn an_event_that_the_function_fails_on_is_delivered_three_times_and_then_set_aside() {
    let world = world(|_| Act::Fail);
    world.deliver(json!({"RequestType": "Create"}));
    world.settle();
    let history = world.history();
    let starts = history.events.iter().filter_map(|event| match event {
        Event::Started { at_ms, .. } => Some((at_ms - express_tests::world::BEGINNING_MS) / 1000),
        _ => None,
    });
    assert_eq!(starts.collect::<Vec<_>>(), [0, 60, 180]);
    assert_eq!(world.dead_letters().borrow().len(), 1);
}

#[test]
fn an_attempt_is_ended_at_the_functions_timeout() {
    let tries = RefCell::new(0);
    let world = world(move |_| {
        *tries.borrow_mut() += 1;
        if *tries.borrow() == 1 {
            Act::Hang
        } else {
            Act::Succeed("id-1")
        }
    });
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(outcome.first().seconds(), 60 + 60);
    assert_eq!(ends(&world)[0], AttemptEnd::TimedOut);
}

fn ends(world: &World) -> Vec<AttemptEnd> {
    let history = world.history();
    let ends = history.events.iter().filter_map(|event| match event {
        Event::Ended { end, .. } => Some(end.clone()),
        _ => None,
    });
    ends.collect()
}

#[test]
fn a_crash_before_or_after_a_call_ends_the_attempt_with_or_without_its_effect() {
    for (fault, puts) in [(Fault::CrashBefore, 1), (Fault::CrashAfter, 2)] {
        let world = world(|_| Act::Succeed("id-1"));
        world.faults().add(Rule::once(None, 0, fault));
        let _stack = created(&world);
        world.settle();
        assert_eq!(ends(&world)[0], AttemptEnd::Crashed);
        assert_eq!(
            world.account().cloud().response_sink.received.len(),
            puts,
            "{fault:?}"
        );
    }
}

#[test]
fn a_late_call_has_its_effect_after_the_attempts_latest_end() {
    let world = world(|_| Act::Succeed("id-1"));
    world
        .faults()
        .add(Rule::once(None, 0, Fault::LandLate).times(3));
    let outcome = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(outcome.first().seconds(), 70);
}

#[test]
fn duplicate_and_late_events_reach_the_function() {
    let world = world(|_| Act::Succeed("id-1"));
    world.deliver_again(&[Duration::from_secs(5)]);
    let stack = created(&world);
    let request_id = world.history().seen().next().unwrap().request_id.clone();
    world.settle();
    world.redeliver(&request_id);
    world.settle();
    assert_eq!(ends(&world).len(), 3);
    assert_eq!(stack.resources().len(), 1);
}

/// A function that starts a waiter on the event and does `on_wait` whenever it is called by it.
fn waited(on_wait: impl Fn(&Value) -> Act + 'static) -> World {
    let on_wait = Rc::new(on_wait);
    let function: Function = Rc::new(move |event, _, runtime| {
        let on_wait = Rc::clone(&on_wait);
        Box::pin(async move {
            if event.get("operation").is_none() {
                express_handler::waiter::start(&runtime, "owner#1", "one")
                    .await
                    .unwrap();
                return Ok(json!({"status": "DONE"}));
            }
            match on_wait(&event) {
                Act::Return(value) => Ok(value),
                _ => Err("a scripted failure".to_owned()),
            }
        })
    });
    let world = World::with_function(function);
    world.deliver(json!({"RequestType": "Create"}));
    world.settle();
    world
}

fn execution(world: &World) -> ExecutionStatus {
    world.account().cloud().sfn.executions[0].status
}

#[test]
fn the_waiter_calls_after_30_seconds_and_then_as_it_is_told() {
    let calls = RefCell::new(0);
    let world = waited(move |_| {
        *calls.borrow_mut() += 1;
        Act::Return(if *calls.borrow() < 3 {
            json!({"status": "WAIT", "seconds": 10})
        } else {
            json!({"status": "DONE"})
        })
    });
    assert_eq!(execution(&world), ExecutionStatus::Succeeded);
    assert_eq!(world.now_ms() - express_tests::world::BEGINNING_MS, 50_000);
}

/// A waiter that meets failures until its last calls, which end as `last` says; the inputs of all calls.
fn given_up(last: impl Fn(usize) -> Act + 'static) -> (World, Vec<Value>) {
    let inputs = Rc::new(RefCell::new(Vec::new()));
    let seen = Rc::clone(&inputs);
    let world = waited(move |input| {
        seen.borrow_mut().push(input.clone());
        if input.get("last").is_none() {
            return Act::Fail;
        }
        let is_last = |input: &&Value| input.get("last").is_some();
        last(seen.borrow().iter().filter(is_last).count())
    });
    let inputs = inputs.borrow().clone();
    (world, inputs)
}

#[test]
fn a_waiter_that_only_meets_failures_asks_for_an_answer_until_nobody_listens() {
    let (world, inputs) = given_up(|_| Act::Fail);
    assert_eq!(execution(&world), ExecutionStatus::Failed);
    let elapsed_s = (world.now_ms() - express_tests::world::BEGINNING_MS) / 1000;
    let end = waiter::LAST_CALLS_UNTIL_S;
    assert!((end..=end + waiter::PAUSE_AFTER_FAILURE_S).contains(&elapsed_s));
    let first_last = inputs
        .iter()
        .position(|input| input.get("last").is_some())
        .unwrap();
    let (others, last) = inputs.split_at(first_last);
    let operation = json!({"operation": "owner#1"});
    assert!(others.iter().all(|input| *input == operation));
    let asked = json!({"operation": "owner#1", "last": true});
    assert!(last.iter().all(|input| *input == asked));
    assert!(last.len() > 1);
}

#[test]
fn a_last_call_that_says_wait_is_made_again_as_told_and_the_execution_fails_all_the_same() {
    let (world, inputs) = given_up(|number| {
        Act::Return(match number {
            1 | 2 => json!({"status": "WAIT", "seconds": 40}),
            _ => json!({"status": "DONE"}),
        })
    });
    assert_eq!(execution(&world), ExecutionStatus::Failed);
    let last = |input: &&Value| input.get("last").is_some();
    assert_eq!(inputs.iter().filter(last).count(), 3);
    let elapsed_s = (world.now_ms() - express_tests::world::BEGINNING_MS) / 1000;
    let (begin, pause) = (waiter::FAILURES_UNTIL_S, waiter::PAUSE_AFTER_FAILURE_S);
    assert!((begin + 80..=begin + pause + 80).contains(&elapsed_s));
}

#[test]
fn calls_are_side_by_side_exactly_when_they_were_made_together() {
    let function: Function = Rc::new(|event, _, runtime| {
        Box::pin(async move {
            let key = || {
                runtime
                    .aws
                    .kms
                    .generate_data_key()
                    .key_id("k")
                    .key_spec("AES_256".into())
                    .send()
            };
            key().await.unwrap();
            let (one, two) = futures::join!(key(), key());
            one.and(two).unwrap();
            Ok(event)
        })
    });
    let world = World::with_function(function);
    world.deliver(json!({}));
    world.settle();
    let history = world.history();
    let rounds: Vec<u64> = history.calls().map(|call| call.round).collect();
    let [first, second, third] = rounds[..] else {
        panic!("{rounds:?}")
    };
    assert!(first < second && second == third, "{rounds:?}");
}
