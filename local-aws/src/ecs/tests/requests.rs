//! What is answered, and what is refused with which code.

use super::*;

#[test]
fn clusters_are_created_once_and_described_when_gone() {
    let mut world = World::new();
    let input = json!({"clusterName": "shop", "capacityProviders": ["FARGATE", "FARGATE_SPOT"],
        "tags": [{"key": "team", "value": "blue"}]});
    let first = world.ok("CreateCluster", input);
    assert_eq!(
        world.ok("CreateCluster", json!({"clusterName": "shop"})),
        first
    );
    let described = world.ok("DescribeClusters", json!({"clusters": ["shop", "none"]}));
    assert_eq!(described["clusters"][0]["status"], "ACTIVE");
    assert_eq!(
        described["failures"],
        json!([{"arn": "arn:aws:ecs:eu-west-1:123456789012:cluster/none", "reason": "MISSING"}])
    );
    world.ok(
        "DeleteCluster",
        json!({"cluster": first["cluster"]["clusterArn"]}),
    );
    let described = world.ok("DescribeClusters", json!({"clusters": ["shop"]}));
    assert_eq!(described["clusters"][0]["status"], "INACTIVE");
    let refusal = world.refusal("ListServices", json!({"cluster": "shop"}));
    assert_eq!(refusal.code, "ClusterNotFoundException");
}

#[test]
fn a_cluster_with_services_or_tasks_stays() {
    let mut world = World::new();
    world.create("nginx");
    let delete = json!({"cluster": "default"});
    assert_eq!(
        world.refusal("DeleteCluster", delete.clone()).code,
        "ClusterContainsServicesException"
    );
    world.ok("DeleteService", json!({"service": "web", "force": true}));
    world.pass(120);
    assert_eq!(
        world.ok("DeleteCluster", delete)["cluster"]["status"],
        "INACTIVE"
    );
}

#[test]
fn revisions_count_up_and_are_found_by_family_number_and_arn() {
    let mut world = World::new();
    let first = world.definition("nginx:1");
    let second = world.definition("nginx:2");
    assert!(first.ends_with("task-definition/web:1") && second.ends_with("task-definition/web:2"));
    world.ok(
        "DeregisterTaskDefinition",
        json!({"taskDefinition": second}),
    );
    for (reference, arn, status) in [
        ("web", &first, "ACTIVE"),
        ("web:2", &second, "INACTIVE"),
        (first.as_str(), &first, "ACTIVE"),
    ] {
        let described = world.ok(
            "DescribeTaskDefinition",
            json!({"taskDefinition": reference}),
        );
        assert_eq!(described["taskDefinition"]["taskDefinitionArn"], **arn);
        assert_eq!(described["taskDefinition"]["status"], status);
    }
    let third = world.definition("nginx:3");
    let active = world.ok(
        "ListTaskDefinitions",
        json!({"familyPrefix": "web", "sort": "DESC"}),
    );
    assert_eq!(active["taskDefinitionArns"], json!([third, first]));
    let refusal = world.refusal("DescribeTaskDefinition", json!({"taskDefinition": "web:9"}));
    assert_eq!(
        (refusal.code.as_str(), refusal.message.as_str()),
        ("ClientException", "Unable to describe task definition.")
    );
}

#[test]
fn a_task_definition_that_fargate_cannot_run_is_refused() {
    let mut world = World::new();
    for (pointer, value, message) in [
        (
            "/memory",
            json!("4096"),
            "No Fargate configuration exists for given values.",
        ),
        (
            "/networkMode",
            json!("bridge"),
            "Fargate only supports network mode 'awsvpc'.",
        ),
        (
            "/cpu",
            json!(null),
            "Fargate requires that 'cpu' be defined at the task level.",
        ),
        (
            "/executionRoleArn",
            json!(null),
            "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
        ),
        (
            "/containerDefinitions",
            json!([]),
            "Container list cannot be empty.",
        ),
        (
            "/containerDefinitions/0/image",
            json!(""),
            "Container.image should not be null or empty.",
        ),
        (
            "/containerDefinitions/0/essential",
            json!(false),
            "A task definition must have at least one essential container.",
        ),
        (
            "/containerDefinitions/0/portMappings/0",
            json!({"containerPort": 80, "hostPort": 81}),
            "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
        ),
        (
            "/containerDefinitions/0/logConfiguration/options",
            json!({"awslogs-group": "/web"}),
            "Log driver awslogs requires options: awslogs-region, awslogs-group, awslogs-stream-prefix",
        ),
    ] {
        let mut input = definition("nginx");
        *input.pointer_mut(pointer).unwrap() = value;
        let refusal = world.refusal("RegisterTaskDefinition", input);
        assert_eq!(
            (refusal.code.as_str(), refusal.message.as_str()),
            ("ClientException", message)
        );
    }
    assert_eq!(
        world.ok("ListTaskDefinitions", json!({}))["taskDefinitionArns"],
        json!([])
    );
}

