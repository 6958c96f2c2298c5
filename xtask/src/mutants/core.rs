//! All mutants of `express-core`, by `cargo-mutants`; there are almost 1,400. What is known to make no
//! difference is in `.cargo/mutants.toml`, with the reason.

use std::process::Command;

use super::selection::{self, Selection};
use crate::{demo, root, tools};

/// Seconds that the tests may take with a mutant before it counts as noticed; without one they take two.
const TESTS_S_MAX: &str = "120";

pub fn run(selection: &Selection) -> anyhow::Result<()> {
    let mut mutants = Command::new(tools::cargo_mutants()?);
    mutants
        .current_dir(root()?)
        .args(["mutants", "--package", "express-core", "--jobs", "1"])
        .args(["--timeout", TESTS_S_MAX])
        // The mutants are built in a copy of the workspace; here their build would disturb that of the others.
        .env_remove("CARGO_TARGET_DIR")
        .arg("--output")
        .arg(demo::target()?);
    selection.ask(&mut mutants, &[]);
    selection::run(&mut mutants)
}
