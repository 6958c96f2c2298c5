//! Applying: one arm per step, each one call to its kind's file. No choices are made here.
//!
//! A step is carried out without touching what is observed, so that the steps of one plan run side by
//! side; its [`Effect`] is merged afterwards. A step that fails makes its kind `Unknown`: the call may
//! have had its effect all the same, and the planner's only answer to `Unknown` is to look.

mod effect;

use express_core::decision::HandlerErrorCode;
use express_core::step::{GroupOf, Step};

use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::operation::StepError;
use crate::resources;

pub use effect::{Effect, forget, merge};

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
        Step::ClaimSlot(_)
        | Step::TurnBack
        | Step::LeaveSlot(_)
        | Step::ClaimNextSlot(_)
        | Step::ExtendSubnets { .. } => Effect::Changed,
        Step::CreateSecurityGroup { of, spec } => {
            Effect::SecurityGroup(*of, resources::security_group::create(aws, spec).await?)
        }
        Step::AuthorizeIngress {
            of,
            group_id,
            rules,
        } => {
            resources::security_group::authorize(aws, group_id, rules).await?;
            if *of == GroupOf::LoadBalancer {
                // The whole of a new group's rules: it may reach its VPC and nothing else. What it may reach
                // comes last: that is what tells the next attempt whether clients were let in.
                resources::security_group::restrict_egress(aws, group_id).await?;
            }
            Effect::Authorized(*of, rules.clone())
        }
        Step::AdmitRanges {
            group_id,
            ranges,
            ingress,
        } => {
            // What it may reach comes last: that is what tells the next attempt whether all was done.
            if !ingress.is_empty() {
                resources::security_group::authorize(aws, group_id, ingress).await?;
            }
            resources::security_group::authorize_egress(aws, group_id, ranges).await?;
            Effect::Changed
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
        Step::SetListenerCertificate {
            listener_arn,
            certificate_arn,
        } => Effect::Listener(
            resources::listener::set_certificate(aws, listener_arn, certificate_arn).await?,
        ),
        Step::CreateTargetGroup(spec) => {
            let created = resources::target_group::create(aws, spec).await?;
            Effect::TargetGroup(spec.pair, Box::new(created))
        }
        Step::ModifyTargetGroup {
            pair: _,
            arn,
            change,
        } => {
            resources::target_group::update(aws, arn, change).await?;
            Effect::TargetGroupChanged(arn.clone(), change.clone())
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
        Step::SetTestHeader {
            rule_arn,
            host,
            header,
        } => {
            resources::listener_rule::set_header(aws, rule_arn, host, header).await?;
            Effect::Changed
        }
        Step::AddHost { rule_arn, host } => {
            resources::listener_rule::add_host(aws, rule_arn, host).await?;
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
        Step::StopDeployment {
            deployment_arn,
            why: _,
        } => {
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
            let (record, change) = resources::alias_record::create(aws, spec).await?;
            Effect::AliasRecord(record, change)
        }
        Step::UpsertAliasRecord(spec) => {
            let (record, change) = resources::alias_record::upsert(aws, spec).await?;
            Effect::AliasRecord(record, change)
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
        Step::DeregisterScalableTarget { resource_id, tags } => {
            resources::scalable_target::deregister(aws, resource_id, tags).await?;
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
