//! Load balancers from Create to the last of their interfaces, and what guards each part.

use serde_json::{Value, json};

use super::*;
use crate::acm;
use crate::cloud::Account;
use crate::ec2;
use crate::random::Random;

/// A default VPC, two security groups, and its subnets in order of their zones.
struct World {
    cloud: Cloud,
    subnets: Vec<String>,
    front: String,
}

impl World {
    fn new() -> Self {
        let account = Account {
            id: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
        };
        let mut cloud = Cloud::new(account, 1_000_000, Random::seeded(7));
        let mut subnets: Vec<&ec2::Subnet> = cloud.ec2.subnets.values().collect();
        subnets.sort_by(|left, right| left.zone.cmp(&right.zone));
        let subnets = subnets
            .into_iter()
            .map(|subnet| subnet.id.clone())
            .collect();
        let input = json!({"GroupName": "front", "GroupDescription": "a test"});
        let front = ec2::call(&mut cloud, "CreateSecurityGroup", Input::new(&input)).unwrap();
        let front = text(&front, "/groupId");
        Self {
            cloud,
            subnets,
            front,
        }
    }

    fn try_call(&mut self, operation: &str, input: &Value) -> Outcome {
        call(&mut self.cloud, operation, Input::new(input))
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        self.try_call(operation, &input)
            .unwrap_or_else(|refusal| panic!("{operation} {input}: {refusal}"))
    }

    fn code(&mut self, operation: &str, input: Value) -> String {
        self.try_call(operation, &input).unwrap_err().code
    }

    fn wait_s(&mut self, seconds: u64) {
        let now_ms = self.cloud.now_ms;
        self.cloud.advance_to(now_ms + seconds * 1000);
    }

    /// What a Create of a load balancer sends.
    fn balancer_input(&self, name: &str) -> Value {
        json!({
            "Name": name,
            "Subnets": self.subnets[..2],
            "SecurityGroups": [self.front],
            "Tags": [{"Key": "owner", "Value": "a"}],
        })
    }

    fn balancer(&mut self, name: &str) -> String {
        let input = self.balancer_input(name);
        let created = self.ok("CreateLoadBalancer", input);
        text(&created, "/LoadBalancers/0/LoadBalancerArn")
    }

    fn group_input(&self, name: &str) -> Value {
        let subnet = &self.cloud.ec2.subnets[&self.subnets[0]];
        json!({
            "Name": name, "Protocol": "HTTP", "Port": "80", "TargetType": "ip",
            "VpcId": subnet.vpc_id,
        })
    }

    fn group(&mut self, name: &str) -> String {
        let input = self.group_input(name);
        text(
            &self.ok("CreateTargetGroup", input),
            "/TargetGroups/0/TargetGroupArn",
        )
    }

    fn listener(&mut self, balancer: &str, port: u16) -> String {
        let created = self.ok("CreateListener", listener_input(balancer, port));
        text(&created, "/Listeners/0/ListenerArn")
    }

    fn rule(&mut self, listener: &str, priority: u32, host: &str, groups: &[&String]) -> String {
        let created = self.ok("CreateRule", rule_input(listener, priority, host, groups));
        text(&created, "/Rules/0/RuleArn")
    }

    fn certificate(&mut self) -> String {
        let input = json!({"DomainName": "*.example.com", "ValidationMethod": "DNS"});
        let requested = acm::call(&mut self.cloud, "RequestCertificate", Input::new(&input));
        text(&requested.unwrap(), "/CertificateArn")
    }

    fn issue(&mut self, certificate: &str) {
        let certificates = &mut self.cloud.acm.certificates;
        certificates.get_mut(certificate).unwrap().status = acm::Status::Issued;
    }

    /// Where a target stands, and why.
    fn health(&mut self, group: &str) -> (String, String) {
        let described = self.ok("DescribeTargetHealth", json!({"TargetGroupArn": group}));
        let health = &described["TargetHealthDescriptions"][0]["TargetHealth"];
        let member = |name: &str| health[name].as_str().unwrap_or_default().to_owned();
        (member("State"), member("Reason"))
    }
}

fn text(value: &Value, pointer: &str) -> String {
    value.pointer(pointer).unwrap().as_str().unwrap().to_owned()
}

fn not_found_action() -> Value {
    json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}])
}

