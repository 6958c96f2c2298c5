//! `express diagnose`: what is wrong with a service now.

use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use clap::Args;
use express_core::diagnosis::Verdict;
use express_core::resources::ecs_service::DeploymentStatus;
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

/// What was found. Of a deployment that has failed it is why, and no suspicion any more.
fn findings(service: &Service) -> Vec<Fact> {
    let has_failed = service
        .deployment
        .as_ref()
        .is_some_and(|deployment| deployment.standing == DeploymentStatus::Failed);
    let told = service.findings.iter().map(|finding| {
        Fact::finding(&Verdict {
            is_certain: finding.is_certain || has_failed,
            ..finding.clone()
        })
    });
    told.collect()
}

fn summary(service: &Service) -> String {
    match findings(service).as_slice() {
        [] => format!(
            "Nothing is wrong with service {} as far as can be seen.",
            service.arn.name
        ),
        findings => {
            let lines = findings.iter().map(Fact::to_string);
            lines.collect::<Vec<_>>().join("\n")
        }
    }
}

fn document(service: &Service) -> serde_json::Value {
    json!({
        "service": service.arn.arn,
        "status": service.status,
        "deployment": service.deployment.as_ref().map(|deployment| json!({
            "id": deployment.id,
            "status": deployment.status,
            "reason": deployment.status_reason,
        })),
        "findings": findings(service),
        "unread": service.unread,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::snapshot::sample;

    #[test]
    fn what_was_suspected_is_why_a_deployment_has_failed() {
        for (standing, doubt) in [
            (DeploymentStatus::Running, " (suspected)"),
            (DeploymentStatus::GoingBack, " (suspected)"),
            (DeploymentStatus::Failed, ""),
        ] {
            let mut service = sample().service.expect("the sample has one");
            if let Some(deployment) = &mut service.deployment {
                deployment.standing = standing;
            }
            assert_eq!(
                summary(&service),
                format!("HealthCheckTimeout{doubt}: nothing answers. To do: answer")
            );
            assert_eq!(
                document(&service)["findings"][0]["certain"],
                doubt.is_empty()
            );
        }
    }
}
