//! `cargo xtask test`: everything that must hold before a change is merged; what `.ci/run` runs.
//!
//! All steps run, also after one has failed, so that one run shows all there is to repair. The last line counts
//! tests where a step has tests, and the step itself where it has none.

mod lint;
mod output;
mod tally;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, ensure};
use clap::Args;

use self::output::Printed;
use self::tally::{Tally, cargo_result, tap_result, unittest_result};
use crate::cargo::cargo;
use crate::local_stack::LocalStack;
use crate::tools::{self, Environment};
use crate::{cases, check, construct, demo, fuzz, generate, package, root, simulate};

/// Tells the scenarios into which folder they write the requests that the handler sends.
const RECORD_REQUESTS: &str = "EXPRESS_RECORD_REQUESTS";

/// Inputs for each parser of the quick run of `cargo xtask fuzz`: about 20 s.
const FUZZ_INPUTS: u64 = 50_000;
/// Another than the long run's, so that the two do not try the same.
const FUZZ_SEED: u64 = 2;

/// A step: how it is called, and what it does.
type Step = (&'static str, fn() -> anyhow::Result<Tally>);

/// The steps, from quick to slow; the recordings are checked after the tests that make them.
const STEPS: &[Step] = &[
    ("pinned tools", install),
    ("generated files are fresh", generated),
    ("the documentation's commands are known", documented),
    ("formatting", formatting),
    ("clippy", clippy),
    ("templates: cfn-lint", lint::cfn_lint),
    ("templates: sam validate --lint", lint::sam_validate),
    ("templates: checkov", lint::checkov),
    ("workflows", lint::workflows),
    ("Python tests", python_tests),
    ("tests and doc tests", cargo_tests),
    ("the contract's cases have tests", contract_cases),
    ("histories of the protocol", protocol_histories),
    ("full histories", full_histories),
    ("inputs that nobody sends", fuzz),
    ("requests against AWS's service models", service_models),
    ("conformance of local-aws", conformance),
    ("the demo", demo),
    ("templates: the examples on the local stack", examples),
    ("sam build and deploy to the local stack", sam_deploy),
    ("cdk-construct", cdk_construct),
    ("cdk deploy to the local stack", cdk_deploy),
];

#[derive(Args)]
pub struct Arguments {
    /// Run only the steps whose names contain this, for example `templates`.
    step: Option<String>,
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let wanted = arguments.step.as_deref().unwrap_or_default();
    let mut total = Tally::default();
    let mut report = Vec::new();
    for (name, step) in STEPS.iter().filter(|(name, _)| name.contains(wanted)) {
        println!("\n=== {name}");
        let began = Instant::now();
        let tally = step().unwrap_or_else(|error| Tally::failure(format!("{error:#}")));
        let outcome = if tally.failed == 0 { "ok" } else { "FAILED" };
        report.push(format!(
            "{outcome:<8} {:>7.1} s  {name}",
            began.elapsed().as_secs_f64()
        ));
        total.add(Tally {
            failures: tally
                .failures
                .iter()
                .map(|text| format!("{name}: {text}"))
                .collect(),
            ..tally
        });
    }
    ensure!(!report.is_empty(), "no step's name contains `{wanted}`");
    println!("\n{}\n", report.join("\n"));
    let Tally {
        passed,
        failed,
        failures,
    } = total;
    // What is above is too long to be looked through, and of a run elsewhere the end is often all that is kept.
    for failure in failures {
        println!("{failure}\n");
    }
    println!("{passed} passed, {failed} failed");
    if failed > 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Whether there is a step of that name.
pub fn has_step(name: &str) -> bool {
    STEPS.iter().any(|(known, _)| *known == name)
}

fn install() -> anyhow::Result<Tally> {
    for environment in [
        Environment::Stack,
        Environment::Lint,
        Environment::Policy,
        Environment::Workflows,
        Environment::ServiceModels,
        Environment::Conformance,
        Environment::Live,
        Environment::Construct,
    ] {
        tools::ready(environment)?;
    }
    construct::install()?;
    Ok(Tally::ONE)
}

fn generated() -> anyhow::Result<Tally> {
    generate::check()?;
    Ok(Tally::ONE)
}

fn documented() -> anyhow::Result<Tally> {
    check::commands::check()?;
    Ok(Tally::ONE)
}

fn formatting() -> anyhow::Result<Tally> {
    one(cargo()?.args(["fmt", "--all", "--check"]))
}

fn clippy() -> anyhow::Result<Tally> {
    one(cargo()?.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))
}

fn cargo_tests() -> anyhow::Result<Tally> {
    let recordings = recordings()?;
    if recordings.exists() {
        fs::remove_dir_all(&recordings)
            .with_context(|| format!("cannot remove {}", recordings.display()))?;
    }
    fs::create_dir_all(&recordings)
        .with_context(|| format!("cannot make {}", recordings.display()))?;
    counted(
        cargo()?
            .args(["test", "--workspace", "--no-fail-fast"])
            .env(RECORD_REQUESTS, &recordings),
        cargo_result,
    )
}

fn python_tests() -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for (environment, folder) in [
        (Environment::Stack, "local-aws/ministack"),
        (Environment::ServiceModels, "tests/service_models"),
        (Environment::Conformance, "tests/conformance"),
        (Environment::Lint, "tests/cfn_lint"),
        // What needs an account is skipped.
        (Environment::Live, "tests/live"),
    ] {
        let python = tools::ready(environment)?.join("python");
        let mut tests = command(&python)?;
        tests
            .args([
                "-m",
                "unittest",
                "discover",
                "--top-level-directory",
                ".",
                "--start-directory",
                ".",
            ])
            .current_dir(root()?.join(folder));
        tally.add(unittests(&mut tests)?);
    }
    Ok(tally)
}

