//! Security groups: one of the service, which admits its load balancer on the container port, and one
//! of the load balancer, which admits clients and may reach the whole VPC.
//!
//! Identity: name and VPC. Nothing per service is written on the load balancer's group: 25 services
//! would share its 60 rules (R26). The service's group may carry rules of the user; only rules whose
//! source is our load balancer's group are ours.
//! Delete after every interface and every other group's rule that uses it (`DependencyViolation`).
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>

use super::Tags;

/// A security group that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroupSpec {
    /// Unique in the VPC.
    pub name: String,
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
    /// Whether it lets anything in at all, people's rules of any form included.
    pub has_ingress: bool,
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
