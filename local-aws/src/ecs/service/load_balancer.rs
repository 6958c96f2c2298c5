//! `loadBalancers` of a service: the pair of groups that traffic is shifted between, or groups of several load balancers.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AdvancedConfiguration.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/register-multiple-targetgroups.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::cloud::Cloud;
use crate::ecs::task_definition::TaskDefinition;
use crate::ecs::{can_assume, invalid_parameter, required, set};
use crate::wire::{Input, Refusal};

/// `loadBalancers`: one element with its `advancedConfiguration`, or some without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ecs) struct LoadBalancer {
    /// `targetGroupArn` of the first
    pub(in crate::ecs) primary: String,
    /// `targetGroupArn` of the others: tasks are registered with all of them.
    pub(in crate::ecs) further: Vec<String>,
    /// `advancedConfiguration`
    pub(in crate::ecs) advanced: Option<Advanced>,
    pub(in crate::ecs) container_name: String,
    pub(in crate::ecs) container_port: u16,
}

/// `advancedConfiguration`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ecs) struct Advanced {
    /// `alternateTargetGroupArn`
    pub(in crate::ecs) alternate: String,
    /// `productionListenerRule`
    pub(in crate::ecs) rule: String,
    /// `testListenerRule`
    pub(in crate::ecs) test_rule: Option<String>,
    /// The infrastructure role, `roleArn`.
    pub(in crate::ecs) role: String,
}

/// Target groups of one service.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
const TARGET_GROUPS_MAX: usize = 5;
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html>
const ADVANCED_IS_REQUIRED: &str = "advancedConfiguration field is required for all loadBalancers when using a \
                                    non-ROLLING deployment strategy";

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
        let Some(first) = items.next() else {
            return Err(invalid_parameter(
                "local-aws runs services with at least one load balancer.",
            ));
        };
        let mut load_balancer = Self::parse_one(first)?;
        for item in items {
            let other = Self::parse_one(item)?;
            let is_alike = (&other.container_name, other.container_port)
                == (&load_balancer.container_name, load_balancer.container_port);
            if !is_alike || other.advanced.is_some() || load_balancer.advanced.is_some() {
                return Err(invalid_parameter(
                    "local-aws registers one port of one container with several target groups, and shifts traffic \
                     between the two of one load balancer only.",
                ));
            }
            load_balancer.further.push(other.primary);
        }
        load_balancer.check(cloud)?;
        Ok(Some(load_balancer))
    }

    fn parse_one(item: Input<'_>) -> Result<Self, Refusal> {
        item.only(&[
            "targetGroupArn",
            "containerName",
            "containerPort",
            "advancedConfiguration",
        ])?;
        let advanced = match item.object("advancedConfiguration") {
            Some(advanced) => Some(Advanced::parse(advanced)?),
            None => None,
        };
        let port = item.integer("containerPort")?.unwrap_or_default();
        Ok(Self {
            primary: required(item, "targetGroupArn")?.to_owned(),
            further: Vec::new(),
            advanced,
            container_name: required(item, "containerName")?.to_owned(),
            container_port: u16::try_from(port)
                .ok()
                .filter(|port| *port > 0)
                .ok_or_else(|| invalid_parameter(format!("Invalid container port {port}.")))?,
        })
    }

    fn check(&self, cloud: &mut Cloud) -> Result<(), Refusal> {
        let alternate = self.advanced.iter().map(|advanced| &advanced.alternate);
        let groups: Vec<&String> = self.groups().chain(alternate).collect();
        let distinct: BTreeSet<&String> = groups.iter().copied().collect();
        if distinct.len() < groups.len() {
            return Err(invalid_parameter(format!(
                "Duplicate targetGroupArn found: {}",
                self.primary
            )));
        }
        if self.groups().count() > TARGET_GROUPS_MAX {
            return Err(invalid_parameter(format!(
                "load balancers can have at most {TARGET_GROUPS_MAX} items."
            )));
        }
        if let Some(advanced) = &self.advanced {
            advanced.check(cloud)?;
        }
        for arn in self.groups() {
            let group = target_group(cloud, arn)?;
            let load_balancers = group.get("LoadBalancerArns").and_then(Value::as_array);
            if load_balancers.is_none_or(Vec::is_empty) {
                return Err(invalid_parameter(format!(
                    "The target group with targetGroupArn {arn} does not have an associated load balancer."
                )));
            }
        }
        Ok(())
    }

    /// The groups that tasks are registered with at first.
    pub(in crate::ecs) fn groups(&self) -> impl Iterator<Item = &String> {
        std::iter::once(&self.primary).chain(&self.further)
    }

    /// Every group that is named, in order of their ARNs.
    pub(in crate::ecs) fn all_groups(&self) -> BTreeSet<&String> {
        let alternate = self.advanced.iter().map(|advanced| &advanced.alternate);
        self.groups().chain(alternate).collect()
    }

    /// Only a rolling deployment does without a second group to shift traffic to.
    ///
    /// # Errors
    /// `InvalidParameterException` with AWS's text.
    pub(super) fn check_strategy(&self, is_rolling: bool) -> Result<(), Refusal> {
        if is_rolling || self.advanced.is_some() {
            return Ok(());
        }
        Err(invalid_parameter(ADVANCED_IS_REQUIRED))
    }

    /// The infrastructure role; without one ECS uses its service-linked role.
    pub(in crate::ecs) fn role(&self) -> Option<&str> {
        self.advanced
            .as_ref()
            .map(|advanced| advanced.role.as_str())
    }

    /// `testListenerRule`
    pub(in crate::ecs) fn test_rule(&self) -> Option<&str> {
        self.advanced.as_ref()?.test_rule.as_deref()
    }

    /// `productionListenerRule`
    pub(in crate::ecs) fn rule(&self) -> Option<&str> {
        self.advanced
            .as_ref()
            .map(|advanced| advanced.rule.as_str())
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
        match &self.advanced {
            Some(advanced) if group == self.primary => &advanced.alternate,
            Some(_) | None => &self.primary,
        }
    }

    pub(in crate::ecs) fn output(&self) -> Value {
        let element = |arn: &String| {
            let mut element = json!({
                "targetGroupArn": arn,
                "containerName": self.container_name,
                "containerPort": self.container_port,
            });
            if let Some(advanced) = &self.advanced {
                set(&mut element, "advancedConfiguration", advanced.output());
            }
            element
        };
        self.groups().map(element).collect()
    }
}

impl Advanced {
    fn parse(input: Input<'_>) -> Result<Self, Refusal> {
        input.only(&[
            "alternateTargetGroupArn",
            "productionListenerRule",
            "testListenerRule",
            "roleArn",
        ])?;
        Ok(Self {
            alternate: required(input, "alternateTargetGroupArn")?.to_owned(),
            rule: required(input, "productionListenerRule")?.to_owned(),
            test_rule: input.text("testListenerRule").map(str::to_owned),
            role: required(input, "roleArn")?.to_owned(),
        })
    }

    fn check(&self, cloud: &mut Cloud) -> Result<(), Refusal> {
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
        target_group(cloud, &self.alternate).map(|_| ())
    }

    fn output(&self) -> Value {
        let mut output = json!({
            "alternateTargetGroupArn": self.alternate,
            "productionListenerRule": self.rule,
            "roleArn": self.role,
        });
        if let Some(rule) = &self.test_rule {
            set(&mut output, "testListenerRule", json!(rule));
        }
        output
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
