//! The properties of one `Custom::ExpressService`: the source of truth.
//!
//! The JSON Schema, the construct's props and the README's table are generated from these types
//! and their comments. A comment's first paragraph says what the property means and becomes the
//! table's text; the rest is unit, default, limits and the AWS page. What a change of the property
//! does is in `updates.rs`.
//!
//! Serialized, they are the form that the ledger keeps (sealed) while an operation is open; the
//! caller puts a format version beside it. A field that is new must therefore have a default.

mod container;
pub(crate) mod defaults;
mod deployment;
mod lifecycle_hook;
mod test_traffic;

pub use container::{
    AwsLogsConfiguration, KeyValuePair, PrimaryContainer, RepositoryCredentials, Secret,
};
pub use deployment::{
    CanaryConfiguration, CircuitBreaker, Deployment, DeploymentStrategy, LinearConfiguration,
    Preset, RollbackAlarm, ThresholdConfiguration, ThresholdType,
};
pub use lifecycle_hook::{LifecycleHook, LifecycleStage};
pub use test_traffic::TestTraffic;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{fargate, limits};

/// An HTTPS service on ECS Fargate behind a load balancer that it may share.
///
/// A superset of `AWS::ECS::ExpressGatewayService`, with the same names. CloudFormation sends
/// every scalar as a string; both forms are accepted. A property that is null or an empty string
/// counts as not given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Properties {
    /// The provider's function, which CloudFormation calls.
    ///
    /// An ARN; the provider's stack exports it.
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service_token: Option<String>,

    /// Seconds that CloudFormation waits for the service to be up before it gives up.
    ///
    /// At most 3600, at least 15 minutes and the bakes of a deployment: 1260 with the 3 + 3 minutes of the default.
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
    #[serde(rename = "ServiceTimeout", default = "defaults::service_timeout_s")]
    #[schemars(range(min = limits::SERVICE_TIMEOUT_S_MIN, max = limits::SERVICE_TIMEOUT_S_MAX))]
    pub service_timeout_s: u32,

    /// Name of the ECS service, unique in its cluster.
    ///
    /// Made up from the stack and the logical id if not given. Up to 63 letters, digits, hyphens
    /// and underscores (ECS allows 255); with the cluster's name, up to 300.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = limits::SERVICE_NAME_LENGTH_MAX), regex(pattern = r"^[A-Za-z0-9_-]+$"))]
    pub service_name: Option<String>,

    /// Cluster of the service, by name or by ARN.
    ///
    /// The cluster `default` is created if it is absent; any other must exist. An ARN must be of
    /// the stack's account and region. Up to 255 letters, digits, hyphens and underscores.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>
    #[serde(default = "defaults::cluster")]
    pub cluster: String,

    /// Role that ECS assumes to register tasks with the load balancer and to shift traffic.
    ///
    /// The ARN of a role that trusts `ecs.amazonaws.com`, of the stack's account. The managed
    /// policy `AmazonECSInfrastructureRolePolicyForLoadBalancers` is enough.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/AmazonECSInfrastructureRolePolicyForLoadBalancers.html>
    pub infrastructure_role_arn: String,

    /// Role that ECS assumes to pull the image, read secrets and write logs.
    ///
    /// The ARN of a role that trusts `ecs-tasks.amazonaws.com`, of the stack's account. Required
    /// unless `TaskDefinitionArn` is given.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task_execution_IAM_role.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_role_arn: Option<String>,

    /// Role whose permissions the application itself has.
    ///
    /// The ARN of a role that trusts `ecs-tasks.amazonaws.com`, of the stack's account. Without
    /// it the application has no AWS permissions.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-iam-roles.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_role_arn: Option<String>,

    /// The application's container.
    ///
    /// Required unless `TaskDefinitionArn` is given. It is named `Main` in the task definition.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExpressGatewayContainer.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_container: Option<PrimaryContainer>,

    /// A task definition of your own, in place of `PrimaryContainer` and what goes with it.
    ///
    /// Its ARN, of the stack's account and region, with or without a revision. Excludes
    /// `PrimaryContainer`, `ExecutionRoleArn`, `TaskRoleArn`, `Cpu`, `Memory` and
    /// `CpuArchitecture`. It must support Fargate and have a container `Main` with exactly one TCP
    /// port mapping, which has a name. Without a revision it is the newest active one whenever something is updated; only
    /// the way back from an Update whose deployment of that one has failed keeps the revision that runs.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateExpressGatewayService.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub task_definition_arn: Option<String>,

    /// CPU of a task, in CPU units (1024 is one vCPU).
    ///
    /// 256, 512, 1024, 2048, 4096, 8192, 16384 or 32768. Not used with `TaskDefinitionArn`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>
    #[serde(default = "defaults::cpu")]
    #[schemars(range(min = 256), extend("enum" = fargate::cpu_sizes()))]
    pub cpu: u32,

    /// Memory of a task, in MiB.
    ///
    /// What is allowed depends on `Cpu`: 2048 to 8192 in steps of 1024 for its default. Not used
    /// with `TaskDefinitionArn`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/task-cpu-memory-error.html>
    #[serde(rename = "Memory", default = "defaults::memory_mib")]
    #[schemars(range(min = 512, max = 249_856))]
    pub memory_mib: u32,

    /// Processor architecture that the image is built for.
    ///
    /// `X86_64` or `ARM64`. Not used with `TaskDefinitionArn`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RuntimePlatform.html>
    #[serde(default)]
    pub cpu_architecture: CpuArchitecture,

    /// Path that the load balancer asks for to see whether a task is healthy.
    ///
    /// It starts with `/`, may have a query, has no spaces, and is up to 1024 characters long. The
    /// answer must be 200.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>
    #[serde(default = "defaults::health_check_path")]
    #[schemars(length(min = 1, max = limits::HEALTH_CHECK_PATH_LENGTH_MAX), regex(pattern = r"^/[!-~]*$"))]
    pub health_check_path: String,

    /// Where the tasks run.
    #[serde(default)]
    pub network_configuration: NetworkConfiguration,

    /// How many tasks run, and what decides it.
    #[serde(default)]
    pub scaling_target: ScalingTarget,

    /// Tags of everything that is made for this service, its tasks included, but not of load balancers.
    ///
    /// Those have the provider's alone, as others may share them. The log group keeps those that it was made with.
    /// Up to 43, so that the provider's own seven fit. Keys are unique, up to 128 characters, and
    /// begin with none of `aws:`, `express:` and `AmazonECSManaged`; values up to 256.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::TAGS_MAX), extend("insertionOrder" = false))]
    pub tags: Vec<Tag>,

    /// Which load balancer the service is behind.
    #[serde(default)]
    pub load_balancer: LoadBalancer,

    /// How a new revision of the service comes into service, and what sends it back.
    #[serde(default)]
    pub deployment: Deployment,
}

