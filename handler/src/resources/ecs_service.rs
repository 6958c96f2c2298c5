//! ECS services: found, created, updated, deleted; their deployments, tasks and events.
//!
//! Identity: name and cluster. Repeat-safe: CreateService by its client token; UpdateService is sent only
//! with what differs. `desiredCount` is written once, at creation: auto scaling owns it.
//! Delete is complete only at INACTIVE: ECS needs the user's roles until then.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>

use aws_sdk_ecs::types::{
    AvailabilityZoneRebalancing, LaunchType, PropagateTags, SchedulingStrategy, Service,
    ServiceField,
};
use express_core::resources::ecs_service::{
    DeploymentChange, EcsServiceChange, EcsServiceSpec, ObservedEcsService, ServiceStatus,
};

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::{member, text, unknown_value};
use crate::aws::error::{AwsError, aws_error, if_found};

pub mod deployment;
pub mod event;
mod lifecycle_hooks;
mod settings;
pub mod task;

const DESCRIBE: &str = "ecs:DescribeServices";

/// Why ECS does not describe a service: there is none, not even an INACTIVE one.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/api_failures_messages.html>
const MISSING: &str = "MISSING";

/// The service of this name, also when it is DRAINING or INACTIVE.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(
    aws: &AwsClients,
    cluster: &str,
    name: &str,
) -> Result<Option<ObservedEcsService>, AwsError> {
    let answer = aws
        .ecs
        .describe_services()
        .cluster(cluster)
        .services(name)
        .include(ServiceField::Tags)
        .send()
        .await
        .map_err(aws_error(DESCRIBE));
    // A cluster that is gone has no services.
    let Some(answer) = if_found(answer)? else {
        return Ok(None);
    };
    if let Some(service) = answer.services().first() {
        return observed(DESCRIBE, service).map(Some);
    }
    let reason = answer
        .failures()
        .first()
        .and_then(|failure| failure.reason());
    match member(DESCRIBE, "services", reason)? {
        MISSING => Ok(None),
        other => Err(unknown_value(DESCRIBE, "failures.reason", other)),
    }
}

/// Creates the service, which starts its first deployment.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn create(
    aws: &AwsClients,
    spec: &EcsServiceSpec,
    client_token: &str,
) -> Result<ObservedEcsService, AwsError> {
    const OPERATION: &str = "ecs:CreateService";
    let EcsServiceSpec {
        cluster,
        name,
        task_definition_arn,
        initial_desired_count,
        network,
        ingress,
        deployment_settings,
        health_check_grace_s,
        alarm_names,
        dropped_alarm_names: _,
        tags: wanted_tags,
    } = spec;
    let created = aws
        .ecs
        .create_service()
        .client_token(client_token)
        .cluster(cluster)
        .service_name(name)
        .task_definition(task_definition_arn)
        .desired_count(initial_desired_count.cast_signed())
        .launch_type(LaunchType::Fargate)
        .scheduling_strategy(SchedulingStrategy::Replica)
        .availability_zone_rebalancing(AvailabilityZoneRebalancing::Enabled)
        .network_configuration(settings::network(OPERATION, network)?)
        .load_balancers(settings::load_balancer(ingress))
        .deployment_configuration(settings::deployment(
            OPERATION,
            deployment_settings,
            alarm_names,
        )?)
        .health_check_grace_period_seconds(*health_check_grace_s)
        .enable_ecs_managed_tags(true)
        .propagate_tags(PropagateTags::Service)
        .set_tags(Some(tags::to_ecs(wanted_tags)))
        .send()
        .await
        .map_err(aws_error(OPERATION));
    match created {
        // With the tags that it was made with: AWS does not promise that this answer shows them.
        Ok(answer) => Ok(ObservedEcsService {
            tags: wanted_tags.clone(),
            ..observed(OPERATION, member(OPERATION, "service", answer.service())?)?
        }),
        // A service of this name exists, made with another token: by an earlier request, or a stranger.
        Err(error) if error.is_already_exists() => find(aws, cluster, name)
            .await?
            // Not there any more, or not there yet: the next attempt knows.
            .ok_or(error),
        Err(error) => Err(error),
    }
}

