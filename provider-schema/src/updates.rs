//! What a change of each property does, as a table.
//!
//! A property cannot be forgotten: [`leaves`] takes the types apart without `..`, so that a new
//! field does not compile before it has a [`Property`]; and a property gets its effect and note
//! where it is declared. A test compares the table with the JSON Schema.

use serde_json::{Value, json};

use crate::error::quoted;
use crate::properties::{
    CircuitBreaker, Deployment, LoadBalancer, NetworkConfiguration, PrimaryContainer, Properties,
    RollbackAlarm, ScalingTarget, ThresholdConfiguration, defaults,
};

/// What an update does when a property has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Settings change; the tasks that run stay.
    InPlace,
    /// A deployment, in the manner of `Deployment.Strategy`, starts new tasks and then stops the old ones.
    NewDeployment,
    /// A new service is made, under a new physical id, and the old one deleted afterwards.
    Replacement,
    /// The same service goes to another load balancer in stages, without a failed request: two rolling deployments, and
    /// between them its host name.
    Move,
}

impl Effect {
    /// As the documentation calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::InPlace => "in place",
            Self::NewDeployment => "new deployment",
            Self::Replacement => "replacement",
            Self::Move => "move",
        }
    }
}

/// Declares the properties, one line each: variant, path, effect, note.
macro_rules! table {
    ($($property:ident $path:literal $effect:ident $note:literal,)+) => {
        /// A property, as far as the effect of a change goes: what has no members of its own, and
        /// lists, of which every member has the same effect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Property { $($property,)+ }

        impl Property {
            /// Every property, in the order of the documentation.
            pub const ALL: &[Property] = &[$(Property::$property,)+];

            /// Names from the outside inwards, separated by dots.
            pub fn path(self) -> &'static str {
                match self { $(Self::$property => $path,)+ }
            }

            /// What a change does.
            pub fn effect(self) -> Effect {
                match self { $(Self::$property => Effect::$effect,)+ }
            }

            /// What else there is to know about a change; a sentence or nothing.
            pub fn note(self) -> &'static str {
                match self { $(Self::$property => $note,)+ }
            }
        }
    };
}

