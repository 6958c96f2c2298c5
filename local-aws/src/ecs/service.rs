//! Services: what they are set to, and the operations that read and delete them.
//!
//! A deleted service drains until its tasks are gone and is then INACTIVE; its name can be used again
//! and it stays describable until then.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html>

mod change;
mod configuration;
mod lifecycle_hooks;
mod settings;

use serde_json::{Value, json};

use super::page::page;
use super::revision::{Revision, counts};
use super::tag::{self, Tags};
use super::{FirstRevision, State, client, cluster, deployment, fleet, invalid_parameter, task};
use crate::cloud::{Account, Cloud, Outcome};
use crate::wire::{Input, Refusal, timestamp};

pub(super) use change::{create, update};
pub(super) use configuration::{ALL_TENTHS, DeploymentConfiguration, Strategy};
pub(super) use lifecycle_hooks::LifecycleHook;
pub(super) use settings::{LoadBalancer, Network};

/// Services in one DescribeServices call, and in a page of ListServices when nothing is said.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const DESCRIBE_MAX: usize = 10;
const LIST_DEFAULT: usize = 10;

/// Events that a service keeps, the newest.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Service.html> (`events`)
const EVENTS_MAX: usize = 100;

/// A service.
#[derive(Clone, Debug)]
pub(super) struct Service {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) cluster: String,
    pub(super) desired: u32,
    pub(super) tags: Tags,
    pub(super) configuration: DeploymentConfiguration,
    /// Seconds from a task's start in which the load balancer's verdict does not count.
    pub(super) grace_s: u64,
    /// ARN of the revision in service; none until a first deployment has succeeded.
    pub(super) revision: Option<String>,
    /// ARN of the newest deployment.
    pub(super) deployment: String,
    /// A launch that failed is not tried again before this.
    pub(super) launch_after_ms: u64,
    /// When the scheduler looks at it next.
    pub(super) next_look_ms: Option<u64>,
    pub(super) propagate_tags: String,
    pub(super) managed_tags: bool,
    /// ARNs of its tasks, oldest first.
    pub(super) tasks: Vec<String>,
    status: Status,
    client_token: Option<String>,
    /// What the next revision is made of.
    task_definition: String,
    platform_version: String,
    network: Network,
    load_balancer: LoadBalancer,
    execute_command: bool,
    zone_rebalancing: String,
    created_at_ms: u64,
    /// Newest last.
    events: Vec<Event>,
}

#[derive(Clone, Debug)]
struct Event {
    id: String,
    at_ms: u64,
    message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Active,
    Draining,
    Inactive,
}

impl Service {
    pub(super) fn is_active(&self) -> bool {
        self.status == Status::Active
    }

    pub(super) fn is_draining(&self) -> bool {
        self.status == Status::Draining
    }

    pub(super) fn is_inactive(&self) -> bool {
        self.status == Status::Inactive
    }

    pub(super) fn end(&mut self) {
        self.status = Status::Inactive;
    }

    /// Goes back to what a revision was made of, after a rollback to it.
    pub(super) fn restore(&mut self, revision: &Revision) {
        self.task_definition.clone_from(&revision.task_definition);
        self.platform_version.clone_from(&revision.platform_version);
        self.network = revision.network.clone();
        self.load_balancer = revision.load_balancer.clone();
    }

    /// The revision that a deployment of the present settings brings into service.
    pub(super) fn next_revision(
        &self,
        arn: String,
        source: Option<&Revision>,
        first: FirstRevision,
        now_ms: u64,
    ) -> Revision {
        Revision {
            arn,
            service: self.arn.clone(),
            service_name: self.name.clone(),
            cluster: self.cluster.clone(),
            task_definition: self.task_definition.clone(),
            platform_version: self.platform_version.clone(),
            network: self.network.clone(),
            load_balancer: self.load_balancer.clone(),
            target_group: self.next_group(source, first),
            created_at_ms: now_ms,
        }
    }

