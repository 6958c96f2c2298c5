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
fn execution_names_are_those_of_requests_with_a_count_of_restarts() {
    let long = "x".repeat(200);
    for (operation, restart, expected) in [
        ("5e0c-1", 0, "5e0c-1"),
        ("5e0c-1", 1, "5e0c-1-2"),
        ("5e0c-1", 2, "5e0c-1-3"),
        ("pool-vpc-1-close", 0, "pool-vpc-1-close"),
        ("5e0c-1@1766000000", 1, "5e0c-1-1766000000-2"),
        ("a_b", 0, "a_b"),
        ("a/b é", 0, "a-b--"),
        (&long, 0, &"x".repeat(80)),
        (&long, 11, &format!("{}-12", "x".repeat(77))),
    ] {
        assert_eq!(execution_name(operation, restart), expected);
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
    const ISSUED_MS: u64 = 1_000_000;
    for (timeout, stop_after_s, answer_after_s, given_up_after_s) in [
        (None, 3180, 3480, 3600),
        (Some(3600), 3180, 3480, 3600),
        (Some(99_999), 3180, 3480, 3600),
        (Some(900), 480, 780, 900),
        (Some(600), 240, 480, 600),
        (Some(120), 30, 60, 120),
        (Some(0), 3180, 3480, 3600),
    ] {
        let deadlines = Deadlines::new(ISSUED_MS, timeout);
        let after = |at: u64| (at - ISSUED_MS) / 1000;
        assert_eq!(
            (
                after(stop_at_ms(ISSUED_MS, deadlines.answer_by_ms)),
                after(deadlines.answer_by_ms),
                after(deadlines.given_up_ms)
            ),
            (stop_after_s, answer_after_s, given_up_after_s),
            "{timeout:?}"
        );
    }
}
