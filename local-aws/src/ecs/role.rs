//! What roles may do here. There is no IAM: a role's name says what it lacks.
//!
//! A role whose name contains `not-assumable` can be assumed by nobody; one whose name contains
//! `without-<Operation>` may not call that operation (`without-BatchGetImage`, `without-RegisterTargets`).

use super::State;
use super::task_definition::{Container, TaskDefinition};
use crate::cloud::Cloud;
use crate::wire::Refusal;

/// Whether ECS can assume the role now.
pub(super) fn can_assume(cloud: &Cloud, role: &str) -> bool {
    let State {
        unassumable_roles, ..
    } = &cloud.ecs;
    let until_ms = unassumable_roles.get(role).copied();
    !role.contains("not-assumable") && until_ms.is_none_or(|until_ms| until_ms <= cloud.now_ms)
}

/// The execution and the task role are assumed when a task is launched.
pub(super) fn check(cloud: &Cloud, definition: &TaskDefinition) -> Result<(), Refusal> {
    for role in [&definition.execution_role, &definition.task_role]
        .into_iter()
        .flatten()
    {
        if !can_assume(cloud, role) {
            return Err(Refusal::client(
                "ClientException",
                format!(
                    "ECS was unable to assume the role '{role}' that was provided for this task. Please verify \
                     that the role being passed has the proper trust relationship and permissions and that your \
                     IAM user has permissions to pass this role."
                ),
            ));
        }
    }
    Ok(())
}

/// IAM's text when `role`, assumed as `session`, may not call `operation` of `service`.
pub(super) fn denial(
    role: &str,
    session: &str,
    service: &str,
    operation: &str,
    resource: &str,
) -> Option<String> {
    if !role.contains(&format!("without-{operation}")) {
        return None;
    }
    let assumed = role
        .replacen(":iam:", ":sts:", 1)
        .replacen(":role/", ":assumed-role/", 1);
    Some(format!(
        "User: {assumed}/{session} is not authorized to perform: {service}:{operation} on resource: {resource} because \
         no identity-based policy allows the {service}:{operation} action"
    ))
}

/// Why the task cannot start as its execution role: in the order in which Fargate needs its permissions.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/resource-initialization-error.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_cannot_pull_image.html>
pub(super) fn execution_denial(
    cloud: &Cloud,
    definition: &TaskDefinition,
    container: &Container,
) -> Option<String> {
    let role = definition.execution_role.as_ref()?;
    let denied = |service: &str, operation: &str, resource: &str| {
        denial(role, "ecs-task", service, operation, resource)
    };
    let is_private = container.image.contains(".dkr.ecr.");
    let retrieving = "ResourceInitializationError: unable to pull secrets or registry auth: execution resource \
                      retrieval failed: unable to retrieve";
    let retried = "service call has been retried 1 time(s): AccessDeniedException:";
    if is_private && let Some(text) = denied("ecr", "GetAuthorizationToken", "*") {
        return Some(format!("{retrieving} ecr registry auth: {retried} {text}"));
    }
    for value_from in definition.secrets() {
        let is_secret = value_from.contains(":secretsmanager:");
        let text = if is_secret {
            denied("secretsmanager", "GetSecretValue", value_from)
        } else {
            denied("ssm", "GetParameters", value_from)
        };
        let what = if is_secret {
            "secret from asm"
        } else {
            "secrets from ssm"
        };
        if let Some(text) = text {
            return Some(format!("{retrieving} {what}: {retried} {text}"));
        }
    }
    if let Some(log) = &container.log {
        let group = cloud
            .account
            .arn("logs", &format!("log-group:{}", log.group));
        if let Some(text) = denied("logs", "CreateLogStream", &group) {
            return Some(format!(
                "ResourceInitializationError: failed to validate logger args: create stream has been retried 1 times: \
                 failed to create Cloudwatch log stream: AccessDeniedException: {text} : exit status 1"
            ));
        }
    }
    let repository = cloud.account.arn("ecr", "repository/web");
    denied("ecr", "BatchGetImage", &repository)
        .filter(|_| is_private)
        .map(|text| {
            format!(
                "CannotPullContainerError: The task can’t pull the image. Check that the role has the permissions to \
                 pull images from the registry. pull access denied for {}, repository does not exist or may require \
                 'docker login': denied: {text}",
                container.image
            )
        })
}
