//! Many services at once: load balancers used, writes per claim, calls per Create, all under AWS's token buckets.
//!
//! The second service and the last one are created while nothing else happens, so that their calls can be
//! compared: they are the same when a Create does not depend on how many services there are. Between them, all
//! others are created with a fixed number of stacks in flight.

use std::collections::BTreeMap;
use std::fmt;

use express_core::claim::pool::MEMBERS_MAX;
use futures::StreamExt as _;
use futures::stream;
use local_aws::recorder::Recorded;
use serde_json::Value;

use super::{UNLIMITED, count};
use crate::account::Kind;
use crate::cloudformation::{Seen, Template, request_of};
use crate::invariants;
use crate::properties::web;
use crate::world::World;

/// Writes of pool and load-balancer items for each claimed slot, those refused included, in tenths.
const CLAIM_WRITES_TENTHS_MAX: usize = 12;

/// Services on one load balancer.
fn members_max() -> usize {
    usize::try_from(MEMBERS_MAX).unwrap_or(usize::MAX)
}

/// After so long without calls every bucket is full again; the slowest, for `CreateLoadBalancer`, takes 50 s
/// (`local-aws/src/throttle/limits.rs`).
const REFILL_S: u64 = 60;

/// How many services, and how many of them at a time.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Services altogether; at least three.
    pub services: usize,
    /// Stacks in flight.
    pub at_once: usize,
    /// Attempts from one check of the invariants to the next: a check looks at everything there is.
    pub attempts_per_check: u64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What was asked for.
    pub size: Size,
    /// Why Creates failed; empty if none did.
    pub failures: Vec<String>,
    /// Load balancers at the end.
    pub load_balancers: usize,
    /// Writes of pool and load-balancer items, those refused included.
    pub claim_writes: usize,
    /// Those for the first service.
    pub first_claim_writes: usize,
    /// Those for the last one.
    pub last_claim_writes: usize,
    /// Calls of the Create that found an empty account, without polls.
    pub first_calls: usize,
    /// Calls of the second Create, without polls.
    pub second_calls: usize,
    /// Calls of the last Create, without polls.
    pub last_calls: usize,
    /// Calls of all Creates, polls and refused ones included.
    pub all_calls: usize,
    /// Calls that a token bucket refused, by name.
    pub throttled: BTreeMap<String, u64>,
    /// Seconds that the slowest Create took.
    pub slowest_s: u64,
    /// Simulated seconds from the first event to the last answer.
    pub simulated_s: u64,
}

impl Outcome {
    /// Load balancers that so many services need.
    #[must_use]
    pub fn load_balancers_needed(&self) -> usize {
        self.size.services.div_ceil(members_max())
    }

    /// What is over its budget, in words; empty if nothing is.
    #[must_use]
    pub fn over_budget(&self) -> Vec<String> {
        let mut over = self.failures.clone();
        if self.load_balancers != self.load_balancers_needed() {
            let (made, needed) = (self.load_balancers, self.load_balancers_needed());
            over.push(format!("{made} load balancers instead of {needed}"));
        }
        if self.claim_writes * 10 > self.size.services * CLAIM_WRITES_TENTHS_MAX {
            let (writes, claims) = (self.claim_writes, self.size.services);
            over.push(format!("{writes} conditional writes for {claims} claims"));
        }
        let (alike, calls) = if self.size.services % members_max() == 1 {
            ("first", self.first_calls)
        } else {
            ("second", self.second_calls)
        };
        if self.last_calls != calls {
            let last = self.last_calls;
            over.push(format!(
                "{calls} calls for the {alike} Create, but {last} for the last"
            ));
        }
        over
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Size {
            services, at_once, ..
        } = self.size;
        writeln!(
            formatter,
            "services                  {services}, {at_once} at a time"
        )?;
        writeln!(
            formatter,
            "failed Creates            {}",
            self.failures.len()
        )?;
        writeln!(
            formatter,
            "load balancers            {} of {}",
            self.load_balancers,
            self.load_balancers_needed()
        )?;
        writeln!(
            formatter,
            "writes per claim          {}.{:02} of {}.{}; {} the first, {} the last",
            self.claim_writes / services,
            self.claim_writes * 100 / services % 100,
            CLAIM_WRITES_TENTHS_MAX / 10,
            CLAIM_WRITES_TENTHS_MAX % 10,
            self.first_claim_writes,
            self.last_claim_writes
        )?;
        writeln!(
            formatter,
            "calls of a Create         {} the first, {} the second, {} the last",
            self.first_calls, self.second_calls, self.last_calls
        )?;
        let refused: u64 = self.throttled.values().sum();
        writeln!(
            formatter,
            "calls altogether          {}, {refused} of them throttled",
            self.all_calls
        )?;
        let mut throttled: Vec<_> = self.throttled.iter().collect();
        throttled.sort_by_key(|(_, times)| std::cmp::Reverse(**times));
        for (name, times) in throttled {
            writeln!(formatter, "    {times:>7}  {name}")?;
        }
        writeln!(formatter, "slowest Create            {} s", self.slowest_s)?;
        write!(
            formatter,
            "simulated time            {} s",
            self.simulated_s
        )
    }
}

