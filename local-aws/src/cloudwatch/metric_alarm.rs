//! Metric alarms: put, describe, delete, and the state that each is in.
//!
//! Identity: the name, unique in the account and region. Repeat-safe: putting an alarm again replaces
//! its definition and leaves its state and its tags as they are.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use serde_json::{Map, Value, json};

use super::definition::Definition;
use super::metric_data::{Metric, MetricData};
use super::{State, invalid, missing, refused_tags};
use crate::cloud::{Cloud, Outcome};
use crate::paging::{self, Page};
use crate::tags::{self, Tags};
use crate::wire::{Input, Refusal, timestamp};

/// Names in one `DescribeAlarms` or `DeleteAlarms`.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html>
const NAMES_MAX: usize = 100;
/// Alarms on a page, unless asked for fewer or more (1 to 100).
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html>
const PAGE_DEFAULT: usize = 50;

/// What an alarm says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AlarmState {
    /// The metric is within its threshold.
    Ok,
    /// The metric is beyond its threshold.
    Alarm,
    /// Nothing is known.
    InsufficientData,
}

impl AlarmState {
    /// As on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// One alarm.
#[derive(Clone, Debug)]
pub struct MetricAlarm {
    pub(crate) arn: String,
    pub(super) definition: Definition,
    /// What it says now.
    pub state: AlarmState,
    state_reason: String,
    state_reason_data: Option<String>,
    state_updated_ms: u64,
    configuration_updated_ms: u64,
    pub(super) tags: Tags,
    /// When its metric is next looked at; none once nothing can change any more.
    pub(super) evaluation_due_ms: Option<u64>,
}

impl MetricAlarm {
    /// Takes the state that follows from the data; there is another look as long as there is some.
    pub(super) fn evaluate(&mut self, data: &MetricData, now_ms: u64) {
        let evaluation = &self.definition.evaluation;
        let verdict = evaluation.judge(data, now_ms, self.state);
        self.evaluation_due_ms = verdict
            .has_data
            .then(|| evaluation.end_of_period_ms(now_ms + 1));
        if verdict.state == self.state {
            return;
        }
        self.state = verdict.state;
        self.state_updated_ms = now_ms;
        self.state_reason_data = None;
        self.state_reason = verdict.reason;
    }

    fn describe(&self, name: &str) -> Value {
        let mut alarm = Map::new();
        alarm.insert("AlarmName".to_owned(), name.into());
        alarm.insert("AlarmArn".to_owned(), self.arn.as_str().into());
        alarm.extend(self.definition.members.clone());
        let state = json!({
            "AlarmConfigurationUpdatedTimestamp": timestamp(self.configuration_updated_ms),
            "StateValue": self.state.as_str(),
            "StateReason": self.state_reason,
            "StateReasonData": self.state_reason_data,
            "StateUpdatedTimestamp": timestamp(self.state_updated_ms),
            "StateTransitionedTimestamp": timestamp(self.state_updated_ms),
        });
        if let Value::Object(state) = state {
            alarm.extend(state.into_iter().filter(|(_, value)| !value.is_null()));
        }
        Value::Object(alarm)
    }
}

/// Has the alarms on `metric` evaluated when the period of its data point of the minute until `until_ms` is over.
pub(super) fn expect_data(state: &mut State, metric: &Metric, until_ms: u64) {
    let mut earliest_ms = None;
    for alarm in state.alarms.values_mut() {
        let evaluation = &alarm.definition.evaluation;
        if evaluation.watches(metric) {
            let over_ms = evaluation.end_of_period_ms(until_ms);
            let due_ms = alarm
                .evaluation_due_ms
                .map_or(over_ms, |due_ms| due_ms.min(over_ms));
            alarm.evaluation_due_ms = Some(due_ms);
            earliest_ms = Some(earliest_ms.unwrap_or(due_ms).min(due_ms));
        }
    }
    if let Some(due_ms) = earliest_ms {
        state.expect_evaluation(due_ms);
    }
}

pub(super) fn put(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let name = input
        .text("AlarmName")
        .ok_or_else(|| missing("AlarmName"))?;
    if name.is_empty() || name.chars().count() > 255 || name.chars().any(|c| c.is_ascii_control()) {
        return Err(invalid(format!(
            "AlarmName `{name}` does not have 1 to 255 characters without control characters"
        )));
    }
    let definition = Definition::parse(input)?;
    let tags = tags::from_list(input, "Tags").map_err(|problem| refused_tags(&problem))?;
    let now_ms = cloud.now_ms;
    let due_ms = now_ms + definition.period_s * 1000;
    cloud.cloudwatch.expect_evaluation(due_ms);
    let evaluation_due_ms = Some(due_ms);
    match cloud.cloudwatch.alarms.get_mut(name) {
        // Tags are those of the creation; TagResource changes them.
        Some(alarm) => {
            alarm.definition = definition;
            alarm.configuration_updated_ms = now_ms;
            alarm.evaluation_due_ms = evaluation_due_ms;
        }
        None => {
            let alarm = MetricAlarm {
                arn: cloud.account.arn("cloudwatch", &format!("alarm:{name}")),
                definition,
                state: AlarmState::InsufficientData,
                state_reason: "Unchecked: Initial alarm creation".to_owned(),
                state_reason_data: None,
                state_updated_ms: now_ms,
                configuration_updated_ms: now_ms,
                tags,
                evaluation_due_ms,
            };
            cloud.cloudwatch.alarms.insert(name.to_owned(), alarm);
        }
    }
    Ok(json!({}))
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "AlarmNames",
        "AlarmNamePrefix",
        "AlarmTypes",
        "StateValue",
        "ActionPrefix",
        "MaxRecords",
        "NextToken",
    ])?;
    let names = input.texts("AlarmNames");
    let prefix = input.text("AlarmNamePrefix");
    if !names.is_empty() && prefix.is_some() {
        return Err(invalid(
            "AlarmNamePrefix and AlarmNames must not both be specified",
        ));
    }
    at_most_names_max(&names)?;
    let state = input.text("StateValue").map(parse_state).transpose()?;
    let action_prefix = input.text("ActionPrefix");
    let types = input.texts("AlarmTypes");
    let wanted = |(name, alarm): &(&String, &MetricAlarm)| {
        (names.is_empty() || names.contains(&name.as_str()))
            && prefix.is_none_or(|prefix| name.starts_with(prefix))
            && state.is_none_or(|state| alarm.state == state)
            && action_prefix.is_none_or(|prefix| alarm.definition.acts_on(prefix))
            && (types.is_empty() || types.contains(&"MetricAlarm"))
    };
    let alarms = cloud.cloudwatch.alarms.iter().filter(wanted);
    let Page { items, next } = paging::page(
        alarms.map(|(name, alarm)| (name.clone(), alarm.describe(name))),
        input.text("NextToken"),
        page_size(input)?,
    )
    .map_err(|_| Refusal::client("InvalidNextToken", "The next token specified is invalid."))?;
    Ok(json!({"CompositeAlarms": [], "MetricAlarms": items, "NextToken": next}))
}

