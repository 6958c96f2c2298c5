//! The state machine of a deployment.
//!
//! ```text
//! PENDING ─► IN_PROGRESS: stage after stage ───────────────────────────► SUCCESSFUL
//!    │            │ failed tasks, rule, role, StopServiceDeployment
//!    └────────────┴─► ROLLBACK_IN_PROGRESS ─► ROLLBACK_SUCCESSFUL
//!                          └─ no source revision ─► ROLLBACK_FAILED
//! ```
//! Each look works on one stage and goes on to the next as soon as that has nothing left to do. A stage
//! that takes time answers `Working`: hooks and bake times are such, and have their place here.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html>

use super::{Deployment, Stage, Status};
use crate::cloud::Cloud;
use crate::ecs::fleet::{self, Fleet};
use crate::ecs::revision::Revision;
use crate::ecs::{can_assume, service, task};

/// How far a stage is.
enum Progress {
    Done,
    Working,
    Failed(String),
}

/// Texts of `statusReason`: those of the network are documented, those of the circuit breaker with rollback
/// and of the missing candidate are what terraform-provider-aws expects of AWS in its acceptance tests of
/// blue/green services, the other two are ours.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html>
const NETWORKING: &str =
    "Service deployment rolled back because of invalid networking configuration.";
const BREAKER: &str =
    "Service deployment rolled back because the circuit breaker threshold was exceeded.";
const BREAKER_WITHOUT_ROLLBACK: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
const STOPPED: &str = "Service deployment rolled back because it was stopped.";
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";

/// Works on the open deployment of a service.
pub(in crate::ecs) fn advance(cloud: &mut Cloud, service_arn: &str) {
    let Some(deployment) = super::newest(&cloud.ecs, service_arn).cloned() else {
        return;
    };
    match deployment.status {
        Status::Pending => begin(cloud, &deployment),
        Status::InProgress => go_on(cloud, &deployment),
        Status::RollbackRequested => begin_rollback(cloud, &deployment, STOPPED),
        Status::RollbackInProgress => roll_back(cloud, &deployment),
        Status::Successful
        | Status::Stopped
        | Status::RollbackSuccessful
        | Status::RollbackFailed => {}
    }
}

fn begin(cloud: &mut Cloud, deployment: &Deployment) {
    let now_ms = cloud.now_ms;
    change(cloud, deployment, |it| {
        it.status = Status::InProgress;
        it.started_at_ms = Some(now_ms);
    });
    if let Err(reason) = check_rule(cloud, deployment) {
        begin_rollback(cloud, deployment, &reason);
    } else {
        service::tell(
            cloud,
            &deployment.service,
            format!("(deployment {}) deployment started.", deployment.id),
        );
    }
}

fn go_on(cloud: &mut Cloud, deployment: &Deployment) {
    let mut stage = deployment.stage;
    loop {
        let progress = match exceeded(cloud, deployment) {
            Some(reason) => Progress::Failed(reason.to_owned()),
            None => work(cloud, deployment, stage),
        };
        match progress {
            Progress::Working => return,
            Progress::Failed(reason) => return begin_rollback(cloud, deployment, &reason),
            Progress::Done => match following(stage) {
                Some(next) => {
                    stage = next;
                    change(cloud, deployment, |it| it.stage = next);
                }
                None => return succeed(cloud, deployment),
            },
        }
    }
}

const fn following(stage: Stage) -> Option<Stage> {
    Some(match stage {
        Stage::ReconcileService => Stage::PreScaleUp,
        Stage::PreScaleUp => Stage::ScaleUp,
        Stage::ScaleUp => Stage::PostScaleUp,
        Stage::PostScaleUp => Stage::TestTrafficShift,
        Stage::TestTrafficShift => Stage::PostTestTrafficShift,
        Stage::PostTestTrafficShift => Stage::ProductionTrafficShift,
        Stage::ProductionTrafficShift => Stage::PostProductionTrafficShift,
        Stage::PostProductionTrafficShift => Stage::BakeTime,
        Stage::BakeTime => Stage::CleanUp,
        Stage::CleanUp => return None,
    })
}

/// One stage's work. Until CLEAN_UP both revisions are kept at the desired count.
fn work(cloud: &mut Cloud, deployment: &Deployment, stage: Stage) -> Progress {
    if stage > Stage::ReconcileService && stage < Stage::CleanUp {
        hold_source(cloud, deployment);
    }
    match stage {
        Stage::ReconcileService => reconcile(cloud, deployment),
        Stage::ScaleUp => match hold_target(cloud, deployment) {
            Fleet::Steady => Progress::Done,
            Fleet::Changing => Progress::Working,
        },
        Stage::ProductionTrafficShift => shift_to(cloud, deployment, 100),
        Stage::CleanUp => clean_up(cloud, deployment),
        // No hooks, no test rule, and a bake that takes no time.
        Stage::PreScaleUp
        | Stage::PostScaleUp
        | Stage::TestTrafficShift
        | Stage::PostTestTrafficShift
        | Stage::PostProductionTrafficShift
        | Stage::BakeTime => Progress::Done,
    }
}

