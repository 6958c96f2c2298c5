//! What a step has done, and what is known of AWS then.

use express_core::claim::Slot;
use express_core::naming::Pair;
use express_core::observed::{Observed, Presence};
use express_core::resources::alias_record::{AliasChange, ObservedAliasRecord};
use express_core::resources::cluster::ObservedCluster;
use express_core::resources::ecs_service::{ObservedEcsService, ServiceStatus};
use express_core::resources::listener::{HTTPS_PORT, ObservedListener};
use express_core::resources::listener_rule::ObservedListenerRule;
use express_core::resources::load_balancer::ObservedLoadBalancer;
use express_core::resources::log_group::ObservedLogGroup;
use express_core::resources::metric_alarm::{AlarmState, MetricAlarmSpec};
use express_core::resources::scalable_target::ObservedScalableTarget;
use express_core::resources::scaling_policy::ObservedScalingPolicy;
use express_core::resources::security_group::{IngressRule, ObservedSecurityGroup};
use express_core::resources::target_group::{ObservedTargetGroup, TargetGroupChange};
use express_core::resources::task_definition::ObservedTaskDefinition;
use express_core::step::{GroupOf, Step};

use crate::ledger::pool::Placement;

/// What a step has done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// There is a cluster.
    Cluster(ObservedCluster),
    /// There is a log group.
    LogGroup(ObservedLogGroup),
    /// There is a revision.
    TaskDefinition(Box<ObservedTaskDefinition>),
    /// The ledger has given a slot.
    Slot(Placement),
    /// The ledger has given another slot.
    NextSlot(Slot),
    /// The place that a move leaves is the one to be at again; with the other one's slot, if its claim was never noted.
    TurnedBack(Option<Slot>),
    /// The place that a move has left was given up.
    Left,
    /// There is a security group.
    SecurityGroup(GroupOf, ObservedSecurityGroup),
    /// A group lets more in.
    Authorized(GroupOf, Vec<IngressRule>),
    /// The service's group lets less in.
    Revoked(Vec<IngressRule>),
    /// There is a load balancer.
    LoadBalancer(Box<ObservedLoadBalancer>),
    /// There is a listener.
    Listener(ObservedListener),
    /// There is a target group.
    TargetGroup(Pair, Box<ObservedTargetGroup>),
    /// A target group has changed.
    TargetGroupChanged(String, TargetGroupChange),
    /// There is a rule.
    ListenerRule(Box<ObservedListenerRule>),
    /// Somebody else's rule has the priority.
    PriorityTaken,
    /// An alarm was written.
    MetricAlarm(MetricAlarmSpec),
    /// There is a service; its deployment shows only when it is looked for.
    EcsService(Box<ObservedEcsService>),
    /// The service is going.
    ServiceDrains,
    /// There is a scalable target.
    ScalableTarget(ObservedScalableTarget),
    /// There is a policy.
    ScalingPolicy(ObservedScalingPolicy),
    /// There is a record, by this change.
    AliasRecord(ObservedAliasRecord, AliasChange),
    /// The thing is not there any more.
    Gone,
    /// It was done; what is there now has to be looked at.
    Changed,
}

