//! Scaling policies: found and written; they go with their scalable target.
//!
//! Identity: the service and the policy's name. Repeat-safe: PutScalingPolicy replaces the settings.
//! Cooldowns and scale-in are people's: Application Auto Scaling's defaults for ECS hold until somebody sets them.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_PutScalingPolicy.html>

use aws_sdk_applicationautoscaling::types::{
    PolicyType, ScalableDimension, ScalingPolicy, ServiceNamespace,
    TargetTrackingScalingPolicyConfiguration,
};
use express_core::resources::scaling_policy::{
    ObservedScalingPolicy, ScalingPace, ScalingPolicySpec,
};

use super::scalable_target::{Tagged, tag_denied};
use crate::aws::AwsClients;
use crate::aws::error::answer::unbuildable;
use crate::aws::error::{AwsError, aws_error};

mod metric;

const PUT: &str = "application-autoscaling:PutScalingPolicy";

/// The policy of this name on a service.
///
/// # Errors
/// When AWS refuses.
pub async fn find(
    aws: &AwsClients,
    resource_id: &str,
    name: &str,
) -> Result<Option<ObservedScalingPolicy>, AwsError> {
    let answer = aws
        .autoscaling
        .describe_scaling_policies()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource_id)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .policy_names(name)
        .send()
        .await
        .map_err(aws_error("application-autoscaling:DescribeScalingPolicies"))?;
    Ok(answer.scaling_policies().first().map(observed))
}

/// Writes the policy. The service must be registered.
///
/// # Errors
/// When AWS refuses.
pub async fn put(
    aws: &AwsClients,
    spec: &ScalingPolicySpec,
) -> Result<ObservedScalingPolicy, AwsError> {
    match put_once(aws, spec).await {
        Err(denied) => match tag_denied(aws, &spec.resource_id, &spec.target_tags, denied).await? {
            Tagged::Again => put_once(aws, spec).await,
            Tagged::NotThere(denied) => Err(denied),
        },
        written => written,
    }
}

async fn put_once(
    aws: &AwsClients,
    spec: &ScalingPolicySpec,
) -> Result<ObservedScalingPolicy, AwsError> {
    let ScalingPolicySpec {
        name,
        resource_id,
        target_tags: _,
        metric,
        target_value,
        pace,
    } = spec;
    let tracking = metric::write(
        metric,
        TargetTrackingScalingPolicyConfiguration::builder()
            .target_value(f64::from(*target_value))
            .set_scale_in_cooldown(pace.in_cooldown_s)
            .set_scale_out_cooldown(pace.out_cooldown_s)
            .set_disable_scale_in(pace.is_in_disabled),
    )
    .and_then(|tracking| tracking.build())
    .map_err(unbuildable(PUT))?;
    let written = aws
        .autoscaling
        .put_scaling_policy()
        .policy_name(name)
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource_id)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .policy_type(PolicyType::TargetTrackingScaling)
        .target_tracking_scaling_policy_configuration(tracking)
        .send()
        .await
        .map_err(aws_error(PUT))?;
    Ok(ObservedScalingPolicy {
        name: name.clone(),
        metric: Some(metric.clone()),
        target_value: f64::from(*target_value),
        pace: *pace,
        has_alarms: !written.alarms().is_empty(),
    })
}

/// A policy of another type tracks nothing, and differs from any that we write.
fn observed(policy: &ScalingPolicy) -> ObservedScalingPolicy {
    let tracking = policy.target_tracking_scaling_policy_configuration();
    ObservedScalingPolicy {
        name: policy.policy_name().to_owned(),
        metric: tracking.and_then(metric::read),
        target_value: tracking.map_or(0.0, TargetTrackingScalingPolicyConfiguration::target_value),
        pace: tracking.map_or_else(ScalingPace::default, |tracking| ScalingPace {
            in_cooldown_s: tracking.scale_in_cooldown(),
            out_cooldown_s: tracking.scale_out_cooldown(),
            is_in_disabled: tracking.disable_scale_in(),
        }),
        has_alarms: !policy.alarms().is_empty(),
    }
}
