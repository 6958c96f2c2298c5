//! What `express monitor` tells of a service while a stage runs, from the account's own time.

use anyhow::Context;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{SharedAsyncSleep, TokioSleep};
use express_cli::reference::{Reference, ServiceArn};
use express_cli::watch::Watch;
use express_cli::watch::ending::Ending;
use express_cli::watch::facts::Fact;
use express_handler::aws::AwsClients;
use local_aws::LocalAws;
use local_aws::connector::InProcess;

use super::{ACCOUNT_ID, REGION};

/// Simulated milliseconds between looks: those of `express monitor`.
const EVERY_MS: u64 = 5_000;
/// For how long a deployment is waited for that has not begun yet, in simulated milliseconds.
const WAIT_MS: u64 = 600_000;

/// A service that is watched.
pub struct Watching {
    account: LocalAws,
    watch: Watch,
    due_ms: u64,
    /// How its deployment has ended.
    pub ending: Option<Ending>,
    /// Percent of the traffic that the new revision had, one after the other.
    pub percents: Vec<f64>,
    /// Codes of what was found.
    pub findings: Vec<String>,
}

impl Watching {
    /// Waits for the next deployment of a service.
    ///
    /// # Errors
    /// When this is not the ARN of a service.
    pub fn new(account: &LocalAws, service_arn: &str) -> anyhow::Result<Self> {
        let service = ServiceArn::parse(service_arn).context("the physical id is not an ARN")?;
        let now_ms = account.clock().now_ms();
        let reference = Reference::Service(service);
        Ok(Self {
            watch: Watch::new(clients(account), reference, now_ms + WAIT_MS),
            account: account.clone(),
            due_ms: now_ms,
            ending: None,
            percents: Vec::new(),
            findings: Vec::new(),
        })
    }

    /// Looks if it is time to, and returns when it was and what is new of the deployment; the rest is in the tree.
    ///
    /// # Errors
    /// When the account does not answer.
    pub async fn look(&mut self) -> anyhow::Result<(u64, Vec<Fact>)> {
        let now_ms = self.account.clock().now_ms();
        if self.ending.is_some() || now_ms < self.due_ms {
            return Ok((now_ms, Vec::new()));
        }
        self.due_ms = now_ms + EVERY_MS;
        let mut look = self.watch.look(now_ms).await?;
        self.ending = look.ending;
        look.news.retain(is_of_deployment);
        for fact in &look.news {
            match fact {
                Fact::Traffic { new_percent, .. } => self.percents.push(*new_percent),
                Fact::Finding { code, .. } => self.findings.push(code.clone()),
                _ => {}
            }
        }
        Ok((now_ms, look.news))
    }
}

const fn is_of_deployment(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Deployment { .. }
            | Fact::Traffic { .. }
            | Fact::Bake { .. }
            | Fact::Alarm { .. }
            | Fact::Finding { .. }
            | Fact::Ending { .. }
    )
}

fn clients(account: &LocalAws) -> AwsClients {
    let credentials = Credentials::new(ACCOUNT_ID, "local", None, None, "demo");
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(InProcess::new(account.clone()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build();
    AwsClients::new(&config)
}
