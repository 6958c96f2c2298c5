//! Subnets and their addresses.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSubnet.html>

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::describe::{Described, tag_set};
use super::tag::{self, Tags};
use super::{vpc, zone};
use crate::cloud::{Cloud, Outcome};
use crate::random::Random;
use crate::wire::{Input, Refusal};

/// Addresses at the start of every subnet that AWS keeps: network, router, DNS, future use.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html>
const RESERVED_FIRST: u64 = 4;
/// And the broadcast address at its end.
const RESERVED_LAST: u64 = 1;

/// Subnets of one VPC at most.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const SUBNETS_MAX: usize = 200;

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// `subnet-…`
    pub id: String,
    /// The VPC it lies in.
    pub vpc_id: String,
    /// The name of its Availability Zone.
    pub zone: String,
    /// Its block.
    pub cidr: Cidr,
    /// Whether it is the default subnet of its zone.
    pub is_default_for_zone: bool,
    /// Whether instances get a public address by default.
    pub map_public_ip: bool,
    /// Offsets of the addresses in use.
    pub(super) taken: BTreeSet<u64>,
    pub(super) tags: Tags,
}

impl Subnet {
    /// How many addresses are free: AWS keeps five of every subnet.
    #[must_use]
    pub fn free_addresses(&self) -> u64 {
        let taken = u64::try_from(self.taken.len()).unwrap_or(u64::MAX);
        self.usable().saturating_sub(taken)
    }

    fn usable(&self) -> u64 {
        self.cidr
            .size()
            .saturating_sub(RESERVED_FIRST + RESERVED_LAST)
    }

    /// Takes a free address. Like AWS's choice it follows no order, so that an address that was just
    /// given back is seldom the next.
    pub(super) fn take_address(&mut self, random: &mut Random) -> Option<Ipv4Addr> {
        if self.free_addresses() == 0 {
            return None;
        }
        let start = random.below(self.usable());
        let offset = (start..self.usable())
            .chain(0..start)
            .map(|index| index + RESERVED_FIRST)
            .find(|offset| !self.taken.contains(offset))?;
        self.taken.insert(offset);
        self.cidr.address(offset)
    }

    pub(super) fn return_address(&mut self, address: Ipv4Addr) {
        let cidr = self.cidr;
        self.taken
            .retain(|offset| cidr.address(*offset) != Some(address));
    }
}

impl Described for Subnet {
    const ID_MEMBER: &'static str = "SubnetId";
    const NOT_FOUND: &'static str = "InvalidSubnetID.NotFound";
    const NOUN: &'static str = "subnet ID";
    const SET: &'static str = "subnetSet";
    const FILTERS: &'static [&'static str] = &[
        "subnet-id",
        "vpc-id",
        "availability-zone",
        "availabilityZone",
        "cidr",
        "cidr-block",
        "default-for-az",
        "defaultForAz",
        "map-public-ip-on-launch",
        "state",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "subnet-id" => self.id.clone(),
            "vpc-id" => self.vpc_id.clone(),
            "availability-zone" | "availabilityZone" => self.zone.clone(),
            "default-for-az" | "defaultForAz" => self.is_default_for_zone.to_string(),
            "map-public-ip-on-launch" => self.map_public_ip.to_string(),
            "state" => "available".to_owned(),
            _ => self.cidr.to_string(),
        }]
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        let account = &cloud.account;
        json!({
            "subnetId": self.id,
            "subnetArn": account.arn("ec2", &format!("subnet/{}", self.id)),
            "ownerId": account.id,
            "state": "available",
            "vpcId": self.vpc_id,
            "cidrBlock": self.cidr.to_string(),
            "ipv6CidrBlockAssociationSet": [],
            "availableIpAddressCount": self.free_addresses(),
            "availabilityZone": self.zone,
            "availabilityZoneId": zone::id(&account.region, &self.zone),
            "defaultForAz": self.is_default_for_zone,
            "mapPublicIpOnLaunch": self.map_public_ip,
            "assignIpv6AddressOnCreation": false,
            "ipv6Native": false,
            // What a subnet has whose settings for host names nobody changed.
            // AWS: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-ec2-subnet-privatednsnameoptionsonlaunch.html
            "privateDnsNameOptionsOnLaunch": {
                "hostnameType": "ip-name",
                "enableResourceNameDnsARecord": false,
                "enableResourceNameDnsAAAARecord": false,
            },
            "tagSet": tag_set(&self.tags),
        })
    }
}

