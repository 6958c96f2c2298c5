//! `express local`: the stand-in for AWS.

mod serve;

use clap::Subcommand;

/// What of it.
#[derive(Subcommand)]
pub enum Command {
    /// Serve the stand-in on a loopback port, until Ctrl-C.
    Serve(serve::Arguments),
}

/// Runs it.
///
/// # Errors
/// When it cannot be started, or ends by itself.
pub async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Serve(arguments) => serve::run(arguments).await,
    }
}
