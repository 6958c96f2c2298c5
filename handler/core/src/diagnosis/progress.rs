//! When a running deployment is looked at again, and when it is worth a closer look. A look costs calls that ELB
//! counts for the whole account, so a deployment that gets on is not looked at closely.

use serde::{Deserialize, Serialize};

/// Milliseconds without a running task after which a deployment is looked at: twice what Fargate takes to start one.
const WITHOUT_TASKS_MS: u64 = 60_000;
/// Milliseconds of waiting for healthy targets after which they are looked at: a target that answers badly is
/// unhealthy after two checks, 30 s apart, of tasks that started within the first half minute.
const WITHOUT_HEALTH_MS: u64 = 90_000;

/// Seconds between looks at a deployment whose tasks start, are registered or end.
const LOOK_AGAIN_S: u32 = 15;
/// Seconds between looks at one that only lets time pass: bakes take whole minutes.
const LOOK_AGAIN_BAKING_S: u32 = 30;

/// What a deployment is at: `lifecycleStage`, as far as it matters to who waits.
///
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Its tasks are still to get healthy: not beyond SCALE_UP, or without stages, as a rolling deployment is.
    #[default]
    ScalingUp,
    /// Traffic is on its way, and time passes between its steps or after the last.
    Baking,
    /// Anything after or between.
    GettingOn,
}

impl Phase {
    /// Seconds until another look may show something new.
    #[must_use]
    pub const fn look_again_s(self) -> u32 {
        match self {
            Self::ScalingUp | Self::GettingOn => LOOK_AGAIN_S,
            Self::Baking => LOOK_AGAIN_BAKING_S,
        }
    }
}

/// How far a deployment is, as ECS tells by one call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// `deploymentCircuitBreaker.failureCount`
    pub failures: u32,
    /// `targetServiceRevision.runningTaskCount`
    pub running: u32,
    /// `lifecycleStage`
    pub phase: Phase,
    /// `alarms.triggeredAlarmNames`
    pub triggered_alarms: Vec<String>,
}

/// The last closer look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Examined {
    /// ARN of the deployment that was looked at; none if an older provider did.
    #[serde(default)]
    pub deployment_arn: Option<String>,
    /// Milliseconds since the epoch, by our clock.
    pub at_ms: u64,
    /// The failures that were counted then.
    pub failures: u32,
}

/// Whether there may be something to find that was not there at the last look; `asked_ms` is when the deployment
/// was asked for. Without a load balancer that is in service no target can be healthy, and nothing is wrong.
#[must_use]
pub fn is_worth_a_look(
    progress: &Progress,
    last: Option<&Examined>,
    is_reachable: bool,
    asked_ms: u64,
    now_ms: u64,
) -> bool {
    let since_ms = now_ms.saturating_sub(last.map_or(asked_ms, |last| last.at_ms));
    let failures = last.map_or(0, |last| last.failures);
    progress.failures > failures
        || !progress.triggered_alarms.is_empty() && last.is_none()
        || progress.running == 0 && since_ms >= WITHOUT_TASKS_MS
        || progress.phase == Phase::ScalingUp && is_reachable && since_ms >= WITHOUT_HEALTH_MS
}
