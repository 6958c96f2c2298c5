//! `express local`: the stand-in for AWS.

mod serve;

use clap::Subcommand;

#[derive(Subcommand)]
pub enum Command {
    /// Serve the stand-in on a loopback port, until Ctrl-C.
    Serve(serve::Arguments),
}

pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
    }
}
