use serde_json::json;

use super::*;
use crate::fake_aws::FakeAws;

#[tokio::test]
async fn the_waiter_is_told_the_operation_and_nothing_else() {
    let body = r#"{"executionArn":"arn:aws:states:eu-west-1:111122223333:execution:waiter:r-1","startDate":1}"#;
    let fake = FakeAws::new(move |_, _| Some((200, body.to_owned())));
    let started = start(&fake.runtime(), "owner#r-1", "r-1").await.unwrap();
    assert_eq!(started, Started::Started);
    assert_eq!(
        fake.sent()[0].json(),
        json!({
            "stateMachineArn": "arn:aws:states:eu-west-1:111122223333:stateMachine:waiter",
            "name": "r-1",
            "input": r#"{"operation":"owner#r-1"}"#,
        })
    );
}

#[tokio::test]
async fn a_name_that_was_used_is_no_error_and_others_are() {
    for (code, expected) in [
        ("ExecutionAlreadyExists", Ok(Started::AlreadyExists)),
        (
            "StateMachineDoesNotExist",
            Err("states:StartExecution failed (StateMachineDoesNotExist)"),
        ),
    ] {
        let fake = FakeAws::new(move |_, _| {
            Some((400, format!(r#"{{"__type":"{code}","message":"m"}}"#)))
        });
        let started = start(&fake.runtime(), "owner#r-1", "r-1")
            .await
            .map_err(|error| error.to_string());
        assert_eq!(started, expected.map_err(str::to_owned), "{code}");
    }
}

#[test]
fn execution_names_are_the_request_id_with_a_count_of_restarts() {
    let long = "x".repeat(200);
    for (request_id, restart, expected) in [
        ("5e0c-1", 0, "5e0c-1"),
        ("5e0c-1", 1, "5e0c-1-2"),
        ("5e0c-1", 2, "5e0c-1-3"),
        ("pool-vpc-1-close", 0, "pool-vpc-1-close"),
        ("a/b é", 0, "a-b--"),
        (&long, 0, &"x".repeat(80)),
        (&long, 11, &format!("{}-12", "x".repeat(77))),
    ] {
        assert_eq!(execution_name(request_id, restart), expected);
    }
}

#[test]
fn replies_are_what_the_state_machine_reads() {
    assert_eq!(json!(WaiterReply::Done), json!({"status": "DONE"}));
    assert_eq!(
        json!(WaiterReply::wait(30)),
        json!({"status": "WAIT", "seconds": 30})
    );
    assert_eq!(WaiterReply::wait(0), WaiterReply::Wait { seconds: 5 });
    assert_eq!(WaiterReply::wait(9999), WaiterReply::Wait { seconds: 150 });
    let input = |value| serde_json::from_value::<WaiterInput>(value);
    assert_eq!(input(json!({"operation": "a"})).unwrap().operation, "a");
    assert!(input(json!({"operation": "a", "RequestType": "Create"})).is_err());
}

#[test]
fn case_8_deadlines_come_before_cloudformations() {
    for (timeout, stop_after_s, answer_after_s) in [
        (None, 3180, 3480),
        (Some(3600), 3180, 3480),
        (Some(99_999), 3180, 3480),
        (Some(900), 480, 780),
        (Some(600), 240, 480),
        (Some(120), 30, 60),
        (Some(1), 0, 0),
        (Some(0), 0, 0),
    ] {
        let deadlines = Deadlines::new(1_000_000, timeout);
        let after = |at: u64| (at - 1_000_000) / 1000;
        assert_eq!(
            (after(deadlines.stop_at_ms), after(deadlines.answer_by_ms)),
            (stop_after_s, answer_after_s),
            "{timeout:?}"
        );
    }
}

#[test]
fn a_wait_ends_at_the_next_deadline() {
    let deadlines = Deadlines {
        stop_at_ms: 100_000,
        answer_by_ms: 400_000,
    };
    assert_eq!(deadlines.bound_wait(50_000, 30), 30);
    assert_eq!(deadlines.bound_wait(89_500, 30), 11);
    assert_eq!(deadlines.bound_wait(100_000, 30), 30);
    assert_eq!(deadlines.bound_wait(395_000, 30), 5);
    assert_eq!(deadlines.bound_wait(500_000, 30), 0);
    assert!(deadlines.is_time_to_stop(100_000) && !deadlines.is_time_to_stop(99_999));
    assert!(deadlines.is_time_to_answer(400_000) && !deadlines.is_time_to_answer(399_999));
}
