//! How a service goes, phase by phase, and what is left alone.

use std::collections::BTreeMap;

use expect_test::{Expect, expect};

use super::seen::{foreign, foreign_record};
use super::world::ROUNDS_MAX;
use super::{Seen, rule, seen, service, text, web};
use crate::decision::Decision;
use crate::naming;
use crate::observed::{Observed, Presence};
use crate::plan;
use crate::resources::Tags;
use crate::resources::ecs_service::{ObservedEcsService, ServiceStatus};

/// A converged service, with its active revisions looked up.
fn leaving() -> Seen {
    let seen = seen(web());
    let active = seen.world.active.clone();
    seen.but(|observed| observed.revisions = Presence::Present(active))
}

/// Prints every round of the removal.
pub(super) fn check_rounds(seen: Seen, expect: Expect) {
    let mut world = seen.world;
    let desired = world.web.desired();
    let mut rounds = String::new();
    for _ in 0..ROUNDS_MAX {
        let decision = plan::remove(&desired.identity, Some("Z1"), &world.observed)
            .unwrap_or_else(|refusal| panic!("{refusal}"));
        rounds.push_str("--\n");
        match &decision {
            Decision::Apply(steps) => {
                for step in steps {
                    world.apply(step);
                }
            }
            Decision::Wait(wait) => world.wait(wait),
            Decision::Converged(_) | Decision::Removed => {}
        }
        let is_removed = decision == Decision::Removed;
        rounds.push_str(&text(&Ok(decision)));
        if is_removed {
            break;
        }
    }
    expect.assert_eq(&rounds);
}

