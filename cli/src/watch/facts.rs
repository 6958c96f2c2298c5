//! A snapshot as facts that are told one by one: a line for people, an object for programs.
//!
//! Only what differs from what was told before is told again. The fields of the objects are an interface: programs
//! read them, so they are added to and not renamed.

use std::collections::BTreeMap;

use express_core::diagnosis::{Target, Verdict};
use serde::Serialize;

use super::ending::Ending;
use super::snapshot::{Bake, Deployment, Revision, Service, Snapshot};
use crate::time::rfc3339;

/// One thing that is so.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fact {
    /// There is no such service yet.
    Waiting {
        /// For what.
        message: String,
    },
    /// The service, with its tasks.
    Service {
        /// ARN.
        arn: String,
        /// `ACTIVE`, `DRAINING`, `INACTIVE`
        status: String,
        /// Tasks wanted.
        desired: u32,
        /// Tasks that run.
        running: u32,
        /// Tasks that start.
        pending: u32,
        /// Family and revision.
        task_definition: String,
    },
    /// A further resource.
    Resource {
        /// What it is.
        resource: String,
        /// Name or id.
        name: String,
        /// How it is.
        state: String,
    },
    /// The deployment.
    Deployment {
        /// Its id.
        id: String,
        /// ECS's `status`
        status: String,
        /// ECS's `lifecycleStage`
        stage: Option<String>,
        /// ECS's `strategy`
        strategy: Option<String>,
        /// ECS's `statusReason`
        reason: Option<String>,
        /// Tasks that the circuit breaker has counted as failed.
        failed_tasks: u32,
    },
    /// A revision of the deployment.
    Revision {
        /// `new` or `old`
        role: &'static str,
        /// Its id.
        id: String,
        /// Family and revision.
        task_definition: Option<String>,
        /// Tasks wanted.
        desired: u32,
        /// Tasks that run.
        running: u32,
        /// Tasks that start.
        pending: u32,
    },
    /// Where the requests go.
    Traffic {
        /// Percent of the new revision.
        new_percent: f64,
        /// Percent of the old one, if there is one.
        old_percent: Option<f64>,
    },
    /// What ECS waits out.
    Bake {
        /// `canary bake`, `step bake`, `bake`
        wait: &'static str,
        /// RFC 3339.
        ends_at: String,
        #[serde(skip)]
        /// The same in milliseconds since the epoch.
        ends_ms: u64,
    },
    /// A target group.
    Targets {
        /// Its name.
        target_group: String,
        /// `new` or `old`
        role: Option<&'static str>,
        /// Targets by ELB's state of their health.
        states: BTreeMap<String, u32>,
        /// ELB's reasons for those that are unhealthy.
        reasons: Vec<String>,
    },
    /// An alarm that rolls deployments back.
    Alarm {
        /// Its name.
        name: String,
        /// `OK`, `ALARM`, `INSUFFICIENT_DATA`
        state: String,
        /// CloudWatch's reason, of an alarm in ALARM.
        reason: Option<String>,
    },
    /// An event of the service.
    Event {
        /// ECS's id of it.
        id: String,
        /// RFC 3339.
        at: String,
        /// ECS's words.
        message: String,
    },
    /// What is wrong.
    Finding {
        /// Its entry in `handler/ERRORS.md`.
        code: String,
        /// Whether the deployment cannot succeed any more.
        certain: bool,
        /// What, with the evidence.
        what: String,
        /// What to do.
        remedy: String,
    },
    /// Something is not shown.
    Unread {
        /// What, and why.
        message: String,
    },
    /// How it ended; the last one.
    Ending {
        /// `steady`, `failed`, `gone`, `not_found`, `time_up`, `stopped`
        result: &'static str,
        /// Of the process.
        exit_code: u8,
        /// For people.
        message: String,
    },
}

impl Fact {
    /// What is the same thing in another state has the same key.
    fn key(&self) -> String {
        match self {
            Self::Waiting { .. } => "waiting".to_owned(),
            Self::Service { .. } => "service".to_owned(),
            Self::Resource { resource, name, .. } => format!("resource/{resource}/{name}"),
            Self::Deployment { .. } => "deployment".to_owned(),
            Self::Revision { id, .. } => format!("revision/{id}"),
            Self::Traffic { .. } => "traffic".to_owned(),
            Self::Bake { .. } => "bake".to_owned(),
            Self::Targets { target_group, .. } => format!("targets/{target_group}"),
            Self::Alarm { name, .. } => format!("alarm/{name}"),
            Self::Event { id, .. } => format!("event/{id}"),
            Self::Finding { code, .. } => format!("finding/{code}"),
            Self::Unread { message } => format!("unread/{message}"),
            Self::Ending { .. } => "ending".to_owned(),
        }
    }

