//! `cargo xtask package`: the function as Lambda takes it, so that whoever has no Rust can deploy the provider.
//!
//! `target/deployment/` then has a ZIP archive for each architecture, a template that names it, and `SHA256SUMS`. The same
//! commit, built by the same compiler, is to give the same archives wherever it is built: paths of the machine are
//! replaced, dependencies are those of `Cargo.lock`, and the archive has a fixed time and fixed permissions.
//!
//! Zig is the C compiler and the linker. It brings what is needed to link for another processor, and for the C library
//! of Lambda's Amazon Linux 2023, which is older than that of many machines on which this is built.

mod zip;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::{Args, ValueEnum};
use sha2::{Digest, Sha256};

use crate::cargo::cargo;
use crate::tools::{self, Environment};
use crate::{demo, root};

/// The C library of `provided.al2023`.
/// AWS: <https://docs.aws.amazon.com/linux/al2023/release-notes/all-packages-AL2023.html>
const GLIBC: &str = "2.34";
/// A deployment package above this size starts slowly.
const ARCHIVE_BYTES_MAX: usize = 6_000_000;
/// Where the provider's template has its code, and how it has it built.
const CODE: &str = "      CodeUri: ../handler\n";
const ARCHITECTURES: &str = "      Architectures: [arm64]\n";
const BUILD: &str =
    "      BuildMethod: rust-cargolambda\n      BuildProperties:\n        Binary: bootstrap\n";
/// Where what is for the Serverless Application Repository begins, and what comes after it.
const PUBLICATION: &str = "  # For the Serverless Application Repository";
const AFTER_PUBLICATION: &str = "  AWS::CloudFormation::Interface:\n";

#[derive(Args)]
pub struct Arguments {
    /// Only for this processor.
    #[arg(long, value_enum)]
    architecture: Option<Architecture>,
}

/// A processor that Lambda has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Architecture {
    Arm64,
    #[value(name = "x86_64")]
    X86_64,
}

impl Architecture {
    const ALL: [Self; 2] = [Self::Arm64, Self::X86_64];

    /// As Lambda calls it.
    fn name(self) -> &'static str {
        match self {
            Self::Arm64 => "arm64",
            Self::X86_64 => "x86_64",
        }
    }

    /// As Rust calls it.
    fn target(self) -> &'static str {
        match self {
            Self::Arm64 => "aarch64-unknown-linux-gnu",
            Self::X86_64 => "x86_64-unknown-linux-gnu",
        }
    }
}

pub fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let wanted = arguments
        .architecture
        .map_or_else(|| Architecture::ALL.to_vec(), |one| vec![one]);
    let folder = demo::target()?.join("deployment");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let (mut sums, mut missing) = (String::new(), Vec::new());
    for architecture in wanted {
        if has_standard_library(architecture)? {
            sums += &packed(architecture, &build(architecture)?, &folder)?;
        } else {
            missing.push(architecture.target());
        }
    }
    if !sums.is_empty() {
        write(&folder.join("SHA256SUMS"), sums.as_bytes())?;
        println!(
            "\nfrom {}, by {}, in {}:\n{sums}",
            commit()?,
            rustc(&["--version"])?,
            folder.display()
        );
    }
    ensure!(
        missing.is_empty(),
        "this machine has no standard library for {}: `rustup target add {}` gets it",
        missing.join(" and "),
        missing.join(" ")
    );
    Ok(())
}

/// Whether the compiler has what programs for this processor begin with.
fn has_standard_library(architecture: Architecture) -> anyhow::Result<bool> {
    let folder = rustc(&[
        "--print",
        "target-libdir",
        "--target",
        architecture.target(),
    ])?;
    Ok(Path::new(&folder).exists())
}

/// The release build, and where it is.
fn build(architecture: Architecture) -> anyhow::Result<PathBuf> {
    let programs = tools::ready(Environment::Package)?;
    let target = architecture.target();
    let folder = build_folder()?;
    let status = command(&programs)?
        .args([
            "zigbuild",
            "--locked",
            "--release",
            "--package",
            "express-handler",
        ])
        .args(["--bin", "bootstrap", "--target"])
        .arg(format!("{target}.{GLIBC}"))
        .env("CARGO_TARGET_DIR", &folder)
        .status()
        .context("cannot run cargo-zigbuild")?;
    ensure!(status.success(), "the build for {target} failed: {status}");
    Ok(folder.join(target).join("release").join("bootstrap"))
}

