//! Does each cause happen, is it named, and soon enough? One row for each way in which a service does not get on.

mod let_go_on;
mod rows;

use std::collections::BTreeSet;

use express_core::diagnosis::Cause;
use express_tests::cloudformation::{Seen, SeenStatus};
use express_tests::properties::{ENVIRONMENT_CANARY, lifecycle_hook, role};
use express_tests::{Run, Scenario, StackStatus, Template, World, trace, web};
use local_aws::elbv2::Priority;
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;
use serde_json::json;

use StackStatus::{CreateComplete, RollbackComplete, UpdateRollbackComplete};
use rows::{
    AFTER_MINUTES_S, AFTER_PATIENCE_S, AT_ONCE_S, CAPACITY, HEALTH, IMAGES, QUOTAS, ROLES, Row,
    STARTS, all, image,
};

/// Bytes of a reason: what CloudFormation shows without cutting it.
const REASON_BYTES_MAX: usize = 1_000;
/// Updates of a service for a role's sake: refused ones are tried again each 15 s for two minutes, and those that fail are
/// begun again twice.
const ROLE_UPDATES_MAX: usize = 12;

fn failed(run: &Run, number: usize) -> Seen {
    let seen = run.seen()[number].clone();
    assert_eq!(seen.status, SeenStatus::Failed, "{}", seen.reason);
    seen
}

/// The reason names the cause and what it is about, in time and in one short line; the log has the finding.
fn check(run: &Run, seen: &Seen, cause: Cause, names: &[&str], within_s: u64) {
    let reason = &seen.reason;
    let beginning = format!("{}: ", cause.class());
    assert!(reason.starts_with(&beginning), "{cause:?}: {reason}");
    let named = format!("{}: ", cause.code());
    assert_eq!(reason.matches(&named).count(), 1, "{cause:?}: {reason}");
    // What ECS says of it comes after, if at all; only that the time was up is said before.
    let is_first = reason.starts_with(&format!("{beginning}{named}"));
    let is_late = reason.contains("did not finish within");
    assert!(is_first || is_late, "{cause:?}: {reason}");
    for name in names {
        assert!(
            reason.contains(name),
            "{cause:?} does not name {name}: {reason}"
        );
    }
    assert!(
        reason.len() < REASON_BYTES_MAX && !reason.contains('\n'),
        "{reason}"
    );
    assert!(
        seen.seconds() <= within_s,
        "{cause:?} took {} s: {reason}",
        seen.seconds()
    );
    assert!(!run.world.logs().text().contains(ENVIRONMENT_CANARY));
}

fn creates(rows: &[Row]) {
    for (properties, cause, names, within_s) in rows {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        let run = Scenario::new().create(properties()).run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{cause:?}");
        check(&run, &failed(&run, 0), *cause, names, *within_s);
        let told = format!("\"code\":\"{}\"", cause.code());
        let logged = run.world.logs().text();
        assert!(logged.contains(&told), "{cause:?} is in no log line");
        let after = run.world.inventory().without_what_stays();
        assert_eq!(before.diff(&after), Vec::<String>::new(), "{cause:?}");
    }
}

#[test]
fn case_21_an_image_that_cannot_be_pulled_is_named_in_minutes() {
    creates(IMAGES);
}

#[test]
fn case_21_a_task_that_cannot_start_or_ends_is_explained_in_minutes() {
    creates(STARTS);
}

#[test]
fn case_20_a_role_that_cannot_be_used_is_named_in_minutes() {
    creates(ROLES);
}

/// Each role that ECS assumes, the cause when it cannot, and seconds after which it may become usable and the Create
/// succeeds. The provider waits two minutes; where ECS's circuit breaker gives a deployment up before, after three
/// starts, it is begun again.
const ASSUMED: [(&str, Cause, &[u64]); 3] = [
    (
        "InfrastructureRoleArn",
        Cause::InfrastructureRoleNotUsable,
        &[5, 60, 100],
    ),
    (
        "ExecutionRoleArn",
        Cause::ExecutionRoleNotAssumable,
        &[5, 30, 60, 100],
    ),
    (
        "TaskRoleArn",
        Cause::TaskRoleNotAssumable,
        &[5, 30, 60, 100],
    ),
];

