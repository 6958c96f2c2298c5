//! Moves between load balancers: the stages, the way back, and what is refused.

use expect_test::{Expect, expect};
use provider_schema::{Scheme, Sharing};

use super::seen::{foreign, rule};
use super::world::World;
use super::{check, seen, text, web};
use crate::decision::Decision;
use crate::observed::{LeavingSide, Observed, Presence};
use crate::plan::{self, WayBack};
use crate::resources::ecs_service::DeploymentStatus;
use crate::step::Step;

/// Plays an Update to `wanted`, and compares the steps, one line for each round.
fn check_move(wanted: super::Web, world: &mut World, expect: Expect) {
    let rounds = world.converge(wanted);
    let lines: Vec<String> = rounds
        .iter()
        .map(|steps| {
            let steps: Vec<String> = steps.iter().map(ToString::to_string).collect();
            format!("{}\n", steps.join("; "))
        })
        .collect();
    expect.assert_eq(&lines.concat());
    assert!(world.observed.leaving.is_none());
}

#[test]
fn a_service_moves_to_a_load_balancer_of_its_own_in_stages() {
    let mut seen = seen(web());
    check_move(
        web().sharing(Sharing::Dedicated),
        &mut seen.world,
        expect![[r#"
            ClaimSlot(3e2ad36d)
            CreateTargetGroup(express-119a3fbe52e2-3e2ad36d-a); CreateTargetGroup(express-119a3fbe52e2-3e2ad36d-b); CreateSecurityGroup(express-3e2ad36d-1); PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            ModifyTargetGroup(a) deregistration_delay=30; ModifyTargetGroup(b) deregistration_delay=30; AuthorizeIngress(sg-of-express-3e2ad36d-1) 443,80; CreateLoadBalancer(express-3e2ad36d-1); AuthorizeIngress(sg-service) 80
            CreateListener(Https { certificate_arn: "arn:aws:acm:eu-west-1:123456789012:certificate/1" }); CreateListener(Redirect)
            CreateListenerRule(web.example.com) priority=20000
            UpdateService(web) loadBalancers deploymentConfiguration
            UpsertAliasRecord(web.example.com)
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            UpdateService(web) loadBalancers
            UpdateService(web) deploymentConfiguration
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            DeleteTargetGroup(a); DeleteTargetGroup(b); RevokeIngress(sg-service) 80
            LeaveSlot(b9f7bcfb) 1
        "#]],
    );
}

#[test]
fn what_else_has_changed_is_deployed_before_anything_moves() {
    let mut seen = seen(web());
    check_move(
        web()
            .scheme(Scheme::Internal)
            .health_check_path("/up")
            .image("web:2"),
        &mut seen.world,
        expect![[r#"
            ClaimSlot(4bed36d6)
            RegisterTaskDefinition(express-web-119a3fbe52e2); CreateTargetGroup(express-119a3fbe52e2-4bed36d6-a); CreateTargetGroup(express-119a3fbe52e2-4bed36d6-b); CreateSecurityGroup(express-4bed36d6-1); ModifyTargetGroup(b) HealthCheckPath=/up
            ModifyTargetGroup(a) deregistration_delay=30; ModifyTargetGroup(b) deregistration_delay=30; AuthorizeIngress(sg-of-express-4bed36d6-1) 443,80; CreateLoadBalancer(express-4bed36d6-1); AuthorizeIngress(sg-service) 80
            CreateListener(Https { certificate_arn: "arn:aws:acm:eu-west-1:123456789012:certificate/1" }); CreateListener(Redirect)
            CreateListenerRule(web.example.com) priority=20000
            UpdateService(web) taskDefinition
            ModifyTargetGroup(a) HealthCheckPath=/up; PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            UpdateService(web) loadBalancers deploymentConfiguration
            UpsertAliasRecord(web.example.com)
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            UpdateService(web) loadBalancers
            UpdateService(web) deploymentConfiguration
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            DeleteTargetGroup(a); DeleteTargetGroup(b); RevokeIngress(sg-service) 80
            LeaveSlot(b9f7bcfb) 1
        "#]],
    );
}

/// Plays an Update to `wanted` up to the round before `stop` would be applied.
pub(super) fn until(world: &mut World, wanted: &super::Web, stop: &str) {
    let desired = wanted.clone().updating(&world.web).desired();
    for _ in 0..super::world::ROUNDS_MAX {
        match world.plan(&desired).expect("there is a plan") {
            Decision::Apply(steps) => {
                if steps.iter().any(|step| step.to_string().starts_with(stop)) {
                    return;
                }
                steps.iter().for_each(|step| world.apply(step));
            }
            Decision::Wait(wait) => world.wait(&wait),
            Decision::Converged(_) | Decision::Removed => panic!("{stop} was not planned"),
        }
    }
    panic!("{stop} was not planned in time");
}

#[test]
fn from_every_stage_there_is_a_way_back() {
    let wanted = web().sharing(Sharing::Dedicated);
    for stop in [
        "CreateTargetGroup",
        "CreateListenerRule",
        "UpdateService",
        "UpsertAliasRecord",
        "DeleteListenerRule",
        "DeleteTargetGroup",
        "LeaveSlot",
    ] {
        let mut seen = seen(web());
        until(&mut seen.world, &wanted, stop);
        seen.world.begin_update();
        seen.world.converge(web());
        assert!(seen.world.observed.leaving.is_none(), "{stop}");
        seen.world.begin_update();
        assert_eq!(
            seen.world.converge(web()),
            Vec::<Vec<crate::step::Step>>::new(),
            "{stop}"
        );
    }
}

/// Its tasks are on both load balancers already, but what is stopped takes them off the new one.
#[test]
fn the_name_stays_when_the_deployment_to_both_is_stopped() {
    let mut seen = seen(web());
    let world = &mut seen.world;
    let wanted = web().sharing(Sharing::Dedicated);
    until(world, &wanted, "UpdateService");
    let desired = wanted.updating(&world.web).desired();
    let Ok(Decision::Apply(steps)) = world.plan(&desired) else {
        panic!("there is a deployment to begin");
    };
    steps.iter().for_each(|step| world.apply(step));
    world.timing.now_ms = world.timing.stop_at_ms;
    let planned = text(&world.plan(&desired));
    assert!(planned.starts_with("StopDeployment("), "{planned}");
    assert!(!planned.contains("AliasRecord"), "{planned}");
}

#[test]
fn a_tag_that_is_off_what_is_to_be_left_again_does_not_keep_a_service_from_going_back() {
    let mut seen = seen(web());
    until(
        &mut seen.world,
        &web().sharing(Sharing::Dedicated),
        "UpdateService",
    );
    if let Presence::Present(group) = &mut seen.world.observed.target_group_b {
        group.tags.clear();
    }
    seen.world.begin_update();
    let planned = text(&seen.world.plan(&web().desired()));
    assert_eq!(planned, "TurnBack\n");
}

#[test]
fn a_removal_in_the_middle_takes_both_sides() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpsertAliasRecord");
    let identity = wanted.desired().identity;
    let mut lines = String::new();
    for _ in 0..super::world::ROUNDS_MAX {
        let decision = plan::remove(&identity, Some("ZONE"), &seen.world.observed);
        lines.push_str(&text(&decision));
        match decision.expect("there is a plan") {
            Decision::Apply(steps) => steps.iter().for_each(|step| seen.world.apply(step)),
            Decision::Wait(wait) => seen.world.wait(&wait),
            Decision::Converged(_) => panic!("it is to go"),
            Decision::Removed => break,
        }
    }
    expect![[r#"
        DeleteAliasRecord(web.example.com)
        DeregisterScalableTarget(service/default/web)
        DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-3e2ad36d-a/1)
        DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
        DeleteService(arn:aws:ecs:eu-west-1:123456789012:service/default/web)
        Wait 15 s: service `web` is draining
        DeleteTargetGroup(a)
        DeleteTargetGroup(b)
        DeleteTargetGroup(a)
        DeleteTargetGroup(b)
        DeleteMetricAlarm(express-web-119a3fbe52e2-rollback)
        DeleteSecurityGroup(sg-service)
        Removed
    "#]].assert_eq(&lines);
}

#[test]
fn a_deployment_to_both_that_fails_leaves_everything_where_it_was() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpdateService");
    let before = seen.world.observed.ecs_service.clone();
    let desired = wanted.clone().updating(&seen.world.web).desired();
    let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
        panic!("the deployment is planned");
    };
    steps.iter().for_each(|step| seen.world.apply(step));
    let mut seen = seen.deployment(|deployment| deployment.status = DeploymentStatus::GoingBack);
    let Ok(Decision::Wait(wait)) = seen.world.plan(&desired) else {
        panic!("it is waited for");
    };
    seen.world.wait(&wait);
    expect![[r#"
        NotStabilized: the deployment of service `web` failed: ECS gave no reason
    "#]]
    .assert_eq(&text(&seen.world.plan(&desired)));
    let (Presence::Present(before), Presence::Present(after)) =
        (before, &seen.world.observed.ecs_service)
    else {
        panic!("there is a service");
    };
    assert_eq!(before.ingress, after.ingress);
}

#[test]
fn the_name_is_waited_for_by_the_second() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpsertAliasRecord");
    let desired = wanted.clone().updating(&seen.world.web).desired();
    let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
        panic!("the name is to be moved");
    };
    steps.iter().for_each(|step| seen.world.apply(step));
    let seen = seen.after_s(100);
    // The alarm looks at what serves now first.
    let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
        panic!("the alarm is to be moved");
    };
    let mut seen = seen;
    steps.iter().for_each(|step| seen.world.apply(step));
    expect![[r#"
        Wait 30 s: `web.example.com` leads to another load balancer now; DNS may still answer with the one before
    "#]].assert_eq(&text(&seen.world.plan(&desired)));
    let seen = seen.after_s(30);
    expect![[r#"
        UpdateService(web) loadBalancers
    "#]]
    .assert_eq(&text(&seen.world.plan(&desired)));
}

#[test]
fn a_rule_without_our_tag_is_named_before_the_groups_that_it_keeps_in_use() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "DeleteListenerRule");
    let seen = seen.but(|observed| {
        let leaving = observed.leaving.as_deref_mut().expect("a move");
        let Presence::Present(rule) = &mut leaving.listener_rule else {
            panic!("there is a rule");
        };
        rule.tags.clear();
    });
    let desired = wanted.updating(&seen.world.web).desired();
    let text = text(&seen.world.plan(&desired));
    assert!(
        text.contains("rule `rule-of-") && text.contains("has no tag"),
        "{text}"
    );
}

#[test]
fn a_group_without_our_tag_is_not_left_behind_without_a_word() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "DeleteTargetGroup");
    let seen = seen.but(|observed| {
        let leaving = observed.leaving.as_deref_mut().expect("a move");
        let Presence::Present(group) = &mut leaving.target_group_a else {
            panic!("there is a group");
        };
        group.tags.clear();
    });
    check(
        wanted.clone(),
        seen.clone(),
        expect![[r#"
        ResourceConflict: target group `arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1` has no tag `express:owner`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again
    "#]],
    );
    let seen = seen.but(|observed| {
        let leaving = observed.leaving.as_deref_mut().expect("a move");
        let Presence::Present(group) = &mut leaving.target_group_a else {
            panic!("there is a group");
        };
        group.tags = foreign();
    });
    check(
        wanted,
        seen,
        expect![[r#"
        DeleteTargetGroup(b)
        RevokeIngress(sg-service) 80
    "#]],
    );
}

#[test]
fn vpc_of_a_running_service_stays() {
    check(
        web().vpc("vpc-2"),
        seen(web()),
        expect![[r#"
        NotUpdatable: the VPC of a running service cannot be changed; give the resource another `ServiceName` to make a new service beside it
    "#]],
    );
}

#[test]
fn a_name_that_is_managed_elsewhere_cannot_move() {
    let seen = seen(web());
    let mut desired = web()
        .sharing(Sharing::Dedicated)
        .updating(&seen.world.web)
        .desired();
    desired.environment.hosted_zone_id = None;
    expect![[r#"
        NotUpdatable: the service would move to another load balancer, but its host name is not in a hosted zone of the provider, so requests would fail until somebody points it there; give the resource another `ServiceName` to make a new service beside it
    "#]].assert_eq(&text(&seen.world.plan(&desired)));
}

#[test]
fn what_people_have_added_to_the_rule_is_not_lost_by_a_move() {
    let theirs: [fn(&mut Observed); 3] = [
        |observed| rule(observed).hosts.push("www.example.com".to_owned()),
        |observed| rule(observed).has_further_parts = true,
        |observed| rule(observed).headers = vec![("X-Beta".to_owned(), vec!["1".to_owned()])],
    ];
    for change in theirs {
        check(
            web().sharing(Sharing::Dedicated),
            seen(web()).but(change),
            expect![[r#"
                NotUpdatable: the service would move to another load balancer, where it gets a new listener rule, and what somebody has added to the present one, `rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1`, would be lost: host names, conditions or actions beside those for `web.example.com`. Take them off, update again, and put them on the new rule; or change `ServiceName` as well and remove the old service when nobody uses it any more
            "#]],
        );
        check(
            web(),
            seen(web()).but(change),
            expect![[r#"
                Converged
            "#]],
        );
    }
}

#[test]
fn a_move_to_zones_of_which_the_load_balancer_has_none_is_refused() {
    let seen = seen(web()).but(|observed| {
        let Presence::Present(found) = &mut observed.load_balancer else {
            panic!("there is a load balancer");
        };
        found.subnets.pop_last();
    });
    check(
        web().sharing(Sharing::Dedicated),
        seen,
        expect![[r#"
        NotUpdatable: the service would move to another load balancer and to zones `eu-west-1b` at once, where its present load balancer is not, so it could not serve from both; update the subnets within the zones `eu-west-1a` first
    "#]],
    );
}

#[test]
fn a_third_load_balancer_waits_until_a_move_has_ended() {
    let mut seen = seen(web());
    until(
        &mut seen.world,
        &web().sharing(Sharing::Dedicated),
        "UpdateService",
    );
    check(
        web().scheme(Scheme::Internal),
        seen,
        expect![[r#"
        NotUpdatable: an earlier update has left the service between two load balancers; undo its change of `LoadBalancer` and subnets, or repeat it, before the service moves to a third
    "#]],
    );
}

#[test]
fn a_table_of_before_a_move_does_not_lead_requests_to_where_nothing_serves() {
    let mut seen = seen(web());
    let before = seen.world.observed.slot.clone();
    let moved = web().sharing(Sharing::Dedicated);
    seen.world.converge(moved.clone());
    let observed = &mut seen.world.observed;
    observed.pool_id = before.present().map(|slot| slot.pool_id.clone());
    observed.slot = before;
    observed.load_balancer = Presence::Absent;
    observed.load_balancer_security_group = Presence::Absent;
    observed.https_listener = Presence::Absent;
    observed.http_listener = Presence::Absent;
    observed.listener_rule = Presence::Absent;
    observed.target_group_a = Presence::Absent;
    observed.target_group_b = Presence::Absent;
    let Presence::Present(service) = &mut observed.ecs_service else {
        panic!("the service is there");
    };
    let ingress = service
        .ingress
        .as_mut()
        .expect("it is behind a load balancer");
    ingress.rule_arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/express-3e2ad36d-1/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee".to_owned();
    check(
        moved,
        seen.clone(),
        expect![[r#"
        ClaimSlot(3e2ad36d)
    "#]],
    );
    check(
        web(),
        seen,
        expect![[r#"
            ResourceConflict: the service is behind load balancer `express-3e2ad36d-1`, and the provider's table says `express-b9f7bcfb-1`: the table was restored from before the service moved. Update the resource with the `LoadBalancer` and subnets that it had when that update succeeded, as a rollback does; that corrects the table, and then it can move. If that is refused in the same way, restore the table to a later point in time
        "#]],
    );
}

/// The table knows neither the move nor the pool: the claim gave it a slot on the first load balancer there, and its rule
/// is on the second.
#[test]
fn a_slot_on_another_load_balancer_of_the_pool_does_not_lead_requests_there() {
    let mut seen = seen(web());
    let Presence::Present(service) = &mut seen.world.observed.ecs_service else {
        panic!("the service is there");
    };
    let ingress = service
        .ingress
        .as_mut()
        .expect("it is behind a load balancer");
    ingress.rule_arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:listener-rule/app/express-b9f7bcfb-2/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee".to_owned();
    check(
        web(),
        seen,
        expect![[r#"
            ResourceConflict: the service is behind load balancer `express-b9f7bcfb-2`, and the provider's table says `express-b9f7bcfb-1`: the table was restored from before the service moved. Update the resource with the `LoadBalancer` and subnets that it had when that update succeeded, as a rollback does; that corrects the table, and then it can move. If that is refused in the same way, restore the table to a later point in time
        "#]],
    );
}

#[test]
fn what_was_left_by_hand_already_needs_no_bridge() {
    let mut before = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut before.world, &wanted, "UpdateService");
    let gone: [fn(&mut LeavingSide); 3] = [
        |leaving| leaving.load_balancer = Presence::Absent,
        |leaving| leaving.listener_rule = Presence::Absent,
        |leaving| leaving.target_group_a = Presence::Absent,
    ];
    for (number, remove) in gone.into_iter().enumerate() {
        let seen = before.clone().but(|observed| {
            remove(observed.leaving.as_deref_mut().expect("a move"));
        });
        let desired = wanted.clone().updating(&seen.world.web).desired();
        let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
            panic!("{number}: the tasks go to the new load balancer");
        };
        let [Step::UpdateService { change, .. }] = steps.as_slice() else {
            panic!("{number}: {steps:?}");
        };
        assert!(change.ingress.is_some() && change.bridge.is_none());
    }
}

#[test]
fn private_tasks_behind_a_public_load_balancer_move_in_place() {
    check(
        web()
            .scheme(Scheme::InternetFacing)
            .subnets(&["subnet-x", "subnet-y"]),
        seen(web()),
        expect![[r#"
            UpdateService(web) networkConfiguration
        "#]],
    );
}

#[test]
fn a_move_that_would_not_end_in_time_does_not_begin() {
    check(
        web().sharing(Sharing::Dedicated),
        seen(web()).after_s(2_600),
        expect![[r#"
            NotUpdatable: the service would move to another load balancer by two rolling deployments, which takes about 730 s; give `ServiceTimeout` at least 330 s more, or let `Deployment.RollbackAlarm` evaluate fewer periods
        "#]],
    );
}

#[test]
fn a_move_that_an_update_back_could_not_undo_in_time_does_not_begin() {
    for (stop_after_s, expect) in [
        (
            1_330,
            expect![[r#"
                ClaimSlot(3e2ad36d)
            "#]],
        ),
        (
            1_200,
            expect![[r#"
                NotUpdatable: the service would move to another load balancer, and the `ServiceTimeout` that it has had until now is 130 s too short to move it back when something else in the stack fails; update `ServiceTimeout` first, or let `Deployment.RollbackAlarm` evaluate fewer periods, then move the service, and nothing else, with another update
            "#]],
        ),
    ] {
        let mut seen = seen(web());
        seen.world.timing.way_back = Some(WayBack {
            stop_after_ms: stop_after_s * 1000,
            evaluation_periods: 3,
            deployment_ms: 0,
        });
        check(web().sharing(Sharing::Dedicated), seen, expect);
    }
}