    /// Which of the two groups the next revision takes.
    ///
    /// A rolling deployment stays in the group that serves: the service's load balancer configuration goes on, and
    /// ECS moves no traffic between groups.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/update-bluegreen-to-rolling.html>
    fn next_group(&self, source: Option<&Revision>, first: FirstRevision) -> String {
        let LoadBalancer {
            primary, alternate, ..
        } = &self.load_balancer;
        let is_rolling = matches!(self.configuration.strategy, Strategy::Rolling { .. });
        // The group that serves; none when the service got another pair.
        let live = source.map(|source| &source.target_group);
        let live = live.filter(|live| [primary, alternate].contains(live));
        match (live, first) {
            (Some(live), _) if is_rolling => live.clone(),
            (Some(live), _) => self.load_balancer.other_group(live).to_owned(),
            (None, FirstRevision::Alternate) if !is_rolling => alternate.clone(),
            (None, FirstRevision::Primary | FirstRevision::Alternate) => primary.clone(),
        }
    }

    fn output(&self, state: &State) -> Value {
        let tasks = || {
            let tasks = task::of_service(state, &self.arn);
            tasks.filter(|task| task.is_wanted())
        };
        let event = |event: &Event| json!({"id": event.id, "createdAt": timestamp(event.at_ms), "message": format!("(service {}) {}", self.name, event.message)});
        let mut output = json!({
            "serviceArn": self.arn,
            "serviceName": self.name,
            "clusterArn": state.clusters.get(&self.cluster).map(|cluster| &cluster.arn),
            "loadBalancers": [self.load_balancer.output()],
            "serviceRegistries": [],
            "status": match self.status {
                Status::Active => "ACTIVE",
                Status::Draining => "DRAINING",
                Status::Inactive => "INACTIVE",
            },
            "desiredCount": self.desired,
            "runningCount": tasks().filter(|task| task.is_running()).count(),
            "pendingCount": tasks().filter(|task| task.is_starting()).count(),
            "launchType": "FARGATE",
            "platformVersion": self.platform_version,
            "platformFamily": "Linux",
            "taskDefinition": self.task_definition,
            "deploymentConfiguration": self.configuration.document,
            "deployments": deployment::summaries(state, self),
            "events": self.events.iter().rev().map(event).collect::<Value>(),
            "createdAt": timestamp(self.created_at_ms),
            "currentServiceDeployment": self.deployment,
            "currentServiceRevisions": self.current_revisions(state),
            "placementConstraints": [],
            "placementStrategy": [],
            "networkConfiguration": self.network.output(),
            "healthCheckGracePeriodSeconds": self.grace_s,
            "schedulingStrategy": "REPLICA",
            "deploymentController": {"type": "ECS"},
            "enableECSManagedTags": self.managed_tags,
            "propagateTags": self.propagate_tags,
            "enableExecuteCommand": self.execute_command,
            "availabilityZoneRebalancing": self.zone_rebalancing,
            "resourceManagementType": "CUSTOMER",
        });
        if self.is_inactive() {
            super::set(&mut output, "deployments", json!([]));
        }
        output
    }

    /// The revision in service, and the one that is being deployed.
    fn current_revisions(&self, state: &State) -> Value {
        let target = state
            .deployments
            .get(&self.deployment)
            .filter(|deployment| deployment.is_open())
            .map(|deployment| &deployment.target);
        let mut arns: Vec<&String> = target.into_iter().collect();
        arns.extend(self.revision.iter().filter(|arn| Some(*arn) != target));
        arns.into_iter()
            .map(|arn| counts(state, arn, self.desired))
            .collect()
    }
}

/// `arn:…:service/<cluster>/<name>`
pub(super) fn arn_of(account: &Account, cluster: &str, name: &str) -> String {
    account.arn("ecs", &format!("service/{cluster}/{name}"))
}

/// The ARN that a name or an ARN means in a cluster.
pub(super) fn reference_arn(cloud: &Cloud, cluster: &str, reference: &str) -> String {
    if reference.starts_with("arn:") {
        reference.to_owned()
    } else {
        arn_of(&cloud.account, cluster, reference)
    }
}

