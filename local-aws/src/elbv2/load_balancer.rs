//! Application Load Balancers. Where they stand in the network is in `network.rs`.
//!
//! Identity: the name is unique in account and region. CreateLoadBalancer with the settings of the one
//! that exists, tags included, answers with it; with other settings it is refused.
//! Delete removes listeners and rules, leaves target groups, and succeeds when there is nothing to delete.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html>

use serde_json::{Value, json};

use super::attribute::{self, Attributes};
use super::health::{self, Due};
use super::network::{self, EnabledZone};
use super::tag::{self, Tags};
use super::{State, listener, page, quota};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal, timestamp};

/// Simulated time from Create to `active`. AWS gives no figure; two to three minutes are usual.
pub(super) const PROVISIONING_MS: u64 = 120_000;

/// A load balancer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadBalancer {
    /// `…:loadbalancer/app/<name>/<id>`
    pub arn: String,
    /// Unique.
    pub name: String,
    /// The name that clients resolve.
    pub dns_name: String,
    /// Of the region, for alias records.
    pub hosted_zone_id: &'static str,
    /// Milliseconds since the epoch.
    pub created_ms: u64,
    /// Who can reach it.
    pub scheme: Scheme,
    /// Of its subnets.
    pub vpc_id: String,
    /// Whether it serves yet.
    pub state: LoadBalancerState,
    /// One for each of its subnets.
    pub zones: Vec<EnabledZone>,
    /// Security groups of its interfaces.
    pub group_ids: Vec<String>,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
}

/// Who can reach a load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// Everybody.
    InternetFacing,
    /// Those in the VPC.
    Internal,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::InternetFacing => "internet-facing",
            Self::Internal => "internal",
        }
    }
}

/// Whether a load balancer serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancerState {
    /// Not yet.
    Provisioning,
    /// It does.
    Active,
}

impl LoadBalancerState {
    const fn name(self) -> &'static str {
        match self {
            Self::Provisioning => "provisioning",
            Self::Active => "active",
        }
    }
}

impl LoadBalancer {
    /// How its network interfaces are described.
    pub(super) fn interface_description(&self) -> String {
        let (_, path) = self.arn.split_once(":loadbalancer/").unwrap_or_default();
        format!("ELB {path}")
    }

    fn describe(&self) -> Value {
        json!({
            "LoadBalancerArn": self.arn,
            "DNSName": self.dns_name,
            "CanonicalHostedZoneId": self.hosted_zone_id,
            "CreatedTime": timestamp(self.created_ms),
            "LoadBalancerName": self.name,
            "Scheme": self.scheme.name(),
            "VpcId": self.vpc_id,
            "State": {"Code": self.state.name()},
            "Type": "application",
            "AvailabilityZones": network::describe_zones(&self.zones),
            "SecurityGroups": self.group_ids,
            "IpAddressType": "ipv4",
        })
    }
}

/// The refusal for a load balancer that does not exist.
pub(super) fn not_found(name: &str) -> Refusal {
    Refusal::client(
        "LoadBalancerNotFound",
        format!("Load balancer '{name}' not found"),
    )
}

/// The load balancer that a request names.
pub(super) fn named<'s>(state: &'s State, arn: &str) -> Result<&'s LoadBalancer, Refusal> {
    state.load_balancers.get(arn).ok_or_else(|| not_found(arn))
}

/// What a Create asks for.
struct Wanted {
    name: String,
    scheme: Scheme,
    placement: network::Placement,
    tags: Tags,
}

impl Wanted {
    fn parse(cloud: &Cloud, input: Input<'_>) -> Result<Self, Refusal> {
        input.only(&[
            "Name",
            "Subnets",
            "SecurityGroups",
            "Scheme",
            "Tags",
            "Type",
            "IpAddressType",
        ])?;
        let name = super::check_name("Load balancer", input.required("Name")?)?;
        if name.starts_with("internal-") {
            return Err(super::invalid(
                "Load balancer name cannot begin with 'internal-'",
            ));
        }
        for (member, only) in [("Type", "application"), ("IpAddressType", "ipv4")] {
            if let Some(other) = input.text(member).filter(|value| *value != only) {
                return Err(super::unsupported_value(member, other));
            }
        }
        let scheme = match input.text("Scheme").unwrap_or("internet-facing") {
            "internet-facing" => Scheme::InternetFacing,
            "internal" => Scheme::Internal,
            other => return Err(super::invalid(format!("Scheme '{other}' is not valid"))),
        };
        Ok(Self {
            name: name.to_owned(),
            scheme,
            placement: network::Placement::parse(cloud, input, scheme)?,
            tags: tag::parse(input)?,
        })
    }

