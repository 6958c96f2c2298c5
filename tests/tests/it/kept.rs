//! What people and tools add to the task definition that a service runs, and that every update keeps.

use express_core::naming::TAG_OWNER;
use express_tests::account::{self, Kind};
use express_tests::by_hand;
use express_tests::{ServiceProperties, Stack, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{DeleteComplete, UpdateComplete, UpdateRollbackComplete, UpdateRollbackFailed};

/// What a registration may hold of a description.
const REGISTERED: [&str; 9] = [
    "family",
    "taskRoleArn",
    "executionRoleArn",
    "networkMode",
    "containerDefinitions",
    "requiresCompatibilities",
    "cpu",
    "memory",
    "runtimePlatform",
];

fn app() -> ServiceProperties {
    web().named("app").environment("MODE", "blue")
}

fn agent() -> Value {
    json!({
        "name": "agent",
        "image": "agent:1",
        "essential": false,
        "cpu": 64,
        "memoryReservation": 128,
        "environment": [{"name": "KEY", "value": "of-the-agent"}],
        "mountPoints": [{"sourceVolume": "scratch", "containerPath": "/scratch"}],
        "dockerLabels": {"one": "1", "two": "2", "three": "3"},
    })
}

/// The revision that the service runs, as ECS describes it.
fn running(world: &World) -> Value {
    let arn = world.active_service()["taskDefinition"].clone();
    let inventory = world.inventory();
    let found = inventory
        .of(Kind::TaskDefinition)
        .find(|(id, _)| *id == arn);
    found.expect("a revision").1.description.clone()
}

/// Whether a tool takes the tags of the revision along: most do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tags {
    Copied,
    Left,
}

/// As a tool does it: the revision that runs is registered once more, changed, and deployed.
fn deploy_by_hand(world: &World, tags: Tags, change: fn(&mut Value)) {
    let described = running(world);
    let mut input = json!({});
    for name in REGISTERED {
        if let Some(value) = described.get(name) {
            input[name] = value.clone();
        }
    }
    change(&mut input);
    if tags == Tags::Copied {
        let arn = world.active_service()["taskDefinition"].clone();
        let inventory = world.inventory();
        let mut revisions = inventory.of(Kind::TaskDefinition);
        let (_, revision) = revisions.find(|(id, _)| *id == arn).expect("a revision");
        let tag = |(key, value): (&String, &String)| json!({"key": key, "value": value});
        input["tags"] = revision.tags.iter().map(tag).collect();
    }
    let perform = |operation, input| {
        let answer = world.account().perform(Service::Ecs, operation, input);
        answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
    };
    let registered = perform("RegisterTaskDefinition", input);
    let arn = &registered["taskDefinition"]["taskDefinitionArn"];
    if tags == Tags::Left {
        world.remember_as_foreign(Kind::TaskDefinition, arn.as_str().unwrap());
    }
    let service = world.active_service();
    perform(
        "UpdateService",
        json!({
            "cluster": service["clusterArn"],
            "service": service["serviceName"],
            "taskDefinition": arn,
        }),
    );
    world.settle();
}

fn add_agent(input: &mut Value) {
    let containers = input["containerDefinitions"].as_array_mut().unwrap();
    containers.push(agent());
    let main = &mut containers[0];
    main["dependsOn"] = json!([{"containerName": "agent", "condition": "START"}]);
    let environment = main["environment"].as_array_mut().unwrap();
    environment.push(json!({"name": "AGENT", "value": "127.0.0.1"}));
    input["volumes"] = json!([{"name": "scratch"}]);
}

fn environment(world: &World) -> Vec<String> {
    let container = world.active_container();
    let pairs = container["environment"].as_array().expect("a list");
    let mut pairs: Vec<String> = pairs
        .iter()
        .map(|pair| {
            format!(
                "{}={}",
                pair["name"].as_str().unwrap(),
                pair["value"].as_str().unwrap()
            )
        })
        .collect();
    pairs.sort();
    pairs
}

