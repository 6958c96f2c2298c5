//! One file per kind of AWS resource: what it should be (`Spec`), what AWS says it is (`Observed`),
//! and what has to change (`diff`). The same file names are in `handler/src/resources`, which calls AWS.

pub mod alias_record;
pub mod cluster;
pub mod ecs_service;
pub mod listener;
pub mod listener_rule;
pub mod load_balancer;
pub mod log_group;
pub mod metric_alarm;
pub mod scalable_target;
pub mod scaling_policy;
pub mod security_group;
pub mod target_group;
pub mod task_definition;

use std::collections::BTreeMap;

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// The kinds, in order of dependency: each needs only those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ResourceKind {
    /// ECS cluster
    Cluster,
    /// CloudWatch Logs log group
    LogGroup,
    /// ECS task definition
    TaskDefinition,
    /// EC2 security group, of a service or of a load balancer
    SecurityGroup,
    /// Application Load Balancer
    LoadBalancer,
    /// Listener of a load balancer
    Listener,
    /// Target group
    TargetGroup,
    /// Listener rule
    ListenerRule,
    /// CloudWatch alarm
    MetricAlarm,
    /// ECS service
    EcsService,
    /// Scalable target
    ScalableTarget,
    /// Scaling policy
    ScalingPolicy,
    /// Route 53 alias record
    AliasRecord,
}
