//! A task definition's content, to the SDK's words and back.
//!
//! Back is strict without a list of forbidden fields: what was read is written again, and must then be
//! equal to what AWS described, apart from what ECS adds by itself. A field that AWS adds some day is
//! thus foreign until we write it.

use std::collections::HashMap;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture as SdkArchitecture, KeyValuePair,
    LinuxParameters, LogConfiguration, LogDriver, NetworkMode, OsFamily, PortMapping,
    RepositoryCredentials, RuntimePlatform, Secret, TaskDefinition, TransportProtocol,
    VersionConsistency,
};
use express_core::resources::Tags;
use express_core::resources::task_definition::{
    ContainerSpec, FORCE_LABEL, LOG_BUFFER, LOG_MODE, PORT_NAME, PRIMARY_CONTAINER,
    PrimaryContainerFacts, STOP_TIMEOUT_S, TaskDefinitionSpec,
};
use provider_schema::CpuArchitecture;

use crate::aws::error::AwsError;
use crate::aws::error::answer::unbuildable;

/// Options of the awslogs driver.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html>
const LOG_GROUP: &str = "awslogs-group";
const LOG_REGION: &str = "awslogs-region";
const LOG_STREAM_PREFIX: &str = "awslogs-stream-prefix";
const LOG_MODE_OPTION: &str = "mode";
const LOG_BUFFER_OPTION: &str = "max-buffer-size";

/// Linux on the architecture of the image.
pub fn platform(architecture: CpuArchitecture) -> RuntimePlatform {
    RuntimePlatform::builder()
        .operating_system_family(OsFamily::Linux)
        .cpu_architecture(match architecture {
            CpuArchitecture::X86_64 => SdkArchitecture::X8664,
            CpuArchitecture::Arm64 => SdkArchitecture::Arm64,
        })
        .build()
}

/// The primary container, as it is registered.
pub fn container(
    operation: &'static str,
    spec: &ContainerSpec,
) -> Result<ContainerDefinition, AwsError> {
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
    let labels = force_deployment
        .as_ref()
        .map(|token| HashMap::from([(FORCE_LABEL.to_owned(), token.clone())]));
    let secrets = secrets
        .iter()
        .map(|(name, from)| Secret::builder().name(name).value_from(from).build())
        .collect::<Result<Vec<_>, _>>()
        .map_err(unbuildable(operation))?;
    let environment = environment
        .iter()
        .map(|(name, value)| KeyValuePair::builder().name(name).value(value).build())
        .collect();
    let credentials = repository_credentials
        .as_ref()
        .map(|arn| {
            RepositoryCredentials::builder()
                .credentials_parameter(arn)
                .build()
        })
        .transpose()
        .map_err(unbuildable(operation))?;
    let logs = LogConfiguration::builder()
        .log_driver(LogDriver::Awslogs)
        .options(LOG_GROUP, log_group)
        .options(LOG_REGION, region)
        .options(LOG_STREAM_PREFIX, log_stream_prefix)
        .options(LOG_MODE_OPTION, LOG_MODE)
        .options(LOG_BUFFER_OPTION, LOG_BUFFER)
        .build()
        .map_err(unbuildable(operation))?;
    Ok(ContainerDefinition::builder()
        .name(PRIMARY_CONTAINER)
        .image(image)
        .essential(true)
        .port_mappings(port_mapping(*port))
        .set_command(non_empty(command.clone()))
        .set_environment(non_empty(environment))
        .set_secrets(non_empty(secrets))
        .set_repository_credentials(credentials)
        .set_docker_labels(labels)
        .log_configuration(logs)
        .linux_parameters(
            LinuxParameters::builder()
                .init_process_enabled(true)
                .build(),
        )
        .version_consistency(VersionConsistency::Enabled)
        .stop_timeout(STOP_TIMEOUT_S.cast_signed())
        .build())
}

/// In `awsvpc` the host's port is the container's, and ECS describes it so when it was not given.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>
fn port_mapping(port: u16) -> PortMapping {
    PortMapping::builder()
        .name(PORT_NAME)
        .container_port(i32::from(port))
        .host_port(i32::from(port))
        .protocol(TransportProtocol::Tcp)
        .build()
}

/// What a described task definition says, in our terms; none when it says anything that we never write.
pub fn spec(found: &TaskDefinition, tags: &Tags) -> Option<TaskDefinitionSpec> {
    let [container] = found.container_definitions() else {
        return None;
    };
    let spec = TaskDefinitionSpec {
        family: found.family()?.to_owned(),
        cpu: found.cpu()?.parse().ok()?,
        memory_mib: found.memory()?.parse().ok()?,
        cpu_architecture: match found.runtime_platform()?.cpu_architecture()? {
            SdkArchitecture::X8664 => CpuArchitecture::X86_64,
            SdkArchitecture::Arm64 => CpuArchitecture::Arm64,
            _ => return None,
        },
        execution_role_arn: found.execution_role_arn()?.to_owned(),
        task_role_arn: found.task_role_arn().map(str::to_owned),
        container: container_spec(container)?,
        tags: tags.clone(),
    };
    (normal(found) == written(found, &spec)?).then_some(spec)
}

