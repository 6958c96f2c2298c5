//! Which evidence is the deployment's own.
//!
//! What is repaired by an update is often still broken beside it: tasks of the revision before go on failing, its
//! targets stand in the same group when the strategy is ROLLING, and the service's events are about all of them.
//! A task belongs to the deployment whose id it was started by, a target to the task with its address, an event to
//! the tasks that it names. What cannot be told apart may be suspected, but proves nothing.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html> (`startedBy`)

use super::evidence::{Event, Evidence, Expected, Target, Task};

/// What stands before the id of a task in an event, and what before that of a deployment.
const TASK: &str = "(task ";
const DEPLOYMENT: &str = "(deployment ";

/// Whose an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About<'a> {
    /// A task of the deployment.
    Task(&'a Task),
    /// The deployment, or the service while only this deployment can be meant.
    Service,
    /// Perhaps another revision.
    Unclear,
}

/// Evidence without what is certainly another deployment's.
pub(super) fn own(evidence: &Evidence) -> Evidence {
    let is_mine = |task: &&Task| is_of(task, evidence);
    let (mine, others): (Vec<&Task>, Vec<&Task>) = evidence.tasks.iter().partition(is_mine);
    let is_alike = |task: &&Task| is_like(task, evidence);
    let alike: Vec<&Task> = evidence.tasks.iter().filter(is_alike).collect();
    // Tasks that must be the deployment's, and do not say so, mean that what they say is not understood.
    let is_known = evidence.deployment_id.is_some() && (!mine.is_empty() || alike.is_empty());
    let mine = if is_known { mine } else { alike };
    let mine: Vec<Task> = mine.into_iter().cloned().collect();
    let is_foreign = |id: &str| is_known && others.iter().any(|task| task.id == id);
    // An address is given to another task once its own has gone.
    let lives_at = |address: &str| {
        let mut living = mine.iter().filter(|task| task.stopped.is_none());
        living.any(|task| task.address.as_deref() == Some(address))
    };
    let is_of_others = |address: &str| {
        let mut others = others.iter();
        is_known
            && others.any(|task| task.address.as_deref() == Some(address))
            && !lives_at(address)
    };
    let is_nobody_else = |target: &&Target| !is_of_others(&target.address);
    let is_not_others = |event: &&Event| {
        let tasks = named(&event.text, TASK);
        let deployments = named(&event.text, DEPLOYMENT);
        let is_of_other = tasks.iter().any(|id| is_foreign(id))
            || is_known
                && deployments
                    .iter()
                    .any(|id| evidence.deployment_id.as_deref() != Some(id));
        let names_mine = mine.iter().any(|task| tasks.contains(&task.id.as_str()));
        names_mine || !is_of_other
    };
    Evidence {
        targets: evidence
            .targets
            .iter()
            .filter(is_nobody_else)
            .cloned()
            .collect(),
        events: evidence
            .events
            .iter()
            .filter(is_not_others)
            .cloned()
            .collect(),
        deployment_id: evidence.deployment_id.clone().filter(|_| is_known),
        tasks: mine,
        ..evidence.clone()
    }
}

/// The task whose log is worth reading: the newest of the deployment whose container has ended, else the oldest that
/// may still run, because a new one has said nothing yet.
#[must_use]
pub fn has_spoken(evidence: &Evidence) -> Option<Task> {
    let mut tasks = own(evidence).tasks;
    tasks.sort_by_key(|task| std::cmp::Reverse(task.created_ms));
    let has_ended = |task: &&Task| {
        task.stopped
            .as_ref()
            .is_some_and(|it| it.containers.iter().any(|it| it.exit_code.is_some()))
    };
    let runs = |task: &&Task| task.stopped.is_none();
    let ended = tasks.iter().find(has_ended);
    ended.or_else(|| tasks.iter().rev().find(runs)).cloned()
}

fn is_of(task: &Task, evidence: &Evidence) -> bool {
    evidence.deployment_id.is_some() && task.started_by == evidence.deployment_id
}

/// Whether a task may be the deployment's: it runs the same, and began later.
fn is_like(task: &Task, evidence: &Evidence) -> bool {
    let definition = evidence.expected.task_definition_arn.as_deref();
    definition.is_none_or(|arn| arn == task.task_definition_arn)
        && task.created_ms >= evidence.deployed_ms
}

/// The task of the deployment behind a target: the one that still has the address.
pub(super) fn task_of<'a>(target: &Target, evidence: &'a Evidence) -> Option<&'a Task> {
    let tasks = evidence.tasks.iter();
    tasks
        .filter(|task| task.address.as_deref() == Some(target.address.as_str()))
        .min_by_key(|task| task.stopped.is_some())
}

/// Whose an event of [`own`] evidence is.
pub(super) fn about<'a>(event: &Event, evidence: &'a Evidence) -> About<'a> {
    let tasks = named(&event.text, TASK);
    let mut mine = evidence.tasks.iter();
    match mine.find(|task| tasks.contains(&task.id.as_str())) {
        Some(task) => About::Task(task),
        None if tasks.is_empty() && !evidence.is_other_short => About::Service,
        None => About::Unclear,
    }
}

/// Whether a text names one of the roles of the deployment, by its ARN or as who was denied something.
pub(super) fn names_role(text: &str, expected: &Expected) -> bool {
    let roles = [
        Some(&expected.infrastructure_role_arn),
        expected.execution_role_arn.as_ref(),
        expected.task_role_arn.as_ref(),
    ];
    roles.into_iter().flatten().any(|arn| {
        let name = arn.rsplit('/').next().unwrap_or_default();
        let by_arn = text
            .split(arn.as_str())
            .skip(1)
            .any(|after| !continues(after));
        !name.is_empty() && (by_arn || text.contains(&format!(":assumed-role/{name}/")))
    })
}

/// Whether a name goes on, so that another role was meant.
fn continues(after: &str) -> bool {
    let next = after.chars().next();
    next.is_some_and(|letter| letter.is_ascii_alphanumeric() || "+=,@_-/".contains(letter))
}

fn named<'a>(text: &'a str, before: &str) -> Vec<&'a str> {
    text.split(before)
        .skip(1)
        .filter_map(|after| after.split_once(')').map(|(id, _)| id))
        .collect()
}
