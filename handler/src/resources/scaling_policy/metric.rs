//! What a policy tracks, to the SDK's words and back.

use aws_sdk_applicationautoscaling::types::builders::TargetTrackingScalingPolicyConfigurationBuilder;
use aws_sdk_applicationautoscaling::types::{
    CustomizedMetricSpecification, MetricType, PredefinedMetricSpecification, TargetTrackingMetric,
    TargetTrackingMetricDataQuery, TargetTrackingMetricDimension, TargetTrackingMetricStat,
    TargetTrackingScalingPolicyConfiguration,
};
use aws_smithy_types::error::operation::BuildError;
use express_core::resources::scaling_policy::{REQUESTS_EXPRESSION, TrackedMetric};

/// Requests per target, per target group.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
const NAMESPACE: &str = "AWS/ApplicationELB";
const REQUESTS_PER_TARGET: &str = "RequestCountPerTarget";
const LOAD_BALANCER: &str = "LoadBalancer";
const TARGET_GROUP: &str = "TargetGroup";
const SUM: &str = "Sum";
/// Names of the two metrics in [`REQUESTS_EXPRESSION`].
const METRIC_IDS: [&str; 2] = ["a", "b"];
/// Name of the expression whose value is tracked.
const EXPRESSION_ID: &str = "requests";

type Builder = TargetTrackingScalingPolicyConfigurationBuilder;

/// Adds the metric to a policy.
pub fn write(metric: &TrackedMetric, policy: Builder) -> Result<Builder, BuildError> {
    match metric {
        TrackedMetric::AverageCpu => {
            predefined(policy, MetricType::EcsServiceAverageCpuUtilization)
        }
        TrackedMetric::AverageMemory => {
            predefined(policy, MetricType::EcsServiceAverageMemoryUtilization)
        }
        TrackedMetric::RequestsPerTarget {
            load_balancer,
            target_groups,
        } => requests(load_balancer, target_groups)
            .map(|metric| policy.customized_metric_specification(metric)),
    }
}

/// The metric of a policy; none for one that we never write.
pub fn read(policy: &TargetTrackingScalingPolicyConfiguration) -> Option<TrackedMetric> {
    if let Some(metric) = policy.customized_metric_specification() {
        return read_requests(metric);
    }
    match policy
        .predefined_metric_specification()?
        .predefined_metric_type()
    {
        MetricType::EcsServiceAverageCpuUtilization => Some(TrackedMetric::AverageCpu),
        MetricType::EcsServiceAverageMemoryUtilization => Some(TrackedMetric::AverageMemory),
        _ => None,
    }
}

fn predefined(policy: Builder, metric: MetricType) -> Result<Builder, BuildError> {
    let metric = PredefinedMetricSpecification::builder()
        .predefined_metric_type(metric)
        .build()?;
    Ok(policy.predefined_metric_specification(metric))
}

fn requests(
    load_balancer: &str,
    target_groups: &[String; 2],
) -> Result<CustomizedMetricSpecification, BuildError> {
    let mut metric = CustomizedMetricSpecification::builder();
    for (id, group) in METRIC_IDS.into_iter().zip(target_groups) {
        let per_group = TargetTrackingMetric::builder()
            .namespace(NAMESPACE)
            .metric_name(REQUESTS_PER_TARGET)
            .dimensions(dimension(LOAD_BALANCER, load_balancer)?)
            .dimensions(dimension(TARGET_GROUP, group)?)
            .build();
        metric = metric.metrics(
            TargetTrackingMetricDataQuery::builder()
                .id(id)
                .metric_stat(
                    TargetTrackingMetricStat::builder()
                        .metric(per_group)
                        .stat(SUM)
                        .build()?,
                )
                .return_data(false)
                .build()?,
        );
    }
    Ok(metric
        .metrics(
            TargetTrackingMetricDataQuery::builder()
                .id(EXPRESSION_ID)
                .expression(REQUESTS_EXPRESSION)
                .return_data(true)
                .build()?,
        )
        .build())
}