table! {
    ServiceToken "ServiceToken" InPlace
        "Nothing changes in AWS. CloudFormation itself refuses another function for a resource that exists.",
    ServiceTimeout "ServiceTimeout" InPlace
        "Nothing changes in AWS.",
    ServiceName "ServiceName" Replacement
        "The host name changes with it.",
    Cluster "Cluster" Replacement
        "The host name changes with it. The name and the ARN of one cluster are the same.",
    InfrastructureRoleArn "InfrastructureRoleArn" NewDeployment
        "The role is part of the service's load balancer configuration, of which ECS deploys every change.",
    ExecutionRoleArn "ExecutionRoleArn" NewDeployment "",
    TaskRoleArn "TaskRoleArn" NewDeployment "",
    Image "PrimaryContainer.Image" NewDeployment "",
    ContainerPort "PrimaryContainer.ContainerPort" NewDeployment
        "The target groups stay. Tasks of both ports are reachable until the deployment has succeeded.",
    LogGroup "PrimaryContainer.AwsLogsConfiguration.LogGroup" NewDeployment
        "The old log group stays.",
    LogStreamPrefix "PrimaryContainer.AwsLogsConfiguration.LogStreamPrefix" NewDeployment "",
    CredentialsParameter "PrimaryContainer.RepositoryCredentials.CredentialsParameter" NewDeployment "",
    Command "PrimaryContainer.Command" NewDeployment "",
    Environment "PrimaryContainer.Environment" NewDeployment
        "Another order is no change.",
    Secrets "PrimaryContainer.Secrets" NewDeployment
        "Another order is no change. A new value of the same secret is none either: ECS reads it when a task starts.",
    TaskDefinitionArn "TaskDefinitionArn" NewDeployment
        "So is the change from `PrimaryContainer` to it, and back.",
    Cpu "Cpu" NewDeployment "",
    Memory "Memory" NewDeployment "",
    CpuArchitecture "CpuArchitecture" NewDeployment "",
    HealthCheckPath "HealthCheckPath" InPlace
        "Where a deployment comes with it, the group that serves asks for it once that has succeeded. So with the strategy `ROLLING`, an image that answers the new path only takes two updates: one with an image that answers both.",
    SecurityGroups "NetworkConfiguration.SecurityGroups" NewDeployment
        "Another order is no change.",
    Subnets "NetworkConfiguration.Subnets" NewDeployment
        "Subnets of the other scheme make it a move, within the zones of the present load balancer. Another VPC is refused. Another order is no change.",
    MinTaskCount "ScalingTarget.MinTaskCount" InPlace "",
    MaxTaskCount "ScalingTarget.MaxTaskCount" InPlace "",
    AutoScalingMetric "ScalingTarget.AutoScalingMetric" InPlace "",
    AutoScalingTargetValue "ScalingTarget.AutoScalingTargetValue" InPlace "",
    Tags "Tags" InPlace
        "Tasks that run keep their old tags, and the log group those that it was made with. Another order is no change.",
    Sharing "LoadBalancer.Sharing" Move
        "What else changes is deployed first. Refused when DNS is managed elsewhere, with `TestTraffic`, and while somebody has added to the listener rule.",
    Scheme "LoadBalancer.Scheme" Move
        "As for `Sharing`. To name the scheme that the service has is no change.",
    Preset "Deployment.Preset" InPlace
        "What changes is what follows from it.",
    Strategy "Deployment.Strategy" InPlace
        "It counts from the next deployment on, which may be that of the same update. A running deployment ends first.",
    BakeTimeInMinutes "Deployment.BakeTimeInMinutes" InPlace "",
    CanaryPercent "Deployment.CanaryConfiguration.CanaryPercent" InPlace "",
    CanaryBakeTimeInMinutes "Deployment.CanaryConfiguration.CanaryBakeTimeInMinutes" InPlace "",
    StepPercent "Deployment.LinearConfiguration.StepPercent" InPlace "",
    StepBakeTimeInMinutes "Deployment.LinearConfiguration.StepBakeTimeInMinutes" InPlace "",
    CircuitBreakerEnable "Deployment.CircuitBreaker.Enable" InPlace "",
    ThresholdType "Deployment.CircuitBreaker.ThresholdConfiguration.Type" InPlace "",
    ThresholdValue "Deployment.CircuitBreaker.ThresholdConfiguration.Value" InPlace "",
    ErrorRatePercent "Deployment.RollbackAlarm.ErrorRatePercent" InPlace "",
    MinimumRequests "Deployment.RollbackAlarm.MinimumRequests" InPlace "",
    Count4xx "Deployment.RollbackAlarm.Count4xx" InPlace "",
    EvaluationPeriods "Deployment.RollbackAlarm.EvaluationPeriods" InPlace "",
    DatapointsToAlarm "Deployment.RollbackAlarm.DatapointsToAlarm" InPlace "",
    AlarmNames "Deployment.AlarmNames" InPlace
        "Alarms that were added to the ECS service by hand stay. Another order is no change.",
    TestHeaderName "Deployment.TestTraffic.HeaderName" NewDeployment
        "When `TestTraffic` comes or goes; another name alone is in place.",
    TestHeaderValue "Deployment.TestTraffic.HeaderValue" NewDeployment
        "When `TestTraffic` comes or goes; another value alone is in place.",
    LifecycleHooks "Deployment.LifecycleHooks" InPlace
        "They count from the next deployment on. Hooks that were added to the ECS service by hand are removed. Another order is no change.",
    ForceDeployment "Deployment.ForceDeployment" NewDeployment
        "To take it away is a change, too.",
}

