//! `deploymentConfiguration`: strategy, bake times, circuit breaker, alarms.
//!
//! Checked against AWS's ranges, kept as it was sent with AWS's defaults filled in.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>

use serde_json::{Value, json};

use crate::ecs::{client, invalid_parameter, set};
use crate::wire::{Input, Refusal};

/// Minutes that a bake may take, at most.
const BAKE_MINUTES_MAX: i64 = 1440;
/// Percent of traffic in a canary, from and to; in steps of 0.1.
const CANARY_PERCENT: (f64, f64) = (0.1, 100.0);
/// AWS's defaults of a canary: percent and minutes.
const CANARY_PERCENT_DEFAULT: f64 = 5.0;
const CANARY_BAKE_MINUTES_DEFAULT: i64 = 10;

/// How deployments of a service go.
#[derive(Clone, Debug)]
pub(in crate::ecs) struct DeploymentConfiguration {
    /// As it is answered.
    pub(in crate::ecs) document: Value,
    pub(in crate::ecs) breaker: Breaker,
    /// Names of the alarms that are watched; empty when `alarms.enable` is false.
    pub(in crate::ecs) alarms: Vec<String>,
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
    /// `InvalidParameterException` outside AWS's ranges, `UnsupportedMember` for strategies that are not
    /// simulated.
    pub(super) fn parse(input: Input<'_>) -> Result<Option<Self>, Refusal> {
        let Some(given) = input.object("deploymentConfiguration") else {
            return Ok(None);
        };
        given.only(&[
            "deploymentCircuitBreaker",
            "maximumPercent",
            "minimumHealthyPercent",
            "alarms",
            "strategy",
            "bakeTimeInMinutes",
            "canaryConfiguration",
        ])?;
        let mut document = given.value().clone();
        minutes(given, "bakeTimeInMinutes")?;
        for (name, default) in [("maximumPercent", 200), ("minimumHealthyPercent", 100)] {
            let percent = given.integer(name)?.unwrap_or(default);
            if !(0..=200).contains(&percent) {
                return Err(invalid_parameter(format!(
                    "Invalid value {percent} of {name}."
                )));
            }
            set(&mut document, name, json!(percent));
        }
        match given.text("strategy") {
            Some("CANARY") => set(&mut document, "canaryConfiguration", canary(given)?),
            Some("BLUE_GREEN") if given.member("canaryConfiguration").is_some() => {
                return Err(invalid_parameter(
                    "canaryConfiguration is only valid with the CANARY deployment strategy.",
                ));
            }
            Some("BLUE_GREEN") => {}
            other => {
                return Err(client(
                    "UnsupportedMember",
                    format!(
                        "local-aws deploys with strategy CANARY or BLUE_GREEN, not {}",
                        other.unwrap_or("ROLLING, the default")
                    ),
                ));
            }
        }
        let breaker = breaker(given)?;
        if given.member("deploymentCircuitBreaker").is_none() {
            let off = json!({"enable": false, "rollback": false});
            set(&mut document, "deploymentCircuitBreaker", off);
        }
        Ok(Some(Self {
            document,
            breaker,
            alarms: alarms(given)?,
        }))
    }

    /// The strategy, which may not change during a deployment.
    pub(super) fn strategy(&self) -> Option<&str> {
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

fn canary(given: Input<'_>) -> Result<Value, Refusal> {
    let empty = json!({});
    let canary = given
        .object("canaryConfiguration")
        .unwrap_or(Input::new(&empty));
    canary.only(&["canaryPercent", "canaryBakeTimeInMinutes"])?;
    let percent = canary
        .number("canaryPercent")?
        .unwrap_or(CANARY_PERCENT_DEFAULT);
    let tenths = percent * 10.0;
    let (low, high) = CANARY_PERCENT;
    if !(low..=high).contains(&percent) || (tenths - tenths.round()).abs() > 1e-6 {
        return Err(invalid_parameter(format!(
            "canaryPercent must be between {low} and {high} in steps of 0.1, got {percent}."
        )));
    }
    let bake = minutes(canary, "canaryBakeTimeInMinutes")?.unwrap_or(CANARY_BAKE_MINUTES_DEFAULT);
    Ok(json!({"canaryPercent": percent, "canaryBakeTimeInMinutes": bake}))
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

fn alarms(given: Input<'_>) -> Result<Vec<String>, Refusal> {
    let Some(alarms) = given.object("alarms") else {
        return Ok(Vec::new());
    };
    alarms.only(&["alarmNames", "enable", "rollback"])?;
    let names = alarms.texts("alarmNames");
    let (Some(enabled), Some(_)) = (alarms.flag("enable")?, alarms.flag("rollback")?) else {
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
    Ok(names.into_iter().map(str::to_owned).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::DeploymentConfiguration;
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
            (json!({"lifecycleHooks": []}), "UnsupportedMember"),
            (json!({"strategy": "ROLLING"}), "UnsupportedMember"),
            (json!({"strategy": "LINEAR"}), "UnsupportedMember"),
        ] {
            let mut configuration = json!({"strategy": "CANARY"});
            for (name, value) in members.as_object().unwrap() {
                configuration[name] = value.clone();
            }
            assert_eq!(parse(configuration).unwrap_err().code, code, "{members}");
        }
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
