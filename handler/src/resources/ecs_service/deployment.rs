//! Service deployments and service revisions: found and stopped; ECS makes them.
//!
//! `status` of a deployment is what counts, never `rolloutState`. The group that serves is
//! that of the revision's resolved configuration: the service's own `loadBalancers` does not say it.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevisionLoadBalancer.html>

use aws_sdk_ecs::types::{
    ServiceDeployment, ServiceDeploymentLifecycleStage, ServiceDeploymentRollbackMonitorsStatus,
    ServiceDeploymentStatus, ServiceRevision, StopServiceDeploymentStopType,
};
use aws_smithy_types::DateTime;
use express_core::diagnosis::{Phase, Progress};
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};

use crate::aws::AwsClients;
use crate::aws::error::answer::{member, text, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

/// What a service revision says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundRevision {
    /// Its task definition, with the revision.
    pub task_definition_arn: String,
    /// The target group of its tasks; none before ECS has chosen it.
    pub target_group_arn: Option<String>,
}

/// The newest deployment of a service, whoever started it; without its task definition, which is a further call
/// ([`find_revision`]).
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_newest(
    aws: &AwsClients,
    cluster: &str,
    service: &str,
) -> Result<Option<ObservedDeployment>, AwsError> {
    const OPERATION: &str = "ecs:ListServiceDeployments";
    let answer = aws
        .ecs
        .list_service_deployments()
        .cluster(cluster)
        .service(service)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    // AWS does not promise an order within the page; the page holds the newest 20.
    let newest = answer
        .service_deployments()
        .iter()
        .max_by_key(|deployment| deployment.created_at().map(DateTime::as_nanos));
    match newest {
        Some(newest) => {
            let arn = text(
                OPERATION,
                "serviceDeploymentArn",
                newest.service_deployment_arn(),
            )?;
            find(aws, &arn).await
        }
        None => Ok(None),
    }
}

/// The deployment of this ARN.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(aws: &AwsClients, arn: &str) -> Result<Option<ObservedDeployment>, AwsError> {
    const OPERATION: &str = "ecs:DescribeServiceDeployments";
    let answer = aws
        .ecs
        .describe_service_deployments()
        .service_deployment_arns(arn)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let found = answer.service_deployments().first();
    found.map(|found| observed(OPERATION, found)).transpose()
}

/// The revision of this ARN: what it runs, and the target group of its tasks.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find_revision(aws: &AwsClients, arn: &str) -> Result<Option<FoundRevision>, AwsError> {
    const OPERATION: &str = "ecs:DescribeServiceRevisions";
    let answer = aws
        .ecs
        .describe_service_revisions()
        .service_revision_arns(arn)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    let Some(revision) = answer.service_revisions().first() else {
        return Ok(None);
    };
    let task_definition = revision.task_definition();
    Ok(Some(FoundRevision {
        task_definition_arn: text(OPERATION, "taskDefinition", task_definition)?,
        target_group_arn: target_group(revision),
    }))
}

/// Stops a deployment and rolls it back. One that has ended meanwhile counts as stopped.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_StopServiceDeployment.html>
///
/// # Errors
/// When AWS refuses.
pub async fn stop(aws: &AwsClients, arn: &str) -> Result<(), AwsError> {
    let stopped = aws
        .ecs
        .stop_service_deployment()
        .service_deployment_arn(arn)
        .stop_type(StopServiceDeploymentStopType::Rollback)
        .send()
        .await
        .map_err(aws_error("ecs:StopServiceDeployment"));
    match stopped {
        Ok(_) => Ok(()),
        // It is in no state to be stopped: it has ended, or is going back already.
        Err(error) if error.is("ConflictException") || error.is_not_found() => Ok(()),
        Err(error) => Err(error),
    }
}

fn target_group(revision: &ServiceRevision) -> Option<String> {
    revision
        .resolved_configuration()?
        .load_balancers()
        .first()?
        .target_group_arn()
        .map(str::to_owned)
}

