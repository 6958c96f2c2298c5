//! What an alarm makes of data points: its value in each period, and the state that follows.
//!
//! Periods end at whole multiples of their length. The last `EvaluationPeriods` count; of data points that are
//! missing only those that `TreatMissingData` makes breaching or not breaching. Percentiles and trimmed statistics
//! need single values, which are not kept: they have no data points.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html>,
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html>

use serde_json::{Map, Value};

use super::definition::TreatMissingData;
use super::maths::{self, Expression};
use super::metric_alarm::AlarmState;
use super::metric_data::{Metric, MetricData, Statistics};

/// What is computed in each period, and what it is compared with.
#[derive(Clone, Debug)]
pub(super) struct Evaluation {
    queries: Vec<(String, Source)>,
    /// Id of the query whose value is compared.
    compared: String,
    period_ms: u64,
    periods: u64,
    datapoints_to_alarm: u64,
    operator: String,
    threshold: f64,
    treat_missing_data: TreatMissingData,
}

#[derive(Clone, Debug)]
enum Source {
    Statistic(Metric, String),
    Maths(Expression),
}

/// What an evaluation found.
pub(super) struct Verdict {
    pub(super) state: AlarmState,
    pub(super) reason: String,
    /// Whether any period looked at had a data point: only then can the next one find something else.
    pub(super) has_data: bool,
}

impl Evaluation {
    /// From the members as they are described.
    ///
    /// # Errors
    /// What of the maths cannot be evaluated, in a sentence.
    pub(super) fn new(
        members: &Map<String, Value>,
        period_s: u64,
        treat_missing_data: TreatMissingData,
    ) -> Result<Self, String> {
        let text = |name: &str| {
            members
                .get(name)
                .and_then(Value::as_str)
                .unwrap_or_default()
        };
        let number = |name: &str| members.get(name).and_then(Value::as_u64);
        let mut queries = Vec::new();
        let mut compared = String::new();
        match members.get("Metrics").and_then(Value::as_array) {
            Some(described) => {
                for query in described {
                    let id = query.get("Id").and_then(Value::as_str).unwrap_or_default();
                    if query.get("ReturnData") == Some(&Value::Bool(true)) {
                        id.clone_into(&mut compared);
                    }
                    queries.push((id.to_owned(), Source::of_query(query)?));
                }
            }
            None => {
                let metric = Metric::described(&Value::Object(members.clone()));
                let statistic = text("Statistic").to_owned();
                queries.push((compared.clone(), Source::Statistic(metric, statistic)));
            }
        }
        let periods = number("EvaluationPeriods").unwrap_or(1);
        Ok(Self {
            queries,
            compared,
            period_ms: period_s * 1000,
            periods,
            datapoints_to_alarm: number("DatapointsToAlarm").unwrap_or(periods),
            operator: text("ComparisonOperator").to_owned(),
            threshold: members
                .get("Threshold")
                .and_then(Value::as_f64)
                .unwrap_or_default(),
            treat_missing_data,
        })
    }

    pub(super) const fn looks_back_ms(&self) -> u64 {
        self.periods * self.period_ms
    }

    /// When the period that contains `at_ms` is over.
    pub(super) const fn end_of_period_ms(&self, at_ms: u64) -> u64 {
        at_ms.div_ceil(self.period_ms) * self.period_ms
    }

    pub(super) fn watches(&self, metric: &Metric) -> bool {
        self.queries.iter().any(|(_, source)| match source {
            Source::Statistic(watched, _) => watched == metric,
            Source::Maths(_) => false,
        })
    }

    /// The state that follows from the periods that are over; `present` is the one it has.
    pub(super) fn judge(&self, data: &MetricData, now_ms: u64, present: AlarmState) -> Verdict {
        let end_ms = now_ms / self.period_ms * self.period_ms;
        let values: Vec<Option<f64>> = (1..=self.periods)
            .map(|back| end_ms.saturating_sub(back * self.period_ms))
            .map(|from_ms| self.value(data, from_ms))
            .collect();
        let real = || values.iter().flatten();
        let breaching = real().filter(|value| self.breaches(**value)).count();
        let missing = values.iter().filter(|value| value.is_none()).count();
        let is_empty = missing == values.len();
        let (beyond, state_of_the_rest) = match self.treat_missing_data {
            TreatMissingData::Breaching => (breaching + missing, AlarmState::Ok),
            TreatMissingData::NotBreaching => (breaching, AlarmState::Ok),
            TreatMissingData::Ignore if is_empty => (breaching, present),
            TreatMissingData::Missing if is_empty => (breaching, AlarmState::InsufficientData),
            TreatMissingData::Ignore | TreatMissingData::Missing => (breaching, AlarmState::Ok),
        };
        let needed = usize::try_from(self.datapoints_to_alarm).unwrap_or(usize::MAX);
        Verdict {
            state: if beyond >= needed {
                AlarmState::Alarm
            } else {
                state_of_the_rest
            },
            reason: self.reason(&values, breaching),
            has_data: self.has_data(data, end_ms),
        }
    }