/// A world in which IAM knows a role, of a Create that begins now, only after `seconds`.
fn with_a_role_known_after(property: &str, seconds: u64) -> Run {
    with_a_role_known_after_in(World::new(), property, seconds)
}

fn with_a_role_known_after_in(world: World, property: &str, seconds: u64) -> Run {
    let name = format!("new-{property}");
    let usable_ms = world.now_ms() + seconds * 1000;
    world
        .account()
        .cloud()
        .ecs
        .unassumable_roles
        .insert(role(&name), usable_ms);
    let properties = image("nginx:2").set(&format!("/{property}"), role(&name));
    Scenario::new().create(properties).run_in(world)
}

#[test]
fn case_20_a_role_that_iam_spreads_soon_is_waited_for() {
    for (property, _, usable_after_s) in ASSUMED {
        for seconds in usable_after_s {
            let run = with_a_role_known_after(property, *seconds);
            let seen = &run.seen()[0];
            let context = format!("{property} {seconds} s: {}", seen.reason);
            assert_eq!(run.statuses(), [CreateComplete], "{context}");
            assert!(seen.seconds() >= *seconds, "{context}");
            // A role that is known after five seconds may not have been tried before.
            if *seconds >= 30 {
                assert_refused_before(&run, property);
            }
        }
    }
}

/// The deployment that follows one which was given up too early was noted, and never asked for.
#[test]
fn case_20_an_attempt_that_dies_before_it_deploys_again_does_not_take_the_failure_for_success() {
    for (fault, times) in [
        (Fault::CrashBefore, 1),
        (Fault::CrashAfter, 1),
        (Fault::LoseAnswer, 1),
        (Fault::CrashBefore, 2),
    ] {
        let world = World::new();
        let lost = Rule::once(Some("ecs:UpdateService"), 0, fault);
        world.faults().add(lost.times(times));
        let run = with_a_role_known_after_in(world, "ExecutionRoleArn", 60);
        let reason = &run.seen()[0].reason;
        assert_eq!(run.statuses(), [CreateComplete], "{fault:?}: {reason}");
        let deployment = &run.world.active_service()["deployments"][0];
        assert_eq!(deployment["rolloutState"], "COMPLETED", "{fault:?}");
        let (running, desired) = (&deployment["runningCount"], &deployment["desiredCount"]);
        assert_eq!(running, desired, "{fault:?}");
    }
}

/// As of a stack that makes all its roles: CreateService is refused until the one is known, tasks until the other is.
#[test]
fn case_20_roles_that_are_both_made_by_the_stack_are_waited_for() {
    let world = World::new();
    let now_ms = world.now_ms();
    for (name, seconds) in [("late-infrastructure", 50), ("late-execution", 110)] {
        let usable_ms = now_ms + seconds * 1_000;
        let roles = &mut world.account().cloud().ecs.unassumable_roles;
        roles.insert(role(name), usable_ms);
    }
    let properties = web()
        .set("/InfrastructureRoleArn", role("late-infrastructure"))
        .set("/ExecutionRoleArn", role("late-execution"));
    let run = Scenario::new().create(properties).run_in(world);
    let reason = &run.seen()[0].reason;
    assert_eq!(run.statuses(), [CreateComplete], "{reason}");
}

