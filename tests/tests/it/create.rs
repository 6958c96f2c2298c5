//! Creating a service.

mod attributes;

use std::collections::BTreeSet;
use std::path::Path;

use expect_test::expect_file;
use express_tests::account::Kind;
use express_tests::cloudformation::{FailedCreate, RequestType, SeenStatus};
use express_tests::invariants::check_all_answered;
use express_tests::{Run, Scenario, ServiceProperties, StackStatus, Template, World, web};
use local_aws::elbv2::{self, RouteOutcome};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, CreateFailed, DeleteComplete, RollbackComplete, UpdateComplete};

#[test]
fn a_service_is_created_and_removed_as_the_golden_trace_says() {
    let run = Scenario::new()
        .create(web())
        .then_settle()
        .then_delete()
        .run();
    assert_eq!(run.statuses(), [CreateComplete, DeleteComplete]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/create_delete.txt");
    expect_file![golden].assert_eq(&run.trace());
}

/// The SDK asks again when an answer is lost, and Route 53 says that the record exists.
#[test]
fn what_is_there_already_because_an_answer_was_lost_is_looked_at_again_without_waiting() {
    let attempts = |run: &Run| {
        let history = run.world.history();
        let numbers = history.calls().map(|call| call.attempt);
        numbers.collect::<BTreeSet<_>>().len()
    };
    let scenario = Scenario::new().create(web());
    let clean = attempts(&scenario.run());
    let world = World::new();
    let call = Some("route53:ChangeResourceRecordSets");
    world.faults().add(Rule::once(call, 0, Fault::LoseAnswer));
    let run = scenario.run_in(world);
    assert_eq!(run.statuses(), [CreateComplete]);
    assert!(run.world.logs().text().contains("step.outdated"));
    assert_eq!(attempts(&run), clean);
}

#[test]
fn case_16_every_attribute_is_there_and_says_something() {
    let run = Scenario::new().create(web()).run();
    let created = &run.seen()[0];
    for attribute in provider_schema::ATTRIBUTES {
        let value = created
            .data
            .get(attribute.name)
            .unwrap_or_else(|| panic!("no {}", attribute.name));
        let is_empty = value.is_null()
            || value.as_str() == Some("")
            || value.as_array().is_some_and(Vec::is_empty);
        assert!(!is_empty, "{}", attribute.name);
    }
    assert_eq!(created.data, attributes::as_aws_says(&run.world));
    assert_eq!(
        created.physical_id.as_deref(),
        created.data["ServiceArn"].as_str()
    );
}

#[test]
fn case_17_a_name_of_another_stack_is_refused_and_nothing_is_touched() {
    let world = World::new();
    let first = world.stack("first");
    assert_eq!(
        first.deploy_now(Template::of(&web())).status,
        CreateComplete
    );
    world.settle();
    let before = world.inventory();
    let outcome = world.stack("second").deploy_now(Template::of(&web()));
    assert_eq!(outcome.status, RollbackComplete);
    assert!(
        outcome.first().reason.contains("AlreadyExists"),
        "{}",
        outcome.first().reason
    );
    world.settle();
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
}

/// `DeletionPolicy: Retain`: CloudFormation sends no Delete.
#[test]
fn case_17_a_name_that_was_retained_is_free_when_its_stack_has_taken_it_back_and_removed_it() {
    let world = World::new();
    let retained = world.with_service("first", &web());
    let refused = world.stack("second").deploy_now(Template::of(&web()));
    assert_eq!(refused.status, RollbackComplete);
    let reason = &refused.first().reason;
    assert!(reason.contains("`DeletionPolicy: Retain`"), "{reason}");
    assert!(reason.contains("same logical id"), "{reason}");
    // The stack without the resource.
    let stack = world.stack_of("first", &retained.id());
    let mutations = world.mutations();
    let again = stack.deploy_now(Template::of(&web()));
    assert_eq!(again.status, CreateComplete, "{}", again.first().reason);
    assert_eq!(world.mutations(), mutations);
    assert_eq!(stack.delete_now().status, DeleteComplete);
    let created = world.stack("third").deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete);
}

