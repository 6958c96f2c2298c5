//! Plays random histories and says what does not hold; see [`express_tests::simulation`].

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use clap::Parser;
use express_protocol::seeds;
use express_tests::simulation::{History, PRESERVING_FROM, Violation, check, generate, shrink};
use express_tests::threads;

/// Seeds of histories that found something once.
const REGRESSIONS: &str = include_str!("../../simulation_regressions.txt");
/// Where they are.
const REGRESSIONS_PATH: &str = "tests/simulation_regressions.txt";

/// A tenth of a history is allocating.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A fresh seed is one of so many, and others may follow it.
const SEEDS_FROM_THERE: u64 = 1 << 59;

#[derive(Parser)]
#[command(name = "cargo xtask simulate full")]
struct Arguments {
    /// How many histories.
    #[arg(long, default_value_t = 1_000)]
    histories: u64,
    /// The first one's seed; a fresh one when not given. The others follow by counting up.
    #[arg(long)]
    seed: Option<u64>,
    /// Plays this one history, and prints all that happens.
    #[arg(long, conflicts_with_all = ["histories", "seed"])]
    replay: Option<u64>,
    /// Threads; as many as there are cores when not given.
    #[arg(long)]
    jobs: Option<usize>,
    /// Ends after so many seconds, however many histories were played.
    #[arg(long)]
    seconds: Option<u64>,
    /// Goes on after a violation, and shrinks none.
    #[arg(long)]
    survey: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // What does not hold is a panic that is caught and printed once, when it is as plain as it can be.
    std::panic::set_hook(Box::new(|_| {}));
    let held = match arguments.replay {
        Some(seed) => threads::side_by_side(1, || replay(seed, arguments.survey)),
        None => vec![simulate(&arguments)],
    };
    if held.is_empty() {
        eprintln!("the simulator itself has failed");
    }
    if held == [true] {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn replay(seed: u64, as_it_is: bool) -> bool {
    let history = generate(seed);
    match check(&history) {
        Ok(played) => {
            println!("{}", played.trace());
            true
        }
        Err(violation) if as_it_is => {
            println!("{history}\n{}", violation.text);
            false
        }
        Err(violation) => {
            report(&history, violation);
            false
        }
    }
}

fn report(history: &History, violation: Violation) {
    println!("{history}\n{}\n", violation.headline());
    let (shrunk, violation) = shrink(history, &violation);
    println!(
        "the plainest history that fails like this:\n{shrunk}\n{}",
        violation.text
    );
    println!(
        "{}\nagain: cargo xtask simulate full --replay {}",
        violation.headline(),
        history.seed
    );
}

/// What all threads share.
struct Shared {
    next: AtomicU64,
    calls: AtomicU64,
    played: AtomicU64,
    found: std::sync::Mutex<Vec<(History, Violation)>>,
    is_over: AtomicBool,
}

fn simulate(arguments: &Arguments) -> bool {
    let first = arguments
        .seed
        .unwrap_or_else(|| PRESERVING_FROM + fastrand::u64(..SEEDS_FROM_THERE));
    println!("seeds from {first}");
    let regressions = match seeds::parse(REGRESSIONS_PATH, REGRESSIONS) {
        Ok(regressions) => regressions,
        Err(error) => {
            eprintln!("{error:#}");
            return false;
        }
    };
    let began = Instant::now();
    let shared = Shared {
        next: AtomicU64::new(0),
        calls: AtomicU64::new(0),
        played: AtomicU64::new(0),
        found: std::sync::Mutex::default(),
        is_over: AtomicBool::new(false),
    };
    let count = arguments.histories + regressions.len() as u64;
    let seed_of = |number: u64| {
        let regression = usize::try_from(number)
            .ok()
            .and_then(|number| regressions.get(number));
        regression
            .copied()
            .unwrap_or_else(|| first + number - regressions.len() as u64)
    };
    let is_due = || {
        arguments
            .seconds
            .is_some_and(|most| began.elapsed().as_secs() >= most)
    };
    let jobs = threads::count(arguments.jobs);
    let ended = threads::side_by_side(jobs, || {
        while !shared.is_over.load(Ordering::Relaxed) && !is_due() {
            let number = shared.next.fetch_add(1, Ordering::Relaxed);
            if number >= count {
                return;
            }
            one(&shared, seed_of(number), arguments.survey);
        }
    });
    let (played, calls) = (shared.played.into_inner(), shared.calls.into_inner());
    let seconds = began.elapsed().as_secs_f64();
    println!(
        "{played} histories with {calls} calls in {seconds:.1} s on {jobs} threads: {:.1} a second each",
        played as f64 / seconds / jobs as f64
    );
    let found = shared.found.into_inner().unwrap_or_default();
    for (history, violation) in &found {
        if arguments.survey {
            println!("{history}  {}", violation.headline());
        } else {
            report(history, violation.clone());
        }
    }
    // Outside the check a panic is silent.
    let died = jobs - ended.len();
    if died > 0 {
        println!("{died} of {jobs} threads have ended before their histories");
    }
    found.is_empty() && played > 0 && died == 0
}

fn one(shared: &Shared, seed: u64, goes_on: bool) {
    let history = generate(seed);
    match check(&history) {
        Ok(played) => {
            shared
                .calls
                .fetch_add(played.calls() as u64, Ordering::Relaxed);
        }
        Err(violation) => {
            if let Ok(mut found) = shared.found.lock() {
                let of_kind = found
                    .iter()
                    .filter(|(_, other)| other.kind() == violation.kind());
                if of_kind.count() < 4 {
                    found.push((history, violation));
                }
            }
            shared.is_over.store(!goes_on, Ordering::Relaxed);
        }
    }
    shared.played.fetch_add(1, Ordering::Relaxed);
}
