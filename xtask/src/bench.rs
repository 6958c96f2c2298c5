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
    /// Size and start of the release binary, which is built first; that needs minutes.
    Init,
}

pub fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Calls => run_cargo(&[
            "run",
            "--quiet",
            "--package",
            "express-tests",
            "--bin",
            "bench-calls",
        ]),
        Bench::Init => init::run(),
    }
}

fn run_cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let status = cargo()?.args(arguments).status();
    let status = status.context("cannot run cargo")?;
    ensure!(status.success(), "cargo failed: {status}");
    Ok(())
}