/// All that was added is there, as it was added.
fn has_agent(world: &World) {
    let revision = running(world);
    assert_eq!(revision["volumes"][0]["name"], "scratch");
    let containers = revision["containerDefinitions"].as_array().unwrap();
    assert_eq!(containers.len(), 2);
    assert_eq!(containers[0]["dependsOn"][0]["containerName"], "agent");
    for (member, value) in agent().as_object().unwrap() {
        assert_eq!(containers[1].get(member), Some(value), "{member}");
    }
}

/// ECS may describe a revision otherwise than it was written: registering it again and again changes nothing of that.
#[test]
fn what_ecs_describes_otherwise_than_it_was_written_is_deployed_as_it_is() {
    let world = World::new();
    world.account().cloud().ecs.drops_empty_variables = true;
    let before = world.inventory().without_what_stays();
    let variables = json!([{"Name": "MODE", "Value": "blue"}, {"Name": "EMPTY", "Value": ""}]);
    let properties = app().set("/PrimaryContainer/Environment", variables);
    let stack = world.with_service("app", &properties);
    assert_eq!(registrations(&world), 1);
    let outcome = stack.deploy_now(Template::of(&properties.image("demo/web:2")));
    assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
    assert_eq!(world.active_container()["image"], "demo/web:2");
    assert_eq!(environment(&world), ["MODE=blue"]);
    assert_eq!(registrations(&world), 2);
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

/// An update that changes nothing deploys nothing, whoever has registered what runs. Only the rollback alarm follows
/// the deployment by hand to the group that is idle now, once.
fn leaves_alone_what_runs(world: &World, stack: &Stack) {
    for allowed in [&["cloudwatch:PutMetricAlarm".to_owned()][..], &[]] {
        let before = world.mutations().len();
        assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
        assert_eq!(&world.mutations()[before..], allowed);
    }
}

fn registrations(world: &World) -> usize {
    let mutations = world.mutations();
    let is_registration = |name: &&String| *name == "ecs:RegisterTaskDefinition";
    mutations.iter().filter(is_registration).count()
}

#[test]
fn a_sidecar_that_was_added_by_hand_is_kept_by_every_update_and_goes_with_the_service() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &app());
    deploy_by_hand(&world, Tags::Copied, add_agent);
    leaves_alone_what_runs(&world, &stack);
    // Another variable in the place of the template's own, and another image; then back.
    let green = web()
        .named("app")
        .environment("COLOUR", "green")
        .image("public.ecr.aws/nginx/nginx:1.28");
    for (properties, variable, image) in [
        (green, "COLOUR=green", "1.28"),
        (app(), "MODE=blue", "1.27"),
    ] {
        let registered = registrations(&world);
        let updated = stack.deploy_now(Template::of(&properties));
        assert_eq!(updated.status, UpdateComplete, "{}", updated.first().reason);
        world.settle();
        assert_eq!(registrations(&world), registered + 1);
        has_agent(&world);
        assert_eq!(environment(&world), ["AGENT=127.0.0.1", variable]);
        let container = world.active_container();
        assert!(container["image"].as_str().unwrap().ends_with(image));
        let mutations = world.mutations();
        assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
        assert_eq!(world.mutations(), mutations);
    }
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn after_an_update_that_fails_what_was_added_by_hand_still_runs() {
    let world = World::new();
    let stack = world.with_service("app", &app());
    deploy_by_hand(&world, Tags::Left, add_agent);
    let runs = world.active_service()["taskDefinition"].clone();
    let failed = stack.deploy_now(Template::of(&app().image("demo/unhealthy")));
    assert_eq!(failed.status, UpdateRollbackComplete);
    world.settle();
    assert_eq!(world.active_service()["taskDefinition"], runs);
    has_agent(&world);
    let updated = stack.deploy_now(Template::of(
        &app().image("public.ecr.aws/nginx/nginx:1.28"),
    ));
    assert_eq!(updated.status, UpdateComplete, "{}", updated.first().reason);
    has_agent(&world);
}

