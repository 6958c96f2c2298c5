//! EC2: VPCs, subnets, route tables, internet gateways, security groups and network interfaces.
//!
//! An account starts as AWS makes it: a default VPC 172.31.0.0/16 with an internet gateway, a main
//! route table that leads to it, one public default subnet in each zone, and a default security group
//! (<https://docs.aws.amazon.com/vpc/latest/userguide/default-vpc-components.html>).
//!
//! What the provider leans on: addresses come from the subnet's block, so a subnet can be full; a
//! security group is kept from deletion by another group's rule and by a network interface; the same
//! rule twice is refused; an interface is what a load balancer's or a task's traffic must pass
//! ([`reaches`]). Network interfaces are made by other services only; nothing here happens by itself.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Operations.html>, error codes
//! <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>

mod cidr;
mod describe;
mod internet_gateway;
mod network_interface;
mod permission;
mod route_table;
mod rule;
mod security_group;
mod subnet;
mod tag;
mod vpc;
mod zone;

#[cfg(test)]
mod tests;

pub use cidr::{Cidr, NotACidr};
pub use internet_gateway::InternetGateway;
pub use network_interface::NetworkInterface;
pub use route_table::{Association, Route, RouteTable};
pub use rule::{Peer, Rule};
pub use security_group::SecurityGroup;
pub use subnet::Subnet;
pub use vpc::Vpc;

pub(crate) use network_interface::{
    GROUPS_PER_INTERFACE_MAX, create_network_interface, delete_network_interface,
    interface_of_address, set_security_groups,
};
pub(crate) use rule::reaches;

use std::collections::BTreeMap;

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// What the service holds, each kind by id.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// VPCs.
    pub vpcs: BTreeMap<String, Vpc>,
    /// Subnets.
    pub subnets: BTreeMap<String, Subnet>,
    /// Route tables.
    pub route_tables: BTreeMap<String, RouteTable>,
    /// Internet gateways.
    pub internet_gateways: BTreeMap<String, InternetGateway>,
    /// Security groups.
    pub security_groups: BTreeMap<String, SecurityGroup>,
    /// Network interfaces.
    pub network_interfaces: BTreeMap<String, NetworkInterface>,
    /// Ids of the network interfaces by VPC and address.
    addresses: BTreeMap<(String, String), String>,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "DescribeAvailabilityZones" => zone::describe(cloud, input),
        "DescribeVpcs" => describe::describe(cloud, cloud.ec2.vpcs.values(), input),
        "CreateVpc" => vpc::create(cloud, input),
        "DeleteVpc" => vpc::delete(cloud, input),
        "ModifyVpcAttribute" => vpc::modify_attribute(cloud, input),
        "DescribeVpcAttribute" => vpc::describe_attribute(cloud, input),
        "DescribeSubnets" => describe::describe(cloud, cloud.ec2.subnets.values(), input),
        "CreateSubnet" => subnet::create(cloud, input),
        "DeleteSubnet" => subnet::delete(cloud, input),
        "ModifySubnetAttribute" => subnet::modify_attribute(cloud, input),
        "DescribeRouteTables" => describe::describe(cloud, cloud.ec2.route_tables.values(), input),
        "CreateRouteTable" => route_table::create(cloud, input),
        "DeleteRouteTable" => route_table::delete(cloud, input),
        "AssociateRouteTable" => route_table::associate(cloud, input),
        "DisassociateRouteTable" => route_table::disassociate(cloud, input),
        "CreateRoute" => route_table::create_route(cloud, input),
        "DeleteRoute" => route_table::delete_route(cloud, input),
        "DescribeInternetGateways" => {
            describe::describe(cloud, cloud.ec2.internet_gateways.values(), input)
        }
        "CreateInternetGateway" => internet_gateway::create(cloud, input),
        "AttachInternetGateway" => internet_gateway::attach(cloud, input),
        "DetachInternetGateway" => internet_gateway::detach(cloud, input),
        "DeleteInternetGateway" => internet_gateway::delete(cloud, input),
        "DescribeSecurityGroups" => {
            describe::describe(cloud, cloud.ec2.security_groups.values(), input)
        }
        "CreateSecurityGroup" => security_group::create(cloud, input),
        "DeleteSecurityGroup" => security_group::delete(cloud, input),
        "AuthorizeSecurityGroupIngress" => {
            permission::authorize(cloud, input, rule::Direction::Ingress)
        }
        "AuthorizeSecurityGroupEgress" => {
            permission::authorize(cloud, input, rule::Direction::Egress)
        }
        "RevokeSecurityGroupIngress" => permission::revoke(cloud, input, rule::Direction::Ingress),
        "RevokeSecurityGroupEgress" => permission::revoke(cloud, input, rule::Direction::Egress),
        "DescribeNetworkInterfaces" => {
            describe::describe(cloud, cloud.ec2.network_interfaces.values(), input)
        }
        "CreateTags" => tag::create_tags(cloud, input),
        "DeleteTags" => tag::delete_tags(cloud, input),
        _ => Err(Refusal::unsupported("ec2", operation)),
    }
}

/// Nothing happens here by itself.
pub(crate) fn next_due_ms(_state: &State) -> Option<u64> {
    None
}

/// Nothing happens here by itself.
pub(crate) fn happen(_cloud: &mut Cloud) {}

/// Gives a new account its default VPC.
pub(crate) fn create_default_vpc(cloud: &mut Cloud) {
    vpc::create_default(cloud);
}

/// The subnet with this id.
pub(crate) fn subnet<'c>(cloud: &'c Cloud, id: &str) -> Option<&'c Subnet> {
    cloud.ec2.subnets.get(id)
}

/// The security group with this id.
pub(crate) fn security_group<'c>(cloud: &'c Cloud, id: &str) -> Option<&'c SecurityGroup> {
    cloud.ec2.security_groups.get(id)
}

/// `<kind>-` and 17 hexadecimal digits.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/resource-ids.html>
fn new_id(cloud: &mut Cloud, kind: &str) -> String {
    format!("{kind}-{}", cloud.random.hex(17))
}

/// A member that AWS requires.
fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    input.text(name).ok_or_else(|| missing(name))
}

fn missing(name: &str) -> Refusal {
    Refusal::client(
        "MissingParameter",
        format!("The request must contain the parameter {name}"),
    )
}

fn invalid_value(value: &str, name: &str, reason: &str) -> Refusal {
    Refusal::client(
        "InvalidParameterValue",
        format!("Value ({value}) for parameter {name} is invalid. {reason}"),
    )
}

/// Something still uses the resource.
fn has_dependencies(noun: &str, id: &str) -> Refusal {
    Refusal::client(
        "DependencyViolation",
        format!("The {noun} '{id}' has dependencies and cannot be deleted."),
    )
}

/// The account's quota of a resource is used up.
fn limit_exceeded(code: &str, what: &str, max: usize) -> Refusal {
    Refusal::client(
        code,
        format!("The maximum number of {what} has been reached: {max}."),
    )
}

/// The value of an attribute member: `EnableDnsSupport.Value`.
fn attribute(input: Input<'_>, name: &str) -> Result<Option<bool>, Refusal> {
    match input.object(name) {
        None => Ok(None),
        Some(attribute) => attribute.flag("Value"),
    }
}
