//! CloudWatch: metric alarms.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html>

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {}

pub(crate) fn call(_cloud: &mut Cloud, operation: &str, _input: Input<'_>) -> Outcome {
    Err(Refusal::unsupported("cloudwatch", operation))
}

/// When the next thing happens here by itself, in milliseconds since the epoch.
pub(crate) fn next_due_ms(_state: &State) -> Option<u64> {
    None
}

/// Lets happen what is due at `cloud.now_ms`.
pub(crate) fn happen(_cloud: &mut Cloud) {}
