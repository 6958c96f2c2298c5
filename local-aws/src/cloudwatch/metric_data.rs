//! What other services report: data points of metrics, kept by the minute.
//!
//! AWS keeps data points of a minute for 15 days; here they are kept for as long as an alarm may look back.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html>

use std::collections::BTreeMap;

use super::metric_alarm;
use crate::cloud::Cloud;

/// Metrics of services are reported in periods of a minute.
pub(super) const MINUTE_MS: u64 = 60_000;
/// An alarm with a period below an hour looks back a day at most.
const KEPT_MINUTES: u64 = 24 * 60;

/// Which metric: namespace, name and dimensions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Metric {
    /// `AWS/ApplicationELB`
    pub namespace: String,
    /// `RequestCount`
    pub name: String,
    /// Values by name.
    pub dimensions: BTreeMap<String, String>,
}

/// What was reported in one minute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statistics {
    pub(super) samples: f64,
    pub(super) sum: f64,
    pub(super) minimum: f64,
    pub(super) maximum: f64,
}

impl Statistics {
    fn of(value: f64) -> Self {
        Self {
            samples: 1.0,
            sum: value,
            minimum: value,
            maximum: value,
        }
    }

    fn and(self, other: Self) -> Self {
        Self {
            samples: self.samples + other.samples,
            sum: self.sum + other.sum,
            minimum: self.minimum.min(other.minimum),
            maximum: self.maximum.max(other.maximum),
        }
    }
}

/// Every metric's data points, by minutes since the epoch.
#[derive(Clone, Debug, Default)]
pub(super) struct MetricData {
    by_metric: BTreeMap<Metric, BTreeMap<u64, Statistics>>,
}

impl MetricData {
    /// What was reported from `from_ms` until before `until_ms`, whole minutes; none if nothing was.
    pub(super) fn within(
        &self,
        metric: &Metric,
        from_ms: u64,
        until_ms: u64,
    ) -> Option<Statistics> {
        let minutes = self.by_metric.get(metric)?;
        let reported = minutes.range(from_ms / MINUTE_MS..until_ms / MINUTE_MS);
        reported.map(|(_, value)| *value).reduce(Statistics::and)
    }
}

/// Reports one value of a metric, and has the alarms on it evaluated when the minute is over.
pub fn report(cloud: &mut Cloud, metric: &Metric, at_ms: u64, value: f64) {
    let minute = at_ms / MINUTE_MS;
    let by_metric = &mut cloud.cloudwatch.data.by_metric;
    let minutes = by_metric.entry(metric.clone()).or_default();
    let reported = Statistics::of(value);
    let merged = minutes
        .get(&minute)
        .map_or(reported, |before| before.and(reported));
    minutes.insert(minute, merged);
    let oldest = minute.saturating_sub(KEPT_MINUTES);
    minutes.retain(|minute, _| *minute >= oldest);
    metric_alarm::expect_data(&mut cloud.cloudwatch, metric, (minute + 1) * MINUTE_MS);
}
