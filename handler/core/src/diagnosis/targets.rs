//! What the load balancer's health checks tell.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_TargetHealth.html> for the
//! reasons of targets, and
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-unhealthy-event-messages.html> for the
//! events in which ECS repeats them.

use super::cause::Cause;
use super::evidence::Evidence;
use super::logs;
use super::tasks::is_grace_over;
use super::texts::between;
use super::wording::sentence;
use super::{Finding, is_proven};

/// How ELB describes answers of a wrong status.
const CODES: &str = "with these codes: [";

pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let of_targets = evidence.targets.iter().filter_map(|target| {
        let described = target.description.clone().unwrap_or_default();
        match (target.state.as_str(), target.reason.as_deref()?) {
            ("unhealthy", reason) => of_reason(reason, &described, evidence),
            _ => None,
        }
    });
    let of_events = evidence
        .events
        .iter()
        .filter(|event| event.contains("is unhealthy in"))
        .filter_map(|event| {
            let described = event
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
            of_reason(reason, described, evidence)
        });
    of_targets.chain(of_events).collect()
}

fn of_reason(reason: &str, described: &str, evidence: &Evidence) -> Option<Finding> {
    match reason {
        "Target.ResponseCodeMismatch" => {
            let codes = between(described, CODES, &[']'])?;
            let is_server_error = codes.split(',').all(|code| code.trim().starts_with('5'));
            let cause = if is_server_error {
                Cause::HealthCheckFailed
            } else {
                Cause::HealthCheckRefused
            };
            Some(finding(
                cause,
                &format!("status {codes}"),
                described,
                evidence,
            ))
        }
        "Target.Timeout" => Some(finding(
            Cause::HealthCheckTimeout,
            described,
            described,
            evidence,
        )),
        "Target.FailedHealthChecks" => Some(not_connected(described, evidence)),
        _ => None,
    }
}

/// Nothing accepts the connection: the application's own log may say why.
fn not_connected(described: &str, evidence: &Evidence) -> Finding {
    let Some(listening) = logs::listening(&evidence.log_lines) else {
        return finding(Cause::NotListening, described, described, evidence);
    };
    let cause = if evidence.expected.port != Some(listening.port) {
        Cause::WrongPort
    } else if listening.is_loopback {
        Cause::LocalhostOnly
    } else {
        Cause::NotListening
    };
    let port = format!("port {}", listening.port);
    let words = logs::last_words(&evidence.log_lines);
    let text = words.map_or_else(
        || described.to_owned(),
        |words| format!("last lines of its log: {words}"),
    );
    finding(cause, &port, &text, evidence)
}

fn finding(cause: Cause, detail: &str, text: &str, evidence: &Evidence) -> Finding {
    Finding {
        cause,
        what: sentence(cause, detail, evidence),
        evidence: text.to_owned(),
        is_certain: is_grace_over(evidence) || is_proven(cause, false, evidence),
    }
}
