//! When watching is over, and what the process's exit code says of it.

use express_core::resources::ecs_service::DeploymentStatus;

use super::snapshot::{Deployment, Service, Snapshot};
use crate::time::duration;

/// How watching has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The newest deployment succeeded and the service has the tasks that it wants.
    Steady,
    /// The newest deployment failed or was rolled back.
    Failed,
    /// The service was deleted.
    Gone,
    /// There is no such service.
    NotFound,
    /// The time was up.
    TimeUp,
    /// Whoever watched had enough.
    Stopped,
}

impl Ending {
    /// Its name for programs.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Steady => "steady",
            Self::Failed => "failed",
            Self::Gone => "gone",
            Self::NotFound => "not_found",
            Self::TimeUp => "time_up",
            Self::Stopped => "stopped",
        }
    }

    /// The exit code of the process. 2 is also what wrong arguments and AWS's refusals give, 130 is what shells
    /// show for Ctrl-C.
    #[must_use]
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Steady => 0,
            Self::Failed | Self::Gone => 1,
            Self::NotFound => 2,
            Self::TimeUp => 3,
            Self::Stopped => 130,
        }
    }
}

/// Whether a snapshot is the last one, and what is said of it. A deployment that had ended `before` anybody watched
/// is not judged while a new one is waited for.
#[must_use]
pub fn of(
    snapshot: &Snapshot,
    before: Option<&str>,
    waits_until_ms: u64,
) -> Option<(Ending, String)> {
    let is_waiting = snapshot.at_ms < waits_until_ms;
    let Some(service) = &snapshot.service else {
        let message = "there is no such service".to_owned();
        return (!is_waiting).then_some((Ending::NotFound, message));
    };
    let name = &service.arn.name;
    if service.status == "INACTIVE" {
        return Some((Ending::Gone, format!("service {name} was deleted")));
    }
    let deployment = service.deployment.as_ref()?;
    if is_waiting && before == Some(deployment.id.as_str()) {
        return None;
    }
    match deployment.standing {
        DeploymentStatus::Running | DeploymentStatus::GoingBack => None,
        DeploymentStatus::Failed => Some((Ending::Failed, failed(service, deployment))),
        DeploymentStatus::Successful => {
            let tasks = service.tasks;
            let is_steady = tasks.running == tasks.desired && tasks.pending == 0;
            is_steady.then(|| (Ending::Steady, steady(service, deployment)))
        }
    }
}

fn steady(service: &Service, deployment: &Deployment) -> String {
    format!(
        "deployment {} succeeded{}; service {} is steady with {} tasks",
        deployment.id,
        took(deployment),
        service.arn.name,
        service.tasks.running
    )
}

fn failed(service: &Service, deployment: &Deployment) -> String {
    let reason = deployment.status_reason.as_deref();
    let reason = reason.map(|reason| reason.trim_end_matches('.'));
    let reason = reason.map_or_else(String::new, |reason| format!(": {reason}"));
    let mut text = format!(
        "deployment {} of service {} failed{} ({}){reason}",
        deployment.id,
        service.arn.name,
        took(deployment),
        deployment.status
    );
    if let Some(finding) = service.findings.first() {
        text.push_str(&format!(". {finding}"));
    }
    text
}

fn took(deployment: &Deployment) -> String {
    deployment.ended_ms.map_or_else(String::new, |ended_ms| {
        format!(
            " after {}",
            duration(ended_ms.saturating_sub(deployment.began_ms))
        )
    })
}

#[cfg(test)]
mod tests {
    use super::super::snapshot::sample;
    use super::*;

    fn at(standing: DeploymentStatus, running: u32) -> Snapshot {
        let mut snapshot = sample();
        let service = snapshot.service.as_mut().unwrap();
        service.tasks.running = running;
        service.tasks.pending = 0;
        let deployment = service.deployment.as_mut().unwrap();
        deployment.standing = standing;
        snapshot
    }

    fn ending(snapshot: &Snapshot) -> Option<Ending> {
        of(snapshot, None, 0).map(|(ending, _)| ending)
    }

    #[test]
    fn only_a_deployment_that_has_ended_ends_the_watch() {
        use DeploymentStatus as Status;
        for (standing, running, expected) in [
            (Status::Running, 1, None),
            (Status::GoingBack, 1, None),
            (Status::Failed, 0, Some(Ending::Failed)),
            (Status::Successful, 1, Some(Ending::Steady)),
            // Auto scaling wants another number than there is.
            (Status::Successful, 2, None),
        ] {
            assert_eq!(ending(&at(standing, running)), expected, "{standing:?}");
        }
    }

    #[test]
    fn what_had_ended_before_is_not_judged_while_something_new_is_waited_for() {
        let snapshot = at(DeploymentStatus::Failed, 1);
        let before = Some("4bf64c");
        let now_ms = snapshot.at_ms;
        assert_eq!(of(&snapshot, before, now_ms + 1), None);
        assert!(of(&snapshot, before, now_ms).is_some());
        assert!(of(&snapshot, Some("another"), now_ms + 1).is_some());
    }

    #[test]
    fn what_is_not_there_is_waited_for_and_what_was_deleted_is_not() {
        let mut snapshot = sample();
        snapshot.service.as_mut().unwrap().status = "INACTIVE".to_owned();
        assert_eq!(ending(&snapshot), Some(Ending::Gone));
        snapshot.service = None;
        assert_eq!(ending(&snapshot), Some(Ending::NotFound));
        assert_eq!(of(&snapshot, None, snapshot.at_ms + 1), None);
    }
}
