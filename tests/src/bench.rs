//! Calls of each operation, and how many of them came one after another, with the budgets.

pub mod scale;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde_json::Value;

use crate::cloudformation::request_of;
use crate::history::{AttemptEnd, Call, Event};
use crate::properties::{ServiceProperties, web};
use crate::scenario::Scenario;
use crate::world::World;
use express_core::claim::SEEN_AFTER_MS;

/// What one operation may cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// What is counted.
    pub counted: Counted,
    /// Calls at most; none if there is no budget.
    pub calls: Option<usize>,
    /// Of these, one after another at most.
    pub chain: Option<usize>,
    /// Mutations at most.
    pub mutations: Option<usize>,
}

/// Which calls of an operation are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// All: those of KMS, ledger, waiter and answer too.
    All,
    /// Those that only look.
    Reads,
    /// Those of the attempts up to the one that waits for the first deployment.
    UntilDeployed,
    /// Those of the attempts that end the operation: everything is looked at again, and answered.
    AfterDeployment,
}

/// No limit: printed, not judged.
const UNLIMITED: Budget = Budget {
    counted: Counted::All,
    calls: None,
    chain: None,
    mutations: None,
};
/// Create into a pool with room, until ECS deploys.
pub const CREATE: Budget = Budget {
    counted: Counted::UntilDeployed,
    calls: Some(32),
    chain: Some(13),
    mutations: None,
};
/// The end of a Create: a look at everything, the alarm, the answer.
const AFTER_DEPLOYMENT: Budget = Budget {
    counted: Counted::AfterDeployment,
    ..UNLIMITED
};
/// Update without a change.
pub const UNCHANGED: Budget = Budget {
    counted: Counted::Reads,
    calls: Some(20),
    chain: Some(3),
    mutations: Some(0),
};
/// Delete with one revision of the task definition: nine deletions, two looks before them (what can go at once,
/// and what can go only when the service is gone), a look at the revision's owner, and the calls of ledger, KMS,
/// waiter and answer.
pub const DELETE: Budget = Budget {
    counted: Counted::All,
    calls: Some(33),
    chain: None,
    mutations: None,
};
/// The last leaver also starts the pool's operation.
const LAST_DELETE: Budget = Budget {
    calls: Some(34),
    ..DELETE
};
/// The pool's own operation that closes a load balancer: before it is closed for good it must be seen that nobody
/// has rules or certificates on either listener, nor deletion protection.
pub const CLOSE: Budget = Budget {
    counted: Counted::All,
    calls: Some(14),
    chain: None,
    mutations: None,
};
/// Calls of one waiting attempt that does not look at everything.
pub const POLL_CALLS: usize = 2;

/// What one operation did cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cost {
    /// What was done.
    pub name: String,
    /// What it may cost.
    pub budget: Budget,
    /// Calls, without those of polls and without re-checks.
    pub calls: usize,
    /// Of these, one after another.
    pub chain: usize,
    /// Of these, that changed something outside the ledger.
    pub mutations: usize,
    /// Writes of the owner's record that only made sure that it is unchanged.
    pub rechecks: usize,
    /// Attempts that only waited.
    pub polls: usize,
    /// Calls of the dearest of them that did not look at everything again.
    pub poll_calls: usize,
}

impl Cost {
    /// Whether it is within its budget.
    #[must_use]
    pub fn is_within_budget(&self) -> bool {
        let within = |value: usize, most: Option<usize>| most.is_none_or(|most| value <= most);
        within(self.calls, self.budget.calls)
            && within(self.chain, self.budget.chain)
            && within(self.mutations, self.budget.mutations)
            && self.poll_calls <= POLL_CALLS
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limited = |value: usize, most: Option<usize>| match most {
            Some(most) => format!("{value}/{most}"),
            None => value.to_string(),
        };
        write!(
            formatter,
            "{:<36} {:>7} {:>7} {:>9} {:>8} {:>5} {:>10}  {}",
            self.name,
            limited(self.calls, self.budget.calls),
            limited(self.chain, self.budget.chain),
            limited(self.mutations, self.budget.mutations),
            self.rechecks,
            self.polls,
            self.poll_calls,
            if self.is_within_budget() {
                "ok"
            } else {
                "over"
            },
        )
    }
}

