//! `cargo xtask fuzz`: inputs that nobody sends, for the parsers and the whole function.

use anyhow::{Context, ensure};
use clap::Args;

use crate::cargo::cargo;

#[derive(Args)]
pub struct Arguments {
    /// Inputs for each parser; for one in a thousand of them the whole function gets one as well.
    #[arg(long, default_value_t = 1_000_000)]
    pub inputs: u64,
    /// Whatever is found follows from it.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Only the input with this number, as a failure names it.
    #[arg(long)]
    pub only: Option<u64>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut fuzz = cargo()?;
    fuzz.args([
        "run",
        "--quiet",
        "--package",
        "express-tests",
        "--bin",
        "fuzz",
        "--",
    ]);
    fuzz.args(["--inputs", &arguments.inputs.to_string()]);
    fuzz.args(["--seed", &arguments.seed.to_string()]);
    if let Some(only) = arguments.only {
        fuzz.args(["--only", &only.to_string()]);
    }
    let status = fuzz.status().context("cannot run cargo")?;
    ensure!(status.success(), "failed: {status}");
    Ok(())
}