#[test]
fn traffic_leaves_first_and_the_groups_go_when_the_service_is_inactive() {
    check_rounds(
        leaving(),
        expect![[r#"
            --
            DeleteAliasRecord(web.example.com)
            DeregisterScalableTarget(service/default/web)
            --
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            --
            DeleteService(arn:aws:ecs:eu-west-1:123456789012:service/default/web)
            --
            Wait 15 s: service `web` is draining
            --
            DeleteTargetGroup(a)
            DeleteTargetGroup(b)
            DeleteMetricAlarm(express-web-119a3fbe52e2-rollback)
            DeleteSecurityGroup(sg-service)
            DeregisterTaskDefinition(arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1)
            --
            Removed
        "#]],
    );
}

#[test]
fn nothing_left_is_removed_at_once() {
    check_rounds(
        leaving().but(|observed| {
            *observed = Observed {
                scalable_target: Presence::Absent,
                metric_alarm: Presence::Absent,
                ..Observed::default()
            };
        }),
        expect![[r#"
            --
            Removed
        "#]],
    );
}

#[test]
fn service_that_is_draining_already_is_not_deleted_again() {
    check_rounds(
        leaving().status(ServiceStatus::Draining),
        expect![[r#"
            --
            DeleteAliasRecord(web.example.com)
            DeregisterScalableTarget(service/default/web)
            --
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            --
            Wait 15 s: service `web` is draining
            --
            DeleteTargetGroup(a)
            DeleteTargetGroup(b)
            DeleteMetricAlarm(express-web-119a3fbe52e2-rollback)
            DeleteSecurityGroup(sg-service)
            DeregisterTaskDefinition(arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1)
            --
            Removed
        "#]],
    );
}

#[test]
fn what_lacks_our_tag_is_left_alone_whatever_its_name() {
    check_rounds(
        leaving().but(|observed| {
            if let Presence::Present(rule) = &mut observed.listener_rule {
                rule.tags = foreign();
            }
            for group in [&mut observed.target_group_a, &mut observed.target_group_b] {
                if let Presence::Present(group) = group {
                    group.tags = foreign();
                }
            }
            if let Presence::Present(group) = &mut observed.service_security_group {
                group.tags = foreign();
            }
            observed.metric_alarm = Presence::Absent;
        }),
        expect![[r#"
            --
            DeleteAliasRecord(web.example.com)
            DeregisterScalableTarget(service/default/web)
            --
            DeleteService(arn:aws:ecs:eu-west-1:123456789012:service/default/web)
            --
            Wait 15 s: service `web` is draining
            --
            DeregisterTaskDefinition(arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1)
            --
            Removed
        "#]],
    );
}

/// As after a restore of the table: both go by the same names.
#[test]
fn service_of_another_owner_keeps_what_goes_by_its_name() {
    let owner = (naming::TAG_OWNER.to_owned(), "another".to_owned());
    check_rounds(
        leaving().service(|service| service.tags = Tags::from([owner])),
        expect![[r#"
            --
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            --
            DeleteTargetGroup(a)
            DeleteTargetGroup(b)
            DeleteSecurityGroup(sg-service)
            DeregisterTaskDefinition(arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1)
            --
            Removed
        "#]],
    );
}

#[test]
fn service_of_somebody_else_keeps_its_scaling() {
    check_rounds(
        leaving().service(|service| service.tags = foreign()),
        expect![[r#"
            --
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            --
            DeleteTargetGroup(a)
            DeleteTargetGroup(b)
            DeleteSecurityGroup(sg-service)
            DeregisterTaskDefinition(arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1)
            --
            Removed
        "#]],
    );
}

#[test]
fn record_that_leads_elsewhere_is_somebodys() {
    check_rounds(
        leaving().but(|observed| {
            observed.alias_record = Presence::Present(foreign_record());
        }),
        expect![[r#"
            --
            DeregisterScalableTarget(service/default/web)
            --
            DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
            --
            DeleteService(arn:aws:ecs:eu-west-1:123456789012:service/default/web)
            --
            Wait 15 s: service `web` is draining
            --
            DeleteTargetGroup(a)
            DeleteTargetGroup(b)
            DeleteMetricAlarm(express-web-119a3fbe52e2-rollback)
            DeleteSecurityGroup(sg-service)
            DeregisterTaskDefinition(arn:aws:ecs:eu-west-1:123456789012:task-definition/express-web-119a3fbe52e2:1)
            --
            Removed
        "#]],
    );
}

#[test]
fn without_a_slot_there_is_no_record_of_ours() {
    let decision = plan::remove(
        &web().desired().identity,
        Some("Z1"),
        &leaving()
            .but(|observed| {
                observed.slot = Presence::Absent;
                observed.scalable_target = Presence::Absent;
            })
            .world
            .observed,
    );
    expect![[r#"
        DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
    "#]]
    .assert_eq(&text(&decision));
}

/// What is decided at the end of a removal, when somebody has taken tags off.
fn check_untagged(spoil: impl FnOnce(&mut Observed), expect: Expect) {
    let seen = leaving().but(spoil);
    let mut world = seen.world;
    let identity = world.web.desired().identity;
    for _ in 0..ROUNDS_MAX {
        match plan::remove(&identity, Some("Z1"), &world.observed) {
            Ok(Decision::Apply(steps)) => steps.iter().for_each(|step| world.apply(step)),
            Ok(Decision::Wait(wait)) => world.wait(&wait),
            end @ (Ok(Decision::Converged(_) | Decision::Removed) | Err(_)) => {
                return expect.assert_eq(&text(&end));
            }
        }
    }
    panic!("no end");
}

#[test]
fn a_service_whose_tag_was_taken_off_is_neither_deleted_nor_forgotten() {
    check_untagged(
        |observed| service(observed).tags.clear(),
        expect![[r#"
        ResourceConflict: service `arn:aws:ecs:eu-west-1:123456789012:service/default/web` has no tag `express:owner`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again
    "#]],
    );
}

#[test]
fn a_rule_whose_tag_was_taken_off_is_neither_deleted_nor_forgotten() {
    // That the service names it says as much as where it leads.
    let spoils: [fn(&mut Observed); 3] = [
        |_| {},
        |observed| observed.ecs_service = Presence::Absent,
        |observed| rule(observed).weights.clear(),
    ];
    for spoil in spoils {
        check_untagged(
            |observed| {
                rule(observed).tags.clear();
                spoil(observed);
            },
            expect![[r#"
                ResourceConflict: rule `rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1` has no tag `express:owner`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again
            "#]],
        );
    }
}

#[test]
fn a_rule_without_our_tag_that_leads_elsewhere_is_not_our_business() {
    check_untagged(
        |observed| {
            observed.ecs_service = Presence::Absent;
            let rule = rule(observed);
            rule.tags.clear();
            let theirs = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/theirs/1";
            rule.weights = BTreeMap::from([(theirs.to_owned(), 100)]);
        },
        expect![[r#"
            Removed
        "#]],
    );
}

#[test]
fn a_target_group_whose_tag_was_taken_off_stays_when_all_else_is_gone() {
    check_untagged(
        |observed| {
            if let Presence::Present(group) = &mut observed.target_group_b {
                group.tags.clear();
            }
        },
        expect![[r#"
            ResourceConflict: target group `arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-b/1` has no tag `express:owner`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again
        "#]],
    );
}

#[test]
fn a_security_group_whose_tag_was_taken_off_stays_when_all_else_is_gone() {
    check_untagged(
        |observed| {
            if let Presence::Present(group) = &mut observed.service_security_group {
                group.tags.clear();
            }
        },
        expect![[r#"
            ResourceConflict: security group `sg-service` has no tag `express:owner`: somebody has taken it off, so it is neither changed nor deleted. Put the tag back, with the value that the other parts of the service have, or delete the resource yourself; then ask again
        "#]],
    );
}

#[test]
fn what_a_service_uses_stays_until_it_is_inactive() {
    let seen = leaving();
    let identity = seen.world.web.desired().identity;
    let is_going = |spoil: fn(&mut ObservedEcsService)| {
        let mut observed = seen.world.observed.clone();
        spoil(service(&mut observed));
        plan::is_going(&identity, &observed)
    };
    assert!(is_going(|_| {}));
    assert!(is_going(|service| service.status = ServiceStatus::Draining));
    assert!(!is_going(|service| service.status = ServiceStatus::Inactive));
    assert!(!is_going(|service| service.tags.clear()));
}

#[test]
fn a_strangers_service_under_our_name_is_not_our_business() {
    check_untagged(
        |observed| {
            let service = service(observed);
            service.tags.clear();
            service.ingress = None;
        },
        expect![[r#"
            Removed
        "#]],
    );
}
