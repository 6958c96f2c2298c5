//! Planning: from what is desired and what is observed to the one thing to do next. Pure.
//!
//! A plan holds only steps whose inputs are known now; after they were applied their results are
//! merged and it is planned again. There are no promises between steps, so carrying on after a crash
//! is the normal path. What is `Unknown` is never planned on: the loop observes it first.
//!
//! [`converge`] is the order in which a service comes to be and changes, [`remove`] the order in which
//! it goes; both give their reasons.

mod converge;
mod error;
mod remove;
mod revision;
mod specs;
#[cfg(test)]
mod tests;

pub use converge::{ROLLING_MS, attributes, converge, needs_vpc_ranges};
pub use error::PlanError;
pub use remove::{is_going, remove};
pub use revision::{prefer_running, unseen_failed_revision, unseen_running_revision};

/// Revisions of a family that stay registered: the one that runs and the one to go back to.
pub const REVISIONS_KEPT: usize = 2;

/// What decides on whether an Update back to the old properties has time to undo a move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WayBack {
    /// Milliseconds after its beginning from which on it stops a deployment that still runs.
    pub stop_after_ms: u64,
    /// Periods over which its rollback alarm looks.
    pub evaluation_periods: u32,
    /// How long its deployment takes of what else has changed.
    pub deployment_ms: u64,
}

/// What planning needs to know of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Milliseconds since the epoch.
    pub now_ms: u64,
    /// When the operation began.
    pub started_ms: u64,
    /// From when on a deployment that still runs is stopped and rolled back.
    pub stop_at_ms: u64,
    /// How long the deployment takes of what else changes with a move; nothing when nothing else does.
    pub deployment_ms: u64,
    /// What an Update back to the old properties would have; none of a Create, and of such an Update itself.
    pub way_back: Option<WayBack>,
    /// Whether the tags of everything are to be written, also where the service's are as desired: an Update that failed
    /// may have written others elsewhere.
    pub tags_anew: bool,
    /// When this operation last asked ECS for a deployment, if it has.
    pub deployment_asked_ms: Option<u64>,
    /// When it last told ECS how to deploy, without a deployment.
    pub settings_sent_ms: Option<u64>,
    /// How many times it has asked ECS to update the service, with or without a deployment; its creation does not count.
    pub service_updates: u32,
    /// ARN of the deployment that was the newest before it asked; none for the first of a service.
    pub deployment_before: Option<String>,
    /// The deployment of a request that this one has ended.
    pub abandoned: Option<crate::claim::Abandoned>,
    /// ARN of the deployment that cannot succeed any more: it is stopped and rolled back at once, and no other.
    pub hopeless_deployment: Option<String>,
    /// ARN of the deployment that ECS has given up for a role that IAM may not have made known everywhere yet.
    pub early_deployment: Option<String>,
    /// The deployment that ECS was last asked to stop.
    pub stop_asked: Option<crate::claim::StopAsked>,
    /// When the host name was last pointed at another load balancer during a move.
    pub alias_moved_ms: Option<u64>,
    /// Whether the record of the host name is known to be the service's own: one that is not is never overwritten.
    pub has_alias_record: bool,
    /// Whether the service is being made, by a Create or by a replacement, not changed: what already has its
    /// names is then somebody else's.
    pub is_create: bool,
    /// Which request, for client tokens.
    pub request_id: crate::claim::RequestId,
}
