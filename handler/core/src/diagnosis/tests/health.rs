//! Targets whose health check fails.

use super::{at, event, evidence, exited, first, ill, running, target};
use crate::diagnosis::{Cause, diagnose};

/// Reason and description of a target, lines of the log, the cause, and whether it is certain after the grace period.
const HEALTH_CHECKS: [(&str, &str, &[&str], Cause, bool); 8] = [
    (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [404]",
        &[],
        Cause::HealthCheckRefused,
        true,
    ),
    (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [302]",
        &[],
        Cause::HealthCheckRefused,
        true,
    ),
    (
        "Target.ResponseCodeMismatch",
        "Health checks failed with these codes: [503]",
        &[],
        Cause::HealthCheckFailed,
        false,
    ),
    (
        "Target.Timeout",
        "Request timed out",
        &[],
        Cause::HealthCheckTimeout,
        false,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &[],
        Cause::NotListening,
        false,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &["listening on 0.0.0.0:3000"],
        Cause::WrongPort,
        true,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &["listening on 127.0.0.1:80"],
        Cause::LocalhostOnly,
        true,
    ),
    (
        "Target.FailedHealthChecks",
        "Health checks failed",
        &["listening on 0.0.0.0:80"],
        Cause::NotListening,
        false,
    ),
];

#[test]
fn health_checks_are_told_apart_by_reason_status_and_log() {
    for (reason, description, lines, cause, is_certain) in HEALTH_CHECKS {
        let mut evidence = evidence();
        let mine = running(20);
        evidence.tasks = vec![mine.clone()];
        evidence.targets = vec![at(&mine, target(reason, description))];
        evidence.first_lines = lines.iter().map(|line| (*line).to_owned()).collect();
        let found = first(&evidence);
        assert_eq!((found.cause, found.is_certain), (cause, false));
        let names = found.what.contains("/up") && found.what.contains("80");
        assert!(names, "{}", found.what);
        for (age_s, is_over) in [(300, false), (379, false), (380, true)] {
            evidence.age_ms = age_s * 1000;
            let found = first(&evidence);
            assert_eq!(
                found.is_certain,
                is_certain && is_over,
                "{description} after {age_s} s"
            );
        }
        // The first was stopped for it, and the next does the same.
        evidence.tasks = vec![ill(10, 300), running(320)];
        evidence.targets = vec![at(&running(320), target(reason, description))];
        evidence.age_ms = 350_000;
        assert_eq!(first(&evidence).is_certain, is_certain, "{description}");
        evidence.targets[0].address = "10.9.9.9".to_owned();
        assert!(
            !first(&evidence).is_certain,
            "whose target it is, nobody knows"
        );
        evidence.targets.clear();
        evidence.events = vec![event(
            311,
            &format!(
                "(service web) (task task-10) (port 80) is unhealthy in (target-group g) due to (reason {description})"
            ),
        )];
        let found = first(&evidence);
        assert_eq!(
            (found.cause, found.is_certain),
            (cause, is_certain),
            "by the event: {description}"
        );
    }
}

#[test]
fn without_a_circuit_breaker_ill_tasks_are_counted_as_well() {
    let mut evidence = evidence();
    evidence.expected.is_without_breaker = true;
    let mine = running(1000);
    evidence.targets = vec![at(&mine, target("Target.Timeout", "Request timed out"))];
    evidence.tasks = vec![ill(10, 310), ill(330, 310), mine];
    assert!(!first(&evidence).is_certain);
    evidence.tasks.push(ill(650, 310));
    assert!(first(&evidence).is_certain);
}

#[test]
fn tasks_that_crashed_are_no_ill_ones() {
    let mut evidence = evidence();
    let mine = running(400);
    let (reason, description, _, cause, _) = HEALTH_CHECKS[0];
    evidence.targets = vec![at(&mine, target(reason, description))];
    evidence.tasks = vec![exited(60, 3), exited(130, 3), mine];
    evidence.age_ms = 450_000;
    let found = diagnose(&evidence);
    let of_health = found.iter().find(|it| it.cause == cause);
    assert_eq!(of_health.map(|it| it.is_certain), Some(false));
}

#[test]
fn a_longer_grace_period_of_the_service_is_waited_for_and_a_shorter_one_is_not_taken() {
    let (reason, description, ..) = HEALTH_CHECKS[0];
    for (grace_s, certain_after_s) in [(900, 980), (60, 380), (0, 380)] {
        let mut evidence = evidence();
        evidence.expected.grace_s = grace_s;
        let mine = running(20);
        evidence.tasks = vec![mine.clone()];
        evidence.targets = vec![at(&mine, target(reason, description))];
        for (age_s, is_certain) in [(certain_after_s - 1, false), (certain_after_s, true)] {
            evidence.age_ms = age_s * 1000;
            let found = first(&evidence);
            assert_eq!(found.is_certain, is_certain, "{grace_s} after {age_s} s");
        }
    }
}
