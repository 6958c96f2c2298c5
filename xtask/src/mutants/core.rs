//! All mutants of `express-core`, by `cargo-mutants`; there are more than five hundred. What is known to make no
//! difference is in `.cargo/mutants.toml`, with the reason.

use std::process::Command;

use anyhow::{Context, bail};
use clap::Args;

use crate::{demo, root, tools};

/// Seconds that the tests may take with a mutant before it counts as noticed; without one they take two.
const TESTS_S_MAX: &str = "120";
/// What `cargo-mutants` ends with when mutants survived.
/// <https://mutants.rs/exit-codes.html>
const SURVIVORS: i32 = 2;

#[derive(Args)]
pub struct Core {
    /// Only mutants in files that match, for example `handler/core/src/plan/**`; may be given several times.
    #[arg(long)]
    file: Vec<String>,
    /// Only one part of them: `0/8` to `7/8`.
    #[arg(long)]
    shard: Option<String>,
    /// Name the mutants and try none.
    #[arg(long)]
    list: bool,
}

pub fn run(core: &Core) -> anyhow::Result<()> {
    let mut mutants = Command::new(tools::cargo_mutants()?);
    mutants
        .current_dir(root()?)
        .args(["mutants", "--package", "express-core", "--jobs", "1"])
        .args(["--timeout", TESTS_S_MAX])
        // The mutants are built in a copy of the workspace; here their build would disturb that of the others.
        .env_remove("CARGO_TARGET_DIR")
        .arg("--output")
        .arg(demo::target()?);
    for file in &core.file {
        mutants.args(["--file", file]);
    }
    if let Some(shard) = &core.shard {
        mutants.args(["--shard", shard]);
    }
    if core.list {
        mutants.arg("--list");
    }
    let status = mutants.status().context("cannot run cargo-mutants")?;
    match status.code() {
        Some(0) => Ok(()),
        Some(SURVIVORS) => bail!(
            "no test notices the mutants above: add one, or the reason to .cargo/mutants.toml"
        ),
        Some(_) | None => bail!("cargo-mutants failed: {status}"),
    }
}
