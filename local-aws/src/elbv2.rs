//! Elastic Load Balancing: Application Load Balancers, listeners, rules, target groups and target health.
//!
//! What the provider leans on, each in the file of its kind: a Create with the settings of what exists
//! answers with what exists, with others it is refused, and tags are settings
//! (`load_balancer.rs`, `listener.rs`, `target_group.rs`); CreateRule is not so (`rule.rs`); a target
//! group that a rule uses cannot be deleted, nor be used by a second load balancer; quotas
//! (`quota.rs`); a load balancer takes minutes to become active, and the network interfaces of a
//! deleted one stay for minutes and keep its security groups (`network.rs`).
//!
//! What happens by itself is in [`health`]: load balancers become active, interfaces go, targets are
//! checked and drained, all by one [`Agenda`] of what is due.
//!
//! Only what the provider needs is here: load balancers of type application with IPv4 addresses, and
//! target groups of type ip with HTTP/1.1. Anything else is refused by name.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Operations.html>

mod action;
mod attribute;
mod certificate;
mod condition;
mod health;
mod health_check;
mod listener;
mod load_balancer;
mod network;
mod page;
mod quota;
mod route;
mod rule;
mod rule_index;
mod tag;
mod target;
mod target_group;
mod traffic;

#[cfg(test)]
mod tests;

pub use action::Action;
pub use condition::{Condition, Request};
pub use health_check::HealthCheck;
pub use listener::{Listener, Protocol};
pub use load_balancer::{LoadBalancer, LoadBalancerState, Scheme};
pub use network::EnabledZone;
pub use route::{
    Answer, AskedTarget, RouteOutcome, RoutedGroup, ask_targets, route, route_through,
};
pub use rule_index::{Priority, Rule};
pub use target::{Target, TargetHealth};
pub use target_group::TargetGroup;
pub use traffic::{Visitors, visit};

pub(crate) use rule::{rule_targets, set_rule_weights};
pub(crate) use target::{deregister_target, register_target, target_health, target_problem};

use std::collections::BTreeMap;

use health::Agenda;
use rule_index::Rules;

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// What the service holds, each kind by ARN.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Load balancers.
    pub load_balancers: BTreeMap<String, LoadBalancer>,
    /// Listeners.
    pub listeners: BTreeMap<String, Listener>,
    /// Target groups with their targets.
    pub target_groups: BTreeMap<String, TargetGroup>,
    /// Who comes, by host.
    pub visitors: BTreeMap<String, Visitors>,
    visit_due_ms: Option<u64>,
    rules: Rules,
    agenda: Agenda,
}

impl State {
    /// The rules of a listener in the order they are tried, the default rule last.
    pub fn rules_of(&self, listener_arn: &str) -> impl Iterator<Item = &Rule> {
        self.rules.of_listener(listener_arn)
    }
}

/// When the next thing happens here by itself, in milliseconds since the epoch.
pub(crate) fn next_due_ms(state: &State) -> Option<u64> {
    let visit_ms = state.visit_due_ms.into_iter();
    visit_ms.chain(health::next_due_ms(state)).min()
}

/// Lets happen what is due at `cloud.now_ms`.
pub(crate) fn happen(cloud: &mut Cloud) {
    health::happen(cloud);
    traffic::happen(cloud);
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "CreateLoadBalancer" => load_balancer::create(cloud, input),
        "DescribeLoadBalancers" => load_balancer::describe(cloud, input),
        "DeleteLoadBalancer" => load_balancer::delete(cloud, input),
        "ModifyLoadBalancerAttributes" => load_balancer::modify_attributes(cloud, input),
        "DescribeLoadBalancerAttributes" => load_balancer::describe_attributes(cloud, input),
        "SetSubnets" => network::set_subnets(cloud, input),
        "SetSecurityGroups" => network::set_security_groups(cloud, input),
        "CreateListener" => listener::create(cloud, input),
        "DescribeListeners" => listener::describe(cloud, input),
        "ModifyListener" => listener::modify(cloud, input),
        "DeleteListener" => listener::delete(cloud, input),
        "AddListenerCertificates" => certificate::add(cloud, input),
        "RemoveListenerCertificates" => certificate::remove(cloud, input),
        "DescribeListenerCertificates" => certificate::describe(cloud, input),
        "CreateRule" => rule::create(cloud, input),
        "DescribeRules" => rule::describe(cloud, input),
        "ModifyRule" => rule::modify(cloud, input),
        "DeleteRule" => rule::delete(cloud, input),
        "SetRulePriorities" => rule::set_priorities(cloud, input),
        "CreateTargetGroup" => target_group::create(cloud, input),
        "DescribeTargetGroups" => target_group::describe(cloud, input),
        "ModifyTargetGroup" => target_group::modify(cloud, input),
        "DeleteTargetGroup" => target_group::delete(cloud, input),
        "ModifyTargetGroupAttributes" => target_group::modify_attributes(cloud, input),
        "DescribeTargetGroupAttributes" => target_group::describe_attributes(cloud, input),
        "RegisterTargets" => target::register(cloud, input),
        "DeregisterTargets" => target::deregister(cloud, input),
        "DescribeTargetHealth" => target::describe_health(cloud, input),
        "AddTags" => tag::add(cloud, input),
        "RemoveTags" => tag::remove(cloud, input),
        "DescribeTags" => tag::describe(cloud, input),
        "DescribeAccountLimits" => quota::describe_account_limits(input),
        _ => Err(Refusal::unsupported("elasticloadbalancing", operation)),
    }
}

/// A value breaks a rule of its member.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/CommonErrors.html>
fn invalid(problem: impl Into<String>) -> Refusal {
    Refusal::client("ValidationError", problem)
}

/// A value that AWS knows and this stand-in does not.
fn unsupported_value(member: &str, value: &str) -> Refusal {
    Refusal::client(
        "UnsupportedMember",
        format!("local-aws does not implement the value `{value}` of member `{member}`"),
    )
}

/// Names of load balancers and target groups: 1 to 32 letters, digits and hyphens, none at an end.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html>
fn check_name<'a>(noun: &str, name: &'a str) -> Result<&'a str, Refusal> {
    let is_allowed = |character: char| character.is_ascii_alphanumeric() || character == '-';
    let problem = if name.is_empty() || name.len() > 32 {
        "must have 1 to 32 characters"
    } else if !name.chars().all(is_allowed) {
        "can only contain characters that are alphanumeric characters or hyphens(-)"
    } else if name.starts_with('-') || name.ends_with('-') {
        "cannot begin or end with a hyphen(-)"
    } else {
        return Ok(name);
    };
    Err(invalid(format!("{noun} name '{name}' {problem}")))
}
