//! When a cause is certain: the deployment would end without success, whatever is waited for.
//!
//! To stop a deployment that would have succeeded is much worse than to stop one late, so each rule here asks
//! for evidence of the deployment's own tasks, and nothing is certain while one of them is healthy, or a target of
//! which nobody knows whose it is. What the application itself does is ECS's circuit breaker's to judge; only where
//! that is switched off, the provider counts.

use super::cause::{IAM_PROPAGATION_MS, Proof};
use super::evidence::{Evidence, Task};
use super::own::task_of;
use super::tasks::{is_telling, was_ill};
use crate::resources::ecs_service::HEALTH_CHECK_GRACE_S;

/// Starts that fail one after the other before a deployment without a circuit breaker is given up: ECS's own
/// default is at least this many, or half of the desired count.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
const STARTS_MAX: usize = 3;
/// Times that something which names no task has to be told.
const TOLD_MIN: usize = 2;
/// Tasks that are stopped one after the other for their health check before a wrong answer is certain.
const ILL_TASKS_MIN: usize = 2;
/// How much older than its grace period a task that still runs must be. Its age is reckoned from when we asked for
/// the deployment, some moments before ECS made it, and a target needs two checks, 30 s apart, to be unhealthy.
const GRACE_MARGIN_MS: u64 = 60_000;
/// The grace period that a start is given at least, whatever people have made of the service's own.
const GRACE_S_MIN: u32 = HEALTH_CHECK_GRACE_S.unsigned_abs();
/// When and by whom a cause was shown.
#[derive(Clone, Copy, Debug)]
pub(super) struct Occurrence<'a> {
    /// A task of the deployment; none when it is about the service.
    pub(super) task: Option<&'a Task>,
    /// When, by ECS's clock.
    pub(super) at_ms: u64,
}

/// Whether what was seen leaves no other outcome than failure.
pub(super) fn is_proven(proof: Proof, seen: &[Occurrence<'_>], evidence: &Evidence) -> bool {
    if evidence.deployment_id.is_none() || may_be_healthy(evidence) {
        return false;
    }
    let of_tasks: Vec<&Task> = seen.iter().filter_map(|it| it.task).collect();
    if of_tasks.is_empty() {
        return is_proven_by_service(proof, seen, evidence);
    }
    match proof {
        Proof::Once => evidence.tasks.iter().all(|task| task.started_ms.is_none()),
        Proof::Repeated(lasting_ms) => in_turn(&of_tasks) > 1 && lasts(lasting_ms, seen, evidence),
        Proof::Lasting(lasting_ms) => lasts(lasting_ms, seen, evidence),
        Proof::Breaker => {
            evidence.expected.is_without_breaker
                && in_turn(&of_tasks) >= STARTS_MAX
                && lasts(IAM_PROPAGATION_MS, seen, evidence)
        }
        Proof::Grace => is_grace_over(evidence),
        Proof::Never => false,
    }
}

/// What events tell of the service as a whole: more than once, after IAM and others had their time, and while
/// nothing of the deployment runs.
fn is_proven_by_service(proof: Proof, seen: &[Occurrence<'_>], evidence: &Evidence) -> bool {
    let lasting_ms = match proof {
        Proof::Once => IAM_PROPAGATION_MS,
        Proof::Repeated(lasting_ms) | Proof::Lasting(lasting_ms) => {
            lasting_ms.max(IAM_PROPAGATION_MS)
        }
        Proof::Breaker | Proof::Grace | Proof::Never => return false,
    };
    let runs = |task: &Task| task.started_ms.is_some() && task.stopped.is_none();
    seen.len() >= TOLD_MIN && lasts(lasting_ms, seen, evidence) && !evidence.tasks.iter().any(runs)
}

/// A healthy target counts against every cause, also when its task is not among those that were looked at.
fn may_be_healthy(evidence: &Evidence) -> bool {
    let mut targets = evidence.targets.iter();
    targets.any(|target| target.state == "healthy")
}

/// Whether it still happened so long after the deployment was made, and no later task has got further.
fn lasts(lasting_ms: u64, seen: &[Occurrence<'_>], evidence: &Evidence) -> bool {
    let Some(newest) = seen.iter().max_by_key(|it| it.at_ms) else {
        return false;
    };
    let created_ms = newest.task.map_or(newest.at_ms, |task| task.created_ms);
    let is_seen = |task: &Task| seen.iter().any(|it| it.task == Some(task));
    let is_later = |task: &&Task| task.created_ms > created_ms && !is_seen(task);
    let mut later = evidence.tasks.iter().filter(is_later);
    // A task that has not started yet says nothing; one that was only to go says nothing either.
    let says_other = later.any(|task| task.started_ms.is_some() || is_telling(task));
    newest.at_ms.saturating_sub(evidence.deployed_ms) >= lasting_ms && !says_other
}

/// How many of the tasks were begun after one of the others had stopped: tasks that are started side by side are
/// one try.
fn in_turn(tasks: &[&Task]) -> usize {
    let mut tasks: Vec<(u64, u64)> = tasks
        .iter()
        .filter_map(|task| Some((task.stopped.as_ref()?.stopping_ms, task.created_ms)))
        .collect();
    tasks.sort_unstable();
    tasks.dedup();
    let mut ended_ms = None;
    let mut turns = 0;
    for (stopping_ms, created_ms) in tasks {
        if ended_ms.is_none_or(|ended_ms| created_ms >= ended_ms) {
            turns += 1;
            ended_ms = Some(stopping_ms);
        }
    }
    turns
}

/// Whether a start that is merely slow is no excuse any more: a task has had its grace period, and the load
/// balancer never found it healthy since.
fn is_grace_over(evidence: &Evidence) -> bool {
    let grace_ms = u64::from(evidence.expected.grace_s.max(GRACE_S_MIN)) * 1_000;
    let ill: Vec<&Task> = evidence.tasks.iter().filter(|it| was_ill(it)).collect();
    let lived_through = |task: &&Task| {
        let (Some(started_ms), Some(stopped)) = (task.started_ms, &task.stopped) else {
            return false;
        };
        stopped.stopping_ms.saturating_sub(started_ms) >= grace_ms
    };
    let is_old = |task: &Task| {
        let started_ms = task.started_ms.unwrap_or(u64::MAX);
        let started_after_ms = started_ms.saturating_sub(evidence.deployed_ms);
        evidence.age_ms.saturating_sub(started_after_ms) >= grace_ms + GRACE_MARGIN_MS
    };
    let unhealthy = evidence.targets.iter().filter(|it| it.state == "unhealthy");
    let mut ill_now = unhealthy.filter_map(|target| task_of(target, evidence));
    ill.iter().any(lived_through)
        || in_turn(&ill) >= ILL_TASKS_MIN
        || ill_now.any(|task| task.stopped.is_none() && is_old(task))
}
