//! Creates many services at once under AWS's token buckets; fails when a budget is missed.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use express_tests::bench::scale::{Size, run};

/// Attempts from one check of the invariants to the next.
const ATTEMPTS_PER_CHECK: u64 = 1000;

#[derive(Parser)]
struct Arguments {
    /// Services altogether.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(3..))]
    services: u32,
    /// Stacks in flight.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
}

fn main() -> ExitCode {
    let Arguments { services, at_once } = Arguments::parse();
    let began = Instant::now();
    let outcome = run(Size {
        services: services as usize,
        at_once: at_once as usize,
        attempts_per_check: ATTEMPTS_PER_CHECK,
    });
    println!("{outcome}");
    println!(
        "real time                 {:.0} s",
        began.elapsed().as_secs_f64()
    );
    let over = outcome.over_budget();
    for problem in &over {
        println!("over: {problem}");
    }
    if over.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}
