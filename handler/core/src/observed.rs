//! What AWS last told us of one service and of the load balancer it is on.

use std::collections::BTreeMap;

use crate::claim::{ServiceRecord, Slot};
use crate::naming::{self, Pair};
use crate::resources::Tags;
use crate::resources::alias_record::{AliasChange, ObservedAliasRecord};
use crate::resources::cluster::ObservedCluster;
use crate::resources::ecs_service::ObservedEcsService;
use crate::resources::listener::ObservedListener;
use crate::resources::listener_rule::ObservedListenerRule;
use crate::resources::load_balancer::ObservedLoadBalancer;
use crate::resources::log_group::ObservedLogGroup;
use crate::resources::metric_alarm::ObservedMetricAlarm;
use crate::resources::scalable_target::ObservedScalableTarget;
use crate::resources::scaling_policy::ObservedScalingPolicy;
use crate::resources::security_group::ObservedSecurityGroup;
use crate::resources::target_group::ObservedTargetGroup;
use crate::resources::task_definition::ObservedTaskDefinition;

/// What is known of one thing. Absence is not ignorance: a step is planned only on what is known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Presence<T> {
    /// Not looked at, or changed since: to be observed before anything is planned on it.
    #[default]
    Unknown,
    /// AWS says that there is none.
    Absent,
    /// AWS says that there is this.
    Present(T),
}

impl<T> Presence<T> {
    /// The thing, if it is known to exist.
    pub const fn present(&self) -> Option<&T> {
        match self {
            Self::Present(thing) => Some(thing),
            Self::Unknown | Self::Absent => None,
        }
    }

    /// Whether it is known not to exist.
    pub const fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether it has to be looked at.
    pub const fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

impl<T> From<Option<T>> for Presence<T> {
    fn from(found: Option<T>) -> Self {
        found.map_or(Self::Absent, Self::Present)
    }
}

/// What depends on a look at the alias record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum AliasLook {
    /// There is no going on without it.
    #[default]
    Needed,
    /// By the ledger the record leads to the load balancer with this DNS name. As long as the service has that one,
    /// everything else goes on without an answer.
    Optional(String),
    /// It has, and Route 53 did not answer: it is not asked again.
    Skipped,
}

/// One service's resources, and those of its load balancer.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Its cluster.
    pub cluster: Presence<ObservedCluster>,
    /// Its log group.
    pub log_group: Presence<ObservedLogGroup>,
    /// The newest revision of its family, or the given one.
    pub task_definition: Presence<ObservedTaskDefinition>,
    /// The revision of its family that the service runs, or ran when it was last looked at.
    pub running_task_definition: Presence<ObservedTaskDefinition>,
    /// The revision that the operation has registered, by the ledger, and that is taken as it is, however ECS describes it.
    pub registered_in_vain: Option<String>,
    /// Whether a request for it has succeeded, by the ledger: it has served.
    pub has_served: bool,
    /// Its place on a load balancer, by the ledger.
    pub slot: Presence<Slot>,
    /// The pool in which it has a place, or may have claimed one: its target groups are named after it.
    pub pool_id: Option<String>,
    /// What it has on the load balancer that it is leaving, while it moves.
    pub leaving: Option<Box<LeavingSide>>,
    /// Subnet by zone that the load balancer is to have, by the ledger; looked at only when it is to be made.
    pub pool_subnets: Presence<BTreeMap<String, String>>,
    /// Address ranges of the VPC; looked at only when a load balancer is opened, or may not reach the tasks.
    pub vpc_cidrs: Presence<Vec<String>>,
    /// The load balancer's security group.
    pub load_balancer_security_group: Presence<ObservedSecurityGroup>,
    /// The load balancer.
    pub load_balancer: Presence<ObservedLoadBalancer>,
    /// Its HTTPS listener.
    pub https_listener: Presence<ObservedListener>,
    /// Its HTTP listener.
    pub http_listener: Presence<ObservedListener>,
    /// The service's security group.
    pub service_security_group: Presence<ObservedSecurityGroup>,
    /// Target group a.
    pub target_group_a: Presence<ObservedTargetGroup>,
    /// Target group b.
    pub target_group_b: Presence<ObservedTargetGroup>,
    /// The service's rule.
    pub listener_rule: Presence<ObservedListenerRule>,
    /// The service's rule for test traffic.
    pub test_rule: Presence<ObservedListenerRule>,
    /// Whether somebody else's rule has a priority of our slot.
    pub is_priority_taken: bool,
    /// The rollback alarm.
    pub metric_alarm: Presence<ObservedMetricAlarm>,
    /// The service.
    pub ecs_service: Presence<ObservedEcsService>,
    /// Its scalable target.
    pub scalable_target: Presence<ObservedScalableTarget>,
    /// Its scaling policy.
    pub scaling_policy: Presence<ObservedScalingPolicy>,
    /// Its alias record.
    pub alias_record: Presence<ObservedAliasRecord>,
    /// Whether that has to be looked at.
    pub alias_look: AliasLook,
    /// What is known of the change that has pointed the host name elsewhere, during a move.
    pub alias_change: AliasChange,
    /// Active revisions of its family, oldest first; looked at only when they are to go.
    pub revisions: Presence<Vec<String>>,
}

