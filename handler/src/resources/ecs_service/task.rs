//! Tasks of a service: those that stopped, which ECS shows for about an hour, and one that runs.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html>

use aws_sdk_ecs::types::{Container, DesiredStatus, Task};
use express_core::diagnosis::{StoppedContainer, StoppedTask};

use super::event::millis;
use crate::aws::AwsClients;
use crate::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error};
use crate::telemetry::presentable;

/// Tasks looked at of each kind: DescribeTasks takes 100, and the last few are enough.
const TASKS_MAX: i32 = 20;

/// A task of a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundTask {
    /// The last part of its ARN, which its log streams are named after.
    pub id: String,
    /// When it was started; milliseconds since the epoch, by ECS's clock.
    pub created_ms: u64,
    /// Why it stopped, if it has.
    pub stopped: Option<StoppedTask>,
}

/// The tasks of `task_definition_arn` that were started since `since_ms`, newest first.
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
    task_definition_arn: &str,
    since_ms: u64,
) -> Result<Vec<FoundTask>, AwsError> {
    let (stopped, wanted) = futures::try_join!(
        list(aws, cluster, service, DesiredStatus::Stopped),
        list(aws, cluster, service, DesiredStatus::Running),
    )?;
    let arns: Vec<String> = stopped.into_iter().chain(wanted).collect();
    if arns.is_empty() {
        return Ok(Vec::new());
    }
    let answer = aws
        .ecs
        .describe_tasks()
        .cluster(cluster)
        .set_tasks(Some(arns))
        .send()
        .await
        .map_err(aws_error("ecs:DescribeTasks"))?;
    let mut tasks: Vec<FoundTask> = answer
        .tasks()
        .iter()
        .filter(|task| task.task_definition_arn() == Some(task_definition_arn))
        .filter_map(found)
        .filter(|task| task.created_ms >= since_ms)
        .collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.created_ms));
    Ok(tasks)
}

async fn list(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
    status: DesiredStatus,
) -> Result<Vec<String>, AwsError> {
    let listed = aws
        .ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .desired_status(status)
        .max_results(TASKS_MAX)
        .send()
        .await
        .map_err(aws_error("ecs:ListTasks"));
    match listed {
        Ok(listed) => Ok(listed.task_arns().to_vec()),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn found(task: &Task) -> Option<FoundTask> {
    let created_ms = millis(task.created_at()?)?;
    let stopped = task.stopping_at().or(task.stopped_at()).and_then(millis);
    Some(FoundTask {
        id: task.task_arn()?.rsplit('/').next()?.to_owned(),
        created_ms,
        stopped: stopped.map(|stopping_ms| StoppedTask {
            created_ms,
            stopping_ms,
            stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
            reason: task.stopped_reason().map(text),
            containers: task.containers().iter().map(stopped_container).collect(),
        }),
    })
}

fn stopped_container(container: &Container) -> StoppedContainer {
    StoppedContainer {
        name: container.name().unwrap_or_default().to_owned(),
        exit_code: container.exit_code(),
        reason: container.reason().map(text),
    }
}

fn text(text: &str) -> String {
    presentable(text, MESSAGE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::TaskStopCode;
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn a_stopped_task_is_read_with_its_containers() {
        let container = Container::builder()
            .name("Main")
            .exit_code(137)
            .reason("OutOfMemoryError: see https://host/?signature=1")
            .build();
        let task = Task::builder()
            .task_arn("arn:aws:ecs:eu-west-1:1:task/default/0a1b")
            .created_at(DateTime::from_millis(1_000))
            .stopping_at(DateTime::from_millis(5_500))
            .stop_code(TaskStopCode::EssentialContainerExited)
            .stopped_reason("Essential container in task exited")
            .containers(container)
            .build();
        let found = found(&task).expect("is usable");
        assert_eq!((found.id.as_str(), found.created_ms), ("0a1b", 1_000));
        let stopped = found.stopped.expect("has stopped");
        assert_eq!(stopped.stopping_ms, 5_500);
        assert_eq!(
            stopped.stop_code.as_deref(),
            Some("EssentialContainerExited")
        );
        let container = &stopped.containers[0];
        assert_eq!(container.exit_code, Some(137));
        assert_eq!(
            container.reason.as_deref(),
            Some("OutOfMemoryError: see [redacted]")
        );
    }
}
