//! Attributes of load balancers and target groups: which there are, their defaults and ranges.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_LoadBalancerAttribute.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetGroupAttribute.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde_json::{Value, json};

use crate::wire::{Input, Refusal};

/// Values by key; all keys of a table are there.
pub(super) type Attributes = BTreeMap<String, String>;

/// Seconds before a deregistered target is gone.
pub(super) const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
/// Whether DeleteLoadBalancer is refused.
pub(super) const DELETION_PROTECTION: &str = "deletion_protection.enabled";

/// Which attributes a kind of resource has.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    /// What the resource is called in messages.
    noun: &'static str,
    rows: &'static [(&'static str, &'static str, Allowed)],
}

#[derive(Clone, Debug)]
enum Allowed {
    Flag,
    OneOf(&'static [&'static str]),
    Number(RangeInclusive<u32>),
    /// A number in the range, or the word.
    NumberOr(&'static str, RangeInclusive<u32>),
    Text,
}

const ON_OFF: &[&str] = &["on", "off"];

/// Attributes of an Application Load Balancer.
pub(super) const LOAD_BALANCER: Table = Table {
    noun: "Load balancer",
    rows: &[
        ("access_logs.s3.bucket", "", Allowed::Text),
        ("access_logs.s3.enabled", "false", Allowed::Flag),
        ("access_logs.s3.prefix", "", Allowed::Text),
        (
            "client_keep_alive.seconds",
            "3600",
            Allowed::Number(60..=604_800),
        ),
        ("connection_logs.s3.bucket", "", Allowed::Text),
        ("connection_logs.s3.enabled", "false", Allowed::Flag),
        ("connection_logs.s3.prefix", "", Allowed::Text),
        (DELETION_PROTECTION, "false", Allowed::Flag),
        (
            "idle_timeout.timeout_seconds",
            "60",
            Allowed::Number(1..=4000),
        ),
        ("ipv6.deny_all_igw_traffic", "false", Allowed::Flag),
        (
            "load_balancing.cross_zone.enabled",
            "true",
            Allowed::OneOf(&["true"]),
        ),
        (
            "routing.http.desync_mitigation_mode",
            "defensive",
            Allowed::OneOf(&["monitor", "defensive", "strictest"]),
        ),
        (
            "routing.http.drop_invalid_header_fields.enabled",
            "false",
            Allowed::Flag,
        ),
        (
            "routing.http.preserve_host_header.enabled",
            "false",
            Allowed::Flag,
        ),
        (
            "routing.http.x_amzn_tls_version_and_cipher_suite.enabled",
            "false",
            Allowed::Flag,
        ),
        (
            "routing.http.xff_client_port.enabled",
            "false",
            Allowed::Flag,
        ),
        (
            "routing.http.xff_header_processing.mode",
            "append",
            Allowed::OneOf(&["append", "preserve", "remove"]),
        ),
        ("routing.http2.enabled", "true", Allowed::Flag),
        ("waf.fail_open.enabled", "false", Allowed::Flag),
        ("zonal_shift.config.enabled", "false", Allowed::Flag),
    ],
};

/// Attributes of a target group of type ip that an Application Load Balancer uses.
pub(super) const TARGET_GROUP: Table = Table {
    noun: "Target group",
    rows: &[
        (DEREGISTRATION_DELAY, "300", Allowed::Number(0..=3600)),
        (
            "load_balancing.algorithm.anomaly_mitigation",
            "off",
            Allowed::OneOf(ON_OFF),
        ),
        (
            "load_balancing.algorithm.type",
            "round_robin",
            Allowed::OneOf(&[
                "round_robin",
                "least_outstanding_requests",
                "weighted_random",
            ]),
        ),
        (
            "load_balancing.cross_zone.enabled",
            "use_load_balancer_configuration",
            Allowed::OneOf(&["true", "false", "use_load_balancer_configuration"]),
        ),
        (
            "slow_start.duration_seconds",
            "0",
            Allowed::NumberOr("0", 30..=900),
        ),
        ("stickiness.app_cookie.cookie_name", "", Allowed::Text),
        (
            "stickiness.app_cookie.duration_seconds",
            "86400",
            Allowed::Number(1..=604_800),
        ),
        ("stickiness.enabled", "false", Allowed::Flag),
        (
            "stickiness.lb_cookie.duration_seconds",
            "86400",
            Allowed::Number(1..=604_800),
        ),
        (
            "stickiness.type",
            "lb_cookie",
            Allowed::OneOf(&["lb_cookie", "app_cookie"]),
        ),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.count",
            "1",
            Allowed::NumberOr("off", 1..=1000),
        ),
        (
            "target_group_health.dns_failover.minimum_healthy_targets.percentage",
            "off",
            Allowed::NumberOr("off", 1..=100),
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count",
            "1",
            Allowed::Number(1..=1000),
        ),
        (
            "target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage",
            "off",
            Allowed::NumberOr("off", 1..=100),
        ),
    ],
};

impl Table {
    /// What a new resource has.
    pub(super) fn defaults(self) -> Attributes {
        self.rows
            .iter()
            .map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    /// The member `Attributes` of a call.
    pub(super) fn parse(self, input: Input<'_>) -> Result<Attributes, Refusal> {
        let mut given = Attributes::new();
        for attribute in input.items("Attributes") {
            let key = attribute.required("Key")?;
            let value = attribute.text("Value").unwrap_or_default();
            let Some((_, _, allowed)) = self.rows.iter().find(|(known, _, _)| *known == key) else {
                let noun = self.noun;
                return Err(super::invalid(format!(
                    "{noun} attribute key '{key}' is not recognized"
                )));
            };
            if !allowed.admits(value) {
                return Err(super::invalid(format!(
                    "'{value}' is not a valid value for attribute '{key}'"
                )));
            }
            given.insert(key.to_owned(), value.to_owned());
        }
        if given.is_empty() {
            return Err(super::invalid("At least one attribute must be given"));
        }
        Ok(given)
    }
}

impl Allowed {
    fn admits(&self, value: &str) -> bool {
        let in_range = |range: &RangeInclusive<u32>| {
            value
                .parse::<u32>()
                .is_ok_and(|number| range.contains(&number))
        };
        match self {
            Self::Flag => matches!(value, "true" | "false"),
            Self::OneOf(values) => values.contains(&value),
            Self::Number(range) => in_range(range),
            Self::NumberOr(word, range) => value == *word || in_range(range),
            Self::Text => true,
        }
    }
}

/// The member `Attributes` of an answer.
pub(super) fn describe(attributes: &Attributes) -> Value {
    let described: Vec<Value> = attributes
        .iter()
        .map(|(key, value)| json!({"Key": key, "Value": value}))
        .collect();
    json!({"Attributes": described})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_an_allowed_value() {
        for table in [LOAD_BALANCER, TARGET_GROUP] {
            for (key, value, allowed) in table.rows {
                assert!(allowed.admits(value), "{key}={value}");
            }
        }
    }

    #[test]
    fn values_out_of_range_and_unknown_keys_are_refused() {
        for (key, value, is_good) in [
            (DEREGISTRATION_DELAY, "0", true),
            (DEREGISTRATION_DELAY, "3601", false),
            ("slow_start.duration_seconds", "29", false),
            ("slow_start.duration_seconds", "30", true),
            ("stickiness.enabled", "yes", false),
            ("deregistration_delay", "30", false),
        ] {
            let input = json!({"Attributes": [{"Key": key, "Value": value}]});
            let parsed = TARGET_GROUP.parse(Input::new(&input));
            assert_eq!(parsed.is_ok(), is_good, "{key}={value}");
        }
    }
}