/// cargo-zigbuild with what makes a build the same everywhere.
fn command(programs: &Path) -> anyhow::Result<Command> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(
        std::iter::once(programs.to_path_buf()).chain(std::env::split_paths(&path)),
    )?;
    let flags: Vec<_> = machine_paths()?
        .into_iter()
        .map(|(path, name)| format!("--remap-path-prefix={}={name}", path.display()))
        .collect();
    let mut command = Command::new(programs.join("cargo-zigbuild"));
    // The variables that a task of cargo does not hand on to cargo are left out here as well.
    for (name, value) in cargo()?.get_envs() {
        if value.is_none() {
            command.env_remove(name);
        }
    }
    command
        .current_dir(root()?)
        .env("PATH", path)
        .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
        .env("CARGO_INCREMENTAL", "0")
        .env("SOURCE_DATE_EPOCH", "0");
    Ok(command)
}

/// The folders of this machine that a program could name, and what it names instead. Of two that fit a path the later
/// one counts, so what is generated is called the same inside the repository and elsewhere.
fn machine_paths() -> anyhow::Result<[(PathBuf, String); 4]> {
    let registry = match std::env::var_os("CARGO_HOME") {
        Some(folder) => PathBuf::from(folder),
        None => std::env::home_dir()
            .context("there is no home folder, and CARGO_HOME is not set")?
            .join(".cargo"),
    };
    // Only a machine with the component rust-src has these files; the compiler then names them instead of its own
    // place for them.
    let library = PathBuf::from(rustc(&["--print", "sysroot"])?).join("lib/rustlib/src/rust");
    let version = rustc(&["--version", "--verbose"])?;
    let commit = version
        .lines()
        .find_map(|line| line.strip_prefix("commit-hash: "))
        .context("the compiler does not say from which commit it is")?;
    Ok([
        (root()?.to_path_buf(), "/express".to_owned()),
        (registry, "/cargo".to_owned()),
        (library, format!("/rustc/{commit}")),
        (build_folder()?, "/target".to_owned()),
    ])
}

/// A folder of its own: with other flags cargo would build everything anew each time.
fn build_folder() -> anyhow::Result<PathBuf> {
    Ok(demo::target()?.join("deployment-build"))
}

/// Archive and template for one processor, and the archive's line of `SHA256SUMS`.
fn packed(architecture: Architecture, bootstrap: &Path, folder: &Path) -> anyhow::Result<String> {
    let program =
        fs::read(bootstrap).with_context(|| format!("cannot read {}", bootstrap.display()))?;
    for (path, _) in machine_paths()? {
        let path = path.display().to_string();
        ensure!(
            !contains(&program, path.as_bytes()),
            "the program names `{path}`, so it would be another one on another machine"
        );
    }
    let archive = zip::archive(&[("bootstrap", &program)])?;
    ensure!(
        archive.len() <= ARCHIVE_BYTES_MAX,
        "the archive has {} bytes, at most {ARCHIVE_BYTES_MAX} are allowed",
        archive.len()
    );
    let name = archive_name(architecture);
    write(&folder.join(&name), &archive)?;
    let template = format!("provider-{}.yaml", architecture.name());
    write(
        &folder.join(&template),
        installing(&provider()?, architecture, &name)?.as_bytes(),
    )?;
    let hash = Sha256::digest(&archive);
    println!(
        "{name}: {} bytes, CodeSha256 {}",
        archive.len(),
        STANDARD.encode(hash)
    );
    let digits: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(format!("{digits}  {name}\n"))
}

/// The template and the name of the archive that a package for this machine's processor has, for trying what people do
/// with them; the archive itself takes a release build.
pub fn for_this_machine() -> anyhow::Result<(String, String)> {
    let architecture = Architecture::ALL
        .into_iter()
        .find(|one| one.target().starts_with(std::env::consts::ARCH))
        .context("Lambda does not have this machine's processor")?;
    let archive = archive_name(architecture);
    Ok((installing(&provider()?, architecture, &archive)?, archive))
}

fn archive_name(architecture: Architecture) -> String {
    format!("bootstrap-{}.zip", architecture.name())
}

