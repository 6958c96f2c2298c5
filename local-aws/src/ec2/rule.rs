//! The rules of security groups, how they are described, and what they let through.
//!
//! A group holds rules one by one, for one peer each, and describes them in the compact form of
//! `IpPermission`, many peers to a protocol and range of ports.
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::network_interface::NetworkInterface;
use super::security_group::SecurityGroup;
use crate::cloud::Cloud;

/// One rule for one peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// `sgr-…`
    pub id: String,
    /// `tcp`, `udp`, `icmp`, `icmpv6`, a protocol's number, or `-1` for all.
    pub protocol: String,
    /// First and last port; for ICMP type and code; none for all.
    pub ports: Option<(i64, i64)>,
    /// Where from, or where to.
    pub peer: Peer,
    /// For people.
    pub description: Option<String>,
}

/// Whom a rule is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// An IPv4 block.
    Ipv4(Cidr),
    /// An IPv6 block, in AWS's form.
    Ipv6(String),
    /// The interfaces that have this group.
    Group(String),
}

/// Which rules of a group a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Ingress,
    Egress,
}

impl Direction {
    pub(super) fn rules(self, group: &SecurityGroup) -> &Vec<Rule> {
        match self {
            Self::Ingress => &group.ingress,
            Self::Egress => &group.egress,
        }
    }

    pub(super) fn rules_mut(self, group: &mut SecurityGroup) -> &mut Vec<Rule> {
        match self {
            Self::Ingress => &mut group.ingress,
            Self::Egress => &mut group.egress,
        }
    }
}

impl Rule {
    /// Whether both let the same through; the description does not tell rules apart.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.protocol == other.protocol && self.ports == other.ports && self.peer == other.peer
    }

    fn admits_tcp(&self, port: u16) -> bool {
        let port = i64::from(port);
        let in_range = self
            .ports
            .is_none_or(|(first, last)| (first..=last).contains(&port));
        matches!(self.protocol.as_str(), "tcp" | "-1") && in_range
    }

    fn is_about(&self, interface: &NetworkInterface) -> bool {
        match &self.peer {
            Peer::Group(id) => interface.group_ids.contains(id),
            Peer::Ipv4(block) => interface
                .private_ip
                .parse()
                .is_ok_and(|address| block.holds(address)),
            Peer::Ipv6(_) => false,
        }
    }
}

/// Whether a TCP connection from one interface gets through to a port of the other: the groups of the
/// first must let it out, those of the second let it in; answers need no rule.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html>
pub(crate) fn reaches(
    cloud: &Cloud,
    from: &NetworkInterface,
    to: &NetworkInterface,
    port: u16,
) -> bool {
    let some_rule = |held_by: &NetworkInterface, direction: Direction, peer: &NetworkInterface| {
        held_by
            .group_ids
            .iter()
            .filter_map(|id| super::security_group(cloud, id))
            .flat_map(|group| direction.rules(group))
            .any(|rule| rule.admits_tcp(port) && rule.is_about(peer))
    };
    from.vpc_id == to.vpc_id
        && some_rule(from, Direction::Egress, to)
        && some_rule(to, Direction::Ingress, from)
}

/// `ipPermissions`: one for each protocol and range of ports.
pub(super) fn describe(cloud: &Cloud, rules: &[Rule]) -> Value {
    let mut ranges: Vec<(&str, Option<(i64, i64)>)> = Vec::new();
    for rule in rules {
        let range = (rule.protocol.as_str(), rule.ports);
        if !ranges.contains(&range) {
            ranges.push(range);
        }
    }
    ranges
        .into_iter()
        .map(|(protocol, ports)| {
            let members = || {
                rules
                    .iter()
                    .filter(move |rule| rule.protocol == protocol && rule.ports == ports)
            };
            let blocks = |name: &'static str, version: fn(&Peer) -> Option<String>| -> Value {
                members()
                    .filter_map(|rule| Some((version(&rule.peer)?, rule)))
                    .map(|(block, rule)| json!({(name): block, "description": rule.description}))
                    .collect()
            };
            let groups: Value = members()
                .filter_map(|rule| match &rule.peer {
                    Peer::Group(id) => Some(json!({
                        "userId": cloud.account.id,
                        "groupId": id,
                        "description": rule.description,
                    })),
                    Peer::Ipv4(_) | Peer::Ipv6(_) => None,
                })
                .collect();
            json!({
                "ipProtocol": protocol,
                "fromPort": ports.map(|(first, _)| first),
                "toPort": ports.map(|(_, last)| last),
                "groups": groups,
                "ipRanges": blocks("cidrIp", ipv4_block),
                "ipv6Ranges": blocks("cidrIpv6", ipv6_block),
                "prefixListIds": [],
            })
        })
        .collect()
}

pub(super) fn ipv4_block(peer: &Peer) -> Option<String> {
    match peer {
        Peer::Ipv4(block) => Some(block.to_string()),
        Peer::Ipv6(_) | Peer::Group(_) => None,
    }
}

pub(super) fn ipv6_block(peer: &Peer) -> Option<String> {
    match peer {
        Peer::Ipv6(block) => Some(block.clone()),
        Peer::Ipv4(_) | Peer::Group(_) => None,
    }
}

pub(super) fn describe_one(
    cloud: &Cloud,
    group_id: &str,
    rule: &Rule,
    direction: Direction,
) -> Value {
    let referenced = match &rule.peer {
        Peer::Group(id) => json!({"groupId": id, "userId": cloud.account.id}),
        Peer::Ipv4(_) | Peer::Ipv6(_) => Value::Null,
    };
    let port = |choose: fn((i64, i64)) -> i64| rule.ports.map_or(-1, choose);
    json!({
        "securityGroupRuleId": rule.id,
        "groupId": group_id,
        "groupOwnerId": cloud.account.id,
        "isEgress": direction == Direction::Egress,
        "ipProtocol": rule.protocol,
        "fromPort": port(|(first, _)| first),
        "toPort": port(|(_, last)| last),
        "cidrIpv4": ipv4_block(&rule.peer),
        "cidrIpv6": ipv6_block(&rule.peer),
        "referencedGroupInfo": referenced,
        "description": rule.description,
        "tagSet": [],
    })
}

pub(super) fn in_words(rule: &Rule) -> String {
    let peer = match &rule.peer {
        Peer::Ipv4(block) => block.to_string(),
        Peer::Ipv6(block) => block.clone(),
        Peer::Group(id) => id.clone(),
    };
    let ports = match rule.ports {
        None => "ALL".to_owned(),
        Some((first, last)) => format!("from port: {first}, to port: {last}"),
    };
    format!(
        "peer: {peer}, {}, {ports}, ALLOW",
        rule.protocol.to_uppercase()
    )
}
