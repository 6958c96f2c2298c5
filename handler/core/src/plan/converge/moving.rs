//! A service that moves to another load balancer, because its scheme or its sharing has changed.
//!
//! A target group belongs to one load balancer, and ECS shifts traffic between two groups of one rule only. So the
//! service gets a rule and two groups on the other load balancer, and goes there in stages, each of which is told from
//! what is observed:
//! 1. [`Stage::Behind`]: its tasks are on the old load balancer. What else has changed is deployed there first, in the
//!    manner that the properties ask for: should that fail, nothing has moved.
//! 2. A rolling deployment registers every task with both load balancers: [`Stage::Bridged`].
//! 3. The host name is pointed at the new one, and what DNS has answered before expires.
//! 4. A rolling deployment registers the tasks with the new pair only: [`Stage::Arrived`]. The strategy is that of the
//!    properties again, and what is left on the old load balancer goes: rule, groups, the port that was open to it,
//!    and, last, the slot.
//!
//! The way back is the same move with both sides exchanged, from whatever stage it begins.

use std::borrow::Cow;

use super::facts::{live_service, wanted_service};
use super::ownership;
use crate::decision::{Decision, Wait, WaitReason};
use crate::desired::Desired;
use crate::naming;
use crate::observed::{LeavingSide, Observed, Presence, is_owned};
use crate::plan::{PlanError, Timing, specs};
use crate::resources::alias_record::{self, AliasChange};
use crate::resources::ecs_service::{
    self, Bridge, HEALTH_CHECK_GRACE_S, LoadBalancers, ObservedDeployment, ObservedEcsService,
    ServiceIngress, Strategy,
};
use crate::resources::listener_rule;
use crate::resources::metric_alarm;
use crate::resources::security_group::{IngressRule, Source};
use crate::resources::target_group::ObservedTargetGroup;
use crate::step::Step;

/// How long both load balancers serve after the host name was pointed at the new one: until every name server of Route 53
/// answers with it, and then the 60 s for which an alias of a load balancer may be kept.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html>
const OVERLAP_MS: u64 = alias_record::SPREADING_MS + 60_000;

/// What a rolling deployment takes beside the periods for which its alarm watches it: tasks start, are registered and
/// found healthy, and those before drain.
pub const ROLLING_MS: u64 = 120 * 1000;

/// What a way back may lose besides: until its request arrives and AWS shows everything, and while a load balancer is made
/// again whose last member the service was.
const UNFORESEEN_MS: u64 = 240 * 1000;

/// How far a move is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// The tasks are on the load balancer that is left.
    Behind,
    /// They are on both, or are being brought there.
    Bridged,
    /// They are on the new one, or are being brought there; also of a service that does not move.
    Arrived,
}

/// What to plan with while a service moves.
pub(super) struct Course<'a> {
    pub(super) stage: Stage,
    /// What is observed, from the load balancer that serves.
    pub(super) serving: Cow<'a, Observed>,
    /// What is desired, as far as it concerns what watches the next deployment.
    pub(super) watching: Cow<'a, Desired>,
    /// Behind what the next deployment brings the tasks, when that is the move's.
    pub(super) next: Option<LoadBalancers>,
}

/// The change of the ledger that a move, or the way back, begins with.
///
/// # Errors
/// Moves that cannot be made without a failed request.
pub(super) fn begin(
    desired: &Desired,
    observed: &Observed,
    timing: &Timing,
) -> Result<Option<Decision>, PlanError> {
    let is_wanted = |pool_id: &str| pool_id == desired.pool_id;
    let leaving = observed.leaving.as_deref();
    let leaving_pool = leaving.map(|leaving| leaving.slot.pool_id.as_str());
    // A rule belongs to one load balancer, and a service names one for its test traffic.
    if leaving.is_some() && desired.test_header.is_some() {
        return Err(PlanError::MoveWithTestTraffic);
    }
    let step = match (&observed.slot, leaving_pool) {
        (Presence::Unknown, _) | (Presence::Absent, None) => return Ok(None),
        (Presence::Present(slot), _) if is_wanted(&slot.pool_id) => return Ok(None),
        (_, Some(leaving)) if is_wanted(leaving) => Step::TurnBack,
        // A claim whose claimant died is repeated in its own pool only: nobody else would find it.
        (Presence::Absent, Some(_)) if observed.pool_id.as_deref().is_some_and(is_wanted) => {
            return Ok(None);
        }
        (_, Some(_)) => return Err(PlanError::BetweenLoadBalancers),
        (Presence::Present(_), None) => {
            ownership::refuse_parts_of_others(desired, observed)?;
            if desired.test_header.is_some() || observed.test_rule.present().is_some() {
                return Err(PlanError::MoveWithTestTraffic);
            }
            if live_service(desired, observed).is_some() {
                refuse(desired, observed)?;
                refuse_without_time(desired, timing)?;
            }
            Step::ClaimSlot(specs::slot_request(desired))
        }
    };
    Ok(Some(Decision::Apply(vec![step])))
}

