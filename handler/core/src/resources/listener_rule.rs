//! Listener rules: requests for the service's host name go to its two target groups.
//!
//! Identity: the host name on the pool's HTTPS listener, and our tags. CreateRule has no idempotency
//! of its own: a repeated one meets its own priority (`PriorityInUse`), is then looked up and adopted.
//! The weights are ECS's from the first deployment on: read, never written again. Extra host values
//! and a moved priority are the user's. What is ours is the service's host value, and that both groups are in the
//! forward action; ECS refuses to deploy otherwise.
//! A service with test traffic has a second rule, with the same host, a header, and a priority that comes before; ECS
//! sends what it admits to the new revision first.
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateRule.html>

use std::collections::BTreeMap;

use super::Tags;
use crate::naming;

/// A header that makes test traffic of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestHeader {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// A rule that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerRuleSpec {
    /// The pool's HTTPS listener.
    pub listener_arn: String,
    /// From the slot.
    pub priority: u32,
    /// The service's host name.
    pub host: String,
    /// The header that requests must have, of a rule for test traffic.
    pub header: Option<TestHeader>,
    /// The group that takes all requests at first.
    pub first_group_arn: String,
    /// The group that takes none at first.
    pub second_group_arn: String,
    /// Tags it is created with.
    pub tags: Tags,
}

/// A rule that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedListenerRule {
    /// Its ARN.
    pub arn: String,
    /// Its priority; none for a default rule.
    pub priority: Option<u32>,
    /// Values of its host-header condition.
    pub hosts: Vec<String>,
    /// Whether people have that condition compare with regular expressions: which hosts they are for is theirs to say.
    pub has_host_expressions: bool,
    /// Headers that its further conditions look at, with the values of each.
    pub headers: Vec<(String, Vec<String>)>,
    /// Whether it has conditions of other kinds, or actions beside the one that forwards: people's.
    pub has_further_parts: bool,
    /// Weight by target group ARN.
    pub weights: BTreeMap<String, u32>,
    /// Its tags; empty before they were asked for.
    pub tags: Tags,
}

impl ObservedListenerRule {
    /// Whether it has the priority of a slot: that of a service's rule for all requests.
    #[must_use]
    pub fn is_in_a_slot(&self) -> bool {
        let slots = naming::RULE_PRIORITY_FIRST
            ..naming::RULE_PRIORITY_FIRST.saturating_add(naming::RULE_PRIORITIES);
        self.priority
            .is_some_and(|priority| slots.contains(&priority))
    }

    /// Whether it is one for test traffic, by the tags that it was made with.
    #[must_use]
    pub fn is_for_tests(&self) -> bool {
        self.tags.contains_key(naming::TAG_TEST_SLOT)
    }

    /// Whether somebody has taken our owner's tag off it, by the tag that is left. It is the service's rule all the same:
    /// another one beside it would never take a request, and both would keep the target groups in use.
    #[must_use]
    pub fn has_lost_its_owner(&self) -> bool {
        !self.tags.contains_key(naming::TAG_OWNER) && self.tags.contains_key(naming::TAG_HOST)
    }

    /// Whether it forwards to a target group of this service, on whichever load balancer: their names are hashes of the
    /// service, so that nobody has one by chance.
    #[must_use]
    pub fn forwards_to(&self, service_arn: &str) -> bool {
        let named = format!(":targetgroup/{}", naming::target_groups_of(service_arn));
        self.weights.keys().any(|arn| arn.contains(&named))
    }

    /// Whether its condition names this host, however it is spelt.
    #[must_use]
    pub fn names(&self, host: &str) -> bool {
        self.hosts
            .iter()
            .any(|value| value.eq_ignore_ascii_case(host))
    }

    /// Whether requests for this host are none of its, because somebody has taken the host out of its condition.
    #[must_use]
    pub fn lacks(&self, host: &str) -> bool {
        !self.has_host_expressions && !self.names(host)
    }

    /// Whether people have added to what it was made with: host names, conditions, actions.
    #[must_use]
    pub fn is_more_than_for(&self, host: &str) -> bool {
        let is_other = |value: &String| !value.eq_ignore_ascii_case(host);
        let has_others = self.has_host_expressions || self.hosts.iter().any(is_other);
        has_others || self.has_further_parts || !self.headers.is_empty()
    }

    /// Whether it looks at this header and at no other.
    #[must_use]
    pub fn looks_at(&self, header: &TestHeader) -> bool {
        let TestHeader { name, value } = header;
        self.headers == [(name.clone(), vec![value.clone()])]
    }

    /// The forward weights with both groups in them, when one is missing: those that are there keep
    /// their weight, the missing one gets 0. `groups` begins with the one that serves.
    #[must_use]
    pub fn repaired_weights(&self, groups: [&str; 2]) -> Option<BTreeMap<String, u32>> {
        if groups.iter().all(|group| self.weights.contains_key(*group)) {
            return None;
        }
        let mut weights = self.weights.clone();
        for group in groups {
            weights.entry(group.to_owned()).or_insert(0);
        }
        // A rule that forwards nowhere would answer 503; the group that serves takes all.
        if weights.values().all(|weight| *weight == 0)
            && let Some(first) = weights.get_mut(groups[0])
        {
            *first = FULL_WEIGHT;
        }
        Some(weights)
    }
}

/// Weight of the group that takes all requests.
pub const FULL_WEIGHT: u32 = 100;

/// The name of the load balancer of this ARN, or of the rule's or the listener's.
#[must_use]
pub fn load_balancer_name_of(arn: &str) -> Option<String> {
    let path = load_balancer_of(arn)?;
    path.split('/').nth(1).map(str::to_owned)
}

/// What metrics call the load balancer of this ARN, or of the rule's or the listener's: `app/<name>/<id>`.
#[must_use]
pub fn load_balancer_of(arn: &str) -> Option<String> {
    let (_, path) = arn
        .split_once(":listener-rule/")
        .or_else(|| arn.split_once(":listener/"))
        .or_else(|| arn.split_once(":loadbalancer/"))?;
    let mut parts = path.split('/');
    let (kind, name, id) = (parts.next()?, parts.next()?, parts.next()?);
    Some(format!("{kind}/{name}/{id}"))
}
