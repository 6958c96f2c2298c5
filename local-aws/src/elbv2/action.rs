//! What a rule does with a request: forward it to target groups by weight, redirect it, or answer it.
//!
//! Actions that authenticate are not implemented and are refused; so each rule has exactly one action.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Action.html>

use serde_json::{Map, Value, json};

use super::quota;
use crate::wire::{Input, Refusal};

/// Largest weight of a target group in a forward action.
const WEIGHT_MAX: u32 = 999;
/// Seconds of stickiness between target groups.
const STICKINESS_S: std::ops::RangeInclusive<i64> = 1..=604_800;
/// Characters of a fixed response's body at most.
const MESSAGE_CHARS_MAX: usize = 1024;
const CONTENT_TYPES: [&str; 5] = [
    "text/plain",
    "text/css",
    "text/html",
    "application/javascript",
    "application/json",
];
/// The parts of a redirect's location, and what they are when not given: those of the request.
const REDIRECT_PARTS: [(&str, &str); 5] = [
    ("Protocol", "#{protocol}"),
    ("Port", "#{port}"),
    ("Host", "#{host}"),
    ("Path", "/#{path}"),
    ("Query", "#{query}"),
];

/// The action of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// To target groups, each with its weight.
    Forward {
        /// ARN and weight (0 to 999) of each group.
        groups: Vec<(String, u32)>,
        /// Seconds that a client stays with its group.
        stickiness_s: Option<i64>,
    },
    /// To another location.
    Redirect {
        /// Protocol, port, host, path, query and status code, by AWS's names.
        config: Map<String, Value>,
    },
    /// An answer of the load balancer's own.
    FixedResponse {
        /// For example 404.
        status: u16,
        /// For example `text/plain`.
        content_type: Option<String>,
        /// The body.
        body: Option<String>,
    },
}

impl Action {
    /// The target groups that it forwards to.
    pub(super) fn groups(&self) -> impl Iterator<Item = &str> {
        let groups: &[(String, u32)] = match self {
            Self::Forward { groups, .. } => groups,
            Self::Redirect { .. } | Self::FixedResponse { .. } => &[],
        };
        groups.iter().map(|(arn, _)| arn.as_str())
    }

    /// A list of this one action.
    pub(super) fn describe(&self) -> Value {
        json!([match self {
            Self::Forward {
                groups,
                stickiness_s,
            } => {
                let tuples: Vec<Value> = groups
                    .iter()
                    .map(|(arn, weight)| json!({"TargetGroupArn": arn, "Weight": weight}))
                    .collect();
                let only = match groups.as_slice() {
                    [(arn, _)] => Some(arn),
                    _ => None,
                };
                json!({
                    "Type": "forward",
                    "TargetGroupArn": only,
                    "ForwardConfig": {
                        "TargetGroups": tuples,
                        "TargetGroupStickinessConfig": {
                            "Enabled": stickiness_s.is_some(),
                            "DurationSeconds": stickiness_s,
                        },
                    },
                })
            }
            Self::Redirect { config } => json!({"Type": "redirect", "RedirectConfig": config}),
            Self::FixedResponse {
                status,
                content_type,
                body,
            } => json!({
                "Type": "fixed-response",
                "FixedResponseConfig": {
                    "StatusCode": status.to_string(),
                    "ContentType": content_type,
                    "MessageBody": body,
                },
            }),
        }])
    }
}

/// The one action of the list `member`.
pub(super) fn parse(input: Input<'_>, member: &str) -> Result<Action, Refusal> {
    let mut actions = input.items(member);
    let (Some(action), None) = (actions.next(), actions.next()) else {
        return Err(invalid_action(
            "You must specify exactly one action of type forward, redirect or fixed-response",
        ));
    };
    match action.required("Type")? {
        "forward" => {
            action.only(&["Type", "Order", "TargetGroupArn", "ForwardConfig"])?;
            forward(action)
        }
        "redirect" => {
            action.only(&["Type", "Order", "RedirectConfig"])?;
            redirect(action)
        }
        "fixed-response" => {
            action.only(&["Type", "Order", "FixedResponseConfig"])?;
            fixed_response(action)
        }
        other => Err(Refusal::client(
            "UnsupportedMember",
            format!("local-aws does not implement actions of type `{other}`"),
        )),
    }
}

fn invalid_action(problem: impl Into<String>) -> Refusal {
    Refusal::client("InvalidLoadBalancerAction", problem)
}

