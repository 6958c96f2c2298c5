//! What is asked for, what is wrong with it, and how soon that has to be told.

use express_core::diagnosis::Cause;
use express_tests::properties::role;
use express_tests::{ServiceProperties, web};
use serde_json::json;

/// Seconds after which a cause that needs one look is told: the first look, the rollback, and the answer.
pub(super) const AT_ONCE_S: u64 = 120;
/// The same for one that is waited out for the two minutes that IAM may need, or that ends by ECS's circuit breaker
/// after three starts that fail at once.
pub(super) const AFTER_MINUTES_S: u64 = 240;
/// The same where the starts take longer, and where nobody but the provider counts them.
pub(super) const AFTER_BREAKER_S: u64 = 300;
/// The same for what others may give back.
pub(super) const AFTER_PATIENCE_S: u64 = 420;
/// The same for what a slow start looks like: the grace period of 300 s passes first.
pub(super) const AFTER_GRACE_S: u64 = 480;
/// The same for what only the circuit breaker tells from a slow start: three tasks, each with its grace period.
pub(super) const AFTER_THREE_GRACES_S: u64 = 1_320;

/// What is asked for, the cause, what the reason names, and within how many seconds.
pub(super) type Row = (
    fn() -> ServiceProperties,
    Cause,
    &'static [&'static str],
    u64,
);

const ECR_IMAGE: &str = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web:1";

pub(super) fn image(image: &str) -> ServiceProperties {
    web().image(image).health_check_path("/up")
}

fn with_secret(execution_role: &str, value_from: &str) -> ServiceProperties {
    web().set("/ExecutionRoleArn", role(execution_role)).set(
        "/PrimaryContainer/Secrets",
        json!([{"Name": "DB", "ValueFrom": value_from}]),
    )
}

