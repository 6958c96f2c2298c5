//! The waiter: a Step Functions execution that calls the function again until an operation has ended.
//!
//! It is started before the first change is made, so a crash at any later point leaves somebody who comes
//! back (R3). Its input is `{"operation": "<id>"}` and nothing else: executions are kept for 90 days and
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

/// The longest wait between two calls: half of what [`Deadlines::stop_at_ms`] leaves for stopping, so that
/// no deadline is slept through.
pub const WAIT_SECONDS_MAX: u64 = 150;

/// How long CloudFormation waits if the template does not say. Also the longest that it may say.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
pub const SERVICE_TIMEOUT_SECONDS_DEFAULT: u64 = 3600;

/// What CloudFormation may already have counted when the event reaches us, and what the answer needs to get
/// back: we fail first, with the cause (R24).
pub const ANSWER_MARGIN_SECONDS: u64 = 120;

/// What stopping a deployment and its rollback need before the answer (R24).
pub const STOP_MARGIN_SECONDS: u64 = 300;

/// The waiter's input, and that of the call it makes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WaiterInput {
    /// `<owner key>#<RequestId>`, or `pool-<pool>-<ordinal>-close`.
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

/// The name of an operation's execution: `<id>`, and `<id>-2`, `<id>-3`… once earlier ones have died.
///
/// `restart` counts from 0. Characters that are not allowed in names whose executions can be logged become
/// hyphens, and a long id is cut. Neither happens to ids that an accepted event can carry (at most 64
/// letters, digits and hyphens), so two operations never share a name.
#[must_use]
pub fn execution_name(request_id: &str, restart: u32) -> String {
    let suffix = match restart {
        0 => String::new(),
        _ => format!("-{}", restart.saturating_add(1)),
    };
    let room = EXECUTION_NAME_BYTES_MAX.saturating_sub(suffix.len());
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    let mut name: String = request_id
        .chars()
        .map(|c| if allowed(c) { c } else { '-' })
        .take(room)
        .collect();
    name.push_str(&suffix);
    name
}

/// When an operation has to be where. All times are milliseconds since the Unix epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// When to stop waiting and begin to stop the deployment.
    pub stop_at_ms: u64,
    /// When the answer must be sent, whatever it is.
    pub answer_by_ms: u64,
}

impl Deadlines {
    /// The deadlines of an operation whose event arrived at `start_ms`, with the template's
    /// `ServiceTimeout` in seconds ([`SERVICE_TIMEOUT_SECONDS_DEFAULT`] if it has none).
    ///
    /// `answer_by` is [`ANSWER_MARGIN_SECONDS`] before CloudFormation gives up, `stop_at`
    /// [`STOP_MARGIN_SECONDS`] before that. A `ServiceTimeout` too short for these margins has smaller ones:
    /// each takes at most half of the time that there is, so that an answer is always sent in time.
    #[must_use]
    pub fn new(start_ms: u64, service_timeout_seconds: Option<u64>) -> Self {
        let timeout = service_timeout_seconds
            .unwrap_or(SERVICE_TIMEOUT_SECONDS_DEFAULT)
            .min(SERVICE_TIMEOUT_SECONDS_DEFAULT)
            .saturating_mul(1000);
        let until_answer = timeout - (ANSWER_MARGIN_SECONDS * 1000).min(timeout / 2);
        let until_stop = until_answer - (STOP_MARGIN_SECONDS * 1000).min(until_answer / 2);
        Self {
            stop_at_ms: start_ms.saturating_add(until_stop),
            answer_by_ms: start_ms.saturating_add(until_answer),
        }
    }

    /// Whether to stop what is going on and fail.
    #[must_use]
    pub const fn is_time_to_stop(&self, now_ms: u64) -> bool {
        now_ms >= self.stop_at_ms
    }

    /// Whether to answer now, whatever the state.
    #[must_use]
    pub const fn is_time_to_answer(&self, now_ms: u64) -> bool {
        now_ms >= self.answer_by_ms
    }

    /// Seconds of a wait that wants to be `seconds` long, but ends at the next deadline.
    #[must_use]
    pub const fn bound_wait(&self, now_ms: u64, seconds: u64) -> u64 {
        let next = if now_ms < self.stop_at_ms {
            self.stop_at_ms
        } else {
            self.answer_by_ms
        };
        let left = next.saturating_sub(now_ms).div_ceil(1000);
        if seconds < left { seconds } else { left }
    }
}

#[cfg(test)]
mod tests;
