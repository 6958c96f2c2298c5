//! Internet gateways.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Internet_Gateway.html>

use serde_json::{Value, json};

use super::describe::{Described, tag_set};
use super::tag::{self, Tags};
use super::vpc;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Internet gateways of one region at most: as many as VPCs.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const INTERNET_GATEWAYS_MAX: usize = vpc::VPCS_MAX;

/// An internet gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InternetGateway {
    /// `igw-…`
    pub id: String,
    /// The VPC it is attached to.
    pub vpc_id: Option<String>,
    pub(super) tags: Tags,
}

impl Described for InternetGateway {
    const ID_MEMBER: &'static str = "InternetGatewayId";
    const NOT_FOUND: &'static str = "InvalidInternetGatewayID.NotFound";
    const NOUN: &'static str = "internetGateway ID";
    const SET: &'static str = "internetGatewaySet";
    const FILTERS: &'static [&'static str] = &[
        "internet-gateway-id",
        "attachment.vpc-id",
        "attachment.state",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, filter: &str) -> Vec<String> {
        match filter {
            "attachment.vpc-id" => self.vpc_id.clone().into_iter().collect(),
            "attachment.state" => self.vpc_id.iter().map(|_| "available".to_owned()).collect(),
            _ => vec![self.id.clone()],
        }
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        // The state of an attached gateway is `available`, although the type's values are others:
        // https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_InternetGatewayAttachment.html
        let attachments: Vec<Value> = self
            .vpc_id
            .iter()
            .map(|vpc_id| json!({"vpcId": vpc_id, "state": "available"}))
            .collect();
        json!({
            "internetGatewayId": self.id,
            "ownerId": cloud.account.id,
            "attachmentSet": attachments,
            "tagSet": tag_set(&self.tags),
        })
    }
}

/// The refusal of a route to a gateway that does not exist.
pub(super) fn unknown_target(id: &str) -> Refusal {
    Refusal::client(
        "InvalidGatewayID.NotFound",
        format!("The gateway ID '{id}' does not exist"),
    )
}

fn named<'c>(cloud: &'c mut Cloud, id: &str) -> Result<&'c mut InternetGateway, Refusal> {
    let gateway = cloud.ec2.internet_gateways.get_mut(id);
    gateway.ok_or_else(|| InternetGateway::not_found(id))
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["TagSpecification"])?;
    let tags = tag::on_create(input, "internet-gateway")?;
    if cloud.ec2.internet_gateways.len() >= INTERNET_GATEWAYS_MAX {
        let code = "InternetGatewayLimitExceeded";
        return Err(super::limit_exceeded(
            code,
            "internet gateways",
            INTERNET_GATEWAYS_MAX,
        ));
    }
    let id = super::new_id(cloud, "igw");
    let gateway = InternetGateway {
        id: id.clone(),
        vpc_id: None,
        tags,
    };
    let output = json!({"internetGateway": gateway.describe(cloud)});
    cloud.ec2.internet_gateways.insert(id, gateway);
    Ok(output)
}

/// One gateway to one VPC.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_AttachInternetGateway.html>
pub(super) fn attach(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["InternetGatewayId", "VpcId"])?;
    let id = super::required(input, "InternetGatewayId")?;
    let vpc_id = vpc::named(cloud, super::required(input, "VpcId")?)?
        .id
        .clone();
    let mut gateways = cloud.ec2.internet_gateways.values();
    let vpc_is_taken = gateways.any(|gateway| gateway.vpc_id.as_ref() == Some(&vpc_id));
    let gateway = named(cloud, id)?;
    if let Some(attached) = &gateway.vpc_id {
        return Err(Refusal::client(
            "Resource.AlreadyAssociated",
            format!("resource {id} is already attached to network {attached}"),
        ));
    }
    if vpc_is_taken {
        return Err(Refusal::client(
            "InvalidParameterValue",
            format!("Network {vpc_id} already has an internet gateway attached"),
        ));
    }
    gateway.vpc_id = Some(vpc_id);
    Ok(json!({"return": true}))
}

pub(super) fn detach(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["InternetGatewayId", "VpcId"])?;
    let id = super::required(input, "InternetGatewayId")?;
    let vpc_id = super::required(input, "VpcId")?;
    let gateway = named(cloud, id)?;
    if gateway.vpc_id.as_deref() != Some(vpc_id) {
        return Err(Refusal::client(
            "Gateway.NotAttached",
            format!("resource {id} is not attached to network {vpc_id}"),
        ));
    }
    gateway.vpc_id = None;
    Ok(json!({"return": true}))
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["InternetGatewayId"])?;
    let id = super::required(input, "InternetGatewayId")?;
    if named(cloud, id)?.vpc_id.is_some() {
        return Err(super::has_dependencies("internetGateway", id));
    }
    cloud.ec2.internet_gateways.remove(id);
    Ok(json!({"return": true}))
}
