//! Task definitions: registered, found, listed and deregistered.
//!
//! Identity: family and revision; a revision never changes. Repeat-safe: RegisterTaskDefinition is not,
//! so the newest revision is looked at first and used when it is what is wanted.
//! A described one is read back strictly (`task_definition/conversion.rs`). What it has beside the fields that are ours
//! is carried over to the next revision as it is, in the SDK's own types, by reading it again.
//! Debug output of the SDK's types holds environment values: never log one.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RegisterTaskDefinition.html>

use aws_sdk_ecs::types::{SortOrder, TaskDefinition, TaskDefinitionField, TaskDefinitionStatus};
use express_core::observed::is_owned;
use express_core::resources::Tags;
use express_core::resources::task_definition::{ObservedTaskDefinition, TaskDefinitionSpec};
use futures::{StreamExt, TryStreamExt, stream};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, member, text, too_many_pages};
use crate::aws::error::{AwsError, aws_error, if_found};

mod conversion;

/// Revisions at each end of a family that are asked for their tags. Two stay of ours; more are somebody else's, whose
/// pipeline begins after our first and is followed by our last. All of a long family would take an attempt's time.
const LOOKED_AT_MAX: usize = 50;
/// Describes side by side: ECS refills 20 a second for the account.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html>
const LOOKS_AT_ONCE: usize = 10;

const DESCRIBE: &str = "ecs:DescribeTaskDefinition";

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

/// What the user's ARN stands for: a revision, or the newest active one of a family. ECS documents the ARN of a revision
/// and the name of a family, not the ARN of a family.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_given(
    aws: &AwsClients,
    given: &str,
) -> Result<Option<ObservedTaskDefinition>, AwsError> {
    let named = given.rsplit_once('/').map_or(given, |(_, named)| named);
    if named.contains(':') {
        return find(aws, given).await;
    }
    let found = find_newest(aws, named).await?;
    // A family of the same name in another account or region is none of the user's.
    let is_given = |found: &ObservedTaskDefinition| {
        let of = found.arn.rsplit_once(':');
        of.is_some_and(|(family, _)| family == given)
    };
    Ok(found.filter(is_given))
}

/// The revision of this ARN, also when it is no longer active: a service may still run it.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(aws: &AwsClients, arn: &str) -> Result<Option<ObservedTaskDefinition>, AwsError> {
    let found = describe(aws, arn).await?;
    found
        .map(|(found, tags)| observed(DESCRIBE, &found, tags))
        .transpose()
}

async fn describe(aws: &AwsClients, arn: &str) -> Result<Option<(TaskDefinition, Tags)>, AwsError> {
    let answer = aws
        .ecs
        .describe_task_definition()
        .task_definition(arn)
        .include(TaskDefinitionField::Tags)
        .send()
        .await
        .map_err(aws_error(DESCRIBE));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let found = member(DESCRIBE, "taskDefinition", answer.task_definition())?;
    Ok(Some((found.clone(), tags::from_ecs(answer.tags()))))
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
    let base = match &spec.kept {
        None => TaskDefinition::builder().build(),
        Some(kept) => describe(aws, &kept.from_arn)
            .await?
            .map(|(found, _)| found)
            .map_or_else(|| member(DESCRIBE, "taskDefinition", None), Ok)?,
    };
    let merged = conversion::overlay(OPERATION, &base, spec)?;
    // Whatever a revision can have beside what ECS adds: a field that is missing here would be lost. Inference
    // accelerators are offered no more.
    let answer = aws
        .ecs
        .register_task_definition()
        .set_family(merged.family)
        .set_cpu(merged.cpu)
        .set_memory(merged.memory)
        .set_runtime_platform(merged.runtime_platform)
        .set_execution_role_arn(merged.execution_role_arn)
        .set_task_role_arn(merged.task_role_arn)
        .set_network_mode(merged.network_mode)
        .set_requires_compatibilities(merged.requires_compatibilities)
        .set_container_definitions(merged.container_definitions)
        .set_volumes(conversion::non_empty(merged.volumes))
        .set_placement_constraints(conversion::non_empty(merged.placement_constraints))
        .set_pid_mode(merged.pid_mode)
        .set_ipc_mode(merged.ipc_mode)
        .set_proxy_configuration(merged.proxy_configuration)
        .set_ephemeral_storage(merged.ephemeral_storage)
        .set_enable_fault_injection(merged.enable_fault_injection)
        .set_tags(Some(tags::to_ecs(&spec.tags)))
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
    match if_found(answer) {
        // Whether ECS takes the same call twice is not documented.
        Err(error) if error.message.contains("inactive") => Ok(()),
        answer => answer.map(|_| ()),
    }
}

