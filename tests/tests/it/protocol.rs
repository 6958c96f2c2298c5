//! The simulator of the protocol repeats the handler's order of calls by hand. Here both play the same life.

use std::rc::Rc;

use express_core::claim::OwnerRecord;
use express_protocol::history::{self, Act, Change, FaultKind, Script, UndoneBy};
use express_protocol::{History, Options, World as Protocol};
use express_tests::history::Call;
use express_tests::{Scenario, StackStatus, World, web};
use local_aws::fault::{Fault, Rule};

/// Calls that both make under one name, but for those below: the others are looks, and parts that the simulator lacks.
const SAME_NAME: [&str; 5] = [
    "CreateLoadBalancer",
    "CreateRule",
    "CreateService",
    "DeleteRule",
    "DeleteService",
];
/// Calls of the first attempt among which that of the crash is.
const CALLS_MAX: u32 = 40;

/// A write of the owner's record, by what it says; who writes it and how often depends on the attempts.
fn written(is_open: bool, is_decided: bool, place: &str, is_answered: bool) -> String {
    format!("PutOwner open={is_open} decided={is_decided} place={place} answered={is_answered}")
}

/// The step that a call of the handler is.
fn step_of(call: &Call) -> Option<String> {
    let (name, input) = (call.recorded.name(), &call.recorded.input);
    let transacted = &input["TransactItems"][0]["Put"]["Item"];
    let record = [&input["Item"], transacted].map(|item| item["record"]["S"].as_str());
    if let Some(record) = record.into_iter().flatten().next() {
        let record: OwnerRecord = serde_json::from_str(record).unwrap();
        let service = record.services.values().next();
        let place = match service.map(|it| (&it.claiming_in, &it.slot)) {
            Some((_, Some(_))) => "slot",
            Some((Some(_), None)) => "claiming",
            Some((None, None)) | None => "none",
        };
        let operation = record.operation.as_ref();
        let is_decided = operation.is_some_and(|it| it.answer.is_some());
        let is_answered = service.is_some_and(|it| it.is_answered);
        return Some(written(operation.is_some(), is_decided, place, is_answered));
    }
    let expression = input["UpdateExpression"].as_str().unwrap_or_default();
    let step = match name.as_str() {
        "dynamodb:TransactWriteItems" => "OpenPool",
        "dynamodb:UpdateItem" if expression.starts_with("SET members") => "Claim",
        "dynamodb:UpdateItem" if expression.starts_with("REMOVE members") => "Release",
        "states:StartExecution" => "StartWaiter",
        "cloudformation:PutResponse" => "Answer",
        name => SAME_NAME.into_iter().find(|same| name.ends_with(same))?,
    };
    Some(step.to_owned())
}

/// The step that a line of the simulator's trace says: `<time> stack 0   <call> -> <answer>`.
fn step_in(line: &str) -> Option<String> {
    let (_, call) = line.split_once(" stack 0 ")?;
    let (call, _) = call.trim_start().split_once(" -> ")?;
    let name = call.split(|letter: char| !letter.is_alphabetic()).next()?;
    if name == "PutOwner" {
        let service = call.split_once(" has s0").map(|(_, service)| service);
        let place = match service.and_then(|it| it.split_once('@')) {
            Some((_, place)) if place.starts_with("0?") => "claiming",
            Some(_) => "slot",
            None => "none",
        };
        let is_open = call.contains(" r0-");
        let is_answered = service.is_some_and(|it| !it.starts_with('?'));
        return Some(written(
            is_open,
            call.contains(" answer "),
            place,
            is_answered,
        ));
    }
    let others = ["OpenPool", "Claim", "Release", "StartWaiter", "Answer"];
    let mut names = SAME_NAME.into_iter().chain(others);
    names.find(|known| *known == name).map(str::to_owned)
}

/// A Create that dies with its claim just made, and a Delete; as the handler does it.
fn by_the_handler() -> Vec<String> {
    let world = World::new();
    let claim = Rule::once(Some("dynamodb:UpdateItem"), 0, Fault::CrashAfter);
    world.faults().add(claim);
    let life = Scenario::new().create(web()).then_settle().then_delete();
    let run = life.run_in(world);
    let complete = [StackStatus::CreateComplete, StackStatus::DeleteComplete];
    assert_eq!(run.statuses(), complete);
    let history = run.world.history();
    history.calls().filter_map(step_of).collect()
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

#[test]
fn handler_and_simulator_make_the_calls_of_a_life_with_a_crash_in_the_same_order() {
    let dies_at_claim = |line: &String| line.contains("CrashAfter at Claim(");
    let mut traces = (0..CALLS_MAX).map(by_the_protocol);
    let trace = traces.find(|trace| trace.iter().any(dies_at_claim));
    let trace = trace.expect("a claim");
    let mut by_the_protocol: Vec<String> = trace.iter().filter_map(|line| step_in(line)).collect();
    let mut by_the_handler = by_the_handler();
    by_the_protocol.dedup();
    by_the_handler.dedup();
    assert_eq!(by_the_handler, by_the_protocol, "{}", trace.join("\n"));
}
