//! `cargo xtask check`: what can be checked in seconds. All of it, or what a flag names.

use clap::Args;

use crate::generate;

#[derive(Args)]
pub struct Arguments {
    /// Whether generated files are fresh.
    #[arg(long)]
    generated: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments { generated: _ } = arguments;
    generate::check()
}
