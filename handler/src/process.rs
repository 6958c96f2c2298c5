//! One process of the function: either able to work, or able to say why it is not; and what a panic
//! becomes.

use std::any::Any;
use std::panic::AssertUnwindSafe;

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use express_core::decision::HandlerErrorCode;
use futures::FutureExt;
use serde_json::Value;

use crate::clock::Clock;
use crate::cloudformation::respond::{RespondError, Responder};
use crate::refusal::{Refusal, refuse_all};
use crate::settings::SettingsError;
use crate::telemetry::presentable;
use crate::{HandleError, Invocation, Runtime, handle};

/// The most bytes of a panic's message that are logged.
const PANIC_BYTES_MAX: usize = 300;

/// What a process can do.
#[derive(Debug)]
pub enum Process {
    /// Carry out requests.
    Ready(Box<Runtime>),
    /// Only refuse them, naming what is wrong with its environment.
    Misconfigured {
        /// What is wrong.
        error: SettingsError,
        /// As in [`Runtime`].
        clock: Clock,
        /// As in [`Runtime`].
        connector: SharedHttpConnector,
    },
}

/// Why an invocation ends as a failed one: Lambda or the waiter tries again.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The answer could not be delivered.
    #[error("answer not delivered")]
    Respond(#[from] RespondError),
    /// The environment does not even say where answers may go.
    #[error("the function's environment variables are wrong")]
    Misconfigured(#[source] SettingsError),
    /// The event has to be taken up again.
    #[error("event not carried out")]
    Handle(#[from] HandleError),
    /// A bug. The next attempt starts from what it observes.
    #[error("the handler panicked")]
    Panicked,
}

/// Serves one invocation.
///
/// # Guarantees
/// A panic becomes an error of this invocation alone. The process lives on; the request is taken up again
/// by the waiter, or by Lambda, which repeats a failed asynchronous invocation twice.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
///
/// # Errors
/// If the request was not answered and has to be taken up again.
pub async fn serve(
    process: &Process,
    invocation: &Invocation,
    event: Value,
) -> Result<Value, ServeError> {
    match process {
        Process::Ready(runtime) => {
            let handled = catch_panic(handle(runtime, invocation, event)).await?;
            Ok(handled?)
        }
        Process::Misconfigured {
            error,
            clock,
            connector,
        } => {
            let Some(hosts) = &error.response_hosts else {
                return Err(ServeError::Misconfigured(error.clone()));
            };
            let problem = format!("the provider's function is not set up: {error}");
            let refusal = Refusal {
                code: HandlerErrorCode::HandlerInternalFailure,
                problem: &problem,
                remedy: Some("deploy the provider's stack again with valid parameters"),
            };
            let responder = Responder {
                clock,
                connector,
                hosts,
            };
            refuse_all(&responder, invocation, &event, &refusal).await?;
            Ok(Value::Null)
        }
    }
}

/// Runs `future`; a panic in it is logged and becomes [`ServeError::Panicked`].
///
/// Whoever holds what an answer needs can use it around a part of the work and answer
/// `InternalFailure` itself.
///
/// # Errors
/// If `future` panicked.
pub async fn catch_panic<T>(future: impl Future<Output = T>) -> Result<T, ServeError> {
    // Nothing that the future has borrowed is looked at afterwards except what every attempt observes anew.
    AssertUnwindSafe(future)
        .catch_unwind()
        .await
        .map_err(|panic| {
            tracing::error!(
                event = "attempt.panicked",
                message = message_of(panic.as_ref())
            );
            ServeError::Panicked
        })
}

fn message_of(panic: &(dyn Any + Send)) -> String {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no message");
    presentable(text, PANIC_BYTES_MAX)
}

#[cfg(test)]
mod tests;