/// Merges what a step has done into what is observed.
#[expect(
    clippy::too_many_lines,
    reason = "one arm per effect; splitting it would hide which one is missing"
)]
pub fn merge(observed: &mut Observed, step: &Step, effect: Effect) {
    match effect {
        Effect::Cluster(found) => observed.cluster = Presence::Present(found),
        Effect::LogGroup(found) => observed.log_group = Presence::Present(found),
        Effect::TaskDefinition(found) => observed.task_definition = Presence::Present(*found),
        Effect::Slot(placement) => {
            observed.pool_id = Some(placement.slot.pool_id.clone());
            observed.slot = Presence::Present(placement.slot);
            // The request's own have just been looked at; others may be gone since they were written.
            observed.pool_subnets = match step {
                Step::ClaimSlot(request) if request.subnets == placement.subnets => {
                    Presence::Present(placement.subnets)
                }
                _ => Presence::Unknown,
            };
        }
        Effect::NextSlot(slot) => {
            observed.slot = Presence::Present(slot);
            observed.is_priority_taken = false;
        }
        // Which load balancer is which is the record's to say.
        Effect::TurnedBack(_) => {}
        Effect::Left => observed.leaving = None,
        Effect::SecurityGroup(of, found) => *group_of(observed, of) = Presence::Present(found),
        Effect::Authorized(of, mut rules) => {
            if let Presence::Present(group) = group_of(observed, of) {
                rules.retain(|rule| !group.ingress.contains(rule));
                group.ingress.extend(rules);
                group.has_default_egress = false;
            }
        }
        Effect::Revoked(rules) => {
            if let Presence::Present(group) = group_of(observed, GroupOf::Service) {
                group.ingress.retain(|rule| !rules.contains(rule));
            }
        }
        Effect::LoadBalancer(found) => observed.load_balancer = Presence::Present(*found),
        Effect::Listener(found) => {
            if found.port == HTTPS_PORT {
                observed.https_listener = Presence::Present(found);
            } else {
                observed.http_listener = Presence::Present(found);
            }
        }
        Effect::TargetGroup(pair, found) => {
            *target_group(observed, pair) = Presence::Present(*found);
        }
        Effect::TargetGroupChanged(arn, change) => {
            if let Some(Presence::Present(group)) = observed.target_group_mut(&arn) {
                let TargetGroupChange {
                    health_check_path,
                    deregistration_delay_s,
                } = change;
                if let Some(path) = health_check_path {
                    group.health_check_path = path;
                }
                group.deregistration_delay_s =
                    deregistration_delay_s.or(group.deregistration_delay_s);
            }
        }
        Effect::AliasRecord(found, change) => {
            observed.alias_record = Presence::Present(found);
            observed.alias_change = change;
        }
        Effect::ListenerRule(found) => *created_rule(observed, step) = Presence::Present(*found),
        Effect::PriorityTaken => {
            // It may be ours, made by a call whose answer was lost: looked for before another slot is taken.
            *created_rule(observed, step) = Presence::Unknown;
            observed.is_priority_taken = true;
        }
        Effect::MetricAlarm(spec) => {
            let state = match &observed.metric_alarm {
                Presence::Present(alarm) => alarm.state,
                Presence::Unknown | Presence::Absent => AlarmState::InsufficientData,
            };
            observed.metric_alarm = Presence::Present(spec.written(state));
        }
        Effect::ServiceDrains => {
            if let Presence::Present(service) = &mut observed.ecs_service {
                service.status = ServiceStatus::Draining;
            }
        }
        Effect::EcsService(created) => observed.ecs_service = Presence::Present(*created),
        Effect::ScalableTarget(found) => observed.scalable_target = Presence::Present(found),
        Effect::ScalingPolicy(found) => observed.scaling_policy = Presence::Present(found),
        Effect::Gone => settle(observed, step, Settled::Gone),
        Effect::Changed => settle(observed, step, Settled::Unknown),
    }
}

/// Makes the kind of a failed step `Unknown`.
pub fn forget(observed: &mut Observed, step: &Step) {
    settle(observed, step, Settled::Unknown);
}

#[derive(Clone, Copy)]
enum Settled {
    Gone,
    Unknown,
}

impl Settled {
    fn set<T>(self, presence: &mut Presence<T>) {
        *presence = match self {
            Self::Gone => Presence::Absent,
            Self::Unknown => Presence::Unknown,
        };
    }
}

