//! Recordings: the requests that the handler sends, for the check against AWS's service models.
//!
//! With `EXPRESS_RECORD_REQUESTS` set to a folder, every distinct request of the process is written there
//! once, one JSON object per line, as `tests/service_models/check.py` reads it. Unset, nothing is written.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::Path;
use std::sync::{LazyLock, Mutex, PoisonError};

use local_aws::LocalAws;
use local_aws::recorder::Recorded;
use local_aws::wire::{Protocol, Service};
use serde_json::json;

/// The folder that recordings are written to.
const FOLDER: &str = "EXPRESS_RECORD_REQUESTS";

static RECORDING: LazyLock<Option<Mutex<Recording>>> =
    LazyLock::new(|| Recording::begin().map(Mutex::new));

struct Recording {
    file: File,
    written: HashSet<String>,
}

impl Recording {
    fn begin() -> Option<Self> {
        let folder = std::env::var_os(FOLDER)?;
        let path = Path::new(&folder).join(format!("{}.jsonl", std::process::id()));
        fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{FOLDER}: {error}"));
        let file = File::create(&path).unwrap_or_else(|error| panic!("{FOLDER}: {error}"));
        Some(Self {
            file,
            written: HashSet::new(),
        })
    }

    fn write(&mut self, line: String) {
        if !self.written.contains(&line) {
            writeln!(self.file, "{line}").unwrap_or_else(|error| panic!("{FOLDER}: {error}"));
            self.written.insert(line);
        }
    }
}

/// Records what was called in `account` so far.
pub(crate) fn record(account: &LocalAws) {
    let Some(recording) = &*RECORDING else {
        return;
    };
    let mut recording = recording.lock().unwrap_or_else(PoisonError::into_inner);
    for call in account.recorder().calls() {
        if let Some(line) = line(call) {
            recording.write(line);
        }
    }
}

/// None for what is not an AWS call.
fn line(call: &Recorded) -> Option<String> {
    let protocol = match call.protocol {
        Protocol::Json { version: _ } => "json",
        Protocol::Query => "query",
        Protocol::Ec2Query => "ec2",
        Protocol::Cbor => "cbor",
        Protocol::RestXml => "rest-xml",
        Protocol::Put => return None,
    };
    if call.service == Service::ResponseSink {
        return None;
    }
    let recorded = json!({
        "service": call.service.iam_prefix(),
        "operation": call.operation,
        "protocol": protocol,
        "input": call.input,
    });
    Some(recorded.to_string())
}
