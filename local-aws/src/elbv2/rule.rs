//! Rules of listeners.
//!
//! Identity: an ARN; a listener has one rule for each priority, so a repeated CreateRule is refused with
//! `PriorityInUse`: AWS promises no idempotency for it. The default rule belongs to its listener and is
//! changed by ModifyListener only.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::action::{self, Action};
use super::condition;
use super::rule_index::{Priority, Rule};
use super::{State, health, listener, page, quota, tag, target_group};
use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Priorities that a rule can have.
const PRIORITIES: std::ops::RangeInclusive<u32> = 1..=50_000;

impl Priority {
    fn describe(self) -> String {
        match self {
            Self::Number(number) => number.to_string(),
            Self::Default => "default".to_owned(),
        }
    }

    /// Sorts as priorities do.
    fn page_key(self) -> String {
        match self {
            Self::Number(number) => format!("{number:05}"),
            Self::Default => "default".to_owned(),
        }
    }
}

impl Rule {
    fn describe(&self) -> Value {
        let conditions: Vec<Value> = self
            .conditions
            .iter()
            .map(condition::Condition::describe)
            .collect();
        json!({
            "RuleArn": self.arn,
            "Priority": self.priority.describe(),
            "Conditions": conditions,
            "Actions": self.action.describe(),
            "IsDefault": self.priority == Priority::Default,
        })
    }
}

/// The refusal for a rule that does not exist.
pub(super) fn not_found(arn: &str) -> Refusal {
    Refusal::client("RuleNotFound", format!("Rule '{arn}' not found"))
}

fn named<'s>(state: &'s State, arn: &str) -> Result<&'s Rule, Refusal> {
    state.rules.get(arn).ok_or_else(|| not_found(arn))
}

/// A rule that calls may change: not a default rule.
fn changeable<'s>(state: &'s State, arn: &str, verb: &str) -> Result<&'s Rule, Refusal> {
    let rule = named(state, arn)?;
    if rule.priority == Priority::Default {
        return Err(Refusal::client(
            "OperationNotPermitted",
            format!("Default rule '{arn}' cannot be {verb}"),
        ));
    }
    Ok(rule)
}

fn priority(value: Option<i64>) -> Result<Priority, Refusal> {
    value
        .and_then(|value| u32::try_from(value).ok())
        .filter(|value| PRIORITIES.contains(value))
        .map(Priority::Number)
        .ok_or_else(|| {
            super::invalid(format!(
                "A priority between {} and {} is required",
                PRIORITIES.start(),
                PRIORITIES.end()
            ))
        })
}

fn in_use(priority: Priority) -> Refusal {
    Refusal::client(
        "PriorityInUse",
        format!("Priority '{}' is currently in use", priority.describe()),
    )
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ListenerArn", "Conditions", "Priority", "Actions", "Tags"])?;
    let listener = listener::named(&cloud.elbv2, input.required("ListenerArn")?)?;
    let listener_arn = listener.arn.clone();
    let load_balancer_arn = listener.load_balancer_arn.clone();
    let conditions = condition::parse(input)?;
    let action = action::parse(input, "Actions")?;
    let priority = priority(input.integer("Priority")?)?;
    let tags = tag::parse(input)?;
    let state = &cloud.elbv2;
    if state.rules.at(&listener_arn, priority).is_some() {
        return Err(in_use(priority));
    }
    let rules = rules_of_load_balancer(state, &load_balancer_arn);
    if rules
        .filter(|rule| rule.priority != Priority::Default)
        .count()
        >= quota::RULES_MAX
    {
        return Err(Refusal::client(
            "TooManyRules",
            "The maximum number of rules on the load balancer has been reached",
        ));
    }
    check_action(state, &load_balancer_arn, &action, None)?;
    let rule = Rule {
        arn: format!(
            "{}/{}",
            listener_arn.replacen(":listener/", ":listener-rule/", 1),
            cloud.random.hex(16)
        ),
        listener_arn,
        load_balancer_arn,
        priority,
        conditions,
        action,
        tags,
    };
    let output = json!({"Rules": [rule.describe()]});
    put(cloud, rule);
    Ok(output)
}

