//! A client of one host: a request a second, as browsers and other callers make them.
//!
//! Each time it follows what a request follows: the host's record in Route 53, the load balancer that it names, the
//! first rule of its HTTPS listener that is for the request, the groups with a weight, their targets. A request fails
//! when any of these is missing, when a group with a weight has no healthy target, or when a target that the load
//! balancer takes for healthy cannot be reached or answers 500 or more. Strict where AWS is lenient: a group without a
//! healthy target is a failure although AWS would try the others.
//!
//! - Who has asked DNS before may go on with that answer, so a load balancer that the record has left must serve for
//!   as long as Route 53 needs to tell all name servers, and [`KEPT_MS`] more; and a name that is new is not known everywhere
//!   until they have been told.
//! - Requests may still be under way to a target that is being drained: as long as it is registered, it must answer.
//!
//! ```ignore
//! let client = Client::visits(&world, "web.apps.example.com");
//! let outcome = stack.deploy_now(..);     // not `world.settle()`: the client would never let it end
//! client.leaves_unharmed();
//! ```

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;
use std::time::Duration;

use aws_smithy_async::rt::sleep::AsyncSleep;
use local_aws::elbv2::{self, AskedTarget, Request, TargetHealth};
use local_aws::route53::{DomainName, Target};
use local_aws::{Cloud, LocalAws};

use crate::world::World;

/// How often it makes a request.
const PAUSE: Duration = Duration::from_secs(1);
/// How long a resolver may keep an answer of DNS for an alias of a load balancer: one that was replaced is used until all
/// name servers know the new one, and then as long.
/// AWS: <https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/resource-record-sets-choosing-alias-non-alias.html>
pub const KEPT_MS: u64 = 60_000;
/// Failures that a panic shows.
const SHOWN: usize = 10;

/// A client; clones are the same one.
#[derive(Clone)]
pub struct Client(Rc<State>);

struct State {
    account: LocalAws,
    host: String,
    has_left: Cell<bool>,
    seen: RefCell<Seen>,
}

#[derive(Default)]
struct Seen {
    requests: u64,
    failures: Vec<Failure>,
    /// What DNS answered, each with the time since when; the last is the present answer.
    answers: Vec<(u64, Option<String>)>,
    /// Group, address and port of the targets that requests may be under way to.
    connections: BTreeSet<(String, String, u16)>,
}

/// Requests in a row that failed for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When the first was made, in milliseconds since the epoch.
    pub first_ms: u64,
    /// When the last was made.
    pub last_ms: u64,
    /// Why they failed.
    pub reason: String,
}

impl Client {
    /// Begins to visit `host`, now and until [`Client::leaves`].
    #[must_use]
    pub fn visits(world: &World, host: &str) -> Self {
        let client = Self(Rc::new(State {
            account: world.account().clone(),
            host: host.to_owned(),
            has_left: Cell::default(),
            seen: RefCell::default(),
        }));
        let state = Rc::clone(&client.0);
        // Not the world itself: it holds its tasks.
        let clock = world.clock().clone();
        world.spawn(async move {
            while !state.has_left.get() {
                state.look();
                clock.sleep(PAUSE).await;
            }
        });
        client
    }

    /// Makes no further request.
    pub fn leaves(&self) {
        self.0.has_left.set(true);
    }

    /// Requests so far, those that failed too.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.0.seen.borrow().requests
    }

    /// What failed so far.
    #[must_use]
    pub fn failures(&self) -> Vec<Failure> {
        self.0.seen.borrow().failures.clone()
    }

    /// What failed from `at_ms` on: before a service's Create is answered nobody can count on it.
    #[must_use]
    pub fn failures_since(&self, at_ms: u64) -> Vec<Failure> {
        let mut failures = self.failures();
        failures.retain(|failure| failure.last_ms >= at_ms);
        failures
    }

    /// Leaves, after requests of which none has failed.
    ///
    /// # Panics
    /// When one has failed, or none was made.
    pub fn leaves_unharmed(&self) {
        self.leaves_unharmed_since(0);
    }

    /// The same, from `at_ms` on.
    ///
    /// # Panics
    /// When one has failed, or none was made.
    pub fn leaves_unharmed_since(&self, at_ms: u64) {
        self.leaves();
        let requests = self.requests();
        assert!(requests > 0, "nobody asked for {}", self.0.host);
        let failures = self.failures_since(at_ms);
        let shown: Vec<String> = failures.iter().take(SHOWN).map(Failure::sentence).collect();
        assert!(
            failures.is_empty(),
            "of {requests} requests to {} failed, from {at_ms} on:\n{}",
            self.0.host,
            shown.join("\n")
        );
    }
}

impl Failure {
    fn sentence(&self) -> String {
        let seconds = (self.last_ms - self.first_ms) / 1000 + 1;
        let Self {
            first_ms, reason, ..
        } = self;
        format!("  from {first_ms} for {seconds} s: {reason}")
    }
}

