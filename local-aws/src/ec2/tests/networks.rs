//! VPCs, subnets and route tables.

use super::*;

#[test]
fn a_new_account_has_a_default_vpc_with_three_public_subnets() {
    let cloud = &mut cloud();
    let vpc_id = default_vpc(cloud);
    let filter = json!({"Filter": [{"Name": "vpc-id", "Value": [vpc_id]}]});
    let subnets = ok(cloud, "DescribeSubnets", filter.clone());
    let seen: Vec<(String, String, u64)> = subnets["subnetSet"]
        .as_array()
        .unwrap()
        .iter()
        .map(|subnet| {
            let free = subnet["availableIpAddressCount"].as_u64().unwrap();
            (
                text(subnet, "/availabilityZone"),
                text(subnet, "/cidrBlock"),
                free,
            )
        })
        .collect();
    for (zone, block) in [
        ("eu-west-1a", "172.31.0.0/20"),
        ("eu-west-1b", "172.31.16.0/20"),
        ("eu-west-1c", "172.31.32.0/20"),
    ] {
        assert!(
            seen.contains(&(zone.to_owned(), block.to_owned(), 4091)),
            "{seen:?}"
        );
    }
    let tables = ok(cloud, "DescribeRouteTables", filter);
    let gateways = ok(cloud, "DescribeInternetGateways", json!({}));
    assert_eq!(
        tables["routeTableSet"][0]["associationSet"][0]["main"],
        true
    );
    assert_eq!(
        tables["routeTableSet"][0]["routeSet"][1]["destinationCidrBlock"],
        "0.0.0.0/0"
    );
    assert_eq!(
        tables["routeTableSet"][0]["routeSet"][1]["gatewayId"],
        gateways["internetGatewaySet"][0]["internetGatewayId"]
    );
    assert_eq!(
        gateways["internetGatewaySet"][0]["attachmentSet"][0]["vpcId"],
        json!(vpc_id)
    );
}

#[test]
fn the_default_vpc_can_be_taken_apart_and_only_in_order() {
    let cloud = &mut cloud();
    let vpc_id = default_vpc(cloud);
    let gateways = ok(cloud, "DescribeInternetGateways", json!({}));
    let gateway = json!({
        "InternetGatewayId": gateways["internetGatewaySet"][0]["internetGatewayId"],
        "VpcId": vpc_id,
    });
    let gateway_alone = json!({"InternetGatewayId": gateway["InternetGatewayId"]});
    assert_eq!(
        code(cloud, "DeleteVpc", json!({"VpcId": vpc_id})),
        "DependencyViolation"
    );
    assert_eq!(
        code(cloud, "DeleteInternetGateway", gateway_alone.clone()),
        "DependencyViolation"
    );
    ok(cloud, "DetachInternetGateway", gateway);
    let tables = ok(cloud, "DescribeRouteTables", json!({}));
    assert_eq!(
        tables["routeTableSet"][0]["routeSet"][1]["state"],
        "blackhole"
    );
    ok(cloud, "DeleteInternetGateway", gateway_alone);
    let subnets: Vec<String> = cloud.ec2.subnets.keys().cloned().collect();
    for subnet_id in subnets {
        ok(cloud, "DeleteSubnet", json!({"SubnetId": subnet_id}));
    }
    ok(cloud, "DeleteVpc", json!({"VpcId": vpc_id}));
    assert!(cloud.ec2.security_groups.is_empty() && cloud.ec2.route_tables.is_empty());
    let create = json!({"GroupName": "web", "GroupDescription": "a test"});
    assert_eq!(
        code(cloud, "CreateSecurityGroup", create),
        "VPCIdNotSpecified"
    );
}

