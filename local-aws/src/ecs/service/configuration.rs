//! `deploymentConfiguration`: strategy, bake times, circuit breaker, alarms.
//!
//! Checked against AWS's ranges, kept as it was sent with AWS's defaults filled in.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>

use serde_json::{Value, json};

use super::lifecycle_hooks::{self, LifecycleHook};
use crate::ecs::{invalid_parameter, set};
use crate::wire::{Input, Refusal};

/// Minutes that a bake may take, at most.
const BAKE_MINUTES_MAX: i64 = 1440;
/// Percent of traffic in a canary, from and to; in steps of 0.1.
const CANARY_PERCENT: (f64, f64) = (0.1, 100.0);
/// AWS's defaults of a canary: percent and minutes.
const CANARY_PERCENT_DEFAULT: f64 = 5.0;
const CANARY_BAKE_MINUTES_DEFAULT: i64 = 10;
/// Percent of traffic in a step of a linear deployment, from and to; in steps of 0.1.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html>
const STEP_PERCENT: (f64, f64) = (3.0, 100.0);
/// AWS's defaults of a linear deployment: percent and minutes of a step.
const STEP_PERCENT_DEFAULT: f64 = 10.0;
const STEP_BAKE_MINUTES_DEFAULT: i64 = 6;
const MINUTE_MS: u64 = 60_000;
/// Members that say how traffic moves with one strategy.
const OF_ONE_STRATEGY: [&str; 3] = [
    "bakeTimeInMinutes",
    "canaryConfiguration",
    "linearConfiguration",
];
/// Shares of traffic are counted in tenths of a percent.
pub(in crate::ecs) const ALL_TENTHS: u32 = 1000;

/// How deployments of a service go.
#[derive(Clone, Debug)]
pub(in crate::ecs) struct DeploymentConfiguration {
    /// As it is answered.
    pub(in crate::ecs) document: Value,
    pub(in crate::ecs) strategy: Strategy,
    /// How long both revisions run after all traffic has moved.
    pub(in crate::ecs) bake_ms: u64,
    pub(in crate::ecs) breaker: Breaker,
    pub(in crate::ecs) alarms: Alarms,
    pub(in crate::ecs) hooks: Vec<LifecycleHook>,
}

/// `strategy`, with what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ecs) enum Strategy {
    /// Tasks are replaced in the group that serves; both in percent of the desired count.
    Rolling {
        minimum_healthy_percent: u32,
        maximum_percent: u32,
    },
    /// The new revision is started beside the old one, and takes these shares of the traffic one after another.
    Shifting {
        /// In tenths of a percent, rising; the last is all.
        shares: Vec<u32>,
        /// How long each share but the last is kept.
        step_bake_ms: u64,
    },
}

/// `alarms`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::ecs) struct Alarms {
    /// Names of those that are watched; empty when `enable` is false.
    pub(in crate::ecs) names: Vec<String>,
    pub(in crate::ecs) rollback: bool,
}

/// `deploymentCircuitBreaker`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ecs) struct Breaker {
    pub(in crate::ecs) enabled: bool,
    pub(in crate::ecs) rollback: bool,
    pub(in crate::ecs) reset_on_healthy_task: bool,
    threshold: Threshold,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Threshold {
    Count(u32),
    BoundedPercent(u32),
    UnboundedPercent(u32),
}

impl Breaker {
    /// How many tasks may fail before the deployment does.
    ///
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>:
    /// the percentage of the desired count, rounded up, of the bounded kind at least 3 and at most 200.
    pub(in crate::ecs) fn threshold(self, desired: u32) -> u32 {
        let percent = |percent: u32| (desired * percent).div_ceil(100);
        match self.threshold {
            Threshold::Count(count) => count,
            Threshold::BoundedPercent(value) => percent(value).clamp(3, 200),
            Threshold::UnboundedPercent(value) => percent(value).max(1),
        }
    }
}

impl DeploymentConfiguration {
    /// The member `deploymentConfiguration`, when it is there.
    ///
    /// # Errors
    /// `InvalidParameterException` outside AWS's ranges.
    pub(super) fn parse(input: Input<'_>) -> Result<Option<Self>, Refusal> {
        let given = input.object("deploymentConfiguration");
        given.map(Self::of).transpose()
    }

