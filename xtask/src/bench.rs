//! `cargo xtask bench`: what is measured against the budgets of the design, and printed.
//!
//! Calls are exact, so one too many is a failure. Times are not: a busy machine is no bug, and nobody's test.

mod init;

use std::process::Command;

use anyhow::{Context, ensure};
use clap::Subcommand;

use crate::root;

#[derive(Subcommand)]
pub enum Bench {
    /// AWS calls of each operation; needs seconds.
    Calls,
    /// Size and start of the release binary, which is built first; that needs minutes.
    Init,
}

pub fn run(bench: &Bench) -> anyhow::Result<()> {
    match bench {
        Bench::Calls => cargo(&[
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

fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .current_dir(root()?)
        .args(arguments)
        .status();
    let status = status.context("cannot run cargo")?;
    ensure!(status.success(), "cargo failed: {status}");
    Ok(())
}