fn forward(action: Input<'_>) -> Result<Action, Refusal> {
    let alone = action.text("TargetGroupArn");
    let Some(config) = action.object("ForwardConfig") else {
        let arn =
            alone.ok_or_else(|| invalid_action("A forward action must name a target group"))?;
        return Ok(Action::Forward {
            groups: vec![(arn.to_owned(), 1)],
            stickiness_s: None,
        });
    };
    config.only(&["TargetGroups", "TargetGroupStickinessConfig"])?;
    let mut groups: Vec<(String, u32)> = Vec::new();
    for tuple in config.items("TargetGroups") {
        tuple.only(&["TargetGroupArn", "Weight"])?;
        let arn = tuple.required("TargetGroupArn")?;
        let weight = u32::try_from(tuple.integer("Weight")?.unwrap_or(1))
            .ok()
            .filter(|weight| *weight <= WEIGHT_MAX)
            .ok_or_else(|| super::invalid(format!("Weight must be between 0 and {WEIGHT_MAX}")))?;
        if groups.iter().any(|(known, _)| known == arn) {
            return Err(invalid_action(format!(
                "Target group '{arn}' is given twice"
            )));
        }
        groups.push((arn.to_owned(), weight));
    }
    let is_alone = |arn: &str| matches!(groups.as_slice(), [(only, _)] if only == arn);
    if groups.is_empty() || alone.is_some_and(|arn| !is_alone(arn)) {
        return Err(invalid_action(
            "A forward action must name its target groups, in ForwardConfig or as TargetGroupArn",
        ));
    }
    if groups.len() > quota::TARGET_GROUPS_PER_ACTION_MAX {
        return Err(invalid_action(format!(
            "An action can forward to at most {} target groups",
            quota::TARGET_GROUPS_PER_ACTION_MAX
        )));
    }
    Ok(Action::Forward {
        groups,
        stickiness_s: stickiness(config)?,
    })
}

fn stickiness(config: Input<'_>) -> Result<Option<i64>, Refusal> {
    let Some(stickiness) = config.object("TargetGroupStickinessConfig") else {
        return Ok(None);
    };
    if stickiness.flag("Enabled")? != Some(true) {
        return Ok(None);
    }
    let duration_s = stickiness.integer("DurationSeconds")?;
    match duration_s.filter(|duration| STICKINESS_S.contains(duration)) {
        Some(duration_s) => Ok(Some(duration_s)),
        None => Err(super::invalid(
            "Stickiness needs a DurationSeconds between 1 and 604800",
        )),
    }
}

fn redirect(action: Input<'_>) -> Result<Action, Refusal> {
    let given = action
        .object("RedirectConfig")
        .ok_or_else(|| invalid_action("A redirect action needs a RedirectConfig"))?;
    let status = given.required("StatusCode")?;
    if !matches!(status, "HTTP_301" | "HTTP_302") {
        return Err(super::invalid(format!(
            "StatusCode '{status}' must be HTTP_301 or HTTP_302"
        )));
    }
    let mut config = Map::new();
    for (name, default) in REDIRECT_PARTS {
        let value = given.text(name).unwrap_or(default);
        config.insert(name.to_owned(), Value::from(value));
    }
    // With only the query changed, or nothing, the client would come back to the same rule.
    let is_loop = REDIRECT_PARTS
        .iter()
        .filter(|(name, _)| *name != "Query")
        .all(|(name, default)| config.get(*name).and_then(Value::as_str) == Some(*default));
    if is_loop {
        return Err(invalid_action(
            "The redirect configuration is not valid because it creates a loop.",
        ));
    }
    config.insert("StatusCode".to_owned(), Value::from(status));
    Ok(Action::Redirect { config })
}

fn fixed_response(action: Input<'_>) -> Result<Action, Refusal> {
    let given = action
        .object("FixedResponseConfig")
        .ok_or_else(|| invalid_action("A fixed-response action needs a FixedResponseConfig"))?;
    let status = given.required("StatusCode")?;
    let code = status
        .parse::<u16>()
        .ok()
        .filter(|code| matches!(code / 100, 2 | 4 | 5))
        .ok_or_else(|| super::invalid(format!("StatusCode '{status}' must be 2XX, 4XX or 5XX")))?;
    let content_type = given.text("ContentType");
    if content_type.is_some_and(|one| !CONTENT_TYPES.contains(&one)) {
        return Err(super::invalid(format!(
            "ContentType must be one of {}",
            CONTENT_TYPES.join(", ")
        )));
    }
    let body = given.text("MessageBody");
    if body.is_some_and(|body| body.chars().count() > MESSAGE_CHARS_MAX) {
        return Err(super::invalid(format!(
            "MessageBody must have at most {MESSAGE_CHARS_MAX} characters"
        )));
    }
    Ok(Action::FixedResponse {
        status: code,
        content_type: content_type.map(str::to_owned),
        body: body.map(str::to_owned),
    })
}
