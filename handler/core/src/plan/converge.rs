//! The order in which a service comes to be and changes. Create and Update are the same.

use provider_schema::{Attributes, NONE};

use super::specs;
use super::{PlanError, Timing};
use crate::decision::{Decision, Wait, WaitReason};
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming::{self, Pair};
use crate::network::scheme_name;
use crate::observed::{Observed, Presence, is_owned};
use crate::resources::alias_record;
use crate::resources::ecs_service::{
    self, DeploymentStatus, EcsServiceSpec, ObservedDeployment, ObservedEcsService, ServiceStatus,
};
use crate::resources::listener::ObservedListener;
use crate::resources::load_balancer::LoadBalancerState;
use crate::resources::metric_alarm::{self, AlarmState, ObservedMetricAlarm};
use crate::resources::scalable_target;
use crate::resources::scaling_policy;
use crate::resources::security_group::{self, IngressRule, Source};
use crate::resources::target_group::{self, TargetGroupChange};
use crate::resources::task_definition::{self, ObservedTaskDefinition};
use crate::resources::{Tags, listener};
use crate::step::{GroupOf, Step, Tagging};

/// Seconds between looks at a running deployment.
const DEPLOYMENT_RETRY_S: u32 = 15;
/// Seconds between looks at a service that drains under our name.
const DRAINING_RETRY_S: u32 = 15;
/// Seconds between looks at an alarm that is in ALARM: it is evaluated every minute.
const ALARM_RETRY_S: u32 = 30;
/// Seconds between looks for a deployment that was just asked for.
const LISTING_RETRY_S: u32 = 5;
/// How long ECS may take to list a deployment; one that never appears was never asked for, because the
/// attempt died before the call.
const LISTING_PATIENCE_MS: u64 = 60 * 1000;
/// How long an Update waits for an alarm that is in ALARM to recover before it fails (R10).
const ALARM_PATIENCE_MS: u64 = 5 * 60 * 1000;
/// Revisions of a family that stay registered: the one that runs and the one to go back to (DESIGN §3).
const REVISIONS_KEPT: usize = 2;

/// Plans the next part of the way to `desired`.
///
/// In order of dependency, everything whose inputs are known is planned at once:
/// 1. what stands for itself: cluster, log group, task definition, slot, the service's security group,
///    both target groups;
/// 2. the load balancer, its security group and listeners: made by whoever finds them missing;
/// 3. the rule, which forwards to both groups *before* the service exists: ECS refuses to deploy
///    otherwise, and owns its weights from then on; the alarm, which ECS must find when it deploys;
/// 4. the service, and its one deployment;
/// 5. what needs the service: scalable target and policy, alias record, tags;
/// 6. after the deployment: the alarm is pointed at the group that is idle now, ports that are no
///    longer used are closed, old revisions are deregistered.
///
/// # Errors
/// What can never come to be as asked, or a deployment of this operation that failed.
pub fn converge(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
) -> Result<Decision, PlanError> {
    refuse_moves(desired, observed)?;
    let mut steps = Vec::new();
    standing_alone(desired, observed, &mut steps)?;
    load_balancer(desired, observed, &mut steps)?;
    ingress(desired, observed, &mut steps);
    let mut wait = service(desired, observed, timing, &mut steps)?;
    around_the_service(desired, observed, timing, &mut steps)?;
    if steps.is_empty() && wait.is_none() {
        after_the_deployment(desired, observed, &mut steps);
    }
    if !steps.is_empty() {
        return Ok(Decision::Apply(steps));
    }
    if let Some(wait) = wait.take() {
        return Ok(Decision::Wait(wait));
    }
    Ok(attributes(desired, observed).map_or_else(
        // Something that another step of this plan would have made is still being looked up.
        || {
            Decision::Wait(Wait {
                reason: WaitReason::OtherAttempt,
                retry_after_s: 1,
            })
        },
        |attributes| Decision::Converged(Box::new(attributes)),
    ))
}

/// A service that exists stays on its load balancer: VPC, scheme and sharing make the pool (DESIGN §4).
fn refuse_moves(desired: &Desired, observed: &Observed) -> Result<(), PlanError> {
    let moved = |what: &str| {
        Err(PlanError::MoveNotSupported {
            what: what.to_owned(),
        })
    };
    if let Some(group) = observed.target_group_a.present()
        && is_owned(&group.tags, &desired.identity.owner_key)
        && group.vpc_id != desired.network.vpc_id
    {
        return moved("the VPC");
    }
    match observed.slot.present() {
        Some(slot) if slot.pool_id != desired.pool_id => {
            moved("`LoadBalancer.Scheme` or `LoadBalancer.Sharing`")
        }
        Some(_) | None => Ok(()),
    }
}

