//! The ECS service and its one deployment.

use super::facts::{is_abandoned, is_as_wanted, is_own, wanted_service};
use super::moving::{self, Course, Stage};
use crate::claim::SEEN_AFTER_MS;
use crate::decision::{Wait, WaitReason};
use crate::desired::Desired;
use crate::diagnosis::IAM_PROPAGATION_MS;
use crate::naming;
use crate::observed::{Observed, Presence};
use crate::plan::{PlanError, Timing, specs};
use crate::resources::ecs_service::{
    self, DeploymentStatus, EcsServiceChange, EcsServiceSpec, ObservedDeployment,
    ObservedEcsService, ServiceStatus, Strategy,
};
use crate::resources::metric_alarm::{self, AlarmState};
use crate::step::{Step, Stop};

/// Seconds between looks at a service that drains under our name.
const DRAINING_RETRY_S: u32 = 15;
/// Seconds between looks at an alarm that is in ALARM: it is evaluated every minute.
const ALARM_RETRY_S: u32 = 30;
/// Seconds between looks for a deployment that was just asked for.
const LISTING_RETRY_S: u32 = 5;
/// How long ECS may take to list a deployment; one that never appears was never asked for, because the
/// attempt died before the call.
const LISTING_PATIENCE_MS: u64 = 60 * 1000;
/// Deployments that one operation asks for by changing the service: one, and two more when somebody else changes it
/// meanwhile, or a role is not known everywhere yet. Beyond that each would be undone, fail or not be taken, for ever.
const DEPLOYMENTS_MAX: u32 = 3;
/// What a move asks for besides: to both load balancers, to the new one, and the strategy that it interrupted.
const DEPLOYMENTS_OF_A_MOVE: u32 = 3;
/// How long an Update waits at least for an alarm that is in ALARM to recover before it fails.
const ALARM_PATIENCE_MIN_MS: u64 = 5 * 60 * 1000;
/// How long after the last of its periods the alarm may take to judge it: ELB reports with a delay.
const ALARM_LAG_MS: u64 = 2 * 60 * 1000;

pub(super) fn service(
    desired: &Desired,
    observed: &Observed,
    course: &Course<'_>,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<Option<Wait>, PlanError> {
    let name = &desired.identity.service;
    let existing = match &observed.ecs_service {
        Presence::Unknown => return Ok(None),
        Presence::Absent => None,
        Presence::Present(service) => match service.status {
            ServiceStatus::Inactive => None,
            ServiceStatus::Active => Some(service),
            ServiceStatus::Draining => {
                return Ok(Some(Wait {
                    reason: WaitReason::ServiceDraining {
                        service: name.clone(),
                    },
                    retry_after_s: DRAINING_RETRY_S,
                }));
            }
        },
    };
    let Some(service) = existing else {
        create_service(desired, observed, timing, steps);
        return Ok(None);
    };
    match &service.deployment {
        Some(deployment) if deployment.is_running() => {
            // A move's own deployments go back by its own stages, unless they do not end.
            let is_in_vain = (!moving::moves(desired, observed, course.stage, service)
                || moving::is_stuck(desired, deployment, timing))
                && is_abandoned(deployment, timing)
                && !is_as_wanted(desired, observed, service);
            Ok(follow(
                desired, service, deployment, is_in_vain, timing, steps,
            ))
        }
        deployment => {
            if let Some(wait) = not_listed_yet(desired, deployment.as_ref(), timing) {
                return Ok(Some(wait));
            }
            let failed = deployment
                .as_ref()
                .filter(|it| it.status == DeploymentStatus::Failed);
            let is_again = failed.is_some_and(|failed| is_deployed_again(failed, observed, timing));
            let is_of_this_operation = |it: &&ObservedDeployment| {
                is_own(it, timing) || timing.early_deployment.as_ref() == Some(&it.arn)
            };
            if let Some(failed) = failed.filter(is_of_this_operation).filter(|_| !is_again) {
                return Err(PlanError::DeploymentFailed {
                    service: name.clone(),
                    reason: failed
                        .status_reason
                        .clone()
                        .or_else(|| service.latest_event.clone())
                        .unwrap_or_else(|| "ECS gave no reason".to_owned()),
                });
            }
            let is_stuck = failed.is_some_and(|failed| has_never_served(observed, service, failed));
            let is_again = is_again || is_stuck;
            update_service(desired, observed, course, service, is_again, timing, steps)
        }
    }
}

