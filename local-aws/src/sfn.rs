//! Step Functions: standard executions that are started here and carried on by whoever drives the run.
//!
//! AWS: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>

use serde_json::json;

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal, timestamp};

/// Executions in the order they were started.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// All executions, also those that have ended: a name stays taken for 90 days.
    pub executions: Vec<Execution>,
}

/// One execution of a state machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    /// The state machine.
    pub state_machine_arn: String,
    /// Unique for the state machine for 90 days.
    pub name: String,
    /// JSON text.
    pub input: String,
    /// Milliseconds since the epoch.
    pub started_ms: u64,
    /// `RUNNING` until it has ended.
    pub status: ExecutionStatus,
}

/// Where an execution stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExecutionStatus {
    /// Not ended.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// Ended by the state machine's time limit.
    TimedOut,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "StartExecution" => start_execution(cloud, input),
        _ => Err(Refusal::unsupported("states", operation)),
    }
}

/// The same name and input while running succeeds again; once ended, the name is taken. Without a name it gets one.
fn start_execution(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let state_machine_arn = input.required("stateMachineArn")?;
    let generated;
    let name = if let Some(name) = input.text("name") {
        name
    } else {
        generated = cloud.random.uuid();
        &generated
    };
    let body = input.text("input").unwrap_or("{}");
    let arn = format!(
        "{}:{name}",
        state_machine_arn.replacen(":stateMachine:", ":execution:", 1)
    );
    let known = cloud
        .sfn
        .executions
        .iter()
        .find(|known| known.state_machine_arn == state_machine_arn && known.name == name);
    let started_ms = match known {
        Some(known) if known.status == ExecutionStatus::Running && known.input == body => {
            known.started_ms
        }
        Some(_) => {
            return Err(Refusal::client(
                "ExecutionAlreadyExists",
                format!("Execution Already Exists: '{arn}'"),
            ));
        }
        None => {
            let started_ms = cloud.now_ms;
            cloud.sfn.executions.push(Execution {
                state_machine_arn: state_machine_arn.to_owned(),
                name: name.to_owned(),
                input: body.to_owned(),
                started_ms,
                status: ExecutionStatus::Running,
            });
            started_ms
        }
    };
    Ok(json!({"executionArn": arn, "startDate": timestamp(started_ms)}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_execution_without_a_name_gets_one() {
        let mut cloud = Cloud::for_tests();
        let arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:waiter";
        let members = json!({"stateMachineArn": arn, "input": "{}"});
        for _ in 0..2 {
            call(&mut cloud, "StartExecution", Input::new(&members)).unwrap();
        }
        let names: Vec<&str> = cloud
            .sfn
            .executions
            .iter()
            .map(|execution| execution.name.as_str())
            .collect();
        assert!(matches!(names[..], [first, second] if first != second && first.len() == 36));
    }
}
