//! `cargo xtask check`: what can be checked in seconds. All of it, or what a flag names.

pub mod commands;

use clap::Args;

use crate::generate;

#[derive(Args)]
pub struct Arguments {
    /// Whether generated files are fresh.
    #[arg(long)]
    generated: bool,
    /// Whether each command in the documentation is known to a test.
    #[arg(long)]
    commands: bool,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Arguments {
        generated,
        commands,
    } = arguments;
    let all = !generated && !commands;
    if all || *generated {
        generate::check()?;
    }
    if all || *commands {
        commands::check()?;
    }
    Ok(())
}
