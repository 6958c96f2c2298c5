//! What people changed by hand: ours is repaired, theirs stays.

use expect_test::expect;

use super::{Seen, check, rule, seen, web};
use crate::decision::Decision;
use crate::observed::{Observed, Presence};
use crate::resources::ecs_service::{DeploymentStatus, ObservedEcsService, ServiceIngress};
use crate::resources::metric_alarm::Watched;
use crate::resources::security_group::{IngressRule, Source};
use crate::step::Step;

/// The service, when group b serves.
fn served_by_b() -> Seen {
    seen(web()).but(|observed| {
        let b = observed
            .target_group_b
            .present()
            .expect("a group")
            .arn
            .clone();
        if let Presence::Present(service) = &mut observed.ecs_service {
            service.live_target_group_arn = Some(b);
        }
    })
}

/// Weights of a and b in the rule that a plan makes or repairs.
fn weights(seen: &Seen) -> (u32, u32) {
    let mut world = seen.world.clone();
    let desired = web().desired();
    let decision = world.plan(&desired).expect("there is a plan");
    let Decision::Apply(steps) = decision else {
        panic!("something is to be done: {decision:?}");
    };
    for step in &steps {
        world.apply(step);
    }
    let [a, b] = world.observed.target_groups().expect("both groups");
    let rule = world.observed.listener_rule.present().expect("a rule");
    let weights = &rule.weights;
    (weights[&a.arn], weights[&b.arn])
}

