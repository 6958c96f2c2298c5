//! Service deployments: how a revision comes into service, and how it goes back.
//!
//! The state machine is in `stages`; here are its state, what it tells, and the operations on it.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-deployment.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>

mod failure;
mod hooks;
mod output;
mod rolling;
mod stages;
mod traffic;

use serde_json::json;

use super::page::page;
use super::revision::Revision;
use super::service::{self, DeploymentConfiguration, Strategy};
use super::{State, client, invalid_parameter};
use crate::cloud::{Cloud, Outcome};
use crate::wire::Input;

pub(super) use failure::{task_became_healthy, task_failed};
pub use hooks::{HookAnswer, answer_hook};
pub(super) use output::summaries;
pub(super) use stages::advance;

/// Deployments in one DescribeServiceDeployments call, and in a page of ListServiceDeployments when
/// nothing is said.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html>
const DESCRIBE_MAX: usize = 20;
/// For how long deployments can be looked at. Whether that holds for the newest one too AWS does not say.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/view-service-deployment.html>
const HISTORY_MS: u64 = 90 * 24 * 3_600 * 1_000;
const LIST_DEFAULT: usize = 20;

/// A deployment.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) arn: String,
    /// ARN of the revision that it brings into service.
    pub(super) target: String,
    /// `ecs-svc/…`, the name that tasks and `Service.deployments` know it by.
    id: String,
    /// ARN of its service.
    service: String,
    /// ARN of the revision that was in service before; none for a first deployment.
    source: Option<String>,
    status: Status,
    status_reason: Option<String>,
    stage: Stage,
    /// As the service had it when the deployment started.
    configuration: DeploymentConfiguration,
    /// Failures that count for the circuit breaker, and all.
    failures: u32,
    failed_tasks: u32,
    breaker_triggered: bool,
    /// Whether its alarms count: none was in ALARM when it started.
    watches_alarms: bool,
    /// The alarms that ended it.
    triggered_alarms: Vec<String>,
    rollback: Option<(String, u64)>,
    /// Share of production traffic that goes to the target revision, in tenths of a percent, and since when.
    target_share: u32,
    shifted_at_ms: u64,
    /// Whether the present stage has moved the traffic that it has to.
    has_shifted: bool,
    /// Whether test traffic goes to the target revision.
    is_tested: bool,
    /// The lifecycle hooks of the present stage.
    hook_runs: Vec<hooks::Run>,
    /// When its stage began.
    stage_since_ms: u64,
    created_at_ms: u64,
    started_at_ms: Option<u64>,
    finished_at_ms: Option<u64>,
    updated_at_ms: u64,
}

/// `status`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Pending,
    InProgress,
    Successful,
    Stopped,
    RollbackRequested,
    RollbackInProgress,
    RollbackSuccessful,
    RollbackFailed,
}

impl Status {
    const fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::Stopped => "STOPPED",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// `rolloutState`, and the end of its reason.
    const fn rollout(self) -> (&'static str, &'static str) {
        match self {
            Self::Pending | Self::InProgress => ("IN_PROGRESS", "in progress."),
            Self::Successful => ("COMPLETED", "completed."),
            Self::Stopped
            | Self::RollbackRequested
            | Self::RollbackInProgress
            | Self::RollbackSuccessful
            | Self::RollbackFailed => ("FAILED", "failed."),
        }
    }

    const fn is_open(self) -> bool {
        match self {
            Self::Pending
            | Self::InProgress
            | Self::RollbackRequested
            | Self::RollbackInProgress => true,
            Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed => {
                false
            }
        }
    }
}

/// `lifecycleStage`, in order.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    ReconcileService,
    PreScaleUp,
    ScaleUp,
    PostScaleUp,
    TestTrafficShift,
    PostTestTrafficShift,
    PreProductionTrafficShift,
    ProductionTrafficShift,
    PostProductionTrafficShift,
    BakeTime,
    CleanUp,
}

impl Stage {
    /// `lifecycleStage`, which does not know of the one before each shift.
    const fn name(self) -> &'static str {
        match self {
            Self::PreProductionTrafficShift => Self::ProductionTrafficShift.hook_name(),
            other => other.hook_name(),
        }
    }

    /// As hooks name it.
    const fn hook_name(self) -> &'static str {
        match self {
            Self::ReconcileService => "RECONCILE_SERVICE",
            Self::PreScaleUp => "PRE_SCALE_UP",
            Self::ScaleUp => "SCALE_UP",
            Self::PostScaleUp => "POST_SCALE_UP",
            Self::TestTrafficShift => "TEST_TRAFFIC_SHIFT",
            Self::PostTestTrafficShift => "POST_TEST_TRAFFIC_SHIFT",
            Self::PreProductionTrafficShift => "PRE_PRODUCTION_TRAFFIC_SHIFT",
            Self::ProductionTrafficShift => "PRODUCTION_TRAFFIC_SHIFT",
            Self::PostProductionTrafficShift => "POST_PRODUCTION_TRAFFIC_SHIFT",
            Self::BakeTime => "BAKE_TIME",
            Self::CleanUp => "CLEAN_UP",
        }
    }
}

