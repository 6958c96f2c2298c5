//! Moves of a running service between load balancers: to one of its own, from the internet to the inside, and back.

use express_tests::account::Kind;
use express_tests::by_hand;
use express_tests::client::Client;
use express_tests::network::private_subnets;
use express_tests::{Scenario, ServiceProperties, Stack, StackStatus, Template, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::json;

use StackStatus::{
    CreateComplete, DeleteComplete, UpdateComplete, UpdateRollbackComplete, UpdateRollbackFailed,
};

const HOST: &str = "web.apps.example.com";
/// A move of the plainest service takes less.
const MOVE_S: u64 = 1_800;
/// How long the client goes on after an answer: what a move leaves behind is gone by then.
const AFTERWARDS_S: u64 = 180;

fn dedicated() -> ServiceProperties {
    web().set("/LoadBalancer/Sharing", "DEDICATED")
}

fn internal() -> ServiceProperties {
    web().set("/LoadBalancer/Scheme", "internal")
}

/// Updates the stack under the eyes of a client, which has to be content.
fn update(world: &World, stack: &Stack, template: Template, expected: StackStatus) -> String {
    let client = Client::visits(world, HOST);
    let outcome = stack.deploy_now(template);
    assert_eq!(
        outcome.status,
        expected,
        "{}\n{}",
        outcome.first().reason,
        express_tests::trace::of(world)
    );
    world.block_on(world.sleep_s(AFTERWARDS_S));
    client.leaves_unharmed();
    world.settle();
    outcome.first().reason.clone()
}

/// Load balancers, rules and target groups.
fn counts(world: &World) -> [usize; 3] {
    let inventory = world.inventory();
    [Kind::LoadBalancer, Kind::ListenerRule, Kind::TargetGroup]
        .map(|kind| inventory.of(kind).count())
}

/// It would end, after two deployments, at what may not be changed; and the way back has to leave everything as it is.
#[test]
fn a_service_of_which_a_part_has_lost_its_tag_is_not_moved() {
    for change in [
        by_hand::RULE_UNTAGGED,
        by_hand::RULE_WITHOUT_TAGS,
        by_hand::TARGET_GROUP_UNTAGGED,
        by_hand::GROUP_UNTAGGED,
        by_hand::SERVICE_UNTAGGED,
    ] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        change.happen(&world, "web");
        let before = world.mutations();
        let refused = stack.deploy_now(Template::of(&dedicated()));
        let (kind, reason) = (change.kind, &refused.first().reason);
        assert_eq!(refused.status, UpdateRollbackComplete, "{kind:?}: {reason}");
        assert!(reason.contains("Put the tag back"), "{kind:?}: {reason}");
        world.settle();
        assert_eq!(world.mutations(), before, "{kind:?}");
    }
}

#[test]
fn case_40_moves_to_and_fro_cost_no_request_and_leave_nothing_behind() {
    for strategy in ["CANARY", "LINEAR", "BLUE_GREEN", "ROLLING"] {
        for other in [dedicated(), internal()] {
            let by = |properties: ServiceProperties| {
                let properties = properties.set("/Deployment/Strategy", strategy);
                properties.set("/ScalingTarget/MinTaskCount", 2)
            };
            let (world, _) = world_with_private_subnets();
            let before = world.inventory().without_what_stays();
            let stack = world.with_service("app", &by(web()));
            let ids = stack.resources();
            for properties in [other, web()] {
                update(
                    &world,
                    &stack,
                    Template::of(&by(properties)),
                    UpdateComplete,
                );
                assert_eq!(counts(&world), [1, 1, 2], "{strategy}");
            }
            assert_eq!(
                stack.resources()["Web"].physical_id,
                ids["Web"].physical_id,
                "it is the same service"
            );
            assert_eq!(stack.delete_now().status, DeleteComplete);
            world.settle();
            let after = world.inventory().without_what_stays();
            assert_eq!(before.diff(&after), Vec::<String>::new(), "{strategy}");
        }
    }
}

/// Route 53 usually needs a minute, and promises none.
#[test]
fn case_40_a_move_waits_until_every_name_server_leads_to_the_new_load_balancer() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    world.account().cloud().route53.propagation_ms = 400_000;
    for properties in [dedicated(), web()] {
        update(&world, &stack, Template::of(&properties), UpdateComplete);
        assert_eq!(counts(&world), [1, 1, 2]);
    }
}

