//! What a load balancer may reach: its VPC and nothing else.

use aws_sdk_ec2::types::{IpPermission, IpRange, Ipv6Range, SecurityGroup};

use super::{TCP, describe_one};
use crate::aws::AwsClients;
use crate::aws::error::{AwsError, aws_error, if_found};
use crate::resources::vpc;

/// All protocols, in EC2's words.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html>
const ALL_PROTOCOLS: &str = "-1";
/// The rules that a new group has: everything, everywhere; the second only in a VPC with IPv6.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>
pub(super) const EVERYWHERE: &str = "0.0.0.0/0";
const EVERYWHERE_IPV6: &str = "::/0";
/// All TCP ports.
const PORTS: (i32, i32) = (0, 65_535);

/// Lets a group reach the IPv4 ranges of its VPC on TCP, and no longer everything.
///
/// # Guarantees
/// Repeat-safe: only what is missing is authorized, only what is there is revoked. Other egress rules
/// are people's and stay. To reach everything is revoked first, while nothing uses the group yet: one that
/// reaches too little is found again by its ranges, one that reaches too much might be so by people's will.
///
/// # Errors
/// When AWS refuses, or its answer is unusable. A group that is gone is nothing to restrict.
pub async fn restrict_egress(aws: &AwsClients, group_id: &str) -> Result<(), AwsError> {
    let Some(group) = describe_one(aws, group_id).await? else {
        return Ok(());
    };
    let ranges = vpc::cidrs(aws, group.vpc_id().unwrap_or_default()).await?;
    let present = group.ip_permissions_egress();
    let missing = ranges
        .iter()
        .filter(|range| !present.iter().any(|permission| reaches(permission, range)))
        .cloned();
    let open: Vec<IpPermission> = present.iter().filter_map(open_to_everywhere).collect();
    if !open.is_empty() {
        let revoked = aws
            .ec2
            .revoke_security_group_egress()
            .group_id(group_id)
            .set_ip_permissions(Some(open))
            .send()
            .await
            .map_err(aws_error("ec2:RevokeSecurityGroupEgress"));
        if_found(revoked)?;
    }
    authorize_egress(aws, group_id, &missing.collect::<Vec<_>>()).await
}

