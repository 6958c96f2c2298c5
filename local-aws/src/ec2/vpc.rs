//! VPCs, and the default one that an account starts with.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateVpc.html>

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::describe::{Described, tag_set};
use super::route_table::{self, Route};
use super::tag::{self, Tags};
use super::{InternetGateway, Subnet, security_group, zone};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// VPCs of one region at most.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
pub(super) const VPCS_MAX: usize = 5;

/// Lengths of a VPC's prefix.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html>
const PREFIXES: std::ops::RangeInclusive<u8> = 16..=28;

/// A VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vpc {
    /// `vpc-…`
    pub id: String,
    /// The block that it was made with.
    pub cidr: Cidr,
    /// Blocks that it has got since. No call adds one: a test does, as if somebody had associated it.
    pub further: Vec<Cidr>,
    /// Whether it is the account's default VPC.
    pub is_default: bool,
    /// Whether Amazon's name server answers in it.
    pub dns_support: bool,
    /// Whether its instances get public names.
    pub dns_hostnames: bool,
    pub(super) tags: Tags,
}

impl Vpc {
    /// All its blocks.
    pub(super) fn blocks(&self) -> impl Iterator<Item = Cidr> {
        std::iter::once(self.cidr).chain(self.further.iter().copied())
    }

    fn association_id(&self, place: usize) -> String {
        let id = self.id.replacen("vpc-", "vpc-cidr-assoc-", 1);
        match place {
            0 => id,
            _ => format!("{id}{place}"),
        }
    }
}

impl Described for Vpc {
    const ID_MEMBER: &'static str = "VpcId";
    const NOT_FOUND: &'static str = "InvalidVpcID.NotFound";
    const NOUN: &'static str = "vpc ID";
    const SET: &'static str = "vpcSet";
    const FILTERS: &'static [&'static str] = &[
        "vpc-id",
        "cidr",
        "cidr-block",
        "is-default",
        "isDefault",
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
            "vpc-id" => self.id.clone(),
            "is-default" | "isDefault" => self.is_default.to_string(),
            "state" => "available".to_owned(),
            _ => self.cidr.to_string(),
        }]
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        json!({
            "vpcId": self.id,
            "ownerId": cloud.account.id,
            "state": "available",
            "cidrBlock": self.cidr.to_string(),
            "cidrBlockAssociationSet": self.blocks().enumerate().map(|(place, block)| json!({
                "associationId": self.association_id(place),
                "cidrBlock": block.to_string(),
                "cidrBlockState": {"state": "associated"},
            })).collect::<Value>(),
            "dhcpOptionsId": "default",
            "instanceTenancy": "default",
            "isDefault": self.is_default,
            "tagSet": tag_set(&self.tags),
        })
    }
}

/// The VPC that a request names.
pub(super) fn named<'c>(cloud: &'c Cloud, id: &str) -> Result<&'c Vpc, Refusal> {
    cloud.ec2.vpcs.get(id).ok_or_else(|| Vpc::not_found(id))
}

/// The account's default VPC.
pub(super) fn default_of(cloud: &Cloud) -> Option<&Vpc> {
    cloud.ec2.vpcs.values().find(|vpc| vpc.is_default)
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["CidrBlock", "InstanceTenancy", "TagSpecification"])?;
    let text = super::required(input, "CidrBlock")?;
    let cidr: Cidr = text
        .parse()
        .map_err(|_| super::invalid_value(text, "cidrBlock", "This is not a valid CIDR block."))?;
    if !PREFIXES.contains(&cidr.prefix()) {
        return Err(Refusal::client(
            "InvalidVpc.Range",
            format!("The CIDR '{cidr}' is invalid."),
        ));
    }
    if let Some(tenancy) = input
        .text("InstanceTenancy")
        .filter(|one| *one != "default")
    {
        let reason = "local-aws has VPCs of default tenancy only.";
        return Err(super::invalid_value(tenancy, "instanceTenancy", reason));
    }
    let tags = tag::on_create(input, "vpc")?;
    if cloud.ec2.vpcs.len() >= VPCS_MAX {
        return Err(super::limit_exceeded("VpcLimitExceeded", "VPCs", VPCS_MAX));
    }
    let id = insert(cloud, cidr, VpcKind::Own, tags);
    let vpc = named(cloud, &id)?;
    Ok(json!({"vpc": vpc.describe(cloud)}))
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum VpcKind {
    Default,
    Own,
}

