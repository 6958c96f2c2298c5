//! Mutants of `express-handler` where the protocol is carried out, tried with the integration tests.
//!
//! `cargo-mutants` makes them in a copy of the workspace that is built in the workspace's target directory ([`copy`]): in
//! a directory of its own it would build the AWS SDK first.

use std::process::Command;

use super::copy;
use super::selection::{self, Selection};
use crate::{demo, root, tools};

/// Where the protocol is carried out.
const FILES: [&str; 9] = [
    "handler/src/ledger.rs",
    "handler/src/ledger/**",
    "handler/src/operation.rs",
    "handler/src/operation/**",
    "handler/src/apply.rs",
    "handler/src/apply/**",
    "handler/src/pool_operation.rs",
    "handler/src/request.rs",
    "handler/src/request/**",
];
/// Integration tests that take minutes, or that the handler's code cannot fail.
const SKIPPED: [&str; 3] = ["crash_everywhere", "simulation", "templates"];
/// How many times as long as without a mutant the tests may take before it counts as noticed.
const TESTS_TIMES_MAX: &str = "3";

pub fn run(selection: &Selection) -> anyhow::Result<()> {
    let mut mutants = Command::new(tools::cargo_mutants()?);
    mutants.args(["mutants", "--package", "express-handler"]);
    selection.ask(&mut mutants, &FILES);
    if selection.list {
        mutants.current_dir(root()?);
        return selection::run(&mut mutants);
    }
    mutants
        .args(["--in-place", "--test-package", "express-tests"])
        .args(["--timeout-multiplier", TESTS_TIMES_MAX])
        .arg("--output")
        .arg(demo::target()?)
        // Of the package's programs only this one is built.
        .args(["--cargo-arg=--test=it", "--", "--"])
        .args(SKIPPED.iter().flat_map(|name| ["--skip", name]));
    copy::build_in(&mut mutants, &copy::mirrored()?)?;
    let tried = selection::run(&mut mutants);
    // One that was interrupted is still in the copy.
    copy::mirrored()?;
    tried
}
