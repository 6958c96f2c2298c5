//! Whose the parts are that a service consists of: asked before anything is planned, a place on another load balancer
//! too, so that an Update which is refused for one of them has changed nothing.

use super::facts::is_ours;
use crate::desired::Desired;
use crate::naming::{self, Pair};
use crate::observed::{Observed, is_owned};
use crate::plan::PlanError;
use crate::resources::Tags;
use crate::resources::ecs_service::ServiceStatus;
use crate::resources::listener_rule::ObservedListenerRule;

/// Parts that are there and would be used as they are must be the service's own.
///
/// # Errors
/// [`PlanError::OwnerTagMissing`] when a part has no owner that is the service's by its name, or by the target groups that
/// it uses; otherwise [`PlanError::OwnedByAnother`].
pub(super) fn refuse_parts_of_others(
    desired: &Desired,
    observed: &Observed,
) -> Result<(), PlanError> {
    let owner_key = &desired.identity.owner_key;
    for part in parts(desired, observed) {
        if !is_owned(part.tags, owner_key) {
            return Err(refusal(part.resource, part.tags, part.is_of_service));
        }
    }
    Ok(())
}

/// A part of a service that is there.
struct Part<'a> {
    /// In users' words.
    resource: String,
    tags: &'a Tags,
    /// Whether it is the service's, whatever its tags say.
    is_of_service: bool,
}

fn parts<'a>(desired: &Desired, observed: &'a Observed) -> Vec<Part<'a>> {
    let identity = &desired.identity;
    // Names of groups are hashes of the service.
    let security_group = observed.service_security_group.present();
    let security_group = security_group.map(|group| Part {
        resource: format!("security group `{}`", group.name),
        tags: &group.tags,
        is_of_service: true,
    });
    let target_groups = Pair::BOTH.into_iter().filter_map(|pair| {
        let group = observed.target_group(pair).present()?;
        Some(Part {
            resource: format!("target group `{}`", group.name),
            tags: &group.tags,
            is_of_service: true,
        })
    });
    // One that drains is waited for, whosever it is.
    let service = observed.ecs_service.present();
    let service = service.filter(|service| service.status == ServiceStatus::Active);
    let service = service.map(|service| Part {
        resource: format!(
            "ECS service `{}` in cluster `{}`",
            identity.service, desired.cluster.name
        ),
        tags: &service.tags,
        is_of_service: service.uses_groups_of(&identity.service_arn),
    });
    let parts = security_group.into_iter().chain(target_groups);
    parts.chain(service).collect()
}

fn refusal(resource: String, tags: &Tags, is_of_service: bool) -> PlanError {
    if is_of_service && !tags.contains_key(naming::TAG_OWNER) {
        PlanError::OwnerTagMissing { resource }
    } else {
        PlanError::OwnedByAnother { resource }
    }
}

/// A rule that is to be changed must be the service's by its tags, unless it does not show any yet.
///
/// # Errors
/// As for the other parts.
pub(super) fn refuse_rule_of_others(
    desired: &Desired,
    rule: &ObservedListenerRule,
) -> Result<(), PlanError> {
    if is_ours(desired, rule) {
        Ok(())
    } else {
        Err(refusal_of_rule(desired, rule))
    }
}

/// A rule that is to go in the end must be the service's by its tags.
///
/// # Errors
/// As for the other parts.
pub(super) fn refuse_rule_that_cannot_go(
    desired: &Desired,
    rule: &ObservedListenerRule,
) -> Result<(), PlanError> {
    if is_owned(&rule.tags, &desired.identity.owner_key) {
        Ok(())
    } else {
        Err(refusal_of_rule(desired, rule))
    }
}

fn refusal_of_rule(desired: &Desired, rule: &ObservedListenerRule) -> PlanError {
    let is_of_service =
        rule.has_lost_its_owner() || rule.forwards_to(&desired.identity.service_arn);
    refusal(format!("rule `{}`", rule.arn), &rule.tags, is_of_service)
}
