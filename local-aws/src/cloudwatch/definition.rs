//! What an alarm watches and when it speaks: the members of `PutMetricAlarm`, checked.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>

use serde_json::{Map, Number, Value};

use super::evaluation::Evaluation;
use super::metric_query::{self, check_period, check_statistic, dimensions};
use super::{invalid, missing};
use crate::wire::{Input, Refusal};

/// Actions for each state.
const ACTIONS_MAX: usize = 5;
/// An alarm looks back one day at most, and seven with a period of an hour or longer.
const LOOK_BACK_S_MAX: u64 = 86_400;
const LOOK_BACK_OF_LONG_PERIODS_S_MAX: u64 = 604_800;
/// Periods from here on may look back for seven days.
const LONG_PERIOD_S: u64 = 3600;

/// The members of `PutMetricAlarm` that are implemented; others are refused, not ignored.
const MEMBERS: &[&str] = &[
    "AlarmName",
    "AlarmDescription",
    "ActionsEnabled",
    "OKActions",
    "AlarmActions",
    "InsufficientDataActions",
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "EvaluateLowSampleCountPercentile",
    "Metrics",
    "Tags",
];

/// Members of an alarm on one metric, which metric maths replaces.
const SINGLE_METRIC_MEMBERS: &[&str] = &[
    "MetricName",
    "Namespace",
    "Statistic",
    "ExtendedStatistic",
    "Dimensions",
    "Period",
    "Unit",
];

/// How a period without data points counts.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TreatMissingData {
    /// Within the threshold.
    NotBreaching,
    /// Beyond the threshold.
    Breaching,
    /// The state stays.
    Ignore,
    /// The state becomes `INSUFFICIENT_DATA`; the default.
    Missing,
}

impl TreatMissingData {
    /// As on the wire, and as in state reasons.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::NotBreaching => "notBreaching",
            Self::Breaching => "breaching",
            Self::Ignore => "ignore",
            Self::Missing => "missing",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [
            Self::NotBreaching,
            Self::Breaching,
            Self::Ignore,
            Self::Missing,
        ]
        .into_iter()
        .find(|choice| choice.as_str() == text)
    }
}

/// A checked definition.
#[derive(Clone, Debug)]
pub(super) struct Definition {
    /// The members as `DescribeAlarms` answers them.
    pub(super) members: Map<String, Value>,
    pub(super) period_s: u64,
    pub(super) evaluation: Evaluation,
}

impl Definition {
    pub(super) fn parse(input: Input<'_>) -> Result<Self, Refusal> {
        input.only(MEMBERS)?;
        let mut members = Map::new();
        actions(input, &mut members)?;
        let period_s = if input.items("Metrics").next().is_some() {
            metric_maths(input, &mut members)?
        } else {
            single_metric(input, &mut members)?
        };
        periods(input, period_s, &mut members)?;
        threshold(input, &mut members)?;
        let treat_missing_data = missing_data(input, &mut members)?;
        let evaluation = Evaluation::new(&members, period_s, treat_missing_data)
            .map_err(|problem| Refusal::client("UnsupportedMember", problem))?;
        Ok(Self {
            members,
            period_s,
            evaluation,
        })
    }

    /// Whether one of the actions begins with `prefix`.
    pub(super) fn acts_on(&self, prefix: &str) -> bool {
        ["OKActions", "AlarmActions", "InsufficientDataActions"]
            .iter()
            .filter_map(|name| self.members.get(*name)?.as_array())
            .flatten()
            .filter_map(Value::as_str)
            .any(|action| action.starts_with(prefix))
    }
}

fn actions(input: Input<'_>, members: &mut Map<String, Value>) -> Result<(), Refusal> {
    if let Some(description) = input.text("AlarmDescription") {
        if description.chars().count() > 1024 {
            return Err(invalid("AlarmDescription has more than 1024 characters"));
        }
        members.insert("AlarmDescription".to_owned(), description.into());
    }
    let enabled = input.flag("ActionsEnabled")?.unwrap_or(true);
    members.insert("ActionsEnabled".to_owned(), enabled.into());
    for name in ["OKActions", "AlarmActions", "InsufficientDataActions"] {
        let actions = input.texts(name);
        if actions.len() > ACTIONS_MAX {
            return Err(invalid(format!(
                "{name} has more than {ACTIONS_MAX} actions"
            )));
        }
        members.insert(name.to_owned(), actions.into());
    }
    Ok(())
}

fn metric_maths(input: Input<'_>, members: &mut Map<String, Value>) -> Result<u64, Refusal> {
    let excluded = SINGLE_METRIC_MEMBERS
        .iter()
        .find(|name| input.member(name).is_some_and(|value| !is_empty(value)));
    if let Some(name) = excluded {
        return Err(invalid(format!(
            "{name} must not be specified together with Metrics"
        )));
    }
    let queries = metric_query::parse(input)?;
    members.insert("Metrics".to_owned(), queries.described);
    members.insert("Dimensions".to_owned(), Value::Array(Vec::new()));
    Ok(queries.period_s)
}

