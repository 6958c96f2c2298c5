//! Tries inputs that nobody sends on the properties' parser, the envelope's and the whole function.

use std::collections::BTreeMap;
use std::time::Instant;

use anyhow::bail;
use clap::Parser;
use express_tests::fuzz::{self, Check, envelope, function, properties};
use serde_json::Value;

/// One in so many inputs goes through the whole function: that takes a thousand times as long as parsing it.
const INVOCATIONS_ONE_IN: u64 = 1000;

#[derive(Parser)]
struct Arguments {
    /// Inputs for each parser.
    #[arg(long, default_value_t = 1_000_000)]
    inputs: u64,
    /// Whatever follows from it can be had again.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only the input with this number, as a failure names it.
    #[arg(long)]
    only: Option<u64>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    fuzz::note_panics();
    let invoked = arguments.inputs.div_ceil(INVOCATIONS_ONE_IN);
    let envelopes = envelope::seeds()?;
    try_all(
        "properties",
        &properties::seeds()?,
        arguments.inputs,
        &properties::check,
        &arguments,
    )?;
    try_all(
        "envelope",
        &envelopes,
        arguments.inputs,
        &envelope::check,
        &arguments,
    )?;
    try_all(
        "function",
        &envelopes,
        invoked,
        &function::check,
        &arguments,
    )
}

fn try_all(
    name: &str,
    seeds: &[Value],
    count: u64,
    check: &Check<'_>,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut outcomes: BTreeMap<&str, u64> = BTreeMap::new();
    let numbers = arguments.only.map_or(0..count, |number| number..number + 1);
    let result = fuzz::run(seeds, arguments.seed, numbers, check, |outcome| {
        *outcomes.entry(outcome).or_default() += 1;
    });
    if let Err(failure) = result {
        let seed = arguments.seed;
        bail!(
            "{name}: input {} of seed {seed}: {}\n{:#}",
            failure.number,
            failure.problem,
            failure.input
        );
    }
    let seconds = began.elapsed().as_secs_f64();
    let outcomes: Vec<String> = outcomes
        .iter()
        .map(|(outcome, times)| format!("{times} {outcome}"))
        .collect();
    println!("{name:<12} {:>6.1} s   {}", seconds, outcomes.join(", "));
    Ok(())
}