#[test]
fn rule_that_lost_a_group_gets_it_back_and_the_other_keeps_its_weight() {
    let idle_lost =
        seen(web()).but(|observed| rule(observed).weights.retain(|_, weight| *weight > 0));
    assert_eq!(weights(&idle_lost), (100, 0));
    check(
        web(),
        idle_lost,
        expect![[r#"
            RepairListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
        "#]],
    );
    // What is left takes no requests: the group that serves has to.
    let live_lost =
        |seen: Seen| seen.but(|observed| rule(observed).weights.retain(|_, weight| *weight == 0));
    assert_eq!(weights(&live_lost(seen(web()))), (100, 0));
    let nothing_left = served_by_b().but(|observed| rule(observed).weights.clear());
    assert_eq!(weights(&nothing_left), (0, 100));
}

#[test]
fn listener_with_another_certificate_gets_the_providers() {
    let other = |certificate: Option<&str>| {
        seen(web()).but(|observed| {
            if let Presence::Present(listener) = &mut observed.https_listener {
                listener.certificate_arn = certificate.map(str::to_owned);
            }
        })
    };
    for certificate in [
        Some("arn:aws:acm:eu-west-1:123456789012:certificate/0"),
        None,
    ] {
        check(
            web(),
            other(certificate),
            expect![[r#"
                SetListenerCertificate(listener-443) arn:aws:acm:eu-west-1:123456789012:certificate/1
            "#]],
        );
    }
}

#[test]
fn rule_that_is_made_again_leads_to_the_group_that_serves() {
    let lost = |seen: Seen| seen.but(|observed| observed.listener_rule = Presence::Absent);
    assert_eq!(weights(&lost(seen(web()))), (100, 0));
    assert_eq!(weights(&lost(served_by_b())), (0, 100));
}

#[test]
fn rule_is_not_repaired_while_ecs_moves_traffic() {
    check(
        web(),
        seen(web())
            .other_deployment(DeploymentStatus::Running)
            .but(|observed| rule(observed).weights.retain(|_, weight| *weight > 0)),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn weights_priority_and_further_hosts_of_the_rule_are_not_ours() {
    check(
        web(),
        seen(web()).but(|observed| {
            let rule = rule(observed);
            for weight in rule.weights.values_mut() {
                *weight = 50;
            }
            rule.priority = Some(7);
            rule.hosts.push("shop.example.org".to_owned());
        }),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn rule_that_lost_the_host_of_its_service_gets_it_back() {
    let lost = |deployment: Seen| {
        deployment.but(|observed| rule(observed).hosts = vec!["shop.example.org".to_owned()])
    };
    check(
        web(),
        lost(seen(web())),
        expect![[r#"
            AddHost(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1) web.example.com
        "#]],
    );
    // ECS moves weights only: there is nothing to wait for.
    check(
        web(),
        lost(seen(web()).other_deployment(DeploymentStatus::Running)),
        expect![[r#"
            AddHost(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1) web.example.com
        "#]],
    );
    // Case does not matter to hosts, and what expressions people give is theirs.
    check(
        web(),
        seen(web()).but(|observed| rule(observed).hosts = vec!["Web.Example.com".to_owned()]),
        expect![[r#"
            Converged
        "#]],
    );
    check(
        web(),
        lost(seen(web())).but(|observed| rule(observed).has_host_expressions = true),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn deleted_rule_comes_back() {
    check(
        web(),
        seen(web()).but(|observed| observed.listener_rule = Presence::Absent),
        expect![[r#"
            CreateListenerRule(web.example.com) priority=20000
        "#]],
    );
}

#[test]
fn changed_or_deleted_alarm_comes_back_and_is_left_alone_during_a_deployment() {
    let changed = |observed: &mut Observed| {
        if let Presence::Present(alarm) = &mut observed.metric_alarm {
            alarm.expression = Some("errors_a".to_owned());
        }
    };
    check(
        web(),
        seen(web()).but(changed),
        expect![[r#"
        PutMetricAlarm(express-web-119a3fbe52e2-rollback)
    "#]],
    );
    check(
        web(),
        seen(web()).but(|observed| observed.metric_alarm = Presence::Absent),
        expect![[r#"
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
        "#]],
    );
    check(
        web(),
        seen(web())
            .but(changed)
            .other_deployment(DeploymentStatus::Running),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn alarm_follows_a_deployment_that_others_started() {
    check(
        web(),
        seen(web()).but(|observed| {
            let idle = observed
                .target_group_b
                .present()
                .map(|group| group.arn.clone());
            if let Presence::Present(service) = &mut observed.ecs_service {
                service.live_target_group_arn = idle;
            }
        }),
        expect![[r#"
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
        "#]],
    );
}

#[test]
fn alarm_watches_both_groups_where_what_serves_is_none_of_them() {
    let seen = seen(web()).service(|service| {
        service.live_target_group_arn = Some("another".to_owned());
    });
    let decision = seen.world.plan(&web().desired()).expect("there is a plan");
    let Decision::Apply(steps) = &decision else {
        panic!("the alarm is to be changed: {decision:?}");
    };
    let [Step::PutMetricAlarm(spec)] = steps.as_slice() else {
        panic!("only the alarm is to be changed: {steps:?}");
    };
    assert!(matches!(spec.watched, Watched::Both(..)), "{spec:?}");
}

#[test]
fn changed_or_deleted_scaling_comes_back() {
    check(
        web(),
        seen(web()).but(|observed| {
            if let Presence::Present(policy) = &mut observed.scaling_policy {
                policy.target_value = 90.0;
            }
        }),
        expect![[r#"
            PutScalingPolicy(express-119a3fbe52e2)
        "#]],
    );
    check(
        web(),
        seen(web()).but(|observed| {
            if let Presence::Present(target) = &mut observed.scalable_target {
                target.max_capacity = 2;
            }
        }),
        expect![[r#"
            RegisterScalableTarget(service/default/web) 1..20
        "#]],
    );
    check(
        web(),
        seen(web()).but(|observed| {
            observed.scalable_target = Presence::Absent;
            observed.scaling_policy = Presence::Absent;
        }),
        expect![[r#"
            RegisterScalableTarget(service/default/web) 1..20
        "#]],
    );
}

#[test]
fn record_that_was_led_elsewhere_comes_back() {
    check(
        web(),
        seen(web()).but(|observed| {
            observed.alias_record = Presence::Present(super::seen::foreign_record());
        }),
        expect![[r#"
            UpsertAliasRecord(web.example.com)
        "#]],
    );
}

#[test]
fn rules_of_people_on_the_security_groups_stay() {
    check(
        web(),
        seen(web()).but(|observed| {
            let theirs = IngressRule {
                port: 5432,
                source: Source::Cidr("10.1.0.0/16".to_owned()),
            };
            for group in [
                &mut observed.service_security_group,
                &mut observed.load_balancer_security_group,
            ] {
                if let Presence::Present(group) = group {
                    group.ingress.push(theirs.clone());
                }
            }
        }),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn deregistration_delay_that_was_raised_is_set_back() {
    check(
        web(),
        seen(web()).but(|observed| {
            if let Presence::Present(group) = &mut observed.target_group_a {
                group.deregistration_delay_s = Some(1800);
            }
        }),
        expect![[r#"
            ModifyTargetGroup(a) deregistration_delay=30
        "#]],
    );
}

#[test]
fn deployment_settings_and_a_forgotten_alarm_are_sent_again() {
    check(
        web(),
        seen(web()).service(|service| service.deployment_settings = None),
        expect![[r#"
            UpdateService(web) deploymentConfiguration
        "#]],
    );
    check(
        web(),
        seen(web()).service(|service| service.alarm_names.clear()),
        expect![[r#"
            UpdateService(web) deploymentConfiguration
        "#]],
    );
}

#[test]
fn alarms_that_people_have_added_stay_when_the_settings_are_sent_again() {
    let mut world = seen(web())
        .service(|service| {
            service.deployment_settings = None;
            service.alarm_names.push("of-the-team".to_owned());
        })
        .world;
    let decision = world.plan(&web().desired()).expect("there is a plan");
    let Decision::Apply(steps) = decision else {
        panic!("something is to be done: {decision:?}");
    };
    steps.iter().for_each(|step| world.apply(step));
    let service = world.observed.ecs_service.present().expect("it is there");
    assert_eq!(service.alarm_names.len(), 2, "{:?}", service.alarm_names);
    assert!(service.alarm_names.contains(&"of-the-team".to_owned()));
}

#[test]
fn whatever_somebody_changed_of_the_load_balancers_is_sent_again() {
    let changes: [fn(&mut ServiceIngress); 6] = [
        |it| it.target_group_arn = "another".to_owned(),
        |it| it.alternate_target_group_arn = "another".to_owned(),
        |it| it.rule_arn = "another".to_owned(),
        |it| it.test_rule_arn = Some("another".to_owned()),
        |it| it.infrastructure_role_arn = "another".to_owned(),
        |it| it.container_port = 81,
    ];
    for change in changes {
        let changed = |service: &mut ObservedEcsService| {
            change(service.ingress.as_mut().expect("our form"));
        };
        check(
            web(),
            seen(web()).service(changed),
            expect![[r#"
                UpdateService(web) loadBalancers
            "#]],
        );
    }
}

#[test]
fn pair_reported_the_other_way_round_is_no_difference() {
    check(
        web(),
        seen(web()).service(|service| {
            let ingress = service.ingress.as_mut().expect("our form");
            std::mem::swap(
                &mut ingress.target_group_arn,
                &mut ingress.alternate_target_group_arn,
            );
        }),
        expect![[r#"
            Converged
        "#]],
    );
}