fn listener_input(balancer: &str, port: u16) -> Value {
    json!({
        "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": port.to_string(),
        "DefaultActions": not_found_action(),
    })
}

fn forward(groups: &[&String]) -> Value {
    let tuples: Vec<Value> = groups
        .iter()
        .enumerate()
        .map(|(index, arn)| {
            json!({"TargetGroupArn": arn, "Weight": if index == 0 { "100" } else { "0" }})
        })
        .collect();
    json!([{"Type": "forward", "ForwardConfig": {"TargetGroups": tuples}}])
}

fn rule_input(listener: &str, priority: u32, host: &str, groups: &[&String]) -> Value {
    json!({
        "ListenerArn": listener, "Priority": priority.to_string(),
        "Conditions": [{"Field": "host-header", "HostHeaderConfig": {"Values": [host]}}],
        "Actions": forward(groups),
    })
}

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

#[test]
fn a_listener_is_created_once_for_each_port() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let input = listener_input(&balancer, 80);
    let created = world.ok("CreateListener", input.clone());
    assert_eq!(world.ok("CreateListener", input.clone()), created);
    let mut other = input.clone();
    other["DefaultActions"][0]["FixedResponseConfig"]["StatusCode"] = json!("503");
    assert_eq!(
        world.code("CreateListener", other.clone()),
        "DuplicateListener"
    );
    let listener = text(&created, "/Listeners/0/ListenerArn");
    other = json!({"ListenerArn": listener, "DefaultActions": other["DefaultActions"]});
    world.ok("ModifyListener", other);
    let rules = world.ok("DescribeRules", json!({"ListenerArn": listener}));
    let response = &rules["Rules"][0]["Actions"][0]["FixedResponseConfig"];
    assert_eq!(response["StatusCode"], "503");
    for (member, value, expected) in [
        ("Protocol", json!("TCP"), "UnsupportedProtocol"),
        ("Port", json!("0"), "ValidationError"),
        ("DefaultActions", json!([]), "InvalidLoadBalancerAction"),
        (
            "DefaultActions",
            json!([{"Type": "authenticate-oidc"}]),
            "UnsupportedMember",
        ),
        (
            "SslPolicy",
            json!("ELBSecurityPolicy-2016-08"),
            "ValidationError",
        ),
        (
            "LoadBalancerArn",
            json!("arn:aws:x"),
            "LoadBalancerNotFound",
        ),
        (
            "DefaultActions",
            json!([{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_301"}}]),
            "InvalidLoadBalancerAction",
        ),
    ] {
        let mut bad = listener_input(&balancer, 81);
        bad[member] = value;
        assert_eq!(world.code("CreateListener", bad), expected, "{member}");
    }
    for port in 1..50 {
        world.listener(&balancer, 1000 + port);
    }
    assert_eq!(
        world.code("CreateListener", listener_input(&balancer, 99)),
        "TooManyListeners"
    );
}

#[test]
fn an_https_listener_needs_a_certificate_that_is_issued() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let certificate = world.certificate();
    let mut input = listener_input(&balancer, 443);
    input["Protocol"] = json!("HTTPS");
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "ValidationError"
    );
    input["Certificates"] = json!([{"CertificateArn": "arn:aws:acm:eu-west-1:1:certificate/0"}]);
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "CertificateNotFound"
    );
    input["Certificates"] = json!([{"CertificateArn": certificate}]);
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "UnsupportedCertificate"
    );
    world.issue(&certificate);
    input["SslPolicy"] = json!("ELBSecurityPolicy-TLS13");
    assert_eq!(
        world.code("CreateListener", input.clone()),
        "SSLPolicyNotFound"
    );
    input["SslPolicy"] = json!("ELBSecurityPolicy-TLS13-1-2-2021-06");
    let created = world.ok("CreateListener", input);
    let listener = text(&created, "/Listeners/0/ListenerArn");
    let in_use = |world: &World| world.cloud.acm.certificates[&certificate].in_use_by.len();
    assert_eq!(in_use(world), 1);

    let second = world.certificate();
    world.issue(&second);
    let add = json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": second}]});
    world.ok("AddListenerCertificates", add.clone());
    world.ok("AddListenerCertificates", add.clone());
    let listed = world.ok(
        "DescribeListenerCertificates",
        json!({"ListenerArn": listener}),
    );
    assert_eq!(
        listed["Certificates"],
        json!([
            {"CertificateArn": certificate, "IsDefault": true},
            {"CertificateArn": second, "IsDefault": false},
        ])
    );
    let default =
        json!({"ListenerArn": listener, "Certificates": [{"CertificateArn": certificate}]});
    assert_eq!(
        world.code("RemoveListenerCertificates", default),
        "OperationNotPermitted"
    );
    world.ok("RemoveListenerCertificates", add);
    assert!(world.cloud.acm.certificates[&second].in_use_by.is_empty());
    world.ok("DeleteListener", json!({"ListenerArn": listener}));
    assert_eq!(in_use(world), 0);
}

