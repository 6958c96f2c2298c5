//! Plays every journey with every trouble at every call of it; see [`express_tests::everywhere`].

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use clap::{Parser, ValueEnum};
use express_tests::everywhere::{Clean, JOURNEYS, Journey, Met, Trouble};
use express_tests::threads;

/// Violations of one journey and trouble that are kept: the others are of the same kind, mostly.
const KEPT: usize = 3;
/// Lines of one, unless it is all that was asked for.
const LINES: usize = 4;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Parser)]
#[command(name = "cargo xtask simulate everywhere")]
struct Arguments {
    /// Only these journeys, by name.
    #[arg(long, value_parser = journey)]
    journey: Vec<&'static Journey>,
    /// Only these troubles.
    #[arg(long)]
    trouble: Vec<Trouble>,
    /// Only one call in so many.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..))]
    every: u64,
    /// The first of them; a fresh one when not given.
    #[arg(long)]
    first: Option<u64>,
    /// Only this call; prints all that happens when something does not hold.
    #[arg(long)]
    call: Option<u64>,
    /// Threads; as many as there are cores when not given.
    #[arg(long)]
    jobs: Option<usize>,
}

fn journey(name: &str) -> Result<&'static Journey, String> {
    Journey::named(name).ok_or_else(|| {
        let names: Vec<&str> = JOURNEYS.iter().map(|journey| journey.name).collect();
        format!("there are {}", names.join(", "))
    })
}

/// How one journey fared with one trouble.
#[derive(Default)]
struct Row {
    played: usize,
    found: Vec<String>,
}

impl Row {
    fn print(&self, journey: &Journey, trouble: &str) {
        println!(
            "{:34} {trouble:14} {:5} played, {} violations",
            journey.name,
            self.played,
            self.found.len()
        );
    }
}

fn print(violation: &str, in_full: bool) {
    let lines = if in_full { usize::MAX } else { LINES };
    for line in violation.lines().take(lines) {
        println!("    {line}");
    }
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What does not hold is a panic that is caught and printed in the table.
    std::panic::set_hook(Box::new(|_| {}));
    let journeys: Vec<&Journey> = if arguments.journey.is_empty() {
        JOURNEYS.iter().collect()
    } else {
        arguments.journey.clone()
    };
    let troubles = if arguments.trouble.is_empty() {
        Trouble::value_variants()
    } else {
        &arguments.trouble
    };
    let first = arguments
        .first
        .unwrap_or_else(|| fastrand::u64(..arguments.every));
    println!("each {}. call, from number {first} on", arguments.every);
    let began = Instant::now();
    let mut played = 0;
    let mut is_clean = true;
    let mut unclean = Vec::new();
    for journey in journeys {
        let clean = threads::side_by_side(1, || Clean::of(journey)).pop();
        is_clean &= matches!(clean, Some(Ok(_)));
        match clean {
            Some(Ok(clean)) => {
                for (trouble, row) in all(&clean, troubles, first, &arguments) {
                    played += row.played;
                    is_clean &= row.found.is_empty();
                    row.print(journey, &trouble);
                    if !row.found.is_empty() {
                        unclean.push((journey, trouble, row));
                    }
                }
            }
            Some(Err(violation)) => {
                println!("{}: fails without any trouble", journey.name);
                print(&violation.text, arguments.call.is_some());
            }
            None => println!("{}: not played", journey.name),
        }
    }
    let seconds = began.elapsed().as_secs_f64();
    println!("{played} played in {seconds:.0} s");
    // Last, where they are seen.
    for (journey, trouble, row) in unclean {
        println!();
        row.print(journey, &trouble);
        for text in row.found.iter().take(KEPT) {
            print(text, arguments.call.is_some());
        }
    }
    if is_clean && played > 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn all(
    clean: &Clean,
    troubles: &[Trouble],
    first: u64,
    arguments: &Arguments,
) -> BTreeMap<String, Row> {
    let mut work = Vec::new();
    for (number, trouble) in troubles.iter().enumerate() {
        let calls: Vec<u64> = match arguments.call {
            Some(call) => vec![call],
            None => clean
                .calls((first + number as u64) % arguments.every, arguments.every)
                .collect(),
        };
        work.extend(calls.into_iter().map(|call| (*trouble, call)));
    }
    let (next, rows) = (
        AtomicUsize::new(0),
        Mutex::new(BTreeMap::<String, Row>::new()),
    );
    let jobs = threads::count(arguments.jobs);
    let ended = threads::side_by_side(jobs, || {
        while let Some((trouble, call)) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
            let outcome = clean.with(*trouble, *call);
            let Ok(mut rows) = rows.lock() else { return };
            let row = rows.entry(trouble.to_string()).or_default();
            match outcome {
                Ok(Met::Spared) => {}
                Ok(Met::Struck) => row.played += 1,
                Err(violation) => {
                    row.played += 1;
                    row.found.push(violation.text);
                }
            }
        }
    });
    assert_eq!(ended.len(), jobs, "threads have ended before their work");
    rows.into_inner().unwrap_or_default()
}
