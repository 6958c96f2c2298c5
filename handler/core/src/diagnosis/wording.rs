//! What a cause is called in this very case: with the names, numbers and paths that a person needs.

use provider_schema::CpuArchitecture;

use super::cause::Cause;
use super::evidence::{Evidence, Expected};
use super::texts::{TextRule, between, word_from};
use crate::resources::target_group::{HEALTH_CHECK_TIMEOUT_S, HEALTHY_HTTP_CODES};

/// The cause that a rule tells of `text`; that a role cannot be assumed, by whose role it is.
pub(super) fn cause_of(rule: &TextRule, text: &str, expected: &Expected) -> Cause {
    let names = |arn: &str| !arn.is_empty() && text.contains(arn);
    let is_of = |role: &Option<String>| role.as_deref().is_some_and(names);
    if rule.cause != Cause::ExecutionRoleNotAssumable || is_of(&expected.execution_role_arn) {
        rule.cause
    } else if names(&expected.infrastructure_role_arn) {
        Cause::InfrastructureRoleNotUsable
    } else if is_of(&expected.task_role_arn) {
        Cause::TaskRoleNotAssumable
    } else {
        rule.cause
    }
}

/// One sentence, without its remedy. `text` is AWS's, in full.
#[expect(
    clippy::too_many_lines,
    reason = "one arm per cause; splitting hides that each has its own"
)]
pub(super) fn sentence(cause: Cause, text: &str, evidence: &Evidence) -> String {
    let expected = &evidence.expected;
    let image = image(expected);
    let path = &expected.health_check_path;
    let port = port(expected);
    let execution_role = quoted_or(expected.execution_role_arn.as_deref(), "the execution role");
    match cause {
        Cause::InfrastructureRoleNotUsable => format!(
            "ECS cannot use the infrastructure role `{}`",
            expected.infrastructure_role_arn
        ),
        Cause::InfrastructureRoleLacksAction => format!(
            "the infrastructure role `{}` may not {}",
            expected.infrastructure_role_arn,
            denied(text)
        ),
        Cause::ExecutionRoleNotAssumable => {
            format!("ECS cannot assume the execution role {execution_role}")
        }
        Cause::TaskRoleNotAssumable => format!(
            "ECS cannot assume the task role {}",
            quoted_or(expected.task_role_arn.as_deref(), "of the task definition")
        ),
        Cause::ExecutionRoleLacksAction => {
            format!(
                "the execution role {execution_role} may not {}",
                denied(text)
            )
        }
        Cause::WrongArchitecture => format!(
            "{image} is not built for `{}`",
            match expected.cpu_architecture {
                Some(CpuArchitecture::Arm64) => "ARM64",
                Some(CpuArchitecture::X86_64) | None => "X86_64",
            }
        ),
        Cause::ImageNotFound => format!("{image} is not in its registry, or may not be seen"),
        Cause::ImagePullDenied => format!("the registry does not let {image} be pulled"),
        Cause::RegistryUnreachable => {
            format!("the tasks have no route to the registry of {image}")
        }
        Cause::RegistryRateLimited => format!("the registry of {image} refuses further pulls"),
        Cause::DiskFull => format!("{image} does not fit on the task's disk"),
        Cause::ImageNotPulled => format!("{image} cannot be pulled"),
        Cause::SecretKeyNotFound => format!("{} has no such key", secret(text)),
        Cause::SecretNotFound => format!("{} does not exist", secret(text)),
        Cause::ParameterNotFound => {
            let name = between(text, "nvalid parameters: ", &[' ', ',', ']']);
            let arn = word_from(text, "arn:");
            format!(
                "parameter {} does not exist",
                quoted_or(name.or(arn), "in `Secrets`")
            )
        }
        Cause::SecretsUnreachable => format!(
            "the tasks have no route to {}",
            if text.to_lowercase().contains("ssm") {
                "AWS Systems Manager, where their parameters are"
            } else {
                "AWS Secrets Manager, where their secrets are"
            }
        ),
        Cause::LogsUnreachable => "the tasks have no route to CloudWatch Logs".to_owned(),
        Cause::LogGroupNotFound => "the log group of the container does not exist".to_owned(),
        Cause::CommandNotFound => format!("{image} has no such command"),
        Cause::OutOfMemory => match expected.memory_mib {
            Some(memory) => format!("the container needed more than its {memory} MiB of memory"),
            None => "the container needed more memory than the task definition gives it".to_owned(),
        },
        Cause::ContainerCrashed => format!("the container ends by itself with {text}"),
        Cause::ContainerFinished => {
            "the container ends by itself with exit code 0 after its start".to_owned()
        }
        Cause::ContainerHealthCheckFailed => "the container's own health check fails".to_owned(),
        Cause::WrongPort => format!(
            "the application listens on {text}, but the load balancer asks `{path}` on {port}"
        ),
        Cause::LocalhostOnly => format!(
            "the application listens on localhost only: the health check of `{path}` on {port} cannot connect"
        ),
        Cause::NotListening => {
            format!("the health check of `{path}` cannot connect: nothing listens on {port}")
        }
        Cause::HealthCheckRefused | Cause::HealthCheckFailed => format!(
            "the health check of `{path}` on {port} is answered with {text}, expected {HEALTHY_HTTP_CODES}"
        ),
        Cause::HealthCheckTimeout => format!(
            "the health check of `{path}` on {port} gets no answer within {HEALTH_CHECK_TIMEOUT_S} seconds"
        ),
        Cause::FargateCapacity => {
            "Fargate has no capacity in the zones of the task subnets now".to_owned()
        }
        Cause::FargateQuota => {
            "the account runs as many vCPUs on Fargate as its quota allows".to_owned()
        }
        Cause::TaskSizeAboveLimit => {
            "the account may not run a task with so much `Cpu` or `Memory`".to_owned()
        }
        Cause::SubnetOutOfAddresses => format!(
            "task subnet {} has no free address",
            quoted_or(word_from(text, "subnet-"), "of the service")
        ),
        Cause::LoadBalancerQuota => {
            "the account has as many load balancers as its quota allows".to_owned()
        }
        Cause::TargetGroupQuota => "there are as many target groups as the quota allows".to_owned(),
        Cause::RuleQuota => {
            "the load balancer has as many listener rules as its quota allows".to_owned()
        }
        Cause::SecurityGroupRuleQuota => {
            "the security group has as many rules as its quota allows".to_owned()
        }
        Cause::SecurityGroupQuota => {
            "there are as many security groups as the quota allows".to_owned()
        }
        Cause::OtherQuota => "a quota of the account is used up".to_owned(),
        Cause::AlarmRolledBack => "an alarm rolled the deployment back".to_owned(),
        Cause::AlarmInAlarm => {
            "an alarm of the service was in ALARM before the deployment".to_owned()
        }
        Cause::LifecycleHookFailed => format!(
            "lifecycle hook {} ended the deployment{}",
            quoted_or(function(text), "of the service"),
            hook_stage(text).map_or_else(String::new, |stage| format!(" in stage `{stage}`"))
        ),
        Cause::ListenerRuleChanged => {
            "the listener rule does not forward to the service's two target groups only".to_owned()
        }
        Cause::HostNameTaken => "the host name belongs to somebody else".to_owned(),
        Cause::PredecessorDraining => format!(
            "an earlier service `{}` is still being deleted (DRAINING)",
            expected.service
        ),
    }
}