/// Updates the service: only what the change names. A change of the task definition, the network or the
/// load balancers starts a deployment, and so does the wish for another one.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn update(
    aws: &AwsClients,
    spec: &EcsServiceSpec,
    change: &EcsServiceChange,
) -> Result<ObservedEcsService, AwsError> {
    const OPERATION: &str = "ecs:UpdateService";
    let EcsServiceChange {
        task_definition_arn,
        network,
        ingress,
        bridge,
        deployment,
        is_deployed_again,
    } = change;
    let network = network
        .as_ref()
        .map(|network| settings::network(OPERATION, network))
        .transpose()?;
    let mut request = aws
        .ecs
        .update_service()
        .cluster(&spec.cluster)
        .service(&spec.name)
        .set_task_definition(task_definition_arn.clone())
        .set_network_configuration(network)
        // "0" where none is given, says AWS of updates too: the one that the service has is sent along.
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html
        .health_check_grace_period_seconds(spec.health_check_grace_s)
        .set_load_balancers(match (ingress, bridge) {
            (Some(ingress), _) => Some(vec![settings::load_balancer(ingress)]),
            (None, Some(bridge)) => Some(settings::bridge(bridge)),
            (None, None) => None,
        })
        .set_force_new_deployment(is_deployed_again.then_some(true));
    if let Some(DeploymentChange {
        settings,
        alarm_names,
    }) = deployment
    {
        request = request.deployment_configuration(settings::deployment(
            OPERATION,
            settings,
            alarm_names,
        )?);
    }
    let answer = request.send().await.map_err(aws_error(OPERATION))?;
    observed(OPERATION, member(OPERATION, "service", answer.service())?)
}

/// Begins to delete the service with its tasks: DRAINING, then INACTIVE. None when it is gone.
///
/// `force` because its desired count is not 0 and auto scaling may be raising it.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeleteService.html>
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn delete(
    aws: &AwsClients,
    cluster: &str,
    service_arn: &str,
) -> Result<Option<ObservedEcsService>, AwsError> {
    const OPERATION: &str = "ecs:DeleteService";
    let deleted = aws
        .ecs
        .delete_service()
        .cluster(cluster)
        .service(service_arn)
        .force(true)
        .send()
        .await
        .map_err(aws_error(OPERATION));
    let Some(answer) = if_found(deleted)? else {
        return Ok(None);
    };
    observed(OPERATION, member(OPERATION, "service", answer.service())?).map(Some)
}

fn observed(operation: &'static str, service: &Service) -> Result<ObservedEcsService, AwsError> {
    let status = match member(operation, "status", service.status())? {
        "ACTIVE" => ServiceStatus::Active,
        "DRAINING" => ServiceStatus::Draining,
        "INACTIVE" => ServiceStatus::Inactive,
        other => return Err(unknown_value(operation, "status", other)),
    };
    Ok(ObservedEcsService {
        arn: text(operation, "serviceArn", service.service_arn())?,
        status,
        // A stranger's service has none when an external controller deploys it.
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-type-external.html
        task_definition_arn: service.task_definition().unwrap_or_default().to_owned(),
        network: settings::read_network(service),
        ingress: settings::read_ingress(service),
        bridge: settings::read_bridge(service),
        deployment_settings: settings::read_deployment(service),
        health_check_grace_s: service
            .health_check_grace_period_seconds()
            .unwrap_or_default(),
        alarm_names: settings::alarm_names(service),
        tags: tags::from_ecs(service.tags()),
        deployment: None,
        live_target_group_arn: None,
        // The newest is first.
        // AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-event-messages.html
        latest_event: service
            .events()
            .first()
            .and_then(|event| event.message().map(str::to_owned)),
        current_deployment_arn: service.current_service_deployment().map(str::to_owned),
        current_revision_arns: service
            .current_service_revisions()
            .iter()
            .filter_map(|revision| revision.arn().map(str::to_owned))
            .collect(),
    })
}

#[cfg(test)]
mod tests {
    use express_core::resources::ecs_service::TaskNetwork;
    use serde_json::json;

    use super::*;
    use crate::fake_aws::FakeAws;

    const ARN: &str = "arn:aws:ecs:eu-west-1:123456789012:service/default/web";

    /// Of another network mode, of another launch type with an external controller.
    #[tokio::test]
    async fn a_stranger_s_service_of_any_kind_is_seen() {
        let kinds = [
            json!({"taskDefinition": "theirs:7", "launchType": "EC2"}),
            json!({"deploymentController": {"type": "EXTERNAL"}}),
        ];
        let statuses = [
            ("ACTIVE", ServiceStatus::Active),
            ("INACTIVE", ServiceStatus::Inactive),
        ];
        let each = |kind| statuses.iter().map(move |status| (kind, status));
        for (kind, (status, expected)) in kinds.iter().flat_map(each) {
            let mut service = kind.clone();
            service["serviceArn"] = json!(ARN);
            service["status"] = json!(status);
            let answer = json!({"services": [service], "failures": []}).to_string();
            let fake = FakeAws::new(move |_, _| Some((200, answer.clone())));
            let seen = find(&fake.runtime().aws, "default", "web").await;
            let seen = seen.expect("an answer").expect("a service");
            assert_eq!((seen.arn.as_str(), seen.status), (ARN, *expected), "{kind}");
            assert_eq!(seen.network, TaskNetwork::default(), "{kind}");
        }
    }
}
