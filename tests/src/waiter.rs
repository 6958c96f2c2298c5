//! The waiter's state machine, as `templates/provider.yaml` defines it, for each execution that is started.

use local_aws::sfn::{Execution, ExecutionStatus};
use serde_json::Value;

use crate::history::{AttemptEnd, Event};
use crate::lambda;
use crate::world::World;

/// The wait before the first call, while the attempt that started the execution goes on.
const FIRST_WAIT_S: u64 = 30;

/// The pause after a call that failed.
const PAUSE_AFTER_FAILURE_S: u64 = 20;

/// How long after its start an execution still tries again after a failure.
const FAILURES_UNTIL_S: u64 = 3_300;

/// Bounds of the wait that the function asks for.
const WAIT_S: std::ops::RangeInclusive<u64> = 5..=900;

/// Carries on the execution at `index` until it ends.
pub(crate) async fn carry_on(world: World, index: usize, execution: Execution) {
    let input: Value = serde_json::from_str(&execution.input)
        .unwrap_or_else(|error| panic!("the waiter's input is not JSON: {error}"));
    world.sleep_s(FIRST_WAIT_S).await;
    let status = loop {
        match lambda::invoke(&world, input.clone()).await.reply() {
            Some(Reply::Done) => break ExecutionStatus::Succeeded,
            Some(Reply::Wait(seconds)) => {
                world
                    .sleep_s(seconds.clamp(*WAIT_S.start(), *WAIT_S.end()))
                    .await;
            }
            None if world.now_ms() < execution.started_ms + FAILURES_UNTIL_S * 1000 => {
                world.sleep_s(PAUSE_AFTER_FAILURE_S).await;
            }
            None => {
                let mut last = input.clone();
                last["last"] = Value::Bool(true);
                // However the last call ends, the execution fails visibly.
                let _end = lambda::invoke(&world, last).await;
                break ExecutionStatus::Failed;
            }
        }
    };
    world.account().cloud().sfn.executions[index].status = status;
    world.history().events.push(Event::WaiterEnded {
        name: execution.name,
        status,
    });
}

enum Reply {
    Done,
    Wait(u64),
}

impl AttemptEnd {
    /// What the state machine reads; an answer that is neither is a failure, like an exception.
    fn reply(&self) -> Option<Reply> {
        match self {
            Self::Returned(value) => match value["status"].as_str() {
                Some("DONE") => Some(Reply::Done),
                Some("WAIT") => value["seconds"].as_u64().map(Reply::Wait),
                Some(_) | None => None,
            },
            Self::Failed(_) | Self::Crashed | Self::TimedOut => None,
        }
    }
}
