//! Mutants of `express-handler` where the protocol is carried out, tried with its own tests and the integration tests.
//!
//! `cargo-mutants` makes them in a copy of the workspace that is built in the workspace's target directory ([`copy`]): in
//! a directory of its own it would build the AWS SDK first.

use std::process::Command;

use super::copy;
use super::selection::{self, Selection};
use crate::{demo, root, tools};

/// Where the protocol is carried out.
const FILES: [&str; 12] = [
    "handler/src/guard.rs",
    "handler/src/guard/**",
    "handler/src/ledger.rs",
    "handler/src/ledger/**",
    "handler/src/operation.rs",
    "handler/src/operation/**",
    "handler/src/apply.rs",
    "handler/src/apply/**",
    "handler/src/pool_operation.rs",
    "handler/src/request.rs",
    "handler/src/request/**",
    "handler/src/waiter.rs",
];
/// Whose tests try them: what the stand-in for AWS never answers is tried by the handler's own.
const TESTS: [&str; 2] = ["express-handler", "express-tests"];
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
        .args(["--in-place"])
        .args(TESTS.iter().flat_map(|package| ["--test-package", package]))
        .args(["--timeout-multiplier", TESTS_TIMES_MAX])
        .arg("--output")
        .arg(demo::target()?)
        // Of the packages' programs only these are built.
        .args(["--cargo-arg=--lib", "--cargo-arg=--test=it", "--", "--"])
        .args(SKIPPED.iter().flat_map(|name| ["--skip", name]));
    copy::build_in(&mut mutants, &copy::mirrored()?)?;
    let tried = selection::run(&mut mutants);
    // One that was interrupted is still in the copy.
    copy::mirrored()?;
    tried
}
