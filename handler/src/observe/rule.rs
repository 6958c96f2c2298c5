//! The service's rules: through the service, or among those of the pool's listener.

use express_core::claim::Slot;
use express_core::desired::Identity;
use express_core::naming;
use express_core::observed::{Observed, Presence, is_owned};
use express_core::resources::ecs_service::ServiceStatus;
use express_core::resources::listener_rule::{self, ObservedListenerRule};

use super::{by_arn, look as look_at};
use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::resources;

/// The rule of a service that is to be there. Usually it was found through the service; one that is
/// missing there is looked for on the listener.
pub(super) async fn look(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    if observed.listener_rule.is_unknown() || observed.test_rule.is_unknown() {
        by_listener(aws, identity, false, observed).await?;
    }
    // The tags of what was asked for by one call together with a rule that is gone, which is refused.
    let Observed {
        target_group_a,
        target_group_b,
        listener_rule,
        ..
    } = observed;
    futures::try_join!(
        by_arn::tags_of_groups(aws, [target_group_a, target_group_b]),
        by_arn::tags_of_rule(aws, listener_rule),
    )?;
    Ok(())
}

/// The rules of a service that is to go: those that it names, while it can be asked. `is_new_look`: whether the service
/// was looked at just before.
pub(super) async fn look_for_removing(
    aws: &AwsClients,
    identity: &Identity,
    is_new_look: bool,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let arn = named_for_removal(observed).filter(|_| observed.listener_rule.is_unknown());
    let test_arn = test_rule_to_find(is_new_look, observed);
    let Observed {
        listener_rule,
        test_rule,
        ..
    } = &mut *observed;
    futures::try_join!(
        with_tags(aws, arn, listener_rule),
        with_tags(aws, test_arn, test_rule),
    )?;
    if !listener_rule.is_unknown() && !test_rule.is_unknown() {
        return Ok(());
    }
    if let Some(slot) = observed.slot.present() {
        let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
        look_at(&mut observed.load_balancer, || {
            resources::load_balancer::find(aws, &name)
        })
        .await?;
    }
    let Observed {
        load_balancer,
        https_listener,
        http_listener,
        ..
    } = observed;
    let arn = load_balancer.present().map(|found| found.arn.as_str());
    by_arn::listeners_of(aws, arn, https_listener, http_listener).await?;
    by_listener(aws, identity, true, observed).await
}

/// The rules of a service that is to go on a load balancer that a table of before does not know, where they keep its groups
/// in use: the groups say it when there is no service to name the rules.
pub(super) async fn look_for_removing_by_groups(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    if !observed.listener_rule.is_absent() {
        return Ok(());
    }
    let is_elsewhere = |arn: &&str| {
        let name = listener_rule::load_balancer_name_of(arn);
        name.is_some_and(|name| observed.is_elsewhere(&name))
    };
    let elsewhere = observed.load_balancers_of_groups().find(is_elsewhere);
    let (mut https, mut http) = (Presence::Unknown, Presence::Unknown);
    by_arn::listeners_of(aws, elsewhere, &mut https, &mut http).await?;
    if let Presence::Present(listener) = https {
        let rules = find_on(aws, identity, &listener.arn).await?;
        sort_in(identity, rules, true, observed);
    }
    Ok(())
}

/// The ARN of the rule for test traffic, where the service has to be believed: when nothing is known of that rule, or the
/// service was looked at just now and names one that the record does not know.
pub(super) fn test_rule_to_find(is_new_look: bool, observed: &mut Observed) -> Option<String> {
    let arn = test_named_by_service(observed)?;
    if is_new_look && observed.test_rule.is_absent() {
        observed.test_rule = Presence::Unknown;
    }
    observed.test_rule.is_unknown().then_some(arn)
}

fn test_named_by_service(observed: &Observed) -> Option<String> {
    let service = observed.ecs_service.present()?;
    if service.status == ServiceStatus::Inactive {
        return None;
    }
    service.ingress.as_ref()?.test_rule_arn.clone()
}

/// Finds the rule that the service names, without its tags. One that is gone stays unknown: another may be in its place.
pub(super) async fn by_name_of_service(
    aws: &AwsClients,
    arn: Option<&str>,
    rule: &mut Presence<ObservedListenerRule>,
) -> Result<(), AwsError> {
    if let Some(arn) = arn
        && let Some(found) = resources::listener_rule::find(aws, arn).await?
    {
        *rule = Presence::Present(found);
    }
    Ok(())
}

