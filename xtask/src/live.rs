//! `cargo xtask live`: the tests that need a real account; `tests/live/live.py` says what they make and cost.

use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use crate::root;
use crate::tools::{self, Environment};

/// Without it every such test is skipped.
const PERMISSION: (&str, &str) = ("EXPRESS_LIVE", "1");

#[derive(Args)]
pub struct Arguments {
    /// Only tests whose names contain this, for example `case_16` or `OfCloudFormation`.
    only: Option<String>,
    /// Delete the stacks of a run that was killed, and run nothing.
    #[arg(long, conflicts_with = "only")]
    clean: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut python = Command::new(tools::ready(Environment::Live)?.join("python"));
    python.current_dir(root()?.join(FOLDER));
    if arguments.clean {
        python.args(["live.py", "clean"]);
    } else {
        python.env(PERMISSION.0, PERMISSION.1);
        python.args([
            "-m",
            "unittest",
            "discover",
            "--verbose",
            "--top-level-directory",
            ".",
        ]);
        if let Some(only) = &arguments.only {
            python.args(["-k", only]);
        }
    }
    let status = python.status().context("cannot run Python")?;
    ensure!(status.success(), "failed: {status}");
    Ok(())
}

/// Where they are.
const FOLDER: &str = "tests/live";
