//! Observing: asks AWS about everything that is `Unknown`, side by side, in at most three waves.
//!
//! A wave needs only what the waves before it have found: names first, then what hangs on the ARNs of
//! those, then what hangs on these. Nothing is asked twice: what is `Present` or `Absent` stays so until
//! a step makes it `Unknown` again.

use std::future::Future;

use express_core::desired::{Desired, DesiredTaskDefinition, Identity};
use express_core::naming::{self, Pair};
use express_core::network::{self, VpcFacts};
use express_core::observed::{Observed, Presence};
use express_core::plan::REVISIONS_KEPT;
use express_core::resources::ecs_service::{DeploymentStatus, ObservedEcsService, ServiceStatus};
use express_core::resources::listener::{HTTP_PORT, HTTPS_PORT, ObservedListener};
use express_core::resources::listener_rule::ObservedListenerRule;
use express_core::resources::scalable_target::{ObservedScalableTarget, resource_id};
use express_core::resources::scaling_policy::ObservedScalingPolicy;
use express_core::resources::security_group::ObservedSecurityGroup;
use express_core::resources::target_group::ObservedTargetGroup;
use express_core::resources::task_definition::{self, ObservedTaskDefinition};
use provider_schema::Properties;

use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::resources;
use crate::resources::ecs_service::deployment;

/// What EC2 says of the network that the properties ask for: two waves, and a third call only when the
/// load balancer cannot be in the tasks' own subnets.
///
/// # Errors
/// When EC2 does not answer.
pub async fn vpc_facts(aws: &AwsClients, properties: &Properties) -> Result<VpcFacts, AwsError> {
    let asked = &properties.network_configuration.subnets;
    let task_subnets = if asked.is_empty() {
        resources::vpc::default_subnets(aws).await?
    } else {
        resources::vpc::subnets_by_id(aws, asked).await?
    };
    let Some(vpc_id) = task_subnets.first().map(|subnet| subnet.vpc_id.clone()) else {
        return Ok(VpcFacts::default());
    };
    let mut facts = VpcFacts {
        route_tables: resources::vpc::route_tables(aws, &vpc_id).await?,
        task_subnets,
        all_subnets: Vec::new(),
    };
    if network::needs_all_subnets(properties, &facts) {
        facts.all_subnets = resources::vpc::subnets_of(aws, &vpc_id).await?;
    }
    Ok(facts)
}

/// Observes what is unknown of a service that is to be as `desired`.
///
/// `counts_revisions`: whether old task definitions are to go, and so have to be listed.
///
/// # Errors
/// When AWS does not answer.
pub async fn for_converging(
    aws: &AwsClients,
    desired: &Desired,
    counts_revisions: bool,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let identity = &desired.identity;
    let looks_at_service = observed.ecs_service.is_unknown();
    by_name(aws, desired, observed).await?;
    prefer_running_revision(aws, desired, observed).await?;
    let asks = Asks {
        // A service that was just created is known without its deployment, which is waited for anyway.
        deployment: looks_at_service,
        revisions: counts_revisions && may_have_surplus_revisions(observed),
    };
    by_arn(aws, desired, &asks, observed).await?;
    // Usually found through the service; a rule that is missing there is looked for on the listener.
    if observed.listener_rule.is_unknown() {
        rule_by_listener(aws, identity, observed).await?;
    }
    tags(aws, observed).await
}

/// Observes only what a new service may meet: one of its name, and its cluster.
///
/// # Errors
/// When ECS does not answer.
pub async fn service_and_cluster(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let Observed {
        ecs_service,
        cluster,
        ..
    } = observed;
    futures::try_join!(
        look(ecs_service, || {
            resources::ecs_service::find(aws, &identity.cluster, &identity.service)
        }),
        look(cluster, || resources::cluster::find(aws, &identity.cluster)),
    )?;
    Ok(())
}

/// Observes what is unknown of a service that is to go: only what can be deleted, and through the
/// service itself where it still exists.
///
/// # Errors
/// When AWS does not answer.
pub async fn for_removing(
    aws: &AwsClients,
    identity: &Identity,
    hosted_zone_id: Option<&str>,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let group_name = naming::service_security_group(&identity.service_arn);
    let family = family(identity);
    let Observed {
        ecs_service,
        alias_record,
        service_security_group,
        revisions,
        scalable_target,
        target_group_a,
        target_group_b,
        ..
    } = observed;
    let resource = resource_id(&identity.cluster, &identity.service);
    futures::try_join!(
        look(ecs_service, || {
            resources::ecs_service::find(aws, &identity.cluster, &identity.service)
        }),
        // Deregistering one that is not there is refused where the policy asks for its tag.
        look(scalable_target, || {
            resources::scalable_target::find(aws, &resource)
        }),
        alias(aws, hosted_zone_id, identity, alias_record),
        look(service_security_group, || async {
            let names = std::slice::from_ref(&group_name);
            let found = resources::security_group::find_by_names(aws, None, names).await?;
            Ok(found.into_iter().next())
        }),
        look(revisions, || async {
            resources::task_definition::list_active(aws, &family)
                .await
                .map(Some)
        }),
        target_groups(aws, identity, target_group_a, target_group_b),
    )?;
    if observed.listener_rule.is_unknown() {
        match rule_of_service(observed) {
            Some(arn) => {
                observed.listener_rule = resources::listener_rule::find(aws, &arn).await?.into();
            }
            None => {
                load_balancer(aws, observed).await?;
                listeners(aws, observed).await?;
                rule_by_listener(aws, identity, observed).await?;
            }
        }
    }
    tags(aws, observed).await
}

