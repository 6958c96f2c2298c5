//! Where a load balancer stands: subnets, security groups, network interfaces, names.
//!
//! It has one network interface in each of its subnets. When it goes, or leaves a subnet, the interface
//! stays for minutes and keeps security group and subnet from deletion.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::health::{self, Due};
use super::load_balancer::{self, LoadBalancer, Scheme};
use crate::cloud::{Cloud, Outcome};
use crate::ec2;
use crate::wire::{Input, Refusal};

/// Free addresses that a subnet needs when a load balancer comes into it, and the longest prefix.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>
const FREE_ADDRESSES_MIN: u64 = 8;
const PREFIX_MAX: u8 = 27;

/// Simulated time that an interface outlives its use. AWS gives no figure; minutes are usual, and
/// DeleteSecurityGroup is refused meanwhile.
pub(super) const INTERFACE_RELEASE_MS: u64 = 180_000;

/// A zone that a load balancer has a subnet in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnabledZone {
    /// The zone's name.
    pub zone: String,
    /// The subnet.
    pub subnet_id: String,
    /// The load balancer's interface there.
    pub interface_id: String,
}

/// `AvailabilityZones` of an answer.
pub(super) fn describe_zones(zones: &[EnabledZone]) -> Value {
    zones
        .iter()
        .map(|zone| {
            json!({
                "ZoneName": zone.zone,
                "SubnetId": zone.subnet_id,
                "LoadBalancerAddresses": [],
            })
        })
        .collect()
}

/// Subnets and security groups that a Create asks for, checked.
#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub vpc_id: String,
    pub subnet_ids: Vec<String>,
    pub group_ids: Vec<String>,
}

impl Placement {
    /// Without `SecurityGroups` it is the VPC's default group.
    pub(super) fn parse(cloud: &Cloud, input: Input<'_>, scheme: Scheme) -> Result<Self, Refusal> {
        let subnets = parse_subnets(cloud, input)?;
        let [first, ..] = subnets.as_slice() else {
            return Err(too_few_zones());
        };
        let vpc_id = first.vpc_id.clone();
        let mut gateways = cloud.ec2.internet_gateways.values();
        let has_gateway = gateways.any(|gateway| gateway.vpc_id.as_ref() == Some(&vpc_id));
        if scheme == Scheme::InternetFacing && !has_gateway {
            return Err(Refusal::client(
                "InvalidSubnet",
                format!("VPC {vpc_id} has no internet gateway"),
            ));
        }
        let mut group_ids = parse_groups(cloud, input, &vpc_id)?;
        if group_ids.is_empty() {
            let mut groups = cloud.ec2.security_groups.values();
            let default = groups.find(|group| group.vpc_id == vpc_id && group.name == "default");
            group_ids.extend(default.map(|group| group.id.clone()));
        }
        Ok(Self {
            subnet_ids: subnets.iter().map(|subnet| subnet.id.clone()).collect(),
            vpc_id,
            group_ids,
        })
    }

    /// Whether a load balancer already stands so; order does not matter.
    pub(super) fn is_that_of(&self, known: &LoadBalancer) -> bool {
        let subnets: BTreeSet<&String> = self.subnet_ids.iter().collect();
        let groups: BTreeSet<&String> = self.group_ids.iter().collect();
        subnets == known.zones.iter().map(|zone| &zone.subnet_id).collect()
            && groups == known.group_ids.iter().collect()
    }

    /// Whether every subnet has room for a new load balancer.
    pub(super) fn check_room(&self, cloud: &Cloud) -> Result<(), Refusal> {
        let mut subnet_ids = self.subnet_ids.iter();
        subnet_ids.try_for_each(|subnet_id| check_room(cloud, subnet_id))
    }
}

fn check_room(cloud: &Cloud, subnet_id: &str) -> Result<(), Refusal> {
    let has_room = ec2::subnet(cloud, subnet_id).is_some_and(|subnet| {
        subnet.cidr.prefix() <= PREFIX_MAX && subnet.free_addresses() >= FREE_ADDRESSES_MIN
    });
    if has_room {
        return Ok(());
    }
    Err(Refusal::client(
        "InvalidSubnet",
        format!(
            "Not enough IP space available in {subnet_id}. ELB requires at least \
             {FREE_ADDRESSES_MIN} free IP addresses in each subnet."
        ),
    ))
}