/// ARNs of the active revisions of a family that carry the owner's tag, oldest first: what others have registered
/// under the family's name is not ours to deregister. Of more than twice [`LOOKED_AT_MAX`] those in the middle are passed
/// over.
///
/// # Errors
/// When AWS refuses or the listing does not end.
pub async fn list_owned(
    aws: &AwsClients,
    family: &str,
    owner_key: &str,
) -> Result<Vec<String>, AwsError> {
    let arns = list_active(aws, family).await?;
    let (first, rest) = arns.split_at(arns.len().min(LOOKED_AT_MAX));
    let passed_over = rest.len().saturating_sub(LOOKED_AT_MAX);
    let last = rest.iter().skip(passed_over);
    let looks = first.iter().chain(last).map(|arn| find(aws, arn));
    let found: Vec<_> = stream::iter(looks)
        .buffered(LOOKS_AT_ONCE)
        .try_collect()
        .await?;
    Ok(found
        .into_iter()
        .flatten()
        .filter(|revision| is_owned(&revision.tags, owner_key))
        .map(|revision| revision.arn)
        .collect())
}

/// ARNs of the active revisions of a family, oldest first.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTaskDefinitions.html> (sorted by
/// family name and revision; `ASC` puts the newest last)
///
/// # Errors
/// When AWS refuses or the listing does not end.
async fn list_active(aws: &AwsClients, family: &str) -> Result<Vec<String>, AwsError> {
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
    let live = conversion::live(found);
    let kept = live.as_ref().and_then(|live| live.kept.clone());
    Ok(ObservedTaskDefinition {
        arn: text(operation, "taskDefinitionArn", found.task_definition_arn())?,
        spec: conversion::spec(found, kept, &tags),
        live,
        primary: conversion::primary(found),
        misfit: conversion::misfit(found),
        tags,
    })
}

#[cfg(test)]
mod tests {
    use express_core::naming::TAG_OWNER;
    use serde_json::json;

    use super::*;
    use crate::fake_aws::{FakeAws, Sent};

    const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/web-1:";
    const OWNER: &str = "service-1";

    /// A family of 150 revisions: the first and the last are ours, a pipeline has registered the others.
    fn reply(sent: &Sent) -> serde_json::Value {
        let asked = sent.json();
        match asked["taskDefinition"].as_str() {
            None => {
                let arns: Vec<_> = (1..=150).map(|number| format!("{ARN}{number}")).collect();
                json!({"taskDefinitionArns": arns})
            }
            Some(arn) => {
                let is_ours = [format!("{ARN}1"), format!("{ARN}150")].contains(&arn.to_owned());
                let tags = json!([{"key": TAG_OWNER, "value": OWNER}]);
                json!({
                    "taskDefinition": {"taskDefinitionArn": arn},
                    "tags": if is_ours { tags } else { json!([]) },
                })
            }
        }
    }

    #[tokio::test]
    async fn a_revision_that_is_inactive_already_is_deregistered() {
        for (message, is_done) in [
            ("The specified task definition is inactive.", true),
            ("The specified task definition does not exist.", true),
            ("revision must be an integer", false),
        ] {
            let refusal = json!({"__type": "ClientException", "message": message});
            let fake = FakeAws::new(move |_, _| Some((400, refusal.to_string())));
            let done = deregister(&fake.runtime().aws, ARN).await;
            assert_eq!(done.is_ok(), is_done, "{message}");
        }
    }

    /// A family is named, and its newest revision is the user's only where it is of the account and region that were given.
    #[tokio::test]
    async fn an_arn_without_a_revision_is_asked_for_by_its_family() {
        let family = "arn:aws:ecs:eu-west-1:123456789012:task-definition/own";
        for (given, asked, is_found) in [
            (format!("{family}:3"), format!("{family}:3"), true),
            (family.to_owned(), "own".to_owned(), true),
            (
                family.replace("eu-west-1", "us-east-1"),
                "own".to_owned(),
                false,
            ),
        ] {
            let newest = json!({"taskDefinition": {"taskDefinitionArn": format!("{family}:3")}});
            let fake = FakeAws::new(move |_, _| Some((200, newest.to_string())));
            let found = find_given(&fake.runtime().aws, &given).await.unwrap();
            assert_eq!(fake.sent()[0].json()["taskDefinition"], asked, "{given}");
            assert_eq!(found.is_some(), is_found, "{given}");
        }
    }

    #[tokio::test]
    async fn revisions_of_ours_are_found_behind_those_of_a_pipeline() {
        let fake = FakeAws::new(|_, sent| Some((200, reply(sent).to_string())));
        let found = list_owned(&fake.runtime().aws, "web-1", OWNER).await;
        assert_eq!(found.unwrap(), [format!("{ARN}1"), format!("{ARN}150")]);
        assert_eq!(fake.sent().len(), 1 + 2 * LOOKED_AT_MAX);
    }
}
