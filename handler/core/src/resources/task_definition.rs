//! Task definitions: what one task of the service runs.
//!
//! Identity: family and revision; a revision never changes. RegisterTaskDefinition has no idempotency:
//! the newest revision of the family is looked at first and used when it is what we want, so a crash
//! after a registration makes no second one.
//! A given task definition is never registered or deregistered by us.
//! What people and tools add to the revision that the service runs goes along with the next one ([`merge`]).
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>
//! Express Mode's values: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>

use provider_schema::CpuArchitecture;

use super::Tags;

mod merge;

pub use merge::merge;

/// Name of the container that takes the requests: Express Mode's.
pub const PRIMARY_CONTAINER: &str = "Main";
/// Name of the primary container's port.
pub const PORT_NAME: &str = "main";
/// Seconds between SIGTERM and SIGKILL: Express Mode's.
pub const STOP_TIMEOUT_S: u32 = 30;
/// awslogs `mode`: Express Mode's. A full buffer drops log lines instead of blocking the container.
pub const LOG_MODE: &str = "non-blocking";
/// awslogs `max-buffer-size`: Express Mode's.
pub const LOG_BUFFER: &str = "25m";

/// Name of the label that holds `Deployment.ForceDeployment`: another value is another revision, which is deployed.
pub const FORCE_LABEL: &str = "express.force-deployment";

/// A task definition that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskDefinitionSpec {
    /// `express-<service>-<12 hex>`
    pub family: String,
    /// CPU units.
    pub cpu: u32,
    /// MiB.
    pub memory_mib: u32,
    /// Of the image.
    pub cpu_architecture: CpuArchitecture,
    /// Pulls the image and writes the logs.
    pub execution_role_arn: String,
    /// What the container may do.
    pub task_role_arn: Option<String>,
    /// The primary container.
    pub container: ContainerSpec,
    /// Whose further content goes along; none when there is none that the provider does not write itself.
    pub kept: Option<Kept>,
    /// Tags it is registered with.
    pub tags: Tags,
}

/// What a revision has beside what we decide: further containers, volumes, other fields of `Main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The revision that has it.
    pub from_arn: String,
    /// All of it.
    pub content: NormalForm,
}

/// The same text for the same content, made where AWS's types are known.
#[derive(Clone, PartialEq, Eq)]
pub struct NormalForm(pub String);

/// It has the environment of every container: never in a trace.
impl std::fmt::Debug for NormalForm {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("NormalForm").finish_non_exhaustive()
    }
}

/// The primary container. Lists are in the order of the properties, except environment and secrets,
/// whose order has no meaning and is that of their names.
#[derive(Clone, PartialEq, Eq)]
pub struct ContainerSpec {
    /// Image reference.
    pub image: String,
    /// TCP port.
    pub port: u16,
    /// Arguments; empty for the image's own.
    pub command: Vec<String>,
    /// Name and value.
    pub environment: Vec<(String, String)>,
    /// Name and ARN of the secret or parameter.
    pub secrets: Vec<(String, String)>,
    /// ARN of the secret with the registry's credentials.
    pub repository_credentials: Option<String>,
    /// Where the logs go.
    pub log_group: String,
    /// First part of the names of log streams.
    pub log_stream_prefix: String,
    /// Where the log group is.
    pub region: String,
    /// Value of the label [`FORCE_LABEL`].
    pub force_deployment: Option<String>,
}

/// Environment values may be secret: never in a trace.
impl std::fmt::Debug for ContainerSpec {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ContainerSpec")
            .field("image", &self.image)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}

/// A task definition that exists.
#[derive(Clone, PartialEq, Eq)]
pub struct ObservedTaskDefinition {
    /// With the revision.
    pub arn: String,
    /// What it says in the fields that we decide, with what it has beside them; none when one of them is as we never
    /// write it.
    pub spec: Option<TaskDefinitionSpec>,
    /// What can be carried over to the next revision; none when it has no container `Main`.
    pub live: Option<LiveContent>,
    /// Its tags.
    pub tags: Tags,
    /// Port and log group of the container `Main`.
    pub primary: PrimaryContainerFacts,
    /// Why ECS would start nothing from it on Fargate; none when it would.
    pub misfit: Option<Misfit>,
}

/// Why ECS starts nothing from a task definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// It was deregistered, or is being deleted. What runs from it goes on.
    Inactive,
    /// Its network mode is not `awsvpc`, or something in it is not for Fargate.
    NotForFargate,
}

/// Names and values may be secret: never in a trace.
impl std::fmt::Debug for ObservedTaskDefinition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ObservedTaskDefinition")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

/// What a revision has that may not be the template's.
#[derive(Clone, PartialEq, Eq)]
pub struct LiveContent {
    /// Of `Main`: name and value.
    pub environment: Vec<(String, String)>,
    /// Of `Main`: name and ARN of the secret or parameter.
    pub secrets: Vec<(String, String)>,
    /// Everything that we do not decide; none when it is just as in a revision that we make.
    pub kept: Option<Kept>,
}

/// What the rest of the service needs to know of the container `Main`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrimaryContainerFacts {
    /// Its only TCP port; none when it does not have exactly one.
    pub port: Option<u16>,
    /// Its awslogs group, if any.
    pub log_group: Option<String>,
}

/// AWS's names of the fields that differ; a difference in any means a new revision. Tags do not: they
/// are written in place.
#[must_use]
pub fn diff(spec: &TaskDefinitionSpec, observed: &ObservedTaskDefinition) -> Vec<&'static str> {
    let Some(found) = &observed.spec else {
        return vec!["containerDefinitions"];
    };
    let TaskDefinitionSpec {
        family,
        cpu,
        memory_mib,
        cpu_architecture,
        execution_role_arn,
        task_role_arn,
        container,
        kept,
        tags: _,
    } = spec;
    let mut changed = container_diff(container, &found.container);
    for (differs, field) in [
        (*family != found.family, "family"),
        (*cpu != found.cpu, "cpu"),
        (*memory_mib != found.memory_mib, "memory"),
        (
            *cpu_architecture != found.cpu_architecture,
            "cpuArchitecture",
        ),
        (
            *execution_role_arn != found.execution_role_arn,
            "executionRoleArn",
        ),
        (*task_role_arn != found.task_role_arn, "taskRoleArn"),
        (
            content(kept.as_ref()) != content(found.kept.as_ref()),
            "containerDefinitions",
        ),
    ] {
        if differs {
            changed.push(field);
        }
    }
    changed
}

/// Where it is copied from makes no difference.
fn content(kept: Option<&Kept>) -> Option<&NormalForm> {
    kept.map(|kept| &kept.content)
}

fn container_diff(spec: &ContainerSpec, found: &ContainerSpec) -> Vec<&'static str> {
    let ContainerSpec {
        image,
        port,
        command,
        environment,
        secrets,
        repository_credentials,
        log_group,
        log_stream_prefix,
        region,
        force_deployment,
    } = spec;
    [
        (*image != found.image, "image"),
        (*port != found.port, "containerPort"),
        (*command != found.command, "command"),
        (*environment != found.environment, "environment"),
        (*secrets != found.secrets, "secrets"),
        (
            *repository_credentials != found.repository_credentials,
            "repositoryCredentials",
        ),
        (*log_group != found.log_group, "awslogs-group"),
        (
            *log_stream_prefix != found.log_stream_prefix,
            "awslogs-stream-prefix",
        ),
        (*region != found.region, "awslogs-region"),
        (*force_deployment != found.force_deployment, "dockerLabels"),
    ]
    .into_iter()
    .filter_map(|(differs, field)| differs.then_some(field))
    .collect()
}
