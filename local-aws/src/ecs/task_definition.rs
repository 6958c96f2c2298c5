//! Task definitions: families of numbered revisions, which never change and never come back.
//!
//! A deregistered revision is INACTIVE: services that run it go on, new ones are refused.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>

mod rules;

use serde_json::{Value, json};

use super::page::{PAGE_MAX, page};
use super::tag::{self, Tags};
use super::{State, client, invalid_parameter};
use crate::cloud::{Account, Cloud, Outcome};
use crate::wire::{Input, timestamp};

/// One revision.
#[derive(Clone, Debug)]
pub(super) struct TaskDefinition {
    pub(super) arn: String,
    pub(super) family: String,
    pub(super) revision: u64,
    pub(super) tags: Tags,
    pub(super) containers: Vec<Container>,
    pub(super) fargate: bool,
    pub(super) cpu: String,
    pub(super) memory: String,
    pub(super) execution_role: Option<String>,
    pub(super) task_role: Option<String>,
    /// What Describe answers beside status and times.
    document: Value,
    registered_at_ms: u64,
    deregistered_at_ms: Option<u64>,
}

/// What the engine needs to know of a container.
#[derive(Clone, Debug)]
pub(super) struct Container {
    pub(super) name: String,
    pub(super) image: String,
    pub(super) essential: bool,
    pub(super) ports: Vec<u16>,
    pub(super) log: Option<AwsLogs>,
}

/// Where a container's output goes.
#[derive(Clone, Debug)]
pub(super) struct AwsLogs {
    pub(super) group: String,
    pub(super) stream_prefix: String,
}

impl TaskDefinition {
    pub(super) const fn is_active(&self) -> bool {
        self.deregistered_at_ms.is_none()
    }

    pub(super) fn container(&self, name: &str) -> Option<&Container> {
        self.containers
            .iter()
            .find(|container| container.name == name)
    }

    /// The ARNs that its containers' secrets are read from.
    pub(super) fn secrets(&self) -> Vec<&str> {
        self.of_containers("secrets", "valueFrom")
    }

    /// The values of its containers' environment.
    pub(super) fn environment(&self) -> Vec<&str> {
        self.of_containers("environment", "value")
    }

    fn of_containers(&self, list: &str, member: &str) -> Vec<&str> {
        let containers = self.document.get("containerDefinitions");
        let containers = containers.and_then(Value::as_array).into_iter().flatten();
        let items = containers.filter_map(|it| it.get(list)?.as_array());
        items
            .flatten()
            .filter_map(|item| item.get(member)?.as_str())
            .collect()
    }

    fn output(&self) -> Value {
        let mut output = self.document.clone();
        let status = if self.is_active() {
            "ACTIVE"
        } else {
            "INACTIVE"
        };
        super::set(&mut output, "taskDefinitionArn", json!(self.arn));
        super::set(&mut output, "revision", json!(self.revision));
        super::set(&mut output, "status", json!(status));
        super::set(
            &mut output,
            "registeredAt",
            timestamp(self.registered_at_ms),
        );
        if let Some(at_ms) = self.deregistered_at_ms {
            super::set(&mut output, "deregisteredAt", timestamp(at_ms));
        }
        output
    }
}

/// The revision that `reference` means: an ARN or `family:revision`, or of a `family` its latest ACTIVE one.
pub(super) fn find<'a>(
    state: &'a State,
    account: &Account,
    reference: &str,
) -> Option<&'a TaskDefinition> {
    let (family, revision) = parts(account, reference)?;
    let revisions = state.task_definitions.get(family)?;
    match revision {
        Some(revision) => revisions.iter().find(|it| it.revision == revision),
        None => revisions.iter().rev().find(|it| it.is_active()),
    }
}

/// The revision with exactly this ARN.
pub(super) fn by_arn<'a>(state: &'a State, arn: &str) -> Option<&'a TaskDefinition> {
    let (_, short) = arn.split_once(":task-definition/")?;
    let (family, _) = short.rsplit_once(':')?;
    let revisions = state.task_definitions.get(family)?;
    revisions.iter().find(|definition| definition.arn == arn)
}

