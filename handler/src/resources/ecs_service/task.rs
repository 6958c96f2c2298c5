//! Tasks of a service: those that stopped, which ECS shows for about an hour, and those that run.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html>

use aws_sdk_ecs::types::{Container, DesiredStatus, Task as EcsTask};
use express_core::diagnosis::{StoppedContainer, StoppedTask, Task};

use super::event::millis;
use crate::aws::AwsClients;
use crate::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error};
use crate::telemetry::presentable;

/// Tasks looked at that stopped, and that are wanted: DescribeTasks takes 100 together, the last few that stopped
/// are enough, and of those that run more are worth knowing, because one that is healthy counts against all else.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeTasks.html>
const STOPPED_MAX: i32 = 30;
const WANTED_MAX: i32 = 70;
/// What an attachment calls the address of its task.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Attachment.html>
const ADDRESS: &str = "privateIPv4Address";

/// The tasks of the service, newest first, whichever deployment started them.
///
/// # Errors
/// When AWS refuses.
pub async fn find(aws: &AwsClients, cluster: &str, service: &str) -> Result<Vec<Task>, AwsError> {
    let (stopped, wanted) = futures::try_join!(
        list(aws, cluster, service, DesiredStatus::Stopped, STOPPED_MAX),
        list(aws, cluster, service, DesiredStatus::Running, WANTED_MAX),
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
    let mut tasks: Vec<Task> = answer.tasks().iter().filter_map(found).collect();
    tasks.sort_by_key(|task| std::cmp::Reverse(task.created_ms));
    Ok(tasks)
}

async fn list(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
    status: DesiredStatus,
    tasks_max: i32,
) -> Result<Vec<String>, AwsError> {
    let listed = aws
        .ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .desired_status(status)
        .max_results(tasks_max)
        .send()
        .await
        .map_err(aws_error("ecs:ListTasks"));
    match listed {
        Ok(listed) => Ok(listed.task_arns().to_vec()),
        Err(error) if error.is_not_found() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn found(task: &EcsTask) -> Option<Task> {
    let stopping_at = task.stopping_at().or(task.stopped_at());
    Some(Task {
        id: task.task_arn()?.rsplit('/').next()?.to_owned(),
        task_definition_arn: task.task_definition_arn().unwrap_or_default().to_owned(),
        started_by: task.started_by().map(str::to_owned),
        address: address(task),
        created_ms: millis(task.created_at()?)?,
        started_ms: task.started_at().and_then(millis),
        stopped: stopping_at.and_then(millis).map(|stopping_ms| StoppedTask {
            stopping_ms,
            stop_code: task.stop_code().map(|code| code.as_str().to_owned()),
            reason: task.stopped_reason().map(text),
            containers: task.containers().iter().map(stopped_container).collect(),
        }),
    })
}

fn address(task: &EcsTask) -> Option<String> {
    let details = task.attachments().iter().flat_map(|it| it.details());
    let mut addresses = details.filter(|detail| detail.name() == Some(ADDRESS));
    addresses.next()?.value().map(str::to_owned)
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
    use aws_sdk_ecs::types::{Attachment, KeyValuePair, TaskStopCode};
    use aws_smithy_types::DateTime;

    use super::*;

    #[test]
    fn a_stopped_task_is_read_with_its_containers() {
        let container = Container::builder()
            .name("Main")
            .exit_code(137)
            .reason("OutOfMemoryError: see https://host/?signature=1")
            .build();
        let address = KeyValuePair::builder()
            .name("privateIPv4Address")
            .value("10.0.0.7")
            .build();
        let task = EcsTask::builder()
            .task_arn("arn:aws:ecs:eu-west-1:1:task/default/0a1b")
            .started_by("ecs-svc/1")
            .attachments(Attachment::builder().details(address).build())
            .created_at(DateTime::from_millis(1_000))
            .started_at(DateTime::from_millis(3_000))
            .stopping_at(DateTime::from_millis(5_500))
            .stop_code(TaskStopCode::EssentialContainerExited)
            .stopped_reason("Essential container in task exited")
            .containers(container)
            .build();
        let found = found(&task).expect("is usable");
        assert_eq!((found.id.as_str(), found.created_ms), ("0a1b", 1_000));
        assert_eq!(found.started_by.as_deref(), Some("ecs-svc/1"));
        assert_eq!(found.address.as_deref(), Some("10.0.0.7"));
        assert_eq!(found.started_ms, Some(3_000));
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
