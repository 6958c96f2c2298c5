//! The metric maths of the rollback alarm, to the SDK's words and back.

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use express_core::resources::Tags;
use express_core::resources::metric_alarm::{
    AlarmActions, AlarmQuery, AlarmRule, AlarmSource, METRIC_4XX, MetricAlarmSpec, PERIOD_S,
    Watched,
};

/// Namespace and dimensions of the metrics of Application Load Balancers.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>
const NAMESPACE: &str = "AWS/ApplicationELB";
const LOAD_BALANCER: &str = "LoadBalancer";
const TARGET_GROUP: &str = "TargetGroup";
const SUM: &str = "Sum";

/// The queries of an alarm; only the expression's value is compared.
pub fn to_sdk(spec: &MetricAlarmSpec) -> Vec<MetricDataQuery> {
    spec.queries()
        .into_iter()
        .map(|AlarmQuery { id, source }| {
            let query = MetricDataQuery::builder().id(id);
            match source {
                AlarmSource::Sum {
                    metric,
                    target_group,
                } => query
                    .metric_stat(sum(metric, &spec.load_balancer, &target_group))
                    .return_data(false),
                AlarmSource::Expression(expression) => {
                    query.expression(expression).return_data(true)
                }
            }
            .build()
        })
        .collect()
}

fn sum(metric: &str, load_balancer: &str, target_group: &str) -> MetricStat {
    MetricStat::builder()
        .metric(
            Metric::builder()
                .namespace(NAMESPACE)
                .metric_name(metric)
                .dimensions(dimension(LOAD_BALANCER, load_balancer))
                .dimensions(dimension(TARGET_GROUP, target_group))
                .build(),
        )
        .period(PERIOD_S.cast_signed())
        .stat(SUM)
        .build()
}

fn dimension(name: &str, value: &str) -> Dimension {
    Dimension::builder().name(name).value(value).build()
}

/// The target groups that the metrics name, in the order of the queries, each once.
pub fn target_groups(queries: &[MetricDataQuery]) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    for query in queries {
        if let Some(group) = dimension_value(query, TARGET_GROUP)
            && !groups.iter().any(|known| known == group)
        {
            groups.push(group.to_owned());
        }
    }
    groups
}

/// The expression whose value is compared.
pub fn compared_expression(queries: &[MetricDataQuery]) -> Option<String> {
    queries
        .iter()
        .find(|query| query.return_data() == Some(true))
        .and_then(|query| query.expression().map(str::to_owned))
}

/// The least number of requests that the compared expression asks for: `IF(… < 20, …`.
pub fn requests_min(queries: &[MetricDataQuery]) -> Option<u32> {
    let expression = compared_expression(queries)?;
    let (_, behind) = expression.split_once('<')?;
    let (number, _) = behind.split_once(',')?;
    number.trim().parse().ok()
}

/// Whether answers with a status of 400 to 499 are looked at.
pub fn counts_4xx(queries: &[MetricDataQuery]) -> bool {
    queries.iter().any(|query| {
        let metric = query.metric_stat().and_then(MetricStat::metric);
        metric.and_then(Metric::metric_name) == Some(METRIC_4XX)
    })
}

/// Whether the queries are those that we would write for these groups and this rule: they are written again, and
/// compared apart from what CloudWatch orders and labels by itself.
pub fn are_ours(queries: &[MetricDataQuery], target_groups: &[String], rule: AlarmRule) -> bool {
    let watched = match target_groups {
        [one] => Watched::One(one.clone()),
        [a, b] => Watched::Both(a.clone(), b.clone()),
        _ => return false,
    };
    let Some(load_balancer) = queries
        .iter()
        .find_map(|query| dimension_value(query, LOAD_BALANCER))
    else {
        return false;
    };
    let written = to_sdk(&MetricAlarmSpec {
        name: String::new(),
        arn: String::new(),
        load_balancer: load_balancer.to_owned(),
        watched,
        rule,
        actions: AlarmActions::default(),
        tags: Tags::new(),
    });
    normal(queries) == normal(&written)
}

fn normal(queries: &[MetricDataQuery]) -> Vec<MetricDataQuery> {
    let mut normal = queries.to_vec();
    normal.sort_by(|left, right| left.id.cmp(&right.id));
    for query in &mut normal {
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
    normal
}

fn dimension_value<'a>(query: &'a MetricDataQuery, name: &str) -> Option<&'a str> {
    query
        .metric_stat()?
        .metric()?
        .dimensions()
        .iter()
        .find(|dimension| dimension.name() == Some(name))?
        .value()
}
