//! Task definitions: registered, found, listed and deregistered.
//!
//! Identity: family and revision; a revision never changes. Repeat-safe: RegisterTaskDefinition is not,
//! so the newest revision is looked at first and used when it is what is wanted.
//! A described one is read back strictly (`task_definition/conversion.rs`): whatever we would not write
//! makes it not ours, and the next registration is a new revision.
//! Debug output of the SDK's types holds environment values: never log one.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>

use aws_sdk_ecs::types::{
    Compatibility, NetworkMode, SortOrder, TaskDefinition, TaskDefinitionField,
    TaskDefinitionStatus,
};
use express_core::resources::Tags;
use express_core::resources::task_definition::{ObservedTaskDefinition, TaskDefinitionSpec};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, member, text, too_many_pages};
use crate::aws::error::{AwsError, aws_error, if_found};

mod conversion;

/// The newest active revision of a family. The family's name alone stands for it.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTaskDefinition.html>
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_newest(
    aws: &AwsClients,
    family: &str,
) -> Result<Option<ObservedTaskDefinition>, AwsError> {
    find(aws, family).await
}

/// The revision of this ARN, also when it is no longer active: a service may still run it.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(aws: &AwsClients, arn: &str) -> Result<Option<ObservedTaskDefinition>, AwsError> {
    const OPERATION: &str = "ecs:DescribeTaskDefinition";
    let answer = aws
        .ecs
        .describe_task_definition()
        .task_definition(arn)
        .include(TaskDefinitionField::Tags)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let found = member(OPERATION, "taskDefinition", answer.task_definition())?;
    observed(OPERATION, found, tags::from_ecs(answer.tags())).map(Some)
}

/// Registers a new revision.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn register(
    aws: &AwsClients,
    spec: &TaskDefinitionSpec,
) -> Result<ObservedTaskDefinition, AwsError> {
    const OPERATION: &str = "ecs:RegisterTaskDefinition";
    let TaskDefinitionSpec {
        family,
        cpu,
        memory_mib,
        cpu_architecture,
        execution_role_arn,
        task_role_arn,
        container,
        tags: wanted_tags,
    } = spec;
    let answer = aws
        .ecs
        .register_task_definition()
        .family(family)
        .cpu(cpu.to_string())
        .memory(memory_mib.to_string())
        .runtime_platform(conversion::platform(*cpu_architecture))
        .execution_role_arn(execution_role_arn)
        .set_task_role_arn(task_role_arn.clone())
        .network_mode(NetworkMode::Awsvpc)
        .requires_compatibilities(Compatibility::Fargate)
        .container_definitions(conversion::container(OPERATION, container)?)
        .set_tags(Some(tags::to_ecs(wanted_tags)))
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    let registered = member(OPERATION, "taskDefinition", answer.task_definition())?;
    observed(OPERATION, registered, tags::from_ecs(answer.tags()))
}

/// Makes a revision INACTIVE. One that is already, or is gone, stays as it is.
///
/// # Errors
/// When AWS refuses.
pub async fn deregister(aws: &AwsClients, arn: &str) -> Result<(), AwsError> {
    let answer = aws
        .ecs
        .deregister_task_definition()
        .task_definition(arn)
        .send()
        .await
        .map_err(aws_error("ecs:DeregisterTaskDefinition"));
    if_found(answer).map(|_| ())
}

/// ARNs of the active revisions of a family, oldest first.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html> (sorted by
/// family name and revision; `ASC` puts the newest last)
///
/// # Errors
/// When AWS refuses or the listing does not end.
pub async fn list_active(aws: &AwsClients, family: &str) -> Result<Vec<String>, AwsError> {
    const OPERATION: &str = "ecs:ListTaskDefinitions";
    let mut pages = aws
        .ecs
        .list_task_definitions()
        .family_prefix(family)
        .status(TaskDefinitionStatus::Active)
        .sort(SortOrder::Asc)
        .into_paginator()
        .send();
    let mut arns = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(arns);
        };
        let page = page.map_err(aws_error(OPERATION))?;
        arns.extend_from_slice(page.task_definition_arns());
    }
    Err(too_many_pages(OPERATION))
}

fn observed(
    operation: &'static str,
    found: &TaskDefinition,
    tags: Tags,
) -> Result<ObservedTaskDefinition, AwsError> {
    Ok(ObservedTaskDefinition {
        arn: text(operation, "taskDefinitionArn", found.task_definition_arn())?,
        spec: conversion::spec(found, &tags),
        primary: conversion::primary(found),
        tags,
    })
}
