//! What is done, and what is not yet, in each stage of a move.

use expect_test::expect;
use provider_schema::Sharing;

use super::moves::until;
use super::seen::foreign;
use super::{check, decided, rule, seen, web};
use crate::claim::Abandoned;
use crate::decision::Decision;
use crate::observed::{LeavingSide, Presence};
use crate::resources::ecs_service::Bridge;
use crate::resources::listener_rule::ObservedListenerRule;
use crate::resources::security_group::Source;
use crate::step::Step;

#[test]
fn between_two_load_balancers_only_a_group_without_tasks_gets_another_path() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpsertAliasRecord");
    check(
        wanted.health_check_path("/up"),
        seen,
        expect![[r#"
            ModifyTargetGroup(b) HealthCheckPath=/up
            ModifyTargetGroup(b) HealthCheckPath=/up
            UpsertAliasRecord(web.example.com)
        "#]],
    );
}

#[test]
fn a_rule_that_is_not_ours_is_left_and_what_is_ours_goes() {
    let mut before = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut before.world, &wanted, "DeleteListenerRule");
    let spoils: [fn(&mut ObservedListenerRule); 2] = [
        |rule| rule.tags = foreign(),
        |rule| {
            rule.tags.clear();
            rule.weights.clear();
        },
    ];
    for spoil in spoils {
        let spoiled = before.clone().but(|observed| {
            let leaving = observed.leaving.as_deref_mut().expect("a move");
            let Presence::Present(rule) = &mut leaving.listener_rule else {
                panic!("there is a rule");
            };
            spoil(rule);
        });
        check(
            wanted.clone(),
            spoiled,
            expect![[r#"
                DeleteTargetGroup(a)
                DeleteTargetGroup(b)
                RevokeIngress(sg-service) 80
            "#]],
        );
    }
}

#[test]
fn the_slot_is_left_only_once_all_that_it_gave_is_known_to_be_gone() {
    let mut before = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut before.world, &wanted, "LeaveSlot");
    let unknown: [fn(&mut LeavingSide); 4] = [
        |leaving| leaving.listener_rule = Presence::Unknown,
        |leaving| leaving.target_group_a = Presence::Unknown,
        |leaving| leaving.target_group_b = Presence::Unknown,
        |leaving| leaving.load_balancer_security_group = Presence::Unknown,
    ];
    for (number, forget) in unknown.into_iter().enumerate() {
        let unclear = before.clone().but(|observed| {
            forget(observed.leaving.as_deref_mut().expect("a move"));
        });
        let planned = decided(wanted.clone(), &unclear);
        assert!(!planned.contains("LeaveSlot"), "{number}: {planned}");
    }
}

/// The groups to which the first deployment of a move brings the tasks, once `spoil` has changed the rules of the load
/// balancer to which it leads and of the one that it leaves.
fn bridged(spoil: fn(&mut ObservedListenerRule, &mut ObservedListenerRule)) -> Vec<String> {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpdateService");
    let seen = seen.but(|observed| {
        let mut here = rule(observed).clone();
        let leaving = observed.leaving.as_deref_mut().expect("a move");
        let Presence::Present(there) = &mut leaving.listener_rule else {
            panic!("there is a rule");
        };
        spoil(&mut here, there);
        observed.listener_rule = Presence::Present(here);
    });
    let desired = wanted.updating(&seen.world.web).desired();
    let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
        panic!("the tasks go to both");
    };
    let [Step::UpdateService { change, .. }] = steps.as_slice() else {
        panic!("{steps:?}");
    };
    let bridge = change.bridge.as_ref().expect("a bridge");
    let names = bridge.target_group_arns.iter().filter_map(|arn| {
        let (_, name) = arn.split_once("express-119a3fbe52e2-")?;
        Some(name.trim_end_matches("/1").to_owned())
    });
    names.collect()
}

