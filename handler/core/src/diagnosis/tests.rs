//! What is found in which evidence, and that each cause has its entry in `ERRORS.md`.

mod health;
mod own;
mod texts;

use std::collections::BTreeSet;

use provider_schema::CpuArchitecture;

use self::texts::TEXTS;
use super::*;
use Phase::{Baking, GettingOn, ScalingUp};

const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/execution";
const TASK_ROLE: &str = "arn:aws:iam::123456789012:role/task";
const INFRASTRUCTURE_ROLE: &str = "arn:aws:iam::123456789012:role/infrastructure";
/// The deployment that is looked at, and the one before.
const OURS: &str = "ecs-svc/2";
const BEFORE: &str = "ecs-svc/1";

fn evidence() -> Evidence {
    Evidence {
        expected: Expected {
            service: "web".to_owned(),
            image: Some("shop/web:7".to_owned()),
            port: Some(80),
            health_check_path: "/up".to_owned(),
            memory_mib: Some(2048),
            cpu_architecture: Some(CpuArchitecture::Arm64),
            execution_role_arn: Some(EXECUTION_ROLE.to_owned()),
            task_role_arn: Some(TASK_ROLE.to_owned()),
            infrastructure_role_arn: INFRASTRUCTURE_ROLE.to_owned(),
            task_definition_arn: Some("web:7".to_owned()),
            is_without_breaker: false,
            grace_s: 300,
            masks: Masks::of(&["swordfish".to_owned()]),
        },
        age_ms: 30_000,
        deployment_id: Some(OURS.to_owned()),
        ..Evidence::default()
    }
}

/// What is told `at_s` seconds after the deployment was made.
fn event(at_s: u64, text: &str) -> Event {
    Event {
        at_ms: at_s * 1000,
        text: text.to_owned(),
    }
}

/// A task of ours that never ran, was created `created_s` seconds after the deployment, and still is there.
fn living(created_s: u64) -> Task {
    Task {
        id: format!("task-{created_s}"),
        task_definition_arn: "web:7".to_owned(),
        started_by: Some(OURS.to_owned()),
        address: Some(format!("10.0.{}.{}", created_s / 256, created_s % 256)),
        created_ms: created_s * 1000,
        started_ms: None,
        stopped: None,
    }
}

fn running(created_s: u64) -> Task {
    Task {
        started_ms: Some(created_s * 1000),
        ..living(created_s)
    }
}

fn of_before(task: Task) -> Task {
    Task {
        id: format!("before-{}", task.id),
        started_by: Some(BEFORE.to_owned()),
        ..task
    }
}

/// A task that stopped `stopped_s` seconds after the deployment was made, and lived for ten.
fn task(stopped_s: u64, code: &str, reason: &str) -> Task {
    Task {
        stopped: Some(StoppedTask {
            stopping_ms: stopped_s * 1000,
            stop_code: Some(code.to_owned()),
            reason: Some(reason.to_owned()),
            containers: vec![StoppedContainer {
                name: "Main".to_owned(),
                ..StoppedContainer::default()
            }],
        }),
        ..living(stopped_s - 10)
    }
}

fn exited(stopped_s: u64, exit_code: i32) -> Task {
    let mut task = task(
        stopped_s,
        "EssentialContainerExited",
        "Essential container in task exited",
    );
    task.started_ms = Some(task.created_ms + 5_000);
    let stopped = task.stopped.as_mut().expect("it has stopped");
    stopped.containers[0].exit_code = Some(exit_code);
    task
}

/// A task that ECS stopped for its health checks after so many seconds.
fn ill(created_s: u64, lived_s: u64) -> Task {
    let stopped = task(
        created_s + lived_s,
        "ServiceSchedulerInitiated",
        "Task failed ELB health checks in (target-group g)",
    );
    Task {
        stopped: stopped.stopped,
        ..running(created_s)
    }
}

fn at(task: &Task, target: Target) -> Target {
    Target {
        address: task.address.clone().expect("has an address"),
        ..target
    }
}