fn port(expected: &Expected) -> String {
    expected.port.map_or_else(
        || "the container port".to_owned(),
        |port| format!("port {port}"),
    )
}

fn image(expected: &Expected) -> String {
    match &expected.image {
        Some(image) => format!("image `{image}`"),
        None => "the image of the task definition".to_owned(),
    }
}

fn quoted_or(name: Option<&str>, otherwise: &str) -> String {
    name.map_or_else(|| otherwise.to_owned(), |name| format!("`{name}`"))
}

/// `ecr:BatchGetImage` on `arn:…`, as far as AWS names them.
fn denied(text: &str) -> String {
    let action = between(text, "not authorized to perform: ", &[' ']);
    let resource = between(text, "on resource: ", &[' ']);
    match (action, resource) {
        (Some(action), Some(resource)) => format!("`{action}` on `{resource}`"),
        (Some(action), None) => format!("`{action}`"),
        (None, _) => "do what ECS asks of it".to_owned(),
    }
}

fn function(text: &str) -> Option<&str> {
    let mut words = text.split_whitespace();
    let word = words.find(|word| word.starts_with("arn:") && word.contains(":lambda:"))?;
    Some(word.trim_end_matches(['.', ',']))
}

/// The stage before `lifecycle hook(s) failed`.
fn hook_stage(text: &str) -> Option<&str> {
    let (before, _) = text.split_once(" lifecycle hook(s) failed")?;
    before.rsplit(' ').next()
}

fn secret(text: &str) -> String {
    let arn = word_from(text, "arn:");
    format!("secret {}", quoted_or(arn, "of the property `Secrets`"))
}
