//! Programs that tasks need: pinned, below `.tools/`; those in Python in a virtual environment for each set.
//!
//! An environment is made once, from a requirements file; afterwards nothing is fetched. It is made
//! again when that file changes. An environment that could not be finished has no stamp and is made again too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::cargo::cargo;
use crate::root;

/// The oldest Python that MiniStack and the linters run on.
const PYTHON_MIN: (u32, u32) = (3, 10);
/// Names under which such a Python may be found, the user's own choice first.
const PYTHON_NAMES: [&str; 6] = [
    "python3",
    "python",
    "python3.13",
    "python3.12",
    "python3.11",
    "python3.10",
];

/// <https://mutants.rs>
const CARGO_MUTANTS: &str = "27.1.0";

/// A set of programs that fit together.
#[derive(Clone, Copy, Debug)]
pub enum Environment {
    /// The CloudFormation, Lambda and Step Functions of the local stack.
    Stack,
    /// What checks templates.
    Lint,
    /// What looks for insecure settings in templates.
    Policy,
    /// What knows the form of GitHub's workflows.
    Workflows,
    /// AWS's service models.
    ServiceModels,
    /// What the stand-in for AWS is compared with, and the AWS CLI.
    Conformance,
    /// The AWS SDK of the tests that need an account.
    Live,
    /// What packs the CDK construct for Python, and an app that has it.
    Construct,
    /// What builds the deployment packages.
    Package,
}

impl Environment {
    /// Its folder below `.tools/`.
    fn name(self) -> &'static str {
        match self {
            Self::Stack => "stack",
            Self::Lint => "lint",
            Self::Policy => "policy",
            Self::Workflows => "workflows",
            Self::ServiceModels => "service-models",
            Self::Conformance => "conformance",
            Self::Live => "live",
            Self::Construct => "cdk-construct",
            Self::Package => "package",
        }
    }

    /// Where its pins are.
    fn requirements(self) -> &'static str {
        match self {
            Self::Stack => "local-aws/ministack/requirements.txt",
            Self::Lint => "xtask/lint-requirements.txt",
            Self::Policy => "xtask/policy-requirements.txt",
            Self::Workflows => "xtask/workflow-requirements.txt",
            Self::ServiceModels => "tests/service_models/requirements.txt",
            Self::Conformance => "tests/conformance/requirements.txt",
            Self::Live => "tests/live/requirements.txt",
            Self::Construct => "cdk-construct/integration/requirements.txt",
            Self::Package => "xtask/package-requirements.txt",
        }
    }
}

/// The environment's folder of programs, made first if need be.
///
/// # Errors
/// When there is no usable Python, or the pinned packages cannot be had.
pub fn ready(environment: Environment) -> anyhow::Result<PathBuf> {
    let folder = root()?.join(".tools").join(environment.name());
    let requirements = root()?.join(environment.requirements());
    let pins = fs::read_to_string(&requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let stamp = folder.join("installed.txt");
    let programs = folder.join("bin");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins) {
        return Ok(programs);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    install(&folder, &requirements)?;
    fs::write(&stamp, pins).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(programs)
}

fn install(folder: &Path, requirements: &Path) -> anyhow::Result<()> {
    let python = python()?;
    println!(
        "installing {} into {}",
        requirements.display(),
        folder.display()
    );
    let made = Command::new(&python)
        .args(["-m", "venv"])
        .arg(folder)
        .status();
    ensure!(
        made.with_context(|| format!("cannot run {python}"))?
            .success(),
        "`{python} -m venv` failed: some systems have it in a package of its own, often called python3-venv"
    );
    let installed = Command::new(folder.join("bin/python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--requirement",
        ])
        .arg(requirements)
        .status()
        .context("cannot run pip")?;
    ensure!(
        installed.success(),
        "pip could not install what {} lists",
        requirements.display()
    );
    Ok(())
}

/// The program `cargo-mutants`, built first if need be: that takes three minutes.
///
/// # Errors
/// When it cannot be had or built.
pub fn cargo_mutants() -> anyhow::Result<PathBuf> {
    let folder = root()?.join(".tools/mutants");
    let program = folder.join("bin/cargo-mutants");
    // Cargo's own list of what it has installed there.
    let installed = fs::read_to_string(folder.join(".crates.toml")).unwrap_or_default();
    if program.exists() && installed.contains(&format!("cargo-mutants {CARGO_MUTANTS} ")) {
        return Ok(program);
    }
    let status = cargo()?
        .args(["install", "cargo-mutants", "--locked"])
        .args(["--version", CARGO_MUTANTS, "--root"])
        .arg(&folder)
        .status()
        .context("cannot run cargo")?;
    ensure!(status.success(), "cargo-mutants was not built: {status}");
    Ok(program)
}

/// The first Python that is new enough.
///
/// # Errors
/// When there is none; the text says which there are.
pub fn python() -> anyhow::Result<String> {
    let mut found = Vec::new();
    for name in PYTHON_NAMES {
        match version(name) {
            Some(version) if version >= PYTHON_MIN => return Ok(name.to_owned()),
            Some((major, minor)) => found.push(format!("{name} is {major}.{minor}")),
            None => {}
        }
    }
    let (major, minor) = PYTHON_MIN;
    let found = if found.is_empty() {
        "there is none".to_owned()
    } else {
        found.join(", ")
    };
    bail!("Python {major}.{minor} or newer is needed: {found}")
}

/// None if there is no such program, or it is not a Python 3.
fn version(python: &str) -> Option<(u32, u32)> {
    let output = Command::new(python)
        .args(["-c", "import sys; print(*sys.version_info[:2])"])
        .stderr(Stdio::null())
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    let (major, minor) = text.trim().split_once(' ')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