#[test]
fn tasks_are_brought_to_the_groups_that_get_the_requests() {
    assert_eq!(bridged(|_, _| {}), ["3e2ad36d-a", "b9f7bcfb-a"]);
    let left_by_b = bridged(|_, there| turn(there));
    assert_eq!(left_by_b, ["3e2ad36d-a", "b9f7bcfb-b"]);
    let to_b = bridged(|here, _| turn(here));
    assert_eq!(to_b, ["3e2ad36d-b", "b9f7bcfb-a"]);
    let both = bridged(|here, there| {
        here.weights.values_mut().for_each(|weight| *weight = 50);
        there.weights.values_mut().for_each(|weight| *weight = 50);
    });
    assert_eq!(both, ["3e2ad36d-a", "b9f7bcfb-a"]);
}

/// Requests go to the other group.
fn turn(rule: &mut ObservedListenerRule) {
    for weight in rule.weights.values_mut() {
        *weight = 100 - *weight;
    }
}

#[test]
fn the_tasks_leave_only_once_the_name_leads_to_where_they_stay() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpsertAliasRecord");
    check(
        wanted,
        seen.after_s(200),
        expect![[r#"
            UpsertAliasRecord(web.example.com)
        "#]],
    );
}

#[test]
fn a_deployment_of_a_move_that_nobody_waits_for_goes_on_unless_it_does_not_end() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    let desired = wanted.clone().updating(&seen.world.web).desired();
    for stop in ["UpsertAliasRecord", "UpdateService"] {
        until(&mut seen.world, &wanted, stop);
        let Ok(Decision::Apply(steps)) = seen.world.plan(&desired) else {
            panic!("{stop} was planned");
        };
        steps.iter().for_each(|step| seen.world.apply(step));
    }
    seen.world.begin_update();
    let service = seen.world.observed.ecs_service.present();
    let deployment = service.and_then(|service| service.deployment.as_ref());
    seen.world.timing.abandoned = Some(Abandoned {
        before: None,
        arn: deployment.map(|deployment| deployment.arn.clone()),
        asked_ms: None,
    });
    let now_ms = seen.world.timing.now_ms;
    let since_s = |seconds: u64| {
        let created_ms = now_ms - seconds * 1_000;
        seen.clone()
            .deployment(|deployment| deployment.created_ms = created_ms)
    };
    check(
        wanted.clone(),
        since_s(600),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
    check(
        wanted,
        since_s(601),
        expect![[r#"
            StopDeployment(deployment-3)
        "#]],
    );
}

#[test]
fn a_service_that_is_on_the_left_side_only_is_behind_whatever_else_it_names() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut seen.world, &wanted, "UpdateService");
    let seen = seen.service(|service| {
        let ingress = service.ingress.take().expect("our form");
        service.bridge = Some(Bridge {
            target_group_arns: [ingress.target_group_arn, "another".to_owned()],
            container_port: ingress.container_port,
        });
    });
    let planned = decided(wanted, &seen);
    assert!(!planned.contains("UpsertAliasRecord"), "{planned}");
}

#[test]
fn before_a_move_the_new_port_is_open_to_both_load_balancers() {
    let mut seen = seen(web());
    let wanted = web().sharing(Sharing::Dedicated).port(8080);
    until(&mut seen.world, &wanted, "UpdateService");
    let group = seen.world.observed.service_security_group.present();
    let rules = group.expect("a group").ingress.iter();
    let sources: Vec<&Source> = rules
        .filter(|rule| rule.port == 8080)
        .map(|rule| &rule.source)
        .collect();
    let of = |name: &str| Source::Group(format!("sg-of-{name}"));
    assert_eq!(
        sources,
        [&of("express-b9f7bcfb-1"), &of("express-3e2ad36d-1")]
    );
}

#[test]
fn a_claim_whose_claimant_died_is_repeated_in_its_own_pool_only() {
    let mut before = seen(web());
    let wanted = web().sharing(Sharing::Dedicated);
    until(&mut before.world, &wanted, "CreateTargetGroup");
    let died = |pool_id: Option<&str>| {
        let seen = before.clone().but(|observed| {
            observed.slot = Presence::Absent;
            observed.pool_id = pool_id.map(str::to_owned);
        });
        decided(wanted.clone(), &seen)
    };
    let again = died(Some("3e2ad36d"));
    assert!(again.contains("ClaimSlot(3e2ad36d)"), "{again}");
    for pool_id in [Some("4bed36d6"), None] {
        let refused = died(pool_id);
        assert!(refused.starts_with("NotUpdatable"), "{refused}");
    }
}