/// The load balancer that the service is behind must be one that the ledger knows. One that was restored from before a move
/// knows the one that the service has left: the host name must not be pointed there, where nothing serves.
///
/// # Errors
/// [`PlanError::BehindUnknownLoadBalancer`]. An update that wants the load balancer that the service is behind claims a
/// slot there, and so corrects the ledger; unless that gives it one on another load balancer of the same pool.
pub(super) fn refuse_unknown(desired: &Desired, observed: &Observed) -> Result<(), PlanError> {
    let Some(slot) = observed.slot.present() else {
        return Ok(());
    };
    let arn = match live_service(desired, observed) {
        Some(service) => service
            .ingress
            .as_ref()
            .map(|ingress| ingress.rule_arn.as_str()),
        // Where there is no service to say it, its groups do.
        None => observed.load_balancers_of_groups().next(),
    };
    let name = arn.and_then(listener_rule::load_balancer_name_of);
    // One that is not the provider's was given to the service by hand, and is taken from it.
    match name.filter(|name| observed.is_elsewhere(name)) {
        None => Ok(()),
        Some(found) => Err(PlanError::BehindUnknownLoadBalancer {
            found,
            known: naming::load_balancer(&slot.pool_id, slot.ordinal),
        }),
    }
}

fn refuse(desired: &Desired, observed: &Observed) -> Result<(), PlanError> {
    if desired.environment.hosted_zone_id.is_none() {
        return Err(PlanError::MoveWithoutDns);
    }
    if let Some(rule) = observed.listener_rule.present() {
        if rule.is_more_than_for(&desired.identity.host) {
            return Err(PlanError::MoveWithOwnRule {
                rule: rule.arn.clone(),
                host: desired.identity.host.clone(),
            });
        }
        ownership::refuse_rule_that_cannot_go(desired, rule)?;
    }
    let Some(load_balancer) = observed.load_balancer.present() else {
        return Ok(());
    };
    let present = &load_balancer.subnets;
    let wanted = desired.network.ingress_subnets.keys();
    let zones: Vec<String> = wanted
        .filter(|zone| !present.contains_key(*zone))
        .cloned()
        .collect();
    if zones.is_empty() {
        return Ok(());
    }
    Err(PlanError::MoveBetweenZones {
        zones,
        present: present.keys().cloned().collect(),
    })
}

/// A move that has no time for its second deployment would only go there and back; and what fails after it in the same
/// update would be stuck, if the update back had none.
fn refuse_without_time(desired: &Desired, timing: &Timing) -> Result<(), PlanError> {
    let needed_ms = needed_ms(desired.alarms.rule.evaluation_periods) + timing.deployment_ms;
    let missing_ms = (timing.now_ms + needed_ms).saturating_sub(timing.stop_at_ms);
    if missing_ms > 0 {
        return Err(PlanError::MoveWithoutTime {
            needed_s: needed_ms.div_ceil(1000),
            missing_s: missing_ms.div_ceil(1000),
        });
    }
    let missing_ms = timing.way_back.map_or(0, |way_back| {
        let needed_ms = self::needed_ms(way_back.evaluation_periods) + way_back.deployment_ms;
        (needed_ms + 2 * slow_start_ms() + UNFORESEEN_MS).saturating_sub(way_back.stop_after_ms)
    });
    if missing_ms > 0 {
        return Err(PlanError::MoveBackWithoutTime {
            missing_s: missing_ms.div_ceil(1000),
        });
    }
    Ok(())
}

