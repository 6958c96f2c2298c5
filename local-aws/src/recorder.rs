//! What was called: for traces, call budgets, the IAM check and the check against service models.

use std::sync::Arc;

use serde_json::Value;

use crate::cloud::Outcome;
use crate::wire::{self, Call, Protocol, Service};

/// Calls kept at most; the oldest half is dropped beyond.
const CALLS_MAX: usize = 200_000;

/// One recorded call.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// Who was called.
    pub service: Service,
    /// In which protocol.
    pub protocol: Protocol,
    /// `CreateService`
    pub operation: String,
    /// The decoded members.
    pub input: Value,
    /// The output, or AWS's error code.
    pub outcome: Result<Value, String>,
}

impl Recorded {
    /// `ecs:CreateService`
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{}", self.service.iam_prefix(), self.operation)
    }

    /// Whether the call may change something outside the ledger: every operation that does not only read.
    #[must_use]
    pub fn mutates(&self) -> bool {
        self.service.mutates(&self.operation)
    }

    /// Whether the call only looks.
    #[must_use]
    pub fn reads(&self) -> bool {
        wire::reads(&self.operation)
    }
}

/// The calls so far.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    calls: Vec<Arc<Recorded>>,
    /// Calls that were dropped or taken: those before the first of `calls`.
    gone: usize,
}

impl Recorder {
    /// All calls, oldest first.
    #[must_use]
    pub fn calls(&self) -> &[Arc<Recorded>] {
        &self.calls
    }

    /// How many calls there were so far, dropped ones included.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.gone + self.calls.len()
    }

    /// The calls since there were `count` of them; none if some of those were dropped.
    #[must_use]
    pub fn since(&self, count: usize) -> Option<&[Arc<Recorded>]> {
        self.calls.get(count.checked_sub(self.gone)?..)
    }

    /// Takes the calls, leaving none.
    pub fn take(&mut self) -> Vec<Arc<Recorded>> {
        self.gone += self.calls.len();
        std::mem::take(&mut self.calls)
    }

    pub(crate) fn record(&mut self, at_ms: u64, call: &Call, outcome: &Outcome) {
        if self.calls.len() >= CALLS_MAX {
            self.calls.drain(..CALLS_MAX / 2);
            self.gone += CALLS_MAX / 2;
        }
        self.calls.push(Arc::new(Recorded {
            at_ms,
            service: call.service,
            protocol: call.protocol,
            operation: call.operation.clone(),
            input: call.input.clone(),
            outcome: match outcome {
                Ok(output) => Ok(output.clone()),
                Err(refusal) => Err(refusal.code.clone()),
            },
        }));
    }
}