/// Removes what a deployment that gave way to this one has left, after its traffic is back.
fn reconcile(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    hold_source(cloud, deployment);
    let tasks = task::of_service(&cloud.ecs, &deployment.service);
    let mut leftover: Vec<String> = tasks
        .filter(|task| !task.is_stopped())
        .map(|task| task.revision.clone())
        .filter(|revision| {
            *revision != deployment.target && Some(revision) != deployment.source.as_ref()
        })
        .collect();
    leftover.dedup();
    if leftover.is_empty() {
        return Progress::Done;
    }
    if deployment.source.is_some()
        && let Progress::Failed(reason) = shift_to(cloud, deployment, 0)
    {
        return Progress::Failed(reason);
    }
    for revision in &leftover {
        fleet::stop_all(cloud, revision, &scaling(deployment));
    }
    Progress::Working
}

fn clean_up(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    let target = hold_target(cloud, deployment);
    let left = deployment.source.as_ref().map_or(0, |source| {
        fleet::stop_all(cloud, source, &scaling(deployment))
    });
    if left == 0 && target == Fleet::Steady {
        Progress::Done
    } else {
        Progress::Working
    }
}

fn scaling(deployment: &Deployment) -> String {
    format!(
        "Scaling activity initiated by (deployment {})",
        deployment.id
    )
}

fn hold_source(cloud: &mut Cloud, deployment: &Deployment) -> Fleet {
    let desired = desired(cloud, deployment);
    match &deployment.source {
        Some(source) => fleet::hold(cloud, source, desired),
        None => Fleet::Steady,
    }
}

fn hold_target(cloud: &mut Cloud, deployment: &Deployment) -> Fleet {
    let desired = desired(cloud, deployment);
    fleet::hold(cloud, &deployment.target, desired)
}

fn desired(cloud: &Cloud, deployment: &Deployment) -> u32 {
    let service = cloud.ecs.services.get(&deployment.service);
    service.map_or(0, |service| service.desired)
}

/// Gives the target revision `percent` of the production traffic.
fn shift_to(cloud: &mut Cloud, deployment: &Deployment, percent: u32) -> Progress {
    let Some(target) = cloud.ecs.revisions.get(&deployment.target).cloned() else {
        return Progress::Done;
    };
    if let Err(reason) = check_rule(cloud, deployment) {
        return Progress::Failed(reason);
    }
    let weights = [
        (target.target_group.clone(), percent),
        (target.other_group().to_owned(), 100 - percent),
    ];
    match crate::elbv2::set_rule_weights(cloud, &target.load_balancer.rule, &weights) {
        Ok(()) => {
            change(cloud, deployment, |it| it.target_weight = percent);
            Progress::Done
        }
        Err(refusal) => Progress::Failed(format!("{NETWORKING} {}", refusal.message)),
    }
}

/// The infrastructure role can be assumed, the rule exists, forwards to both groups and to no other.
fn check_rule(cloud: &Cloud, deployment: &Deployment) -> Result<(), String> {
    let Some(revision) = cloud.ecs.revisions.get(&deployment.target) else {
        return Ok(());
    };
    let Revision { load_balancer, .. } = revision;
    if !can_assume(cloud, &load_balancer.role) {
        return Err(format!(
            "{NETWORKING} ECS was unable to manage the ELB resources due to missing permissions on ECS \
             Infrastructure Role '{}'.",
            load_balancer.role
        ));
    }
    let Some(targets) = crate::elbv2::rule_targets(cloud, &load_balancer.rule) else {
        return Err(format!("{NETWORKING} One or more rules not found"));
    };
    let pair = [&load_balancer.primary, &load_balancer.alternate];
    let forwards_to = |group: &String| targets.iter().any(|(arn, _)| arn == group);
    if !pair.iter().all(|group| forwards_to(group)) {
        return Err(format!(
            "{NETWORKING} Both targetGroup and alternateTargetGroup must be associated with the \
             productionListenerRule or testListenerRule."
        ));
    }
    let foreign = targets.iter().find(|(arn, _)| !pair.contains(&arn));
    match foreign {
        Some((arn, _)) => Err(format!(
            "{NETWORKING} Production listener rule is forwarding traffic to unexpected target group {arn}. \
             Expected traffic to be forwarded to either targetGroupArn: {} or alternateTargetGroupArn: {}",
            load_balancer.primary, load_balancer.alternate
        )),
        None => Ok(()),
    }
}

