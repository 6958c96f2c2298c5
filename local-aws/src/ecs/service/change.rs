//! CreateService and UpdateService: everything is checked first, then changed, then deployed if need be.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>

use std::collections::BTreeMap;

use serde_json::json;

use super::{DeploymentConfiguration, LoadBalancer, Network, Service, Status, arn_of, shown};
use crate::cloud::{Cloud, Outcome};
use crate::ecs::task_definition::{self, TaskDefinition};
use crate::ecs::{client, cluster, deployment, fleet, invalid_parameter, is_name, required, tag};
use crate::wire::{Input, Refusal};

/// Characters of a service's name.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html> (`serviceName`)
const NAME_CHARS_MAX: usize = 255;
/// Tasks of a service, and services of a cluster.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const TASKS_MAX: i64 = 5_000;
const SERVICES_MAX: usize = 5_000;
/// Seconds of a health check grace period.
const GRACE_S_MAX: i64 = 2_147_483_647;
/// `clientToken`: up to 36 printable ASCII characters.
const TOKEN_CHARS_MAX: usize = 36;

/// Repeat-safe with a `clientToken`: the same token answers the service that it made.
pub(in crate::ecs) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "cluster",
        "serviceName",
        "taskDefinition",
        "loadBalancers",
        "desiredCount",
        "clientToken",
        "launchType",
        "platformVersion",
        "deploymentConfiguration",
        "networkConfiguration",
        "healthCheckGracePeriodSeconds",
        "schedulingStrategy",
        "deploymentController",
        "tags",
        "enableECSManagedTags",
        "propagateTags",
        "enableExecuteCommand",
        "availabilityZoneRebalancing",
    ])?;
    let cluster = cluster::of_call(cloud, input)?;
    let name = required(input, "serviceName")?;
    if !is_name(name, NAME_CHARS_MAX) {
        return Err(invalid_parameter(format!("Invalid service name '{name}'.")));
    }
    let arn = arn_of(&cloud.account, &cluster, name);
    let token = client_token(input)?;
    if let Some(existing) = cloud.ecs.services.get(&arn) {
        match existing.status {
            Status::Active if token.is_some() && existing.client_token == token => {
                return Ok(json!({"service": shown(cloud, &arn)}));
            }
            Status::Active => {
                return Err(invalid_parameter("Creation of service was not idempotent."));
            }
            Status::Draining => {
                return Err(invalid_parameter(
                    "Unable to Start a service that is still Draining.",
                ));
            }
            Status::Inactive => {}
        }
    }
    let service = parse(cloud, input, cluster, name, token)?;
    deployment::forget(cloud, &arn);
    cloud.ecs.services.insert(arn.clone(), service);
    deployment::start(cloud, &arn);
    Ok(json!({"service": shown(cloud, &arn)}))
}

fn client_token(input: Input<'_>) -> Result<Option<String>, Refusal> {
    let Some(token) = input.text("clientToken") else {
        return Ok(None);
    };
    let printable = |letter: char| ('!'..='~').contains(&letter);
    if token.len() > TOKEN_CHARS_MAX || !token.chars().all(printable) {
        return Err(invalid_parameter(format!(
            "clientToken must be up to {TOKEN_CHARS_MAX} printable ASCII characters."
        )));
    }
    Ok(Some(token.to_owned()))
}

fn parse(
    cloud: &mut Cloud,
    input: Input<'_>,
    cluster: String,
    name: &str,
    client_token: Option<String>,
) -> Result<Service, Refusal> {
    launches_on_fargate(input)?;
    let in_cluster = |service: &&Service| service.cluster == cluster && !service.is_inactive();
    if cloud.ecs.services.values().filter(in_cluster).count() >= SERVICES_MAX {
        return Err(client(
            "ClientException",
            format!("A cluster has at most {SERVICES_MAX} services."),
        ));
    }
    let tags = tag::parse(input)?;
    let task_definition = definition(cloud, required(input, "taskDefinition")?)?;
    let network = Network::parse(cloud, input)?.ok_or_else(|| {
        invalid_parameter(
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        )
    })?;
    let load_balancer = LoadBalancer::parse(cloud, input)?.ok_or_else(|| {
        invalid_parameter("local-aws runs services with exactly one load balancer.")
    })?;
    load_balancer.check_container(&task_definition)?;
    let configuration = DeploymentConfiguration::parse(input)?.ok_or_else(|| {
        client(
            "UnsupportedMember",
            "local-aws needs a deploymentConfiguration: it does not guess what is meant",
        )
    })?;
    load_balancer.check_strategy(configuration.is_rolling())?;
    let desired = desired_count(input)?
        .ok_or_else(|| invalid_parameter("desiredCount cannot be empty for a REPLICA service."))?;
    Ok(Service {
        arn: arn_of(&cloud.account, &cluster, name),
        name: name.to_owned(),
        cluster,
        desired,
        tags,
        configuration,
        grace_s: grace_seconds(input)?.unwrap_or(0),
        revision: None,
        deployment: String::new(),
        launch_after_ms: BTreeMap::new(),
        next_look_ms: None,
        propagate_tags: propagate_tags(input)?.unwrap_or_else(|| "NONE".to_owned()),
        managed_tags: input.flag("enableECSManagedTags")?.unwrap_or(false),
        tasks: Vec::new(),
        status: Status::Active,
        client_token,
        task_definition: task_definition.arn,
        platform_version: input.text("platformVersion").unwrap_or("LATEST").to_owned(),
        network,
        load_balancer,
        execute_command: input.flag("enableExecuteCommand")?.unwrap_or(false),
        zone_rebalancing: zone_rebalancing(input)?.unwrap_or_else(|| "ENABLED".to_owned()),
        created_at_ms: cloud.now_ms,
        events: Vec::new(),
    })
}