/// SDKs write an empty list for one that was not given.
fn is_empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_str().is_some_and(str::is_empty)
}

fn single_metric(input: Input<'_>, members: &mut Map<String, Value>) -> Result<u64, Refusal> {
    for name in ["MetricName", "Namespace"] {
        let text = input.text(name).ok_or_else(|| missing(name))?;
        if text.is_empty() || text.chars().count() > 255 || text.starts_with(':') {
            return Err(invalid(format!("{name} `{text}` is not valid")));
        }
        members.insert(name.to_owned(), text.into());
    }
    let statistics = (input.text("Statistic"), input.text("ExtendedStatistic"));
    let (name, statistic) = match statistics {
        (Some(statistic), None) => ("Statistic", statistic),
        (None, Some(statistic)) => ("ExtendedStatistic", statistic),
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(
                "Exactly one of Statistic and ExtendedStatistic must be specified",
            ));
        }
    };
    check_statistic(statistic, name == "ExtendedStatistic")?;
    members.insert(name.to_owned(), statistic.into());
    members.insert("Dimensions".to_owned(), dimensions(input)?);
    let period = input.integer("Period")?.ok_or_else(|| missing("Period"))?;
    let period_s = check_period(period)?;
    members.insert("Period".to_owned(), period.into());
    if let Some(unit) = input.text("Unit") {
        members.insert("Unit".to_owned(), metric_query::unit(unit)?.into());
    }
    Ok(period_s)
}

fn periods(
    input: Input<'_>,
    period_s: u64,
    members: &mut Map<String, Value>,
) -> Result<(), Refusal> {
    let evaluation_periods = input
        .integer("EvaluationPeriods")?
        .ok_or_else(|| missing("EvaluationPeriods"))?;
    let count = u64::try_from(evaluation_periods).unwrap_or(0);
    if count == 0 {
        return Err(invalid("EvaluationPeriods must be at least 1"));
    }
    let look_back_s_max = if period_s < LONG_PERIOD_S {
        LOOK_BACK_S_MAX
    } else {
        LOOK_BACK_OF_LONG_PERIODS_S_MAX
    };
    if count.saturating_mul(period_s) > look_back_s_max {
        return Err(invalid(format!(
            "Metrics cannot be checked across more than {look_back_s_max} seconds \
             (EvaluationPeriods * Period must be <= {look_back_s_max})."
        )));
    }
    members.insert("EvaluationPeriods".to_owned(), evaluation_periods.into());
    if let Some(datapoints) = input.integer("DatapointsToAlarm")? {
        if !(1..=evaluation_periods).contains(&datapoints) {
            return Err(invalid(format!(
                "DatapointsToAlarm `{datapoints}` is not between 1 and EvaluationPeriods \
                 `{evaluation_periods}`"
            )));
        }
        members.insert("DatapointsToAlarm".to_owned(), datapoints.into());
    }
    Ok(())
}

fn threshold(input: Input<'_>, members: &mut Map<String, Value>) -> Result<(), Refusal> {
    let operator = input
        .text("ComparisonOperator")
        .ok_or_else(|| missing("ComparisonOperator"))?;
    match operator {
        "GreaterThanOrEqualToThreshold"
        | "GreaterThanThreshold"
        | "LessThanThreshold"
        | "LessThanOrEqualToThreshold" => {}
        // The other operators compare with an anomaly detection band, which is not here.
        other => {
            return Err(invalid(format!(
                "ComparisonOperator `{other}` does not compare with a Threshold"
            )));
        }
    }
    members.insert("ComparisonOperator".to_owned(), operator.into());
    let threshold = input
        .number("Threshold")?
        .and_then(Number::from_f64)
        .ok_or_else(|| missing("Threshold"))?;
    members.insert("Threshold".to_owned(), Value::Number(threshold));
    Ok(())
}

fn missing_data(
    input: Input<'_>,
    members: &mut Map<String, Value>,
) -> Result<TreatMissingData, Refusal> {
    if let Some(choice) = input.text("EvaluateLowSampleCountPercentile") {
        let applies = input.text("ExtendedStatistic").is_some();
        if !applies || !matches!(choice, "evaluate" | "ignore") {
            return Err(invalid(
                "EvaluateLowSampleCountPercentile is `evaluate` or `ignore`, and only for a percentile",
            ));
        }
        let name = "EvaluateLowSampleCountPercentile";
        members.insert(name.to_owned(), choice.into());
    }
    let Some(text) = input.text("TreatMissingData") else {
        return Ok(TreatMissingData::Missing);
    };
    let choice = TreatMissingData::parse(text).ok_or_else(|| {
        invalid(format!(
            "TreatMissingData `{text}` is not one of breaching, notBreaching, ignore, missing"
        ))
    })?;
    members.insert("TreatMissingData".to_owned(), text.into());
    Ok(choice)
}