/// What a service that moves has on the load balancer that it is leaving.
#[derive(Clone, Debug, PartialEq)]
pub struct LeavingSide {
    /// Its place there, by the ledger.
    pub slot: Slot,
    /// That load balancer.
    pub load_balancer: Presence<ObservedLoadBalancer>,
    /// That load balancer's security group.
    pub load_balancer_security_group: Presence<ObservedSecurityGroup>,
    /// That load balancer's HTTPS listener.
    pub https_listener: Presence<ObservedListener>,
    /// Target group a there.
    pub target_group_a: Presence<ObservedTargetGroup>,
    /// Target group b there.
    pub target_group_b: Presence<ObservedTargetGroup>,
    /// The service's rule there.
    pub listener_rule: Presence<ObservedListenerRule>,
}

impl LeavingSide {
    /// Nothing of it has been looked at.
    #[must_use]
    pub const fn new(slot: Slot) -> Self {
        Self {
            slot,
            load_balancer: Presence::Unknown,
            load_balancer_security_group: Presence::Unknown,
            https_listener: Presence::Unknown,
            target_group_a: Presence::Unknown,
            target_group_b: Presence::Unknown,
            listener_rule: Presence::Unknown,
        }
    }

    /// Both target groups, in the order of their names.
    #[must_use]
    pub const fn target_groups(&self) -> [&Presence<ObservedTargetGroup>; 2] {
        [&self.target_group_a, &self.target_group_b]
    }
}

impl Observed {
    /// What the ledger says of a service; everything else has to be looked at.
    #[must_use]
    pub fn of_record(record: &ServiceRecord) -> Self {
        let pool_id = record.slot.as_ref().map(|slot| slot.pool_id.clone());
        Self {
            has_served: record.is_reached,
            slot: record.slot.clone().into(),
            pool_id: pool_id.or_else(|| record.claiming_in.clone()),
            leaving: record.leaving.clone().map(LeavingSide::new).map(Box::new),
            test_rule: if record.has_test_rule {
                Presence::Unknown
            } else {
                Presence::Absent
            },
            ..Self::default()
        }
    }

    /// Whether a load balancer of this name is the provider's, and the record knows it neither as the service's nor as the
    /// one that it leaves.
    #[must_use]
    pub fn is_elsewhere(&self, name: &str) -> bool {
        let leaving = self.leaving.as_deref().map(|leaving| &leaving.slot);
        let mut known = self.slot.present().into_iter().chain(leaving);
        let is_known = known.any(|it| naming::load_balancer(&it.pool_id, it.ordinal) == name);
        !is_known && naming::pool_of_load_balancer(name).is_some()
    }

