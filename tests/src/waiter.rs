//! The waiter's state machine, as `templates/provider.yaml` defines it, for each execution that is started.

use local_aws::sfn::{Execution, ExecutionStatus};
use serde_json::Value;

use crate::history::{AttemptEnd, Event};
use crate::lambda;
use crate::world::World;

/// The wait before the first call, while the attempt that started the execution goes on.
pub const FIRST_WAIT_S: u64 = 30;

/// The pause after a call that failed.
pub const PAUSE_AFTER_FAILURE_S: u64 = 20;

/// How long after its start an execution still tries again after a failure.
pub const FAILURES_UNTIL_S: u64 = 3_300;

/// How long after its start the function is asked once more to answer FAILED.
pub const LAST_CALLS_UNTIL_S: u64 = 3_600;

/// How long after its start an execution that goes on waiting is ended.
pub const TIMEOUT_S: u64 = 9_000;

/// Bounds of the wait that the function asks for.
pub const WAIT_S: std::ops::RangeInclusive<u64> = 5..=900;

/// Carries on the execution at `index` until it ends.
pub(crate) async fn carry_on(world: World, index: usize, execution: Execution) {
    let input: Value = serde_json::from_str(&execution.input)
        .unwrap_or_else(|error| panic!("the waiter's input is not JSON: {error}"));
    world.sleep_s(FIRST_WAIT_S).await;
    let is_before =
        |seconds: u64| world.now_ms() < execution.started_ms.saturating_add(seconds * 1000);
    let status = loop {
        let status = world.account().cloud().sfn.executions[index].status;
        if status != ExecutionStatus::Running {
            // Somebody has stopped it.
            break status;
        }
        match lambda::invoke(&world, input.clone()).await.reply() {
            Some(Reply::Done) => break ExecutionStatus::Succeeded,
            Some(Reply::Wait(_)) if !is_before(TIMEOUT_S) => break ExecutionStatus::TimedOut,
            Some(Reply::Wait(seconds)) => world.sleep_s(bounded(seconds)).await,
            None if is_before(FAILURES_UNTIL_S) => world.sleep_s(PAUSE_AFTER_FAILURE_S).await,
            None => {
                call_for_the_last_time(&world, &input, is_before).await;
                // However the last calls end, the execution fails visibly.
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

/// Asks the function to answer FAILED, until it has or nobody listens any more.
async fn call_for_the_last_time(world: &World, input: &Value, is_before: impl Fn(u64) -> bool) {
    let mut last = input.clone();
    last["last"] = Value::Bool(true);
    loop {
        let pause_s = match lambda::invoke(world, last.clone()).await.reply() {
            Some(Reply::Done) => return,
            Some(Reply::Wait(seconds)) => bounded(seconds),
            None => PAUSE_AFTER_FAILURE_S,
        };
        if !is_before(LAST_CALLS_UNTIL_S) {
            return;
        }
        world.sleep_s(pause_s).await;
    }
}

fn bounded(seconds: u64) -> u64 {
    seconds.clamp(*WAIT_S.start(), *WAIT_S.end())
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
