//! CloudWatch: metric alarms.
//!
//! Alarms are validated as AWS validates them and kept in full. Other services here report metrics, and alarms
//! are evaluated when a period is over in which there may be something new: after the alarm was put, after
//! `SetAlarmState`, whose state lasts only until then, and as long as there are data points to look back at.
//! There are no calls to put or to read metrics.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

mod definition;
mod evaluation;
mod expression;
mod maths;
mod metric_alarm;
mod metric_data;
mod metric_query;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::tags::{self, TagProblem};
use crate::wire::{Input, Refusal};

pub use metric_alarm::{AlarmState, MetricAlarm};
pub use metric_data::{Metric, report};

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// By name.
    pub alarms: BTreeMap<String, MetricAlarm>,
    data: metric_data::MetricData,
    /// No alarm is evaluated earlier. Every call asks for it, and an account may have thousands of alarms.
    evaluation_due_ms: Option<u64>,
}

impl State {
    /// An alarm is to be evaluated at `due_ms`.
    fn expect_evaluation(&mut self, due_ms: u64) {
        let earliest_ms = self
            .evaluation_due_ms
            .map_or(due_ms, |other_ms| other_ms.min(due_ms));
        self.evaluation_due_ms = Some(earliest_ms);
    }
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "PutMetricAlarm" => metric_alarm::put(cloud, input),
        "DescribeAlarms" => metric_alarm::describe(cloud, input),
        "DeleteAlarms" => metric_alarm::delete(cloud, input),
        "SetAlarmState" => metric_alarm::set_state(cloud, input),
        "TagResource" => tag_resource(cloud, input),
        "UntagResource" => untag_resource(cloud, input),
        "ListTagsForResource" => list_tags(cloud, input),
        _ => Err(Refusal::unsupported("cloudwatch", operation)),
    }
}

/// The state of the alarm `name`, if there is one.
#[must_use]
pub fn alarm_state(cloud: &Cloud, name: &str) -> Option<AlarmState> {
    cloud.cloudwatch.alarms.get(name).map(|alarm| alarm.state)
}

/// How far the alarm `name` looks back, if there is one.
pub(crate) fn looks_back_ms(cloud: &Cloud, name: &str) -> Option<u64> {
    let alarm = cloud.cloudwatch.alarms.get(name)?;
    Some(alarm.definition.evaluation.looks_back_ms())
}

/// When the next thing happens here by itself, in milliseconds since the epoch.
pub(crate) const fn next_due_ms(state: &State) -> Option<u64> {
    state.evaluation_due_ms
}

/// Lets happen what is due at `cloud.now_ms`: the evaluation of alarms.
pub(crate) fn happen(cloud: &mut Cloud) {
    let now_ms = cloud.now_ms;
    let state = &mut cloud.cloudwatch;
    if state.evaluation_due_ms.is_none_or(|due_ms| due_ms > now_ms) {
        return;
    }
    let mut later_ms = None;
    for alarm in state.alarms.values_mut() {
        match alarm.evaluation_due_ms {
            Some(due_ms) if due_ms <= now_ms => alarm.evaluate(&state.data, now_ms),
            Some(_) | None => {}
        }
        if let Some(due_ms) = alarm.evaluation_due_ms {
            later_ms = Some(later_ms.unwrap_or(due_ms).min(due_ms));
        }
    }
    state.evaluation_due_ms = later_ms;
}

fn tag_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN", "Tags"])?;
    let added = tags::from_list(input, "Tags").map_err(|problem| refused_tags(&problem))?;
    let alarm = tagged(cloud, input)?;
    tags::merge(&mut alarm.tags, added).map_err(|problem| refused_tags(&problem))?;
    Ok(json!({}))
}

fn untag_resource(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN", "TagKeys"])?;
    let alarm = tagged(cloud, input)?;
    for key in input.texts("TagKeys") {
        alarm.tags.remove(key);
    }
    Ok(json!({}))
}

fn list_tags(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ResourceARN"])?;
    let tags: Value = tags::to_list(&tagged(cloud, input)?.tags);
    Ok(json!({ "Tags": tags }))
}

fn tagged<'a>(cloud: &'a mut Cloud, input: Input<'_>) -> Result<&'a mut MetricAlarm, Refusal> {
    let arn = input
        .text("ResourceARN")
        .ok_or_else(|| missing("ResourceARN"))?;
    cloud
        .cloudwatch
        .alarms
        .values_mut()
        .find(|alarm| alarm.arn == arn)
        .ok_or_else(|| {
            Refusal::new(
                404,
                "ResourceNotFoundException",
                format!("The resource `{arn}` does not exist"),
            )
        })
}

fn refused_tags(problem: &TagProblem) -> Refusal {
    Refusal::client("InvalidParameterValue", problem.to_string())
}

/// A member that AWS requires is absent.
fn missing(member: &str) -> Refusal {
    Refusal::client(
        "MissingParameter",
        format!("The parameter {member} is required."),
    )
}

/// A member, or a combination of members, that AWS does not accept.
fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::client("ValidationError", message)
}
