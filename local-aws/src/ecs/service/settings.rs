//! The parts of a service that make a revision: its network and its load balancer.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AdvancedConfiguration.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::ecs::task_definition::TaskDefinition;
use crate::ecs::{can_assume, invalid_parameter, required, set};
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

/// The one element of `loadBalancers`, with its `advancedConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ecs) struct LoadBalancer {
    /// `targetGroupArn`
    pub(in crate::ecs) primary: String,
    /// `alternateTargetGroupArn`
    pub(in crate::ecs) alternate: String,
    /// `productionListenerRule`
    pub(in crate::ecs) rule: String,
    /// `testListenerRule`
    pub(in crate::ecs) test_rule: Option<String>,
    /// The infrastructure role, `roleArn`.
    pub(in crate::ecs) role: String,
    pub(in crate::ecs) container_name: String,
    pub(in crate::ecs) container_port: u16,
}

impl LoadBalancer {
    /// The member `loadBalancers`, when it is there.
    ///
    /// What concerns the rule's targets is found out by the deployment, not here.
    ///
    /// # Errors
    /// `InvalidParameterException` with AWS's text.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html>
    pub(super) fn parse(cloud: &mut Cloud, input: Input<'_>) -> Result<Option<Self>, Refusal> {
        if input.member("loadBalancers").is_none() {
            return Ok(None);
        }
        let mut items = input.items("loadBalancers");
        let (Some(item), None) = (items.next(), items.next()) else {
            return Err(invalid_parameter(
                "local-aws runs services with exactly one load balancer.",
            ));
        };
        item.only(&[
            "targetGroupArn",
            "containerName",
            "containerPort",
            "advancedConfiguration",
        ])?;
        let advanced = item.object("advancedConfiguration").ok_or_else(|| {
            invalid_parameter(
                "advancedConfiguration field is required for all loadBalancers when using a non-ROLLING \
                 deployment strategy",
            )
        })?;
        advanced.only(&[
            "alternateTargetGroupArn",
            "productionListenerRule",
            "testListenerRule",
            "roleArn",
        ])?;
        let port = item.integer("containerPort")?.unwrap_or_default();
        let load_balancer = Self {
            primary: required(item, "targetGroupArn")?.to_owned(),
            alternate: required(advanced, "alternateTargetGroupArn")?.to_owned(),
            rule: required(advanced, "productionListenerRule")?.to_owned(),
            test_rule: advanced.text("testListenerRule").map(str::to_owned),
            role: required(advanced, "roleArn")?.to_owned(),
            container_name: required(item, "containerName")?.to_owned(),
            container_port: u16::try_from(port)
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| invalid_parameter(format!("Invalid container port {port}.")))?,
        };
        load_balancer.check(cloud)?;
        Ok(Some(load_balancer))
    }

    fn check(&self, cloud: &mut Cloud) -> Result<(), Refusal> {
        if self.primary == self.alternate {
            return Err(invalid_parameter(format!(
                "Duplicate targetGroupArn found: {}",
                self.primary
            )));
        }
        let rules = [
            ("productionListenerRule", Some(&self.rule)),
            ("testListenerRule", self.test_rule.as_ref()),
        ];
        for (member, rule) in rules {
            if let Some(rule) = rule.filter(|rule| !rule.contains(":listener-rule/app/")) {
                return Err(invalid_parameter(format!(
                    "{member} has an invalid ARN format. Must be RuleArn for ALB or ListenerArn for NLB. Got: {rule}"
                )));
            }
        }
        if self.test_rule.as_ref() == Some(&self.rule) {
            return Err(invalid_parameter(
                "testListenerRule cannot be the productionListenerRule.",
            ));
        }
        if !can_assume(cloud, &self.role) {
            return Err(invalid_parameter(
                "Unable to assume role and validate the specified targetGroupArn. Please verify that the ECS \
                 service role being passed has the proper permissions.",
            ));
        }
        target_group(cloud, &self.alternate)?;
        let primary = target_group(cloud, &self.primary)?;
        let load_balancers = primary.get("LoadBalancerArns").and_then(Value::as_array);
        if load_balancers.is_none_or(Vec::is_empty) {
            return Err(invalid_parameter(format!(
                "The target group with targetGroupArn {} does not have an associated load balancer.",
                self.primary
            )));
        }
        Ok(())
    }

    /// The container and its port must be in the task definition.
    ///
    /// # Errors
    /// `InvalidParameterException` with AWS's text.
    pub(super) fn check_container(&self, definition: &TaskDefinition) -> Result<(), Refusal> {
        let (name, port) = (&self.container_name, self.container_port);
        let container = definition.container(name).ok_or_else(|| {
            invalid_parameter(format!(
                "The container {name} does not exist in the task definition."
            ))
        })?;
        if container.ports.contains(&port) {
            Ok(())
        } else {
            Err(invalid_parameter(format!(
                "The container {name} did not have a container port {port} defined."
            )))
        }
    }

    /// The group of the two that is not `group`.
    pub(in crate::ecs) fn other_group(&self, group: &str) -> &str {
        if group == self.primary {
            &self.alternate
        } else {
            &self.primary
        }
    }

    pub(in crate::ecs) fn output(&self) -> Value {
        let mut advanced = json!({
            "alternateTargetGroupArn": self.alternate,
            "productionListenerRule": self.rule,
            "roleArn": self.role,
        });
        if let Some(rule) = &self.test_rule {
            set(&mut advanced, "testListenerRule", json!(rule));
        }
        json!({
            "targetGroupArn": self.primary,
            "containerName": self.container_name,
            "containerPort": self.container_port,
            "advancedConfiguration": advanced,
        })
    }
}

/// What Elastic Load Balancing says of a target group.
fn target_group(cloud: &mut Cloud, arn: &str) -> Result<Value, Refusal> {
    let question = json!({"TargetGroupArns": [arn]});
    let answer = crate::elbv2::call(cloud, "DescribeTargetGroups", Input::new(&question));
    answer
        .ok()
        .and_then(|answer| answer.pointer("/TargetGroups/0").cloned())
        .ok_or_else(|| {
            invalid_parameter(format!("The specified target group {arn} does not exist."))
        })
}
