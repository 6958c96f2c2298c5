//! `cdk-construct`: built, tested, packed, and tried as whoever uses it in an app would.
//!
//! Node is given, as Rust and Python are; npm puts what `package-lock.json` pins into `cdk-construct/node_modules`, once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};

use crate::local_stack::LocalStack;
use crate::root;
use crate::tools::{self, Environment};

/// The oldest Node that jsii runs on.
const NODE_MIN: (u32, u32) = (20, 16);
/// All of jsii's.
const LANGUAGES: [&str; 5] = ["js", "python", "java", "dotnet", "go"];
/// What is generated for languages whose dependencies no test has: their project files, which name the package.
const GENERATED: [&str; 3] = [
    "java/pom.xml",
    "dotnet/CustomExpress.Service/CustomExpress.Service.csproj",
    "go/customexpressservice/go.mod",
];
/// A copy of the pins that are installed.
const STAMP: &str = "node_modules/.installed-package-lock.json";

/// Installs what is pinned, unless it is there.
///
/// # Errors
/// When there is no usable Node, or npm cannot get the packages.
pub fn install() -> anyhow::Result<()> {
    let (major, minor) = node_version()?;
    ensure!(
        (major, minor) >= NODE_MIN,
        "Node {}.{} or newer is needed: this is {major}.{minor}",
        NODE_MIN.0,
        NODE_MIN.1
    );
    let folder = folder()?;
    let lock = folder.join("package-lock.json");
    let pins =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let stamp = folder.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == pins) {
        return Ok(());
    }
    // Nothing that is pinned needs a script of its own to run at installation.
    run(program("npm")?.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]))?;
    fs::write(&stamp, pins).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Compiles the library for all of jsii's languages.
pub fn build() -> anyhow::Result<()> {
    run(program("npm")?.args(["run", "build"]))
}

/// The library's own tests, which report as TAP.
pub fn tests() -> anyhow::Result<Command> {
    let mut tests = program("npm")?;
    tests.arg("test").env("NODE_OPTIONS", "--test-reporter=tap");
    Ok(tests)
}

/// Fails if `API.md` does not say what is public.
pub fn documented() -> anyhow::Result<()> {
    let folder = folder()?;
    let fresh = folder.join("build").join("API.md");
    run(tool("jsii-docgen")?.arg("--output").arg(&fresh))?;
    let text = |path: &Path| {
        fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
    };
    ensure!(
        text(&fresh)? == text(&folder.join("API.md"))?,
        "API.md is stale, run `npx jsii-docgen --output API.md` in cdk-construct"
    );
    Ok(())
}

/// Packs the library for JavaScript and for Python, and puts the Python package where apps find it. For Java, .NET and
/// Go it generates what their compilers take.
///
/// jsii-pacmak would fetch Python's build tools each time; those of the pinned environment do the same.
pub fn pack() -> anyhow::Result<()> {
    let folder = folder()?;
    let packages = folder.join("dist");
    remove(&packages)?;
    remove(&site()?)?;
    run(tool("jsii-pacmak")?
        .arg("--code-only")
        .args(LANGUAGES.iter().flat_map(|language| ["--target", language])))?;
    for project in GENERATED {
        let project = packages.join(project);
        ensure!(project.exists(), "there is no {}", project.display());
    }
    let python = python()?;
    run(command(&python)?
        .args([
            "-m",
            "build",
            "--quiet",
            "--wheel",
            "--no-isolation",
            "--outdir",
        ])
        .arg(&packages)
        .arg(packages.join("python")))?;
    run(command(&python)?
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args(["--no-deps", "--no-index", "--target"])
        .arg(site()?)
        .arg(only_file(&packages, "whl")?))?;
    only_file(&packages.join("js"), "tgz")?;
    Ok(())
}

/// Tests of an app in Python that has the packed library.
pub fn app_tests() -> anyhow::Result<Command> {
    app("test_app")
}

/// The same app, deployed, changed and destroyed with the CDK's own command.
///
/// # Errors
/// When the local stack does not come up.
pub fn deployed(local_stack: &LocalStack) -> anyhow::Result<Command> {
    let mut tests = app("test_deploy")?;
    tests
        .env("CDK", tool_path("cdk")?)
        .env("CDK_HOME", folder()?.join("build").join("cdk"))
        .envs(local_stack.variables());
    Ok(tests)
}

fn app(test: &str) -> anyhow::Result<Command> {
    let site = site()?;
    ensure!(
        site.exists(),
        "the library is not packed yet: `cargo xtask test cdk-construct` does it"
    );
    let mut tests = command(&python()?)?;
    tests
        .args(["-m", "unittest", test])
        .current_dir(folder()?.join("integration"))
        .env("PYTHONPATH", site);
    Ok(tests)
}

fn folder() -> anyhow::Result<PathBuf> {
    Ok(root()?.join("cdk-construct"))
}

/// Where the packed library is installed for the app.
fn site() -> anyhow::Result<PathBuf> {
    Ok(folder()?.join("build").join("site"))
}

fn python() -> anyhow::Result<PathBuf> {
    Ok(tools::ready(Environment::Construct)?.join("python"))
}

/// A program of npm's packages.
fn tool(name: &str) -> anyhow::Result<Command> {
    command(&tool_path(name)?)
}

fn tool_path(name: &str) -> anyhow::Result<PathBuf> {
    Ok(folder()?.join("node_modules").join(".bin").join(name))
}

fn program(name: &str) -> anyhow::Result<Command> {
    command(Path::new(name))
}

fn command(program: &Path) -> anyhow::Result<Command> {
    let mut command = Command::new(program);
    command
        .current_dir(folder()?)
        // That Node 20 has reached its end is for whoever installs Node; here it would hide what matters.
        .env("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "20");
    Ok(command)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(status.success(), "{command:?} failed: {status}");
    Ok(())
}

fn remove(folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// The one file with an extension in a folder.
fn only_file(folder: &Path, extension: &str) -> anyhow::Result<PathBuf> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let mut found = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|other| other == extension) {
            found.push(path);
        }
    }
    ensure!(
        found.len() == 1,
        "{} has {} files *.{extension}, not one",
        folder.display(),
        found.len()
    );
    found.pop().context("no file")
}

fn node_version() -> anyhow::Result<(u32, u32)> {
    let output = program("node")?
        .arg("--version")
        .stderr(Stdio::null())
        .output()
        .context("cannot run node, which cdk-construct is built with")?;
    let text = String::from_utf8_lossy(&output.stdout);
    parse_version(&text).with_context(|| format!("`node --version` says `{}`", text.trim()))
}

/// `v20.20.2`
fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.trim().strip_prefix('v')?.split('.');
    let mut number = || numbers.next()?.parse().ok();
    Some((number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_node_are_read() {
        assert_eq!(parse_version("v20.20.2\n"), Some((20, 20)));
        assert_eq!(parse_version("v24.0.0"), Some((24, 0)));
        assert_eq!(parse_version("node: not found"), None);
    }
}
