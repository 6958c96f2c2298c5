//! The scheduler: keeps a revision's tasks at their number, and looks at services in turn.
//!
//! Looks fall on whole multiples of their interval, so that many services are looked at together.

use std::collections::BTreeMap;

use super::agenda::Subject;
use super::revision::Revision;
use super::tag::Tags;
use super::task::{self, StopCause, Task};
use super::{deployment, service, task_definition};
use crate::cloud::Cloud;
use crate::elbv2::TargetHealth;

/// How often a service that changes is looked at, and one that does not. AWS does not say; its events
/// come in steps of about ten seconds.
const BUSY_MS: u64 = 5_000;
const STEADY_MS: u64 = 30_000;
/// A launch that was refused (role, address) is tried again after this.
const LAUNCH_RETRY_MS: u64 = 15_000;

/// Where a revision's tasks stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fleet {
    /// As many as desired run and are healthy, and no more.
    Steady,
    /// Not yet.
    Changing,
}

/// Looks at a service, if `at_ms` is the time set for that.
pub(super) fn look(cloud: &mut Cloud, arn: &str, at_ms: u64) {
    let Some(service) = cloud.ecs.services.get_mut(arn) else {
        return;
    };
    if service.next_look_ms != Some(at_ms) {
        return;
    }
    service.next_look_ms = None;
    let interval_ms = if service.is_inactive() {
        return;
    } else if service.is_draining() {
        drain(cloud, arn);
        BUSY_MS
    } else if deployment::is_open(cloud, arn) {
        deployment::advance(cloud, arn);
        BUSY_MS
    } else {
        match keep(cloud, arn) {
            Fleet::Steady => STEADY_MS,
            Fleet::Changing => BUSY_MS,
        }
    };
    look_within(cloud, arn, interval_ms);
}

/// Looks at a service within the interval of one that changes.
pub(super) fn look_soon(cloud: &mut Cloud, arn: &str) {
    look_within(cloud, arn, BUSY_MS);
}

fn look_within(cloud: &mut Cloud, arn: &str, interval_ms: u64) {
    let at_ms = (cloud.now_ms / interval_ms + 1) * interval_ms;
    let Some(service) = cloud.ecs.services.get_mut(arn) else {
        return;
    };
    let sooner = service.next_look_ms.is_none_or(|next_ms| at_ms < next_ms);
    if sooner && !service.is_inactive() {
        service.next_look_ms = Some(at_ms);
        cloud
            .ecs
            .agenda
            .add(at_ms, Subject::Service(arn.to_owned()));
    }
}

/// Keeps the revision in service at the desired count, and tells when it gets there.
fn keep(cloud: &mut Cloud, arn: &str) -> Fleet {
    let Some(service) = cloud.ecs.services.get(arn) else {
        return Fleet::Steady;
    };
    match service.revision.clone() {
        Some(revision) => hold(cloud, &revision, service.desired),
        None => Fleet::Steady,
    }
}

/// Brings the tasks of `revision` to `desired`: stops what is unhealthy or too much, starts what is missing.
pub(super) fn hold(cloud: &mut Cloud, revision: &str, desired: u32) -> Fleet {
    let Some(revision) = cloud.ecs.revisions.get(revision).cloned() else {
        return Fleet::Steady;
    };
    let healthy = check_health(cloud, &revision);
    let wanted = wanted(cloud, &revision);
    let desired = usize::try_from(desired).unwrap_or(usize::MAX);
    if wanted.len() > desired {
        let surplus = wanted.len() - desired;
        // The newest go first: those that serve are the last to be touched.
        for task in wanted.iter().rev().take(surplus) {
            let reason = format!(
                "Scaling activity initiated by (deployment {})",
                deployment::id_of(cloud, &revision.service)
            );
            task::begin_stop(cloud, task, StopCause::Scheduler, &reason);
        }
    } else if wanted.len() < desired {
        launch(cloud, &revision, desired - wanted.len());
    }
    if wanted.len() == desired && healthy == desired {
        Fleet::Steady
    } else {
        Fleet::Changing
    }
}

