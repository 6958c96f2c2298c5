//! How the load balancers see a task: it is as healthy as the one that likes it least says.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/register-multiple-targetgroups.html>

use super::{Target, Task};
use crate::cloud::Cloud;
use crate::elbv2::TargetHealth;

impl Task {
    /// How the load balancer sees it; none when it is registered nowhere.
    pub(in crate::ecs) fn target_health(&self, cloud: &Cloud) -> Option<TargetHealth> {
        self.health(cloud).map(|(_, health)| health)
    }

    /// The worst of what its load balancers say, and of which group.
    fn health(&self, cloud: &Cloud) -> Option<(&Target, TargetHealth)> {
        let ip = &self.interface.private_ip;
        self.targets
            .iter()
            .filter_map(|target| {
                let (group, port) = target;
                let health = crate::elbv2::target_health(cloud, group, ip, *port)?;
                Some((target, health))
            })
            .min_by_key(|(_, health)| match health {
                TargetHealth::Draining => 0,
                TargetHealth::Unhealthy => 1,
                TargetHealth::Unused => 2,
                TargetHealth::Initial => 3,
                TargetHealth::Healthy => 4,
            })
    }

    /// The group whose load balancer likes it least.
    pub(in crate::ecs) fn target_group(&self, cloud: &Cloud) -> String {
        let worst = self.health(cloud).map(|(target, _)| target);
        worst
            .or(self.targets.first())
            .map_or_else(String::new, |(group, _)| group.clone())
    }

    /// The group that its revision's tasks are registered in.
    pub(super) fn target_group_of(&self, cloud: &Cloud) -> String {
        let revision = cloud.ecs.revisions.get(&self.revision);
        revision.map_or_else(String::new, |revision| revision.target_group.clone())
    }

    /// Why the load balancer finds it unhealthy, in ELB's words.
    pub(in crate::ecs) fn target_problem(&self, cloud: &Cloud) -> Option<String> {
        let ((group, port), _) = self.health(cloud)?;
        crate::elbv2::target_problem(cloud, group, &self.interface.private_ip, *port)
    }
}