    /// That tags count is seen in practice, where another tag gives this error.
    fn is_settings_of(&self, known: &LoadBalancer) -> bool {
        self.scheme == known.scheme && self.tags == known.tags && self.placement.is_that_of(known)
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let wanted = Wanted::parse(cloud, input)?;
    let balancers = &cloud.elbv2.load_balancers;
    if let Some(known) = balancers.values().find(|known| known.name == wanted.name) {
        if wanted.is_settings_of(known) {
            return Ok(json!({"LoadBalancers": [known.describe()]}));
        }
        return Err(Refusal::client(
            "DuplicateLoadBalancerName",
            format!(
                "A load balancer with the same name '{}' exists, but with different settings",
                wanted.name
            ),
        ));
    }
    if balancers.len() >= quota::LOAD_BALANCERS_MAX {
        return Err(Refusal::client(
            "TooManyLoadBalancers",
            "The maximum number of load balancers has been reached",
        ));
    }
    wanted.placement.check_room(cloud)?;
    let id = cloud.random.hex(16);
    let name = wanted.name;
    let mut balancer = LoadBalancer {
        arn: cloud.account.arn(
            "elasticloadbalancing",
            &format!("loadbalancer/app/{name}/{id}"),
        ),
        dns_name: network::dns_name(cloud, &name, wanted.scheme),
        hosted_zone_id: network::hosted_zone_id(&cloud.account.region),
        name,
        created_ms: cloud.now_ms,
        scheme: wanted.scheme,
        vpc_id: wanted.placement.vpc_id.clone(),
        state: LoadBalancerState::Provisioning,
        zones: Vec::new(),
        group_ids: wanted.placement.group_ids.clone(),
        attributes: attribute::LOAD_BALANCER.defaults(),
        tags: wanted.tags,
    };
    for subnet_id in &wanted.placement.subnet_ids {
        let zone = network::enable(cloud, &balancer, subnet_id)?;
        balancer.zones.push(zone);
    }
    let output = json!({"LoadBalancers": [balancer.describe()]});
    let due = Due::Active(balancer.arn.clone());
    cloud.elbv2.agenda.add(cloud.now_ms + PROVISIONING_MS, due);
    cloud
        .elbv2
        .load_balancers
        .insert(balancer.arn.clone(), balancer);
    Ok(output)
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArns", "Names", "Marker", "PageSize"])?;
    let balancers = &cloud.elbv2.load_balancers;
    let (arns, names) = (input.texts("LoadBalancerArns"), input.texts("Names"));
    if !arns.is_empty() && !names.is_empty() {
        return Err(super::invalid(
            "Load balancer names and load balancer ARNs cannot be specified at the same time",
        ));
    }
    let unknown_arn = arns.iter().find(|arn| !balancers.contains_key(**arn));
    let unknown_name = names
        .iter()
        .find(|name| balancers.values().all(|known| known.name != **name));
    if let Some(unknown) = unknown_arn.or(unknown_name) {
        return Err(not_found(unknown));
    }
    let selected: Vec<&LoadBalancer> = balancers
        .values()
        .filter(|known| {
            let is_all = arns.is_empty() && names.is_empty();
            is_all || arns.contains(&known.arn.as_str()) || names.contains(&known.name.as_str())
        })
        .collect();
    let (balancers, next) = page::of(selected, |balancer| balancer.arn.clone(), input)?;
    let described: Vec<Value> = balancers.into_iter().map(LoadBalancer::describe).collect();
    Ok(json!({"LoadBalancers": described, "NextMarker": next}))
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArn"])?;
    let arn = input.required("LoadBalancerArn")?;
    let Some(balancer) = cloud.elbv2.load_balancers.get(arn) else {
        return Ok(json!({}));
    };
    let protection = balancer.attributes.get(attribute::DELETION_PROTECTION);
    if protection.is_some_and(|value| value == "true") {
        return Err(Refusal::client(
            "OperationNotPermitted",
            format!(
                "Load balancer '{arn}' cannot be deleted because deletion protection is enabled"
            ),
        ));
    }
    let interfaces: Vec<String> = balancer
        .zones
        .iter()
        .map(|zone| zone.interface_id.clone())
        .collect();
    let listeners: Vec<String> = listener::of_load_balancer(&cloud.elbv2, arn)
        .map(|listener| listener.arn.clone())
        .collect();
    for listener_arn in listeners {
        listener::take(cloud, &listener_arn);
    }
    network::release_later(cloud, interfaces);
    crate::wafv2::release(cloud, arn);
    cloud.elbv2.load_balancers.remove(arn);
    Ok(json!({}))
}

pub(super) fn modify_attributes(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArn", "Attributes"])?;
    let arn = input.required("LoadBalancerArn")?;
    named(&cloud.elbv2, arn)?;
    let given = attribute::LOAD_BALANCER.parse(input)?;
    let balancer = cloud.elbv2.load_balancers.get_mut(arn);
    let balancer = balancer.ok_or_else(|| not_found(arn))?;
    balancer.attributes.extend(given);
    Ok(attribute::describe(&balancer.attributes))
}

pub(super) fn describe_attributes(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArn"])?;
    let balancer = named(&cloud.elbv2, input.required("LoadBalancerArn")?)?;
    Ok(attribute::describe(&balancer.attributes))
}

/// A load balancer begins to serve: the targets that wait for it are checked from now on.
pub(super) fn become_active(cloud: &mut Cloud, arn: &str) {
    if let Some(balancer) = cloud.elbv2.load_balancers.get_mut(arn) {
        balancer.state = LoadBalancerState::Active;
        health::load_balancer_changed(cloud, arn);
    }
}
