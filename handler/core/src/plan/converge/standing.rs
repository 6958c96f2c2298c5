//! What stands for itself: cluster, log group, task definition, slot, security group, target groups.

use super::facts::{is_as_wanted, is_deploying, live_service};
use crate::claim::LedTo;
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming::Pair;
use crate::observed::{Observed, Presence, is_owned};
use crate::plan::{PlanError, revision, specs};
use crate::resources::ecs_service::Strategy;
use crate::resources::target_group::{self, TargetGroupChange};
use crate::resources::task_definition::{Misfit, ObservedTaskDefinition};
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
        Presence::Present(_) => {}
    }
    task_definition(desired, observed, steps)?;
    target_groups(desired, observed, steps);
    Ok(())
}

fn task_definition(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    match &desired.task_definition {
        DesiredTaskDefinition::Given(arn) => given_task_definition(arn, desired, observed),
        DesiredTaskDefinition::Ours(_) => {
            revision::refuse_foreign(desired, observed)?;
            let is_wanted = !observed.task_definition.is_unknown()
                && revision::wanted(desired, observed).is_none();
            // A deployment must end before the next one may be asked for; so may its task definition.
            if is_wanted && !is_deploying(observed) {
                let spec = revision::merged(desired, observed);
                steps.extend(spec.map(Box::new).map(Step::RegisterTaskDefinition));
            }
            Ok(())
        }
    }
}

fn given_task_definition(
    arn: &str,
    desired: &Desired,
    observed: &Observed,
) -> Result<(), PlanError> {
    let unfit = |problem: &str| {
        Err(PlanError::TaskDefinitionUnfit {
            arn: arn.to_owned(),
            problem: problem.to_owned(),
        })
    };
    // What runs goes on, and goes back to what ran: of that, ECS decides.
    let is_new = |found: &ObservedTaskDefinition| {
        let runs = live_service(desired, observed)
            .is_some_and(|service| service.task_definition_arn == found.arn);
        !runs && desired.leads_back_from.is_none() && !is_deploying(observed)
    };
    match &observed.task_definition {
        Presence::Unknown => Ok(()),
        Presence::Absent => {
            unfit("does not exist or is not active; correct `TaskDefinitionArn`, or register it")
        }
        Presence::Present(found) if found.misfit.is_some() && is_new(found) => {
            unfit(match found.misfit {
                Some(Misfit::NotForFargate) => {
                    "is not for Fargate; register a revision with the network mode `awsvpc` and `FARGATE` among `requiresCompatibilities`"
                }
                Some(Misfit::Inactive) | None => {
                    "is not active: it was deregistered, and ECS starts nothing from it; name an active revision in `TaskDefinitionArn`"
                }
            })
        }
        Presence::Present(found) if found.primary.port.is_none() => unfit(
            "must contain a container named `Main` with a single TCP port mapping; register a revision that does",
        ),
        Presence::Present(_) => Ok(()),
    }
}

fn target_groups(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    for pair in Pair::BOTH {
        let spec = specs::target_group(desired, pair);
        match observed.target_group(pair) {
            Presence::Unknown => {}
            Presence::Absent => steps.push(Step::CreateTargetGroup(spec)),
            Presence::Present(group) => {
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

/// Whether `group_arn` serves a revision that is about to be replaced, or may be, and that may not answer what is desired.
fn is_serving_old(desired: &Desired, observed: &Observed, group_arn: &str) -> bool {
    let Some(service) = live_service(desired, observed) else {
        return false;
    };
    // A rolling deployment has one group for what goes and what comes. What it has brought became healthy there under the
    // path to which this leads back, and what comes may know no other.
    let is_rolling = desired.deployment.strategy == Strategy::Rolling && desired.was_rolling;
    let has_answered = is_rolling && desired.leads_back_from == Some(LedTo::Reached);
    if has_answered {
        return false;
    }
    // Between two load balancers the tasks are in a group of each.
    let bridged = service.bridge.as_ref();
    let is_live = service
        .live_target_group_arn
        .as_deref()
        .is_none_or(|live| live == group_arn)
        || bridged
            .is_some_and(|bridge| bridge.target_group_arns.iter().any(|arn| arn == group_arn));
    let is_settled = is_as_wanted(desired, observed, service) && !is_deploying(observed);
    is_live && !is_settled
}