/// The line above the costs: `7/13` is seven of thirteen allowed.
#[must_use]
pub fn heading() -> String {
    format!(
        "{:<36} {:>7} {:>7} {:>9} {:>8} {:>5} {:>10}",
        "operation", "calls", "chain", "mutations", "rechecks", "polls", "calls/poll"
    )
}

/// One change of each kind that an Update can make in place.
fn updates() -> Vec<(&'static str, ServiceProperties)> {
    vec![
        (
            "Update of the image",
            web().image("public.ecr.aws/nginx/nginx:1.28"),
        ),
        (
            "Update of the environment",
            web().environment("MODE", "production"),
        ),
        (
            "Update of the port",
            web().set("/PrimaryContainer/ContainerPort", 8080),
        ),
        (
            "Update of the size",
            web().set("/Cpu", 512).set("/Memory", 1024),
        ),
        ("Update of the health check", web().health_check_path("/up")),
        (
            "Update of the scaling",
            web().set("/ScalingTarget/MaxTaskCount", 4),
        ),
        (
            "Update of the tags",
            web().set(
                "/Tags",
                serde_json::json!([{"Key": "team", "Value": "web"}]),
            ),
        ),
    ]
}

/// Runs each operation and counts.
#[must_use]
pub fn costs() -> Vec<Cost> {
    let mut costs = shared();
    for (name, properties) in updates() {
        let run = Scenario::new()
            .create(web())
            .then_settle()
            .then_update(properties)
            .run();
        let request_id = run.seen()[1].request_id.clone();
        costs.push(count(&run.world, name, UNLIMITED, &|input| {
            request_of(input).as_ref() == Some(&request_id)
        }));
    }
    costs
}

/// The life of a service beside another one, and then that one's end.
fn shared() -> Vec<Cost> {
    let world = World::new();
    let (first, second) = (world.stack("first"), world.stack("second"));
    let deploy = |stack: &crate::Stack, name: &str| {
        let outcome = stack.deploy_now(crate::Template::of(&web().named(name)));
        world.settle();
        outcome.first().request_id.clone()
    };
    let delete = |stack: &crate::Stack| {
        let outcome = stack.delete_now();
        world.settle();
        outcome.first().request_id.clone()
    };
    let opening = deploy(&first, "first");
    let create = deploy(&second, "second");
    // What was changed a moment ago would be waited for.
    world.block_on(world.sleep_s(SEEN_AFTER_MS / 1000));
    let unchanged = second.update_unchanged_now().first().request_id.clone();
    world.settle();
    let leaving = delete(&second);
    let last = delete(&first);
    let of = |name: &str, budget: Budget, request_id: &str| {
        count(&world, name, budget, &|input| {
            request_of(input).as_deref() == Some(request_id)
        })
    };
    let is_closing = |input: &Value| {
        input["operation"]
            .as_str()
            .is_some_and(|operation| operation.starts_with("pool-"))
    };
    vec![
        of("Create that opens a load balancer", UNLIMITED, &opening),
        of("Create into a pool with room", CREATE, &create),
        of("  after its deployment", AFTER_DEPLOYMENT, &create),
        of("Reads of an Update without a change", UNCHANGED, &unchanged),
        of("Delete", DELETE, &leaving),
        of("Delete as the last leaver", LAST_DELETE, &last),
        count(&world, "Closing a load balancer", CLOSE, &is_closing),
    ]
}

/// One attempt's calls and end.
#[derive(Default)]
struct Attempt {
    is_waiters: bool,
    calls: Vec<Call>,
    returned: Option<Value>,
}

