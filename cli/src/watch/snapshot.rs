//! What one look at a service has seen: plain data, in AWS's words where AWS has some.

use express_core::diagnosis::{Target, Verdict};
use express_core::resources::ecs_service::DeploymentStatus;

use crate::reference::ServiceArn;

/// One look.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// Milliseconds since the epoch.
    pub at_ms: u64,
    /// Calls of AWS that the look took.
    pub calls: u32,
    /// None while there is no such service.
    pub service: Option<Service>,
}

/// A service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Which.
    pub arn: ServiceArn,
    /// `status`
    pub status: String,
    /// Of the service.
    pub tasks: Tasks,
    /// Family and revision.
    pub task_definition: String,
    /// Its host names.
    pub hosts: Vec<String>,
    /// The newest deployment.
    pub deployment: Option<Deployment>,
    /// The alarms that roll deployments back.
    pub alarms: Vec<Alarm>,
    /// Its target groups.
    pub groups: Vec<TargetGroup>,
    /// What else it consists of.
    pub parts: Vec<Part>,
    /// Newest first.
    pub events: Vec<Event>,
    /// What is wrong, the most telling first.
    pub findings: Vec<Verdict>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
}

/// Tasks by their state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tasks {
    /// Wanted.
    pub desired: u32,
    /// RUNNING
    pub running: u32,
    /// PENDING
    pub pending: u32,
}

/// A service deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Deployment {
    /// Last part of its ARN.
    pub id: String,
    /// `status`
    pub status: String,
    /// The same, as far as it matters.
    pub standing: DeploymentStatus,
    /// `statusReason`
    pub status_reason: Option<String>,
    /// `lifecycleStage`; a rolling deployment has none.
    pub stage: Option<String>,
    /// `strategy`
    pub strategy: Option<String>,
    /// When it was asked for.
    pub began_ms: u64,
    /// When it ended.
    pub ended_ms: Option<u64>,
    /// What it deploys.
    pub new: Option<Revision>,
    /// What it replaces.
    pub old: Vec<Revision>,
    /// What it waits out.
    pub bake: Option<Bake>,
    /// `failureCount` of the circuit breaker.
    pub failures: u32,
    /// `threshold` of the circuit breaker.
    pub threshold: Option<u32>,
}

/// A service revision in a deployment.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Last part of its ARN.
    pub id: String,
    /// Family and revision, once they were read.
    pub task_definition: Option<String>,
    /// ARN of the target group of its tasks, once ECS has chosen it.
    pub group_arn: Option<String>,
    /// Its tasks.
    pub tasks: Tasks,
    /// `requestedProductionTrafficWeight`; ECS moves no traffic in a rolling deployment.
    pub percent: Option<f64>,
}

/// What ECS waits out with the traffic as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bake {
    /// Which wait.
    pub what: Waits,
    /// When it ends if nothing happens; milliseconds since the epoch.
    pub ends_ms: u64,
}

/// A wait of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waits {
    /// `canaryBakeTimeInMinutes`
    Canary,
    /// `stepBakeTimeInMinutes`
    Step,
    /// `bakeTimeInMinutes`
    Bake,
}

impl Waits {
    /// For people.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Canary => "canary bake",
            Self::Step => "step bake",
            Self::Bake => "bake",
        }
    }
}

/// An alarm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Its name.
    pub name: String,
    /// `StateValue`
    pub state: String,
    /// `StateReason`
    pub reason: String,
}

/// A target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its targets; none before they were looked at.
    pub targets: Option<Vec<Target>>,
}

impl TargetGroup {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        self.arn.split('/').nth(1).unwrap_or(&self.arn)
    }
}

/// A further resource of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// What it is.
    pub kind: &'static str,
    /// Its name or id.
    pub name: String,
    /// How it is.
    pub state: String,
}

/// An event of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its id.
    pub id: String,
    /// When it happened.
    pub at_ms: u64,
    /// ECS's words.
    pub message: String,
}

impl Deployment {
    /// Percent of the traffic that the old revision has, if there is one.
    #[must_use]
    pub fn old_percent(&self) -> Option<f64> {
        let percents = self.old.iter().filter_map(|old| old.percent);
        percents.reduce(|one, other| one + other)
    }