    /// The same in an UpdateService: members that are not sent stay as they are, but for those that say how traffic
    /// moves with another strategy.
    /// As others have seen: <https://github.com/go-to-k/cdkd/issues/1225>,
    /// <https://github.com/hashicorp/terraform-provider-aws/pull/47096>
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub(super) fn parse_change(&self, input: Input<'_>) -> Result<Option<Self>, Refusal> {
        let Some(given) = input.object("deploymentConfiguration") else {
            return Ok(None);
        };
        let strategy = given.text("strategy").or(self.strategy_name());
        let mut merged = self.document.clone();
        if let (Some(merged), Some(given)) = (merged.as_object_mut(), given.value().as_object()) {
            if strategy != self.strategy_name() {
                merged.retain(|name, _| !OF_ONE_STRATEGY.contains(&name.as_str()));
            }
            merged.extend(given.clone());
        }
        Self::of(Input::new(&merged)).map(Some)
    }

    fn of(given: Input<'_>) -> Result<Self, Refusal> {
        given.only(&[
            "deploymentCircuitBreaker",
            "maximumPercent",
            "minimumHealthyPercent",
            "alarms",
            "strategy",
            "bakeTimeInMinutes",
            "canaryConfiguration",
            "linearConfiguration",
            "lifecycleHooks",
        ])?;
        let mut document = given.value().clone();
        let percent = |name: &str, default: i64| -> Result<u32, Refusal> {
            let percent = given.integer(name)?.unwrap_or(default);
            u32::try_from(percent)
                .ok()
                .filter(|percent| *percent <= 200)
                .ok_or_else(|| invalid_parameter(format!("Invalid value {percent} of {name}.")))
        };
        let maximum_percent = percent("maximumPercent", 200)?;
        let minimum_healthy_percent = percent("minimumHealthyPercent", 100)?;
        set(&mut document, "maximumPercent", json!(maximum_percent));
        let healthy = json!(minimum_healthy_percent);
        set(&mut document, "minimumHealthyPercent", healthy);
        let name = given.text("strategy").unwrap_or("ROLLING");
        set(&mut document, "strategy", json!(name));
        only_with_its_strategy(given, name)?;
        let bake_minutes = minutes(given, "bakeTimeInMinutes")?;
        let strategy = match name {
            "ROLLING" => rolling(minimum_healthy_percent, maximum_percent)?,
            "BLUE_GREEN" if bake_minutes.is_none() => {
                return Err(invalid_parameter(
                    "bakeTimeInMinutes is required with the BLUE_GREEN deployment strategy.",
                ));
            }
            "BLUE_GREEN" => Strategy::Shifting {
                shares: vec![ALL_TENTHS],
                step_bake_ms: 0,
            },
            "CANARY" => canary(given, &mut document)?,
            "LINEAR" => linear(given, &mut document)?,
            other => {
                return Err(invalid_parameter(format!(
                    "Invalid deployment strategy '{other}'."
                )));
            }
        };
        let breaker = breaker(given)?;
        if given.member("deploymentCircuitBreaker").is_none() {
            let off = json!({"enable": false, "rollback": false});
            set(&mut document, "deploymentCircuitBreaker", off);
        }
        let hooks = lifecycle_hooks::parse(given, &mut document)?;
        Ok(Self {
            document,
            strategy,
            bake_ms: millis(bake_minutes.unwrap_or(0)),
            breaker,
            alarms: alarms(given)?,
            hooks,
        })
    }

    pub(super) const fn is_rolling(&self) -> bool {
        matches!(self.strategy, Strategy::Rolling { .. })
    }

    /// The strategy's name, which may not change during a deployment.
    pub(super) fn strategy_name(&self) -> Option<&str> {
        self.document.get("strategy").and_then(Value::as_str)
    }
}

fn minutes(input: Input<'_>, name: &str) -> Result<Option<i64>, Refusal> {
    let minutes = input.integer(name)?;
    match minutes {
        Some(minutes) if !(0..=BAKE_MINUTES_MAX).contains(&minutes) => Err(invalid_parameter(
            format!("{name} must be between 0 and {BAKE_MINUTES_MAX}, got {minutes}."),
        )),
        Some(_) | None => Ok(minutes),
    }
}

