//! The network that an account starts with, and what guards its parts.

use serde_json::{Value, json};

use super::*;
use crate::cloud::Account;
use crate::random::Random;

fn cloud() -> Cloud {
    let account = Account {
        id: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        partition: "aws".to_owned(),
    };
    Cloud::new(account, 1_000_000, Random::seeded(7))
}

fn ok(cloud: &mut Cloud, operation: &str, input: Value) -> Value {
    call(cloud, operation, Input::new(&input)).unwrap()
}

fn code(cloud: &mut Cloud, operation: &str, input: Value) -> String {
    call(cloud, operation, Input::new(&input)).unwrap_err().code
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

fn default_vpc(cloud: &mut Cloud) -> String {
    let vpcs = ok(
        cloud,
        "DescribeVpcs",
        json!({"Filter": [{"Name": "is-default", "Value": ["true"]}]}),
    );
    text(&vpcs, "/vpcSet/0/vpcId")
}

fn group(cloud: &mut Cloud, name: &str) -> String {
    let input = json!({"GroupName": name, "GroupDescription": "a test"});
    text(&ok(cloud, "CreateSecurityGroup", input), "/groupId")
}

fn tcp(port: u16, peer: Value) -> Value {
    let mut permission = json!({
        "IpProtocol": "tcp", "FromPort": port.to_string(), "ToPort": port.to_string(),
    });
    permission
        .as_object_mut()
        .unwrap()
        .extend(peer.as_object().unwrap().clone());
    json!([permission])
}

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

#[test]
fn a_security_group_is_kept_by_rules_that_name_it_and_by_interfaces() {
    let cloud = &mut cloud();
    let front = group(cloud, "front");
    let service = group(cloud, "service");
    let permission = tcp(80, json!({"Groups": [{"GroupId": front}]}));
    let rule = json!({"GroupId": service, "IpPermissions": permission});
    ok(cloud, "AuthorizeSecurityGroupIngress", rule.clone());
    assert_eq!(
        code(cloud, "AuthorizeSecurityGroupIngress", rule.clone()),
        "InvalidPermission.Duplicate"
    );
    assert_eq!(
        code(cloud, "DeleteSecurityGroup", json!({"GroupId": front})),
        "DependencyViolation"
    );
    ok(cloud, "RevokeSecurityGroupIngress", rule);

    let subnet_id = cloud.ec2.subnets.keys().next().unwrap().clone();
    let interface =
        create_network_interface(cloud, &subnet_id, std::slice::from_ref(&front), "ELB").unwrap();
    let by_group = json!({"Filter": [{"Name": "group-id", "Value": [front]}]});
    let described = ok(cloud, "DescribeNetworkInterfaces", by_group);
    assert_eq!(described["networkInterfaceSet"][0]["status"], "in-use");
    assert_eq!(
        code(cloud, "DeleteSecurityGroup", json!({"GroupId": front})),
        "DependencyViolation"
    );
    delete_network_interface(cloud, &interface.id);
    ok(cloud, "DeleteSecurityGroup", json!({"GroupId": front}));
    for operation in ["DeleteSecurityGroup", "AuthorizeSecurityGroupIngress"] {
        assert_eq!(
            code(cloud, operation, json!({"GroupId": front})),
            "InvalidGroup.NotFound"
        );
    }
}

#[test]
fn groups_and_rules_that_aws_refuses_are_refused() {
    let cloud = &mut cloud();
    let web = group(cloud, "web");
    for (name, expected) in [
        ("WEB", "InvalidGroup.Duplicate"),
        ("default", "InvalidGroup.Reserved"),
        ("sg-web", "InvalidParameterValue"),
        ("wéb", "InvalidParameterValue"),
        ("", "MissingParameter"),
    ] {
        let input = json!({"GroupName": name, "GroupDescription": "a test"});
        assert_eq!(
            code(cloud, "CreateSecurityGroup", input),
            expected,
            "{name}"
        );
    }
    let before = cloud.ec2.security_groups.clone();
    for (permissions, expected) in [
        (
            tcp(80, json!({"Groups": [{"GroupId": "sg-0"}]})),
            "InvalidGroup.NotFound",
        ),
        (
            tcp(80, json!({"Groups": [{"GroupId": "web"}]})),
            "InvalidGroupId.Malformed",
        ),
        (
            tcp(80, json!({"IpRanges": [{"CidrIp": "10.0.0.0"}]})),
            "InvalidParameterValue",
        ),
        (tcp(80, json!({})), "MissingParameter"),
        (
            json!([{"IpProtocol": "tcp", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]),
            "MissingParameter",
        ),
        (json!([]), "MissingParameter"),
        (
            tcp(80, json!({"PrefixListIds": [{"PrefixListId": "pl-1"}]})),
            "UnsupportedMember",
        ),
    ] {
        let input = json!({"GroupId": web, "IpPermissions": permissions});
        assert_eq!(
            code(cloud, "AuthorizeSecurityGroupIngress", input),
            expected
        );
    }
    assert_eq!(cloud.ec2.security_groups, before);
}

#[test]
fn sixty_rules_fit_in_one_direction_of_a_group() {
    let cloud = &mut cloud();
    let web = group(cloud, "web");
    let ranges: Vec<Value> = (0..60)
        .map(|third| json!({"CidrIp": format!("10.0.{third}.0/24")}))
        .collect();
    let all = json!({"GroupId": web, "IpPermissions": tcp(80, json!({"IpRanges": ranges}))});
    ok(cloud, "AuthorizeSecurityGroupIngress", all);
    for (peer, expected) in [
        (
            json!({"IpRanges": [{"CidrIp": "10.1.0.0/24"}]}),
            Some("RulesPerSecurityGroupLimitExceeded"),
        ),
        (
            json!({"Groups": [{"GroupId": web}]}),
            Some("RulesPerSecurityGroupLimitExceeded"),
        ),
        (json!({"Ipv6Ranges": [{"CidrIpv6": "::/0"}]}), None),
    ] {
        let input = json!({"GroupId": web, "IpPermissions": tcp(80, peer)});
        let refused = call(cloud, "AuthorizeSecurityGroupIngress", Input::new(&input)).err();
        assert_eq!(refused.map(|refusal| refusal.code).as_deref(), expected);
    }
    let described = ok(cloud, "DescribeSecurityGroups", json!({"GroupId": [web]}));
    let permission = &described["securityGroupInfo"][0]["ipPermissions"][0];
    assert_eq!(permission["ipRanges"].as_array().unwrap().len(), 60);
    assert_eq!(permission["ipv6Ranges"][0]["cidrIpv6"], "::/0");
}

#[test]
fn revoking_what_is_not_there_fails_outside_the_default_vpc_only() {
    let cloud = &mut cloud();
    let vpc = ok(cloud, "CreateVpc", json!({"CidrBlock": "10.0.0.0/24"}));
    let in_default = group(cloud, "web");
    let input = json!({
        "GroupName": "web", "GroupDescription": "a test", "VpcId": text(&vpc, "/vpc/vpcId"),
    });
    let elsewhere = text(&ok(cloud, "CreateSecurityGroup", input), "/groupId");
    let permissions = tcp(80, json!({"IpRanges": [{"CidrIp": "0.0.0.0/0"}]}));
    let revoke = |group_id: &str| json!({"GroupId": group_id, "IpPermissions": permissions});
    let answered = ok(cloud, "RevokeSecurityGroupIngress", revoke(&in_default));
    assert_eq!(answered["unknownIpPermissionSet"][0]["fromPort"], 80);
    assert_eq!(
        code(cloud, "RevokeSecurityGroupIngress", revoke(&elsewhere)),
        "InvalidPermission.NotFound"
    );
    let to_other = tcp(80, json!({"Groups": [{"GroupId": elsewhere}]}));
    let input = json!({"GroupId": in_default, "IpPermissions": to_other});
    assert_eq!(
        code(cloud, "AuthorizeSecurityGroupIngress", input),
        "InvalidGroup.NotFound"
    );
}

#[test]
fn traffic_needs_a_way_out_and_a_way_in() {
    let cloud = &mut cloud();
    let front = group(cloud, "front");
    let service = group(cloud, "service");
    let subnet_id = cloud.ec2.subnets.keys().next().unwrap().clone();
    let from =
        create_network_interface(cloud, &subnet_id, std::slice::from_ref(&front), "ELB").unwrap();
    let to = create_network_interface(cloud, &subnet_id, std::slice::from_ref(&service), "task")
        .unwrap();
    assert!(!reaches(cloud, &from, &to, 80));
    let permission = tcp(80, json!({"Groups": [{"GroupId": front}]}));
    ok(
        cloud,
        "AuthorizeSecurityGroupIngress",
        json!({"GroupId": service, "IpPermissions": permission}),
    );
    assert!(reaches(cloud, &from, &to, 80));
    assert!(!reaches(cloud, &from, &to, 81) && !reaches(cloud, &to, &from, 80));
    let everything = json!([{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]);
    ok(
        cloud,
        "RevokeSecurityGroupEgress",
        json!({"GroupId": front, "IpPermissions": everything}),
    );
    assert!(!reaches(cloud, &from, &to, 80));
    let vpc_only = tcp(80, json!({"IpRanges": [{"CidrIp": "172.31.0.0/16"}]}));
    ok(
        cloud,
        "AuthorizeSecurityGroupEgress",
        json!({"GroupId": front, "IpPermissions": vpc_only}),
    );
    assert!(reaches(cloud, &from, &to, 80));
}

#[test]
fn tags_are_added_replaced_and_removed_and_never_beyond_fifty() {
    let cloud = &mut cloud();
    let web = group(cloud, "web");
    let put = |tags: Value| json!({"ResourceId": [web], "Tag": tags});
    ok(
        cloud,
        "CreateTags",
        put(json!([{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])),
    );
    ok(
        cloud,
        "CreateTags",
        put(json!([{"Key": "a", "Value": "3"}])),
    );
    ok(
        cloud,
        "DeleteTags",
        put(json!([{"Key": "b", "Value": "other"}])),
    );
    let by_tag = json!({"Filter": [
        {"Name": "tag:a", "Value": ["3"]}, {"Name": "tag-key", "Value": ["b"]},
    ]});
    let found = ok(cloud, "DescribeSecurityGroups", by_tag.clone());
    assert_eq!(found["securityGroupInfo"][0]["groupId"], json!(web));
    ok(cloud, "DeleteTags", put(json!([{"Key": "b"}])));
    let found = ok(cloud, "DescribeSecurityGroups", by_tag);
    assert_eq!(found["securityGroupInfo"], json!([]));
    let many: Vec<Value> = (0..50)
        .map(|n| json!({"Key": n.to_string(), "Value": ""}))
        .collect();
    assert_eq!(
        code(cloud, "CreateTags", put(json!(many))),
        "TagLimitExceeded"
    );
    assert_eq!(
        code(cloud, "CreateTags", put(json!([{"Key": "aws:x"}]))),
        "InvalidParameterValue"
    );
    let unknown = json!({"ResourceId": ["sg-0"], "Tag": [{"Key": "a"}]});
    assert_eq!(code(cloud, "CreateTags", unknown), "InvalidID");
}

#[test]
fn pages_are_followed_by_their_token() {
    let cloud = &mut cloud();
    for number in 0..11 {
        group(cloud, &format!("group-{number}"));
    }
    let mut seen = Vec::new();
    let mut token = Value::Null;
    loop {
        let input = json!({"MaxResults": "5", "NextToken": token});
        let page = ok(cloud, "DescribeSecurityGroups", input);
        seen.push(page["securityGroupInfo"].as_array().unwrap().len());
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(seen, [5, 5, 2]);
    assert_eq!(
        code(cloud, "DescribeSecurityGroups", json!({"MaxResults": "4"})),
        "InvalidParameterValue"
    );
}
