//! `express monitor`: shows what becomes of a service until its deployment has ended.

mod screen;
mod terminal;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::{Args, ValueEnum};
use express_handler::aws::error::AwsError;
use express_handler::error::chain;

use crate::connection::Connection;
use crate::reference::{self, Reference};
use crate::watch::ending::Ending;
use crate::watch::facts::Fact;
use crate::watch::{Look, Watch};

/// Failed looks in a row after which nothing is hoped for any more.
const FAILURES_MAX: u32 = 5;

/// Below the arguments.
const AFTER_HELP: &str = "\
Exit codes: 0 the newest deployment succeeded and the service is steady; 1 it failed, was rolled back, or the service
was deleted; 2 there is no such service, or AWS refuses; 3 the time is up; 130 stopped by q, Ctrl-C or a signal.

Nothing is changed. Permissions: ecs:DescribeServices, ecs:DescribeServiceDeployments, ecs:DescribeServiceRevisions,
ecs:DescribeTaskDefinition, cloudwatch:DescribeAlarms, elasticloadbalancing:DescribeRules, DescribeLoadBalancers and
DescribeTargetHealth, application-autoscaling:DescribeScalableTargets; to explain a failure also ecs:ListTasks,
ecs:DescribeTasks and logs:FilterLogEvents; to find a service by its stack also ecs:ListServices, and ecs:ListClusters
without --cluster. Only the first two must be there: what else is denied is not shown.

With AWS_ENDPOINT_URL it watches `express local serve`.";

/// Watch a service until its deployment has ended.
///
/// On a terminal as a screen that is scrolled with the arrow keys and left with q; otherwise one line for each change.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    reference: reference::Arguments,
    #[command(flatten)]
    connection: Connection,
    /// How changes are told: as a screen or lines, or as JSON, one object on each line.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
    /// Lines also on a terminal.
    #[arg(long)]
    plain: bool,
    /// Minutes to wait for the service, and for a deployment that has not begun yet.
    #[arg(long, default_value_t = 0)]
    wait: u32,
    /// Minutes after which watching ends.
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u32).range(1..))]
    timeout: u32,
    /// Seconds between looks.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    interval: u32,
}

/// How changes are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// Watches, and answers with the exit code.
///
/// # Errors
/// When the service cannot be looked at, or nothing can be written.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let reference = Reference::try_from(arguments.reference)?;
    let aws = arguments.connection.clients().await?;
    let minutes = |count: u32| Duration::from_secs(u64::from(count) * 60);
    let now_ms = now_ms();
    let watching = Watching {
        title: reference.to_string(),
        watch: Watch::new(aws, reference, now_ms + millis(minutes(arguments.wait))),
        until_ms: now_ms + millis(minutes(arguments.timeout)),
        every: Duration::from_secs(u64::from(arguments.interval)),
        failures: 0,
    };
    let is_screen = arguments.output == Output::Text
        && !arguments.plain
        && std::io::stdout().is_terminal()
        && std::io::stdin().is_terminal();
    let ending = if is_screen {
        screen::show(watching).await?
    } else {
        tell(watching, arguments.output).await?
    };
    Ok(ExitCode::from(ending.exit_code()))
}

/// A watch in real time.
struct Watching {
    title: String,
    watch: Watch,
    until_ms: u64,
    every: Duration,
    failures: u32,
}

/// What a look came to.
enum Seen {
    Look(Box<Look>),
    /// AWS did not answer, and may do so next time.
    Trouble(String),
    TimeUp,
}

impl Watching {
    async fn look(&mut self) -> anyhow::Result<Seen> {
        let now_ms = now_ms();
        match self.watch.look(now_ms).await {
            Ok(look) if look.ending.is_none() && now_ms >= self.until_ms => Ok(Seen::TimeUp),
            Ok(look) => {
                self.failures = 0;
                Ok(Seen::Look(Box::new(look)))
            }
            Err(error) => self.trouble(error),
        }
    }

    fn trouble(&mut self, error: AwsError) -> anyhow::Result<Seen> {
        self.failures += 1;
        let text = chain(&error).to_string();
        if error.class.is_retriable() && self.failures < FAILURES_MAX {
            return Ok(Seen::Trouble(text));
        }
        Err(anyhow::anyhow!(text)).with_context(|| format!("cannot look at the {}", self.title))
    }
}

/// Tells changes line by line.
async fn tell(mut watching: Watching, output: Output) -> anyhow::Result<Ending> {
    loop {
        match watching.look().await? {
            Seen::Look(look) => {
                for fact in &look.news {
                    say(fact, look.snapshot.at_ms, output)?;
                }
                if let Some(ending) = look.ending {
                    return Ok(ending);
                }
            }
            Seen::Trouble(text) => say(&Fact::Unread { message: text }, now_ms(), output)?,
            Seen::TimeUp => {
                let message = "the time is up; the deployment goes on".to_owned();
                say(&Fact::ending(Ending::TimeUp, message), now_ms(), output)?;
                return Ok(Ending::TimeUp);
            }
        }
        if is_interrupted_within(watching.every).await? {
            return Ok(Ending::Stopped);
        }
    }
}

fn say(fact: &Fact, at_ms: u64, output: Output) -> anyhow::Result<()> {
    let line = match output {
        Output::Text => fact.line(at_ms),
        Output::Json => fact.json(at_ms)?,
    };
    writeln!(std::io::stdout(), "{line}").context("cannot write to standard output")
}

#[expect(
    clippy::disallowed_methods,
    reason = "the rule is for the provider; a person watches in real time"
)]
async fn is_interrupted_within(duration: Duration) -> anyhow::Result<bool> {
    tokio::select! {
        () = tokio::time::sleep(duration) => Ok(false),
        interrupted = tokio::signal::ctrl_c() => {
            interrupted.context("cannot listen for Ctrl-C")?;
            Ok(true)
        }
    }
}

pub(crate) fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    millis(since_epoch.unwrap_or_default())
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use clap::{Command, FromArgMatches};

    use super::*;

    fn parsed(arguments: &[&str]) -> Result<Arguments, clap::Error> {
        let command = Arguments::augment_args(Command::new("monitor").no_binary_name(true));
        let matches = command.try_get_matches_from(arguments)?;
        Arguments::from_arg_matches(&matches)
    }

    #[test]
    fn a_service_is_named_by_its_arn_or_by_stack_and_logical_id() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:service/default/web";
        let by_arn = parsed(&[arn]).map(|arguments| arguments.reference);
        let by_arn = Reference::try_from(by_arn.unwrap()).unwrap();
        assert_eq!(by_arn.to_string(), format!("service `{arn}`"));
        let by_stack = parsed(&[
            "--stack",
            "shop",
            "--logical-id",
            "Web",
            "--cluster",
            "prod",
        ]);
        let by_stack = Reference::try_from(by_stack.unwrap().reference).unwrap();
        assert_eq!(by_stack.to_string(), "service of `Web` in stack `shop`");
        for wrong in [
            &[] as &[&str],
            &["--stack", "shop"],
            &["--logical-id", "Web"],
            &[arn, "--stack", "shop", "--logical-id", "Web"],
            &[arn, "--interval", "0"],
        ] {
            assert!(parsed(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_arguments_fit_together() {
        Arguments::augment_args(Command::new("monitor")).debug_assert();
        crate::diagnose::Arguments::augment_args(Command::new("diagnose")).debug_assert();
    }
}