fn dimension(name: &str, value: &str) -> Result<TargetTrackingMetricDimension, BuildError> {
    TargetTrackingMetricDimension::builder()
        .name(name)
        .value(value)
        .build()
}

/// Reads the groups by the names of the metrics, then writes the metric again: only what comes out the
/// same is ours.
fn read_requests(found: &CustomizedMetricSpecification) -> Option<TrackedMetric> {
    let [id_a, id_b] = METRIC_IDS;
    let load_balancer = dimension_value(found, id_a, LOAD_BALANCER)?;
    let target_groups = [
        dimension_value(found, id_a, TARGET_GROUP)?,
        dimension_value(found, id_b, TARGET_GROUP)?,
    ];
    let written = requests(&load_balancer, &target_groups).ok()?;
    (normal(found) == normal(&written)).then_some(TrackedMetric::RequestsPerTarget {
        load_balancer,
        target_groups,
    })
}

fn dimension_value(found: &CustomizedMetricSpecification, id: &str, name: &str) -> Option<String> {
    let query = found.metrics().iter().find(|query| query.id() == id)?;
    let metric = query.metric_stat()?.metric()?;
    let dimension = metric
        .dimensions()
        .iter()
        .find(|dimension| dimension.name() == name)?;
    Some(dimension.value().to_owned())
}

/// The same content in one form: queries and dimensions have no order, and an empty list says nothing.
fn normal(metric: &CustomizedMetricSpecification) -> CustomizedMetricSpecification {
    let mut normal = metric.clone();
    if normal.dimensions.as_ref().is_some_and(Vec::is_empty) {
        normal.dimensions = None;
    }
    if let Some(queries) = &mut normal.metrics {
        queries.sort_by(|left, right| left.id.cmp(&right.id));
        for query in queries {
            // Of the chart only.
            query.label = None;
            if let Some(dimensions) = query
                .metric_stat
                .as_mut()
                .and_then(|stat| stat.metric.as_mut())
                .and_then(|metric| metric.dimensions.as_mut())
            {
                dimensions.sort_by(|left, right| left.name.cmp(&right.name));
            }
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(metric: &TrackedMetric) -> TargetTrackingScalingPolicyConfiguration {
        let policy = TargetTrackingScalingPolicyConfiguration::builder().target_value(60.0);
        write(metric, policy)
            .and_then(Builder::build)
            .expect("is complete")
    }

    fn per_target() -> TrackedMetric {
        TrackedMetric::RequestsPerTarget {
            load_balancer: "app/express-1/abc".to_owned(),
            target_groups: ["targetgroup/a/1".to_owned(), "targetgroup/b/2".to_owned()],
        }
    }

    #[test]
    fn every_metric_is_read_as_it_is_written() {
        for metric in [
            TrackedMetric::AverageCpu,
            TrackedMetric::AverageMemory,
            per_target(),
        ] {
            assert_eq!(read(&written(&metric)), Some(metric));
        }
    }

    #[test]
    fn a_changed_expression_or_statistic_is_not_ours() {
        let mut policy = written(&per_target());
        let queries = policy.customized_metric_specification.as_mut().unwrap();
        queries.metrics.as_mut().unwrap()[2].expression = Some("a".to_owned());
        assert_eq!(read(&policy), None);

        let mut policy = written(&per_target());
        let queries = policy.customized_metric_specification.as_mut().unwrap();
        let first = &mut queries.metrics.as_mut().unwrap()[0];
        first.metric_stat.as_mut().unwrap().stat = "Average".to_owned();
        assert_eq!(read(&policy), None);
    }

    #[test]
    fn another_predefined_metric_is_not_ours() {
        let policy = predefined(
            TargetTrackingScalingPolicyConfiguration::builder().target_value(60.0),
            MetricType::AlbRequestCountPerTarget,
        )
        .and_then(Builder::build)
        .expect("is complete");
        assert_eq!(read(&policy), None);
    }
}
