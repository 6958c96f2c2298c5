//! The order in which a service goes.

use super::PlanError;
use crate::decision::{Decision, Wait, WaitReason};
use crate::desired::Identity;
use crate::naming::{self, Pair};
use crate::observed::{LeavingSide, Observed, Presence, is_owned};
use crate::resources::ecs_service::{ObservedEcsService, ServiceStatus};
use crate::resources::listener_rule::ObservedListenerRule;
use crate::resources::scalable_target::resource_id;
use crate::resources::target_group::ObservedTargetGroup;
use crate::resources::{Tags, alias_record};
use crate::step::Step;

/// Seconds between looks at a service that drains: tasks get 30 s to stop and targets 30 s to drain.
const DRAINING_RETRY_S: u32 = 15;

/// Plans the next part of the removal of `identity`.
///
/// The phases, each begun when the one before has left nothing:
/// 1. alias record and scalable target: no new clients, nobody changes the count any more;
/// 2. rules: their targets drain at once instead of with the deployment;
/// 3. service, until INACTIVE: ECS needs the user's roles until then;
/// 4. groups, alarm, security group, task definitions: nothing uses them any more.
///
/// What carries another owner's tag, or is no part of the service, is left alone, whatever its name. What
/// cannot carry a tag is told by what it leads to: the record by our load balancer, the scalable target by
/// the service.
///
/// # Errors
/// [`PlanError::OwnerTagMissing`] when somebody has taken our tag off a part of the service: it may be his
/// now, so it is not deleted; and it is not forgotten either.
pub fn remove(
    identity: &Identity,
    hosted_zone_id: Option<&str>,
    observed: &Observed,
) -> Result<Decision, PlanError> {
    refuse_untagged_service(identity, observed)?;
    refuse_untagged_rules(identity, observed)?;
    let phases = [
        leave_traffic(identity, hosted_zone_id, observed),
        delete_rules(identity, observed),
    ];
    for steps in phases {
        if !steps.is_empty() {
            return Ok(Decision::Apply(steps));
        }
    }
    if let Some(service) = going(identity, observed) {
        return Ok(match service.status {
            ServiceStatus::Active => Decision::Apply(vec![Step::DeleteService {
                cluster: identity.cluster.clone(),
                service_arn: identity.service_arn.clone(),
            }]),
            ServiceStatus::Draining | ServiceStatus::Inactive => Decision::Wait(Wait {
                reason: WaitReason::ServiceDraining {
                    service: identity.service.clone(),
                },
                retry_after_s: DRAINING_RETRY_S,
            }),
        });
    }
    let steps = delete_rest(identity, observed);
    if !steps.is_empty() {
        return Ok(Decision::Apply(steps));
    }
    refuse_untagged_rest(observed)?;
    Ok(Decision::Removed)
}

/// Whether the service still has to go, so that what it uses cannot be deleted yet.
#[must_use]
pub fn is_going(identity: &Identity, observed: &Observed) -> bool {
    going(identity, observed).is_some()
}

fn going<'a>(identity: &Identity, observed: &'a Observed) -> Option<&'a ObservedEcsService> {
    observed
        .ecs_service
        .present()
        .filter(|service| is_owned(&service.tags, &identity.owner_key))
        .filter(|service| service.status != ServiceStatus::Inactive)
}

/// A service of our name that uses our target groups is ours, with or without the tag; a stranger's is not
/// our business.
fn refuse_untagged_service(identity: &Identity, observed: &Observed) -> Result<(), PlanError> {
    let Some(service) = observed.ecs_service.present() else {
        return Ok(());
    };
    let uses_ours = service.uses_groups_of(&identity.service_arn);
    if service.status != ServiceStatus::Inactive && uses_ours && has_no_owner(&service.tags) {
        return Err(untagged(format!("service `{}`", service.arn)));
    }
    Ok(())
}

/// A rule that our service names, or that forwards to our target groups, is ours, with or without the tag; and the
/// groups cannot be deleted while it is there.
fn refuse_untagged_rules(identity: &Identity, observed: &Observed) -> Result<(), PlanError> {
    let service = observed.ecs_service.present();
    let is_named = service.is_some_and(|service| is_owned(&service.tags, &identity.owner_key));
    let is_ours =
        |rule: &&ObservedListenerRule| is_named || rule.forwards_to(&identity.service_arn);
    let mut untagged_rules = rules(observed).filter(|rule| has_no_owner(&rule.tags));
    match untagged_rules.find(is_ours) {
        Some(rule) => Err(untagged(format!("rule `{}`", rule.arn))),
        None => Ok(()),
    }
}

