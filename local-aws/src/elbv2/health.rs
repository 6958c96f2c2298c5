//! What happens by itself: load balancers become active, targets are checked and drained, interfaces go.
//!
//! ```text
//!  not used ─► unused          in use ─► initial ─1 success─► healthy ◄─healthy threshold─┐
//!                                           └─unhealthy threshold─► unhealthy ◄─failures──┤
//!  deregistered while in use ─► draining ─delay─► gone                                    ▼
//! ```
//!
//! A target is in use when a rule of an active load balancer forwards to its group and its zone is
//! enabled. The first success after registration makes it healthy, whatever the threshold: "it must
//! pass one health check". A check passes the security groups of both sides, then asks ECS what the
//! task answers.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-register-targets.html>

use std::collections::BTreeSet;

use super::load_balancer::{self, LoadBalancerState};
use super::target::{Target, TargetHealth};
use super::target_group::TargetGroup;
use super::{State, rule};
use crate::cloud::Cloud;
use crate::ec2;
use crate::ecs::{self, HealthAnswer};

/// Simulated time from registration to the first check. AWS gives no figure; some seconds are usual.
pub(super) const REGISTRATION_MS: u64 = 5_000;

/// What is due, in order of time.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    entries: BTreeSet<(u64, Due)>,
}

/// Something that happens by itself.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// A load balancer becomes active.
    Active(String),
    /// A network interface that is no longer used goes.
    Released(String),
    /// A target is checked or, if draining, gone. Void if the target has another time meanwhile.
    Target {
        group_arn: String,
        key: (String, u16),
    },
}

impl Agenda {
    pub(super) fn add(&mut self, due_ms: u64, due: Due) {
        self.entries.insert((due_ms, due));
    }

    fn take_due(&mut self, now_ms: u64) -> Option<(u64, Due)> {
        if self.entries.first()?.0 > now_ms {
            return None;
        }
        self.entries.pop_first()
    }
}

/// Why a health check failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The status code is not one of the matcher's.
    ResponseCodeMismatch(u16),
    /// No answer.
    Timeout,
    /// No connection.
    Refused,
}

/// Whether and how a target's group is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// No rule forwards to the group.
    None,
    /// The load balancer has no subnet in the target's zone.
    ZoneNotEnabled,
    /// The load balancer is not active yet.
    Waiting,
    /// Targets are checked.
    Active,
}

/// When the next thing happens here by itself, in milliseconds since the epoch.
pub(super) fn next_due_ms(state: &State) -> Option<u64> {
    state.agenda.entries.first().map(|(due_ms, _)| *due_ms)
}

/// Lets happen what is due at `cloud.now_ms`.
pub(super) fn happen(cloud: &mut Cloud) {
    while let Some((due_ms, due)) = cloud.elbv2.agenda.take_due(cloud.now_ms) {
        match due {
            Due::Active(arn) => load_balancer::become_active(cloud, &arn),
            Due::Released(interface_id) => ec2::delete_network_interface(cloud, &interface_id),
            Due::Target { group_arn, key } => target_due(cloud, due_ms, &group_arn, &key),
        }
    }
}

/// How the group of a target in this zone is used.
pub(super) fn use_of(state: &State, group_arn: &str, zone: &str) -> Use {
    let balancer = state
        .rules
        .user_of(group_arn)
        .and_then(|arn| state.load_balancers.get(arn));
    match balancer {
        None => Use::None,
        Some(balancer) if balancer.zones.iter().all(|enabled| enabled.zone != zone) => {
            Use::ZoneNotEnabled
        }
        Some(balancer) => match balancer.state {
            LoadBalancerState::Provisioning => Use::Waiting,
            LoadBalancerState::Active => Use::Active,
        },
    }
}

