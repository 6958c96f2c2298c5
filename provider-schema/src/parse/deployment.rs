//! Reads `Deployment`. What is not given is the preset's; what belongs to another strategy is refused.

use super::lifecycle_hooks::lifecycle_hooks;
use super::reader::{Members, Reading};
use crate::error::PropertyErrors;
use crate::limits::{
    BAKE_MINUTES_MAX, CANARY_PERCENT_TENTHS, ERROR_RATE_PERCENT_TENTHS, EVALUATION_PERIODS_MAX,
    MINIMUM_REQUESTS_MAX, STEP_PERCENT_TENTHS, TASKS_MAX,
};
use crate::percent::Percent;
use crate::properties::{
    CanaryConfiguration, CircuitBreaker, Deployment, DeploymentStrategy, LinearConfiguration,
    Preset, RollbackAlarm, TestTraffic, ThresholdConfiguration, ThresholdType, defaults,
};
use crate::{RequestContext, rules, validate};

const PRESETS: &[(&str, Preset)] = &[
    ("PRODUCTION", Preset::Production),
    ("DEVELOPMENT", Preset::Development),
];

const STRATEGIES: &[(&str, DeploymentStrategy)] = &[
    ("CANARY", DeploymentStrategy::Canary),
    ("LINEAR", DeploymentStrategy::Linear),
    ("BLUE_GREEN", DeploymentStrategy::BlueGreen),
    ("ROLLING", DeploymentStrategy::Rolling),
];

const THRESHOLD_TYPES: &[(&str, ThresholdType)] = &[
    ("COUNT", ThresholdType::Count),
    ("BOUNDED_PERCENT", ThresholdType::BoundedPercent),
    ("UNBOUNDED_PERCENT", ThresholdType::UnboundedPercent),
];

const TRUTHS: &[(&str, bool)] = &[("true", true), ("false", false)];

/// `None` for what follows from something invalid: then nothing is said about it.
pub(super) fn deployment(
    members: &mut Members<'_>,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) -> Option<Deployment> {
    let mut deployment = match members.object("Deployment", problems) {
        Reading::Absent => return Some(Deployment::default()),
        Reading::Invalid => return None,
        Reading::Given(deployment) => deployment,
    };
    let preset = deployment
        .scalar("Preset", problems, |text| rules::choice(text, PRESETS))
        .or(Preset::default());
    let strategy = deployment
        .scalar("Strategy", problems, |text| rules::choice(text, STRATEGIES))
        .or(preset.unwrap_or_default().strategy());
    let bake = preset.unwrap_or_default().bake_minutes();
    let problems_before = problems.0.len();
    let bake_time_in_minutes = deployment.scalar("BakeTimeInMinutes", problems, minutes);
    let canary_configuration = canary(&mut deployment, bake, problems);
    let linear_configuration = linear(&mut deployment, bake, problems);
    let circuit_breaker = circuit_breaker(&mut deployment, problems);
    let rollback_alarm = rollback_alarm(&mut deployment, problems);
    let alarm_names = alarm_names(&mut deployment, problems);
    let test_traffic = test_traffic(&mut deployment, problems);
    let lifecycle_hooks = lifecycle_hooks(&mut deployment, request, problems);
    let force_deployment = deployment
        .scalar("ForceDeployment", problems, rules::force_deployment)
        .given();
    if let Some(strategy) = strategy {
        only_with_their_strategy(&deployment, strategy, problems);
    }
    let is_sound = problems.0.len() == problems_before && preset.is_some();
    deployment.finish(problems);
    let strategy = strategy.filter(|_| is_sound)?;
    Some(Deployment {
        preset: preset.unwrap_or_default(),
        strategy,
        bake_time_in_minutes: match strategy {
            DeploymentStrategy::Rolling => None,
            DeploymentStrategy::Canary
            | DeploymentStrategy::Linear
            | DeploymentStrategy::BlueGreen => bake_time_in_minutes.or(bake),
        },
        canary_configuration: (strategy == DeploymentStrategy::Canary)
            .then_some(canary_configuration),
        linear_configuration: (strategy == DeploymentStrategy::Linear)
            .then_some(linear_configuration),
        circuit_breaker,
        rollback_alarm,
        alarm_names,
        test_traffic,
        lifecycle_hooks,
        force_deployment,
    })
}