fn millis(minutes: i64) -> u64 {
    u64::try_from(minutes).unwrap_or(0) * MINUTE_MS
}

/// What says how traffic moves belongs to one strategy each.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html>
fn only_with_its_strategy(given: Input<'_>, strategy: &str) -> Result<(), Refusal> {
    for (member, its) in [
        ("canaryConfiguration", "CANARY"),
        ("linearConfiguration", "LINEAR"),
    ] {
        if given.member(member).is_some() && strategy != its {
            return Err(invalid_parameter(format!(
                "{member} is only valid with the {its} deployment strategy."
            )));
        }
    }
    Ok(())
}

/// At least one task more than must be healthy has to be allowed, or nothing could ever be replaced.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service_definition_parameters.html>
fn rolling(minimum_healthy_percent: u32, maximum_percent: u32) -> Result<Strategy, Refusal> {
    if maximum_percent <= minimum_healthy_percent {
        return Err(invalid_parameter(format!(
            "maximumPercent {maximum_percent} must be above minimumHealthyPercent {minimum_healthy_percent}."
        )));
    }
    Ok(Strategy::Rolling {
        minimum_healthy_percent,
        maximum_percent,
    })
}

fn canary(given: Input<'_>, document: &mut Value) -> Result<Strategy, Refusal> {
    let empty = json!({});
    let name = "canaryConfiguration";
    let canary = given.object(name).unwrap_or(Input::new(&empty));
    canary.only(&["canaryPercent", "canaryBakeTimeInMinutes"])?;
    let (percent, tenths) = percent(
        canary,
        "canaryPercent",
        CANARY_PERCENT,
        CANARY_PERCENT_DEFAULT,
    )?;
    let bake = minutes(canary, "canaryBakeTimeInMinutes")?.unwrap_or(CANARY_BAKE_MINUTES_DEFAULT);
    let filled = json!({"canaryPercent": percent, "canaryBakeTimeInMinutes": bake});
    set(document, name, filled);
    let mut shares = vec![tenths, ALL_TENTHS];
    shares.dedup();
    Ok(Strategy::Shifting {
        shares,
        step_bake_ms: millis(bake),
    })
}

fn linear(given: Input<'_>, document: &mut Value) -> Result<Strategy, Refusal> {
    let empty = json!({});
    let name = "linearConfiguration";
    let linear = given.object(name).unwrap_or(Input::new(&empty));
    linear.only(&["stepPercent", "stepBakeTimeInMinutes"])?;
    let (percent, tenths) = percent(linear, "stepPercent", STEP_PERCENT, STEP_PERCENT_DEFAULT)?;
    let bake = minutes(linear, "stepBakeTimeInMinutes")?.unwrap_or(STEP_BAKE_MINUTES_DEFAULT);
    let filled = json!({"stepPercent": percent, "stepBakeTimeInMinutes": bake});
    set(document, name, filled);
    let steps = ALL_TENTHS.div_ceil(tenths);
    Ok(Strategy::Shifting {
        shares: (1..=steps)
            .map(|step| (step * tenths).min(ALL_TENTHS))
            .collect(),
        step_bake_ms: millis(bake),
    })
}

/// A percentage with at most one decimal, also in tenths.
fn percent(
    input: Input<'_>,
    name: &str,
    (low, high): (f64, f64),
    default: f64,
) -> Result<(f64, u32), Refusal> {
    let percent = input.number(name)?.unwrap_or(default);
    let tenths = (1..=ALL_TENTHS).find(|tenths| (f64::from(*tenths) / 10.0 - percent).abs() < 1e-7);
    match tenths {
        Some(tenths) if (low..=high).contains(&percent) => Ok((percent, tenths)),
        Some(_) | None => Err(invalid_parameter(format!(
            "{name} must be between {low} and {high} in steps of 0.1, got {percent}."
        ))),
    }
}

