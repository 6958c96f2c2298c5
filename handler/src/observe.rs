//! Observing: asks AWS about everything that is `Unknown`, side by side, in waves.
//!
//! A wave needs only what the waves before it have found: first what has a name ([`by_name`]), then what
//! hangs on the ARNs of those ([`by_arn`]), and a third only where something is missing or has changed.
//! Nothing is asked twice: what is `Present` or `Absent` stays so until a step makes it `Unknown` again.

mod by_arn;
mod by_name;
mod leaving;
mod rule;

use std::future::Future;

use express_core::desired::{Desired, Identity};
use express_core::naming;
use express_core::network::{self, Reach, Subnet, VpcFacts};
use express_core::observed::{Observed, Presence};
use express_core::plan;
use express_core::resources::scalable_target::resource_id;
use express_core::sought::Sought;
use provider_schema::Properties;

use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::resources;

/// What EC2 says of the network that the properties ask for: two waves, and a third call only when the
/// load balancer cannot be in the tasks' own subnets.
///
/// # Errors
/// When EC2 does not answer.
pub async fn vpc_facts(aws: &AwsClients, properties: &Properties) -> Result<VpcFacts, AwsError> {
    let task_subnets = task_subnets(aws, properties).await?;
    // Of a service that is only now made nothing was found before.
    around(aws, properties, &[], task_subnets).await
}

/// [`vpc_facts`] and [`for_converging`] at once: neither waits for the other. With the properties comes what the service's
/// record knows of its subnets.
///
/// # Errors
/// When AWS does not answer.
pub async fn with_network(
    aws: &AwsClients,
    sought: &Sought,
    counts_revisions: bool,
    (properties, reaches): (&Properties, &[Reach]),
    observed: &mut Observed,
) -> Result<VpcFacts, AwsError> {
    let asks = by_arn::Asks::new(counts_revisions, observed);
    let (task_subnets, ()) = futures::try_join!(
        task_subnets(aws, properties),
        by_name::look(aws, sought, observed),
    )?;
    let (facts, ()) = futures::try_join!(
        around(aws, properties, reaches, task_subnets),
        by_arn::look(aws, &sought.identity, asks, observed),
    )?;
    rule::look(aws, &sought.identity, observed).await?;
    leaving::look(aws, &sought.identity, observed).await?;
    Ok(facts)
}

/// Observes what is unknown of a service that is to be there.
///
/// `counts_revisions`: whether old task definitions are to go, and so have to be listed.
///
/// # Errors
/// When AWS does not answer.
pub async fn for_converging(
    aws: &AwsClients,
    sought: &Sought,
    counts_revisions: bool,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let asks = by_arn::Asks::new(counts_revisions, observed);
    by_name::look(aws, sought, observed).await?;
    by_arn::look(aws, &sought.identity, asks, observed).await?;
    rule::look(aws, &sought.identity, observed).await?;
    leaving::look(aws, &sought.identity, observed).await
}

/// Observes what matters only in the light of what the service is to be.
///
/// # Errors
/// When AWS does not answer.
pub async fn for_planning(
    aws: &AwsClients,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let is_needed = plan::needs_vpc_ranges(desired, observed);
    let vpc_id = &desired.network.vpc_id;
    let vpc_cidrs = look_if(is_needed, &mut observed.vpc_cidrs, || async {
        resources::vpc::cidrs(aws, vpc_id).await.map(Some)
    });
    let alias_change = by_name::alias_change(aws, &mut observed.alias_change);
    let (looked, ()) = futures::join!(vpc_cidrs, alias_change);
    looked?;
    running_revision(aws, desired, observed).await
}

/// Observes only what a new service may meet: one of its name, its cluster, and a record of its host name.
///
/// # Errors
/// When ECS or Route 53 does not answer.
pub async fn what_a_new_service_meets(
    aws: &AwsClients,
    identity: &Identity,
    hosted_zone_id: Option<&str>,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let Observed {
        ecs_service,
        cluster,
        alias_record,
        ..
    } = observed;
    futures::try_join!(
        look(ecs_service, || {
            resources::ecs_service::find(aws, &identity.cluster, &identity.service)
        }),
        look(cluster, || resources::cluster::find(aws, &identity.cluster)),
        by_name::alias(aws, hosted_zone_id, identity, alias_record),
    )?;
    Ok(())
}