fn standing_alone(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    if observed.cluster.is_absent() {
        if !desired.cluster.is_made_when_absent() {
            return Err(PlanError::ClusterNotFound {
                cluster: desired.cluster.name.clone(),
            });
        }
        steps.push(Step::CreateCluster(desired.cluster.clone()));
    }
    if let Some(log_group) = &desired.log_group
        && observed.log_group.is_absent()
    {
        steps.push(Step::CreateLogGroup(log_group.clone()));
    }
    if observed.slot.is_absent() {
        steps.push(Step::ClaimSlot(specs::slot_request(desired)));
    }
    match &observed.service_security_group {
        Presence::Unknown => {}
        Presence::Absent => steps.push(Step::CreateSecurityGroup {
            of: GroupOf::Service,
            spec: specs::service_security_group(desired),
        }),
        Presence::Present(group) => {
            if !is_owned(&group.tags, &desired.identity.owner_key) {
                return Err(PlanError::OwnedByAnother {
                    resource: format!("security group `{}`", group.name),
                });
            }
        }
    }
    task_definition(desired, observed, steps)?;
    target_groups(desired, observed, steps)
}

fn task_definition(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    match &desired.task_definition {
        DesiredTaskDefinition::Given(arn) => given_task_definition(arn, observed),
        DesiredTaskDefinition::Ours(spec) => {
            let is_wanted = match &observed.task_definition {
                Presence::Unknown => false,
                Presence::Absent => true,
                Presence::Present(newest) => {
                    refuse_foreign_revision(desired, observed, newest)?;
                    !is_owned(&newest.tags, &desired.identity.owner_key)
                        || !task_definition::diff(spec, newest).is_empty()
                }
            };
            // A deployment must end before the next one may be asked for; so may its task definition.
            if is_wanted && !is_deploying(observed) {
                steps.push(Step::RegisterTaskDefinition(spec.clone()));
            }
            Ok(())
        }
    }
}

fn given_task_definition(arn: &str, observed: &Observed) -> Result<(), PlanError> {
    let unfit = |problem: &str| {
        Err(PlanError::TaskDefinitionUnfit {
            arn: arn.to_owned(),
            problem: problem.to_owned(),
        })
    };
    match &observed.task_definition {
        Presence::Unknown => Ok(()),
        Presence::Absent => unfit("does not exist or is not active"),
        Presence::Present(found) if found.primary.port.is_none() => {
            unfit("must contain a container named `Main` with a single TCP port mapping")
        }
        Presence::Present(_) => Ok(()),
    }
}

/// Somebody deployed a revision by hand. Merging it is for a later version; overwriting it would undo
/// somebody's work without a word.
fn refuse_foreign_revision(
    desired: &Desired,
    observed: &Observed,
    newest: &ObservedTaskDefinition,
) -> Result<(), PlanError> {
    let Some(service) = live_service(desired, observed) else {
        return Ok(());
    };
    let runs = &service.task_definition_arn;
    let family = naming::family(&desired.identity.service, &desired.identity.service_arn);
    let is_of_our_family = runs.contains(&format!("/{family}:"));
    let is_newest_but_foreign =
        newest.arn == *runs && !is_owned(&newest.tags, &desired.identity.owner_key);
    // A task definition that the template gave before may be replaced by one of ours.
    let was_given = desired.given_before.as_ref().is_some_and(|given| {
        runs == given
            || runs
                .rsplit_once(':')
                .is_some_and(|(family, _)| family == given)
    });
    if (!is_of_our_family && !was_given) || is_newest_but_foreign {
        return Err(PlanError::ForeignTaskDefinition { arn: runs.clone() });
    }
    Ok(())
}

