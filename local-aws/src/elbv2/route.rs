//! Where a request would go: for tests that ask what a client would see.

use super::action::Action;
use super::condition::Request;
use super::load_balancer::{LoadBalancer, LoadBalancerState};
use super::rule_index::{Priority, Rule};
use super::target::TargetHealth;
use super::{State, health, listener};
use crate::cloud::Cloud;
use crate::ecs::{self, HealthAnswer};

/// What becomes of an HTTPS request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RouteOutcome {
    /// No active load balancer has a rule for the host.
    NoRule,
    /// One load balancer answers.
    Answered(Answer),
    /// More than one load balancer has a rule for the host; which one answers is up to DNS.
    Ambiguous(Vec<Answer>),
}

/// The rule that a load balancer answers a request by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The load balancer.
    pub load_balancer_arn: String,
    /// Its HTTPS listener.
    pub listener_arn: String,
    /// The first rule that is for the request; never the default rule.
    pub rule_arn: String,
    /// Where the rule forwards to; empty if it redirects or answers by itself.
    pub groups: Vec<RoutedGroup>,
}

/// A target group of a forward action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutedGroup {
    /// The target group.
    pub arn: String,
    /// 0 to 999; 0 gets no requests.
    pub weight: u32,
    /// How many of its targets are healthy.
    pub healthy_targets: usize,
}

impl Answer {
    /// Whether every group that gets requests has a healthy target, and at least one does.
    #[must_use]
    pub fn is_served(&self) -> bool {
        let mut weighted = self
            .groups
            .iter()
            .filter(|group| group.weight > 0)
            .peekable();
        weighted.peek().is_some() && weighted.all(|group| group.healthy_targets > 0)
    }
}

/// Which rules answer `GET https://<host>/`.
#[must_use]
pub fn route(cloud: &Cloud, host: &str) -> RouteOutcome {
    let state = &cloud.elbv2;
    let request = Request::get(host, &[]);
    let mut answers: Vec<Answer> = state
        .load_balancers
        .values()
        .filter_map(|balancer| answer_of(state, balancer, request))
        .collect();
    match (answers.pop(), answers.is_empty()) {
        (None, _) => RouteOutcome::NoRule,
        (Some(only), true) => RouteOutcome::Answered(only),
        (Some(last), false) => {
            answers.push(last);
            RouteOutcome::Ambiguous(answers)
        }
    }
}

/// Which rule of the load balancer with this DNS name answers an HTTPS request; none if there is no such load
/// balancer, if it is not active, or if only its default rule is for the request.
#[must_use]
pub fn route_through(cloud: &Cloud, dns_name: &str, request: Request<'_>) -> Option<Answer> {
    let state = &cloud.elbv2;
    let mut balancers = state.load_balancers.values();
    let balancer = balancers.find(|balancer| balancer.dns_name.eq_ignore_ascii_case(dns_name))?;
    answer_of(state, balancer, request)
}

fn answer_of(state: &State, balancer: &LoadBalancer, request: Request<'_>) -> Option<Answer> {
    if balancer.state != LoadBalancerState::Active {
        return None;
    }
    listener::of_load_balancer(state, &balancer.arn)
        .filter(|listener| listener.protocol.certificate_arn().is_some())
        .find_map(|listener| {
            state
                .rules
                .of_listener(&listener.arn)
                .filter(|rule| rule.priority != Priority::Default)
                .find(|rule| rule.conditions.iter().all(|one| one.admits(request)))
        })
        .map(|rule| answer(state, rule))
}

/// A target as a request finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AskedTarget {
    /// Address and port.
    pub key: (String, u16),
    /// What the load balancer takes it for.
    pub health: TargetHealth,
    /// The status that it answers a visitor with; none when the connection does not come about.
    pub status: Option<u16>,
}

/// What every target of a group would make of a request now, whether or not the load balancer sends it any.
#[must_use]
pub fn ask_targets(cloud: &Cloud, group_arn: &str) -> Vec<AskedTarget> {
    let Some(group) = cloud.elbv2.target_groups.get(group_arn) else {
        return Vec::new();
    };
    let targets = group.targets.iter();
    targets
        .map(|((ip, port), target)| AskedTarget {
            key: (ip.clone(), *port),
            health: target.health,
            status: match health::is_reached(cloud, group, ip, *port)
                .then(|| ecs::traffic_answer(cloud, ip, *port))
            {
                Some(HealthAnswer::Status(status)) => Some(status),
                Some(HealthAnswer::Refused | HealthAnswer::Timeout) | None => None,
            },
        })
        .collect()
}

fn answer(state: &State, rule: &Rule) -> Answer {
    let groups = match &rule.action {
        Action::Forward { groups, .. } => groups.as_slice(),
        Action::Redirect { .. } | Action::FixedResponse { .. } => &[],
    };
    let healthy_targets = |arn: &str| {
        let targets = state.target_groups.get(arn).into_iter();
        targets
            .flat_map(|group| group.targets.values())
            .filter(|target| target.health == TargetHealth::Healthy)
            .count()
    };
    Answer {
        load_balancer_arn: rule.load_balancer_arn.clone(),
        listener_arn: rule.listener_arn.clone(),
        rule_arn: rule.arn.clone(),
        groups: groups
            .iter()
            .map(|(arn, weight)| RoutedGroup {
                arn: arn.clone(),
                weight: *weight,
                healthy_targets: healthy_targets(arn),
            })
            .collect(),
    }
}
