//! Security groups. Their rules are in `permission.rs`.
//!
//! Identity: the name is unique in the VPC, so a repeated Create is refused, not answered with the
//! group that exists. Deletion waits for others: a rule of another group that names this one, or an
//! interface that uses it, keeps it.
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateSecurityGroup.html>

use std::net::Ipv4Addr;

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::describe::{Described, tag_set};
use super::rule::{self, Peer, Rule};
use super::tag::{self, Tags};
use super::vpc;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Security groups of one region at most.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const SECURITY_GROUPS_MAX: usize = 2500;

/// Characters of a name, and of a description, at most.
const TEXT_CHARS_MAX: usize = 255;

/// What a name or description may hold beside letters and digits.
const PUNCTUATION: &str = " ._-:/()#,@[]+=&;{}!$*";

/// A security group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityGroup {
    /// `sg-…`
    pub id: String,
    /// Unique in the VPC, whatever the case, among those of its owner.
    pub name: String,
    /// The account that has made it: the VPC may be shared with others.
    pub owner_id: String,
    /// For people.
    pub description: String,
    /// Its VPC.
    pub vpc_id: String,
    /// What may come in.
    pub ingress: Vec<Rule>,
    /// What may go out.
    pub egress: Vec<Rule>,
    pub(super) tags: Tags,
}

impl SecurityGroup {
    /// Whether it is the one that came with its VPC: the name is reserved.
    pub(super) fn is_default(&self) -> bool {
        self.name == "default"
    }

    fn names(&self, group_id: &str) -> bool {
        let mut rules = self.ingress.iter().chain(&self.egress);
        rules.any(|rule| matches!(&rule.peer, Peer::Group(id) if id == group_id))
    }

    fn arn(&self, cloud: &Cloud) -> String {
        let resource = format!("security-group/{}", self.id);
        cloud.account.arn("ec2", &resource)
    }
}

impl Described for SecurityGroup {
    const ID_MEMBER: &'static str = "GroupId";
    const NOT_FOUND: &'static str = "InvalidGroup.NotFound";
    const NOUN: &'static str = "security group";
    const SET: &'static str = "securityGroupInfo";
    const FILTERS: &'static [&'static str] = &[
        "group-id",
        "group-name",
        "vpc-id",
        "owner-id",
        "description",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, filter: &str) -> Vec<String> {
        vec![match filter {
            "group-name" => self.name.clone(),
            "vpc-id" => self.vpc_id.clone(),
            "owner-id" => self.owner_id.clone(),
            "description" => self.description.clone(),
            _ => self.id.clone(),
        }]
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        json!({
            "groupId": self.id,
            "groupName": self.name,
            "groupDescription": self.description,
            "vpcId": self.vpc_id,
            "ownerId": self.owner_id,
            "securityGroupArn": self.arn(cloud),
            "ipPermissions": rule::describe(cloud, &self.ingress),
            "ipPermissionsEgress": rule::describe(cloud, &self.egress),
            "tagSet": tag_set(&self.tags),
        })
    }
}

/// The group that a request names.
pub(super) fn named<'c>(cloud: &'c Cloud, id: &str) -> Result<&'c SecurityGroup, Refusal> {
    // AWS tells an id that cannot be one from an id that names nothing.
    if !id.starts_with("sg-") {
        return Err(Refusal::client(
            "InvalidGroupId.Malformed",
            format!("Invalid id: \"{id}\" (expecting \"sg-...\")"),
        ));
    }
    super::security_group(cloud, id).ok_or_else(|| SecurityGroup::not_found(id))
}

/// The group that comes with a VPC lets its own members talk to each other.
pub(super) fn insert_default(cloud: &mut Cloud, vpc_id: &str) {
    let id = super::new_id(cloud, "sg");
    let from_itself = Rule {
        id: super::new_id(cloud, "sgr"),
        protocol: "-1".to_owned(),
        ports: None,
        peer: Peer::Group(id.clone()),
        description: None,
    };
    let group = SecurityGroup {
        id: id.clone(),
        name: "default".to_owned(),
        owner_id: cloud.account.id.clone(),
        description: "default VPC security group".to_owned(),
        vpc_id: vpc_id.to_owned(),
        ingress: vec![from_itself],
        egress: vec![to_everywhere(cloud)],
        tags: Tags::new(),
    };
    cloud.ec2.security_groups.insert(id, group);
}

