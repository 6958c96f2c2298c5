//! A task from its launch to its end, one appointment after the other.
//!
//! ```text
//! PROVISIONING ─► PENDING ─► ACTIVATING ─► RUNNING ─► DEACTIVATING ─► STOPPING ─► DEPROVISIONING ─► STOPPED
//!  interface       pull      register      serves     deregister      SIGTERM     interface goes
//! ```
//! Whatever ends a task before ACTIVATING takes it to DEPROVISIONING.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-lifecycle-explanation.html>

use super::log_lines::{filled, log, log_own_lines};
use super::{Status, Task};
use crate::cloud::Cloud;
use crate::ecs::agenda::Subject;
use crate::ecs::image::{Behaviour, Ending, Fate};
use crate::ecs::revision::Revision;
use crate::ecs::tag::Tags;
use crate::ecs::task_definition::{self, TaskDefinition};
use crate::ecs::{can_assume, fleet, role, service};
use crate::wire::Refusal;

/// How long each state takes. AWS promises nothing; these are the middle of what Fargate shows for a
/// small image: about 20 s from launch to RUNNING.
const PROVISIONING_MS: u64 = 5_000;
const PENDING_MS: u64 = 12_000;
const ACTIVATING_MS: u64 = 2_000;
const STOPPING_MS: u64 = 1_000;
const DEPROVISIONING_MS: u64 = 5_000;
/// How often a draining target is asked for.
const DRAINING_LOOK_MS: u64 = 5_000;
/// How long a stopped task can be described: "at least 1 hour".
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html>
const REMEMBERED_MS: u64 = 60 * 60 * 1_000;

/// The code of a refusal that Fargate gives, which no API returns.
pub(in crate::ecs) const NOT_PLACED: &str = "NotPlaced";

/// Why a task stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::ecs) enum StopCause {
    /// Its image, log group or target group could not be had.
    FailedToStart,
    /// Its essential container ended by itself.
    ContainerExited,
    /// The load balancer found it unhealthy.
    Unhealthy,
    /// It is not needed any more.
    Scheduler,
    /// Somebody called StopTask.
    User,
}

impl StopCause {
    /// `stopCode`
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html>
    pub(in crate::ecs) const fn code(self) -> &'static str {
        match self {
            Self::FailedToStart => "TaskFailedToStart",
            Self::ContainerExited => "EssentialContainerExited",
            Self::Unhealthy | Self::Scheduler => "ServiceSchedulerInitiated",
            Self::User => "UserInitiated",
        }
    }

    const fn is_failure(self) -> bool {
        match self {
            Self::FailedToStart | Self::ContainerExited | Self::Unhealthy => true,
            Self::Scheduler | Self::User => false,
        }
    }
}

/// Launches a task of `revision` in `subnet`.
///
/// # Errors
/// AWS's text when a role cannot be assumed or the subnet has no address; nothing is changed then.
pub(in crate::ecs) fn start(
    cloud: &mut Cloud,
    revision: &Revision,
    subnet: &str,
    started_by: &str,
    tags: Tags,
) -> Result<String, Refusal> {
    let definition = task_definition::by_arn(&cloud.ecs, &revision.task_definition)
        .ok_or_else(|| Refusal::internal("the revision's task definition is gone"))?
        .clone();
    role::check(cloud, &definition)?;
    check_place(&definition)?;
    let id = cloud.random.hex(32);
    let arn = cloud
        .account
        .arn("ecs", &format!("task/{}/{id}", revision.cluster));
    let interface = crate::ec2::create_network_interface(
        cloud,
        subnet,
        &revision.network.security_groups,
        &arn.replacen(":task/", ":attachment/", 1),
    )?;
    let ending = definition
        .containers
        .iter()
        .filter(|it| it.essential)
        .find_map(|it| Behaviour::of(&it.image).ending());
    let behaviours = definition
        .containers
        .iter()
        .map(|container| (container.name.clone(), Behaviour::of(&container.image)))
        .collect();
    let task = Task {
        arn: arn.clone(),
        cluster: revision.cluster.clone(),
        service: revision.service.clone(),
        service_name: revision.service_name.clone(),
        revision: revision.arn.clone(),
        status: Status::Provisioning,
        tags,
        subnet: subnet.to_owned(),
        started_at_ms: None,
        was_healthy: false,
        definition: definition.arn,
        started_by: started_by.to_owned(),
        interface,
        interface_attached: true,
        targets: Vec::new(),
        behaviours,
        ending,
        exit_code: None,
        container_reason: None,
        stop: None,
        created_at_ms: cloud.now_ms,
        stopping_at_ms: None,
        stopped_at_ms: None,
        due_ms: None,
    };
    let ip = task.interface.private_ip.clone();
    cloud.ecs.addresses.insert(ip, arn.clone());
    if let Some(service) = cloud.ecs.services.get_mut(&task.service) {
        service.tasks.push(arn.clone());
    }
    cloud.ecs.tasks.insert(arn.clone(), task);
    wait(cloud, &arn, PROVISIONING_MS);
    Ok(arn)
}