/// How much longer than [`ROLLING_MS`] a deployment may take: an application may need as long to become healthy as ECS lets
/// it.
fn slow_start_ms() -> u64 {
    u64::from(HEALTH_CHECK_GRACE_S.unsigned_abs()) * 1000 - ROLLING_MS
}

/// How long a move takes whose rollback alarm looks over so many periods.
fn needed_ms(evaluation_periods: u32) -> u64 {
    2 * rolling_ms(evaluation_periods) + OVERLAP_MS
}

/// How long one of its deployments takes.
fn rolling_ms(evaluation_periods: u32) -> u64 {
    ROLLING_MS + u64::from(evaluation_periods * metric_alarm::PERIOD_S) * 1000
}

/// What to plan with: of a service that does not move, what is desired and observed.
pub(super) fn course<'a>(desired: &'a Desired, observed: &'a Observed) -> Course<'a> {
    let ordinary = |stage, serving| Course {
        stage,
        serving,
        watching: Cow::Borrowed(desired),
        next: None,
    };
    let (Some(leaving), Some(behind), Some(service)) = (
        observed.leaving.as_deref(),
        observed.from_leaving_side(),
        live_service(desired, observed),
    ) else {
        return ordinary(Stage::Arrived, Cow::Borrowed(observed));
    };
    match stage(service, leaving, observed) {
        // The move's last deployment may only just have been asked for.
        Stage::Arrived if is_rolling(service) => Course {
            watching: rolling(desired),
            ..ordinary(Stage::Arrived, Cow::Borrowed(observed))
        },
        Stage::Arrived => ordinary(Stage::Arrived, Cow::Borrowed(observed)),
        Stage::Behind if is_to_be_deployed(desired, &behind, service) => {
            ordinary(Stage::Behind, Cow::Owned(behind))
        }
        Stage::Behind => Course {
            stage: Stage::Behind,
            watching: rolling(desired),
            next: next_from_behind(desired, observed, &behind, service),
            serving: Cow::Owned(behind),
        },
        Stage::Bridged => {
            let serving = if has_moved(observed) {
                Cow::Borrowed(observed)
            } else {
                Cow::Owned(behind)
            };
            Course {
                stage: Stage::Bridged,
                serving,
                watching: rolling(desired),
                next: arrival(desired, observed, service).map(LoadBalancers::One),
            }
        }
    }
}

/// Where ECS was told to register the tasks.
fn stage(service: &ObservedEcsService, leaving: &LeavingSide, observed: &Observed) -> Stage {
    let is_one_of =
        |groups: [&Presence<_>; 2], arn: &String| groups.into_iter().any(|group| is(group, arn));
    let here = [&observed.target_group_a, &observed.target_group_b];
    let there = leaving.target_groups();
    let is_bridged = service.bridge.as_ref().is_some_and(|bridge| {
        let arns = &bridge.target_group_arns;
        arns.iter().any(|arn| is_one_of(here, arn)) && arns.iter().any(|arn| is_one_of(there, arn))
    });
    let is_here = service
        .ingress
        .as_ref()
        .is_some_and(|ingress| is_one_of(here, &ingress.target_group_arn));
    match (is_bridged, is_here) {
        (true, _) => Stage::Bridged,
        (false, true) => Stage::Arrived,
        (false, false) => Stage::Behind,
    }
}

fn is(group: &Presence<ObservedTargetGroup>, arn: &str) -> bool {
    group.present().is_some_and(|group| group.arn == arn)
}

fn is_rolling(service: &ObservedEcsService) -> bool {
    let settings = service.deployment_settings.as_ref();
    settings.is_some_and(|settings| settings.strategy == Strategy::Rolling)
}

/// Whether the deployment that is running is a move's own. Of a service whose deployments are rolling in any case, one
/// that leaves it where it is to be is an ordinary one.
pub(super) fn moves(
    desired: &Desired,
    observed: &Observed,
    stage: Stage,
    service: &ObservedEcsService,
) -> bool {
    let is_own = desired.deployment.strategy != Strategy::Rolling || stage != Stage::Arrived;
    observed.leaving.is_some() && (service.bridge.is_some() || is_rolling(service) && is_own)
}