impl Deployment {
    pub(super) const fn is_open(&self) -> bool {
        self.status.is_open()
    }

    /// Whether it is still told of.
    const fn is_remembered(&self, now_ms: u64) -> bool {
        self.is_open() || now_ms.saturating_sub(self.created_at_ms) < HISTORY_MS
    }

    const fn is_rolling(&self) -> bool {
        matches!(self.configuration.strategy, Strategy::Rolling { .. })
    }
}

/// Starts a deployment of what the service is set to; one that is open gives way to it.
pub(super) fn start(cloud: &mut Cloud, service_arn: &str) {
    abandon(cloud, service_arn);
    let id = cloud.random.below(10_u64.pow(19));
    let revision_id = cloud.random.below(10_u64.pow(19));
    let deployment_id = cloud.random.hex(21);
    let first = cloud.ecs.first_revision;
    let Some(service) = cloud.ecs.services.get(service_arn) else {
        return;
    };
    let path = format!("{}/{}", service.cluster, service.name);
    let arn = |kind: &str, id: &str| cloud.account.arn("ecs", &format!("{kind}/{path}/{id}"));
    let source = service.revision.as_ref();
    let source = source.and_then(|revision| cloud.ecs.revisions.get(revision));
    let revision = service.next_revision(
        arn("service-revision", &format!("{revision_id:019}")),
        source,
        first,
        cloud.now_ms,
    );
    let deployment = Deployment {
        arn: arn("service-deployment", &deployment_id),
        target: revision.arn.clone(),
        id: format!("ecs-svc/{id:019}"),
        service: service_arn.to_owned(),
        source: source.map(|revision| revision.arn.clone()),
        status: Status::Pending,
        status_reason: None,
        stage: first_stage(&cloud.ecs, service, source),
        configuration: service.configuration.clone(),
        failures: 0,
        failed_tasks: 0,
        breaker_triggered: false,
        watches_alarms: false,
        triggered_alarms: Vec::new(),
        rollback: None,
        target_share: 0,
        shifted_at_ms: cloud.now_ms,
        has_shifted: false,
        is_tested: false,
        hook_runs: Vec::new(),
        stage_since_ms: cloud.now_ms,
        created_at_ms: cloud.now_ms,
        started_at_ms: None,
        finished_at_ms: None,
        updated_at_ms: cloud.now_ms,
    };
    if let Some(service) = cloud.ecs.services.get_mut(service_arn) {
        service.deployment.clone_from(&deployment.arn);
        service.launch_after_ms.clear();
    }
    cloud.ecs.revisions.insert(revision.arn.clone(), revision);
    cloud
        .ecs
        .deployments
        .insert(deployment.arn.clone(), deployment);
    super::fleet::look_soon(cloud, service_arn);
}

/// RECONCILE_SERVICE "only happens" when tasks of other revisions than the source are still there. A rolling
/// deployment replaces whatever there is.
fn first_stage(state: &State, service: &service::Service, source: Option<&Revision>) -> Stage {
    let source = source.map(|revision| &revision.arn);
    let mut tasks = super::task::of_service(state, &service.arn);
    let is_rolling = matches!(service.configuration.strategy, Strategy::Rolling { .. });
    if is_rolling {
        Stage::ScaleUp
    } else if tasks.any(|task| !task.is_stopped() && Some(&task.revision) != source) {
        Stage::ReconcileService
    } else {
        Stage::PreScaleUp
    }
}

/// Ends an open deployment because the service goes another way.
pub(super) fn abandon(cloud: &mut Cloud, service_arn: &str) {
    let now_ms = cloud.now_ms;
    if let Some(deployment) = open_mut(cloud, service_arn) {
        deployment.status = Status::Stopped;
        deployment.finished_at_ms = Some(now_ms);
        deployment.updated_at_ms = now_ms;
    }
}

/// Forgets the deployments and revisions of a service that is INACTIVE: its name begins anew.
pub(super) fn forget(cloud: &mut Cloud, service_arn: &str) {
    cloud
        .ecs
        .deployments
        .retain(|_, it| it.service != service_arn);
    cloud
        .ecs
        .revisions
        .retain(|_, it| it.service != service_arn);
}