/// `None` too when something in it is wrong: then the request is refused.
fn test_traffic(
    deployment: &mut Members<'_>,
    problems: &mut PropertyErrors,
) -> Option<TestTraffic> {
    let Reading::Given(mut test) = deployment.object("TestTraffic", problems) else {
        return None;
    };
    let header_name = test.required("HeaderName", problems, rules::header_name);
    let header_value = test.required("HeaderValue", problems, rules::header_value);
    test.finish(problems);
    Some(TestTraffic {
        header_name: header_name?,
        header_value: header_value?,
    })
}

fn alarm_names(deployment: &mut Members<'_>, problems: &mut PropertyErrors) -> Vec<String> {
    let names = deployment.scalars("AlarmNames", problems, rules::alarm_name);
    validate::alarm_names(&names, &deployment.pointer("AlarmNames"), problems);
    let mut names: Vec<String> = names.into_iter().flatten().collect();
    names.sort_unstable();
    names
}

impl Preset {
    fn strategy(self) -> DeploymentStrategy {
        match self {
            Self::Production => DeploymentStrategy::default(),
            Self::Development => DeploymentStrategy::BlueGreen,
        }
    }

    fn bake_minutes(self) -> u32 {
        match self {
            Self::Production => defaults::bake_minutes(),
            Self::Development => 0,
        }
    }
}

fn minutes(text: &str) -> Result<u32, String> {
    rules::whole_number(text, 0..=BAKE_MINUTES_MAX)
}

fn only_with_their_strategy(
    deployment: &Members<'_>,
    strategy: DeploymentStrategy,
    problems: &mut PropertyErrors,
) {
    use DeploymentStrategy::{Canary, Linear, Rolling};
    for (name, is_out_of_place, problem) in [
        (
            "CanaryConfiguration",
            strategy != Canary,
            "is only for `Strategy` `CANARY`",
        ),
        (
            "LinearConfiguration",
            strategy != Linear,
            "is only for `Strategy` `LINEAR`",
        ),
        (
            "BakeTimeInMinutes",
            strategy == Rolling,
            "is not for `Strategy` `ROLLING`: ECS takes as long as the alarms look back",
        ),
        (
            "TestTraffic",
            strategy == Rolling,
            "is not for `Strategy` `ROLLING`, which has no test traffic",
        ),
        (
            "LifecycleHooks",
            strategy == Rolling,
            "is not for `Strategy` `ROLLING`, which has no stages",
        ),
    ] {
        if is_out_of_place && deployment.is_given(name) {
            problems.add(&deployment.pointer(name), problem);
        }
    }
}

fn canary(
    deployment: &mut Members<'_>,
    bake: u32,
    problems: &mut PropertyErrors,
) -> CanaryConfiguration {
    let default = CanaryConfiguration {
        canary_bake_time_in_minutes: bake,
        ..CanaryConfiguration::default()
    };
    let Reading::Given(mut canary) = deployment.object("CanaryConfiguration", problems) else {
        return default;
    };
    let percent = canary.scalar("CanaryPercent", problems, |text| {
        rules::percent(text, CANARY_PERCENT_TENTHS)
    });
    let minutes = canary.scalar("CanaryBakeTimeInMinutes", problems, minutes);
    canary.finish(problems);
    CanaryConfiguration {
        canary_percent: percent.or(default.canary_percent).unwrap_or_default(),
        canary_bake_time_in_minutes: minutes.or(bake).unwrap_or_default(),
    }
}