#[test]
fn rules_have_a_priority_of_their_own_and_the_default_rule_is_last() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    let second = world.rule(&listener, 20, "b.example.com", &[&group]);
    let first = world.rule(&listener, 3, "a.example.com", &[&group]);
    let again = rule_input(&listener, 3, "a.example.com", &[&group]);
    assert_eq!(world.code("CreateRule", again), "PriorityInUse");
    for priority in [0, 50_001] {
        let input = rule_input(&listener, priority, "c.example.com", &[&group]);
        assert_eq!(world.code("CreateRule", input), "ValidationError");
    }
    let rules = world.ok(
        "DescribeRules",
        json!({"ListenerArn": listener, "PageSize": "2"}),
    );
    let priorities = |rules: &Value| -> Vec<String> {
        let rules = rules["Rules"].as_array().unwrap().iter();
        rules.map(|rule| text(rule, "/Priority")).collect()
    };
    assert_eq!(priorities(&rules), ["3", "20"]);
    let marker = json!({"ListenerArn": listener, "Marker": rules["NextMarker"]});
    let rest = world.ok("DescribeRules", marker);
    assert_eq!(priorities(&rest), ["default"]);
    let default = text(&rest, "/Rules/0/RuleArn");

    let swap = |one: &str, other: &str| {
        json!({"RulePriorities": [
            {"RuleArn": first, "Priority": one}, {"RuleArn": second, "Priority": other},
        ]})
    };
    world.ok("SetRulePriorities", swap("20", "3"));
    let rules = world.ok("DescribeRules", json!({"ListenerArn": listener}));
    assert_eq!(rules["Rules"][0]["RuleArn"], json!(second));
    assert_eq!(
        world.code("SetRulePriorities", swap("5", "5")),
        "ValidationError"
    );
    let taken = json!({"RulePriorities": [{"RuleArn": first, "Priority": "3"}]});
    assert_eq!(world.code("SetRulePriorities", taken), "PriorityInUse");

    for (operation, input) in [
        ("DeleteRule", json!({"RuleArn": default})),
        (
            "ModifyRule",
            json!({"RuleArn": default, "Actions": not_found_action()}),
        ),
        (
            "SetRulePriorities",
            json!({"RulePriorities": [{"RuleArn": default, "Priority": "9"}]}),
        ),
    ] {
        assert_eq!(
            world.code(operation, input),
            "OperationNotPermitted",
            "{operation}"
        );
    }
    world.ok("DeleteRule", json!({"RuleArn": first}));
    assert_eq!(
        world.code("DescribeRules", json!({"RuleArns": [first]})),
        "RuleNotFound"
    );
    assert_eq!(world.code("DescribeRules", json!({})), "ValidationError");
}

#[test]
fn a_load_balancer_has_a_hundred_rules_and_a_hundred_target_groups() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("shared");
    for number in 1..=49 {
        let pair = [
            world.group(&format!("a-{number}")),
            world.group(&format!("b-{number}")),
        ];
        world.rule(&listener, number, "a.example.com", &[&pair[0], &pair[1]]);
    }
    world.rule(&listener, 50, "a.example.com", &[&group]);
    let last = world.group("last");
    world.rule(&listener, 51, "a.example.com", &[&last]);
    let beyond = world.group("beyond");
    let input = rule_input(&listener, 52, "a.example.com", &[&beyond]);
    assert_eq!(
        world.code("CreateRule", input),
        "TooManyUniqueTargetGroupsPerLoadBalancer"
    );
    for number in 52..=100 {
        world.rule(&listener, number, "a.example.com", &[&group]);
    }
    let input = rule_input(&listener, 101, "a.example.com", &[&group]);
    assert_eq!(world.code("CreateRule", input), "TooManyRules");
    let exchange = json!({
        "RuleArn": world.cloud.elbv2.rules_of(&listener).nth(50).unwrap().arn,
        "Actions": forward(&[&beyond]),
    });
    world.ok("ModifyRule", exchange);
}