fn provider() -> anyhow::Result<String> {
    let template = root()?.join("templates").join("provider.yaml");
    fs::read_to_string(&template).with_context(|| format!("cannot read {}", template.display()))
}

/// The provider's template with an archive in the place of the source.
fn installing(template: &str, architecture: Architecture, archive: &str) -> anyhow::Result<String> {
    let mut installing = template.to_owned();
    for (old, new) in [
        (CODE, format!("      CodeUri: {archive}\n")),
        (
            ARCHITECTURES,
            format!("      Architectures: [{}]\n", architecture.name()),
        ),
        (BUILD, String::new()),
    ] {
        let occurrences = installing.matches(old).count();
        ensure!(
            occurrences == 1,
            "the provider's template has `{}` {occurrences} times, not once",
            old.trim()
        );
        installing = installing.replace(old, &new);
    }
    without_publication(&installing)
}

/// What is for publishing names files that are not beside this copy.
fn without_publication(template: &str) -> anyhow::Result<String> {
    let (before, rest) = template
        .split_once(PUBLICATION)
        .context("the provider's template has nothing for its publication")?;
    let (_, after) = rest
        .split_once(AFTER_PUBLICATION)
        .context("what is for the publication does not end where it should")?;
    Ok(format!("{before}{AFTER_PUBLICATION}{after}"))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// What the archives are made from.
fn commit() -> anyhow::Result<String> {
    let git = |arguments: &[&str]| said(Command::new("git").args(arguments).current_dir(root()?));
    let commit = git(&["rev-parse", "HEAD"])?;
    let is_clean = git(&["status", "--porcelain"])?.is_empty();
    let state = if is_clean { "" } else { " with changes" };
    Ok(format!("commit {commit}{state}"))
}

/// What the compiler says of itself. It is asked from the folder in which it builds, which may decide which one it is.
fn rustc(arguments: &[&str]) -> anyhow::Result<String> {
    said(Command::new("rustc").args(arguments).current_dir(root()?))
}

/// The output of a program that has to succeed.
fn said(command: &mut Command) -> anyhow::Result<String> {
    let output = command
        .output()
        .with_context(|| format!("cannot run {command:?}"))?;
    ensure!(
        output.status.success(),
        "{command:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn write(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_provider_s_template_names_the_archive_and_needs_no_build() {
        let original = provider().unwrap();
        let template = installing(&original, Architecture::X86_64, "bootstrap-x86_64.zip").unwrap();
        assert!(template.contains("CodeUri: bootstrap-x86_64.zip\n"));
        assert!(template.contains("Architectures: [x86_64]\n"));
        assert!(!template.contains("BuildMethod"));
        assert!(
            !template.contains("../"),
            "it names files that are elsewhere"
        );
        let resources =
            |template: &str| template[template.find("\nResources:").unwrap()..].to_owned();
        let lines = resources(&template).lines().count();
        assert_eq!(lines, resources(&original).lines().count() - 3);
    }

    #[test]
    fn the_publication_has_the_packages_version_and_files_that_are_there() {
        let folder = root().unwrap().join("templates");
        let template = fs::read_to_string(folder.join("provider.yaml")).unwrap();
        let value = |name: &str| {
            let mut lines = template.lines();
            lines
                .find_map(|line| line.trim().strip_prefix(name))
                .unwrap()
        };
        assert_eq!(value("SemanticVersion: "), env!("CARGO_PKG_VERSION"));
        // The guard's: CloudFormation calls it once for every release, because a property has changed.
        let version = format!("Version: {}", env!("CARGO_PKG_VERSION"));
        assert!(template.lines().any(|line| line.trim() == version));
        for file in ["LicenseUrl: ", "ReadmeUrl: "] {
            assert!(folder.join(value(file)).exists(), "{file}");
        }
    }

    #[test]
    fn another_template_is_refused() {
        let error = installing("CodeUri: elsewhere", Architecture::Arm64, "a.zip").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the provider's template has `CodeUri: ../handler` 0 times, not once"
        );
    }

    #[test]
    fn a_path_in_a_program_is_found() {
        assert!(contains(
            b"\0/home/me/.cargo/registry\0",
            b"/home/me/.cargo"
        ));
        assert!(!contains(b"\0/cargo/registry\0", b"/home/me/.cargo"));
    }
}
