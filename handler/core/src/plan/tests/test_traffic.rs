//! A rule for test traffic: when it comes, what changes it, and when it goes.

use expect_test::{Expect, expect};
use provider_schema::Sharing;
use serde_json::json;

use super::removal::check_rounds;
use super::seen::foreign;
use super::world::World;
use super::{Seen, Web, check, decided, seen, web};
use crate::naming;
use crate::observed::Presence;

fn tested(value: &str) -> Web {
    let test = json!({"HeaderName": "X-Test", "HeaderValue": value});
    web().set("/Deployment/TestTraffic", test)
}

fn check_steps(mut world: World, wanted: Web, expect: Expect) {
    let rounds = world.converge(wanted);
    let steps = rounds.iter().flatten();
    let lines: Vec<String> = steps.map(|step| format!("{step}\n")).collect();
    expect.assert_eq(&lines.concat());
}

#[test]
fn it_is_made_before_the_service_names_it() {
    let mut world = World::empty(tested("new"));
    let rounds = world.converge(tested("new"));
    let steps: Vec<String> = rounds.iter().flatten().map(ToString::to_string).collect();
    let place = |begin: &str| steps.iter().position(|step| step.starts_with(begin));
    assert!(place("CreateListenerRule(web.example.com) priority=1000 X-Test").is_some());
    assert!(place("CreateListenerRule(web.example.com) priority=1000") < place("CreateService"));
    let service = world.observed.ecs_service.present().expect("a service");
    let ingress = service.ingress.as_ref().expect("an ingress");
    assert_eq!(ingress.test_rule_arn.as_deref(), Some("test-rule"));
    let rule = world.observed.test_rule.present().expect("a rule");
    assert!(rule.is_for_tests());
    let rule = world.observed.listener_rule.present().expect("a rule");
    assert!(!rule.is_for_tests());
}

#[test]
fn a_service_that_gets_test_traffic_is_deployed_with_the_rule() {
    check_steps(
        seen(web()).world,
        tested("new"),
        expect![[r#"
        CreateListenerRule(web.example.com) priority=1000 X-Test
        UpdateService(web) loadBalancers
        PutMetricAlarm(express-web-119a3fbe52e2-rollback)
    "#]],
    );
}

#[test]
fn the_rule_goes_after_the_deployment_that_drops_it() {
    check_steps(
        seen(tested("new")).world,
        web(),
        expect![[r#"
        UpdateService(web) loadBalancers
        PutMetricAlarm(express-web-119a3fbe52e2-rollback)
        DeleteListenerRule(test-rule)
    "#]],
    );
}

#[test]
fn another_header_is_set_in_place() {
    check_steps(
        seen(tested("new")).world,
        tested("newer"),
        expect![[r#"
        SetTestHeader(test-rule) X-Test
    "#]],
    );
}

#[test]
fn a_rule_of_somebody_else_is_not_deleted() {
    let with_foreign_rule = seen(tested("new")).but(|observed| {
        if let Presence::Present(rule) = &mut observed.test_rule {
            rule.tags = foreign();
        }
        if let Presence::Present(service) = &mut observed.ecs_service
            && let Some(ingress) = &mut service.ingress
        {
            ingress.test_rule_arn = None;
        }
    });
    assert_eq!(decided(web(), &with_foreign_rule), "Converged\n");
}

#[test]
fn one_slot_has_both_priorities() {
    let taken = |seen: Seen| seen.but(|observed| observed.is_priority_taken = true);
    let without = seen(tested("new")).but(|observed| observed.test_rule = Presence::Absent);
    check(
        tested("new"),
        taken(without),
        expect![[r#"
        ClaimNextSlot(b9f7bcfb)
    "#]],
    );
    // It may be ours, made by a call whose answer was lost.
    let unclear = seen(tested("new")).but(|observed| observed.test_rule = Presence::Unknown);
    assert!(!decided(tested("new"), &taken(unclear)).contains("ClaimNextSlot"));
    let one_unclear = seen(tested("new")).but(|observed| {
        observed.listener_rule = Presence::Unknown;
        observed.test_rule = Presence::Absent;
    });
    assert!(!decided(tested("new"), &taken(one_unclear)).contains("ClaimNextSlot"));
    // What is there needs no other slot.
    assert_eq!(decided(web(), &taken(seen(web()))), "Converged\n");
    for slot in [0, 1, 18_999] {
        let difference = naming::rule_priority(slot) - naming::test_rule_priority(slot);
        assert_eq!(difference, 19_000);
    }
}

#[test]
fn a_service_with_test_traffic_does_not_move() {
    let refusal = "NotUpdatable: the service would move to another load balancer while it has";
    let dedicated = || web().sharing(Sharing::Dedicated);
    let is_refused = |wanted: Web, seen: &Seen| decided(wanted, seen).starts_with(refusal);
    assert!(is_refused(
        tested("new").sharing(Sharing::Dedicated),
        &seen(web())
    ));
    assert!(is_refused(dedicated(), &seen(tested("new"))));
    assert!(!is_refused(dedicated(), &seen(web())));
}

#[test]
fn both_rules_go_before_the_service() {
    check_rounds(
        seen(tested("new")),
        expect![[r#"
        --
        DeleteAliasRecord(web.example.com)
        DeregisterScalableTarget(service/default/web)
        --
        DeleteListenerRule(rule-of-arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/express-119a3fbe52e2-b9f7bcfb-a/1)
        DeleteListenerRule(test-rule)
        --
        DeleteService(arn:aws:ecs:eu-west-1:123456789012:service/default/web)
        --
        Wait 15 s: service `web` is draining
        --
        DeleteTargetGroup(a)
        DeleteTargetGroup(b)
        DeleteMetricAlarm(express-web-119a3fbe52e2-rollback)
        DeleteSecurityGroup(sg-service)
        --
        Removed
    "#]],
    );
}
