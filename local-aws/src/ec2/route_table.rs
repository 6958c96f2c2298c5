//! Route tables. What makes a subnet public is a route to an internet gateway in its table, which is
//! the VPC's main one unless the subnet is associated with another.
//!
//! AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/VPC_Route_Tables.html>

use serde_json::{Value, json};

use super::cidr::Cidr;
use super::describe::{Described, tag_set};
use super::internet_gateway;
use super::tag::{self, Tags};
use super::vpc;
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Route tables of one VPC at most, and routes of one table.
/// AWS: <https://docs.aws.amazon.com/vpc/latest/userguide/amazon-vpc-limits.html>
const ROUTE_TABLES_MAX: usize = 200;
const ROUTES_MAX: usize = 500;

/// A route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteTable {
    /// `rtb-…`
    pub id: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Which subnets use it; the VPC's main table has an association without a subnet.
    pub associations: Vec<Association>,
    /// Every table has a route to the VPC itself.
    pub local: Cidr,
    /// The other routes.
    pub routes: Vec<Route>,
    /// What the call that made it was repeated by, if it said so.
    client_token: Option<String>,
    pub(super) tags: Tags,
}

/// A subnet's use of a route table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// `rtbassoc-…`
    pub id: String,
    /// None for the main association.
    pub subnet_id: Option<String>,
}

/// A route to an internet gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// What it leads to.
    pub destination: Cidr,
    /// `igw-…`
    pub gateway_id: String,
}

impl RouteTable {
    /// Whether it is the main table of its VPC.
    #[must_use]
    pub fn is_main(&self) -> bool {
        let mut associations = self.associations.iter();
        associations.any(|association| association.subnet_id.is_none())
    }

    fn routes(&self, cloud: &Cloud) -> Vec<Value> {
        let local = json!({
            "destinationCidrBlock": self.local.to_string(),
            "gatewayId": "local",
            "origin": "CreateRouteTable",
            "state": "active",
        });
        let routes = self.routes.iter().map(|route| {
            let gateway = cloud.ec2.internet_gateways.get(&route.gateway_id);
            let leads =
                gateway.is_some_and(|gateway| gateway.vpc_id.as_ref() == Some(&self.vpc_id));
            json!({
                "destinationCidrBlock": route.destination.to_string(),
                "gatewayId": route.gateway_id,
                "origin": "CreateRoute",
                "state": if leads { "active" } else { "blackhole" },
            })
        });
        std::iter::once(local).chain(routes).collect()
    }
}

impl Described for RouteTable {
    const ID_MEMBER: &'static str = "RouteTableId";
    const NOT_FOUND: &'static str = "InvalidRouteTableID.NotFound";
    const NOUN: &'static str = "routeTable ID";
    const SET: &'static str = "routeTableSet";
    const FILTERS: &'static [&'static str] = &[
        "route-table-id",
        "vpc-id",
        "association.main",
        "association.subnet-id",
        "association.route-table-association-id",
        "association.route-table-id",
        "route.gateway-id",
        "route.destination-cidr-block",
    ];

    fn id(&self) -> &str {
        &self.id
    }

    fn tags(&self) -> &Tags {
        &self.tags
    }

    fn field(&self, filter: &str) -> Vec<String> {
        let associations = self.associations.iter();
        match filter {
            "vpc-id" => vec![self.vpc_id.clone()],
            "association.main" => associations
                .map(|association| association.subnet_id.is_none().to_string())
                .collect(),
            "association.subnet-id" => associations
                .filter_map(|association| association.subnet_id.clone())
                .collect(),
            "association.route-table-association-id" => associations
                .map(|association| association.id.clone())
                .collect(),
            "association.route-table-id" => associations.map(|_| self.id.clone()).collect(),
            "route.gateway-id" => std::iter::once("local".to_owned())
                .chain(self.routes.iter().map(|route| route.gateway_id.clone()))
                .collect(),
            "route.destination-cidr-block" => std::iter::once(self.local)
                .chain(self.routes.iter().map(|route| route.destination))
                .map(|destination| destination.to_string())
                .collect(),
            _ => vec![self.id.clone()],
        }
    }

    fn describe(&self, cloud: &Cloud) -> Value {
        let associations: Vec<Value> = self
            .associations
            .iter()
            .map(|association| {
                json!({
                    "routeTableAssociationId": association.id,
                    "routeTableId": self.id,
                    "main": association.subnet_id.is_none(),
                    "subnetId": association.subnet_id,
                    "associationState": {"state": "associated"},
                })
            })
            .collect();
        json!({
            "routeTableId": self.id,
            "vpcId": self.vpc_id,
            "ownerId": cloud.account.id,
            "associationSet": associations,
            "routeSet": self.routes(cloud),
            "propagatingVgwSet": [],
            "tagSet": tag_set(&self.tags),
        })
    }
}