fn target_groups(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    for pair in Pair::BOTH {
        let spec = specs::target_group(desired, pair);
        match observed.target_group(pair) {
            Presence::Unknown => {}
            Presence::Absent => steps.push(Step::CreateTargetGroup(spec)),
            Presence::Present(group) => {
                if !is_owned(&group.tags, &desired.identity.owner_key) {
                    return Err(PlanError::OwnedByAnother {
                        resource: format!("target group `{}`", group.name),
                    });
                }
                let mut change = target_group::diff(&spec, group);
                if is_serving_old(desired, observed, &group.arn) {
                    // The tasks that serve now may not answer the new path: it is theirs only once
                    // the deployment that brings it has succeeded.
                    change.health_check_path = None;
                }
                if change != TargetGroupChange::default() {
                    steps.push(Step::ModifyTargetGroup {
                        pair,
                        arn: group.arn.clone(),
                        change,
                    });
                }
            }
        }
    }
    Ok(())
}

/// Whether `group_arn` serves a revision that is about to be replaced, or may be.
fn is_serving_old(desired: &Desired, observed: &Observed, group_arn: &str) -> bool {
    let Some(service) = live_service(desired, observed) else {
        return false;
    };
    let is_live = service
        .live_target_group_arn
        .as_deref()
        .is_none_or(|live| live == group_arn);
    let is_settled = wanted_service(desired, observed)
        .is_some_and(|spec| ecs_service::diff(&spec, service).is_empty())
        && !is_deploying(observed);
    is_live && !is_settled
}

fn load_balancer(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    let Some(slot) = observed.slot.present() else {
        return Ok(());
    };
    let group_id = load_balancer_security_group(desired, observed, slot.ordinal, steps);
    match (&observed.load_balancer, group_id) {
        (Presence::Absent, Some(security_group_id)) => steps.push(Step::CreateLoadBalancer {
            spec: specs::load_balancer(desired, observed, slot.ordinal),
            security_group_id,
        }),
        (Presence::Present(found), _) => {
            if found.state == LoadBalancerState::Failed {
                return Err(PlanError::LoadBalancerFailed {
                    name: naming::load_balancer(&slot.pool_id, slot.ordinal),
                });
            }
            if let Some(subnet_ids) = found.extended_subnets(&desired.network.ingress_subnets) {
                steps.push(Step::ExtendSubnets {
                    load_balancer_arn: found.arn.clone(),
                    subnet_ids,
                });
            }
            let [https, redirect] = specs::listeners(desired, slot.ordinal, &found.arn);
            for (presence, spec) in [
                (&observed.https_listener, https),
                (&observed.http_listener, redirect),
            ] {
                if presence.is_absent() {
                    steps.push(Step::CreateListener(spec));
                }
            }
        }
        (Presence::Unknown | Presence::Absent, _) => {}
    }
    Ok(())
}

/// The load balancer's group admits clients on both ports: from everywhere, or from the VPC.
fn load_balancer_security_group(
    desired: &Desired,
    observed: &Observed,
    ordinal: u64,
    steps: &mut Vec<Step>,
) -> Option<String> {
    let group = match &observed.load_balancer_security_group {
        Presence::Unknown => return None,
        Presence::Absent => {
            steps.push(Step::CreateSecurityGroup {
                of: GroupOf::LoadBalancer,
                spec: specs::load_balancer_security_group(desired, ordinal),
            });
            return None;
        }
        Presence::Present(group) => group,
    };
    // The ranges are the pool policy's from when the group is new; what people change later is theirs.
    if group.ingress.is_empty()
        && let Presence::Present(vpc_cidrs) = &observed.vpc_cidrs
    {
        let sources: Vec<String> = match desired.network.scheme {
            provider_schema::Scheme::InternetFacing => vec![EVERYWHERE.to_owned()],
            provider_schema::Scheme::Internal => vpc_cidrs.clone(),
        };
        steps.push(Step::AuthorizeIngress {
            of: GroupOf::LoadBalancer,
            group_id: group.id.clone(),
            rules: sources
                .into_iter()
                .flat_map(|cidr| {
                    [listener::HTTPS_PORT, listener::HTTP_PORT].map(|port| IngressRule {
                        port,
                        source: Source::Cidr(cidr.clone()),
                    })
                })
                .collect(),
        });
    }
    Some(group.id.clone())
}

/// All IPv4 addresses.
const EVERYWHERE: &str = "0.0.0.0/0";

