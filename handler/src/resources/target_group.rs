//! Target groups: found, created, changed in place, deleted.
//!
//! Identity: name. Repeat-safe: CreateTargetGroup with the same settings returns the existing group; with
//! other settings it is refused, and the group of this name is looked up.
//! Delete after every rule that forwards here (`ResourceInUse`).
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>

use aws_sdk_elasticloadbalancingv2::types::{
    Matcher, ProtocolEnum, TargetGroup, TargetGroupAttribute, TargetGroupIpAddressTypeEnum,
    TargetTypeEnum,
};
use express_core::naming;
use express_core::resources::Tags;
use express_core::resources::target_group::{
    HEALTH_CHECK_INTERVAL_S, HEALTH_CHECK_TIMEOUT_S, HEALTHY_HTTP_CODES, HEALTHY_THRESHOLD,
    ObservedTargetGroup, TARGET_GROUP_PORT, TargetGroupChange, TargetGroupSpec,
    UNHEALTHY_THRESHOLD,
};

use super::{elb_tags, tags};
use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, member, text, too_many_pages, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

pub mod health;

const DESCRIBE: &str = "elasticloadbalancing:DescribeTargetGroups";

/// Seconds that a draining target of a new group keeps its connections.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html#deregistration-delay>
const DEREGISTRATION_DELAY_DEFAULT_S: u32 = 300;

/// The attribute of the seconds that a draining target keeps its connections.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/edit-target-group-attributes.html>
const DEREGISTRATION_DELAY: &str = "deregistration_delay.timeout_seconds";
/// Health checks use the port on which each target takes its requests.
const TRAFFIC_PORT: &str = "traffic-port";
/// Requests go to the targets in HTTP/1.1.
const PROTOCOL_VERSION: &str = "HTTP1";

/// The groups of these names that exist, without their tags and attributes.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(
    aws: &AwsClients,
    names: &[String],
) -> Result<Vec<ObservedTargetGroup>, AwsError> {
    match describe(aws, names).await {
        // One that does not exist makes ELB refuse all of them: each alone then.
        Err(error) if error.is_not_found() && names.len() > 1 => {
            let mut found = Vec::new();
            for name in names {
                match describe(aws, std::slice::from_ref(name)).await {
                    Ok(groups) => found.extend(groups),
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(found)
        }
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        other => other,
    }
}

/// Names of all target groups that are named as ours are.
///
/// # Errors
/// When AWS refuses, its answer is unusable, or the listing does not end.
pub async fn list_names_of_ours(aws: &AwsClients) -> Result<Vec<String>, AwsError> {
    let mut pages = aws.elbv2.describe_target_groups().into_paginator().send();
    let mut names = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(names);
        };
        let page = page.map_err(aws_error(DESCRIBE))?;
        let ours = page
            .target_groups()
            .iter()
            .filter_map(|group| group.target_group_name())
            .filter(|name| naming::is_target_group(name));
        names.extend(ours.map(str::to_owned));
    }
    Err(too_many_pages(DESCRIBE))
}

/// Seconds that a draining target keeps its connections.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_deregistration_delay(aws: &AwsClients, arn: &str) -> Result<u32, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:DescribeTargetGroupAttributes";
    let answer = aws
        .elbv2
        .describe_target_group_attributes()
        .target_group_arn(arn)
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    let delay = answer
        .attributes()
        .iter()
        .find(|attribute| attribute.key() == Some(DEREGISTRATION_DELAY))
        .and_then(|attribute| attribute.value());
    let delay = member(OPERATION, DEREGISTRATION_DELAY, delay)?;
    delay
        .parse()
        .map_err(|_| unknown_value(OPERATION, DEREGISTRATION_DELAY, delay))
}

