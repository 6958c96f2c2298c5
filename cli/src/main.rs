//! `express`: the command for people who work with `Custom::ExpressService`.
//!
//! Each subcommand is a file of its name; this one only names them.

mod local;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Work with Custom::ExpressService.
#[derive(Parser)]
#[command(name = "express", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A stand-in for AWS on this machine.
    #[command(subcommand)]
    Local(local::Command),
}

#[tokio::main]
async fn main() -> ExitCode {
    let outcome = match Arguments::parse().command {
        Command::Local(command) => local::run(command).await,
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("express: {error:#}");
            ExitCode::FAILURE
        }
    }
}