fn create_service(desired: &Desired, observed: &Observed, timing: &Timing, steps: &mut Vec<Step>) {
    let is_ready = observed.cluster.present().is_some()
        && observed.metric_alarm.present().is_some()
        && (desired.log_group.is_none() || observed.log_group.present().is_some())
        && observed.https_listener.present().is_some();
    if let Some(spec) = wanted_service(desired, observed).filter(|_| is_ready) {
        steps.push(Step::CreateService {
            client_token: naming::client_token(&timing.request_id, &desired.identity.service_arn),
            spec: Box::new(spec),
        });
    }
}

/// Whether the rollback alarm judges the tasks that serve now, too. Then an alarm in ALARM says that they fail, and
/// what is to be deployed may be the remedy: it must not be held back, although ECS will not watch it.
fn watches_what_serves(desired: &Desired) -> bool {
    match desired.deployment.strategy {
        Strategy::Rolling => true,
        Strategy::Canary { .. } | Strategy::Linear { .. } | Strategy::BlueGreen { .. } => false,
    }
}

/// What a deployment before has left in the alarm passes once its minutes are out of the periods that are judged. It is
/// not waited for longer than there is time to deploy afterwards.
fn wait_for_alarm(desired: &Desired, timing: &Timing) -> Result<Wait, PlanError> {
    let alarm = specs::alarm_name(desired);
    let judged_s = desired.alarms.rule.evaluation_periods * metric_alarm::PERIOD_S;
    let patience_ms = ALARM_PATIENCE_MIN_MS.max(u64::from(judged_s) * 1000 + ALARM_LAG_MS);
    let until_ms = timing.stop_at_ms.min(timing.started_ms + patience_ms);
    if timing.now_ms >= until_ms {
        return Err(PlanError::AlarmInAlarm { alarm });
    }
    Ok(Wait {
        reason: WaitReason::AlarmNotOk { alarm },
        retry_after_s: ALARM_RETRY_S,
    })
}

/// ECS lists a deployment some moments after it was asked for; until then the one before, or none, is
/// the newest, and must not be taken for the end of ours.
fn not_listed_yet(
    desired: &Desired,
    newest: Option<&ObservedDeployment>,
    timing: &Timing,
) -> Option<Wait> {
    let asked_ms = timing.deployment_asked_ms?;
    let is_listed = newest.is_some_and(|newest| is_own(newest, timing));
    let is_patient = timing.now_ms.saturating_sub(asked_ms) < LISTING_PATIENCE_MS;
    (!is_listed && is_patient).then(|| Wait {
        reason: WaitReason::DeploymentRunning {
            service: desired.identity.service.clone(),
            stage: None,
        },
        retry_after_s: LISTING_RETRY_S,
    })
}

/// How to deploy, told a moment ago, may not be shown yet; it is not told again before that.
fn settings_not_shown_yet(change: &EcsServiceChange, timing: &Timing) -> Option<Wait> {
    let sent_ms = timing.settings_sent_ms?;
    let is_recent = timing.now_ms.saturating_sub(sent_ms) < SEEN_AFTER_MS;
    (is_recent && !change.starts_deployment()).then_some(Wait {
        reason: WaitReason::NotYetSeen,
        retry_after_s: LISTING_RETRY_S,
    })
}

/// Whether ECS gave a deployment up for a role that IAM may not have made known everywhere yet: the circuit breaker
/// allows three starts, which are over within a minute. A move goes back by its own stages.
fn is_deployed_again(failed: &ObservedDeployment, observed: &Observed, timing: &Timing) -> bool {
    timing.early_deployment.as_ref() == Some(&failed.arn)
        && failed.is_given_up
        && failed.created_ms < timing.started_ms + IAM_PROPAGATION_MS
        && timing.service_updates < DEPLOYMENTS_MAX
        && timing.now_ms < timing.stop_at_ms
        && observed.leaving.is_none()
}

/// Whether a deployment that failed had nothing to go back to: the service stands as it has failed, and a request that asks
/// for the same comes to nothing unless ECS is asked once more. A Create may find it so, where CloudFormation keeps what has
/// failed (`--disable-rollback`). A move goes back by its own stages.
fn has_never_served(
    observed: &Observed,
    service: &ObservedEcsService,
    failed: &ObservedDeployment,
) -> bool {
    let mut revisions = service.current_revision_arns.iter();
    service.live_target_group_arn.is_none()
        && revisions.all(|revision| failed.target_revision_arn.as_ref() == Some(revision))
        && observed.leaving.is_none()
}

