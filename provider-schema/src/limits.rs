//! Limits of properties and answers, each with where to check it.
//!
//! Defaults of properties are not here: they stand beside the types, in `properties/defaults.rs`.

use std::ops::RangeInclusive;

/// Letters of a service name. ECS allows 255; ours is the limit of a DNS label, because the name
/// is part of the service's host name, and because every answer must fit CloudFormation's limit.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
pub const SERVICE_NAME_LENGTH_MAX: usize = 63;

/// Letters of a service name that the provider makes up when the template gives none.
///
/// The name is a hash of the owner, so its length does not depend on the template.
pub const GENERATED_SERVICE_NAME_LENGTH_MAX: usize = 32;

/// Letters of a cluster name.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>
pub const CLUSTER_NAME_LENGTH_MAX: usize = 255;

/// Letters of cluster and service name together: more would not leave room for the attributes.
pub const CLUSTER_AND_SERVICE_LENGTH_MAX: usize = 300;

/// Letters of a name that is derived from cluster and service (task definition family, alarm, log
/// group): longer ones are cut and given a hash. AWS allows 255 or more for each of them; the
/// answer does not.
pub const DERIVED_NAME_LENGTH_MAX: usize = 128;

/// Bytes of the properties of one request, as compact JSON. A task definition is at most 64 KB
/// (<https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>), so nothing
/// that AWS would accept is lost. The ledger keeps those of an Update twice, the old ones too, in Base64, and with what
/// else it knows of an owner that stays below DynamoDB's 400 KB.
pub const PROPERTIES_BYTES_MAX: usize = 100_000;

/// Bytes of the answer to CloudFormation, all of it.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-responses.html>
pub const ANSWER_BYTES_MAX: usize = 4096;

/// Bytes of an answer kept free beyond the worst case of its attributes.
pub const ANSWER_BYTES_RESERVED: usize = 256;

/// Bytes of the text that lists the problems of a request: CloudFormation's `Reason` has 1,024,
/// and the error code and the pointer to the log come with it.
pub const PROBLEMS_BYTES_MAX: usize = 880;

/// Characters of a user's value that a message repeats.
pub const QUOTED_LENGTH_MAX: usize = 64;

/// Seconds that CloudFormation waits for an answer, at most.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
pub const SERVICE_TIMEOUT_S_MAX: u32 = 3600;

/// Minutes of one bake: of a canary, of a step, or after all traffic has moved.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>
pub const BAKE_MINUTES_MAX: u32 = 1440;

/// All of something, in tenths of a percent.
pub const ALL_TENTHS: u32 = 1000;

/// Tenths of a percent of the requests that a canary may take.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CanaryConfiguration.html>
pub const CANARY_PERCENT_TENTHS: RangeInclusive<u16> = 1..=1000;

/// Tenths of a percent of the requests that may move with one step.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LinearConfiguration.html>
pub const STEP_PERCENT_TENTHS: RangeInclusive<u16> = 30..=1000;

/// Tenths of a percent of errors that may be accepted: with 100 % the alarm could never be in ALARM.
pub const ERROR_RATE_PERCENT_TENTHS: RangeInclusive<u16> = 0..=999;

/// Requests a minute that the rollback alarm may ask for. No limit of AWS's; more is a mistake.
pub const MINIMUM_REQUESTS_MAX: u32 = 1_000_000;

/// Minutes that the rollback alarm may look at: as many as a deployment can last. CloudWatch allows a day.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
pub const EVALUATION_PERIODS_MAX: u32 = 60;

/// Alarms that a template may name beside the provider's own. ECS documents no number; ours keeps one look at all
/// of them within one call.
pub const ALARM_NAMES_MAX: usize = 9;

/// Characters of an alarm's name.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html>
pub const ALARM_NAME_LENGTH_MAX: usize = 255;

/// Lifecycle hooks of a deployment. ECS documents no number; ours is more than there are stages.
pub const LIFECYCLE_HOOKS_MAX: usize = 10;

