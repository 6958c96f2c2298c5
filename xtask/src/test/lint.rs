//! Steps that look at templates and workflows without running them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::{Tally, command, files, one};
use crate::root;
use crate::tools::{self, Environment};

/// Digits of a commit's name.
const COMMIT_LENGTH: usize = 40;

pub fn cfn_lint() -> anyhow::Result<Tally> {
    let programs = tools::ready(Environment::Lint)?;
    one(command(&programs.join("cfn-lint"))?
        .args(["--append-rules", "templates/cfn-lint", "--"])
        .args(templates()?))
}

pub fn sam_validate() -> anyhow::Result<Tally> {
    let programs = tools::ready(Environment::Lint)?;
    let mut tally = Tally::default();
    for template in templates()? {
        let mut sam = command(&programs.join("sam"))?;
        sam.args(["validate", "--lint", "--region", "us-east-1", "--template"])
            .arg(template)
            .env("SAM_CLI_TELEMETRY", "0");
        tally.add(one(&mut sam)?);
    }
    Ok(tally)
}

/// No finding is left that the template does not give a reason for.
pub fn checkov() -> anyhow::Result<Tally> {
    let programs = tools::ready(Environment::Policy)?;
    one(command(&programs.join("checkov"))?
        .args(["--framework", "cloudformation", "--skip-download"])
        .args(["--compact", "--quiet", "--file", "templates/provider.yaml"]))
}

/// Our workflows, and the one that users copy, have the form that GitHub asks for, and name actions by commit.
pub fn workflows() -> anyhow::Result<Tally> {
    let mut workflows = files(&root()?.join(".github").join("workflows"), "yml")?;
    workflows.extend(files(&examples()?, "yml")?);
    for workflow in &workflows {
        let text = fs::read_to_string(workflow)
            .with_context(|| format!("cannot read {}", workflow.display()))?;
        let moving = moving_actions(&text);
        ensure!(
            moving.is_empty(),
            "{}: not named by commit: {}",
            workflow.display(),
            moving.join(", ")
        );
    }
    let programs = tools::ready(Environment::Workflows)?;
    one(command(&programs.join("check-jsonschema"))?
        .args(["--builtin-schema", "vendor.github-workflows"])
        .args(workflows))
}

/// The actions of a workflow whose code may be another tomorrow.
fn moving_actions(workflow: &str) -> Vec<&str> {
    workflow
        .lines()
        .filter_map(|line| line.trim().trim_start_matches("- ").strip_prefix("uses:"))
        .filter_map(|action| action.split_whitespace().next())
        .filter(|action| !action.split_once('@').is_some_and(|(_, at)| is_commit(at)))
        .collect()
}

fn is_commit(text: &str) -> bool {
    text.len() == COMMIT_LENGTH && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn templates() -> anyhow::Result<Vec<PathBuf>> {
    let mut templates = files(&root()?.join("templates"), "yaml")?;
    templates.extend(files(&examples()?, "yaml")?);
    Ok(templates)
}

fn examples() -> anyhow::Result<PathBuf> {
    Ok(root()?.join(Path::new("templates/examples")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_no_commit() {
        let workflow = "steps:\n  - uses: a/b@v4\n  - id: c\n    uses: c/d@08c6903cd8c0fde910a37f88322edcfb5dd907a8 # v5\n  - uses: ./e\n";
        assert_eq!(moving_actions(workflow), ["a/b@v4", "./e"]);
    }
}
