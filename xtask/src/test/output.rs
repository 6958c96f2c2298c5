//! What programs print: passed on line by line, read, and its end kept for those that fail.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;

use anyhow::Context;

use super::tally::Tally;

/// Lines that are kept of a program's end: a violation's history and how to play it again, or a compiler's last errors.
const LAST_LINES: usize = 40;

/// What a program that has ended printed.
pub struct Printed {
    pub status: ExitStatus,
    /// What its lines said.
    pub tally: Tally,
    /// Its last lines, of both streams as they came.
    pub last: Vec<String>,
}

/// Runs a program, prints each of its lines and adds up what they say.
pub fn passed_on(
    command: &mut Command,
    result: fn(&str) -> Option<Tally>,
) -> anyhow::Result<Printed> {
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot run {command:?}"))?;
    let output = child.stdout.take().context("the output is not piped")?;
    let errors = child.stderr.take().context("the errors are not piped")?;
    let last = Mutex::new(VecDeque::with_capacity(LAST_LINES));
    let tally = thread::scope(|scope| {
        let errors = scope.spawn(|| read(errors, result, &last));
        let mut tally = read(output, result, &last)?;
        let of_errors = errors
            .join()
            .map_err(|_| anyhow::anyhow!("the reader of the errors panicked"))?;
        tally.add(of_errors?);
        anyhow::Ok(tally)
    })?;
    let status = child.wait()?;
    let last = last.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(Printed {
        status,
        tally,
        last: last.into(),
    })
}

fn read(
    lines: impl Read,
    result: fn(&str) -> Option<Tally>,
    last: &Mutex<VecDeque<String>>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut lines = BufReader::new(lines);
    let mut bytes = Vec::new();
    while lines.read_until(b'\n', &mut bytes)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end_matches(['\r', '\n']).to_owned();
        bytes.clear();
        println!("{line}");
        tally.add(result(&line).unwrap_or_default());
        let mut last = last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() == LAST_LINES {
            last.pop_front();
        }
        last.push_back(line);
    }
    Ok(tally)
}