/// Lets a group reach further ranges on TCP.
///
/// # Errors
/// When AWS refuses for another reason than that a rule exists.
pub async fn authorize_egress(
    aws: &AwsClients,
    group_id: &str,
    ranges: &[String],
) -> Result<(), AwsError> {
    // One call per range: one rule that exists already makes EC2 refuse all of a call.
    for range in ranges {
        let authorized = aws
            .ec2
            .authorize_security_group_egress()
            .group_id(group_id)
            .ip_permissions(to_range(range))
            .send()
            .await
            .map_err(aws_error("ec2:AuthorizeSecurityGroupEgress"));
        match authorized {
            Ok(_) => {}
            // Another service of the pool opens the same load balancer at the same time.
            Err(error) if error.is("InvalidPermission.Duplicate") => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The IPv4 ranges that a group may reach on all TCP ports.
pub(super) fn ranges(group: &SecurityGroup) -> Vec<String> {
    let permissions = group.ip_permissions_egress().iter();
    permissions
        .filter(|permission| is_all_of_tcp(permission))
        .flat_map(IpPermission::ip_ranges)
        .filter_map(|range| range.cidr_ip().map(str::to_owned))
        .collect()
}

/// Whether a group may reach everything and nothing else is said: AWS has made it so, and nobody has changed it.
pub(super) fn is_default(group: &SecurityGroup) -> bool {
    let is_everywhere = |permission: &IpPermission| {
        let ipv4 = permission.ip_ranges().iter().map(IpRange::cidr_ip);
        let ipv6 = permission.ipv6_ranges().iter().map(Ipv6Range::cidr_ipv6);
        permission.ip_protocol() == Some(ALL_PROTOCOLS)
            && ipv4.eq(std::iter::once(Some(EVERYWHERE)))
            && ipv6.into_iter().all(|range| range == Some(EVERYWHERE_IPV6))
            && permission.prefix_list_ids().is_empty()
            && permission.user_id_group_pairs().is_empty()
    };
    matches!(group.ip_permissions_egress(), [only] if is_everywhere(only))
}

fn is_all_of_tcp(permission: &IpPermission) -> bool {
    let ports = (permission.from_port(), permission.to_port());
    match permission.ip_protocol() {
        Some(ALL_PROTOCOLS) => true,
        Some(TCP) => ports == (Some(PORTS.0), Some(PORTS.1)),
        _ => false,
    }
}

fn to_range(range: &str) -> IpPermission {
    IpPermission::builder()
        .ip_protocol(TCP)
        .from_port(PORTS.0)
        .to_port(PORTS.1)
        .ip_ranges(IpRange::builder().cidr_ip(range).build())
        .build()
}

/// Whether the permission is the one that [`to_range`] makes for this range, perhaps with others.
fn reaches(permission: &IpPermission, range: &str) -> bool {
    permission.ip_protocol() == Some(TCP)
        && (permission.from_port(), permission.to_port()) == (Some(PORTS.0), Some(PORTS.1))
        && permission
            .ip_ranges()
            .iter()
            .any(|found| found.cidr_ip() == Some(range))
}

/// The part of a permission that a new group has by itself, as it must be named to revoke it.
fn open_to_everywhere(permission: &IpPermission) -> Option<IpPermission> {
    if permission.ip_protocol() != Some(ALL_PROTOCOLS) {
        return None;
    }
    let ipv4 = permission
        .ip_ranges()
        .iter()
        .any(|range| range.cidr_ip() == Some(EVERYWHERE));
    let ipv6 = permission
        .ipv6_ranges()
        .iter()
        .any(|range| range.cidr_ipv6() == Some(EVERYWHERE_IPV6));
    if !ipv4 && !ipv6 {
        return None;
    }
    let mut open = IpPermission::builder().ip_protocol(ALL_PROTOCOLS);
    if ipv4 {
        open = open.ip_ranges(IpRange::builder().cidr_ip(EVERYWHERE).build());
    }
    if ipv6 {
        open = open.ipv6_ranges(Ipv6Range::builder().cidr_ipv6(EVERYWHERE_IPV6).build());
    }
    Some(open.build())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_authorized_is_recognized() {
        assert!(reaches(&to_range("10.0.0.0/16"), "10.0.0.0/16"));
        assert!(!reaches(&to_range("10.0.0.0/16"), "10.1.0.0/16"));
    }

    #[test]
    fn ranges_that_can_be_reached_on_some_ports_only_are_not_in_reach() {
        let rule = |protocol: &str, ports: Option<(i32, i32)>, range: &str| {
            IpPermission::builder()
                .ip_protocol(protocol)
                .set_from_port(ports.map(|(first, _)| first))
                .set_to_port(ports.map(|(_, last)| last))
                .ip_ranges(IpRange::builder().cidr_ip(range).build())
                .build()
        };
        let group = SecurityGroup::builder()
            .ip_permissions_egress(to_range("10.0.0.0/16"))
            .ip_permissions_egress(rule(ALL_PROTOCOLS, None, "10.1.0.0/16"))
            .ip_permissions_egress(rule(TCP, Some((0, 1023)), "10.2.0.0/16"))
            .ip_permissions_egress(rule("udp", Some(PORTS), "10.3.0.0/16"))
            .build();
        assert_eq!(ranges(&group), ["10.0.0.0/16", "10.1.0.0/16"]);
    }

    #[test]
    fn a_group_is_as_aws_makes_it_while_nothing_else_is_said() {
        let everywhere = || {
            IpPermission::builder()
                .ip_protocol(ALL_PROTOCOLS)
                .ip_ranges(IpRange::builder().cidr_ip(EVERYWHERE).build())
        };
        let is = |permissions: &[IpPermission]| {
            let group =
                SecurityGroup::builder().set_ip_permissions_egress(Some(permissions.into()));
            is_default(&group.build())
        };
        let ipv6 = Ipv6Range::builder().cidr_ipv6(EVERYWHERE_IPV6).build();
        assert!(is(&[everywhere().build()]));
        assert!(is(&[everywhere().ipv6_ranges(ipv6).build()]));
        assert!(!is(&[]));
        assert!(!is(&[to_range(EVERYWHERE)]));
        assert!(!is(&[to_range("10.0.0.0/16")]));
        // People have let a finished group reach everything.
        assert!(!is(&[to_range("10.0.0.0/16"), everywhere().build()]));
        let further = IpRange::builder().cidr_ip("192.0.2.0/24").build();
        assert!(!is(&[everywhere().ip_ranges(further).build()]));
    }

    #[test]
    fn only_the_rules_of_a_new_group_are_revoked() {
        let both = IpPermission::builder()
            .ip_protocol(ALL_PROTOCOLS)
            .ip_ranges(IpRange::builder().cidr_ip(EVERYWHERE).build())
            .ip_ranges(IpRange::builder().cidr_ip("192.0.2.0/24").build())
            .ipv6_ranges(Ipv6Range::builder().cidr_ipv6(EVERYWHERE_IPV6).build())
            .build();
        let open = open_to_everywhere(&both).expect("is open");
        assert_eq!(open.ip_ranges().len(), 1);
        assert_eq!(open.ip_ranges()[0].cidr_ip(), Some(EVERYWHERE));
        assert_eq!(open.ipv6_ranges().len(), 1);
        assert_eq!(open_to_everywhere(&to_range("10.0.0.0/16")), None);
    }
}
