//! A copy of the workspace in which code is changed, below the target directory and built in that directory: what is not
//! ours is built already, and the code that people work on is never touched. There is one copy, so only one of those who
//! change it can run at a time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::{demo, root};

/// Debug information that no other build of the workspace has. Cargo tells units apart by their place in the workspace
/// and by their profile: with the same profile the copy's would be taken for the workspace's own. For the same reason no
/// other checkout may build in this directory with this setting meanwhile.
const DEBUG: &str = "none";

/// Lets a command, and each Cargo that it starts, build the copy.
pub fn build_in(command: &mut Command, copy: &Path) -> anyhow::Result<()> {
    command
        .current_dir(copy)
        .env("CARGO_TARGET_DIR", demo::target()?)
        .env("CARGO_PROFILE_DEV_DEBUG", DEBUG);
    Ok(())
}

/// Makes the copy as the workspace is, and says where it is. What is as it was stays untouched, so that it is not built
/// again.
pub fn mirrored() -> anyhow::Result<PathBuf> {
    let (root, copy) = (root()?, demo::target()?.join("mutants"));
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
    Ok(copy)
}

/// The workspace's files, but for what Git ignores.
pub fn files() -> anyhow::Result<Vec<PathBuf>> {
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
