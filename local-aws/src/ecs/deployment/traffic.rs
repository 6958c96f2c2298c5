//! The production traffic of a deployment: which shares the new revision takes when, and the rule that holds them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-linear.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html>

use super::Deployment;
use super::failure::Failure;
use super::stages::{Progress, change};
use crate::cloud::Cloud;
use crate::ecs::can_assume;
use crate::ecs::revision::Revision;
use crate::ecs::service::{ALL_TENTHS, Strategy};

/// The documented begin of `statusReason`.
const NETWORKING: &str =
    "Service deployment rolled back because of invalid networking configuration.";

/// The shares that the target revision takes one after another, and how long each but the last is kept.
///
/// A first deployment has nothing to compare with and nobody to keep waiting: it takes everything at once.
fn plan(deployment: &Deployment) -> (Vec<u32>, u64) {
    match &deployment.configuration.strategy {
        Strategy::Shifting {
            shares,
            step_bake_ms,
        } if deployment.source.is_some() => (shares.clone(), *step_bake_ms),
        Strategy::Shifting { .. } | Strategy::Rolling { .. } => (vec![ALL_TENTHS], 0),
    }
}

/// PRODUCTION_TRAFFIC_SHIFT: takes the next share when the present one has been kept long enough.
pub(super) fn shift(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    let (shares, step_bake_ms) = plan(deployment);
    let mut present = (deployment.target_share, deployment.shifted_at_ms);
    for share in shares {
        let (taken, since_ms) = present;
        if share <= taken {
            continue;
        }
        if taken > 0 && cloud.now_ms < since_ms + step_bake_ms {
            return Progress::Working;
        }
        match shift_to(cloud, deployment, share) {
            Progress::Done => present = (share, cloud.now_ms),
            stopped @ (Progress::Working | Progress::Failed(_)) => return stopped,
        }
    }
    Progress::Done
}

/// Weights of two groups of which the first takes `share`: 100 to 0 when one takes all, else of a thousand, as was
/// seen on AWS (50 to 950 in a canary of 5 %).
fn weights(share: u32) -> (u32, u32) {
    if share == 0 || share >= ALL_TENTHS {
        (share.min(ALL_TENTHS) / 10, 100 - share.min(ALL_TENTHS) / 10)
    } else {
        (share, ALL_TENTHS - share)
    }
}

/// Gives the target revision `share` of the production traffic.
pub(super) fn shift_to(cloud: &mut Cloud, deployment: &Deployment, share: u32) -> Progress {
    let Some(target) = cloud.ecs.revisions.get(&deployment.target).cloned() else {
        return Progress::Done;
    };
    if let Err(reason) = check_rule(cloud, deployment) {
        return Progress::Failed(Failure::Network(reason));
    }
    let (targets, others) = weights(share);
    let weights = [
        (target.target_group.clone(), targets),
        (target.other_group().to_owned(), others),
    ];
    let now_ms = cloud.now_ms;
    match crate::elbv2::set_rule_weights(cloud, &target.load_balancer.rule, &weights) {
        Ok(()) => {
            change(cloud, deployment, |it| {
                it.target_share = share;
                it.shifted_at_ms = now_ms;
            });
            Progress::Done
        }
        Err(refusal) => Progress::Failed(Failure::Network(format!(
            "{NETWORKING} {}",
            refusal.message
        ))),
    }
}

/// The infrastructure role can be assumed, the rule exists, forwards to both groups and to no other.
pub(super) fn check_rule(cloud: &Cloud, deployment: &Deployment) -> Result<(), String> {
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
