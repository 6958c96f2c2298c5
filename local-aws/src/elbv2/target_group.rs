//! Target groups.
//!
//! Identity: the name is unique in account and region. CreateTargetGroup with the settings of the one that
//! exists, tags included, answers with it; with others it is refused. A group that a rule forwards to
//! cannot be deleted; one with targets can.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteTargetGroup.html>

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::attribute::{self, Attributes};
use super::health_check::{self, HealthCheck};
use super::tag::{self, Tags};
use super::target::Target;
use super::{State, load_balancer, page, quota};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// A target group of type ip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// `…:targetgroup/<name>/<id>`
    pub arn: String,
    /// Unique.
    pub name: String,
    /// `HTTP` or `HTTPS`, between load balancer and targets.
    pub protocol: String,
    /// Of a target that is registered without one.
    pub port: u16,
    /// Where the targets' addresses are.
    pub vpc_id: String,
    /// How targets are checked.
    pub health_check: HealthCheck,
    /// By address and port.
    pub targets: BTreeMap<(String, u16), Target>,
    pub(super) attributes: Attributes,
    pub(super) tags: Tags,
}

impl TargetGroup {
    /// Milliseconds from a target's deregistration to its end.
    pub(super) fn deregistration_delay_ms(&self) -> u64 {
        let seconds = self.attributes.get(attribute::DEREGISTRATION_DELAY);
        let seconds: Option<u64> = seconds.and_then(|text| text.parse().ok());
        seconds.unwrap_or_default() * 1000
    }

    fn is_same(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.port == other.port
            && self.vpc_id == other.vpc_id
            && self.health_check == other.health_check
            && self.tags == other.tags
    }

    fn describe(&self, state: &State) -> Value {
        let users: Vec<&str> = state.rules.user_of(&self.arn).into_iter().collect();
        let mut members = self.health_check.describe();
        for (name, value) in [
            ("TargetGroupArn", json!(self.arn)),
            ("TargetGroupName", json!(self.name)),
            ("Protocol", json!(self.protocol)),
            ("ProtocolVersion", json!("HTTP1")),
            ("Port", json!(self.port)),
            ("VpcId", json!(self.vpc_id)),
            ("TargetType", json!("ip")),
            ("IpAddressType", json!("ipv4")),
            ("LoadBalancerArns", json!(users)),
        ] {
            members.insert(name.to_owned(), value);
        }
        Value::Object(members)
    }
}

/// The refusal for a target group that does not exist.
pub(super) fn not_found() -> Refusal {
    Refusal::client("TargetGroupNotFound", "One or more target groups not found")
}

/// The target group that a request names.
pub(super) fn named<'s>(state: &'s State, arn: &str) -> Result<&'s TargetGroup, Refusal> {
    state.target_groups.get(arn).ok_or_else(not_found)
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let mut group = parse(cloud, input)?;
    let state = &cloud.elbv2;
    let mut groups = state.target_groups.values();
    if let Some(known) = groups.find(|known| known.name == group.name) {
        // What a later Modify changed counts, too: the settings are those that it has now.
        if known.is_same(&group) {
            return Ok(json!({"TargetGroups": [known.describe(state)]}));
        }
        return Err(Refusal::client(
            "DuplicateTargetGroupName",
            format!(
                "A target group with the same name '{}' exists, but with different settings",
                group.name
            ),
        ));
    }
    if state.target_groups.len() >= quota::TARGET_GROUPS_MAX {
        return Err(Refusal::client(
            "TooManyTargetGroups",
            "The maximum number of target groups has been reached",
        ));
    }
    let resource = format!("targetgroup/{}/{}", group.name, cloud.random.hex(16));
    group.arn = cloud.account.arn("elasticloadbalancing", &resource);
    let output = json!({"TargetGroups": [group.describe(&cloud.elbv2)]});
    cloud.elbv2.target_groups.insert(group.arn.clone(), group);
    Ok(output)
}

