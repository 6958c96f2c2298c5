//! The second wave: what hangs on the ARNs that the first has found.

use std::collections::BTreeMap;

use express_core::desired::Identity;
use express_core::naming;
use express_core::observed::{Observed, Presence, is_owned};
use express_core::plan::REVISIONS_KEPT;
use express_core::resources::Tags;
use express_core::resources::ecs_service::{
    DeploymentStatus, ObservedDeployment, ObservedEcsService, ServiceStatus,
};
use express_core::resources::listener::{HTTP_PORT, HTTPS_PORT, ObservedListener};
use express_core::resources::listener_rule::ObservedListenerRule;
use express_core::resources::target_group::ObservedTargetGroup;

use super::{look_if, rule};
use crate::aws::AwsClients;
use crate::aws::error::{AwsError, if_found};
use crate::resources;
use crate::resources::ecs_service::deployment::{self, FoundRevision};

/// What is asked only when it matters.
#[derive(Clone, Copy)]
pub(super) struct Asks {
    deployment: bool,
    revisions: bool,
}

impl Asks {
    /// To be made before the first wave.
    pub(super) const fn new(counts_revisions: bool, observed: &Observed) -> Self {
        Self {
            // A service that was just created is known without its deployment, which is waited for anyway.
            deployment: observed.ecs_service.is_unknown(),
            revisions: counts_revisions,
        }
    }
}

/// What hangs on the ARNs that are known now.
pub(super) async fn look(
    aws: &AwsClients,
    identity: &Identity,
    asks: Asks,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let rule_arn = rule::named_by_service(observed).filter(|_| observed.listener_rule.is_unknown());
    let test_rule_arn = rule::test_rule_to_find(asks.deployment, observed);
    let load_balancer_arn = observed
        .load_balancer
        .present()
        .map(|found| found.arn.clone());
    let family = naming::family(&identity.service, &identity.service_arn);
    let asks_revisions = asks.revisions && may_have_surplus_revisions(observed);
    let untagged = untagged_groups(observed)
        .chain(rule_arn.clone())
        .chain(test_rule_arn.clone())
        .collect();
    let needs_cluster = !observed
        .ecs_service
        .present()
        .is_some_and(|service| service.status == ServiceStatus::Active);
    let Observed {
        cluster,
        https_listener,
        http_listener,
        listener_rule,
        test_rule,
        target_group_a,
        target_group_b,
        has_served,
        ecs_service,
        revisions,
        ..
    } = observed;
    let (.., mut tags) = futures::try_join!(
        look_if(needs_cluster, cluster, || {
            resources::cluster::find(aws, &identity.cluster)
        }),
        listeners_of(
            aws,
            load_balancer_arn.as_deref(),
            https_listener,
            http_listener
        ),
        rule::by_name_of_service(aws, rule_arn.as_deref(), listener_rule),
        rule::by_name_of_service(aws, test_rule_arn.as_deref(), test_rule),
        deregistration_delay(aws, target_group_a),
        deregistration_delay(aws, target_group_b),
        async {
            if asks.deployment {
                newest_deployment(aws, identity, *has_served, ecs_service).await?;
            }
            Ok(())
        },
        look_if(asks_revisions, revisions, || async {
            resources::task_definition::list_owned(aws, &family, &identity.owner_key)
                .await
                .map(Some)
        }),
        tags_of(aws, untagged),
    )?;
    for group in [target_group_a, target_group_b] {
        if let Presence::Present(group) = group {
            take_tags(&mut tags, &group.arn, &mut group.tags);
        }
    }
    take_rule_tags(&mut tags, &identity.owner_key, listener_rule, test_rule);
    Ok(())
}

/// ARNs of the groups whose tags are not known. What we made carries our tags: what has none was not asked
/// for them.
fn untagged_groups(observed: &Observed) -> impl Iterator<Item = String> {
    [&observed.target_group_a, &observed.target_group_b]
        .into_iter()
        .filter_map(Presence::present)
        .filter(|group| group.tags.is_empty())
        .map(|group| group.arn.clone())
        .collect::<Vec<_>>()
        .into_iter()
}

