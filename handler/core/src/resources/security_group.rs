//! Security groups: one of the service, which admits its load balancer on the container port, and one
//! of the load balancer, which admits clients and may reach the whole VPC.
//!
//! Identity: name and VPC. Nothing per service is written on the load balancer's group: 25 services
//! would share its 60 rules. It is given a rule for each range that its VPC has when it is made, and for those that
//! the VPC gets later, once a service comes there; none is taken away, since another service may need it. The service's
//! group may carry rules of the user; only rules whose source is our load balancer's group are ours.
//! Delete after every interface and every other group's rule that uses it (`DependencyViolation`).
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>

use std::net::Ipv4Addr;

use super::Tags;

/// A security group that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroupSpec {
    /// Unique in the VPC, among the groups of one account.
    pub name: String,
    /// The account that makes it.
    pub account_id: String,
    /// Up to 255 characters.
    pub description: String,
    /// Where it is.
    pub vpc_id: String,
    /// Tags it is created with.
    pub tags: Tags,
}

/// One rule that lets traffic in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct IngressRule {
    /// TCP port.
    pub port: u16,
    /// Who is let in.
    pub source: Source,
}

/// Who a rule lets in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// An IPv4 range.
    Cidr(String),
    /// The members of another group.
    Group(String),
}

/// A security group that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedSecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its tags.
    pub tags: Tags,
    /// TCP rules for single ports, by address range or by group; others are people's and not listed.
    pub ingress: Vec<IngressRule>,
    /// Whether it may still reach everything, as AWS makes it, and nothing else is said: a load balancer's group is
    /// unfinished then. Whether it lets clients in does not say so: people may have shut it.
    pub has_default_egress: bool,
    /// IPv4 ranges that it may reach on all TCP ports.
    pub egress: Vec<String>,
}

impl ObservedSecurityGroup {
    /// Those of the ranges of which it may not reach the whole.
    #[must_use]
    pub fn out_of_reach(&self, ranges: &[String]) -> Vec<String> {
        let reaches = |range: &String| self.egress.iter().any(|egress| covers(egress, range));
        let ranges = ranges.iter().filter(|range| !reaches(range));
        ranges.cloned().collect()
    }
}

/// Whether one IPv4 range holds all of another. What is no range covers nothing but itself.
fn covers(range: &str, other: &str) -> bool {
    match (bits(range), bits(other)) {
        (Some((first, length)), Some((other, other_length))) => {
            let behind = ADDRESS_BITS - length;
            length <= other_length && first >> behind == other >> behind
        }
        _ => range == other,
    }
}

/// Bits of an IPv4 address.
const ADDRESS_BITS: u32 = 32;

/// The first address of a range, and the length of its prefix.
fn bits(range: &str) -> Option<(u64, u32)> {
    let (address, length) = range.split_once('/')?;
    let address: Ipv4Addr = address.parse().ok()?;
    let length = length
        .parse()
        .ok()
        .filter(|length| *length <= ADDRESS_BITS)?;
    // In 64 bits all 32 can be shifted out.
    Some((u64::from(u32::from(address)), length))
}

/// What has to be let in, and what no longer: rules of `source` on other ports.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngressChange {
    /// Missing rules.
    pub authorize: Vec<IngressRule>,
    /// Rules of ours that are no longer wanted.
    pub revoke: Vec<IngressRule>,
}

/// Compares the rules of one source: those wanted on `ports` with those observed.
#[must_use]
pub fn diff(observed: &ObservedSecurityGroup, source: &Source, ports: &[u16]) -> IngressChange {
    let wanted = |rule: &IngressRule| ports.contains(&rule.port);
    let present: Vec<&IngressRule> = observed
        .ingress
        .iter()
        .filter(|rule| rule.source == *source)
        .collect();
    IngressChange {
        authorize: ports
            .iter()
            .filter(|port| !present.iter().any(|rule| rule.port == **port))
            .map(|port| IngressRule {
                port: *port,
                source: source.clone(),
            })
            .collect(),
        revoke: present
            .into_iter()
            .filter(|rule| !wanted(rule))
            .cloned()
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out_of_reach(egress: &[&str], range: &str) -> bool {
        let group = ObservedSecurityGroup {
            id: "sg-1".to_owned(),
            name: "express-1".to_owned(),
            tags: Tags::new(),
            ingress: Vec::new(),
            has_default_egress: false,
            egress: egress.iter().map(|range| (*range).to_owned()).collect(),
        };
        let found = group.out_of_reach(&[range.to_owned()]);
        assert!(found.is_empty() || found == [range]);
        !found.is_empty()
    }

    #[test]
    fn a_range_is_in_reach_when_one_rule_holds_all_of_it() {
        for egress in ["10.1.0.0/16", "10.1.2.0/24", "10.0.0.0/8", "0.0.0.0/0"] {
            assert!(!out_of_reach(&[egress], "10.1.2.0/24"), "{egress}");
            assert!(!out_of_reach(&["10.9.0.0/16", egress], "10.1.2.0/24"));
        }
        for egress in ["10.1.2.0/25", "10.1.3.0/24", "10.2.0.0/16", "11.0.0.0/8"] {
            assert!(out_of_reach(&[egress], "10.1.2.0/24"), "{egress}");
        }
        assert!(out_of_reach(&[], "10.1.2.0/24"));
        assert!(!out_of_reach(&["10.1.2.3/32"], "10.1.2.3/32"));
        assert!(out_of_reach(&["10.1.2.3/32"], "10.1.2.4/32"));
    }

    #[test]
    fn what_is_no_range_reaches_nothing_else() {
        for egress in ["10.0.0.0/33", "10.0.0/8", "::/0", "pl-1"] {
            assert!(out_of_reach(&[egress], "10.1.2.0/24"), "{egress}");
            assert!(!out_of_reach(&[egress], egress));
        }
    }
}
