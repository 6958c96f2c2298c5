//! The metric that a target tracking policy follows: predefined, one of CloudWatch, or maths over several.
//!
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/userguide/application-auto-scaling-target-tracking-metric-math.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::validation;
use crate::cloud::Cloud;
use crate::wire::{Input, Refusal};

/// Seconds in one evaluation of a predefined metric.
const PERIOD_S: u32 = 60;

/// A checked metric specification.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Metric {
    Cpu,
    Memory,
    /// Requests per target of one target group, given by its resource label.
    RequestCountPerTarget {
        label: String,
    },
    /// One metric of CloudWatch, as it was given.
    Customized(Value),
    /// `Metrics`, as it was given.
    Maths(Value),
}

impl Metric {
    /// Exactly one of the two specifications must be there.
    ///
    /// # Errors
    /// `ValidationException`.
    pub(super) fn parse(cloud: &mut Cloud, given: Input<'_>) -> Result<Self, Refusal> {
        match (
            given.object("PredefinedMetricSpecification"),
            given.object("CustomizedMetricSpecification"),
        ) {
            (Some(predefined), None) => parse_predefined(cloud, predefined),
            (None, Some(customized)) => parse_customized(customized),
            (Some(_), Some(_)) | (None, None) => Err(validation(
                "Exactly one of PredefinedMetricSpecification and CustomizedMetricSpecification must be specified",
            )),
        }
    }

    /// The members of PutMetricAlarm that name the metric.
    pub(super) fn alarm_members(&self, name: &str, cluster: &str, service: &str) -> Value {
        let of_service = |metric: &str| {
            json!({
                "AlarmName": name,
                "Namespace": "AWS/ECS",
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "ClusterName", "Value": cluster},
                    {"Name": "ServiceName", "Value": service},
                ],
                "Statistic": "Average",
                "Period": PERIOD_S,
            })
        };
        match self {
            Self::Cpu => of_service("CPUUtilization"),
            Self::Memory => of_service("MemoryUtilization"),
            Self::RequestCountPerTarget { label } => {
                let group = label.find("targetgroup/").and_then(|at| label.get(at..));
                json!({
                    "AlarmName": name,
                    "Namespace": "AWS/ApplicationELB",
                    "MetricName": "RequestCountPerTarget",
                    "Dimensions": [{"Name": "TargetGroup", "Value": group}],
                    "Statistic": "Sum",
                    "Period": PERIOD_S,
                })
            }
            Self::Customized(metric) => {
                let mut members = metric.clone();
                if let Some(members) = members.as_object_mut() {
                    members.insert("AlarmName".to_owned(), json!(name));
                    members.insert("Period".to_owned(), json!(PERIOD_S));
                }
                members
            }
            Self::Maths(metrics) => json!({"AlarmName": name, "Metrics": with_periods(metrics)}),
        }
    }
}

/// An alarm's queries carry the period that a policy's do not.
fn with_periods(metrics: &Value) -> Value {
    let mut metrics = metrics.clone();
    for query in metrics.as_array_mut().into_iter().flatten() {
        let stat = query.get_mut("MetricStat").and_then(Value::as_object_mut);
        if let Some(stat) = stat {
            stat.insert("Period".to_owned(), json!(PERIOD_S));
        }
        if let Some(query) = query.as_object_mut() {
            // A policy's query returns its data unless it says otherwise, as an alarm's does.
            query.entry("ReturnData").or_insert(json!(true));
        }
    }
    metrics
}

fn parse_predefined(cloud: &mut Cloud, input: Input<'_>) -> Result<Metric, Refusal> {
    input.only(&["PredefinedMetricType", "ResourceLabel"])?;
    let label = input.text("ResourceLabel");
    let metric = match input.text("PredefinedMetricType") {
        Some("ECSServiceAverageCPUUtilization") => Metric::Cpu,
        Some("ECSServiceAverageMemoryUtilization") => Metric::Memory,
        Some("ALBRequestCountPerTarget") => {
            let label = label.ok_or_else(|| {
                validation("ResourceLabel must be specified for ALBRequestCountPerTarget")
            })?;
            check_label(cloud, label)?;
            return Ok(Metric::RequestCountPerTarget {
                label: label.to_owned(),
            });
        }
        other => {
            return Err(validation(format!(
                "Predefined metric type {} is not supported for the ecs service namespace here",
                other.unwrap_or("null")
            )));
        }
    };
    if label.is_some() {
        return Err(validation(
            "ResourceLabel may only be specified for ALBRequestCountPerTarget",
        ));
    }
    Ok(metric)
}