fn count(world: &World, name: &str, budget: Budget, is_of: &dyn Fn(&Value) -> bool) -> Cost {
    let mut cost = Cost {
        name: name.to_owned(),
        budget,
        calls: 0,
        chain: 0,
        mutations: 0,
        rechecks: 0,
        polls: 0,
        poll_calls: 0,
    };
    for attempt in attempts(world, is_of).values() {
        if attempt.is_poll() {
            cost.polls += 1;
            // Every fifth looks at everything, load balancers as well.
            let is_full = |call: &Call| call.recorded.name().starts_with("elasticloadbalancing:");
            if !attempt.calls.iter().any(is_full) {
                cost.poll_calls = cost.poll_calls.max(attempt.calls.len());
            }
            continue;
        }
        let is_counted = match budget.counted {
            Counted::All | Counted::Reads => true,
            Counted::UntilDeployed => !attempt.is_waiters,
            Counted::AfterDeployment => attempt.is_waiters,
        };
        if !is_counted {
            continue;
        }
        let mut counted: Vec<&Call> = attempt.without_rechecks();
        cost.rechecks += attempt.calls.len() - counted.len();
        if budget.counted == Counted::Reads {
            counted.retain(|call| call.recorded.reads());
        }
        cost.calls += counted.len();
        cost.chain += counted
            .iter()
            .map(|call| call.round)
            .collect::<BTreeSet<_>>()
            .len();
        cost.mutations += counted
            .iter()
            .filter(|call| call.recorded.mutates())
            .count();
    }
    cost
}

fn attempts(world: &World, is_of: &dyn Fn(&Value) -> bool) -> BTreeMap<u64, Attempt> {
    let mut attempts: BTreeMap<u64, Attempt> = BTreeMap::new();
    for event in &world.history().events {
        match event {
            Event::Started { attempt, input, .. } if is_of(input) => {
                let is_waiters = input["operation"].is_string();
                attempts.insert(
                    *attempt,
                    Attempt {
                        is_waiters,
                        ..Attempt::default()
                    },
                );
            }
            Event::Called(call) => {
                if let Some(attempt) = attempts.get_mut(&call.attempt) {
                    attempt.calls.push((**call).clone());
                }
            }
            Event::Ended {
                attempt,
                end: AttemptEnd::Returned(value),
                ..
            } => {
                if let Some(attempt) = attempts.get_mut(attempt) {
                    attempt.returned = Some(value.clone());
                }
            }
            Event::Started { .. }
            | Event::Ended { .. }
            | Event::Sent { .. }
            | Event::Crashed { .. }
            | Event::Saw(_)
            | Event::WaiterEnded { .. } => {}
        }
    }
    attempts
}

impl Attempt {
    /// A call of the waiter that changed nothing and answered nobody: it waits, or finds that all is over.
    fn is_poll(&self) -> bool {
        let answered = |call: &Call| call.recorded.operation == "PutResponse";
        let changed = |call: &Call| call.recorded.mutates() && call.recorded.outcome.is_ok();
        self.is_waiters
            && self.returned.is_some()
            && !self
                .calls
                .iter()
                .any(|call| changed(call) || answered(call))
    }

    /// Without the writes of the owner's record that make sure, before each batch of changes, that nobody has
    /// ended the operation, and those that only did so.
    fn without_rechecks(&self) -> Vec<&Call> {
        let mut written: BTreeMap<String, Value> = BTreeMap::new();
        let mut counted = Vec::new();
        for (index, call) in self.calls.iter().enumerate() {
            if call.recorded.operation == "PutItem" {
                let mut item = call.recorded.input["Item"].clone();
                if let Some(members) = item.as_object_mut() {
                    members.shift_remove("revision");
                }
                let before = written.insert(item["pk"].to_string(), item.clone());
                if before == Some(item) || self.is_before_changes(index) {
                    continue;
                }
            }
            counted.push(call);
        }
        counted
    }

    /// Whether the next calls, which are made side by side, change something.
    fn is_before_changes(&self, index: usize) -> bool {
        let mut next = self.calls.iter().skip(index + 1).peekable();
        let round = next.peek().map(|call| call.round);
        next.take_while(|call| Some(call.round) == round)
            .any(|call| call.recorded.mutates())
    }
}
