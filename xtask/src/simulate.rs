//! `cargo xtask simulate`: random histories, as many as are wanted, each repeatable by its seed.

use std::process::Command;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::cargo::cargo;

/// Histories of the protocol that `cargo xtask test` plays from fresh seeds: less than a minute.
const QUICK_HISTORIES: &str = "200000";
/// The seed from which it plays a tenth of them again each time.
const FIXED_SEED: &str = "1";
/// How many these are.
const FIXED_HISTORIES: &str = "20000";

#[derive(Subcommand)]
pub enum Simulate {
    /// The ledger's protocol without AWS: a fraction of a millisecond each.
    Protocol(Protocol),
}

#[derive(Args)]
pub struct Protocol {
    /// Handed on: `--histories N`, `--seed S`, `--jobs N`, `--replay SEED`, `--without RULE`, `--gap GAP`, `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(simulate: &Simulate) -> anyhow::Result<()> {
    let Simulate::Protocol(Protocol { arguments }) = simulate;
    let status = protocol(arguments)?.status().context("cannot run cargo")?;
    ensure!(status.success(), "a history fails: {status}");
    Ok(())
}

/// The simulator's runs for `cargo xtask test`: seeds that never change, then fresh ones, which it prints.
pub fn quick() -> anyhow::Result<[Command; 2]> {
    let fixed = ["--histories", FIXED_HISTORIES, "--seed", FIXED_SEED];
    let fresh = ["--histories", QUICK_HISTORIES];
    Ok([
        protocol(&fixed.map(str::to_owned))?,
        protocol(&fresh.map(str::to_owned))?,
    ])
}

fn protocol(arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = cargo()?;
    command.args([
        "run",
        "--quiet",
        "--profile",
        "simulate",
        "--package",
        "express-protocol",
        "--bin",
        "simulate-protocol",
        "--",
    ]);
    command.args(arguments);
    Ok(command)
}
