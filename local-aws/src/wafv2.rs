//! WAFv2: web ACLs and what they are associated with.
//!
//! AWS: <https://docs.aws.amazon.com/waf/latest/APIReference/API_Operations_AWS_WAFV2.html>

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {}

pub(crate) fn call(_cloud: &mut Cloud, operation: &str, _input: Input<'_>) -> Outcome {
    Err(Refusal::unsupported("wafv2", operation))
}