fn too_few_zones() -> Refusal {
    super::invalid("At least two subnets in two different Availability Zones must be specified")
}

fn invalid_configuration(problem: impl Into<String>) -> Refusal {
    Refusal::client("InvalidConfigurationRequest", problem)
}

/// One subnet for each of at least two zones, all of one VPC.
fn parse_subnets<'c>(cloud: &'c Cloud, input: Input<'_>) -> Result<Vec<&'c ec2::Subnet>, Refusal> {
    let mut subnets: Vec<&ec2::Subnet> = Vec::new();
    for id in input.texts("Subnets") {
        let subnet = ec2::subnet(cloud, id).ok_or_else(|| {
            Refusal::client(
                "SubnetNotFound",
                format!("The subnet ID '{id}' is not valid"),
            )
        })?;
        if subnets.iter().any(|known| known.vpc_id != subnet.vpc_id) {
            return Err(invalid_configuration(
                "All subnets must belong to the same VPC",
            ));
        }
        if subnets.iter().any(|known| known.zone == subnet.zone) {
            return Err(invalid_configuration(
                "A load balancer cannot be attached to multiple subnets in the same Availability \
                 Zone",
            ));
        }
        subnets.push(subnet);
    }
    if subnets.len() < 2 {
        return Err(too_few_zones());
    }
    Ok(subnets)
}

fn parse_groups(cloud: &Cloud, input: Input<'_>, vpc_id: &str) -> Result<Vec<String>, Refusal> {
    let mut group_ids: Vec<String> = Vec::new();
    for id in input.texts("SecurityGroups") {
        let group = ec2::security_group(cloud, id).ok_or_else(|| {
            Refusal::client(
                "InvalidSecurityGroup",
                format!("One or more security groups are invalid: {id}"),
            )
        })?;
        if group.vpc_id != vpc_id {
            return Err(invalid_configuration(format!(
                "Security group '{id}' does not belong to VPC '{vpc_id}'"
            )));
        }
        if !group_ids.contains(&group.id) {
            group_ids.push(group.id.clone());
        }
    }
    if group_ids.len() > ec2::GROUPS_PER_INTERFACE_MAX {
        return Err(invalid_configuration(format!(
            "A load balancer can have at most {} security groups",
            ec2::GROUPS_PER_INTERFACE_MAX
        )));
    }
    Ok(group_ids)
}

/// Gives the load balancer an interface in a subnet.
pub(super) fn enable(
    cloud: &mut Cloud,
    balancer: &LoadBalancer,
    subnet_id: &str,
) -> Result<EnabledZone, Refusal> {
    let description = balancer.interface_description();
    let groups = &balancer.group_ids;
    let interface = ec2::create_network_interface(cloud, subnet_id, groups, &description)?;
    Ok(EnabledZone {
        zone: interface.zone,
        subnet_id: subnet_id.to_owned(),
        interface_id: interface.id,
    })
}

/// Lets interfaces go after their time.
pub(super) fn release_later(cloud: &mut Cloud, interface_ids: Vec<String>) {
    let due_ms = cloud.now_ms + INTERFACE_RELEASE_MS;
    for interface_id in interface_ids {
        let due = Due::Released(interface_id);
        cloud.elbv2.agenda.add(due_ms, due);
    }
}

