//! Deployments: ours, somebody else's, those that ECS does not list yet, and the alarm before them.

use expect_test::expect;
use serde_json::json;

use super::{check, decided, seen, web};
use crate::claim::{Abandoned, SEEN_AFTER_MS, StopAsked};
use crate::observed::Presence;
use crate::resources::ecs_service::{DeploymentStatus, ServiceStatus};
use crate::resources::metric_alarm::AlarmState;

/// A change that ECS has to deploy and that needs nothing before it.
fn changed() -> super::Web {
    web().infrastructure_role("other")
}

#[test]
fn own_deployment_is_waited_for() {
    check(
        web(),
        seen(web())
            .own_deployment(DeploymentStatus::Running)
            .deployment(|deployment| deployment.stage = Some("BAKE_TIME".to_owned())),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running (BAKE_TIME)
        "#]],
    );
}

#[test]
fn own_deployment_that_leaves_no_time_to_answer_is_stopped_once() {
    check(
        web(),
        seen(web())
            .own_deployment(DeploymentStatus::Running)
            .after_s(3000),
        expect![[r#"
            StopDeployment(deployment-1)
        "#]],
    );
    check(
        web(),
        seen(web())
            .own_deployment(DeploymentStatus::GoingBack)
            .after_s(3000),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn own_deployment_that_cannot_succeed_is_stopped_and_another_one_is_not() {
    let hopeless = |mut seen: super::Seen| {
        seen.world.timing.hopeless_deployment = Some("deployment-1".to_owned());
        seen
    };
    check(
        web(),
        hopeless(seen(web()).own_deployment(DeploymentStatus::Running)),
        expect![[r#"
            StopDeployment(deployment-1)
        "#]],
    );
    check(
        web(),
        hopeless(seen(web()).own_deployment(DeploymentStatus::GoingBack)),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
    check(
        web(),
        hopeless(seen(web()).other_deployment(DeploymentStatus::Running)),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
    // Somebody has started it while ours went back.
    check(
        web(),
        hopeless(
            seen(web())
                .own_deployment(DeploymentStatus::Running)
                .deployment(|deployment| deployment.arn = "repaired".to_owned()),
        ),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn a_stop_that_is_not_shown_yet_is_not_asked_for_again_at_once() {
    let asked_before = |ms: u64| {
        let mut seen = seen(web()).own_deployment(DeploymentStatus::Running);
        let timing = &mut seen.world.timing;
        timing.hopeless_deployment = Some("deployment-1".to_owned());
        timing.stop_asked = Some(StopAsked {
            deployment_arn: "deployment-1".to_owned(),
            at_ms: timing.now_ms - ms,
        });
        seen
    };
    check(
        web(),
        asked_before(SEEN_AFTER_MS - 1),
        expect![[r#"
        Wait 5 s: what has just been changed may not be shown by AWS yet
    "#]],
    );
    check(
        web(),
        asked_before(SEEN_AFTER_MS),
        expect![[r#"
        StopDeployment(deployment-1)
    "#]],
    );
    let mut of_another = asked_before(1);
    let asked = of_another.world.timing.stop_asked.as_mut();
    asked.expect("one").deployment_arn = "deployment-0".to_owned();
    check(
        web(),
        of_another,
        expect![[r#"
        StopDeployment(deployment-1)
    "#]],
    );
}

#[test]
fn own_deployment_that_failed_fails_the_update() {
    check(
        changed(),
        seen(web())
            .own_deployment(DeploymentStatus::Failed)
            .deployment(|deployment| {
                deployment.status_reason = Some("ECS deployment circuit breaker".to_owned());
            }),
        expect![[r#"
            NotStabilized: the deployment of service `web` failed: ECS deployment circuit breaker
        "#]],
    );
}

#[test]
fn own_deployment_that_failed_without_a_word_says_so() {
    check(
        changed(),
        seen(web()).own_deployment(DeploymentStatus::Failed),
        expect![[r#"
            NotStabilized: the deployment of service `web` failed: ECS gave no reason
        "#]],
    );
}

#[test]
fn failed_deployment_of_before_does_not_stop_the_next() {
    check(
        changed(),
        seen(web()).other_deployment(DeploymentStatus::Failed),
        expect![[r#"
            UpdateService(web) loadBalancers
        "#]],
    );
}

/// The Create of before has failed, and CloudFormation has kept what it has made.
#[test]
fn service_that_has_never_served_is_deployed_again_although_it_is_as_desired() {
    let rolling = || web().set("/Deployment/Strategy", json!("ROLLING"));
    let failed = seen(rolling()).other_deployment(DeploymentStatus::Failed);
    assert_eq!(decided(rolling(), &failed).trim(), "Converged");
    let never = failed.service(|service| service.live_target_group_arn = None);
    let planned = decided(rolling(), &never);
    assert_eq!(planned.trim(), "UpdateService(web) forceNewDeployment");
    // Which of two serves was not seen: it has gone back, or is going.
    let going_back = never.service(|service| {
        service.current_revision_arns = vec!["old".to_owned(), "new".to_owned()];
    });
    assert_eq!(decided(rolling(), &going_back).trim(), "Converged");
}

#[test]
fn foreign_deployment_is_let_end_before_ours_begins() {
    check(
        changed(),
        seen(web())
            .other_deployment(DeploymentStatus::Running)
            .deployment(|deployment| deployment.task_definition_arn = Some("other:1".to_owned())),
        expect![[r#"
            Wait 15 s: another deployment of service `web` is running
        "#]],
    );
}

#[test]
fn foreign_deployment_is_never_stopped_however_late_it_is() {
    check(
        changed(),
        seen(web())
            .other_deployment(DeploymentStatus::Running)
            .after_s(3000),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn a_deployment_that_nobody_waits_for_is_stopped_where_it_leads_elsewhere() {
    let of = |before: super::Web, status, abandoned: &str| {
        let mut seen = seen(before).other_deployment(status);
        seen.world.timing.abandoned = Some(Abandoned {
            before: None,
            arn: Some(abandoned.to_owned()),
            asked_ms: None,
        });
        seen
    };
    let running = |status, abandoned: &str| of(web(), status, abandoned);
    check(
        changed(),
        running(DeploymentStatus::Running, "deployment-1"),
        expect![[r#"
            StopDeployment(deployment-1)
        "#]],
    );
    check(
        web(),
        running(DeploymentStatus::Running, "deployment-1"),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
    check(
        changed(),
        running(DeploymentStatus::Running, "deployment-0"),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
    let rolling = |web: super::Web| web.set("/Deployment/Strategy", json!("ROLLING"));
    check(
        rolling(changed()),
        of(rolling(web()), DeploymentStatus::Running, "deployment-1"),
        expect![[r#"
            StopDeployment(deployment-1)
        "#]],
    );
    check(
        changed(),
        running(DeploymentStatus::GoingBack, "deployment-1"),
        expect![[r#"
            Wait 15 s: another deployment of service `web` is running
        "#]],
    );
}

#[test]
fn deployment_in_progress_postpones_a_new_revision() {
    check(
        web().image("web:2"),
        seen(web()).other_deployment(DeploymentStatus::Running),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn deployment_asked_for_is_awaited_until_ecs_lists_it() {
    let asked = |seconds| {
        let mut seen = seen(web()).after_s(10);
        let newest = seen.world.observed.ecs_service.present();
        seen.world.timing.deployment_before = newest
            .and_then(|service| service.deployment.as_ref())
            .map(|deployment| deployment.arn.clone());
        seen.world.timing.deployment_asked_ms = Some(seen.world.timing.now_ms);
        seen.after_s(seconds)
    };
    check(
        changed(),
        asked(59),
        expect![[r#"
        Wait 5 s: deployment of service `web` is running
    "#]],
    );
    // The attempt that noted the wish died before it called.
    check(
        changed(),
        asked(60),
        expect![[r#"
        UpdateService(web) loadBalancers
    "#]],
    );
}

#[test]
fn deployment_that_was_never_listed_is_not_awaited_by_an_unchanged_service() {
    check(
        web(),
        seen(web()).service(|service| service.deployment = None),
        expect![[r#"
            Converged
        "#]],
    );
}

#[test]
fn settings_that_were_sent_are_not_sent_again_before_ecs_shows_them() {
    let sent = |seconds| {
        let mut seen = seen(web()).service(|service| service.deployment_settings = None);
        seen.world.timing.settings_sent_ms = Some(seen.world.timing.now_ms);
        seen.after_s(seconds)
    };
    let shown_after_s = SEEN_AFTER_MS / 1000;
    check(
        web(),
        sent(shown_after_s - 1),
        expect![[r#"
            Wait 5 s: what has just been changed may not be shown by AWS yet
        "#]],
    );
    check(
        web(),
        sent(shown_after_s),
        expect![[r#"
            UpdateService(web) deploymentConfiguration
        "#]],
    );
    // A deployment is one more reason.
    check(
        changed(),
        sent(0),
        expect![[r#"
            UpdateService(web) loadBalancers deploymentConfiguration
        "#]],
    );
}

#[test]
fn alarm_in_alarm_holds_the_deployment_back_and_then_fails_it() {
    check(
        changed(),
        seen(web()).alarm(AlarmState::Alarm),
        expect![[r#"
            Wait 30 s: alarm `express-web-119a3fbe52e2-rollback` is in ALARM; a deployment that starts now would not be watched
        "#]],
    );
    check(
        changed(),
        seen(web()).alarm(AlarmState::Alarm).after_s(300),
        expect![[r#"
            NotStabilized: alarm `express-web-119a3fbe52e2-rollback` is in ALARM; ECS would not watch a deployment that starts now. See what it measures in CloudWatch, and update again once it is OK
        "#]],
    );
}

#[test]
fn alarm_that_looks_far_back_is_waited_for_as_long() {
    let looking_back =
        |web: super::Web| web.set("/Deployment/RollbackAlarm/EvaluationPeriods", json!(10));
    for (after_s, waits) in [(11 * 60, true), (12 * 60, false)] {
        let seen = seen(looking_back(web()))
            .alarm(AlarmState::Alarm)
            .after_s(after_s);
        let planned = decided(looking_back(changed()), &seen);
        assert_eq!(
            planned.starts_with("Wait 30 s: alarm"),
            waits,
            "{after_s} s: {planned}"
        );
    }
}

#[test]
fn alarm_is_not_waited_for_until_there_is_no_time_to_deploy() {
    let looking_back =
        |web: super::Web| web.set("/Deployment/RollbackAlarm/EvaluationPeriods", json!(60));
    for (before_stop_s, planned) in [(1, "Wait 30 s: alarm"), (0, "NotStabilized: alarm")] {
        let mut seen = seen(looking_back(web())).alarm(AlarmState::Alarm);
        seen.world.timing.stop_at_ms = seen.world.timing.now_ms + before_stop_s * 1_000;
        let decided = decided(looking_back(changed()), &seen);
        assert!(decided.starts_with(planned), "{before_stop_s} s: {decided}");
    }
}

/// What ECS has given up for a role's sake is begun again while the role may not be known everywhere.
#[test]
fn deployment_that_failed_too_early_is_begun_again() {
    let failed = |early: bool, created_s: u64, asked: u32| {
        let mut seen = seen(web())
            .own_deployment(DeploymentStatus::Failed)
            .deployment(|deployment| deployment.is_given_up = true);
        let timing = &mut seen.world.timing;
        timing.service_updates = asked;
        timing.early_deployment = early.then(|| "deployment-1".to_owned());
        let created_ms = timing.started_ms + created_s * 1_000;
        seen.deployment(|deployment| deployment.created_ms = created_ms)
            .after_s(150)
    };
    let again = "UpdateService(web) forceNewDeployment";
    let over = "NotStabilized: the deployment of service `web` failed";
    for (early, created_s, asked, planned) in [
        (true, 119, 1, again),
        (true, 119, 2, again),
        (true, 119, 3, over),
        (true, 120, 1, over),
        (false, 119, 1, over),
    ] {
        let decided = decided(web(), &failed(early, created_s, asked));
        assert!(
            decided.trim_start().starts_with(planned),
            "{early} {created_s} {asked}: {decided}"
        );
    }
    // Somebody has stopped it.
    let stopped = failed(true, 119, 1).deployment(|deployment| deployment.is_given_up = false);
    assert!(decided(web(), &stopped).trim_start().starts_with(over));
    // It was noted that it is begun again, and never asked for: it is no success, whatever the number of attempts.
    let noted = |asked| {
        let mut seen = failed(true, 119, asked);
        seen.world.timing.deployment_before = Some("deployment-1".to_owned());
        seen
    };
    assert!(decided(web(), &noted(2)).trim_start().starts_with(again));
    assert!(decided(web(), &noted(3)).trim_start().starts_with(over));
}

#[test]
fn alarm_that_watches_what_serves_holds_back_no_remedy() {
    let rolling = |web: super::Web| web.set("/Deployment/Strategy", json!("ROLLING"));
    check(
        rolling(changed()),
        seen(rolling(web())).alarm(AlarmState::Alarm),
        expect![[r#"
            UpdateService(web) loadBalancers
        "#]],
    );
}

/// As on the way back from an update whose deployment ECS has rolled back: only how to deploy is still to be told.
#[test]
fn alarm_does_not_hold_back_what_brings_no_deployment() {
    check(
        web().set("/Deployment/BakeTimeInMinutes", json!(2)),
        seen(web()).alarm(AlarmState::Alarm),
        expect![[r#"
            UpdateService(web) deploymentConfiguration
        "#]],
    );
}

#[test]
fn alarm_without_data_or_without_a_deployment_holds_nothing_back() {
    check(
        changed(),
        seen(web()).alarm(AlarmState::InsufficientData),
        expect![[r#"
            UpdateService(web) loadBalancers
        "#]],
    );
    check(
        web(),
        seen(web()).alarm(AlarmState::Alarm),
        expect![[r#"
        Converged
    "#]],
    );
}

#[test]
fn draining_service_of_our_name_is_waited_out() {
    check(
        web(),
        seen(web()).status(ServiceStatus::Draining),
        expect![[r#"
            Wait 15 s: service `web` is draining
        "#]],
    );
}

#[test]
fn inactive_service_leaves_its_name_free() {
    check(
        web(),
        seen(web()).status(ServiceStatus::Inactive),
        expect![[r#"
            CreateService(web)
        "#]],
    );
}

#[test]
fn revisions_beyond_the_last_two_go_after_the_deployment() {
    let revisions = ["family:1", "family:2", "family:3", "family:4"];
    let mut converged = seen(web()).own_deployment(DeploymentStatus::Successful);
    converged.world.active = revisions.map(str::to_owned).into();
    check(
        web(),
        converged.clone(),
        expect![[r#"
        DeregisterTaskDefinition(family:1)
        DeregisterTaskDefinition(family:2)
    "#]],
    );
    // While it runs they are needed.
    check(
        web(),
        converged.deployment(|deployment| deployment.status = DeploymentStatus::Running),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn port_of_the_revision_before_closes_after_the_deployment() {
    let two_ports = || {
        seen(web()).but(|observed| {
            if let Presence::Present(group) = &mut observed.service_security_group {
                let mut rule = group.ingress.first().expect("our rule").clone();
                rule.port = 8080;
                group.ingress.push(rule);
            }
        })
    };
    check(
        web(),
        two_ports(),
        expect![[r#"
        RevokeIngress(sg-service) 8080
    "#]],
    );
    check(
        web(),
        two_ports().own_deployment(DeploymentStatus::Running),
        expect![[r#"
            Wait 15 s: deployment of service `web` is running
        "#]],
    );
}

#[test]
fn a_service_that_never_becomes_as_asked_is_not_deployed_for_ever() {
    let asked = |times| {
        let mut seen = seen(web()).own_deployment(DeploymentStatus::Successful);
        seen.world.timing.service_updates = times;
        seen
    };
    check(
        changed(),
        asked(2),
        expect![[r#"
            UpdateService(web) loadBalancers
        "#]],
    );
    check(
        changed(),
        asked(3),
        expect![[r#"
        NotStabilized: service `web` still differs from the template in `loadBalancers` after several deployments: somebody else changes it at the same time, or ECS does not keep what it is told. See who calls UpdateService in CloudTrail
    "#]],
    );
}
