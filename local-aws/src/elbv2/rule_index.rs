//! All rules, found by ARN, by listener in order of priority, and by the target groups they forward to.
//!
//! The three indices change together here and nowhere else: which load balancer uses a target group is
//! asked at every health check.

use std::collections::{BTreeMap, BTreeSet};

use super::action::Action;
use super::condition::Condition;
use super::tag::Tags;

/// The order in which a listener tries its rules; the default rule is the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Priority {
    /// 1 to 50000.
    Number(u32),
    /// The listener's default rule.
    Default,
}

/// A rule of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule.
    pub arn: String,
    /// Its listener.
    pub listener_arn: String,
    /// That listener's load balancer.
    pub load_balancer_arn: String,
    /// Unique in the listener.
    pub priority: Priority,
    /// None for the default rule.
    pub conditions: Vec<Condition>,
    /// What happens to the requests.
    pub action: Action,
    pub(super) tags: Tags,
}

/// All rules.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules {
    by_arn: BTreeMap<String, Rule>,
    by_listener: BTreeMap<String, BTreeMap<Priority, String>>,
    by_group: BTreeMap<String, BTreeSet<String>>,
}

impl Rules {
    pub(super) fn get(&self, arn: &str) -> Option<&Rule> {
        self.by_arn.get(arn)
    }

    pub(super) fn tags_mut(&mut self, arn: &str) -> Option<&mut Tags> {
        self.by_arn.get_mut(arn).map(|rule| &mut rule.tags)
    }

    /// The rules of a listener, the default rule last.
    pub(super) fn of_listener(&self, listener_arn: &str) -> impl Iterator<Item = &Rule> {
        self.by_listener
            .get(listener_arn)
            .into_iter()
            .flat_map(BTreeMap::values)
            .filter_map(|arn| self.by_arn.get(arn))
    }

    /// The rule that has this priority in a listener.
    pub(super) fn at(&self, listener_arn: &str, priority: Priority) -> Option<&Rule> {
        let arn = self.by_listener.get(listener_arn)?.get(&priority)?;
        self.by_arn.get(arn)
    }

    /// The rules that forward to a target group.
    pub(super) fn using(&self, group_arn: &str) -> impl Iterator<Item = &Rule> {
        self.by_group
            .get(group_arn)
            .into_iter()
            .flatten()
            .filter_map(|arn| self.by_arn.get(arn))
    }

    /// The load balancer that uses a target group; a group has one at most.
    pub(super) fn user_of(&self, group_arn: &str) -> Option<&str> {
        self.using(group_arn)
            .next()
            .map(|rule| rule.load_balancer_arn.as_str())
    }

    /// Adds a rule, or replaces the one with its ARN.
    pub(super) fn insert(&mut self, rule: Rule) {
        self.remove(&rule.arn);
        self.by_listener
            .entry(rule.listener_arn.clone())
            .or_default()
            .insert(rule.priority, rule.arn.clone());
        for group in rule.action.groups() {
            self.by_group
                .entry(group.to_owned())
                .or_default()
                .insert(rule.arn.clone());
        }
        self.by_arn.insert(rule.arn.clone(), rule);
    }

    pub(super) fn remove(&mut self, arn: &str) -> Option<Rule> {
        let rule = self.by_arn.remove(arn)?;
        if let Some(priorities) = self.by_listener.get_mut(&rule.listener_arn) {
            // While priorities are exchanged another rule may have taken this one's place.
            if priorities.get(&rule.priority) == Some(&rule.arn) {
                priorities.remove(&rule.priority);
            }
        }
        for group in rule.action.groups() {
            if let Some(users) = self.by_group.get_mut(group) {
                users.remove(arn);
                if users.is_empty() {
                    self.by_group.remove(group);
                }
            }
        }
        Some(rule)
    }
}
