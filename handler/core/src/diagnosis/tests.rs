//! What is found in which evidence, and that each cause has its entry in `ERRORS.md`.

use std::collections::BTreeSet;

use provider_schema::CpuArchitecture;

use super::texts::{RULES, rule_for};
use super::*;
use Phase::{Baking, GettingOn, ScalingUp};

const EXECUTION_ROLE: &str = "arn:aws:iam::123456789012:role/execution";
const TASK_ROLE: &str = "arn:aws:iam::123456789012:role/task";
const INFRASTRUCTURE_ROLE: &str = "arn:aws:iam::123456789012:role/infrastructure";

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
            masks: Masks::of(&["swordfish".to_owned()]),
        },
        age_ms: 30_000,
        ..Evidence::default()
    }
}

/// A task that stopped `stopped_s` seconds after the first was started, and lived for ten.
fn task(stopped_s: u64, code: &str, reason: &str) -> StoppedTask {
    StoppedTask {
        created_ms: (stopped_s - 10) * 1000,
        stopping_ms: stopped_s * 1000,
        stop_code: Some(code.to_owned()),
        reason: Some(reason.to_owned()),
        containers: vec![StoppedContainer {
            name: "Main".to_owned(),
            ..StoppedContainer::default()
        }],
    }
}

fn exited(stopped_s: u64, exit_code: i32) -> StoppedTask {
    let mut task = task(
        stopped_s,
        "EssentialContainerExited",
        "Essential container in task exited",
    );
    task.containers[0].exit_code = Some(exit_code);
    task
}