fn healthy() -> Target {
    Target {
        state: "healthy".to_owned(),
        ..Target::default()
    }
}

fn target(reason: &str, description: &str) -> Target {
    Target {
        address: String::new(),
        state: "unhealthy".to_owned(),
        reason: Some(reason.to_owned()),
        description: Some(description.to_owned()),
    }
}

fn first(evidence: &Evidence) -> Finding {
    diagnose(evidence)
        .into_iter()
        .next()
        .expect("something is found")
}

#[test]
fn what_a_task_says_is_found_with_names_and_remedy() {
    for (text, cause) in TEXTS {
        let mut evidence = evidence();
        evidence.tasks = vec![task(60, "TaskFailedToStart", text)];
        let found = first(&evidence);
        assert_eq!(found.cause, *cause, "{text}");
        let verdict = found.verdict();
        assert!(verdict.to_string().starts_with(cause.code()), "{verdict}");
        assert!(
            verdict.to_string().len() + verdict.remedy.len() < 900,
            "{verdict}"
        );
    }
}

#[test]
fn sentences_name_what_they_speak_of() {
    for (text, expected) in [
        (
            5,
            "the execution role `arn:aws:iam::123456789012:role/execution` may not `ecr:BatchGetImage` on `arn:aws:ecr:eu-west-1:1:repository/web`",
        ),
        (0, "image `shop/web:7` is not built for `ARM64`"),
        (
            12,
            "secret `arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf` does not exist",
        ),
        (13, "parameter `/web/db` does not exist"),
        (19, "the container needed more than its 2048 MiB of memory"),
    ] {
        let mut evidence = evidence();
        evidence.tasks = vec![task(60, "TaskFailedToStart", TEXTS[text].0)];
        assert_eq!(first(&evidence).what, expected);
    }
}

#[test]
fn a_hook_is_named_with_its_function_and_stage_where_ecs_names_them() {
    for (reason, expected) in [
        (
            "Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target \
             arn:aws:lambda:eu-west-1:1:function:hook returned FAILED status.",
            "lifecycle hook `arn:aws:lambda:eu-west-1:1:function:hook` ended the deployment in stage `PRE_SCALE_UP`",
        ),
        (
            "POST_SCALE_UP lifecycle hook(s) failed. arn:aws:iam::1:role/hook cannot invoke \
             arn:aws:lambda:eu-west-1:1:function:hook.",
            "lifecycle hook `arn:aws:lambda:eu-west-1:1:function:hook` ended the deployment in stage `POST_SCALE_UP`",
        ),
        (
            "Lifecycle hook(s) failed",
            "lifecycle hook of the service ended the deployment",
        ),
    ] {
        let mut evidence = evidence();
        evidence.status_reason = Some(reason.to_owned());
        assert_eq!(first(&evidence).what, expected);
    }
}

#[test]
fn a_role_that_cannot_be_assumed_is_told_apart_by_its_arn() {
    for (role, cause) in [
        (EXECUTION_ROLE, Cause::ExecutionRoleNotAssumable),
        (TASK_ROLE, Cause::TaskRoleNotAssumable),
        (INFRASTRUCTURE_ROLE, Cause::InfrastructureRoleNotUsable),
    ] {
        let text = format!(
            "failed to launch a task with (error ECS was unable to assume the role '{role}' that was provided for this task.)."
        );
        let mut evidence = evidence();
        evidence.events = vec![event(110, &text), event(60, &text)];
        let found = first(&evidence);
        assert_eq!((found.cause, found.is_certain), (cause, false));
        assert!(found.what.contains(role), "{}", found.what);
        evidence.events.insert(0, event(125, &text));
        assert!(first(&evidence).is_certain);
        let refused = of_refusal(
            &evidence.expected,
            HandlerErrorCode::AccessDenied,
            "ClientException",
            &text,
        );
        assert_eq!(refused.map(|found| found.cause), Some(cause));
    }
}

