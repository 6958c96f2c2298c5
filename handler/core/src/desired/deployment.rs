//! What `Deployment` means for the ECS service and for the rollback alarm. The only reader of that property: the
//! destructurings have no `..`.

use provider_schema::{
    CircuitBreaker, Deployment, DeploymentStrategy, Properties, RollbackAlarm, TestTraffic,
    ThresholdConfiguration,
};

use crate::resources::ecs_service::{DeploymentSettings, Strategy};
use crate::resources::listener_rule::TestHeader;
use crate::resources::metric_alarm::AlarmRule;

pub(super) fn deployment_settings(deployment: &Deployment) -> DeploymentSettings {
    let Deployment {
        // The preset is in the values already.
        preset: _,
        strategy,
        bake_time_in_minutes,
        canary_configuration,
        linear_configuration,
        circuit_breaker,
        // Alarms and test traffic are read below, the token is the task definition's.
        rollback_alarm: _,
        alarm_names: _,
        test_traffic: _,
        lifecycle_hooks,
        force_deployment: _,
    } = deployment;
    let CircuitBreaker {
        enable,
        threshold_configuration,
    } = circuit_breaker;
    let ThresholdConfiguration {
        threshold_type,
        value,
    } = threshold_configuration;
    let bake = bake_time_in_minutes.unwrap_or_default();
    DeploymentSettings {
        strategy: match strategy {
            DeploymentStrategy::Canary => {
                let canary = canary_configuration.unwrap_or_default();
                Strategy::Canary {
                    percent: canary.canary_percent,
                    canary_bake: canary.canary_bake_time_in_minutes,
                    bake,
                }
            }
            DeploymentStrategy::Linear => {
                let linear = linear_configuration.unwrap_or_default();
                Strategy::Linear {
                    percent: linear.step_percent,
                    step_bake: linear.step_bake_time_in_minutes,
                    bake,
                }
            }
            DeploymentStrategy::BlueGreen => Strategy::BlueGreen { bake },
            DeploymentStrategy::Rolling => Strategy::Rolling,
        },
        is_breaker_enabled: *enable,
        threshold_type: *threshold_type,
        threshold: *value,
        lifecycle_hooks: lifecycle_hooks.clone(),
    }
}

/// What rolls a deployment back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RollbackAlarms {
    /// When the alarm of ours speaks.
    pub rule: AlarmRule,
    /// Names of further alarms.
    pub names: Vec<String>,
    /// Names of alarms that the old properties had and the new ones have not.
    pub dropped_names: Vec<String>,
}

pub(super) fn rollback_alarms(deployment: &Deployment, old: Option<&Properties>) -> RollbackAlarms {
    let names = deployment.alarm_names.clone();
    let before = old.map(|old| old.deployment.alarm_names.as_slice());
    RollbackAlarms {
        rule: alarm_rule(&deployment.rollback_alarm),
        dropped_names: before
            .unwrap_or_default()
            .iter()
            .filter(|name| !names.contains(name))
            .cloned()
            .collect(),
        names,
    }
}

fn alarm_rule(alarm: &RollbackAlarm) -> AlarmRule {
    let RollbackAlarm {
        error_rate_percent,
        minimum_requests,
        count_4xx,
        evaluation_periods,
        datapoints_to_alarm,
    } = alarm;
    AlarmRule {
        error_rate: *error_rate_percent,
        requests_min: *minimum_requests,
        counts_4xx: *count_4xx,
        evaluation_periods: *evaluation_periods,
        datapoints_to_alarm: *datapoints_to_alarm,
    }
}

pub(super) fn test_header(deployment: &Deployment) -> Option<TestHeader> {
    let TestTraffic {
        header_name,
        header_value,
    } = deployment.test_traffic.as_ref()?;
    Some(TestHeader {
        name: header_name.clone(),
        value: header_value.clone(),
    })
}
