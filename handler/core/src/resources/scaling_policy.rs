//! Scaling policies: one target-tracking policy per service.
//!
//! Identity: the service and the policy's name. Repeat-safe: PutScalingPolicy replaces its settings.
//! Requests per target are metric maths over both target groups: a predefined metric names one group,
//! and the live one alternates with every deployment.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html>

use super::Tags;

/// A policy that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalingPolicySpec {
    /// Its name.
    pub name: String,
    /// The service's scalable target.
    pub resource_id: String,
    /// Tags that the scalable target gets again where they are needed to write the policy.
    pub target_tags: Tags,
    /// What is tracked.
    pub metric: TrackedMetric,
    /// The value that is aimed at: percent, or requests per task and minute.
    pub target_value: u32,
    /// What people have set of the policy that is there.
    pub pace: ScalingPace,
}

/// How fast a policy scales: people's, and sent again with what is ours, because all of a policy is written at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScalingPace {
    /// Seconds after tasks were taken away before more are; Application Auto Scaling's default where there are none.
    pub in_cooldown_s: Option<i32>,
    /// Seconds after tasks were added before more are.
    pub out_cooldown_s: Option<i32>,
    /// Whether no tasks are ever taken away.
    pub is_in_disabled: Option<bool>,
}

/// What a policy tracks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrackedMetric {
    /// `ECSServiceAverageCPUUtilization`
    AverageCpu,
    /// `ECSServiceAverageMemoryUtilization`
    AverageMemory,
    /// Requests per target and minute of both groups together: the idle one has none.
    RequestsPerTarget {
        /// `app/…`
        load_balancer: String,
        /// `targetgroup/…`, a then b
        target_groups: [String; 2],
    },
}

/// The expression of [`TrackedMetric::RequestsPerTarget`], over the metrics `a` and `b`.
pub const REQUESTS_EXPRESSION: &str = "FILL(a, 0) + FILL(b, 0)";

/// A policy that exists.
#[derive(Clone, Debug, PartialEq)]
pub struct ObservedScalingPolicy {
    /// Its name.
    pub name: String,
    /// What it tracks; none for a metric that we never set.
    pub metric: Option<TrackedMetric>,
    /// The value that is aimed at.
    pub target_value: f64,
    /// How fast it scales.
    pub pace: ScalingPace,
    /// Whether it has the alarms by which it scales: it has none where CloudWatch took none, or somebody deleted them.
    pub has_alarms: bool,
}

/// Whether the settings differ, or nothing scales by them.
#[must_use]
pub fn differs(spec: &ScalingPolicySpec, observed: &ObservedScalingPolicy) -> bool {
    let ScalingPolicySpec {
        name: _,
        resource_id: _,
        target_tags: _,
        metric,
        target_value,
        pace: _,
    } = spec;
    let target_value = f64::from(*target_value);
    !observed.has_alarms
        || observed.metric.as_ref() != Some(metric)
        || observed.target_value.total_cmp(&target_value).is_ne()
}
