//! `cargo xtask mutants`: changes the code one place at a time, and lists the changes that no test notices.
//!
//! Too slow for `cargo xtask test`: every mutant is a build and a run of tests.

mod core;
mod rules;

use clap::{Args, Subcommand};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    core: core::Core,
}

#[derive(Subcommand)]
enum What {
    /// Take the rules of `tests/mutations/rules.yaml` out of the code, one at a time.
    Rules(rules::Rules),
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.what {
        Some(What::Rules(rules)) => rules::run(rules),
        None => core::run(&arguments.core),
    }
}