/// A load balancer changed: so did, perhaps, the use of all groups that it forwards to.
pub(super) fn load_balancer_changed(cloud: &mut Cloud, arn: &str) {
    let groups = rule::rules_of_load_balancer(&cloud.elbv2, arn)
        .flat_map(|rule| rule.action.groups())
        .map(str::to_owned)
        .collect();
    use_changed(cloud, &groups);
}

/// Brings the targets of these groups in line with how the groups are used now.
pub(super) fn use_changed(cloud: &mut Cloud, group_arns: &BTreeSet<String>) {
    for group_arn in group_arns {
        let Some(mut group) = cloud.elbv2.target_groups.remove(group_arn) else {
            continue;
        };
        group.targets.retain(|key, target| {
            let used = use_of(&cloud.elbv2, group_arn, &target.zone);
            let stays = settle(target, used, cloud.now_ms);
            if let Some(next_ms) = target.next_ms.filter(|_| stays) {
                let due = Due::Target {
                    group_arn: group_arn.clone(),
                    key: key.clone(),
                };
                cloud.elbv2.agenda.add(next_ms, due);
            }
            stays
        });
        cloud.elbv2.target_groups.insert(group_arn.clone(), group);
    }
}

/// Brings one target in line; false if it is gone, because nothing is left to drain.
fn settle(target: &mut Target, used: Use, now_ms: u64) -> bool {
    let is_draining = target.health == TargetHealth::Draining;
    match used {
        Use::None | Use::ZoneNotEnabled if is_draining => return false,
        Use::None | Use::ZoneNotEnabled => {
            begin_anew(target, TargetHealth::Unused);
        }
        Use::Waiting | Use::Active if is_draining => {}
        Use::Waiting => {
            if target.health == TargetHealth::Unused {
                begin_anew(target, TargetHealth::Initial);
            }
        }
        Use::Active => {
            if target.health == TargetHealth::Unused {
                begin_anew(target, TargetHealth::Initial);
            }
            target.next_ms.get_or_insert(now_ms + REGISTRATION_MS);
        }
    }
    true
}

fn begin_anew(target: &mut Target, health: TargetHealth) {
    target.health = health;
    target.successes = 0;
    target.failures = 0;
    target.failure = None;
    target.next_ms = None;
}

/// A target that is in use drains for the group's delay; any other is gone at once.
pub(super) fn begin_draining(cloud: &mut Cloud, group_arn: &str, ip: &str, port: u16) {
    let key = (ip.to_owned(), port);
    let Some(group) = cloud.elbv2.target_groups.get_mut(group_arn) else {
        return;
    };
    let delay_ms = group.deregistration_delay_ms();
    let Some(target) = group.targets.get_mut(&key) else {
        return;
    };
    match target.health {
        TargetHealth::Draining => {}
        TargetHealth::Unused => {
            group.targets.remove(&key);
        }
        TargetHealth::Initial | TargetHealth::Healthy | TargetHealth::Unhealthy => {
            begin_anew(target, TargetHealth::Draining);
            let gone_ms = cloud.now_ms + delay_ms;
            target.next_ms = Some(gone_ms);
            let due = Due::Target {
                group_arn: group_arn.to_owned(),
                key,
            };
            cloud.elbv2.agenda.add(gone_ms, due);
        }
    }
}

fn target_due(cloud: &mut Cloud, due_ms: u64, group_arn: &str, key: &(String, u16)) {
    let Some(group) = cloud.elbv2.target_groups.get(group_arn) else {
        return;
    };
    let Some(target) = group
        .targets
        .get(key)
        .filter(|one| one.next_ms == Some(due_ms))
    else {
        return;
    };
    let is_draining = target.health == TargetHealth::Draining;
    let result = if is_draining {
        Ok(())
    } else {
        check(cloud, group, key)
    };
    let now_ms = cloud.now_ms;
    let Some(group) = cloud.elbv2.target_groups.get_mut(group_arn) else {
        return;
    };
    if is_draining {
        group.targets.remove(key);
        return;
    }
    let thresholds = (
        group.health_check.healthy_threshold,
        group.health_check.unhealthy_threshold,
    );
    let next_ms = now_ms + group.health_check.interval_s * 1000;
    if let Some(target) = group.targets.get_mut(key) {
        count(target, result, thresholds);
        target.next_ms = Some(next_ms);
        let due = Due::Target {
            group_arn: group_arn.to_owned(),
            key: key.clone(),
        };
        cloud.elbv2.agenda.add(next_ms, due);
    }
}