/// Whether a move's own deployment takes twice as long as it should: its tasks do not become healthy behind the other load
/// balancer, and ECS may try that for longer than there is time.
pub(super) fn is_stuck(
    desired: &Desired,
    deployment: &ObservedDeployment,
    timing: &Timing,
) -> bool {
    let long_ms = 2 * rolling_ms(desired.alarms.rule.evaluation_periods);
    timing.now_ms.saturating_sub(deployment.created_ms) > long_ms
}

/// Whether something beside the load balancer has changed that ECS has to deploy.
fn is_to_be_deployed(desired: &Desired, behind: &Observed, service: &ObservedEcsService) -> bool {
    let Some(spec) = wanted_service(desired, behind) else {
        // The task definition is still to be registered, unless what is left is broken.
        return behind.target_groups().is_some() && behind.listener_rule.present().is_some();
    };
    let change = ecs_service::diff(&spec, service);
    change.task_definition_arn.is_some() || change.network.is_some() || change.ingress.is_some()
}

/// Both load balancers; at once the new one when nobody can be served by the old one.
fn next_from_behind(
    desired: &Desired,
    observed: &Observed,
    behind: &Observed,
    service: &ObservedEcsService,
) -> Option<LoadBalancers> {
    observed.load_balancer_security_group.present()?;
    let [to, _] = specs::weighted_first(observed)?;
    let from = specs::weighted_first(behind).filter(|_| behind.load_balancer.present().is_some());
    match from {
        Some([from, _]) => Some(LoadBalancers::Both(Bridge {
            target_group_arns: [to.arn.clone(), from.arn.clone()],
            container_port: running_port(desired, observed, service)?,
        })),
        None => arrival(desired, observed, service).map(LoadBalancers::One),
    }
}

/// The pair on the new load balancer; first the group that has the tasks already, because a rolling deployment stays
/// in that one.
fn arrival(
    desired: &Desired,
    observed: &Observed,
    service: &ObservedEcsService,
) -> Option<ServiceIngress> {
    let [heavier, other] = specs::weighted_first(observed)?;
    let bridged = service.bridge.as_ref();
    let is_in_other = bridged.is_some_and(|bridge| bridge.target_group_arns.contains(&other.arn));
    let [first, second] = if is_in_other {
        [other, heavier]
    } else {
        [heavier, other]
    };
    Some(ServiceIngress {
        target_group_arn: first.arn.clone(),
        alternate_target_group_arn: second.arn.clone(),
        rule_arn: observed.listener_rule.present()?.arn.clone(),
        test_rule_arn: None,
        infrastructure_role_arn: desired.infrastructure_role_arn.clone(),
        container_port: running_port(desired, observed, service)?,
    })
}

/// The port of the tasks that run: a deployment of a move starts the same ones.
fn running_port(
    desired: &Desired,
    observed: &Observed,
    service: &ObservedEcsService,
) -> Option<u16> {
    let ingress = service.ingress.as_ref();
    let bridge = service.bridge.as_ref();
    ingress
        .map(|ingress| ingress.container_port)
        .or_else(|| bridge.map(|bridge| bridge.container_port))
        .or_else(|| specs::container_port(desired, observed))
}

/// The move's deployments replace the tasks in the groups that serve: the alarm looks at both.
fn rolling<'a>(desired: &Desired) -> Cow<'a, Desired> {
    let mut rolling = desired.clone();
    rolling.deployment.strategy = Strategy::Rolling;
    Cow::Owned(rolling)
}

fn has_moved(observed: &Observed) -> bool {
    let (Some(record), Some(slot)) = (observed.alias_record.present(), observed.slot.present())
    else {
        return false;
    };
    alias_record::leads_to(record, &naming::load_balancer(&slot.pool_id, slot.ordinal))
}

/// The side that the host name is to lead to; none while a deployment of a move is under way, which may yet go back, and
/// does when it is stopped.
pub(super) fn side_of_alias<'a>(
    course: &'a Course<'a>,
    observed: &'a Observed,
    is_under_way: bool,
) -> Option<&'a Observed> {
    match course.stage {
        Stage::Behind => Some(&course.serving),
        Stage::Bridged | Stage::Arrived if observed.leaving.is_some() && is_under_way => None,
        Stage::Bridged | Stage::Arrived => Some(observed),
    }
}