    /// A finding as a fact.
    #[must_use]
    pub fn finding(verdict: &Verdict) -> Self {
        let Verdict {
            deployment_arn: _,
            code,
            class: _,
            what,
            remedy,
            is_certain,
        } = verdict;
        Self::Finding {
            code: code.clone(),
            certain: *is_certain,
            what: what.clone(),
            remedy: remedy.clone(),
        }
    }

    /// An ending as a fact.
    #[must_use]
    pub fn ending(ending: Ending, message: String) -> Self {
        Self::Ending {
            result: ending.name(),
            exit_code: ending.exit_code(),
            message,
        }
    }
}

/// What was told, by its key.
#[derive(Clone, Debug, Default)]
pub struct Told(BTreeMap<String, Fact>);

impl Told {
    /// Those of `facts` that were not told yet, which they are now.
    pub fn news(&mut self, facts: Vec<Fact>) -> Vec<Fact> {
        let mut news = Vec::new();
        for fact in facts {
            let key = fact.key();
            if self.0.get(&key) != Some(&fact) {
                self.0.insert(key, fact.clone());
                news.push(fact);
            }
        }
        news
    }
}

/// All that a snapshot tells.
#[must_use]
pub fn facts(snapshot: &Snapshot) -> Vec<Fact> {
    let Some(service) = &snapshot.service else {
        let message = "there is no such service yet".to_owned();
        return vec![Fact::Waiting { message }];
    };
    let mut facts = vec![Fact::Service {
        arn: service.arn.arn.clone(),
        status: service.status.clone(),
        desired: service.tasks.desired,
        running: service.tasks.running,
        pending: service.tasks.pending,
        task_definition: service.task_definition.clone(),
    }];
    facts.extend(service.parts.iter().map(|part| Fact::Resource {
        resource: part.kind.to_owned(),
        name: part.name.clone(),
        state: part.state.clone(),
    }));
    if let Some(deployment) = &service.deployment {
        facts.extend(of_deployment(deployment));
    }
    facts.extend(of_groups(service));
    facts.extend(service.alarms.iter().map(|alarm| Fact::Alarm {
        name: alarm.name.clone(),
        state: alarm.state.clone(),
        reason: (alarm.state == "ALARM").then(|| alarm.reason.clone()),
    }));
    facts.extend(service.events.iter().rev().map(|event| Fact::Event {
        id: event.id.clone(),
        at: rfc3339(event.at_ms),
        message: event.message.clone(),
    }));
    facts.extend(service.findings.iter().map(Fact::finding));
    facts.extend(service.unread.iter().map(|message| Fact::Unread {
        message: message.clone(),
    }));
    facts
}

fn of_deployment(deployment: &Deployment) -> Vec<Fact> {
    let mut facts = vec![Fact::Deployment {
        id: deployment.id.clone(),
        status: deployment.status.clone(),
        stage: deployment.stage_of_interest().map(str::to_owned),
        strategy: deployment.strategy.clone(),
        reason: deployment.status_reason.clone(),
        failed_tasks: deployment.failures,
    }];
    let of = |role, revision: &Revision| Fact::Revision {
        role,
        id: revision.id.clone(),
        task_definition: revision.task_definition.clone(),
        desired: revision.tasks.desired,
        running: revision.tasks.running,
        pending: revision.tasks.pending,
    };
    facts.extend(deployment.new.iter().map(|revision| of("new", revision)));
    facts.extend(deployment.old.iter().map(|revision| of("old", revision)));
    if let Some(new_percent) = deployment.new.as_ref().and_then(|new| new.percent) {
        facts.push(Fact::Traffic {
            new_percent,
            old_percent: deployment.old_percent(),
        });
    }
    facts.extend(deployment.bake.map(|Bake { what, ends_ms }| Fact::Bake {
        wait: what.name(),
        ends_at: rfc3339(ends_ms),
        ends_ms,
    }));
    facts
}

