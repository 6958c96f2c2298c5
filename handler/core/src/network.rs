//! Where tasks and load balancers go: subnets, their zones, and their routes to the internet.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use provider_schema::{Properties, Scheme};
use serde::{Deserialize, Serialize};

use crate::plan::PlanError;

/// Free addresses that a subnet of a load balancer must have.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#subnets-load-balancer>
pub const FREE_ADDRESSES_MIN: u32 = 8;
/// The longest prefix of the range of a subnet of a load balancer; the same page.
pub const PREFIX_MAX: u32 = 27;
/// Zones that a load balancer must span.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html#availability-zones>
pub const ZONES_MIN: usize = 2;

/// A subnet, as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// `vpc-…`
    pub vpc_id: String,
    /// `eu-west-1a`
    pub zone: String,
    /// Its IPv4 range; none when it has IPv6 only.
    pub range: Option<String>,
    /// Addresses left.
    pub free_addresses: u32,
}

impl Subnet {
    /// Whether ELB puts a new load balancer there.
    fn has_room(&self) -> bool {
        let range = self.range.as_deref();
        let prefix = range.and_then(|range| range.split_once('/')?.1.parse::<u32>().ok());
        self.free_addresses >= FREE_ADDRESSES_MIN
            && prefix.is_none_or(|prefix| prefix <= PREFIX_MAX)
    }
}

/// A route table, as EC2 describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// Whether it is that of all subnets without one of their own.
    pub is_main: bool,
    /// The subnets that have it as their own.
    pub subnet_ids: Vec<String>,
    /// Whether it has an active default route to an internet gateway.
    pub leads_to_internet_gateway: bool,
}

/// What EC2 says of the VPC that a request is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VpcFacts {
    /// The subnets that the properties name; the default ones when they name none.
    pub task_subnets: Vec<Subnet>,
    /// All subnets of that VPC; empty until they are needed.
    pub all_subnets: Vec<Subnet>,
    /// All route tables of that VPC.
    pub route_tables: Vec<RouteTable>,
}

/// Where one service's tasks are, and what its load balancer must reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    /// The VPC of all subnets.
    pub vpc_id: String,
    /// Of the load balancer.
    pub scheme: Scheme,
    /// Of the tasks, sorted.
    pub subnet_ids: Vec<String>,
    /// The IPv4 ranges of those.
    pub ranges: Vec<String>,
    /// Whether tasks need public addresses: their subnets reach the internet by themselves.
    pub assign_public_ip: bool,
    /// For each zone of the tasks, and at least two: the subnet that a load balancer opened by this
    /// service takes there.
    pub ingress_subnets: BTreeMap<String, String>,
    /// What counts of the routes of the tasks' subnets.
    pub reach: Reach,
}

/// What the routes of a service's subnets said when it came into them. For as long as the properties say the same that goes
/// on counting, whatever became of the routes: they change for other reasons, such as a firewall in between, and nobody
/// who only changes an image asks for another load balancer, or for tasks without their addresses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reach {
    /// `Subnets`, sorted; empty for the default ones.
    pub subnets: Vec<String>,
    /// `Scheme`
    pub scheme: Option<Scheme>,
    /// Whether each has a route to an internet gateway.
    pub all_public: bool,
    /// Whether any has.
    pub any_public: bool,
}

impl Reach {
    /// As it is `known` of the same properties, else as it is.
    fn or_known<'a>(&'a self, known: &'a [Self]) -> &'a Self {
        let mut known = known.iter();
        known.find(|known| known.is_of_same(self)).unwrap_or(self)
    }

    fn by_routes(properties: &Properties, facts: &VpcFacts) -> Self {
        let mut subnets = properties.network_configuration.subnets.clone();
        subnets.sort();
        let task_subnets = facts.task_subnets.iter();
        let mut public = task_subnets.map(|subnet| is_public(facts, &subnet.id));
        Self {
            subnets,
            scheme: properties.load_balancer.scheme,
            all_public: public.clone().all(|public| public),
            any_public: public.any(|public| public),
        }
    }

