//! The demo images that fail, each in one of the ways that AWS documents: one row for each.
//!
//! `demo/<name>` in any registry, with any tag. Texts are AWS's; `{image}`, `{port}`, `{region}` and
//! `{environment}` stand for those of the task. The pages are below <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/>.

use crate::ecs::HealthAnswer;

/// What becomes of a container with such an image.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ecs) enum Fate {
    /// Fargate has no place for the task: what follows `was unable to place a task. Reason:`
    /// (`service-event-messages-list.html`).
    NotPlaced(&'static str),
    /// The task cannot be launched: what follows `failed to launch a task with (error`.
    NotLaunched(&'static str),
    /// It stops before it runs, with this `stoppedReason` (`stopped-task-error-codes.html`).
    NotStarted(&'static str),
    /// It ends by itself.
    Ends(Ending),
    /// Its own health check fails after so many milliseconds (`stopped-task-error-codes.html`).
    FallsIll(u64),
    /// It runs, and answers so to everybody.
    Answers {
        health: HealthAnswer,
        /// What it logs at its start.
        log: &'static [&'static str],
    },
}

/// How a container ends by itself.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ecs) struct Ending {
    pub(in crate::ecs) after_ms: u64,
    pub(in crate::ecs) exit_code: i64,
    /// The container's `reason`; most have none.
    pub(in crate::ecs) reason: Option<&'static str>,
    /// What it logs before it ends.
    pub(in crate::ecs) log: &'static [&'static str],
}

/// An image and what becomes of it.
pub(super) struct Row {
    pub(super) image: &'static str,
    pub(super) fate: Fate,
}

const fn not_started(image: &'static str, reason: &'static str) -> Row {
    Row {
        image,
        fate: Fate::NotStarted(reason),
    }
}

const fn ends(
    image: &'static str,
    exit_code: i64,
    reason: Option<&'static str>,
    log: &'static [&'static str],
) -> Row {
    Row {
        image,
        fate: Fate::Ends(Ending {
            after_ms: 1_000,
            exit_code,
            reason,
            log,
        }),
    }
}

