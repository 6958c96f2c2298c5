//! The first wave: everything that has a deterministic name.

use express_core::desired::Identity;
use express_core::naming::{self, Pair};
use express_core::observed::{AliasLook, Observed, Presence};
use express_core::resources::alias_record::{AliasChange, ObservedAliasRecord};
use express_core::resources::scalable_target::{ObservedScalableTarget, resource_id};
use express_core::resources::scaling_policy::ObservedScalingPolicy;
use express_core::resources::security_group::ObservedSecurityGroup;
use express_core::resources::target_group::ObservedTargetGroup;
use express_core::resources::task_definition::ObservedTaskDefinition;
use express_core::sought::{Sought, SoughtTaskDefinition};

use super::{look as look_at, look_if};
use crate::aws::AwsClients;
use crate::aws::error::{AwsError, if_found};
use crate::error::chain;
use crate::resources;

/// Everything that has a deterministic name.
pub(super) async fn look(
    aws: &AwsClients,
    sought: &Sought,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let identity = &sought.identity;
    let alarm_name = naming::rollback_alarm(&identity.service, &identity.service_arn);
    // A service that exists has a cluster; that of a new one is looked at together with it.
    let is_new = observed.listener_rule.is_absent();
    let balancer = observed
        .slot
        .present()
        .map(|slot| naming::load_balancer(&slot.pool_id, slot.ordinal));
    let Observed {
        ecs_service,
        cluster,
        log_group,
        task_definition,
        metric_alarm,
        scalable_target,
        scaling_policy,
        alias_record,
        alias_look,
        service_security_group,
        load_balancer_security_group,
        load_balancer,
        target_group_a,
        target_group_b,
        pool_id,
        ..
    } = observed;
    let pool_id = pool_id.as_deref();
    let (.., unanswered) = futures::try_join!(
        look_at(ecs_service, || {
            resources::ecs_service::find(aws, &identity.cluster, &identity.service)
        }),
        look_if(is_new, cluster, || {
            resources::cluster::find(aws, &identity.cluster)
        }),
        look_at(log_group, || async {
            match &sought.log_group {
                Some(name) => resources::log_group::find(aws, name).await,
                None => Ok(None),
            }
        }),
        look_at(task_definition, || find_task_definition(aws, sought)),
        look_at(metric_alarm, || {
            resources::metric_alarm::find(aws, &alarm_name)
        }),
        scaling(aws, identity, scalable_target, scaling_policy),
        security_groups(
            aws,
            identity,
            balancer.as_deref(),
            service_security_group,
            load_balancer_security_group
        ),
        async {
            match &balancer {
                Some(name) => {
                    look_at(load_balancer, || resources::load_balancer::find(aws, name)).await
                }
                None => Ok(()),
            }
        },
        target_groups(aws, identity, pool_id, target_group_a, target_group_b),
        alias_if_answered(aws, sought, alias_look, alias_record),
    )?;
    unanswered.map_or(Ok(()), |error| skip_alias(observed, error))
}

async fn scaling(
    aws: &AwsClients,
    identity: &Identity,
    target: &mut Presence<ObservedScalableTarget>,
    policy: &mut Presence<ObservedScalingPolicy>,
) -> Result<(), AwsError> {
    let resource = resource_id(&identity.cluster, &identity.service);
    let policy_name = naming::scaling_policy(&identity.service_arn);
    futures::try_join!(
        look_at(target, || resources::scalable_target::find(aws, &resource)),
        look_at(policy, || {
            resources::scaling_policy::find(aws, &resource, &policy_name)
        }),
    )?;
    Ok(())
}

async fn find_task_definition(
    aws: &AwsClients,
    sought: &Sought,
) -> Result<Option<ObservedTaskDefinition>, AwsError> {
    match &sought.task_definition {
        SoughtTaskDefinition::Newest { family } => {
            resources::task_definition::find_newest(aws, family).await
        }
        SoughtTaskDefinition::Given(arn) => resources::task_definition::find_given(aws, arn).await,
    }
}

/// The record of a service that is to be there; the error, where Route 53 does not answer and that may not matter.
async fn alias_if_answered(
    aws: &AwsClients,
    sought: &Sought,
    look: &AliasLook,
    presence: &mut Presence<ObservedAliasRecord>,
) -> Result<Option<AwsError>, AwsError> {
    if *look == AliasLook::Skipped {
        return Ok(None);
    }
    let zone = sought.hosted_zone_id.as_deref();
    match alias(aws, zone, &sought.identity, presence).await {
        Err(error) if *look != AliasLook::Needed && error.class.is_retriable() => Ok(Some(error)),
        looked => looked.map(|()| None),
    }
}