/// CloudFormation's way back from properties that were refused names those as the old ones.
#[test]
fn after_an_update_that_is_refused_what_was_added_by_hand_still_runs() {
    for tags in [Tags::Copied, Tags::Left] {
        let world = World::new();
        let stack = world.with_service("app", &app());
        deploy_by_hand(&world, tags, add_agent);
        let runs = world.active_service()["taskDefinition"].clone();
        let before = registrations(&world);
        let refused = stack.deploy_now(Template::of(&app().set("/Memroy", "2048")));
        assert_eq!(refused.status, UpdateRollbackComplete, "{:?}", refused.seen);
        assert_eq!(world.active_service()["taskDefinition"], runs, "{tags:?}");
        assert_eq!(registrations(&world), before, "{tags:?}");
        has_agent(&world);
    }
}

#[test]
fn a_registration_whose_answer_is_lost_is_found_again_with_what_it_keeps() {
    let world = World::new();
    let stack = world.with_service("app", &app());
    deploy_by_hand(&world, Tags::Left, add_agent);
    leaves_alone_what_runs(&world, &stack);
    let lost = Rule::once(Some("ecs:RegisterTaskDefinition"), 0, Fault::CrashAfter);
    world.faults().add(lost);
    let updated = stack.deploy_now(Template::of(
        &app().image("public.ecr.aws/nginx/nginx:1.28"),
    ));
    assert_eq!(updated.status, UpdateComplete, "{}", updated.first().reason);
    has_agent(&world);
    // The service's first, and one for the update.
    assert_eq!(registrations(&world), 2);
}

#[test]
fn an_image_that_was_deployed_by_hand_is_not_undone_without_a_word() {
    let world = World::new();
    let stack = world.with_service("app", &app());
    deploy_by_hand(&world, Tags::Left, |input| {
        input["containerDefinitions"][0]["image"] = json!("public.ecr.aws/nginx/nginx:hotfix");
    });
    let runs = world.active_service()["taskDefinition"].clone();
    let before = world.mutations().len();
    // One that the provider cannot carry out, and one that it cannot read: CloudFormation goes back from both.
    for (refused, why) in [
        (app().health_check_path("/up"), "did not register"),
        (app().set("/Cpu", "3"), "Cpu"),
    ] {
        let updated = stack.deploy_now(Template::of(&refused));
        let reason = &updated.first().reason;
        assert!(reason.contains(why), "{reason}");
        assert_eq!(updated.status, UpdateRollbackComplete, "{reason}");
    }
    assert_eq!(world.mutations().len(), before);
    assert_eq!(world.active_service()["taskDefinition"], runs);
    // A template that says the same is met by it.
    let adopted = app().image("public.ecr.aws/nginx/nginx:hotfix");
    let updated = stack.deploy_now(Template::of(&adopted));
    assert_eq!(updated.status, UpdateComplete, "{}", updated.first().reason);
    let running = running(&world);
    assert_eq!(world.active_service()["taskDefinition"], runs);
    assert!(
        running["tags"]
            .as_array()
            .is_none_or(|tags| tags.iter().all(|tag| tag["key"] != TAG_OWNER))
    );
}

/// The service is as nobody has asked for: an answer that it is back would not be true.
#[test]
fn what_an_update_has_left_half_way_does_not_stay_because_somebody_has_taken_its_tag_off() {
    let world = World::new();
    let stack = world.with_service("app", &app());
    let changed = Template::of(&app().image("nginx:2")).sibling_fails_after(120);
    let deploying = world.spawn(stack.deploy(changed));
    world.block_on(world.sleep_s(60));
    by_hand::SERVICE_UNTAGGED.happen(&world, "app");
    let outcome = world.block_on(deploying);
    assert_eq!(outcome.status, UpdateRollbackFailed);
    let reason = &outcome.last().reason;
    assert!(reason.contains("Put the tag back"), "{reason}");
}

