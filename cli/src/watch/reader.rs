//! Reads a service as gently as it can: two calls of ECS for every look, one of CloudWatch while a deployment runs,
//! and everything else when there may be something new to see.
//!
//! ELB refills ten describes a second for a whole account, and the provider needs them: target health is read at the
//! first look, when the deployment has gone on, and otherwise at every [`HEALTH_EVERY`]th look of a deployment that runs.

use aws_sdk_cloudwatch::operation::describe_alarms::DescribeAlarmsOutput;
use aws_sdk_cloudwatch::types::AlarmType;
use aws_sdk_ecs::types as ecs;
use express_handler::aws::AwsClients;
use express_handler::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error, if_found};
use express_handler::resources::ecs_service::deployment::observed;
use express_handler::resources::target_group;
use express_handler::telemetry::presentable;

use super::bake::Phases;
use super::closer::{Closer, Examine};
use super::deployment::{Revisions, count, shown};
use super::parts::Parts;
use super::snapshot::{Alarm, Deployment, Event, Service, Snapshot, TargetGroup, Tasks, last_part};
use crate::reference::{self, Reference, ServiceArn};
use crate::time::millis;

const DESCRIBE_DEPLOYMENTS: &str = "ecs:DescribeServiceDeployments";
/// Looks from one reading of target health to the next.
const HEALTH_EVERY: u32 = 3;
/// Events that are shown.
const EVENTS_MAX: usize = 10;
/// Reads one service again and again.
#[derive(Debug)]
pub struct Reader {
    aws: AwsClients,
    reference: Reference,
    /// The service, once it was found.
    arn: Option<ServiceArn>,
    parts: Parts,
    phases: Phases,
    /// Where the deployment stood when parts and health were read.
    stood: Option<String>,
    revisions: Revisions,
    closer: Closer,
    groups: Vec<TargetGroup>,
    alarms: Vec<Alarm>,
    looks_since_health: u32,
    unread: Vec<String>,
    calls: u32,
}

impl Reader {
    /// Nothing has been read yet.
    #[must_use]
    pub fn new(aws: AwsClients, reference: Reference, examine: Examine) -> Self {
        Self {
            aws,
            reference,
            arn: None,
            parts: Parts::default(),
            phases: Phases::default(),
            stood: None,
            revisions: Revisions::default(),
            closer: Closer::new(examine),
            groups: Vec::new(),
            alarms: Vec::new(),
            looks_since_health: 0,
            unread: Vec::new(),
            calls: 0,
        }
    }

    /// Looks once.
    ///
    /// # Errors
    /// When AWS does not answer what nothing can be said without: the service and its deployment.
    pub async fn look(&mut self, now_ms: u64) -> Result<Snapshot, AwsError> {
        self.calls = 0;
        self.unread.clear();
        let found = self.service().await?;
        let Some((arn, service)) = found else {
            return Ok(Snapshot {
                at_ms: now_ms,
                calls: self.calls,
                service: None,
            });
        };
        let described = self.deployment(&service).await?;
        if let Some(described) = &described {
            let read = self.revisions.read(&self.aws, described).await;
            self.note(read);
        }
        let status = described.as_ref().and_then(|it| it.status());
        let stage = described.as_ref().and_then(|it| it.lifecycle_stage());
        let stands = format!("{:?} {status:?} {stage:?}", service.status());
        let has_moved = self.stood.as_ref() != Some(&stands);
        self.stood = Some(stands);
        let is_due = self.looks_since_health + 1 >= HEALTH_EVERY;
        if has_moved || self.parts.is_provisioning && is_due {
            // What is deployed is what is expected, also when ECS has gone back to something else.
            let deployed = described
                .as_ref()
                .and_then(|it| self.revisions.deployed(it));
            let definition = deployed.or(service.task_definition());
            let definition = definition.unwrap_or_default().to_owned();
            self.parts = Parts::read(&self.aws, &arn, &service, &definition).await;
            self.calls += self.parts.calls;
        }
        let is_open = described.as_ref().is_some_and(is_open);
        if has_moved || is_open {
            self.read_alarms(&service).await;
        }
        self.read_health(has_moved, is_open).await;
        let mut deployment = None;
        if let Some(found) = &described {
            let observed = observed(DESCRIBE_DEPLOYMENTS, found)?;
            let look = self
                .closer
                .look(&self.aws, &arn, &self.parts, &observed, now_ms);
            self.calls += look.await;
            deployment = Some(shown(
                found,
                observed,
                &self.revisions,
                &mut self.phases,
                now_ms,
            ));
        }
        Ok(Snapshot {
            at_ms: now_ms,
            calls: self.calls,
            service: Some(self.assemble(arn, &service, deployment)),
        })
    }

    fn note(&mut self, read: Result<u32, AwsError>) {
        match read {
            Ok(calls) => self.calls += calls,
            Err(error) => {
                self.calls += 1;
                self.unread.push(error.to_string());
            }
        }
    }

