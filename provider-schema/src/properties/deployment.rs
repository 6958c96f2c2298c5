//! `Deployment`: how a new revision comes into service, and when it goes back.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use super::lifecycle_hook::LifecycleHook;
use super::test_traffic::TestTraffic;
use crate::limits;
use crate::percent::Percent;

/// How a new revision of the service comes into service, and what sends it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Deployment {
    /// What the settings beside it are where they are not given.
    ///
    /// `PRODUCTION`: those of Express Mode, a canary of 5 % for 3 minutes and 3 minutes of bake. `DEVELOPMENT`: as
    /// fast as ECS can be: `Strategy` `BLUE_GREEN`, and every bake time 0. The rollback alarm then sees next to
    /// nothing of a new revision before the old one is gone.
    #[serde(default)]
    pub preset: Preset,

    /// How requests move from the old revision to the new one.
    ///
    /// `CANARY`: a small part of them first, then the rest. `LINEAR`: in equal steps. `BLUE_GREEN`: all at once, when
    /// the new revision runs in full. `ROLLING`: task by task, each as soon as it is healthy; the only one that does
    /// not run twice the tasks. With `Preset` `DEVELOPMENT` the default is `BLUE_GREEN`. The first deployment of a
    /// service has no old revision and bakes nothing.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
    #[serde(default)]
    pub strategy: DeploymentStrategy,

    /// Minutes for which both revisions run after all requests have moved.
    ///
    /// 0 to 1440; 3 if not given, 0 with `Preset` `DEVELOPMENT`. Not with `ROLLING`: there ECS takes as long as the
    /// alarms look back. All bakes and 15 minutes must fit into `ServiceTimeout`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = limits::BAKE_MINUTES_MAX))]
    pub bake_time_in_minutes: Option<u32>,

    /// The canary's part and time; only with `Strategy` `CANARY`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary_configuration: Option<CanaryConfiguration>,

    /// The steps and their time; only with `Strategy` `LINEAR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linear_configuration: Option<LinearConfiguration>,

    /// What ends a deployment whose tasks fail.
    #[serde(default)]
    pub circuit_breaker: CircuitBreaker,

    /// What ends a deployment whose answers are errors.
    #[serde(default)]
    pub rollback_alarm: RollbackAlarm,

    /// Names of further CloudWatch alarms that roll a deployment back when they are in ALARM.
    ///
    /// Up to nine, beside the provider's own. They must exist. One that is in ALARM when a deployment starts makes
    /// ECS ignore all of them for that deployment. Their order has no meaning.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        extend("insertionOrder" = false), length(max = limits::ALARM_NAMES_MAX),
        inner(length(min = 1, max = limits::ALARM_NAME_LENGTH_MAX))
    )]
    pub alarm_names: Vec<String>,

    /// Requests that go to the new revision before others do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_traffic: Option<TestTraffic>,

    /// Lambda functions that ECS calls at stages of a deployment, and that decide whether it goes on.
    ///
    /// Up to ten. Not with `ROLLING`, which has no stages. What they take counts towards `ServiceTimeout`; a deployment
    /// that they hold up longer is rolled back. A first deployment calls them too, and so does one that takes an
    /// update back. Their order has no meaning.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("insertionOrder" = false), length(max = limits::LIFECYCLE_HOOKS_MAX))]
    pub lifecycle_hooks: Vec<LifecycleHook>,

    /// Any text; when it changes, the service is deployed again, with nothing else changed.
    ///
    /// For new values of secrets, or an image whose tag has moved. Up to 128 characters. Not with
    /// `TaskDefinitionArn`: there a new revision does it. It becomes a label of the container in the task definition.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::FORCE_DEPLOYMENT_LENGTH_MAX))]
    pub force_deployment: Option<String>,
}

