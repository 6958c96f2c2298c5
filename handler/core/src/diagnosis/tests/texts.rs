//! AWS's texts, each with the cause that it tells.

use crate::diagnosis::Cause;
use crate::diagnosis::texts::{RULES, rule_for};

/// AWS's texts in full, as its pages, its agent or reports of them show them, and what each tells.
pub(super) const TEXTS: &[(&str, Cause)] = &[
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
