//! AWS's texts, and the causes that they tell.
//!
//! A rule holds when the text has all of its parts, whatever their case; the first rule that holds counts, so
//! what is more precise stands first. The parts are from AWS's documentation, cited beside them; where that
//! shows no text, from the agent that writes it.

use super::cause::Cause;

/// The pages, below <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/>.
const PULL: &str = "task_cannot_pull_image.html";
const INITIALIZATION: &str = "resource-initialization-error.html";
const MEMORY: &str = "out-of-memory.html";
const START: &str = "cannot-start-container.html";
const STOPPED: &str = "stopped-task-error-codes.html";
const EVENTS: &str = "service-event-messages-list.html";
const INFRASTRUCTURE: &str = "infrastructure_IAM_role.html";
const BLUE_GREEN: &str = "troubleshooting-blue-green.html";
/// <https://github.com/aws/amazon-ecs-agent>: `ecs-agent/api/errors`, `agent/asm`, `agent/ssm`
const AGENT: &str = "https://github.com/aws/amazon-ecs-agent";
/// What containerd says, which Fargate passes on.
const CONTAINERD: &str = "https://github.com/containerd/containerd";
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const EC2: &str = "https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html";

/// One rule.
#[derive(Debug)]
pub struct TextRule {
    /// What it tells.
    pub cause: Cause,
    /// What the text has, in lower case.
    pub parts: &'static [&'static str],
    /// Where AWS shows it: a page of the developer guide, or an address.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "it is for whoever reads a rule")
    )]
    pub source: &'static str,
}

const fn rule(cause: Cause, parts: &'static [&'static str], source: &'static str) -> TextRule {
    TextRule {
        cause,
        parts,
        source,
    }
}