/// Tasks did not start for a while, for a reason that has passed.
#[test]
fn what_was_suspected_of_a_deployment_is_not_told_of_what_is_refused_after_it() {
    let world = World::new();
    let until_ms = world.now_ms() + 110_000;
    world
        .account()
        .cloud()
        .ecs
        .unassumable_roles
        .insert(role("late-execution"), until_ms);
    // The first one is before the deployment, the second one points the alarm at what serves now.
    let denied = Rule::once(Some("cloudwatch:PutMetricAlarm"), 1, Fault::Deny);
    world.faults().add(denied.times(u64::MAX));
    let properties = web().set("/ExecutionRoleArn", role("late-execution"));
    let run = Scenario::new().create(properties).run_in(world);
    assert_eq!(run.statuses(), [RollbackComplete]);
    let suspected = Cause::ExecutionRoleNotAssumable.code();
    assert!(run.world.logs().text().contains(suspected));
    let reason = failed(&run, 0).reason;
    assert!(reason.starts_with("AccessDenied: "), "{reason}");
    assert!(!reason.contains(suspected), "{reason}");
}

/// As of a provider that was installed or upgraded a moment ago.
#[test]
fn case_20_a_policy_of_the_provider_that_iam_spreads_soon_is_waited_for() {
    let denied = Fault::Refuse(
        "AccessDenied",
        "User: u is not authorized to perform this on resource: r because no identity-based policy allows the action",
    );
    for operation in [
        "ec2:DescribeSubnets",
        "elasticloadbalancing:CreateLoadBalancer",
        "ec2:AuthorizeSecurityGroupIngress",
        "elasticloadbalancing:CreateRule",
        "ecs:CreateService",
    ] {
        for (times, expected) in [(3, CreateComplete), (u64::MAX, RollbackComplete)] {
            let world = World::new();
            let rule = Rule::once(Some(operation), 0, denied).times(times);
            world.faults().add(rule);
            let run = Scenario::new().create(web()).run_in(world);
            let seen = &run.seen()[0];
            let context = format!("{operation}, {times} times: {}", seen.reason);
            assert_eq!(run.statuses(), [expected], "{context}");
            let is_waited_for = seen.seconds() >= 30 && run.world.faults().struck() >= 3;
            assert!(is_waited_for, "{context}");
        }
    }
}

/// Of what the operation makes itself IAM learns when it is made: tags by which a policy allows things, and the roles that
/// AWS makes with the first call in an account.
#[test]
fn case_20_what_iam_has_to_learn_during_a_long_create_is_waited_for() {
    let words = "Unable to assume the service linked role.";
    let unknown = Fault::Refuse("InvalidParameterException", words);
    // Long under way when it comes there, and told within minutes of that.
    let expected_s = 200..600;
    for (times, expected) in [(3, CreateComplete), (u64::MAX, RollbackComplete)] {
        let world = World::new();
        let busy = Rule::once(Some("ecs:RegisterTaskDefinition"), 0, Fault::Throttle);
        world.faults().add(busy.times(60));
        let rule = Rule::once(Some("ecs:CreateService"), 0, unknown);
        world.faults().add(rule.times(times));
        let run = Scenario::new().create(web()).run_in(world);
        let seen = &run.seen()[0];
        assert_eq!(run.statuses(), [expected], "{}", seen.reason);
        let took_s = seen.seconds();
        assert!(expected_s.contains(&took_s), "{took_s} s");
    }
}

#[test]
fn case_20_a_role_that_ecs_refuses_by_its_arn_is_told_from_the_others() {
    const EXECUTION: &str = "Unable to assume the role 'arn:aws:iam::123456789012:role/execution'";
    const TASK: &str = "Unable to assume the role 'arn:aws:iam::123456789012:role/task'";
    const INFRASTRUCTURE: &str =
        "Unable to assume the role 'arn:aws:iam::123456789012:role/infrastructure'";
    for (words, name, cause) in [
        (EXECUTION, "execution", Cause::ExecutionRoleNotAssumable),
        (TASK, "task", Cause::TaskRoleNotAssumable),
        (
            INFRASTRUCTURE,
            "infrastructure",
            Cause::InfrastructureRoleNotUsable,
        ),
    ] {
        let world = World::new();
        let refusal = Fault::Refuse("InvalidParameterException", words);
        let refused = Rule::once(Some("ecs:CreateService"), 0, refusal);
        world.faults().add(refused.times(u64::MAX));
        let properties = web().set("/TaskRoleArn", role("task"));
        let run = Scenario::new().create(properties).run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{name}");
        let arn = format!("`{}`", role(name));
        check(&run, &failed(&run, 0), cause, &[&arn], AFTER_PATIENCE_S);
    }
}

