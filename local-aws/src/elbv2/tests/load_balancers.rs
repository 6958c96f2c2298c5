//! Load balancers from Create to the last of their interfaces.

use super::*;

#[test]
fn a_load_balancer_is_created_once_and_becomes_active() {
    let world = &mut World::new();
    let input = world.balancer_input("web");
    let created = world.ok("CreateLoadBalancer", input.clone());
    let balancer = &created["LoadBalancers"][0];
    assert_eq!(balancer["State"]["Code"], "provisioning");
    assert_eq!(balancer["CanonicalHostedZoneId"], "Z32O12XQLNTSW2");
    let name = text(balancer, "/DNSName");
    let digits = name
        .strip_prefix("web-")
        .and_then(|rest| rest.strip_suffix(".eu-west-1.elb.amazonaws.com"))
        .unwrap();
    assert!(
        digits.len() == 10 && digits.parse::<u64>().is_ok(),
        "{name}"
    );
    assert_eq!(world.ok("CreateLoadBalancer", input.clone()), created);

    for (member, value) in [
        ("Subnets", json!(world.subnets)),
        ("Scheme", json!("internal")),
        ("Tags", json!([{"Key": "owner", "Value": "b"}])),
        ("SecurityGroups", json!([])),
    ] {
        let mut other = input.clone();
        other[member] = value;
        let code = world.code("CreateLoadBalancer", other);
        assert_eq!(code, "DuplicateLoadBalancerName", "{member}");
    }

    world.wait_s(119);
    let described = world.ok("DescribeLoadBalancers", json!({"Names": ["web"]}));
    assert_eq!(
        described["LoadBalancers"][0]["State"]["Code"],
        "provisioning"
    );
    world.wait_s(1);
    let described = world.ok("DescribeLoadBalancers", json!({}));
    assert_eq!(described["LoadBalancers"][0]["State"]["Code"], "active");
}

#[test]
fn an_internal_load_balancer_has_an_internal_name() {
    let world = &mut World::new();
    let mut input = world.balancer_input("web");
    input["Scheme"] = json!("internal");
    let created = world.ok("CreateLoadBalancer", input);
    assert!(text(&created, "/LoadBalancers/0/DNSName").starts_with("internal-web-"));
}

#[test]
fn a_load_balancer_needs_two_zones_of_one_vpc_with_room() {
    let world = &mut World::new();
    let input = json!({"CidrBlock": "10.0.0.0/24"});
    let vpc = ec2::call(&mut world.cloud, "CreateVpc", Input::new(&input)).unwrap();
    let vpc_id = text(&vpc, "/vpc/vpcId");
    let [private, small, large] = [
        ("10.0.0.0/27", "eu-west-1a"),
        ("10.0.0.32/28", "eu-west-1b"),
        ("10.0.0.64/27", "eu-west-1b"),
    ]
    .map(|(block, zone)| {
        let input = json!({"VpcId": vpc_id, "CidrBlock": block, "AvailabilityZone": zone});
        let subnet = ec2::call(&mut world.cloud, "CreateSubnet", Input::new(&input)).unwrap();
        text(&subnet, "/subnet/subnetId")
    });
    let public = world.subnets[0].clone();
    for (scheme, subnets, expected) in [
        ("internal", [&public, ""].as_slice(), "SubnetNotFound"),
        ("internal", &[&public], "ValidationError"),
        (
            "internal",
            &[&public, &public],
            "InvalidConfigurationRequest",
        ),
        (
            "internal",
            &[&public, &large],
            "InvalidConfigurationRequest",
        ),
        ("internal", &[&private, &small], "InvalidSubnet"),
        ("internet-facing", &[&private, &large], "InvalidSubnet"),
        ("outward", &[&private, &large], "ValidationError"),
    ] {
        let input = json!({"Name": "web", "Scheme": scheme, "Subnets": subnets});
        let code = world.code("CreateLoadBalancer", input);
        assert_eq!(code, expected, "{scheme} {subnets:?}");
    }
    assert!(world.cloud.elbv2.load_balancers.is_empty());
    assert!(world.cloud.ec2.network_interfaces.is_empty());
    let input = json!({"Name": "web", "Scheme": "internal", "Subnets": [private, large]});
    world.ok("CreateLoadBalancer", input);
}

