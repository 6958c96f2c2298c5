//! Every scenario, with a fault at every call of it, one at a time: the same end.

use express_tests::{Run, Scenario, StackStatus, World, web};
use local_aws::fault::{Fault, Rule};

/// Runs the scenario once for each call that it makes, with `fault` at that call.
fn check(scenario: &Scenario, fault: Fault) {
    let clean = scenario.run();
    let calls = clean.world.history().calls().count();
    assert!(calls > 0);
    for number in 0..calls {
        let world = World::new();
        let before = world.inventory().without_what_stays();
        world.faults().add(Rule::once(None, number as u64, fault));
        let run = scenario.run_in(world);
        assert_eq!(run.world.faults().struck(), 1, "call {number}: {fault:?}");
        check_end(&clean, &run, number);
        let after = run.world.inventory().without_what_stays();
        assert_eq!(
            before.diff(&after),
            Vec::<String>::new(),
            "call {number}: {fault:?}\n{}",
            run.trace()
        );
    }
}

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

#[test]
fn a_life_ends_clean_when_any_answer_is_lost() {
    check(&life(), Fault::LoseAnswer);
}

#[test]
fn case_61_a_life_ends_clean_when_any_call_is_throttled() {
    check(&life(), Fault::Throttle);
}

#[test]
fn a_life_ends_clean_when_aws_fails_at_any_call() {
    check(&life(), Fault::ServerError);
}
