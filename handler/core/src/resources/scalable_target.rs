//! Scalable targets: how many tasks auto scaling may run.
//!
//! Identity: the service. Repeat-safe: RegisterScalableTarget sets what it is given.
//! The suspended state is the user's. Deregistering removes the policies and their alarms.
//! AWS: <https://docs.aws.amazon.com/autoscaling/application/APIReference/API_RegisterScalableTarget.html>

use super::Tags;

/// A scalable target that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScalableTargetSpec {
    /// `service/<cluster>/<service>`
    pub resource_id: String,
    /// Tasks at least.
    pub min_capacity: u32,
    /// Tasks at most.
    pub max_capacity: u32,
    /// Tags it is created with, and gets again where they are needed to change it.
    pub tags: Tags,
    /// Whether there is one, whose limits change.
    pub is_there: bool,
}

/// A scalable target that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedScalableTarget {
    /// Its ARN.
    pub arn: String,
    /// Tasks at least.
    pub min_capacity: u32,
    /// Tasks at most.
    pub max_capacity: u32,
}

/// Whether the limits differ.
#[must_use]
pub fn differs(spec: &ScalableTargetSpec, observed: &ObservedScalableTarget) -> bool {
    let ScalableTargetSpec {
        resource_id: _,
        min_capacity,
        max_capacity,
        tags: _,
        is_there: _,
    } = spec;
    (*min_capacity, *max_capacity) != (observed.min_capacity, observed.max_capacity)
}

/// The resource id of a service.
#[must_use]
pub fn resource_id(cluster: &str, service: &str) -> String {
    format!("service/{cluster}/{service}")
}
