//! Network interfaces. Load balancers and tasks have them; nobody makes one by a call of their own.
//!
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/requester-managed-eni.html>

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::describe::{Described, tag_set};
use super::tag::Tags;
use super::{SecurityGroup, Subnet};
use crate::cloud::Cloud;
use crate::wire::Refusal;

/// Security groups of one network interface at most.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
pub(crate) const GROUPS_PER_INTERFACE_MAX: usize = 5;

/// A network interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NetworkInterface {
    /// `eni-…`
    pub id: String,
    /// Its one private address.
    pub private_ip: String,
    /// The subnet that the address is from.
    pub subnet_id: String,
    /// That subnet's zone.
    pub zone: String,
    /// That subnet's VPC.
    pub vpc_id: String,
    /// What it may send and receive.
    pub group_ids: Vec<String>,
    /// Who made it, in words.
    pub description: String,
    pub(super) tags: Tags,
}

impl Described for NetworkInterface {
    const ID_MEMBER: &'static str = "NetworkInterfaceId";
    const NOT_FOUND: &'static str = "InvalidNetworkInterfaceID.NotFound";
    const NOUN: &'static str = "networkInterface ID";
    const SET: &'static str = "networkInterfaceSet";
    const FILTERS: &'static [&'static str] = &[
        "network-interface-id",
        "vpc-id",
        "subnet-id",
        "availability-zone",
        "group-id",
        "description",
        "private-ip-address",
        "addresses.private-ip-address",
        "requester-managed",
        "status",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "group-id" => return self.group_ids.clone(),
            "vpc-id" => self.vpc_id.clone(),
            "subnet-id" => self.subnet_id.clone(),
            "availability-zone" => self.zone.clone(),
            "description" => self.description.clone(),
            "private-ip-address" | "addresses.private-ip-address" => self.private_ip.clone(),
            "requester-managed" => "true".to_owned(),
            "status" => "in-use".to_owned(),
            _ => self.id.clone(),
        }]
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        let groups: Vec<Value> = self
            .group_ids
            .iter()
            .filter_map(|id| super::security_group(cloud, id))
            .map(|group| json!({"groupId": group.id, "groupName": group.name}))
            .collect();
        json!({
            "networkInterfaceId": self.id,
            "subnetId": self.subnet_id,
            "vpcId": self.vpc_id,
            "availabilityZone": self.zone,
            "description": self.description,
            "ownerId": cloud.account.id,
            "requesterManaged": true,
            "status": "in-use",
            "interfaceType": "interface",
            "sourceDestCheck": true,
            "privateIpAddress": self.private_ip,
            "privateIpAddressesSet": [{"privateIpAddress": self.private_ip, "primary": true}],
            "groupSet": groups,
            "tagSet": tag_set(&self.tags),
        })
    }
}

/// Makes an interface with an address of the subnet.
///
/// # Errors
/// The subnet or a group is unknown or of another VPC, there are too many groups, or the subnet is full.
pub(crate) fn create_network_interface(
    cloud: &mut Cloud,
    subnet_id: &str,
    group_ids: &[String],
    description: &str,
) -> Result<NetworkInterface, Refusal> {
    let subnet = super::subnet(cloud, subnet_id).ok_or_else(|| Subnet::not_found(subnet_id))?;
    let (vpc_id, zone) = (subnet.vpc_id.clone(), subnet.zone.clone());
    check_groups(cloud, &vpc_id, group_ids)?;
    let state = &mut cloud.ec2;
    let private_ip = state
        .subnets
        .get_mut(subnet_id)
        .and_then(|subnet| subnet.take_address(&mut cloud.random))
        .ok_or_else(|| {
            Refusal::client(
                "InsufficientFreeAddressesInSubnet",
                format!(
                    "The specified subnet '{subnet_id}' does not have enough free addresses to \
                     satisfy the request."
                ),
            )
        })?
        .to_string();
    let interface = NetworkInterface {
        id: super::new_id(cloud, "eni"),
        private_ip: private_ip.clone(),
        subnet_id: subnet_id.to_owned(),
        zone,
        vpc_id: vpc_id.clone(),
        group_ids: group_ids.to_vec(),
        description: description.to_owned(),
        tags: Tags::new(),
    };
    let state = &mut cloud.ec2;
    state
        .addresses
        .insert((vpc_id, private_ip), interface.id.clone());
    state
        .network_interfaces
        .insert(interface.id.clone(), interface.clone());
    Ok(interface)
}

fn check_groups(cloud: &Cloud, vpc_id: &str, group_ids: &[String]) -> Result<(), Refusal> {
    for id in group_ids {
        let group = super::security_group(cloud, id).ok_or_else(|| SecurityGroup::not_found(id))?;
        if group.vpc_id != vpc_id {
            return Err(Refusal::client(
                "InvalidParameter",
                format!("Security group {id} and the subnet belong to different networks."),
            ));
        }
    }
    if group_ids.len() > GROUPS_PER_INTERFACE_MAX {
        return Err(Refusal::client(
            "SecurityGroupsPerInterfaceLimitExceeded",
            format!(
                "The maximum number of security groups per interface has been reached: {GROUPS_PER_INTERFACE_MAX}."
            ),
        ));
    }
    Ok(())
}

/// Removes an interface and gives its address back; an unknown one is gone already.
pub(crate) fn delete_network_interface(cloud: &mut Cloud, id: &str) {
    let state = &mut cloud.ec2;
    let Some(interface) = state.network_interfaces.remove(id) else {
        return;
    };
    if let (Some(subnet), Ok(address)) = (
        state.subnets.get_mut(&interface.subnet_id),
        interface.private_ip.parse::<Ipv4Addr>(),
    ) {
        subnet.return_address(address);
    }
    state
        .addresses
        .remove(&(interface.vpc_id, interface.private_ip));
}

/// Replaces the groups of an interface, which its owner has checked.
pub(crate) fn set_security_groups(cloud: &mut Cloud, id: &str, group_ids: &[String]) {
    if let Some(interface) = cloud.ec2.network_interfaces.get_mut(id) {
        interface.group_ids = group_ids.to_vec();
    }
}

/// The interface that has this address in the VPC.
pub(crate) fn interface_of_address<'c>(
    cloud: &'c Cloud,
    vpc_id: &str,
    address: &str,
) -> Option<&'c NetworkInterface> {
    let state = &cloud.ec2;
    let key = (vpc_id.to_owned(), address.to_owned());
    state.network_interfaces.get(state.addresses.get(&key)?)
}
