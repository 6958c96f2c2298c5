//! The waiter's state machine: the driver follows it by hand (`src/waiter.rs`), so its definition is held to the
//! driver's and the handler's numbers and to one picture of its transitions.

use expect_test::expect;
use express_core::claim::ATTEMPT_LENGTH_S;
use express_handler::waiter::{
    ANSWER_MARGIN_SECONDS, SERVICE_TIMEOUT_SECONDS_DEFAULT, WAIT_SECONDS_MAX, WAIT_SECONDS_MIN,
    WaiterInput,
};
use express_tests::waiter::{
    FAILURES_UNTIL_S, FIRST_WAIT_S, LAST_CALLS_UNTIL_S, PAUSE_AFTER_FAILURE_S, TIMEOUT_S, WAIT_S,
};
use serde_json::{Value, json};

use super::{many, properties, string};

/// Events that an execution's history holds; the next one ends the execution.
/// AWS: <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const HISTORY_EVENTS_MAX: u64 = 25_000;

/// Events of the longest way round: a call, two choices, a wait.
/// AWS: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html>
const EVENTS_PER_ROUND: u64 = 11;

fn definition() -> Value {
    properties("Waiter")["Definition"].take()
}

fn state(name: &str) -> Value {
    let found = definition()["States"][name].take();
    assert!(found.is_object(), "there is no state {name}");
    found
}

/// The condition of the only choice of a state.
fn condition(name: &str) -> String {
    string(&state(name)["Choices"][0]["Condition"])
}

fn elapsed_less_than(seconds: u64) -> String {
    format!(
        "{{% $toMillis($states.context.State.EnteredTime) - \
         $toMillis($states.context.Execution.StartTime) < {} %}}",
        seconds * 1000
    )
}

fn told() -> String {
    let (least, most) = (WAIT_S.start(), WAIT_S.end());
    format!("$max([{least}, $min([{most}, $ceil($states.input.seconds)])])")
}

#[test]
fn its_times_are_those_that_the_driver_follows() {
    assert_eq!(state("LetFirstAttemptFinish")["Seconds"], FIRST_WAIT_S);
    assert_eq!(state("PauseAfterFailure")["Seconds"], PAUSE_AFTER_FAILURE_S);
    assert_eq!(
        state("WaitAsTold")["Seconds"],
        format!("{{% {} %}}", told())
    );
    assert_eq!(
        state("PauseBeforeLastAttempt")["Seconds"],
        format!(
            "{{% $type($states.input.seconds) = 'number' ? {} : {PAUSE_AFTER_FAILURE_S} %}}",
            told()
        )
    );
    assert_eq!(
        condition("IsThereTimeLeft"),
        elapsed_less_than(FAILURES_UNTIL_S)
    );
    assert_eq!(
        condition("IsAnybodyListening"),
        elapsed_less_than(LAST_CALLS_UNTIL_S)
    );
}

