//! The Lambda function behind `Custom::ExpressService`.
//!
//! One function, one binary, four inputs: a request of CloudFormation for a service, one for the
//! provider's own guard, `{"operation": …}` from the waiter, `{"sweep": true}` from the schedule.
//!
//! ```text
//! request ─► ledger: operation and names ─► waiter ─┐
//!                                                   ├─► operation: observe ─► plan ─► apply ─► answer
//! waiter ───────────────────────────────────────────┘
//! ```
//!
//! What can be decided is decided in `express-core`; this crate calls AWS and makes no choices.

use aws_smithy_runtime_api::client::http::SharedHttpConnector;
use serde_json::Value;

use ledger::LedgerError;
use operation::Attempt;
use pool_operation::PoolError;
use waiter::{WaiterInput, WaiterReply};

pub use process::{Process, ServeError, serve};

pub mod apply;
pub mod evidence;
pub mod observe;
pub mod operation;
pub mod process;
pub mod request;
pub mod resources;

pub mod guard;
pub mod pool_operation;
pub mod sweep;

pub mod cloudformation;
pub mod ledger;
pub mod refusal;
pub mod seal;
pub mod sealed;
pub mod waiter;

pub mod aws;
pub mod clock;
pub mod error;
pub mod settings;
pub mod telemetry;

#[cfg(test)]
mod fake_aws;

/// What a process has once and every invocation uses.
#[derive(Debug)]
pub struct Runtime {
    /// The SDK clients.
    pub aws: aws::AwsClients,
    /// The environment variables.
    pub settings: settings::Settings,
    /// Time, sleep and randomness.
    pub clock: clock::Clock,
    /// Sends answers to CloudFormation. Has a timeout of its own
    /// ([`cloudformation::respond::RESPONSE_TRY_TIMEOUT_MS`]).
    pub connector: SharedHttpConnector,
}

/// What Lambda says about one invocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The function's ARN as it was invoked.
    pub function_arn: String,
    /// The CloudWatch Logs stream that this process writes to.
    pub log_stream: String,
}

/// What one invocation is about.
enum Input {
    /// A request of CloudFormation, or what pretends to be one.
    CloudFormation(Value),
    /// The waiter calls for the next attempt at an operation.
    Waiter(WaiterInput),
    /// The schedule asks for a sweep.
    Sweep,
}

impl Input {
    fn of(event: Value) -> Self {
        // Only as the schedule sends it: what has anything else in it may be a request, and wait for its answer.
        if event == serde_json::json!({"sweep": true}) {
            return Self::Sweep;
        }
        match serde_json::from_value(event.clone()) {
            Ok(input) => Self::Waiter(input),
            Err(_) => Self::CloudFormation(event),
        }
    }
}

/// Why an invocation has to be repeated.
#[derive(Debug, thiserror::Error)]
pub enum HandleError {
    /// A request could not be taken up.
    #[error("request")]
    Request(#[from] request::RequestError),
    /// The ledger did not answer.
    #[error("ledger")]
    Ledger(#[from] LedgerError),
    /// A pool operation or a sweep did not go on.
    #[error("pool")]
    Pool(#[from] PoolError),
    /// The reply could not be written.
    #[error("reply")]
    Reply(#[from] serde_json::Error),
}

/// Carries out one event.
///
/// # Errors
/// When it has to be repeated: by Lambda, or by the waiter.
pub async fn handle(
    runtime: &Runtime,
    invocation: &Invocation,
    event: Value,
) -> Result<Value, HandleError> {
    match Input::of(event) {
        Input::CloudFormation(event) => {
            // The futures of an attempt are deep; on the heap they do not add up on the stack.
            let reply = Box::pin(request::receive(&event, invocation, runtime)).await?;
            Ok(serde_json::to_value(reply)?)
        }
        Input::Waiter(input) => {
            let reply = Box::pin(carry_on(runtime, invocation, &input)).await?;
            Ok(serde_json::to_value(reply)?)
        }
        Input::Sweep => Ok(serde_json::to_value(sweep::run(runtime).await?)?),
    }
}

/// The next attempt at the operation that a waiter waits for.
async fn carry_on(
    runtime: &Runtime,
    invocation: &Invocation,
    input: &WaiterInput,
) -> Result<WaiterReply, HandleError> {
    if let Some(close) = pool_operation::Close::parse(&input.operation) {
        return Ok(pool_operation::carry_on(runtime, &close).await?);
    }
    let (owner_key, request_id) = input.operation.split_once('#').unwrap_or_default();
    let Some(mut stored) = ledger::find(runtime, owner_key).await? else {
        return Ok(WaiterReply::Done);
    };
    let is_open = stored
        .record
        .operation
        .as_ref()
        .is_some_and(|operation| operation.request_id.as_str() == request_id);
    if !is_open {
        // Answered, or ended by a later request, whose own waiter carries on.
        return Ok(WaiterReply::Done);
    }
    if let (true, Some(operation)) = (input.last, &mut stored.record.operation) {
        operation.answer_by_ms = operation.answer_by_ms.min(runtime.clock.now_ms());
    }
    let name = attempt_name(runtime);
    Ok(Attempt::new(runtime, invocation, stored, name)
        .run()
        .await?)
}

/// A name for an attempt that no other attempt has.
pub(crate) fn attempt_name(runtime: &Runtime) -> String {
    let bytes: [u8; 8] = runtime.clock.random_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