/// The properties that differ, in the order of the documentation.
pub fn changes(old: &Properties, new: &Properties) -> Vec<Property> {
    let pairs = leaves(old).into_iter().zip(leaves(new));
    pairs
        .filter(|(old, new)| old != new)
        .map(|((property, _), _)| property)
        .collect()
}

/// Why the update needs a new service: one sentence for each property, with both values.
///
/// A service name that is not given is made up, and may be the very one that the other request
/// gives; whoever knows the made-up name compares the names in effect first.
pub fn replacement_reasons(old: &Properties, new: &Properties) -> Vec<String> {
    let pairs = leaves(old).into_iter().zip(leaves(new));
    pairs
        .filter(|((property, old), (_, new))| {
            property.effect() == Effect::Replacement && old != new
        })
        .map(|((property, old), (_, new))| {
            format!(
                "`{}` changes from {} to {}",
                property.path(),
                shown(&old),
                shown(&new)
            )
        })
        .collect()
}

fn shown(value: &Value) -> String {
    match value {
        Value::Null => "a generated one".to_owned(),
        Value::String(text) => quoted(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            quoted(&value.to_string())
        }
    }
}

/// The value of every property; null for what is not given. Two requests have the same leaves in
/// the same order.
fn leaves(properties: &Properties) -> Vec<(Property, Value)> {
    let Properties {
        service_token,
        service_timeout_s,
        service_name,
        cluster,
        infrastructure_role_arn,
        execution_role_arn,
        task_role_arn,
        primary_container,
        task_definition_arn,
        cpu,
        memory_mib,
        cpu_architecture,
        health_check_path,
        network_configuration,
        scaling_target,
        tags,
        load_balancer,
        deployment,
    } = properties;
    let mut leaves = vec![
        (Property::ServiceToken, json!(service_token)),
        (Property::ServiceTimeout, json!(service_timeout_s)),
        (Property::ServiceName, json!(service_name)),
        (Property::Cluster, json!(cluster)),
        (
            Property::InfrastructureRoleArn,
            json!(infrastructure_role_arn),
        ),
        (Property::ExecutionRoleArn, json!(execution_role_arn)),
        (Property::TaskRoleArn, json!(task_role_arn)),
    ];
    leaves.extend(container_leaves(primary_container.as_ref()));
    leaves.extend([
        (Property::TaskDefinitionArn, json!(task_definition_arn)),
        (Property::Cpu, json!(cpu)),
        (Property::Memory, json!(memory_mib)),
        (Property::CpuArchitecture, json!(cpu_architecture)),
        (Property::HealthCheckPath, json!(health_check_path)),
    ]);
    let NetworkConfiguration {
        security_groups,
        subnets,
    } = network_configuration;
    leaves.extend([
        (Property::SecurityGroups, json!(security_groups)),
        (Property::Subnets, json!(subnets)),
    ]);
    leaves.extend(scaling_leaves(scaling_target));
    leaves.push((Property::Tags, json!(tags)));
    let LoadBalancer { sharing, scheme } = load_balancer;
    leaves.extend([
        (Property::Sharing, json!(sharing)),
        (Property::Scheme, json!(scheme)),
    ]);
    leaves.extend(deployment_leaves(deployment));
    leaves
}

fn scaling_leaves(scaling_target: &ScalingTarget) -> [(Property, Value); 4] {
    let ScalingTarget {
        min_task_count,
        max_task_count,
        auto_scaling_metric,
        auto_scaling_target_value,
    } = scaling_target;
    [
        (Property::MinTaskCount, json!(min_task_count)),
        (Property::MaxTaskCount, json!(max_task_count)),
        (Property::AutoScalingMetric, json!(auto_scaling_metric)),
        (
            Property::AutoScalingTargetValue,
            json!(auto_scaling_target_value),
        ),
    ]
}

