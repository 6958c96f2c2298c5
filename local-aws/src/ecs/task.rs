//! Tasks: their state, what their containers answer, and the operations on them.
//!
//! Only services start tasks here. A stopped task stays describable for an hour.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>

mod health;
mod lifecycle;
mod log_lines;

use serde_json::{Value, json};

use super::image::{Behaviour, Ending};
use super::page::{PAGE_MAX, page};
use super::tag::{self, Tags};
use super::task_definition::{self, TaskDefinition};
use super::{HealthAnswer, State, invalid_parameter};
use crate::cloud::{Cloud, Outcome};
use crate::ec2::NetworkInterface;
use crate::wire::{Input, timestamp};

pub(super) use lifecycle::{NOT_PLACED, StopCause, advance, begin_stop, start};

/// Tasks in one DescribeTasks call.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const DESCRIBE_MAX: usize = 100;

/// A target group, and the port under which a task is registered with it.
type Target = (String, u16);

/// A task of a service.
#[derive(Clone, Debug)]
pub(super) struct Task {
    pub(super) arn: String,
    pub(super) cluster: String,
    /// ARN of its service.
    pub(super) service: String,
    pub(super) service_name: String,
    /// ARN of the service revision that it runs.
    pub(super) revision: String,
    pub(super) status: Status,
    pub(super) tags: Tags,
    pub(super) subnet: String,
    pub(super) started_at_ms: Option<u64>,
    /// Whether it has been healthy: then it is no failure of its deployment to lose it.
    pub(super) was_healthy: bool,
    definition: String,
    /// The `id` of the deployment that started it.
    started_by: String,
    interface: NetworkInterface,
    interface_attached: bool,
    /// The target groups with which it is registered.
    targets: Vec<Target>,
    behaviours: Vec<(String, Behaviour)>,
    /// How an essential container ends by itself.
    ending: Option<&'static Ending>,
    exit_code: Option<i64>,
    container_reason: Option<String>,
    stop: Option<(StopCause, String)>,
    created_at_ms: u64,
    stopping_at_ms: Option<u64>,
    stopped_at_ms: Option<u64>,
    /// When it moves on by itself.
    due_ms: Option<u64>,
}

/// `lastStatus`, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Status {
    Provisioning,
    Pending,
    Activating,
    Running,
    Deactivating,
    Stopping,
    Deprovisioning,
    Stopped,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

impl Task {
    pub(super) fn is_starting(&self) -> bool {
        self.status < Status::Running
    }

    pub(super) fn is_running(&self) -> bool {
        self.status == Status::Running
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.status == Status::Stopped
    }

    /// Whether it is before STOPPING.
    pub(super) fn serves(&self) -> bool {
        self.status < Status::Stopping
    }

    /// Whether it is meant to go on: `desiredStatus` RUNNING.
    pub(super) fn is_wanted(&self) -> bool {
        self.stop.is_none()
    }

    fn containers_run(&self) -> bool {
        (Status::Activating..=Status::Deactivating).contains(&self.status)
            && self.exit_code.is_none()
    }

    fn id(&self) -> &str {
        self.arn.rsplit('/').next().unwrap_or_default()
    }

