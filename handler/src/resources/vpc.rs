//! Facts of a VPC: subnets, routes to the internet, address ranges. Only read, never changed.
//!
//! Everything is asked for by filter: an id that does not exist is then simply not in the answer,
//! while a look-up by id fails as a whole (`InvalidSubnetID.NotFound`).
//! AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeSubnets.html>

use aws_sdk_ec2::types::{Filter, RouteState, VpcCidrBlockStateCode};
use express_core::network::{RouteTable, Subnet};

use crate::aws::AwsClients;
use crate::aws::error::answer::{PAGES_MAX, member, number, text, too_many_pages};
use crate::aws::error::{AwsError, aws_error};

const DESCRIBE_SUBNETS: &str = "ec2:DescribeSubnets";
/// The route to everywhere.
const EVERYWHERE: &str = "0.0.0.0/0";
/// How ids of internet gateways begin; other gateways have other prefixes.
/// AWS: <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_Route.html>
const INTERNET_GATEWAY_PREFIX: &str = "igw-";

/// The zones with Fargate, by the beginning of their ids, of those regions where not all have it.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AWS_Fargate-Regions.html>
const ZONES_WITH_FARGATE: [(&str, &[&str]); 3] = [
    ("usw1-", &["usw1-az1", "usw1-az3"]),
    ("apne1-", &["apne1-az1", "apne1-az2", "apne1-az4"]),
    ("cnn1-", &["cnn1-az1", "cnn1-az2"]),
];

/// Those of the subnets that exist.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn subnets_by_id(aws: &AwsClients, ids: &[String]) -> Result<Vec<Subnet>, AwsError> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    subnets(aws, filter("subnet-id", ids)).await
}

/// The default subnets of the default VPC in zones with Fargate; none without one.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn default_subnets(aws: &AwsClients) -> Result<Vec<Subnet>, AwsError> {
    let default = filter("default-for-az", &["true".to_owned()]);
    let mut found = describe_subnets(aws, default).await?;
    // Whoever names a subnet in another zone is told by AWS. Nobody has named these.
    found.retain(|subnet| subnet.availability_zone_id().is_none_or(has_fargate));
    let mut found: Vec<Subnet> = found.iter().map(subnet).collect::<Result<_, _>>()?;
    // Nor has anybody named one that has IPv6 only.
    found.retain(|subnet| subnet.range.is_some());
    Ok(found)
}

fn has_fargate(zone_id: &str) -> bool {
    ZONES_WITH_FARGATE
        .iter()
        .find(|(region, _)| zone_id.starts_with(region))
        .is_none_or(|(_, zones)| zones.contains(&zone_id))
}

/// All subnets of a VPC.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn subnets_of(aws: &AwsClients, vpc_id: &str) -> Result<Vec<Subnet>, AwsError> {
    subnets(aws, filter("vpc-id", &[vpc_id.to_owned()])).await
}

/// All route tables of a VPC.
///
/// # Errors
/// When AWS refuses or the listing does not end.
pub async fn route_tables(aws: &AwsClients, vpc_id: &str) -> Result<Vec<RouteTable>, AwsError> {
    const OPERATION: &str = "ec2:DescribeRouteTables";
    let mut pages = aws
        .ec2
        .describe_route_tables()
        .filters(filter("vpc-id", &[vpc_id.to_owned()]))
        .into_paginator()
        .send();
    let mut tables = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(tables);
        };
        let page = page.map_err(aws_error(OPERATION))?;
        tables.extend(page.route_tables().iter().map(route_table));
    }
    Err(too_many_pages(OPERATION))
}

/// The IPv4 ranges of a VPC, those that are being added or removed left out.
///
/// # Errors
/// When AWS refuses, or there is no such VPC.
pub async fn cidrs(aws: &AwsClients, vpc_id: &str) -> Result<Vec<String>, AwsError> {
    const OPERATION: &str = "ec2:DescribeVpcs";
    let answer = aws
        .ec2
        .describe_vpcs()
        .vpc_ids(vpc_id)
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    let vpc = member(OPERATION, "vpcSet", answer.vpcs().first())?;
    vpc.cidr_block_association_set()
        .iter()
        .filter(|association| {
            association
                .cidr_block_state()
                .and_then(|state| state.state())
                == Some(&VpcCidrBlockStateCode::Associated)
        })
        .map(|association| text(OPERATION, "cidrBlock", association.cidr_block()))
        .collect()
}