/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSubnets.html>
pub(super) fn set_subnets(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArn", "Subnets", "IpAddressType"])?;
    if let Some(other) = input.text("IpAddressType").filter(|value| *value != "ipv4") {
        return Err(super::unsupported_value("IpAddressType", other));
    }
    let arn = input.required("LoadBalancerArn")?;
    let balancer = load_balancer::named(&cloud.elbv2, arn)?.clone();
    let subnets = parse_subnets(cloud, input)?;
    if subnets
        .iter()
        .any(|subnet| subnet.vpc_id != balancer.vpc_id)
    {
        return Err(Refusal::client(
            "InvalidSubnet",
            format!("The subnets must belong to VPC '{}'", balancer.vpc_id),
        ));
    }
    let wanted: Vec<String> = subnets.iter().map(|subnet| subnet.id.clone()).collect();
    let (mut zones, left): (Vec<EnabledZone>, Vec<EnabledZone>) = balancer
        .zones
        .iter()
        .cloned()
        .partition(|zone| wanted.contains(&zone.subnet_id));
    let new: Vec<&String> = wanted
        .iter()
        .filter(|id| zones.iter().all(|zone| zone.subnet_id != **id))
        .collect();
    for subnet_id in &new {
        check_room(cloud, subnet_id)?;
    }
    for subnet_id in new {
        zones.push(enable(cloud, &balancer, subnet_id)?);
    }
    let left = left.into_iter().map(|zone| zone.interface_id).collect();
    release_later(cloud, left);
    let output = json!({"AvailabilityZones": describe_zones(&zones), "IpAddressType": "ipv4"});
    if let Some(balancer) = cloud.elbv2.load_balancers.get_mut(arn) {
        balancer.zones = zones;
    }
    health::load_balancer_changed(cloud, arn);
    Ok(output)
}

/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_SetSecurityGroups.html>
pub(super) fn set_security_groups(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["LoadBalancerArn", "SecurityGroups"])?;
    let arn = input.required("LoadBalancerArn")?;
    let balancer = load_balancer::named(&cloud.elbv2, arn)?;
    let zones = balancer.zones.clone();
    let group_ids = parse_groups(cloud, input, &balancer.vpc_id)?;
    if group_ids.is_empty() {
        return Err(super::invalid(
            "At least one security group must be specified",
        ));
    }
    for zone in &zones {
        ec2::set_security_groups(cloud, &zone.interface_id, &group_ids);
    }
    if let Some(balancer) = cloud.elbv2.load_balancers.get_mut(arn) {
        balancer.group_ids.clone_from(&group_ids);
    }
    Ok(json!({"SecurityGroupIds": group_ids}))
}

/// `<name>-<digits>.<region>.elb.amazonaws.com`, with `internal-` before an internal one's.
pub(super) fn dns_name(cloud: &mut Cloud, name: &str, scheme: Scheme) -> String {
    let digits = 1_000_000_000 + cloud.random.below(9_000_000_000);
    let prefix = match scheme {
        Scheme::InternetFacing => "",
        Scheme::Internal => "internal-",
    };
    let suffix = match cloud.account.partition.as_str() {
        "aws-cn" => "amazonaws.com.cn",
        _ => "amazonaws.com",
    };
    let region = &cloud.account.region;
    format!("{prefix}{name}-{digits}.{region}.elb.{suffix}")
}

/// The hosted zone of a region's Application Load Balancers.
/// AWS: <https://docs.aws.amazon.com/general/latest/gr/elb.html>
pub(super) fn hosted_zone_id(region: &str) -> &'static str {
    match region {
        "us-east-1" => "Z35SXDOTRQ7X7K",
        "us-east-2" => "Z3AADJGX6KTTL2",
        "us-west-1" => "Z368ELLRRE2KJ0",
        "us-west-2" => "Z1H1FL5HABSF5",
        "ca-central-1" => "ZQSVJUPU6J1EY",
        "eu-central-1" => "Z215JYRZR1TBD5",
        "eu-west-1" => "Z32O12XQLNTSW2",
        "eu-west-2" => "ZHURV8PSTC4K8",
        "eu-west-3" => "Z3Q77PNBQS71R4",
        "eu-north-1" => "Z23TAZ6LKFMNIO",
        "ap-northeast-1" => "Z14GRHDCWA56QT",
        "ap-northeast-2" => "ZWKZPGTI48KDX",
        "ap-south-1" => "ZP97RAFLXTNZK",
        "ap-southeast-1" => "Z1LMS91P8CMLE5",
        "ap-southeast-2" => "Z1GM3OXH4ZPM65",
        "sa-east-1" => "Z2P70J7HTTTPLU",
        // Of AWS's form; nothing depends on the value but that it is always the same.
        _ => "Z00000000000LOCAL0000",
    }
}