/// Tags by ARN, of all by one call; none when one of them is gone, because ELB refuses the call then.
pub(super) async fn tags_of(
    aws: &AwsClients,
    arns: Vec<String>,
) -> Result<BTreeMap<String, Tags>, AwsError> {
    if arns.is_empty() {
        return Ok(BTreeMap::new());
    }
    let found = if_found(resources::elb_tags::find(aws, &arns).await)?;
    Ok(found.unwrap_or_default())
}

fn take_tags(found: &mut BTreeMap<String, Tags>, arn: &str, tags: &mut Tags) {
    if let Some(found) = found.remove(arn) {
        *tags = found;
    }
}

/// The tags of both rules. Somebody may have the service name a rule of his for test traffic: it is not ours to change, and
/// ours is still to be looked for.
fn take_rule_tags(
    found: &mut BTreeMap<String, Tags>,
    owner_key: &str,
    listener_rule: &mut Presence<ObservedListenerRule>,
    test_rule: &mut Presence<ObservedListenerRule>,
) {
    for rule in [listener_rule, &mut *test_rule] {
        if let Presence::Present(rule) = rule {
            take_tags(found, &rule.arn, &mut rule.tags);
        }
    }
    let test = test_rule.present();
    let is_ours =
        |rule: &ObservedListenerRule| is_owned(&rule.tags, owner_key) || rule.has_lost_its_owner();
    if test.is_some_and(|rule| !is_ours(rule)) {
        *test_rule = Presence::Unknown;
    }
}

/// The tags of both groups, where they are not known.
pub(super) async fn tags_of_groups(
    aws: &AwsClients,
    groups: [&mut Presence<ObservedTargetGroup>; 2],
) -> Result<(), AwsError> {
    let mut untagged: Vec<&mut ObservedTargetGroup> = groups
        .into_iter()
        .filter_map(|group| match group {
            Presence::Present(group) if group.tags.is_empty() => Some(group),
            Presence::Present(_) | Presence::Absent | Presence::Unknown => None,
        })
        .collect();
    let arns = untagged.iter().map(|group| group.arn.clone()).collect();
    let mut found = tags_of(aws, arns).await?;
    for group in &mut untagged {
        let arn = group.arn.clone();
        take_tags(&mut found, &arn, &mut group.tags);
    }
    Ok(())
}

/// Whether the family has more revisions than are kept: their numbers count up.
fn may_have_surplus_revisions(observed: &Observed) -> bool {
    observed
        .task_definition
        .present()
        .and_then(|newest| newest.arn.rsplit_once(':')?.1.parse::<usize>().ok())
        .is_some_and(|revision| revision > REVISIONS_KEPT)
}

/// The rule's tags, where they are not known: their call was refused because another rule is gone.
pub(super) async fn tags_of_rule(
    aws: &AwsClients,
    rule: &mut Presence<ObservedListenerRule>,
) -> Result<(), AwsError> {
    if let Presence::Present(rule) = rule
        && rule.tags.is_empty()
    {
        let mut found = tags_of(aws, vec![rule.arn.clone()]).await?;
        take_tags(&mut found, &rule.arn, &mut rule.tags);
    }
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
    identity: &Identity,
    has_served: bool,
    service: &mut Presence<ObservedEcsService>,
) -> Result<(), AwsError> {
    let Presence::Present(service) = service else {
        return Ok(());
    };
    // A stranger's deployments may be of a kind that ECS does not list, and are not our business.
    let is_ours = is_owned(&service.tags, &identity.owner_key);
    if !is_ours || service.status != ServiceStatus::Active || service.deployment.is_some() {
        return Ok(());
    }
    let (mut deployment, mut revision) = deployment_and_revision(aws, identity, service).await?;
    if has_ended_since(service, deployment.as_ref()) {
        let again = resources::ecs_service::find(aws, &identity.cluster, &identity.service);
        if let Some(again) = again.await? {
            *service = again;
            (deployment, revision) = deployment_and_revision(aws, identity, service).await?;
        }
    }
    let revision_arn = service.only_revision_arn();
    if let (Some(deployment), Some(revision)) = (&mut deployment, &revision)
        && deployment.target_revision_arn.as_ref() == revision_arn
    {
        deployment.task_definition_arn = Some(revision.task_definition_arn.clone());
    }
    // What a deployment that failed has gone back to served before it. ECS forgets deployments after 90 days.
    // AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/view-service-deployment.html
    let has_served = deployment.as_ref().map_or(has_served, |deployment| {
        deployment.status == DeploymentStatus::Successful
            || deployment.target_revision_arn.as_ref() != revision_arn
    });
    service.live_target_group_arn = revision
        .filter(|_| has_served)
        .and_then(|revision| revision.target_group_arn);
    service.deployment = deployment;
    Ok(())
}