#[test]
fn a_role_that_lacks_an_action_is_not_one_that_cannot_be_assumed() {
    let mut evidence = evidence();
    let text = format!(
        "(service web) failed to register targets: {INFRASTRUCTURE_ROLE} is not authorized to perform: \
         elasticloadbalancing:RegisterTargets"
    );
    evidence.events = vec![event(60, &text)];
    assert_eq!(first(&evidence).cause, Cause::InfrastructureRoleLacksAction);
}

#[test]
fn of_what_aws_refuses_more_is_told_where_a_role_is_meant() {
    let unusable = "missing permissions on ECS Infrastructure Role";
    for (message, cause) in [
        (unusable, Some(Cause::InfrastructureRoleNotUsable)),
        // Tasks say so, and no refused step does.
        (TEXTS[2].0, None),
    ] {
        let class = HandlerErrorCode::InvalidRequest;
        let found = of_refusal(&evidence().expected, class, "ClientException", message);
        assert_eq!(found.map(|found| found.cause), cause, "{message}");
    }
}

#[test]
fn aws_words_in_brackets_do_not_end_the_sentence_that_they_are_in() {
    let expected = Expected::default();
    let found = Finding::plain(
        Cause::AlarmInAlarm,
        "was above the threshold (1.0).",
        &expected,
    );
    let what = found.verdict().what;
    assert!(what.ends_with(" (was above the threshold (1.0))"), "{what}");
}

#[test]
fn long_words_are_cut_and_those_that_just_fit_are_not() {
    let told = |length: usize| {
        let words = "é".repeat(length / 2);
        let found = Finding::plain(Cause::AlarmInAlarm, &words, &Expected::default());
        found.verdict().what
    };
    let fits = format!(" ({})", "é".repeat(EVIDENCE_BYTES_MAX / 2));
    assert!(told(EVIDENCE_BYTES_MAX).ends_with(&fits));
    let cut = format!(" ({}…)", "é".repeat(EVIDENCE_BYTES_MAX / 2));
    assert!(told(EVIDENCE_BYTES_MAX + 2).ends_with(&cut));
    assert!(told(EVIDENCE_BYTES_MAX + 20).ends_with(&cut));
}

#[test]
fn a_crash_tells_its_last_words_and_is_the_circuit_breakers_to_judge() {
    let mut evidence = evidence();
    evidence.last_lines = vec![
        "starting".to_owned(),
        "cannot connect with password=hunter2 to swordfish".to_owned(),
    ];
    evidence.tasks = vec![exited(60, 3), exited(90, 3), exited(120, 3), exited(150, 3)];
    let found = first(&evidence);
    assert_eq!(
        (found.cause, found.is_certain),
        (Cause::ContainerCrashed, false)
    );
    assert_eq!(
        found.verdict().what,
        "the container ends by itself with exit code 3 (last lines of its log: starting | cannot connect with \
         password=[redacted])"
    );
}

#[test]
fn without_a_circuit_breaker_as_many_starts_in_turn_are_certain_as_it_would_allow() {
    let certain = |tasks: Vec<Task>| {
        let mut evidence = evidence();
        evidence.expected.is_without_breaker = true;
        evidence.tasks = tasks;
        first(&evidence).is_certain
    };
    assert!(!certain(vec![exited(60, 3), exited(130, 3)]), "twice");
    let at_once = vec![exited(130, 3), exited(131, 3), exited(132, 3)];
    assert!(!certain(at_once), "all were started at once");
    let early = vec![exited(30, 3), exited(60, 3), exited(90, 3)];
    assert!(!certain(early), "IAM may not know the task role yet");
    let again = || vec![exited(60, 3), exited(90, 3), exited(130, 3)];
    assert!(certain(again()));
    let mut with_running = again();
    with_running.push(running(131));
    assert!(!certain(with_running), "a later one runs");
    let mut with_starting = again();
    with_starting.push(living(131));
    assert!(certain(with_starting), "a later one has said nothing yet");
}

