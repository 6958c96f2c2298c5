//! `express diagnose`: what is wrong with a service now.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use express_handler::error::chain;
use serde_json::json;

use crate::connection::Connection;
use crate::monitor::{Output, now_ms};
use crate::reference::{self, Reference};
use crate::watch::facts::Fact;
use crate::watch::snapshot::Service;
use crate::watch::{look_closely, tree};

/// Exit code when something is wrong.
const FOUND: u8 = 1;

/// Below the arguments.
const AFTER_HELP: &str = "\
Exit codes: 0 nothing is wrong as far as can be seen; 1 there are findings; 2 there is no such service, or AWS refuses.
The codes of findings have their entries in handler/ERRORS.md. Permissions: those of `express monitor`.";

/// Say what is wrong with a service now, why, and what to do.
#[derive(Args)]
#[command(after_help = AFTER_HELP)]
pub struct Arguments {
    #[command(flatten)]
    reference: reference::Arguments,
    #[command(flatten)]
    connection: Connection,
    /// For people, or as one JSON object.
    #[arg(long, value_enum, default_value_t)]
    output: Output,
}

/// Looks once, and answers with the exit code.
///
/// # Errors
/// When the service cannot be looked at, or nothing can be written.
pub async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let reference = Reference::try_from(arguments.reference)?;
    let title = reference.to_string();
    let aws = arguments.connection.clients().await?;
    let snapshot = look_closely(aws, reference, now_ms())
        .await
        .map_err(|error| anyhow!("cannot look at the {title}: {}", chain(&error)))?;
    let Some(service) = &snapshot.service else {
        bail!("there is no {title}");
    };
    let text = match arguments.output {
        Output::Text => {
            let lines = tree::lines(&snapshot);
            let lines: Vec<String> = lines.iter().map(tree::Line::plain).collect();
            format!("{}\n\n{}", lines.join("\n"), summary(service))
        }
        Output::Json => document(service).to_string(),
    };
    writeln!(std::io::stdout(), "{text}").context("cannot write to standard output")?;
    Ok(if service.findings.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(FOUND)
    })
}

fn summary(service: &Service) -> String {
    match service.findings.as_slice() {
        [] => format!(
            "Nothing is wrong with service {} as far as can be seen.",
            service.arn.name
        ),
        findings => {
            let lines = findings
                .iter()
                .map(|finding| Fact::finding(finding).to_string());
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

fn document(service: &Service) -> serde_json::Value {
    let findings: Vec<Fact> = service.findings.iter().map(Fact::finding).collect();
    json!({
        "service": service.arn.arn,
        "status": service.status,
        "deployment": service.deployment.as_ref().map(|deployment| json!({
            "id": deployment.id,
            "status": deployment.status,
            "reason": deployment.status_reason,
        })),
        "findings": findings,
        "unread": service.unread,
    })
}