#[test]
fn a_target_group_serves_one_load_balancer_and_cannot_go_while_it_does() {
    let world = &mut World::new();
    let [one, other] = [world.balancer("one"), world.balancer("other")];
    let [one, other] = [world.listener(&one, 80), world.listener(&other, 80)];
    let [a, b] = [world.group("a"), world.group("b")];
    let rule = world.rule(&one, 1, "a.example.com", &[&a, &b]);
    let input = rule_input(&other, 1, "a.example.com", &[&a]);
    assert_eq!(
        world.code("CreateRule", input),
        "TargetGroupAssociationLimit"
    );
    let input = rule_input(&one, 2, "a.example.com", &[&"arn:aws:none".to_owned()]);
    assert_eq!(world.code("CreateRule", input), "TargetGroupNotFound");
    let delete = json!({"TargetGroupArn": b});
    assert_eq!(
        world.code("DeleteTargetGroup", delete.clone()),
        "ResourceInUse"
    );

    assert_eq!(
        rule_targets(&world.cloud, &rule),
        Some(vec![(a.clone(), 100), (b.clone(), 0)])
    );
    let weights = [(a.clone(), 0), (b.clone(), 100)];
    set_rule_weights(&mut world.cloud, &rule, &weights).unwrap();
    assert_eq!(rule_targets(&world.cloud, &rule), Some(weights.to_vec()));
    assert_eq!(rule_targets(&world.cloud, "arn:aws:none"), None);

    world.ok("DeleteRule", json!({"RuleArn": rule}));
    world.ok("DeleteTargetGroup", delete.clone());
    world.ok("DeleteTargetGroup", delete);
    world.rule(&other, 1, "a.example.com", &[&a]);
}

#[test]
fn a_target_group_is_created_once_with_aws_defaults() {
    let world = &mut World::new();
    let input = world.group_input("web");
    let created = world.ok("CreateTargetGroup", input.clone());
    let group = &created["TargetGroups"][0];
    for (member, value) in [
        ("HealthCheckProtocol", json!("HTTP")),
        ("HealthCheckPort", json!("traffic-port")),
        ("HealthCheckPath", json!("/")),
        ("HealthCheckIntervalSeconds", json!(30)),
        ("HealthCheckTimeoutSeconds", json!(6)),
        ("HealthyThresholdCount", json!(5)),
        ("UnhealthyThresholdCount", json!(2)),
        ("Matcher", json!({"HttpCode": "200"})),
        ("LoadBalancerArns", json!([])),
    ] {
        assert_eq!(group[member], value, "{member}");
    }
    assert_eq!(world.ok("CreateTargetGroup", input.clone()), created);
    let mut other = input.clone();
    other["HealthCheckPath"] = json!("/up");
    assert_eq!(
        world.code("CreateTargetGroup", other),
        "DuplicateTargetGroupName"
    );
    for (member, value, expected) in [
        ("Name", json!("a_b"), "ValidationError"),
        ("VpcId", json!("vpc-0"), "ValidationError"),
        ("TargetType", json!("lambda"), "UnsupportedMember"),
        ("Port", json!("70000"), "ValidationError"),
        (
            "Tags",
            json!([{"Key": "a"}, {"Key": "a"}]),
            "DuplicateTagKeys",
        ),
        (
            "HealthCheckEnabled",
            json!("false"),
            "InvalidConfigurationRequest",
        ),
    ] {
        let mut bad = world.group_input("other");
        bad[member] = value;
        assert_eq!(world.code("CreateTargetGroup", bad), expected, "{member}");
    }
    let arn = text(group, "/TargetGroupArn");
    let modify =
        json!({"TargetGroupArn": arn, "HealthCheckPath": "/up", "Matcher": {"HttpCode": "204"}});
    let modified = world.ok("ModifyTargetGroup", modify);
    assert_eq!(modified["TargetGroups"][0]["HealthCheckPath"], "/up");
    assert_eq!(
        modified["TargetGroups"][0]["HealthCheckIntervalSeconds"],
        30
    );
    for input in [
        json!({"Names": ["none"]}),
        json!({"TargetGroupArns": ["none"]}),
    ] {
        assert_eq!(
            world.code("DescribeTargetGroups", input),
            "TargetGroupNotFound"
        );
    }
}