/// All rules, in the order in which they are tried.
pub const RULES: &[TextRule] = &[
    rule(
        Cause::InfrastructureRoleLacksAction,
        &[
            "lifecycle hook(s) failed",
            "not authorized to perform: elasticloadbalancing:",
        ],
        BLUE_GREEN,
    ),
    rule(
        Cause::LifecycleHookFailed,
        &["lifecycle hook(s) failed"],
        BLUE_GREEN,
    ),
    rule(
        Cause::InfrastructureRoleNotUsable,
        &["missing permissions on ecs infrastructure role"],
        BLUE_GREEN,
    ),
    rule(
        Cause::InfrastructureRoleNotUsable,
        &["unable to assume role and validate", "targetgrouparn"],
        "https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html",
    ),
    rule(
        Cause::InfrastructureRoleNotUsable,
        &["configured ecs infrastructure role"],
        INFRASTRUCTURE,
    ),
    rule(
        Cause::ListenerRuleChanged,
        &["invalid networking configuration"],
        BLUE_GREEN,
    ),
    rule(
        Cause::InfrastructureRoleLacksAction,
        &["failed to register targets", "not authorized to perform"],
        BLUE_GREEN,
    ),
    rule(
        Cause::InfrastructureRoleLacksAction,
        &[
            "failed to describe target health",
            "not authorized to perform",
        ],
        BLUE_GREEN,
    ),
    rule(
        Cause::InfrastructureRoleLacksAction,
        &["failed to deregister targets", "not authorized to perform"],
        BLUE_GREEN,
    ),
    rule(
        Cause::FargateQuota,
        &["limit on the number of vcpus you can run"],
        EVENTS,
    ),
    rule(
        Cause::FargateQuota,
        &["limit on the number of tasks you can run"],
        EVENTS,
    ),
    rule(
        Cause::TaskSizeAboveLimit,
        &["configuration is above your limit"],
        EVENTS,
    ),
    rule(
        Cause::FargateCapacity,
        &["capacity is unavailable at this time"],
        EVENTS,
    ),
    rule(
        Cause::SubnetOutOfAddresses,
        &["insufficientfreeaddressesinsubnet"],
        EC2,
    ),
    rule(
        Cause::SubnetOutOfAddresses,
        &["does not have enough free addresses"],
        EC2,
    ),
    rule(
        Cause::ExecutionRoleNotAssumable,
        &["unable to assume the role"],
        EVENTS,
    ),
    rule(
        Cause::ExecutionRoleNotAssumable,
        &["unable to assume role"],
        EVENTS,
    ),
    rule(
        Cause::WrongArchitecture,
        &["does not contain descriptor matching platform"],
        CONTAINERD,
    ),
    rule(Cause::WrongArchitecture, &["exec format error"], CONTAINERD),
    rule(Cause::RegistryRateLimited, &["toomanyrequests"], PULL),
    rule(Cause::RegistryRateLimited, &["pull rate limit"], PULL),
    rule(Cause::DiskFull, &["no space left on device"], PULL),
    rule(
        Cause::SecretKeyNotFound,
        &["did not contain json key"],
        AGENT,
    ),
    rule(
        Cause::LogsUnreachable,
        &["logger args", "connection issue"],
        INITIALIZATION,
    ),
    rule(
        Cause::LogsUnreachable,
        &["logger args", "i/o timeout"],
        INITIALIZATION,
    ),
    rule(
        Cause::LogsUnreachable,
        &["logger args", "signal: killed"],
        INITIALIZATION,
    ),
    rule(
        Cause::ExecutionRoleLacksAction,
        &["not authorized to perform"],
        INITIALIZATION,
    ),
    rule(
        Cause::LogGroupNotFound,
        &["log group", "does not exist"],
        INITIALIZATION,
    ),
    rule(
        Cause::LogGroupNotFound,
        &["cannot find the amazon cloudwatch log group"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretsUnreachable,
        &["connection issue between the task and aws s"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretsUnreachable,
        &["secret from asm", "deadline exceeded"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretsUnreachable,
        &["secret from asm", "i/o timeout"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretsUnreachable,
        &["secrets from ssm", "deadline exceeded"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretsUnreachable,
        &["secrets from ssm", "i/o timeout"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretNotFound,
        &["secret", "resourcenotfoundexception"],
        INITIALIZATION,
    ),
    rule(
        Cause::SecretNotFound,
        &["secrets manager can't find the specified secret"],
        INITIALIZATION,
    ),
    rule(
        Cause::ParameterNotFound,
        &["ssm", "invalid parameters"],
        AGENT,
    ),
    rule(Cause::ParameterNotFound, &["invalid ssm parameters"], AGENT),
    rule(
        Cause::ParameterNotFound,
        &["parameternotfound"],
        INITIALIZATION,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["connection issue between the task and"],
        PULL,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["registry auth", "i/o timeout"],
        INITIALIZATION,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["cannotpull", "i/o timeout"],
        PULL,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["cannotpull", "deadline exceeded"],
        PULL,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["cannotpull", "context canceled"],
        PULL,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["request canceled while waiting for connection"],
        PULL,
    ),
    rule(
        Cause::RegistryUnreachable,
        &["can't pull the image. check your network configuration"],
        PULL,
    ),
    rule(
        Cause::ImageNotFound,
        &["check whether the image exists"],
        PULL,
    ),
    rule(Cause::ImageNotFound, &["manifest unknown"], PULL),
    rule(Cause::ImageNotFound, &["cannotpull", ": not found"], PULL),
    rule(
        Cause::ImageNotFound,
        &["cannotpull", "repository does not exist"],
        PULL,
    ),
    rule(
        Cause::ImageNotFound,
        &["cannotpull", "invalid reference format"],
        PULL,
    ),
    rule(
        Cause::ImagePullDenied,
        &["role has the permissions to pull"],
        PULL,
    ),
    rule(
        Cause::ImagePullDenied,
        &["cannotpull", "pull access denied"],
        PULL,
    ),
    rule(
        Cause::ImagePullDenied,
        &["cannotpull", "403 forbidden"],
        PULL,
    ),
    rule(
        Cause::ImagePullDenied,
        &["cannotpull", "401 unauthorized"],
        PULL,
    ),
    rule(Cause::ImageNotPulled, &["cannotpullcontainer"], PULL),
    rule(Cause::OutOfMemory, &["outofmemoryerror"], MEMORY),
    rule(
        Cause::CommandNotFound,
        &["executable file not found"],
        START,
    ),
    rule(
        Cause::CommandNotFound,
        &["exec:", "permission denied"],
        START,
    ),
    rule(
        Cause::CommandNotFound,
        &["exec:", "no such file or directory"],
        START,
    ),
    rule(
        Cause::ContainerHealthCheckFailed,
        &["failed container health checks"],
        STOPPED,
    ),
];

/// The first rule that holds for `text`.
#[must_use]
pub fn rule_for(text: &str) -> Option<&'static TextRule> {
    // ECS writes both apostrophes.
    let text = text.to_lowercase().replace('’', "'");
    RULES
        .iter()
        .find(|rule| rule.parts.iter().all(|part| text.contains(part)))
}

/// What stands between `before` and the next of `ends`, if anything does.
#[must_use]
pub fn between<'a>(text: &'a str, before: &str, ends: &[char]) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    let found = rest.split(ends).next()?.trim_end_matches(['.', ',', ':']);
    (!found.is_empty()).then_some(found)
}

/// The first word that begins with `beginning`, such as an ARN.
#[must_use]
pub fn word_from<'a>(text: &'a str, beginning: &str) -> Option<&'a str> {
    let at = text.find(beginning)?;
    let (_, rest) = text.split_at(at);
    let word = rest
        .split(|letter: char| letter.is_whitespace() || "'\"`,;)".contains(letter))
        .next()?;
    Some(word.trim_end_matches(['.', ':']))
}
