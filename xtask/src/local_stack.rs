//! The local stack, for as long as something is tried on it: `cargo xtask demo --keep`, or one without the provider.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::thread;

use anyhow::{Context, bail};

use crate::demo;

/// How the demo's line that sets variables begins.
const EXPORT: &str = "  export ";
/// What the demo says last.
const ALL_RUNNING: &str = "Ctrl-C ends everything.";

/// A demo that waits. Dropping it ends it, and with it all that it started.
pub struct LocalStack {
    process: Child,
    variables: Vec<(String, String)>,
}

impl LocalStack {
    /// Builds and starts the demo, and waits until it has shown everything: there is a provider, with two services.
    ///
    /// # Errors
    /// When it fails on the way.
    pub fn with_provider() -> anyhow::Result<Self> {
        let keep = demo::Arguments {
            keep: true,
            ..demo::Arguments::default()
        };
        Self::start(demo::prepare(&keep)?)
    }

    /// Builds and starts a local stack that has only a hosted zone, `HOSTED_ZONE_ID`.
    ///
    /// # Errors
    /// When it does not come up.
    pub fn empty() -> anyhow::Result<Self> {
        Self::start(demo::empty()?)
    }

    fn start(mut demo: Command) -> anyhow::Result<Self> {
        let mut process = demo
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start the demo")?;
        let output = process.stdout.take().context("the output is not piped")?;
        let mut local_stack = Self {
            process,
            variables: Vec::new(),
        };
        let mut lines = BufReader::new(output).lines();
        for line in &mut lines {
            let line = line?;
            local_stack.variables.extend(variables(&line));
            if line.ends_with(ALL_RUNNING) {
                // Whatever it still says must have somewhere to go.
                thread::spawn(move || lines.for_each(drop));
                return Ok(local_stack);
            }
        }
        bail!("the demo ended before everything was running")
    }

    /// What leads the AWS CLI, the SDKs and the CDK there, and nowhere else.
    pub fn variables(&self) -> impl Iterator<Item = (&str, &str)> {
        let own = self
            .variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        own.chain([
            ("AWS_CONFIG_FILE", "/dev/null"),
            ("AWS_SHARED_CREDENTIALS_FILE", "/dev/null"),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ])
    }
}

impl Drop for LocalStack {
    fn drop(&mut self) {
        // Asked to end, the demo ends what it started; killed, it could not.
        let id = self.process.id().to_string();
        if let Err(error) = Command::new("kill").args(["-TERM", &id]).status() {
            eprintln!("cannot end the demo, process {id}: {error}");
        }
        if let Err(error) = self.process.wait() {
            eprintln!("the demo, process {id}, did not end: {error}");
        }
    }
}

/// `  export A=1 B=2`
fn variables(line: &str) -> Vec<(String, String)> {
    let assignments = line.strip_prefix(EXPORT).unwrap_or_default();
    assignments
        .split(' ')
        .filter_map(|assignment| assignment.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_from_what_the_demo_says() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            variables("  export A=1 B=http://127.0.0.1:4600"),
            [pair("A", "1"), pair("B", "http://127.0.0.1:4600")]
        );
        assert_eq!(variables("  aws elbv2 describe-load-balancers a=b"), []);
    }
}