const fn answers(image: &'static str, health: HealthAnswer, log: &'static [&'static str]) -> Row {
    Row {
        image,
        fate: Fate::Answers { health, log },
    }
}

pub(super) const ROWS: &[Row] = &[
    // task_cannot_pull_image.html, and what containerd says, which Fargate passes on.
    not_started(
        "demo/missing",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: pull \
         access denied, repository does not exist or may require authorization",
    ),
    not_started(
        "demo/no-such-tag",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: \
         {image}: not found",
    ),
    not_started(
        "demo/forbidden",
        "CannotPullContainerError: pull image manifest has been retried 1 time(s): failed to resolve ref {image}: \
         unexpected status code: 403 Forbidden",
    ),
    not_started(
        "demo/other-processor",
        "CannotPullContainerError: pull image manifest has been retried 7 time(s): image Manifest does not contain \
         descriptor matching platform 'linux/amd64'",
    ),
    not_started(
        "demo/unreachable-registry",
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull registry auth from \
         Amazon ECR: There is a connection issue between the task and Amazon ECR. Check your task network configuration. \
         RequestError: send request failed caused by: Post \"https://api.ecr.{region}.amazonaws.com/\": dial tcp \
         10.0.0.9:443: i/o timeout",
    ),
    not_started(
        "demo/rate-limited",
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to copy: httpReadSeeker: failed open: \
         unexpected status code 429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate \
         limit.",
    ),
    not_started(
        "demo/too-large",
        "CannotPullContainerError: ref pull has been retried 1 time(s): failed to extract layer: write /app/model: no \
         space left on device: unknown",
    ),
    not_started(
        "demo/not-pulled",
        "CannotPullContainerError: ref pull has been retried 1 time(s): number of layers and diffIDs don't match: 3 != 15",
    ),
    // resource-initialization-error.html
    not_started(
        "demo/no-secret",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secret from asm: service call has been retried 1 time(s): failed to fetch secret \
         arn:aws:secretsmanager:{region}:123456789012:secret:db-AbCdEf from secrets manager: ResourceNotFoundException: \
         Secrets Manager can't find the specified secret.",
    ),
    not_started(
        "demo/no-secret-key",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secret from asm: service call has been retried 1 time(s): retrieved secret from Secrets \
         Manager did not contain json key password",
    ),
    not_started(
        "demo/no-parameter",
        "ResourceInitializationError: unable to pull secrets or registry auth: execution resource retrieval failed: \
         unable to retrieve secrets from ssm: service call has been retried 1 time(s): invalid parameters: /web/db",
    ),
    not_started(
        "demo/unreachable-secrets",
        "ResourceInitializationError: unable to pull secrets or registry auth: unable to retrieve secret from asm: There \
         is a connection issue between the task and AWS Secrets Manager. Check your task network configuration. failed \
         to fetch secret: canceled, context deadline exceeded",
    ),
    not_started(
        "demo/unreachable-logs",
        "ResourceInitializationError: failed to validate logger args: The task cannot find the Amazon CloudWatch log \
         group defined in the task definition. There is a connection issue between the task and Amazon CloudWatch. Check \
         your network configuration. signal: killed",
    ),
    // cannot-start-container.html
    not_started(
        "demo/no-command",
        "CannotStartContainerError: ResourceInitializationError: failed to create new container runtime task: failed to \
         create shim task: OCI runtime create failed: exec: \"serve\": executable file not found in $PATH: unknown",
    ),
    // out-of-memory.html
    ends(
        "demo/out-of-memory",
        137,
        Some("OutOfMemoryError: Container killed due to memory usage"),
        &["loading the model"],
    ),
    ends(
        "demo/crash",
        1,
        None,
        &["fatal: this image crashes a second after its start"],
    ),
    ends(
        "demo/wrong-binary",
        1,
        None,
        &["exec /app/server: exec format error"],
    ),
    ends(
        "demo/no-database",
        3,
        None,
        &[
            "connecting to postgres://app:hunter2@db:5432/shop",
            "fatal: no answer from the database, password=hunter2",
        ],
    ),
    ends(
        "demo/talkative",
        1,
        None,
        &["fatal: cannot start with {environment}"],
    ),
    ends("demo/finished", 0, None, &["all done"]),
    // stopped-task-error-codes.html
    Row {
        image: "demo/ill",
        fate: Fate::FallsIll(20_000),
    },
    // service-event-messages-list.html
    Row {
        image: "demo/no-capacity",
        fate: Fate::NotPlaced(
            "Capacity is unavailable at this time. Please try again later or in a different availability zone.",
        ),
    },
    Row {
        image: "demo/too-many-vcpus",
        fate: Fate::NotPlaced(
            "You’ve reached the limit on the number of vCPUs you can run concurrently.",
        ),
    },
    Row {
        image: "demo/too-much-memory",
        fate: Fate::NotPlaced("The requested MEMORY configuration is above your limit."),
    },
    // EC2's text: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
    Row {
        image: "demo/no-addresses",
        fate: Fate::NotLaunched(
            "InsufficientFreeAddressesInSubnet: The specified subnet does not have enough free addresses to satisfy the \
             request.",
        ),
    },
    // API_TargetHealth.html of Elastic Load Balancing
    answers("demo/unhealthy", HealthAnswer::Status(503), &[]),
    answers("demo/not-found", HealthAnswer::Status(404), &[]),
    answers("demo/login", HealthAnswer::Status(302), &[]),
    answers("demo/slow", HealthAnswer::Timeout, &[]),
    answers("demo/deaf", HealthAnswer::Refused, &[]),
    answers(
        "demo/other-port",
        HealthAnswer::Refused,
        &["server listening on http://0.0.0.0:3000"],
    ),
    answers(
        "demo/localhost",
        HealthAnswer::Refused,
        &["server listening on http://127.0.0.1:{port}"],
    ),
];