#[test]
fn one_ill_task_among_healthy_ones_ends_nothing() {
    let mut evidence = evidence();
    let other = running(400);
    evidence.tasks = vec![ill(10, 330), ill(350, 330), other.clone()];
    let refused = "Health checks failed with these codes: [404]";
    evidence.targets = vec![
        at(&other, target("Target.ResponseCodeMismatch", refused)),
        healthy(),
    ];
    let found = first(&evidence);
    assert_eq!(
        (found.cause, found.is_certain),
        (Cause::HealthCheckRefused, false)
    );
    evidence.targets.pop();
    assert!(first(&evidence).is_certain);
}

#[test]
fn an_image_that_one_task_could_pull_is_there() {
    let mut evidence = evidence();
    evidence.tasks = vec![task(60, "TaskFailedToStart", TEXTS[1].0)];
    assert!(first(&evidence).is_certain);
    evidence.tasks.push(running(20));
    assert!(!first(&evidence).is_certain);
}

#[test]
fn what_may_pass_is_certain_only_while_the_newest_task_shows_it() {
    let denied = "CannotPullContainerError: unexpected status code: 403 Forbidden";
    let certain = |tasks: Vec<Task>| {
        let mut evidence = evidence();
        evidence.age_ms = 600_000;
        evidence.tasks = tasks;
        let found = first(&evidence);
        assert_eq!(found.cause, Cause::ImagePullDenied);
        found.is_certain
    };
    let at = |stopped_s| task(stopped_s, "TaskFailedToStart", denied);
    assert!(!certain(vec![at(30)]), "an old one only");
    assert!(certain(vec![at(30), at(130)]));
    assert!(
        !certain(vec![at(30), at(130), running(140)]),
        "it was passing"
    );
    assert!(!certain(vec![at(130), exited(150, 1)]), "it pulled since");
    assert!(certain(vec![at(130), exited(90, 1)]), "it pulled before");
    assert!(certain(vec![at(130), exited(130, 1)]), "it pulled beside");
}

#[test]
fn what_belongs_to_the_revision_before_does_not_end_the_one_that_repairs_it() {
    let mut evidence = evidence();
    evidence.age_ms = 900_000;
    evidence.expected.is_without_breaker = true;
    let missing = |stopped_s| task(stopped_s, "TaskFailedToStart", TEXTS[1].0);
    let mine = running(20);
    let old = of_before(running(1));
    evidence.tasks = vec![
        of_before(missing(130)),
        of_before(missing(160)),
        of_before(ill(30, 400)),
        of_before(exited(200, 1)),
        of_before(exited(230, 1)),
        of_before(exited(260, 1)),
        old.clone(),
        mine.clone(),
    ];
    let refused = "Health checks failed with these codes: [404]";
    // With ROLLING both are in one group.
    evidence.targets = vec![
        at(&old, target("Target.ResponseCodeMismatch", refused)),
        at(
            &mine,
            Target {
                state: "initial".to_owned(),
                ..Target::default()
            },
        ),
    ];
    evidence.events = vec![event(
        200,
        "(service web) (task before-task-30) (port 80) is unhealthy in (target-group g) due to (reason Health checks \
         failed with these codes: [404])",
    )];
    assert_eq!(diagnose(&evidence), []);
    assert_eq!(has_spoken(&evidence), Some(mine), "whose log is read");

    // Who started a task is not known: it may be ours, but that proves nothing.
    evidence.deployment_id = None;
    let certain: Vec<Finding> = diagnose(&evidence)
        .into_iter()
        .filter(|found| found.is_certain)
        .collect();
    assert_eq!(certain, []);
}

#[test]
fn a_healthy_target_of_the_revision_before_does_not_excuse_ours() {
    let mut evidence = evidence();
    let (mine, old) = (running(320), of_before(running(1)));
    evidence.tasks = vec![ill(10, 305), mine.clone(), old.clone()];
    let refused = "Health checks failed with these codes: [404]";
    evidence.targets = vec![
        at(&mine, target("Target.ResponseCodeMismatch", refused)),
        at(&old, healthy()),
    ];
    assert!(first(&evidence).is_certain);
}

