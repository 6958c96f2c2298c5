//! The engine end to end: a service behind a load balancer, deployed, broken, rolled back, deleted.

mod deployments;
mod hooks;
mod mishaps;
mod requests;
mod strategies;

use serde_json::{Value, json};

use super::*;
use crate::cloud::Account;
use crate::random::Random;
use crate::{ec2, elbv2, logs};

/// An account with a load balancer, a rule that forwards to two groups, and a log group.
pub(crate) struct World {
    pub(crate) cloud: Cloud,
    subnets: Vec<String>,
    security_group: String,
    groups: [String; 2],
    rule: String,
}

const ROLE: &str = "arn:aws:iam::123456789012:role/infrastructure";
const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/execution";

impl World {
    pub(crate) fn new() -> Self {
        let account = Account {
            id: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            partition: "aws".to_owned(),
        };
        let mut cloud = Cloud::new(account, 1_000_000, Random::seeded(7));
        let subnets = ask(&mut cloud, ec2::call, "DescribeSubnets", json!({}));
        let vpc = text(&subnets, "/subnetSet/0/vpcId");
        let subnets = vec![
            text(&subnets, "/subnetSet/0/subnetId"),
            text(&subnets, "/subnetSet/1/subnetId"),
        ];
        let group = json!({"GroupName": "web", "GroupDescription": "a test", "VpcId": vpc});
        let group = ask(&mut cloud, ec2::call, "CreateSecurityGroup", group);
        let security_group = text(&group, "/groupId");
        let open = json!({"GroupId": security_group, "IpPermissions": [
            {"IpProtocol": "tcp", "FromPort": "1", "ToPort": "65535", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]},
        ]});
        ask(&mut cloud, ec2::call, "AuthorizeSecurityGroupIngress", open);
        let groups = ["a", "b"].map(|name| target_group(&mut cloud, name, &vpc));
        let rule = Self::listen(&mut cloud, &subnets, &security_group, &groups);
        ask(
            &mut cloud,
            logs::call,
            "CreateLogGroup",
            json!({"logGroupName": "/web"}),
        );
        let mut world = Self {
            cloud,
            subnets,
            security_group,
            groups,
            rule,
        };
        world.pass(300);
        world.ok("CreateCluster", json!({}));
        world
    }

    fn listen(
        cloud: &mut Cloud,
        subnets: &[String],
        security_group: &str,
        groups: &[String; 2],
    ) -> String {
        let input = json!({"Name": "lb", "Subnets": subnets, "SecurityGroups": [security_group]});
        let answer = ask(cloud, elbv2::call, "CreateLoadBalancer", input);
        let load_balancer = text(&answer, "/LoadBalancers/0/LoadBalancerArn");
        let not_found =
            json!([{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]);
        let input = json!({
            "LoadBalancerArn": load_balancer, "Protocol": "HTTP", "Port": "80", "DefaultActions": not_found,
        });
        let answer = ask(cloud, elbv2::call, "CreateListener", input);
        let [primary, alternate] = groups;
        let input = json!({
            "ListenerArn": text(&answer, "/Listeners/0/ListenerArn"),
            "Priority": "1000",
            "Conditions": [{"Field": "host-header", "Values": ["web.example.com"]}],
            "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
                {"TargetGroupArn": primary, "Weight": "100"},
                {"TargetGroupArn": alternate, "Weight": "0"},
            ]}}],
        });
        text(
            &ask(cloud, elbv2::call, "CreateRule", input),
            "/Rules/0/RuleArn",
        )
    }

    fn ok(&mut self, operation: &str, input: Value) -> Value {
        ask(&mut self.cloud, call, operation, input)
    }

    fn refusal(&mut self, operation: &str, input: Value) -> Refusal {
        call(&mut self.cloud, operation, Input::new(&input)).unwrap_err()
    }

    fn pass(&mut self, seconds: u64) {
        self.cloud.advance_to(self.cloud.now_ms + seconds * 1_000);
    }

    /// Registers a task definition of `image` and answers its ARN.
    fn definition(&mut self, image: &str) -> String {
        let answer = self.ok("RegisterTaskDefinition", definition(image));
        text(&answer, "/taskDefinition/taskDefinitionArn")
    }

    fn create_input(&mut self, image: &str) -> Value {
        let definition = self.definition(image);
        json!({
            "serviceName": "web",
            "taskDefinition": definition,
            "launchType": "FARGATE",
            "desiredCount": 2,
            "clientToken": "one",
            "networkConfiguration": {"awsvpcConfiguration": {
                "subnets": self.subnets, "securityGroups": [self.security_group], "assignPublicIp": "ENABLED",
            }},
            "loadBalancers": [{
                "targetGroupArn": self.groups[0],
                "containerName": "Main",
                "containerPort": 80,
                "advancedConfiguration": {
                    "alternateTargetGroupArn": self.groups[1],
                    "productionListenerRule": self.rule,
                    "roleArn": ROLE,
                },
            }],
            "deploymentConfiguration": {
                "strategy": "BLUE_GREEN",
                "bakeTimeInMinutes": 0,
                "deploymentCircuitBreaker": {"enable": true, "rollback": true},
            },
            "propagateTags": "SERVICE",
            "enableECSManagedTags": true,
            "tags": [{"key": "team", "value": "blue"}],
        })
    }

    /// Creates the service and lets it settle.
    pub(crate) fn create(&mut self, image: &str) {
        let input = self.create_input(image);
        self.ok("CreateService", input);
        self.pass(300);
    }

    fn update(&mut self, members: Value) -> Value {
        let mut input = json!({"service": "web"});
        for (name, value) in members.as_object().unwrap() {
            input[name] = value.clone();
        }
        self.ok("UpdateService", input)
    }

    fn service(&mut self) -> Value {
        self.ok(
            "DescribeServices",
            json!({"services": ["web"], "include": ["TAGS"]}),
        )["services"][0]
            .clone()
    }

    /// The newest deployment.
    fn deployment(&mut self) -> Value {
        let arn = text(&self.service(), "/currentServiceDeployment");
        let input = json!({"serviceDeploymentArns": [arn]});
        self.ok("DescribeServiceDeployments", input)["serviceDeployments"][0].clone()
    }

    /// The weights of the rule: primary, alternate.
    fn weights(&self) -> [u32; 2] {
        let targets = elbv2::rule_targets(&self.cloud, &self.rule).unwrap();
        let weight = |group: &String| {
            let found = targets.iter().find(|(arn, _)| arn == group);
            found.map_or(0, |(_, weight)| *weight)
        };
        [weight(&self.groups[0]), weight(&self.groups[1])]
    }

    fn tasks(&mut self, desired_status: &str) -> Vec<Value> {
        let input = json!({"serviceName": "web", "desiredStatus": desired_status});
        let arns = self.ok("ListTasks", input)["taskArns"].clone();
        if arns == json!([]) {
            return Vec::new();
        }
        let input = json!({"tasks": arns, "include": ["TAGS"]});
        let answer = self.ok("DescribeTasks", input);
        answer["tasks"].as_array().unwrap().clone()
    }
}