/// A move has its place on the other load balancer, and nothing more of it: that is no change of the service.
#[test]
fn a_place_that_was_only_claimed_does_not_keep_a_service_from_staying_as_it_is() {
    let world = World::new();
    let stack = world.with_service("app", &app());
    world.block_on(world.sleep_s(60));
    let before = world.mutations().len();
    // The first look of the attempt, and the one after the claim.
    let dies = Rule::once(Some("ec2:DescribeSecurityGroups"), 1, Fault::CrashBefore);
    world.faults().add(dies);
    let dedicated = Template::of(&app().set("/LoadBalancer/Sharing", "DEDICATED"));
    let deploying = world.spawn(stack.deploy(dedicated));
    world.block_on(world.sleep_s(5));
    assert_eq!(world.faults().struck(), 1);
    assert_eq!(world.mutations().len(), before);
    by_hand::SERVICE_UNTAGGED.happen(&world, "app");
    let outcome = world.block_on(deploying);
    let reason = &outcome.first().reason;
    assert!(reason.contains("Put the tag back"), "{reason}");
    assert_eq!(outcome.status, UpdateRollbackComplete, "{:?}", outcome.seen);
    world.settle();
    let members = |item: &Value| {
        item["members"]["M"]
            .as_object()
            .map_or(0, serde_json::Map::len)
    };
    let ledger = account::ledger(world.account());
    assert_eq!(ledger.iter().map(members).sum::<usize>(), 1, "{ledger:#?}");
}

/// It says nothing of where the next Update leads: a later one has been carried out.
#[test]
fn a_refused_update_that_comes_again_late_makes_no_way_back() {
    let world = World::new();
    let stack = world.with_service("app", &app());
    let refused = stack.deploy_now(Template::of(&app().set("/Cpu", "3")));
    assert_eq!(refused.status, UpdateRollbackComplete);
    let newer = stack.deploy_now(Template::of(&app().image("nginx:2")));
    assert_eq!(newer.status, UpdateComplete);
    world.redeliver(&refused.first().request_id);
    world.settle();
    deploy_by_hand(&world, Tags::Left, |input| {
        input["containerDefinitions"][0]["image"] = json!("public.ecr.aws/nginx/nginx:hotfix");
    });
    let older = stack.deploy_now(Template::of(&app()));
    assert_eq!(older.status, UpdateRollbackComplete);
    let reason = &older.first().reason;
    assert!(reason.contains("did not register"), "{reason}");
}

#[test]
fn cooldowns_and_scale_in_that_people_have_set_are_kept_when_scaling_changes() {
    const PACE: [&str; 3] = ["ScaleInCooldown", "ScaleOutCooldown", "DisableScaleIn"];
    let world = World::new();
    let stack = world.with_service("app", &app());
    let policy = |world: &World| {
        let inventory = world.inventory();
        let (_, policy) = inventory.of(Kind::ScalingPolicy).next().unwrap();
        policy.description.clone()
    };
    let found = policy(&world);
    let mut tracking = found["TargetTrackingScalingPolicyConfiguration"].clone();
    let theirs = [json!(600), json!(30), json!(true)];
    for (member, value) in PACE.iter().zip(&theirs) {
        tracking[*member] = value.clone();
    }
    let by_hand = json!({
        "PolicyName": found["PolicyName"],
        "ServiceNamespace": "ecs",
        "ResourceId": found["ResourceId"],
        "ScalableDimension": "ecs:service:DesiredCount",
        "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": tracking,
    });
    world
        .account()
        .perform(Service::ApplicationAutoScaling, "PutScalingPolicy", by_hand)
        .unwrap();
    let changed = app().set("/ScalingTarget/AutoScalingTargetValue", 40);
    let updated = stack.deploy_now(Template::of(&changed));
    assert_eq!(updated.status, UpdateComplete, "{}", updated.first().reason);
    let found = policy(&world);
    let tracking = &found["TargetTrackingScalingPolicyConfiguration"];
    assert_eq!(tracking["TargetValue"], json!(40.0));
    for (member, value) in PACE.iter().zip(&theirs) {
        assert_eq!(&tracking[*member], value, "{member}");
    }
}