    fn output(&self, state: &State) -> Value {
        let definition = task_definition::by_arn(state, &self.definition);
        let mut output = json!({
            "taskArn": self.arn,
            "clusterArn": state.clusters.get(&self.cluster).map(|cluster| &cluster.arn),
            "taskDefinitionArn": self.definition,
            "group": format!("service:{}", self.service_name),
            "startedBy": self.started_by,
            "lastStatus": self.status.name(),
            "desiredStatus": if self.is_wanted() { "RUNNING" } else { "STOPPED" },
            "healthStatus": "UNKNOWN",
            "launchType": "FARGATE",
            "platformVersion": "1.4.0",
            "platformFamily": "Linux",
            "availabilityZone": self.interface.zone,
            "cpu": definition.map(|it| &it.cpu),
            "memory": definition.map(|it| &it.memory),
            "createdAt": timestamp(self.created_at_ms),
            "attachments": [self.attachment()],
            "containers": definition.map(|it| self.container_outputs(it)),
            "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": []},
            "tags": [],
            "version": 1,
        });
        for (name, at_ms) in [
            ("startedAt", self.started_at_ms),
            ("stoppingAt", self.stopping_at_ms),
            ("stoppedAt", self.stopped_at_ms),
        ] {
            if let Some(at_ms) = at_ms {
                super::set(&mut output, name, timestamp(at_ms));
            }
        }
        if let Some((cause, reason)) = &self.stop {
            super::set(&mut output, "stopCode", json!(cause.code()));
            super::set(&mut output, "stoppedReason", json!(reason));
        }
        output
    }

    fn attachment(&self) -> Value {
        let status = match (self.interface_attached, self.status) {
            (true, Status::Provisioning) => "ATTACHING",
            (true, _) => "ATTACHED",
            (false, _) => "DELETED",
        };
        let NetworkInterface {
            id,
            private_ip,
            subnet_id,
            ..
        } = &self.interface;
        json!({
            "id": format!("eni-attachment-{}", self.id()),
            "type": "ElasticNetworkInterface",
            "status": status,
            "details": [
                {"name": "subnetId", "value": subnet_id},
                {"name": "networkInterfaceId", "value": id},
                {"name": "privateIPv4Address", "value": private_ip},
            ],
        })
    }

    fn container_outputs(&self, definition: &TaskDefinition) -> Value {
        let status = match self.status {
            Status::Provisioning | Status::Pending => "PENDING",
            Status::Activating | Status::Running | Status::Deactivating | Status::Stopping => {
                if self.exit_code.is_some() {
                    "STOPPED"
                } else {
                    "RUNNING"
                }
            }
            Status::Deprovisioning | Status::Stopped => "STOPPED",
        };
        let one = |container: &task_definition::Container| {
            let mut output = json!({
                "containerArn": format!("{}/{}", self.arn.replacen(":task/", ":container/", 1), container.name),
                "taskArn": self.arn,
                "name": container.name,
                "image": container.image,
                "lastStatus": status,
                "networkBindings": [],
                "networkInterfaces": [{
                    "attachmentId": format!("eni-attachment-{}", self.id()),
                    "privateIpv4Address": self.interface.private_ip,
                }],
                "healthStatus": "UNKNOWN",
            });
            if let Some(code) = self.exit_code {
                super::set(&mut output, "exitCode", json!(code));
            }
            if let Some(reason) = &self.container_reason {
                super::set(&mut output, "reason", json!(reason));
            }
            output
        };
        definition.containers.iter().map(one).collect()
    }
}

/// What the task at `ip` answers to a visitor on `port`.
#[must_use]
pub fn traffic_answer(cloud: &Cloud, ip: &str, port: u16) -> HealthAnswer {
    answer(cloud, ip, port, Behaviour::traffic_answer)
}

/// What it answers to a load balancer that asks for `path`.
pub(super) fn health_answer(cloud: &Cloud, ip: &str, port: u16, path: &str) -> HealthAnswer {
    answer(cloud, ip, port, |behaviour, age_ms| {
        behaviour.health_answer(path, age_ms)
    })
}

fn answer(
    cloud: &Cloud,
    ip: &str,
    port: u16,
    of: impl Fn(Behaviour, u64) -> HealthAnswer,
) -> HealthAnswer {
    let state = &cloud.ecs;
    let holder = state.addresses.get(ip);
    let Some(task) = holder.and_then(|arn| state.tasks.get(arn)) else {
        return HealthAnswer::Timeout;
    };
    let definition = task_definition::by_arn(state, &task.definition);
    let listens = |name: &str| {
        let container = definition.and_then(|definition| definition.container(name));
        container.is_some_and(|container| container.ports.contains(&port))
    };
    match task.behaviours.iter().find(|(name, _)| listens(name)) {
        Some((_, behaviour)) if task.containers_run() => {
            let started_at_ms = task.started_at_ms.unwrap_or(cloud.now_ms);
            of(*behaviour, cloud.now_ms.saturating_sub(started_at_ms))
        }
        Some(_) | None => HealthAnswer::Refused,
    }
}