#[test]
fn members_that_are_not_simulated_are_refused_by_name() {
    let mut world = World::new();
    let mut input = world.create_input("nginx");
    input["serviceConnectConfiguration"] = json!({"enabled": true});
    let refusal = world.refusal("CreateService", input);
    assert_eq!(refusal.code, "UnsupportedMember");
    assert!(refusal.message.contains("serviceConnectConfiguration"));
}

/// A member of CreateService, a value that it cannot have, and the refusal's code and text.
type Wrong = (&'static str, Value, &'static str, &'static str);

const INVALID: &str = "InvalidParameterException";

fn wrong_settings() -> Vec<Wrong> {
    let subnets = "/networkConfiguration/awsvpcConfiguration/subnets";
    let groups = "/networkConfiguration/awsvpcConfiguration/securityGroups";
    vec![
        (
            "/serviceName",
            json!("a b"),
            INVALID,
            "Invalid service name",
        ),
        (
            "/taskDefinition",
            json!("none"),
            "ClientException",
            "TaskDefinition not found.",
        ),
        ("/desiredCount", json!(5001), INVALID, "desiredCount"),
        (
            "/launchType",
            json!("EC2"),
            "UnsupportedMember",
            "launchType FARGATE",
        ),
        (
            subnets,
            json!(["subnet-0"]),
            INVALID,
            "InvalidSubnetID.NotFound",
        ),
        (groups, json!(["sg-0"]), INVALID, "InvalidGroup.NotFound"),
    ]
}

fn wrong_load_balancers() -> Vec<Wrong> {
    let name = "/loadBalancers/0/containerName";
    let port = "/loadBalancers/0/containerPort";
    let advanced = "/loadBalancers/0/advancedConfiguration";
    let rule = "/loadBalancers/0/advancedConfiguration/productionListenerRule";
    let role = "/loadBalancers/0/advancedConfiguration/roleArn";
    let listener = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener/app/lb/1/2";
    let unassumable = "arn:aws:iam::123456789012:role/not-assumable";
    vec![
        (
            "/loadBalancers",
            json!([]),
            INVALID,
            "at least one load balancer",
        ),
        (
            name,
            json!("Other"),
            INVALID,
            "The container Other does not exist in the task definition.",
        ),
        (
            port,
            json!(81),
            INVALID,
            "The container Main did not have a container port 81 defined.",
        ),
        (
            advanced,
            json!(null),
            INVALID,
            "advancedConfiguration field is required",
        ),
        (rule, json!(listener), INVALID, "invalid ARN format"),
        (role, json!(unassumable), INVALID, "Unable to assume role"),
    ]
}

#[test]
fn a_service_that_cannot_be_is_refused_and_nothing_is_left() {
    let mut world = World::new();
    for (pointer, value, code, part) in wrong_settings().into_iter().chain(wrong_load_balancers()) {
        let mut input = world.create_input("nginx");
        *input.pointer_mut(pointer).unwrap() = value;
        let refusal = world.refusal("CreateService", input);
        assert_eq!(refusal.code, code, "{pointer}: {refusal}");
        assert!(refusal.message.contains(part), "{pointer}: {refusal}");
    }
    let described = world.ok("DescribeServices", json!({"services": ["web"]}));
    assert_eq!(described["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_group_without_a_load_balancer_is_refused() {
    let mut world = World::new();
    let vpc = ec2::subnet(&world.cloud, &world.subnets[0])
        .unwrap()
        .vpc_id
        .clone();
    let stranger = target_group(&mut world.cloud, "stranger", &vpc);
    let mut input = world.create_input("nginx");
    input["loadBalancers"][0]["targetGroupArn"] = json!(stranger);
    let refusal = world.refusal("CreateService", input);
    assert!(
        refusal
            .message
            .ends_with("does not have an associated load balancer."),
        "{refusal}"
    );
}

#[test]
fn creating_a_service_twice_needs_the_same_token() {
    let mut world = World::new();
    let mut input = world.create_input("nginx");
    let first = world.ok("CreateService", input.clone());
    let repeated = world.ok("CreateService", input.clone());
    assert_eq!(
        repeated["service"]["createdAt"],
        first["service"]["createdAt"]
    );
    input["clientToken"] = json!("two");
    let refusal = world.refusal("CreateService", input);
    assert_eq!(refusal.message, "Creation of service was not idempotent.");
}

#[test]
fn what_is_not_there_or_not_active_is_refused_by_its_own_code() {
    let mut world = World::new();
    let update = json!({"service": "web", "desiredCount": 1});
    assert_eq!(
        world.refusal("UpdateService", update.clone()).code,
        "ServiceNotFoundException"
    );
    let elsewhere = json!({"service": "web", "cluster": "none"});
    assert_eq!(
        world.refusal("UpdateService", elsewhere).code,
        "ClusterNotFoundException"
    );
    world.create("nginx");
    let refusal = world.refusal("DeleteService", json!({"service": "web"}));
    assert_eq!(
        refusal.message,
        "The service cannot be stopped while it is scaled above 0."
    );
    let revision = text(&world.service(), "/currentServiceRevisions/0/arn");
    world.ok("DeleteService", json!({"service": "web", "force": true}));
    assert_eq!(
        world.refusal("UpdateService", update).code,
        "ServiceNotActiveException"
    );
    world.pass(120);
    let refusal = world.refusal(
        "DescribeServiceRevisions",
        json!({"serviceRevisionArns": [revision]}),
    );
    assert_eq!(refusal.code, "InvalidParameterException");
}

#[test]
fn tags_are_kept_changed_and_handed_to_tasks() {
    let mut world = World::new();
    world.create("nginx");
    let service = world.service();
    assert_eq!(service["tags"], json!([{"key": "team", "value": "blue"}]));
    assert_eq!(
        world.tasks("RUNNING")[0]["tags"],
        json!([
            {"key": "aws:ecs:clusterName", "value": "default"},
            {"key": "aws:ecs:serviceName", "value": "web"},
            {"key": "team", "value": "blue"},
        ])
    );
    let arn = &service["serviceArn"];
    world.ok(
        "TagResource",
        json!({"resourceArn": arn, "tags": [{"key": "stage", "value": "test"}]}),
    );
    world.ok(
        "UntagResource",
        json!({"resourceArn": arn, "tagKeys": ["team"]}),
    );
    let tags = world.ok("ListTagsForResource", json!({"resourceArn": arn}));
    assert_eq!(tags["tags"], json!([{"key": "stage", "value": "test"}]));
    let reserved = json!({"resourceArn": arn, "tags": [{"key": "aws:x", "value": ""}]});
    assert_eq!(
        world.refusal("TagResource", reserved).code,
        "InvalidParameterException"
    );
    let unknown = json!({"resourceArn": format!("{}x", arn.as_str().unwrap()), "tags": []});
    assert_eq!(
        world.refusal("TagResource", unknown).code,
        "ResourceNotFoundException"
    );
}

#[test]
fn a_missing_log_group_fails_the_task_as_on_aws() {
    let mut world = World::new();
    let mut input = definition("nginx");
    input["containerDefinitions"][0]["logConfiguration"]["options"]["awslogs-group"] =
        json!("/none");
    let answer = world.ok("RegisterTaskDefinition", input);
    let mut create = world.create_input("nginx");
    create["taskDefinition"] = answer["taskDefinition"]["taskDefinitionArn"].clone();
    world.ok("CreateService", create);
    world.pass(60);
    let stopped = world.tasks("STOPPED");
    assert!(text(&stopped[0], "/stoppedReason").starts_with("ResourceInitializationError"));
    assert_eq!(stopped[0]["stopCode"], "TaskFailedToStart");
}
