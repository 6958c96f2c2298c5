//! What lets requests in: the port, the rules, and the alarm that watches them.

use super::facts::is_deploying;
use super::ownership;
use crate::desired::Desired;
use crate::observed::{Observed, Presence};
use crate::plan::{PlanError, specs};
use crate::resources::listener_rule::ObservedListenerRule;
use crate::resources::metric_alarm;
use crate::resources::security_group::{self, Source};
use crate::step::{GroupOf, Step};

/// What lets requests in: the service's group, the rule, and the one for test traffic.
///
/// # Errors
/// When a rule is to be changed that is not the service's any more, by its tags.
pub(super) fn ingress(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    service_ingress(desired, observed, observed, steps);
    rules(desired, observed, steps);
    let host = &desired.identity.host;
    if let Some(rule) = observed.listener_rule.present() {
        let mut changes = Vec::new();
        add_host(host, rule, &mut changes);
        repair(observed, rule, &mut changes);
        change(desired, rule, changes, steps)?;
    }
    if let (Some(rule), Some(header)) = (observed.test_rule.present(), &desired.test_header) {
        let mut changes = Vec::new();
        if rule.looks_at(header) {
            add_host(host, rule, &mut changes);
        } else {
            changes.push(Step::SetTestHeader {
                rule_arn: rule.arn.clone(),
                host: host.clone(),
                header: header.clone(),
            });
        }
        repair(observed, rule, &mut changes);
        change(desired, rule, changes, steps)?;
    }
    Ok(())
}

/// Changes a rule unless its tags say that it is not ours to change.
fn change(
    desired: &Desired,
    rule: &ObservedListenerRule,
    changes: Vec<Step>,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    if !changes.is_empty() {
        ownership::refuse_rule_of_others(desired, rule)?;
    }
    steps.extend(changes);
    Ok(())
}

/// The rules that are missing. The slot gives both their priorities, so one that is taken is a reason for another slot:
/// but it may have been taken by a call of ours whose answer was lost, so first both are looked for.
fn rules(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    let has_test_rule = desired.test_header.is_some();
    let missing = [
        observed.listener_rule.is_absent(),
        observed.test_rule.is_absent() && has_test_rule,
    ];
    if observed.is_priority_taken {
        let is_unclear = observed.listener_rule.is_unknown()
            || (has_test_rule && observed.test_rule.is_unknown());
        if !is_unclear && missing.contains(&true) {
            steps.push(Step::ClaimNextSlot(specs::slot_request(desired)));
        }
        return;
    }
    let wanted = [
        specs::listener_rule(desired, observed),
        specs::test_rule(desired, observed),
    ];
    let missing = wanted.into_iter().zip(missing);
    steps.extend(
        missing
            .filter_map(|(spec, is_missing)| spec.filter(|_| is_missing))
            .map(Step::CreateListenerRule),
    );
}

/// Puts the host name back that somebody has taken out of a rule. ECS does not write conditions, so that no deployment
/// is in the way.
fn add_host(host: &str, rule: &ObservedListenerRule, steps: &mut Vec<Step>) {
    if rule.lacks(host) {
        steps.push(Step::AddHost {
            rule_arn: rule.arn.clone(),
            host: host.to_owned(),
        });
    }
}

/// Puts a target group back that somebody has taken out of a rule.
fn repair(observed: &Observed, rule: &ObservedListenerRule, steps: &mut Vec<Step>) {
    let groups = specs::serving_first(observed)
        .map(|[first, second]| [first.arn.as_str(), second.arn.as_str()]);
    let repaired = groups.and_then(|groups| rule.repaired_weights(groups));
    if let Some(weights) = repaired.filter(|_| !is_deploying(observed)) {
        steps.push(Step::RepairListenerRule {
            rule_arn: rule.arn.clone(),
            weights,
        });
    }
}

/// While a service moves, its tasks take requests from the load balancer that it leaves, too.
pub(super) fn of_left(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    if let Some(left) = observed.from_leaving_side() {
        service_ingress(desired, observed, &left, steps);
    }
}

/// The alarm that watches what the load balancer sends to the tasks.
pub(super) fn alarm(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
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
fn service_ingress(desired: &Desired, observed: &Observed, side: &Observed, steps: &mut Vec<Step>) {
    let (Some(group), Some(source), Some(port)) = (
        observed.service_security_group.present(),
        side.load_balancer_security_group.present(),
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
