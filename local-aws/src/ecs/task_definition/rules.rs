//! What a task definition must satisfy to be registered, and the form in which it is kept.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_definition_parameters.html>,
//! on Fargate <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{AwsLogs, Container};
use crate::ecs::{client, invalid_parameter, is_name, required, set};
use crate::wire::{Input, Refusal};

pub(super) const FARGATE: &str = "FARGATE";

/// Characters of a family's and of a container's name.
const NAME_CHARS_MAX: usize = 255;

/// Containers in a task definition, and its size.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const CONTAINERS_MAX: usize = 10;
const DEFINITION_BYTES_MAX: usize = 65_536;

/// Members that are kept and answered; none of them changes what is simulated.
const MEMBERS: [&str; 11] = [
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "volumes",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "ephemeralStorage",
    "runtimePlatform",
];

/// Likewise of a container. `restartPolicy` is not among them: it changes what a crash does.
const CONTAINER_MEMBERS: [&str; 32] = [
    "name",
    "image",
    "repositoryCredentials",
    "cpu",
    "memory",
    "memoryReservation",
    "portMappings",
    "essential",
    "entryPoint",
    "command",
    "environment",
    "environmentFiles",
    "mountPoints",
    "volumesFrom",
    "linuxParameters",
    "secrets",
    "dependsOn",
    "startTimeout",
    "stopTimeout",
    "versionConsistency",
    "user",
    "workingDirectory",
    "privileged",
    "readonlyRootFilesystem",
    "interactive",
    "pseudoTerminal",
    "dockerLabels",
    "ulimits",
    "logConfiguration",
    "healthCheck",
    "systemControls",
    "firelensConfiguration",
];

/// Checks a registration; answers the document to keep and its containers.
///
/// # Errors
/// `ClientException` with AWS's text for a broken rule, `UnsupportedMember` for what is not simulated.
pub(super) fn check(input: Input<'_>) -> Result<(Value, Vec<Container>), Refusal> {
    let tolerated: Vec<&str> = MEMBERS.into_iter().chain(["tags"]).collect();
    input.only(&tolerated)?;
    let family = required(input, "family")?;
    if !is_name(family, NAME_CHARS_MAX) {
        return Err(invalid_parameter(format!(
            "Invalid family name '{family}'."
        )));
    }
    let compatibilities = input.texts("requiresCompatibilities");
    let fargate = compatibilities.contains(&FARGATE);
    let mut document = json!({});
    for name in MEMBERS {
        if let Some(value) = input.member(name) {
            set(&mut document, name, value.clone());
        }
    }
    if fargate {
        for (name, value) in fargate_size(input)? {
            set(&mut document, name, json!(value));
        }
        fargate_roles(input)?;
    }
    let awsvpc = input.text("networkMode") == Some("awsvpc");
    let (containers, definitions) = check_containers(input, awsvpc, fargate)?;
    set(&mut document, "containerDefinitions", definitions);
    set(&mut document, "compatibilities", json!(["EC2", FARGATE]));
    for name in ["volumes", "placementConstraints"] {
        if document.get(name).is_none() {
            set(&mut document, name, json!([]));
        }
    }
    let length = document.to_string().len();
    if length > DEFINITION_BYTES_MAX {
        return Err(refused(format!(
            "Actual length: '{length}'. Max allowed length is '{DEFINITION_BYTES_MAX}' bytes."
        )));
    }
    Ok((document, containers))
}

/// Network mode and the pair of cpu units and MiB.
fn fargate_size(input: Input<'_>) -> Result<[(&'static str, String); 2], Refusal> {
    if input.text("networkMode") != Some("awsvpc") {
        return Err(refused("Fargate only supports network mode 'awsvpc'."));
    }
    let size = |name: &str| {
        input.text(name).ok_or_else(|| {
            refused(format!(
                "Fargate requires that '{name}' be defined at the task level."
            ))
        })
    };
    let (cpu, memory) = (size("cpu")?, size("memory")?);
    match (units(cpu, "VCPU"), units(memory, "GB")) {
        (Some(cpu), Some(memory)) if is_fargate_pair(cpu, memory) => {
            Ok([("cpu", cpu.to_string()), ("memory", memory.to_string())])
        }
        _ => Err(refused("No Fargate configuration exists for given values.")),
    }
}

