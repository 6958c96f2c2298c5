//! Applying: one arm per step, each one call to its kind's file. No choices are made here.
//!
//! A step is carried out without touching what is observed, so that the steps of one plan run side by
//! side; its [`Effect`] is merged afterwards. A step that fails makes its kind `Unknown`: the call may
//! have had its effect all the same, and the planner's only answer to `Unknown` is to look.

use express_core::claim::Slot;
use express_core::decision::HandlerErrorCode;
use express_core::naming::Pair;
use express_core::observed::{Observed, Presence};
use express_core::resources::alias_record::ObservedAliasRecord;
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

use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::ledger::pool::Placement;
use crate::operation::StepError;
use crate::resources;

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
    TargetGroupChanged(Pair, TargetGroupChange),
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
    /// There is a record.
    AliasRecord(ObservedAliasRecord),
    /// The thing is not there any more.
    Gone,
    /// It was done; what is there now has to be looked at.
    Changed,
}

/// Carries out one step in AWS.
///
/// # Errors
/// What AWS refused.
#[expect(
    clippy::too_many_lines,
    reason = "one arm per step; splitting it would hide which one is missing"
)]
pub async fn carry_out(aws: &AwsClients, step: &Step) -> Result<Effect, AwsError> {
    Ok(match step {
        Step::CreateCluster(spec) => Effect::Cluster(resources::cluster::create(aws, spec).await?),
        Step::CreateLogGroup(spec) => {
            Effect::LogGroup(resources::log_group::create(aws, spec).await?)
        }
        Step::RegisterTaskDefinition(spec) => {
            let registered = resources::task_definition::register(aws, spec).await?;
            Effect::TaskDefinition(Box::new(registered))
        }
        // These need the ledger; the operation carries them out.
        Step::ClaimSlot(_) | Step::ClaimNextSlot(_) | Step::ExtendSubnets { .. } => Effect::Changed,
        Step::CreateSecurityGroup { of, spec } => {
            Effect::SecurityGroup(*of, resources::security_group::create(aws, spec).await?)
        }
        Step::AuthorizeIngress {
            of,
            group_id,
            rules,
        } => {
            if *of == GroupOf::LoadBalancer {
                // The whole of a new group's rules: it may reach its VPC and nothing else (R26).
                resources::security_group::restrict_egress(aws, group_id).await?;
            }
            resources::security_group::authorize(aws, group_id, rules).await?;
            Effect::Authorized(*of, rules.clone())
        }
        Step::RevokeIngress { group_id, rules } => {
            resources::security_group::revoke(aws, group_id, rules).await?;
            Effect::Revoked(rules.clone())
        }
        Step::CreateLoadBalancer {
            spec,
            security_group_id,
        } => {
            let created = resources::load_balancer::create(aws, spec, security_group_id).await?;
            Effect::LoadBalancer(Box::new(created))
        }
        Step::CreateListener(spec) => {
            Effect::Listener(resources::listener::create(aws, spec).await?)
        }
        Step::CreateTargetGroup(spec) => {
            let created = resources::target_group::create(aws, spec).await?;
            Effect::TargetGroup(spec.pair, Box::new(created))
        }
        Step::ModifyTargetGroup { pair, arn, change } => {
            resources::target_group::update(aws, arn, change).await?;
            Effect::TargetGroupChanged(*pair, change.clone())
        }
        Step::CreateListenerRule(spec) => {
            match resources::listener_rule::create(aws, spec).await? {
                resources::listener_rule::Creation::Created(rule) => {
                    Effect::ListenerRule(Box::new(rule))
                }
                resources::listener_rule::Creation::PriorityTaken => Effect::PriorityTaken,
            }
        }
        Step::RepairListenerRule { rule_arn, weights } => {
            resources::listener_rule::set_weights(aws, rule_arn, weights).await?;
            Effect::Changed
        }
        Step::PutMetricAlarm(spec) => {
            resources::metric_alarm::put(aws, spec).await?;
            Effect::MetricAlarm(spec.clone())
        }
        Step::CreateService { spec, client_token } => {
            let created = resources::ecs_service::create(aws, spec, client_token).await?;
            Effect::EcsService(Box::new(created))
        }
        // Which group serves, and which deployment is the newest, has to be looked at anew.
        Step::UpdateService { spec, change } => {
            resources::ecs_service::update(aws, spec, change).await?;
            Effect::Changed
        }
        Step::StopDeployment { deployment_arn } => {
            resources::ecs_service::deployment::stop(aws, deployment_arn).await?;
            Effect::Changed
        }
        Step::RegisterScalableTarget(spec) => {
            Effect::ScalableTarget(resources::scalable_target::register(aws, spec).await?)
        }
        Step::PutScalingPolicy(spec) => {
            Effect::ScalingPolicy(resources::scaling_policy::put(aws, spec).await?)
        }
        Step::CreateAliasRecord(spec) => {
            Effect::AliasRecord(resources::alias_record::create(aws, spec).await?)
        }
        Step::UpsertAliasRecord(spec) => {
            Effect::AliasRecord(resources::alias_record::upsert(aws, spec).await?)
        }
        Step::TagResources(tagging) => {
            resources::tagging::apply(aws, tagging).await?;
            Effect::Changed
        }
        Step::DeregisterTaskDefinition { arn } => {
            resources::task_definition::deregister(aws, arn).await?;
            Effect::Gone
        }
        Step::DeleteAliasRecord {
            hosted_zone_id,
            host,
            record,
        } => {
            resources::alias_record::delete(aws, hosted_zone_id, host, record).await?;
            Effect::Gone
        }
        Step::DeregisterScalableTarget { resource_id } => {
            resources::scalable_target::deregister(aws, resource_id).await?;
            Effect::Gone
        }
        Step::DeleteListenerRule { rule_arn } => {
            resources::listener_rule::delete(aws, rule_arn).await?;
            Effect::Gone
        }
        Step::DeleteService {
            cluster,
            service_arn,
        } => {
            resources::ecs_service::delete(aws, cluster, service_arn).await?;
            Effect::ServiceDrains
        }
        Step::DeleteTargetGroup { pair: _, arn } => {
            resources::target_group::delete(aws, arn).await?;
            Effect::Gone
        }
        Step::DeleteMetricAlarm { name } => {
            resources::metric_alarm::delete(aws, name).await?;
            Effect::Gone
        }
        Step::DeleteSecurityGroup { group_id } => {
            resources::security_group::delete(aws, group_id).await?;
            Effect::Gone
        }
    })
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
            observed.slot = Presence::Present(placement.slot);
            observed.pool_subnets = Presence::Present(placement.subnets);
        }
        Effect::NextSlot(slot) => {
            observed.slot = Presence::Present(slot);
            observed.is_priority_taken = false;
        }
        Effect::SecurityGroup(of, found) => *group_of(observed, of) = Presence::Present(found),
        Effect::Authorized(of, mut rules) => {
            if let Presence::Present(group) = group_of(observed, of) {
                rules.retain(|rule| !group.ingress.contains(rule));
                group.ingress.extend(rules);
                group.has_ingress = true;
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
        Effect::TargetGroupChanged(pair, change) => {
            if let Presence::Present(group) = target_group(observed, pair) {
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
        Effect::AliasRecord(found) => observed.alias_record = Presence::Present(found),
        Effect::ListenerRule(found) => observed.listener_rule = Presence::Present(*found),
        Effect::PriorityTaken => {
            // It may be ours, made by a call whose answer was lost: looked for before another slot is taken.
            observed.listener_rule = Presence::Unknown;
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

/// Whether a failure only says that something changed between looking and doing.
#[must_use]
pub fn is_outdated(error: &StepError) -> bool {
    let StepError::Aws(error) = error else {
        return false;
    };
    let is_outdated = matches!(
        error.class,
        HandlerErrorCode::AlreadyExists | HandlerErrorCode::NotFound
    );
    if is_outdated {
        tracing::info!(
            event = "step.outdated",
            operation = error.operation,
            code = error.code
        );
    }
    is_outdated
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
        Step::ClaimSlot(_) | Step::ClaimNextSlot(_) => {}
        Step::CreateSecurityGroup { of, spec: _ }
        | Step::AuthorizeIngress {
            of,
            group_id: _,
            rules: _,
        } => settled.set(group_of(observed, *of)),
        Step::RevokeIngress { .. } | Step::DeleteSecurityGroup { .. } => {
            settled.set(&mut observed.service_security_group);
        }
        Step::CreateLoadBalancer { .. } | Step::ExtendSubnets { .. } => {
            settled.set(&mut observed.load_balancer);
        }
        Step::CreateListener(_) => {
            settled.set(&mut observed.https_listener);
            settled.set(&mut observed.http_listener);
        }
        Step::CreateTargetGroup(spec) => settled.set(target_group(observed, spec.pair)),
        Step::ModifyTargetGroup { pair, .. } | Step::DeleteTargetGroup { pair, .. } => {
            settled.set(target_group(observed, *pair));
        }
        Step::CreateListenerRule(_)
        | Step::RepairListenerRule { .. }
        | Step::DeleteListenerRule { .. } => settled.set(&mut observed.listener_rule),
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

const fn target_group(observed: &mut Observed, pair: Pair) -> &mut Presence<ObservedTargetGroup> {
    match pair {
        Pair::A => &mut observed.target_group_a,
        Pair::B => &mut observed.target_group_b,
    }
}