/// Creates the services in a new world.
///
/// # Panics
/// When an invariant does not hold.
#[must_use]
pub fn run(size: Size) -> Outcome {
    let world = World::new();
    world.check_invariants_every(size.attempts_per_check);
    world.account().throttle(true);
    let began_ms = world.now_ms();
    let last = size.services.saturating_sub(1);
    let mut seen = created(&world, 0..1, 1);
    let first_claim_writes = claim_writes(&world);
    seen.extend(created(&world, 1..2, 1));
    seen.extend(created(&world, 2..last, size.at_once));
    let before_last = claim_writes(&world);
    seen.extend(created(&world, last..size.services, 1));
    world.check_invariants_every(1);
    invariants::check(&world, 0);
    invariants::check_all_answered(&world);

    let calls_of = |seen: Option<&Seen>| {
        let request_id = seen.map(|seen| seen.request_id.clone());
        count(&world, "Create", UNLIMITED, &|input| {
            request_of(input) == request_id
        })
        .calls
    };
    let answered_ms = seen.iter().map(|seen| seen.seen_ms).max();
    Outcome {
        failures: failures(&seen),
        load_balancers: world.inventory().of(Kind::LoadBalancer).count(),
        claim_writes: claim_writes(&world),
        first_claim_writes,
        last_claim_writes: claim_writes(&world) - before_last,
        first_calls: calls_of(seen.first()),
        second_calls: calls_of(seen.get(1)),
        last_calls: calls_of(seen.last()),
        all_calls: world.history().calls().count(),
        throttled: world.account().throttled_calls(),
        slowest_s: seen.iter().map(Seen::seconds).max().unwrap_or_default(),
        simulated_s: answered_ms.unwrap_or(began_ms).saturating_sub(began_ms) / 1000,
        size,
    }
}

/// Creates the services with these numbers, each in a stack of its own, and waits until all is quiet.
fn created(world: &World, numbers: std::ops::Range<usize>, at_once: usize) -> Vec<Seen> {
    let maker = world.clone();
    let deployments = stream::iter(numbers).map(move |number| {
        let stack = maker.stack(&format!("app-{number}"));
        stack.deploy(Template::of(&web().named(&format!("web-{number}"))))
    });
    let outcomes: Vec<_> = world.block_on(deployments.buffer_unordered(at_once).collect());
    world.settle();
    world.block_on(world.sleep_s(REFILL_S));
    outcomes
        .into_iter()
        .flat_map(|outcome| outcome.seen)
        .collect()
}

fn failures(seen: &[Seen]) -> Vec<String> {
    seen.iter()
        .filter(|seen| !seen.is_success())
        .map(|seen| {
            format!(
                "{} of {}: {}",
                seen.request_type.as_str(),
                seen.stack,
                seen.reason
            )
        })
        .collect()
}

/// Writes of pools and their load balancers, carried out or refused.
fn claim_writes(world: &World) -> usize {
    let history = world.history();
    history
        .calls()
        .filter(|call| is_claim_write(&call.recorded))
        .count()
}

fn is_claim_write(call: &Recorded) -> bool {
    let is_of_pools = |key: &Value| {
        let key = key["pk"]["S"].as_str().unwrap_or_default();
        key.starts_with("pool#") || key.starts_with("load-balancer#")
    };
    match call.operation.as_str() {
        "UpdateItem" => is_of_pools(&call.input["Key"]),
        "TransactWriteItems" => {
            let writes = call.input["TransactItems"].as_array();
            writes.into_iter().flatten().any(|write| {
                is_of_pools(&write["Put"]["Item"]) || is_of_pools(&write["Update"]["Key"])
            })
        }
        _ => false,
    }
}