/// Everything that has a deterministic name.
async fn by_name(
    aws: &AwsClients,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let identity = &desired.identity;
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
        service_security_group,
        load_balancer_security_group,
        load_balancer,
        target_group_a,
        target_group_b,
        ..
    } = observed;
    futures::try_join!(
        look(ecs_service, || {
            resources::ecs_service::find(aws, &identity.cluster, &identity.service)
        }),
        look_if(is_new, cluster, || {
            resources::cluster::find(aws, &desired.cluster.name)
        }),
        look(log_group, || async {
            match &desired.log_group {
                Some(spec) => resources::log_group::find(aws, &spec.name).await,
                None => Ok(None),
            }
        }),
        look(task_definition, || find_task_definition(aws, desired)),
        look(metric_alarm, || {
            resources::metric_alarm::find(aws, &alarm_name)
        }),
        scaling(aws, identity, scalable_target, scaling_policy),
        alias(
            aws,
            desired.environment.hosted_zone_id.as_deref(),
            identity,
            alias_record
        ),
        security_groups(
            aws,
            desired,
            balancer.as_deref(),
            service_security_group,
            load_balancer_security_group
        ),
        async {
            match &balancer {
                Some(name) => {
                    look(load_balancer, || resources::load_balancer::find(aws, name)).await
                }
                None => Ok(()),
            }
        },
        target_groups(aws, identity, target_group_a, target_group_b),
    )?;
    Ok(())
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
        look(target, || resources::scalable_target::find(aws, &resource)),
        look(policy, || {
            resources::scaling_policy::find(aws, &resource, &policy_name)
        }),
    )?;
    Ok(())
}

async fn find_task_definition(
    aws: &AwsClients,
    desired: &Desired,
) -> Result<Option<ObservedTaskDefinition>, AwsError> {
    match &desired.task_definition {
        DesiredTaskDefinition::Ours(spec) => {
            resources::task_definition::find_newest(aws, &spec.family).await
        }
        DesiredTaskDefinition::Given(arn) => resources::task_definition::find(aws, arn).await,
    }
}

/// Without a hosted zone of ours there is no record of ours.
async fn alias(
    aws: &AwsClients,
    hosted_zone_id: Option<&str>,
    identity: &Identity,
    presence: &mut Presence<express_core::resources::alias_record::ObservedAliasRecord>,
) -> Result<(), AwsError> {
    look(presence, || async {
        match hosted_zone_id {
            Some(zone) => resources::alias_record::find(aws, zone, &identity.host).await,
            None => Ok(None),
        }
    })
    .await
}

/// Both target groups by one call.
async fn target_groups(
    aws: &AwsClients,
    identity: &Identity,
    a: &mut Presence<ObservedTargetGroup>,
    b: &mut Presence<ObservedTargetGroup>,
) -> Result<(), AwsError> {
    let mut unknown = [(Pair::A, a), (Pair::B, b)]
        .map(|(pair, presence)| (naming::target_group(&identity.service_arn, pair), presence));
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
    desired: &Desired,
    balancer: Option<&str>,
    of_service: &mut Presence<ObservedSecurityGroup>,
    of_load_balancer: &mut Presence<ObservedSecurityGroup>,
) -> Result<(), AwsError> {
    let service_group = naming::service_security_group(&desired.identity.service_arn);
    let mut unknown: Vec<(&str, &mut Presence<ObservedSecurityGroup>)> =
        vec![(&service_group, of_service)];
    unknown.extend(balancer.map(|name| (name, of_load_balancer)));
    unknown.retain(|(_, presence)| presence.is_unknown());
    if unknown.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = unknown.iter().map(|(name, _)| (*name).to_owned()).collect();
    let vpc_id = Some(desired.network.vpc_id.as_str());
    let found = resources::security_group::find_by_names(aws, vpc_id, &names).await?;
    for (name, presence) in unknown {
        *presence = found
            .iter()
            .find(|group| group.name == name)
            .cloned()
            .into();
    }
    Ok(())
}