/// What lets requests in: the service's group, the rule and the alarm that watches it.
fn ingress(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    service_ingress(desired, observed, steps);
    match &observed.listener_rule {
        Presence::Unknown => {}
        Presence::Absent if observed.is_priority_taken => {
            steps.push(Step::ClaimNextSlot(specs::slot_request(desired)));
        }
        Presence::Absent => {
            steps.extend(specs::listener_rule(desired, observed).map(Step::CreateListenerRule));
        }
        Presence::Present(rule) => {
            let groups = observed
                .target_groups()
                .map(|[a, b]| [a.arn.as_str(), b.arn.as_str()]);
            let repaired = groups.and_then(|groups| rule.repaired_weights(groups));
            if let Some(weights) = repaired.filter(|_| !is_deploying(observed)) {
                steps.push(Step::RepairListenerRule {
                    rule_arn: rule.arn.clone(),
                    weights,
                });
            }
        }
    }
    if let Some(spec) = specs::metric_alarm(desired, observed) {
        let is_wrong = match &observed.metric_alarm {
            Presence::Unknown => false,
            Presence::Absent => true,
            Presence::Present(alarm) => metric_alarm::differs(&spec, alarm),
        };
        // ECS reads the alarm all through a deployment: nobody moves it then.
        if is_wrong && !is_deploying(observed) {
            steps.push(Step::PutMetricAlarm(spec));
        }
    }
}

/// The port that the tasks use, and the one that those of the revision before still use.
fn service_ingress(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    let (Some(group), Some(source), Some(port)) = (
        observed.service_security_group.present(),
        observed.load_balancer_security_group.present(),
        specs::container_port(desired, observed),
    ) else {
        return;
    };
    let source = Source::Group(source.id.clone());
    let authorize = security_group::diff(group, &source, &[port]).authorize;
    if !authorize.is_empty() {
        steps.push(Step::AuthorizeIngress {
            of: GroupOf::Service,
            group_id: group.id.clone(),
            rules: authorize,
        });
    }
}

/// The ARN of the task definition that is to run, once it exists as wanted.
fn wanted_task_definition<'a>(desired: &Desired, observed: &'a Observed) -> Option<&'a str> {
    let found = observed.task_definition.present()?;
    match &desired.task_definition {
        DesiredTaskDefinition::Given(_) => Some(&found.arn),
        DesiredTaskDefinition::Ours(spec) => (is_owned(&found.tags, &desired.identity.owner_key)
            && task_definition::diff(spec, found).is_empty())
        .then_some(&found.arn),
    }
}

fn wanted_service(desired: &Desired, observed: &Observed) -> Option<EcsServiceSpec> {
    specs::ecs_service(
        desired,
        observed,
        wanted_task_definition(desired, observed)?,
    )
}