/// Why the circuit breaker ends the deployment, if it does.
fn exceeded(cloud: &mut Cloud, deployment: &Deployment) -> Option<&'static str> {
    let breaker = deployment.configuration.breaker;
    let desired = desired(cloud, deployment);
    let current = cloud.ecs.deployments.get(&deployment.arn)?;
    if !breaker.enabled || current.failures < breaker.threshold(desired) {
        return None;
    }
    change(cloud, deployment, |it| it.breaker_triggered = true);
    Some(BREAKER)
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

fn succeed(cloud: &mut Cloud, deployment: &Deployment) {
    finish(cloud, deployment, Status::Successful, None);
    if let Some(service) = cloud.ecs.services.get_mut(&deployment.service) {
        service.revision = Some(deployment.target.clone());
    }
    let completed = format!("(deployment {}) deployment completed.", deployment.id);
    service::tell(cloud, &deployment.service, completed);
    service::tell(cloud, &deployment.service, "has reached a steady state.");
}

fn begin_rollback(cloud: &mut Cloud, deployment: &Deployment, reason: &str) {
    let now_ms = cloud.now_ms;
    let by_breaker = reason == BREAKER;
    let failed = format!("(deployment {}) deployment failed: {reason}", deployment.id);
    service::tell(cloud, &deployment.service, failed);
    if by_breaker && !deployment.configuration.breaker.rollback {
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-circuit-breaker.html:
        // without the rollback option nothing more is started, and what is in service stays.
        fleet::stop_all(cloud, &deployment.target, &scaling(deployment));
        return finish(
            cloud,
            deployment,
            Status::Stopped,
            Some(BREAKER_WITHOUT_ROLLBACK),
        );
    }
    change(cloud, deployment, |it| {
        it.status = Status::RollbackInProgress;
        it.status_reason = Some(reason.to_owned());
        it.rollback = Some((reason.to_owned(), now_ms));
    });
    if deployment.source.is_none() {
        fleet::stop_all(cloud, &deployment.target, &scaling(deployment));
        finish(
            cloud,
            deployment,
            Status::RollbackFailed,
            Some(NO_CANDIDATE),
        );
        let failed = format!(
            "(deployment {}) rollback has failed. {NO_CANDIDATE}",
            deployment.id
        );
        service::tell(cloud, &deployment.service, failed);
    }
}

/// The source revision is brought back to strength, takes the traffic, and the target goes.
fn roll_back(cloud: &mut Cloud, deployment: &Deployment) {
    let source = hold_source(cloud, deployment);
    if source == Fleet::Changing && deployment.target_weight > 0 {
        return;
    }
    // A rule that is gone or was changed is not a reason to keep the failed revision.
    if deployment.target_weight > 0
        && let Progress::Failed(reason) = shift_to(cloud, deployment, 0)
    {
        let failed = format!("(deployment {}) {reason}", deployment.id);
        service::tell(cloud, &deployment.service, failed);
    }
    let left = fleet::stop_all(cloud, &deployment.target, &scaling(deployment));
    if left > 0 || source == Fleet::Changing {
        return;
    }
    finish(cloud, deployment, Status::RollbackSuccessful, None);
    let revision = deployment.source.as_ref();
    let revision = revision
        .and_then(|source| cloud.ecs.revisions.get(source))
        .cloned();
    if let (Some(service), Some(revision)) =
        (cloud.ecs.services.get_mut(&deployment.service), revision)
    {
        service.restore(&revision);
    }
    let done = format!("(deployment {}) rollback completed.", deployment.id);
    service::tell(cloud, &deployment.service, done);
}

fn finish(cloud: &mut Cloud, deployment: &Deployment, status: Status, reason: Option<&str>) {
    let now_ms = cloud.now_ms;
    change(cloud, deployment, |it| {
        it.status = status;
        it.finished_at_ms = Some(now_ms);
        if let Some(reason) = reason {
            it.status_reason = Some(reason.to_owned());
        }
    });
}

fn change(cloud: &mut Cloud, deployment: &Deployment, how: impl FnOnce(&mut Deployment)) {
    let now_ms = cloud.now_ms;
    if let Some(deployment) = cloud.ecs.deployments.get_mut(&deployment.arn) {
        how(deployment);
        deployment.updated_at_ms = now_ms;
    }
}
