//! Scalable targets: found, registered, deregistered.
//!
//! Identity: the service. Repeat-safe: RegisterScalableTarget sets what it is given and nothing else; the
//! suspended state, which is the user's, stays. With tags it is for a new one only, and refused for one that is there:
//! that is a conflict, which the next look resolves.
//! Deregistering removes the policies and their alarms with it.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use express_core::resources::scalable_target::{ObservedScalableTarget, ScalableTargetSpec};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{number, text};
use crate::aws::error::{AwsError, aws_error, if_found};

/// The scalable target of a service.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(
    aws: &AwsClients,
    resource_id: &str,
) -> Result<Option<ObservedScalableTarget>, AwsError> {
    const OPERATION: &str = "application-autoscaling:DescribeScalableTargets";
    let answer = aws
        .autoscaling
        .describe_scalable_targets()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_ids(resource_id)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    answer
        .scalable_targets()
        .first()
        .map(|target| {
            Ok(ObservedScalableTarget {
                arn: text(OPERATION, "ScalableTargetARN", target.scalable_target_arn())?,
                min_capacity: number(OPERATION, "MinCapacity", Some(target.min_capacity()))?,
                max_capacity: number(OPERATION, "MaxCapacity", Some(target.max_capacity()))?,
            })
        })
        .transpose()
}

/// Registers the service, or sets its limits when it is registered.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn register(
    aws: &AwsClients,
    spec: &ScalableTargetSpec,
) -> Result<ObservedScalableTarget, AwsError> {
    const OPERATION: &str = "application-autoscaling:RegisterScalableTarget";
    let ScalableTargetSpec {
        resource_id,
        min_capacity,
        max_capacity,
        tags,
    } = spec;
    let answer = aws
        .autoscaling
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource_id)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .min_capacity(min_capacity.cast_signed())
        .max_capacity(max_capacity.cast_signed())
        .set_tags(tags::to_autoscaling(tags))
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    Ok(ObservedScalableTarget {
        arn: text(OPERATION, "ScalableTargetARN", answer.scalable_target_arn())?,
        min_capacity: *min_capacity,
        max_capacity: *max_capacity,
    })
}

/// Deregisters the service; one that is not registered counts as done.
///
/// # Errors
/// When AWS refuses.
pub async fn deregister(aws: &AwsClients, resource_id: &str) -> Result<(), AwsError> {
    let deregistered = aws
        .autoscaling
        .deregister_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource_id)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .send()
        .await
        .map_err(aws_error(
            "application-autoscaling:DeregisterScalableTarget",
        ));
    if_found(deregistered).map(|_| ())
}