fn of_groups(service: &Service) -> impl Iterator<Item = Fact> {
    service.groups.iter().filter_map(|group| {
        let targets = group.targets.as_ref()?;
        let (states, reasons) = summary(targets);
        Some(Fact::Targets {
            target_group: group.name().to_owned(),
            role: service.role_of(&group.arn),
            states,
            reasons,
        })
    })
}

/// Targets by their state, and why some are unhealthy, each reason once.
#[must_use]
pub fn summary(targets: &[Target]) -> (BTreeMap<String, u32>, Vec<String>) {
    let mut states = BTreeMap::new();
    let mut reasons = Vec::new();
    for target in targets {
        *states.entry(target.state.clone()).or_default() += 1;
        if let ("unhealthy", Some(reason)) = (target.state.as_str(), &target.reason) {
            let text = match &target.description {
                Some(description) => format!("{reason}: {description}"),
                None => reason.clone(),
            };
            if !reasons.contains(&text) {
                reasons.push(text);
            }
        }
    }
    (states, reasons)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::super::snapshot::sample;
    use super::*;

    #[test]
    fn only_what_has_changed_is_told_again() {
        let mut told = Told::default();
        let mut snapshot = sample();
        assert!(told.news(facts(&snapshot)).len() > 10);
        assert_eq!(told.news(facts(&snapshot)), []);
        let service = snapshot.service.as_mut().unwrap();
        service.alarms[0].state = "ALARM".to_owned();
        service.alarms[0].reason = "too many".to_owned();
        let news = told.news(facts(&snapshot));
        let lines: Vec<String> = news.iter().map(|fact| fact.line(snapshot.at_ms)).collect();
        assert_eq!(
            lines,
            ["00:08:00Z  alarm express-web-119a-rollback: ALARM: too many"]
        );
    }

    #[test]
    fn every_kind_has_its_fields_as_documented() {
        let lines: Vec<String> = facts(&sample())
            .iter()
            .map(|fact| fact.json(0).unwrap())
            .collect();
        expect![[r#"
            {"time":"1970-01-01T00:00:00Z","kind":"service","arn":"arn:aws:ecs:eu-west-1:123456789012:service/default/web","status":"ACTIVE","desired":1,"running":2,"pending":0,"task_definition":"express-web-119a:2"}
            {"time":"1970-01-01T00:00:00Z","kind":"resource","resource":"load balancer","name":"express-5fc8-1","state":"active"}
            {"time":"1970-01-01T00:00:00Z","kind":"deployment","id":"4bf64c","status":"IN_PROGRESS","stage":"PRODUCTION_TRAFFIC_SHIFT","strategy":"CANARY","reason":null,"failed_tasks":1}
            {"time":"1970-01-01T00:00:00Z","kind":"revision","role":"new","id":"6197","task_definition":"express-web-119a:2","desired":1,"running":1,"pending":0}
            {"time":"1970-01-01T00:00:00Z","kind":"revision","role":"old","id":"0877","task_definition":"express-web-119a:1","desired":1,"running":1,"pending":0}
            {"time":"1970-01-01T00:00:00Z","kind":"traffic","new_percent":5.0,"old_percent":95.0}
            {"time":"1970-01-01T00:00:00Z","kind":"bake","wait":"canary bake","ends_at":"2026-01-01T00:10:05Z"}
            {"time":"1970-01-01T00:00:00Z","kind":"targets","target_group":"express-119a-a","role":"old","states":{"healthy":1},"reasons":[]}
            {"time":"1970-01-01T00:00:00Z","kind":"targets","target_group":"express-119a-b","role":"new","states":{"unhealthy":1},"reasons":["Target.Timeout"]}
            {"time":"1970-01-01T00:00:00Z","kind":"alarm","name":"express-web-119a-rollback","state":"OK","reason":null}
            {"time":"1970-01-01T00:00:00Z","kind":"event","id":"1","at":"2026-01-01T00:06:35Z","message":"(service web) has started 1 tasks: (task 053e)."}
            {"time":"1970-01-01T00:00:00Z","kind":"finding","code":"HealthCheckTimeout","certain":false,"what":"nothing answers","remedy":"answer"}
            {"time":"1970-01-01T00:00:00Z","kind":"unread","message":"cloudwatch:DescribeAlarms failed (AccessDenied)"}
        "#]].assert_eq(&(lines.join("\n") + "\n"));
    }
}
