//! The demo's process; `cargo xtask demo` builds what it needs and starts it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use express_tests::demo::{self, Options};
use tokio::signal::unix::{SignalKind, signal};

/// Exit code of what a signal has ended, as shells count it for Ctrl-C.
const INTERRUPTED: u8 = 130;

#[derive(Parser)]
#[command(about = "Shows the provider at work on a local stack; started by `cargo xtask demo`")]
struct Arguments {
    /// A Python that has MiniStack.
    #[arg(long)]
    python: PathBuf,
    /// The provider's binary, built for this machine.
    #[arg(long)]
    bootstrap: PathBuf,
    /// Where logs and the deployment package go.
    #[arg(long)]
    work_folder: PathBuf,
    /// Simulated seconds per second.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=1000))]
    rate: u32,
    /// Leave everything running at the end, until Ctrl-C.
    #[arg(long)]
    keep: bool,
    /// Something else than the demo.
    #[arg(long, value_enum, conflicts_with = "keep")]
    instead: Option<Instead>,
}

/// What can be done with a local stack in place of the demo.
#[derive(Clone, Copy, ValueEnum)]
enum Instead {
    /// Every example is deployed, changed and deleted.
    Examples,
    /// It is left empty, for others to use, until Ctrl-C.
    Nothing,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() -> ExitCode {
    let Arguments {
        python,
        bootstrap,
        work_folder,
        rate,
        keep,
        instead,
    } = Arguments::parse();
    let log_folder = work_folder.clone();
    let options = Options {
        python,
        bootstrap,
        work_folder,
        rate,
        keep,
    };
    // Whichever way it ends, the stages are dropped first, and with them the processes that they started.
    let outcome = tokio::select! {
        outcome = run(&options, instead) => outcome,
        interrupted = interruption() => match interrupted {
            Ok(()) => return ExitCode::from(INTERRUPTED),
            Err(error) => Err(error),
        },
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nfailed: {error:#}");
            eprintln!(
                "what the local stack and the functions wrote is in {}",
                log_folder.display()
            );
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Options, instead: Option<Instead>) -> anyhow::Result<()> {
    match instead {
        None => demo::run(options).await,
        Some(Instead::Examples) => demo::examples::run(options).await,
        Some(Instead::Nothing) => demo::empty(options).await,
    }
}

/// Waits until someone wants the demo to end.
async fn interruption() -> anyhow::Result<()> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(())
}
