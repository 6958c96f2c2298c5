//! How a fact is told: as a line for people, and as an object for programs.

use std::fmt;

use serde::Serialize;

use super::facts::Fact;
use super::snapshot::{Tasks, last_part};
use super::words;
use crate::time::{clock, rfc3339};

impl Fact {
    /// As one line of JSON, with the time.
    ///
    /// # Errors
    /// When it cannot be written as JSON.
    pub fn json(&self, at_ms: u64) -> serde_json::Result<String> {
        #[derive(Serialize)]
        struct Timed<'a> {
            time: String,
            #[serde(flatten)]
            fact: &'a Fact,
        }
        serde_json::to_string(&Timed {
            time: rfc3339(at_ms),
            fact: self,
        })
    }

    /// As one line for people, with the time.
    #[must_use]
    pub fn line(&self, at_ms: u64) -> String {
        format!("{}  {self}", clock(at_ms))
    }
}

impl fmt::Display for Fact {
    #[expect(
        clippy::too_many_lines,
        reason = "one arm per kind; splitting hides that each has its own"
    )]
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Waiting { message } | Self::Ending { message, .. } => message.clone(),
            Self::Unread { message } => format!("not shown: {message}"),
            Self::Service {
                arn,
                status,
                desired,
                running,
                pending,
                task_definition,
            } => {
                let name = last_part(arn);
                let tasks = Tasks {
                    desired: *desired,
                    running: *running,
                    pending: *pending,
                };
                format!(
                    "service {name}: {status}, {}, {task_definition}",
                    words::tasks(tasks)
                )
            }
            Self::Resource {
                resource,
                name,
                state,
            } => format!("{resource} {name}: {state}"),
            Self::Deployment {
                id,
                status,
                stage,
                strategy,
                reason,
                failed_tasks,
            } => deployment_text(
                id,
                [strategy, stage],
                status,
                reason.as_deref(),
                *failed_tasks,
            ),
            Self::Revision {
                role,
                id,
                task_definition,
                desired,
                running,
                pending,
            } => {
                let tasks = Tasks {
                    desired: *desired,
                    running: *running,
                    pending: *pending,
                };
                words::revision(role, id, task_definition.as_deref(), tasks)
            }
            Self::Traffic {
                new_percent,
                old_percent,
            } => words::traffic(*new_percent, *old_percent),
            Self::Bake { wait, ends_ms, .. } => format!("{wait} until {}", clock(*ends_ms)),
            Self::Targets {
                target_group,
                role,
                states,
                reasons,
            } => words::targets(target_group, *role, states, reasons),
            Self::Alarm {
                name,
                state,
                reason,
            } => words::alarm(name, state, reason.as_deref()),
            Self::Event { message, .. } => format!("event: {}", words::event(message)),
            Self::Finding {
                code,
                certain,
                what,
                remedy,
            } => words::finding(code, *certain, what, remedy),
        };
        formatter.write_str(&text)
    }
}

fn deployment_text(
    id: &str,
    [strategy, stage]: [&Option<String>; 2],
    status: &str,
    reason: Option<&str>,
    failed_tasks: u32,
) -> String {
    let mut text = words::deployment(id, strategy.as_deref(), status, stage.as_deref());
    if failed_tasks > 0 {
        text.push_str(&format!(", {failed_tasks} failed tasks"));
    }
    if let Some(reason) = reason {
        text.push_str(&format!(": {reason}"));
    }
    text
}