fn parts<'a>(account: &Account, reference: &'a str) -> Option<(&'a str, Option<u64>)> {
    let short = if reference.starts_with("arn:") {
        reference.strip_prefix(&account.arn("ecs", "task-definition/"))?
    } else {
        reference
    };
    match short.split_once(':') {
        None => Some((short, None)),
        Some((family, revision)) => Some((family, Some(revision.parse().ok()?))),
    }
}

pub(super) fn register(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let tags = tag::parse(input)?;
    let (mut document, containers) = rules::check(input)?;
    if cloud.ecs.drops_empty_variables {
        drop_empty_variables(&mut document);
    }
    let family = super::required(input, "family")?.to_owned();
    let revisions = cloud
        .ecs
        .task_definitions
        .entry(family.clone())
        .or_default();
    let revision = revisions.last().map_or(1, |last| last.revision + 1);
    let text = |name: &str| {
        let value = document.get(name).and_then(Value::as_str);
        value.map(str::to_owned)
    };
    let fargate = input
        .texts("requiresCompatibilities")
        .contains(&rules::FARGATE);
    let definition = TaskDefinition {
        arn: cloud
            .account
            .arn("ecs", &format!("task-definition/{family}:{revision}")),
        family,
        revision,
        tags,
        containers,
        fargate,
        cpu: text("cpu").unwrap_or_default(),
        memory: text("memory").unwrap_or_default(),
        execution_role: text("executionRoleArn"),
        task_role: text("taskRoleArn"),
        document,
        registered_at_ms: cloud.now_ms,
        deregistered_at_ms: None,
    };
    let output = described(&definition);
    revisions.push(definition);
    Ok(output)
}

fn drop_empty_variables(document: &mut Value) {
    let containers = document.get_mut("containerDefinitions");
    for container in containers
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
    {
        let environment = container.get_mut("environment");
        if let Some(variables) = environment.and_then(Value::as_array_mut) {
            variables.retain(|variable| variable["value"] != "");
        }
    }
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["taskDefinition", "include"])?;
    let reference = super::required(input, "taskDefinition")?;
    let definition = find(&cloud.ecs, &cloud.account, reference)
        .ok_or_else(|| client("ClientException", "Unable to describe task definition."))?;
    let mut output = described(definition);
    if !tag::wanted(input) {
        super::set(&mut output, "tags", json!([]));
    }
    Ok(output)
}

fn described(definition: &TaskDefinition) -> Value {
    json!({"taskDefinition": definition.output(), "tags": tag::output(&definition.tags)})
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeregisterTaskDefinition.html>: the
/// revision must be given, and one that is INACTIVE stays so.
pub(super) fn deregister(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["taskDefinition"])?;
    let reference = super::required(input, "taskDefinition")?;
    let (Some((family, Some(revision))), now_ms) = (parts(&cloud.account, reference), cloud.now_ms)
    else {
        return Err(invalid_parameter(format!(
            "Invalid revision number in '{reference}'."
        )));
    };
    let definition = cloud
        .ecs
        .task_definitions
        .get_mut(family)
        .and_then(|revisions| revisions.iter_mut().find(|it| it.revision == revision))
        .ok_or_else(|| {
            client(
                "ClientException",
                "The specified task definition does not exist.",
            )
        })?;
    definition.deregistered_at_ms.get_or_insert(now_ms);
    Ok(json!({"taskDefinition": definition.output()}))
}

pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["familyPrefix", "status", "sort", "nextToken", "maxResults"])?;
    let active = match input.text("status") {
        None | Some("ACTIVE") => true,
        Some("INACTIVE") => false,
        Some(other) => {
            return Err(invalid_parameter(format!(
                "local-aws lists task definitions that are ACTIVE or INACTIVE, not {other}."
            )));
        }
    };
    let family = input.text("familyPrefix");
    let mut arns: Vec<&str> = cloud
        .ecs
        .task_definitions
        .values()
        .flatten()
        .filter(|it| it.is_active() == active && family.is_none_or(|name| name == it.family))
        .map(|it| it.arn.as_str())
        .collect();
    match input.text("sort") {
        None | Some("ASC") => {}
        Some("DESC") => arns.reverse(),
        Some(other) => return Err(invalid_parameter(format!("Invalid sort order '{other}'."))),
    }
    let (arns, token) = page(arns, input, PAGE_MAX)?;
    Ok(super::with_token(
        json!({"taskDefinitionArns": arns}),
        token,
    ))
}