    /// The stage, which says nothing of a deployment that has gone through all of them.
    #[must_use]
    pub fn stage_of_interest(&self) -> Option<&str> {
        let stage = self.stage.as_deref();
        stage.filter(|_| self.standing != DeploymentStatus::Successful)
    }
}

impl Service {
    /// Which revision a target group is for: `new` or `old`; none for one that takes part in nothing.
    #[must_use]
    pub fn role_of(&self, group_arn: &str) -> Option<&'static str> {
        let deployment = self.deployment.as_ref()?;
        let serves = |revision: &Revision| revision.group_arn.as_deref() == Some(group_arn);
        if deployment.new.as_ref().is_some_and(serves) {
            Some("new")
        } else if deployment.old.iter().any(serves) {
            Some("old")
        } else {
            None
        }
    }
}

/// The last part of an ARN.
#[must_use]
pub fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// A service in the middle of a canary, with something suspected.
#[cfg(test)]
pub(crate) fn sample() -> Snapshot {
    let arn = "arn:aws:ecs:eu-west-1:123456789012:service/default/web";
    let group = sample_group;
    let target = |state: &str, reason: Option<&str>| Target {
        address: "10.0.0.7".to_owned(),
        state: state.to_owned(),
        reason: reason.map(str::to_owned),
        description: None,
    };
    Snapshot {
        at_ms: 1_767_226_080_000,
        calls: 3,
        service: Some(Service {
            arn: ServiceArn::parse(arn).unwrap(),
            status: "ACTIVE".to_owned(),
            tasks: Tasks {
                desired: 1,
                running: 2,
                pending: 0,
            },
            task_definition: "express-web-119a:2".to_owned(),
            hosts: vec!["web.apps.example.com".to_owned()],
            deployment: Some(sample_deployment()),
            alarms: vec![Alarm {
                name: "express-web-119a-rollback".to_owned(),
                state: "OK".to_owned(),
                reason: String::new(),
            }],
            groups: vec![
                TargetGroup {
                    arn: group("a"),
                    targets: Some(vec![target("healthy", None)]),
                },
                TargetGroup {
                    arn: group("b"),
                    targets: Some(vec![target("unhealthy", Some("Target.Timeout"))]),
                },
            ],
            parts: vec![Part {
                kind: "load balancer",
                name: "express-5fc8-1".to_owned(),
                state: "active".to_owned(),
            }],
            events: vec![Event {
                id: "1".to_owned(),
                at_ms: 1_767_225_995_000,
                message: "(service web) has started 1 tasks: (task 053e).".to_owned(),
            }],
            findings: vec![Verdict {
                deployment_arn: None,
                code: "HealthCheckTimeout".to_owned(),
                class: express_core::decision::HandlerErrorCode::NotStabilized,
                what: "nothing answers".to_owned(),
                remedy: "answer".to_owned(),
                is_certain: false,
            }],
            unread: vec!["cloudwatch:DescribeAlarms failed (AccessDenied)".to_owned()],
        }),
    }
}

#[cfg(test)]
fn sample_group(letter: &str) -> String {
    format!("arn:aws:x:eu-west-1:1:targetgroup/express-119a-{letter}/5")
}

#[cfg(test)]
fn sample_deployment() -> Deployment {
    let revision = |id: &str, number: u32, letter, percent| Revision {
        id: id.to_owned(),
        task_definition: Some(format!("express-web-119a:{number}")),
        group_arn: Some(sample_group(letter)),
        tasks: Tasks {
            desired: 1,
            running: 1,
            pending: 0,
        },
        percent: Some(percent),
    };
    Deployment {
        id: "4bf64c".to_owned(),
        status: "IN_PROGRESS".to_owned(),
        standing: DeploymentStatus::Running,
        status_reason: None,
        stage: Some("PRODUCTION_TRAFFIC_SHIFT".to_owned()),
        strategy: Some("CANARY".to_owned()),
        began_ms: 1_767_225_990_000,
        ended_ms: None,
        new: Some(revision("6197", 2, "b", 5.0)),
        old: vec![revision("0877", 1, "a", 95.0)],
        bake: Some(Bake {
            what: Waits::Canary,
            ends_ms: 1_767_226_205_000,
        }),
        failures: 1,
        threshold: Some(3),
    }
}
