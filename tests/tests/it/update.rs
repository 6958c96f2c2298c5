//! Updating a service.

use express_tests::account::{self, Kind};
use express_tests::changes::{Change, changes, make_own_things};
use express_tests::cloudformation::{FailedReplacement, RequestType, answers_sent};
use express_tests::{Scenario, ServiceProperties, StackStatus, Template, World, invariants, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use provider_schema::limits::TAGS_MAX;
use provider_schema::updates::{Effect, Property};
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, UpdateComplete, UpdateRollbackComplete};

/// The properties that `loadBalancers` carries: the container's port, the role that moves the targets, and the rule for
/// test traffic.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html>
const IN_LOAD_BALANCERS: [&str; 3] = [
    "/PrimaryContainer/ContainerPort",
    "/InfrastructureRoleArn",
    "/Deployment/TestTraffic",
];

/// No call sends what is ECS's or auto scaling's, and `loadBalancers` goes out only for a change of what it carries.
fn check_untouched(world: &World, pointer: &str) {
    let history = world.history();
    let updates: Vec<&Value> = history
        .calls()
        .filter(|call| call.recorded.name() == "ecs:UpdateService")
        .map(|call| &call.recorded.input)
        .collect();
    let sends = |member: &str| updates.iter().any(|input| input.get(member).is_some());
    assert!(!sends("desiredCount"), "{pointer}");
    let is_due = IN_LOAD_BALANCERS.contains(&pointer);
    assert_eq!(sends("loadBalancers"), is_due, "{pointer}");
    let rules = history
        .calls()
        .filter(|call| call.recorded.name() == "elasticloadbalancing:ModifyRule")
        .filter(|call| call.recorded.input.get("Actions").is_some());
    assert_eq!(rules.count(), 0, "ECS owns the rule's weights: {pointer}");
}

#[test]
fn case_28_an_update_without_a_change_changes_nothing() {
    let created = Scenario::new().create(web()).then_settle();
    let before = created.run().mutations();
    let run = created.then_update_unchanged().run();
    assert_eq!(run.statuses(), [CreateComplete, UpdateComplete]);
    assert_eq!(run.mutations(), before);
}

/// Whether the table of updates says that ECS deploys. Its note on `TestTraffic`: not, while that stays.
fn is_deployed(change: &Change) -> bool {
    let changed = change.properties();
    let is_another_header = matches!(
        changed[..],
        [Property::TestHeaderName | Property::TestHeaderValue]
    );
    let mut effects = changed.iter().map(|property| property.effect());
    !is_another_header && effects.any(|effect| effect == Effect::NewDeployment)
}

/// Properties of which AWS is told nothing.
const TOLD_TO_NOBODY: [Property; 2] = [Property::ServiceTimeout, Property::Preset];

/// Holds a change against the table: whether ECS deploys, and that everything else changes what AWS has.
fn check_effect(change: &Change, deployments: usize, changed: &[String]) {
    assert_eq!(deployments, usize::from(is_deployed(change)), "{change}");
    let mut properties = change.properties().into_iter();
    let is_told = properties.any(|property| !TOLD_TO_NOBODY.contains(&property));
    assert_eq!(!changed.is_empty(), is_told, "{change}: {changed:?}");
}

/// A life in which one property changes, and changes back.
fn changes_to_and_fro(change: &Change) {
    let world = World::new();
    make_own_things(&world);
    world.remember_foreign();
    let before = world.inventory().without_what_stays();
    let (old, new) = (change.before(web()), change.after(web()));
    let stack = world.with_service("app", &old);
    let id = stack.resources()["Web"].physical_id.clone();
    let deployments = || account::deployments(world.account(), "web");
    for properties in [&new, &old] {
        let (deployed, there) = (deployments(), world.inventory());
        let outcome = stack.deploy_now(Template::of(properties));
        let reason = &outcome.first().reason;
        assert_eq!(outcome.status, UpdateComplete, "{change}: {reason}");
        assert_eq!(stack.resources()["Web"].physical_id, id, "{change}");
        world.settle();
        let changed = there.diff(&world.inventory());
        check_effect(change, deployments() - deployed, &changed);
    }
    check_untouched(&world, change.pointer());
    assert_eq!(stack.delete_now().status, DeleteComplete, "{change}");
    world.settle();
    invariants::check_all_answered(&world);
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new(), "{change}");
}

#[test]
fn case_29_each_property_of_tasks_and_service_updates_as_the_table_says_and_back() {
    let changes = changes();
    let of_others = |change: &&Change| !change.pointer().starts_with("/Deployment/");
    changes
        .iter()
        .filter(of_others)
        .for_each(changes_to_and_fro);
}