#[test]
fn events_about_the_service_prove_something_when_only_ours_can_be_meant_and_they_come_again() {
    let text = "(service web) was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you \
                can run concurrently.";
    let certain = |change: fn(&mut Evidence)| {
        let mut evidence = evidence();
        evidence.events = vec![event(150, text), event(100, text)];
        change(&mut evidence);
        first(&evidence).is_certain
    };
    assert!(certain(|_| ()));
    assert!(!certain(|it| drop(it.events.pop())), "once");
    assert!(!certain(|it| it.events[0].at_ms = 110_000), "too soon");
    assert!(!certain(|it| it.is_other_short = true), "the one before");
    assert!(!certain(|it| it.tasks = vec![running(50)]), "one is placed");
    assert!(certain(|it| it.tasks = vec![living(50)]), "one has a place");
    assert!(
        certain(|it| it.tasks = vec![exited(90, 1)]),
        "one has ended"
    );
    assert!(!certain(|it| it.deployment_id = None));
    let of_role_before = "failed to launch a task with (error ECS was unable to assume the role \
                          'arn:aws:iam::123456789012:role/execution-old' that was provided for this task.).";
    let mut evidence = evidence();
    evidence.events = vec![event(250, of_role_before), event(200, of_role_before)];
    assert!(!first(&evidence).is_certain, "a role of before");
}

#[test]
fn exit_codes_are_told_apart() {
    for (code, cause, part) in [
        (0, Cause::ContainerFinished, "exit code 0"),
        (1, Cause::ContainerCrashed, "exit code 1"),
        (126, Cause::ContainerCrashed, "cannot be executed"),
        (127, Cause::ContainerCrashed, "not found"),
        (134, Cause::ContainerCrashed, "SIGABRT"),
        (137, Cause::ContainerCrashed, "SIGKILL"),
        (139, Cause::ContainerCrashed, "SIGSEGV"),
        (143, Cause::ContainerCrashed, "SIGTERM"),
    ] {
        let mut evidence = evidence();
        let mut task = exited(60, code);
        // One beside it that has ended well says less.
        let stopped = task.stopped.as_mut().expect("it has stopped");
        stopped.containers.insert(
            0,
            StoppedContainer {
                exit_code: Some(0),
                ..StoppedContainer::default()
            },
        );
        evidence.tasks = vec![task];
        let found = first(&evidence);
        assert_eq!(found.cause, cause);
        assert!(found.what.contains(part), "{}", found.what);
    }
    let mut evidence = evidence();
    evidence.last_lines = vec!["exec /app/server: exec format error".to_owned()];
    evidence.tasks = vec![exited(60, 1)];
    let found = first(&evidence);
    assert_eq!(
        (found.cause, found.is_certain),
        (Cause::WrongArchitecture, false),
        "the application may say so of another program"
    );
    evidence.tasks.push(exited(90, 1));
    assert!(first(&evidence).is_certain);
}

#[test]
fn tasks_that_were_not_needed_or_stopped_by_a_person_tell_nothing() {
    let mut evidence = evidence();
    let scaled = "Scaling activity initiated by (deployment ecs-svc/1)";
    evidence.tasks = vec![
        task(60, "ServiceSchedulerInitiated", scaled),
        task(90, "UserInitiated", TEXTS[0].0),
    ];
    assert_eq!(diagnose(&evidence), []);
}

#[test]
fn what_is_certain_and_what_is_the_cause_comes_first() {
    let mut evidence = evidence();
    evidence.targets = vec![target("Target.Timeout", "Request timed out")];
    evidence.alarms = vec![Alarm {
        name: "express-web-rollback".to_owned(),
        state_reason: Some(
            "Threshold Crossed: 2 out of the last 3 datapoints [12.5, 10.0] were greater than the threshold (1.0)"
                .to_owned(),
        ),
    }];
    let causes: Vec<Cause> = diagnose(&evidence).iter().map(|it| it.cause).collect();
    assert_eq!(causes, [Cause::AlarmRolledBack, Cause::HealthCheckTimeout]);
    let verdict = first(&evidence).verdict();
    assert_eq!(
        verdict.what,
        "alarm `express-web-rollback` rolled the deployment back (Threshold Crossed: 2 out of the last 3 datapoints \
         [12.5, 10.0] were greater than the threshold (1.0))"
    );
}

