//! Services whose tasks are registered with groups of several load balancers.

use super::*;

/// A further load balancer and a pair of groups behind it.
fn second_pair(world: &mut World) -> [String; 2] {
    let vpc = ask(&mut world.cloud, ec2::call, "DescribeSubnets", json!({}));
    let vpc = text(&vpc, "/subnetSet/0/vpcId");
    let groups = ["c", "d"].map(|name| target_group(&mut world.cloud, name, &vpc));
    let input = json!({
        "Name": "second", "Subnets": world.subnets, "SecurityGroups": [world.security_group],
    });
    let answer = ask(&mut world.cloud, elbv2::call, "CreateLoadBalancer", input);
    let listener = json!({
        "LoadBalancerArn": text(&answer, "/LoadBalancers/0/LoadBalancerArn"),
        "Protocol": "HTTP", "Port": "80",
        "DefaultActions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": [
            {"TargetGroupArn": groups[0], "Weight": "100"},
            {"TargetGroupArn": groups[1], "Weight": "0"},
        ]}}],
    });
    ask(&mut world.cloud, elbv2::call, "CreateListener", listener);
    world.pass(300);
    groups
}

fn element(arn: &str) -> Value {
    json!({"targetGroupArn": arn, "containerName": "Main", "containerPort": 80})
}

/// Healthy targets of a group.
fn healthy(world: &mut World, arn: &str) -> usize {
    let input = json!({"TargetGroupArn": arn});
    let answer = ask(&mut world.cloud, elbv2::call, "DescribeTargetHealth", input);
    let targets = answer["TargetHealthDescriptions"].as_array().unwrap();
    let is_healthy = |target: &&Value| target["TargetHealth"]["State"] == "healthy";
    targets.iter().filter(is_healthy).count()
}

#[test]
fn a_rolling_deployment_registers_every_task_with_both_load_balancers() {
    let mut world = World::new();
    world.create("nginx");
    let [to, _] = second_pair(&mut world);
    let from = world.groups[0].clone();
    let both = [element(&to), element(&from)];
    world.update(json!({
        "deploymentConfiguration": {"strategy": "ROLLING"}, "loadBalancers": both,
    }));
    world.pass(400);
    assert_eq!(world.deployment()["status"], "SUCCESSFUL");
    assert_eq!([&to, &from].map(|arn| healthy(&mut world, arn)), [2, 2]);
    assert_eq!(world.service()["loadBalancers"], json!(both));
}

#[test]
fn other_groups_and_several_of_them_are_for_rolling_updates_only() {
    let mut world = World::new();
    world.create("nginx");
    let [to, other] = second_pair(&mut world);
    let from = world.groups[0].clone();
    let mut pair = element(&to);
    pair["advancedConfiguration"] = json!({
        "alternateTargetGroupArn": other, "productionListenerRule": world.rule, "roleArn": ROLE,
    });
    for (load_balancers, expected) in [
        (
            json!([element(&to), element(&from)]),
            "advancedConfiguration field is required",
        ),
        (json!([pair]), "rolling updates"),
    ] {
        let input = json!({"service": "web", "loadBalancers": load_balancers});
        let refusal = world.refusal("UpdateService", input);
        assert!(refusal.message.contains(expected), "{}", refusal.message);
    }
    let twice = json!([element(&from), element(&from)]);
    let input = json!({
        "service": "web", "loadBalancers": twice, "deploymentConfiguration": {"strategy": "ROLLING"},
    });
    let refusal = world.refusal("UpdateService", input);
    assert!(refusal.message.contains("Duplicate"), "{}", refusal.message);
}

#[test]
fn a_task_that_one_load_balancer_does_not_reach_is_not_healthy_for_ecs() {
    let mut world = World::new();
    world.create("nginx");
    let [to, _] = second_pair(&mut world);
    let input = json!({"TargetGroupArn": to, "HealthCheckPort": "9"});
    ask(&mut world.cloud, elbv2::call, "ModifyTargetGroup", input);
    let from = world.groups[0].clone();
    world.update(json!({
        "deploymentConfiguration": {
            "strategy": "ROLLING",
            "deploymentCircuitBreaker": {"enable": false, "rollback": false},
        },
        "loadBalancers": [element(&to), element(&from)],
    }));
    world.pass(400);
    assert_eq!(world.deployment()["status"], "IN_PROGRESS");
}
