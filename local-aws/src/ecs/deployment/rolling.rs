//! Rolling deployments: tasks are replaced few by few, in the group that serves.
//!
//! A new task takes requests as soon as it is healthy. At no time run more tasks than `maximumPercent` of the
//! desired count, nor, through the deployment's doing, fewer healthy ones than `minimumHealthyPercent`. When all are
//! replaced, the alarms are watched for as long as they look back: ECS computes this bake by itself.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-ecs.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-alarm-failure.html>

use super::Deployment;
use super::stages::{desired, scaling};
use crate::cloud::Cloud;
use crate::cloudwatch;
use crate::ecs::fleet::{self, Fleet};
use crate::ecs::service::Strategy;
use crate::ecs::task;

/// Brings the service to `revision`, whatever revisions its tasks are of.
pub(super) fn replace(cloud: &mut Cloud, deployment: &Deployment, revision: &str) -> Fleet {
    let Strategy::Rolling {
        minimum_healthy_percent,
        maximum_percent,
    } = deployment.configuration.strategy
    else {
        return Fleet::Steady;
    };
    let count = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
    let desired = desired(cloud, deployment);
    // AWS rounds the upper limit down and the lower one up.
    let most = count(desired.saturating_mul(maximum_percent) / 100);
    let healthy_least = count(
        desired
            .saturating_mul(minimum_healthy_percent)
            .div_ceil(100),
    );
    let others = other_revisions(cloud, deployment, revision);
    let others_run: usize = others
        .iter()
        .map(|other| fleet::strength(cloud, other).0)
        .sum();
    let (runs, _) = fleet::strength(cloud, revision);
    let room = most.saturating_sub(others_run).max(runs);
    let held = fleet::hold(
        cloud,
        revision,
        desired.min(u32::try_from(room).unwrap_or(u32::MAX)),
    );
    let (_, healthy) = fleet::strength(cloud, revision);
    let mut kept = healthy_least.saturating_sub(healthy);
    let mut left = 0;
    for other in &others {
        let keep = kept.min(fleet::strength(cloud, other).0);
        kept -= keep;
        if keep == 0 {
            left += fleet::stop_all(cloud, other, &scaling(deployment));
        } else {
            fleet::hold(cloud, other, u32::try_from(keep).unwrap_or(u32::MAX));
            left += keep;
        }
    }
    if left == 0 && held == Fleet::Steady && fleet::strength(cloud, revision).0 == count(desired) {
        Fleet::Steady
    } else {
        Fleet::Changing
    }
}

/// The other revisions that have tasks, the newest first.
fn other_revisions(cloud: &Cloud, deployment: &Deployment, revision: &str) -> Vec<String> {
    let tasks = task::of_service(&cloud.ecs, &deployment.service);
    let mut others: Vec<String> = tasks
        .filter(|task| !task.is_stopped() && task.revision != revision)
        .map(|task| task.revision.clone())
        .collect();
    others.sort_unstable_by(|a, b| b.cmp(a));
    others.dedup();
    others
}

/// How long the alarms are watched after all tasks were replaced: as long as the slowest of them looks back.
pub(super) fn bake_ms(cloud: &Cloud, deployment: &Deployment) -> u64 {
    if !deployment.watches_alarms {
        return 0;
    }
    let names = deployment.configuration.alarms.names.iter();
    let spans = names.filter_map(|name| cloudwatch::looks_back_ms(cloud, name));
    spans.max().unwrap_or(0)
}
