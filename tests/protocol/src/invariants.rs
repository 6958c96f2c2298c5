//! What must hold: after every effect, and once all is at rest.

use crate::aws::DeploymentStatus;
use crate::effect::RequestId;
use crate::history::{Happening, Service};
use crate::ledger::{Ordinal, arn, host, service_of};
use crate::world::{Live, State, Touched};
use express_core::claim::RequestType;

/// Something that did not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's name.
    pub invariant: &'static str,
    /// What is wrong.
    pub problem: String,
}

/// What must hold after every effect. It is shown what the effect has touched, so that a check costs little.
pub struct Invariant {
    /// Its name.
    pub name: &'static str,
    check: fn(&State, &Touched) -> Result<(), String>,
}

/// What must hold once all is at rest.
pub struct AtRest {
    /// Its name.
    pub name: &'static str,
    check: fn(&State) -> Result<(), String>,
}

/// After every effect.
pub const INVARIANTS: [Invariant; 9] = [
    Invariant {
        name: "one answer to each request",
        check: one_answer,
    },
    Invariant {
        name: "a Delete succeeds only when its service is INACTIVE",
        check: inactive_at_success,
    },
    Invariant {
        name: "the provider goes only when nothing needs it",
        check: nothing_needs_the_provider,
    },
    Invariant {
        name: "what another owns is not changed",
        check: strangers_are_left_alone,
    },
    Invariant {
        name: "a service that serves is routed until its own Delete",
        check: live_services_stay,
    },
    Invariant {
        name: "what is made is known in the ledger",
        check: made_is_known,
    },
    Invariant {
        name: "no load balancer is over capacity",
        check: within_capacity,
    },
    Invariant {
        name: "one service to each slot",
        check: slots_are_unique,
    },
    Invariant {
        name: "nobody is on a CLOSED load balancer",
        check: closed_is_empty,
    },
];

/// Once all is at rest.
pub const AT_REST: [AtRest; 6] = [
    AtRest {
        name: "every request is answered in time",
        check: all_answered,
    },
    AtRest {
        name: "no operation is left open",
        check: nothing_open,
    },
    AtRest {
        name: "nothing in AWS is without an owner",
        check: nothing_orphaned,
    },
    AtRest {
        name: "nothing in the ledger is claimed for nobody",
        check: nothing_leaked,
    },
    AtRest {
        name: "what CloudFormation takes for existing is as asked for",
        check: live_services_converged,
    },
    AtRest {
        name: "as few load balancers as the services need",
        check: packed,
    },
];

/// Checks what an effect may have broken.
#[must_use]
pub fn after(state: &State, touched: &Touched) -> Option<Violation> {
    INVARIANTS.iter().find_map(|invariant| {
        let problem = (invariant.check)(state, touched).err()?;
        Some(Violation {
            invariant: invariant.name,
            problem,
        })
    })
}

/// Checks what is there in the end.
#[must_use]
pub fn at_rest(state: &State) -> Option<Violation> {
    // A restored table has lost what no protocol can know; the checks after each effect still hold.
    if state.is_restored {
        return None;
    }
    AT_REST.iter().find_map(|invariant| {
        let problem = (invariant.check)(state).err()?;
        Some(Violation {
            invariant: invariant.name,
            problem,
        })
    })
}

/// Once CloudFormation has asked for something else, or its time is up, it reads no answer: a late event may then be
/// refused that was answered otherwise in time.
fn one_answer(state: &State, touched: &Touched) -> Result<(), String> {
    let is_read = |id: &RequestId| {
        let request = state.request(*id);
        let is_newest = state.requests[id.stack].len() == id.number as usize + 1;
        is_newest && state.now_ms < request.sent_ms / 1000 * 1000 + request.timeout_s * 1000
    };
    let Some(id) = touched
        .answered
        .filter(|id| !state.is_restored && is_read(id))
    else {
        return Ok(());
    };
    let answers = &state.request(id).answers;
    match (answers.first(), answers.last()) {
        (Some(first), Some(last)) if first != last => {
            Err(format!("{id} was answered {first:?}, then {last:?}"))
        }
        _ => Ok(()),
    }
}