/// `DeletionPolicy: Retain`, and the resource comes back with an image that does not start.
#[test]
fn case_17_a_retained_service_runs_on_after_a_create_that_fails_to_take_it_up_again() {
    let world = World::new();
    let retained = world.with_service("first", &web());
    let before = world.active_service();
    // The stack without the resource.
    let stack = world.stack_of("first", &retained.id());
    let failed = stack.deploy_now(Template::of(&web().image("demo/unhealthy")));
    assert_eq!(failed.status, RollbackComplete, "{:?}", failed.seen);
    world.settle();
    let after = world.active_service();
    for member in ["serviceArn", "taskDefinition", "runningCount"] {
        assert_eq!(after[member], before[member], "{member}");
    }
}

/// Application Auto Scaling does not see at once what ECS has made.
#[test]
fn a_service_that_auto_scaling_does_not_see_yet_is_waited_for() {
    let unseen = Fault::Refuse(
        "ValidationException",
        "ECS service doesn't exist: service/default/web",
    );
    let call = Some("application-autoscaling:RegisterScalableTarget");
    // Also when the Create comes there after minutes.
    for throttled in [0, 60] {
        let world = World::new();
        let register = Some("ecs:RegisterTaskDefinition");
        let busy = Rule::once(register, 0, Fault::Throttle).times(throttled);
        world.faults().add(busy);
        world.faults().add(Rule::once(call, 0, unseen).times(3));
        let created = world.stack("app").deploy_now(Template::of(&web()));
        let first = created.first();
        assert_eq!(created.status, CreateComplete, "{}", first.reason);
        assert!(throttled == 0 || first.seconds() > 200, "{first:?}");
    }
}

/// It has registered the service, and takes no tags with a second call.
#[test]
fn a_registration_whose_answer_is_lost_is_not_asked_for_in_vain() {
    let world = World::new();
    let call = Some("application-autoscaling:RegisterScalableTarget");
    world.faults().add(Rule::once(call, 0, Fault::LoseAnswer));
    let created = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete, "{}", created.first().reason);
}

