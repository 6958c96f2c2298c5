//! The state machine of a deployment.
//!
//! ```text
//! PENDING ─► IN_PROGRESS: stage after stage ───────────────────────────► SUCCESSFUL
//!    │            │ failed tasks, alarms, rule, role, StopServiceDeployment
//!    └────────────┴─► ROLLBACK_IN_PROGRESS ─► ROLLBACK_SUCCESSFUL
//!                          └─ no source revision ─► ROLLBACK_FAILED
//! ```
//! Each look works on one stage and goes on to the next as soon as that has nothing left to do. A stage
//! that takes time answers `Working`. A rolling deployment knows of these stages only SCALE_UP and BAKE_TIME, and
//! does not tell them.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/blue-green-deployment-how-it-works.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html>

use super::failure::{self, Failure};
use super::traffic::{check_rules, has_steps_left, shift, shift_back_to_source, shift_test};
use super::{Deployment, Stage, Status, hooks, rolling};
use crate::cloud::Cloud;
use crate::ecs::fleet::{self, Fleet};
use crate::ecs::{service, task};

/// How far a stage is.
pub(super) enum Progress {
    Done,
    Working,
    Failed(Failure),
}

/// `statusReason` of a rollback that is impossible.
const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";

/// Works on the open deployment of a service.
pub(in crate::ecs) fn advance(cloud: &mut Cloud, service_arn: &str) {
    let Some(deployment) = super::newest(&cloud.ecs, service_arn).cloned() else {
        return;
    };
    match deployment.status {
        Status::Pending => begin(cloud, &deployment),
        Status::InProgress => go_on(cloud, deployment),
        Status::RollbackRequested => begin_rollback(cloud, &deployment, &Failure::Stopped),
        Status::RollbackInProgress => roll_back(cloud, &deployment),
        Status::Successful
        | Status::Stopped
        | Status::RollbackSuccessful
        | Status::RollbackFailed => {}
    }
}

fn begin(cloud: &mut Cloud, deployment: &Deployment) {
    let now_ms = cloud.now_ms;
    let watches_alarms = failure::watches_alarms(cloud, deployment);
    change(cloud, deployment, |it| {
        it.status = Status::InProgress;
        it.started_at_ms = Some(now_ms);
        it.watches_alarms = watches_alarms;
    });
    // ECS does not touch the rule in a rolling deployment.
    if !deployment.is_rolling()
        && let Err(reason) = check_rules(cloud, deployment)
    {
        return begin_rollback(cloud, deployment, &Failure::Network(reason));
    }
    service::tell(
        cloud,
        &deployment.service,
        format!("(deployment {}) deployment started.", deployment.id),
    );
}

fn go_on(cloud: &mut Cloud, mut deployment: Deployment) {
    loop {
        let progress = match failure::found(cloud, &deployment) {
            Some(failure) => Progress::Failed(failure),
            None => match work(cloud, &deployment) {
                Progress::Done => hooks_of_stage(cloud, &deployment),
                unfinished @ (Progress::Working | Progress::Failed(_)) => unfinished,
            },
        };
        match progress {
            Progress::Working => return,
            Progress::Failed(failure) => return begin_rollback(cloud, &deployment, &failure),
            Progress::Done => {}
        }
        let Some(next) = following(&deployment) else {
            return succeed(cloud, &deployment);
        };
        let now_ms = cloud.now_ms;
        change(cloud, &deployment, |it| {
            it.stage = next;
            it.stage_since_ms = now_ms;
            it.has_shifted = false;
            it.hook_runs.clear();
        });
        let Some(changed) = cloud.ecs.deployments.get(&deployment.arn) else {
            return;
        };
        deployment = changed.clone();
    }
}

/// The present stage's hooks, after its work; those of the shift have been called between its two parts. A rolling
/// deployment has none.
fn hooks_of_stage(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    if deployment.is_rolling() || deployment.stage == Stage::ProductionTrafficShift {
        Progress::Done
    } else {
        hooks::call(cloud, deployment, deployment.stage)
    }
}

fn following(deployment: &Deployment) -> Option<Stage> {
    Some(match deployment.stage {
        Stage::ScaleUp if deployment.is_rolling() => Stage::BakeTime,
        Stage::BakeTime if deployment.is_rolling() => return None,
        Stage::ReconcileService => Stage::PreScaleUp,
        Stage::PreScaleUp => Stage::ScaleUp,
        Stage::ScaleUp => Stage::PostScaleUp,
        Stage::PostScaleUp => Stage::TestTrafficShift,
        Stage::TestTrafficShift => Stage::PostTestTrafficShift,
        Stage::PostTestTrafficShift => Stage::PreProductionTrafficShift,
        Stage::PreProductionTrafficShift => Stage::ProductionTrafficShift,
        Stage::ProductionTrafficShift if has_steps_left(deployment) => {
            Stage::PreProductionTrafficShift
        }
        Stage::ProductionTrafficShift => Stage::PostProductionTrafficShift,
        Stage::PostProductionTrafficShift => Stage::BakeTime,
        Stage::BakeTime => Stage::CleanUp,
        Stage::CleanUp => return None,
    })
}

