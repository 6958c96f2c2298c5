//! The sentences that lines and tree have in common.

use std::collections::BTreeMap;

use super::snapshot::Tasks;

/// `1 of 2 tasks run, 1 starting`; during a deployment there are more than are wanted.
#[must_use]
pub fn tasks(tasks: Tasks) -> String {
    let Tasks {
        desired,
        running,
        pending,
    } = tasks;
    let mut text = if running > desired {
        format!("{running} tasks run, {desired} wanted")
    } else {
        format!("{running} of {desired} tasks run")
    };
    if pending > 0 {
        text.push_str(&format!(", {pending} starting"));
    }
    text
}

/// A deployment in a few words.
#[must_use]
pub fn deployment(id: &str, strategy: Option<&str>, status: &str, stage: Option<&str>) -> String {
    let mut text = format!("deployment {id}");
    if let Some(strategy) = strategy {
        text.push_str(&format!(" ({strategy})"));
    }
    text.push_str(&format!(": {status}"));
    if let Some(stage) = stage {
        text.push_str(&format!(", {stage}"));
    }
    text
}

/// A revision with its tasks.
#[must_use]
pub fn revision(role: &str, id: &str, task_definition: Option<&str>, of: Tasks) -> String {
    let runs = task_definition.map_or_else(String::new, |name| format!(" of {name}"));
    format!("{role} revision {id}{runs}: {}", tasks(of))
}

/// `traffic: 5 % new, 95 % old`
#[must_use]
pub fn traffic(new_percent: f64, old_percent: Option<f64>) -> String {
    let old = old_percent.map_or_else(String::new, |percent| format!(", {percent} % old"));
    format!("traffic: {new_percent} % new{old}")
}

/// ECS begins every event with the service's name, which is said already.
#[must_use]
pub fn event(message: &str) -> &str {
    let told = message.strip_prefix("(service ");
    let told = told.and_then(|rest| rest.split_once(") "));
    told.map_or(message, |(_, told)| told)
}

/// A target group with the health of its targets.
#[must_use]
pub fn targets(
    group: &str,
    role: Option<&str>,
    states: &BTreeMap<String, u32>,
    reasons: &[String],
) -> String {
    let role = role.map_or_else(String::new, |role| format!(" ({role})"));
    let mut text = format!("target group {group}{role}: ");
    if states.is_empty() {
        text.push_str("no targets");
    }
    let states: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    text.push_str(&states.join(", "));
    if !reasons.is_empty() {
        text.push_str(&format!(" ({})", reasons.join("; ")));
    }
    text
}

/// An alarm with its state, and why it has it.
#[must_use]
pub fn alarm(name: &str, state: &str, reason: Option<&str>) -> String {
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    format!("alarm {name}: {state}{reason}")
}

/// A finding with its remedy.
#[must_use]
pub fn finding(code: &str, is_certain: bool, what: &str, remedy: &str) -> String {
    let doubt = if is_certain { "" } else { " (suspected)" };
    format!("{code}{doubt}: {what}. To do: {remedy}")
}