    fn assemble(
        &self,
        arn: ServiceArn,
        service: &ecs::Service,
        deployment: Option<Deployment>,
    ) -> Service {
        let parts = self.parts.clone();
        let unread = parts.unread.iter().chain(&self.unread);
        Service {
            arn,
            status: service.status().unwrap_or_default().to_owned(),
            tasks: Tasks {
                desired: count(service.desired_count()),
                running: count(service.running_count()),
                pending: count(service.pending_count()),
            },
            task_definition: last_part(service.task_definition().unwrap_or_default()).to_owned(),
            hosts: parts.hosts,
            events: events(service, deployment.as_ref()),
            deployment,
            alarms: self.alarms.clone(),
            groups: self.groups.clone(),
            parts: parts.parts,
            findings: self.closer.findings().to_vec(),
            unread: unread.cloned().collect(),
        }
    }

    async fn service(&mut self) -> Result<Option<(ServiceArn, ecs::Service)>, AwsError> {
        if self.arn.is_none() {
            let found = reference::find(&self.aws, &self.reference).await?;
            self.calls += found.calls;
            self.arn = found.service;
        }
        let Some(arn) = self.arn.clone() else {
            return Ok(None);
        };
        self.calls += 1;
        let answer = self
            .aws
            .ecs
            .describe_services()
            .cluster(&arn.cluster)
            .services(&arn.arn)
            .send()
            .await
            .map_err(aws_error("ecs:DescribeServices"));
        // A cluster that is not there has no services.
        let Some(answer) = if_found(answer)? else {
            return Ok(None);
        };
        let service = answer.services().first().cloned();
        Ok(service.map(|service| (arn, service)))
    }

    async fn deployment(
        &mut self,
        service: &ecs::Service,
    ) -> Result<Option<ecs::ServiceDeployment>, AwsError> {
        let Some(arn) = service.current_service_deployment() else {
            return Ok(None);
        };
        self.calls += 1;
        let answer = self
            .aws
            .ecs
            .describe_service_deployments()
            .service_deployment_arns(arn)
            .send()
            .await
            .map_err(aws_error(DESCRIBE_DEPLOYMENTS));
        let answer = if_found(answer)?;
        Ok(answer.and_then(|answer| answer.service_deployments().first().cloned()))
    }

    async fn read_alarms(&mut self, service: &ecs::Service) {
        let alarms = service.deployment_configuration();
        let alarms = alarms.and_then(|configuration| configuration.alarms());
        let names = alarms.map(|alarms| alarms.alarm_names().to_vec());
        let Some(names) = names.filter(|names| !names.is_empty()) else {
            self.alarms.clear();
            return;
        };
        self.calls += 1;
        let answer = self
            .aws
            .cloudwatch
            .describe_alarms()
            .set_alarm_names(Some(names))
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm)
            .send()
            .await
            .map_err(aws_error("cloudwatch:DescribeAlarms"));
        match answer {
            Ok(answer) => self.alarms = read_alarms(&answer),
            Err(error) => self.unread.push(error.to_string()),
        }
    }

    async fn read_health(&mut self, has_moved: bool, is_open: bool) {
        self.looks_since_health += 1;
        if !has_moved && (!is_open || self.looks_since_health < HEALTH_EVERY) {
            return;
        }
        self.looks_since_health = 0;
        let mut groups = Vec::new();
        for arn in self.parts.group_arns.clone() {
            self.calls += 1;
            let targets = match target_group::health::find(&self.aws, &arn).await {
                Ok(targets) => Some(targets),
                Err(error) => {
                    self.unread.push(error.to_string());
                    None
                }
            };
            groups.push(TargetGroup { arn, targets });
        }
        self.groups = groups;
    }
}

fn is_open(deployment: &ecs::ServiceDeployment) -> bool {
    deployment.finished_at().is_none()
}

fn read_alarms(answer: &DescribeAlarmsOutput) -> Vec<Alarm> {
    let metric = answer.metric_alarms().iter().map(|alarm| {
        let (name, state) = (alarm.alarm_name(), alarm.state_value());
        (name, state, alarm.state_reason())
    });
    let composite = answer.composite_alarms().iter().map(|alarm| {
        let (name, state) = (alarm.alarm_name(), alarm.state_value());
        (name, state, alarm.state_reason())
    });
    metric
        .chain(composite)
        .map(|(name, state, reason)| Alarm {
            name: name.unwrap_or_default().to_owned(),
            state: state
                .map(|state| state.as_str().to_owned())
                .unwrap_or_default(),
            reason: presentable(reason.unwrap_or_default(), MESSAGE_BYTES_MAX),
        })
        .collect()
}

/// Those since the deployment began, newest first.
fn events(service: &ecs::Service, deployment: Option<&Deployment>) -> Vec<Event> {
    let since_ms = deployment.map_or(0, |deployment| deployment.began_ms);
    let events = service.events().iter().filter_map(|event| {
        Some(Event {
            id: event.id()?.to_owned(),
            at_ms: millis(event.created_at()?)?,
            message: presentable(event.message()?, MESSAGE_BYTES_MAX),
        })
    });
    events
        .filter(|event| event.at_ms >= since_ms)
        .take(EVENTS_MAX)
        .collect()
}
