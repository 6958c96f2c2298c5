//! Calls that add rules to security groups and take them away.
//!
//! A call names rules in a compact form, one `IpPermission` for many peers; it is taken as a whole or not
//! at all.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AuthorizeSecurityGroupIngress.html>,
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_RevokeSecurityGroupIngress.html>

use std::net::{Ipv4Addr, Ipv6Addr};

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::rule::{self, Direction, Peer, Rule};
use super::security_group;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Rules of one direction at most, for IPv4 and for IPv6 each; a rule that names a group counts for both.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const RULES_MAX: usize = 60;

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
                format!(
                    "the specified rule \"{}\" already exists",
                    rule::in_words(rule)
                ),
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
    if count(rule::ipv4_block).max(count(rule::ipv6_block)) > RULES_MAX {
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
        .map(|rule| rule::describe_one(cloud, &group_id, rule, direction))
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
    let unknown = rule::describe(cloud, &unknown);
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
