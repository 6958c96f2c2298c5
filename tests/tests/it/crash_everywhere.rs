//! Every scenario, with a fault at every call of it, one at a time: the same end.

use std::time::Duration;

use express_tests::invariants::check_attempts_apart;
use express_tests::{Run, Scenario, StackStatus, World, web};
use local_aws::fault::{Fault, Rule};
use local_aws::wire::Service;

/// Runs the scenario once for each call that it makes, with `fault` at that call.
fn check(scenario: &Scenario, fault: Fault) {
    let clean = scenario.run();
    let calls = clean.world.history().calls().count();
    check_at(scenario, &clean, 0..calls, fault);
}

/// The same for each call that changes something, from the one with number `first` on: an attempt that dies at a look
/// leaves what one leaves that dies at the change before it.
fn check_changes_from(scenario: &Scenario, first: usize, fault: Fault) {
    let clean = scenario.run();
    let history = clean.world.history();
    let calls = history.calls().enumerate().skip(first);
    let changes: Vec<usize> = calls
        .filter(|(_, call)| {
            let recorded = &call.recorded;
            let is_of_ledger = recorded.service == Service::DynamoDb;
            recorded.mutates() || is_of_ledger && recorded.operation != "GetItem"
        })
        .map(|(number, _)| number)
        .collect();
    assert!(!changes.is_empty());
    check_at(scenario, &clean, changes, fault);
}

fn check_at(
    scenario: &Scenario,
    clean: &Run,
    numbers: impl IntoIterator<Item = usize>,
    fault: Fault,
) {
    for number in numbers {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        world.faults().add(Rule::once(None, number as u64, fault));
        let run = scenario.run_in(world);
        assert_eq!(run.world.faults().struck(), 1, "call {number}: {fault:?}");
        check_end(clean, &run, number);
        check_attempts_apart(&run.world);
        let after = run.world.inventory().without_what_stays();
        assert_eq!(
            before.diff(&after),
            Vec::<String>::new(),
            "call {number}: {fault:?}\n{}",
            run.trace()
        );
    }
}

/// Reads of EC2 and ECS that one attempt makes at most, about.
const READS_OF_AN_ATTEMPT: u64 = 20;

fn check_end(clean: &Run, run: &Run, number: usize) {
    assert_eq!(
        run.statuses(),
        clean.statuses(),
        "call {number}\n{}",
        run.trace()
    );
    assert!(
        run.statuses()
            .iter()
            .all(|status| *status != StackStatus::DeleteFailed)
    );
}

fn life() -> Scenario {
    Scenario::new()
        .create(web())
        .then_update(web().health_check_path("/up"))
        .then_delete()
}

/// A service that moves to a load balancer of its own, and the calls before it does.
fn moved_life() -> (Scenario, usize) {
    let created = Scenario::new().create(web()).then_settle();
    let calls = created.run().world.history().calls().count();
    let life = created
        .then_update(web().set("/LoadBalancer/Sharing", "DEDICATED"))
        .then_settle()
        .then_delete();
    (life, calls)
}

#[test]
fn a_move_ends_clean_when_the_function_dies_before_any_call() {
    let (life, first) = moved_life();
    check_changes_from(&life, first, Fault::CrashBefore);
}

#[test]
fn a_move_ends_clean_when_the_function_dies_after_any_call() {
    let (life, first) = moved_life();
    check_changes_from(&life, first, Fault::CrashAfter);
}

#[test]
fn a_move_ends_clean_when_any_call_lands_after_its_attempt_has_died() {
    let (life, first) = moved_life();
    check_changes_from(&life, first, Fault::LandLate);
}

#[test]
fn a_life_ends_clean_when_the_function_dies_before_any_call() {
    check(&life(), Fault::CrashBefore);
}

#[test]
fn a_life_ends_clean_when_the_function_dies_after_any_call() {
    check(&life(), Fault::CrashAfter);
}

#[test]
fn case_53_a_life_ends_clean_when_any_call_lands_after_its_attempt_has_died() {
    check(&life(), Fault::LandLate);
}

/// Attempts die at a call here and there, also while it is on its way, and whoever comes next has another time.
#[test]
fn case_54_clocks_that_differ_by_minutes_let_no_two_attempts_mutate() {
    const EVERY: usize = 5;
    let clean = life().run();
    for fault in [Fault::CrashAfter, Fault::LandLate] {
        let calls = clean.world.history().calls().count();
        for number in (0..calls).step_by(EVERY) {
            let world = World::new();
            world.clocks_differ_by(Duration::from_secs(300));
            let before = world.inventory().without_what_stays();
            world.faults().add(Rule::once(None, number as u64, fault));
            let run = life().run_in(world);
            let context = format!("call {number}: {fault:?}");
            assert_eq!(run.statuses(), clean.statuses(), "{context}");
            check_attempts_apart(&run.world);
            let after = run.world.inventory().without_what_stays();
            assert_eq!(before.diff(&after), Vec::<String>::new(), "{context}");
        }
    }
}

#[test]
fn a_life_ends_clean_when_any_answer_is_lost() {
    check(&life(), Fault::LoseAnswer);
}

#[test]
fn a_life_ends_clean_when_any_call_is_never_answered() {
    check(&life(), Fault::NoAnswer);
}

#[test]
fn case_62_a_life_ends_clean_when_any_eventually_consistent_read_is_old() {
    let clean = life().run();
    let mut played = 0;
    loop {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        // The first of them sees the present, those after it the same moment.
        let stale = Rule::once(None, played, Fault::StaleRead).times(READS_OF_AN_ATTEMPT);
        world.faults().add(stale);
        let run = life().run_in(world);
        if run.world.faults().struck() == 0 {
            break;
        }
        check_end(&clean, &run, played as usize);
        let after = run.world.inventory().without_what_stays();
        let left = before.diff(&after);
        assert!(left.is_empty(), "read {played}: {left:?}\n{}", run.trace());
        played += 1;
    }
    assert!(played > READS_OF_AN_ATTEMPT, "{played}");
}

#[test]
fn case_61_a_life_ends_clean_when_any_call_is_throttled() {
    check(&life(), Fault::Throttle);
}

#[test]
fn a_life_ends_clean_when_aws_fails_at_any_call() {
    check(&life(), Fault::ServerError);
}