/// Creates the group. Its attributes are ELB's defaults until they are changed.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn create(
    aws: &AwsClients,
    spec: &TargetGroupSpec,
) -> Result<ObservedTargetGroup, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:CreateTargetGroup";
    let TargetGroupSpec {
        pair: _,
        name,
        vpc_id,
        health_check_path,
        tags: wanted_tags,
    } = spec;
    let created = aws
        .elbv2
        .create_target_group()
        .name(name)
        .target_type(TargetTypeEnum::Ip)
        .ip_address_type(TargetGroupIpAddressTypeEnum::Ipv4)
        .protocol(ProtocolEnum::Http)
        .protocol_version(PROTOCOL_VERSION)
        .port(i32::from(TARGET_GROUP_PORT))
        .vpc_id(vpc_id)
        .health_check_enabled(true)
        .health_check_protocol(ProtocolEnum::Http)
        .health_check_port(TRAFFIC_PORT)
        .health_check_path(health_check_path)
        .health_check_interval_seconds(HEALTH_CHECK_INTERVAL_S.cast_signed())
        .health_check_timeout_seconds(HEALTH_CHECK_TIMEOUT_S.cast_signed())
        .healthy_threshold_count(HEALTHY_THRESHOLD.cast_signed())
        .unhealthy_threshold_count(UNHEALTHY_THRESHOLD.cast_signed())
        .matcher(Matcher::builder().http_code(HEALTHY_HTTP_CODES).build())
        .set_tags(tags::to_elbv2(wanted_tags))
        .send()
        .await
        .map_err(aws_error(OPERATION));
    match created {
        Ok(answer) => {
            let group = member(OPERATION, "TargetGroups", answer.target_groups().first())?;
            let mut created = observed(OPERATION, group, wanted_tags.clone())?;
            // A group that was there already has ours; writing it again changes nothing.
            created.deregistration_delay_s = Some(DEREGISTRATION_DELAY_DEFAULT_S);
            Ok(created)
        }
        Err(error) if error.is("DuplicateTargetGroupName") => find_with_tags(aws, name)
            .await?
            // Not there any more, or not there yet: the next attempt knows.
            .ok_or(error),
        Err(error) => Err(error),
    }
}

/// Changes the group in place: what is given, and nothing else.
///
/// # Errors
/// When AWS refuses.
pub async fn update(
    aws: &AwsClients,
    arn: &str,
    change: &TargetGroupChange,
) -> Result<(), AwsError> {
    let TargetGroupChange {
        health_check_path,
        deregistration_delay_s,
    } = change;
    if let Some(path) = health_check_path {
        aws.elbv2
            .modify_target_group()
            .target_group_arn(arn)
            .health_check_path(path)
            .send()
            .await
            .map_err(aws_error("elasticloadbalancing:ModifyTargetGroup"))?;
    }
    if let Some(delay) = deregistration_delay_s {
        aws.elbv2
            .modify_target_group_attributes()
            .target_group_arn(arn)
            .attributes(
                TargetGroupAttribute::builder()
                    .key(DEREGISTRATION_DELAY)
                    .value(delay.to_string())
                    .build(),
            )
            .send()
            .await
            .map_err(aws_error(
                "elasticloadbalancing:ModifyTargetGroupAttributes",
            ))?;
    }
    Ok(())
}

/// Deletes the group; one that is gone counts as deleted.
///
/// # Errors
/// When AWS refuses: `ResourceInUse` while a rule forwards to it.
pub async fn delete(aws: &AwsClients, arn: &str) -> Result<(), AwsError> {
    let deleted = aws
        .elbv2
        .delete_target_group()
        .target_group_arn(arn)
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:DeleteTargetGroup"));
    if_found(deleted).map(|_| ())
}

async fn describe(
    aws: &AwsClients,
    names: &[String],
) -> Result<Vec<ObservedTargetGroup>, AwsError> {
    let answer = aws
        .elbv2
        .describe_target_groups()
        .set_names(Some(names.to_vec()))
        .send()
        .await
        .map_err(aws_error(DESCRIBE))?;
    answer
        .target_groups()
        .iter()
        .map(|group| observed(DESCRIBE, group, Tags::new()))
        .collect()
}

async fn find_with_tags(
    aws: &AwsClients,
    name: &str,
) -> Result<Option<ObservedTargetGroup>, AwsError> {
    let names = [name.to_owned()];
    let Some(mut group) = find(aws, &names).await?.into_iter().next() else {
        return Ok(None);
    };
    let mut tags = elb_tags::find(aws, std::slice::from_ref(&group.arn)).await?;
    group.tags = tags.remove(&group.arn).unwrap_or_default();
    Ok(Some(group))
}

fn observed(
    operation: &'static str,
    group: &TargetGroup,
    tags: Tags,
) -> Result<ObservedTargetGroup, AwsError> {
    Ok(ObservedTargetGroup {
        arn: text(operation, "TargetGroupArn", group.target_group_arn())?,
        name: text(operation, "TargetGroupName", group.target_group_name())?,
        vpc_id: text(operation, "VpcId", group.vpc_id())?,
        health_check_path: text(operation, "HealthCheckPath", group.health_check_path())?,
        deregistration_delay_s: None,
        load_balancer_arns: group.load_balancer_arns().to_vec(),
        tags,
    })
}
