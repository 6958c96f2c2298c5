//! What stands for itself: cluster, log group, task definition, slot, security group, target groups.

use super::facts::{is_deploying, live_service, wanted_service};
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming::{self, Pair};
use crate::observed::{Observed, Presence, is_owned};
use crate::plan::{PlanError, specs};
use crate::resources::ecs_service;
use crate::resources::target_group::{self, TargetGroupChange};
use crate::resources::task_definition::{self, ObservedTaskDefinition};
use crate::step::{GroupOf, Step};

pub(super) fn standing_alone(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    if observed.cluster.is_absent() {
        if !desired.cluster.is_made_when_absent() {
            return Err(PlanError::ClusterNotFound {
                cluster: desired.cluster.name.clone(),
            });
        }
        steps.push(Step::CreateCluster(desired.cluster.clone()));
    }
    if let Some(log_group) = &desired.log_group
        && observed.log_group.is_absent()
    {
        steps.push(Step::CreateLogGroup(log_group.clone()));
    }
    if observed.slot.is_absent() {
        steps.push(Step::ClaimSlot(specs::slot_request(desired)));
    }
    match &observed.service_security_group {
        Presence::Unknown => {}
        Presence::Absent => steps.push(Step::CreateSecurityGroup {
            of: GroupOf::Service,
            spec: specs::service_security_group(desired),
        }),
        Presence::Present(group) => {
            if !is_owned(&group.tags, &desired.identity.owner_key) {
                return Err(PlanError::OwnedByAnother {
                    resource: format!("security group `{}`", group.name),
                });
            }
        }
    }
    task_definition(desired, observed, steps)?;
    target_groups(desired, observed, steps)
}

fn task_definition(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    match &desired.task_definition {
        DesiredTaskDefinition::Given(arn) => given_task_definition(arn, observed),
        DesiredTaskDefinition::Ours(spec) => {
            let is_wanted = match &observed.task_definition {
                Presence::Unknown => false,
                Presence::Absent => true,
                Presence::Present(newest) => {
                    refuse_foreign_revision(desired, observed, newest)?;
                    !is_owned(&newest.tags, &desired.identity.owner_key)
                        || !task_definition::diff(spec, newest).is_empty()
                }
            };
            // A deployment must end before the next one may be asked for; so may its task definition.
            if is_wanted && !is_deploying(observed) {
                steps.push(Step::RegisterTaskDefinition(spec.clone()));
            }
            Ok(())
        }
    }
}

fn given_task_definition(arn: &str, observed: &Observed) -> Result<(), PlanError> {
    let unfit = |problem: &str| {
        Err(PlanError::TaskDefinitionUnfit {
            arn: arn.to_owned(),
            problem: problem.to_owned(),
        })
    };
    match &observed.task_definition {
        Presence::Unknown => Ok(()),
        Presence::Absent => unfit("does not exist or is not active"),
        Presence::Present(found) if found.primary.port.is_none() => {
            unfit("must contain a container named `Main` with a single TCP port mapping")
        }
        Presence::Present(_) => Ok(()),
    }
}

/// Somebody deployed a revision by hand. Merging it is for a later version; overwriting it would undo
/// somebody's work without a word.
fn refuse_foreign_revision(
    desired: &Desired,
    observed: &Observed,
    newest: &ObservedTaskDefinition,
) -> Result<(), PlanError> {
    let Some(service) = live_service(desired, observed) else {
        return Ok(());
    };
    let runs = &service.task_definition_arn;
    let family = naming::family(&desired.identity.service, &desired.identity.service_arn);
    let is_of_our_family = runs.contains(&format!("/{family}:"));
    let is_newest_but_foreign =
        newest.arn == *runs && !is_owned(&newest.tags, &desired.identity.owner_key);
    // A task definition that the template gave before may be replaced by one of ours.
    let was_given = desired.given_before.as_ref().is_some_and(|given| {
        runs == given
            || runs
                .rsplit_once(':')
                .is_some_and(|(family, _)| family == given)
    });
    if (!is_of_our_family && !was_given) || is_newest_but_foreign {
        return Err(PlanError::ForeignTaskDefinition { arn: runs.clone() });
    }
    Ok(())
}

fn target_groups(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    for pair in Pair::BOTH {
        let spec = specs::target_group(desired, pair);
        match observed.target_group(pair) {
            Presence::Unknown => {}
            Presence::Absent => steps.push(Step::CreateTargetGroup(spec)),
            Presence::Present(group) => {
                if !is_owned(&group.tags, &desired.identity.owner_key) {
                    return Err(PlanError::OwnedByAnother {
                        resource: format!("target group `{}`", group.name),
                    });
                }
                let mut change = target_group::diff(&spec, group);
                if is_serving_old(desired, observed, &group.arn) {
                    // The tasks that serve now may not answer the new path: it is theirs only once
                    // the deployment that brings it has succeeded.
                    change.health_check_path = None;
                }
                if change != TargetGroupChange::default() {
                    steps.push(Step::ModifyTargetGroup {
                        pair,
                        arn: group.arn.clone(),
                        change,
                    });
                }
            }
        }
    }
    Ok(())
}

/// The health check of groups on a load balancer that the service is leaving: what is deployed before it leaves must be
/// able to become healthy there. `left` is what is observed from there.
pub(super) fn health_checks_of_left(desired: &Desired, left: &Observed, steps: &mut Vec<Step>) {
    for pair in Pair::BOTH {
        let Some(group) = left.target_group(pair).present() else {
            continue;
        };
        let health_check_path = target_group::diff(&specs::target_group(desired, pair), group)
            .health_check_path
            .filter(|_| !is_serving_old(desired, left, &group.arn));
        if health_check_path.is_some() && is_owned(&group.tags, &desired.identity.owner_key) {
            steps.push(Step::ModifyTargetGroup {
                pair,
                arn: group.arn.clone(),
                change: TargetGroupChange {
                    health_check_path,
                    deregistration_delay_s: None,
                },
            });
        }
    }
}

/// Whether `group_arn` serves a revision that is about to be replaced, or may be.
fn is_serving_old(desired: &Desired, observed: &Observed, group_arn: &str) -> bool {
    let Some(service) = live_service(desired, observed) else {
        return false;
    };
    let is_live = service
        .live_target_group_arn
        .as_deref()
        .is_none_or(|live| live == group_arn);
    let is_settled = wanted_service(desired, observed)
        .is_some_and(|spec| ecs_service::diff(&spec, service).is_empty())
        && !is_deploying(observed);
    is_live && !is_settled
}
