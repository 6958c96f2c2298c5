//! Cargo as a person would call it, though a task of Cargo calls it.
//!
//! `cargo run` tells a program about its package in variables, and Cargo started by that program hands them on to
//! build scripts. Some, such as ring's, ask to be run again when these change: everything above them would then be
//! built anew whenever `cargo xtask …` follows `cargo …`, or the other way round.
//! <https://doc.rust-lang.org/cargo/reference/environment-variables.html>

use std::process::Command;

use crate::root;

/// Beginnings of the variables' names.
const PACKAGE_VARIABLES: [&str; 3] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];

/// Cargo in the workspace's folder.
pub fn cargo() -> anyhow::Result<Command> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(root()?);
    for (name, _) in std::env::vars_os() {
        let is_of_package = |name: &str| {
            PACKAGE_VARIABLES
                .iter()
                .any(|beginning| name.starts_with(beginning))
        };
        if name.to_str().is_some_and(is_of_package) {
            cargo.env_remove(name);
        }
    }
    Ok(cargo)
}