    fn has_data(&self, data: &MetricData, end_ms: u64) -> bool {
        let from_ms = end_ms.saturating_sub(self.looks_back_ms());
        self.queries.iter().any(|(_, source)| match source {
            Source::Statistic(metric, _) => data.within(metric, from_ms, end_ms).is_some(),
            Source::Maths(_) => false,
        })
    }

    fn reason(&self, values: &[Option<f64>], breaching: usize) -> String {
        let real: Vec<String> = values.iter().flatten().map(f64::to_string).collect();
        if real.is_empty() {
            return match self.treat_missing_data {
                TreatMissingData::Missing => {
                    "Insufficient Data: no datapoints were received".to_owned()
                }
                TreatMissingData::NotBreaching
                | TreatMissingData::Breaching
                | TreatMissingData::Ignore => format!(
                    "Threshold Crossed: no datapoints were received for {} period(s) and missing datapoints \
                     were treated as [{}].",
                    self.periods,
                    self.treat_missing_data.as_str()
                ),
            };
        }
        format!(
            "Threshold Crossed: {breaching} out of the last {} datapoints [{}] were {} the threshold ({:?}).",
            self.periods,
            real.join(", "),
            match self.operator.as_str() {
                "GreaterThanOrEqualToThreshold" => "greater than or equal to",
                "GreaterThanThreshold" => "greater than",
                "LessThanThreshold" => "less than",
                _ => "less than or equal to",
            },
            self.threshold
        )
    }

    fn breaches(&self, value: f64) -> bool {
        match self.operator.as_str() {
            "GreaterThanOrEqualToThreshold" => value >= self.threshold,
            "GreaterThanThreshold" => value > self.threshold,
            "LessThanThreshold" => value < self.threshold,
            _ => value <= self.threshold,
        }
    }

    /// The compared value in the period from `from_ms`.
    pub(super) fn value(&self, data: &MetricData, from_ms: u64) -> Option<f64> {
        self.value_of(&self.compared, data, from_ms, self.queries.len())
    }

    /// Expressions may refer to each other; a circle of them never ends and has no value.
    fn value_of(&self, id: &str, data: &MetricData, from_ms: u64, depth: usize) -> Option<f64> {
        let (_, source) = self.queries.iter().find(|(query, _)| query == id)?;
        match source {
            Source::Statistic(metric, statistic) => {
                let reported = data.within(metric, from_ms, from_ms + self.period_ms)?;
                reported.named(statistic)
            }
            Source::Maths(expression) => {
                let depth = depth.checked_sub(1)?;
                expression.value(&|id: &str| self.value_of(id, data, from_ms, depth))
            }
        }
    }
}

impl Source {
    fn of_query(query: &Value) -> Result<Self, String> {
        if let Some(text) = query.get("Expression").and_then(Value::as_str) {
            return maths::parse(text).map(Self::Maths);
        }
        let stat = query.get("MetricStat").unwrap_or(&Value::Null);
        let metric = stat.get("Metric").unwrap_or(&Value::Null);
        let statistic = stat.get("Stat").and_then(Value::as_str).unwrap_or_default();
        Ok(Self::Statistic(
            Metric::described(metric),
            statistic.to_owned(),
        ))
    }
}

impl Metric {
    /// From an object with `Namespace`, `MetricName` and `Dimensions`.
    fn described(metric: &Value) -> Self {
        let text = |value: &Value, name: &str| {
            let found = value.get(name).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let dimensions = metric.get("Dimensions").and_then(Value::as_array);
        Self {
            namespace: text(metric, "Namespace"),
            name: text(metric, "MetricName"),
            dimensions: dimensions
                .into_iter()
                .flatten()
                .map(|dimension| (text(dimension, "Name"), text(dimension, "Value")))
                .collect(),
        }
    }
}

impl Statistics {
    fn named(&self, statistic: &str) -> Option<f64> {
        match statistic {
            "SampleCount" => Some(self.samples),
            "Sum" => Some(self.sum),
            "Average" => Some(self.sum / self.samples),
            "Minimum" => Some(self.minimum),
            "Maximum" => Some(self.maximum),
            _ => None,
        }
    }
}