impl State {
    /// Makes one request to each load balancer that a client may have been sent to.
    fn look(&self) {
        let cloud = self.account.cloud();
        let mut seen = self.seen.borrow_mut();
        seen.resolve(&cloud, &self.host);
        let mut reasons = Vec::new();
        for answer in seen.answers_in_use(cloud.now_ms, cloud.route53.propagation_ms) {
            seen.requests += 1;
            match answer {
                Some(name) => reasons.extend(seen.request(&cloud, &name, &self.host)),
                None => reasons.push(format!("{} has no address", self.host)),
            }
        }
        reasons.extend(seen.finish_requests(&cloud));
        for reason in reasons {
            seen.note(cloud.now_ms, reason);
        }
    }
}

impl Seen {
    fn resolve(&mut self, cloud: &Cloud, host: &str) {
        let answer = address(cloud, host);
        if self.answers.last().is_none_or(|(_, last)| *last != answer) {
            self.answers.push((cloud.now_ms, answer));
        }
    }

    /// The present answer, and the earlier ones that are not forgotten everywhere yet.
    fn answers_in_use(&self, now_ms: u64, propagation_ms: u64) -> BTreeSet<Option<String>> {
        let ends = self.answers.iter().skip(1).map(|(since_ms, _)| *since_ms);
        let ends = ends.map(Some).chain([None]);
        let with_end = self.answers.iter().zip(ends);
        with_end
            .filter(|((_, answer), end_ms)| {
                let kept_ms = match answer {
                    Some(_) => propagation_ms + KEPT_MS,
                    None => propagation_ms,
                };
                end_ms.is_none_or(|end_ms| now_ms < end_ms + kept_ms)
            })
            .map(|((_, answer), _)| answer.clone())
            .collect()
    }

    /// What is wrong with a request to the load balancer of this name.
    fn request(&mut self, cloud: &Cloud, dns_name: &str, host: &str) -> Vec<String> {
        let request = Request::get(host, &[]);
        let Some(answer) = elbv2::route_through(cloud, dns_name, request) else {
            return vec![format!("{dns_name} has no rule for {host}")];
        };
        let weighted = answer.groups.iter().filter(|group| group.weight > 0);
        let groups: Vec<String> = weighted.map(|group| group.arn.clone()).collect();
        if groups.is_empty() {
            return vec![format!("{} forwards to no group", answer.rule_arn)];
        }
        let mut reasons = Vec::new();
        for group in groups {
            let mut healthy = elbv2::ask_targets(cloud, &group);
            healthy.retain(|target| target.health == TargetHealth::Healthy);
            if healthy.is_empty() {
                reasons.push(format!("{group} has a weight and no healthy target"));
            }
            for target in healthy {
                let (address, port) = target.key.clone();
                self.connections.insert((group.clone(), address, port));
                reasons.extend(complaint(&group, &target));
            }
        }
        reasons
    }

    /// What is wrong with the requests that are under way to targets which get no new ones.
    fn finish_requests(&mut self, cloud: &Cloud) -> Vec<String> {
        let mut reasons = Vec::new();
        self.connections.retain(|(group, address, port)| {
            let mut targets = elbv2::ask_targets(cloud, group).into_iter();
            let Some(target) = targets.find(|target| target.key == (address.clone(), *port)) else {
                return false;
            };
            match target.health {
                TargetHealth::Healthy => true,
                TargetHealth::Draining => {
                    reasons.extend(complaint(group, &target));
                    true
                }
                // Nothing was sent to it since, and all that was sent before is answered.
                TargetHealth::Initial | TargetHealth::Unhealthy | TargetHealth::Unused => false,
            }
        });
        reasons
    }

    fn note(&mut self, now_ms: u64, reason: String) {
        let pause_ms = u64::try_from(PAUSE.as_millis()).unwrap_or(u64::MAX);
        let known = self.failures.iter_mut().rev().find(|known| {
            known.reason == reason && now_ms <= known.last_ms.saturating_add(pause_ms)
        });
        match known {
            Some(known) => known.last_ms = now_ms,
            None => self.failures.push(Failure {
                first_ms: now_ms,
                last_ms: now_ms,
                reason,
            }),
        }
    }
}

fn complaint(group: &str, target: &AskedTarget) -> Option<String> {
    let (address, port) = &target.key;
    let health = target.health;
    match target.status {
        Some(status) if status < 500 => None,
        Some(status) => Some(format!(
            "{health:?} target {address}:{port} of {group} answers {status}"
        )),
        None => Some(format!(
            "{health:?} target {address}:{port} of {group} cannot be reached"
        )),
    }
}

/// The name of the load balancer that the host is an alias of.
pub(crate) fn address(cloud: &Cloud, host: &str) -> Option<String> {
    let host = DomainName::parse(host).ok()?;
    let zones = cloud.route53.zones.values();
    let zone = zones
        .filter(|zone| host.is_within(&zone.name))
        .max_by_key(|zone| zone.name.labels())?;
    match &zone.record_set(&host, "A")?.target {
        Target::Alias { name, .. } => {
            let name = name.as_str().trim_end_matches('.');
            Some(name.trim_start_matches("dualstack.").to_owned())
        }
        Target::Values { .. } => None,
    }
}