/// Stores a rule, and lets the target groups that it begins or ceases to use know.
pub(super) fn put(cloud: &mut Cloud, rule: Rule) {
    let mut groups: BTreeSet<String> = rule.action.groups().map(str::to_owned).collect();
    if let Some(old) = cloud.elbv2.rules.remove(&rule.arn) {
        groups.extend(old.action.groups().map(str::to_owned));
    }
    cloud.elbv2.rules.insert(rule);
    health::use_changed(cloud, &groups);
}

/// Removes a rule, and lets its target groups know.
pub(super) fn take(cloud: &mut Cloud, arn: &str) {
    if let Some(rule) = cloud.elbv2.rules.remove(arn) {
        let groups = rule.action.groups().map(str::to_owned).collect();
        health::use_changed(cloud, &groups);
    }
}

pub(super) fn rules_of_load_balancer<'s>(
    state: &'s State,
    load_balancer_arn: &str,
) -> impl Iterator<Item = &'s Rule> {
    listener::of_load_balancer(state, load_balancer_arn)
        .flat_map(|listener| state.rules.of_listener(&listener.arn))
}

/// Whether a rule of the load balancer may have this action; `replaced` is the rule whose action goes.
pub(super) fn check_action(
    state: &State,
    load_balancer_arn: &str,
    action: &Action,
    replaced: Option<&str>,
) -> Result<(), Refusal> {
    for group_arn in action.groups() {
        let group = target_group::named(state, group_arn)?;
        let balancer = state.load_balancers.get(load_balancer_arn);
        if balancer.is_some_and(|balancer| balancer.vpc_id != group.vpc_id) {
            return Err(Refusal::client(
                "InvalidConfigurationRequest",
                format!(
                    "The target group '{group_arn}' and the load balancer are not in the same VPC"
                ),
            ));
        }
        if state
            .rules
            .using(group_arn)
            .any(|rule| rule.load_balancer_arn != load_balancer_arn)
        {
            return Err(Refusal::client(
                "TargetGroupAssociationLimit",
                format!(
                    "The following target groups cannot be associated with more than one load \
                     balancer: {group_arn}"
                ),
            ));
        }
    }
    let used: BTreeSet<&str> = rules_of_load_balancer(state, load_balancer_arn)
        .filter(|rule| Some(rule.arn.as_str()) != replaced)
        .flat_map(|rule| rule.action.groups())
        .chain(action.groups())
        .collect();
    if used.len() > quota::TARGET_GROUPS_PER_LOAD_BALANCER_MAX {
        return Err(Refusal::client(
            "TooManyUniqueTargetGroupsPerLoadBalancer",
            format!(
                "You have reached the maximum number of unique target groups that you can \
                 associate with a load balancer of type 'application': [{}]",
                quota::TARGET_GROUPS_PER_LOAD_BALANCER_MAX
            ),
        ));
    }
    Ok(())
}

pub(super) fn describe(cloud: &Cloud, input: Input<'_>) -> Outcome {
    input.only(&["ListenerArn", "RuleArns", "Marker", "PageSize"])?;
    let state = &cloud.elbv2;
    let arns = input.texts("RuleArns");
    let (rules, next) = match (input.text("ListenerArn"), arns.as_slice()) {
        (Some(listener_arn), []) => {
            listener::named(state, listener_arn)?;
            let rules = state.rules.of_listener(listener_arn).collect();
            page::of(rules, |rule: &&Rule| rule.priority.page_key(), input)?
        }
        (None, [_, ..]) => {
            let rules = arns.iter().map(|arn| named(state, arn));
            (rules.collect::<Result<Vec<_>, _>>()?, None)
        }
        _ => {
            return Err(super::invalid(
                "You must specify either listener ARN or rule ARNs",
            ));
        }
    };
    let described: Vec<Value> = rules.into_iter().map(Rule::describe).collect();
    Ok(json!({"Rules": described, "NextMarker": next}))
}

