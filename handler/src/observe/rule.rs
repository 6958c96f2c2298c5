//! The service's rule: through the service, or among those of the pool's listener.

use express_core::desired::Identity;
use express_core::naming;
use express_core::observed::{Observed, Presence, is_owned};
use express_core::resources::ecs_service::ServiceStatus;
use express_core::resources::listener_rule::ObservedListenerRule;

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
    if observed.listener_rule.is_unknown() {
        by_listener(aws, identity, observed).await?;
    }
    // The tags of groups whose call was refused together with a rule that is gone.
    let Observed {
        target_group_a,
        target_group_b,
        ..
    } = observed;
    by_arn::tags_of_groups(aws, [target_group_a, target_group_b]).await
}

/// The rule of a service that is to go: the one that it names, while it can be asked.
pub(super) async fn look_for_removing(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    if !observed.listener_rule.is_unknown() {
        return Ok(());
    }
    if let Some(arn) = named_by_service(observed) {
        let (found, mut tags) = futures::try_join!(
            resources::listener_rule::find(aws, &arn),
            by_arn::tags_of(aws, vec![arn.clone()]),
        )?;
        observed.listener_rule = found
            .map(|rule| ObservedListenerRule {
                tags: tags.remove(&rule.arn).unwrap_or_default(),
                ..rule
            })
            .into();
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
    by_listener(aws, identity, observed).await
}

/// The rule's ARN as the service names it. One that has ended may be that of an earlier life under the same name,
/// which ECS describes until it forgets it: its rule is not the one that a later Create has made.
pub(super) fn named_by_service(observed: &Observed) -> Option<String> {
    let service = observed.ecs_service.present()?;
    if service.status == ServiceStatus::Inactive {
        return None;
    }
    let rule_arn = &service.ingress.as_ref()?.rule_arn;
    // While the service moves, it may name the one on the other load balancer.
    let is_elsewhere = observed.slot.present().is_some_and(|slot| {
        let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
        !rule_arn.contains(&format!(":listener-rule/app/{name}/"))
    });
    (!is_elsewhere).then(|| rule_arn.clone())
}

/// The service's rule among those of the pool's listener: by host name, and by our owner's tag, because
/// somebody else may have a rule for the same host.
async fn by_listener(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let listener = match (&observed.https_listener, &observed.load_balancer) {
        (Presence::Present(listener), _) => listener.clone(),
        // Without a listener, or without a load balancer or a slot for one, there is no rule.
        (Presence::Absent, _) | (Presence::Unknown, Presence::Absent) => {
            observed.listener_rule = Presence::Absent;
            return Ok(());
        }
        (Presence::Unknown, _) => {
            if observed.slot.is_absent() {
                observed.listener_rule = Presence::Absent;
            }
            return Ok(());
        }
    };
    observed.listener_rule = find_on(aws, identity, &listener.arn).await?.into();
    Ok(())
}

/// The rule for the service's host on a listener, with our owner's tag.
pub(super) async fn find_on(
    aws: &AwsClients,
    identity: &Identity,
    listener_arn: &str,
) -> Result<Option<ObservedListenerRule>, AwsError> {
    let rules = resources::listener_rule::find_all(aws, listener_arn).await?;
    let mut candidates: Vec<ObservedListenerRule> = rules
        .into_iter()
        .filter(|rule| rule.hosts.contains(&identity.host))
        .collect();
    let arns: Vec<String> = candidates.iter().map(|rule| rule.arn.clone()).collect();
    let mut tags = resources::elb_tags::find(aws, &arns).await?;
    for rule in &mut candidates {
        rule.tags = tags.remove(&rule.arn).unwrap_or_default();
    }
    Ok(candidates
        .into_iter()
        .find(|rule| is_owned(&rule.tags, &identity.owner_key)))
}