fn linear(
    deployment: &mut Members<'_>,
    bake: u32,
    problems: &mut PropertyErrors,
) -> LinearConfiguration {
    let default = LinearConfiguration {
        step_bake_time_in_minutes: bake,
        ..LinearConfiguration::default()
    };
    let Reading::Given(mut linear) = deployment.object("LinearConfiguration", problems) else {
        return default;
    };
    let percent = linear.scalar("StepPercent", problems, |text| {
        rules::percent(text, STEP_PERCENT_TENTHS)
    });
    let minutes = linear.scalar("StepBakeTimeInMinutes", problems, minutes);
    linear.finish(problems);
    LinearConfiguration {
        step_percent: percent.or(default.step_percent).unwrap_or_default(),
        step_bake_time_in_minutes: minutes.or(bake).unwrap_or_default(),
    }
}

fn circuit_breaker(deployment: &mut Members<'_>, problems: &mut PropertyErrors) -> CircuitBreaker {
    let Reading::Given(mut breaker) = deployment.object("CircuitBreaker", problems) else {
        return CircuitBreaker::default();
    };
    let enable = breaker.scalar("Enable", problems, |text| rules::choice(text, TRUTHS));
    let threshold_configuration = threshold(&mut breaker, problems);
    breaker.finish(problems);
    CircuitBreaker {
        enable: enable.or(true).unwrap_or_default(),
        threshold_configuration,
    }
}

fn threshold(breaker: &mut Members<'_>, problems: &mut PropertyErrors) -> ThresholdConfiguration {
    let Reading::Given(mut threshold) = breaker.object("ThresholdConfiguration", problems) else {
        return ThresholdConfiguration::default();
    };
    let threshold_type = threshold
        .scalar("Type", problems, |text| {
            rules::choice(text, THRESHOLD_TYPES)
        })
        .or(ThresholdType::default());
    // Which values are allowed depends on the type; of an unknown one nothing is known.
    let value_max = match threshold_type {
        Some(ThresholdType::BoundedPercent | ThresholdType::UnboundedPercent) => 100,
        Some(ThresholdType::Count) | None => TASKS_MAX,
    };
    let value = threshold
        .scalar("Value", problems, |text| {
            rules::whole_number(text, 1..=value_max)
        })
        .or(defaults::threshold_value());
    threshold.finish(problems);
    ThresholdConfiguration {
        threshold_type: threshold_type.unwrap_or_default(),
        value: value.unwrap_or_default(),
    }
}

fn rollback_alarm(deployment: &mut Members<'_>, problems: &mut PropertyErrors) -> RollbackAlarm {
    let default = RollbackAlarm::default();
    let Reading::Given(mut alarm) = deployment.object("RollbackAlarm", problems) else {
        return default;
    };
    let error_rate_percent: Reading<Percent> = alarm.scalar("ErrorRatePercent", problems, |text| {
        rules::percent(text, ERROR_RATE_PERCENT_TENTHS)
    });
    let minimum_requests = alarm.scalar("MinimumRequests", problems, |text| {
        rules::whole_number(text, 1..=MINIMUM_REQUESTS_MAX)
    });
    let count_4xx = alarm.scalar("Count4xx", problems, |text| rules::choice(text, TRUTHS));
    let periods = |text: &str| rules::whole_number(text, 1..=EVALUATION_PERIODS_MAX);
    let evaluation_periods = alarm
        .scalar("EvaluationPeriods", problems, periods)
        .or(default.evaluation_periods);
    let datapoints_to_alarm =
        alarm
            .scalar("DatapointsToAlarm", problems, periods)
            .or(evaluation_periods
                .unwrap_or(default.evaluation_periods)
                .min(default.datapoints_to_alarm));
    validate::datapoints(
        datapoints_to_alarm,
        evaluation_periods,
        &alarm.pointer("DatapointsToAlarm"),
        problems,
    );
    alarm.finish(problems);
    RollbackAlarm {
        error_rate_percent: error_rate_percent
            .or(default.error_rate_percent)
            .unwrap_or_default(),
        minimum_requests: minimum_requests
            .or(default.minimum_requests)
            .unwrap_or_default(),
        count_4xx: count_4xx.or(default.count_4xx).unwrap_or_default(),
        evaluation_periods: evaluation_periods.unwrap_or_default(),
        datapoints_to_alarm: datapoints_to_alarm.unwrap_or_default(),
    }
}
