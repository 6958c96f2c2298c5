//! The protocol of custom resources: cases 1 to 15. Cases 3 and 13 are also checked after every attempt of every
//! test here, by the driver's invariants.

use std::time::Duration;

use express_tests::cloudformation::{RequestType, SeenStatus};
use express_tests::history::Call;
use express_tests::invariants::check_all_answered;
use express_tests::properties::ENVIRONMENT_CANARY;
use express_tests::{Scenario, ServiceProperties, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, RollbackComplete, UpdateComplete};

/// Answers that cost no deployment come at once.
const AT_ONCE_S: u64 = 5;

fn puts(world: &World) -> Vec<Value> {
    let received = world.account().cloud().response_sink.received.clone();
    received
        .iter()
        .map(|put| serde_json::from_str(&put.body).unwrap())
        .collect()
}

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
    world.deliver(event);
    world.settle();
    let answers = puts(&world);
    assert_eq!(world.mutations(), Vec::<String>::new());
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
    assert_eq!(puts(&run.world).len(), run.seen().len());
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
        puts(&world)
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
fn case_6_an_event_that_is_delivered_twice_has_one_effect() {
    let once = Scenario::new().create(web()).run();
    for later in [0, 1, 30, 200] {
        let twice = Scenario::new()
            .delivered_twice(Duration::from_secs(later))
            .create(web())
            .run();
        assert_eq!(twice.statuses(), [CreateComplete], "{later} s");
        assert_eq!(
            twice.world.inventory().to_string(),
            once.world.inventory().to_string(),
            "{later} s"
        );
        assert_eq!(puts(&twice.world).len(), 1, "{later} s");
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
    assert_eq!(puts(&after.world), puts(&before.world));
}

#[test]
fn case_8_a_deployment_that_outlasts_the_service_timeout_fails_with_its_cause_first() {
    let run = Scenario::new()
        .create(web().image("demo/unhealthy").service_timeout(1800))
        .run();
    assert_eq!(run.statuses(), [RollbackComplete]);
    let created = &run.seen()[0];
    assert_eq!(created.status, SeenStatus::Failed);
    assert!(
        created.seconds() < 1800 && !created.reason.is_empty(),
        "{created:?}"
    );
}

#[test]
fn case_9_the_waiter_carries_on_when_every_delivery_has_died() {
    let run = Scenario::new()
        .with_fault(Rule::once(Some("ecs:CreateService"), 0, Fault::CrashBefore).times(4))
        .create(web())
        .run();
    assert_eq!(run.statuses(), [CreateComplete]);
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
fn case_14_texts_mean_what_they_say_and_an_unknown_name_is_refused_with_the_nearest() {
    let typed = web().set("/Cpu", 512).set("/Memory", 1024);
    let texts = web().set("/Cpu", "512").set("/Memory", "1024");
    let (typed, texts) = (
        Scenario::new().create(typed).run(),
        Scenario::new().create(texts).run(),
    );
    assert_eq!(typed.trace(), texts.trace());
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
