//! The rules of security groups, and what they let through.
//!
//! A call names rules in a compact form, one `IpPermission` for many peers; a group holds them one by
//! one, each with an id, and describes them in the compact form again.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::network_interface::NetworkInterface;
use super::security_group::{self, SecurityGroup};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Rules of one direction at most, for IPv4 and for IPv6 each; a rule that names a group counts for both.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const RULES_MAX: usize = 60;

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
    fn rules(self, group: &SecurityGroup) -> &Vec<Rule> {
        match self {
            Self::Ingress => &group.ingress,
            Self::Egress => &group.egress,
        }
    }

    fn rules_mut(self, group: &mut SecurityGroup) -> &mut Vec<Rule> {
        match self {
            Self::Ingress => &mut group.ingress,
            Self::Egress => &mut group.egress,
        }
    }
}

impl Rule {
    /// Whether both let the same through; the description does not tell rules apart.
    fn is_same(&self, other: &Self) -> bool {
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

fn ipv4_block(peer: &Peer) -> Option<String> {
    match peer {
        Peer::Ipv4(block) => Some(block.to_string()),
        Peer::Ipv6(_) | Peer::Group(_) => None,
    }
}

fn ipv6_block(peer: &Peer) -> Option<String> {
    match peer {
        Peer::Ipv6(block) => Some(block.clone()),
        Peer::Ipv4(_) | Peer::Group(_) => None,
    }
}

fn describe_rule(cloud: &Cloud, group_id: &str, rule: &Rule, direction: Direction) -> Value {
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

pub(super) fn authorize(cloud: &mut Cloud, input: Input<'_>, direction: Direction) -> Outcome {
    input.only(&["GroupId", "IpPermissions"])?;
    let group = security_group::named(cloud, super::required(input, "GroupId")?)?;
    let (group_id, vpc_id) = (group.id.clone(), group.vpc_id.clone());
    let mut rules = direction.rules(group).clone();
    let mut new = parse(cloud, input, &vpc_id)?;
    for rule in &new {
        if rules.iter().any(|known| known.is_same(rule)) {
            return Err(Refusal::client(
                "InvalidPermission.Duplicate",
                format!("the specified rule \"{}\" already exists", in_words(rule)),
            ));
        }
        rules.push(rule.clone());
    }
    let count = |version: fn(&Peer) -> Option<String>| {
        rules
            .iter()
            .filter(|rule| matches!(rule.peer, Peer::Group(_)) || version(&rule.peer).is_some())
            .count()
    };
    if count(ipv4_block).max(count(ipv6_block)) > RULES_MAX {
        return Err(Refusal::client(
            "RulesPerSecurityGroupLimitExceeded",
            format!(
                "The maximum number of rules per security group has been reached: {RULES_MAX}."
            ),
        ));
    }
    for rule in &mut new {
        rule.id = super::new_id(cloud, "sgr");
    }
    let described: Vec<Value> = new
        .iter()
        .map(|rule| describe_rule(cloud, &group_id, rule, direction))
        .collect();
    if let Some(group) = cloud.ec2.security_groups.get_mut(&group_id) {
        direction.rules_mut(group).extend(new);
    }
    Ok(json!({"return": true, "securityGroupRuleSet": described}))
}

/// In a default VPC AWS answers a rule that is not there with success and its description, elsewhere it
/// refuses the call: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>
pub(super) fn revoke(cloud: &mut Cloud, input: Input<'_>, direction: Direction) -> Outcome {
    input.only(&["GroupId", "IpPermissions", "SecurityGroupRuleId"])?;
    let group = security_group::named(cloud, super::required(input, "GroupId")?)?;
    let (group_id, vpc_id) = (group.id.clone(), group.vpc_id.clone());
    let rules = direction.rules(group);
    let rule_ids = input.texts("SecurityGroupRuleId");
    if rule_ids.is_empty() == input.items("IpPermissions").next().is_none() {
        return Err(Refusal::client(
            "InvalidParameterCombination",
            "Either security group rule ids or IP permissions must be given, and not both",
        ));
    }
    for id in &rule_ids {
        if !rules.iter().any(|rule| rule.id == *id) {
            return Err(Refusal::client(
                "InvalidSecurityGroupRuleId.NotFound",
                format!("The security group rule ID '{id}' does not exist"),
            ));
        }
    }
    let named = if rule_ids.is_empty() {
        parse(cloud, input, &vpc_id)?
    } else {
        Vec::new()
    };
    let (found, unknown): (Vec<Rule>, Vec<Rule>) = named
        .into_iter()
        .partition(|rule| rules.iter().any(|known| known.is_same(rule)));
    let is_default_vpc = cloud
        .ec2
        .vpcs
        .get(&vpc_id)
        .is_some_and(|vpc| vpc.is_default);
    if !unknown.is_empty() && !is_default_vpc {
        return Err(Refusal::client(
            "InvalidPermission.NotFound",
            "The specified rule does not exist in this security group.",
        ));
    }
    let unknown = describe(cloud, &unknown);
    let goes = |rule: &Rule| {
        rule_ids.contains(&rule.id.as_str()) || found.iter().any(|named| named.is_same(rule))
    };
    if let Some(group) = cloud.ec2.security_groups.get_mut(&group_id) {
        direction.rules_mut(group).retain(|rule| !goes(rule));
    }
    Ok(json!({"return": true, "unknownIpPermissionSet": unknown}))
}

/// The rules that `IpPermissions` names, without ids.
fn parse(cloud: &Cloud, input: Input<'_>, vpc_id: &str) -> Result<Vec<Rule>, Refusal> {
    let mut rules = Vec::new();
    for permission in input.items("IpPermissions") {
        permission.only(&[
            "IpProtocol",
            "FromPort",
            "ToPort",
            "IpRanges",
            "Ipv6Ranges",
            "Groups",
        ])?;
        let protocol = protocol(super::required(permission, "IpProtocol")?)?;
        let ports = ports(permission, &protocol)?;
        let before = rules.len();
        for (peer, description) in peers(cloud, permission, vpc_id)? {
            let rule = Rule {
                id: String::new(),
                protocol: protocol.clone(),
                ports,
                peer,
                description,
            };
            if rules.iter().any(|known: &Rule| known.is_same(&rule)) {
                return Err(Refusal::client(
                    "InvalidParameterValue",
                    "The same permission must not appear multiple times",
                ));
            }
            rules.push(rule);
        }
        if rules.len() == before {
            return Err(super::missing("IpRanges, Ipv6Ranges or Groups"));
        }
    }
    if rules.is_empty() {
        return Err(super::missing("IpPermissions"));
    }
    Ok(rules)
}

type DescribedPeer = (Peer, Option<String>);

fn peers(
    cloud: &Cloud,
    permission: Input<'_>,
    vpc_id: &str,
) -> Result<Vec<DescribedPeer>, Refusal> {
    let mut peers = Vec::new();
    let description = |peer: Input<'_>| peer.text("Description").map(str::to_owned);
    for range in permission.items("IpRanges") {
        range.only(&["CidrIp", "Description"])?;
        let block = parse_ipv4(super::required(range, "CidrIp")?)?;
        peers.push((Peer::Ipv4(block), description(range)));
    }
    for range in permission.items("Ipv6Ranges") {
        range.only(&["CidrIpv6", "Description"])?;
        let block = parse_ipv6(super::required(range, "CidrIpv6")?)?;
        peers.push((Peer::Ipv6(block), description(range)));
    }
    for pair in permission.items("Groups") {
        pair.only(&["GroupId", "UserId", "Description"])?;
        let group = security_group::named(cloud, super::required(pair, "GroupId")?)?;
        let is_foreign = pair.text("UserId").is_some_and(|id| id != cloud.account.id);
        if group.vpc_id != vpc_id || is_foreign {
            return Err(Refusal::client(
                "InvalidGroup.NotFound",
                "You have specified two resources that belong to different networks.",
            ));
        }
        peers.push((Peer::Group(group.id.clone()), description(pair)));
    }
    Ok(peers)
}

/// AWS keeps the names of four protocols, and the numbers of the others.
fn protocol(given: &str) -> Result<String, Refusal> {
    let name = match given.to_ascii_lowercase().as_str() {
        "-1" | "all" => "-1".to_owned(),
        "tcp" | "6" => "tcp".to_owned(),
        "udp" | "17" => "udp".to_owned(),
        "icmp" | "1" => "icmp".to_owned(),
        "icmpv6" | "58" => "icmpv6".to_owned(),
        number if number.parse::<u8>().is_ok() => number.to_owned(),
        _ => {
            let reason = "Unknown IP protocol.";
            return Err(super::invalid_value(given, "ipProtocol", reason));
        }
    };
    Ok(name)
}

fn ports(permission: Input<'_>, protocol: &str) -> Result<Option<(i64, i64)>, Refusal> {
    let limits = match protocol {
        "tcp" | "udp" => 0..=65_535,
        "icmp" | "icmpv6" => -1..=255,
        // All ports, whatever was given.
        _ => return Ok(None),
    };
    let first = permission.integer("FromPort")?;
    let last = permission.integer("ToPort")?;
    let (Some(first), Some(last)) = (first, last) else {
        return Err(super::missing("FromPort and ToPort"));
    };
    let is_range = protocol.starts_with("icmp") || first <= last;
    if is_range && limits.contains(&first) && limits.contains(&last) {
        return Ok(Some((first, last)));
    }
    Err(Refusal::client(
        "InvalidParameterValue",
        format!("Invalid value '{first}-{last}' for portRange."),
    ))
}

/// Bits behind the prefix are cleared, as AWS does.
fn parse_ipv4(text: &str) -> Result<Cidr, Refusal> {
    let parts = text.split_once('/').and_then(|(address, prefix)| {
        let address: Ipv4Addr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok()?;
        (prefix <= 32).then(|| Cidr::new(address, prefix))
    });
    parts.ok_or_else(|| not_a_block(text))
}

fn parse_ipv6(text: &str) -> Result<String, Refusal> {
    let parts = text.split_once('/').and_then(|(address, prefix)| {
        let address: Ipv6Addr = address.parse().ok()?;
        let prefix: u8 = prefix.parse().ok()?;
        (prefix <= 128).then(|| format!("{address}/{prefix}"))
    });
    parts.ok_or_else(|| not_a_block(text))
}

fn not_a_block(text: &str) -> Refusal {
    Refusal::client(
        "InvalidParameterValue",
        format!("CIDR block {text} is malformed"),
    )
}

fn in_words(rule: &Rule) -> String {
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