impl Default for Deployment {
    fn default() -> Self {
        Self {
            preset: Preset::default(),
            strategy: DeploymentStrategy::default(),
            bake_time_in_minutes: Some(defaults::bake_minutes()),
            canary_configuration: Some(CanaryConfiguration::default()),
            linear_configuration: None,
            circuit_breaker: CircuitBreaker::default(),
            rollback_alarm: RollbackAlarm::default(),
            alarm_names: Vec::new(),
            test_traffic: None,
            lifecycle_hooks: Vec::new(),
            force_deployment: None,
        }
    }
}

impl Deployment {
    /// Minutes that a deployment bakes in all, and how they come about: `3 + 3`.
    #[must_use]
    pub fn bakes(&self) -> (u32, String) {
        let bake = self.bake_time_in_minutes.unwrap_or_default();
        match self.strategy {
            DeploymentStrategy::Canary => {
                let canary = self.canary_configuration.unwrap_or_default();
                let minutes = canary.canary_bake_time_in_minutes;
                (minutes + bake, format!("{minutes} + {bake}"))
            }
            DeploymentStrategy::Linear => {
                let linear = self.linear_configuration.unwrap_or_default();
                let (steps, minutes) = (linear.baked_steps(), linear.step_bake_time_in_minutes);
                (
                    steps * minutes + bake,
                    format!("{steps} × {minutes} + {bake}"),
                )
            }
            DeploymentStrategy::BlueGreen => (bake, bake.to_string()),
            DeploymentStrategy::Rolling => {
                // A period of the alarm is a minute.
                let periods = self.rollback_alarm.evaluation_periods;
                (periods, periods.to_string())
            }
        }
    }
}

/// What the other settings of a deployment are where they are not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Preset {
    #[default]
    Production,
    Development,
}

/// How requests move from the old revision to the new one; ECS's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeploymentStrategy {
    #[default]
    Canary,
    Linear,
    BlueGreen,
    Rolling,
}

/// A canary: a small part of the requests first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CanaryConfiguration {
    /// Percent of the requests that the new revision takes first.
    ///
    /// 0.1 to 100 in steps of 0.1.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html>
    #[serde(default = "defaults::canary_percent")]
    #[schemars(range(min = 0.1, max = 100.0))]
    pub canary_percent: Percent,

    /// Minutes for which it takes that part.
    ///
    /// 0 to 1440; 0 if not given with `Preset` `DEVELOPMENT`. The alarm looks at whole minutes and needs two of
    /// them, so less than 3 shows it little. ECS's own default is 10.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html>
    #[serde(default = "defaults::bake_minutes")]
    #[schemars(range(min = 0, max = limits::BAKE_MINUTES_MAX))]
    pub canary_bake_time_in_minutes: u32,
}

impl Default for CanaryConfiguration {
    fn default() -> Self {
        Self {
            canary_percent: defaults::canary_percent(),
            canary_bake_time_in_minutes: defaults::bake_minutes(),
        }
    }
}

/// A linear deployment: equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LinearConfiguration {
    /// Percent of the requests that move with each step.
    ///
    /// 3 to 100 in steps of 0.1.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html>
    #[serde(default = "defaults::step_percent")]
    #[schemars(range(min = 3.0, max = 100.0))]
    pub step_percent: Percent,

    /// Minutes between two steps.
    ///
    /// 0 to 1440; 0 if not given with `Preset` `DEVELOPMENT`. Not counted after the last step. ECS's own default is
    /// 6, which with steps of 10 % would not fit into `ServiceTimeout`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html>
    #[serde(default = "defaults::bake_minutes")]
    #[schemars(range(min = 0, max = limits::BAKE_MINUTES_MAX))]
    pub step_bake_time_in_minutes: u32,
}

impl Default for LinearConfiguration {
    fn default() -> Self {
        Self {
            step_percent: defaults::step_percent(),
            step_bake_time_in_minutes: defaults::bake_minutes(),
        }
    }
}