fn definition(image: &str) -> Value {
    json!({
        "family": "web",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": EXECUTION_ROLE,
        "containerDefinitions": [{
            "name": "Main",
            "image": image,
            "essential": true,
            "portMappings": [{"containerPort": 80, "name": "http"}],
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "/web", "awslogs-region": "eu-west-1", "awslogs-stream-prefix": "ecs",
            }},
        }],
    })
}

fn target_group(cloud: &mut Cloud, name: &str, vpc: &str) -> String {
    let input = json!({
        "Name": name, "Protocol": "HTTP", "Port": "80", "VpcId": vpc, "TargetType": "ip",
    });
    let answer = ask(cloud, elbv2::call, "CreateTargetGroup", input);
    let arn = text(&answer, "/TargetGroups/0/TargetGroupArn");
    let input = json!({"TargetGroupArn": arn, "Attributes": [
        {"Key": "deregistration_delay.timeout_seconds", "Value": "30"},
    ]});
    ask(cloud, elbv2::call, "ModifyTargetGroupAttributes", input);
    arn
}

pub(crate) fn ask(
    cloud: &mut Cloud,
    call: impl Fn(&mut Cloud, &str, Input<'_>) -> Outcome,
    operation: &str,
    input: Value,
) -> Value {
    call(cloud, operation, Input::new(&input)).unwrap()
}

fn text(value: &Value, pointer: &str) -> String {
    let found = value.pointer(pointer).and_then(Value::as_str);
    found
        .unwrap_or_else(|| panic!("{pointer} of {value}"))
        .to_owned()
}
