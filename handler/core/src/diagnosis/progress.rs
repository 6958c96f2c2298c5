//! When a running deployment is worth a closer look. A look costs calls that ELB counts for the whole account
//! (R4), so a deployment that gets on is not looked at.

use serde::{Deserialize, Serialize};

/// Milliseconds without a running task after which a deployment is looked at: twice what Fargate takes to start one.
const WITHOUT_TASKS_MS: u64 = 60_000;
/// Milliseconds of waiting for healthy targets after which they are looked at: a target that answers badly is
/// unhealthy after two checks, 30 s apart, of tasks that started within the first half minute.
const WITHOUT_HEALTH_MS: u64 = 90_000;

/// How far a deployment is, as ECS tells by one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// `deploymentCircuitBreaker.failureCount`
    pub failures: u32,
    /// `targetServiceRevision.runningTaskCount`
    pub running: u32,
    /// Whether its tasks are still to get healthy: `lifecycleStage` is not beyond SCALE_UP.
    pub is_scaling_up: bool,
    /// `alarms.triggeredAlarmNames`
    pub triggered_alarms: Vec<String>,
}

/// The last closer look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// Milliseconds since the epoch, by our clock.
    pub at_ms: u64,
    /// The failures that were counted then.
    pub failures: u32,
}

/// Whether there may be something to find that was not there at the last look; `asked_ms` is when the deployment
/// was asked for.
#[must_use]
pub fn is_worth_a_look(
    progress: &Progress,
    last: Option<Examined>,
    asked_ms: u64,
    now_ms: u64,
) -> bool {
    let since_ms = now_ms.saturating_sub(last.map_or(asked_ms, |last| last.at_ms));
    let failures = last.map_or(0, |last| last.failures);
    progress.failures > failures
        || !progress.triggered_alarms.is_empty() && last.is_none()
        || progress.running == 0 && since_ms >= WITHOUT_TASKS_MS
        || progress.is_scaling_up && since_ms >= WITHOUT_HEALTH_MS
}
