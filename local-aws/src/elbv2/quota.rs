//! The quotas of Elastic Load Balancing, all at their defaults.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-limits.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_Limit.html>

use serde_json::{Value, json};

use super::page;
use crate::cloud::Outcome;
use crate::wire::Input;

/// Application Load Balancers of one region.
pub(super) const LOAD_BALANCERS_MAX: usize = 50;
/// Listeners of one load balancer.
pub(super) const LISTENERS_MAX: usize = 50;
/// Certificates of one load balancer, the listeners' default certificates not counted.
pub(super) const CERTIFICATES_MAX: usize = 25;
/// Rules of one load balancer, default rules not counted.
pub(super) const RULES_MAX: usize = 100;
/// Values in the conditions of one rule.
pub(super) const CONDITION_VALUES_MAX: usize = 5;
/// Wildcard characters in the conditions of one rule.
pub(super) const CONDITION_WILDCARDS_MAX: usize = 6;
/// Target groups of one region.
pub(super) const TARGET_GROUPS_MAX: usize = 3000;
/// Different target groups that one load balancer forwards to; not adjustable.
pub(super) const TARGET_GROUPS_PER_LOAD_BALANCER_MAX: usize = 100;
/// Target groups that one action forwards to; not adjustable.
pub(super) const TARGET_GROUPS_PER_ACTION_MAX: usize = 5;
/// Targets of one target group.
pub(super) const TARGETS_PER_GROUP_MAX: usize = 1000;
/// Targets of one load balancer.
pub(super) const TARGETS_PER_LOAD_BALANCER_MAX: usize = 1000;

pub(super) fn describe_account_limits(input: Input<'_>) -> Outcome {
    input.only(&["Marker", "PageSize"])?;
    let mut limits = vec![
        ("application-load-balancers", LOAD_BALANCERS_MAX),
        (
            "certificates-per-application-load-balancer",
            CERTIFICATES_MAX,
        ),
        ("condition-values-per-alb-rule", CONDITION_VALUES_MAX),
        ("condition-wildcards-per-alb-rule", CONDITION_WILDCARDS_MAX),
        ("listeners-per-application-load-balancer", LISTENERS_MAX),
        ("rules-per-application-load-balancer", RULES_MAX),
        ("target-groups", TARGET_GROUPS_MAX),
        (
            "target-groups-per-action-on-application-load-balancer",
            TARGET_GROUPS_PER_ACTION_MAX,
        ),
        (
            "target-groups-per-application-load-balancer",
            TARGET_GROUPS_PER_LOAD_BALANCER_MAX,
        ),
        (
            "targets-per-application-load-balancer",
            TARGETS_PER_LOAD_BALANCER_MAX,
        ),
        ("targets-per-target-group", TARGETS_PER_GROUP_MAX),
    ];
    limits.sort_unstable();
    let (limits, next) = page::of(limits, |(name, _)| (*name).to_owned(), input)?;
    let described: Vec<Value> = limits
        .into_iter()
        .map(|(name, max)| json!({"Name": name, "Max": max.to_string()}))
        .collect();
    Ok(json!({"Limits": described, "NextMarker": next}))
}
