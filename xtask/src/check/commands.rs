//! The commands in the shell blocks of the documentation: each begins as one that is known here, with the step or the
//! file of tests that runs it, or with why none does.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, ensure};

use crate::{root, test};

/// What makes sure that a command works.
enum Known {
    /// A step of `cargo xtask test` runs it.
    Step(&'static str),
    /// A file of tests runs it, with this in its text.
    Test(&'static str, &'static str),
    /// It needs what no test has.
    Unrun(&'static str),
}

/// How the commands of `README.md` and `docs/` begin. The longest beginning that fits counts.
const COMMANDS: &[(&str, Known)] = &[
    ("cargo xtask demo", Known::Step("the demo")),
    (
        "cargo xtask test",
        Known::Unrun("it is what runs this check"),
    ),
    (
        "cfn-lint --append-rules",
        Known::Step("templates: cfn-lint"),
    ),
    (
        "sam build",
        Known::Step("sam build and deploy to the local stack"),
    ),
    (
        "sam deploy",
        Known::Step("sam build and deploy to the local stack"),
    ),
    (
        "aws cloudformation package",
        Known::Test(
            "tests/sam/test_sam.py",
            "test_the_package_is_deployed_as_the_readme_says",
        ),
    ),
    (
        "aws cloudformation deploy",
        Known::Test(
            "tests/sam/test_sam.py",
            "test_the_package_is_deployed_as_the_readme_says",
        ),
    ),
    (
        "express monitor",
        Known::Test(
            "cli/src/monitor.rs",
            r#""--stack", "shop", "--logical-id", "Web""#,
        ),
    ),
    (
        "cargo run -p express-cli -- local serve",
        Known::Step("conformance of local-aws"),
    ),
    (
        "export AWS_",
        Known::Test("tests/conformance/aws_cli.py", "AWS_ACCESS_KEY_ID"),
    ),
    (
        "aws ec2 describe-subnets",
        Known::Test("tests/conformance/aws_cli.yaml", "describe-subnets"),
    ),
];

/// Fails on a command that is not known, and on an entry of the table that is not needed or not true.
///
/// # Errors
/// All of them are named.
pub fn check() -> anyhow::Result<()> {
    let mut problems = Vec::new();
    let mut used = vec![false; COMMANDS.len()];
    for page in pages()? {
        let text =
            fs::read_to_string(&page).with_context(|| format!("cannot read {}", page.display()))?;
        for command in commands(&text) {
            let fitting = COMMANDS
                .iter()
                .enumerate()
                .filter(|(_, (beginning, _))| command.starts_with(beginning));
            let longest = fitting.max_by_key(|(_, (beginning, _))| beginning.len());
            match longest.and_then(|(index, _)| used.get_mut(index)) {
                Some(used) => *used = true,
                None => problems.push(format!("{}: no test knows `{command}`", page.display())),
            }
        }
    }
    for ((beginning, known), used) in COMMANDS.iter().zip(used) {
        if !used {
            problems.push(format!("`{beginning}` is in no page"));
        }
        problems.extend(untrue(beginning, known)?);
    }
    ensure!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

/// What is wrong with an entry of the table.
fn untrue(beginning: &str, known: &Known) -> anyhow::Result<Option<String>> {
    Ok(match known {
        Known::Step(step) => (!test::has_step(step))
            .then(|| format!("`{beginning}`: `cargo xtask test` has no step `{step}`")),
        Known::Test(file, part) => {
            let path = root()?.join(file);
            let text = fs::read_to_string(&path)
                .with_context(|| format!("cannot read {}", path.display()))?;
            (!text.contains(part)).then(|| format!("`{beginning}`: {file} does not have `{part}`"))
        }
        Known::Unrun(reason) => reason
            .is_empty()
            .then(|| format!("`{beginning}` has no reason")),
    })
}

fn pages() -> anyhow::Result<Vec<PathBuf>> {
    let mut pages = vec![root()?.join("README.md")];
    pages.extend(test::files(&root()?.join("docs"), "md")?);
    Ok(pages)
}

/// The commands of all blocks that are marked as a shell's; a line that ends with a backslash goes on.
fn commands(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut is_inside = false;
    let mut begun = String::new();
    for line in page.lines() {
        if line.starts_with("```") {
            is_inside = line == "```sh";
            continue;
        }
        if !is_inside {
            continue;
        }
        let line = line.split(" #").next().unwrap_or_default().trim();
        if let Some(beginning) = line.strip_suffix('\\') {
            begun += beginning;
        } else if !line.is_empty() {
            found.push(std::mem::take(&mut begun) + line);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blocks_of_a_shell_have_commands() {
        let page =
            "`cargo a`\n```sh\ncargo b    # why\n\naws c \\\n  --d\n```\n```yaml\nType: x\n```\n";
        assert_eq!(commands(page), ["cargo b", "aws c --d"]);
    }

    #[test]
    fn an_entry_must_be_true() {
        let problem = |known| untrue("sam build", &known).unwrap();
        assert!(problem(Known::Step("no such step")).is_some());
        assert!(problem(Known::Test("README.md", "no such text, surely")).is_some());
        assert_eq!(problem(Known::Step("formatting")), None);
    }
}