fn inactive_at_success(state: &State, touched: &Touched) -> Result<(), String> {
    let Some(id) = touched.answered else {
        return Ok(());
    };
    let request = state.request(id);
    let is_success = has_just_succeeded(state, id);
    let named = request.physical_id.as_deref().and_then(service_of);
    let (true, RequestType::Delete, Some(service), false) =
        (is_success, request.request_type, named, state.is_restored)
    else {
        return Ok(());
    };
    let found = state.aws.services.get(&service);
    match found.filter(|found| found.owner == id.stack) {
        Some(found)
            if found
                .drains_until_ms
                .is_none_or(|until_ms| until_ms > state.now_ms) =>
        {
            Err(format!("{id} succeeded while s{service} still drains"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Whether the first answer has come, and says SUCCESS: one that is sent again may land when much else has happened.
fn has_just_succeeded(state: &State, id: RequestId) -> bool {
    let request = state.request(id);
    let is_success = request.seen.as_ref().is_some_and(|seen| seen.is_success);
    is_success && request.answers.len() == 1
}

fn nothing_needs_the_provider(state: &State, touched: &Touched) -> Result<(), String> {
    let is_guard = |id: &RequestId| state.history.stacks[id.stack].is_provider;
    if !touched
        .answered
        .filter(is_guard)
        .is_some_and(|id| has_just_succeeded(state, id))
    {
        return Ok(());
    }
    for (stack, stored) in &state.ledger.owners {
        if let Some(service) = stored.record.services.keys().next() {
            return Err(format!("stack {stack} has {service}"));
        }
    }
    for (at, balancer) in &state.aws.load_balancers {
        if !balancer.rules.values().any(|rule| rule.of.is_none()) {
            return Err(format!("load balancer {at} is there"));
        }
    }
    Ok(())
}

fn strangers_are_left_alone(_: &State, touched: &Touched) -> Result<(), String> {
    for (service, owner) in touched.changed.iter().chain(&touched.removed) {
        if *owner != touched.actor {
            return Err(format!(
                "stack {} has touched s{service}, which is stack {owner}'s",
                touched.actor
            ));
        }
    }
    Ok(())
}

/// A restored table may have forgotten that CloudFormation was told of a service.
fn live_services_stay(state: &State, touched: &Touched) -> Result<(), String> {
    if state.is_restored {
        return Ok(());
    }
    for (service, owner) in &touched.removed {
        if state
            .live
            .get(service)
            .is_some_and(|live| live.stack == *owner)
        {
            return Err(format!("a part of s{service}, which serves, was removed"));
        }
    }
    Ok(())
}

fn made_is_known(state: &State, touched: &Touched) -> Result<(), String> {
    let Some((service, owner)) = touched.made.filter(|_| !state.is_restored) else {
        return Ok(());
    };
    let record = state.ledger.owners.get(&owner).map(|found| &found.record);
    if record.is_some_and(|record| record.services.contains_key(&arn(service))) {
        return Ok(());
    }
    Err(format!(
        "stack {owner} made a part of s{service}, of which its record knows nothing"
    ))
}

fn within_capacity(state: &State, touched: &Touched) -> Result<(), String> {
    let Some(at) = touched.at else {
        return Ok(());
    };
    let item = state.ledger.load_balancers.get(&at);
    let count = item.map_or(0, |item| item.members.len() as u64);
    if count <= state.history.capacity {
        return Ok(());
    }
    Err(format!("load balancer {at} has {count} members"))
}

fn slots_are_unique(state: &State, touched: &Touched) -> Result<(), String> {
    let Some((at, item)) = touched
        .at
        .and_then(|at| Some((at, state.ledger.load_balancers.get(&at)?)))
    else {
        return Ok(());
    };
    let mut slots: Vec<u64> = item.members.values().copied().collect();
    slots.sort_unstable();
    let is_unique = slots.windows(2).all(|pair| pair.first() != pair.last());
    let is_below = slots.iter().all(|slot| *slot < item.next_slot);
    if is_unique && is_below {
        return Ok(());
    }
    Err(format!("load balancer {at} has slots {slots:?}"))
}

fn closed_is_empty(state: &State, touched: &Touched) -> Result<(), String> {
    let item = touched
        .at
        .and_then(|at| state.ledger.load_balancers.get(&at));
    match item {
        Some(item) if !item.is_open && !item.members.is_empty() => {
            Err(format!("{:?} is CLOSED with members", touched.at))
        }
        Some(_) | None => Ok(()),
    }
}

fn requests(state: &State) -> impl Iterator<Item = (RequestId, &crate::world::Request)> {
    state.requests.iter().enumerate().flat_map(|(stack, all)| {
        all.iter().zip(0..).map(move |(request, number)| {
            let id = RequestId { stack, number };
            (id, request)
        })
    })
}

/// CloudFormation gives up by itself only when Lambda has, or when a request ended by a later one lost its courtesy.
fn all_answered(state: &State) -> Result<(), String> {
    for (id, request) in requests(state) {
        if request.is_dead_letter || loses_waiter(state, id) {
            continue;
        }
        let timeout_ms = request.sent_ms + request.timeout_s * 1000;
        let is_timed_out = request.given_up_ms.is_some_and(|at_ms| at_ms >= timeout_ms);
        if is_timed_out {
            return Err(format!("{id} was not answered in time"));
        }
        if request.answers.is_empty() && state.history.faults.is_empty() {
            return Err(format!("{id} was never answered"));
        }
    }
    Ok(())
}

/// Whether the waiter of a request is killed, and it takes until the event comes again.
fn loses_waiter(state: &State, id: RequestId) -> bool {
    state
        .history
        .happenings
        .iter()
        .any(|happening| match happening {
            Happening::WaiterDies { stack, request, .. } => {
                (*stack, *request) == (id.stack, id.number)
            }
            Happening::Sweep { .. } | Happening::ForeignRule { .. } | Happening::Restore { .. } => {
                false
            }
        })
}

/// Once the provider is deleted nobody is left to note that an answer was heard, or that nobody waits for it.
fn nothing_open(state: &State) -> Result<(), String> {
    for (stack, stored) in &state.ledger.owners {
        if let Some(open) = &stored.record.operation {
            let is_over = |id: RequestId| {
                let request = state.request(id);
                let is_known = request.seen.is_some() || request.given_up_ms.is_some();
                request.is_dead_letter || (state.is_provider_gone && is_known)
            };
            if !RequestId::parse(open.request_id.as_str()).is_some_and(is_over) {
                return Err(format!("{} of stack {stack} is open", open.request_id));
            }
        }
    }
    Ok(())
}

/// Whether Lambda has given up on a request of a stack: then nobody came back, and people have an alarm.
fn is_abandoned(state: &State, stack: usize) -> bool {
    state
        .requests
        .get(stack)
        .is_some_and(|requests| requests.iter().any(|request| request.is_dead_letter))
}

fn is_live(state: &State, service: Service, stack: usize) -> bool {
    let live = state.live.get(&service);
    live.is_some_and(|live| live.stack == stack) || is_abandoned(state, stack)
}

fn nothing_orphaned(state: &State) -> Result<(), String> {
    let orphan = |what: &str, service: Service, owner: usize| {
        if is_live(state, service, owner) {
            return Ok(());
        }
        Err(format!("{what} of s{service} is left of stack {owner}"))
    };
    for (service, found) in &state.aws.services {
        if found.drains_until_ms.is_none() {
            orphan("the ECS service", *service, found.owner)?;
        }
    }
    for (service, found) in &state.aws.groups {
        orphan("a target group", *service, found.owner)?;
    }
    for (at, balancer) in &state.aws.load_balancers {
        for of in balancer.rules.values().filter_map(|rule| rule.of) {
            orphan("a rule", of.service, of.owner)?;
        }
        let has_members = state
            .ledger
            .members(*at, None)
            .is_some_and(|members| members.count > 0);
        if !has_members && balancer.rules.is_empty() {
            return Err(format!("load balancer {at} is left empty"));
        }
    }
    Ok(())
}

fn nothing_leaked(state: &State) -> Result<(), String> {
    for (service, stack) in &state.ledger.services {
        if !is_live(state, *service, *stack) {
            return Err(format!("the name s{service} is claimed by stack {stack}"));
        }
    }
    for (name, stack) in &state.ledger.hosts {
        let mut served = state.live.iter();
        let is_used = served.any(|(service, live)| host(*service) == *name && live.stack == *stack);
        if !is_used && !is_abandoned(state, *stack) {
            return Err(format!(
                "the host name of s{name} is claimed by stack {stack}"
            ));
        }
    }
    for (at, item) in &state.ledger.load_balancers {
        for (member, owner) in &item.owners {
            let (Some(service), Ok(stack)) = (service_of(member), owner.parse()) else {
                continue;
            };
            let is_here = state
                .aws
                .rule_of(service)
                .is_some_and(|rule| rule.ordinal == *at);
            let is_held = is_live(state, service, stack) && is_here;
            if !is_held && !is_abandoned(state, stack) {
                return Err(format!("{member} of stack {stack} holds a slot on {at}"));
            }
        }
    }
    for (stack, stored) in &state.ledger.owners {
        for service in stored
            .record
            .services
            .keys()
            .filter_map(|arn| service_of(arn))
        {
            if !is_live(state, service, *stack) {
                return Err(format!("stack {stack} is recorded with s{service}"));
            }
        }
    }
    Ok(())
}

fn live_services_converged(state: &State) -> Result<(), String> {
    for (service, live) in &state.live {
        if !is_abandoned(state, live.stack) {
            converged(state, *service, *live)?;
        }
    }
    Ok(())
}

/// Planning it again yields nothing: everything is there, once, and where the ledger says.
fn converged(state: &State, service: Service, live: Live) -> Result<(), String> {
    let stack = live.stack;
    let found = state.aws.services.get(&service);
    let Some(found) = found.filter(|found| found.owner == stack && found.drains_until_ms.is_none())
    else {
        return Err(format!("s{service} of stack {stack} does not exist"));
    };
    let status = found.deployment.status(state.now_ms);
    let serves = match status {
        DeploymentStatus::Successful => Some(found.deployment.version),
        DeploymentStatus::Running | DeploymentStatus::Failed => found.serves,
    };
    if live.version.is_some_and(|version| serves != Some(version)) {
        return Err(format!(
            "s{service} serves {serves:?}, asked was {:?}",
            live.version
        ));
    }
    let groups = state.aws.groups.get(&service).map(|groups| groups.id);
    let placed = state.aws.rule_of(service);
    let Some(placed) = placed.filter(|placed| placed.rule.of.map(|of| of.groups) == groups) else {
        return Err(format!("s{service} has no rule"));
    };
    let record = state.ledger.owners.get(&stack);
    let recorded = record.and_then(|found| found.record.services.get(&arn(service))?.slot.clone());
    let members = state.ledger.members(placed.ordinal, Some(service));
    let is_placed = recorded.is_some_and(|slot| {
        slot.pool_id.parse() == Ok(placed.ordinal.pool)
            && (slot.ordinal, slot.number) == (placed.ordinal.number, placed.slot)
    });
    if !is_placed || members.and_then(|members| members.own_slot) != Some(placed.slot) {
        return Err(format!("s{service} has a rule where it has no slot"));
    }
    if state.ledger.hosts.get(&host(service)) != Some(&stack) {
        return Err(format!(
            "stack {stack} does not hold the host name of s{service}"
        ));
    }
    if state.ledger.services.get(&service) != Some(&stack) {
        return Err(format!("stack {stack} does not hold the name s{service}"));
    }
    Ok(())
}

/// Services that were made without deletes in between are packed.
fn packed(state: &State) -> Result<(), String> {
    for pool in state.ledger.pools.keys() {
        if state.releases.contains_key(pool) {
            continue;
        }
        let in_pool = |at: &Ordinal| at.pool == *pool;
        let items = state.ledger.load_balancers.iter();
        let members: u64 = items
            .filter(|(at, _)| in_pool(at))
            .map(|(_, item)| item.members.len() as u64)
            .sum();
        let balancers = state.aws.load_balancers.keys().filter(|at| in_pool(at));
        let count = balancers.count() as u64;
        if count > members.div_ceil(state.history.capacity) {
            return Err(format!(
                "{members} services of pool {pool} are on {count} load balancers"
            ));
        }
    }
    Ok(())
}
