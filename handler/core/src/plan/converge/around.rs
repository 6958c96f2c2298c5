//! What leans on the service, and what only goes once its deployment has ended.

use super::facts::{is_ours, live_service};
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming;
use crate::observed::{Observed, Presence, is_owned};
use crate::plan::{PlanError, REVISIONS_KEPT, Timing, specs};
use crate::resources::alias_record::ObservedAliasRecord;
use crate::resources::ecs_service::ObservedEcsService;
use crate::resources::scalable_target::{self, ScalableTargetSpec};
use crate::resources::security_group::{self, Source};
use crate::resources::{Tags, alias_record, scaling_policy};
use crate::step::{Step, Tagging};

/// What leans on the service: how many tasks it has.
pub(super) fn around_the_service(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    if live_service(desired, observed).is_none() {
        return;
    }
    let target = specs::scalable_target(desired);
    match &observed.scalable_target {
        Presence::Unknown => {}
        Presence::Absent => steps.push(Step::RegisterScalableTarget(target)),
        Presence::Present(found) => {
            if scalable_target::differs(&target, found) {
                steps.push(Step::RegisterScalableTarget(ScalableTargetSpec {
                    is_there: true,
                    ..target
                }));
            }
            let policy = specs::scaling_policy(desired, observed);
            let is_wrong = |spec: &_| match &observed.scaling_policy {
                Presence::Unknown => false,
                Presence::Absent => true,
                Presence::Present(found) => scaling_policy::differs(spec, found),
            };
            steps.extend(policy.filter(is_wrong).map(Step::PutScalingPolicy));
        }
    }
}

/// Nothing is made for a service whose host name is somebody else's already. Once a service that is being made is there
/// its load balancer is known, and [`alias`] compares with that. Nothing is changed of one that has no record of its own
/// yet, because DNS was managed elsewhere, while somebody else's has the name.
///
/// # Errors
/// When there is a record of the name that does not lead to the service's own place.
pub(super) fn refuse_taken_host(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
) -> Result<(), PlanError> {
    let may_be_taken = if timing.is_create {
        observed.ecs_service.is_absent()
    } else {
        !timing.has_alias_record
    };
    let Some(found) = observed.alias_record.present().filter(|_| may_be_taken) else {
        return Ok(());
    };
    let is_ours = observed.slot.present().is_some_and(|slot| {
        let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
        alias_record::leads_to(found, &name)
    });
    if is_ours {
        return Ok(());
    }
    Err(taken(&desired.identity.host, found))
}

fn taken(host: &str, found: &ObservedAliasRecord) -> PlanError {
    let of_type = found.other_type.as_ref();
    let of_type = of_type.map_or_else(String::new, |other| format!(" of type `{other}`"));
    PlanError::OwnedByAnother {
        resource: format!("record `{host}`{of_type}"),
    }
}

/// The host name leads to the load balancer.
///
/// # Errors
/// When the service would take somebody's record.
pub(super) fn alias(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    if live_service(desired, observed).is_none() {
        return Ok(());
    }
    if let Some(record) = specs::alias_record(desired, observed) {
        match &observed.alias_record {
            Presence::Absent => steps.push(Step::CreateAliasRecord(record)),
            Presence::Present(found) if alias_record::differs(&record, found) => {
                // Beside a CNAME there is room for no other record.
                let is_full = found.other_type.as_deref() == Some("CNAME");
                if timing.is_create || !timing.has_alias_record || is_full {
                    return Err(taken(&record.host, found));
                }
                steps.push(match &found.other_type {
                    None => Step::UpsertAliasRecord(record),
                    Some(_) => Step::CreateAliasRecord(record),
                });
            }
            Presence::Unknown | Presence::Present(_) => {}
        }
    }
    Ok(())
}

/// The tags of everything, where the service's are not as desired.
pub(super) fn tags(desired: &Desired, observed: &Observed, timing: &Timing, steps: &mut Vec<Step>) {
    let service = live_service(desired, observed);
    let tagging = service.and_then(|service| tagging(desired, observed, timing, service));
    steps.extend(tagging.map(Box::new).map(Step::TagResources));
}

/// The service's tags stand for those of everything else: they are written everywhere at once.
fn tagging(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
    service: &ObservedEcsService,
) -> Option<Tagging> {
    let set: Tags = desired
        .tags
        .iter()
        .filter(|(key, value)| timing.tags_anew || service.tags.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let remove: Vec<String> = desired
        .removed_tag_keys
        .iter()
        .filter(|key| timing.tags_anew || service.tags.contains_key(*key))
        .cloned()
        .collect();
    if set.is_empty() && remove.is_empty() {
        return None;
    }
    let [a, b] = observed.target_groups()?;
    let rules = [observed.listener_rule.present()?]
        .into_iter()
        .chain(observed.test_rule.present())
        .filter(|rule| is_ours(desired, rule));
    Some(Tagging {
        load_balancing_arns: [&a.arn, &b.arn]
            .into_iter()
            .chain(rules.map(|rule| &rule.arn))
            .cloned()
            .collect(),
        ecs_arns: match &desired.task_definition {
            DesiredTaskDefinition::Ours(_) => {
                let definition = observed.task_definition.present()?;
                // What somebody else has registered is not ours to tag, even where it runs.
                let is_ours = is_owned(&definition.tags, &desired.identity.owner_key);
                let ours = is_ours.then(|| definition.arn.clone());
                ours.into_iter().chain([service.arn.clone()]).collect()
            }
            DesiredTaskDefinition::Given(_) => vec![service.arn.clone()],
        },
        security_group_id: observed.service_security_group.present()?.id.clone(),
        alarm_arn: observed.metric_alarm.present()?.arn.clone(),
        scalable_target_arn: observed.scalable_target.present()?.arn.clone(),
        set,
        remove,
    })
}

/// Nothing is missing and nothing is running: what only now may go.
pub(super) fn after_the_deployment(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    if let (Some(group), Some(source), Some(port)) = (
        observed.service_security_group.present(),
        observed.load_balancer_security_group.present(),
        specs::container_port(desired, observed),
    ) {
        let source = Source::Group(source.id.clone());
        let revoke = security_group::diff(group, &source, &[port]).revoke;
        if !revoke.is_empty() {
            steps.push(Step::RevokeIngress {
                group_id: group.id.clone(),
                rules: revoke,
            });
        }
    }
    // The deployment that dropped it is over, so ECS does not name it any more.
    if let Some(rule) = observed.test_rule.present()
        && desired.test_header.is_none()
        && is_owned(&rule.tags, &desired.identity.owner_key)
    {
        steps.push(Step::DeleteListenerRule {
            rule_arn: rule.arn.clone(),
        });
    }
    if let Some(revisions) = observed.revisions.present() {
        let surplus = revisions.len().saturating_sub(REVISIONS_KEPT);
        // After updates that went back, what runs may be older than what was to replace it.
        let service = observed.ecs_service.present();
        let runs = service.map(|service| &service.task_definition_arn);
        let old = revisions
            .iter()
            .take(surplus)
            .filter(|arn| Some(*arn) != runs);
        steps.extend(old.map(|arn| Step::DeregisterTaskDefinition { arn: arn.clone() }));
    }
}