/// Every new group lets everything out.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/security-group-rules.html>
fn to_everywhere(cloud: &mut Cloud) -> Rule {
    Rule {
        id: super::new_id(cloud, "sgr"),
        protocol: "-1".to_owned(),
        ports: None,
        peer: Peer::Ipv4(Cidr::new(Ipv4Addr::UNSPECIFIED, 0)),
        description: None,
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["GroupName", "GroupDescription", "VpcId", "TagSpecification"])?;
    let name = text(input, "GroupName")?;
    let description = text(input, "GroupDescription")?;
    if name.eq_ignore_ascii_case("default") {
        return Err(Refusal::client(
            "InvalidGroup.Reserved",
            format!("Cannot use reserved security group name: {name}"),
        ));
    }
    if name.starts_with("sg-") {
        let reason = "Security group names cannot begin with 'sg-'.";
        return Err(super::invalid_value(name, "GroupName", reason));
    }
    let tags = tag::on_create(input, "security-group")?;
    let vpc_id = vpc_of(cloud, input)?;
    let groups = cloud.ec2.security_groups.values();
    let mut own = groups.filter(|group| group.owner_id == cloud.account.id);
    if own.any(|group| group.vpc_id == vpc_id && group.name.eq_ignore_ascii_case(name)) {
        return Err(Refusal::client(
            "InvalidGroup.Duplicate",
            format!("The security group '{name}' already exists for VPC '{vpc_id}'"),
        ));
    }
    if cloud.ec2.security_groups.len() >= SECURITY_GROUPS_MAX {
        let code = "SecurityGroupLimitExceeded";
        return Err(super::limit_exceeded(
            code,
            "security groups",
            SECURITY_GROUPS_MAX,
        ));
    }
    let group = SecurityGroup {
        id: super::new_id(cloud, "sg"),
        name: name.to_owned(),
        owner_id: cloud.account.id.clone(),
        description: description.to_owned(),
        vpc_id,
        ingress: Vec::new(),
        egress: vec![to_everywhere(cloud)],
        tags,
    };
    let output = json!({
        "groupId": group.id,
        "securityGroupArn": group.arn(cloud),
        "tagSet": tag_set(&group.tags),
    });
    cloud.ec2.security_groups.insert(group.id.clone(), group);
    Ok(output)
}

fn text<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    let text = super::required(input, name)?;
    if text.is_empty() {
        return Err(super::missing(name));
    }
    let is_allowed =
        |character: char| character.is_ascii_alphanumeric() || PUNCTUATION.contains(character);
    if !text.chars().all(is_allowed) || text.len() > TEXT_CHARS_MAX {
        let reason = format!(
            "Up to {TEXT_CHARS_MAX} characters, from a-z, A-Z, 0-9 and{PUNCTUATION}, are allowed."
        );
        return Err(super::invalid_value(text, name, &reason));
    }
    Ok(text)
}

fn vpc_of(cloud: &Cloud, input: Input<'_>) -> Result<String, Refusal> {
    let vpc = match input.text("VpcId") {
        Some(id) => vpc::named(cloud, id)?,
        None => vpc::default_of(cloud)
            .ok_or_else(|| Refusal::client("VPCIdNotSpecified", "No default VPC for this user"))?,
    };
    Ok(vpc.id.clone())
}

/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteSecurityGroup.html>
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["GroupId"])?;
    let group = named(cloud, super::required(input, "GroupId")?)?;
    let id = group.id.clone();
    if group.is_default() {
        return Err(Refusal::client(
            "CannotDelete",
            format!("the specified group: \"{id}\" name: \"default\" cannot be deleted by a user"),
        ));
    }
    let state = &cloud.ec2;
    // A group may name itself and go.
    let is_named = state
        .security_groups
        .values()
        .any(|other| other.id != id && other.names(&id));
    let is_used = state
        .network_interfaces
        .values()
        .any(|interface| interface.group_ids.contains(&id));
    if is_named || is_used {
        return Err(Refusal::client(
            "DependencyViolation",
            format!("resource {id} has a dependent object"),
        ));
    }
    cloud.ec2.security_groups.remove(&id);
    Ok(json!({"return": true, "groupId": id}))
}
