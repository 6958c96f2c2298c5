//! How a target group's targets are checked.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>

use std::ops::RangeInclusive;

use serde_json::{Map, Value, json};

use crate::wire::{Input, Refusal};

/// Characters of a path at most.
const PATH_CHARS_MAX: usize = 1024;
/// Status codes that can count as healthy.
const CODES: RangeInclusive<u16> = 200..=499;

/// The members of CreateTargetGroup and ModifyTargetGroup that are about health checks.
pub(super) const MEMBERS: [&str; 9] = [
    "HealthCheckEnabled",
    "HealthCheckProtocol",
    "HealthCheckPort",
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
];

/// The settings of health checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthCheck {
    /// `HTTP` or `HTTPS`.
    pub protocol: String,
    /// None for the port that the target is registered with.
    pub port: Option<u16>,
    /// What is asked for.
    pub path: String,
    /// Seconds from one check of a target to the next.
    pub interval_s: u64,
    /// Seconds that a target may take to answer.
    pub timeout_s: u64,
    /// Successes in a row that make an unhealthy target healthy.
    pub healthy_threshold: u32,
    /// Failures in a row that make a target unhealthy.
    pub unhealthy_threshold: u32,
    /// The status codes of a success: `200`, `200,202` or `200-299`.
    pub matcher: String,
}

impl HealthCheck {
    /// What a new target group of this protocol has.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
    pub(super) fn default_for(protocol: &str) -> Self {
        Self {
            protocol: protocol.to_owned(),
            port: None,
            path: "/".to_owned(),
            interval_s: 30,
            timeout_s: if protocol == "HTTP" { 6 } else { 10 },
            healthy_threshold: 5,
            unhealthy_threshold: 2,
            matcher: "200".to_owned(),
        }
    }

    /// These settings with those that a call gives.
    pub(super) fn changed_by(self, input: Input<'_>) -> Result<Self, Refusal> {
        if input.flag("HealthCheckEnabled")? == Some(false) {
            return Err(Refusal::client(
                "InvalidConfigurationRequest",
                "Health check enabled must be true for target groups with target type 'ip'",
            ));
        }
        let port = match input.text("HealthCheckPort") {
            None => self.port,
            Some("traffic-port") => None,
            Some(port) => Some(parse_port(port)?),
        };
        let changed = Self {
            protocol: protocol(input)?.unwrap_or(self.protocol),
            port,
            path: path(input)?.unwrap_or(self.path),
            interval_s: number(input, "HealthCheckIntervalSeconds", 5..=300)?
                .unwrap_or(self.interval_s),
            timeout_s: number(input, "HealthCheckTimeoutSeconds", 2..=120)?
                .unwrap_or(self.timeout_s),
            healthy_threshold: number(input, "HealthyThresholdCount", 2..=10)?
                .unwrap_or(self.healthy_threshold),
            unhealthy_threshold: number(input, "UnhealthyThresholdCount", 2..=10)?
                .unwrap_or(self.unhealthy_threshold),
            matcher: matcher(input)?.unwrap_or(self.matcher),
        };
        if changed.timeout_s >= changed.interval_s {
            return Err(super::invalid(format!(
                "Health check interval '{}' must be greater than the timeout '{}'",
                changed.interval_s, changed.timeout_s
            )));
        }
        Ok(changed)
    }

    /// Whether an answer with this status code is a success.
    pub(super) fn admits(&self, status: u16) -> bool {
        ranges(&self.matcher).is_some_and(|ranges| ranges.iter().any(|one| one.contains(&status)))
    }

    /// The port of a target that is checked.
    pub(super) fn port_of(&self, target_port: u16) -> u16 {
        self.port.unwrap_or(target_port)
    }

    /// The members of a described target group.
    pub(super) fn describe(&self) -> Map<String, Value> {
        let port = self.port.map(|port| port.to_string());
        let members = json!({
            "HealthCheckEnabled": true,
            "HealthCheckProtocol": self.protocol,
            "HealthCheckPort": port.as_deref().unwrap_or("traffic-port"),
            "HealthCheckPath": self.path,
            "HealthCheckIntervalSeconds": self.interval_s,
            "HealthCheckTimeoutSeconds": self.timeout_s,
            "HealthyThresholdCount": self.healthy_threshold,
            "UnhealthyThresholdCount": self.unhealthy_threshold,
            "Matcher": {"HttpCode": self.matcher},
        });
        members.as_object().cloned().unwrap_or_default()
    }
}