#[test]
fn case_29_each_property_of_deployments_updates_as_the_table_says_and_back() {
    let changes = changes();
    let of_deployments = |change: &&Change| change.pointer().starts_with("/Deployment/");
    changes
        .iter()
        .filter(of_deployments)
        .for_each(changes_to_and_fro);
}

#[test]
fn case_29_attributes_are_the_same_after_an_update_that_does_not_concern_them() {
    let run = Scenario::new()
        .create(web())
        .then_update(web().health_check_path("/up"))
        .run();
    let seen = run.seen();
    for (name, value) in &seen[0].data {
        assert_eq!(seen[1].data.get(name), Some(value), "{name}");
    }
}

/// Sends an Update of this id that no stack waits for; its answer.
fn update_of(world: &World, stack: &express_tests::Stack, id: &str) -> Value {
    let event = stack.update_event(id, &web(), &web().health_check_path("/up"));
    let mutated = world.mutations();
    let before = world.inventory();
    world.deliver(event);
    world.settle();
    assert_eq!(world.mutations(), mutated);
    assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
    answers_sent(world).pop().unwrap()
}

fn is_refused_as_not_found(answer: &Value, id: &str) {
    assert_eq!(answer["Status"], "FAILED");
    assert_eq!(answer["PhysicalResourceId"], id);
    let reason = answer["Reason"].as_str().unwrap();
    assert!(reason.starts_with("NotFound"), "{reason}");
}

#[test]
fn case_30_an_update_of_what_was_never_created_is_refused() {
    let world = World::new();
    let stack = world.stack("app");
    is_refused_as_not_found(&update_of(&world, &stack, "never"), "never");
}

#[test]
fn case_30_an_update_of_what_was_deleted_is_refused() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let id = stack.resources()["Web"].physical_id.clone();
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    is_refused_as_not_found(&update_of(&world, &stack, &id), &id);
}

/// The zones of the only load balancer.
fn zones(world: &World) -> Vec<String> {
    let inventory = world.inventory();
    inventory
        .of(Kind::LoadBalancer)
        .flat_map(|(_, balancer)| {
            balancer.description["AvailabilityZones"]
                .as_array()
                .cloned()
        })
        .flatten()
        .filter_map(|zone| Some(zone["ZoneName"].as_str()?.to_owned()))
        .collect()
}

#[test]
fn case_29_other_subnets_are_an_ordinary_deployment_and_the_load_balancer_gains_a_zone() {
    let world = World::new();
    let subnet = world.subnets();
    let within = |ids: &[&String]| web().set("/NetworkConfiguration/Subnets", json!(ids));
    let run = Scenario::new()
        .create(within(&[&subnet[0], &subnet[1]]))
        .then_settle()
        .then_update(within(&[&subnet[1], &subnet[2]]))
        .then_settle()
        .run_in(world);
    assert_eq!(run.statuses(), [CreateComplete, UpdateComplete]);
    let mut zones = zones(&run.world);
    zones.sort();
    assert_eq!(
        zones,
        ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        "never shrunk"
    );
    let calls = run.mutations();
    let sets = calls.iter().filter(|call| call.ends_with(":SetSubnets"));
    assert_eq!(sets.count(), 1, "{calls:?}");
    check_untouched(&run.world, "/NetworkConfiguration/Subnets");
}

/// Half of an Update is refused. What CloudFormation asks back then looks, to a read that is some seconds old, as if nothing
/// were to be done.
#[test]
fn what_was_just_changed_is_changed_back_although_aws_does_not_show_it_yet() {
    let settings = |world: &World| world.active_service()["deploymentConfiguration"].clone();
    let world = World::new();
    let stack = world.with_service("app", &web());
    let before = settings(&world);
    let scaling = Some("application-autoscaling:RegisterScalableTarget");
    world.faults().add(Rule::once(scaling, 0, Fault::Deny));
    let every_read = Rule::once(None, 0, Fault::StaleRead).times(u64::MAX);
    world.faults().add(every_read);
    let changed = web()
        .set("/Deployment/CircuitBreaker", json!({"Enable": false}))
        .set("/ScalingTarget/MaxTaskCount", 7);
    let outcome = stack.deploy_now(Template::of(&changed));
    assert_eq!(outcome.status, UpdateRollbackComplete);
    world.settle();
    let calls = world.mutations();
    let sent = calls.iter().filter(|call| *call == "ecs:UpdateService");
    assert_eq!(sent.count(), 2, "there and back: {calls:?}");
    assert_eq!(settings(&world), before);
}

