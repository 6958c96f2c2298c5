//! The rules of the protocol, each taken out of the product's code: a test must fail then.
//!
//! The changes are made in a copy of the workspace ([`copy`]).

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;
use serde::Deserialize;

use super::copy;
use crate::cargo::cargo;
use crate::root;

/// Where the rules are.
const TABLE: &str = "tests/mutations/rules.yaml";

#[derive(Args)]
pub struct Rules {
    /// Only rules whose name contains this; may be given several times.
    #[arg(long)]
    only: Vec<String>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Its name.
    rule: String,
    /// What it says.
    about: String,
    /// What takes it out.
    edits: Vec<Edit>,
    /// What must fail then, as arguments of `cargo test`; the last one names the test, without its modules.
    test: Vec<String>,
}

/// One replacement.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Edit {
    /// The file, from the workspace's folder.
    file: String,
    /// What is found there exactly once.
    text: String,
    /// What takes its place.
    by: String,
}

/// What became of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// The test fails without the rule.
    Noticed,
    /// It does not.
    NotNoticed,
    /// Without the rule nothing is built: that proves nothing.
    NotBuilt,
    /// There is no test of that name.
    NoTest,
}

pub fn run(arguments: &Rules) -> anyhow::Result<()> {
    let rows = rows()?;
    let mut survivors = 0;
    for row in rows.iter().filter(|row| arguments.asks_for(row)) {
        let copy = copy::mirrored()?;
        for edit in &row.edits {
            let path = copy.join(&edit.file);
            let changed = edit.applied(&fs::read_to_string(&path)?)?;
            fs::write(&path, changed)?;
        }
        let fate = tried(&copy, row)?;
        let name = row.test.last().map_or("", String::as_str);
        println!("{:<11} {:<34} {name}", fate.word(), row.rule);
        if fate != Fate::Noticed {
            println!("            {}", row.about);
            survivors += 1;
        }
    }
    copy::mirrored()?;
    ensure!(
        survivors == 0,
        "{survivors} rules can be left out and no test fails"
    );
    Ok(())
}

impl Rules {
    fn asks_for(&self, row: &Row) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| row.rule.contains(name))
    }
}

impl Fate {
    const fn word(self) -> &'static str {
        match self {
            Self::Noticed => "noticed",
            Self::NotNoticed => "NOT NOTICED",
            Self::NotBuilt => "NOT BUILT",
            Self::NoTest => "NO TEST",
        }
    }
}

impl Edit {
    fn applied(&self, found: &str) -> anyhow::Result<String> {
        let count = found.matches(&self.text).count();
        ensure!(
            count == 1,
            "{TABLE}: a text is found {count} times in {}, not once:\n{}",
            self.file,
            self.text
        );
        Ok(found.replacen(&self.text, &self.by, 1))
    }
}

fn rows() -> anyhow::Result<Vec<Row>> {
    let text =
        fs::read_to_string(root()?.join(TABLE)).with_context(|| format!("cannot read {TABLE}"))?;
    serde_yaml_ng::from_str(&text).with_context(|| format!("{TABLE} is not as it should be"))
}

fn tried(copy: &Path, row: &Row) -> anyhow::Result<Fate> {
    let mut build = test(copy, row)?;
    build.arg("--no-run");
    if !build.status().context("cannot run cargo")?.success() {
        return Ok(Fate::NotBuilt);
    }
    let run = test(copy, row)?.output().context("cannot run cargo")?;
    let told = String::from_utf8_lossy(&run.stdout);
    Ok(if told.contains("test result: FAILED") {
        Fate::Noticed
    } else if told.contains("test result: ok. 0 passed") {
        Fate::NoTest
    } else {
        Fate::NotNoticed
    })
}

fn test(copy: &Path, row: &Row) -> anyhow::Result<Command> {
    let mut test = cargo()?;
    test.args(["test", "--quiet"]).args(&row.test);
    copy::build_in(&mut test, copy)?;
    Ok(test)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_of_the_table_is_found_exactly_once() {
        let rows = rows().unwrap();
        assert!(!rows.is_empty());
        for row in rows {
            for edit in &row.edits {
                let found = fs::read_to_string(root().unwrap().join(&edit.file)).unwrap();
                let changed = edit.applied(&found).unwrap();
                assert_ne!(changed, found, "{} changes nothing", row.rule);
            }
        }
    }

    /// A test that was renamed would seem not to notice anything.
    #[test]
    fn every_test_of_the_table_is_there_once() {
        let root = root().unwrap();
        let files = copy::files().unwrap();
        let code = files
            .iter()
            .filter(|file| file.extension() == Some("rs".as_ref()));
        let code: Vec<String> = code
            .filter_map(|file| fs::read_to_string(root.join(file)).ok())
            .collect();
        for row in rows().unwrap() {
            let name = row.test.last().unwrap();
            let found = code
                .iter()
                .map(|text| text.matches(&format!("fn {name}(")).count());
            assert_eq!(found.sum::<usize>(), 1, "{}: {name}", row.rule);
        }
    }
}
