//! The rules of the protocol, each taken out of the product's code: a test must fail then.
//!
//! The changes are made in a copy of the workspace below the target directory, and built in that directory: what is not
//! ours is built already, and the code that people work on is never touched.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use clap::Args;
use serde::Deserialize;

use crate::cargo::cargo;
use crate::{demo, root};

/// Where the rules are.
const TABLE: &str = "tests/mutations/rules.yaml";

/// Debug information that no other build of the workspace has. Cargo tells units apart by their place in the workspace
/// and by their profile: with the same profile the copy's would be taken for the workspace's own.
const DEBUG: &str = "none";

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
    /// What must fail then, as arguments of `cargo test`; the last one names the test.
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
}

pub fn run(arguments: &Rules) -> anyhow::Result<()> {
    let rows = rows()?;
    let copy = demo::target()?.join("mutants-rules");
    let mut survivors = 0;
    for row in rows.iter().filter(|row| arguments.asks_for(row)) {
        mirror(&copy)?;
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
    mirror(&copy)?;
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

/// Makes `copy` as the workspace is. What is as it was stays untouched, so that it is not built again.
fn mirror(copy: &Path) -> anyhow::Result<()> {
    let root = root()?;
    for file in files()? {
        let (from, to) = (root.join(&file), copy.join(&file));
        if !from.is_file() {
            // Deleted, and not yet committed.
            continue;
        }
        let wanted = fs::read(&from).with_context(|| format!("cannot read {}", from.display()))?;
        if fs::read(&to).is_ok_and(|found| found == wanted) {
            continue;
        }
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(&to, wanted).with_context(|| format!("cannot write {}", to.display()))?;
    }
    Ok(())
}

/// The workspace's files, but for what Git ignores.
fn files() -> anyhow::Result<Vec<PathBuf>> {
    let listed = Command::new("git")
        .args([
            "ls-files",
            "--cached",
            "--others",
            "--exclude-standard",
            "-z",
        ])
        .current_dir(root()?)
        .output()
        .context("cannot run git")?;
    ensure!(
        listed.status.success(),
        "git ls-files failed: {}",
        listed.status
    );
    let names = String::from_utf8(listed.stdout)?;
    Ok(names.split_terminator('\0').map(PathBuf::from).collect())
}

fn tried(copy: &Path, row: &Row) -> anyhow::Result<Fate> {
    let mut build = test(copy, row)?;
    build.arg("--no-run");
    if !build.status().context("cannot run cargo")?.success() {
        return Ok(Fate::NotBuilt);
    }
    let run = test(copy, row)?.output().context("cannot run cargo")?;
    let is_failed = !run.status.success()
        && String::from_utf8_lossy(&run.stdout).contains("test result: FAILED");
    Ok(if is_failed {
        Fate::Noticed
    } else {
        Fate::NotNoticed
    })
}

fn test(copy: &Path, row: &Row) -> anyhow::Result<Command> {
    let mut test = cargo()?;
    test.current_dir(copy)
        .args(["test", "--quiet"])
        .args(&row.test)
        .env("CARGO_TARGET_DIR", demo::target()?)
        .env("CARGO_PROFILE_DEV_DEBUG", DEBUG);
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
}