/// The account's own cluster `prod`.
fn make_cluster(world: &World) {
    let input = json!({"clusterName": "prod"});
    let made = world
        .account()
        .perform(Service::Ecs, "CreateCluster", input);
    made.unwrap();
    world.remember_foreign();
}

fn replaced(properties: &ServiceProperties) {
    let world = World::new();
    make_cluster(&world);
    let before = world.inventory().without_what_stays();
    let run = Scenario::new()
        .create(web())
        .then_settle()
        .then_update(properties.clone())
        .then_settle()
        .then_delete()
        .run_in(world);
    assert_eq!(
        run.statuses(),
        [CreateComplete, UpdateComplete, DeleteComplete]
    );
    let seen = run.seen();
    let types: Vec<_> = seen.iter().map(|seen| seen.request_type).collect();
    assert_eq!(
        types,
        [
            RequestType::Create,
            RequestType::Update,
            RequestType::Delete,
            RequestType::Delete
        ]
    );
    assert_ne!(seen[0].physical_id, seen[1].physical_id);
    assert_eq!(seen[2].sent_id, seen[0].physical_id);
    let after = run.world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_40_another_name_or_cluster_replaces() {
    replaced(&web().named("shop"));
    replaced(&web().cluster("prod"));
}

/// `web` in the cluster `prod` has the host name of `web-prod` in the cluster `default`.
#[test]
fn a_replacement_does_not_take_the_host_name_of_the_service_that_serves() {
    // Where DNS is managed elsewhere there is no record that shows whose the name is.
    for zone in [None, Some("")] {
        let world = World::new();
        if let Some(zone) = zone {
            world.configure("EXPRESS_HOSTED_ZONE_ID", zone);
        }
        make_cluster(&world);
        let stack = world.with_service("app", &web().named("web-prod"));
        let before = world.inventory();
        let outcome = stack.deploy_now(Template::of(&web().cluster("prod")));
        assert_eq!(outcome.status, UpdateRollbackComplete);
        let reason = &outcome.first().reason;
        for named in ["host name `web-prod.apps.example.com`", "default/web-prod`"] {
            assert!(reason.contains(named), "{reason}");
        }
        world.settle();
        assert_eq!(before.diff(&world.inventory()), Vec::<String>::new());
        let changed = web().named("web-prod").health_check_path("/up");
        let outcome = stack.deploy_now(Template::of(&changed));
        assert_eq!(outcome.status, UpdateComplete);
    }
}

/// CloudFormation tries the clean-up three times, and then knows of the old service no more.
#[test]
fn case_40_a_service_whose_clean_up_has_failed_goes_with_the_next_delete() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.with_service("app", &web());
    let denied = Rule::once(Some("ecs:DeleteService"), 0, Fault::Deny);
    world.faults().add(denied.times(3));
    let renamed = web().named("shop");
    let updated = stack.deploy_now(Template::of(&renamed));
    assert_eq!(updated.status, UpdateComplete);
    let deletes: Vec<bool> = updated.seen[1..].iter().map(|it| it.is_success()).collect();
    assert_eq!(deletes, [false; 3]);
    // An update does not fail for what is left of another one.
    let changed = renamed.image("public.ecr.aws/nginx/nginx:1.28");
    assert_eq!(
        stack.deploy_now(Template::of(&changed)).status,
        UpdateComplete
    );
    let services = world.inventory();
    assert_eq!(services.of(Kind::EcsService).count(), 2);
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_43c_a_replacement_whose_answer_crosses_the_cancellation_leaves_nothing() {
    let world = World::new();
    let before = world.inventory().without_what_stays();
    let stack = world.stack("app");
    assert_eq!(
        stack.deploy_now(Template::of(&web())).status,
        CreateComplete
    );
    let id = stack.resources()["Web"].physical_id.clone();
    let send = |name: &str| {
        let event = stack.event(RequestType::Update, Some(&id), &web().named(name));
        world.deliver(event);
        world.settle();
    };
    // Made and answered, but CloudFormation had just cancelled it: it sends the Update back under the old id.
    send("shop");
    send("web");
    assert_eq!(stack.delete_now().status, DeleteComplete);
    world.settle();
    let after = world.inventory().without_what_stays();
    assert_eq!(before.diff(&after), Vec::<String>::new());
}

#[test]
fn case_43c_a_replacing_update_that_fails_ends_clean_either_way() {
    for reaction in [
        FailedReplacement::DeleteAnsweredId,
        FailedReplacement::UpdateBack,
    ] {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let run = Scenario::new()
            .after_failed_replacement(reaction)
            .create(web())
            .then_settle()
            .then_update(web().named("shop").image("demo/unhealthy"))
            .then_settle()
            .then_delete()
            .run_in(world);
        assert_eq!(
            run.statuses(),
            [CreateComplete, UpdateRollbackComplete, DeleteComplete],
            "{reaction:?}"
        );
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{reaction:?}");
    }
}

fn by_hand(world: &World, changes: Value) {
    let mut input = json!({"cluster": "default", "service": "web"});
    for (name, value) in changes.as_object().unwrap() {
        input[name] = value.clone();
    }
    world
        .account()
        .perform(Service::Ecs, "UpdateService", input)
        .unwrap();
}

#[test]
fn case_31_an_update_leaves_the_number_of_tasks_that_auto_scaling_has_set() {
    let world = World::new();
    let stack = world.with_service("app", &web().set("/ScalingTarget/MaxTaskCount", 9));
    by_hand(&world, json!({"desiredCount": 7}));
    world.block_on(world.sleep_s(300));
    let changed = web()
        .set("/ScalingTarget/MaxTaskCount", 9)
        .image("public.ecr.aws/nginx/nginx:1.28");
    assert_eq!(
        stack.deploy_now(Template::of(&changed)).status,
        UpdateComplete
    );
    assert_eq!(world.active_service()["desiredCount"], 7);
}

#[test]
fn case_37_an_update_comes_through_while_somebody_deploys_or_scales_the_service() {
    for changes in [
        json!({"forceNewDeployment": true}),
        json!({"desiredCount": 2}),
    ] {
        for seconds in [0, 3, 40] {
            let world = World::new();
            let stack = world.with_service("app", &web());
            by_hand(&world, changes.clone());
            world.block_on(world.sleep_s(seconds));
            let changed = web().image("public.ecr.aws/nginx/nginx:1.28");
            let outcome = stack.deploy_now(Template::of(&changed));
            let context = format!("{changes} {seconds} s: {}", outcome.first().reason);
            assert_eq!(outcome.status, UpdateComplete, "{context}");
            assert_eq!(
                world.active_container()["image"],
                "public.ecr.aws/nginx/nginx:1.28",
                "{context}"
            );
        }
    }
}

#[test]
fn case_41_another_strategy_that_is_asked_for_in_the_middle_of_a_swap_comes_after_it() {
    for seconds in [3, 40, 90] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        by_hand(&world, json!({"forceNewDeployment": true}));
        world.block_on(world.sleep_s(seconds));
        for strategy in ["LINEAR", "ROLLING", "BLUE_GREEN"] {
            let changed = web().set("/Deployment/Strategy", strategy);
            let outcome = stack.deploy_now(Template::of(&changed));
            let context = format!("{strategy} {seconds} s: {}", outcome.first().reason);
            assert_eq!(outcome.status, UpdateComplete, "{context}");
            let asked = &world.active_service()["deploymentConfiguration"]["strategy"];
            assert_eq!(asked, strategy, "{context}");
        }
    }
}