    /// Whether both are of the same properties.
    #[must_use]
    pub fn is_of_same(&self, other: &Self) -> bool {
        self.subnets == other.subnets && self.scheme == other.scheme
    }

    /// None when the subnets are of both kinds.
    const fn kind(&self) -> Option<Scheme> {
        match (self.all_public, self.any_public) {
            (true, _) => Some(Scheme::InternetFacing),
            (false, false) => Some(Scheme::Internal),
            (false, true) => None,
        }
    }
}

/// Whether the subnets that are known are enough, or those of the whole VPC are needed: when the
/// load balancer cannot be in the tasks' own subnets.
#[must_use]
pub fn needs_all_subnets(properties: &Properties, facts: &VpcFacts, known: &[Reach]) -> bool {
    let now = Reach::by_routes(properties, facts);
    let reach = now.or_known(known);
    let Some(scheme) = reach.scheme.or_else(|| reach.kind()) else {
        return false;
    };
    let wanted_public = wants_public(scheme);
    facts.all_subnets.is_empty()
        && facts
            .task_subnets
            .iter()
            .any(|subnet| is_public(facts, &subnet.id) != wanted_public)
}

/// Resolves the network of a service; `known` is what was found of its subnets before.
///
/// # Errors
/// When the subnets do not exist, are of several VPCs, in fewer than two zones, of mixed kinds
/// without a `Scheme`, or when the VPC has too few subnets of the scheme's kind.
pub fn resolve(
    properties: &Properties,
    facts: &VpcFacts,
    known: &[Reach],
) -> Result<Network, PlanError> {
    let asked = &properties.network_configuration.subnets;
    let vpc_id = the_vpc(asked, &facts.task_subnets)?;
    refuse_without_ipv4(&facts.task_subnets)?;
    let zones: BTreeSet<&str> = facts
        .task_subnets
        .iter()
        .map(|subnet| subnet.zone.as_str())
        .collect();
    if zones.len() < ZONES_MIN {
        return Err(PlanError::TooFewZones {
            zones: zones.into_iter().map(str::to_owned).collect(),
        });
    }
    let now = Reach::by_routes(properties, facts);
    let reach = now.or_known(known);
    let scheme = reach.scheme.or_else(|| reach.kind());
    let scheme = scheme.ok_or(PlanError::MixedSubnets)?;
    let mut subnet_ids: Vec<String> = facts
        .task_subnets
        .iter()
        .map(|subnet| subnet.id.clone())
        .collect();
    subnet_ids.sort();
    let task_subnets = facts.task_subnets.iter();
    Ok(Network {
        ranges: task_subnets
            .filter_map(|subnet| subnet.range.clone())
            .collect(),
        ingress_subnets: ingress_subnets(scheme, &zones, facts, reach)?,
        vpc_id,
        scheme,
        subnet_ids,
        // They are never taken from tasks that came with them, and given to those that have no other way out now.
        assign_public_ip: reach.all_public || now.all_public,
        reach: reach.clone(),
    })
}

fn the_vpc(asked: &[String], found: &[Subnet]) -> Result<String, PlanError> {
    let Some(first) = found.first() else {
        return Err(if asked.is_empty() {
            PlanError::NoDefaultVpc
        } else {
            PlanError::SubnetsNotFound {
                subnet_ids: asked.to_vec(),
            }
        });
    };
    let missing: Vec<String> = asked
        .iter()
        .filter(|id| !found.iter().any(|subnet| subnet.id == **id))
        .cloned()
        .collect();
    if !missing.is_empty() {
        return Err(PlanError::SubnetsNotFound {
            subnet_ids: missing,
        });
    }
    match found.iter().find(|subnet| subnet.vpc_id != first.vpc_id) {
        Some(other) => Err(PlanError::SubnetsOfSeveralVpcs {
            first: (first.id.clone(), first.vpc_id.clone()),
            second: (other.id.clone(), other.vpc_id.clone()),
        }),
        None => Ok(first.vpc_id.clone()),
    }
}

