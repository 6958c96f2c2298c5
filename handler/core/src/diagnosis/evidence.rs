//! What a diagnosis is made of: what AWS said, and what was expected. Read in `handler/src`, judged here.

use provider_schema::CpuArchitecture;

use super::mask::Masks;
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming::Pair;
use crate::observed::Observed;
use crate::resources::ecs_service::Strategy;

/// All that is known. What was not asked for is empty.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What should be there.
    pub expected: Expected,
    /// Milliseconds since the deployment was asked for, by our clock.
    pub age_ms: u64,
    /// When ECS made the deployment; milliseconds since the epoch, by ECS's clock, as all times below.
    pub deployed_ms: u64,
    /// `ecs-svc/…`, which the deployment's tasks say that they were started by; none when that is not known.
    pub deployment_id: Option<String>,
    /// Whether another revision of the service wants tasks that it does not get: events that name no task may be
    /// about those.
    pub is_other_short: bool,
    /// Why ECS ended the deployment, if it has: `statusReason`.
    pub status_reason: Option<String>,
    /// Tasks of the service, also those of other deployments.
    pub tasks: Vec<Task>,
    /// Targets of the target group of the deployment, also those of other deployments.
    pub targets: Vec<Target>,
    /// The service's events since the deployment began, newest first.
    pub events: Vec<Event>,
    /// The first lines of one container of the deployment, oldest first.
    pub first_lines: Vec<String>,
    /// The last lines of the same container.
    pub last_lines: Vec<String>,
    /// The alarms that have triggered, or were in ALARM.
    pub alarms: Vec<Alarm>,
}

/// What should be there.
#[derive(Clone, Debug, Default)]
pub struct Expected {
    /// The service.
    pub service: String,
    /// The primary container's image; none with a given task definition.
    pub image: Option<String>,
    /// The primary container's port.
    pub port: Option<u16>,
    /// Path of the health check of the group that the tasks are in.
    pub health_check_path: String,
    /// MiB.
    pub memory_mib: Option<u32>,
    /// Of the tasks.
    pub cpu_architecture: Option<CpuArchitecture>,
    /// Pulls the image.
    pub execution_role_arn: Option<String>,
    /// What the container may do.
    pub task_role_arn: Option<String>,
    /// Moves the traffic.
    pub infrastructure_role_arn: String,
    /// ARN of the task definition of the deployment, with its revision.
    pub task_definition_arn: Option<String>,
    /// Whether nobody but the provider ends a deployment whose tasks fail: ECS's circuit breaker is switched off.
    pub is_without_breaker: bool,
    /// Seconds of the service's grace period, where it is known.
    pub grace_s: u32,
    /// What no text may show.
    pub masks: Masks,
}

impl Expected {
    /// What `desired` expects.
    #[must_use]
    pub fn of(desired: &Desired, observed: &Observed) -> Self {
        let known = Self {
            service: desired.identity.service.clone(),
            health_check_path: health_check_path(desired, observed).to_owned(),
            infrastructure_role_arn: desired.infrastructure_role_arn.clone(),
            task_definition_arn: observed
                .task_definition
                .present()
                .map(|found| found.arn.clone()),
            is_without_breaker: !desired.deployment.is_breaker_enabled,
            grace_s: observed
                .ecs_service
                .present()
                .map_or(0, |service| service.health_check_grace_s.unsigned_abs()),
            ..Self::default()
        };
        match &desired.task_definition {
            DesiredTaskDefinition::Ours(spec) => Self {
                image: Some(spec.container.image.clone()),
                port: Some(spec.container.port),
                memory_mib: Some(spec.memory_mib),
                cpu_architecture: Some(spec.cpu_architecture),
                execution_role_arn: Some(spec.execution_role_arn.clone()),
                task_role_arn: spec.task_role_arn.clone(),
                masks: Masks::of(spec.container.environment.iter().map(|(_, value)| value)),
                ..known
            },
            DesiredTaskDefinition::Given(_) => Self {
                port: observed
                    .task_definition
                    .present()
                    .and_then(|found| found.primary.port),
                ..known
            },
        }
    }
}

/// A rolling deployment stays in the group that serves, which asks for the path of before until it has succeeded.
fn health_check_path<'a>(desired: &'a Desired, observed: &'a Observed) -> &'a str {
    let service = observed.ecs_service.present();
    let live = service
        .filter(|_| desired.deployment.strategy == Strategy::Rolling)
        .and_then(|service| service.live_target_group_arn.as_ref());
    let mut groups = Pair::BOTH
        .into_iter()
        .filter_map(|pair| observed.target_group(pair).present());
    groups
        .find(|group| Some(&group.arn) == live)
        .map_or(&desired.health_check_path, |group| &group.health_check_path)
}

/// A task of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// The last part of its ARN, which events and log streams name it by.
    pub id: String,
    /// With the revision.
    pub task_definition_arn: String,
    /// `startedBy`: the id of the deployment that started it.
    pub started_by: Option<String>,
    /// Its private address, which is its target's id.
    pub address: Option<String>,
    /// When ECS began to start it.
    pub created_ms: u64,
    /// When its containers ran; none when they never did.
    pub started_ms: Option<u64>,
    /// Why it stopped, if it has.
    pub stopped: Option<StoppedTask>,
}

/// How a task stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoppedTask {
    /// When it began to stop.
    pub stopping_ms: u64,
    /// `stopCode`
    pub stop_code: Option<String>,
    /// `stoppedReason`
    pub reason: Option<String>,
    /// Its containers.
    pub containers: Vec<StoppedContainer>,
}

/// A container of a task that stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoppedContainer {
    /// Its name.
    pub name: String,
    /// `exitCode`; none when it never ran.
    pub exit_code: Option<i32>,
    /// `reason`
    pub reason: Option<String>,
}

/// A registered target.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Target {
    /// Its address.
    pub address: String,
    /// `State`
    pub state: String,
    /// `Reason`
    pub reason: Option<String>,
    /// `Description`
    pub description: Option<String>,
}

/// An event of the service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// When.
    pub at_ms: u64,
    /// `message`
    pub text: String,
}

/// An alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `StateReason`, with the numbers.
    pub state_reason: Option<String>,
}
