//! Scalable targets: found, registered, deregistered.
//!
//! Identity: the service. Repeat-safe: RegisterScalableTarget sets what it is given and nothing else; the
//! suspended state, which is the user's, stays. With tags it is for a new one only, and refused for one that is there:
//! that is a conflict, which the next look resolves. Without the provider's tags its policy allows no change.
//! Deregistering removes the policies and their alarms with it.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>

use aws_sdk_applicationautoscaling::types::{ScalableDimension, ServiceNamespace};
use express_core::resources::Tags;
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
    let registered = register_once(aws, spec).await;
    match registered {
        Err(denied) if spec.is_there => {
            match tag_denied(aws, &spec.resource_id, &spec.tags, denied).await? {
                Tagged::Again => register_once(aws, spec).await,
                Tagged::NotThere(denied) => Err(denied),
            }
        }
        other => other,
    }
}

async fn register_once(
    aws: &AwsClients,
    spec: &ScalableTargetSpec,
) -> Result<ObservedScalableTarget, AwsError> {
    const OPERATION: &str = "application-autoscaling:RegisterScalableTarget";
    let ScalableTargetSpec {
        resource_id,
        min_capacity,
        max_capacity,
        tags,
        is_there,
    } = spec;
    // Tags are for a new one only; those of one that exists are changed by their own call.
    let tags = (!is_there).then(|| tags::to_autoscaling(tags)).flatten();
    let answer = aws
        .autoscaling
        .register_scalable_target()
        .service_namespace(ServiceNamespace::Ecs)
        .resource_id(resource_id)
        .scalable_dimension(ScalableDimension::EcsServiceDesiredCount)
        .min_capacity(min_capacity.cast_signed())
        .max_capacity(max_capacity.cast_signed())
        .set_tags(tags)
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
pub async fn deregister(aws: &AwsClients, resource_id: &str, tags: &Tags) -> Result<(), AwsError> {
    let Err(denied) = deregister_once(aws, resource_id).await else {
        return Ok(());
    };
    match tag_denied(aws, resource_id, tags, denied).await? {
        Tagged::Again => deregister_once(aws, resource_id).await,
        Tagged::NotThere(_) => Ok(()),
    }
}

async fn deregister_once(aws: &AwsClients, resource_id: &str) -> Result<(), AwsError> {
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

/// What [`tag_denied`] has found.
pub(super) enum Tagged {
    /// The target has our tags now: what was denied is worth another call.
    Again,
    /// There is no target, and so it had no tag; with what was denied.
    NotThere(AwsError),
}

/// Gives the target our tags where, for want of them, no policy has allowed a call: the provider's own allows changes of
/// what has them. A service's target has lost them when somebody has turned its scaling off and on again, which makes
/// another one. Whose the service is was looked at before.
///
/// # Errors
/// What was refused, for another reason; or when AWS refuses the tags.
pub(super) async fn tag_denied(
    aws: &AwsClients,
    resource_id: &str,
    tags: &Tags,
    denied: AwsError,
) -> Result<Tagged, AwsError> {
    if !denied.is_for_want_of_a_policy() {
        return Err(denied);
    }
    let Some(target) = find(aws, resource_id).await? else {
        return Ok(Tagged::NotThere(denied));
    };
    let tagged = aws
        .autoscaling
        .tag_resource()
        .resource_arn(&target.arn)
        .set_tags(tags::to_autoscaling(tags))
        .send()
        .await
        .map_err(aws_error("application-autoscaling:TagResource"));
    match tagged {
        Ok(_) => Ok(Tagged::Again),
        // Then it was not for want of a tag.
        Err(error) if error.is_access_denied() => Err(denied),
        Err(error) => Err(error),
    }
}