/// A deployment as `operation` has answered it.
///
/// # Errors
/// When the answer is unusable.
pub fn observed(
    operation: &'static str,
    found: &ServiceDeployment,
) -> Result<ObservedDeployment, AwsError> {
    let created = member(operation, "createdAt", found.created_at())?;
    let created_ms = created
        .to_millis()
        .ok()
        .and_then(|millis| u64::try_from(millis).ok())
        .ok_or_else(|| unknown_value(operation, "createdAt", &created.to_string()))?;
    Ok(ObservedDeployment {
        arn: text(
            operation,
            "serviceDeploymentArn",
            found.service_deployment_arn(),
        )?,
        status: status(operation, member(operation, "status", found.status())?)?,
        status_reason: found.status_reason().map(str::to_owned),
        is_given_up: found
            .deployment_circuit_breaker()
            .and_then(|breaker| breaker.status())
            .is_some_and(|status| *status == ServiceDeploymentRollbackMonitorsStatus::Triggered),
        stage: found
            .lifecycle_stage()
            .map(|stage| stage.as_str().to_owned()),
        created_ms,
        progress: progress(found),
        target_revision_arn: found
            .target_service_revision()
            .and_then(|revision| revision.arn().map(str::to_owned)),
        task_definition_arn: None,
    })
}

/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeploymentCircuitBreaker.html>,
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceRevisionSummary.html>
fn progress(found: &ServiceDeployment) -> Progress {
    let count = |count: i32| u32::try_from(count).unwrap_or_default();
    Progress {
        failures: found
            .deployment_circuit_breaker()
            .map_or(0, |breaker| count(breaker.failure_count())),
        running: found
            .target_service_revision()
            .map_or(0, |revision| count(revision.running_task_count())),
        // A rolling deployment has no stages.
        phase: found.lifecycle_stage().map_or(Phase::ScalingUp, phase),
        triggered_alarms: found
            .alarms()
            .map(|alarms| alarms.triggered_alarm_names().to_vec())
            .unwrap_or_default(),
    }
}

fn phase(stage: &ServiceDeploymentLifecycleStage) -> Phase {
    use ServiceDeploymentLifecycleStage as Stage;
    match stage {
        Stage::ReconcileService | Stage::PreScaleUp | Stage::ScaleUp => Phase::ScalingUp,
        Stage::ProductionTrafficShift | Stage::BakeTime => Phase::Baking,
        // Also those that AWS may add: nothing depends on their name.
        _ => Phase::GettingOn,
    }
}

fn status(
    operation: &'static str,
    status: &ServiceDeploymentStatus,
) -> Result<DeploymentStatus, AwsError> {
    match status {
        ServiceDeploymentStatus::Pending | ServiceDeploymentStatus::InProgress => {
            Ok(DeploymentStatus::Running)
        }
        ServiceDeploymentStatus::StopRequested
        | ServiceDeploymentStatus::RollbackRequested
        | ServiceDeploymentStatus::RollbackInProgress => Ok(DeploymentStatus::GoingBack),
        ServiceDeploymentStatus::Successful => Ok(DeploymentStatus::Successful),
        ServiceDeploymentStatus::Stopped
        | ServiceDeploymentStatus::RollbackSuccessful
        | ServiceDeploymentStatus::RollbackFailed => Ok(DeploymentStatus::Failed),
        other => Err(unknown_value(operation, "status", other.as_str())),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::ServiceRevisionSummary;

    use super::*;

    fn described(status: ServiceDeploymentStatus) -> ServiceDeployment {
        ServiceDeployment::builder()
            .service_deployment_arn("arn:deployment")
            .status(status)
            .created_at(DateTime::from_millis(1_700_000_000_123))
            .target_service_revision(
                ServiceRevisionSummary::builder()
                    .arn("arn:revision")
                    .build(),
            )
            .build()
    }

    #[test]
    fn statuses_are_told_apart_as_far_as_they_matter() {
        use ServiceDeploymentStatus as Status;
        for (given, expected) in [
            (Status::Pending, DeploymentStatus::Running),
            (Status::InProgress, DeploymentStatus::Running),
            (Status::StopRequested, DeploymentStatus::GoingBack),
            (Status::RollbackRequested, DeploymentStatus::GoingBack),
            (Status::RollbackInProgress, DeploymentStatus::GoingBack),
            (Status::Successful, DeploymentStatus::Successful),
            (Status::Stopped, DeploymentStatus::Failed),
            (Status::RollbackSuccessful, DeploymentStatus::Failed),
            (Status::RollbackFailed, DeploymentStatus::Failed),
        ] {
            let found = observed("x:Y", &described(given)).expect("is usable");
            assert_eq!(found.status, expected);
        }
        assert!(observed("x:Y", &described(Status::from("HOVERING"))).is_err());
    }

    #[test]
    fn time_and_revision_are_read() {
        let found = observed("x:Y", &described(ServiceDeploymentStatus::Pending)).expect("usable");
        assert_eq!(found.created_ms, 1_700_000_000_123);
        assert_eq!(found.target_revision_arn.as_deref(), Some("arn:revision"));
    }
}
