//! Which mutants `cargo-mutants` makes, and what comes of them.

use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

/// What `cargo-mutants` ends with when mutants survived.
/// <https://mutants.rs/exit-codes.html>
const SURVIVORS: i32 = 2;

#[derive(Args)]
pub struct Selection {
    /// Only mutants in files that match, for example `handler/core/src/plan/**`; may be given several times.
    #[arg(long)]
    file: Vec<String>,
    /// Only one part of them: `0/8` to `7/8`.
    #[arg(long)]
    shard: Option<String>,
    /// Name the mutants and try none.
    #[arg(long)]
    pub list: bool,
}

impl Selection {
    /// Asks for these mutants; for those in `usual` where no file is named.
    pub fn ask(&self, mutants: &mut Command, usual: &[&str]) {
        if self.file.is_empty() {
            mutants.args(usual.iter().flat_map(|file| ["--file", file]));
        }
        for file in &self.file {
            mutants.args(["--file", file]);
        }
        if let Some(shard) = &self.shard {
            mutants.args(["--shard", shard]);
        }
        if self.list {
            mutants.arg("--list");
        }
    }
}

/// Runs it, and fails if a mutant survives.
pub fn run(mutants: &mut Command) -> anyhow::Result<()> {
    let status = mutants.status().context("cannot run cargo-mutants")?;
    match status.code() {
        Some(0) => Ok(()),
        Some(SURVIVORS) => bail!(
            "no test notices the mutants above: add one, or the reason to .cargo/mutants.toml"
        ),
        Some(_) | None => bail!("cargo-mutants failed: {status}"),
    }
}
