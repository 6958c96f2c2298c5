//! What containers write into their log streams, `prefix/container/task id`.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>

use crate::cloud::Cloud;
use crate::ecs::image::Behaviour;
use crate::ecs::task_definition::{self, Container, TaskDefinition};

/// The lines that a container writes by itself.
pub(super) fn log_own_lines(
    cloud: &mut Cloud,
    arn: &str,
    lines: impl Fn(Behaviour) -> &'static [&'static str],
) {
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    let id = task.id().to_owned();
    let Some(definition) = task_definition::by_arn(&cloud.ecs, &task.definition).cloned() else {
        return;
    };
    for container in &definition.containers {
        for line in lines(Behaviour::of(&container.image)) {
            let line = filled(cloud, line, &definition, container);
            write(cloud, container, &id, &line);
        }
    }
}

/// One line from every container.
pub(super) fn log(cloud: &mut Cloud, arn: &str, message: &str) {
    let Some(task) = cloud.ecs.tasks.get(arn) else {
        return;
    };
    let id = task.id().to_owned();
    let Some(definition) = task_definition::by_arn(&cloud.ecs, &task.definition).cloned() else {
        return;
    };
    for container in &definition.containers {
        write(cloud, container, &id, message);
    }
}

fn write(cloud: &mut Cloud, container: &Container, task_id: &str, line: &str) {
    if let Some(log) = &container.log {
        let stream = format!("{}/{}/{task_id}", log.stream_prefix, container.name);
        // A group that was deleted while the task runs loses its lines, as on AWS.
        drop(crate::logs::append(cloud, &log.group, &stream, line));
    }
}

/// A text of the table of images, with what it speaks of.
pub(super) fn filled(
    cloud: &Cloud,
    text: &str,
    definition: &TaskDefinition,
    container: &Container,
) -> String {
    let port = container.ports.first().copied().unwrap_or_default();
    text.replace("{image}", &container.image)
        .replace("{port}", &port.to_string())
        .replace("{region}", &cloud.account.region)
        .replace("{environment}", &definition.environment().join(" "))
}
