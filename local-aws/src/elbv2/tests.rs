//! What the tests share; tags of every kind, and limits.

mod listeners;
mod load_balancers;
mod rules;
mod target_groups;
mod targets;

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
fn tags_of_every_kind_are_kept_and_described() {
    let world = &mut World::new();
    let balancer = world.balancer("web");
    let listener = world.listener(&balancer, 80);
    let group = world.group("a");
    let rule = world.rule(&listener, 1, "a.example.com", &[&group]);
    let arns = json!([balancer, listener, group, rule]);
    for arn in arns.as_array().unwrap() {
        world.ok(
            "AddTags",
            json!({"ResourceArns": [arn], "Tags": [{"Key": "slot", "Value": "1"}]}),
        );
    }
    assert_eq!(
        world.code("AddTags", json!({"ResourceArns": arns, "Tags": []})),
        "ValidationError"
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
fn limits_are_described_with_their_values() {
    let world = &mut World::new();
    let limits = world.ok("DescribeAccountLimits", json!({}));
    let known = json!({"Name": "target-groups-per-application-load-balancer", "Max": "100"});
    assert!(limits["Limits"].as_array().unwrap().contains(&known));
}
