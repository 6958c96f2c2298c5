//! Developer tasks: `cargo xtask <task>`. Each task is a file; this one only names them.

mod check;
mod generate;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Write the files and tables that are made from the types.
    Generate(generate::Arguments),
    /// Run the quick checks.
    Check(check::Arguments),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::Generate(arguments) => generate::run(&arguments),
        Task::Check(arguments) => check::run(&arguments),
    }
}
