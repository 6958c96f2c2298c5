//! Security groups: the service's and the load balancer's; found, created, opened, closed, deleted.
//!
//! Identity: name and VPC. Repeat-safe: a taken name is looked up (`InvalidGroup.Duplicate`), a rule that
//! exists counts as authorized, one that does not as revoked.
//! A new group lets everything out; that of a load balancer is restricted to the VPC.
//! Delete after every interface and every other group's rule that uses it (`DependencyViolation`).
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>

use aws_sdk_ec2::types::{
    Filter, IpPermission, IpRange, ResourceType, SecurityGroup, TagSpecification, UserIdGroupPair,
};
use express_core::resources::security_group::{
    IngressRule, ObservedSecurityGroup, SecurityGroupSpec, Source,
};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, text, too_many_pages};
use crate::aws::error::{AwsError, aws_error, if_found};

mod egress;

pub use egress::{authorize_egress, restrict_egress};

const DESCRIBE: &str = "ec2:DescribeSecurityGroups";

/// What EC2 calls TCP in a rule.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>
const TCP: &str = "tcp";

/// The groups of these names that an account has, in one VPC or in all. In a VPC that accounts share its owner sees
/// everybody's, and the names of theirs may be the same as ours.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-share-limitations.html>
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_by_names(
    aws: &AwsClients,
    account_id: &str,
    vpc_id: Option<&str>,
    names: &[String],
) -> Result<Vec<ObservedSecurityGroup>, AwsError> {
    let mut filters = vec![
        filter("group-name", names.to_vec()),
        filter("owner-id", vec![account_id.to_owned()]),
    ];
    filters.extend(vpc_id.map(|vpc_id| filter("vpc-id", vec![vpc_id.to_owned()])));
    let groups = describe(aws, filters).await?;
    groups.iter().map(observed).collect()
}

/// Creates the group; it has no ingress rules yet. One of this name in this VPC is returned as it is.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn create(
    aws: &AwsClients,
    spec: &SecurityGroupSpec,
) -> Result<ObservedSecurityGroup, AwsError> {
    const OPERATION: &str = "ec2:CreateSecurityGroup";
    let SecurityGroupSpec {
        name,
        account_id,
        description,
        vpc_id,
        tags: wanted_tags,
    } = spec;
    let created = aws
        .ec2
        .create_security_group()
        .group_name(name)
        .description(description)
        .vpc_id(vpc_id)
        .tag_specifications(
            TagSpecification::builder()
                .resource_type(ResourceType::SecurityGroup)
                .set_tags(Some(tags::to_ec2(wanted_tags)))
                .build(),
        )
        .send()
        .await
        .map_err(aws_error(OPERATION));
    match created {
        Ok(answer) => Ok(ObservedSecurityGroup {
            id: text(OPERATION, "groupId", answer.group_id())?,
            name: name.clone(),
            tags: wanted_tags.clone(),
            ingress: Vec::new(),
            // As AWS makes it.
            has_default_egress: true,
            egress: vec![egress::EVERYWHERE.to_owned()],
        }),
        Err(error) if error.is("InvalidGroup.Duplicate") => {
            let names = std::slice::from_ref(name);
            let found = find_by_names(aws, account_id, Some(vpc_id), names).await?;
            // Not there any more, or not there yet: the next attempt knows.
            found.into_iter().next().ok_or(error)
        }
        Err(error) => Err(error),
    }
}

