//! What is deployed: `bootstrap` as a deployment package, and a copy of the provider's template that names it.

use std::path::Path;
use std::process::Command;

use anyhow::{Context, ensure};
use bytes::Bytes;

/// Where the template says that its code is.
const CODE_URI: &str = "CodeUri: ../handler";
/// The architecture that the template builds for.
const ARCHITECTURE: &str = "Architectures: [arm64]";

/// A ZIP archive with `bootstrap` in its root, as Lambda takes it.
///
/// Not compressed: that would take longer than everything that is then done with it.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/configuration-function-zip.html>
///
/// # Errors
/// When the archive cannot be made.
pub fn archive(python: &Path, bootstrap: &Path, folder: &Path) -> anyhow::Result<Bytes> {
    let archive = folder.join("bootstrap.zip");
    let program =
        "import sys, zipfile; zipfile.ZipFile(sys.argv[1], 'w').write(sys.argv[2], 'bootstrap')";
    let status = Command::new(python)
        .args(["-c", program])
        .arg(&archive)
        .arg(bootstrap)
        .status()
        .with_context(|| format!("cannot run {}", python.display()))?;
    ensure!(
        status.success(),
        "cannot put {} into an archive",
        bootstrap.display()
    );
    let bytes =
        std::fs::read(&archive).with_context(|| format!("cannot read {}", archive.display()))?;
    Ok(bytes.into())
}

/// The provider's template with the host's own build in the place of the one for Lambda.
///
/// # Errors
/// When the template is not of the form that this expects.
pub fn template(original: &str, code_uri: &str) -> anyhow::Result<String> {
    let architecture = if cfg!(target_arch = "aarch64") {
        "arm64"
    } else {
        "x86_64"
    };
    let copy = replaced(original, CODE_URI, &format!("CodeUri: {code_uri}"))?;
    replaced(
        &copy,
        ARCHITECTURE,
        &format!("Architectures: [{architecture}]"),
    )
}

fn replaced(template: &str, old: &str, new: &str) -> anyhow::Result<String> {
    let occurrences = template.matches(old).count();
    ensure!(
        occurrences == 1,
        "the template has `{old}` {occurrences} times, not once"
    );
    Ok(template.replace(old, new))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_template_without_the_expected_code_is_refused() {
        let error = template("CodeUri: elsewhere", "s3://a/b").unwrap_err();
        assert_eq!(
            error.to_string(),
            "the template has `CodeUri: ../handler` 0 times, not once"
        );
    }
}