fn launches_on_fargate(input: Input<'_>) -> Result<(), Refusal> {
    for (member, given, only) in [
        ("launchType", input.text("launchType"), "FARGATE"),
        (
            "schedulingStrategy",
            input.text("schedulingStrategy").or(Some("REPLICA")),
            "REPLICA",
        ),
        (
            "deploymentController",
            input
                .object("deploymentController")
                .map_or(Some("ECS"), |controller| controller.text("type")),
            "ECS",
        ),
    ] {
        if given != Some(only) {
            return Err(client(
                "UnsupportedMember",
                format!("local-aws simulates {member} {only} only"),
            ));
        }
    }
    Ok(())
}

fn definition(cloud: &Cloud, reference: &str) -> Result<TaskDefinition, Refusal> {
    let definition = task_definition::find(&cloud.ecs, &cloud.account, reference)
        .ok_or_else(|| client("ClientException", "TaskDefinition not found."))?;
    if !definition.is_active() {
        return Err(client("ClientException", "TaskDefinition is inactive"));
    }
    if !definition.fargate {
        return Err(invalid_parameter(
            "Task definition does not support launch_type FARGATE.",
        ));
    }
    Ok(definition.clone())
}

fn desired_count(input: Input<'_>) -> Result<Option<u32>, Refusal> {
    let Some(count) = input.integer("desiredCount")? else {
        return Ok(None);
    };
    u32::try_from(count)
        .ok()
        .filter(|_| count <= TASKS_MAX)
        .map(Some)
        .ok_or_else(|| {
            invalid_parameter(format!(
                "desiredCount must be between 0 and {TASKS_MAX}, got {count}."
            ))
        })
}

fn grace_seconds(input: Input<'_>) -> Result<Option<u64>, Refusal> {
    let name = "healthCheckGracePeriodSeconds";
    let Some(seconds) = input.integer(name)? else {
        return Ok(None);
    };
    u64::try_from(seconds)
        .ok()
        .filter(|_| seconds <= GRACE_S_MAX)
        .map(Some)
        .ok_or_else(|| invalid_parameter(format!("Invalid value {seconds} of {name}.")))
}

fn propagate_tags(input: Input<'_>) -> Result<Option<String>, Refusal> {
    one_of(
        input,
        "propagateTags",
        &["TASK_DEFINITION", "SERVICE", "NONE"],
    )
}

fn zone_rebalancing(input: Input<'_>) -> Result<Option<String>, Refusal> {
    one_of(
        input,
        "availabilityZoneRebalancing",
        &["ENABLED", "DISABLED"],
    )
}

fn one_of(input: Input<'_>, name: &str, values: &[&str]) -> Result<Option<String>, Refusal> {
    match input.text(name) {
        Some(value) if !values.contains(&value) => Err(invalid_parameter(format!(
            "Invalid value '{value}' of {name}."
        ))),
        value => Ok(value.map(str::to_owned)),
    }
}

/// What an UpdateService call asks for; absent members change nothing.
struct Changes {
    desired: Option<u32>,
    task_definition: Option<TaskDefinition>,
    network: Option<Network>,
    load_balancer: Option<LoadBalancer>,
    configuration: Option<DeploymentConfiguration>,
    platform_version: Option<String>,
    grace_s: Option<u64>,
    propagate_tags: Option<String>,
    managed_tags: Option<bool>,
    execute_command: Option<bool>,
    zone_rebalancing: Option<String>,
    force: bool,
}