/// The service's rules: two when one is for test traffic, or while it moves from one load balancer to another.
fn rules(observed: &Observed) -> impl Iterator<Item = &ObservedListenerRule> {
    let leaving = observed.leaving.as_deref();
    let leaving = leaving.and_then(|leaving| leaving.listener_rule.present());
    let rules = [&observed.listener_rule, &observed.test_rule];
    rules
        .into_iter()
        .filter_map(Presence::present)
        .chain(leaving)
}

/// Its target groups: four while it moves.
fn target_groups(observed: &Observed) -> impl Iterator<Item = (Pair, &ObservedTargetGroup)> {
    let leaving = observed.leaving.as_deref().into_iter();
    [&observed.target_group_a, &observed.target_group_b]
        .into_iter()
        .chain(leaving.flat_map(LeavingSide::target_groups))
        .zip(Pair::BOTH.into_iter().cycle())
        .filter_map(|(group, pair)| Some((pair, group.present()?)))
}

/// The names of both kinds are hashes of the service: nobody has one by chance.
fn refuse_untagged_rest(observed: &Observed) -> Result<(), PlanError> {
    for (_, group) in target_groups(observed) {
        if has_no_owner(&group.tags) {
            return Err(untagged(format!("target group `{}`", group.arn)));
        }
    }
    match observed.service_security_group.present() {
        Some(group) if has_no_owner(&group.tags) => {
            Err(untagged(format!("security group `{}`", group.id)))
        }
        Some(_) | None => Ok(()),
    }
}

fn has_no_owner(tags: &Tags) -> bool {
    !tags.contains_key(naming::TAG_OWNER)
}

const fn untagged(resource: String) -> PlanError {
    PlanError::OwnerTagMissing { resource }
}

fn leave_traffic(
    identity: &Identity,
    hosted_zone_id: Option<&str>,
    observed: &Observed,
) -> Vec<Step> {
    let mut steps = Vec::new();
    let leaving = observed.leaving.as_deref().map(|leaving| &leaving.slot);
    let mut slots = observed.slot.present().into_iter().chain(leaving);
    if let (Some(hosted_zone_id), Some(record)) = (hosted_zone_id, observed.alias_record.present())
        && !is_of_another_owner(identity, observed)
        && slots.any(|slot| {
            let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
            alias_record::leads_to(record, &name)
        })
    {
        steps.push(Step::DeleteAliasRecord {
            hosted_zone_id: hosted_zone_id.to_owned(),
            host: identity.host.clone(),
            record: record.clone(),
        });
    }
    let is_service_foreign = observed.ecs_service.present().is_some_and(|service| {
        service.status != ServiceStatus::Inactive && !is_owned(&service.tags, &identity.owner_key)
    });
    // Deregistering what is not there is harmless, and cheaper than looking first.
    if !is_service_foreign && !observed.scalable_target.is_absent() {
        steps.push(Step::DeregisterScalableTarget {
            resource_id: resource_id(&identity.cluster, &identity.service),
            tags: identity.tags(),
        });
    }
    steps
}

/// Whether another owner has the service's name by now, as after a restore of the table: what goes by that name, and is
/// changed without a look at a tag, is his.
fn is_of_another_owner(identity: &Identity, observed: &Observed) -> bool {
    observed.ecs_service.present().is_some_and(|service| {
        let owner = service.tags.get(naming::TAG_OWNER);
        service.status != ServiceStatus::Inactive
            && owner.is_some_and(|owner| *owner != identity.owner_key)
    })
}

fn delete_rules(identity: &Identity, observed: &Observed) -> Vec<Step> {
    rules(observed)
        .filter(|rule| is_owned(&rule.tags, &identity.owner_key))
        .map(|rule| Step::DeleteListenerRule {
            rule_arn: rule.arn.clone(),
        })
        .collect()
}

fn delete_rest(identity: &Identity, observed: &Observed) -> Vec<Step> {
    let mut steps: Vec<Step> = target_groups(observed)
        .filter(|(_, group)| is_owned(&group.tags, &identity.owner_key))
        .map(|(pair, group)| Step::DeleteTargetGroup {
            pair,
            arn: group.arn.clone(),
        })
        .collect();
    // As for the scalable target.
    if !is_of_another_owner(identity, observed) && !observed.metric_alarm.is_absent() {
        steps.push(Step::DeleteMetricAlarm {
            name: naming::rollback_alarm(&identity.service, &identity.service_arn),
        });
    }
    let group = observed.service_security_group.present();
    if let Some(group) = group.filter(|group| is_owned(&group.tags, &identity.owner_key)) {
        steps.push(Step::DeleteSecurityGroup {
            group_id: group.id.clone(),
        });
    }
    let revisions = observed.revisions.present().into_iter().flatten();
    steps.extend(revisions.map(|arn| Step::DeregisterTaskDefinition { arn: arn.clone() }));
    steps
}