fn breaker(given: Input<'_>) -> Result<Breaker, Refusal> {
    let mut breaker = Breaker {
        enabled: false,
        rollback: false,
        reset_on_healthy_task: true,
        threshold: Threshold::BoundedPercent(50),
    };
    let Some(input) = given.object("deploymentCircuitBreaker") else {
        return Ok(breaker);
    };
    input.only(&[
        "enable",
        "rollback",
        "resetOnHealthyTask",
        "thresholdConfiguration",
    ])?;
    let flag = |name: &str| -> Result<bool, Refusal> {
        input.flag(name)?.ok_or_else(|| {
            invalid_parameter(format!("deploymentCircuitBreaker.{name} cannot be empty."))
        })
    };
    breaker.enabled = flag("enable")?;
    breaker.rollback = flag("rollback")?;
    breaker.reset_on_healthy_task = input.flag("resetOnHealthyTask")?.unwrap_or(true);
    if let Some(threshold) = input.object("thresholdConfiguration") {
        threshold.only(&["type", "value"])?;
        let value = threshold.integer("value")?.unwrap_or(50);
        let value = u32::try_from(value)
            .ok()
            .filter(|value| (1..=5000).contains(value))
            .ok_or_else(|| invalid_parameter(format!("Invalid threshold value {value}.")))?;
        breaker.threshold = match threshold.text("type") {
            Some("COUNT") => Threshold::Count(value),
            None | Some("BOUNDED_PERCENT") => Threshold::BoundedPercent(value),
            Some("UNBOUNDED_PERCENT") => Threshold::UnboundedPercent(value),
            Some(other) => {
                return Err(invalid_parameter(format!(
                    "Invalid threshold type '{other}'."
                )));
            }
        };
    }
    Ok(breaker)
}

