//! `cargo xtask simulate`: random histories, as many as are wanted, each repeatable by its seed.

use std::process::Command;

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use crate::cargo::cargo;

/// The seed of those histories that `cargo xtask test` plays again each time.
const FIXED_SEED: &str = "1";
/// How many of them are the protocol's.
const FIXED_HISTORIES: &str = "20000";
/// Histories of the protocol that `cargo xtask test` plays from fresh seeds: less than a minute.
const FRESH_HISTORIES: &str = "200000";
/// Full histories that `cargo xtask test` plays again each time, from each of two seeds: about a minute together.
const FIXED_FULL_HISTORIES: &str = "200";
/// The first seed of histories that have all that was added to them; below it fewer things happen.
const FIXED_SEED_OF_ALL: &str = "17582052945254416384";
/// Full histories that it plays from fresh seeds. Few: a change should not fail for an older fault that a fresh seed
/// happens to meet; `cargo xtask simulate full` looks for those.
const FRESH_FULL_HISTORIES: &str = "40";
/// Of the calls of each journey `cargo xtask test` strikes one in so many: some three minutes on
/// two cores.
const EVERYWHERE_EVERY: &str = "61";
/// What a long run is built with.
const OPTIMISED_BUILD: [&str; 2] = ["--profile", "simulate-full"];
/// Our own packages: without optimisation a full history takes five times as long. For the few histories of
/// `cargo xtask test` what they are built upon stays as it is, so that the AWS SDK is not built twice.
const OPTIMISED: [&str; 5] = [
    "provider-schema",
    "express-core",
    "express-handler",
    "local-aws",
    "express-tests",
];

#[derive(Subcommand)]
pub enum Simulate {
    /// The ledger's protocol without AWS: a fraction of a millisecond each.
    Protocol(Protocol),
    /// Stacks, handler, SDK and a simulated account: some 840 calls and a quarter of a second each and core, once the AWS
    /// SDK is built for it; more than half of that is the SDK's own work.
    Full(Full),
    /// Every journey of a stack with each kind of trouble at every call of it: about 110,000 runs.
    Everywhere(Everywhere),
}

#[derive(Args)]
pub struct Everywhere {
    /// Handed on: `--journey NAME`, `--trouble NAME`, `--every N`, `--first N`, `--call N`, `--jobs N`, `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Args)]
pub struct Protocol {
    /// Handed on: `--histories N`, `--seed S`, `--jobs N`, `--replay SEED`, `--whole`, `--without RULE`,
    /// `--gap GAP`, `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Args)]
pub struct Full {
    /// Handed on: `--histories N`, `--seed S`, `--replay SEED`, `--jobs N`, `--seconds S`, `--survey`,
    /// `--help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(simulate: &Simulate) -> anyhow::Result<()> {
    let mut command = match simulate {
        Simulate::Protocol(Protocol { arguments }) => protocol(arguments)?,
        Simulate::Full(Full { arguments }) => {
            with_sdk("simulate-full", &OPTIMISED_BUILD, arguments)?
        }
        Simulate::Everywhere(Everywhere { arguments }) => {
            with_sdk("simulate-everywhere", &OPTIMISED_BUILD, arguments)?
        }
    };
    let status = command.status().context("cannot run cargo")?;
    ensure!(status.success(), "a history fails: {status}");
    Ok(())
}

/// The protocol's histories of `cargo xtask test`: what failed once and seeds that never change, then fresh ones,
/// which are printed.
pub fn quick_protocol() -> anyhow::Result<[Command; 2]> {
    let fixed = ["--histories", FIXED_HISTORIES, "--seed", FIXED_SEED];
    let fresh = ["--histories", FRESH_HISTORIES];
    Ok([
        protocol(&fixed.map(str::to_owned))?,
        protocol(&fresh.map(str::to_owned))?,
    ])
}

/// The same through handler, SDK and `local-aws`.
pub fn quick_full() -> anyhow::Result<[Command; 4]> {
    let [fixed, fixed_of_all] = [FIXED_SEED, FIXED_SEED_OF_ALL]
        .map(|seed| ["--histories", FIXED_FULL_HISTORIES, "--seed", seed]);
    let fresh = ["--histories", FRESH_FULL_HISTORIES];
    let everywhere = ["--every", EVERYWHERE_EVERY];
    let settings = OPTIMISED.iter().flat_map(|package| {
        let of = |setting| format!("profile.dev.package.{package}.{setting}");
        ["opt-level=2", "debug-assertions=false"].map(of)
    });
    let settings: Vec<String> = settings
        .flat_map(|setting| ["--config".to_owned(), setting])
        .collect();
    let settings: Vec<&str> = settings.iter().map(String::as_str).collect();
    Ok([
        with_sdk("simulate-full", &settings, &fixed.map(str::to_owned))?,
        with_sdk("simulate-full", &settings, &fixed_of_all.map(str::to_owned))?,
        with_sdk("simulate-full", &settings, &fresh.map(str::to_owned))?,
        with_sdk(
            "simulate-everywhere",
            &settings,
            &everywhere.map(str::to_owned),
        )?,
    ])
}

fn protocol(arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = cargo()?;
    command.args(["run", "--quiet", "--profile", "simulate"]);
    command.args(["--package", "express-protocol"]);
    command.args(["--bin", "simulate-protocol", "--"]);
    command.args(arguments);
    Ok(command)
}

fn with_sdk(binary: &str, profile: &[&str], arguments: &[String]) -> anyhow::Result<Command> {
    let mut command = cargo()?;
    command.arg("run").arg("--quiet").args(profile);
    command.args(["--package", "express-tests", "--bin", binary, "--"]);
    command.args(arguments);
    Ok(command)
}
