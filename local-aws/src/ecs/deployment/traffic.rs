//! The traffic of a deployment: which shares the new revision takes when, and the rules that hold them.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-linear.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/troubleshooting-blue-green.html>

use super::failure::Failure;
use super::stages::{Progress, change};
use super::{Deployment, Stage, hooks};
use crate::cloud::Cloud;
use crate::ecs::can_assume;
use crate::ecs::revision::Revision;
use crate::ecs::service::{ALL_TENTHS, LoadBalancer, Strategy};

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

/// TEST_TRAFFIC_SHIFT: requests of the test rule all go to the target revision.
pub(super) fn shift_test(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    if deployment.has_shifted {
        return Progress::Done;
    }
    let shifted = test_to(cloud, deployment, ALL_TENTHS);
    if matches!(shifted, Progress::Done) {
        change(cloud, deployment, |it| it.has_shifted = true);
    }
    shifted
}

/// PRODUCTION_TRAFFIC_SHIFT: takes the next share, calls the hooks, and keeps the share as long as it has to be kept.
pub(super) fn shift(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    let (shares, step_bake_ms) = plan(deployment);
    let mut deployment = deployment.clone();
    if !deployment.has_shifted {
        let next = shares
            .iter()
            .find(|share| **share > deployment.target_share);
        let Some(share) = next else {
            return Progress::Done;
        };
        match shift_to(cloud, &deployment, *share) {
            Progress::Done => {}
            stopped @ (Progress::Working | Progress::Failed(_)) => return stopped,
        }
        change(cloud, &deployment, |it| it.has_shifted = true);
        if let Some(changed) = cloud.ecs.deployments.get(&deployment.arn) {
            deployment = changed.clone();
        }
    }
    match hooks::call(cloud, &deployment, Stage::ProductionTrafficShift) {
        Progress::Done => {}
        stopped @ (Progress::Working | Progress::Failed(_)) => return stopped,
    }
    let is_kept =
        has_steps_left(&deployment) && cloud.now_ms < deployment.shifted_at_ms + step_bake_ms;
    if is_kept {
        Progress::Working
    } else {
        Progress::Done
    }
}

/// Whether the target revision has not all traffic yet.
pub(super) const fn has_steps_left(deployment: &Deployment) -> bool {
    deployment.target_share < ALL_TENTHS
}

/// Gives all traffic, that of tests too, back to the source revision.
pub(super) fn shift_back_to_source(cloud: &mut Cloud, deployment: &Deployment) -> Progress {
    match test_to(cloud, deployment, 0) {
        Progress::Done => shift_to(cloud, deployment, 0),
        stopped @ (Progress::Working | Progress::Failed(_)) => stopped,
    }
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
    let now_ms = cloud.now_ms;
    match set_weights(
        cloud,
        deployment,
        &target,
        &target.load_balancer.rule,
        share,
    ) {
        Ok(()) => {
            change(cloud, deployment, |it| {
                it.target_share = share;
                it.shifted_at_ms = now_ms;
            });
            Progress::Done
        }
        Err(reason) => Progress::Failed(Failure::Network(reason)),
    }
}

/// Gives the target revision `share` of the test traffic, if the service has a test rule.
fn test_to(cloud: &mut Cloud, deployment: &Deployment, share: u32) -> Progress {
    let Some(target) = cloud.ecs.revisions.get(&deployment.target).cloned() else {
        return Progress::Done;
    };
    let Some(rule) = &target.load_balancer.test_rule else {
        return Progress::Done;
    };
    match set_weights(cloud, deployment, &target, rule, share) {
        Ok(()) => {
            change(cloud, deployment, |it| it.is_tested = share > 0);
            Progress::Done
        }
        Err(reason) => Progress::Failed(Failure::Network(reason)),
    }
}

fn set_weights(
    cloud: &mut Cloud,
    deployment: &Deployment,
    target: &Revision,
    rule: &str,
    share: u32,
) -> Result<(), String> {
    check_rules(cloud, deployment)?;
    let (targets, others) = weights(share);
    let weights = [
        (target.target_group.clone(), targets),
        (target.other_group().to_owned(), others),
    ];
    crate::elbv2::set_rule_weights(cloud, rule, &weights)
        .map_err(|refusal| format!("{NETWORKING} {}", refusal.message))
}

/// The infrastructure role can be assumed; the rules exist, forward to both groups and to no other.
pub(super) fn check_rules(cloud: &Cloud, deployment: &Deployment) -> Result<(), String> {
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
    check_rule(cloud, load_balancer, &load_balancer.rule, "Production")?;
    match &load_balancer.test_rule {
        Some(rule) => check_rule(cloud, load_balancer, rule, "Test"),
        None => Ok(()),
    }
}

fn check_rule(
    cloud: &Cloud,
    load_balancer: &LoadBalancer,
    rule: &str,
    kind: &str,
) -> Result<(), String> {
    let Some(targets) = crate::elbv2::rule_targets(cloud, rule) else {
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
            "{NETWORKING} {kind} listener rule is forwarding traffic to unexpected target group {arn}. \
             Expected traffic to be forwarded to either targetGroupArn: {} or alternateTargetGroupArn: {}",
            load_balancer.primary, load_balancer.alternate
        )),
        None => Ok(()),
    }
}