/// unittest says how many ran and how many of these failed.
fn unittests(tests: &mut Command) -> anyhow::Result<Tally> {
    let ran = counted(tests, unittest_result)?;
    Ok(Tally {
        passed: ran.passed.saturating_sub(ran.failed),
        ..ran
    })
}

fn contract_cases() -> anyhow::Result<Tally> {
    cases::run(&cases::Arguments { list: true })?;
    Ok(Tally::ONE)
}

fn protocol_histories() -> anyhow::Result<Tally> {
    all(simulate::quick_protocol()?)
}

fn full_histories() -> anyhow::Result<Tally> {
    all(simulate::quick_full()?)
}

fn all<const N: usize>(commands: [Command; N]) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    for mut command in commands {
        tally.add(one(&mut command)?);
    }
    Ok(tally)
}

fn service_models() -> anyhow::Result<Tally> {
    let python = tools::ready(Environment::ServiceModels)?.join("python");
    one(command(&python)?
        .arg("tests/service_models/check.py")
        .args(files(&recordings()?, "jsonl")?))
}

/// The stand-in for AWS beside moto, and with the AWS CLI as its client.
fn conformance() -> anyhow::Result<Tally> {
    let python = tools::ready(Environment::Conformance)?.join("python");
    demo::build()?;
    let express = demo::target()?.join("debug").join("express");
    let mut tally = Tally::default();
    for program in ["compare.py", "aws_cli.py"] {
        let mut check = command(&python)?;
        check
            .arg(Path::new("tests/conformance").join(program))
            .arg("--express")
            .arg(&express);
        tally.add(one(&mut check)?);
    }
    Ok(tally)
}

fn fuzz() -> anyhow::Result<Tally> {
    fuzz::run(&fuzz::Arguments {
        inputs: FUZZ_INPUTS,
        seed: FUZZ_SEED,
        only: None,
    })?;
    Ok(Tally::ONE)
}

fn demo() -> anyhow::Result<Tally> {
    one(&mut demo::prepare(&demo::Arguments::default())?)
}

fn examples() -> anyhow::Result<Tally> {
    one(&mut demo::examples()?)
}

/// The provider, installed with SAM's own command, and as a package with the AWS CLI.
fn sam_deploy() -> anyhow::Result<Tally> {
    let programs = tools::ready(Environment::Lint)?;
    let cli = tools::ready(Environment::Conformance)?.join("aws");
    let (template, archive) = package::for_this_machine()?;
    let local_stack = LocalStack::empty()?;
    let mut tests = command(&programs.join("python"))?;
    tests
        .args(["-m", "unittest", "test_sam"])
        .current_dir(root()?.join("tests").join("sam"))
        .env("SAM", programs.join("sam"))
        .env("AWS", cli)
        .env("PACKAGED_TEMPLATE", template)
        .env("PACKAGED_ARCHIVE", archive)
        .env("BOOTSTRAP", demo::target()?.join("debug").join("bootstrap"))
        .envs(local_stack.variables());
    unittests(&mut tests)
}

/// The CDK construct: its tests, its packages, and an app in Python that has one of them.
fn cdk_construct() -> anyhow::Result<Tally> {
    construct::install()?;
    construct::build()?;
    let mut tally = counted(&mut construct::tests()?, tap_result)?;
    construct::documented()?;
    construct::pack()?;
    tally.add(unittests(&mut construct::app_tests()?)?);
    Ok(tally)
}

/// That app, with the package of the step before, deployed with the CDK's command.
fn cdk_deploy() -> anyhow::Result<Tally> {
    let local_stack = LocalStack::with_provider()?;
    unittests(&mut construct::deployed(&local_stack)?)
}

/// Where the scenarios' requests are recorded.
fn recordings() -> anyhow::Result<PathBuf> {
    Ok(demo::target()?.join("service-models"))
}

/// The files with an extension in a folder, in the order of their names; at least one.
pub fn files(folder: &Path, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|found| found == extension) {
            files.push(path);
        }
    }
    files.sort();
    ensure!(
        !files.is_empty(),
        "there is no *.{extension} in {}",
        folder.display()
    );
    Ok(files)
}

fn command(program: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(program);
    command.current_dir(root()?);
    Ok(command)
}

/// Runs a check that is one.
fn one(command: &mut Command) -> anyhow::Result<Tally> {
    let Printed { status, last, .. } = output::passed_on(command, |_| None)?;
    ensure!(status.success(), "failed: {status}\n{}", last.join("\n"));
    Ok(Tally::ONE)
}

/// Runs a program that has many tests, and reads from its lines how many held.
fn counted(command: &mut Command, result: fn(&str) -> Option<Tally>) -> anyhow::Result<Tally> {
    let Printed {
        status,
        tally,
        last,
    } = output::passed_on(command, result)?;
    if tally.failed == 0 {
        ensure!(status.success(), "failed: {status}\n{}", last.join("\n"));
        ensure!(tally.passed > 0, "no test ran");
    }
    Ok(tally)
}
