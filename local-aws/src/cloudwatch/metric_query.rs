//! Metric maths: the `Metrics` list of an alarm, and what it shares with an alarm on one metric.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDataQuery.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{expression, invalid, missing};
use crate::wire::{Input, Refusal};

/// Metrics of one alarm on metric maths; expressions do not count.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html>
const METRICS_MAX: usize = 10;
/// Dimensions of one metric.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Metric.html>
const DIMENSIONS_MAX: usize = 30;
/// Characters of an expression.
const EXPRESSION_CHARACTERS_MAX: usize = 2048;

/// Units, as sent and as answered.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricStat.html>
const UNITS: &[&str] = &[
    "Seconds",
    "Microseconds",
    "Milliseconds",
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
    "Percent",
    "Count",
    "Bytes/Second",
    "Kilobytes/Second",
    "Megabytes/Second",
    "Gigabytes/Second",
    "Terabytes/Second",
    "Bits/Second",
    "Kilobits/Second",
    "Megabits/Second",
    "Gigabits/Second",
    "Terabits/Second",
    "Count/Second",
    "None",
];

/// The checked list.
pub(super) struct Queries {
    /// As `DescribeAlarms` answers it.
    pub(super) described: Value,
    /// The longest period in it, which is the alarm's.
    pub(super) period_s: u64,
}

pub(super) fn parse(input: Input<'_>) -> Result<Queries, Refusal> {
    let mut ids = BTreeSet::new();
    for query in input.items("Metrics") {
        let id = query.text("Id").ok_or_else(|| missing("Metrics.Id"))?;
        check_id(id)?;
        if !ids.insert(id) {
            return Err(invalid(format!(
                "The id `{id}` is used more than once in Metrics"
            )));
        }
    }
    let mut described = Vec::new();
    let mut period_s = 0;
    let mut metrics = 0;
    let mut returning = 0;
    for query in input.items("Metrics") {
        let (query, query_period_s) = one(query, &ids)?;
        returning += usize::from(query.get("ReturnData") == Some(&Value::Bool(true)));
        metrics += usize::from(query.get("MetricStat").is_some());
        period_s = period_s.max(query_period_s.unwrap_or(0));
        described.push(query);
    }
    if returning != 1 {
        return Err(invalid(
            "Exactly one element of the metrics list should return data.",
        ));
    }
    if metrics == 0 || metrics > METRICS_MAX {
        return Err(invalid(format!(
            "An alarm on metric maths watches 1 to {METRICS_MAX} metrics, not {metrics}"
        )));
    }
    Ok(Queries {
        described: Value::Array(described),
        period_s,
    })
}

fn one(query: Input<'_>, ids: &BTreeSet<&str>) -> Result<(Value, Option<u64>), Refusal> {
    query.only(&[
        "Id",
        "MetricStat",
        "Expression",
        "Label",
        "ReturnData",
        "Period",
    ])?;
    let id = query.text("Id").unwrap_or_default();
    let mut described = json!({"Id": id, "ReturnData": query.flag("ReturnData")?.unwrap_or(true)});
    if let Some(label) = query.text("Label") {
        insert(&mut described, "Label", label.into());
    }
    let period = query.integer("Period")?;
    let mut period_s = period.map(check_period).transpose()?;
    if let Some(period) = period {
        insert(&mut described, "Period", period.into());
    }
    match (query.object("MetricStat"), query.text("Expression")) {
        (Some(stat), None) => {
            let (stat, stat_period_s) = metric_stat(stat)?;
            insert(&mut described, "MetricStat", stat);
            period_s = Some(stat_period_s);
        }
        (None, Some(text)) => {
            let count = text.chars().count();
            if count == 0 || count > EXPRESSION_CHARACTERS_MAX {
                return Err(invalid(format!(
                    "The expression of `{id}` does not have 1 to {EXPRESSION_CHARACTERS_MAX} characters"
                )));
            }
            expression::check(id, text, ids).map_err(invalid)?;
            insert(&mut described, "Expression", text.into());
        }
        (Some(_), Some(_)) | (None, None) => {
            return Err(invalid(format!(
                "The element `{id}` of Metrics must have exactly one of MetricStat and Expression"
            )));
        }
    }
    Ok((described, period_s))
}