/// How many tasks of a revision are meant to run, and how many of those the load balancer finds healthy.
pub(super) fn strength(cloud: &Cloud, revision: &str) -> (usize, usize) {
    let Some(revision) = cloud.ecs.revisions.get(revision) else {
        return (0, 0);
    };
    let wanted = tasks_of(cloud, revision).filter(|task| task.is_wanted());
    wanted.fold((0, 0), |(wanted, healthy), task| {
        let is_healthy = task.target_health(cloud) == Some(TargetHealth::Healthy);
        (wanted + 1, healthy + usize::from(is_healthy))
    })
}

fn tasks_of<'a>(cloud: &'a Cloud, revision: &'a Revision) -> impl Iterator<Item = &'a Task> {
    let tasks = task::of_service(&cloud.ecs, &revision.service);
    tasks.filter(|task| task.revision == revision.arn)
}

/// The tasks of a revision that are meant to run; those that serve first, then by age.
fn wanted(cloud: &Cloud, revision: &Revision) -> Vec<String> {
    let mut wanted: Vec<&Task> = tasks_of(cloud, revision)
        .filter(|task| task.is_wanted())
        .collect();
    wanted.sort_by_key(|task| {
        let started_at_ms = task.started_at_ms.unwrap_or(u64::MAX);
        (!task.was_healthy, started_at_ms, &task.arn)
    });
    wanted.into_iter().map(|task| task.arn.clone()).collect()
}

/// Counts the healthy tasks of a revision, and stops those that the load balancer has given up
/// outside their grace period.
fn check_health(cloud: &mut Cloud, revision: &Revision) -> usize {
    let grace_ms = cloud
        .ecs
        .services
        .get(&revision.service)
        .map_or(0, |service| service.grace_s.saturating_mul(1_000));
    let mut healthy = Vec::new();
    let mut unhealthy = Vec::new();
    for task in tasks_of(cloud, revision) {
        if !task.is_running() || !task.is_wanted() {
            continue;
        }
        let in_grace = task
            .started_at_ms
            .is_some_and(|at_ms| cloud.now_ms < at_ms.saturating_add(grace_ms));
        match task.target_health(cloud) {
            Some(TargetHealth::Healthy) => healthy.push(task.arn.clone()),
            Some(TargetHealth::Unhealthy) if !in_grace => {
                let problem = task.target_problem(cloud).unwrap_or_default();
                unhealthy.push((task.arn.clone(), task.target_group().to_owned(), problem));
            }
            Some(
                TargetHealth::Unhealthy
                | TargetHealth::Initial
                | TargetHealth::Unused
                | TargetHealth::Draining,
            )
            | None => {}
        }
    }
    for arn in &healthy {
        let first_time = cloud.ecs.tasks.get_mut(arn).is_some_and(|task| {
            let first_time = !task.was_healthy;
            task.was_healthy = true;
            first_time
        });
        if first_time {
            deployment::task_became_healthy(cloud, &revision.service, &revision.arn);
        }
    }
    for (arn, group, problem) in &unhealthy {
        let reason = format!("Task failed ELB health checks in (target-group {group})");
        service::tell(
            cloud,
            &revision.service,
            format!(
                "(task {}) (port {}) is unhealthy in (target-group {group}) due to (reason {problem})",
                id(arn),
                revision.load_balancer.container_port
            ),
        );
        task::begin_stop(cloud, arn, StopCause::Unhealthy, &reason);
    }
    healthy.len()
}