/// `app/<name>/<id>/targetgroup/<name>/<id>`: the target group must be attached to that load balancer.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PredefinedMetricSpecification.html>
fn check_label(cloud: &mut Cloud, label: &str) -> Result<(), Refusal> {
    let refused = || {
        validation(format!(
            "Invalid resource label '{label}': it must name a load balancer and a target group attached to it"
        ))
    };
    let at = label.find("/targetgroup/").ok_or_else(refused)?;
    let (load_balancer, group) = (
        label.get(..at).ok_or_else(refused)?,
        label.get(at + 1..).ok_or_else(refused)?,
    );
    if !load_balancer.starts_with("app/") || load_balancer.split('/').count() != 3 {
        return Err(refused());
    }
    let group_arn = cloud.account.arn("elasticloadbalancing", group);
    let load_balancer_arn = cloud.account.arn(
        "elasticloadbalancing",
        &format!("loadbalancer/{load_balancer}"),
    );
    let question = json!({"TargetGroupArns": [group_arn]});
    let answer = crate::elbv2::call(cloud, "DescribeTargetGroups", Input::new(&question))
        .map_err(|_| refused())?;
    let attached = answer.pointer("/TargetGroups/0/LoadBalancerArns");
    let attached = attached.and_then(Value::as_array);
    if attached.is_some_and(|arns| arns.contains(&json!(load_balancer_arn))) {
        Ok(())
    } else {
        Err(refused())
    }
}

fn parse_customized(input: Input<'_>) -> Result<Metric, Refusal> {
    if let Some(metrics) = input.member("Metrics") {
        input.only(&["Metrics"])?;
        check_maths(input)?;
        return Ok(Metric::Maths(metrics.clone()));
    }
    input.only(&["MetricName", "Namespace", "Dimensions", "Statistic", "Unit"])?;
    for name in ["MetricName", "Namespace", "Statistic"] {
        if input.text(name).is_none() {
            return Err(validation(format!(
                "CustomizedMetricSpecification needs {name}, or Metrics"
            )));
        }
    }
    Ok(Metric::Customized(input.value().clone()))
}

/// Ids are unique and begin with a lower-case letter; each query is an expression or a metric; an
/// expression uses ids that are there; exactly one query returns data.
/// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingMetricDataQuery.html>
fn check_maths(input: Input<'_>) -> Result<(), Refusal> {
    let mut ids = BTreeSet::new();
    let mut returned = 0_usize;
    for query in input.items("Metrics") {
        query.only(&["Id", "Expression", "Label", "MetricStat", "ReturnData"])?;
        let id = query.text("Id").unwrap_or_default();
        let mut letters = id.chars();
        let well_formed = letters
            .next()
            .is_some_and(|first| first.is_ascii_lowercase())
            && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
        if !well_formed {
            return Err(validation(format!(
                "Invalid metric id '{id}': it must begin with a lower-case letter"
            )));
        }
        if !ids.insert(id) {
            return Err(validation(format!("The metric id '{id}' is repeated")));
        }
        match (query.text("Expression"), query.object("MetricStat")) {
            (Some(_), None) => {}
            (None, Some(stat)) => check_stat(id, stat)?,
            (Some(_), Some(_)) | (None, None) => {
                return Err(validation(format!(
                    "The metric '{id}' must have exactly one of Expression and MetricStat"
                )));
            }
        }
        returned += usize::from(query.flag("ReturnData")?.unwrap_or(true));
    }
    if returned != 1 {
        return Err(validation(format!(
            "Exactly one metric must have ReturnData true, got {returned}"
        )));
    }
    for query in input.items("Metrics") {
        let expression = query.text("Expression").unwrap_or_default();
        if let Some(unknown) = identifiers(expression).find(|name| !ids.contains(name)) {
            return Err(validation(format!(
                "The expression '{expression}' uses the id '{unknown}', which no metric has"
            )));
        }
    }
    Ok(())
}

fn check_stat(id: &str, stat: Input<'_>) -> Result<(), Refusal> {
    stat.only(&["Metric", "Stat", "Unit"])?;
    let metric = stat.object("Metric");
    let named = |name: &str| metric.is_some_and(|metric| metric.text(name).is_some());
    if stat.text("Stat").is_none() || !named("MetricName") || !named("Namespace") {
        return Err(validation(format!(
            "The metric '{id}' needs Stat, MetricName and Namespace"
        )));
    }
    Ok(())
}

/// The words of an expression that can be ids: functions are written in upper case.
fn identifiers(expression: &str) -> impl Iterator<Item = &str> {
    expression
        .split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
        .filter(|word| word.starts_with(|first: char| first.is_ascii_lowercase()))
}