#[test]
fn a_load_balancer_that_cannot_be_is_refused() {
    let world = &mut World::new();
    for (member, value, expected) in [
        ("Name", json!("internal-web"), "ValidationError"),
        ("Name", json!("-web"), "ValidationError"),
        ("Name", json!("w".repeat(33)), "ValidationError"),
        ("SecurityGroups", json!(["sg-0"]), "InvalidSecurityGroup"),
        ("Type", json!("network"), "UnsupportedMember"),
        ("SubnetMappings", json!([]), "UnsupportedMember"),
        (
            "Tags",
            json!([{"Key": "aws:owner", "Value": "a"}]),
            "ValidationError",
        ),
    ] {
        let mut input = world.balancer_input("web");
        input[member] = value;
        assert_eq!(
            world.code("CreateLoadBalancer", input),
            expected,
            "{member}"
        );
    }
    assert!(world.cloud.ec2.network_interfaces.is_empty());
}

#[test]
fn fifty_load_balancers_fit_in_a_region() {
    let world = &mut World::new();
    for number in 0..50 {
        world.balancer(&format!("web-{number}"));
    }
    let input = world.balancer_input("web-50");
    assert_eq!(
        world.code("CreateLoadBalancer", input),
        "TooManyLoadBalancers"
    );
    let page = world.ok("DescribeLoadBalancers", json!({"PageSize": "30"}));
    assert_eq!(page["LoadBalancers"].as_array().unwrap().len(), 30);
    let rest = world.ok(
        "DescribeLoadBalancers",
        json!({"Marker": page["NextMarker"]}),
    );
    assert_eq!(rest["LoadBalancers"].as_array().unwrap().len(), 20);
    assert_eq!(rest["NextMarker"], Value::Null);
}

#[test]
fn the_interfaces_of_a_deleted_load_balancer_keep_its_security_group_for_minutes() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    assert_eq!(world.cloud.ec2.network_interfaces.len(), 2);
    let protect = |value: &str| {
        json!({
            "LoadBalancerArn": balancer,
            "Attributes": [{"Key": "deletion_protection.enabled", "Value": value}],
        })
    };
    let delete = json!({"LoadBalancerArn": balancer});
    world.ok("ModifyLoadBalancerAttributes", protect("true"));
    assert_eq!(
        world.code("DeleteLoadBalancer", delete.clone()),
        "OperationNotPermitted"
    );
    world.ok("ModifyLoadBalancerAttributes", protect("false"));
    world.ok("DeleteLoadBalancer", delete.clone());
    world.ok("DeleteLoadBalancer", delete.clone());
    assert_eq!(
        world.code(
            "DescribeLoadBalancers",
            json!({"LoadBalancerArns": [balancer]})
        ),
        "LoadBalancerNotFound"
    );
    assert_eq!(
        world.code("DescribeListeners", json!({"ListenerArns": [listener]})),
        "ListenerNotFound"
    );
    let group = json!({"GroupId": world.front});
    let refused = ec2::call(&mut world.cloud, "DeleteSecurityGroup", Input::new(&group));
    assert_eq!(refused.unwrap_err().code, "DependencyViolation");
    world.wait_s(180);
    assert!(world.cloud.ec2.network_interfaces.is_empty());
    ec2::call(&mut world.cloud, "DeleteSecurityGroup", Input::new(&group)).unwrap();
}

#[test]
fn subnets_and_security_groups_of_a_load_balancer_can_be_changed() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let set = json!({"LoadBalancerArn": balancer, "Subnets": world.subnets[1..]});
    let zones = world.ok("SetSubnets", set);
    let names: Vec<&Value> = zones["AvailabilityZones"]
        .as_array()
        .unwrap()
        .iter()
        .map(|zone| &zone["ZoneName"])
        .collect();
    assert_eq!(names, ["eu-west-1b", "eu-west-1c"]);
    assert_eq!(world.cloud.ec2.network_interfaces.len(), 3);
    world.wait_s(180);
    assert_eq!(world.cloud.ec2.network_interfaces.len(), 2);
    let one = json!({"LoadBalancerArn": balancer, "Subnets": world.subnets[..1]});
    assert_eq!(world.code("SetSubnets", one), "ValidationError");

    let input = json!({"GroupName": "second", "GroupDescription": "a test"});
    let second = ec2::call(&mut world.cloud, "CreateSecurityGroup", Input::new(&input)).unwrap();
    let set = json!({"LoadBalancerArn": balancer, "SecurityGroups": [second["groupId"]]});
    world.ok("SetSecurityGroups", set);
    for interface in world.cloud.ec2.network_interfaces.values() {
        assert_eq!(json!(interface.group_ids), json!([second["groupId"]]));
    }
}