/// Whether a deployment of the service goes on, forwards or back.
pub(super) fn is_open(cloud: &Cloud, service_arn: &str) -> bool {
    newest(&cloud.ecs, service_arn).is_some_and(Deployment::is_open)
}

/// `ecs-svc/…` of the newest deployment.
pub(super) fn id_of(cloud: &Cloud, service_arn: &str) -> String {
    newest(&cloud.ecs, service_arn).map_or_else(String::new, |deployment| deployment.id.clone())
}

/// `ecs-svc/…` of the deployment that brought a revision into service, which all tasks of it are started by.
pub(super) fn id_of_revision(cloud: &Cloud, revision_arn: &str) -> String {
    let deployments = cloud.ecs.deployments.values();
    deployments
        .filter(|it| it.target == revision_arn)
        .max_by_key(|it| it.created_at_ms)
        .map_or_else(String::new, |deployment| deployment.id.clone())
}

fn newest<'a>(state: &'a State, service_arn: &str) -> Option<&'a Deployment> {
    let service = state.services.get(service_arn)?;
    state.deployments.get(&service.deployment)
}

fn open_mut<'a>(cloud: &'a mut Cloud, service_arn: &str) -> Option<&'a mut Deployment> {
    let service = cloud.ecs.services.get(service_arn)?;
    let deployment = cloud.ecs.deployments.get_mut(&service.deployment)?;
    Some(deployment).filter(|deployment| deployment.is_open())
}

/// Newest first.
pub(super) fn list(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["service", "cluster", "status", "nextToken", "maxResults"])?;
    let service = service::of_call(cloud, input)?;
    let statuses = input.texts("status");
    let deployments = cloud.ecs.deployments.values();
    let mut of_service: Vec<&Deployment> = deployments
        .filter(|it| it.service == service && it.is_remembered(cloud.now_ms))
        .filter(|it| statuses.is_empty() || statuses.contains(&it.status.name()))
        .collect();
    of_service.sort_by(|a, b| (b.created_at_ms, &b.arn).cmp(&(a.created_at_ms, &a.arn)));
    let briefs = of_service.into_iter().map(|it| it.brief(&cloud.ecs));
    let (briefs, token) = page(briefs.collect(), input, LIST_DEFAULT)?;
    Ok(super::with_token(
        json!({"serviceDeployments": briefs}),
        token,
    ))
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["serviceDeploymentArns"])?;
    let asked = input.texts("serviceDeploymentArns");
    if asked.is_empty() || asked.len() > DESCRIBE_MAX {
        return Err(invalid_parameter(format!(
            "serviceDeploymentArns must have 1 to {DESCRIBE_MAX} elements."
        )));
    }
    let mut deployments = Vec::new();
    let mut failures = Vec::new();
    for arn in asked {
        let found = cloud.ecs.deployments.get(arn);
        match found.filter(|it| it.is_remembered(cloud.now_ms)) {
            Some(deployment) => deployments.push(deployment.output(&cloud.ecs)),
            None => failures.push(json!({"arn": arn, "reason": "MISSING"})),
        }
    }
    Ok(json!({"serviceDeployments": deployments, "failures": failures}))
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stop-service-deployment.html>: one
/// that is rolling back goes on with that, one that has ended is refused.
pub(super) fn stop(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["serviceDeploymentArn", "stopType"])?;
    let arn = super::required(input, "serviceDeploymentArn")?;
    match input.text("stopType") {
        None | Some("ROLLBACK") => {}
        Some(other) => {
            return Err(invalid_parameter(format!(
                "Invalid stopType '{other}'. Valid values are: ROLLBACK"
            )));
        }
    }
    let now_ms = cloud.now_ms;
    let Some(deployment) = cloud.ecs.deployments.get_mut(arn) else {
        return Err(client(
            "ServiceDeploymentNotFoundException",
            "The service deployment was not found.",
        ));
    };
    match deployment.status {
        Status::Pending | Status::InProgress => {
            deployment.status = Status::RollbackRequested;
            deployment.updated_at_ms = now_ms;
        }
        Status::RollbackRequested | Status::RollbackInProgress => {}
        Status::Successful
        | Status::Stopped
        | Status::RollbackSuccessful
        | Status::RollbackFailed => {
            return Err(client(
                "ConflictException",
                format!(
                    "The service deployment cannot be stopped, it is {}.",
                    deployment.status.name()
                ),
            ));
        }
    }
    let service = deployment.service.clone();
    super::fleet::look_soon(cloud, &service);
    Ok(json!({"serviceDeploymentArn": arn}))
}