/// The images that stand for a Fargate without room.
fn check_place(definition: &TaskDefinition) -> Result<(), Refusal> {
    for container in &definition.containers {
        match Behaviour::of(&container.image).fate() {
            Some(Fate::NotPlaced(reason)) => return Err(Refusal::client(NOT_PLACED, *reason)),
            Some(Fate::NotLaunched(reason)) => {
                return Err(Refusal::client("ClientException", *reason));
            }
            Some(
                Fate::NotStarted(_) | Fate::Ends(_) | Fate::FallsIll(_) | Fate::Answers { .. },
            )
            | None => {}
        }
    }
    Ok(())
}

/// Stops a task; does nothing to one that already stops.
pub(in crate::ecs) fn begin_stop(cloud: &mut Cloud, arn: &str, cause: StopCause, reason: &str) {
    let now_ms = cloud.now_ms;
    let Some(task) = cloud.ecs.tasks.get_mut(arn).filter(|it| it.is_wanted()) else {
        return;
    };
    task.stop = Some((cause, reason.to_owned()));
    task.stopping_at_ms = Some(now_ms);
    let (service, revision) = (task.service.clone(), task.revision.clone());
    if cause.is_failure() && !task.was_healthy {
        fleet::count_failure(cloud, &service, &revision);
    }
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    if task.status < Status::Activating {
        enter(cloud, arn, Status::Deprovisioning, DEPROVISIONING_MS);
    } else {
        deregister(cloud, arn);
        enter(cloud, arn, Status::Deactivating, DRAINING_LOOK_MS);
    }
    fleet::look_soon(cloud, &service);
}

/// Moves a task on, if `at_ms` is the time that it waits for.
pub(in crate::ecs) fn advance(cloud: &mut Cloud, arn: &str, at_ms: u64) {
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    if task.due_ms != Some(at_ms) {
        return;
    }
    match task.status {
        Status::Provisioning => enter(cloud, arn, Status::Pending, PENDING_MS),
        Status::Pending => start_containers(cloud, arn),
        Status::Activating => run(cloud, arn),
        Status::Running => end_by_itself(cloud, arn),
        Status::Deactivating => drain(cloud, arn),
        Status::Stopping => {
            if let Some(task) = cloud.ecs.tasks.get_mut(arn) {
                // A container that ends at SIGTERM exits with 0; one that crashed has its own code.
                task.exit_code.get_or_insert(0);
            }
            enter(cloud, arn, Status::Deprovisioning, DEPROVISIONING_MS);
        }
        Status::Deprovisioning => end(cloud, arn),
        Status::Stopped => forget(cloud, arn),
    }
}

fn enter(cloud: &mut Cloud, arn: &str, status: Status, for_ms: u64) {
    if let Some(task) = cloud.ecs.tasks.get_mut(arn) {
        task.status = status;
    }
    wait(cloud, arn, for_ms);
}

fn wait(cloud: &mut Cloud, arn: &str, for_ms: u64) {
    let due_ms = cloud.now_ms + for_ms;
    if let Some(task) = cloud.ecs.tasks.get_mut(arn) {
        task.due_ms = Some(due_ms);
        cloud.ecs.agenda.add(due_ms, Subject::Task(arn.to_owned()));
    }
}

/// PENDING ends: the images are there and the log groups too, or the task fails.
fn start_containers(cloud: &mut Cloud, arn: &str) {
    let Some(task) = cloud.ecs.tasks.get(arn).cloned() else {
        return;
    };
    let Some(definition) = task_definition::by_arn(&cloud.ecs, &task.definition).cloned() else {
        return;
    };
    for container in &definition.containers {
        let text = match Behaviour::of(&container.image).fate() {
            Some(Fate::NotStarted(text)) => Some(filled(cloud, text, &definition, container)),
            Some(
                Fate::NotPlaced(_)
                | Fate::NotLaunched(_)
                | Fate::Ends(_)
                | Fate::FallsIll(_)
                | Fate::Answers { .. },
            )
            | None => role::execution_denial(cloud, &definition, container),
        };
        if let Some(reason) = text {
            if let Some(task) = cloud.ecs.tasks.get_mut(arn) {
                task.container_reason = Some(reason.clone());
            }
            return begin_stop(cloud, arn, StopCause::FailedToStart, &reason);
        }
        let missing = container
            .log
            .as_ref()
            .filter(|log| !crate::logs::group_exists(cloud, &log.group));
        if missing.is_some() {
            let reason = "ResourceInitializationError: failed to validate logger args: create stream has been \
                          retried 1 times: failed to create Cloudwatch log stream: ResourceNotFoundException: The \
                          specified log group does not exist. : exit status 1";
            return begin_stop(cloud, arn, StopCause::FailedToStart, reason);
        }
    }
    if let Err(refusal) = register(cloud, &task) {
        let group = task.target_group_of(cloud);
        let event = format!(
            "failed to register targets in (target-group {group}) with (error {})",
            refusal.message
        );
        service::tell(cloud, &task.service, event);
        let reason = format!("failed to register targets: {}", refusal.message);
        return begin_stop(cloud, arn, StopCause::FailedToStart, &reason);
    }
    enter(cloud, arn, Status::Activating, ACTIVATING_MS);
}

