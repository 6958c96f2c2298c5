//! Why tasks of a service stopped: the sentence that a person needs when a deployment fails.
//!
//! ECS shows stopped tasks for about an hour.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-errors.html>

use aws_sdk_ecs::types::{Container, DesiredStatus, Task, TaskStopCode};
use aws_smithy_types::DateTime;

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error, if_found};
use crate::telemetry::presentable;

/// Tasks looked at: DescribeTasks takes 100, and the reason of the last few is enough.
const TASKS_MAX: i32 = 20;
/// How ECS begins its reason for a task that it stopped because it was not needed any more.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>
const NOT_NEEDED: &str = "Scaling activity initiated by";

/// Why the newest stopped task that did not stop by intention did so.
///
/// # Errors
/// When AWS refuses.
pub async fn find_reason(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
) -> Result<Option<String>, AwsError> {
    let listed = aws
        .ecs
        .list_tasks()
        .cluster(cluster)
        .service_name(service)
        .desired_status(DesiredStatus::Stopped)
        .max_results(TASKS_MAX)
        .send()
        .await
        .map_err(aws_error("ecs:ListTasks"));
    let Some(listed) = if_found(listed)? else {
        return Ok(None);
    };
    if listed.task_arns().is_empty() {
        return Ok(None);
    }
    let answer = aws
        .ecs
        .describe_tasks()
        .cluster(cluster)
        .set_tasks(Some(listed.task_arns().to_vec()))
        .send()
        .await
        .map_err(aws_error("ecs:DescribeTasks"))?;
    Ok(newest_reason(answer.tasks()))
}

fn newest_reason(tasks: &[Task]) -> Option<String> {
    let mut stopped: Vec<&Task> = tasks.iter().filter(|task| is_telling(task)).collect();
    stopped.sort_by_key(|task| {
        std::cmp::Reverse(
            task.stopped_at()
                .or(task.stopping_at())
                .map(DateTime::as_nanos),
        )
    });
    stopped
        .into_iter()
        .find_map(reason)
        .map(|reason| presentable(&reason, MESSAGE_BYTES_MAX))
}

/// Whether the task stopped for a reason of its own.
fn is_telling(task: &Task) -> bool {
    let by_intention = task.stop_code() == Some(&TaskStopCode::UserInitiated)
        || task
            .stopped_reason()
            .is_some_and(|reason| reason.starts_with(NOT_NEEDED));
    !by_intention
}

/// The container's part first: `Essential container in task exited` alone helps nobody.
fn reason(task: &Task) -> Option<String> {
    let of_container = task.containers().iter().find_map(container_reason);
    match (of_container, task.stopped_reason()) {
        (Some(container), Some(task)) => Some(format!("{container}; {task}")),
        (Some(container), None) => Some(container),
        (None, Some(task)) => Some(task.to_owned()),
        (None, None) => None,
    }
}

fn container_reason(container: &Container) -> Option<String> {
    let name = container.name().unwrap_or_default();
    match (container.exit_code(), container.reason()) {
        (_, Some(reason)) => Some(format!("container `{name}`: {reason}")),
        (Some(code), None) if code != 0 => {
            Some(format!("container `{name}` exited with code {code}"))
        }
        (Some(_) | None, None) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(seconds: i64, code: TaskStopCode, reason: &str, container: Container) -> Task {
        Task::builder()
            .stopped_at(DateTime::from_secs(seconds))
            .stop_code(code)
            .stopped_reason(reason)
            .containers(container)
            .build()
    }

    #[test]
    fn the_newest_telling_task_gives_the_reason() {
        let exited = Container::builder().name("Main").exit_code(1).build();
        let silent = Container::builder().name("Main").exit_code(0).build();
        let tasks = [
            task(
                1,
                TaskStopCode::TaskFailedToStart,
                "CannotPullContainerError",
                silent.clone(),
            ),
            task(
                2,
                TaskStopCode::EssentialContainerExited,
                "Essential container in task exited",
                exited,
            ),
            task(
                3,
                TaskStopCode::ServiceSchedulerInitiated,
                "Scaling activity initiated by (deployment ecs-svc/1)",
                silent,
            ),
        ];
        assert_eq!(
            newest_reason(&tasks).as_deref(),
            Some("container `Main` exited with code 1; Essential container in task exited")
        );
    }

    #[test]
    fn tasks_that_were_stopped_by_intention_give_none() {
        let tasks = [task(
            1,
            TaskStopCode::UserInitiated,
            "for a test",
            Container::builder().name("Main").exit_code(137).build(),
        )];
        assert_eq!(newest_reason(&tasks), None);
    }
}