/// After a deployment that failed the newest revision is the one that failed, and the service runs the
/// one before. Going back to that one is no change: it is taken for the newest when it is what is desired.
async fn prefer_running_revision(
    aws: &AwsClients,
    desired: &Desired,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let (DesiredTaskDefinition::Ours(spec), Some(service), Some(newest)) = (
        &desired.task_definition,
        observed.ecs_service.present(),
        observed.task_definition.present(),
    ) else {
        return Ok(());
    };
    let runs = &service.task_definition_arn;
    let is_of_our_family = runs.contains(&format!("/{}:", spec.family));
    if newest.arn == *runs || !is_of_our_family || task_definition::diff(spec, newest).is_empty() {
        return Ok(());
    }
    let running = resources::task_definition::find(aws, runs).await?;
    if let Some(running) = running.filter(|running| task_definition::diff(spec, running).is_empty())
    {
        observed.task_definition = Presence::Present(running);
    }
    Ok(())
}

/// What is asked only when it matters.
struct Asks {
    deployment: bool,
    revisions: bool,
}

/// Whether the family has more revisions than are kept: their numbers count up.
fn may_have_surplus_revisions(observed: &Observed) -> bool {
    observed
        .task_definition
        .present()
        .and_then(|newest| newest.arn.rsplit_once(':')?.1.parse::<usize>().ok())
        .is_some_and(|revision| revision > REVISIONS_KEPT)
}

/// What hangs on the ARNs that are known now.
async fn by_arn(
    aws: &AwsClients,
    desired: &Desired,
    asks: &Asks,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    // Only a load balancer that is being opened needs the ranges of its VPC.
    let opens = match &observed.load_balancer_security_group {
        Presence::Unknown => false,
        Presence::Absent => true,
        Presence::Present(group) => !group.has_ingress,
    };
    let rule_arn = rule_of_service(observed).filter(|_| observed.listener_rule.is_unknown());
    let load_balancer_arn = observed
        .load_balancer
        .present()
        .map(|found| found.arn.clone());
    let family = family(&desired.identity);
    let needs_cluster = !observed
        .ecs_service
        .present()
        .is_some_and(|service| service.status == ServiceStatus::Active);
    let Observed {
        cluster,
        vpc_cidrs,
        https_listener,
        http_listener,
        listener_rule,
        target_group_a,
        target_group_b,
        ecs_service,
        revisions,
        ..
    } = observed;
    futures::try_join!(
        look_if(needs_cluster, cluster, || {
            resources::cluster::find(aws, &desired.cluster.name)
        }),
        look_if(opens, vpc_cidrs, || async {
            resources::vpc::cidrs(aws, &desired.network.vpc_id)
                .await
                .map(Some)
        }),
        listeners_of(
            aws,
            load_balancer_arn.as_deref(),
            https_listener,
            http_listener
        ),
        async {
            if let Some(arn) = rule_arn
                && let Some(found) = resources::listener_rule::find(aws, &arn).await?
            {
                *listener_rule = Presence::Present(found);
            }
            Ok(())
        },
        deregistration_delay(aws, target_group_a),
        deregistration_delay(aws, target_group_b),
        async {
            if asks.deployment {
                newest_deployment(aws, desired, ecs_service).await?;
            }
            Ok(())
        },
        look_if(asks.revisions, revisions, || async {
            resources::task_definition::list_active(aws, &family)
                .await
                .map(Some)
        }),
    )?;
    Ok(())
}

async fn deregistration_delay(
    aws: &AwsClients,
    group: &mut Presence<ObservedTargetGroup>,
) -> Result<(), AwsError> {
    if let Presence::Present(group) = group
        && group.deregistration_delay_s.is_none()
    {
        let delay_s = resources::target_group::find_deregistration_delay(aws, &group.arn).await?;
        group.deregistration_delay_s = Some(delay_s);
    }
    Ok(())
}

