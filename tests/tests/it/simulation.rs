//! Random histories, always the same ones; `cargo xtask simulate full` plays fresh ones.

use express_tests::simulation::{check, generate};

/// Histories that are played here: seconds. More are played by `cargo xtask test`.
const HISTORIES: u64 = 24;
/// The first one's seed.
const FIRST_SEED: u64 = 1;

#[test]
fn case_59_histories_of_many_stacks_end_clean() {
    for seed in FIRST_SEED..FIRST_SEED + HISTORIES {
        let history = generate(seed);
        if let Err(violation) = check(&history) {
            panic!(
                "{history}\n{}\nagain: cargo xtask simulate full --replay {seed}",
                violation.text
            );
        }
    }
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
