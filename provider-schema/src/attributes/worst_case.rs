//! The longest answer that a request can lead to, computed from the forms of AWS's names.
//!
//! Names that AWS chooses are taken at their longest; names that we choose, at the limits that
//! `handler/core` keeps. Forms: <https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html>

use serde_json::json;

use super::{Attributes, NONE};
use crate::RequestContext;
use crate::limits::{DERIVED_NAME_LENGTH_MAX, GENERATED_SERVICE_NAME_LENGTH_MAX};
use crate::properties::Properties;

/// Characters of a load balancer's or target group's name.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
const ELB_NAME_LENGTH_MAX: usize = 32;

/// Characters of what ELB appends to an ARN to make it unique, 16 hexadecimal digits.
const ELB_ID_LENGTH: usize = 16;

/// Digits that ELB puts into a load balancer's DNS name.
const ELB_DNS_DIGITS_MAX: usize = 10;

/// Characters of a hosted zone's id.
/// <https://docs.aws.amazon.com/Route53/latest/APIReference/API_HostedZone.html>
const HOSTED_ZONE_ID_LENGTH_MAX: usize = 32;

/// Digits of a task definition's revision, a 32-bit number.
const REVISION_DIGITS_MAX: usize = 10;

/// Characters of `sg-` and 17 hexadecimal digits.
const SECURITY_GROUP_ID_LENGTH: usize = 20;

/// Characters of a UUID, as in a certificate's ARN.
const UUID_LENGTH: usize = 36;

/// Characters of a scalable target's id.
/// <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_ScalableTarget.html>
const SCALABLE_TARGET_ID_LENGTH_MAX: usize = 36;

/// Characters of a host name's first label.
const DNS_LABEL_LENGTH_MAX: usize = 63;

/// Characters of a pool's name: `vpc-` and 17 digits, the scheme, and a hash of the owner.
const POOL_LENGTH_MAX: usize = 64;

/// Bytes of a successful answer whose every value is as long as it can get for this request.
pub(crate) fn worst_case_answer_bytes(
    properties: &Properties,
    request: &RequestContext<'_>,
) -> usize {
    let attributes = worst_case(properties, request);
    let answer = json!({
        "Status": "SUCCESS",
        "PhysicalResourceId": attributes.service_arn,
        "StackId": request.stack_id,
        "RequestId": request.request_id,
        "LogicalResourceId": request.logical_resource_id,
        "Data": attributes.to_data(),
    });
    answer.to_string().len()
}

fn worst_case(properties: &Properties, request: &RequestContext<'_>) -> Attributes {
    let RequestContext {
        partition,
        region,
        account_id,
        domain_name,
        ..
    } = request;
    let arn = |service: &str, rest: &str| {
        format!("arn:{partition}:{service}:{region}:{account_id}:{rest}")
    };
    let elb = |rest: &str| arn("elasticloadbalancing", rest);
    let cluster = &properties.cluster;
    let service = properties
        .service_name
        .clone()
        .unwrap_or_else(|| filler(GENERATED_SERVICE_NAME_LENGTH_MAX));
    let name = filler(ELB_NAME_LENGTH_MAX);
    let id = filler(ELB_ID_LENGTH);
    let log_group = log_group(properties, &service);
    let target_group = elb(&format!("targetgroup/{name}/{id}"));
    let dns_suffix = if *partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    Attributes {
        endpoint: format!("https://{}.{domain_name}", filler(DNS_LABEL_LENGTH_MAX)),
        load_balancer_arn: elb(&format!("loadbalancer/app/{name}/{id}")),
        load_balancer_dns_name: format!(
            "internal-{name}-{}.{region}.elb.{dns_suffix}",
            filler(ELB_DNS_DIGITS_MAX)
        ),
        load_balancer_hosted_zone_id: filler(HOSTED_ZONE_ID_LENGTH_MAX),
        task_definition_arn: task_definition_arn(properties, &arn, &service),
        service_security_group_id: filler(SECURITY_GROUP_ID_LENGTH),
        log_group_arn: arn("logs", &format!("log-group:{log_group}")),
        log_group_name: log_group,
        load_balancer_pool: filler(POOL_LENGTH_MAX),
        service_arn: arn("ecs", &format!("service/{cluster}/{service}")),
        listener_arn: elb(&format!("listener/app/{name}/{id}/{id}")),
        listener_rule_arn: elb(&format!("listener-rule/app/{name}/{id}/{id}/{id}")),
        target_group_arns: [target_group.clone(), target_group],
        certificate_arn: arn("acm", &format!("certificate/{}", filler(UUID_LENGTH))),
        load_balancer_security_group_id: filler(SECURITY_GROUP_ID_LENGTH),
        rollback_alarm_arn: arn(
            "cloudwatch",
            &format!("alarm:{}", derived(&[cluster, &service, "RollbackAlarm"])),
        ),
        scalable_target_arn: arn(
            "application-autoscaling",
            &format!("scalable-target/{}", filler(SCALABLE_TARGET_ID_LENGTH_MAX)),
        ),
    }
}

fn task_definition_arn(
    properties: &Properties,
    arn: impl Fn(&str, &str) -> String,
    service: &str,
) -> String {
    let revision = filler(REVISION_DIGITS_MAX);
    match &properties.task_definition_arn {
        Some(given) => {
            // One without a revision is answered with the revision that runs.
            let has_revision = given
                .rsplit_once(':')
                .is_some_and(|(_, last)| !last.contains('/'));
            if has_revision {
                given.clone()
            } else {
                format!("{given}:{revision}")
            }
        }
        None => {
            let family = derived(&[&properties.cluster, service]);
            arn("ecs", &format!("task-definition/{family}:{revision}"))
        }
    }
}

fn log_group(properties: &Properties, service: &str) -> String {
    if properties.task_definition_arn.is_some() {
        // Known only from the task definition: what fits is decided as for a name of our own.
        return filler(DERIVED_NAME_LENGTH_MAX.max(NONE.len()));
    }
    properties
        .primary_container
        .as_ref()
        .and_then(|container| container.aws_logs_configuration.as_ref())
        .map_or_else(
            || derived(&["/aws/ecs", &properties.cluster, service]),
            |logs| logs.log_group.clone(),
        )
}

/// A name made of these parts and separators, and of a hash if a part had to be altered.
fn derived(parts: &[&str]) -> String {
    const HASH_LENGTH: usize = 13;
    let length = parts.iter().map(|part| part.len() + 1).sum::<usize>() + HASH_LENGTH;
    filler(length.min(DERIVED_NAME_LENGTH_MAX))
}

/// Only the length counts; no character of it is escaped in JSON.
fn filler(length: usize) -> String {
    "x".repeat(length)
}