fn protocol(input: Input<'_>) -> Result<Option<String>, Refusal> {
    match input.text("HealthCheckProtocol") {
        None => Ok(None),
        Some(name @ ("HTTP" | "HTTPS")) => Ok(Some(name.to_owned())),
        Some(other) => Err(super::invalid(format!(
            "Health check protocol '{other}' must be one of 'HTTP, HTTPS'"
        ))),
    }
}

fn parse_port(text: &str) -> Result<u16, Refusal> {
    let port = text.parse::<u16>().ok().filter(|port| *port > 0);
    port.ok_or_else(|| {
        super::invalid(format!(
            "Health check port '{text}' must be a port number or 'traffic-port'"
        ))
    })
}

fn path(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(path) = input.text("HealthCheckPath") else {
        return Ok(None);
    };
    let is_printable = path.chars().all(|character| character.is_ascii_graphic());
    if path.starts_with('/') && is_printable && path.len() <= PATH_CHARS_MAX {
        return Ok(Some(path.to_owned()));
    }
    Err(super::invalid(format!(
        "Health check path '{path}' must begin with a '/' character, and can only contain printable \
         ASCII characters (without spaces), at most {PATH_CHARS_MAX}"
    )))
}

fn number<T: TryFrom<i64> + PartialOrd + std::fmt::Display>(
    input: Input<'_>,
    name: &str,
    range: RangeInclusive<T>,
) -> Result<Option<T>, Refusal> {
    let Some(given) = input.integer(name)? else {
        return Ok(None);
    };
    let number = T::try_from(given)
        .ok()
        .filter(|number| range.contains(number));
    match number {
        Some(number) => Ok(Some(number)),
        None => Err(super::invalid(format!(
            "{name} '{given}' must be between {} and {}",
            range.start(),
            range.end()
        ))),
    }
}

fn matcher(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(matcher) = input.object("Matcher") else {
        return Ok(None);
    };
    matcher.only(&["HttpCode"])?;
    let codes = matcher.required("HttpCode")?;
    let is_good = ranges(codes).is_some_and(|ranges| {
        ranges
            .iter()
            .all(|one| CODES.contains(one.start()) && CODES.contains(one.end()))
    });
    if is_good {
        return Ok(Some(codes.to_owned()));
    }
    Err(super::invalid(format!(
        "Health check matcher HTTP code '{codes}' must be within '{}-{}' inclusive",
        CODES.start(),
        CODES.end()
    )))
}

fn ranges(codes: &str) -> Option<Vec<RangeInclusive<u16>>> {
    codes
        .split(',')
        .map(|part| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = first.parse::<u16>().ok()?..=last.parse::<u16>().ok()?;
            (!range.is_empty()).then_some(range)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_codes_are_matched_by_value_list_and_range() {
        for (matcher, status, expected) in [
            ("200", 200, true),
            ("200", 201, false),
            ("200,202", 202, true),
            ("200-299", 204, true),
            ("200-299,404", 404, true),
            ("200-299,404", 300, false),
        ] {
            let check = HealthCheck {
                matcher: matcher.to_owned(),
                ..HealthCheck::default_for("HTTP")
            };
            assert_eq!(check.admits(status), expected, "{matcher} {status}");
        }
    }

    #[test]
    fn settings_out_of_range_are_refused() {
        for (member, value) in [
            ("HealthCheckIntervalSeconds", json!("4")),
            ("HealthCheckIntervalSeconds", json!("6")),
            ("HealthCheckTimeoutSeconds", json!("30")),
            ("HealthCheckTimeoutSeconds", json!("1")),
            ("HealthyThresholdCount", json!("1")),
            ("UnhealthyThresholdCount", json!("11")),
            ("HealthCheckPath", json!("health")),
            ("HealthCheckPath", json!("/a b")),
            ("HealthCheckPort", json!("0")),
            ("HealthCheckProtocol", json!("TCP")),
            ("Matcher", json!({"HttpCode": "500"})),
            ("Matcher", json!({"HttpCode": "299-200"})),
            ("Matcher", json!({"HttpCode": ""})),
        ] {
            let input = json!({(member): value});
            let changed = HealthCheck::default_for("HTTP").changed_by(Input::new(&input));
            assert_eq!(changed.unwrap_err().code, "ValidationError", "{input}");
        }
    }
}