/// The newest deployment, and the group that serves.
async fn newest_deployment(
    aws: &AwsClients,
    desired: &Desired,
    service: &mut Presence<ObservedEcsService>,
) -> Result<(), AwsError> {
    let Presence::Present(service) = service else {
        return Ok(());
    };
    if service.status != ServiceStatus::Active || service.deployment.is_some() {
        return Ok(());
    }
    let identity = &desired.identity;
    // At rest there is one revision: the one that serves. During a deployment nobody asks which does.
    let revision_arn = match service.current_revision_arns.as_slice() {
        [only] => Some(only),
        _ => None,
    };
    let (found, revision) = futures::try_join!(
        async {
            match &service.current_deployment_arn {
                Some(arn) => deployment::find(aws, arn).await,
                None => deployment::find_newest(aws, &identity.cluster, &identity.service).await,
            }
        },
        async {
            match revision_arn {
                Some(arn) => deployment::find_revision(aws, arn).await,
                None => Ok(None),
            }
        },
    )?;
    let mut deployment = found.as_ref().map(|found| found.deployment.clone());
    if let (Some(deployment), Some(revision)) = (&mut deployment, &revision)
        && found
            .as_ref()
            .and_then(|found| found.target_revision_arn.as_ref())
            == revision_arn
    {
        deployment.task_definition_arn = Some(revision.task_definition_arn.clone());
    }
    let has_served = deployment
        .as_ref()
        .is_some_and(|deployment| deployment.status == DeploymentStatus::Successful);
    service.live_target_group_arn = revision
        .filter(|_| has_served)
        .and_then(|revision| revision.target_group_arn);
    service.deployment = deployment;
    Ok(())
}

async fn load_balancer(aws: &AwsClients, observed: &mut Observed) -> Result<(), AwsError> {
    if let Some(slot) = observed.slot.present() {
        let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
        look(&mut observed.load_balancer, || {
            resources::load_balancer::find(aws, &name)
        })
        .await?;
    }
    Ok(())
}

async fn listeners(aws: &AwsClients, observed: &mut Observed) -> Result<(), AwsError> {
    let arn = observed
        .load_balancer
        .present()
        .map(|found| found.arn.clone());
    let Observed {
        https_listener,
        http_listener,
        ..
    } = observed;
    listeners_of(aws, arn.as_deref(), https_listener, http_listener).await
}

async fn listeners_of(
    aws: &AwsClients,
    load_balancer_arn: Option<&str>,
    https: &mut Presence<ObservedListener>,
    http: &mut Presence<ObservedListener>,
) -> Result<(), AwsError> {
    let Some(arn) = load_balancer_arn else {
        return Ok(());
    };
    if !https.is_unknown() && !http.is_unknown() {
        return Ok(());
    }
    let found = resources::listener::find_all(aws, arn).await?;
    for (port, presence) in [(HTTPS_PORT, https), (HTTP_PORT, http)] {
        if presence.is_unknown() {
            let listener = found.iter().find(|listener| listener.port == port);
            *presence = listener.cloned().into();
        }
    }
    Ok(())
}

/// The rule's ARN as the service names it.
fn rule_of_service(observed: &Observed) -> Option<String> {
    let service = observed.ecs_service.present()?;
    Some(service.ingress.as_ref()?.rule_arn.clone())
}

/// The service's rule among those of the pool's listener: by host name, and by our owner's tag, because
/// somebody else may have a rule for the same host.
async fn rule_by_listener(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let listener = match (&observed.https_listener, &observed.load_balancer) {
        (Presence::Present(listener), _) => listener,
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
    let rules = resources::listener_rule::find_all(aws, &listener.arn).await?;
    let mut candidates: Vec<ObservedListenerRule> = rules
        .into_iter()
        .filter(|rule| rule.hosts.contains(&identity.host))
        .collect();
    let arns: Vec<String> = candidates.iter().map(|rule| rule.arn.clone()).collect();
    let mut tags = resources::elb_tags::find(aws, &arns).await?;
    for rule in &mut candidates {
        rule.tags = tags.remove(&rule.arn).unwrap_or_default();
    }
    observed.listener_rule = candidates
        .into_iter()
        .find(|rule| express_core::observed::is_owned(&rule.tags, &identity.owner_key))
        .into();
    Ok(())
}

/// The tags of groups and rule, by one call, where they are not known yet.
async fn tags(aws: &AwsClients, observed: &mut Observed) -> Result<(), AwsError> {
    let Observed {
        target_group_a,
        target_group_b,
        listener_rule,
        ..
    } = observed;
    let mut untagged = Vec::new();
    for group in [target_group_a, target_group_b] {
        if let Presence::Present(group) = group {
            untagged.push((group.arn.clone(), &mut group.tags));
        }
    }
    if let Presence::Present(rule) = listener_rule {
        untagged.push((rule.arn.clone(), &mut rule.tags));
    }
    // What we made carries our tags, so what has none was not asked for them.
    untagged.retain(|(_, tags)| tags.is_empty());
    let arns: Vec<String> = untagged.iter().map(|(arn, _)| arn.clone()).collect();
    if arns.is_empty() {
        return Ok(());
    }
    let mut found = resources::elb_tags::find(aws, &arns).await?;
    for (arn, tags) in untagged {
        *tags = found.remove(&arn).unwrap_or_default();
    }
    Ok(())
}

fn family(identity: &Identity) -> String {
    naming::family(&identity.service, &identity.service_arn)
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