#[test]
fn its_transitions_are_those_that_the_driver_follows() {
    let definition = definition();
    let mut picture = format!("start -> {}\n", string(&definition["StartAt"]));
    for (name, state) in definition["States"].as_object().unwrap() {
        let mut ways: Vec<String> = many(&state["Choices"])
            .into_iter()
            .chain(many(&state["Catch"]))
            .map(|way| {
                let when = way.get("Condition").map_or_else(
                    || many(&way["ErrorEquals"])[0].to_string(),
                    |condition| string(condition).replace("$states.", ""),
                );
                format!("\n  {when} -> {}", string(&way["Next"]))
            })
            .collect();
        ways.extend(
            [&state["Next"], &state["Default"]]
                .iter()
                .filter(|next| next.is_string())
                .map(|next| format!("\n  -> {}", string(next))),
        );
        picture += &format!("{name}: {}{}\n", string(&state["Type"]), ways.concat());
    }
    expect![[r#"
        start -> LetFirstAttemptFinish
        LetFirstAttemptFinish: Wait
          -> Attempt
        Attempt: Task
          "States.ALL" -> IsThereTimeLeft
          -> IsItDone
        IsItDone: Choice
          {% input.status = 'DONE' %} -> Done
          {% input.status = 'WAIT' and $type(input.seconds) = 'number' %} -> WaitAsTold
          -> IsThereTimeLeft
        WaitAsTold: Wait
          -> Attempt
        IsThereTimeLeft: Choice
          {% $toMillis(context.State.EnteredTime) - $toMillis(context.Execution.StartTime) < 3300000 %} -> PauseAfterFailure
          -> LastAttempt
        PauseAfterFailure: Wait
          -> Attempt
        LastAttempt: Task
          "States.ALL" -> IsAnybodyListening
          -> IsItGivenUp
        IsItGivenUp: Choice
          {% input.status = 'DONE' %} -> GivenUp
          -> IsAnybodyListening
        IsAnybodyListening: Choice
          {% $toMillis(context.State.EnteredTime) - $toMillis(context.Execution.StartTime) < 3600000 %} -> PauseBeforeLastAttempt
          -> Unanswered
        PauseBeforeLastAttempt: Wait
          -> LastAttempt
        Done: Succeed
        GivenUp: Fail
        Unanswered: Fail
    "#]].assert_eq(&picture);
}

#[test]
fn both_calls_name_the_function_and_the_operation_and_only_the_last_says_so() {
    let mut calls = Vec::new();
    for name in ["Attempt", "LastAttempt"] {
        let state = state(name);
        assert_eq!(state["Arguments"]["FunctionName"], "${FunctionArn}");
        assert_eq!(state["Resource"], "${InvokeFunction}");
        assert_eq!(state["Output"], "{% $states.result.Payload %}");
        let timeout = state["TimeoutSeconds"].as_u64().unwrap();
        assert!(timeout > u64::from(ATTEMPT_LENGTH_S), "{name}");
        let mut payload = state["Arguments"]["Payload"].clone();
        assert_eq!(payload["operation"], "{% $operation %}");
        payload["operation"] = json!("an id");
        calls.push(serde_json::from_value::<WaiterInput>(payload).unwrap());
    }
    assert_eq!([calls[0].last, calls[1].last], [false, true]);
}

/// The optimized integration is an ARN of the partition: `aws`, `aws-cn`, `aws-us-gov`.
/// AWS: <https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html>
#[test]
fn case_63_the_waiter_calls_lambda_in_its_own_partition() {
    let properties = properties("Waiter");
    assert_eq!(
        properties["DefinitionSubstitutions"],
        json!({
            "FunctionArn": {"Fn::GetAtt": "Function.Arn"},
            "InvokeFunction": {"Fn::Sub": "arn:${AWS::Partition}:states:::lambda:invoke"},
        })
    );
    let definition = properties["Definition"].to_string();
    assert!(!definition.contains("arn:"), "{definition}");
}

#[test]
fn every_wait_that_the_function_may_ask_for_is_waited_as_asked() {
    assert!(WAIT_S.contains(&WAIT_SECONDS_MIN));
    assert!(WAIT_S.contains(&WAIT_SECONDS_MAX));
}

#[test]
fn there_is_time_for_a_last_call_before_cloudformation_gives_up() {
    let deadline = SERVICE_TIMEOUT_SECONDS_DEFAULT - ANSWER_MARGIN_SECONDS;
    let call = u64::from(ATTEMPT_LENGTH_S);
    // The latest pause begins just before the limit; then one attempt fails, and the last call begins.
    assert!(FAILURES_UNTIL_S + PAUSE_AFTER_FAILURE_S + 2 * call <= deadline);
    // Nobody listens any longer than that.
    assert_eq!(LAST_CALLS_UNTIL_S, SERVICE_TIMEOUT_SECONDS_DEFAULT);
}

#[test]
fn an_execution_ends_by_itself_before_its_history_is_full() {
    let timeout = definition()["TimeoutSeconds"].as_u64().unwrap();
    assert_eq!(timeout, TIMEOUT_S);
    assert!(timeout > LAST_CALLS_UNTIL_S + WAIT_S.end());
    assert!(timeout / WAIT_S.start() * EVENTS_PER_ROUND < HISTORY_EVENTS_MAX);
}