impl LinearConfiguration {
    /// Steps that are baked: all but the one that completes the move.
    fn baked_steps(&self) -> u32 {
        let step = u32::from(self.step_percent.tenths()).max(1);
        limits::ALL_TENTHS.div_ceil(step) - 1
    }
}

/// What ends a deployment whose tasks fail; it is then rolled back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CircuitBreaker {
    /// Whether ECS gives a deployment up when too many of its tasks fail.
    ///
    /// `false` leaves it to the provider, which waits for three tasks that fail in turn, and to `ServiceTimeout`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
    #[serde(default = "defaults::yes")]
    pub enable: bool,

    /// How many failed tasks are too many.
    #[serde(default)]
    pub threshold_configuration: ThresholdConfiguration,
}

impl Default for CircuitBreaker {
    fn default() -> Self {
        Self {
            enable: true,
            threshold_configuration: ThresholdConfiguration::default(),
        }
    }
}

/// How many failed tasks are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ThresholdConfiguration {
    /// What `Value` counts.
    ///
    /// `COUNT`: tasks. `BOUNDED_PERCENT`: percent of the tasks that should run, but at least 3 and at most 200 tasks.
    /// `UNBOUNDED_PERCENT`: the same without these bounds.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html>
    #[serde(rename = "Type", default)]
    pub threshold_type: ThresholdType,

    /// How many of it.
    ///
    /// 1 to 100 percent, or 1 to 5000 tasks.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ThresholdConfiguration.html>
    #[serde(default = "defaults::threshold_value")]
    #[schemars(range(min = 1, max = limits::TASKS_MAX))]
    pub value: u32,
}

impl Default for ThresholdConfiguration {
    fn default() -> Self {
        Self {
            threshold_type: ThresholdType::default(),
            value: defaults::threshold_value(),
        }
    }
}

/// What a circuit breaker's threshold counts; ECS's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ThresholdType {
    Count,
    #[default]
    BoundedPercent,
    UnboundedPercent,
}

/// The provider's alarm: the share of errors among the answers of the new revision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RollbackAlarm {
    /// Percent of errors among the answers of a minute that is still accepted.
    ///
    /// 0 to 99.9 in steps of 0.1. Errors are answers with a status of 500 and above.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
    #[serde(default = "defaults::error_rate_percent")]
    #[schemars(range(min = 0.0, max = 99.9))]
    pub error_rate_percent: Percent,

    /// Requests to the new revision in a minute below which the share of errors says nothing.
    ///
    /// 1 to 1000000. One failed request in a silent minute is no reason to go back. In a canary only its part of the
    /// requests counts.
    #[serde(default = "defaults::minimum_requests")]
    #[schemars(range(min = 1, max = limits::MINIMUM_REQUESTS_MAX))]
    pub minimum_requests: u32,

    /// Whether answers with a status of 400 to 499 are errors too, as in Express Mode.
    ///
    /// Clients cause them: a crawler or a wrong link would roll the deployment back.
    #[serde(rename = "Count4xx", default)]
    pub count_4xx: bool,

    /// Minutes that are looked at.
    ///
    /// 1 to 60.
    /// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
    #[serde(default = "defaults::evaluation_periods")]
    #[schemars(range(min = 1, max = limits::EVALUATION_PERIODS_MAX))]
    pub evaluation_periods: u32,

    /// How many of these minutes must have too many errors.
    ///
    /// Up to `EvaluationPeriods`; 2, or 1 of 1, if not given.
    /// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
    #[serde(default = "defaults::datapoints_to_alarm")]
    #[schemars(range(min = 1, max = limits::EVALUATION_PERIODS_MAX))]
    pub datapoints_to_alarm: u32,
}

impl Default for RollbackAlarm {
    fn default() -> Self {
        Self {
            error_rate_percent: defaults::error_rate_percent(),
            minimum_requests: defaults::minimum_requests(),
            count_4xx: false,
            evaluation_periods: defaults::evaluation_periods(),
            datapoints_to_alarm: defaults::datapoints_to_alarm(),
        }
    }
}