/// ECS has met the role when it could not assume it: the service was refused, or a task's start was.
fn assert_refused_before(run: &Run, property: &str) {
    let history = run.world.history();
    let mut calls = history.calls();
    let is_refused = calls
        .any(|call| call.recorded.name() == "ecs:CreateService" && call.recorded.outcome.is_err());
    let service = run.world.active_service().to_string();
    let is_told = service.contains("unable to assume the role");
    assert!(is_refused || is_told, "{property} was never refused");
}

#[test]
fn case_20_a_role_that_stays_unknown_for_ten_minutes_is_not_waited_for() {
    for (property, cause, _) in ASSUMED {
        let run = with_a_role_known_after(property, 600);
        assert_eq!(run.statuses(), [RollbackComplete], "{property}");
        let role = format!("role/new-{property}`");
        check(&run, &failed(&run, 0), cause, &[&role], AFTER_MINUTES_S);
    }
}

#[test]
fn case_21_a_health_check_that_fails_is_explained_in_minutes() {
    creates(HEALTH);
}

/// What AWS says of a first deployment, which has nothing to go back to, is not documented.
#[test]
fn a_deployment_that_cannot_be_stopped_is_explained_by_why_it_was_to_be() {
    let world = World::new();
    let refusal = Fault::Refuse("InvalidParameterException", "There is no previous revision");
    let stop = Rule::once(Some("ecs:StopServiceDeployment"), 0, refusal);
    world.faults().add(stop.times(u64::MAX));
    let run = Scenario::new().create(image("demo/missing")).run_in(world);
    assert_eq!(run.statuses(), [RollbackComplete]);
    assert!(run.world.faults().struck() > 0);
    let failed = failed(&run, 0);
    check(
        &run,
        &failed,
        Cause::ImageNotFound,
        &["StopDeployment", "There is no previous revision"],
        AFTER_MINUTES_S,
    );
}

#[test]
fn case_22_capacity_and_quotas_of_fargate_are_named() {
    creates(CAPACITY);
}

#[test]
fn case_22_quotas_of_load_balancing_and_ec2_are_named_at_once() {
    for (call, code, cause) in QUOTAS {
        let world = World::new();
        let words = "The maximum number has been reached";
        let refusal = Fault::Refuse(code, words);
        world
            .faults()
            .add(Rule::once(Some(call), 0, refusal).times(u64::MAX));
        let run = Scenario::new().create(web()).run_in(world);
        assert_eq!(run.statuses(), [RollbackComplete], "{cause:?}");
        let reason = failed(&run, 0).reason;
        assert_eq!(reason.matches(words).count(), 1, "{reason}");
        check(
            &run,
            &failed(&run, 0),
            *cause,
            &[code, "Service Quotas"],
            AT_ONCE_S,
        );
    }
}

#[test]
fn case_32_an_update_that_cannot_succeed_is_rolled_back_before_it_is_answered_and_the_rollback_changes_nothing()
 {
    for (properties, cause, names, within_s) in all() {
        let created = Scenario::new().create(web()).then_settle();
        let run = created.then_update(properties()).then_settle().run();
        assert_eq!(
            run.statuses(),
            [CreateComplete, UpdateRollbackComplete],
            "{cause:?}"
        );
        // Tasks of before may have to go first.
        check(&run, &failed(&run, 1), *cause, names, *within_s + 60);
        let back = &run.seen()[2];
        assert_eq!(
            back.status,
            SeenStatus::Success,
            "{cause:?}: {}",
            back.reason
        );
        let deployments = run
            .mutations()
            .iter()
            .filter(|call| *call == "ecs:UpdateService")
            .count();
        // A role that cannot be used is tried again and again while IAM may not know it yet.
        let most = if cause.is_of_a_role() {
            ROLE_UPDATES_MAX
        } else {
            2
        };
        assert!(deployments <= most, "{cause:?}: {deployments} updates");
        let service = run.world.account().perform(
            Service::Ecs,
            "DescribeServices",
            json!({"services": ["web"]}),
        );
        let service = &service.unwrap()["services"][0];
        assert_eq!(
            service["runningCount"], service["desiredCount"],
            "{cause:?}"
        );
    }
}

