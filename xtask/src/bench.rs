//! `cargo xtask bench`: what is measured against the budgets of the design, and printed.
//!
//! Calls are exact, so one too many is a failure. Times are not: a busy machine is no bug, and nobody's test.

mod init;

use anyhow::{Context, ensure};
use clap::Subcommand;

use crate::cargo::cargo;

#[derive(Subcommand)]
pub enum Bench {
    /// AWS calls of each operation; needs seconds.
    Calls,
    /// 1,000 services created by 50 at a time, under AWS's token buckets; needs minutes.
    Scale,
    /// Size and start of the release binary, which is built first; that needs minutes.
    Init,
}

pub fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Calls => run_bench("bench-calls"),
        Bench::Scale => run_bench("bench-scale"),
        Bench::Init => init::run(),
    }
}

/// Runs a benchmark of the package `express-tests`.
fn run_bench(program: &str) -> anyhow::Result<()> {
    run_cargo(&[
        "run",
        "--quiet",
        "--package",
        "express-tests",
        "--bin",
        program,
    ])
}

fn run_cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let status = cargo()?.args(arguments).status();
    let status = status.context("cannot run cargo")?;
    ensure!(status.success(), "cargo failed: {status}");
    Ok(())
}