fn register(cloud: &mut Cloud, task: &Task) -> Result<(), Refusal> {
    let Some(revision) = cloud.ecs.revisions.get(&task.revision) else {
        return Ok(());
    };
    let port = revision.load_balancer.container_port;
    let groups: Vec<String> = revision.groups().cloned().collect();
    let role = revision.load_balancer.role().map(str::to_owned);
    let (ip, zone) = (&task.interface.private_ip, &task.interface.zone);
    let session = "ecs-service-scheduler";
    for group in groups {
        let denial = role.as_ref().and_then(|role| {
            role::denial(
                role,
                session,
                "elasticloadbalancing",
                "RegisterTargets",
                &group,
            )
        });
        if let Some(text) = denial {
            return Err(Refusal::client("AccessDenied", text));
        }
        crate::elbv2::register_target(cloud, &group, ip, port, zone)?;
        if let Some(task) = cloud.ecs.tasks.get_mut(&task.arn) {
            task.targets.push((group, port));
        }
    }
    Ok(())
}

fn deregister(cloud: &mut Cloud, arn: &str) {
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    let ip = task.interface.private_ip.clone();
    for (group, port) in task.targets.clone() {
        crate::elbv2::deregister_target(cloud, &group, &ip, port);
    }
}

fn run(cloud: &mut Cloud, arn: &str) {
    log(cloud, arn, "started");
    log_own_lines(cloud, arn, Behaviour::first_lines);
    let now_ms = cloud.now_ms;
    let Some(task) = cloud.ecs.tasks.get_mut(arn) else {
        return;
    };
    task.status = Status::Running;
    task.started_at_ms = Some(now_ms);
    task.due_ms = None;
    let until_ms = task.ending.map(|it| it.after_ms).or(task
        .behaviours
        .iter()
        .find_map(|(_, behaviour)| behaviour.illness_ms()));
    let service = task.service.clone();
    if let Some(until_ms) = until_ms {
        wait(cloud, arn, until_ms);
    }
    fleet::look_soon(cloud, &service);
}

fn end_by_itself(cloud: &mut Cloud, arn: &str) {
    log_own_lines(cloud, arn, |behaviour| {
        behaviour.ending().map_or(&[], |ending| ending.log)
    });
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    if task.ending.is_none() {
        let reason = "Task failed container health checks";
        return begin_stop(cloud, arn, StopCause::Unhealthy, reason);
    }
    if let Some(task) = cloud.ecs.tasks.get_mut(arn)
        && let Some(Ending {
            exit_code, reason, ..
        }) = task.ending
    {
        task.exit_code = Some(*exit_code);
        task.container_reason = reason.map(str::to_owned);
    }
    begin_stop(
        cloud,
        arn,
        StopCause::ContainerExited,
        "Essential container in task exited",
    );
}

/// DEACTIVATING lasts until the load balancer has let go of the target. Deregistering is done as the
/// infrastructure role: without it the task waits.
fn drain(cloud: &mut Cloud, arn: &str) {
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    let role = cloud
        .ecs
        .revisions
        .get(&task.revision)
        .and_then(|revision| revision.load_balancer.role().map(str::to_owned));
    let draining = match task.target_health(cloud) {
        Some(crate::elbv2::TargetHealth::Draining) => true,
        Some(_) | None => false,
    };
    if draining || role.is_some_and(|role| !can_assume(cloud, &role)) {
        wait(cloud, arn, DRAINING_LOOK_MS);
    } else {
        enter(cloud, arn, Status::Stopping, STOPPING_MS);
    }
}

fn end(cloud: &mut Cloud, arn: &str) {
    let now_ms = cloud.now_ms;
    let Some(task) = cloud.ecs.tasks.get_mut(arn) else {
        return;
    };
    task.interface_attached = false;
    task.stopped_at_ms = Some(now_ms);
    let (interface, service) = (task.interface.id.clone(), task.service.clone());
    cloud.ecs.addresses.remove(&task.interface.private_ip);
    crate::ec2::delete_network_interface(cloud, &interface);
    enter(cloud, arn, Status::Stopped, REMEMBERED_MS);
    fleet::look_soon(cloud, &service);
}

fn forget(cloud: &mut Cloud, arn: &str) {
    let task = cloud.ecs.tasks.remove(arn);
    if let Some(service) = task.and_then(|task| cloud.ecs.services.get_mut(&task.service)) {
        service.tasks.retain(|other| other != arn);
    }
}