/// Without a zone it is in the first one; AWS chooses one, too.
pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["VpcId", "CidrBlock", "AvailabilityZone", "TagSpecification"])?;
    let vpc = vpc::named(cloud, super::required(input, "VpcId")?)?;
    let vpc_id = vpc.id.clone();
    let text = super::required(input, "CidrBlock")?;
    let cidr: Cidr = text
        .parse()
        .map_err(|_| super::invalid_value(text, "cidrBlock", "This is not a valid CIDR block."))?;
    // AWS: /16 to /28, https://docs.aws.amazon.com/vpc/latest/userguide/subnet-sizing.html
    if !vpc.blocks().any(|block| block.covers(cidr)) || cidr.prefix() > 28 {
        return Err(Refusal::client(
            "InvalidSubnet.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    let siblings = || {
        let subnets = cloud.ec2.subnets.values();
        subnets.filter(|subnet| subnet.vpc_id == vpc_id)
    };
    if siblings().any(|subnet| subnet.cidr.overlaps(cidr)) {
        return Err(Refusal::client(
            "InvalidSubnet.Conflict",
            format!("The CIDR '{cidr}' conflicts with another subnet"),
        ));
    }
    if siblings().count() >= SUBNETS_MAX {
        let code = "SubnetLimitExceeded";
        return Err(super::limit_exceeded(code, "subnets", SUBNETS_MAX));
    }
    let zone = zone_of(cloud, input)?;
    let tags = tag::on_create(input, "subnet")?;
    let id = super::new_id(cloud, "subnet");
    let subnet = Subnet {
        id: id.clone(),
        vpc_id,
        zone,
        cidr,
        is_default_for_zone: false,
        map_public_ip: false,
        taken: BTreeSet::new(),
        tags,
    };
    let output = json!({"subnet": subnet.describe(cloud)});
    cloud.ec2.subnets.insert(id, subnet);
    Ok(output)
}

fn zone_of(cloud: &Cloud, input: Input<'_>) -> Result<String, Refusal> {
    let region = &cloud.account.region;
    let zones = zone::LETTERS.map(|letter| zone::name(region, letter));
    let [first, ..] = &zones;
    let given = input.text("AvailabilityZone").unwrap_or(first);
    if zone::id(region, given).is_some() {
        return Ok(given.to_owned());
    }
    let reason = format!(
        "Subnets can currently only be created in the following availability zones: {}.",
        zones.join(", ")
    );
    Err(super::invalid_value(given, "availabilityZone", &reason))
}

fn named<'c>(cloud: &'c Cloud, id: &str) -> Result<&'c Subnet, Refusal> {
    super::subnet(cloud, id).ok_or_else(|| Subnet::not_found(id))
}

/// Refused while a network interface lies in it.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSubnet.html>
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["SubnetId"])?;
    let id = super::required(input, "SubnetId")?;
    named(cloud, id)?;
    let mut interfaces = cloud.ec2.network_interfaces.values();
    if interfaces.any(|interface| interface.subnet_id == id) {
        return Err(super::has_dependencies("subnet", id));
    }
    for table in cloud.ec2.route_tables.values_mut() {
        table
            .associations
            .retain(|association| association.subnet_id.as_deref() != Some(id));
    }
    cloud.ec2.subnets.remove(id);
    Ok(json!({"return": true}))
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifySubnetAttribute.html>
pub(super) fn modify_attribute(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["SubnetId", "MapPublicIpOnLaunch"])?;
    let id = super::required(input, "SubnetId")?;
    named(cloud, id)?;
    let map_public_ip = super::attribute(input, "MapPublicIpOnLaunch")?
        .ok_or_else(|| super::missing("MapPublicIpOnLaunch"))?;
    if let Some(subnet) = cloud.ec2.subnets.get_mut(id) {
        subnet.map_public_ip = map_public_ip;
    }
    Ok(json!({"return": true}))
}
