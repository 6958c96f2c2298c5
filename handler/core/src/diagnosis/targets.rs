//! What the load balancer's health checks tell.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html> for the
//! reasons of targets, and
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-unhealthy-event-messages.html> for the
//! events in which ECS repeats them.

use super::Finding;
use super::cause::Cause;
use super::evidence::{Evidence, Task};
use super::logs;
use super::own::{About, about, task_of};
use super::proof::{Occurrence, is_proven};
use super::tasks::was_ill;
use super::texts::between;
use super::wording::sentence;

/// How ELB describes answers of a wrong status.
const CODES: &str = "with these codes: [";

pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let of_targets = evidence.targets.iter().filter_map(|target| {
        let described = target.description.clone().unwrap_or_default();
        match (target.state.as_str(), target.reason.as_deref()?) {
            ("unhealthy", reason) => {
                of_reason(reason, &described, task_of(target, evidence), evidence)
            }
            _ => None,
        }
    });
    let of_events = evidence
        .events
        .iter()
        .filter(|event| event.text.contains("is unhealthy in"))
        .filter_map(|event| {
            let task = match about(event, evidence) {
                About::Task(task) => Some(task),
                About::Service | About::Unclear => None,
            };
            let described = event
                .text
                .split_once("due to (reason ")?
                .1
                .trim_end_matches([')', '.']);
            let reason = if described.contains(CODES) {
                "Target.ResponseCodeMismatch"
            } else if described.contains("timed out") {
                "Target.Timeout"
            } else {
                "Target.FailedHealthChecks"
            };
            of_reason(reason, described, task, evidence)
        });
    of_targets.chain(of_events).collect()
}

/// `task` is the one that is not well; none when it is not known for one of the deployment.
fn of_reason(
    reason: &str,
    described: &str,
    task: Option<&Task>,
    evidence: &Evidence,
) -> Option<Finding> {
    let (cause, detail, text) = match reason {
        "Target.ResponseCodeMismatch" => {
            let codes = between(described, CODES, &[']'])?;
            let is_server_error = codes.split(',').all(|code| code.trim().starts_with('5'));
            let cause = if is_server_error {
                Cause::HealthCheckFailed
            } else {
                Cause::HealthCheckRefused
            };
            (cause, format!("status {codes}"), described.to_owned())
        }
        "Target.Timeout" => (
            Cause::HealthCheckTimeout,
            described.to_owned(),
            described.to_owned(),
        ),
        "Target.FailedHealthChecks" => not_connected(described, evidence),
        _ => return None,
    };
    // Those that were stopped for it before count as well.
    let stopped = evidence.tasks.iter().filter(|task| was_ill(task));
    let seen: Vec<Occurrence<'_>> = task.map_or_else(Vec::new, |task| {
        stopped
            .chain([task])
            .map(|task| Occurrence {
                task: Some(task),
                at_ms: task
                    .stopped
                    .as_ref()
                    .map_or(task.created_ms, |stopped| stopped.stopping_ms),
            })
            .collect()
    });
    Some(Finding {
        cause,
        what: sentence(cause, &detail, evidence),
        evidence: text,
        is_certain: is_proven(cause.proof(), &seen, evidence),
    })
}

/// Nothing accepts the connection: the application's own log may say why.
fn not_connected(described: &str, evidence: &Evidence) -> (Cause, String, String) {
    let port = evidence.expected.port;
    let lines = evidence.first_lines.iter().chain(&evidence.last_lines);
    let Some(listening) = logs::listening(lines, port) else {
        return (
            Cause::NotListening,
            described.to_owned(),
            described.to_owned(),
        );
    };
    let cause = if port != Some(listening.port) {
        Cause::WrongPort
    } else if listening.is_loopback {
        Cause::LocalhostOnly
    } else {
        Cause::NotListening
    };
    let text = format!("its log: {}", listening.line.trim());
    (cause, format!("port {}", listening.port), text)
}
