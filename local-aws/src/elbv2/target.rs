//! Targets: registered, described, deregistered. How they become healthy is in `health.rs`.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_RegisterTargets.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeregisterTargets.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html>

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::health::{self, Failure, Use};
use super::target_group::{self, TargetGroup};
use super::{State, quota, rule};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// An address and port in a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// The zone of the address.
    pub zone: String,
    /// Where it stands.
    pub health: TargetHealth,
    /// Checks in a row with the same result, and why the last one failed.
    pub(super) successes: u32,
    pub(super) failures: u32,
    pub(super) failure: Option<Failure>,
    /// When it is checked next or, if draining, gone; none while its group is not in use.
    pub(super) next_ms: Option<u64>,
}

/// Where a target stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetHealth {
    /// Being registered, or not checked often enough.
    Initial,
    /// It gets requests.
    Healthy,
    /// It failed its checks.
    Unhealthy,
    /// No load balancer uses it.
    Unused,
    /// Deregistered, and not yet gone.
    Draining,
}

impl TargetHealth {
    const fn name(self) -> &'static str {
        match self {
            Self::Initial => "initial",
            Self::Healthy => "healthy",
            Self::Unhealthy => "unhealthy",
            Self::Unused => "unused",
            Self::Draining => "draining",
        }
    }
}

impl Target {
    /// A target that nothing was decided about yet.
    pub(super) fn new(zone: &str) -> Self {
        Self {
            zone: zone.to_owned(),
            health: TargetHealth::Unused,
            successes: 0,
            failures: 0,
            failure: None,
            next_ms: None,
        }
    }

    /// Reason code and description, as AWS words them.
    fn reason(&self, used: Use) -> Option<(&'static str, String)> {
        let worded = |code, words: &str| Some((code, words.to_owned()));
        match self.health {
            TargetHealth::Healthy => None,
            TargetHealth::Initial if self.failures == 0 => worded(
                "Elb.RegistrationInProgress",
                "Target registration is in progress",
            ),
            TargetHealth::Initial => worded(
                "Elb.InitialHealthChecking",
                "Initial health checks in progress",
            ),
            TargetHealth::Draining => worded(
                "Target.DeregistrationInProgress",
                "Target deregistration is in progress",
            ),
            TargetHealth::Unused if used == Use::ZoneNotEnabled => worded(
                "Target.NotInUse",
                "Target is in an Availability Zone that is not enabled for the load balancer",
            ),
            TargetHealth::Unused => worded(
                "Target.NotInUse",
                "Target group is not configured to receive traffic from the load balancer",
            ),
            TargetHealth::Unhealthy => Some(match self.failure {
                Some(Failure::ResponseCodeMismatch(status)) => (
                    "Target.ResponseCodeMismatch",
                    format!("Health checks failed with these codes: [{status}]"),
                ),
                Some(Failure::Timeout) => ("Target.Timeout", "Request timed out".to_owned()),
                Some(Failure::Refused) | None => (
                    "Target.FailedHealthChecks",
                    "Health checks failed".to_owned(),
                ),
            }),
        }
    }
}

/// A target as a call names it.
fn parse(group: &TargetGroup, target: Input<'_>) -> Result<(String, u16), Refusal> {
    target.only(&["Id", "Port", "AvailabilityZone"])?;
    let id = target.required("Id")?;
    if id.parse::<Ipv4Addr>().is_err() {
        return Err(invalid_target(format!(
            "The IP address '{id}' is not a valid IPv4 address"
        )));
    }
    let port = match target.integer("Port")? {
        None => group.port,
        Some(port) => u16::try_from(port)
            .ok()
            .filter(|port| *port > 0)
            .ok_or_else(|| super::invalid(format!("Port '{port}' must be between 1 and 65535")))?,
    };
    Ok((id.to_owned(), port))
}

fn invalid_target(problem: impl Into<String>) -> Refusal {
    Refusal::client("InvalidTarget", problem)
}

/// The zone of an address: that of its subnet in the group's VPC.
fn zone_of(cloud: &Cloud, vpc_id: &str, id: &str) -> Result<String, Refusal> {
    let mut subnets = cloud.ec2.subnets.values();
    let subnet = id.parse::<Ipv4Addr>().ok().and_then(|address| {
        subnets.find(|subnet| subnet.vpc_id == vpc_id && subnet.cidr.holds(address))
    });
    match subnet {
        Some(subnet) => Ok(subnet.zone.clone()),
        // AWS also takes addresses of peered networks; there are none here.
        None => Err(invalid_target(format!(
            "The IP address '{id}' is not within the VPC '{vpc_id}'"
        ))),
    }
}

pub(super) fn register(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TargetGroupArn", "Targets"])?;
    let arn = input.required("TargetGroupArn")?;
    let group = target_group::named(&cloud.elbv2, arn)?;
    let mut targets = Vec::new();
    for given in input.items("Targets") {
        let (id, port) = parse(group, given)?;
        let zone = zone_of(cloud, &group.vpc_id, &id)?;
        let stated = given.text("AvailabilityZone");
        if stated.is_some_and(|stated| stated != "all" && stated != zone) {
            return Err(super::invalid(format!(
                "The IP address '{id}' is in Availability Zone '{zone}'"
            )));
        }
        targets.push((id, port, zone));
    }
    if targets.is_empty() {
        return Err(super::invalid("At least one target must be specified"));
    }
    let new: Vec<(&str, u16)> = targets
        .iter()
        .map(|(id, port, _)| (id.as_str(), *port))
        .collect();
    check_room(&cloud.elbv2, group, &new)?;
    for (id, port, zone) in targets {
        insert(cloud, arn, &id, port, &zone);
    }
    Ok(json!({}))
}

