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
    answer_bytes(&worst_case(properties, request), request)
}

/// Bytes of the successful answer to this request with these attributes, `Reason` not counted.
///
/// At most [`crate::limits::ANSWER_BYTES_MAX`] can be sent. With `TaskDefinitionArn`, whose log
/// group is not known at parse, only this tells whether the answer fits.
pub fn answer_bytes(attributes: &Attributes, request: &RequestContext<'_>) -> usize {
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
        task_definition_arn: task_definition_arn(properties, arn, &service),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::{ANSWER_BYTES_MAX, ANSWER_BYTES_RESERVED, LOG_GROUP_LENGTH_MAX};
    use crate::parse;
    use crate::tests::REQUEST;

    fn with_log_group(length: usize) -> serde_json::Value {
        json!({
            "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "ServiceName": filler(63),
            "Cluster": filler(100),
            "PrimaryContainer": {
                "Image": "web:1",
                "AwsLogsConfiguration": { "LogGroup": filler(length) },
            },
        })
    }

    #[test]
    fn exactly_what_fits_is_accepted() {
        let room = ANSWER_BYTES_MAX - ANSWER_BYTES_RESERVED;
        let longest = (1..=LOG_GROUP_LENGTH_MAX)
            .rfind(|length| parse(&with_log_group(*length), &REQUEST).is_ok())
            .unwrap();
        let properties = parse(&with_log_group(longest), &REQUEST).unwrap();
        let bytes = worst_case_answer_bytes(&properties, &REQUEST);
        // One more letter is two more bytes: the name and the ARN.
        assert!((room - 1..=room).contains(&bytes), "{bytes}");
        let problems = parse(&with_log_group(longest + 1), &REQUEST).unwrap_err();
        assert!(
            problems.to_string().contains("of CloudFormation's answer"),
            "{problems}"
        );
    }

    #[test]
    fn the_longest_names_fit_where_regions_are_longest() {
        let value = json!({
            "InfrastructureRoleArn": "arn:aws-us-gov:iam::123456789012:role/infrastructure",
            "ExecutionRoleArn": "arn:aws-us-gov:iam::123456789012:role/execution",
            "ServiceName": filler(63),
            "Cluster": filler(63),
            "PrimaryContainer": { "Image": "web:1" },
        });
        let request = RequestContext {
            partition: "aws-us-gov",
            region: "us-gov-west-1",
            ..REQUEST
        };
        assert!(parse(&value, &request).is_ok());
    }

    #[test]
    fn a_real_answer_is_no_longer_than_the_worst_case() {
        let value = json!({
            "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
            "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
            "ServiceName": "web",
            "PrimaryContainer": { "Image": "web:1" },
        });
        let properties = parse(&value, &REQUEST).unwrap();
        let arn =
            |service: &str, rest: &str| format!("arn:aws:{service}:us-east-1:123456789012:{rest}");
        let elb = |kind: &str, ids: &str| {
            arn(
                "elasticloadbalancing",
                &format!("{kind}/app/express-0a1b2c3d-1/0123456789abcdef{ids}"),
            )
        };
        let group = arn(
            "elasticloadbalancing",
            "targetgroup/express-0a1b2c3d4e5f-a/0123456789abcdef",
        );
        let real = Attributes {
            endpoint: "https://web.apps.example.com".to_owned(),
            load_balancer_arn: elb("loadbalancer", ""),
            load_balancer_dns_name:
                "internal-express-0a1b2c3d-1-1234567890.us-east-1.elb.amazonaws.com".to_owned(),
            load_balancer_hosted_zone_id: "Z35SXDOTRQ7X7K".to_owned(),
            task_definition_arn: arn("ecs", "task-definition/default-web:17"),
            service_security_group_id: "sg-0123456789abcdef0".to_owned(),
            log_group_name: "/aws/ecs/default/web".to_owned(),
            load_balancer_pool: "vpc-0123456789abcdef0-internet-facing".to_owned(),
            service_arn: arn("ecs", "service/default/web"),
            listener_arn: elb("listener", "/0123456789abcdef"),
            listener_rule_arn: elb("listener-rule", "/0123456789abcdef/0123456789abcdef"),
            target_group_arns: [group.clone(), group],
            certificate_arn: arn("acm", "certificate/0a1b2c3d-0000-1111-2222-0a1b2c3d4e5f"),
            load_balancer_security_group_id: "sg-0123456789abcdef1".to_owned(),
            rollback_alarm_arn: arn("cloudwatch", "alarm:default/web/RollbackAlarm"),
            log_group_arn: arn("logs", "log-group:/aws/ecs/default/web"),
            scalable_target_arn: arn(
                "application-autoscaling",
                "scalable-target/0ec5123456789abcdef0123456789abcdef0",
            ),
        };
        let worst = worst_case(&properties, &REQUEST).to_data();
        for (name, value) in real.to_data() {
            let (real, worst) = (value.to_string().len(), worst[&name].to_string().len());
            assert!(real <= worst, "{name}: {real} > {worst}");
        }
    }
}