/// Route 53 has one control plane for the world, in us-east-1: while that does not answer, services elsewhere are deployed
/// all the same, where their record leads to their load balancer already.
/// AWS: <https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/appendix-b---edge-network-global-service-guidance.html>
fn skip_alias(observed: &mut Observed, unanswered: AwsError) -> Result<(), AwsError> {
    let AliasLook::Optional(leads_to) = &observed.alias_look else {
        return Err(unanswered);
    };
    let load_balancer = observed.load_balancer.present();
    if !load_balancer.is_some_and(|found| found.dns_name.eq_ignore_ascii_case(leads_to)) {
        return Err(unanswered);
    }
    let problem = chain(&unanswered).to_string();
    tracing::warn!(event = "alias.skipped", problem);
    observed.alias_look = AliasLook::Skipped;
    Ok(())
}

/// Without a hosted zone of ours there is no record of ours.
pub(super) async fn alias(
    aws: &AwsClients,
    hosted_zone_id: Option<&str>,
    identity: &Identity,
    presence: &mut Presence<ObservedAliasRecord>,
) -> Result<(), AwsError> {
    look_at(presence, || async {
        match hosted_zone_id {
            Some(zone) => resources::alias_record::find(aws, zone, &identity.host).await,
            None => Ok(None),
        }
    })
    .await
}

/// Whether the change is everywhere by which a service that moves has got its host name pointed at another load balancer.
/// While Route 53 does not tell, time does.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_GetChange.html>
pub(super) async fn alias_change(aws: &AwsClients, change: &mut AliasChange) {
    let AliasChange::Unknown(id) = change else {
        return;
    };
    match resources::alias_record::find_change(aws, id).await {
        Ok(found) => *change = found,
        Err(error) => {
            let problem = chain(&error).to_string();
            tracing::warn!(event = "alias.change.skipped", problem);
        }
    }
}

/// The record of a service that is to go. A zone that was deleted has taken its records along. One that is not needed does
/// not keep what else is to go, while Route 53 does not answer.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/APIReference/API_DeleteHostedZone.html>
pub(super) async fn alias_to_remove(
    aws: &AwsClients,
    hosted_zone_id: Option<&str>,
    identity: &Identity,
    is_needed: bool,
    presence: &mut Presence<ObservedAliasRecord>,
) -> Result<(), AwsError> {
    let looked = if_found(alias(aws, hosted_zone_id, identity, presence).await);
    let is_there = match looked {
        Err(error) if !is_needed && error.class.is_retriable() => {
            let problem = chain(&error).to_string();
            tracing::warn!(event = "alias.skipped", problem);
            false
        }
        looked => looked?.is_some(),
    };
    if !is_there {
        *presence = Presence::Absent;
    }
    Ok(())
}

/// Both target groups on a load balancer of the pool by one call. A service that never claimed a place has none.
pub(super) async fn target_groups(
    aws: &AwsClients,
    identity: &Identity,
    pool_id: Option<&str>,
    a: &mut Presence<ObservedTargetGroup>,
    b: &mut Presence<ObservedTargetGroup>,
) -> Result<(), AwsError> {
    let Some(pool_id) = pool_id else {
        for presence in [a, b] {
            if presence.is_unknown() {
                *presence = Presence::Absent;
            }
        }
        return Ok(());
    };
    let mut unknown = [(Pair::A, a), (Pair::B, b)].map(|(pair, presence)| {
        let name = naming::target_group(&identity.service_arn, pool_id, pair);
        (name, presence)
    });
    let names: Vec<String> = unknown
        .iter()
        .filter(|(_, presence)| presence.is_unknown())
        .map(|(name, _)| name.clone())
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let found = resources::target_group::find(aws, &names).await?;
    for (name, presence) in &mut unknown {
        if presence.is_unknown() {
            let group = found.iter().find(|group| group.name == *name);
            **presence = group.cloned().into();
        }
    }
    Ok(())
}

/// Both security groups by one call; the load balancer's once its name is known.
async fn security_groups(
    aws: &AwsClients,
    identity: &Identity,
    balancer: Option<&str>,
    of_service: &mut Presence<ObservedSecurityGroup>,
    of_load_balancer: &mut Presence<ObservedSecurityGroup>,
) -> Result<(), AwsError> {
    let service_group = naming::service_security_group(&identity.service_arn);
    let mut unknown: Vec<(&str, &mut Presence<ObservedSecurityGroup>)> =
        vec![(&service_group, of_service)];
    unknown.extend(balancer.map(|name| (name, of_load_balancer)));
    unknown.retain(|(_, presence)| presence.is_unknown());
    if unknown.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = unknown.iter().map(|(name, _)| (*name).to_owned()).collect();
    let found =
        resources::security_group::find_by_names(aws, identity.account_id(), None, &names).await?;
    for (name, presence) in unknown {
        *presence = found
            .iter()
            .find(|group| group.name == name)
            .cloned()
            .into();
    }
    Ok(())
}