/// A deployment starts only when what makes a revision has changed, or when it is forced.
pub(in crate::ecs) fn update(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "cluster",
        "service",
        "desiredCount",
        "taskDefinition",
        "deploymentConfiguration",
        "networkConfiguration",
        "platformVersion",
        "forceNewDeployment",
        "healthCheckGracePeriodSeconds",
        "enableExecuteCommand",
        "enableECSManagedTags",
        "loadBalancers",
        "propagateTags",
        "availabilityZoneRebalancing",
    ])?;
    let arn = super::of_call(cloud, input)?;
    let changes = parse_changes(cloud, &arn, input)?;
    let service = check_changes(cloud, &arn, &changes)?;
    let (service, deploys) = apply(service, changes);
    cloud.ecs.services.insert(arn.clone(), service);
    if deploys {
        deployment::start(cloud, &arn);
    } else {
        fleet::look_soon(cloud, &arn);
    }
    Ok(json!({"service": shown(cloud, &arn)}))
}

fn parse_changes(cloud: &mut Cloud, arn: &str, input: Input<'_>) -> Result<Changes, Refusal> {
    let task_definition = match input.text("taskDefinition") {
        Some(reference) => Some(definition(cloud, reference)?),
        None => None,
    };
    Ok(Changes {
        desired: desired_count(input)?,
        task_definition,
        network: Network::parse(cloud, input)?,
        load_balancer: LoadBalancer::parse(cloud, input)?,
        configuration: match cloud.ecs.services.get(arn) {
            Some(service) => service.configuration.parse_change(input)?,
            None => None,
        },
        platform_version: input.text("platformVersion").map(str::to_owned),
        grace_s: grace_seconds(input)?,
        propagate_tags: propagate_tags(input)?,
        managed_tags: input.flag("enableECSManagedTags")?,
        execute_command: input.flag("enableExecuteCommand")?,
        zone_rebalancing: zone_rebalancing(input)?,
        force: input.flag("forceNewDeployment")?.unwrap_or(false),
    })
}

/// The service as it is, if the changes are possible now.
fn check_changes(cloud: &Cloud, arn: &str, changes: &Changes) -> Result<Service, Refusal> {
    let service = cloud
        .ecs
        .services
        .get(arn)
        .filter(|service| service.is_active())
        .ok_or_else(|| client("ServiceNotActiveException", "Service was not ACTIVE."))?;
    if let Some(configuration) = &changes.configuration
        && configuration.strategy_name() != service.configuration.strategy_name()
        && deployment::is_open(cloud, arn)
    {
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/migrate-deployment-strategies.html
        return Err(invalid_parameter(
            "The deployment strategy cannot change while a service deployment is in progress.",
        ));
    }
    let load_balancer = changes.load_balancer.as_ref();
    let load_balancer = load_balancer.unwrap_or(&service.load_balancer);
    let configuration = changes.configuration.as_ref();
    let is_rolling = configuration.unwrap_or(&service.configuration).is_rolling();
    load_balancer.check_strategy(is_rolling)?;
    // AWS: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html (`loadBalancers`)
    if !is_rolling && load_balancer.all_groups() != service.load_balancer.all_groups() {
        return Err(invalid_parameter(
            "Target groups can be added, updated or removed only for services that use rolling updates.",
        ));
    }
    match &changes.task_definition {
        Some(definition) => load_balancer.check_container(definition)?,
        None if changes.load_balancer.is_some() => {
            let current = task_definition::by_arn(&cloud.ecs, &service.task_definition);
            current.map_or(Ok(()), |it| load_balancer.check_container(it))?;
        }
        None => {}
    }
    Ok(service.clone())
}

/// The changed service, and whether the changes need a deployment.
fn apply(mut service: Service, changes: Changes) -> (Service, bool) {
    let Changes {
        desired,
        task_definition,
        network,
        load_balancer,
        configuration,
        platform_version,
        grace_s,
        propagate_tags,
        managed_tags,
        execute_command,
        zone_rebalancing,
        force,
    } = changes;
    let mut deploys = force;
    if let Some(definition) = task_definition {
        deploys |= replace(&mut service.task_definition, definition.arn);
    }
    if let Some(network) = network {
        deploys |= replace(&mut service.network, network);
    }
    if let Some(load_balancer) = load_balancer {
        deploys |= replace(&mut service.load_balancer, load_balancer);
    }
    if let Some(version) = platform_version {
        deploys |= replace(&mut service.platform_version, version);
    }
    service.desired = desired.unwrap_or(service.desired);
    service.configuration = configuration.unwrap_or(service.configuration);
    service.grace_s = grace_s.unwrap_or(service.grace_s);
    service.propagate_tags = propagate_tags.unwrap_or(service.propagate_tags);
    service.managed_tags = managed_tags.unwrap_or(service.managed_tags);
    service.execute_command = execute_command.unwrap_or(service.execute_command);
    service.zone_rebalancing = zone_rebalancing.unwrap_or(service.zone_rebalancing);
    (service, deploys)
}

fn replace<T: PartialEq>(place: &mut T, value: T) -> bool {
    let changed = *place != value;
    *place = value;
    changed
}
