//! From nothing to a service, frontier by frontier.

use expect_test::{Expect, expect};
use provider_schema::Sharing;

use super::world::{GIVEN, ROUNDS_MAX, World};
use super::{Web, text, web};
use crate::decision::Decision;
use crate::desired::Desired;
use crate::observed::{Observed, Presence};
use crate::plan::PlanError;
use crate::resources::ecs_service::DeploymentStatus;
use crate::resources::metric_alarm::{AlarmSource, Watched};
use crate::step::Step;

/// Prints every round of the Create of `web`, with the waiting between them.
fn check_rounds(mut world: World, web: &Web, expect: Expect) {
    let desired = web.desired();
    let mut rounds = String::new();
    for _ in 0..ROUNDS_MAX {
        let decision = world.plan(&desired);
        rounds.push_str("--\n");
        rounds.push_str(&text(&decision));
        match decision.expect("there is a plan") {
            Decision::Converged(_) => break,
            Decision::Removed => panic!("a service that is wanted was removed"),
            Decision::Wait(wait) => world.wait(&wait),
            Decision::Apply(steps) => {
                for step in &steps {
                    world.apply(step);
                }
            }
        }
    }
    expect.assert_eq(&rounds);
}

#[test]
fn from_nothing_the_rule_and_the_alarm_exist_before_the_service() {
    let web = web();
    check_rounds(
        World::empty(web.clone()),
        &web,
        expect![[r#"
            --
            CreateCluster(default)
            CreateLogGroup(/aws/ecs/default/web)
            ClaimSlot(b9f7bcfb)
            CreateSecurityGroup(express-service-119a3fbe52e2)
            RegisterTaskDefinition(express-web-119a3fbe52e2)
            CreateTargetGroup(express-119a3fbe52e2-b9f7bcfb-a)
            CreateTargetGroup(express-119a3fbe52e2-b9f7bcfb-b)
            --
            ModifyTargetGroup(a) deregistration_delay=30
            ModifyTargetGroup(b) deregistration_delay=30
            CreateSecurityGroup(express-b9f7bcfb-1)
            --
            AuthorizeIngress(sg-of-express-b9f7bcfb-1) 443,80
            CreateLoadBalancer(express-b9f7bcfb-1)
            AuthorizeIngress(sg-service) 80
            --
            CreateListener(Https { certificate_arn: "arn:aws:acm:eu-west-1:123456789012:certificate/1" })
            CreateListener(Redirect)
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            --
            CreateListenerRule(web.example.com) priority=20000
            --
            CreateService(web)
            --
            RegisterScalableTarget(service/default/web) 1..20
            CreateAliasRecord(web.example.com)
            --
            PutScalingPolicy(express-119a3fbe52e2)
            --
            Wait 15 s: deployment of service `web` is running
            --
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            --
            Converged
        "#]],
    );
}

#[test]
fn given_task_definition_is_neither_registered_nor_given_a_log_group() {
    let web = web().given(GIVEN);
    check_rounds(
        World::empty(web.clone()),
        &web,
        expect![[r#"
            --
            CreateCluster(default)
            ClaimSlot(b9f7bcfb)
            CreateSecurityGroup(express-service-119a3fbe52e2)
            CreateTargetGroup(express-119a3fbe52e2-b9f7bcfb-a)
            CreateTargetGroup(express-119a3fbe52e2-b9f7bcfb-b)
            --
            ModifyTargetGroup(a) deregistration_delay=30
            ModifyTargetGroup(b) deregistration_delay=30
            CreateSecurityGroup(express-b9f7bcfb-1)
            --
            AuthorizeIngress(sg-of-express-b9f7bcfb-1) 443,80
            CreateLoadBalancer(express-b9f7bcfb-1)
            AuthorizeIngress(sg-service) 9000
            --
            CreateListener(Https { certificate_arn: "arn:aws:acm:eu-west-1:123456789012:certificate/1" })
            CreateListener(Redirect)
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            --
            CreateListenerRule(web.example.com) priority=20000
            --
            CreateService(web)
            --
            RegisterScalableTarget(service/default/web) 1..20
            CreateAliasRecord(web.example.com)
            --
            PutScalingPolicy(express-119a3fbe52e2)
            --
            Wait 15 s: deployment of service `web` is running
            --
            PutMetricAlarm(express-web-119a3fbe52e2-rollback)
            --
            Converged
        "#]],
    );
}

#[test]
fn what_services_share_has_the_tags_of_its_place_and_of_an_owner_only_where_it_is_dedicated() {
    let tags = |web: Web| {
        let tags = web.desired().pool_tags(2);
        let lines = tags.iter().map(|(key, value)| format!("{key}={value}\n"));
        lines.collect::<String>()
    };
    expect![[r#"
        express:ordinal=2
        express:pool=b9f7bcfb
        express:provider=Custom::ExpressService
    "#]]
    .assert_eq(&tags(web().tags(&[("team", "shop")])));
    expect![[r#"
        express:ordinal=2
        express:owner=8791242f9ef77930d76f
        express:pool=3e2ad36d
        express:provider=Custom::ExpressService
    "#]]
    .assert_eq(&tags(web().sharing(Sharing::Dedicated)));
}

#[test]
fn without_a_hosted_zone_there_is_no_record() {
    let web = web().without_hosted_zone();
    let mut world = World::empty(web.clone());
    let steps = world.converge(web);
    assert!(world.observed.alias_record.is_absent(), "{steps:#?}");
}

#[test]
fn service_starts_with_the_least_count_and_the_request_makes_its_token() {
    let web = web().tasks(3, 9);
    let mut world = World::empty(web.clone());
    let steps = world.converge(web);
    let created: Vec<(u32, usize)> = steps.iter().flatten().filter_map(created_with).collect();
    assert_eq!(created, [(3, 32)]);
}

type Decided = Result<Decision, PlanError>;

/// Applies what is planned, up to the round for which `is_it` holds.
fn apply_until(world: &mut World, desired: &Desired, is_it: impl Fn(&Decided) -> bool) {
    for _ in 0..ROUNDS_MAX {
        let decision = world.plan(desired);
        if is_it(&decision) {
            return;
        }
        let Ok(Decision::Apply(steps)) = decision else {
            panic!("nothing is to be applied: {decision:?}");
        };
        steps.iter().for_each(|step| world.apply(step));
    }
    panic!("it never comes to that");
}

#[test]
fn service_waits_for_whatever_it_leans_on() {
    let web = web();
    let desired = web.desired();
    let mut world = World::empty(web);
    let creates = |decision: &Decided| text(decision).contains("CreateService(");
    apply_until(&mut world, &desired, creates);
    let unknown: [fn(&mut Observed); 4] = [
        |observed| observed.cluster = Presence::Unknown,
        |observed| observed.metric_alarm = Presence::Unknown,
        |observed| observed.log_group = Presence::Unknown,
        |observed| observed.https_listener = Presence::Unknown,
    ];
    for (number, forget) in unknown.into_iter().enumerate() {
        let mut without = world.clone();
        forget(&mut without.observed);
        assert!(!creates(&without.plan(&desired)), "without number {number}");
    }
}

/// Initial count and length of the token.
fn created_with(step: &Step) -> Option<(u32, usize)> {
    if let Step::CreateService { spec, client_token } = step {
        return Some((spec.initial_desired_count, client_token.len()));
    }
    None
}

#[test]
fn alarm_looks_at_both_groups_until_one_of_them_serves() {
    let web = web();
    let mut world = World::empty(web.clone());
    let watched: Vec<usize> = world
        .converge(web)
        .iter()
        .flatten()
        .filter_map(|step| match watched_by(step) {
            Some(Watched::Both(_, _)) => Some(2),
            Some(Watched::One(group)) => {
                assert!(group.contains("-b/"), "a serves, so b is idle: {group}");
                Some(1)
            }
            None => None,
        })
        .collect();
    assert_eq!(watched, [2, 1]);
}

fn watched_by(step: &Step) -> Option<&Watched> {
    if let Step::PutMetricAlarm(spec) = step {
        let queries = spec.queries();
        let compared = queries.last().expect("an expression");
        assert!(
            matches!(compared.source, AlarmSource::Expression(_)),
            "the compared query is the last: {queries:?}"
        );
        assert_eq!(spec.load_balancer, "app/express-b9f7bcfb-1/1");
        return Some(&spec.watched);
    }
    None
}

#[test]
fn priority_of_a_foreign_rule_makes_the_service_take_the_next_slot() {
    let web = web();
    let desired = web.desired();
    let mut world = World::empty(web);
    world.observed.is_priority_taken = true;
    world.observed.slot = Presence::Present(crate::claim::Slot {
        pool_id: desired.pool_id.clone(),
        ordinal: 1,
        number: 4,
    });
    let decision = world.plan(&desired);
    assert!(
        text(&decision).contains(&format!("ClaimNextSlot({})", desired.pool_id)),
        "{decision:?}"
    );
}

#[test]
fn failed_first_deployment_fails_the_create_in_the_words_of_ecs() {
    let web = web();
    let desired = web.desired();
    let mut world = World::empty(web);
    apply_until(&mut world, &desired, |decision| {
        matches!(decision, Ok(Decision::Wait(_)))
    });
    if let Presence::Present(service) = &mut world.observed.ecs_service {
        service.latest_event = Some("(service web) was unable to place a task".to_owned());
        let deployment = service.deployment.as_mut().expect("the first deployment");
        deployment.status = DeploymentStatus::Failed;
    }
    expect![[r#"
        NotStabilized: the deployment of service `web` failed: (service web) was unable to place a task
    "#]].assert_eq(&text(&world.plan(&desired)));
}
