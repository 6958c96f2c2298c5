//! A task definition's content, to the SDK's words and back.
//!
//! There is one place that says which fields are ours: [`overlay`], which writes them over whatever else a
//! revision has. Back is strict without a list of forbidden values: what was read is written over what AWS
//! described, and must change nothing. A field that AWS adds some day is thus somebody else's until we write it.

use std::collections::HashMap;

use aws_sdk_ecs::types::{
    Compatibility, ContainerDefinition, CpuArchitecture as SdkArchitecture, KernelCapabilities,
    KeyValuePair, LinuxParameters, LogConfiguration, LogDriver, NetworkMode, OsFamily, PortMapping,
    RepositoryCredentials, RuntimePlatform, Secret, TaskDefinition, TaskDefinitionStatus,
    TransportProtocol, VersionConsistency,
};
use express_core::resources::Tags;
use express_core::resources::task_definition::{
    ContainerSpec, FORCE_LABEL, Kept, LOG_BUFFER, LOG_MODE, LiveContent, Misfit, NormalForm,
    PORT_NAME, PRIMARY_CONTAINER, PrimaryContainerFacts, STOP_TIMEOUT_S, TaskDefinitionSpec,
};
use provider_schema::CpuArchitecture;

use crate::aws::error::AwsError;
use crate::aws::error::answer::unbuildable;

/// The call of which a description is the answer.
const DESCRIBE: &str = "ecs:DescribeTaskDefinition";
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

/// The primary container of a revision that has nothing but it.
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
        .set_command(non_empty(Some(command.clone())))
        .set_environment(non_empty(Some(environment)))
        .set_secrets(non_empty(Some(secrets)))
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

/// The content of a revision that has `spec` and, beside it, what `base` has: another revision, or nothing.
pub fn overlay(
    operation: &'static str,
    base: &TaskDefinition,
    spec: &TaskDefinitionSpec,
) -> Result<TaskDefinition, AwsError> {
    let TaskDefinitionSpec {
        family,
        cpu,
        memory_mib,
        cpu_architecture,
        execution_role_arn,
        task_role_arn,
        container: container_spec,
        kept: _,
        tags: _,
    } = spec;
    let ours = container(operation, container_spec)?;
    let mut merged = base.clone();
    merged.family = Some(family.clone());
    merged.cpu = Some(cpu.to_string());
    merged.memory = Some(memory_mib.to_string());
    merged.runtime_platform = Some(platform(*cpu_architecture));
    merged.execution_role_arn = Some(execution_role_arn.clone());
    merged.task_role_arn.clone_from(task_role_arn);
    merged.network_mode = Some(NetworkMode::Awsvpc);
    merged.requires_compatibilities = Some(vec![Compatibility::Fargate]);
    let containers = merged.container_definitions.get_or_insert_default();
    match containers.iter_mut().find(|it| is_primary(it)) {
        Some(main) => overlay_container(main, ours),
        None => containers.push(ours),
    }
    Ok(merged)
}

fn overlay_container(main: &mut ContainerDefinition, ours: ContainerDefinition) {
    main.image = ours.image;
    main.port_mappings = ours.port_mappings;
    main.command = ours.command;
    main.environment = ours.environment;
    main.secrets = ours.secrets;
    main.repository_credentials = ours.repository_credentials;
    let mut labels = main.docker_labels.take().unwrap_or_default();
    labels.remove(FORCE_LABEL);
    labels.extend(ours.docker_labels.unwrap_or_default());
    main.docker_labels = (!labels.is_empty()).then_some(labels);
    main.log_configuration = match (main.log_configuration.take(), ours.log_configuration) {
        (Some(mut logs), Some(wanted)) if logs.log_driver == wanted.log_driver => {
            let options = logs.options.get_or_insert_default();
            let decided = [LOG_GROUP, LOG_REGION, LOG_STREAM_PREFIX];
            let wanted = wanted.options.unwrap_or_default();
            options.extend(
                wanted
                    .into_iter()
                    .filter(|(name, _)| decided.contains(&name.as_str())),
            );
            Some(logs)
        }
        (_, wanted) => wanted,
    };
}

fn is_primary(container: &ContainerDefinition) -> bool {
    container.name() == Some(PRIMARY_CONTAINER)
}

/// What a described task definition says in the fields that we decide; none when one is as we never write it.
pub fn spec(found: &TaskDefinition, kept: Option<Kept>, tags: &Tags) -> Option<TaskDefinitionSpec> {
    let container = found
        .container_definitions()
        .iter()
        .find(|it| is_primary(it))?;
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
        kept,
        tags: tags.clone(),
    };
    let written = overlay(DESCRIBE, found, &spec).ok()?;
    (normal(found) == normal(&written)).then_some(spec)
}

/// What can be carried over from a described task definition; none when it has no container `Main`.
pub fn live(found: &TaskDefinition) -> Option<LiveContent> {
    let main = found
        .container_definitions()
        .iter()
        .find(|it| is_primary(it))?;
    let content = beside(found)?;
    let plain = beside(&TaskDefinition::builder().build())?;
    Some(LiveContent {
        environment: environment(main),
        secrets: secrets(main),
        kept: (content != plain).then(|| Kept {
            from_arn: found.task_definition_arn().unwrap_or_default().to_owned(),
            content,
        }),
    })
}

