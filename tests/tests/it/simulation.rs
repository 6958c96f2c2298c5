//! Random histories, always the same ones; `cargo xtask simulate full` plays fresh ones.

use std::path::Path;

use expect_test::expect_file;
use express_protocol::seeds;
use express_tests::simulation::{
    LATER_CHANGES_FROM, NEWEST_FROM, PRESERVING_FROM, TAKEN_BACK_FROM, check, generate,
};

/// Histories that are played here: seconds. More are played by `cargo xtask test`.
const HISTORIES: u64 = 24;
/// The first one's seed.
const FIRST_SEED: u64 = 1;
/// Histories that also have what the first seeds do not know, of each time when something was added.
const LATER_HISTORIES: u64 = 8;
/// Seeds that found something once.
const REGRESSIONS: &str = include_str!("../../simulation_regressions.txt");

#[test]
fn case_59_histories_of_many_stacks_end_clean() {
    let first = FIRST_SEED..FIRST_SEED + HISTORIES;
    let later = [
        LATER_CHANGES_FROM,
        NEWEST_FROM,
        TAKEN_BACK_FROM,
        PRESERVING_FROM,
    ]
    .map(|from| from..from + LATER_HISTORIES);
    for seed in first.chain(later.into_iter().flatten()) {
        let history = generate(seed);
        if let Err(violation) = check(&history) {
            panic!(
                "{history}\n{}\nagain: cargo xtask simulate full --replay {seed}",
                violation.text
            );
        }
    }
}

/// What is played with every change of the project knows all that histories may have.
#[test]
fn the_fixed_seeds_have_what_was_added_last() {
    let tasks = include_str!("../../../xtask/src/simulate.rs");
    let named = format!("FIXED_SEED_OF_ALL: &str = \"{PRESERVING_FROM}\"");
    assert!(tasks.contains(&named), "{named}");
}

#[test]
fn a_seed_gives_the_same_history_and_the_same_trace_each_time() {
    for seed in [3, 5] {
        let history = generate(seed);
        assert_eq!(history, generate(seed));
        let trace = || check(&history).map(|played| played.trace());
        assert_eq!(trace(), trace(), "seed {seed}");
    }
}

#[test]
fn seeds_that_found_something_mean_the_histories_in_which_they_found_it() {
    let seeds = seeds::parse("tests/simulation_regressions.txt", REGRESSIONS).unwrap();
    let histories: String = seeds
        .into_iter()
        .map(|seed| format!("{}\n", generate(seed)))
        .collect();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("golden/regression_histories.txt");
    expect_file![golden].assert_eq(&histories);
}
