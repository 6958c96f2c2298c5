//! `cargo xtask demo`: builds what is shipped and the demo, then becomes the demo.

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;

use crate::cargo::cargo;
use crate::root;
use crate::tools::{self, Environment};

/// The packages whose binaries the demo runs, built together: one set of features, so nothing is built twice.
const PACKAGES: [&str; 3] = ["express-handler", "express-tests", "express-cli"];

/// Simulated seconds per second while the examples are tried: nobody watches.
const EXAMPLES_RATE: u32 = 60;

#[derive(Args, Default)]
pub struct Arguments {
    /// Leave everything running at the end, until Ctrl-C.
    #[arg(long)]
    pub keep: bool,
    /// Simulated seconds per second.
    #[arg(long)]
    pub rate: Option<u32>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let mut demo = prepare(arguments)?;
    // In the place of this process, so that Ctrl-C and the exit code are the demo's own.
    Err(demo.exec()).context("cannot start the demo")
}

/// Builds everything and says how the demo is started.
pub fn prepare(arguments: &Arguments) -> anyhow::Result<Command> {
    let programs = tools::ready(Environment::Stack)?;
    build()?;
    let built = target()?.join("debug");
    let mut demo = Command::new(built.join("demo"));
    demo.current_dir(root()?)
        .arg("--python")
        .arg(programs.join("python"))
        .arg("--bootstrap")
        .arg(built.join("bootstrap"))
        .arg("--work-folder")
        .arg(target()?.join("demo"));
    let Arguments { keep, rate } = arguments;
    if *keep {
        demo.arg("--keep");
    }
    if let Some(rate) = rate {
        demo.args(["--rate", &rate.to_string()]);
    }
    Ok(demo)
}

/// Builds everything and says how the examples are tried, on a local stack of their own.
pub fn examples() -> anyhow::Result<Command> {
    let mut examples = prepare(&Arguments {
        keep: false,
        rate: Some(EXAMPLES_RATE),
    })?;
    examples.args(["--instead", "examples"]);
    Ok(examples)
}

/// Builds everything and says how a local stack without the provider is started.
pub fn empty() -> anyhow::Result<Command> {
    let mut empty = prepare(&Arguments::default())?;
    empty.args(["--instead", "nothing"]);
    Ok(empty)
}

/// Builds the binaries that tasks run.
pub fn build() -> anyhow::Result<()> {
    let mut cargo = cargo()?;
    cargo.args(["build", "--bins"]);
    for package in PACKAGES {
        cargo.args(["--package", package]);
    }
    ensure!(
        cargo.status().context("cannot run cargo")?.success(),
        "the build failed"
    );
    Ok(())
}

/// Where cargo puts what it builds.
pub fn target() -> anyhow::Result<PathBuf> {
    let root = root()?;
    Ok(std::env::var_os("CARGO_TARGET_DIR")
        .map_or_else(|| root.join("target"), |folder| root.join(folder)))
}