fn page_size(input: Input<'_>) -> Result<usize, Refusal> {
    match input.integer("MaxRecords")? {
        None => Ok(PAGE_DEFAULT),
        Some(size @ 1..=100) => Ok(usize::try_from(size).unwrap_or(PAGE_DEFAULT)),
        Some(size) => Err(invalid(format!(
            "MaxRecords `{size}` is not between 1 and 100"
        ))),
    }
}

/// The alarms that exist are deleted, whatever other names the call has.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html>
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["AlarmNames"])?;
    let names = input.texts("AlarmNames");
    if names.is_empty() {
        return Err(missing("AlarmNames"));
    }
    at_most_names_max(&names)?;
    let mut unknown = None;
    for name in names {
        if cloud.cloudwatch.alarms.remove(name).is_none() {
            unknown = Some(name);
        }
    }
    unknown.map_or_else(
        || Ok(json!({})),
        |name| {
            Err(Refusal::new(
                404,
                "ResourceNotFound",
                format!("The alarm `{name}` does not exist"),
            ))
        },
    )
}

/// The state lasts until the alarm is next evaluated.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html>
pub(super) fn set_state(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["AlarmName", "StateValue", "StateReason", "StateReasonData"])?;
    let name = input
        .text("AlarmName")
        .ok_or_else(|| missing("AlarmName"))?;
    let state = input
        .text("StateValue")
        .ok_or_else(|| missing("StateValue"))?;
    let state = parse_state(state)?;
    let reason = input
        .text("StateReason")
        .ok_or_else(|| missing("StateReason"))?;
    if reason.chars().count() > 1023 {
        return Err(invalid("StateReason has more than 1023 characters"));
    }
    let reason_data = input.text("StateReasonData");
    if reason_data.is_some_and(|data| serde_json::from_str::<Value>(data).is_err()) {
        return Err(Refusal::client(
            "InvalidFormat",
            "StateReasonData is not JSON",
        ));
    }
    let now_ms = cloud.now_ms;
    let Some(alarm) = cloud.cloudwatch.alarms.get_mut(name) else {
        return Err(Refusal::new(
            404,
            "ResourceNotFound",
            format!("The alarm `{name}` does not exist"),
        ));
    };
    alarm.state = state;
    alarm.state_reason = reason.to_owned();
    alarm.state_reason_data = reason_data.map(str::to_owned);
    alarm.state_updated_ms = now_ms;
    let due_ms = now_ms + alarm.definition.period_s * 1000;
    alarm.evaluation_due_ms = Some(due_ms);
    cloud.cloudwatch.expect_evaluation(due_ms);
    Ok(json!({}))
}

fn parse_state(text: &str) -> Result<AlarmState, Refusal> {
    AlarmState::parse(text).ok_or_else(|| {
        invalid(format!(
            "StateValue `{text}` is not OK, ALARM or INSUFFICIENT_DATA"
        ))
    })
}

fn at_most_names_max(names: &[&str]) -> Result<(), Refusal> {
    if names.len() > NAMES_MAX {
        return Err(invalid(format!(
            "AlarmNames has more than {NAMES_MAX} names"
        )));
    }
    Ok(())
}