/// Sets the presence of a step's kind.
fn settle(observed: &mut Observed, step: &Step, settled: Settled) {
    match step {
        Step::CreateCluster(_) => settled.set(&mut observed.cluster),
        Step::CreateLogGroup(_) => settled.set(&mut observed.log_group),
        Step::RegisterTaskDefinition(_) => settled.set(&mut observed.task_definition),
        // What a claim has done is in the ledger, which was asked and did not say.
        Step::ClaimSlot(_) | Step::TurnBack | Step::LeaveSlot(_) | Step::ClaimNextSlot(_) => {}
        Step::CreateSecurityGroup { of, spec: _ }
        | Step::AuthorizeIngress {
            of,
            group_id: _,
            rules: _,
        } => settled.set(group_of(observed, *of)),
        Step::AdmitRanges { .. } => settled.set(&mut observed.load_balancer_security_group),
        Step::RevokeIngress { .. } | Step::DeleteSecurityGroup { .. } => {
            settled.set(&mut observed.service_security_group);
        }
        Step::CreateLoadBalancer { .. } => {
            settled.set(&mut observed.load_balancer);
            // One of them may just have been deleted.
            observed.pool_subnets = Presence::Unknown;
        }
        Step::ExtendSubnets { .. } => settled.set(&mut observed.load_balancer),
        Step::CreateListener(_) => {
            settled.set(&mut observed.https_listener);
            settled.set(&mut observed.http_listener);
        }
        Step::SetListenerCertificate { .. } => settled.set(&mut observed.https_listener),
        Step::CreateTargetGroup(spec) => settled.set(target_group(observed, spec.pair)),
        Step::ModifyTargetGroup { arn, .. } | Step::DeleteTargetGroup { arn, .. } => {
            if let Some(group) = observed.target_group_mut(arn) {
                settled.set(group);
            }
        }
        Step::RepairListenerRule { rule_arn, .. }
        | Step::SetTestHeader { rule_arn, .. }
        | Step::AddHost { rule_arn, host: _ }
        | Step::DeleteListenerRule { rule_arn } => settled.set(rule(observed, rule_arn)),
        Step::CreateListenerRule(_) => settled.set(created_rule(observed, step)),
        Step::PutMetricAlarm(_) | Step::DeleteMetricAlarm { .. } => {
            settled.set(&mut observed.metric_alarm);
        }
        Step::CreateService { .. }
        | Step::UpdateService { .. }
        | Step::StopDeployment { .. }
        | Step::DeleteService { .. } => settled.set(&mut observed.ecs_service),
        Step::RegisterScalableTarget(_) => settled.set(&mut observed.scalable_target),
        Step::DeregisterScalableTarget { .. } => {
            settled.set(&mut observed.scalable_target);
            settled.set(&mut observed.scaling_policy);
        }
        Step::PutScalingPolicy(_) => settled.set(&mut observed.scaling_policy),
        Step::CreateAliasRecord(_)
        | Step::UpsertAliasRecord(_)
        | Step::DeleteAliasRecord { .. } => settled.set(&mut observed.alias_record),
        // The service's tags stand for all.
        Step::TagResources(_) => settled.set(&mut observed.ecs_service),
        Step::DeregisterTaskDefinition { arn } => {
            if let Presence::Present(revisions) = &mut observed.revisions {
                revisions.retain(|revision| revision != arn);
            }
        }
    }
}

const fn group_of(observed: &mut Observed, of: GroupOf) -> &mut Presence<ObservedSecurityGroup> {
    match of {
        GroupOf::Service => &mut observed.service_security_group,
        GroupOf::LoadBalancer => &mut observed.load_balancer_security_group,
    }
}

/// The rule of this ARN: on the load balancer that the service leaves, the one for test traffic, or else its own.
fn rule<'a>(observed: &'a mut Observed, arn: &str) -> &'a mut Presence<ObservedListenerRule> {
    let is = |rule: &Presence<ObservedListenerRule>| {
        let rule = rule.present();
        rule.is_some_and(|rule| rule.arn == arn)
    };
    match observed.leaving.as_deref_mut() {
        Some(leaving) if is(&leaving.listener_rule) => &mut leaving.listener_rule,
        _ if is(&observed.test_rule) => &mut observed.test_rule,
        Some(_) | None => &mut observed.listener_rule,
    }
}

/// The rule that a step makes.
const fn created_rule<'a>(
    observed: &'a mut Observed,
    step: &Step,
) -> &'a mut Presence<ObservedListenerRule> {
    match step {
        Step::CreateListenerRule(spec) if spec.header.is_some() => &mut observed.test_rule,
        _ => &mut observed.listener_rule,
    }
}

const fn target_group(observed: &mut Observed, pair: Pair) -> &mut Presence<ObservedTargetGroup> {
    match pair {
        Pair::A => &mut observed.target_group_a,
        Pair::B => &mut observed.target_group_b,
    }
}