/// Its tasks are in the group that serves, whose path changes only after it.
#[test]
fn case_21_a_rolling_deployment_that_fails_names_the_path_that_was_asked() {
    let rolling = |path| {
        web()
            .set("/Deployment/Strategy", "ROLLING")
            .health_check_path(path)
    };
    let world = World::new();
    let stack = world.with_service("app", &rolling("/old"));
    let unhealthy = rolling("/new").image("demo/unhealthy");
    let updated = stack.deploy_now(Template::of(&unhealthy));
    let reason = &updated.first().reason;
    assert!(
        reason.contains("`/old`") && !reason.contains("/new"),
        "{reason}"
    );
}

#[test]
fn case_10_what_a_crashing_container_prints_of_its_environment_is_nowhere() {
    let run = Scenario::new()
        .create(image("demo/talkative").environment("TOKEN", ENVIRONMENT_CANARY))
        .run();
    let seen = failed(&run, 0);
    let names = ["fatal: cannot start with [redacted]"];
    check(
        &run,
        &seen,
        Cause::ContainerCrashed,
        &names,
        AFTER_MINUTES_S,
    );
}

/// Lets `happen` go on beside everything else, once a second for ten minutes.
fn meanwhile(world: &World, happen: impl Fn(&World) + 'static) {
    let world = world.clone();
    let until_ms = world.now_ms() + 600_000;
    world.clone().spawn(async move {
        while world.now_ms() < until_ms {
            happen(&world);
            world.sleep_s(1).await;
        }
    });
}

#[test]
fn case_21_a_log_group_that_somebody_deletes_again_and_again_is_named() {
    let world = World::new();
    meanwhile(&world, |world| {
        let groups = world.account().cloud().logs.groups.clone();
        for name in groups.into_keys() {
            let group = json!({"logGroupName": name});
            let deleted = world
                .account()
                .perform(Service::Logs, "DeleteLogGroup", group);
            assert!(deleted.is_ok());
        }
    });
    let run = Scenario::new().create(web()).run_in(world);
    let names = ["log group of the container does not exist"];
    check(
        &run,
        &failed(&run, 0),
        Cause::LogGroupNotFound,
        &names,
        AFTER_MINUTES_S,
    );
}

#[test]
fn case_56_a_rule_that_somebody_changes_during_a_deployment_is_named() {
    let world = World::new();
    meanwhile(&world, |world| {
        let (rules, group) = {
            let cloud = world.account().cloud();
            let rules: Vec<String> = cloud
                .elbv2
                .listeners
                .keys()
                .flat_map(|listener| cloud.elbv2.rules_of(listener))
                .filter(|rule| rule.priority != Priority::Default)
                .map(|rule| rule.arn.clone())
                .collect();
            (rules, cloud.elbv2.target_groups.keys().next().cloned())
        };
        for rule in rules {
            let action = json!({"Type": "forward", "TargetGroupArn": group});
            let input = json!({"RuleArn": rule, "Actions": [action]});
            let service = Service::ElasticLoadBalancing;
            let changed = world.account().perform(service, "ModifyRule", input);
            assert!(changed.is_ok(), "{changed:?}");
        }
    });
    let run = Scenario::new().create(web()).run_in(world);
    let names = ["two target groups", "find out who changes it"];
    check(
        &run,
        &failed(&run, 0),
        Cause::ListenerRuleChanged,
        &names,
        AFTER_MINUTES_S,
    );
}

