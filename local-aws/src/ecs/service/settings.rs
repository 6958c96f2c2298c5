//! Where the tasks of a service are: subnets and security groups.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::ecs::invalid_parameter;
use crate::wire::{Input, Refusal};

/// Subnets and security groups of a task.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const SUBNETS_MAX: usize = 16;
const SECURITY_GROUPS_MAX: usize = 5;

/// `awsvpcConfiguration`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ecs) struct Network {
    pub(in crate::ecs) subnets: Vec<String>,
    pub(in crate::ecs) security_groups: Vec<String>,
    public_ip: String,
}

impl Network {
    /// The member `networkConfiguration`, when it is there.
    ///
    /// # Errors
    /// `InvalidParameterException` when a subnet or group does not exist, or they are in different VPCs.
    pub(super) fn parse(cloud: &Cloud, input: Input<'_>) -> Result<Option<Self>, Refusal> {
        let Some(outer) = input.object("networkConfiguration") else {
            return Ok(None);
        };
        outer.only(&["awsvpcConfiguration"])?;
        let awsvpc = outer.object("awsvpcConfiguration").ok_or_else(|| {
            invalid_parameter(
                "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
            )
        })?;
        awsvpc.only(&["subnets", "securityGroups", "assignPublicIp"])?;
        let texts = |name: &str| -> Vec<String> {
            awsvpc.texts(name).into_iter().map(str::to_owned).collect()
        };
        let network = Self {
            subnets: texts("subnets"),
            security_groups: texts("securityGroups"),
            public_ip: awsvpc
                .text("assignPublicIp")
                .unwrap_or("DISABLED")
                .to_owned(),
        };
        network.check(cloud)?;
        Ok(Some(network))
    }

    fn check(&self, cloud: &Cloud) -> Result<(), Refusal> {
        let (subnets, groups) = (self.subnets.len(), self.security_groups.len());
        if !(1..=SUBNETS_MAX).contains(&subnets) {
            return Err(invalid_parameter(format!(
                "subnets must have 1 to {SUBNETS_MAX} elements."
            )));
        }
        if groups > SECURITY_GROUPS_MAX {
            return Err(invalid_parameter(format!(
                "securityGroups must have at most {SECURITY_GROUPS_MAX} elements."
            )));
        }
        if !["ENABLED", "DISABLED"].contains(&self.public_ip.as_str()) {
            return Err(invalid_parameter(format!(
                "Invalid value '{}' of assignPublicIp.",
                self.public_ip
            )));
        }
        let mut vpcs = BTreeSet::new();
        for id in &self.subnets {
            let subnet = crate::ec2::subnet(cloud, id).ok_or_else(|| {
                invalid_parameter(format!(
                    "Error retrieving subnet information for [{id}]: The subnet ID '{id}' does not exist \
                     (ErrorCode: InvalidSubnetID.NotFound)"
                ))
            })?;
            vpcs.insert(subnet.vpc_id.clone());
        }
        for id in &self.security_groups {
            let group = crate::ec2::security_group(cloud, id).ok_or_else(|| {
                invalid_parameter(format!(
                    "Error retrieving security group information for [{id}]: The security group '{id}' does not \
                     exist (ErrorCode: InvalidGroup.NotFound)"
                ))
            })?;
            vpcs.insert(group.vpc_id.clone());
        }
        if vpcs.len() > 1 {
            return Err(invalid_parameter(
                "subnets and security groups must belong to the same VPC.",
            ));
        }
        Ok(())
    }

    pub(in crate::ecs) fn output(&self) -> Value {
        json!({"awsvpcConfiguration": {
            "subnets": self.subnets,
            "securityGroups": self.security_groups,
            "assignPublicIp": self.public_ip,
        }})
    }
}
