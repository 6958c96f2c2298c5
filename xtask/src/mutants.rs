//! `cargo xtask mutants`: changes the code one place at a time, and lists the changes that no test notices.
//!
//! Too slow for `cargo xtask test`: every mutant is a build and a run of tests.

mod copy;
mod core;
mod handler;
mod rules;
mod selection;

use clap::{Args, Subcommand};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    core: selection::Selection,
}

#[derive(Subcommand)]
enum What {
    /// Mutants of the handler: its ledger, operations and requests. Each is a build and a run of the integration tests,
    /// some minutes on two cores, so that all 650 of them take days; `--file` and `--shard` choose.
    Handler(selection::Selection),
    /// Take the rules of `tests/mutations/rules.yaml` out of the code, one at a time.
    Rules(rules::Rules),
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    match &arguments.what {
        Some(What::Handler(selection)) => handler::run(selection),
        Some(What::Rules(rules)) => rules::run(rules),
        None => core::run(&arguments.core),
    }
}
