//! What ends a deployment before it succeeds: failing tasks, alarms, the network, a person.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-failure-detection.html>

use super::stages::{change, desired};
use super::{Deployment, Stage};
use crate::cloud::Cloud;
use crate::cloudwatch::{self, AlarmState};

/// Texts of `statusReason`: those of the circuit breaker with rollback and of the missing candidate are what
/// terraform-provider-aws expects of AWS in its acceptance tests of blue/green services, those of hooks are AWS's, the
/// others are ours.
const BREAKER: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const BREAKER_WITHOUT_ROLLBACK: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
const STOPPED: &str = "Service deployment rolled back because it was stopped.";

/// Why a deployment ends.
pub(super) enum Failure {
    /// Too many tasks failed.
    Breaker,
    /// These alarms went into ALARM.
    Alarms(Vec<String>),
    /// The rule, the groups or the infrastructure role; in AWS's words.
    Network(String),
    /// A lifecycle hook said so, or could not be called: the stage, and in AWS's words what it was.
    Hook(&'static str, String),
    /// StopServiceDeployment
    Stopped,
}

impl Failure {
    /// Whether the deployment goes back. Without the rollback option nothing more is started, and what is in
    /// service stays.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html>
    pub(super) const fn rolls_back(&self, deployment: &Deployment) -> bool {
        match self {
            Self::Breaker => deployment.configuration.breaker.rollback,
            Self::Alarms(_) => deployment.configuration.alarms.rollback,
            Self::Network(_) | Self::Hook(..) | Self::Stopped => true,
        }
    }

    /// `statusReason`
    pub(super) fn reason(&self, deployment: &Deployment) -> String {
        let rolls_back = self.rolls_back(deployment);
        match self {
            Self::Breaker if rolls_back => BREAKER.to_owned(),
            Self::Breaker => BREAKER_WITHOUT_ROLLBACK.to_owned(),
            Self::Alarms(names) => format!(
                "Service deployment {} because of CloudWatch alarms in ALARM: {}.",
                if rolls_back { "rolled back" } else { "stopped" },
                names.join(", ")
            ),
            Self::Network(reason) => reason.clone(),
            Self::Hook(stage, problem) => format!(
                "Service deployment rolled back because {stage} lifecycle hook(s) failed. {problem}"
            ),
            Self::Stopped => STOPPED.to_owned(),
        }
    }

    /// What the service's event says behind `deployment failed:`. That of alarms is as it was seen on AWS, in
    /// <https://github.com/kayac/ecspresso/pull/491> and what refers to it.
    pub(super) fn event(&self, deployment: &Deployment) -> String {
        match self {
            Self::Alarms(_) => "alarm detected.".to_owned(),
            Self::Breaker | Self::Network(_) | Self::Hook(..) | Self::Stopped => {
                self.reason(deployment)
            }
        }
    }
}

/// Why the deployment ends now, if it does; what it was is noted in it.
pub(super) fn found(cloud: &mut Cloud, deployment: &Deployment) -> Option<Failure> {
    let breaker = deployment.configuration.breaker;
    if breaker.enabled && deployment.failures >= breaker.threshold(desired(cloud, deployment)) {
        change(cloud, deployment, |it| it.breaker_triggered = true);
        return Some(Failure::Breaker);
    }
    // What is left in CLEAN_UP is to remove the old tasks: the bake is over.
    if deployment.watches_alarms && deployment.stage < Stage::CleanUp {
        let triggered = in_alarm(cloud, deployment);
        if !triggered.is_empty() {
            let names = triggered.clone();
            change(cloud, deployment, |it| it.triggered_alarms = names);
            return Some(Failure::Alarms(triggered));
        }
    }
    None
}

/// Whether the alarms of a deployment that starts now count: "If an alarm is in the ALARM state at the beginning of
/// a deployment, Amazon ECS will not monitor alarms for the duration of that deployment."
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>
pub(super) fn watches_alarms(cloud: &Cloud, deployment: &Deployment) -> bool {
    !deployment.configuration.alarms.names.is_empty() && in_alarm(cloud, deployment).is_empty()
}

fn in_alarm(cloud: &Cloud, deployment: &Deployment) -> Vec<String> {
    let names = deployment.configuration.alarms.names.iter();
    names
        .filter(|name| cloudwatch::alarm_state(cloud, name) == Some(AlarmState::Alarm))
        .cloned()
        .collect()
}

/// Counts a task of `revision` that ended before it was healthy, if its deployment is open.
pub(in crate::ecs) fn task_failed(cloud: &mut Cloud, service_arn: &str, revision: &str) {
    if let Some(deployment) = super::open_mut(cloud, service_arn)
        && deployment.target == revision
    {
        deployment.failures += 1;
        deployment.failed_tasks += 1;
    }
}

/// By default a healthy task forgives the failures before it (`resetOnHealthyTask`).
pub(in crate::ecs) fn task_became_healthy(cloud: &mut Cloud, service_arn: &str, revision: &str) {
    if let Some(deployment) = super::open_mut(cloud, service_arn)
        && deployment.target == revision
        && deployment.configuration.breaker.reset_on_healthy_task
    {
        deployment.failures = 0;
    }
}