#[test]
fn a_target_is_unused_until_a_rule_forwards_to_its_group_and_its_zone_is_enabled() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    // 172.31.32.0/20 is the third zone's, which the load balancer has no subnet in.
    for (address, zone) in [
        ("172.31.0.10", "eu-west-1a"),
        ("172.31.32.10", "eu-west-1c"),
    ] {
        register_target(&mut world.cloud, &group, address, 80, zone).unwrap();
    }
    let unused = ("unused".to_owned(), "Target.NotInUse".to_owned());
    assert_eq!(world.health(&group), unused);
    let rule = world.rule(&listener, 1, "a.example.com", &[&group]);
    assert_eq!(world.health(&group).1, "Elb.RegistrationInProgress");
    let all = world.ok("DescribeTargetHealth", json!({"TargetGroupArn": group}));
    let third = &all["TargetHealthDescriptions"][1]["TargetHealth"];
    assert_eq!(third["State"], "unused");
    assert!(text(third, "/Description").contains("Availability Zone"));

    // Nothing has the address, so the first check, five seconds after the load balancer serves, fails.
    world.wait_s(120);
    assert_eq!(world.health(&group).1, "Elb.RegistrationInProgress");
    world.wait_s(5);
    assert_eq!(
        world.health(&group),
        ("initial".to_owned(), "Elb.InitialHealthChecking".to_owned())
    );
    world.wait_s(30);
    assert_eq!(
        world.health(&group),
        ("unhealthy".to_owned(), "Target.Timeout".to_owned())
    );
    world.ok(
        "SetSubnets",
        json!({"LoadBalancerArn": balancer, "Subnets": world.subnets}),
    );
    assert_eq!(
        target_health(&world.cloud, &group, "172.31.32.10", 80),
        Some(TargetHealth::Initial)
    );
    world.ok("DeleteRule", json!({"RuleArn": rule}));
    assert_eq!(world.health(&group), unused);
}

#[test]
fn a_deregistered_target_drains_while_its_group_is_in_use() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    let rule = world.rule(&listener, 1, "a.example.com", &[&group]);
    world.wait_s(120);
    let delay = json!({
        "TargetGroupArn": group,
        "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "30"}],
    });
    world.ok("ModifyTargetGroupAttributes", delay);
    let targets = json!({"TargetGroupArn": group, "Targets": [{"Id": "172.31.0.10"}]});
    let target = |world: &World| target_health(&world.cloud, &group, "172.31.0.10", 80);
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    assert_eq!(world.health(&group).1, "Target.DeregistrationInProgress");
    world.wait_s(29);
    assert_eq!(target(world), Some(TargetHealth::Draining));
    world.wait_s(1);
    assert_eq!(target(world), None);
    let described = world.ok("DescribeTargetHealth", targets.clone());
    let health = &described["TargetHealthDescriptions"][0]["TargetHealth"];
    assert_eq!(health["Reason"], "Target.NotRegistered");

    // Without the rule nothing is left to drain: the target is gone at once.
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    world.ok("DeleteRule", json!({"RuleArn": rule}));
    assert_eq!(target(world), None);
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    assert_eq!(target(world), None);
    world.ok("DeregisterTargets", targets);
}

#[test]
fn a_target_that_comes_back_while_draining_begins_anew() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    world.rule(&listener, 1, "a.example.com", &[&group]);
    world.wait_s(120);
    let targets = json!({"TargetGroupArn": group, "Targets": [{"Id": "172.31.0.10"}]});
    world.ok("RegisterTargets", targets.clone());
    world.ok("DeregisterTargets", targets.clone());
    world.ok("RegisterTargets", targets);
    world.wait_s(400);
    assert_eq!(world.health(&group).0, "unhealthy");
}

