//! AWS Lambda: attempts with a time limit, asynchronous delivery at least once.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};

use express_handler::process::catch_panic;
use express_handler::{Invocation, Runtime};
use futures::future::LocalBoxFuture;
use local_aws::connector::InProcess;
use serde_json::Value;
use tracing::Dispatch;

use crate::gate::Gate;
use crate::history::{AttemptEnd, Event};
use crate::invariants;
use crate::world::World;

/// What is under test: the handler's entry, or a stand-in for it in the driver's own tests.
pub type Function = Rc<dyn Fn(Value, Invocation, Rc<Runtime>) -> Running>;

/// A process of the function. Lambda gives it one invocation at a time, and the next one once it has returned.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html>
pub(crate) struct Process {
    pub(crate) gate: Gate,
    pub(crate) runtime: Rc<Runtime>,
}

/// One invocation under way.
pub type Running = LocalBoxFuture<'static, Result<Value, String>>;

/// The function's timeout in `templates/provider.yaml`.
pub const FUNCTION_TIMEOUT_S: u64 = 60;

/// How long before Lambda delivers an asynchronous event that the function failed on: at once, then
/// after one minute, then after two more.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
pub const DELIVERY_PAUSES_S: [u64; 3] = [0, 60, 120];

/// How long a call that was in flight when its attempt ended may still take to have its effect: as long as
/// one call of the SDK lives. It is counted from the attempt's latest end, the worst case.
const LATE_CALL_S: u64 = 10;

/// The real handler.
#[must_use]
pub fn handler() -> Function {
    Rc::new(|event, invocation, runtime| {
        Box::pin(async move {
            // As in `express_handler::serve`.
            let handled = catch_panic(express_handler::handle(&runtime, &invocation, event)).await;
            match handled {
                Ok(handled) => handled.map_err(|error| text(&error)),
                Err(error) => Err(text(&error)),
            }
        })
    })
}

fn text(error: &(dyn Error + 'static)) -> String {
    express_handler::error::chain(error).to_string()
}

/// Delivers an event asynchronously: again when the function fails, then never more.
pub async fn deliver(world: World, event: Value) {
    for pause_s in DELIVERY_PAUSES_S {
        world.sleep_s(pause_s).await;
        match invoke(&world, event.clone()).await {
            AttemptEnd::Returned(_) => return,
            AttemptEnd::Failed(_) | AttemptEnd::Crashed | AttemptEnd::TimedOut => {}
        }
    }
    world.dead_letters().borrow_mut().push(event);
}

/// Invokes the function once and waits for its end.
pub async fn invoke(world: &World, input: Value) -> AttemptEnd {
    let attempt = world.next_attempt();
    let process = world.take_process();
    let connector = process.gate.begin(attempt, world.version());
    let started_ms = world.now_ms();
    let invocation = Invocation {
        function_arn: world.function_arn(),
        log_stream: format!("2026/01/01/[$LATEST]{attempt:032}"),
    };
    world.history().events.push(Event::Started {
        attempt,
        at_ms: started_ms,
        input: input.clone(),
    });
    let end = Attempt {
        work: Some((world.function())(
            input,
            invocation,
            Rc::clone(&process.runtime),
        )),
        connector: connector.clone(),
        timeout: Box::pin(world.sleep_s(FUNCTION_TIMEOUT_S)),
        dispatch: world.logs().dispatch(),
    }
    .await;
    world.history().events.push(Event::Ended {
        attempt,
        at_ms: world.now_ms(),
        end: end.clone(),
    });
    let gate = process.gate.clone();
    match end {
        AttemptEnd::Returned(_) | AttemptEnd::Failed(_) => world.keep_process(process),
        AttemptEnd::Crashed | AttemptEnd::TimedOut => drop(process),
    }
    if connector.has_late_calls() {
        let lands_ms = started_ms + (FUNCTION_TIMEOUT_S + LATE_CALL_S) * 1000;
        let sleep = world.sleep_s(lands_ms.saturating_sub(world.now_ms()).div_ceil(1000));
        world.spawn(async move {
            sleep.await;
            gate.land_late_calls(attempt, &connector);
        });
    }
    if world.is_checked_after(attempt) {
        invariants::check(world, attempt);
    }
    end
}

/// An attempt ends when the function returns, when its process dies, or at its timeout; in the last two
/// cases whatever it was doing is dropped where it stands.
struct Attempt {
    work: Option<Running>,
    connector: InProcess,
    timeout: LocalBoxFuture<'static, ()>,
    dispatch: Dispatch,
}

impl Future for Attempt {
    type Output = AttemptEnd;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<AttemptEnd> {
        let this = &mut *self;
        let Some(work) = &mut this.work else {
            return Poll::Pending;
        };
        let polled = if this.connector.hangs() {
            Poll::Pending
        } else {
            tracing::dispatcher::with_default(&this.dispatch, || work.as_mut().poll(context))
        };
        let end = match polled {
            Poll::Ready(Ok(value)) => AttemptEnd::Returned(value),
            Poll::Ready(Err(error)) => AttemptEnd::Failed(error),
            Poll::Pending if this.connector.has_crashed() => AttemptEnd::Crashed,
            Poll::Pending => match this.timeout.as_mut().poll(context) {
                Poll::Ready(()) => AttemptEnd::TimedOut,
                Poll::Pending => return Poll::Pending,
            },
        };
        // Its sleepers must go with it, or time would stop for a dead process.
        tracing::dispatcher::with_default(&this.dispatch, || this.work = None);
        Poll::Ready(end)
    }
}
