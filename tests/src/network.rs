//! Subnets that somebody makes in the account's VPC.

use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::world::World;

/// A subnet in each zone of the default ones, without a route to the internet: for load balancers and tasks inside.
///
/// # Panics
/// When EC2 refuses.
#[must_use]
pub fn private_subnets(world: &World) -> Vec<String> {
    let public = world.subnets();
    let places: Vec<(String, String)> = {
        let cloud = world.account().cloud();
        let places = public.iter().map(|id| &cloud.ec2.subnets[id]);
        places
            .map(|subnet| (subnet.vpc_id.clone(), subnet.zone.clone()))
            .collect()
    };
    let perform = |operation: &str, input: Value| {
        let answer = world.account().perform(Service::Ec2, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    };
    let (vpc_id, _) = &places[0];
    let table = perform("CreateRouteTable", json!({"VpcId": vpc_id}));
    let table = table["routeTable"]["routeTableId"].clone();
    let subnets = places.iter().zip(FIRST_BLOCK..);
    subnets
        .map(|((vpc_id, zone), block)| {
            let cidr = format!("172.31.{block}.0/24");
            let input = json!({"VpcId": vpc_id, "AvailabilityZone": zone, "CidrBlock": cidr});
            let subnet = perform("CreateSubnet", input)["subnet"]["subnetId"].clone();
            perform(
                "AssociateRouteTable",
                json!({"RouteTableId": table, "SubnetId": subnet}),
            );
            subnet.as_str().unwrap_or_default().to_owned()
        })
        .collect()
}

/// Third number of the first range: the default subnets have those below.
const FIRST_BLOCK: u32 = 128;