pub(super) const IMAGES: &[Row] = &[
    (
        || image("demo/missing"),
        Cause::ImageNotFound,
        &["`demo/missing`", "CannotPullContainerError"],
        AT_ONCE_S,
    ),
    (
        || image("demo/no-such-tag:9"),
        Cause::ImageNotFound,
        &["`demo/no-such-tag:9`"],
        AT_ONCE_S,
    ),
    (
        || image("demo/forbidden"),
        Cause::ImagePullDenied,
        &["403 Forbidden"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/other-processor"),
        Cause::WrongArchitecture,
        &["`X86_64`", "docker build --platform"],
        AT_ONCE_S,
    ),
    (
        || image("demo/wrong-binary"),
        Cause::WrongArchitecture,
        &["exec format error"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/unreachable-registry"),
        Cause::RegistryUnreachable,
        &["NAT gateway"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/rate-limited"),
        Cause::RegistryRateLimited,
        &["toomanyrequests"],
        AFTER_PATIENCE_S,
    ),
    (
        || image("demo/too-large"),
        Cause::DiskFull,
        &["no space left"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/not-pulled"),
        Cause::ImageNotPulled,
        &["diffIDs"],
        AFTER_MINUTES_S,
    ),
];

pub(super) const STARTS: &[Row] = &[
    (
        || image("demo/no-secret"),
        Cause::SecretNotFound,
        &["secret:db-AbCdEf` does not exist"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/no-secret-key"),
        Cause::SecretKeyNotFound,
        &["json key"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/no-parameter"),
        Cause::ParameterNotFound,
        &["`/web/db`"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/unreachable-secrets"),
        Cause::SecretsUnreachable,
        &["AWS Secrets Manager", "NAT gateway"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/unreachable-logs"),
        Cause::LogsUnreachable,
        &["CloudWatch Logs"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/no-command"),
        Cause::CommandNotFound,
        &["\"serve\""],
        AT_ONCE_S,
    ),
    (
        || image("demo/out-of-memory"),
        Cause::OutOfMemory,
        &["2048 MiB", "Raise `Memory`"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/crash"),
        Cause::ContainerCrashed,
        &["exit code 1", "crashes a second after its start"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/no-database"),
        Cause::ContainerCrashed,
        &[
            "exit code 3",
            "no answer from the database, password=[redacted]",
        ],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/ill"),
        Cause::ContainerHealthCheckFailed,
        &["own health check"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/finished"),
        Cause::ContainerFinished,
        &["exit code 0", "all done"],
        AFTER_MINUTES_S,
    ),
];

pub(super) const ROLES: &[Row] = &[
    (
        || web().set("/ExecutionRoleArn", role("not-assumable")),
        Cause::ExecutionRoleNotAssumable,
        &["role/not-assumable`", "ecs-tasks.amazonaws.com"],
        AFTER_MINUTES_S,
    ),
    (
        || web().set("/TaskRoleArn", role("task-not-assumable")),
        Cause::TaskRoleNotAssumable,
        &["role/task-not-assumable`"],
        AFTER_MINUTES_S,
    ),
    (
        || web().set("/InfrastructureRoleArn", role("not-assumable")),
        Cause::InfrastructureRoleNotUsable,
        &["role/not-assumable`", "`ecs.amazonaws.com`"],
        AFTER_MINUTES_S,
    ),
    (
        || web().set("/InfrastructureRoleArn", role("without-RegisterTargets")),
        Cause::InfrastructureRoleLacksAction,
        &["`elasticloadbalancing:RegisterTargets`"],
        AFTER_MINUTES_S,
    ),
    (
        || {
            web()
                .image(ECR_IMAGE)
                .set("/ExecutionRoleArn", role("without-GetAuthorizationToken"))
        },
        Cause::ExecutionRoleLacksAction,
        &["`ecr:GetAuthorizationToken`"],
        AFTER_MINUTES_S,
    ),
    (
        || {
            web()
                .image(ECR_IMAGE)
                .set("/ExecutionRoleArn", role("without-BatchGetImage"))
        },
        Cause::ExecutionRoleLacksAction,
        &["`ecr:BatchGetImage` on `arn:aws:ecr:eu-west-1:123456789012:repository/web`"],
        AFTER_MINUTES_S,
    ),
    (
        || web().set("/ExecutionRoleArn", role("without-CreateLogStream")),
        Cause::ExecutionRoleLacksAction,
        &["`logs:CreateLogStream`"],
        AFTER_MINUTES_S,
    ),
    (
        || {
            with_secret(
                "without-GetSecretValue",
                "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf",
            )
        },
        Cause::ExecutionRoleLacksAction,
        &["`secretsmanager:GetSecretValue`"],
        AFTER_MINUTES_S,
    ),
    (
        || {
            with_secret(
                "without-GetParameters",
                "arn:aws:ssm:eu-west-1:123456789012:parameter/web/db",
            )
        },
        Cause::ExecutionRoleLacksAction,
        &["`ssm:GetParameters`"],
        AFTER_MINUTES_S,
    ),
];

pub(super) const HEALTH: &[Row] = &[
    (
        || image("demo/not-found"),
        Cause::HealthCheckRefused,
        &["`/up`", "port 80", "404"],
        AFTER_GRACE_S,
    ),
    (
        || image("demo/login"),
        Cause::HealthCheckRefused,
        &["302"],
        AFTER_GRACE_S,
    ),
    (
        || image("demo/unhealthy"),
        Cause::HealthCheckFailed,
        &["`/up`", "port 80", "503"],
        AFTER_THREE_GRACES_S,
    ),
    (
        || image("demo/slow"),
        Cause::HealthCheckTimeout,
        &["`/up`", "port 80", "5 seconds"],
        AFTER_THREE_GRACES_S,
    ),
    (
        || image("demo/deaf"),
        Cause::NotListening,
        &["`/up`", "nothing listens on port 80"],
        AFTER_THREE_GRACES_S,
    ),
    (
        || image("demo/other-port"),
        Cause::WrongPort,
        &["port 3000", "port 80", "ContainerPort"],
        AFTER_GRACE_S,
    ),
    (
        || image("demo/localhost"),
        Cause::LocalhostOnly,
        &["localhost only", "0.0.0.0"],
        AFTER_GRACE_S,
    ),
];

pub(super) const CAPACITY: &[Row] = &[
    (
        || image("demo/no-capacity"),
        Cause::FargateCapacity,
        &["Capacity is unavailable"],
        AFTER_PATIENCE_S,
    ),
    (
        || image("demo/too-many-vcpus"),
        Cause::FargateQuota,
        &["vCPU", "Service Quotas"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/too-much-memory"),
        Cause::TaskSizeAboveLimit,
        &["MEMORY"],
        AFTER_MINUTES_S,
    ),
    (
        || image("demo/no-addresses"),
        Cause::SubnetOutOfAddresses,
        &["InsufficientFreeAddressesInSubnet"],
        AFTER_MINUTES_S,
    ),
];

/// The call that AWS refuses, its code, and the cause.
pub(super) const QUOTAS: &[(&str, &str, Cause)] = &[
    (
        "elasticloadbalancing:CreateLoadBalancer",
        "TooManyLoadBalancers",
        Cause::LoadBalancerQuota,
    ),
    (
        "elasticloadbalancing:CreateTargetGroup",
        "TooManyTargetGroups",
        Cause::TargetGroupQuota,
    ),
    (
        "elasticloadbalancing:CreateRule",
        "TooManyRules",
        Cause::RuleQuota,
    ),
    (
        "ec2:AuthorizeSecurityGroupIngress",
        "RulesPerSecurityGroupLimitExceeded",
        Cause::SecurityGroupRuleQuota,
    ),
    (
        "ec2:CreateSecurityGroup",
        "SecurityGroupLimitExceeded",
        Cause::SecurityGroupQuota,
    ),
    (
        "logs:CreateLogGroup",
        "LimitExceededException",
        Cause::OtherQuota,
    ),
];

/// Every row in which ECS deploys.
pub(super) fn all() -> impl Iterator<Item = &'static Row> {
    [IMAGES, STARTS, ROLES, HEALTH, CAPACITY]
        .into_iter()
        .flatten()
}
