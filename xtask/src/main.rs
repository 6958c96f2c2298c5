//! Developer tasks: `cargo xtask <task>`. Each task is a file; this one only names them.

mod bench;
mod cargo;
mod cases;
mod check;
mod construct;
mod demo;
mod fuzz;
mod generate;
mod live;
mod local_stack;
mod mutants;
mod package;
mod simulate;
mod test;
mod tools;

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Developer tasks")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Watch the provider at work on a local stack.
    Demo(demo::Arguments),
    /// Run everything that must hold before a change is merged.
    Test(test::Arguments),
    /// Measure what the design has budgets for.
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Play random histories.
    #[command(subcommand)]
    Simulate(simulate::Simulate),
    /// Try inputs that nobody sends.
    Fuzz(fuzz::Arguments),
    /// Change the code in small ways that a test must notice.
    Mutants(mutants::Arguments),
    /// Run the tests that need a real account.
    Live(live::Arguments),
    /// List the cases that must hold and the tests that cover them.
    Cases(cases::Arguments),
    /// Write the files and tables that are made from the types.
    Generate(generate::Arguments),
    /// Build what Lambda runs, for those who have no Rust.
    Package(package::Arguments),
    /// Run the quick checks.
    Check(check::Arguments),
}

fn main() -> ExitCode {
    match run(&Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: &Task) -> anyhow::Result<()> {
    match task {
        Task::Demo(arguments) => demo::run(arguments),
        Task::Test(arguments) => test::run(arguments),
        Task::Bench(bench) => bench::run(bench),
        Task::Simulate(simulate) => simulate::run(simulate),
        Task::Fuzz(arguments) => fuzz::run(arguments),
        Task::Mutants(arguments) => mutants::run(arguments),
        Task::Live(arguments) => live::run(arguments),
        Task::Cases(arguments) => cases::run(arguments),
        Task::Generate(arguments) => generate::run(arguments),
        Task::Package(arguments) => package::run(arguments),
        Task::Check(arguments) => check::run(arguments),
    }
}

/// The workspace's folder.
fn root() -> anyhow::Result<&'static Path> {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask
        .parent()
        .context("the workspace's folder is above xtask's")
}