/// What a Create asks for, without an ARN.
fn parse(cloud: &Cloud, input: Input<'_>) -> Result<TargetGroup, Refusal> {
    let mut members = vec![
        "Name",
        "Protocol",
        "ProtocolVersion",
        "Port",
        "VpcId",
        "TargetType",
        "IpAddressType",
        "Tags",
    ];
    members.extend(health_check::MEMBERS);
    input.only(&members)?;
    let name = super::check_name("Target group", input.required("Name")?)?;
    // The API's own default is `instance`, which is not here.
    let target_type = input.text("TargetType").unwrap_or("instance");
    for (member, value, only) in [
        ("TargetType", Some(target_type), "ip"),
        ("ProtocolVersion", input.text("ProtocolVersion"), "HTTP1"),
        ("IpAddressType", input.text("IpAddressType"), "ipv4"),
    ] {
        if let Some(other) = value.filter(|value| *value != only) {
            return Err(super::unsupported_value(member, other));
        }
    }
    let protocol = match input.text("Protocol") {
        Some(protocol @ ("HTTP" | "HTTPS")) => protocol,
        Some(other) => return Err(super::unsupported_value("Protocol", other)),
        None => return Err(super::invalid("A protocol must be specified")),
    };
    let port = input
        .integer("Port")?
        .and_then(|port| u16::try_from(port).ok())
        .filter(|port| *port > 0)
        .ok_or_else(|| super::invalid("A port between 1 and 65535 must be specified"))?;
    let vpc_id = input
        .text("VpcId")
        .ok_or_else(|| super::invalid("A VPC ID must be specified"))?;
    if !cloud.ec2.vpcs.contains_key(vpc_id) {
        return Err(super::invalid(format!(
            "The VPC ID '{vpc_id}' is not found"
        )));
    }
    // Health checks speak HTTP unless told otherwise, whatever the traffic does.
    let health_check = HealthCheck {
        protocol: "HTTP".to_owned(),
        ..HealthCheck::default_for(protocol)
    };
    Ok(TargetGroup {
        arn: String::new(),
        name: name.to_owned(),
        protocol: protocol.to_owned(),
        port,
        vpc_id: vpc_id.to_owned(),
        health_check: health_check.changed_by(input)?,
        targets: BTreeMap::new(),
        attributes: attribute::TARGET_GROUP.defaults(),
        tags: tag::parse(input)?,
    })
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "LoadBalancerArn",
        "TargetGroupArns",
        "Names",
        "Marker",
        "PageSize",
    ])?;
    let state = &cloud.elbv2;
    let (arns, names) = (input.texts("TargetGroupArns"), input.texts("Names"));
    let user = input.text("LoadBalancerArn");
    let selectors = [user.is_some(), !arns.is_empty(), !names.is_empty()];
    if selectors.into_iter().filter(|given| *given).count() > 1 {
        return Err(super::invalid(
            "Only one of LoadBalancerArn, TargetGroupArns and Names can be specified",
        ));
    }
    if let Some(arn) = user {
        load_balancer::named(state, arn)?;
    }
    let groups = &state.target_groups;
    let is_name_known = |name: &&str| groups.values().any(|group| group.name == **name);
    if !arns.iter().all(|arn| groups.contains_key(*arn)) || !names.iter().all(is_name_known) {
        return Err(not_found());
    }
    let selected: Vec<&TargetGroup> = groups
        .values()
        .filter(|group| user.is_none() || state.rules.user_of(&group.arn) == user)
        .filter(|group| arns.is_empty() || arns.contains(&group.arn.as_str()))
        .filter(|group| names.is_empty() || names.contains(&group.name.as_str()))
        .collect();
    let (groups, next) = page::of(selected, |group| group.arn.clone(), input)?;
    let described: Vec<Value> = groups
        .into_iter()
        .map(|group| group.describe(state))
        .collect();
    Ok(json!({"TargetGroups": described, "NextMarker": next}))
}

pub(super) fn modify(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let mut members = vec!["TargetGroupArn"];
    members.extend(health_check::MEMBERS);
    input.only(&members)?;
    let arn = input.required("TargetGroupArn")?;
    let health_check = named(&cloud.elbv2, arn)?
        .health_check
        .clone()
        .changed_by(input)?;
    if let Some(group) = cloud.elbv2.target_groups.get_mut(arn) {
        group.health_check = health_check;
    }
    let group = named(&cloud.elbv2, arn)?;
    Ok(json!({"TargetGroups": [group.describe(&cloud.elbv2)]}))
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TargetGroupArn"])?;
    let arn = input.required("TargetGroupArn")?;
    if cloud.elbv2.rules.user_of(arn).is_some() {
        return Err(Refusal::client(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    // The operation has no error for a group that is not there: it succeeds.
    cloud.elbv2.target_groups.remove(arn);
    Ok(json!({}))
}

pub(super) fn modify_attributes(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TargetGroupArn", "Attributes"])?;
    let arn = input.required("TargetGroupArn")?;
    named(&cloud.elbv2, arn)?;
    let given = attribute::TARGET_GROUP.parse(input)?;
    let group = cloud.elbv2.target_groups.get_mut(arn);
    let group = group.ok_or_else(not_found)?;
    group.attributes.extend(given);
    Ok(attribute::describe(&group.attributes))
}

pub(super) fn describe_attributes(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TargetGroupArn"])?;
    let group = named(&cloud.elbv2, input.required("TargetGroupArn")?)?;
    Ok(attribute::describe(&group.attributes))
}
