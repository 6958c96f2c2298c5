//! Security groups, their rules, and the traffic that these let through.

use super::*;

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
