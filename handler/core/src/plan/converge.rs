//! The order in which a service comes to be and changes. Create and Update are the same.

mod around;
mod attributes;
mod facts;
mod ingress;
mod service;
mod shared;
mod standing;

use super::{PlanError, Timing};
use crate::decision::{Decision, Wait, WaitReason};
use crate::desired::Desired;
use crate::observed::{Observed, is_owned};

/// Plans the next part of the way to `desired`.
///
/// In order of dependency, everything whose inputs are known is planned at once:
/// 1. what stands for itself: cluster, log group, task definition, slot, the service's security group,
///    both target groups;
/// 2. the load balancer, its security group and listeners: made by whoever finds them missing;
/// 3. the rule, which forwards to both groups *before* the service exists: ECS refuses to deploy
///    otherwise, and owns its weights from then on; the alarm, which ECS must find when it deploys;
/// 4. the service, and its one deployment;
/// 5. what needs the service: scalable target and policy, alias record, tags;
/// 6. after the deployment: the alarm is pointed at the group that is idle now, ports that are no
///    longer used are closed, old revisions are deregistered.
///
/// # Errors
/// What can never come to be as asked, or a deployment of this operation that failed.
pub fn converge(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
) -> Result<Decision, PlanError> {
    refuse_moves(desired, observed)?;
    let mut steps = Vec::new();
    standing::standing_alone(desired, observed, &mut steps)?;
    shared::load_balancer(desired, observed, &mut steps)?;
    ingress::ingress(desired, observed, &mut steps);
    let wait = service::service(desired, observed, timing, &mut steps)?;
    around::around_the_service(desired, observed, timing, &mut steps)?;
    if steps.is_empty() && wait.is_none() {
        around::after_the_deployment(desired, observed, &mut steps);
    }
    if !steps.is_empty() {
        return Ok(Decision::Apply(steps));
    }
    if let Some(wait) = wait {
        return Ok(Decision::Wait(wait));
    }
    Ok(attributes::attributes(desired, observed).map_or_else(
        // Something that another step of this plan would have made is still being looked up.
        || {
            Decision::Wait(Wait {
                reason: WaitReason::OtherAttempt,
                retry_after_s: 1,
            })
        },
        |attributes| Decision::Converged(Box::new(attributes)),
    ))
}

/// A service that exists stays on its load balancer: VPC, scheme and sharing make the pool (DESIGN §4).
fn refuse_moves(desired: &Desired, observed: &Observed) -> Result<(), PlanError> {
    let moved = |what: &str| {
        Err(PlanError::MoveNotSupported {
            what: what.to_owned(),
        })
    };
    if let Some(group) = observed.target_group_a.present()
        && is_owned(&group.tags, &desired.identity.owner_key)
        && group.vpc_id != desired.network.vpc_id
    {
        return moved("the VPC");
    }
    match observed.slot.present() {
        Some(slot) if slot.pool_id != desired.pool_id => {
            moved("`LoadBalancer.Scheme` or `LoadBalancer.Sharing`")
        }
        Some(_) | None => Ok(()),
    }
}
