//! What stopped tasks tell.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Task.html> (`stopCode`, `stoppedReason`)

use std::collections::BTreeMap;

use super::Finding;
use super::cause::{Cause, Proof};
use super::evidence::{Evidence, StoppedTask, Task};
use super::logs::last_words;
use super::proof::{Occurrence, is_proven};
use super::texts::rule_for;
use super::wording::{cause_of, sentence};

/// How ECS begins its reason for a task that it stopped because it was not needed any more.
const NOT_NEEDED: &str = "Scaling activity initiated by";
/// How it begins that of a task which the load balancer found unhealthy.
const UNHEALTHY: &str = "Task failed ELB health checks";
/// `stopCode` of a task that a person stopped.
const BY_A_PERSON: &str = "UserInitiated";

/// What one task tells.
struct Told<'a> {
    task: &'a Task,
    stopped: &'a StoppedTask,
    /// What the sentence is made of: AWS's text, or the exit code.
    detail: String,
    /// As evidence.
    text: String,
    /// What proves it, where that is not the cause's.
    proof: Option<Proof>,
}

/// Whether the load balancer found a task unhealthy after its grace period, and ECS stopped it for that.
pub(super) fn was_ill(task: &Task) -> bool {
    let reason = task.stopped.as_ref().and_then(|it| it.reason.as_ref());
    reason.is_some_and(|reason| reason.starts_with(UNHEALTHY))
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
            let newest = told.iter().max_by_key(|told| told.stopped.stopping_ms)?;
            let proof = told.iter().find_map(|told| told.proof);
            let seen: Vec<Occurrence<'_>> = told.iter().map(occurrence).collect();
            Some(Finding {
                cause,
                what: sentence(cause, &newest.detail, evidence),
                evidence: newest.text.clone(),
                is_certain: is_proven(proof.unwrap_or(cause.proof()), &seen, evidence),
            })
        })
        .collect()
}

fn occurrence<'a>(told: &Told<'a>) -> Occurrence<'a> {
    Occurrence {
        task: Some(told.task),
        at_ms: told.stopped.stopping_ms,
    }
}

/// Whether the task stopped for a reason of its own.
pub(super) fn is_telling(task: &Task) -> bool {
    task.stopped.as_ref().is_some_and(|stopped| {
        let reason = stopped.reason.as_deref();
        let is_wanted_gone = reason.is_some_and(|reason| reason.starts_with(NOT_NEEDED));
        stopped.stop_code.as_deref() != Some(BY_A_PERSON) && !is_wanted_gone
    })
}

fn told_by<'a>(task: &'a Task, evidence: &Evidence) -> Option<(Cause, Told<'a>)> {
    let stopped = task.stopped.as_ref()?;
    let told = |detail: &str, text: &str| Told {
        task,
        stopped,
        detail: detail.to_owned(),
        text: text.to_owned(),
        proof: None,
    };
    let of_containers = stopped
        .containers
        .iter()
        .filter_map(|it| it.reason.as_ref());
    for text in of_containers.chain(&stopped.reason) {
        if let Some(rule) = rule_for(text) {
            let cause = cause_of(rule, text, &evidence.expected);
            return Some((cause, told(text, text)));
        }
    }
    if stopped.stop_code.as_deref() != Some("EssentialContainerExited") {
        return None;
    }
    // A container that ended: with its exit code and its last words.
    let failed = |code: &i32| *code != 0;
    let codes = || stopped.containers.iter().filter_map(|it| it.exit_code);
    let code = codes().find(failed).or_else(|| codes().next())?;
    let words = last_words(&evidence.last_lines);
    let text = match &words {
        Some(words) => format!("last lines of its log: {words}"),
        None => stopped.reason.clone().unwrap_or_default(),
    };
    let is_foreign = words
        .as_deref()
        .and_then(rule_for)
        .is_some_and(|rule| rule.cause == Cause::WrongArchitecture);
    if is_foreign {
        // The application may also say so of a program that it starts and can do without.
        let proof = Some(Proof::Repeated(0));
        let told = told(&text, &text);
        return Some((Cause::WrongArchitecture, Told { proof, ..told }));
    }
    let cause = if code == 0 {
        Cause::ContainerFinished
    } else {
        Cause::ContainerCrashed
    };
    Some((cause, told(&exit_code(code), &text)))
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
