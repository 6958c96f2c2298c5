//! Visitors: requests that come to a host at a steady rate, for alarms to see and for tests to count.
//!
//! Every ten seconds the requests of that time are spread over the groups by the rule's weights, and within a group
//! over its targets in turn: over the healthy ones, or over all when none is. What comes of them is reported to
//! CloudWatch for each pair of load balancer and target group. Nothing is random: shares that are no whole number
//! are carried on.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html>,
//! <https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html>

use std::collections::BTreeMap;

use super::route::{RouteOutcome, route};
use super::{State, TargetHealth};
use crate::cloud::Cloud;
use crate::cloudwatch::{self, Metric};
use crate::ecs::{HealthAnswer, traffic_answer};

/// How often requests are made.
const TICK_MS: u64 = 10_000;
const TICKS_A_MINUTE: u64 = 6;

/// The visitors of one host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visitors {
    /// Requests a minute.
    pub per_minute: u32,
    /// Requests so far.
    pub requests: u64,
    /// Answers with a status below 500.
    pub served: u64,
    /// Of a thousandth each, what every group is still owed, by its ARN.
    owed: BTreeMap<String, u64>,
    /// Ticks so far: they decide where a minute's remainder goes, and whose turn it is.
    ticks: u64,
}

/// Lets `per_minute` requests a minute come to `host` from now on; 0 ends it and keeps the counts.
pub fn visit(cloud: &mut Cloud, host: &str, per_minute: u32) {
    let visitors = cloud.elbv2.visitors.entry(host.to_owned()).or_default();
    visitors.per_minute = per_minute;
    let due_ms = next_tick_ms(cloud.now_ms);
    cloud.elbv2.visit_due_ms.get_or_insert(due_ms);
}

const fn next_tick_ms(now_ms: u64) -> u64 {
    (now_ms / TICK_MS + 1) * TICK_MS
}

/// Lets the requests be made that are due.
pub(super) fn happen(cloud: &mut Cloud) {
    let now_ms = cloud.now_ms;
    if cloud
        .elbv2
        .visit_due_ms
        .is_none_or(|due_ms| due_ms > now_ms)
    {
        return;
    }
    let hosts: Vec<String> = visited(&cloud.elbv2).map(str::to_owned).collect();
    cloud.elbv2.visit_due_ms = (!hosts.is_empty()).then(|| next_tick_ms(now_ms));
    for host in hosts {
        request(cloud, &host);
    }
}

fn visited(state: &State) -> impl Iterator<Item = &str> {
    let visitors = state.visitors.iter();
    visitors
        .filter(|(_, visitors)| visitors.per_minute > 0)
        .map(|(host, _)| host.as_str())
}

fn request(cloud: &mut Cloud, host: &str) {
    let outcome = route(cloud, host);
    let Some(visitors) = cloud.elbv2.visitors.get_mut(host) else {
        return;
    };
    let per_minute = u64::from(visitors.per_minute);
    // The sixth parts of a minute's requests add up to all of them.
    let part = visitors.ticks % TICKS_A_MINUTE;
    let number = per_minute * (part + 1) / TICKS_A_MINUTE - per_minute * part / TICKS_A_MINUTE;
    visitors.ticks += 1;
    // Which of several load balancers answers is up to DNS; with none, nobody does.
    let RouteOutcome::Answered(answer) = outcome else {
        visitors.requests += number;
        return;
    };
    let total: u64 = answer
        .groups
        .iter()
        .map(|group| u64::from(group.weight))
        .sum();
    if total == 0 {
        visitors.requests += number;
        return;
    }
    for group in &answer.groups {
        let share = number * u64::from(group.weight) * 1000 / total;
        let Some(visitors) = cloud.elbv2.visitors.get_mut(host) else {
            return;
        };
        let owed = visitors.owed.entry(group.arn.clone()).or_default();
        let due = *owed + share;
        *owed = due % 1000;
        // A thousandth can get lost in a share; what is nearly a whole request is one.
        let count = if due % 1000 == 999 {
            *owed = 0;
            due / 1000 + 1
        } else {
            due / 1000
        };
        // What is owed is made, and counted, later.
        visitors.requests += count;
        let turn = visitors.ticks;
        forward(
            cloud,
            host,
            &answer.load_balancer_arn,
            &group.arn,
            count,
            turn,
        );
    }
}

/// Makes `count` requests to the targets of one group.
fn forward(cloud: &mut Cloud, host: &str, load_balancer: &str, group: &str, count: u64, turn: u64) {
    let Some(target_group) = cloud.elbv2.target_groups.get(group) else {
        return;
    };
    let with = |wanted: fn(TargetHealth) -> bool| -> Vec<(String, u16)> {
        let targets = target_group.targets.iter();
        targets
            .filter(|(_, target)| wanted(target.health))
            .map(|(key, _)| key.clone())
            .collect()
    };
    let mut targets = with(|health| health == TargetHealth::Healthy);
    if targets.is_empty() {
        targets = with(|health| health != TargetHealth::Draining);
    }
    let Ok(number) = u64::try_from(targets.len()) else {
        return;
    };
    if number == 0 || count == 0 {
        return;
    }
    let mut by_class: BTreeMap<u16, u64> = BTreeMap::new();
    for (position, (address, port)) in (0_u64..).zip(&targets) {
        // Each gets its part, and those whose turn it is one more.
        let is_in_turn = (position + turn) % number < count % number;
        let requests = count / number + u64::from(is_in_turn);
        if let HealthAnswer::Status(status) = traffic_answer(cloud, address, *port) {
            *by_class.entry(status / 100).or_default() += requests;
        }
    }
    let served: u64 = by_class.range(..5).map(|(_, requests)| requests).sum();
    if let Some(visitors) = cloud.elbv2.visitors.get_mut(host) {
        visitors.served += served;
    }
    let mut reported = vec![("RequestCount".to_owned(), count)];
    reported.extend(
        by_class
            .into_iter()
            .map(|(class, requests)| (format!("HTTPCode_Target_{class}XX_Count"), requests)),
    );
    for (name, requests) in reported.into_iter().filter(|(_, requests)| *requests > 0) {
        report(cloud, load_balancer, group, name, requests);
    }
}

fn report(cloud: &mut Cloud, load_balancer: &str, group: &str, name: String, requests: u64) {
    let last_part = |arn: &str, kind: &str| arn.rsplit(kind).next().unwrap_or_default().to_owned();
    let metric = Metric {
        namespace: "AWS/ApplicationELB".to_owned(),
        name,
        dimensions: BTreeMap::from([
            (
                "LoadBalancer".to_owned(),
                last_part(load_balancer, ":loadbalancer/"),
            ),
            ("TargetGroup".to_owned(), last_part(group, ":").clone()),
        ]),
    };
    // The requests were made before this moment, in the minute that it may end.
    let at_ms = cloud.now_ms.saturating_sub(1);
    let value = f64::from(u32::try_from(requests).unwrap_or(u32::MAX));
    cloudwatch::report(cloud, &metric, at_ms, value);
}
