//! Updating a service.

use express_tests::account::Kind;
use express_tests::cloudformation::{FailedReplacement, RequestType};
use express_tests::properties::changes;
use express_tests::{Scenario, ServiceProperties, StackStatus, Template, World, web};
use local_aws::wire::Service;
use serde_json::{Value, json};

use StackStatus::{CreateComplete, DeleteComplete, UpdateComplete, UpdateRollbackComplete};

/// The properties that `loadBalancers` carries: the container's port, and the role that moves the targets.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LoadBalancer.html>
const IN_LOAD_BALANCERS: [&str; 2] = ["/PrimaryContainer/ContainerPort", "/InfrastructureRoleArn"];

/// No call of the run sends what is ECS's or auto scaling's, and `loadBalancers` goes out only for a change of
/// what it carries.
fn check_untouched(run: &express_tests::Run, pointer: &str) {
    let history = run.world.history();
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
        .filter(|call| call.recorded.name() == "elasticloadbalancing:ModifyRule");
    assert_eq!(rules.count(), 0, "ECS owns the rule's weights");
}

#[test]
fn case_28_an_update_without_a_change_changes_nothing() {
    let created = Scenario::new().create(web()).then_settle();
    let before = created.run().mutations();
    let run = created.then_update_unchanged().run();
    assert_eq!(run.statuses(), [CreateComplete, UpdateComplete]);
    assert_eq!(run.mutations(), before);
}

#[test]
fn case_29_each_property_alone_updates_in_place_and_the_delete_leaves_nothing() {
    for (pointer, value) in changes() {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let run = Scenario::new()
            .create(web())
            .then_settle()
            .then_update(web().set(pointer, value))
            .then_settle()
            .then_delete()
            .run_in(world);
        assert_eq!(
            run.statuses(),
            [CreateComplete, UpdateComplete, DeleteComplete],
            "{pointer}"
        );
        let seen = run.seen();
        assert_eq!(seen[0].physical_id, seen[1].physical_id, "{pointer}");
        check_untouched(&run, pointer);
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{pointer}");
    }
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

#[test]
fn case_30_an_update_of_what_was_never_created_is_refused() {
    let world = World::new();
    let mut event = world
        .stack("app")
        .event(RequestType::Update, Some("never"), &web());
    event["OldResourceProperties"] = web().stringified();
    world.deliver(event);
    world.settle();
    let body: Value =
        serde_json::from_str(&world.account().cloud().response_sink.received[0].body).unwrap();
    assert_eq!(body["Status"], "FAILED");
    assert!(
        body["Reason"].as_str().unwrap().contains("NotFound"),
        "{body}"
    );
}

/// The default subnet of each zone, and the zones of the only load balancer.
fn subnets(world: &World) -> (Vec<String>, Vec<String>) {
    let cloud = world.account().cloud();
    let mut by_zone: Vec<_> = cloud.ec2.subnets.values().collect();
    by_zone.sort_by(|one, other| one.zone.cmp(&other.zone));
    let defaults = by_zone.iter().map(|subnet| subnet.id.clone()).collect();
    drop(cloud);
    let inventory = world.inventory();
    let zones = inventory
        .of(Kind::LoadBalancer)
        .flat_map(|(_, balancer)| {
            balancer.description["AvailabilityZones"]
                .as_array()
                .cloned()
        })
        .flatten()
        .filter_map(|zone| Some(zone["ZoneName"].as_str()?.to_owned()))
        .collect();
    (defaults, zones)
}

#[test]
fn case_29_other_subnets_are_an_ordinary_deployment_and_the_load_balancer_gains_a_zone() {
    let world = World::new();
    let (subnet, _) = subnets(&world);
    let within = |ids: &[&String]| web().set("/NetworkConfiguration/Subnets", json!(ids));
    let run = Scenario::new()
        .create(within(&[&subnet[0], &subnet[1]]))
        .then_settle()
        .then_update(within(&[&subnet[1], &subnet[2]]))
        .then_settle()
        .run_in(world);
    assert_eq!(run.statuses(), [CreateComplete, UpdateComplete]);
    let (_, mut zones) = subnets(&run.world);
    zones.sort();
    assert_eq!(
        zones,
        ["eu-west-1a", "eu-west-1b", "eu-west-1c"],
        "never shrunk"
    );
    check_untouched(&run, "/NetworkConfiguration/Subnets");
}

fn replaced(properties: &ServiceProperties) {
    let world = World::new();
    world
        .account()
        .perform(
            Service::Ecs,
            "CreateCluster",
            json!({"clusterName": "prod"}),
        )
        .unwrap();
    world.remember_foreign();
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