#[test]
fn case_17_a_host_name_that_has_a_record_of_somebody_else_is_named_before_anything_is_made() {
    for (kind, value, named) in [
        ("A", "192.0.2.1", "record `web.apps.example.com` already"),
        (
            "AAAA",
            "2001:db8::1",
            "`web.apps.example.com` of type `AAAA`",
        ),
        (
            "CNAME",
            "theirs.example.org",
            "`web.apps.example.com` of type `CNAME`",
        ),
    ] {
        let world = World::new();
        let record = json!({
            "path": format!("/2013-04-01/hostedzone/{}/rrset", world.provider().hosted_zone_id),
            "body": {"ChangeBatch": {"Changes": {"Change": {
                "Action": "CREATE",
                "ResourceRecordSet": {"Name": "web.apps.example.com", "Type": kind, "TTL": "60",
                    "ResourceRecords": {"ResourceRecord": {"Value": value}}},
            }}}},
        });
        let created = world
            .account()
            .perform(Service::Route53, "ChangeResourceRecordSets", record);
        assert!(created.is_ok(), "{created:?}");
        world.remember_foreign();
        let run = Scenario::new().create(web()).run_in(world);
        // What to do is said once: the refusal says it already.
        let reason = failed(&run, 0).reason.to_lowercase();
        let remedy = Cause::HostNameTaken.remedy().to_lowercase();
        assert!(!reason.contains(&remedy), "{reason}");
        let names = [named, "choose another `ServiceName`"];
        check(
            &run,
            &failed(&run, 0),
            Cause::HostNameTaken,
            &names,
            AT_ONCE_S,
        );
        let trace = trace::of(&run.world);
        for made in ["CreateTargetGroup", "CreateSecurityGroup", "CreateService"] {
            assert!(!trace.contains(made), "{kind}:\n{trace}");
        }
    }
}

#[test]
fn an_alarm_that_is_in_alarm_before_an_update_is_named_with_its_numbers() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    meanwhile(&world, |world| {
        let alarms = world.account().cloud().cloudwatch.alarms.clone();
        for name in alarms.into_keys() {
            let input = json!({"AlarmName": name, "StateValue": "ALARM",
                "StateReason": "Threshold Crossed: 2 out of the last 3 datapoints [12.5, 10.0] were greater than the threshold (1.0)"});
            let set = world
                .account()
                .perform(Service::CloudWatch, "SetAlarmState", input);
            assert!(set.is_ok(), "{set:?}");
        }
    });
    let outcome = stack.deploy_now(Template::of(&image("nginx:2")));
    let run = Run {
        world: world.clone(),
        outcomes: vec![outcome],
    };
    let names = ["-rollback`", "[12.5, 10.0]", "threshold (1.0)"];
    check(
        &run,
        &failed(&run, 0),
        Cause::AlarmInAlarm,
        &names,
        AFTER_PATIENCE_S,
    );
}

#[test]
fn a_lifecycle_hook_that_says_no_is_named_with_its_stage() {
    for stage in [
        "PRE_SCALE_UP",
        "POST_SCALE_UP",
        "TEST_TRAFFIC_SHIFT",
        "POST_TEST_TRAFFIC_SHIFT",
        "PRE_PRODUCTION_TRAFFIC_SHIFT",
        "PRODUCTION_TRAFFIC_SHIFT",
        "POST_PRODUCTION_TRAFFIC_SHIFT",
    ] {
        let hooks = json!([lifecycle_hook("demo-refuses", &[stage])]);
        let refused = image("nginx:2").set("/Deployment/LifecycleHooks", hooks);
        let names = [
            "function:demo-refuses`",
            &format!("`{stage}`"),
            "Read the log",
        ];
        let run = Scenario::new().create(refused.clone()).run();
        // The stages after the canary come minutes later.
        let (cause, within_s) = (Cause::LifecycleHookFailed, rows::AFTER_GRACE_S);
        check(&run, &failed(&run, 0), cause, &names, within_s);

        let run = Scenario::new()
            .create(web())
            .then_settle()
            .then_update(refused)
            .run();
        check(&run, &failed(&run, 1), cause, &names, within_s);
    }
}