#[test]
fn case_40_a_move_goes_by_the_time_where_route_53_does_not_tell() {
    for fault in [Fault::Deny, Fault::ServerError] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        let unanswered = Rule::once(Some("route53:GetChange"), 0, fault).times(u64::MAX);
        world.faults().add(unanswered);
        let template = Template::of(&dedicated());
        update(&world, &stack, template, UpdateComplete);
        assert!(world.logs().text().contains("alias.change.skipped"));
        assert_eq!(counts(&world), [1, 1, 2]);
    }
}

#[test]
fn case_33_a_move_is_undone_when_a_later_resource_fails_at_any_time() {
    // Before, in and after each of its deployments, and when all is done.
    for seconds in [0, 5, 60, 150, 250, 350, 450, 550, 700, 1_300] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        let template = Template::of(&dedicated()).sibling_fails_after(seconds);
        update(&world, &stack, template, UpdateRollbackComplete);
        assert_eq!(counts(&world), [1, 1, 2], "after {seconds} s");
        // Everything is as it was: nothing is left to do.
        let before = world.mutations().len();
        assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
        assert_eq!(world.mutations().len(), before, "after {seconds} s");
    }
}

/// The attempt dies as soon as it has changed the item of a load balancer: at the end of a move it has given the old place
/// back, and could not note that. Then CloudFormation goes back.
#[test]
fn case_33_a_move_is_undone_when_who_gave_a_place_back_has_died() {
    for number in 0.. {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        let id = stack.resources()["Web"].physical_id.clone();
        let update = |old: &ServiceProperties, new: &ServiceProperties| {
            world.deliver(stack.update_event(&id, old, new));
        };
        let dies = Rule::once(Some("dynamodb:UpdateItem"), number, Fault::CrashAfter);
        world.faults().add(dies);
        update(&web(), &dedicated());
        for _ in 0..MOVE_S {
            if world.faults().struck() == 0 {
                world.block_on(world.sleep_s(1));
            }
        }
        if world.faults().struck() == 0 {
            assert!(number > 1, "a place is claimed, and one is given back");
            return;
        }
        update(&dedicated(), &web());
        world.settle();
        assert_eq!(counts(&world), [1, 1, 2], "call {number}");
        assert_eq!(stack.delete_now().status, DeleteComplete, "call {number}");
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "call {number}");
    }
}

/// CloudFormation goes back with the old `ServiceTimeout`, whatever fails, and after the move.
#[test]
fn a_move_for_which_the_old_service_timeout_is_too_short_waits_for_an_update_of_its_own() {
    let patient = |service: ServiceProperties, seconds: u32| {
        service
            .set("/Deployment/RollbackAlarm/EvaluationPeriods", 5)
            .set("/ServiceTimeout", seconds)
    };
    let world = World::new();
    let stack = world.with_service("app", &patient(web(), 1_380));
    let moved = || Template::of(&patient(dedicated(), 3_600));
    let reason = update(
        &world,
        &stack,
        moved().sibling_fails_after(1_800),
        UpdateRollbackComplete,
    );
    assert!(reason.contains("update `ServiceTimeout` first"), "{reason}");
    assert_eq!(counts(&world), [1, 1, 2]);

    let longer = Template::of(&patient(web(), 3_600));
    update(&world, &stack, longer, UpdateComplete);
    let failing = moved().sibling_fails_after(1_800);
    update(&world, &stack, failing, UpdateRollbackComplete);
    assert_eq!(counts(&world), [1, 1, 2]);
    update(&world, &stack, moved(), UpdateComplete);
}

#[test]
fn stickiness_that_people_gave_the_rule_is_not_lost_by_a_move() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let inventory = world.inventory();
    let (arn, rule) = inventory
        .of(Kind::ListenerRule)
        .find(|(_, rule)| rule.is_ours())
        .unwrap();
    let mut actions = rule.description["Actions"].clone();
    actions[0]["ForwardConfig"]["TargetGroupStickinessConfig"] =
        json!({"Enabled": true, "DurationSeconds": 60});
    let by_hand = json!({"RuleArn": arn, "Actions": actions});
    world
        .account()
        .perform(Service::ElasticLoadBalancing, "ModifyRule", by_hand)
        .unwrap();
    let reason = update(
        &world,
        &stack,
        Template::of(&dedicated()),
        UpdateRollbackComplete,
    );
    assert!(reason.contains("would be lost"), "{reason}");
    assert_eq!(counts(&world), [1, 1, 2]);
}

#[test]
fn an_image_that_fails_is_found_out_before_anything_moves() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    let record = |world: &World| {
        let inventory = world.inventory();
        let mut records = inventory.of(Kind::RecordSet);
        records
            .find(|(_, record)| record.name.contains("web"))
            .map(|(_, record)| record.description.clone())
    };
    let led_to = record(&world);
    let failing = Template::of(&dedicated().image("demo/crash"));
    update(&world, &stack, failing, UpdateRollbackComplete);
    assert_eq!(record(&world), led_to);
    assert_eq!(counts(&world), [1, 1, 2]);
}