#[test]
fn quotas_are_named() {
    for (code, cause) in [
        ("TooManyLoadBalancers", Cause::LoadBalancerQuota),
        ("TooManyTargetGroups", Cause::TargetGroupQuota),
        ("TooManyUniqueTargetGroupsPerLoadBalancer", Cause::RuleQuota),
        ("TooManyRules", Cause::RuleQuota),
        (
            "RulesPerSecurityGroupLimitExceeded",
            Cause::SecurityGroupRuleQuota,
        ),
        ("SecurityGroupLimitExceeded", Cause::SecurityGroupQuota),
        ("LimitExceededException", Cause::OtherQuota),
    ] {
        let class = HandlerErrorCode::ServiceLimitExceeded;
        let found = of_refusal(&evidence().expected, class, code, "too many").expect("is known");
        assert_eq!(found.cause, cause);
        assert!(found.evidence.contains(code));
    }
    let class = HandlerErrorCode::InvalidRequest;
    assert_eq!(
        of_refusal(&evidence().expected, class, "Nonsense", "no"),
        None
    );
}

#[test]
fn a_deployment_is_looked_at_when_there_may_be_something_new() {
    let progress = |failures, running, phase| Progress {
        failures,
        running,
        phase,
        triggered_alarms: Vec::new(),
    };
    let last = |at_ms, failures| {
        Some(Examined {
            deployment_arn: None,
            at_ms,
            failures,
        })
    };
    for (progress, last, is_reachable, now_ms, expected) in [
        (progress(0, 0, ScalingUp), None, true, 59_000, false),
        (progress(0, 0, ScalingUp), None, true, 60_000, true),
        (progress(1, 0, ScalingUp), None, true, 1_000, true),
        (
            progress(1, 0, ScalingUp),
            last(1_000, 1),
            true,
            16_000,
            false,
        ),
        (
            progress(2, 0, ScalingUp),
            last(1_000, 1),
            true,
            16_000,
            true,
        ),
        (
            progress(1, 0, ScalingUp),
            last(1_000, 1),
            true,
            61_000,
            true,
        ),
        (progress(0, 2, ScalingUp), None, true, 89_000, false),
        (progress(0, 2, ScalingUp), None, true, 90_000, true),
        (progress(0, 2, ScalingUp), None, false, 90_000, false),
        (progress(0, 0, ScalingUp), None, false, 60_000, true),
        (progress(0, 2, Baking), None, true, 400_000, false),
        (progress(0, 2, GettingOn), None, true, 400_000, false),
    ] {
        assert_eq!(
            is_worth_a_look(&progress, last.as_ref(), is_reachable, 0, now_ms),
            expected,
            "{progress:?} {last:?} {is_reachable} {now_ms}"
        );
    }
}

#[test]
fn errors_md_has_an_entry_for_each_cause_and_no_other() {
    let text = include_str!("../../../ERRORS.md");
    let section = text
        .split("\n## ")
        .find(|section| section.starts_with("Why a service does not get on"))
        .expect("the section is there");
    let listed: Vec<&str> = section
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once('`'))
        .map(|(code, _)| code)
        .collect();
    let codes: Vec<&str> = Cause::ALL.iter().map(|cause| cause.code()).collect();
    assert_eq!(listed, codes, "in the order of their rank");
    assert_eq!(codes.iter().collect::<BTreeSet<_>>().len(), codes.len());
    assert!(codes.len() >= 25);
    for cause in Cause::ALL {
        let row = section
            .lines()
            .find(|line| line.starts_with(&format!("| `{}`", cause.code())));
        let row = row.expect("it is listed").to_lowercase();
        let class = format!("`{}`", cause.class());
        assert!(row.contains(&class.to_lowercase()), "{cause:?}: {row}");
        let remedy = cause.remedy().to_lowercase();
        assert!(row.contains(&remedy), "{cause:?}: {remedy}");
    }
}