/// Lets the sources in.
///
/// # Errors
/// When AWS refuses for another reason than that a rule exists.
pub async fn authorize(
    aws: &AwsClients,
    group_id: &str,
    rules: &[IngressRule],
) -> Result<(), AwsError> {
    let authorized = authorize_at_once(aws, group_id, rules).await;
    match authorized {
        // One rule that exists makes EC2 refuse all of them: each alone then.
        Err(error) if error.is("InvalidPermission.Duplicate") => {
            for rule in rules.iter().filter(|_| rules.len() > 1) {
                match authorize_at_once(aws, group_id, std::slice::from_ref(rule)).await {
                    Ok(()) => {}
                    Err(error) if error.is("InvalidPermission.Duplicate") => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
        other => other,
    }
}

/// No longer lets the sources in.
///
/// # Errors
/// When AWS refuses for another reason than that a rule does not exist.
pub async fn revoke(
    aws: &AwsClients,
    group_id: &str,
    rules: &[IngressRule],
) -> Result<(), AwsError> {
    let revoked = revoke_at_once(aws, group_id, rules).await;
    match revoked {
        // Outside a default VPC, one rule that does not exist makes EC2 revoke none of them.
        // AWS: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html
        Err(error) if error.is_not_found() => {
            for rule in rules.iter().filter(|_| rules.len() > 1) {
                match revoke_at_once(aws, group_id, std::slice::from_ref(rule)).await {
                    Ok(()) => {}
                    Err(error) if error.is_not_found() => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(())
        }
        other => other,
    }
}

/// Deletes the group; one that is gone counts as deleted.
///
/// # Errors
/// When AWS refuses: `DependencyViolation` while an interface or a rule uses it.
pub async fn delete(aws: &AwsClients, group_id: &str) -> Result<(), AwsError> {
    let deleted = aws
        .ec2
        .delete_security_group()
        .group_id(group_id)
        .send()
        .await
        .map_err(aws_error("ec2:DeleteSecurityGroup"));
    if_found(deleted).map(|_| ())
}

async fn authorize_at_once(
    aws: &AwsClients,
    group_id: &str,
    rules: &[IngressRule],
) -> Result<(), AwsError> {
    aws.ec2
        .authorize_security_group_ingress()
        .group_id(group_id)
        .set_ip_permissions(Some(rules.iter().map(permission).collect()))
        .send()
        .await
        .map(|_| ())
        .map_err(aws_error("ec2:AuthorizeSecurityGroupIngress"))
}

async fn revoke_at_once(
    aws: &AwsClients,
    group_id: &str,
    rules: &[IngressRule],
) -> Result<(), AwsError> {
    aws.ec2
        .revoke_security_group_ingress()
        .group_id(group_id)
        .set_ip_permissions(Some(rules.iter().map(permission).collect()))
        .send()
        .await
        .map(|_| ())
        .map_err(aws_error("ec2:RevokeSecurityGroupIngress"))
}

async fn describe(aws: &AwsClients, filters: Vec<Filter>) -> Result<Vec<SecurityGroup>, AwsError> {
    let mut pages = aws
        .ec2
        .describe_security_groups()
        .set_filters(Some(filters))
        .into_paginator()
        .send();
    let mut groups = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(groups);
        };
        let page = page.map_err(aws_error(DESCRIBE))?;
        groups.extend_from_slice(page.security_groups());
    }
    Err(too_many_pages(DESCRIBE))
}

async fn describe_one(aws: &AwsClients, id: &str) -> Result<Option<SecurityGroup>, AwsError> {
    let groups = describe(aws, vec![filter("group-id", vec![id.to_owned()])]).await?;
    Ok(groups.into_iter().next())
}

fn filter(name: &str, values: Vec<String>) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values))
        .build()
}

fn permission(rule: &IngressRule) -> IpPermission {
    let IngressRule { port, source } = rule;
    let permission = IpPermission::builder()
        .ip_protocol(TCP)
        .from_port(i32::from(*port))
        .to_port(i32::from(*port));
    match source {
        Source::Cidr(range) => permission.ip_ranges(IpRange::builder().cidr_ip(range).build()),
        Source::Group(id) => {
            permission.user_id_group_pairs(UserIdGroupPair::builder().group_id(id).build())
        }
    }
    .build()
}

fn observed(group: &SecurityGroup) -> Result<ObservedSecurityGroup, AwsError> {
    Ok(ObservedSecurityGroup {
        id: text(DESCRIBE, "groupId", group.group_id())?,
        name: text(DESCRIBE, "groupName", group.group_name())?,
        tags: tags::from_ec2(group.tags()),
        ingress: group.ip_permissions().iter().flat_map(rules).collect(),
        has_default_egress: egress::is_default(group),
        egress: egress::ranges(group),
    })
}

/// The rules of our form in a permission: one TCP port, by IPv4 range or by group.
fn rules(permission: &IpPermission) -> Vec<IngressRule> {
    let port = match (permission.from_port(), permission.to_port()) {
        (Some(from), Some(to)) if from == to && permission.ip_protocol() == Some(TCP) => from,
        _ => return Vec::new(),
    };
    let Ok(port) = u16::try_from(port) else {
        return Vec::new();
    };
    let ranges = permission
        .ip_ranges()
        .iter()
        .filter_map(|range| Some(Source::Cidr(range.cidr_ip()?.to_owned())));
    let groups = permission
        .user_id_group_pairs()
        .iter()
        .filter_map(|pair| Some(Source::Group(pair.group_id()?.to_owned())));
    ranges
        .chain(groups)
        .map(|source| IngressRule { port, source })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_rules_are_read_as_they_are_written() {
        for source in [
            Source::Cidr("10.0.0.0/16".to_owned()),
            Source::Group("sg-1".to_owned()),
        ] {
            let rule = IngressRule { port: 8080, source };
            assert_eq!(rules(&permission(&rule)), vec![rule]);
        }
    }

    #[test]
    fn port_ranges_and_other_protocols_are_not_listed() {
        let mut wide = permission(&IngressRule {
            port: 80,
            source: Source::Cidr("10.0.0.0/16".to_owned()),
        });
        wide.to_port = Some(90);
        assert_eq!(rules(&wide), Vec::new());
        wide.to_port = Some(80);
        wide.ip_protocol = Some("udp".to_owned());
        assert_eq!(rules(&wide), Vec::new());
        wide.ip_protocol = Some("-1".to_owned());
        wide.from_port = None;
        wide.to_port = None;
        assert_eq!(rules(&wide), Vec::new());
    }
}