    /// ARNs of the load balancers of which a rule forwards to the service's groups.
    pub fn load_balancers_of_groups(&self) -> impl Iterator<Item = &str> {
        let groups = Pair::BOTH
            .into_iter()
            .filter_map(|pair| self.target_group(pair).present());
        groups.flat_map(|group| group.load_balancer_arns.iter().map(String::as_str))
    }

    /// The same seen from the load balancer that the service is leaving: what it has there is in the place of what it
    /// has, or will have, on the other. None for one that does not move.
    #[must_use]
    pub fn from_leaving_side(&self) -> Option<Self> {
        let LeavingSide {
            slot,
            load_balancer,
            load_balancer_security_group,
            https_listener,
            target_group_a,
            target_group_b,
            listener_rule,
        } = self.leaving.as_deref()?.clone();
        Some(Self {
            pool_id: Some(slot.pool_id.clone()),
            slot: Presence::Present(slot),
            leaving: None,
            load_balancer,
            load_balancer_security_group,
            https_listener,
            http_listener: Presence::Unknown,
            target_group_a,
            target_group_b,
            listener_rule,
            // A service with test traffic does not move.
            test_rule: Presence::Absent,
            is_priority_taken: false,
            ..self.clone()
        })
    }

    /// What is known of a service whose names have just been claimed: nothing can have one of ours yet. A
    /// step that meets something all the same is refused by AWS, and it is looked at then: create first,
    /// look up on conflict. What others share or may have made stays to be looked at.
    #[must_use]
    pub fn of_new_service() -> Self {
        Self {
            slot: Presence::Absent,
            log_group: Presence::Absent,
            task_definition: Presence::Absent,
            service_security_group: Presence::Absent,
            target_group_a: Presence::Absent,
            target_group_b: Presence::Absent,
            listener_rule: Presence::Absent,
            test_rule: Presence::Absent,
            metric_alarm: Presence::Absent,
            scalable_target: Presence::Absent,
            scaling_policy: Presence::Absent,
            ..Self::default()
        }
    }

    /// With what leads requests to the service known to be gone.
    #[must_use]
    pub fn without_what_serves(self) -> Self {
        Self {
            alias_record: Presence::Absent,
            scalable_target: Presence::Absent,
            scaling_policy: Presence::Absent,
            listener_rule: Presence::Absent,
            test_rule: Presence::Absent,
            leaving: self.leaving.map(|mut leaving| {
                leaving.listener_rule = Presence::Absent;
                leaving
            }),
            ..self
        }
    }

    /// One of the two target groups.
    #[must_use]
    pub const fn target_group(&self, pair: Pair) -> &Presence<ObservedTargetGroup> {
        match pair {
            Pair::A => &self.target_group_a,
            Pair::B => &self.target_group_b,
        }
    }

    /// The target group of this ARN, on whichever side it is.
    pub fn target_group_mut(&mut self, arn: &str) -> Option<&mut Presence<ObservedTargetGroup>> {
        let leaving = self.leaving.as_deref_mut();
        let leaving =
            leaving.map(|leaving| [&mut leaving.target_group_a, &mut leaving.target_group_b]);
        let leaving = leaving.into_iter().flatten();
        [&mut self.target_group_a, &mut self.target_group_b]
            .into_iter()
            .chain(leaving)
            .find(|group| group.present().is_some_and(|group| group.arn == arn))
    }

    /// Both target groups, when both are known to exist: a, then b.
    #[must_use]
    pub const fn target_groups(&self) -> Option<[&ObservedTargetGroup; 2]> {
        match (&self.target_group_a, &self.target_group_b) {
            (Presence::Present(a), Presence::Present(b)) => Some([a, b]),
            _ => None,
        }
    }
}

/// Whether tags say that something belongs to `owner_key`.
#[must_use]
pub fn is_owned(tags: &Tags, owner_key: &str) -> bool {
    tags.get(crate::naming::TAG_OWNER)
        .is_some_and(|owner| owner == owner_key)
}