fn deployment_leaves(deployment: &Deployment) -> Vec<(Property, Value)> {
    let Deployment {
        preset,
        strategy,
        bake_time_in_minutes,
        canary_configuration,
        linear_configuration,
        circuit_breaker,
        rollback_alarm,
        alarm_names,
        test_traffic,
        lifecycle_hooks,
        force_deployment,
    } = deployment;
    // What belongs to another strategy has no value of its own: that it comes or goes is the strategy's change.
    let canary = canary_configuration.unwrap_or_default();
    let linear = linear_configuration.unwrap_or_default();
    let CircuitBreaker {
        enable,
        threshold_configuration,
    } = circuit_breaker;
    let ThresholdConfiguration {
        threshold_type,
        value,
    } = threshold_configuration;
    let RollbackAlarm {
        error_rate_percent,
        minimum_requests,
        count_4xx,
        evaluation_periods,
        datapoints_to_alarm,
    } = rollback_alarm;
    let bake = bake_time_in_minutes.unwrap_or(defaults::bake_minutes());
    vec![
        (Property::Preset, json!(preset)),
        (Property::Strategy, json!(strategy)),
        (Property::BakeTimeInMinutes, json!(bake)),
        (Property::CanaryPercent, json!(canary.canary_percent)),
        (
            Property::CanaryBakeTimeInMinutes,
            json!(canary.canary_bake_time_in_minutes),
        ),
        (Property::StepPercent, json!(linear.step_percent)),
        (
            Property::StepBakeTimeInMinutes,
            json!(linear.step_bake_time_in_minutes),
        ),
        (Property::CircuitBreakerEnable, json!(enable)),
        (Property::ThresholdType, json!(threshold_type)),
        (Property::ThresholdValue, json!(value)),
        (Property::ErrorRatePercent, json!(error_rate_percent)),
        (Property::MinimumRequests, json!(minimum_requests)),
        (Property::Count4xx, json!(count_4xx)),
        (Property::EvaluationPeriods, json!(evaluation_periods)),
        (Property::DatapointsToAlarm, json!(datapoints_to_alarm)),
        (Property::AlarmNames, json!(alarm_names)),
        (
            Property::TestHeaderName,
            json!(test_traffic.as_ref().map(|test| &test.header_name)),
        ),
        (
            Property::TestHeaderValue,
            json!(test_traffic.as_ref().map(|test| &test.header_value)),
        ),
        (Property::LifecycleHooks, json!(lifecycle_hooks)),
        (Property::ForceDeployment, json!(force_deployment)),
    ]
}

fn container_leaves(container: Option<&PrimaryContainer>) -> Vec<(Property, Value)> {
    let Some(container) = container else {
        let (absent, empty) = (Value::Null, json!([]));
        return vec![
            (Property::Image, absent.clone()),
            (Property::ContainerPort, absent.clone()),
            (Property::LogGroup, absent.clone()),
            (Property::LogStreamPrefix, absent.clone()),
            (Property::CredentialsParameter, absent),
            (Property::Command, empty.clone()),
            (Property::Environment, empty.clone()),
            (Property::Secrets, empty),
        ];
    };
    let PrimaryContainer {
        image,
        container_port,
        aws_logs_configuration,
        repository_credentials,
        command,
        environment,
        secrets,
    } = container;
    let logs = aws_logs_configuration.as_ref();
    let credentials = repository_credentials.as_ref();
    vec![
        (Property::Image, json!(image)),
        (Property::ContainerPort, json!(container_port)),
        (Property::LogGroup, json!(logs.map(|logs| &logs.log_group))),
        (
            Property::LogStreamPrefix,
            json!(logs.map(|logs| &logs.log_stream_prefix)),
        ),
        (
            Property::CredentialsParameter,
            json!(credentials.map(|credentials| &credentials.credentials_parameter)),
        ),
        (Property::Command, json!(command)),
        (Property::Environment, json!(environment)),
        (Property::Secrets, json!(secrets)),
    ]
}