#[test]
fn a_move_that_aws_refuses_half_way_is_undone() {
    for (call, first) in [
        ("elasticloadbalancing:CreateTargetGroup", 0),
        ("elasticloadbalancing:CreateRule", 0),
        ("ecs:UpdateService", 0),
        ("ecs:UpdateService", 1),
        ("ecs:UpdateService", 2),
        ("route53:ChangeResourceRecordSets", 0),
        ("elasticloadbalancing:DeleteRule", 0),
        ("elasticloadbalancing:DeleteTargetGroup", 1),
    ] {
        let world = World::new();
        let stack = world.with_service("app", &web());
        let denied = Rule::once(Some(call), first, Fault::Deny);
        world.faults().add(denied);
        let reason = update(
            &world,
            &stack,
            Template::of(&dedicated()),
            UpdateRollbackComplete,
        );
        assert!(reason.contains("AccessDenied"), "{call}: {reason}");
        assert_eq!(counts(&world), [1, 1, 2], "{call}");
    }
}

#[test]
fn a_delete_in_the_middle_of_a_move_takes_both_sides() {
    for first in 0..3 {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let stack = world.with_service("app", &web());
        // The rollback fails too, so the stack is deleted as it stands.
        let denied = Rule::once(Some("ecs:UpdateService"), first, Fault::Deny).times(50);
        world.faults().add(denied);
        let outcome = stack.deploy_now(Template::of(&dedicated()));
        let is_expected = [UpdateRollbackFailed, UpdateRollbackComplete].contains(&outcome.status);
        assert!(is_expected, "{:?}", outcome.status);
        assert_eq!(stack.delete_now().status, DeleteComplete);
        world.settle();
        let after = world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{first}");
    }
}

#[test]
fn neighbours_of_both_load_balancers_see_nothing_of_a_move() {
    let (world, _) = world_with_private_subnets();
    let stack = world.with_service("app", &web());
    let inside = world.with_service("inside", &internal().named("inside"));
    let outside = world.with_service("outside", &web().named("outside"));
    let clients = ["inside", "outside"]
        .map(|name| Client::visits(&world, &format!("{name}.apps.example.com")));
    let outcome = stack.deploy_now(Template::of(&internal()));
    assert_eq!(outcome.status, UpdateComplete, "{}", outcome.first().reason);
    world.block_on(world.sleep_s(AFTERWARDS_S));
    for client in clients {
        client.leaves_unharmed();
    }
    world.settle();
    assert_eq!(counts(&world), [2, 3, 6]);
    for stack in [inside, outside] {
        let before = world.mutations().len();
        assert_eq!(stack.update_unchanged_now().status, UpdateComplete);
        assert_eq!(world.mutations().len(), before);
    }
}

/// A world whose VPC has private subnets, too.
fn world_with_private_subnets() -> (World, Vec<String>) {
    let world = World::new();
    let subnets = private_subnets(&world);
    (world, subnets)
}

#[test]
fn a_scheme_that_follows_from_other_subnets_moves_the_service_too() {
    let (world, private) = world_with_private_subnets();
    let stack = world.with_service("app", &web());
    let moved = web().set("/NetworkConfiguration/Subnets", private);
    update(&world, &stack, Template::of(&moved), UpdateComplete);
    assert_eq!(counts(&world), [1, 1, 2]);
    let inventory = world.inventory();
    let (_, balancer) = inventory
        .of(Kind::LoadBalancer)
        .next()
        .expect("there is one");
    assert_eq!(balancer.description["Scheme"], "internal");
    update(&world, &stack, Template::of(&web()), UpdateComplete);
}

#[test]
fn the_attributes_name_the_new_load_balancer() {
    let run = Scenario::new()
        .create(web())
        .then_update(internal())
        .then_delete()
        .run_in(world_with_private_subnets().0);
    assert_eq!(
        run.statuses(),
        [CreateComplete, UpdateComplete, DeleteComplete]
    );
    let seen = run.seen();
    let pool = |number: usize| seen[number].data["LoadBalancerPool"].clone();
    let (before, after) = (pool(0), pool(1));
    assert!(
        before
            .as_str()
            .is_some_and(|pool| pool.starts_with("internet-facing-")),
        "{before}"
    );
    assert!(
        after
            .as_str()
            .is_some_and(|pool| pool.starts_with("internal-")),
        "{after}"
    );
    assert_eq!(seen[0].data["Endpoint"], seen[1].data["Endpoint"]);
}