#[test]
fn case_38_another_digest_of_the_same_image_is_deployed() {
    let image = |digit: &str| {
        let digest = digit.repeat(64);
        format!("123456789012.dkr.ecr.eu-west-1.amazonaws.com/web@sha256:{digest}")
    };
    let world = World::new();
    let stack = world.with_service("app", &web().image(&image("a")));
    let outcome = stack.deploy_now(Template::of(&web().image(&image("b"))));
    assert_eq!(outcome.status, UpdateComplete);
    assert_eq!(world.active_container()["image"], image("b"));
}

#[test]
fn case_39_lists_are_replaced_in_full_and_tags_that_are_removed_go() {
    let variable = |name: &str| json!({"Name": name, "Value": "1"});
    let tag = |key: &str| json!({"Key": key, "Value": "1"});
    let with = |names: [&str; 2]| {
        let list = |make: &dyn Fn(&str) -> Value| Value::from(names.map(make).to_vec());
        web()
            .set("/PrimaryContainer/Environment", list(&variable))
            .set("/PrimaryContainer/Command", json!(names))
            .set("/Tags", list(&tag))
    };
    let world = World::new();
    let stack = world.with_service("app", &with(["first", "both"]));
    let outcome = stack.deploy_now(Template::of(&with(["both", "second"])));
    assert_eq!(outcome.status, UpdateComplete);
    world.settle();
    let container = world.active_container();
    assert_eq!(container["command"], json!(["both", "second"]));
    let mut names: Vec<&Value> = container["environment"]
        .as_array()
        .unwrap()
        .iter()
        .map(|variable| &variable["name"])
        .collect();
    names.sort_by_key(|name| name.as_str());
    assert_eq!(names, ["both", "second"]);
    let serving = world.active_service()["taskDefinition"].clone();
    for ((kind, id), item) in &world.inventory().items {
        // An old revision is as it was registered, CloudWatch ignores tags of an alarm that exists, a log group
        // outlives its service, and what is shared has no owner.
        let is_old = *kind == Kind::TaskDefinition && *id != serving;
        let takes_tags_once = matches!(kind, Kind::MetricAlarm | Kind::LogGroup);
        let has_owner = item.tags.contains_key(express_core::naming::TAG_OWNER);
        if has_owner && !is_old && !takes_tags_once {
            let own: Vec<&String> = item
                .tags
                .keys()
                .filter(|key| ["first", "both", "second"].contains(&key.as_str()))
                .collect();
            assert_eq!(own, ["both", "second"], "{kind:?} {}", item.name);
        }
    }
}