/// Counts the result of a check, and moves the target when a threshold (of successes, of failures) is met.
fn count(target: &mut Target, result: Result<(), Failure>, thresholds: (u32, u32)) {
    let (healthy_threshold, unhealthy_threshold) = thresholds;
    match result {
        Ok(()) => {
            target.successes += 1;
            target.failures = 0;
            let is_first = target.health == TargetHealth::Initial;
            if is_first || target.successes >= healthy_threshold {
                target.health = TargetHealth::Healthy;
            }
        }
        Err(failure) => {
            target.failures += 1;
            target.successes = 0;
            target.failure = Some(failure);
            if target.failures >= unhealthy_threshold {
                target.health = TargetHealth::Unhealthy;
            }
        }
    }
}

/// Whether a connection from the load balancer's node in the first of its zones gets through to a port. Without an
/// interface at the address there is nobody to answer.
pub(super) fn is_reached(cloud: &Cloud, group: &TargetGroup, ip: &str, port: u16) -> bool {
    let node = cloud
        .elbv2
        .rules
        .user_of(&group.arn)
        .and_then(|arn| cloud.elbv2.load_balancers.get(arn))
        .and_then(|balancer| balancer.zones.first())
        .and_then(|zone| cloud.ec2.network_interfaces.get(&zone.interface_id));
    let task = ec2::interface_of_address(cloud, &group.vpc_id, ip);
    node.zip(task)
        .is_some_and(|(node, task)| ec2::reaches(cloud, node, task, port))
}

/// One health check.
fn check(cloud: &Cloud, group: &TargetGroup, key: &(String, u16)) -> Result<(), Failure> {
    let (ip, port) = key;
    let port = group.health_check.port_of(*port);
    if !is_reached(cloud, group, ip, port) {
        return Err(Failure::Timeout);
    }
    match ecs::health_check(cloud, ip, port, &group.health_check.path) {
        HealthAnswer::Status(status) if group.health_check.admits(status) => Ok(()),
        HealthAnswer::Status(status) => Err(Failure::ResponseCodeMismatch(status)),
        HealthAnswer::Refused => Err(Failure::Refused),
        HealthAnswer::Timeout => Err(Failure::Timeout),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The states of a target after each of these results, with thresholds of 3 successes and 2 failures.
    fn states(results: &[Result<(), Failure>]) -> Vec<TargetHealth> {
        let mut target = Target::new("eu-west-1a");
        settle(&mut target, Use::Active, 0);
        results
            .iter()
            .map(|result| {
                count(&mut target, *result, (3, 2));
                target.health
            })
            .collect()
    }

    #[test]
    fn one_success_makes_a_new_target_healthy_and_an_unhealthy_one_needs_the_threshold() {
        use TargetHealth::{Healthy, Initial, Unhealthy};
        let (good, bad) = (Ok(()), Err(Failure::Refused));
        for (results, expected) in [
            (vec![good, good], vec![Healthy, Healthy]),
            (vec![bad, good, bad], vec![Initial, Healthy, Healthy]),
            (
                vec![bad, bad, good, good],
                vec![Initial, Unhealthy, Unhealthy, Unhealthy],
            ),
            (vec![good, bad, bad], vec![Healthy, Healthy, Unhealthy]),
            (
                vec![bad, bad, good, good, bad, good, good, good],
                vec![
                    Initial, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy, Unhealthy,
                    Healthy,
                ],
            ),
        ] {
            assert_eq!(states(&results), expected, "{results:?}");
        }
    }
}