/// The ARN of the service that the member `service` names, in the cluster of the call.
///
/// # Errors
/// `ClusterNotFoundException`, `ServiceNotFoundException`.
pub(super) fn of_call(cloud: &Cloud, input: Input<'_>) -> Result<String, Refusal> {
    let reference = super::required(input, "service")?;
    let cluster = cluster::of_call(cloud, input)?;
    let arn = reference_arn(cloud, &cluster, reference);
    match cloud.ecs.services.get(&arn) {
        Some(service) if service.cluster == cluster => Ok(arn),
        Some(_) | None => Err(not_found()),
    }
}

fn not_found() -> Refusal {
    client("ServiceNotFoundException", "Service not found.")
}

/// Adds an event; its text is put behind `(service <name>)`.
pub(super) fn tell(cloud: &mut Cloud, arn: &str, message: impl Into<String>) {
    let event = Event {
        id: cloud.random.uuid(),
        at_ms: cloud.now_ms,
        message: message.into(),
    };
    if let Some(service) = cloud.ecs.services.get_mut(arn) {
        service.events.push(event);
        let surplus = service.events.len().saturating_sub(EVENTS_MAX);
        service.events.drain(..surplus);
    }
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["cluster", "services", "include"])?;
    let cluster = cluster::of_call(cloud, input)?;
    let asked = input.texts("services");
    if asked.is_empty() || asked.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!(
            "Services must have 1 to {DESCRIBE_MAX} elements."
        )));
    }
    let with_tags = tag::wanted(input);
    let mut services = Vec::new();
    let mut failures = Vec::new();
    for reference in asked {
        let arn = reference_arn(cloud, &cluster, reference);
        match cloud.ecs.services.get(&arn) {
            Some(service) if service.cluster == cluster => {
                let mut output = service.output(&cloud.ecs);
                if with_tags {
                    super::set(&mut output, "tags", tag::output(&service.tags));
                }
                services.push(output);
            }
            Some(_) | None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

/// DRAINING services are "no longer visible" here.
pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "cluster",
        "nextToken",
        "maxResults",
        "launchType",
        "schedulingStrategy",
        "resourceManagementType",
    ])?;
    let cluster = cluster::of_call(cloud, input)?;
    let is = |member: &str, value: &str| input.text(member).is_none_or(|it| it == value);
    let matches = is("launchType", "FARGATE")
        && is("schedulingStrategy", "REPLICA")
        && is("resourceManagementType", "CUSTOMER");
    let services = cloud.ecs.services.values();
    let arns = services
        .filter(|it| matches && it.cluster == cluster && it.is_active())
        .map(|it| &it.arn);
    let (arns, token) = page(arns.collect(), input, LIST_DEFAULT)?;
    Ok(super::with_token(json!({"serviceArns": arns}), token))
}

/// Repeating it while the service drains changes nothing.
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["cluster", "service", "force"])?;
    let arn = of_call(cloud, input)?;
    let force = input.flag("force")?.unwrap_or(false);
    let Some(service) = cloud
        .ecs
        .services
        .get_mut(&arn)
        .filter(|it| !it.is_inactive())
    else {
        return Err(not_found());
    };
    if service.is_active() {
        if service.desired > 0 && !force {
            return Err(invalid_parameter(
                "The service cannot be stopped while it is scaled above 0.",
            ));
        }
        service.status = Status::Draining;
        service.desired = 0;
        deployment::abandon(cloud, &arn);
        fleet::drain(cloud, &arn);
    }
    Ok(json!({"service": shown(cloud, &arn)}))
}

/// A service as CreateService, UpdateService and DeleteService answer it.
fn shown(cloud: &Cloud, arn: &str) -> Value {
    let Some(service) = cloud.ecs.services.get(arn) else {
        return Value::Null;
    };
    let mut output = service.output(&cloud.ecs);
    super::set(&mut output, "tags", tag::output(&service.tags));
    output
}