fn insert(object: &mut Value, name: &str, value: Value) {
    if let Some(members) = object.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn metric_stat(stat: Input<'_>) -> Result<(Value, u64), Refusal> {
    stat.only(&["Metric", "Period", "Stat", "Unit"])?;
    let metric = stat
        .object("Metric")
        .ok_or_else(|| missing("MetricStat.Metric"))?;
    metric.only(&["Namespace", "MetricName", "Dimensions"])?;
    let member = |name: &str| metric.text(name).ok_or_else(|| missing(name));
    let period = stat
        .integer("Period")?
        .ok_or_else(|| missing("MetricStat.Period"))?;
    let period_s = check_period(period)?;
    let statistic = stat
        .text("Stat")
        .ok_or_else(|| missing("MetricStat.Stat"))?;
    check_statistic(statistic, !is_simple_statistic(statistic))?;
    let mut described = json!({
        "Metric": {
            "Namespace": member("Namespace")?,
            "MetricName": member("MetricName")?,
            "Dimensions": dimensions(metric)?,
        },
        "Period": period,
        "Stat": statistic,
    });
    if let Some(text) = stat.text("Unit") {
        insert(&mut described, "Unit", unit(text)?.into());
    }
    Ok((described, period_s))
}

/// `^[a-z][a-zA-Z0-9_]*$`
fn check_id(id: &str) -> Result<(), Refusal> {
    let well_formed = id.starts_with(|first: char| first.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && id.len() <= 255;
    if well_formed {
        Ok(())
    } else {
        Err(invalid(format!(
            "The id `{id}` in Metrics must begin with a lower-case letter and contain only letters, \
             digits and underscores"
        )))
    }
}

/// 10, 20, 30 or a multiple of 60.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
pub(super) fn check_period(period: i64) -> Result<u64, Refusal> {
    match u64::try_from(period) {
        Ok(seconds @ (10 | 20 | 30)) => Ok(seconds),
        Ok(seconds) if seconds > 0 && seconds % 60 == 0 => Ok(seconds),
        Ok(_) | Err(_) => Err(invalid(format!(
            "Period `{period}` is not 10, 20, 30 or a multiple of 60"
        ))),
    }
}

fn is_simple_statistic(statistic: &str) -> bool {
    matches!(
        statistic,
        "SampleCount" | "Average" | "Sum" | "Minimum" | "Maximum"
    )
}

/// Simple ones by name; extended ones are `p90`, `tm99`, `PR(0:300)`, `TM(10%:90%)` or `IQM`.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html>
pub(super) fn check_statistic(statistic: &str, extended: bool) -> Result<(), Refusal> {
    let known = if extended {
        is_extended_statistic(statistic)
    } else {
        is_simple_statistic(statistic)
    };
    if known {
        Ok(())
    } else {
        Err(invalid(format!("The statistic `{statistic}` is not known")))
    }
}

fn is_extended_statistic(statistic: &str) -> bool {
    if statistic == "IQM" {
        return true;
    }
    let percent = ["p", "tm", "wm", "tc", "ts"]
        .iter()
        .filter_map(|prefix| statistic.strip_prefix(prefix))
        .filter_map(|number| number.parse::<f64>().ok())
        .any(|percent| (0.0..=100.0).contains(&percent));
    let range = ["PR", "TM", "WM", "TC", "TS"]
        .iter()
        .filter_map(|prefix| {
            statistic
                .strip_prefix(prefix)?
                .strip_prefix('(')?
                .strip_suffix(')')
        })
        .any(|range| {
            let bounds: Vec<&str> = range.split(':').collect();
            bounds.len() == 2
                && bounds.iter().any(|bound| !bound.is_empty())
                && bounds.iter().all(|bound| {
                    bound.is_empty() || bound.trim_end_matches('%').parse::<f64>().is_ok()
                })
        });
    percent || range
}

/// The dimensions of a metric, as they are answered.
pub(super) fn dimensions(metric: Input<'_>) -> Result<Value, Refusal> {
    let mut names = BTreeSet::new();
    let mut described = Vec::new();
    for dimension in metric.items("Dimensions") {
        let name = dimension.text("Name").unwrap_or_default();
        let value = dimension.text("Value").unwrap_or_default();
        let fits = (1..=255).contains(&name.chars().count())
            && (1..=1024).contains(&value.chars().count());
        if !fits || !names.insert(name) {
            return Err(invalid(format!(
                "The dimension `{name}` has no name or value, is too long, or is given twice"
            )));
        }
        described.push(json!({"Name": name, "Value": value}));
    }
    if described.len() > DIMENSIONS_MAX {
        return Err(invalid(format!(
            "A metric has at most {DIMENSIONS_MAX} dimensions"
        )));
    }
    Ok(Value::Array(described))
}

pub(super) fn unit(text: &str) -> Result<&str, Refusal> {
    if UNITS.contains(&text) {
        Ok(text)
    } else {
        Err(invalid(format!("The unit `{text}` is not known")))
    }
}