/// A VPC comes with its main route table and its default security group.
fn insert(cloud: &mut Cloud, cidr: Cidr, kind: VpcKind, tags: Tags) -> String {
    let id = super::new_id(cloud, "vpc");
    let vpc = Vpc {
        id: id.clone(),
        cidr,
        further: Vec::new(),
        is_default: kind == VpcKind::Default,
        dns_support: true,
        dns_hostnames: kind == VpcKind::Default,
        tags,
    };
    cloud.ec2.vpcs.insert(id.clone(), vpc);
    route_table::insert_main(cloud, &id, cidr);
    security_group::insert_default(cloud, &id);
    id
}

/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html>
pub(super) fn create_default(cloud: &mut Cloud) {
    let block = |second, third, prefix| Cidr::new(Ipv4Addr::new(172, second, third, 0), prefix);
    let vpc_id = insert(cloud, block(31, 0, 16), VpcKind::Default, Tags::new());
    let gateway_id = super::new_id(cloud, "igw");
    cloud.ec2.internet_gateways.insert(
        gateway_id.clone(),
        InternetGateway {
            id: gateway_id.clone(),
            vpc_id: Some(vpc_id.clone()),
            tags: Tags::new(),
        },
    );
    for table in cloud.ec2.route_tables.values_mut() {
        table.routes.push(Route {
            destination: Cidr::new(Ipv4Addr::UNSPECIFIED, 0),
            gateway_id: gateway_id.clone(),
        });
    }
    // A default subnet has 4,096 addresses, one block after the other.
    for (letter, third) in zone::LETTERS.into_iter().zip([0, 16, 32]) {
        let id = super::new_id(cloud, "subnet");
        let subnet = Subnet {
            id: id.clone(),
            vpc_id: vpc_id.clone(),
            zone: zone::name(&cloud.account.region, letter),
            cidr: block(31, third, 20),
            is_default_for_zone: true,
            map_public_ip: true,
            taken: std::collections::BTreeSet::new(),
            tags: Tags::new(),
        };
        cloud.ec2.subnets.insert(id, subnet);
    }
}

/// Its main route table and default security group go with it; anything else keeps it.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteVpc.html>
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["VpcId"])?;
    let id = super::required(input, "VpcId")?;
    named(cloud, id)?;
    let state = &cloud.ec2;
    let is_used = state.subnets.values().any(|subnet| subnet.vpc_id == id)
        || state
            .internet_gateways
            .values()
            .any(|gateway| gateway.vpc_id.as_deref() == Some(id))
        || state
            .route_tables
            .values()
            .any(|table| table.vpc_id == id && !table.is_main())
        || state
            .security_groups
            .values()
            .any(|group| group.vpc_id == id && !group.is_default());
    if is_used {
        return Err(super::has_dependencies("vpc", id));
    }
    let state = &mut cloud.ec2;
    state.route_tables.retain(|_, table| table.vpc_id != id);
    state.security_groups.retain(|_, group| group.vpc_id != id);
    state.vpcs.remove(id);
    Ok(json!({"return": true}))
}

/// One attribute a call, as AWS has it.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_ModifyVpcAttribute.html>
pub(super) fn modify_attribute(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["VpcId", "EnableDnsSupport", "EnableDnsHostnames"])?;
    let id = super::required(input, "VpcId")?;
    named(cloud, id)?;
    let support = super::attribute(input, "EnableDnsSupport")?;
    let hostnames = super::attribute(input, "EnableDnsHostnames")?;
    if support.is_some() == hostnames.is_some() {
        return Err(Refusal::client(
            "InvalidParameterCombination",
            "Exactly one VPC attribute can be modified at a time",
        ));
    }
    if let Some(vpc) = cloud.ec2.vpcs.get_mut(id) {
        vpc.dns_support = support.unwrap_or(vpc.dns_support);
        vpc.dns_hostnames = hostnames.unwrap_or(vpc.dns_hostnames);
    }
    Ok(json!({"return": true}))
}

pub(super) fn describe_attribute(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["VpcId", "Attribute"])?;
    let vpc = named(cloud, super::required(input, "VpcId")?)?;
    let name = super::required(input, "Attribute")?;
    let value = match name {
        "enableDnsSupport" => vpc.dns_support,
        "enableDnsHostnames" => vpc.dns_hostnames,
        "enableNetworkAddressUsageMetrics" => false,
        _ => {
            return Err(super::invalid_value(
                name,
                "attribute",
                "Unknown attribute.",
            ));
        }
    };
    Ok(json!({"vpcId": vpc.id, (name): {"value": value}}))
}
