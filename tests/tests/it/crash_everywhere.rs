//! A life, a cancelled Create and a move, with trouble at their calls, one at a time. `cargo xtask simulate everywhere`
//! does so with all journeys.

use std::time::Duration;

use expect_test::expect;
use express_tests::World;
use express_tests::everywhere::{Clean, JOURNEYS, Journey, Met, Trouble, life};
use express_tests::invariants::check_attempts_apart;
use local_aws::fault::{Fault, Rule};

/// A move has three times the calls of a life: one in so many is struck.
const EVERY_OF_A_MOVE: u64 = 7;

fn check(journey: &str, trouble: Trouble, every: u64) {
    let clean = Clean::of(Journey::named(journey).unwrap());
    let clean = clean.unwrap_or_else(|violation| panic!("{}", violation.text));
    let mut struck = 0;
    for call in clean.calls(0, every) {
        match clean.with(trouble, call) {
            Ok(Met::Struck) => struck += 1,
            Ok(Met::Spared) => {}
            Err(violation) => panic!("{}", violation.text),
        }
    }
    assert!(struck > 0, "{trouble} struck nowhere");
}

#[test]
fn without_trouble_every_journey_ends_as_it_is_meant_to() {
    let ends: String = JOURNEYS
        .iter()
        .map(|journey| {
            let clean = Clean::of(journey);
            let clean = clean.unwrap_or_else(|violation| panic!("{}", violation.text));
            format!("{}: {:?}\n", journey.name, clean.statuses())
        })
        .collect();
    expect![[r#"
        life: [CreateComplete, UpdateComplete, DeleteComplete]
        deployment: [CreateComplete, UpdateComplete, DeleteComplete]
        port: [CreateComplete, UpdateComplete, DeleteComplete]
        rolling: [CreateComplete, UpdateComplete, DeleteComplete]
        test-traffic: [CreateComplete, UpdateComplete, DeleteComplete]
        lifecycle-hook: [CreateComplete, UpdateComplete, DeleteComplete]
        certificate: [CreateComplete, UpdateComplete, DeleteComplete]
        create-fails: [RollbackComplete]
        create-cancelled: [RollbackComplete]
        create-undone: [RollbackComplete]
        update-fails: [CreateComplete, UpdateRollbackComplete, DeleteComplete]
        update-cancelled: [CreateComplete, UpdateRollbackComplete, DeleteComplete]
        replaced: [CreateComplete, UpdateComplete, DeleteComplete]
        replaced-with-events-twice: [CreateComplete, UpdateComplete, DeleteComplete]
        create-cancelled-with-events-twice: [RollbackComplete]
        replacement-fails-and-is-deleted: [CreateComplete, UpdateRollbackComplete, DeleteComplete]
        replacement-fails-and-is-undone: [CreateComplete, UpdateRollbackComplete, DeleteComplete]
        two-services: [CreateComplete, UpdateComplete, DeleteComplete]
        two-load-balancers: [CreateComplete, UpdateComplete, DeleteComplete]
        events-twice: [CreateComplete, UpdateComplete, DeleteComplete]
        dedicated: [CreateComplete, DeleteComplete]
        internal: [CreateComplete, DeleteComplete]
        moved-to-its-own: [CreateComplete, UpdateComplete, DeleteComplete]
        moved-inside: [CreateComplete, UpdateComplete, DeleteComplete]
        move-cancelled: [CreateComplete, UpdateRollbackComplete, DeleteComplete]
    "#]]
    .assert_eq(&ends);
}

fn check_life(trouble: Trouble) {
    check("life", trouble, 1);
}

#[test]
fn a_life_ends_clean_when_the_function_dies_before_any_call() {
    check_life(Trouble::DiesBefore);
}

#[test]
fn a_life_ends_clean_when_the_function_dies_after_any_call() {
    check_life(Trouble::DiesAfter);
}

#[test]
fn case_53_a_life_ends_clean_when_any_call_lands_after_its_attempt_has_died() {
    check_life(Trouble::LandsLate);
}

#[test]
fn case_53_a_cancelled_create_ends_clean_when_any_call_lands_during_its_delete() {
    check("create-cancelled", Trouble::LandsLate, 1);
}

#[test]
fn case_53_a_life_ends_clean_when_any_call_lands_after_its_attempt_has_given_up() {
    check_life(Trouble::LandsAfter);
}

#[test]
fn case_53_a_cancelled_create_ends_clean_when_any_call_lands_after_its_attempt_has_given_up() {
    check("create-cancelled", Trouble::LandsAfter, 1);
}

#[test]
fn a_life_ends_clean_when_an_attempt_is_held_up_at_any_call_until_its_time_is_over() {
    check_life(Trouble::OutlastsTheAttempt);
}

#[test]
fn a_life_ends_clean_when_any_answer_is_lost() {
    check_life(Trouble::LosesAnswer);
}

#[test]
fn a_life_ends_clean_when_any_call_is_never_answered() {
    check_life(Trouble::Hangs);
}

#[test]
fn a_life_ends_clean_when_nothing_is_answered_any_more_from_any_call_on() {
    check_life(Trouble::HangsLong);
}

#[test]
fn case_61_a_life_ends_clean_when_any_call_is_throttled() {
    check_life(Trouble::Throttled);
}

#[test]
fn case_61_a_life_ends_clean_when_calls_are_throttled_for_longer_than_the_sdk_tries() {
    check_life(Trouble::ThrottledLong);
}

#[test]
fn a_life_ends_clean_when_aws_fails_at_any_call() {
    check_life(Trouble::Fails);
}

#[test]
fn a_life_ends_clean_when_aws_fails_for_longer_than_the_sdk_tries() {
    check_life(Trouble::FailsLong);
}

#[test]
fn case_62_a_life_ends_clean_when_any_eventually_consistent_read_is_old() {
    check_life(Trouble::ReadsOld);
}

#[test]
fn case_19_a_life_leaves_nothing_when_any_call_is_denied() {
    check_life(Trouble::Denied);
}

#[test]
fn a_life_ends_clean_when_every_change_from_any_on_has_its_effect_twice() {
    check_life(Trouble::Doubled);
}

#[test]
fn a_move_ends_clean_when_the_function_dies_before_a_call() {
    check("moved-to-its-own", Trouble::DiesBefore, EVERY_OF_A_MOVE);
}

#[test]
fn a_move_ends_clean_when_the_function_dies_after_a_call() {
    check("moved-to-its-own", Trouble::DiesAfter, EVERY_OF_A_MOVE);
}

#[test]
fn a_move_ends_clean_when_a_call_lands_after_its_attempt_has_died() {
    check("moved-to-its-own", Trouble::LandsLate, EVERY_OF_A_MOVE);
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