/// Starts `number` tasks, each in the subnet that has the fewest of this revision.
fn launch(cloud: &mut Cloud, revision: &Revision, number: usize) {
    let Some(owner) = cloud.ecs.services.get(&revision.service) else {
        return;
    };
    let after_ms = owner.launch_after_ms.get(&revision.arn);
    if after_ms.is_some_and(|after_ms| cloud.now_ms < *after_ms) {
        return;
    }
    let tags = task_tags(cloud, owner, revision);
    let started_by = deployment::id_of_revision(cloud, &revision.arn);
    let mut started = Vec::new();
    for _ in 0..number {
        let subnet = emptiest_subnet(cloud, revision);
        match task::start(cloud, revision, &subnet, &started_by, tags.clone()) {
            Ok(arn) => started.push(id(&arn).to_owned()),
            Err(refusal) => {
                let message = if refusal.code == task::NOT_PLACED {
                    format!("was unable to place a task. Reason: {}", refusal.message)
                } else {
                    format!("failed to launch a task with (error {}).", refusal.message)
                };
                service::tell(cloud, &revision.service, message);
                count_failure(cloud, &revision.service, &revision.arn);
                let retry_ms = cloud.now_ms + LAUNCH_RETRY_MS;
                if let Some(service) = cloud.ecs.services.get_mut(&revision.service) {
                    service
                        .launch_after_ms
                        .insert(revision.arn.clone(), retry_ms);
                }
                break;
            }
        }
    }
    if !started.is_empty() {
        let message = format!(
            "has started {} tasks: (task {}).",
            started.len(),
            started.join(") (task ")
        );
        service::tell(cloud, &revision.service, message);
    }
}

fn emptiest_subnet(cloud: &Cloud, revision: &Revision) -> String {
    let mut used: BTreeMap<&str, usize> = BTreeMap::new();
    for task in tasks_of(cloud, revision) {
        if task.is_wanted() {
            *used.entry(&task.subnet).or_default() += 1;
        }
    }
    let subnets = revision.network.subnets.iter();
    subnets
        .min_by_key(|subnet| used.get(subnet.as_str()).copied().unwrap_or(0))
        .cloned()
        .unwrap_or_default()
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html>
fn task_tags(cloud: &Cloud, owner: &service::Service, revision: &Revision) -> Tags {
    let definition = || task_definition::by_arn(&cloud.ecs, &revision.task_definition);
    let mut tags = match owner.propagate_tags.as_str() {
        "SERVICE" => owner.tags.clone(),
        "TASK_DEFINITION" => definition().map(|it| it.tags.clone()).unwrap_or_default(),
        _ => Tags::new(),
    };
    if owner.managed_tags {
        tags.insert("aws:ecs:clusterName".to_owned(), owner.cluster.clone());
        tags.insert("aws:ecs:serviceName".to_owned(), owner.name.clone());
    }
    tags
}

/// Stops the tasks of a revision; answers how many are not STOPPED yet.
pub(super) fn stop_all(cloud: &mut Cloud, revision: &str, reason: &str) -> usize {
    let Some(revision) = cloud.ecs.revisions.get(revision) else {
        return 0;
    };
    let left: Vec<String> = tasks_of(cloud, revision)
        .filter(|task| !task.is_stopped())
        .map(|task| task.arn.clone())
        .collect();
    for arn in &left {
        task::begin_stop(cloud, arn, StopCause::Scheduler, reason);
    }
    left.len()
}

/// Stops the tasks of a deleted service, which is INACTIVE when all are at least STOPPING: their network
/// interfaces may still be there.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html>
pub(super) fn drain(cloud: &mut Cloud, arn: &str) {
    let left: Vec<String> = task::of_service(&cloud.ecs, arn)
        .filter(|task| task.serves())
        .map(|task| task.arn.clone())
        .collect();
    for task in &left {
        task::begin_stop(cloud, task, StopCause::Scheduler, "Service deleted");
    }
    if left.is_empty() {
        if let Some(service) = cloud.ecs.services.get_mut(arn) {
            service.end();
        }
    } else {
        look_soon(cloud, arn);
    }
}

/// A task of `revision` has failed before it was ever healthy.
pub(super) fn count_failure(cloud: &mut Cloud, service: &str, revision: &str) {
    deployment::task_failed(cloud, service, revision);
}

fn id(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}
