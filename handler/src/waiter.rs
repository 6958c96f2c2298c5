//! The waiter: a Step Functions execution that calls the function again until an operation has ended.
//!
//! It is started before the first change is made, so a crash at any later point leaves somebody who comes
//! back. Its input is `{"operation": "<id>"}` and nothing else: executions are kept for 90 days and
//! readable, so no property and no URL may be in one. It waits, calls the function with that input, and
//! goes on until the function says `{"status":"DONE"}`.
//!
//! Repeat-safe by the execution's name: the same name and input while it runs is a success, and once it
//! has ended the name is refused for 90 days.
//! AWS: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html>

use serde::{Deserialize, Serialize};

use crate::Runtime;
use crate::aws::error::{AwsError, aws_error};

/// The longest name of an execution. AWS: the page above.
pub const EXECUTION_NAME_BYTES_MAX: usize = 80;

/// The shortest wait between two calls. One call is about nine events of an execution's history, which
/// holds 25,000: at 5 s an hour is a quarter of that.
/// AWS: <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
pub const WAIT_SECONDS_MIN: u64 = 5;

/// The longest wait between two calls: half of what [`stop_at_ms`] leaves for stopping, so that
/// no deadline is slept through.
pub const WAIT_SECONDS_MAX: u64 = 150;

/// How long CloudFormation waits if the template does not say. Also the longest that it may say.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
pub const SERVICE_TIMEOUT_SECONDS_DEFAULT: u64 = 3600;

/// What CloudFormation may already have counted when the event reaches us, and what the answer needs to get
/// back: we fail first, with the cause.
pub const ANSWER_MARGIN_SECONDS: u64 = 120;

/// What stopping a deployment and its rollback need before the answer.
pub const STOP_MARGIN_SECONDS: u64 = 300;

/// The waiter's input, and that of the call it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiterInput {
    /// `<owner key>#<RequestId>@<second of its issue>`, or `pool-<pool>-<ordinal>-close`.
    pub operation: String,
    /// Whether nobody calls again after this: the waiter's time is up.
    #[serde(default)]
    pub last: bool,
}

/// What the function tells the waiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "status", rename_all = "UPPERCASE")]
pub enum WaiterReply {
    /// The operation has ended; so may the execution.
    Done,
    /// Call again in so many seconds.
    Wait {
        /// Between [`WAIT_SECONDS_MIN`] and [`WAIT_SECONDS_MAX`].
        seconds: u64,
    },
}

impl WaiterReply {
    /// Call again in `seconds`, brought within the limits.
    #[must_use]
    pub fn wait(seconds: u64) -> Self {
        Self::Wait {
            seconds: seconds.clamp(WAIT_SECONDS_MIN, WAIT_SECONDS_MAX),
        }
    }
}

/// What became of [`start`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// The execution runs, just started or already.
    Started,
    /// An execution of this name has ended (or runs with another input). If the operation is still open, the
    /// execution died: start the next name.
    AlreadyExists,
}

/// Starts the waiter of an operation.
///
/// # Errors
/// If Step Functions refuses or does not answer; the execution may run nevertheless.
pub async fn start(
    runtime: &Runtime,
    operation_id: &str,
    execution_name: &str,
) -> Result<Started, AwsError> {
    let input = serde_json::json!({ "operation": operation_id });
    let started = runtime
        .aws
        .sfn
        .start_execution()
        .state_machine_arn(&runtime.settings.waiter_state_machine_arn)
        .name(execution_name)
        .input(input.to_string())
        .send()
        .await
        .map_err(aws_error("states:StartExecution"));
    match started {
        Ok(_) => Ok(Started::Started),
        Err(error) if error.is("ExecutionAlreadyExists") => Ok(Started::AlreadyExists),
        Err(error) => Err(error),
    }
}

/// The name of an operation's execution: `<RequestId>-<second of its issue>`, and the same with `-2`, `-3`… once earlier ones
/// have died.
///
/// `restart` counts from 0. Characters that are not allowed in names whose executions can be logged become
/// hyphens, and a long id is cut. No id that an accepted event can carry is so long (at most 64 letters, digits and
/// hyphens), so two operations never share a name.
#[must_use]
pub fn execution_name(operation: &str, restart: u32) -> String {
    let suffix = match restart {
        0 => String::new(),
        _ => format!("-{}", restart.saturating_add(1)),
    };
    let room = EXECUTION_NAME_BYTES_MAX.saturating_sub(suffix.len());
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut name: String = operation
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(room)
        .collect();
    name.push_str(&suffix);
    name
}

/// When an operation has to have been answered. All times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// When the answer must be sent, whatever it is.
    pub answer_by_ms: u64,
    /// When CloudFormation stops listening.
    pub given_up_ms: u64,
}

impl Deadlines {
    /// The deadlines of a request that CloudFormation issued at `issued_ms`, with the template's
    /// `ServiceTimeout` in seconds ([`SERVICE_TIMEOUT_SECONDS_DEFAULT`] if it has none that is allowed).
    ///
    /// `answer_by` is [`ANSWER_MARGIN_SECONDS`] before CloudFormation gives up. A `ServiceTimeout` too short
    /// for that has a smaller margin: half of it, so that an answer is always sent in time.
    #[must_use]
    pub fn new(issued_ms: u64, service_timeout_seconds: Option<u64>) -> Self {
        let timeout_ms = service_timeout_seconds
            .filter(|seconds| (1..=SERVICE_TIMEOUT_SECONDS_DEFAULT).contains(seconds))
            .unwrap_or(SERVICE_TIMEOUT_SECONDS_DEFAULT)
            .saturating_mul(1000);
        let given_up_ms = issued_ms.saturating_add(timeout_ms);
        Self {
            answer_by_ms: given_up_ms - (ANSWER_MARGIN_SECONDS * 1000).min(timeout_ms / 2),
            given_up_ms,
        }
    }
}

/// When to stop a deployment that is still under way: [`STOP_MARGIN_SECONDS`] before the answer, or halfway
/// to it where there is less time.
#[must_use]
pub fn stop_at_ms(started_ms: u64, answer_by_ms: u64) -> u64 {
    let length_ms = answer_by_ms.saturating_sub(started_ms);
    answer_by_ms - (STOP_MARGIN_SECONDS * 1000).min(length_ms / 2)
}

#[cfg(test)]
mod tests;