#[test]
fn a_private_network_is_built_and_described() {
    let cloud = &mut cloud();
    let vpc = ok(cloud, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let vpc_id = text(&vpc, "/vpc/vpcId");
    for (block, expected) in [
        ("10.1.0.0/24", "InvalidSubnet.Range"),
        ("10.0.0.0/29", "InvalidSubnet.Range"),
        ("10.0.0.1/24", "InvalidParameterValue"),
    ] {
        let input = json!({"VpcId": vpc_id, "CidrBlock": block});
        assert_eq!(code(cloud, "CreateSubnet", input), expected, "{block}");
    }
    let subnet = ok(
        cloud,
        "CreateSubnet",
        json!({
            "VpcId": vpc_id, "CidrBlock": "10.0.0.0/28", "AvailabilityZone": "eu-west-1b",
            "TagSpecification": [{"ResourceType": "subnet", "Tag": [{"Key": "tier", "Value": "app"}]}],
        }),
    );
    assert_eq!(subnet["subnet"]["availableIpAddressCount"], 11);
    assert_eq!(
        subnet["subnet"]["privateDnsNameOptionsOnLaunch"]["hostnameType"],
        "ip-name"
    );
    let subnet_id = text(&subnet, "/subnet/subnetId");
    let again = json!({"VpcId": vpc_id, "CidrBlock": "10.0.0.0/24"});
    assert_eq!(code(cloud, "CreateSubnet", again), "InvalidSubnet.Conflict");

    let table = ok(cloud, "CreateRouteTable", json!({"VpcId": vpc_id}));
    let table_id = text(&table, "/routeTable/routeTableId");
    let associate = json!({"RouteTableId": table_id, "SubnetId": subnet_id});
    let association = text(
        &ok(cloud, "AssociateRouteTable", associate.clone()),
        "/associationId",
    );
    assert_eq!(
        code(cloud, "AssociateRouteTable", associate),
        "Resource.AlreadyAssociated"
    );
    let of_subnet = json!({"Filter": [{"Name": "association.subnet-id", "Value": [subnet_id]}]});
    let tables = ok(cloud, "DescribeRouteTables", of_subnet);
    assert_eq!(tables["routeTableSet"][0]["routeTableId"], json!(table_id));
    let to_itself = json!({
        "RouteTableId": table_id, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-0",
    });
    assert_eq!(
        code(cloud, "CreateRoute", to_itself),
        "InvalidGatewayID.NotFound"
    );
    let delete = json!({"RouteTableId": table_id});
    assert_eq!(
        code(cloud, "DeleteRouteTable", delete.clone()),
        "DependencyViolation"
    );
    ok(
        cloud,
        "DisassociateRouteTable",
        json!({"AssociationId": association}),
    );
    ok(cloud, "DeleteRouteTable", delete);

    let tagged = json!({"Filter": [{"Name": "tag:tier", "Value": ["a*"]}]});
    let found = ok(cloud, "DescribeSubnets", tagged);
    assert_eq!(found["subnetSet"].as_array().unwrap().len(), 1);
    let unknown = json!({"Filter": [{"Name": "colour", "Value": ["red"]}]});
    assert_eq!(
        code(cloud, "DescribeSubnets", unknown),
        "InvalidParameterValue"
    );
    let member = json!({"VpcId": vpc_id, "Ipv6Native": "true"});
    assert_eq!(code(cloud, "CreateSubnet", member), "UnsupportedMember");
}

#[test]
fn a_route_table_is_made_once_for_a_client_token() {
    let cloud = &mut cloud();
    let vpc = ok(cloud, "CreateVpc", json!({"CidrBlock": "10.0.0.0/16"}));
    let create = |vpc_id: String| json!({"VpcId": vpc_id, "ClientToken": "once"});
    let input = create(text(&vpc, "/vpc/vpcId"));
    let table = ok(cloud, "CreateRouteTable", input.clone());
    assert_eq!(ok(cloud, "CreateRouteTable", input), table);
    let elsewhere = create(default_vpc(cloud));
    assert_eq!(
        code(cloud, "CreateRouteTable", elsewhere),
        "IdempotentParameterMismatch"
    );
}

#[test]
fn a_subnet_gives_out_each_address_once_and_gets_them_back() {
    let cloud = &mut cloud();
    let vpc = ok(cloud, "CreateVpc", json!({"CidrBlock": "10.0.0.0/24"}));
    let input = json!({"VpcId": text(&vpc, "/vpc/vpcId"), "CidrBlock": "10.0.0.0/28"});
    let subnet_id = text(&ok(cloud, "CreateSubnet", input), "/subnet/subnetId");
    let mut interfaces: Vec<NetworkInterface> = (0..11)
        .map(|_| create_network_interface(cloud, &subnet_id, &[], "a task").unwrap())
        .collect();
    let full = create_network_interface(cloud, &subnet_id, &[], "a task").unwrap_err();
    assert_eq!(full.code, "InsufficientFreeAddressesInSubnet");
    interfaces.sort_by(|left, right| left.private_ip.cmp(&right.private_ip));
    interfaces.dedup_by(|left, right| left.private_ip == right.private_ip);
    assert_eq!(interfaces.len(), 11);
    for reserved in ["10.0.0.0", "10.0.0.3", "10.0.0.15"] {
        assert!(
            interfaces
                .iter()
                .all(|interface| interface.private_ip != reserved)
        );
    }
    assert_eq!(
        code(cloud, "DeleteSubnet", json!({"SubnetId": subnet_id})),
        "DependencyViolation"
    );
    for interface in &interfaces {
        delete_network_interface(cloud, &interface.id);
    }
    assert_eq!(subnet(cloud, &subnet_id).unwrap().free_addresses(), 11);
    ok(cloud, "DeleteSubnet", json!({"SubnetId": subnet_id}));
}
