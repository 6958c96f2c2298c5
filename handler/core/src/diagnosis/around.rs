//! What the deployment itself, its alarms and the service's events tell; and what a refused step does.

use std::collections::BTreeMap;

use super::Finding;
use super::cause::Cause;
use super::evidence::{Event, Evidence, Expected};
use super::own::{About, about, names_role};
use super::proof::{Occurrence, is_proven};
use super::texts::rule_for;
use super::wording::{cause_of, sentence};
use crate::decision::HandlerErrorCode;

/// AWS's codes of quotas.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>,
/// `API_CreateTargetGroup.html`, `API_CreateRule.html`, and
/// <https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html>
const QUOTAS: [(&str, Cause); 8] = [
    ("TooManyLoadBalancers", Cause::LoadBalancerQuota),
    ("TooManyTargetGroups", Cause::TargetGroupQuota),
    ("TooManyRules", Cause::RuleQuota),
    ("TooManyUniqueTargetGroupsPerLoadBalancer", Cause::RuleQuota),
    (
        "RulesPerSecurityGroupLimitExceeded",
        Cause::SecurityGroupRuleQuota,
    ),
    ("SecurityGroupLimitExceeded", Cause::SecurityGroupQuota),
    (
        "SecurityGroupsPerInterfaceLimitExceeded",
        Cause::SecurityGroupQuota,
    ),
    (
        "InsufficientFreeAddressesInSubnet",
        Cause::SubnetOutOfAddresses,
    ),
];

/// Alarms, the reason for which the deployment ended, and events.
pub(super) fn findings(evidence: &Evidence) -> Vec<Finding> {
    let mut found: Vec<Finding> = evidence
        .alarms
        .iter()
        .map(|alarm| Finding {
            cause: Cause::AlarmRolledBack,
            what: format!("alarm `{}` rolled the deployment back", alarm.name),
            evidence: alarm.state_reason.clone().unwrap_or_default(),
            is_certain: true,
        })
        .collect();
    if let Some((cause, text)) = evidence
        .status_reason
        .as_ref()
        .and_then(|text| Some((told_by(&evidence.expected, text)?, text)))
    {
        found.push(Finding {
            cause,
            what: sentence(cause, text, evidence),
            evidence: text.clone(),
            is_certain: true,
        });
    }
    let mut by_cause: BTreeMap<Cause, Vec<&Event>> = BTreeMap::new();
    for event in &evidence.events {
        if let Some(cause) = told_by(&evidence.expected, &event.text) {
            by_cause.entry(cause).or_default().push(event);
        }
    }
    found.extend(by_cause.into_iter().filter_map(|(cause, events)| {
        let newest = events.first()?;
        let seen: Vec<Occurrence<'_>> = events
            .iter()
            .filter_map(|event| occurrence(cause, event, evidence))
            .collect();
        Some(Finding {
            cause,
            what: sentence(cause, &newest.text, evidence),
            evidence: newest.text.clone(),
            is_certain: is_proven(cause.proof(), &seen, evidence),
        })
    }));
    found
}

/// What an event proves: nothing, if it may be about another revision, or about a role of before.
fn occurrence<'a>(cause: Cause, event: &Event, evidence: &'a Evidence) -> Option<Occurrence<'a>> {
    let task = match about(event, evidence) {
        About::Task(task) => Some(task),
        About::Service if !is_of_role(cause) || names_role(&event.text, &evidence.expected) => None,
        About::Service | About::Unclear => return None,
    };
    Some(Occurrence {
        task,
        at_ms: event.at_ms,
    })
}

fn is_of_role(cause: Cause) -> bool {
    [
        Cause::InfrastructureRoleNotUsable,
        Cause::InfrastructureRoleLacksAction,
        Cause::ExecutionRoleNotAssumable,
        Cause::TaskRoleNotAssumable,
        Cause::ExecutionRoleLacksAction,
    ]
    .contains(&cause)
}

fn told_by(expected: &Expected, text: &str) -> Option<Cause> {
    Some(cause_of(rule_for(text)?, text, expected))
}

/// Why AWS refused a step, where more can be said than AWS does.
#[must_use]
pub fn of_refusal(
    expected: &Expected,
    class: HandlerErrorCode,
    code: &str,
    message: &str,
) -> Option<Finding> {
    let known = QUOTAS.iter().find(|(known, _)| *known == code);
    let cause = match (known, class) {
        (Some((_, cause)), _) => *cause,
        (None, HandlerErrorCode::ServiceLimitExceeded) => Cause::OtherQuota,
        (None, _) => role_cause(expected, message)?,
    };
    let evidence = Evidence {
        expected: expected.clone(),
        ..Evidence::default()
    };
    Some(Finding {
        cause,
        what: sentence(cause, message, &evidence),
        evidence: format!("{message} ({code})"),
        is_certain: true,
    })
}

fn role_cause(expected: &Expected, message: &str) -> Option<Cause> {
    rule_for(message)
        .filter(|rule| {
            let is_role = rule.cause == Cause::ExecutionRoleNotAssumable;
            is_role || rule.cause == Cause::InfrastructureRoleNotUsable
        })
        .map(|rule| cause_of(rule, message, expected))
}