fn container_spec(found: &ContainerDefinition) -> Option<ContainerSpec> {
    let mut environment: Vec<(String, String)> = found
        .environment()
        .iter()
        .map(|pair| Some((pair.name()?.to_owned(), pair.value()?.to_owned())))
        .collect::<Option<_>>()?;
    environment.sort();
    let mut secrets: Vec<(String, String)> = found
        .secrets()
        .iter()
        .map(|secret| (secret.name().to_owned(), secret.value_from().to_owned()))
        .collect();
    secrets.sort();
    Some(ContainerSpec {
        image: found.image()?.to_owned(),
        port: tcp_port(found)?,
        command: found.command().to_vec(),
        environment,
        secrets,
        repository_credentials: found
            .repository_credentials()
            .map(|credentials| credentials.credentials_parameter().to_owned()),
        log_group: log_option(found, LOG_GROUP)?,
        log_stream_prefix: log_option(found, LOG_STREAM_PREFIX)?,
        region: log_option(found, LOG_REGION)?,
        force_deployment: found
            .docker_labels()
            .and_then(|labels| labels.get(FORCE_LABEL).cloned()),
    })
}

/// `spec` as ECS would describe it, in the revision that was found: what ECS adds is taken from there.
fn written(found: &TaskDefinition, spec: &TaskDefinitionSpec) -> Option<TaskDefinition> {
    let container = container("ecs:DescribeTaskDefinition", &spec.container).ok()?;
    let written = TaskDefinition::builder()
        .family(&spec.family)
        .cpu(spec.cpu.to_string())
        .memory(spec.memory_mib.to_string())
        .runtime_platform(platform(spec.cpu_architecture))
        .execution_role_arn(&spec.execution_role_arn)
        .set_task_role_arn(spec.task_role_arn.clone())
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .container_definitions(container)
        .set_task_definition_arn(found.task_definition_arn.clone())
        .revision(found.revision)
        .set_status(found.status.clone())
        .set_requires_attributes(found.requires_attributes.clone())
        .set_compatibilities(found.compatibilities.clone())
        .set_registered_at(found.registered_at)
        .set_registered_by(found.registered_by.clone())
        .set_deregistered_at(found.deregistered_at)
        .set_delete_requested_at(found.delete_requested_at)
        .build();
    Some(normal(&written))
}

/// The same content in one form: lists that say nothing are left out, those without an order are sorted.
fn normal(definition: &TaskDefinition) -> TaskDefinition {
    let mut normal = definition.clone();
    drop_empty(&mut normal.volumes);
    drop_empty(&mut normal.placement_constraints);
    drop_empty(&mut normal.inference_accelerators);
    drop_empty(&mut normal.requires_attributes);
    drop_empty(&mut normal.compatibilities);
    if normal.enable_fault_injection == Some(false) {
        normal.enable_fault_injection = None;
    }
    for container in normal.container_definitions.iter_mut().flatten() {
        normalize(container);
    }
    normal
}

fn normalize(container: &mut ContainerDefinition) {
    for list in [
        &mut container.links,
        &mut container.entry_point,
        &mut container.command,
        &mut container.dns_servers,
        &mut container.dns_search_domains,
        &mut container.docker_security_options,
        &mut container.credential_specs,
    ] {
        drop_empty(list);
    }
    drop_empty(&mut container.environment_files);
    drop_empty(&mut container.mount_points);
    drop_empty(&mut container.volumes_from);
    drop_empty(&mut container.depends_on);
    drop_empty(&mut container.extra_hosts);
    drop_empty(&mut container.ulimits);
    drop_empty(&mut container.system_controls);
    drop_empty(&mut container.resource_requirements);
    drop_empty(&mut container.environment);
    drop_empty(&mut container.secrets);
    if container
        .docker_labels
        .as_ref()
        .is_some_and(HashMap::is_empty)
    {
        container.docker_labels = None;
    }
    if let Some(environment) = &mut container.environment {
        environment.sort_by(|left, right| left.name.cmp(&right.name));
    }
    if let Some(secrets) = &mut container.secrets {
        secrets.sort_by(|left, right| left.name.cmp(&right.name));
    }
    if let Some(logs) = &mut container.log_configuration {
        drop_empty(&mut logs.secret_options);
    }
    if let Some(linux) = &mut container.linux_parameters {
        drop_empty(&mut linux.devices);
        drop_empty(&mut linux.tmpfs);
    }
}

fn drop_empty<T>(list: &mut Option<Vec<T>>) {
    if list.as_ref().is_some_and(Vec::is_empty) {
        *list = None;
    }
}

fn non_empty<T>(list: Vec<T>) -> Option<Vec<T>> {
    (!list.is_empty()).then_some(list)
}

/// What the rest of the service needs to know of the container `Main`.
pub fn primary(found: &TaskDefinition) -> PrimaryContainerFacts {
    let container = found
        .container_definitions()
        .iter()
        .find(|container| container.name() == Some(PRIMARY_CONTAINER));
    PrimaryContainerFacts {
        port: container.and_then(tcp_port),
        log_group: container.and_then(|container| log_option(container, LOG_GROUP)),
    }
}

/// The port of a container's only port mapping, if that is of TCP, which is also the default.
fn tcp_port(container: &ContainerDefinition) -> Option<u16> {
    let [mapping] = container.port_mappings() else {
        return None;
    };
    match mapping.protocol() {
        None | Some(TransportProtocol::Tcp) => u16::try_from(mapping.container_port()?).ok(),
        Some(_) => None,
    }
}

/// An option of the awslogs driver; none with any other driver.
fn log_option(container: &ContainerDefinition, option: &str) -> Option<String> {
    let logs = container.log_configuration()?;
    if *logs.log_driver() != LogDriver::Awslogs {
        return None;
    }
    logs.options()?.get(option).cloned()
}

#[cfg(test)]
mod tests;
