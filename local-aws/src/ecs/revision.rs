//! Service revisions: what a service was configured to be at the start of each deployment.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-revision.html>

use serde_json::{Value, json};

use super::service::{LoadBalancer, Network};
use super::{State, invalid_parameter, task, task_definition};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, timestamp};

/// Revisions in one DescribeServiceRevisions call.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceRevisions.html>
const DESCRIBE_MAX: usize = 20;

/// A revision; it never changes.
#[derive(Clone, Debug)]
pub(super) struct Revision {
    pub(super) arn: String,
    /// ARN of its service.
    pub(super) service: String,
    pub(super) service_name: String,
    pub(super) cluster: String,
    /// ARN of the task definition.
    pub(super) task_definition: String,
    pub(super) platform_version: String,
    pub(super) network: Network,
    pub(super) load_balancer: LoadBalancer,
    /// The group that holds this revision's tasks: of the two of a load balancer, or the first of several.
    pub(super) target_group: String,
    pub(super) created_at_ms: u64,
}

impl Revision {
    /// The group that this revision's tasks are not in.
    pub(super) fn other_group(&self) -> &str {
        self.load_balancer.other_group(&self.target_group)
    }

    /// All groups that its tasks are registered with.
    pub(super) fn groups(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.target_group).chain(&self.load_balancer.further)
    }

    fn output(&self, cloud: &Cloud) -> Value {
        let state = &cloud.ecs;
        let definition = task_definition::by_arn(state, &self.task_definition);
        let images = definition.map(|definition| {
            let image = |it: &task_definition::Container| json!({"containerName": it.name, "image": it.image});
            definition.containers.iter().map(image).collect::<Value>()
        });
        let resolved = |arn: &String| {
            let mut resolved = json!({"targetGroupArn": arn});
            if let Some(rule) = self.load_balancer.rule() {
                super::set(&mut resolved, "productionListenerRule", json!(rule));
            }
            resolved
        };
        json!({
            "serviceRevisionArn": self.arn,
            "serviceArn": self.service,
            "clusterArn": state.clusters.get(&self.cluster).map(|cluster| &cluster.arn),
            "taskDefinition": self.task_definition,
            "launchType": "FARGATE",
            "platformVersion": self.platform_version,
            "platformFamily": "Linux",
            "loadBalancers": self.load_balancer.output(),
            "networkConfiguration": self.network.output(),
            "containerImages": images,
            "guardDutyEnabled": false,
            "createdAt": timestamp(self.created_at_ms),
            "resolvedConfiguration": {"loadBalancers": self.groups().map(resolved).collect::<Value>()},
        })
    }
}

/// Task counts of a revision, as deployments and services show them.
pub(super) fn counts(state: &State, revision: &str, requested: u32) -> Value {
    let tasks = || {
        let service = state.revisions.get(revision).map(|it| it.service.as_str());
        let tasks = task::of_service(state, service.unwrap_or_default());
        tasks.filter(move |task| task.revision == revision && task.is_wanted())
    };
    json!({
        "arn": revision,
        "requestedTaskCount": requested,
        "runningTaskCount": tasks().filter(|task| task.is_running()).count(),
        "pendingTaskCount": tasks().filter(|task| task.is_starting()).count(),
    })
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["serviceRevisionArns"])?;
    let asked = input.texts("serviceRevisionArns");
    if asked.is_empty() || asked.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!(
            "serviceRevisionArns must have 1 to {DESCRIBE_MAX} elements."
        )));
    }
    let mut revisions = Vec::new();
    let mut failures = Vec::new();
    for arn in asked {
        match cloud.ecs.revisions.get(arn) {
            Some(revision) => {
                let service = cloud.ecs.services.get(&revision.service);
                if service.is_some_and(super::service::Service::is_inactive) {
                    return Err(invalid_parameter(
                        "Cannot call DescribeServiceRevisions for a service that is INACTIVE",
                    ));
                }
                revisions.push(revision.output(cloud));
            }
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"serviceRevisions": revisions, "failures": failures}))
}