/// The tasks of a service that can still be described.
pub(super) fn of_service<'a>(state: &'a State, service: &str) -> impl Iterator<Item = &'a Task> {
    let service = state.services.get(service);
    let arns = service.into_iter().flat_map(|service| &service.tasks);
    arns.filter_map(|arn| state.tasks.get(arn))
}

pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "cluster",
        "family",
        "nextToken",
        "maxResults",
        "serviceName",
        "desiredStatus",
        "launchType",
    ])?;
    let cluster = super::cluster::of_call(cloud, input)?;
    let wanted = match input.text("desiredStatus") {
        // PENDING is accepted and finds nothing: ECS never sets a desired status of PENDING.
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
        Some("PENDING") => None,
        None | Some("RUNNING") => Some(true),
        Some("STOPPED") => Some(false),
        Some(other) => {
            return Err(invalid_parameter(format!(
                "Invalid desired status '{other}'."
            )));
        }
    };
    let service = input
        .text("serviceName")
        .map(|reference| super::service::reference_arn(cloud, &cluster, reference));
    let family = input.text("family");
    let of_family = |task: &Task| {
        family.is_none_or(|family| {
            let marker = format!(":task-definition/{family}:");
            task.definition.contains(&marker)
        })
    };
    let tasks = cloud.ecs.tasks.values().filter(|task| {
        task.cluster == cluster
            && Some(task.is_wanted()) == wanted
            && service.as_ref().is_none_or(|arn| *arn == task.service)
            && of_family(task)
            && input.text("launchType").is_none_or(|it| it == "FARGATE")
    });
    let (arns, token) = page(tasks.map(|task| &task.arn).collect(), input, PAGE_MAX)?;
    Ok(super::with_token(json!({"taskArns": arns}), token))
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["cluster", "tasks", "include"])?;
    let cluster = super::cluster::of_call(cloud, input)?;
    let asked = input.texts("tasks");
    if asked.is_empty() || asked.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!(
            "Tasks must have 1 to {DESCRIBE_MAX} elements."
        )));
    }
    let with_tags = tag::wanted(input);
    let mut tasks = Vec::new();
    let mut failures = Vec::new();
    for reference in asked {
        let arn = reference_arn(cloud, &cluster, reference);
        match cloud.ecs.tasks.get(&arn) {
            Some(task) if task.cluster == cluster => {
                let mut output = task.output(&cloud.ecs);
                if with_tags {
                    super::set(&mut output, "tags", tag::output(&task.tags));
                }
                tasks.push(output);
            }
            Some(_) | None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"tasks": tasks, "failures": failures}))
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopTask.html>
pub(super) fn stop(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["cluster", "task", "reason"])?;
    let cluster = super::cluster::of_call(cloud, input)?;
    let arn = reference_arn(cloud, &cluster, super::required(input, "task")?);
    if !cloud.ecs.tasks.contains_key(&arn) {
        return Err(invalid_parameter("The referenced task was not found."));
    }
    let reason = input.text("reason").unwrap_or("Task stopped by user");
    begin_stop(cloud, &arn, StopCause::User, reason);
    let output = cloud.ecs.tasks.get(&arn).map(|it| it.output(&cloud.ecs));
    Ok(json!({"task": output}))
}

fn reference_arn(cloud: &Cloud, cluster: &str, reference: &str) -> String {
    if reference.starts_with("arn:") {
        reference.to_owned()
    } else {
        cloud
            .account
            .arn("ecs", &format!("task/{cluster}/{reference}"))
    }
}
