//! Target groups: the set of task addresses that a listener rule forwards to. Every service has two.
//!
//! Identity: name from the service's ARN and the pool: on another load balancer it has others. Repeat-safe:
//! CreateTargetGroup with the same settings returns the existing group.
//! Immutable: name, port, protocol, VPC, target type. The port is a constant and health checks use
//! `traffic-port`, so a container-port change never needs a new group.
//! Delete after every rule that forwards here (`ResourceInUse`).
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html>
//! Express Mode's values: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>

use super::Tags;
use crate::naming::Pair;

/// The group's own port; ECS registers every target with the container's port instead.
pub const TARGET_GROUP_PORT: u16 = 80;
/// Seconds between health checks: Express Mode's.
pub const HEALTH_CHECK_INTERVAL_S: u32 = 30;
/// Seconds after which a health check has failed: Express Mode's.
pub const HEALTH_CHECK_TIMEOUT_S: u32 = 5;
/// Successes before a target counts as healthy: Express Mode's.
pub const HEALTHY_THRESHOLD: u32 = 5;
/// Failures before a target counts as unhealthy: Express Mode's.
pub const UNHEALTHY_THRESHOLD: u32 = 2;
/// Status codes that count as healthy: Express Mode's.
pub const HEALTHY_HTTP_CODES: &str = "200";
/// Seconds a draining target keeps its connections. ELB's own default is 300, which would make every
/// deployment and every Delete five minutes longer.
pub const DEREGISTRATION_DELAY_S: u32 = 30;

/// A target group that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetGroupSpec {
    /// Which of the two.
    pub pair: Pair,
    /// `express-<12 hex>-<pool>-a|b`
    pub name: String,
    /// Where its targets are.
    pub vpc_id: String,
    /// Path of the health check, with its query.
    pub health_check_path: String,
    /// Tags it is created with.
    pub tags: Tags,
}

/// A target group that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedTargetGroup {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its VPC.
    pub vpc_id: String,
    /// Path of the health check.
    pub health_check_path: String,
    /// Seconds; none before it was asked for.
    pub deregistration_delay_s: Option<u32>,
    /// ARNs of the load balancers of which a rule forwards to it.
    pub load_balancer_arns: Vec<String>,
    /// Its tags.
    pub tags: Tags,
}

impl ObservedTargetGroup {
    /// What metrics call it: `targetgroup/<name>/<id>`.
    #[must_use]
    pub fn full_name(&self) -> &str {
        full_name(&self.arn)
    }
}

/// What metrics call the target group of this ARN.
#[must_use]
pub fn full_name(arn: &str) -> &str {
    arn.rsplit_once(':').map_or(arn, |(_, name)| name)
}

/// What has to change in place, by AWS's field names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TargetGroupChange {
    /// `HealthCheckPath`, when it differs.
    pub health_check_path: Option<String>,
    /// `deregistration_delay.timeout_seconds`, when it differs.
    pub deregistration_delay_s: Option<u32>,
}

/// Compares field by field. The tags are compared for the whole service at once.
#[must_use]
pub fn diff(spec: &TargetGroupSpec, observed: &ObservedTargetGroup) -> TargetGroupChange {
    let TargetGroupSpec {
        pair: _,
        name: _,
        // Part of the identity: a change of VPC is refused before.
        vpc_id: _,
        health_check_path,
        tags: _,
    } = spec;
    TargetGroupChange {
        health_check_path: (*health_check_path != observed.health_check_path)
            .then(|| health_check_path.clone()),
        deregistration_delay_s: (observed.deregistration_delay_s != Some(DEREGISTRATION_DELAY_S))
            .then_some(DEREGISTRATION_DELAY_S),
    }
}
