//! What a diagnosis is made of: what AWS said, and what was expected. Read in `handler/src`, judged here.

use provider_schema::CpuArchitecture;

use super::mask::Masks;
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::observed::Observed;

/// All that is known. What was not asked for is empty.
#[derive(Clone, Debug, Default)]
pub struct Evidence {
    /// What should be there.
    pub expected: Expected,
    /// Milliseconds since the deployment was asked for, by our clock.
    pub age_ms: u64,
    /// Why ECS ended the deployment, if it has: `statusReason`.
    pub status_reason: Option<String>,
    /// Tasks of the deployment that stopped.
    pub tasks: Vec<StoppedTask>,
    /// Targets of the deployment's target group.
    pub targets: Vec<Target>,
    /// The service's events since the deployment began, newest first.
    pub events: Vec<String>,
    /// The last lines of one container, oldest first.
    pub log_lines: Vec<String>,
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
    /// Path of the health check.
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
    /// What no text may show.
    pub masks: Masks,
}

impl Expected {
    /// What `desired` expects.
    #[must_use]
    pub fn of(desired: &Desired, observed: &Observed) -> Self {
        let known = Self {
            service: desired.identity.service.clone(),
            health_check_path: desired.health_check_path.clone(),
            infrastructure_role_arn: desired.infrastructure_role_arn.clone(),
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

/// A task that stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoppedTask {
    /// When it was started; milliseconds since the epoch, by ECS's clock.
    pub created_ms: u64,
    /// When it began to stop; the same clock.
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
    /// `State`
    pub state: String,
    /// `Reason`
    pub reason: Option<String>,
    /// `Description`
    pub description: Option<String>,
}

/// An alarm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `StateReason`, with the numbers.
    pub state_reason: Option<String>,
}
