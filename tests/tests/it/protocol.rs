//! The simulator of the protocol repeats the handler's order of calls by hand. Here both play the same life.

use std::collections::BTreeSet;
use std::rc::Rc;

use express_protocol::history::{self, Act, Change, FaultKind, Script, UndoneBy};
use express_protocol::{History, Options, World as Protocol};
use express_tests::history::{Call, Event};
use express_tests::{Scenario, StackStatus, World, web};
use local_aws::fault::{Fault, Rule};

/// Calls by which attempts, their successors and other owners know of each other, and what they are made around; in the
/// simulator's words. The others are looks, or parts that it does not have.
const STEPS: [&str; 11] = [
    "PutOwner",
    "StartWaiter",
    "OpenPool",
    "Claim",
    "Release",
    "CreateLoadBalancer",
    "CreateRule",
    "CreateService",
    "DeleteRule",
    "DeleteService",
    "Answer",
];
/// Calls of the first attempt among which that of the crash is.
const CALLS_MAX: u32 = 40;

fn step(name: &str) -> Option<&'static str> {
    STEPS.into_iter().find(|step| *step == name)
}

/// The step that a call of the handler is.
fn step_of(call: &Call) -> Option<&'static str> {
    let (name, input) = (call.recorded.name(), call.recorded.input.to_string());
    match name.as_str() {
        "dynamodb:PutItem" => step("PutOwner"),
        "dynamodb:TransactWriteItems" if input.contains("owner#") => step("PutOwner"),
        "dynamodb:TransactWriteItems" => step("OpenPool"),
        "dynamodb:UpdateItem" if input.contains("REMOVE members") => step("Release"),
        "dynamodb:UpdateItem" if input.contains("SET members") => step("Claim"),
        "states:StartExecution" => step("StartWaiter"),
        "cloudformation:PutResponse" => step("Answer"),
        _ => step(name.split(':').nth(1)?),
    }
}

/// Writes of the record one after another count as one: how many steps go into one batch is not the protocol's.
fn without_repeats(steps: impl Iterator<Item = &'static str>) -> Vec<&'static str> {
    let mut steps: Vec<&str> = steps.collect();
    steps.dedup_by(|next, one| next == one && *one == "PutOwner");
    steps
}

/// A Create that dies with its claim just made, and a Delete; as the handler does it.
fn by_the_handler() -> Vec<&'static str> {
    let world = World::new();
    let claim = Rule::once(Some("dynamodb:UpdateItem"), 0, Fault::CrashAfter);
    world.faults().add(claim);
    let life = Scenario::new().create(web()).then_settle().then_delete();
    let run = life.run_in(world);
    let complete = [StackStatus::CreateComplete, StackStatus::DeleteComplete];
    assert_eq!(run.statuses(), complete);
    let history = run.world.history();
    let of_pools = history.events.iter().filter_map(|event| match event {
        Event::Started { attempt, input, .. } => {
            let operation = input["operation"].as_str()?;
            operation.starts_with("pool-").then_some(*attempt)
        }
        _ => None,
    });
    let of_pools: BTreeSet<u64> = of_pools.collect();
    let calls = history.calls();
    without_repeats(
        calls
            .filter(|call| !of_pools.contains(&call.attempt))
            .filter_map(step_of),
    )
}

/// The same by the simulator, when the first attempt dies after call number `call`.
fn by_the_protocol(call: u32) -> Vec<String> {
    let act = |change| Act {
        after_ms: 0,
        change,
        cancelled_after_ms: None,
        sibling_fails: false,
        undone_by: UndoneBy::DeleteAnsweredId,
        timeout_s: 3_600,
        duplicates_ms: Vec::new(),
    };
    let deployment = history::Deployment {
        takes_ms: 60_000,
        succeeds: true,
    };
    let properties = history::Properties {
        service: 0,
        version: 0,
        deployment,
    };
    let stack = Script {
        is_provider: false,
        pool: 0,
        acts: vec![act(Change::Deploy(properties)), act(Change::Delete)],
    };
    let crash = history::Fault {
        stack: 0,
        request: 0,
        invocation: 0,
        call,
        kind: FaultKind::CrashAfter,
    };
    let history = History {
        seed: 1,
        capacity: 25,
        stacks: vec![stack],
        faults: vec![crash],
        happenings: Vec::new(),
    };
    let options = Options {
        traces: true,
        ..Options::default()
    };
    let outcome = Protocol::run(&Rc::new(history), options);
    assert!(outcome.violation.is_none(), "{:?}", outcome.violation);
    outcome.trace
}

/// The step that a line of the simulator's trace says: `<time> stack 0   <call> -> <answer>`.
fn step_in(line: &str) -> Option<&'static str> {
    let mut words = line.split_whitespace().skip(1);
    let is_landing = words.next() == Some("stack") && line.contains(" -> ");
    let call = words.nth(1).filter(|_| is_landing)?;
    step(call.split(|letter: char| !letter.is_alphabetic()).next()?)
}

#[test]
fn handler_and_simulator_make_the_calls_of_a_life_with_a_crash_in_the_same_order() {
    let traces = (0..CALLS_MAX).map(by_the_protocol);
    let dies_at_claim = |line: &String| line.contains("CrashAfter at Claim(");
    let mut traces = traces.filter(|trace| trace.iter().any(dies_at_claim));
    let trace = traces.next().expect("a claim");
    let by_the_protocol = without_repeats(trace.iter().filter_map(|line| step_in(line)));
    assert_eq!(by_the_handler(), by_the_protocol, "{}", trace.join("\n"));
}