/// Whether requests come over the side that the next deployment of a move leaves the tasks on.
pub(super) fn is_led_by_name(course: &Course<'_>, observed: &Observed) -> bool {
    match course.stage {
        Stage::Behind | Stage::Arrived => true,
        Stage::Bridged => has_moved(observed),
    }
}

/// What the move's next deployment has to wait for.
pub(super) fn pause(
    desired: &Desired,
    observed: &Observed,
    course: &Course<'_>,
    timing: &Timing,
) -> Option<Wait> {
    if course.stage != Stage::Bridged {
        return None;
    }
    // Who moved the name without noting it did so before this operation began.
    let moved_ms = timing.alias_moved_ms.unwrap_or(timing.started_ms);
    let pause_ms = match observed.alias_change {
        // Then Route 53 is asked.
        AliasChange::Made(_) | AliasChange::Spreading => alias_record::SPREADING_MS,
        AliasChange::None | AliasChange::Unknown(_) | AliasChange::Everywhere => OVERLAP_MS,
    };
    let left_ms = (moved_ms + pause_ms).saturating_sub(timing.now_ms);
    let left_s = u32::try_from(left_ms.div_ceil(1000)).unwrap_or(u32::MAX);
    (left_s > 0).then(|| Wait {
        reason: WaitReason::NameSettling {
            host: desired.identity.host.clone(),
        },
        retry_after_s: left_s,
    })
}

/// What is left on the other load balancer, once nothing of it serves any more: in the order in which it can go.
///
/// # Errors
/// [`PlanError::OwnerTagMissing`] as for a service that goes.
pub(super) fn leave(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    let Some(leaving) = observed.leaving.as_deref() else {
        return Ok(());
    };
    let owner_key = &desired.identity.owner_key;
    if let Some(rule) = leaving.listener_rule.present() {
        if is_owned(&rule.tags, owner_key) {
            steps.push(Step::DeleteListenerRule {
                rule_arn: rule.arn.clone(),
            });
            return Ok(());
        }
        let is_ours = rule.forwards_to(&desired.identity.service_arn);
        if is_ours && !rule.tags.contains_key(naming::TAG_OWNER) {
            return Err(PlanError::OwnerTagMissing {
                resource: format!("rule `{}`", rule.arn),
            });
        }
    }
    for (group, pair) in leaving.target_groups().into_iter().zip(naming::Pair::BOTH) {
        let Some(group) = group.present() else {
            continue;
        };
        if is_owned(&group.tags, owner_key) {
            steps.push(Step::DeleteTargetGroup {
                pair,
                arn: group.arn.clone(),
            });
        } else if !group.tags.contains_key(naming::TAG_OWNER) {
            return Err(PlanError::OwnerTagMissing {
                resource: format!("target group `{}`", group.arn),
            });
        }
    }
    let admitted = rules_for(leaving, observed);
    if let (Some(group), false) = (
        observed.service_security_group.present(),
        admitted.is_empty(),
    ) {
        steps.push(Step::RevokeIngress {
            group_id: group.id.clone(),
            rules: admitted,
        });
    }
    let is_known = !leaving.listener_rule.is_unknown()
        && leaving
            .target_groups()
            .iter()
            .all(|group| !group.is_unknown())
        && !leaving.load_balancer_security_group.is_unknown();
    if steps.is_empty() && is_known {
        steps.push(Step::LeaveSlot(leaving.slot.clone()));
    }
    Ok(())
}

/// The rules of the service's security group that admit the load balancer that is left.
fn rules_for(leaving: &LeavingSide, observed: &Observed) -> Vec<IngressRule> {
    let (Some(group), Some(source)) = (
        observed.service_security_group.present(),
        leaving.load_balancer_security_group.present(),
    ) else {
        return Vec::new();
    };
    let source = Source::Group(source.id.clone());
    let of_source = group.ingress.iter().filter(|rule| rule.source == source);
    of_source.cloned().collect()
}