/// Finds the rule that the service names, with its tags. One that is gone stays unknown, as above.
async fn with_tags(
    aws: &AwsClients,
    arn: Option<String>,
    rule: &mut Presence<ObservedListenerRule>,
) -> Result<(), AwsError> {
    let Some(arn) = arn else {
        return Ok(());
    };
    let (found, mut tags) = futures::try_join!(
        resources::listener_rule::find(aws, &arn),
        by_arn::tags_of(aws, vec![arn.clone()]),
    )?;
    if let Some(found) = found {
        *rule = Presence::Present(ObservedListenerRule {
            tags: tags.remove(&found.arn).unwrap_or_default(),
            ..found
        });
    }
    Ok(())
}

/// The rule's ARN as the service names it. One that has ended may be that of an earlier life under the same name,
/// which ECS describes until it forgets it: its rule is not the one that a later Create has made.
fn named_anywhere(observed: &Observed) -> Option<&String> {
    let service = observed.ecs_service.present()?;
    if service.status == ServiceStatus::Inactive {
        return None;
    }
    Some(&service.ingress.as_ref()?.rule_arn)
}

/// The same, unless the side that the service leaves has it, or somebody else: wherever else it is, it is to go. A table of
/// before a move does not know where.
fn named_for_removal(observed: &Observed) -> Option<String> {
    let rule_arn = named_anywhere(observed)?;
    let name = listener_rule::load_balancer_name_of(rule_arn)?;
    let is_here = |slot: &Slot| naming::load_balancer(&slot.pool_id, slot.ordinal) == name;
    let is_to_go = observed.slot.present().is_none_or(is_here) || observed.is_elsewhere(&name);
    is_to_go.then(|| rule_arn.clone())
}

/// The same, unless it is on another load balancer than the service's slot.
pub(super) fn named_by_service(observed: &Observed) -> Option<String> {
    let rule_arn = named_anywhere(observed)?;
    // While the service moves, it may name the one on the other load balancer.
    let is_elsewhere = observed.slot.present().is_some_and(|slot| {
        let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
        !rule_arn.contains(&format!(":listener-rule/app/{name}/"))
    });
    (!is_elsewhere).then(|| rule_arn.clone())
}

/// The service's rules among those of the pool's listener: by host name, and by our tags, because somebody else may
/// have a rule for the same host. `is_removal`: also those that have lost all tags.
async fn by_listener(
    aws: &AwsClients,
    identity: &Identity,
    is_removal: bool,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let rules = match (&observed.https_listener, &observed.load_balancer) {
        (Presence::Present(listener), _) => find_on(aws, identity, &listener.arn).await?,
        // Without a listener, or without a load balancer or a slot for one, there is no rule.
        (Presence::Absent, _) | (Presence::Unknown, Presence::Absent) => Vec::new(),
        (Presence::Unknown, _) if observed.slot.is_absent() => Vec::new(),
        (Presence::Unknown, _) => return Ok(()),
    };
    sort_in(identity, rules, is_removal, observed);
    Ok(())
}

fn sort_in(
    identity: &Identity,
    rules: Vec<ObservedListenerRule>,
    is_removal: bool,
    observed: &mut Observed,
) {
    let (for_tests, for_all): (Vec<_>, Vec<_>) = rules
        .into_iter()
        .filter(|rule| {
            let is_ours = is_owned(&rule.tags, &identity.owner_key);
            is_removal || is_ours || rule.has_lost_its_owner()
        })
        .partition(ObservedListenerRule::is_for_tests);
    for (rule, found) in [
        (&mut observed.listener_rule, for_all),
        (&mut observed.test_rule, for_tests),
    ] {
        // None may stay of a service that is to go, whatever the record knows of: one that had lost its tag has another
        // beside it.
        if rule.is_unknown() || (is_removal && rule.is_absent()) {
            *rule = found.into_iter().next().into();
        }
    }
}

/// The rules for the service's host on a listener: first those with our owner's tag, then those that have lost it and
/// still forward to the service. They keep its target groups in use.
pub(super) async fn find_on(
    aws: &AwsClients,
    identity: &Identity,
    listener_arn: &str,
) -> Result<Vec<ObservedListenerRule>, AwsError> {
    let rules = resources::listener_rule::find_all(aws, listener_arn).await?;
    let mut candidates: Vec<ObservedListenerRule> = rules
        .into_iter()
        .filter(|rule| rule.names(&identity.host))
        .collect();
    let arns: Vec<String> = candidates.iter().map(|rule| rule.arn.clone()).collect();
    let mut tags = resources::elb_tags::find(aws, &arns).await?;
    for rule in &mut candidates {
        rule.tags = tags.remove(&rule.arn).unwrap_or_default();
    }
    let (mut found, others): (Vec<_>, Vec<_>) = candidates
        .into_iter()
        .partition(|rule| is_owned(&rule.tags, &identity.owner_key));
    found.extend(others.into_iter().filter(|rule| {
        !rule.tags.contains_key(naming::TAG_OWNER) && rule.forwards_to(&identity.service_arn)
    }));
    Ok(found)
}
