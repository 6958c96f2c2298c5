//! `cargo xtask simulate`: random histories, as many as are wanted, each repeatable by its seed.

use std::process::Command;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::cargo::cargo;

/// Our own packages: without optimisation a history takes five times as long. What they are built upon stays as it is,
/// so that it is not built twice.
const OPTIMISED: [&str; 5] = [
    "provider-schema",
    "express-core",
    "express-handler",
    "local-aws",
    "express-tests",
];
/// Seconds that `cargo xtask test` spends on histories which are always the same, and on fresh ones.
const QUICK_SECONDS: &str = "60";
/// The first seed of those that are always the same.
const FIXED_SEED: &str = "1";

#[derive(Subcommand)]
pub enum Simulate {
    /// Stacks, handler, SDK and a simulated account: a twentieth of a second each.
    Full(Full),
}

#[derive(Args)]
pub struct Full {
    /// Handed on: `--histories N`, `--seed S`, `--replay SEED`, `--jobs N`, `--seconds S`, `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(simulate: &Simulate) -> anyhow::Result<()> {
    let Simulate::Full(Full { arguments }) = simulate;
    let status = full(arguments)?.status().context("cannot run cargo")?;
    ensure!(status.success(), "a history fails: {status}");
    Ok(())
}

/// The simulator's runs for `cargo xtask test`: what found something once and seeds that never change, then fresh ones,
/// which it prints.
pub fn quick_full() -> anyhow::Result<[Command; 2]> {
    let fixed = ["--seconds", QUICK_SECONDS, "--seed", FIXED_SEED];
    let fresh = ["--seconds", QUICK_SECONDS];
    Ok([
        full(&fixed.map(str::to_owned))?,
        full(&fresh.map(str::to_owned))?,
    ])
}

fn full(arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = cargo()?;
    command.arg("run").arg("--quiet");
    for package in OPTIMISED {
        for setting in ["opt-level=2", "debug-assertions=false"] {
            command.arg("--config");
            command.arg(format!("profile.dev.package.{package}.{setting}"));
        }
    }
    command.args(["--package", "express-tests", "--bin", "simulate-full", "--"]);
    command.args(arguments);
    Ok(command)
}
