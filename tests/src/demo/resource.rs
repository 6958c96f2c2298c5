//! One resource of the account and its state, in the words of its service.

use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::account::{Item, Kind};

/// What a resource is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    /// For people; short.
    pub text: String,
    /// Whether nothing is going on that will end by itself.
    pub is_settled: bool,
}

impl State {
    fn settled(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            is_settled: true,
        }
    }
}

/// What a kind is called.
pub fn label(kind: Kind) -> &'static str {
    match kind {
        Kind::Cluster => "cluster",
        Kind::LogGroup => "log group",
        Kind::TaskDefinition => "task definition",
        Kind::EcsService => "ECS service",
        Kind::SecurityGroup => "security group",
        Kind::LoadBalancer => "load balancer",
        Kind::Listener => "listener",
        Kind::ListenerRule => "listener rule",
        Kind::TargetGroup => "target group",
        Kind::ScalableTarget => "scalable target",
        Kind::ScalingPolicy => "scaling policy",
        Kind::MetricAlarm => "alarm",
        Kind::RecordSet => "DNS record",
    }
}

/// The state of a thing in an account that stands still.
pub fn state(account: &LocalAws, kind: Kind, id: &str, item: &Item) -> State {
    let text = |pointer: &str| text(&item.description, pointer);
    match kind {
        Kind::Cluster | Kind::LogGroup | Kind::SecurityGroup | Kind::ScalingPolicy => {
            State::settled("there")
        }
        Kind::TaskDefinition => State::settled(text("/status")),
        Kind::EcsService => service(account, &item.description),
        Kind::LoadBalancer => {
            let state = text("/State/Code");
            State {
                is_settled: state == "active",
                text: state,
            }
        }
        Kind::Listener => State::settled(text("/Protocol")),
        Kind::ListenerRule => State::settled(format!("weights {}", weights(&item.description))),
        Kind::TargetGroup => targets(account, id),
        Kind::ScalableTarget => {
            let bound = |pointer| number(&item.description, pointer);
            State::settled(format!(
                "{} to {} tasks",
                bound("/MinCapacity"),
                bound("/MaxCapacity")
            ))
        }
        Kind::MetricAlarm => State::settled(text("/StateValue")),
        Kind::RecordSet => State::settled(
            item.description
                .get("AliasTarget")
                .map_or("values", |_| "alias of the load balancer"),
        ),
    }
}

/// The weights of a rule's target groups, in the order of the groups' names.
fn weights(rule: &Value) -> String {
    let groups = rule
        .pointer("/Actions/0/ForwardConfig/TargetGroups")
        .and_then(Value::as_array);
    let mut weights: Vec<(String, i64)> = groups
        .into_iter()
        .flatten()
        .map(|group| (text(group, "/TargetGroupArn"), number(group, "/Weight")))
        .collect();
    weights.sort();
    let weights = weights.iter().map(|(_, weight)| weight.to_string());
    weights.collect::<Vec<_>>().join(" : ")
}

fn service(account: &LocalAws, service: &Value) -> State {
    let status = text(service, "/status");
    let (running, desired) = (
        number(service, "/runningCount"),
        number(service, "/desiredCount"),
    );
    let deployment = deployment(account, service);
    let is_deploying = matches!(
        deployment.as_deref(),
        Some(
            "PENDING"
                | "IN_PROGRESS"
                | "STOP_REQUESTED"
                | "ROLLBACK_REQUESTED"
                | "ROLLBACK_IN_PROGRESS"
        )
    );
    let deployment = deployment
        .map(|status| format!(", deployment {status}"))
        .unwrap_or_default();
    State {
        text: format!("{status}, {running} of {desired} tasks{deployment}"),
        is_settled: status == "ACTIVE" && running == desired && !is_deploying,
    }
}

/// The status of the service's deployment.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>
fn deployment(account: &LocalAws, service: &Value) -> Option<String> {
    let arn = service.pointer("/currentServiceDeployment")?.as_str()?;
    let input = json!({"serviceDeploymentArns": [arn]});
    let answer = account
        .perform(Service::Ecs, "DescribeServiceDeployments", input)
        .ok()?;
    Some(
        answer
            .pointer("/serviceDeployments/0/status")?
            .as_str()?
            .to_owned(),
    )
}

fn targets(account: &LocalAws, arn: &str) -> State {
    let input = json!({"TargetGroupArn": arn});
    let answer = account.perform(Service::ElasticLoadBalancing, "DescribeTargetHealth", input);
    let answer = answer.unwrap_or_default();
    let mut healths: Vec<String> = answer
        .pointer("/TargetHealthDescriptions")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .map(|target| text(target, "/TargetHealth/State"))
        .collect();
    healths.sort();
    if healths.is_empty() {
        return State::settled("idle");
    }
    State {
        is_settled: healths.iter().all(|health| health == "healthy"),
        text: healths.join(", "),
    }
}

/// The text at a pointer; a dash if there is none.
fn text(value: &Value, pointer: &str) -> String {
    value
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("-")
        .to_owned()
}

/// The number at a pointer; the Query protocol writes numbers as text.
fn number(value: &Value, pointer: &str) -> i64 {
    let found = value.pointer(pointer);
    found
        .and_then(|value| value.as_i64().or_else(|| value.as_str()?.parse().ok()))
        .unwrap_or_default()
}