/// `1024` or `1 vCPU`, `2048` or `2 GB`: the second form counts in units of 1024.
fn units(text: &str, large_unit: &str) -> Option<u64> {
    let text = text.trim().to_ascii_uppercase();
    match text.strip_suffix(large_unit) {
        None => text.parse().ok(),
        Some(number) => {
            let number: f64 = number.trim().parse().ok()?;
            let units = (number * 1024.0).to_string();
            units.parse().ok()
        }
    }
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html> (task CPU and memory)
fn is_fargate_pair(cpu: u64, memory_mib: u64) -> bool {
    const GIB: u64 = 1024;
    let between = |low: u64, high: u64, step: u64| {
        (low * GIB..=high * GIB).contains(&memory_mib)
            && (memory_mib - low * GIB).is_multiple_of(step * GIB)
    };
    match cpu {
        256 => memory_mib == 512 || between(1, 2, 1),
        512 => between(1, 4, 1),
        1024 => between(2, 8, 1),
        2048 => between(4, 16, 1),
        4096 => between(8, 30, 1),
        8192 => between(16, 60, 4),
        16_384 => between(32, 120, 8),
        32_768 => [60, 120, 244].contains(&(memory_mib / GIB)) && memory_mib.is_multiple_of(GIB),
        _ => false,
    }
}

/// Fargate pulls private images, reads secrets and writes logs as the execution role.
fn fargate_roles(input: Input<'_>) -> Result<(), Refusal> {
    if input.text("executionRoleArn").is_some() {
        return Ok(());
    }
    for container in input.items("containerDefinitions") {
        let driver = container
            .object("logConfiguration")
            .and_then(|log| log.text("logDriver"));
        if driver == Some("awslogs") {
            return Err(refused(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            ));
        }
        let image = container.text("image").unwrap_or_default();
        if image.contains(".dkr.ecr.") {
            return Err(refused(
                "Fargate requires task definition to have execution role ARN to support ECR images.",
            ));
        }
        if container.items("secrets").next().is_some() {
            return Err(refused(
                "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
            ));
        }
    }
    Ok(())
}

fn check_containers(
    input: Input<'_>,
    awsvpc: bool,
    fargate: bool,
) -> Result<(Vec<Container>, Value), Refusal> {
    let mut containers = Vec::new();
    let mut definitions = Vec::new();
    let mut names = BTreeSet::new();
    let mut ports = BTreeSet::new();
    for item in input.items("containerDefinitions") {
        let (container, definition) = check_container(item, awsvpc, fargate)?;
        if !names.insert(container.name.clone()) {
            return Err(refused(format!(
                "Container names must be unique, '{}' is repeated.",
                container.name
            )));
        }
        if let Some(port) = container.ports.iter().find(|port| !ports.insert(**port)) {
            return Err(refused(format!(
                "The container port {port} is mapped more than once."
            )));
        }
        containers.push(container);
        definitions.push(definition);
    }
    if containers.is_empty() {
        return Err(refused("Container list cannot be empty."));
    }
    if containers.len() > CONTAINERS_MAX {
        return Err(refused(format!(
            "A task definition has at most {CONTAINERS_MAX} containers."
        )));
    }
    if !containers.iter().any(|container| container.essential) {
        return Err(refused(
            "A task definition must have at least one essential container.",
        ));
    }
    Ok((containers, Value::from(definitions)))
}

fn check_container(
    item: Input<'_>,
    awsvpc: bool,
    fargate: bool,
) -> Result<(Container, Value), Refusal> {
    item.only(&CONTAINER_MEMBERS)?;
    let name = item.text("name").unwrap_or_default();
    if !is_name(name, NAME_CHARS_MAX) {
        return Err(refused(format!("Invalid container name '{name}'.")));
    }
    let image = item.text("image").unwrap_or_default();
    if image.is_empty() {
        return Err(refused("Container.image should not be null or empty."));
    }
    let essential = item.flag("essential")?.unwrap_or(true);
    let (ports, mappings) = check_ports(item, awsvpc)?;
    let container = Container {
        name: name.to_owned(),
        image: image.to_owned(),
        essential,
        ports,
        log: check_log(item, fargate)?,
    };
    let mut definition = item.value().clone();
    set(&mut definition, "essential", json!(essential));
    set(&mut definition, "portMappings", mappings);
    if definition.get("cpu").is_none() {
        set(&mut definition, "cpu", json!(0));
    }
    for name in [
        "environment",
        "mountPoints",
        "volumesFrom",
        "systemControls",
    ] {
        if definition.get(name).is_none() {
            set(&mut definition, name, json!([]));
        }
    }
    Ok((container, definition))
}

fn check_ports(container: Input<'_>, awsvpc: bool) -> Result<(Vec<u16>, Value), Refusal> {
    let mut ports = Vec::new();
    let mut mappings = Vec::new();
    for mapping in container.items("portMappings") {
        mapping.only(&[
            "containerPort",
            "hostPort",
            "protocol",
            "name",
            "appProtocol",
        ])?;
        let port = mapping.integer("containerPort")?.unwrap_or_default();
        let Some(port) = u16::try_from(port).ok().filter(|port| *port > 0) else {
            return Err(refused(format!("Invalid container port {port}.")));
        };
        let host_port = mapping.integer("hostPort")?;
        if awsvpc && host_port.is_some_and(|host_port| host_port != i64::from(port)) {
            return Err(refused(
                "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
            ));
        }
        let protocol = mapping.text("protocol").unwrap_or("tcp");
        if !["tcp", "udp"].contains(&protocol) {
            return Err(refused(format!("Invalid protocol '{protocol}'.")));
        }
        let mut kept = mapping.value().clone();
        let host_port = host_port.unwrap_or(if awsvpc { i64::from(port) } else { 0 });
        set(&mut kept, "hostPort", json!(host_port));
        set(&mut kept, "protocol", json!(protocol));
        mappings.push(kept);
        ports.push(port);
    }
    Ok((ports, Value::from(mappings)))
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>: the stream
/// prefix is required on Fargate.
fn check_log(container: Input<'_>, fargate: bool) -> Result<Option<AwsLogs>, Refusal> {
    let Some(log) = container.object("logConfiguration") else {
        return Ok(None);
    };
    let driver = log.text("logDriver").unwrap_or_default();
    if !["awslogs", "splunk", "awsfirelens"].contains(&driver) {
        return Err(refused(format!(
            "Log driver '{driver}' is not supported on Fargate."
        )));
    }
    if driver != "awslogs" {
        return Ok(None);
    }
    let options = log.object("options");
    let option = |name: &str| options.and_then(|options| options.text(name));
    match (
        option("awslogs-group"),
        option("awslogs-region"),
        option("awslogs-stream-prefix"),
    ) {
        (Some(group), Some(_), prefix) if prefix.is_some() || !fargate => Ok(Some(AwsLogs {
            group: group.to_owned(),
            stream_prefix: prefix.unwrap_or_default().to_owned(),
        })),
        _ => Err(refused(
            "Log driver awslogs requires options: awslogs-region, awslogs-group, awslogs-stream-prefix",
        )),
    }
}

fn refused(message: impl Into<String>) -> Refusal {
    client("ClientException", message)
}

#[cfg(test)]
mod tests {
    use super::{is_fargate_pair, units};

    #[test]
    fn fargate_pairs_are_those_of_the_documentation() {
        for (cpu, memory_mib, allowed) in [
            (256, 512, true),
            (256, 3072, false),
            (512, 512, false),
            (512, 4096, true),
            (1024, 2048, true),
            (1024, 2500, false),
            (2048, 17_408, false),
            (4096, 30_720, true),
            (8192, 20_480, true),
            (8192, 21_504, false),
            (16_384, 122_880, true),
            (16_384, 36_864, false),
            (32_768, 249_856, true),
            (32_768, 62_464, false),
            (128, 512, false),
        ] {
            assert_eq!(
                is_fargate_pair(cpu, memory_mib),
                allowed,
                "{cpu}/{memory_mib}"
            );
        }
    }

    #[test]
    fn sizes_are_read_in_both_forms() {
        assert_eq!(units("1 vCPU", "VCPU"), Some(1024));
        assert_eq!(units(".25 vCPU", "VCPU"), Some(256));
        assert_eq!(units("2GB", "GB"), Some(2048));
        assert_eq!(units("2048", "GB"), Some(2048));
        assert_eq!(units("much", "GB"), None);
    }
}
