//! What stopped tasks tell.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html> (`stopCode`, `stoppedReason`)

use std::collections::BTreeMap;

use super::cause::Cause;
use super::evidence::{Evidence, StoppedTask};
use super::logs::last_words;
use super::texts::rule_for;
use super::wording::{cause_of, sentence};
use super::{Finding, is_proven};

/// How ECS begins its reason for a task that it stopped because it was not needed any more.
const NOT_NEEDED: &str = "Scaling activity initiated by";
/// How it begins that of a task which the load balancer found unhealthy.
const UNHEALTHY: &str = "Task failed ELB health checks";
/// `stopCode` of a task that a person stopped.
const BY_A_PERSON: &str = "UserInitiated";

/// What one task tells.
struct Told<'a> {
    task: &'a StoppedTask,
    /// What the sentence is made of: AWS's text, or the exit code.
    detail: String,
    /// As evidence.
    text: String,
}

/// Whether a task was stopped because it was unhealthy after its grace period: from then on a start that is
/// merely slow is no excuse, because ECS stops every task at the same age.
pub(super) fn is_grace_over(evidence: &Evidence) -> bool {
    evidence.tasks.iter().any(|task| {
        task.reason
            .as_ref()
            .is_some_and(|reason| reason.starts_with(UNHEALTHY))
    })
}

pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut by_cause: BTreeMap<Cause, Vec<Told<'_>>> = BTreeMap::new();
    for task in evidence.tasks.iter().filter(|task| is_telling(task)) {
        if let Some((cause, told)) = told_by(task, evidence) {
            by_cause.entry(cause).or_default().push(told);
        }
    }
    by_cause
        .into_iter()
        .filter_map(|(cause, told)| {
            let newest = told.iter().max_by_key(|told| told.task.stopping_ms)?;
            Some(Finding {
                cause,
                what: sentence(cause, &newest.detail, evidence),
                evidence: newest.text.clone(),
                is_certain: is_proven(cause, is_repeated(&told), evidence),
            })
        })
        .collect()
}

/// Whether the task stopped for a reason of its own.
fn is_telling(task: &StoppedTask) -> bool {
    let is_wanted_gone = task
        .reason
        .as_ref()
        .is_some_and(|reason| reason.starts_with(NOT_NEEDED));
    task.stop_code.as_deref() != Some(BY_A_PERSON) && !is_wanted_gone
}

/// Whether ECS has tried again, and it came to the same.
fn is_repeated(told: &[Told<'_>]) -> bool {
    told.iter().any(|first| {
        told.iter()
            .any(|second| second.task.created_ms >= first.task.stopping_ms)
    })
}

fn told_by<'a>(task: &'a StoppedTask, evidence: &Evidence) -> Option<(Cause, Told<'a>)> {
    let of_containers = task.containers.iter().filter_map(|it| it.reason.as_ref());
    for text in of_containers.chain(&task.reason) {
        if let Some(rule) = rule_for(text) {
            let cause = cause_of(rule, text, &evidence.expected);
            return Some((cause, told(task, text.clone(), text.clone())));
        }
    }
    exit(task, evidence)
}

fn told(task: &StoppedTask, detail: String, text: String) -> Told<'_> {
    Told { task, detail, text }
}

/// A container that ended: with its exit code and its last words.
fn exit<'a>(task: &'a StoppedTask, evidence: &Evidence) -> Option<(Cause, Told<'a>)> {
    if task.stop_code.as_deref() != Some("EssentialContainerExited") {
        return None;
    }
    let failed = |code: &i32| *code != 0;
    let codes = || task.containers.iter().filter_map(|it| it.exit_code);
    let code = codes().find(failed).or_else(|| codes().next())?;
    let words = last_words(&evidence.log_lines);
    let text = match &words {
        Some(words) => format!("last lines of its log: {words}"),
        None => task.reason.clone().unwrap_or_default(),
    };
    let is_foreign = words
        .as_deref()
        .and_then(rule_for)
        .is_some_and(|rule| rule.cause == Cause::WrongArchitecture);
    if is_foreign {
        return Some((Cause::WrongArchitecture, told(task, text.clone(), text)));
    }
    let cause = if code == 0 {
        Cause::ContainerFinished
    } else {
        Cause::ContainerCrashed
    };
    Some((cause, told(task, exit_code(code), text)))
}

/// AWS: <https://repost.aws/knowledge-center/ecs-task-stopped> has the meaning of exit codes.
fn exit_code(code: i32) -> String {
    let meaning = match code {
        126 => " (the command cannot be executed)",
        127 => " (the command was not found)",
        134 => " (SIGABRT: the application aborted itself)",
        137 => " (SIGKILL: often too little memory)",
        139 => " (SIGSEGV: a memory fault, or another processor)",
        143 => " (SIGTERM: it was asked to end)",
        _ => "",
    };
    format!("exit code {code}{meaning}")
}
