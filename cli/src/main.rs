//! `express`: the command for people who work with `Custom::ExpressService`.
//!
//! Each subcommand is a file of its name in the library; this one only names them.

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use express_cli::{diagnose, local, monitor};

/// Exit code of what could not be done, as clap has it for wrong arguments.
const TROUBLE: u8 = 2;

/// Work with Custom::ExpressService.
#[derive(Parser)]
#[command(name = "express", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Monitor(monitor::Arguments),
    Diagnose(diagnose::Arguments),
    /// A stand-in for AWS on this machine.
    #[command(subcommand)]
    Local(local::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Monitor(arguments) => monitor::run(arguments).await,
        Command::Diagnose(arguments) => diagnose::run(arguments).await,
        Command::Local(command) => local::run(command).await.map(|()| ExitCode::SUCCESS),
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("express: {error:#}");
        ExitCode::from(TROUBLE)
    })
}