/// Application Auto Scaling is the only one that does not take them.
#[test]
fn tags_without_a_value_are_everywhere_but_at_the_scalable_target() {
    let world = World::new();
    let tags = |team: &str| json!([{"Key": "stage", "Value": ""}, {"Key": "team", "Value": team}]);
    let created = web().set("/Tags", tags("web"));
    let stack = world.with_service("app", &created);
    let of_target = || {
        let inventory = world.inventory();
        let mut targets = inventory.of(Kind::ScalableTarget);
        targets.next().expect("a scalable target").1.tags.clone()
    };
    assert_eq!(of_target().get("team").map(String::as_str), Some("web"));
    assert_eq!(of_target().get("stage"), None);
    let outcome = stack.deploy_now(Template::of(&created.set("/Tags", tags(" "))));
    assert_eq!(outcome.status, UpdateComplete, "{:?}", outcome.seen);
    assert_eq!(of_target().get("team"), None);
    let tags = world.active_service()["tags"].to_string();
    assert!(tags.contains(r#"{"key":"team","value":" "}"#), "{tags}");
}

/// What was just made is not shown to the calls that need it, target groups and listeners first of all.
#[test]
fn case_62_what_load_balancing_does_not_show_at_once_is_waited_for() {
    for (call, code) in [
        ("CreateRule", "TargetGroupNotFound"),
        ("CreateRule", "ListenerNotFound"),
        ("ModifyTargetGroupAttributes", "TargetGroupNotFound"),
        ("CreateListener", "LoadBalancerNotFound"),
        ("DescribeTags", "TargetGroupNotFound"),
    ] {
        let world = World::new();
        let call = format!("elasticloadbalancing:{call}");
        let unseen = Fault::Refuse(code, "One or more of them are not found");
        let rule = Rule::once(Some(&call), 0, unseen);
        world.faults().add(rule.times(3));
        let created = world.stack("app").deploy_now(Template::of(&web()));
        let reason = &created.first().reason;
        assert_eq!(created.status, CreateComplete, "{call} {code}: {reason}");
        assert!(world.faults().struck() > 0, "{call}");
    }
}

/// What was given does not exist: that is waited for as long as something new would be, and not until the deadline.
#[test]
fn what_goes_on_missing_is_told_within_minutes() {
    let missing = Fault::Refuse("CertificateNotFound", "Certificate not found");
    for listed in [1, 2] {
        let world = World::new();
        let rule = Rule::once(
            Some("elasticloadbalancing:CreateListener"),
            listed - 1,
            missing,
        );
        world.faults().add(rule.times(u64::MAX));
        let failed = world.stack("app").deploy_now(Template::of(&web()));
        let first = failed.first();
        assert_eq!(failed.status, RollbackComplete, "{}", first.reason);
        assert!(
            first.reason.contains("Certificate not found"),
            "{}",
            first.reason
        );
        assert!((100..300).contains(&first.seconds()), "{first:?}");
    }
}

#[test]
fn case_17_a_refused_create_that_arrives_again_after_the_name_is_free_makes_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let first = world.stack("first");
    let created = first.deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete);
    let refused = world
        .stack("second")
        .event(RequestType::Create, None, &web());
    let request_id = refused["RequestId"].as_str().unwrap().to_owned();
    world.deliver(refused);
    world.settle();
    assert_eq!(first.delete_now().status, DeleteComplete);
    world.redeliver(&request_id);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
    check_all_answered(&world);
}