/// The main table that a new VPC gets.
pub(super) fn insert_main(cloud: &mut Cloud, vpc_id: &str, local: Cidr) {
    let main = Association {
        id: super::new_id(cloud, "rtbassoc"),
        subnet_id: None,
    };
    insert(cloud, vpc_id, local, vec![main], Tags::new());
}

fn insert(
    cloud: &mut Cloud,
    vpc_id: &str,
    local: Cidr,
    associations: Vec<Association>,
    tags: Tags,
) -> String {
    let id = super::new_id(cloud, "rtb");
    let table = RouteTable {
        id: id.clone(),
        vpc_id: vpc_id.to_owned(),
        associations,
        local,
        routes: Vec::new(),
        client_token: None,
        tags,
    };
    cloud.ec2.route_tables.insert(id.clone(), table);
    id
}

fn named<'c>(cloud: &'c mut Cloud, id: &str) -> Result<&'c mut RouteTable, Refusal> {
    let table = cloud.ec2.route_tables.get_mut(id);
    table.ok_or_else(|| RouteTable::not_found(id))
}

/// The same `ClientToken` answers with the table that it made.
/// AWS: <https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-idempotency.html>
pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["VpcId", "TagSpecification", "ClientToken"])?;
    let vpc = vpc::named(cloud, super::required(input, "VpcId")?)?;
    let (vpc_id, local) = (vpc.id.clone(), vpc.cidr);
    let tags = tag::on_create(input, "route-table")?;
    let token = input.text("ClientToken");
    let mut tables = cloud.ec2.route_tables.values();
    let repeated = tables.find(|table| token.is_some() && table.client_token.as_deref() == token);
    if let Some(table) = repeated {
        if table.vpc_id != vpc_id || table.tags != tags {
            return Err(Refusal::client(
                "IdempotentParameterMismatch",
                "The client token was used with other parameters before",
            ));
        }
        return Ok(json!({"routeTable": table.describe(cloud), "clientToken": token}));
    }
    let tables = cloud.ec2.route_tables.values();
    if tables.filter(|table| table.vpc_id == vpc_id).count() >= ROUTE_TABLES_MAX {
        let code = "RouteTableLimitExceeded";
        return Err(super::limit_exceeded(
            code,
            "route tables",
            ROUTE_TABLES_MAX,
        ));
    }
    let id = insert(cloud, &vpc_id, local, Vec::new(), tags);
    let table = named(cloud, &id)?;
    table.client_token = token.map(str::to_owned);
    let table = table.clone();
    Ok(json!({"routeTable": table.describe(cloud), "clientToken": token}))
}

/// Refused for a main table and for one that a subnet uses.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteRouteTable.html>
pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RouteTableId"])?;
    let id = super::required(input, "RouteTableId")?;
    if !named(cloud, id)?.associations.is_empty() {
        return Err(super::has_dependencies("routeTable", id));
    }
    cloud.ec2.route_tables.remove(id);
    Ok(json!({"return": true}))
}