/// Characters of the name of a header that a listener's rule looks at, and of its value.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HttpHeaderConditionConfig.html>
pub const HEADER_NAME_LENGTH_MAX: usize = 40;
/// See [`HEADER_NAME_LENGTH_MAX`].
pub const HEADER_VALUE_LENGTH_MAX: usize = 128;

/// Characters of what a lifecycle hook is handed. ECS documents no number.
pub const HOOK_DETAILS_LENGTH_MAX: usize = 4096;

/// Characters of a Lambda function's name in an ARN, and of its version or alias.
/// <https://docs.aws.amazon.com/lambda/latest/api/API_FunctionConfiguration.html>
pub const FUNCTION_NAME_LENGTH_MAX: usize = 64;
pub const FUNCTION_QUALIFIER_LENGTH_MAX: usize = 128;

/// Characters of `ForceDeployment`; ours.
pub const FORCE_DEPLOYMENT_LENGTH_MAX: usize = 128;

/// Minutes that `ServiceTimeout` must leave beyond the bakes: start of the tasks, health checks,
/// and a rollback with an answer of its own.
pub const DEPLOYMENT_MARGIN_MIN: u32 = 15;

/// Seconds that `ServiceTimeout` must at least give: for a deployment that bakes nothing.
pub const SERVICE_TIMEOUT_S_MIN: u32 = DEPLOYMENT_MARGIN_MIN * 60;

/// Subnets of a service.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
pub const SUBNETS_MAX: usize = 16;

/// Subnets of a service, if any are given: a load balancer needs two Availability Zones.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/application-load-balancers.html>
pub const SUBNETS_MIN: usize = 2;

/// Security groups of a service: the five that ECS takes, less the one that the provider makes.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_AwsVpcConfiguration.html>
pub const SECURITY_GROUPS_MAX: usize = 4;

/// Tags that the provider puts on what it makes: six `express:` ones and `AmazonECSManaged`.
pub const TAGS_OURS: usize = 7;

/// Tags of a resource, ours included.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
pub const TAGS_PER_RESOURCE: usize = 50;

/// Tags that a template may give.
pub const TAGS_MAX: usize = TAGS_PER_RESOURCE - TAGS_OURS;

/// Characters of a tag's key.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
pub const TAG_KEY_LENGTH_MAX: usize = 128;

/// Characters of a tag's value.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Tag.html>
pub const TAG_VALUE_LENGTH_MAX: usize = 256;

/// Characters of a health check path.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
pub const HEALTH_CHECK_PATH_LENGTH_MAX: usize = 1024;

/// Characters of an image reference; of one with a digest, those before the `@`.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
pub const IMAGE_LENGTH_MAX: usize = 255;

/// Characters of a log group's name.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
pub const LOG_GROUP_LENGTH_MAX: usize = 512;

/// Characters of a log stream prefix: a stream's 512, less `/Main/` and a task's 32 characters.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogStream.html>
pub const LOG_STREAM_PREFIX_LENGTH_MAX: usize = 474;

/// Tasks of one ECS service.
/// <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-quotas.html>
pub const TASKS_MAX: u32 = 5000;

/// Targets of one load balancer, all its target groups together; AWS raises it on request.
/// <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>
const TARGETS_PER_LOAD_BALANCER: u32 = 1000;

/// Services that share a load balancer with one.
pub const NEIGHBOURS_MAX: u32 = 24;

/// Targets that a task has, so to speak, while a deployment runs the old and the new revision side by side.
const TARGETS_PER_TASK: u32 = 2;

/// Tasks of one service on a shared load balancer: also while it is deployed, each neighbour can still have as many as a
/// service has that does not say how many.
pub const SHARED_TASKS_MAX: u32 =
    (TARGETS_PER_LOAD_BALANCER - NEIGHBOURS_MAX * MAX_TASK_COUNT_DEFAULT) / TARGETS_PER_TASK;

/// Most tasks of a service that does not say how many.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ExpressGatewayScalingTarget.html>
pub(crate) const MAX_TASK_COUNT_DEFAULT: u32 = 20;