pub(super) fn modify(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RuleArn", "Conditions", "Actions"])?;
    let state = &cloud.elbv2;
    let mut rule = changeable(state, input.required("RuleArn")?, "modified")?.clone();
    if input.member("Conditions").is_some() {
        rule.conditions = condition::parse(input)?;
    }
    if input.member("Actions").is_some() {
        rule.action = action::parse(input, "Actions")?;
        check_action(
            state,
            &rule.load_balancer_arn,
            &rule.action,
            Some(&rule.arn),
        )?;
    }
    let output = json!({"Rules": [rule.describe()]});
    put(cloud, rule);
    Ok(output)
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RuleArn"])?;
    let arn = input.required("RuleArn")?;
    changeable(&cloud.elbv2, arn, "deleted")?;
    take(cloud, arn);
    Ok(json!({}))
}

/// Rules of one call may exchange their priorities.
pub(super) fn set_priorities(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["RulePriorities"])?;
    let state = &mut cloud.elbv2;
    let mut moved: Vec<Rule> = Vec::new();
    for pair in input.items("RulePriorities") {
        let rule = changeable(state, pair.required("RuleArn")?, "moved")?;
        let priority = priority(pair.integer("Priority")?)?;
        let is_taken =
            |other: &Rule| other.listener_arn == rule.listener_arn && other.priority == priority;
        if moved
            .iter()
            .any(|other| other.arn == rule.arn || is_taken(other))
        {
            return Err(super::invalid(
                "A rule or a priority is given more than once",
            ));
        }
        moved.push(Rule {
            priority,
            ..rule.clone()
        });
    }
    if moved.is_empty() {
        return Err(super::invalid("A rule priority must be specified"));
    }
    for rule in &moved {
        let holder = state.rules.at(&rule.listener_arn, rule.priority);
        if holder.is_some_and(|holder| moved.iter().all(|other| other.arn != holder.arn)) {
            return Err(in_use(rule.priority));
        }
    }
    let described: Vec<Value> = moved.iter().map(Rule::describe).collect();
    for rule in &moved {
        state.rules.remove(&rule.arn);
    }
    for rule in moved {
        state.rules.insert(rule);
    }
    Ok(json!({"Rules": described}))
}

/// The target groups and weights of a rule; none for a rule that is not there, empty for one that does
/// not forward.
pub(crate) fn rule_targets(cloud: &Cloud, rule_arn: &str) -> Option<Vec<(String, u32)>> {
    let rule = cloud.elbv2.rules.get(rule_arn)?;
    Some(match &rule.action {
        Action::Forward { groups, .. } => groups.clone(),
        Action::Redirect { .. } | Action::FixedResponse { .. } => Vec::new(),
    })
}

/// Replaces the weights of a rule's forward action, as the owner of a deployment does.
///
/// # Errors
/// The rule is not there or does not forward, or it may not use one of the groups.
pub(crate) fn set_rule_weights(
    cloud: &mut Cloud,
    rule_arn: &str,
    weights: &[(String, u32)],
) -> Result<(), Refusal> {
    let mut rule = named(&cloud.elbv2, rule_arn)?.clone();
    let Action::Forward { groups, .. } = &mut rule.action else {
        return Err(Refusal::client(
            "InvalidLoadBalancerAction",
            format!("Rule '{rule_arn}' does not forward to target groups"),
        ));
    };
    *groups = weights.to_vec();
    let action = &rule.action;
    check_action(
        &cloud.elbv2,
        &rule.load_balancer_arn,
        action,
        Some(rule_arn),
    )?;
    put(cloud, rule);
    Ok(())
}