fn alarms(given: Input<'_>) -> Result<Alarms, Refusal> {
    let Some(alarms) = given.object("alarms") else {
        return Ok(Alarms::default());
    };
    alarms.only(&["alarmNames", "enable", "rollback"])?;
    let names = alarms.texts("alarmNames");
    let (Some(enabled), Some(rollback)) = (alarms.flag("enable")?, alarms.flag("rollback")?) else {
        return Err(invalid_parameter(
            "alarms.enable and alarms.rollback cannot be empty.",
        ));
    };
    if enabled && names.is_empty() {
        return Err(invalid_parameter(
            "alarms.alarmNames cannot be empty when alarms are enabled.",
        ));
    }
    let names = if enabled { names } else { Vec::new() };
    Ok(Alarms {
        names: names.into_iter().map(str::to_owned).collect(),
        rollback,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{DeploymentConfiguration, Strategy};
    use crate::wire::{Input, Refusal};

    fn parse(configuration: Value) -> Result<DeploymentConfiguration, Refusal> {
        let input = json!({"deploymentConfiguration": configuration});
        DeploymentConfiguration::parse(Input::new(&input)).map(Option::unwrap)
    }

    #[test]
    fn a_canary_gets_the_defaults_of_aws() {
        let document = parse(json!({"strategy": "CANARY"})).unwrap().document;
        assert_eq!(
            document,
            json!({
                "strategy": "CANARY",
                "maximumPercent": 200,
                "minimumHealthyPercent": 100,
                "canaryConfiguration": {"canaryPercent": 5.0, "canaryBakeTimeInMinutes": 10},
                "deploymentCircuitBreaker": {"enable": false, "rollback": false},
            })
        );
    }

    #[test]
    fn values_outside_the_ranges_of_aws_are_refused() {
        for (members, code) in [
            (
                json!({"canaryConfiguration": {"canaryPercent": 0.0}}),
                "InvalidParameterException",
            ),
            (
                json!({"canaryConfiguration": {"canaryPercent": 5.05}}),
                "InvalidParameterException",
            ),
            (
                json!({"canaryConfiguration": {"canaryPercent": 100.1}}),
                "InvalidParameterException",
            ),
            (
                json!({"canaryConfiguration": {"canaryBakeTimeInMinutes": 1441}}),
                "InvalidParameterException",
            ),
            (
                json!({"bakeTimeInMinutes": -1}),
                "InvalidParameterException",
            ),
            (
                json!({"alarms": {"alarmNames": [], "enable": true, "rollback": true}}),
                "InvalidParameterException",
            ),
            (
                json!({"deploymentCircuitBreaker": {"enable": true}}),
                "InvalidParameterException",
            ),
            (json!({"earlySuccessCriteria": {}}), "UnsupportedMember"),
            (json!({"strategy": "SUDDEN"}), "InvalidParameterException"),
            (
                json!({"strategy": "BLUE_GREEN"}),
                "InvalidParameterException",
            ),
            (
                json!({"linearConfiguration": {"stepPercent": 10.0}}),
                "InvalidParameterException",
            ),
            (
                json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 2.9}}),
                "InvalidParameterException",
            ),
            (
                json!({"strategy": "LINEAR", "canaryConfiguration": {}}),
                "InvalidParameterException",
            ),
            (
                json!({"strategy": "ROLLING", "maximumPercent": 100}),
                "InvalidParameterException",
            ),
        ] {
            let mut configuration = json!({"strategy": "CANARY"});
            for (name, value) in members.as_object().unwrap() {
                configuration[name] = value.clone();
            }
            assert_eq!(parse(configuration).unwrap_err().code, code, "{members}");
        }
    }

    #[test]
    fn each_strategy_has_its_shares_of_the_traffic() {
        for (given, shares) in [
            (json!({"strategy": "CANARY"}), vec![50, 1000]),
            (
                json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 0.1}}),
                vec![1, 1000],
            ),
            (
                json!({"strategy": "CANARY", "canaryConfiguration": {"canaryPercent": 100}}),
                vec![1000],
            ),
            (
                json!({"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0}),
                vec![1000],
            ),
            (
                json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 33.3}}),
                vec![333, 666, 999, 1000],
            ),
            (
                json!({"strategy": "LINEAR", "linearConfiguration": {"stepPercent": 50}}),
                vec![500, 1000],
            ),
        ] {
            match parse(given.clone()).unwrap().strategy {
                Strategy::Shifting { shares: parsed, .. } => assert_eq!(parsed, shares, "{given}"),
                Strategy::Rolling { .. } => panic!("{given}"),
            }
        }
    }

    #[test]
    fn what_an_update_does_not_name_stays_but_for_another_strategys() {
        let hook = json!({
            "hookTargetArn": "arn:aws:lambda:eu-west-1:123456789012:function:check",
            "roleArn": "arn:aws:iam::123456789012:role/hooks",
            "lifecycleStages": ["PRE_SCALE_UP"],
        });
        let before = parse(json!({
            "strategy": "CANARY",
            "bakeTimeInMinutes": 5,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true},
            "lifecycleHooks": [hook],
        }))
        .unwrap();
        let after = |change: Value| {
            let input = json!({"deploymentConfiguration": change});
            let changed = before.parse_change(Input::new(&input));
            changed.unwrap().unwrap()
        };
        let same = after(json!({"maximumPercent": 150}));
        assert!(same.breaker.enabled && same.hooks == before.hooks);
        assert_eq!(same.bake_ms, 5 * super::MINUTE_MS);
        assert!(after(json!({"lifecycleHooks": []})).hooks.is_empty());
        let rolling = after(json!({"strategy": "ROLLING"}));
        assert!(rolling.is_rolling() && rolling.bake_ms == 0);
        assert_eq!(rolling.hooks, before.hooks);
    }

    #[test]
    fn the_threshold_follows_the_desired_count_within_its_bounds() {
        for (threshold, desired, failures) in [
            (json!(null), 1, 3),
            (json!(null), 20, 10),
            (json!(null), 1000, 200),
            (json!({"type": "COUNT", "value": 2}), 50, 2),
            (json!({"type": "UNBOUNDED_PERCENT", "value": 10}), 5, 1),
            (json!({"type": "UNBOUNDED_PERCENT", "value": 100}), 400, 400),
        ] {
            let breaker =
                json!({"enable": true, "rollback": true, "thresholdConfiguration": threshold});
            let parsed =
                parse(json!({"strategy": "CANARY", "deploymentCircuitBreaker": breaker})).unwrap();
            assert_eq!(
                parsed.breaker.threshold(desired),
                failures,
                "{threshold} of {desired}"
            );
        }
    }
}
