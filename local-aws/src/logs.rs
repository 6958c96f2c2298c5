//! CloudWatch Logs: log groups, streams and events.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_Operations.html>

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {}

pub(crate) fn call(_cloud: &mut Cloud, operation: &str, _input: Input<'_>) -> Outcome {
    Err(Refusal::unsupported("logs", operation))
}