/// The provider's load balancers and target groups are of IPv4.
fn refuse_without_ipv4(subnets: &[Subnet]) -> Result<(), PlanError> {
    let without = subnets.iter().filter(|subnet| subnet.range.is_none());
    let subnet_ids: Vec<String> = without.map(|subnet| subnet.id.clone()).collect();
    if subnet_ids.is_empty() {
        return Ok(());
    }
    Err(PlanError::SubnetsWithoutIpv4 { subnet_ids })
}

/// One subnet per zone of the tasks, of the scheme's kind: the tasks' own where they are of that kind, else the lowest id
/// with enough free addresses. Where the VPC has none, the tasks' own if they were of that kind when the service came.
fn ingress_subnets(
    scheme: Scheme,
    zones: &BTreeSet<&str>,
    facts: &VpcFacts,
    reach: &Reach,
) -> Result<BTreeMap<String, String>, PlanError> {
    let own = |subnet: &Subnet| facts.task_subnets.iter().any(|task| task.id == subnet.id);
    let is_fit = |subnet: &Subnet| is_public(facts, &subnet.id) == wants_public(scheme);
    let was_fit = |subnet: &Subnet| own(subnet) && reach.kind() == Some(scheme);
    let mut candidates: Vec<&Subnet> = facts
        .task_subnets
        .iter()
        .chain(&facts.all_subnets)
        .filter(|subnet| subnet.range.is_some())
        .filter(|subnet| is_fit(subnet) || was_fit(subnet))
        .collect();
    // The tasks' own first, then by id; those with too few addresses only where nothing else is.
    candidates.sort_by_key(|subnet| {
        (
            !is_fit(subnet),
            !subnet.has_room(),
            !own(subnet),
            subnet.id.clone(),
        )
    });
    candidates.retain(|subnet| zones.contains(subnet.zone.as_str()));
    let mut chosen: BTreeMap<String, String> = BTreeMap::new();
    for subnet in candidates {
        chosen
            .entry(subnet.zone.clone())
            .or_insert_with(|| subnet.id.clone());
    }
    let uncovered: Vec<String> = zones
        .iter()
        .filter(|zone| !chosen.contains_key(**zone))
        .map(|zone| (*zone).to_owned())
        .collect();
    if !uncovered.is_empty() {
        return Err(PlanError::NoIngressSubnets {
            scheme: scheme_name(scheme),
            zones: uncovered,
        });
    }
    Ok(chosen)
}

/// The subnets that a load balancer is to have: those that are `held`, where they are still there, in their zone, of the
/// scheme's kind and have room for it, or are `named` too; what is named in the place of others. One that is of no use
/// and has no replacement is left out: whoever needs its zone extends the load balancer, and whoever has asked for it in
/// vain is in nobody's way.
#[must_use]
pub fn usable_subnets(
    scheme: Scheme,
    held: &BTreeMap<String, String>,
    named: &BTreeMap<String, String>,
    facts: &VpcFacts,
) -> BTreeMap<String, String> {
    let is_usable = |zone: &str, id: &str| {
        facts.all_subnets.iter().any(|subnet| {
            subnet.id == id
                && subnet.zone == zone
                && subnet.has_room()
                && is_public(facts, id) == wants_public(scheme)
        })
    };
    let kept: BTreeMap<String, String> = held
        .iter()
        .filter(|(zone, id)| named.get(*zone) == Some(*id) || is_usable(zone, id))
        .map(|(zone, id)| (zone.clone(), id.clone()))
        .collect();
    if kept.len() == held.len() {
        return kept;
    }
    let mut usable = named.clone();
    usable.extend(kept);
    usable
}

const fn wants_public(scheme: Scheme) -> bool {
    match scheme {
        Scheme::InternetFacing => true,
        Scheme::Internal => false,
    }
}

fn is_public(facts: &VpcFacts, subnet_id: &str) -> bool {
    let own = facts
        .route_tables
        .iter()
        .find(|table| table.subnet_ids.iter().any(|id| id == subnet_id));
    own.or_else(|| facts.route_tables.iter().find(|table| table.is_main))
        .is_some_and(|table| table.leads_to_internet_gateway)
}

/// ELB's word for a scheme.
#[must_use]
pub const fn scheme_name(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::InternetFacing => "internet-facing",
        Scheme::Internal => "internal",
    }
}