#[test]
fn case_18_a_create_that_fails_over_an_ended_service_of_the_name_leaves_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let first = world.stack("first");
    assert_eq!(
        first.deploy_now(Template::of(&web())).status,
        CreateComplete
    );
    // A neighbour, so that the load balancer and its listener outlive the first one.
    let neighbour = world.stack("neighbour");
    let deployed = neighbour.deploy_now(Template::of(&web().named("shop")));
    assert_eq!(deployed.status, CreateComplete);
    assert_eq!(first.delete_now().status, DeleteComplete);
    // The rule is made, and then something else is not allowed: ECS still describes the service of the first.
    let deny = Rule::once(Some("cloudwatch:PutMetricAlarm"), 0, Fault::Deny);
    world.faults().add(deny);
    let second = world.stack("second").deploy_now(Template::of(&web()));
    assert_eq!(second.status, RollbackComplete);
    assert!(second.seen.iter().all(|seen| seen.seconds() < 300));
    assert_eq!(neighbour.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_21_a_service_that_never_gets_healthy_fails_in_minutes_and_leaves_nothing() {
    let world = World::new();
    let before = world.inventory();
    let run = Scenario::new()
        .create(web().image("demo/unhealthy"))
        .run_in(world);
    assert_eq!(run.statuses(), [RollbackComplete]);
    let created = &run.seen()[0];
    assert_eq!(created.status, SeenStatus::Failed);
    assert!(created.seconds() < 30 * 60, "{} s", created.seconds());
    let after = run.world.inventory().without_what_stays();
    assert_eq!(
        before.without_what_stays().diff(&after),
        Vec::<String>::new()
    );
}

#[test]
fn case_23_the_default_cluster_is_created_if_absent() {
    let run = Scenario::new().create(web()).run();
    let clusters: Vec<_> = run
        .world
        .inventory()
        .of(Kind::Cluster)
        .map(|(_, item)| item.name.clone())
        .collect();
    assert_eq!(clusters, ["default"]);
}

/// The changes that a Create makes outside the ledger, each once.
fn changes_of_a_create() -> BTreeSet<String> {
    let run = Scenario::new().create(web()).run();
    let history = run.world.history();
    let changes = history.calls().filter(|call| call.recorded.mutates());
    changes.map(|call| call.recorded.name()).collect()
}

#[test]
fn case_19_a_create_that_is_refused_at_any_step_says_which_and_leaves_nothing() {
    let changes = changes_of_a_create();
    assert!(changes.len() > 12, "{changes:?}");
    for denied in changes {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        world
            .faults()
            .add(Rule::once(Some(&denied), 0, Fault::Deny).times(u64::MAX));
        let run = Scenario::new().create(web()).then_settle().run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{denied}");
        let reason = &run.seen()[0].reason;
        let (_, operation) = denied.split_once(':').unwrap();
        assert!(
            reason.contains("not authorized") && reason.starts_with("AccessDenied"),
            "{operation}: {reason}"
        );
        let (failed, deleted) = (&run.seen()[0], &run.seen()[1]);
        let id = failed.physical_id.as_deref().unwrap();
        assert!(
            id.starts_with("arn:aws:ecs:") && id.ends_with("/default/web"),
            "{denied}: {id}"
        );
        assert_eq!(deleted.sent_id.as_deref(), Some(id), "{denied}");
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{denied}");
    }
}

/// A service of somebody else with the name and the cluster that ours is to have, on a load balancer of ours.
pub(super) fn foreign_service(world: &World) -> String {
    let first = world
        .stack("first")
        .deploy_now(Template::of(&web().named("first")));
    assert_eq!(first.status, CreateComplete);
    world.settle();
    let perform = |service: Service, operation: &str, input: Value| {
        let answer = world.account().perform(service, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    };
    let subnets = world.subnets();
    let vpc_id = vpc_of(world, &subnets[0]);
    let elb = Service::ElasticLoadBalancing;
    let [first_group, second_group] = ["theirs-a", "theirs-b"].map(|name| {
        let group = json!({
            "Name": name, "Protocol": "HTTP", "Port": 80, "VpcId": vpc_id, "TargetType": "ip",
        });
        let made = perform(elb, "CreateTargetGroup", group);
        made["TargetGroups"][0]["TargetGroupArn"].clone()
    });
    let weights = json!([
        {"TargetGroupArn": first_group, "Weight": 100},
        {"TargetGroupArn": second_group, "Weight": 0},
    ]);
    let rule = json!({
        "ListenerArn": first.first().data["ECSManagedResourceArns.IngressPath.ListenerArn"],
        "Priority": "50",
        "Conditions": [{"Field": "path-pattern", "Values": ["/theirs"]}],
        "Actions": [{"Type": "forward", "ForwardConfig": {"TargetGroups": weights}}],
    });
    let rule = perform(elb, "CreateRule", rule)["Rules"][0]["RuleArn"].clone();
    let container = json!({
        "name": "app",
        "image": "public.ecr.aws/nginx/nginx:1.27",
        "portMappings": [{"containerPort": 80}],
    });
    let definition = json!({
        "family": "theirs",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [container],
    });
    let definition = perform(Service::Ecs, "RegisterTaskDefinition", definition);
    let service = json!({
        "serviceName": "web",
        "taskDefinition": definition["taskDefinition"]["taskDefinitionArn"],
        "desiredCount": 1,
        "launchType": "FARGATE",
        "deploymentConfiguration": {"strategy": "BLUE_GREEN", "bakeTimeInMinutes": 0},
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": subnets}},
        "loadBalancers": [{
            "targetGroupArn": first_group,
            "containerName": "app",
            "containerPort": 80,
            "advancedConfiguration": {
                "alternateTargetGroupArn": second_group,
                "productionListenerRule": rule,
                "roleArn": "arn:aws:iam::123456789012:role/infrastructure",
            },
        }],
    });
    let created = perform(Service::Ecs, "CreateService", service);
    world.block_on(world.sleep_s(120));
    created["service"]["serviceArn"]
        .as_str()
        .unwrap()
        .to_owned()
}

fn delete_by_hand(world: &World, service: &str) {
    let input = json!({"cluster": "default", "service": service, "force": true});
    world
        .account()
        .perform(Service::Ecs, "DeleteService", input)
        .unwrap();
}

#[test]
fn case_18_a_service_of_somebody_else_is_left_alone_and_one_that_is_going_is_waited_for() {
    let world = World::new();
    let service = foreign_service(&world);
    world.remember_foreign();
    let refused = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(refused.status, RollbackComplete);
    let reason = &refused.first().reason;
    let says = "AlreadyExists: ECS service `web`";
    assert!(reason.starts_with(says), "{reason}");
    world.settle();
    world.forget_foreign(Kind::EcsService, &service);
    delete_by_hand(&world, &service);
    // DRAINING, until its task has stopped; then INACTIVE.
    let created = world.stack("app").deploy_now(Template::of(&web()));
    assert_eq!(created.status, CreateComplete, "{}", created.first().reason);
}

/// A subnet that somebody makes.
fn subnet(world: &World, vpc_id: &str, zone: &str, cidr: &str) -> String {
    let input = json!({"VpcId": vpc_id, "AvailabilityZone": zone, "CidrBlock": cidr});
    let answer = world
        .account()
        .perform(Service::Ec2, "CreateSubnet", input)
        .unwrap();
    answer["subnet"]["subnetId"].as_str().unwrap().to_owned()
}

/// The VPC of a subnet.
fn vpc_of(world: &World, subnet: &str) -> String {
    world.account().cloud().ec2.subnets[subnet].vpc_id.clone()
}

#[test]
fn case_24_subnets_that_cannot_work_are_refused_with_the_reason() {
    let world = World::new();
    let defaults = world.subnets();
    let vpc_id = vpc_of(&world, &defaults[0]);
    let perform = |operation: &str, input: Value| {
        let answer = world.account().perform(Service::Ec2, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    };
    // Without a route table of its own a subnet has the main one's route to the internet.
    let private = subnet(&world, &vpc_id, "eu-west-1b", "172.31.128.0/24");
    let same_zone = subnet(&world, &vpc_id, "eu-west-1a", "172.31.129.0/24");
    let table = perform("CreateRouteTable", json!({"VpcId": vpc_id}));
    let table = table["routeTable"]["routeTableId"].clone();
    perform(
        "AssociateRouteTable",
        json!({"RouteTableId": table, "SubnetId": private}),
    );
    let other = perform("CreateVpc", json!({"CidrBlock": "10.9.0.0/16"}));
    let other = other["vpc"]["vpcId"].as_str().unwrap().to_owned();
    let elsewhere = subnet(&world, &other, "eu-west-1b", "10.9.1.0/24");
    world.remember_foreign();
    for (subnets, code, expected) in [
        (vec![defaults[0].clone()], "InvalidRequest", "two or more"),
        (
            vec![defaults[0].clone(), same_zone],
            "InvalidRequest",
            "zone",
        ),
        (
            vec![defaults[0].clone(), private],
            "InvalidRequest",
            "internet gateway",
        ),
        (
            vec![defaults[0].clone(), elsewhere],
            "InvalidRequest",
            "VPC",
        ),
        (
            vec![defaults[0].clone(), "subnet-0123456789abcdef0".to_owned()],
            "NotFound",
            "subnet-0123456789abcdef0",
        ),
    ] {
        let properties = web().set("/NetworkConfiguration/Subnets", json!(subnets));
        let before = world.inventory().without_what_stays();
        let outcome = world.stack("app").deploy_now(Template::of(&properties));
        assert_eq!(outcome.status, RollbackComplete, "{expected}");
        let reason = &outcome.first().reason;
        assert!(
            reason.starts_with(code) && reason.contains(expected),
            "{expected}: {reason}"
        );
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{expected}");
    }
}

#[test]
fn case_64_the_same_template_in_several_stacks_makes_a_service_in_each() {
    // As with nested stacks and stack sets: logical ids and properties are alike, stacks are not.
    let world = World::new();
    let template = Template::of(&web().without("ServiceName"));
    let stacks =
        ["app", "app-nested-1A2B3C", "StackSet-app-0a1b2c3d"].map(|name| world.stack(name));
    for stack in &stacks {
        let outcome = stack.deploy_now(template.clone());
        assert_eq!(outcome.status, CreateComplete, "{}", outcome.first().reason);
    }
    world.settle();
    let ids: BTreeSet<String> = stacks
        .iter()
        .map(|stack| stack.resources()["Web"].physical_id.clone())
        .collect();
    assert_eq!(ids.len(), stacks.len());
    assert_eq!(world.inventory().of(Kind::LoadBalancer).count(), 1);
}

/// ECS does not show it everywhere at once.
#[test]
fn a_cluster_that_the_stack_has_just_made_is_looked_for_again() {
    let world = World::new();
    let shop = web().set("/Cluster", "shop");
    let creating = world.spawn(world.stack("app").deploy(Template::of(&shop)));
    world.block_on(world.sleep_s(5));
    let cluster = json!({"clusterName": "shop"});
    let made = world
        .account()
        .perform(Service::Ecs, "CreateCluster", cluster);
    assert!(made.is_ok(), "{made:?}");
    world.remember_as_foreign(
        Kind::Cluster,
        "arn:aws:ecs:eu-west-1:123456789012:cluster/shop",
    );
    let outcome = world.block_on(creating);
    let reason = &outcome.first().reason;
    assert_eq!(outcome.status, CreateComplete, "{reason}");
}

#[test]
fn a_cluster_that_does_not_exist_is_refused_within_a_minute() {
    let world = World::new();
    let shop = web().set("/Cluster", "shop");
    let outcome = world.stack("app").deploy_now(Template::of(&shop));
    let first = outcome.first();
    assert_eq!(outcome.status, RollbackComplete, "{}", first.reason);
    assert!(first.reason.contains("cluster `shop`"), "{}", first.reason);
    assert!(first.seconds() < 60, "{} s", first.seconds());
}

/// `--disable-rollback`: CloudFormation keeps what has failed until the next update, and may delete it only after the next
/// Create.
#[test]
fn what_has_failed_to_be_created_is_created_again_by_the_next_update() {
    for when in [FailedCreate::DeletedFirst, FailedCreate::DeletedLast] {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.stack("app");
        let deploy = |properties: &ServiceProperties| {
            let template = Template::of(properties);
            let outcome = world.block_on(stack.clone().deploy_preserving(template, when));
            world.settle();
            outcome
        };
        let refused = web().set("/Cpu", "0");
        let unhealthy = web().image("demo/unhealthy");
        for failing in [
            &unhealthy,
            &unhealthy,
            &refused,
            &unhealthy.clone().named("shop"),
        ] {
            let outcome = deploy(failing);
            assert_eq!(outcome.status, CreateFailed, "{when:?} {:?}", outcome.seen);
        }
        let created = deploy(&web());
        assert_eq!(
            created.status, CreateComplete,
            "{when:?} {:?}",
            created.seen
        );
        let services = world.inventory();
        let names: Vec<&str> = services
            .of(Kind::EcsService)
            .map(|(_, service)| service.name.as_str())
            .collect();
        assert_eq!(names, ["web"], "{when:?}");
        let visited = elbv2::route(&world.account().cloud(), "web.apps.example.com");
        let RouteOutcome::Answered(answer) = visited else {
            panic!("{when:?}: {visited:?}");
        };
        assert!(answer.is_served(), "{when:?} {answer:?}");
        assert_eq!(stack.delete_now().status, DeleteComplete, "{when:?}");
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{when:?}");
    }
}
