use serde_json::json;

use super::*;
use crate::cloudformation::response_host::ResponseHosts;
use crate::fake_aws::{FakeAws, invocation};
use crate::settings::SettingsProblem;

fn misconfigured(fake: &FakeAws, response_hosts: Option<ResponseHosts>) -> Process {
    let problems = vec![SettingsProblem {
        variable: "EXPRESS_LEDGER_TABLE",
        problem: "is not set".into(),
    }];
    Process::Misconfigured {
        error: SettingsError {
            problems,
            response_hosts,
        },
        clock: fake.clock(),
        connector: fake.connector(),
    }
}

#[tokio::test]
async fn a_misconfigured_function_answers_with_the_cause() {
    let fake = FakeAws::statuses(&[200]);
    let process = misconfigured(&fake, ResponseHosts::parse("https://sink.example").ok());
    let event = json!({"ResponseURL": "https://sink.example/x", "RequestType": "Create", "RequestId": "r-1"});
    serve(&process, &invocation(), event).await.unwrap();
    let reason = fake.sent()[0].json()["Reason"].as_str().unwrap().to_owned();
    assert!(
        reason.contains("EXPRESS_LEDGER_TABLE is not set"),
        "{reason}"
    );
}

#[tokio::test]
async fn without_any_host_to_answer_the_invocation_fails() {
    let fake = FakeAws::statuses(&[200]);
    let served = serve(&misconfigured(&fake, None), &invocation(), json!({})).await;
    assert!(
        matches!(served, Err(ServeError::Misconfigured(_))),
        "{served:?}"
    );
}

#[tokio::test]
async fn case_1_a_panic_ends_one_invocation_only() {
    let caught = catch_panic(async { [1][std::hint::black_box(5)] }).await;
    assert!(matches!(caught, Err(ServeError::Panicked)), "{caught:?}");
    assert_eq!(catch_panic(async { 5 }).await.unwrap(), 5);
    assert_eq!(message_of(&"at https://host/?x"), "at [redacted]");
    assert_eq!(message_of(&String::from("text")), "text");
    assert_eq!(message_of(&5), "no message");
}
