//! Plays histories of the protocol until one fails or all have held: `cargo xtask simulate protocol`.

use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use express_protocol::rules::Gap;
use express_protocol::seeds;
use express_protocol::shrink::shrunk;
use express_protocol::{History, Options, Rule, World};

/// A fifth of a history is allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Seeds that found something once.
const REGRESSIONS: &str = include_str!("../../regressions.txt");
/// Where they are.
const REGRESSIONS_PATH: &str = "tests/protocol/regressions.txt";

#[derive(Parser)]
#[command(about = "Plays random histories of the ledger's protocol")]
struct Arguments {
    /// Histories to play.
    #[arg(long, default_value_t = 200_000)]
    histories: u64,
    /// The first seed; a fresh one when it is not given.
    #[arg(long)]
    seed: Option<u64>,
    /// Threads; as many as there are cores when it is not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Play this one history, with its trace; made smaller if it fails.
    #[arg(long)]
    replay: Option<u64>,
    /// Print a history that fails as it is.
    #[arg(long)]
    whole: bool,
    /// Leave a rule out.
    #[arg(long, value_parser = rule)]
    without: Option<Rule>,
    /// Play what the protocol is known not to hold against.
    #[arg(long, value_parser = gap)]
    gap: Option<Gap>,
}

fn rule(name: &str) -> Result<Rule, String> {
    let names = || Rule::ALL.map(Rule::name).join(", ");
    let found = Rule::ALL.into_iter().find(|rule| rule.name() == name);
    found.ok_or_else(|| format!("the rules are {}", names()))
}

fn gap(name: &str) -> Result<Gap, String> {
    let found = Gap::ALL.into_iter().find(|gap| gap.name() == name);
    found.ok_or_else(|| format!("the gaps are {}", Gap::ALL.map(Gap::name).join(", ")))
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let options = Options {
        off: arguments.without,
        gap: arguments.gap,
        traces: false,
    };
    if let Some(seed) = arguments.replay {
        return Ok(replay(seed, options, arguments.whole));
    }
    for seed in seeds::parse(REGRESSIONS_PATH, REGRESSIONS)? {
        if fails(seed, options) {
            println!("a seed of {REGRESSIONS_PATH} fails");
            return Ok(replay(seed, options, arguments.whole));
        }
    }
    let first = arguments.seed.unwrap_or_else(|| fastrand::u64(..) >> 16);
    let jobs = match arguments.jobs {
        Some(jobs) => jobs,
        None => thread::available_parallelism()?.get(),
    };
    let last = first.saturating_add(arguments.histories);
    println!(
        "seeds from {first}, {} histories on {jobs} threads",
        arguments.histories
    );
    let began = Instant::now();
    let failed = play(first, last, jobs, options);
    let elapsed = began.elapsed();
    if let Some(seed) = failed {
        return Ok(replay(seed, options, arguments.whole));
    }
    let rate = arguments.histories as f64
        / elapsed
            .as_secs_f64()
            .max(Duration::from_millis(1).as_secs_f64());
    println!(
        "{} histories held in {:.1} s: {:.0} a second on each of {jobs} threads",
        arguments.histories,
        elapsed.as_secs_f64(),
        rate / jobs as f64
    );
    Ok(ExitCode::SUCCESS)
}

fn fails(seed: u64, options: Options) -> bool {
    World::run(&Rc::new(History::of(seed)), options)
        .violation
        .is_some()
}

/// The first seed that fails, of those that were played until one did.
fn play(first: u64, last: u64, jobs: usize, options: Options) -> Option<u64> {
    let next = AtomicU64::new(first);
    let has_failed = AtomicBool::new(false);
    let failed = AtomicU64::new(u64::MAX);
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while !has_failed.load(Ordering::Relaxed) {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= last {
                        return;
                    }
                    if fails(seed, options) {
                        has_failed.store(true, Ordering::Relaxed);
                        failed.fetch_min(seed, Ordering::Relaxed);
                    }
                }
            });
        }
    });
    has_failed.into_inner().then(|| failed.into_inner())
}

/// Plays one history with its trace.
fn replay(seed: u64, options: Options, is_whole: bool) -> ExitCode {
    let history = History::of(seed);
    let history = if is_whole {
        history
    } else {
        shrunk(&history, options)
    };
    println!("{history:#?}\n");
    let options = Options {
        traces: true,
        ..options
    };
    let outcome = World::run(&Rc::new(history), options);
    for line in &outcome.trace {
        println!("{line}");
    }
    let Some(violation) = outcome.violation else {
        println!("\nseed {seed} holds");
        return ExitCode::SUCCESS;
    };
    println!(
        "\nviolated: {}\n  {}",
        violation.invariant, violation.problem
    );
    let without = options
        .off
        .map_or_else(String::new, |rule| format!(" --without {}", rule.name()));
    let gap = options
        .gap
        .map_or_else(String::new, |gap| format!(" --gap {}", gap.name()));
    println!("again: cargo xtask simulate protocol --replay {seed}{without}{gap}");
    ExitCode::FAILURE
}