async fn deployment_and_revision(
    aws: &AwsClients,
    identity: &Identity,
    service: &ObservedEcsService,
) -> Result<(Option<ObservedDeployment>, Option<FoundRevision>), AwsError> {
    futures::try_join!(
        async {
            match &service.current_deployment_arn {
                Some(arn) => deployment::find(aws, arn).await,
                None => deployment::find_newest(aws, &identity.cluster, &identity.service).await,
            }
        },
        async {
            // At rest there is one revision: the one that serves. During a deployment nobody asks which does.
            match service.only_revision_arn() {
                Some(arn) => deployment::find_revision(aws, arn).await,
                None => Ok(None),
            }
        },
    )
}

/// Whether a deployment that was going on when the service was looked at has ended when that was.
fn has_ended_since(service: &ObservedEcsService, deployment: Option<&ObservedDeployment>) -> bool {
    deployment.is_some_and(|deployment| !deployment.is_running())
        && service.current_revision_arns.len() > 1
}

pub(super) async fn listeners_of(
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

#[cfg(test)]
mod tests {
    use express_core::claim::Owner;
    use express_core::naming::TAG_OWNER;
    use serde_json::{Value, json};

    use super::*;
    use crate::fake_aws::{FakeAws, Sent};

    const SERVICE: &str = "arn:aws:ecs:eu-west-1:123456789012:service/default/web";

    fn identity() -> Identity {
        Identity {
            owner: Owner {
                stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1".into(),
                logical_resource_id: "Web".into(),
            },
            owner_key: "owner".into(),
            service_arn: SERVICE.into(),
            cluster: "default".into(),
            service: "web".into(),
            host: "web.apps.example.com".into(),
        }
    }

    /// What ECS says of a service that it looked at first while `new` was being deployed, and next when that had ended.
    fn ended_between_two_looks(status: &str, serves: &str, looks: usize, sent: &Sent) -> Value {
        let revisions = match looks {
            0 => json!([{"arn": "old"}, {"arn": "new"}]),
            _ => json!([{"arn": serves}]),
        };
        match sent
            .header("x-amz-target")
            .and_then(|it| it.split_once('.'))
        {
            Some((_, "DescribeServices")) => json!({"services": [{
                "serviceArn": SERVICE, "status": "ACTIVE", "taskDefinition": serves,
                "tags": [{"key": TAG_OWNER, "value": "owner"}],
                "currentServiceDeployment": "deployment",
                "currentServiceRevisions": revisions,
            }]}),
            Some((_, "DescribeServiceDeployments")) => json!({"serviceDeployments": [{
                "serviceDeploymentArn": "deployment", "status": status, "createdAt": 1,
                "targetServiceRevision": {"arn": "new"},
            }]}),
            Some((_, "DescribeServiceRevisions")) => {
                assert_eq!(sent.json()["serviceRevisionArns"], json!([serves]));
                json!({"serviceRevisions": [{
                    "serviceRevisionArn": serves, "taskDefinition": serves,
                    "resolvedConfiguration": {"loadBalancers": [{"targetGroupArn": serves}]},
                }]})
            }
            other => panic!("nobody needs {other:?}"),
        }
    }

    #[tokio::test]
    async fn what_serves_is_known_also_when_a_deployment_ends_between_two_looks() {
        for (status, serves) in [("SUCCESSFUL", "new"), ("ROLLBACK_SUCCESSFUL", "old")] {
            let fake = FakeAws::new(move |looks, sent| {
                let answer = ended_between_two_looks(status, serves, looks, sent);
                Some((200, answer.to_string()))
            });
            let aws = fake.runtime().aws;
            let found = resources::ecs_service::find(&aws, "default", "web").await;
            let mut service = found.expect("an answer").into();
            let looked = newest_deployment(&aws, &identity(), false, &mut service).await;
            looked.expect("an answer");
            let service = service.present().expect("a service");
            assert_eq!(service.live_target_group_arn.as_deref(), Some(serves));
            assert_eq!(service.task_definition_arn, serves);
        }
    }
}
