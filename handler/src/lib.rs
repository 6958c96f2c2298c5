//! The Lambda function behind `Custom::ExpressService`.

use aws_smithy_runtime_api::client::http::SharedHttpConnector;

pub use process::{Process, ServeError, serve};

pub mod cloudformation;
pub mod process;
pub mod refusal;

pub mod aws;
pub mod clock;
pub mod error;
pub mod seal;
pub mod settings;
pub mod telemetry;
pub mod waiter;

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
    /// When Lambda ends the invocation: milliseconds since the Unix epoch.
    pub deadline_ms: u64,
    /// The CloudWatch Logs stream that this process writes to.
    pub log_stream: String,
}

/// Carries out one event.
///
/// # Errors
/// If the event was not answered and nobody else will come back for it.
pub async fn handle(
    runtime: &Runtime,
    invocation: &Invocation,
    event: serde_json::Value,
) -> Result<serde_json::Value, cloudformation::respond::RespondError> {
    let responder = cloudformation::respond::Responder {
        clock: &runtime.clock,
        connector: &runtime.connector,
        hosts: &runtime.settings.response_hosts,
    };
    let refusal = refusal::Refusal {
        code: express_core::decision::HandlerErrorCode::InvalidRequest,
        problem: "this version of the provider has no resource types yet",
        remedy: None,
    };
    refusal::refuse_all(&responder, invocation, &event, &refusal).await?;
    Ok(serde_json::Value::Null)
}