async fn subnets(aws: &AwsClients, filter: Filter) -> Result<Vec<Subnet>, AwsError> {
    let found = describe_subnets(aws, filter).await?;
    found.iter().map(subnet).collect()
}

async fn describe_subnets(
    aws: &AwsClients,
    filter: Filter,
) -> Result<Vec<aws_sdk_ec2::types::Subnet>, AwsError> {
    let mut pages = aws
        .ec2
        .describe_subnets()
        .filters(filter)
        .into_paginator()
        .send();
    let mut subnets = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            return Ok(subnets);
        };
        let page = page.map_err(aws_error(DESCRIBE_SUBNETS))?;
        subnets.extend(page.subnets.unwrap_or_default());
    }
    Err(too_many_pages(DESCRIBE_SUBNETS))
}

fn subnet(found: &aws_sdk_ec2::types::Subnet) -> Result<Subnet, AwsError> {
    Ok(Subnet {
        id: text(DESCRIBE_SUBNETS, "subnetId", found.subnet_id())?,
        vpc_id: text(DESCRIBE_SUBNETS, "vpcId", found.vpc_id())?,
        zone: text(
            DESCRIBE_SUBNETS,
            "availabilityZone",
            found.availability_zone(),
        )?,
        range: found
            .cidr_block()
            .filter(|range| !range.is_empty())
            .map(str::to_owned),
        free_addresses: number(
            DESCRIBE_SUBNETS,
            "availableIpAddressCount",
            found.available_ip_address_count(),
        )?,
    })
}

fn route_table(table: &aws_sdk_ec2::types::RouteTable) -> RouteTable {
    RouteTable {
        is_main: table
            .associations()
            .iter()
            .any(|association| association.main() == Some(true)),
        subnet_ids: table
            .associations()
            .iter()
            .filter_map(|association| association.subnet_id().map(str::to_owned))
            .collect(),
        leads_to_internet_gateway: table.routes().iter().any(|route| {
            route.destination_cidr_block() == Some(EVERYWHERE)
                && route.state() == Some(&RouteState::Active)
                && route
                    .gateway_id()
                    .is_some_and(|id| id.starts_with(INTERNET_GATEWAY_PREFIX))
        }),
    }
}

fn filter(name: &str, values: &[String]) -> Filter {
    Filter::builder()
        .name(name)
        .set_values(Some(values.to_vec()))
        .build()
}

#[cfg(test)]
mod tests {
    use aws_sdk_ec2::types::{Route, RouteTableAssociation};

    use super::*;

    #[test]
    fn a_zone_has_fargate_unless_aws_lists_only_others_of_its_region() {
        for (zone_id, expected) in [
            ("apne1-az1", true),
            ("apne1-az3", false),
            ("apne12-az3", true),
            ("usw1-az2", false),
            ("usw2-az2", true),
            ("euw1-az3", true),
        ] {
            assert_eq!(has_fargate(zone_id), expected, "{zone_id}");
        }
    }

    fn table(gateway: &str, destination: &str, state: RouteState) -> RouteTable {
        route_table(
            &aws_sdk_ec2::types::RouteTable::builder()
                .associations(
                    RouteTableAssociation::builder()
                        .main(false)
                        .subnet_id("subnet-1")
                        .build(),
                )
                .routes(
                    Route::builder()
                        .destination_cidr_block(destination)
                        .gateway_id(gateway)
                        .state(state)
                        .build(),
                )
                .build(),
        )
    }

    #[test]
    fn only_an_active_default_route_to_an_internet_gateway_leads_there() {
        let public = table("igw-1", EVERYWHERE, RouteState::Active);
        assert!(public.leads_to_internet_gateway);
        assert_eq!(
            (public.is_main, public.subnet_ids),
            (false, vec!["subnet-1".to_owned()])
        );
        for other in [
            table("igw-1", EVERYWHERE, RouteState::Blackhole),
            table("vgw-1", EVERYWHERE, RouteState::Active),
            table("igw-1", "10.0.0.0/8", RouteState::Active),
        ] {
            assert!(!other.leads_to_internet_gateway);
        }
    }
}
