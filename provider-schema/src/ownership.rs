//! Whose each field of each AWS resource is: what an update repairs, and what it leaves alone.
//!
//! *Ours*: drift is repaired by the next update. *ECS's*, which includes auto scaling's and
//! ELB's own: read, never written once the resource exists. *The user's*: never written; what
//! people add there by hand survives every update. Within the task definition that means a
//! three-way merge of the old properties, the live definition and the new properties: what is the
//! user's is copied from the revision that runs, and so are variables and secrets of `Main` that
//! neither the old nor the new properties name. One that only the old properties name is removed.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb-resources-for-blue-green.html>

/// Who decides the value of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldOwner {
    /// The provider. Another value is drift and is repaired.
    Ours,
    /// ECS, Application Auto Scaling or Elastic Load Balancing. Set at creation at most.
    Ecs,
    /// Whoever uses the account. Never written.
    User,
}

/// A field of an AWS resource, with AWS's names, and its owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    pub resource: &'static str,
    pub field: &'static str,
    pub owner: FieldOwner,
}

const fn ours(resource: &'static str, field: &'static str) -> Field {
    Field {
        resource,
        field,
        owner: FieldOwner::Ours,
    }
}

const fn ecs(resource: &'static str, field: &'static str) -> Field {
    Field {
        resource,
        field,
        owner: FieldOwner::Ecs,
    }
}

const fn user(resource: &'static str, field: &'static str) -> Field {
    Field {
        resource,
        field,
        owner: FieldOwner::User,
    }
}

/// Every field that an update meets.
pub const FIELDS: &[Field] = &[
    user("cluster", "all of a cluster that exists"),
    ours("log group", "existence"),
    user("log group", "retention, KMS key, subscriptions"),
    ours(
        "task definition",
        "cpu, memory, runtimePlatform, executionRoleArn, taskRoleArn",
    ),
    ours("task definition", "networkMode, requiresCompatibilities"),
    ours(
        "task definition",
        "of container Main: image, command, portMappings, repositoryCredentials, \
         environment and secrets that properties name, the label express.force-deployment, \
         logDriver, awslogs-group, awslogs-region, awslogs-stream-prefix",
    ),
    user(
        "task definition",
        "of container Main: environment and secrets that no properties name",
    ),
    user(
        "task definition",
        "other containers, volumes, placementConstraints, pidMode, ipcMode, proxyConfiguration, \
         ephemeralStorage, enableFaultInjection",
    ),
    user("task definition", "of container Main: every other field"),
    ours(
        "security group of the service",
        "ingress from the load balancer on the container port",
    ),
    user(
        "security group of the service",
        "other ingress rules, egress rules",
    ),
    ours("target group", "HealthCheckPath"),
    ours("target group", "deregistration_delay.timeout_seconds"),
    user(
        "target group",
        "other health check settings, other attributes",
    ),
    ecs("target group", "registered targets"),
    ours(
        "listener rule",
        "existence, forward to both target groups, the service's host value",
    ),
    ecs("listener rule", "weights of the target groups"),
    user(
        "listener rule",
        "other host values, host values as regular expressions, other conditions, priority",
    ),
    ours(
        "listener rule for test traffic",
        "existence, forward to both target groups, the service's host value, the header",
    ),
    ecs(
        "listener rule for test traffic",
        "weights of the target groups",
    ),
    user("listener rule for test traffic", "priority"),
    ours("ECS service", "taskDefinition, networkConfiguration"),
    ours(
        "ECS service",
        "deploymentConfiguration with its lifecycleHooks, loadBalancers.advancedConfiguration: roleArn, \
         testListenerRule",
    ),
    ecs("ECS service", "desiredCount"),
    ecs("ECS service", "which target group is live"),
    user(
        "ECS service",
        "capacityProviderStrategy, availabilityZoneRebalancing",
    ),
    user(
        "ECS service",
        "healthCheckGracePeriodSeconds, enableExecuteCommand",
    ),
    ours("scalable target", "MinCapacity, MaxCapacity"),
    user("scalable target", "SuspendedState, scheduled actions"),
    ours(
        "scaling policy",
        "metric and TargetValue of the policy that the provider made",
    ),
    user(
        "scaling policy",
        "other policies; cooldowns and DisableScaleIn of the policy that the provider made",
    ),
    ecs("scaling policy", "alarms of the policy"),
    ours(
        "rollback alarm",
        "metrics, threshold, periods, target group it looks at",
    ),
    user(
        "rollback alarm",
        "AlarmActions, OKActions, InsufficientDataActions",
    ),
    ours(
        "alias record",
        "all, once it has led to a load balancer of the service's",
    ),
    ours(
        "load balancer",
        "existence, scheme, subnets added for a service's zone",
    ),
    user(
        "load balancer",
        "attributes, web ACL, further security groups",
    ),
    ours(
        "security group of the load balancer",
        "egress to the ranges of the VPC",
    ),
    user(
        "security group of the load balancer",
        "ingress rules once it is made, also that there are none; other egress rules",
    ),
    ours("listener", "existence, port, certificate of the provider"),
    user(
        "listener",
        "further certificates and rules, default action, TLS policy; listeners on other ports",
    ),
    ours("tags of all of these", "the provider's and those of `Tags`"),
    user("tags of all of these", "every other tag"),
];
