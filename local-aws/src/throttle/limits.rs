//! The buckets of each operation. Capacity is the burst, the refill is what can be kept up.

use serde_json::Value;

use super::{Draw, Limit};
use crate::wire::{Call, Input, Service};

/// Each request to Elastic Load Balancing also draws from the account's bucket.
const ELB_ACCOUNT: Limit = limit(40.0, 10.0);
/// Each request to Route 53 draws from the account's bucket and, unless listed, from one like it for its action.
const ROUTE53_ACCOUNT: Limit = limit(50.0, 10.0);
/// Changes of records, beside the requests that carry them.
const ROUTE53_CHANGES: Limit = limit(1500.0, 100.0);

const fn limit(capacity: f64, refill_per_s: f64) -> Limit {
    Limit {
        capacity,
        refill_per_s,
    }
}

/// What `call` takes, and from which buckets.
pub(super) fn draws(call: &Call) -> Vec<Draw> {
    let operation = call.operation.as_str();
    match call.service {
        Service::Ecs => one(call, ecs(operation)),
        Service::Ec2 => one(call, Some(ec2(operation, Input::new(&call.input)))),
        Service::ElasticLoadBalancing => {
            let mut draws = one(call, Some(elb(operation)));
            draws.push(draw("elasticloadbalancing account", ELB_ACCOUNT, 1.0));
            draws
        }
        Service::Route53 => route53(call),
        Service::CloudWatch => one(call, cloudwatch(operation)),
        Service::Logs => one(call, logs(operation)),
        Service::StepFunctions => one(call, step_functions(operation)),
        // No buckets are documented that this account could empty.
        Service::ApplicationAutoScaling
        | Service::Acm
        | Service::Wafv2
        | Service::Kms
        | Service::DynamoDb
        | Service::Sts
        | Service::ResponseSink => Vec::new(),
    }
}

fn draw(bucket: &str, limit: Limit, tokens: f64) -> Draw {
    Draw {
        bucket: bucket.to_owned(),
        limit,
        tokens,
    }
}

/// One token from the bucket of a category; an operation without one is its own category.
fn one(call: &Call, category: Option<(&str, Limit)>) -> Vec<Draw> {
    let prefix = call.service.iam_prefix();
    category
        .map(|(name, limit)| draw(&format!("{prefix} {name}"), limit, 1.0))
        .into_iter()
        .collect()
}

fn ecs(operation: &str) -> Option<(&'static str, Limit)> {
    Some(match operation {
        "CreateCluster"
        | "DeleteCluster"
        | "PutClusterCapacityProviders"
        | "UpdateCluster"
        | "UpdateClusterSettings" => ("cluster modify", limit(20.0, 1.0)),
        "DescribeClusters" | "ListClusters" => ("cluster read", limit(50.0, 20.0)),
        "DeregisterTaskDefinition" | "RegisterTaskDefinition" => {
            ("task definition modify", limit(20.0, 1.0))
        }
        "DescribeTaskDefinition" | "ListTaskDefinitions" | "ListTaskDefinitionFamilies" => {
            ("task definition read", limit(50.0, 20.0))
        }
        "DeleteTaskDefinitions" => ("task definition deletion", limit(5.0, 1.0)),
        "TagResource" | "UntagResource" => ("tag modify", limit(20.0, 10.0)),
        "ListTagsForResource" => ("tag read", limit(50.0, 20.0)),
        "ExecuteCommand" | "RunTask" | "StartTask" | "StopTask" => {
            ("cluster resource modify", limit(100.0, 40.0))
        }
        "DescribeTasks" | "ListTasks" => ("cluster resource read", limit(100.0, 20.0)),
        "CreateService" | "DeleteService" | "UpdateService" => ("service modify", limit(50.0, 5.0)),
        "DescribeServices" | "ListServices" => ("service read", limit(100.0, 20.0)),
        "DescribeServiceDeployments" | "ListServiceDeployments" => {
            ("service deployment", limit(50.0, 20.0))
        }
        "DescribeServiceRevisions" => ("service revision", limit(50.0, 20.0)),
        _ => return None,
    })
}

fn elb(operation: &str) -> (&'static str, Limit) {
    match operation {
        "CreateLoadBalancer" | "SetSubnets" => ("resource-intensive", limit(10.0, 0.2)),
        "RegisterTargets" | "DeregisterTargets" => ("registration", limit(20.0, 4.0)),
        describe if describe.starts_with("Describe") => ("non-mutating", limit(40.0, 10.0)),
        _ => ("mutating", limit(20.0, 3.0)),
    }
}

/// EC2's buckets are per action, so that an action's name is its bucket's.
fn ec2<'a>(operation: &'a str, input: Input<'_>) -> (&'a str, Limit) {
    let filtered = ["Filter", "MaxResults", "NextToken"]
        .iter()
        .any(|name| input.member(name).is_some());
    let limit = match operation {
        "DescribeNetworkInterfaces" | "DescribeSecurityGroups" if !filtered => limit(50.0, 10.0),
        "CreateTags" | "DeleteTags" => limit(100.0, 10.0),
        "CreateNetworkInterface" | "DeleteNetworkInterface" => limit(100.0, 5.0),
        read if read.starts_with("Describe") || read.starts_with("Get") => limit(100.0, 20.0),
        _ => limit(50.0, 5.0),
    };
    (operation, limit)
}

fn route53(call: &Call) -> Vec<Draw> {
    let operation = call.operation.as_str();
    let action = match operation {
        "CreateHostedZone" => limit(40.0, 2.0),
        "DeleteHostedZone" => limit(40.0, 5.0),
        _ => ROUTE53_ACCOUNT,
    };
    let mut draws = one(call, Some((operation, action)));
    draws.push(draw("route53 account", ROUTE53_ACCOUNT, 1.0));
    let changes = match operation {
        "ChangeResourceRecordSets" => changes(&call.input),
        "CreateHostedZone" | "DeleteHostedZone" => 2.0,
        _ => return draws,
    };
    draws.push(draw("route53 changes", ROUTE53_CHANGES, changes));
    draws
}

/// An UPSERT counts twice.
fn changes(input: &Value) -> f64 {
    let list = input.pointer("/body/ChangeBatch/Changes");
    let Some(list) = list.filter(|list| list.is_object()) else {
        return 0.0;
    };
    Input::new(list)
        .items("Change")
        .map(|change| match change.text("Action") {
            Some("UPSERT") => 2.0,
            Some(_) | None => 1.0,
        })
        .sum()
}

/// Requests a second; how many may come at once is not documented, so no more than that.
fn cloudwatch(operation: &str) -> Option<(&str, Limit)> {
    let limit = match operation {
        "PutMetricAlarm" | "DeleteAlarms" | "SetAlarmState" => limit(3.0, 3.0),
        "DescribeAlarms" => limit(9.0, 9.0),
        _ => return None,
    };
    Some((operation, limit))
}

/// As [`cloudwatch`].
fn logs(operation: &str) -> Option<(&str, Limit)> {
    let limit = match operation {
        "CreateLogGroup" | "DeleteLogGroup" | "DescribeLogGroups" => limit(10.0, 10.0),
        _ => return None,
    };
    Some((operation, limit))
}

/// Standard workflows, outside the three largest regions.
fn step_functions(operation: &str) -> Option<(&str, Limit)> {
    (operation == "StartExecution").then_some((operation, limit(800.0, 150.0)))
}