/// The present stage's work. From SCALE_UP to CLEAN_UP both revisions are kept at the desired count.
fn work(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    let stage = deployment.stage;
    if deployment.is_rolling() {
        return match (
            rolling::replace(cloud, deployment, &deployment.target),
            stage,
        ) {
            (Fleet::Steady, Stage::BakeTime) => {
                baked(cloud, deployment, rolling::bake_ms(cloud, deployment))
            }
            (Fleet::Steady, _) => Progress::Done,
            (Fleet::Changing, _) => Progress::Working,
        };
    }
    if stage > Stage::ReconcileService && stage < Stage::CleanUp {
        hold_source(cloud, deployment);
    }
    if stage > Stage::ScaleUp && stage < Stage::CleanUp {
        hold_target(cloud, deployment);
    }
    match stage {
        Stage::ReconcileService => reconcile(cloud, deployment),
        Stage::ScaleUp => match hold_target(cloud, deployment) {
            Fleet::Steady => Progress::Done,
            Fleet::Changing => Progress::Working,
        },
        Stage::TestTrafficShift => shift_test(cloud, deployment),
        Stage::ProductionTrafficShift => shift(cloud, deployment),
        Stage::BakeTime if deployment.source.is_some() => {
            baked(cloud, deployment, deployment.configuration.bake_ms)
        }
        Stage::CleanUp => clean_up(cloud, deployment),
        // Nothing but hooks; and a bake is of two revisions, of which a first deployment has one.
        Stage::PreScaleUp
        | Stage::PostScaleUp
        | Stage::PostTestTrafficShift
        | Stage::PreProductionTrafficShift
        | Stage::PostProductionTrafficShift
        | Stage::BakeTime => Progress::Done,
    }
}

fn baked(cloud: &Cloud, deployment: &Deployment, bake_ms: u64) -> Progress {
    if cloud.now_ms < deployment.stage_since_ms + bake_ms {
        Progress::Working
    } else {
        Progress::Done
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
        && let Progress::Failed(failure) = shift_back_to_source(cloud, deployment)
    {
        return Progress::Failed(failure);
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

pub(super) fn scaling(deployment: &Deployment) -> String {
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

pub(super) fn desired(cloud: &Cloud, deployment: &Deployment) -> u32 {
    let service = cloud.ecs.services.get(&deployment.service);
    service.map_or(0, |service| service.desired)
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

fn begin_rollback(cloud: &mut Cloud, deployment: &Deployment, failure: &Failure) {
    let now_ms = cloud.now_ms;
    let reason = failure.reason(deployment);
    let event = failure.event(deployment);
    let failed = format!("(deployment {}) deployment failed: {event}", deployment.id);
    service::tell(cloud, &deployment.service, failed);
    if !failure.rolls_back(deployment) {
        fleet::stop_all(cloud, &deployment.target, &scaling(deployment));
        return finish(cloud, deployment, Status::Stopped, Some(&reason));
    }
    change(cloud, deployment, |it| {
        it.status = Status::RollbackInProgress;
        it.status_reason = Some(reason.clone());
        it.rollback = Some((reason, now_ms));
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
    let is_back = if deployment.is_rolling() {
        let source = deployment.source.as_deref().unwrap_or_default();
        rolling::replace(cloud, deployment, source) == Fleet::Steady
    } else {
        shift_back(cloud, deployment)
    };
    if !is_back {
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

/// Whether the source revision has the traffic and the target's tasks are gone.
fn shift_back(cloud: &mut Cloud, deployment: &Deployment) -> bool {
    let source = hold_source(cloud, deployment);
    if source == Fleet::Changing && deployment.target_share > 0 {
        return false;
    }
    // A rule that is gone or was changed is not a reason to keep the failed revision.
    if (deployment.target_share > 0 || deployment.is_tested)
        && let Progress::Failed(failure) = shift_back_to_source(cloud, deployment)
    {
        let reason = failure.reason(deployment);
        let failed = format!("(deployment {}) {reason}", deployment.id);
        service::tell(cloud, &deployment.service, failed);
    }
    let left = fleet::stop_all(cloud, &deployment.target, &scaling(deployment));
    left == 0 && source == Fleet::Steady
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

pub(super) fn change(
    cloud: &mut Cloud,
    deployment: &Deployment,
    how: impl FnOnce(&mut Deployment),
) {
    let now_ms = cloud.now_ms;
    if let Some(deployment) = cloud.ecs.deployments.get_mut(&deployment.arn) {
        how(deployment);
        deployment.updated_at_ms = now_ms;
    }
}