fn check_room(state: &State, group: &TargetGroup, new: &[(&str, u16)]) -> Result<(), Refusal> {
    let added = new
        .iter()
        .filter(|(id, port)| !group.targets.contains_key(&((*id).to_owned(), *port)))
        .count();
    let too_many = |of: &str| {
        Refusal::client(
            "TooManyTargets",
            format!("The maximum number of targets has been reached on the {of}"),
        )
    };
    if group.targets.len() + added > quota::TARGETS_PER_GROUP_MAX {
        return Err(too_many("target group"));
    }
    let Some(balancer) = state.rules.user_of(&group.arn) else {
        return Ok(());
    };
    let used: std::collections::BTreeSet<&str> = rule::rules_of_load_balancer(state, balancer)
        .flat_map(|rule| rule.action.groups())
        .collect();
    let present: usize = used
        .into_iter()
        .filter_map(|arn| state.target_groups.get(arn))
        .map(|group| group.targets.len())
        .sum();
    if present + added > quota::TARGETS_PER_LOAD_BALANCER_MAX {
        return Err(too_many("load balancer"));
    }
    Ok(())
}

/// A target that is there already stays as it is, unless it is draining: then it begins anew.
fn insert(cloud: &mut Cloud, group_arn: &str, id: &str, port: u16, zone: &str) {
    if let Some(group) = cloud.elbv2.target_groups.get_mut(group_arn) {
        let known = group
            .targets
            .entry((id.to_owned(), port))
            .or_insert_with(|| Target::new(zone));
        if known.health == TargetHealth::Draining {
            *known = Target::new(zone);
        }
        health::use_changed(
            cloud,
            &std::collections::BTreeSet::from([group_arn.to_owned()]),
        );
    }
}

/// Registers a target as ECS does for its tasks.
///
/// # Errors
/// The group does not exist or is full.
pub(crate) fn register_target(
    cloud: &mut Cloud,
    target_group_arn: &str,
    ip: &str,
    port: u16,
    zone: &str,
) -> Result<(), Refusal> {
    let group = target_group::named(&cloud.elbv2, target_group_arn)?;
    check_room(&cloud.elbv2, group, &[(ip, port)])?;
    insert(cloud, target_group_arn, ip, port, zone);
    Ok(())
}

/// A target that is not registered is no error.
pub(super) fn deregister(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TargetGroupArn", "Targets"])?;
    let arn = input.required("TargetGroupArn")?;
    let group = target_group::named(&cloud.elbv2, arn)?;
    let targets = input
        .items("Targets")
        .map(|given| {
            given.required("Id")?;
            parse(group, given)
        })
        .collect::<Result<Vec<_>, Refusal>>()?;
    if targets.is_empty() {
        return Err(super::invalid("At least one target must be specified"));
    }
    for (id, port) in targets {
        deregister_target(cloud, arn, &id, port);
    }
    Ok(json!({}))
}

/// Takes a target out: it drains for the group's delay, or is gone at once if no load balancer uses it.
pub(crate) fn deregister_target(cloud: &mut Cloud, target_group_arn: &str, ip: &str, port: u16) {
    health::begin_draining(cloud, target_group_arn, ip, port);
}

/// Where a target stands; none if it is not registered.
pub(crate) fn target_health(
    cloud: &Cloud,
    target_group_arn: &str,
    ip: &str,
    port: u16,
) -> Option<TargetHealth> {
    let group = cloud.elbv2.target_groups.get(target_group_arn)?;
    let target = group.targets.get(&(ip.to_owned(), port))?;
    Some(target.health)
}

/// Why a target is not healthy, in the words that DescribeTargetHealth has for it.
pub(crate) fn target_problem(
    cloud: &Cloud,
    target_group_arn: &str,
    ip: &str,
    port: u16,
) -> Option<String> {
    let group = cloud.elbv2.target_groups.get(target_group_arn)?;
    let target = group.targets.get(&(ip.to_owned(), port))?;
    let used = health::use_of(&cloud.elbv2, target_group_arn, &target.zone);
    target.reason(used).map(|(_, words)| words)
}

pub(super) fn describe_health(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TargetGroupArn", "Targets"])?;
    let state = &cloud.elbv2;
    let group = target_group::named(state, input.required("TargetGroupArn")?)?;
    let mut wanted = input
        .items("Targets")
        .map(|target| parse(group, target))
        .collect::<Result<Vec<_>, Refusal>>()?;
    if wanted.is_empty() {
        wanted = group.targets.keys().cloned().collect();
    }
    let descriptions: Vec<Value> = wanted
        .into_iter()
        .map(|key| match group.targets.get(&key) {
            Some(target) => describe(state, group, &key, target),
            None => {
                let (id, port) = key;
                json!({
                    "Target": {"Id": id, "Port": port},
                    "TargetHealth": {
                        "State": "unused",
                        "Reason": "Target.NotRegistered",
                        "Description": "Target is not registered to the target group",
                    },
                })
            }
        })
        .collect();
    Ok(json!({"TargetHealthDescriptions": descriptions}))
}

fn describe(state: &State, group: &TargetGroup, key: &(String, u16), target: &Target) -> Value {
    let (id, port) = key;
    let reason = target.reason(health::use_of(state, &group.arn, &target.zone));
    let (code, words) = reason.unzip();
    json!({
        "Target": {"Id": id, "Port": port, "AvailabilityZone": target.zone},
        "HealthCheckPort": group.health_check.port_of(*port).to_string(),
        "TargetHealth": {
            "State": target.health.name(),
            "Reason": code,
            "Description": words,
        },
    })
}