#[test]
fn a_lifecycle_hook_that_cannot_be_called_is_named_with_its_role() {
    for (name, says) in [
        ("hooks-not-assumable", "hooks-not-assumable"),
        ("hooks-without-InvokeFunction", "lambda:InvokeFunction"),
    ] {
        let mut hook = lifecycle_hook("check", &["PRE_SCALE_UP"]);
        hook["RoleArn"] = json!(role(name));
        let properties = web().set("/Deployment/LifecycleHooks", json!([hook]));
        let run = Scenario::new().create(properties).run();
        let names = [says, "`PRE_SCALE_UP`"];
        let cause = Cause::LifecycleHookFailed;
        check(&run, &failed(&run, 0), cause, &names, AFTER_MINUTES_S);
    }
}

#[test]
fn case_18_a_predecessor_that_does_not_go_is_named_when_the_time_is_up() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    // Without its infrastructure role, ECS cannot take its targets out, and the service drains.
    let until_ms = world.now_ms() + 1_500_000;
    world
        .account()
        .cloud()
        .ecs
        .unassumable_roles
        .insert(role("infrastructure"), until_ms);
    let delete = json!({"service": "web", "force": true});
    world
        .account()
        .perform(Service::Ecs, "DeleteService", delete)
        .unwrap();
    let update = image("nginx:2").service_timeout(1_300);
    let outcome = stack.deploy_now(Template::of(&update));
    let run = Run {
        world: world.clone(),
        outcomes: vec![outcome],
    };
    let names = ["`web`", "DRAINING", "infrastructure role"];
    check(
        &run,
        &failed(&run, 0),
        Cause::PredecessorDraining,
        &names,
        1_300,
    );
}

#[test]
fn case_18_what_is_refused_after_a_predecessor_has_gone_is_told_and_not_the_predecessor() {
    let world = World::new();
    let stack = world.with_service("app", &web());
    world.block_on(world.sleep_s(60));
    let delete = json!({"service": "web", "force": true});
    world
        .account()
        .perform(Service::Ecs, "DeleteService", delete)
        .unwrap();
    let words = "The maximum number of services has been reached";
    let refusal = Fault::Refuse("LimitExceededException", words);
    let refused = Rule::once(Some("ecs:CreateService"), 0, refusal);
    world.faults().add(refused.times(u64::MAX));
    let outcome = stack.deploy_now(Template::of(&image("nginx:2")));
    let run = Run {
        world: world.clone(),
        outcomes: vec![outcome],
    };
    let text = world.logs().text();
    assert!(text.contains("service `web` is draining"), "{text}");
    check(
        &run,
        &failed(&run, 0),
        Cause::OtherQuota,
        &[words],
        AFTER_MINUTES_S,
    );
}

/// Causes that have a test of their own above.
const ABOVE: &[Cause] = &[
    Cause::LogGroupNotFound,
    Cause::ListenerRuleChanged,
    Cause::HostNameTaken,
    Cause::AlarmInAlarm,
    Cause::LifecycleHookFailed,
    Cause::PredecessorDraining,
];
/// A cause whose texts are tried in core: an alarm's rollback happens in `deployment.rs`.
const IN_CORE: &[Cause] = &[Cause::AlarmRolledBack];

#[test]
fn each_cause_has_a_scenario() {
    let rows = all().map(|(_, cause, _, _)| *cause);
    let quotas = QUOTAS.iter().map(|(_, _, cause)| *cause);
    let tried: BTreeSet<Cause> = rows
        .chain(quotas)
        .chain(ABOVE.iter().chain(IN_CORE).copied())
        .collect();
    let untried: Vec<&Cause> = Cause::ALL
        .iter()
        .filter(|cause| !tried.contains(cause))
        .collect();
    assert_eq!(untried, Vec::<&Cause>::new());
}