/// Observes what is unknown of a service that is to go: first what serves, and what stays behind only once
/// the service is gone, because it can be deleted only then.
///
/// # Errors
/// When AWS does not answer; Route 53 only, where `needs_alias`.
pub async fn for_removing(
    aws: &AwsClients,
    identity: &Identity,
    hosted_zone_id: Option<&str>,
    needs_alias: bool,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let resource = resource_id(&identity.cluster, &identity.service);
    let is_new_look = observed.ecs_service.is_unknown();
    let Observed {
        ecs_service,
        alias_record,
        scalable_target,
        ..
    } = observed;
    futures::try_join!(
        look(ecs_service, || {
            resources::ecs_service::find(aws, &identity.cluster, &identity.service)
        }),
        // Deregistering one that is not there is refused where the policy asks for its tag.
        look(scalable_target, || {
            resources::scalable_target::find(aws, &resource)
        }),
        by_name::alias_to_remove(aws, hosted_zone_id, identity, needs_alias, alias_record),
    )?;
    rule::look_for_removing(aws, identity, is_new_look, observed).await?;
    leaving::look(aws, identity, observed).await?;
    if plan::is_going(identity, observed) {
        return Ok(());
    }
    what_stays_behind(aws, identity, observed).await?;
    rule::look_for_removing_by_groups(aws, identity, observed).await
}

async fn what_stays_behind(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let group_name = naming::service_security_group(&identity.service_arn);
    let family = naming::family(&identity.service, &identity.service_arn);
    let Observed {
        service_security_group,
        revisions,
        target_group_a,
        target_group_b,
        pool_id,
        ..
    } = observed;
    futures::try_join!(
        look(service_security_group, || async {
            let names = std::slice::from_ref(&group_name);
            let found =
                resources::security_group::find_by_names(aws, identity.account_id(), None, names)
                    .await?;
            Ok(found.into_iter().next())
        }),
        look(revisions, || async {
            resources::task_definition::list_owned(aws, &family, &identity.owner_key)
                .await
                .map(Some)
        }),
        async {
            let pool_id = pool_id.as_deref();
            by_name::target_groups(aws, identity, pool_id, target_group_a, target_group_b).await?;
            by_arn::tags_of_groups(aws, [target_group_a, target_group_b]).await
        },
    )?;
    Ok(())
}

/// What EC2 says of some subnets of a VPC, and of its routes.
///
/// # Errors
/// When EC2 does not answer.
pub async fn subnet_facts(
    aws: &AwsClients,
    vpc_id: &str,
    subnet_ids: &[String],
) -> Result<VpcFacts, AwsError> {
    let (all_subnets, route_tables) = futures::try_join!(
        resources::vpc::subnets_by_id(aws, subnet_ids),
        resources::vpc::route_tables(aws, vpc_id),
    )?;
    Ok(VpcFacts {
        task_subnets: Vec::new(),
        all_subnets,
        route_tables,
    })
}

async fn task_subnets(aws: &AwsClients, properties: &Properties) -> Result<Vec<Subnet>, AwsError> {
    let asked = &properties.network_configuration.subnets;
    if asked.is_empty() {
        resources::vpc::default_subnets(aws).await
    } else {
        resources::vpc::subnets_by_id(aws, asked).await
    }
}

/// What is around the subnets of the tasks.
async fn around(
    aws: &AwsClients,
    properties: &Properties,
    reaches: &[Reach],
    task_subnets: Vec<Subnet>,
) -> Result<VpcFacts, AwsError> {
    let Some(vpc_id) = task_subnets.first().map(|subnet| subnet.vpc_id.clone()) else {
        return Ok(VpcFacts::default());
    };
    let mut facts = VpcFacts {
        route_tables: resources::vpc::route_tables(aws, &vpc_id).await?,
        task_subnets,
        all_subnets: Vec::new(),
    };
    if network::needs_all_subnets(properties, &facts, reaches) {
        facts.all_subnets = resources::vpc::subnets_of(aws, &vpc_id).await?;
    }
    Ok(facts)
}

/// The revision that the service runs: what was added to it goes along with the next. It is nearly always the newest,
/// which is known; after a deployment that failed, what that was of may have to be known first.
async fn running_revision(
    aws: &AwsClients,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    if let Some(arn) = plan::unseen_failed_revision(desired, observed) {
        let found = resources::ecs_service::deployment::find_revision(aws, &arn).await?;
        if let Presence::Present(service) = &mut observed.ecs_service
            && let Some(failed) = &mut service.deployment
        {
            failed.task_definition_arn = found.map(|found| found.task_definition_arn);
        }
    }
    if let Some(arn) = plan::unseen_running_revision(desired, observed) {
        let found = resources::task_definition::find(aws, &arn).await?;
        observed.running_task_definition = found.into();
    }
    plan::prefer_running(desired, observed);
    Ok(())
}

/// Looks only where it matters.
async fn look_if<T, Answer>(
    matters: bool,
    presence: &mut Presence<T>,
    find: impl FnOnce() -> Answer,
) -> Result<(), AwsError>
where
    Answer: Future<Output = Result<Option<T>, AwsError>>,
{
    if matters {
        look(presence, find).await?;
    }
    Ok(())
}

/// Looks only at what is unknown.
async fn look<T, Answer>(
    presence: &mut Presence<T>,
    find: impl FnOnce() -> Answer,
) -> Result<(), AwsError>
where
    Answer: Future<Output = Result<Option<T>, AwsError>>,
{
    if presence.is_unknown() {
        *presence = find().await?.into();
    }
    Ok(())
}
