//! Subnets and groups that somebody makes in the account's VPC, and takes away.

use local_aws::ec2::{RouteTable, Subnet};
use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::account::Kind;
use crate::world::World;

/// A subnet in each zone of the default ones, without a route to the internet: for load balancers and tasks inside.
///
/// # Panics
/// When EC2 refuses.
#[must_use]
pub fn private_subnets(world: &World) -> Vec<String> {
    let public: Vec<Subnet> = world.subnets().iter().map(|id| subnet(world, id)).collect();
    let table = perform(
        world,
        "CreateRouteTable",
        json!({"VpcId": public[0].vpc_id}),
    );
    let table = &table["routeTable"]["routeTableId"];
    let subnets = public.iter().zip(FIRST_BLOCK..);
    subnets
        .map(|(public, block)| {
            let made = create(world, public, &format!("172.31.{block}.0/24"));
            associate(world, table, &made);
            made
        })
        .collect()
}

/// Deletes the only load balancer, and waits until its network interfaces are gone.
///
/// # Panics
/// When there is none.
pub fn delete_load_balancer(world: &World) {
    let inventory = world.inventory();
    let found = inventory.of(Kind::LoadBalancer).next();
    let (arn, _) = found.expect("a load balancer");
    let input = json!({"LoadBalancerArn": arn});
    let account = world.account();
    let deleted = account.perform(Service::ElasticLoadBalancing, "DeleteLoadBalancer", input);
    deleted.unwrap_or_else(|refusal| panic!("{refusal:?}"));
    world.block_on(world.sleep_s(INTERFACES_GONE_AFTER_S));
}

/// Makes another subnet in the same zone with the same routes, and deletes the one; the id of the other.
///
/// # Panics
/// When EC2 refuses.
pub fn replaced(world: &World, subnet_id: &str) -> String {
    let made = added_beside(world, subnet_id);
    perform(world, "DeleteSubnet", json!({"SubnetId": subnet_id}));
    made
}

/// Makes another subnet in the same zone with the same routes; its id.
///
/// # Panics
/// When EC2 refuses.
pub fn added_beside(world: &World, subnet_id: &str) -> String {
    let table = table_of(world, subnet_id);
    let range = format!("172.31.{FURTHER_BLOCK}.0/24");
    let made = create(world, &subnet(world, subnet_id), &range);
    associate(world, &json!(table.id), &made);
    made
}

/// Lets a subnet have the routes of the VPC's main route table, which lead to the internet.
///
/// # Panics
/// When EC2 refuses.
pub fn make_public(world: &World, subnet_id: &str) {
    let table = table_of(world, subnet_id);
    let mut associations = table.associations.iter();
    let own = associations.find(|own| own.subnet_id.as_deref() == Some(subnet_id));
    let id = own.map(|own| own.id.clone());
    perform(
        world,
        "DisassociateRouteTable",
        json!({"AssociationId": id}),
    );
}

/// A subnet of this range, in the VPC and the zone of another, with the main route table; its id.
///
/// # Panics
/// When EC2 refuses.
#[must_use]
pub fn create(world: &World, beside: &Subnet, range: &str) -> String {
    let Subnet { vpc_id, zone, .. } = beside;
    let input = json!({"VpcId": vpc_id, "AvailabilityZone": zone, "CidrBlock": range});
    let made = perform(world, "CreateSubnet", input);
    made["subnet"]["subnetId"].as_str().unwrap().to_owned()
}

/// The subnet of this id.
///
/// # Panics
/// When there is none.
#[must_use]
pub fn subnet(world: &World, id: &str) -> Subnet {
    world.account().cloud().ec2.subnets[id].clone()
}

/// One call to EC2.
///
/// # Panics
/// When EC2 refuses.
pub fn perform(world: &World, operation: &str, input: Value) -> Value {
    let answer = world.account().perform(Service::Ec2, operation, input);
    answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
}

/// People's group of a database that lets in whoever has `group`, which keeps that from being deleted; its id.
///
/// # Panics
/// When EC2 refuses.
pub fn admit_to_database(world: &World, group: &str) -> String {
    let vpc_id = world.account().cloud().ec2.vpcs.keys().next().cloned();
    let input = json!({"GroupName": "database", "GroupDescription": "of people", "VpcId": vpc_id});
    let made = perform(world, "CreateSecurityGroup", input);
    let database = made["groupId"].as_str().expect("an id").to_owned();
    let rule = admitting(&database, group);
    perform(world, "AuthorizeSecurityGroupIngress", rule);
    world.remember_as_foreign(Kind::SecurityGroup, &database);
    database
}

/// Takes away what [`admit_to_database`] has made, but for the database's group.
///
/// # Panics
/// When EC2 refuses.
pub fn stop_admitting(world: &World, database: &str, group: &str) {
    let rule = admitting(database, group);
    perform(world, "RevokeSecurityGroupIngress", rule);
    world.remember_as_foreign(Kind::SecurityGroup, database);
}

fn admitting(database: &str, group: &str) -> Value {
    json!({
        "GroupId": database,
        "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": 5432, "ToPort": 5432, "Groups": [{"GroupId": group}]},
        ],
    })
}

fn associate(world: &World, table: &Value, subnet_id: &str) {
    let input = json!({"RouteTableId": table, "SubnetId": subnet_id});
    perform(world, "AssociateRouteTable", input);
}

/// The route table of a subnet's own.
fn table_of(world: &World, subnet_id: &str) -> RouteTable {
    let cloud = world.account().cloud();
    let mut tables = cloud.ec2.route_tables.values();
    let has_it = |table: &&RouteTable| {
        let mut associations = table.associations.iter();
        associations.any(|one| one.subnet_id.as_deref() == Some(subnet_id))
    };
    tables.find(has_it).cloned().expect("a table of its own")
}

/// When a load balancer that was deleted has no network interfaces any more, in seconds.
const INTERFACES_GONE_AFTER_S: u64 = 600;
/// Third number of the first range: the default subnets have those below.
const FIRST_BLOCK: u32 = 128;
/// Third number of the range of a further one.
const FURTHER_BLOCK: u32 = 160;