/// What a revision has beside what we decide: with the same in all of our fields, as sorted text. It is compared
/// only with what the same program has made.
fn beside(found: &TaskDefinition) -> Option<NormalForm> {
    let blank = TaskDefinitionSpec {
        family: String::new(),
        cpu: 0,
        memory_mib: 0,
        cpu_architecture: CpuArchitecture::X86_64,
        execution_role_arn: String::new(),
        task_role_arn: None,
        container: ContainerSpec {
            image: String::new(),
            port: 0,
            command: Vec::new(),
            environment: Vec::new(),
            secrets: Vec::new(),
            repository_credentials: None,
            log_group: String::new(),
            log_stream_prefix: String::new(),
            region: String::new(),
            force_deployment: None,
        },
        kept: None,
        tags: Tags::new(),
    };
    let mut content = normal(&overlay(DESCRIBE, found, &blank).ok()?);
    // What ECS adds says nothing about what is to run.
    content.task_definition_arn = None;
    content.revision = 0;
    content.status = None;
    content.requires_attributes = None;
    content.compatibilities = None;
    content.inference_accelerators = None;
    content.registered_at = None;
    content.registered_by = None;
    content.deregistered_at = None;
    content.delete_requested_at = None;
    let mut text = with_sorted_maps(&format!("{content:#?}"));
    // What the SDK leaves out of a debug output.
    for container in content.container_definitions() {
        text.push_str(&format!("{:?}", environment(container)));
        let credentials = container.repository_credentials();
        text.push_str(&format!(
            "{:?}",
            credentials.map(|it| it.credentials_parameter())
        ));
    }
    Some(NormalForm(text))
}

/// The entries of a map, one on each line, in the order of their keys: the only lines that hold a key in quotes and
/// a value. Within a quoted text a quote is escaped, so no other line looks like one.
fn with_sorted_maps(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let is_entry = |line: &str| line.trim_start().starts_with('"') && line.contains("\": \"");
    for run in lines.chunk_by_mut(|left, right| is_entry(left) && is_entry(right)) {
        if run.iter().all(|line| is_entry(line)) {
            run.sort_unstable();
        }
    }
    lines.join("\n")
}

/// In the order of the names, like the secrets: theirs has no meaning.
fn environment(container: &ContainerDefinition) -> Vec<(String, String)> {
    let pair = |pair: &KeyValuePair| {
        let value = pair.value().unwrap_or_default();
        Some((pair.name()?.to_owned(), value.to_owned()))
    };
    let mut environment: Vec<_> = container.environment().iter().filter_map(pair).collect();
    environment.sort();
    environment
}

fn secrets(container: &ContainerDefinition) -> Vec<(String, String)> {
    let pair = |secret: &Secret| (secret.name().to_owned(), secret.value_from().to_owned());
    let mut secrets: Vec<_> = container.secrets().iter().map(pair).collect();
    secrets.sort();
    secrets
}

fn container_spec(found: &ContainerDefinition) -> Option<ContainerSpec> {
    Some(ContainerSpec {
        image: found.image()?.to_owned(),
        port: tcp_port(found)?,
        command: found.command().to_vec(),
        environment: environment(found),
        secrets: secrets(found),
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
        if let Some(capabilities) = &mut linux.capabilities {
            drop_empty(&mut capabilities.add);
            drop_empty(&mut capabilities.drop);
        }
        let says = |it: &KernelCapabilities| it.add.is_some() || it.drop.is_some();
        linux.capabilities = linux.capabilities.take().filter(says);
    }
}

fn drop_empty<T>(list: &mut Option<Vec<T>>) {
    if list.as_ref().is_some_and(Vec::is_empty) {
        *list = None;
    }
}

/// A list that says something.
pub fn non_empty<T>(list: Option<Vec<T>>) -> Option<Vec<T>> {
    list.filter(|list| !list.is_empty())
}

/// What the rest of the service needs to know of the container `Main`.
pub fn primary(found: &TaskDefinition) -> PrimaryContainerFacts {
    let container = found
        .container_definitions()
        .iter()
        .find(|it| is_primary(it));
    PrimaryContainerFacts {
        port: container.and_then(tcp_port),
        log_group: container.and_then(|container| log_option(container, LOG_GROUP)),
    }
}

/// Why ECS would start nothing from it on Fargate. It tells itself what a definition is compatible with.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TaskDefinition.html>
pub fn misfit(found: &TaskDefinition) -> Option<Misfit> {
    let is_active = |status: &TaskDefinitionStatus| *status == TaskDefinitionStatus::Active;
    let compatibilities = found.compatibilities();
    let is_for_fargate = found.network_mode() == Some(&NetworkMode::Awsvpc)
        && (compatibilities.is_empty() || compatibilities.contains(&Compatibility::Fargate));
    if !found.status().is_none_or(is_active) {
        Some(Misfit::Inactive)
    } else {
        (!is_for_fargate).then_some(Misfit::NotForFargate)
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