#[test]
fn addresses_outside_the_network_are_no_targets() {
    let world = &mut World::new();
    let group = world.group("a");
    for (target, expected) in [
        (json!({"Id": "10.0.0.1"}), "InvalidTarget"),
        (json!({"Id": "i-0"}), "InvalidTarget"),
        (json!({"Id": "172.31.0.10", "Port": "0"}), "ValidationError"),
        (
            json!({"Id": "172.31.0.10", "AvailabilityZone": "eu-west-1b"}),
            "ValidationError",
        ),
    ] {
        let input = json!({"TargetGroupArn": group, "Targets": [target]});
        assert_eq!(world.code("RegisterTargets", input), expected);
    }
    assert!(world.cloud.elbv2.target_groups[&group].targets.is_empty());
}

#[test]
fn tags_of_every_kind_are_kept_and_described() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    let rule = world.rule(&listener, 1, "a.example.com", &[&group]);
    let arns = json!([balancer, listener, group, rule]);
    world.ok(
        "AddTags",
        json!({"ResourceArns": arns, "Tags": [{"Key": "slot", "Value": "1"}]}),
    );
    world.ok(
        "RemoveTags",
        json!({"ResourceArns": [balancer], "TagKeys": ["owner"]}),
    );
    let described = world.ok("DescribeTags", json!({"ResourceArns": arns}));
    for (index, arn) in arns.as_array().unwrap().iter().enumerate() {
        let one = &described["TagDescriptions"][index];
        assert_eq!(
            one,
            &json!({"ResourceArn": arn, "Tags": [{"Key": "slot", "Value": "1"}]})
        );
    }
    for (kind, expected) in [
        ("loadbalancer/app/x/1", "LoadBalancerNotFound"),
        ("listener/app/x/1/2", "ListenerNotFound"),
        ("listener-rule/app/x/1/2/3", "RuleNotFound"),
        ("targetgroup/x/1", "TargetGroupNotFound"),
    ] {
        let arn = format!("arn:aws:elasticloadbalancing:eu-west-1:123456789012:{kind}");
        assert_eq!(
            world.code("DescribeTags", json!({"ResourceArns": [arn]})),
            expected
        );
    }
    let many: Vec<Value> = (0..50)
        .map(|n| json!({"Key": n.to_string(), "Value": ""}))
        .collect();
    assert_eq!(
        world.code("AddTags", json!({"ResourceArns": [rule], "Tags": many})),
        "TooManyTags"
    );
    let too_many = json!({"ResourceArns": vec![rule; 21]});
    assert_eq!(world.code("DescribeTags", too_many), "ValidationError");
}

#[test]
fn a_request_is_followed_to_its_target_groups() {
    let world = &mut World::new();
    let certificate = world.certificate();
    world.issue(&certificate);
    let [a, b] = [world.group("a"), world.group("b")];
    let balancer = world.balancer("web");
    let mut input = listener_input(&balancer, 443);
    input["Protocol"] = json!("HTTPS");
    input["Certificates"] = json!([{"CertificateArn": certificate}]);
    let listener = text(
        &world.ok("CreateListener", input),
        "/Listeners/0/ListenerArn",
    );
    world.rule(&listener, 2, "*.example.com", &[&b]);
    let rule = world.rule(&listener, 1, "web.example.com", &[&a, &b]);
    assert_eq!(route(&world.cloud, "web.example.com"), RouteOutcome::NoRule);
    world.wait_s(120);
    let expected = |rule_arn: &String, groups: &[(&String, u32)]| {
        RouteOutcome::Answered(Answer {
            load_balancer_arn: balancer.clone(),
            listener_arn: listener.clone(),
            rule_arn: rule_arn.clone(),
            groups: groups
                .iter()
                .map(|(arn, weight)| RoutedGroup {
                    arn: (*arn).clone(),
                    weight: *weight,
                    healthy_targets: 0,
                })
                .collect(),
        })
    };
    let answer = route(&world.cloud, "Web.Example.com");
    assert_eq!(answer, expected(&rule, &[(&a, 100), (&b, 0)]));
    let RouteOutcome::Answered(answer) = answer else {
        panic!("{answer:?}");
    };
    assert!(!answer.is_served());
    assert_eq!(route(&world.cloud, "example.org"), RouteOutcome::NoRule);
}

#[test]
fn limits_are_described_with_their_values() {
    let world = &mut World::new();
    let limits = world.ok("DescribeAccountLimits", json!({}));
    let known = json!({"Name": "target-groups-per-application-load-balancer", "Max": "100"});
    assert!(limits["Limits"].as_array().unwrap().contains(&known));
}
