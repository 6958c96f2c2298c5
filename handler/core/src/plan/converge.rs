//! The order in which a service comes to be and changes. Create and Update are the same.

mod around;
mod attributes;
mod facts;
mod ingress;
mod moving;
mod ownership;
mod service;
mod shared;
mod standing;

use super::{PlanError, Timing};
use crate::decision::{Decision, Wait, WaitReason};
use crate::desired::Desired;
use crate::observed::{Observed, is_owned};
use crate::step::Step;
use moving::Stage;

pub use attributes::attributes;
pub use moving::ROLLING_MS;
pub use shared::needs_vpc_ranges;

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
/// A service whose scheme or sharing changes goes to another load balancer in stages of its own (`moving`), which end
/// with the same plan.
///
/// # Errors
/// What can never come to be as asked, or a deployment of this operation that failed.
pub fn converge(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
) -> Result<Decision, PlanError> {
    refuse_another_vpc(desired, observed)?;
    around::refuse_taken_host(desired, observed, timing)?;
    if let Some(begun) = moving::begin(desired, observed, timing)? {
        return Ok(begun);
    }
    ownership::refuse_parts_of_others(desired, observed)?;
    moving::refuse_unknown(desired, observed)?;
    let mut steps = Vec::new();
    let course = moving::course(desired, observed);
    standing::standing_alone(desired, observed, &mut steps)?;
    shared::load_balancer(desired, observed, &mut steps)?;
    ingress::ingress(desired, observed, &mut steps)?;
    if course.stage != Stage::Arrived {
        standing::health_checks_of_left(desired, &course.serving, &mut steps);
        ingress::of_left(desired, observed, &mut steps);
    }
    ingress::alarm(&course.watching, &course.serving, &mut steps);
    let wait = service::service(desired, observed, &course, timing, &mut steps)?;
    around::around_the_service(desired, &course.serving, &mut steps);
    let is_stopped = steps
        .iter()
        .any(|step| matches!(step, Step::StopDeployment { .. }));
    if let Some(side) = moving::side_of_alias(&course, observed, is_stopped || wait.is_some()) {
        around::alias(desired, side, timing, &mut steps)?;
    }
    around::tags(desired, observed, timing, &mut steps);
    let wait = wait.or_else(|| moving::pause(desired, observed, &course, timing));
    if steps.is_empty() && wait.is_none() {
        around::after_the_deployment(desired, observed, &mut steps);
        moving::leave(desired, observed, &mut steps)?;
    }
    if !steps.is_empty() {
        return Ok(Decision::Apply(steps));
    }
    if let Some(wait) = wait {
        return Ok(Decision::Wait(wait));
    }
    Ok(attributes(desired, observed).map_or_else(
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

/// A service that exists stays in its VPC: no load balancer reaches tasks in another one.
fn refuse_another_vpc(desired: &Desired, observed: &Observed) -> Result<(), PlanError> {
    let is_elsewhere = observed.target_group_a.present().is_some_and(|group| {
        is_owned(&group.tags, &desired.identity.owner_key) && group.vpc_id != desired.network.vpc_id
    });
    if is_elsewhere {
        return Err(PlanError::MoveOutOfVpc);
    }
    Ok(())
}