pub(super) fn associate(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RouteTableId", "SubnetId"])?;
    let table_id = super::required(input, "RouteTableId")?;
    let subnet_id = super::required(input, "SubnetId")?;
    let vpc_id = named(cloud, table_id)?.vpc_id.clone();
    let subnet =
        super::subnet(cloud, subnet_id).ok_or_else(|| super::Subnet::not_found(subnet_id))?;
    if subnet.vpc_id != vpc_id {
        return Err(Refusal::client(
            "InvalidParameterValue",
            format!("route table {table_id} and subnet {subnet_id} belong to different networks"),
        ));
    }
    let uses_subnet =
        |association: &Association| association.subnet_id.as_deref() == Some(subnet_id);
    let mut tables = cloud.ec2.route_tables.values();
    if tables.any(|table| table.associations.iter().any(uses_subnet)) {
        return Err(Refusal::client(
            "Resource.AlreadyAssociated",
            format!(
                "the specified association for route table {table_id} conflicts with an existing \
                 association"
            ),
        ));
    }
    let id = super::new_id(cloud, "rtbassoc");
    named(cloud, table_id)?.associations.push(Association {
        id: id.clone(),
        subnet_id: Some(subnet_id.to_owned()),
    });
    Ok(json!({"associationId": id, "associationState": {"state": "associated"}}))
}

pub(super) fn disassociate(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["AssociationId"])?;
    let id = super::required(input, "AssociationId")?;
    let is_meant = |association: &Association| association.id == id;
    let tables = &mut cloud.ec2.route_tables;
    let table = tables
        .values_mut()
        .find(|table| table.associations.iter().any(is_meant))
        .ok_or_else(|| {
            Refusal::client(
                "InvalidAssociationID.NotFound",
                format!("The association ID '{id}' does not exist"),
            )
        })?;
    let mut associations = table.associations.iter();
    if associations.any(|association| is_meant(association) && association.subnet_id.is_none()) {
        return Err(Refusal::client(
            "InvalidParameterValue",
            format!("cannot disassociate the main route table association {id}"),
        ));
    }
    table
        .associations
        .retain(|association| !is_meant(association));
    Ok(json!({"return": true}))
}

fn destination(input: Input<'_>) -> Result<Cidr, Refusal> {
    let text = super::required(input, "DestinationCidrBlock")?;
    text.parse().map_err(|_| {
        let reason = "This is not a valid CIDR block.";
        super::invalid_value(text, "destinationCidrBlock", reason)
    })
}

/// Routes lead to internet gateways; other targets are not implemented.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_CreateRoute.html>
pub(super) fn create_route(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RouteTableId", "DestinationCidrBlock", "GatewayId"])?;
    let table_id = super::required(input, "RouteTableId")?;
    let destination = destination(input)?;
    let gateway_id = super::required(input, "GatewayId")?;
    let gateway = cloud.ec2.internet_gateways.get(gateway_id).cloned();
    let table = named(cloud, table_id)?;
    let gateway = gateway.ok_or_else(|| internet_gateway::unknown_target(gateway_id))?;
    if gateway.vpc_id.as_ref() != Some(&table.vpc_id) {
        return Err(Refusal::client(
            "InvalidParameterValue",
            format!(
                "route table {table_id} and network gateway {gateway_id} belong to different \
                 networks"
            ),
        ));
    }
    let mut destinations = table.routes.iter().map(|route| route.destination);
    if destination == table.local || destinations.any(|known| known == destination) {
        return Err(Refusal::client(
            "RouteAlreadyExists",
            format!("The route identified by {destination} already exists."),
        ));
    }
    if table.routes.len() >= ROUTES_MAX {
        return Err(super::limit_exceeded(
            "RouteLimitExceeded",
            "routes",
            ROUTES_MAX,
        ));
    }
    table.routes.push(Route {
        destination,
        gateway_id: gateway.id,
    });
    Ok(json!({"return": true}))
}

pub(super) fn delete_route(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RouteTableId", "DestinationCidrBlock"])?;
    let table_id = super::required(input, "RouteTableId")?;
    let destination = destination(input)?;
    let table = named(cloud, table_id)?;
    if destination == table.local {
        return Err(Refusal::client(
            "InvalidParameterValue",
            format!("cannot remove local route {destination} in route table {table_id}"),
        ));
    }
    let before = table.routes.len();
    table
        .routes
        .retain(|route| route.destination != destination);
    if table.routes.len() == before {
        return Err(Refusal::client(
            "InvalidRoute.NotFound",
            format!("no route with destination-cidr-block {destination} in route table {table_id}"),
        ));
    }
    Ok(json!({"return": true}))
}