/// A deployment is running: wait for it. One of ours that leaves no time to answer, or that cannot succeed any
/// more, is rolled back; so is one `is_in_vain`, of a request that was cancelled: going back at once is sooner than its
/// bakes, and leaves time for what is asked for instead.
fn follow(
    desired: &Desired,
    service: &ObservedEcsService,
    deployment: &ObservedDeployment,
    is_in_vain: bool,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Option<Wait> {
    let is_ours = is_own(deployment, timing);
    let is_hopeless = timing.hopeless_deployment.as_ref() == Some(&deployment.arn);
    let stop = if is_ours && is_hopeless {
        Some(Stop::Hopeless)
    } else if is_ours && timing.now_ms >= timing.stop_at_ms {
        Some(Stop::OutOfTime)
    } else {
        is_in_vain.then_some(Stop::Abandoned)
    };
    if let (Some(why), DeploymentStatus::Running) = (stop, deployment.status) {
        let is_asked = timing.stop_asked.as_ref().is_some_and(|asked| {
            asked.deployment_arn == deployment.arn
                && timing.now_ms.saturating_sub(asked.at_ms) < SEEN_AFTER_MS
        });
        if is_asked {
            return Some(Wait {
                reason: WaitReason::NotYetSeen,
                retry_after_s: LISTING_RETRY_S,
            });
        }
        steps.push(Step::StopDeployment {
            deployment_arn: deployment.arn.clone(),
            why,
        });
        return None;
    }
    let service_name = desired.identity.service.clone();
    let is_towards_desired = is_ours
        || !is_in_vain
            && deployment.task_definition_arn.as_ref() == Some(&service.task_definition_arn);
    Some(Wait {
        reason: if is_towards_desired {
            WaitReason::DeploymentRunning {
                service: service_name,
                stage: deployment.stage.clone(),
            }
        } else {
            WaitReason::OtherDeployment {
                service: service_name,
            }
        },
        retry_after_s: deployment.progress.phase.look_again_s(),
    })
}

fn update_service(
    desired: &Desired,
    observed: &Observed,
    course: &Course<'_>,
    service: &ObservedEcsService,
    is_again: bool,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<Option<Wait>, PlanError> {
    let (Some((spec, mut change)), Some(alarm)) = (
        wanted_change(desired, observed, course, service, timing),
        observed.metric_alarm.present(),
    ) else {
        return Ok(None);
    };
    change.is_deployed_again = is_again && !change.starts_deployment();
    if change.is_empty() || !steps.is_empty() {
        // What the deployment leans on (ports, groups, the alarm's aim) comes first.
        return Ok(None);
    }
    if let Some(wait) = settings_not_shown_yet(&change, timing) {
        return Ok(Some(wait));
    }
    let judges_deployment = change.starts_deployment() && !watches_what_serves(&course.watching);
    if alarm.state == AlarmState::Alarm && judges_deployment {
        return wait_for_alarm(desired, timing).map(Some);
    }
    if change.starts_deployment() && timing.now_ms >= timing.stop_at_ms {
        // It would be stopped at once.
        return Err(PlanError::TooLateToDeploy { service: spec.name });
    }
    let moves = if observed.leaving.is_some() {
        DEPLOYMENTS_OF_A_MOVE
    } else {
        0
    };
    if timing.service_updates >= DEPLOYMENTS_MAX + moves {
        return Err(PlanError::NeverAsDesired {
            service: spec.name,
            fields: change.fields().join("`, `"),
        });
    }
    steps.push(Step::UpdateService {
        spec: Box::new(spec),
        change,
    });
    Ok(None)
}

/// What ECS is to be told next, if anything: of a service that moves, what the move comes to.
fn wanted_change(
    desired: &Desired,
    observed: &Observed,
    course: &Course<'_>,
    service: &ObservedEcsService,
    timing: &Timing,
) -> Option<(EcsServiceSpec, EcsServiceChange)> {
    match (&course.next, course.stage) {
        (Some(next), _) => {
            let is_settled = moving::pause(desired, observed, course, timing).is_none()
                && moving::is_led_by_name(course, observed);
            let spec = wanted_service(desired, observed).filter(|_| is_settled)?;
            let change = ecs_service::rolling(&spec, service, next.clone());
            Some((spec, change))
        }
        (None, Stage::Bridged) => None,
        (None, Stage::Behind | Stage::Arrived) => {
            let spec = wanted_service(desired, &course.serving)?;
            let change = ecs_service::diff(&spec, service);
            Some((spec, change))
        }
    }
}
