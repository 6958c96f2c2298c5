//! How long a cold start takes that nothing but the binary is to blame for, and how large the binary is.
//!
//! A start is measured from the making of the process until it asks the Lambda runtime API for its first event. That
//! API is here a loopback port that takes the request and never answers it.
//! AWS: <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::{demo, tools};

/// Starts that are measured.
const STARTS: usize = 100;
/// Starts before those, until the binary is in memory.
const WARM_UP: usize = 5;
/// A start that takes longer has failed.
const START_MAX: Duration = Duration::from_secs(10);
/// The request for the next event.
const NEXT: &str = "GET /2018-06-01/runtime/invocation/next ";

/// Milliseconds from the process's start to its request for the first event.
const INIT_MAX_MS: f64 = 15.0;
/// Megabytes of the zipped binary.
const PACKAGE_MAX_MB: f64 = 6.0;
/// Megabytes of memory in use after a Create; what is measured here is before one.
const MEMORY_MAX_MB: f64 = 48.0;

/// Bytes in the megabyte that Lambda's limits are given in.
const MB: f64 = 1024.0 * 1024.0;

/// The environment that `templates/provider.yaml` gives the function, with names that lead nowhere.
const ENVIRONMENT: [(&str, &str); 14] = [
    ("AWS_REGION", "us-east-1"),
    ("AWS_ACCESS_KEY_ID", "none"),
    ("AWS_SECRET_ACCESS_KEY", "none"),
    ("AWS_LAMBDA_FUNCTION_NAME", "bench"),
    ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512"),
    ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
    ("AWS_LAMBDA_LOG_GROUP_NAME", "bench"),
    ("AWS_LAMBDA_LOG_STREAM_NAME", "bench"),
    ("EXPRESS_LEDGER_TABLE", "bench"),
    (
        "EXPRESS_WAITER_STATE_MACHINE_ARN",
        "arn:aws:states:us-east-1:123456789012:stateMachine:bench",
    ),
    (
        "EXPRESS_SEAL_KEY_ARN",
        "arn:aws:kms:us-east-1:123456789012:key/0",
    ),
    ("EXPRESS_DOMAIN_NAME", "apps.example.com"),
    ("EXPRESS_HOSTED_ZONE_ID", "Z0123456789"),
    (
        "EXPRESS_CERTIFICATE_ARN",
        "arn:aws:acm:us-east-1:123456789012:certificate/0",
    ),
];

pub fn run() -> anyhow::Result<()> {
    super::run_cargo(&[
        "build",
        "--release",
        "--package",
        "express-handler",
        "--bin",
        "bootstrap",
    ])?;
    let bootstrap = demo::target()?.join("release").join("bootstrap");
    let size = size(&bootstrap)?;
    let zipped = zipped(&bootstrap)?;

    let runtime_api =
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("there is no free port")?;
    let mut starts = Vec::with_capacity(STARTS);
    for _ in 0..WARM_UP + STARTS {
        starts.push(start(&bootstrap, &runtime_api)?);
    }
    let measured = starts.get(WARM_UP..).unwrap_or_default();
    let time = |start: &Start| start.took.as_secs_f64() * 1000.0;
    let memory = |start: &Start| start.resident_bytes / MB;

    println!("binary                         {size:8.2} MB");
    println!("package, zipped                {zipped:8.2} MB, budget {PACKAGE_MAX_MB} MB");
    println!(
        "start to first event, p50      {:8.1} ms, budget {INIT_MAX_MS} ms",
        median(measured, time)?
    );
    println!(
        "resident memory then, p50      {:8.1} MB, budget after a Create {MEMORY_MAX_MB} MB",
        median(measured, memory)?
    );
    println!("measured in {STARTS} starts, after {WARM_UP} others");
    Ok(())
}

/// One start of the binary.
struct Start {
    took: Duration,
    resident_bytes: f64,
}

fn start(bootstrap: &Path, runtime_api: &TcpListener) -> anyhow::Result<Start> {
    let address = runtime_api.local_addr()?;
    let began = Instant::now();
    let process = Command::new(bootstrap)
        .env_clear()
        .envs(ENVIRONMENT)
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("cannot run {}", bootstrap.display()))?;
    let process = Ended(process);
    // Otherwise a binary that never asks would hold the bench for ever.
    let guard = Guard::after(START_MAX, address);
    let (stream, _) = runtime_api.accept().context("cannot accept")?;
    stream.set_read_timeout(Some(START_MAX))?;
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line)?;
    let took = began.elapsed();
    guard.disarm();
    ensure!(
        line.starts_with(NEXT),
        "the binary did not ask for an event within {START_MAX:?}, but: `{line}`"
    );
    let resident_bytes = resident_bytes(process.0.id())?;
    Ok(Start {
        took,
        resident_bytes,
    })
}

/// A process that is ended with the value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // That it has ended by itself is as good.
        if self.0.kill().is_ok() {
            let _ = self.0.wait();
        }
    }
}

/// Knocks at a port after a time, unless it is disarmed before.
struct Guard(std::sync::mpsc::Sender<()>);

impl Guard {
    fn after(time: Duration, address: SocketAddr) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        std::thread::spawn(move || {
            let timed_out = Err(std::sync::mpsc::RecvTimeoutError::Timeout);
            if receiver.recv_timeout(time) == timed_out {
                drop(TcpStream::connect(address));
            }
        });
        Self(sender)
    }

    /// The thread sees that nobody can send any more, and ends.
    fn disarm(self) {
        drop(self.0);
    }
}

fn resident_bytes(process: u32) -> anyhow::Result<f64> {
    let output = Command::new("ps")
        .args(["-o", "rss=", "-p", &process.to_string()])
        .output();
    let text = String::from_utf8(output.context("cannot run ps")?.stdout)?;
    let kilobytes: f64 = text
        .trim()
        .parse()
        .with_context(|| format!("ps says `{text}`"))?;
    Ok(kilobytes * 1024.0)
}

fn median(starts: &[Start], of: impl Fn(&Start) -> f64) -> anyhow::Result<f64> {
    let mut values: Vec<f64> = starts.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values
        .get(values.len() / 2)
        .copied()
        .context("nothing was measured")
}

fn size(path: &Path) -> anyhow::Result<f64> {
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    let kilobytes = u32::try_from(metadata.len() / 1024).context("the file is too large")?;
    Ok(f64::from(kilobytes) * 1024.0 / MB)
}

/// The size of the deployment package, made as `sam build` makes it.
fn zipped(bootstrap: &Path) -> anyhow::Result<f64> {
    let archive = bootstrap.with_extension("zip");
    if archive.exists() {
        fs::remove_file(&archive)?;
    }
    let made = Command::new(tools::python()?)
        .args(["-m", "zipfile", "--create"])
        .args([&archive, &bootstrap.to_path_buf()])
        .status();
    if !made.context("cannot run Python")?.success() {
        bail!("cannot make {}", archive.display());
    }
    size(&archive)
}
