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
/// [`PlanError::OwnerTagMissing`] when a part has no owner and another one is the service's: names are functions of the
/// service, so somebody has taken the tag off; otherwise [`PlanError::OwnedByAnother`].
pub(super) fn refuse_parts_of_others(
    desired: &Desired,
    observed: &Observed,
) -> Result<(), PlanError> {
    let owner_key = &desired.identity.owner_key;
    let parts = parts(desired, observed);
    let has_own = parts.iter().any(|(_, tags)| is_owned(tags, owner_key));
    let foreign = parts
        .into_iter()
        .find(|(_, tags)| !is_owned(tags, owner_key));
    foreign.map_or(Ok(()), |(resource, tags)| {
        let is_untagged = !tags.contains_key(naming::TAG_OWNER);
        Err(if has_own && is_untagged {
            PlanError::OwnerTagMissing { resource }
        } else {
            PlanError::OwnedByAnother { resource }
        })
    })
}

/// What is there, in users' words, and its tags.
fn parts<'a>(desired: &Desired, observed: &'a Observed) -> Vec<(String, &'a Tags)> {
    let security_group = observed.service_security_group.present();
    let security_group =
        security_group.map(|group| (format!("security group `{}`", group.name), &group.tags));
    let target_groups = Pair::BOTH.map(|pair| {
        let group = observed.target_group(pair).present()?;
        Some((format!("target group `{}`", group.name), &group.tags))
    });
    // One that drains is waited for, whosever it is.
    let service = observed
        .ecs_service
        .present()
        .filter(|service| service.status == ServiceStatus::Active)
        .map(|service| {
            let (name, cluster) = (&desired.identity.service, &desired.cluster.name);
            let resource = format!("ECS service `{name}` in cluster `{cluster}`");
            (resource, &service.tags)
        });
    let parts = security_group.into_iter().chain(service);
    parts.chain(target_groups.into_iter().flatten()).collect()
}

/// A rule that is to be changed, or to go, must be the service's by its tags.
///
/// # Errors
/// As for the other parts.
pub(super) fn refuse_rule_of_others(
    desired: &Desired,
    rule: &ObservedListenerRule,
) -> Result<(), PlanError> {
    if is_ours(desired, rule) {
        return Ok(());
    }
    let resource = format!("rule `{}`", rule.arn);
    Err(if rule.has_lost_its_owner() {
        PlanError::OwnerTagMissing { resource }
    } else {
        PlanError::OwnedByAnother { resource }
    })
}