#[test]
fn case_39_one_of_as_many_tags_as_there_may_be_is_exchanged_for_another() {
    let tagged = |last: &str| {
        let keys = (1..TAGS_MAX).map(|number| format!("key-{number}"));
        let keys = keys.chain([last.to_owned()]);
        let tags: Vec<Value> = keys.map(|key| json!({"Key": key, "Value": "1"})).collect();
        web().set("/Tags", tags)
    };
    let world = World::new();
    let stack = world.with_service("app", &tagged("old"));
    let outcome = stack.deploy_now(Template::of(&tagged("new")));
    assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
}

#[test]
fn how_deployments_go_is_changed_at_once_for_no_deployment_comes_of_it() {
    for shows_late in [false, true] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        world.block_on(world.sleep_s(60));
        if shows_late {
            let every_read = Rule::once(None, 0, Fault::StaleRead).times(u64::MAX);
            world.faults().add(every_read);
        }
        let changed = web().set("/Deployment/BakeTimeInMinutes", 7);
        let begun_ms = world.now_ms();
        let outcome = stack.deploy_now(Template::of(&changed));
        assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
        let seconds = (outcome.first().seen_ms - begun_ms) / 1000;
        assert!(seconds <= if shows_late { 40 } else { 5 }, "{seconds} s");
        let settings = &world.active_service()["deploymentConfiguration"];
        assert_eq!(settings["bakeTimeInMinutes"], 7);
        let history = world.history();
        let told = history
            .calls()
            .filter(|call| call.recorded.name() == "ecs:UpdateService");
        assert_eq!(told.count(), 1);
    }
}

#[test]
fn a_service_of_which_ecs_has_forgotten_the_deployments_is_updated_like_any_other() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    // Its second deployment: group b serves.
    let second = web().image("public.ecr.aws/nginx/nginx:1.28");
    assert_eq!(
        stack.deploy_now(Template::of(&second)).status,
        UpdateComplete
    );
    for _ in 0..FORGOTTEN_AFTER_DAYS {
        world.block_on(world.sleep_s(DAY_S));
    }

    let before = world.mutations().len();
    assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
    assert_eq!(world.mutations().len(), before);

    // The group that serves goes on asking for the old path until the new revision is there, and only that one.
    let paths = |world: &World| -> Vec<(String, Value)> {
        let calls = world.history();
        let calls = calls
            .calls()
            .filter(|call| call.recorded.name() == "elasticloadbalancing:ModifyTargetGroup");
        calls
            .map(|call| &call.recorded.input)
            .map(|input| {
                let group = input["TargetGroupArn"].to_string();
                (group, input["HealthCheckPath"].clone())
            })
            .collect()
    };
    let moved = web()
        .image("public.ecr.aws/nginx/nginx:1.29")
        .health_check_path("/up");
    let updated = stack.deploy_now(Template::of(&moved));
    let reason = &updated.first().reason;
    assert_eq!(updated.status, UpdateComplete, "{reason}");
    let paths = paths(&world);
    assert!(paths[0].0.contains("-a/"), "{paths:?}");
    assert!(paths[1].0.contains("-b/"), "{paths:?}");
}

/// Days after which ECS tells nothing of a deployment any more.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/view-service-deployment.html>
const FORGOTTEN_AFTER_DAYS: u64 = 91;
const DAY_S: u64 = 24 * 3_600;