fn service(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<Option<Wait>, PlanError> {
    let name = &desired.identity.service;
    let existing = match &observed.ecs_service {
        Presence::Unknown => return Ok(None),
        Presence::Absent => None,
        Presence::Present(service) => match service.status {
            ServiceStatus::Inactive => None,
            ServiceStatus::Active => Some(service),
            ServiceStatus::Draining => {
                return Ok(Some(Wait {
                    reason: WaitReason::ServiceDraining {
                        service: name.clone(),
                    },
                    retry_after_s: DRAINING_RETRY_S,
                }));
            }
        },
    };
    let Some(service) = existing else {
        create_service(desired, observed, timing, steps);
        return Ok(None);
    };
    if !is_owned(&service.tags, &desired.identity.owner_key) {
        return Err(PlanError::OwnedByAnother {
            resource: format!("ECS service `{name}` in cluster `{}`", desired.cluster.name),
        });
    }
    match &service.deployment {
        Some(deployment) if is_running(deployment) => {
            Ok(follow(desired, service, deployment, timing, steps))
        }
        Some(deployment)
            if deployment.status == DeploymentStatus::Failed && is_own(deployment, timing) =>
        {
            Err(PlanError::DeploymentFailed {
                service: name.clone(),
                reason: deployment
                    .status_reason
                    .clone()
                    .or_else(|| service.latest_event.clone())
                    .unwrap_or_else(|| "ECS gave no reason".to_owned()),
            })
        }
        deployment => {
            if let Some(wait) = not_listed_yet(desired, deployment.as_ref(), timing) {
                return Ok(Some(wait));
            }
            update_service(desired, observed, service, timing, steps)
        }
    }
}

fn create_service(desired: &Desired, observed: &Observed, timing: &Timing, steps: &mut Vec<Step>) {
    let is_ready = observed.cluster.present().is_some()
        && observed.metric_alarm.present().is_some()
        && (desired.log_group.is_none() || observed.log_group.present().is_some())
        && observed.https_listener.present().is_some();
    if let Some(spec) = wanted_service(desired, observed).filter(|_| is_ready) {
        steps.push(Step::CreateService {
            client_token: naming::client_token(&timing.request_id, &desired.identity.service_arn),
            spec: Box::new(spec),
        });
    }
}

/// ECS lists a deployment some moments after it was asked for; until then the one before, or none, is
/// the newest, and must not be taken for the end of ours.
fn not_listed_yet(
    desired: &Desired,
    newest: Option<&ObservedDeployment>,
    timing: &Timing,
) -> Option<Wait> {
    let asked_ms = timing.deployment_asked_ms?;
    let is_listed = newest.is_some_and(|newest| is_own(newest, timing));
    let is_patient = timing.now_ms.saturating_sub(asked_ms) < LISTING_PATIENCE_MS;
    (!is_listed && is_patient).then(|| Wait {
        reason: WaitReason::DeploymentRunning {
            service: desired.identity.service.clone(),
            stage: None,
        },
        retry_after_s: LISTING_RETRY_S,
    })
}

/// A deployment is running: wait for it. One of ours that leaves no time to answer is rolled back.
fn follow(
    desired: &Desired,
    service: &ObservedEcsService,
    deployment: &ObservedDeployment,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Option<Wait> {
    let is_ours = is_own(deployment, timing);
    let is_late = timing.now_ms >= timing.stop_at_ms;
    if is_ours && is_late && deployment.status == DeploymentStatus::Running {
        steps.push(Step::StopDeployment {
            deployment_arn: deployment.arn.clone(),
        });
        return None;
    }
    let service_name = desired.identity.service.clone();
    let is_towards_desired =
        is_ours || deployment.task_definition_arn.as_ref() == Some(&service.task_definition_arn);
    Some(Wait {
        reason: if is_towards_desired {
            WaitReason::DeploymentRunning {
                service: service_name,
                stage: deployment.stage.clone(),
            }
        } else {
            WaitReason::OtherDeployment {
                service: service_name,
            }
        },
        retry_after_s: DEPLOYMENT_RETRY_S,
    })
}

fn update_service(
    desired: &Desired,
    observed: &Observed,
    service: &ObservedEcsService,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<Option<Wait>, PlanError> {
    let (Some(spec), Some(alarm)) = (
        wanted_service(desired, observed),
        observed.metric_alarm.present(),
    ) else {
        return Ok(None);
    };
    let change = ecs_service::diff(&spec, service);
    if change.is_empty() || !steps.is_empty() {
        // What the deployment leans on (ports, groups, the alarm's aim) comes first.
        return Ok(None);
    }
    if alarm.state == AlarmState::Alarm {
        let alarm = spec.alarm_name;
        if timing.now_ms.saturating_sub(timing.started_ms) >= ALARM_PATIENCE_MS {
            return Err(PlanError::AlarmInAlarm { alarm });
        }
        return Ok(Some(Wait {
            reason: WaitReason::AlarmNotOk { alarm },
            retry_after_s: ALARM_RETRY_S,
        }));
    }
    steps.push(Step::UpdateService {
        spec: Box::new(spec),
        change,
    });
    Ok(None)
}

/// What leans on the service, or stands beside it.
fn around_the_service(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    let Some(service) = live_service(desired, observed) else {
        return Ok(());
    };
    let target = specs::scalable_target(desired);
    match &observed.scalable_target {
        Presence::Unknown => {}
        Presence::Absent => steps.push(Step::RegisterScalableTarget(target)),
        Presence::Present(found) => {
            if scalable_target::differs(&target, found) {
                steps.push(Step::RegisterScalableTarget(target));
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
    if let Some(record) = specs::alias_record(desired, observed) {
        let is_wrong = match &observed.alias_record {
            Presence::Unknown => false,
            Presence::Absent => true,
            Presence::Present(found) => alias_record::differs(&record, found),
        };
        if is_wrong {
            steps.push(Step::UpsertAliasRecord(record));
        }
    }
    steps.extend(
        tagging(desired, observed, service)
            .map(Box::new)
            .map(Step::TagResources),
    );
}

/// The service's tags stand for those of everything else: they are written everywhere at once.
fn tagging(
    desired: &Desired,
    observed: &Observed,
    service: &ObservedEcsService,
) -> Option<Tagging> {
    let set: Tags = desired
        .tags
        .iter()
        .filter(|(key, value)| service.tags.get(*key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    let remove: Vec<String> = desired
        .removed_tag_keys
        .iter()
        .filter(|key| service.tags.contains_key(*key))
        .cloned()
        .collect();
    if set.is_empty() && remove.is_empty() {
        return None;
    }
    let [a, b] = observed.target_groups()?;
    Some(Tagging {
        load_balancing_arns: vec![
            a.arn.clone(),
            b.arn.clone(),
            observed.listener_rule.present()?.arn.clone(),
        ],
        ecs_arns: match &desired.task_definition {
            DesiredTaskDefinition::Ours(_) => vec![
                observed.task_definition.present()?.arn.clone(),
                service.arn.clone(),
            ],
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
fn after_the_deployment(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
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
    if let Some(revisions) = observed.revisions.present() {
        let surplus = revisions.len().saturating_sub(REVISIONS_KEPT);
        let old = revisions.iter().take(surplus);
        steps.extend(old.map(|arn| Step::DeregisterTaskDefinition { arn: arn.clone() }));
    }
}

fn live_service<'a>(desired: &Desired, observed: &'a Observed) -> Option<&'a ObservedEcsService> {
    observed.ecs_service.present().filter(|service| {
        service.status == ServiceStatus::Active
            && is_owned(&service.tags, &desired.identity.owner_key)
    })
}

fn is_deploying(observed: &Observed) -> bool {
    observed
        .ecs_service
        .present()
        .filter(|service| service.status == ServiceStatus::Active)
        .and_then(|service| service.deployment.as_ref())
        .is_some_and(is_running)
}

const fn is_running(deployment: &ObservedDeployment) -> bool {
    match deployment.status {
        DeploymentStatus::Running | DeploymentStatus::GoingBack => true,
        DeploymentStatus::Successful | DeploymentStatus::Failed => false,
    }
}

/// Whether this operation started the deployment: it is younger, and one runs at a time.
const fn is_own(deployment: &ObservedDeployment, timing: &Timing) -> bool {
    deployment.created_ms >= timing.started_ms
}

fn attributes(desired: &Desired, observed: &Observed) -> Option<Attributes> {
    let [a, b] = observed.target_groups()?;
    let load_balancer = observed.load_balancer.present()?;
    let slot = observed.slot.present()?;
    let task_definition = observed.task_definition.present()?;
    let environment = &desired.environment;
    let log_group = match &desired.task_definition {
        DesiredTaskDefinition::Ours(spec) => Some(&spec.container.log_group),
        DesiredTaskDefinition::Given(_) => task_definition.primary.log_group.as_ref(),
    };
    let listener: &ObservedListener = observed.https_listener.present()?;
    let alarm: &ObservedMetricAlarm = observed.metric_alarm.present()?;
    Some(Attributes {
        endpoint: format!("https://{}", desired.identity.host),
        load_balancer_arn: load_balancer.arn.clone(),
        load_balancer_dns_name: load_balancer.dns_name.clone(),
        load_balancer_hosted_zone_id: load_balancer.hosted_zone_id.clone(),
        task_definition_arn: task_definition.arn.clone(),
        service_security_group_id: observed.service_security_group.present()?.id.clone(),
        log_group_name: log_group.map_or_else(|| NONE.to_owned(), Clone::clone),
        load_balancer_pool: format!(
            "{}-{}-{}",
            scheme_name(desired.network.scheme),
            slot.pool_id,
            slot.ordinal
        ),
        service_arn: desired.identity.service_arn.clone(),
        listener_arn: listener.arn.clone(),
        listener_rule_arn: observed.listener_rule.present()?.arn.clone(),
        target_group_arns: [a.arn.clone(), b.arn.clone()],
        certificate_arn: environment.certificate_arn.clone(),
        load_balancer_security_group_id: observed
            .load_balancer_security_group
            .present()?
            .id
            .clone(),
        rollback_alarm_arn: alarm.arn.clone(),
        log_group_arn: log_group.map_or_else(
            || NONE.to_owned(),
            |name| {
                format!(
                    "arn:{}:logs:{}:{}:log-group:{name}",
                    environment.partition, environment.region, environment.account_id
                )
            },
        ),
        scalable_target_arn: observed.scalable_target.present()?.arn.clone(),
    })
}