/// Where the tasks run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct NetworkConfiguration {
    /// Security groups that the tasks have beside the one that the provider makes.
    ///
    /// Up to four ids, of the subnets' VPC. Their order has no meaning.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        extend("insertionOrder" = false), length(max = limits::SECURITY_GROUPS_MAX),
        inner(regex(pattern = r"^sg-([0-9a-f]{8}|[0-9a-f]{17})$"))
    )]
    pub security_groups: Vec<String>,

    /// Subnets of the tasks.
    ///
    /// The public subnets of the default VPC if none are given; else two to sixteen ids of one
    /// VPC, in at least two Availability Zones. Their order has no meaning.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(
        extend("insertionOrder" = false), length(max = limits::SUBNETS_MAX),
        inner(regex(pattern = r"^subnet-([0-9a-f]{8}|[0-9a-f]{17})$"))
    )]
    pub subnets: Vec<String>,
}

/// How many tasks run, and what decides it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct ScalingTarget {
    /// Fewest tasks that run.
    ///
    /// 1 to 5000 and not above `MaxTaskCount`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExpressGatewayScalingTarget.html>
    #[serde(default = "defaults::min_task_count")]
    #[schemars(range(min = 1, max = limits::TASKS_MAX))]
    pub min_task_count: u32,

    /// Most tasks that run.
    ///
    /// 1 to 5000; at most 260 on a shared load balancer, so that each of 24 neighbours can have 20 of its 1,000 targets
    /// while a deployment runs twice as many tasks. On a load balancer of its own more than 500 need a higher quota of
    /// targets.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExpressGatewayScalingTarget.html>
    #[serde(default = "defaults::max_task_count")]
    #[schemars(range(min = 1, max = limits::TASKS_MAX))]
    pub max_task_count: u32,

    /// Measure that auto scaling holds at `AutoScalingTargetValue`.
    ///
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExpressGatewayScalingTarget.html>
    #[serde(default)]
    pub auto_scaling_metric: AutoScalingMetric,

    /// Value at which auto scaling holds the measure.
    ///
    /// A percentage, 1 to 100, of CPU or memory; with `REQUEST_COUNT_PER_TARGET`, requests per
    /// task and minute, at least 1.
    /// AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_TargetTrackingScalingPolicyConfiguration.html>
    #[serde(default = "defaults::auto_scaling_target_value")]
    #[schemars(range(min = 1))]
    pub auto_scaling_target_value: u32,
}

impl Default for ScalingTarget {
    fn default() -> Self {
        Self {
            min_task_count: defaults::min_task_count(),
            max_task_count: defaults::max_task_count(),
            auto_scaling_metric: AutoScalingMetric::default(),
            auto_scaling_target_value: defaults::auto_scaling_target_value(),
        }
    }
}

/// What auto scaling measures, averaged over the tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AutoScalingMetric {
    #[default]
    AverageCpu,
    AverageMemory,
    RequestCountPerTarget,
}

/// Processor architecture of the tasks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum CpuArchitecture {
    #[default]
    #[serde(rename = "X86_64")]
    X86_64,
    #[serde(rename = "ARM64")]
    Arm64,
}

/// Which load balancer the service is behind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct LoadBalancer {
    /// Whether the load balancer is shared with other services.
    ///
    /// `SHARED`: with up to 24 others of the same VPC and scheme. `DEDICATED`: with none; needed
    /// for a web ACL or a setting that concerns this service alone.
    #[serde(default)]
    pub sharing: Sharing,

    /// Whether the load balancer is reached from the internet or only from within the VPC.
    ///
    /// `internet-facing` or `internal`. If not given, it follows the subnets: internet-facing if
    /// they have a route to an internet gateway, internal if they have none. That is looked at when
    /// the service is made, and when `Subnets` or this are others; routes that change later move
    /// nothing.
    /// Subnets of both kinds need it. `internet-facing` with private subnets is a public load balancer before
    /// tasks without public addresses.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
}

/// Who else is behind the load balancer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Sharing {
    #[default]
    Shared,
    Dedicated,
}

/// From where the load balancer is reached; ELB's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scheme {
    InternetFacing,
    Internal,
}

/// A tag.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Tag {
    /// Key of the tag.
    ///
    /// 1 to 128 letters, digits, spaces and `_ . : / = + - @`, unique among the tags.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
    #[schemars(length(min = 1, max = limits::TAG_KEY_LENGTH_MAX))]
    pub key: String,

    /// Value of the tag.
    ///
    /// Up to 256 of the same characters; may be empty.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
    #[schemars(length(max = limits::TAG_VALUE_LENGTH_MAX))]
    pub value: String,
}