fn target(reason: &str, description: &str) -> Target {
    Target {
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

/// AWS's texts in full, as its pages, its agent or reports of them show them, and what each tells.
const TEXTS: &[(&str, Cause)] = &[
    (
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain \
         descriptor matching platform 'linux/amd64'",
        Cause::WrongArchitecture,
    ),
    (
        "CannotPullContainerError: The task can’t pull the image. Check whether the image exists. Error response \
         from daemon: manifest for shop/web:7 not found: manifest unknown",
        Cause::ImageNotFound,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
         docker.io/shop/web:7: docker.io/shop/web:7: not found",
        Cause::ImageNotFound,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
         docker.io/shop/web:7: pull access denied, repository does not exist or may require authorization: server \
         message: insufficient_scope: authorization failed",
        Cause::ImageNotFound,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref \
         1.dkr.ecr.eu-west-1.amazonaws.com/web:7: unexpected status code: 403 Forbidden",
        Cause::ImagePullDenied,
    ),
    (
        "CannotPullContainerError: The task can’t pull the image. Check that the role has the permissions to pull \
         images from the registry. Error response from daemon: pull access denied for web, repository does not exist \
         or may require 'docker login': denied: User: arn:aws:sts::1:assumed-role/execution/x is not authorized to \
         perform: ecr:BatchGetImage on resource: arn:aws:ecr:eu-west-1:1:repository/web because no identity-based \
         policy allows the ecr:BatchGetImage action",
        Cause::ExecutionRoleLacksAction,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth \
         from Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network \
         configuration. RequestError: send request failed",
        Cause::RegistryUnreachable,
    ),
    (
        "CannotPullContainerError: pull image manifest has been retried 5 time(s): failed to resolve ref \
         docker.io/shop/web:7: failed to do request: Head: dial tcp 34.205.13.154:443: i/o timeout",
        Cause::RegistryUnreachable,
    ),
    (
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: \
         unexpected status code 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull \
         rate limit.",
        Cause::RegistryRateLimited,
    ),
    (
        "CannotPullContainerError: failed to extract layer sha256:00: write /usr/lib/x: no space left on device",
        Cause::DiskFull,
    ),
    (
        "CannotPullContainerError: something new",
        Cause::ImageNotPulled,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets \
         Manager did not contain json key password",
        Cause::SecretKeyNotFound,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
         arn:aws:secretsmanager:eu-west-1:1:secret:db-AbCdEf from secrets manager: ResourceNotFoundException: \
         Secrets Manager can't find the specified secret.",
        Cause::SecretNotFound,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /web/db",
        Cause::ParameterNotFound,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: \
         There is a connection issue between the task and AWS Secrets Manager. Check your task network configuration.",
        Cause::SecretsUnreachable,
    ),
    (
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secret from asm: service call has been retried 1 time(s): AccessDeniedException: User: \
         arn:aws:sts::1:assumed-role/execution/x is not authorized to perform: secretsmanager:GetSecretValue on \
         resource: arn:aws:secretsmanager:eu-west-1:1:secret:db because no identity-based policy allows it",
        Cause::ExecutionRoleLacksAction,
    ),
    (
        "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log \
         group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. \
         Check your network configuration. signal: killed",
        Cause::LogsUnreachable,
    ),
    (
        "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: failed \
         to create Cloudwatch log stream: ResourceNotFoundException: The specified log group does not exist. : exit \
         status 1",
        Cause::LogGroupNotFound,
    ),
    (
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: OCI \
         runtime create failed: exec: \"serve\": executable file not found in $PATH: unknown",
        Cause::CommandNotFound,
    ),
    (
        "OutOfMemoryError: Container killed due to memory usage",
        Cause::OutOfMemory,
    ),
    (
        "Task failed container health checks",
        Cause::ContainerHealthCheckFailed,
    ),
    (
        "(service web) was unable to place a task. Reason: You’ve reached the limit on the number of vCPUs you can \
         run concurrently.",
        Cause::FargateQuota,
    ),
    (
        "(service web) was unable to place a task. Reason: Capacity is unavailable at this time. Please try again \
         later or in a different availability zone.",
        Cause::FargateCapacity,
    ),
    (
        "(service web) was unable to place a task. Reason: The requested MEMORY configuration is above your limit.",
        Cause::TaskSizeAboveLimit,
    ),
    (
        "(service web) failed to launch a task with (error InsufficientFreeAddressesInSubnet: The specified subnet \
         does not have enough free addresses to satisfy the request.).",
        Cause::SubnetOutOfAddresses,
    ),
    (
        "(service web) failed to register targets in (target-group g) with (error User: \
         arn:aws:sts::1:assumed-role/infrastructure/ecs-service-scheduler is not authorized to perform: \
         elasticloadbalancing:RegisterTargets on resource: arn:aws:x because no identity-based policy allows it)",
        Cause::InfrastructureRoleLacksAction,
    ),
    (
        "Service deployment rolled back because of invalid networking configuration. ECS was unable to manage the ELB \
         resources due to missing permissions on ECS Infrastructure Role 'arn:aws:iam::1:role/infrastructure'.",
        Cause::InfrastructureRoleNotUsable,
    ),
    (
        "Service deployment rolled back because of invalid networking configuration. One or more rules not found",
        Cause::ListenerRuleChanged,
    ),
    (
        "Service deployment rolled back because PRE_SCALE_UP lifecycle hook(s) failed. Lifecycle hook target \
         arn:aws:lambda:eu-west-1:1:function:hook returned FAILED status.",
        Cause::LifecycleHookFailed,
    ),
    (
        "Service deployment rolled back because TEST_TRAFFIC_SHIFT lifecycle hook(s) failed. User: \
         arn:aws:sts::1:assumed-role/infrastructure/ECSNetworkingWithELB is not authorized to perform: \
         elasticloadbalancing:ModifyRule on resource: arn:aws:x because no identity-based policy allows it",
        Cause::InfrastructureRoleLacksAction,
    ),
];

#[test]
fn each_text_of_aws_tells_its_cause_and_each_rule_is_tried() {
    for (text, cause) in TEXTS {
        let rule = rule_for(text).unwrap_or_else(|| panic!("nothing is told by {text}"));
        assert_eq!(rule.cause, *cause, "{text}");
    }
    for rule in RULES {
        let text = rule.parts.join(" and ");
        let found = rule_for(&text).expect("a rule finds its own parts");
        assert_eq!(found.cause, rule.cause, "{text}");
        assert!(rule.source.ends_with(".html") || rule.source.starts_with("https://"));
        let lower = rule.parts.iter().all(|part| *part == part.to_lowercase());
        assert!(lower, "{text}");
    }
    assert!(rule_for("has reached a steady state").is_none());
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
        evidence.events = vec![text.clone()];
        let found = first(&evidence);
        assert_eq!((found.cause, found.is_certain), (cause, false));
        assert!(found.what.contains(role), "{}", found.what);
        evidence.age_ms = 120_000;
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
fn a_crash_is_certain_once_it_has_come_again_and_tells_its_last_words() {
    let mut evidence = evidence();
    evidence.log_lines = vec![
        "starting".to_owned(),
        "cannot connect with password=hunter2 to swordfish".to_owned(),
    ];
    evidence.tasks = vec![exited(60, 3), exited(61, 3)];
    assert!(!first(&evidence).is_certain, "both were started at once");
    evidence.tasks.push(exited(90, 3));
    let found = first(&evidence);
    assert_eq!(
        (found.cause, found.is_certain),
        (Cause::ContainerCrashed, true)
    );
    assert_eq!(
        found.verdict().what,
        "the container ends by itself with exit code 3 (last lines of its log: starting | cannot connect with \
         password=[redacted] to [redacted])"
    );
    evidence.targets = vec![Target {
        state: "healthy".to_owned(),
        ..Target::default()
    }];
    assert!(!first(&evidence).is_certain, "another task is healthy");
}

#[test]
fn exit_codes_are_told_apart() {
    for (code, cause, part) in [
        (0, Cause::ContainerFinished, "exit code 0"),
        (1, Cause::ContainerCrashed, "exit code 1"),
        (137, Cause::ContainerCrashed, "SIGKILL"),
        (127, Cause::ContainerCrashed, "not found"),
    ] {
        let mut evidence = evidence();
        evidence.tasks = vec![exited(60, code)];
        let found = first(&evidence);
        assert_eq!(found.cause, cause);
        assert!(found.what.contains(part), "{}", found.what);
    }
    let mut evidence = evidence();
    evidence.log_lines = vec!["exec /app/server: exec format error".to_owned()];
    evidence.tasks = vec![exited(60, 1)];
    assert_eq!(first(&evidence).cause, Cause::WrongArchitecture);
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

/// Reason and description of a target, lines of the log, the cause, and whether it is certain at once.
const HEALTH_CHECKS: [(&str, &str, &[&str], Cause, bool); 8] = [
    (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [404]",
        &[],
        Cause::HealthCheckRefused,
        true,
    ),
    (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [302]",
        &[],
        Cause::HealthCheckRefused,
        true,
    ),
    (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [503]",
        &[],
        Cause::HealthCheckFailed,
        false,
    ),
    (
        "Target.Timeout",
        "Request timed out",
        &[],
        Cause::HealthCheckTimeout,
        false,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &[],
        Cause::NotListening,
        false,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &["listening on 0.0.0.0:3000"],
        Cause::WrongPort,
        true,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &["listening on 127.0.0.1:80"],
        Cause::LocalhostOnly,
        true,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &["listening on 0.0.0.0:80"],
        Cause::NotListening,
        false,
    ),
];

#[test]
fn health_checks_are_told_apart_by_reason_status_and_log() {
    for (reason, description, lines, cause, is_certain) in HEALTH_CHECKS {
        let mut evidence = evidence();
        evidence.targets = vec![target(reason, description)];
        evidence.log_lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let found = first(&evidence);
        assert_eq!(
            (found.cause, found.is_certain),
            (cause, is_certain),
            "{description}"
        );
        let names = found.what.contains("/up") && found.what.contains("80");
        assert!(names, "{}", found.what);
        evidence.tasks = vec![task(
            400,
            "ServiceSchedulerInitiated",
            "Task failed ELB health checks in (target-group g)",
        )];
        assert!(
            first(&evidence).is_certain,
            "its grace is over: {description}"
        );
        evidence.targets.clear();
        evidence.events = vec![format!(
            "(service web) (task 1) (port 80) is unhealthy in (target-group g) due to (reason {description})"
        )];
        assert_eq!(first(&evidence).cause, cause, "by the event: {description}");
    }
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
        (
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            Cause::TargetGroupQuota,
        ),
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
    let last = |at_ms, failures| Some(Examined { at_ms, failures });
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
            is_worth_a_look(&progress, last, is_reachable, 0, now_ms),
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
        let class = format!("`{}`", cause.class());
        assert!(row.is_some_and(|row| row.contains(&class)), "{cause:?}");
    }
}
