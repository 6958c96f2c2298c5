//! The two halves of the local stack, joined: `local-aws` in this process, MiniStack beside it.

use anyhow::{Context, ensure};
use express_core::naming::TAG_PROVIDER;
use local_aws::clock::Clock;
use local_aws::wire::Service;
use local_aws::{Account, LocalAws, server};
use serde_json::json;

use super::gateway::Gateway;
use super::ministack::MiniStack;
use super::{ACCOUNT_ID, DOMAIN_NAME, Options, PACKAGE, REGION, package, template};

/// A running local stack. Dropping it ends what it started.
pub struct LocalStack {
    /// What the provider works on.
    pub account: LocalAws,
    /// Where others reach it.
    pub local_aws: String,
    ministack: MiniStack,
}

impl LocalStack {
    /// Starts both halves.
    ///
    /// # Errors
    /// When one does not come up.
    pub async fn start(options: &Options) -> anyhow::Result<Self> {
        ensure!(options.rate >= 1, "the rate must be at least 1");
        std::fs::create_dir_all(&options.work_folder)
            .with_context(|| format!("cannot make {}", options.work_folder.display()))?;
        let account = LocalAws::new(local_aws::Settings {
            account: Account {
                id: ACCOUNT_ID.to_owned(),
                region: REGION.to_owned(),
                partition: "aws".to_owned(),
            },
            clock: Clock::scaled(f64::from(options.rate)),
            seed: 1,
        });
        account.demand_tag(TAG_PROVIDER);
        let listener = server::listen(0).await?;
        let local_aws = format!("http://{}", listener.local_addr()?);
        tokio::spawn(server::serve(account.clone(), listener));
        let ministack = MiniStack::start(
            &options.python,
            &options.work_folder,
            &local_aws,
            options.rate,
        )
        .await?;
        Ok(Self {
            account,
            local_aws,
            ministack,
        })
    }

    /// CloudFormation, S3 and IAM.
    #[must_use]
    pub const fn gateway(&self) -> Gateway {
        self.ministack.gateway()
    }

    /// Uploads the function, as `sam package` would, and tells the provider's template that names it.
    ///
    /// # Errors
    /// When the package cannot be made, or the template is not as expected.
    pub async fn provider_template(&self, options: &Options) -> anyhow::Result<String> {
        let Options {
            python,
            bootstrap,
            work_folder,
            rate: _,
            keep: _,
        } = options;
        let archive = package::archive(python, bootstrap, work_folder)?;
        let bucket = PACKAGE.split('/').next().unwrap_or(PACKAGE);
        let gateway = self.gateway();
        gateway
            .put_to_s3(&format!("/{bucket}"), bytes::Bytes::new())
            .await?;
        gateway.put_to_s3(&format!("/{PACKAGE}"), archive).await?;
        package::template(&template("provider.yaml")?, &format!("s3://{PACKAGE}"))
    }

    /// Makes a hosted zone for the domain, and tells its id.
    ///
    /// # Errors
    /// When it is refused.
    pub fn hosted_zone(&self) -> anyhow::Result<String> {
        let zone = self
            .account
            .perform(
                Service::Route53,
                "CreateHostedZone",
                json!({"path": "/2013-04-01/hostedzone", "body": {"Name": DOMAIN_NAME, "CallerReference": "demo"}}),
            )
            .map_err(|refusal| anyhow::anyhow!("CreateHostedZone was refused: {refusal:?}"))?;
        let id = zone
            .pointer("/CreateHostedZoneResponse/HostedZone/Id")
            .and_then(serde_json::Value::as_str);
        Ok(id
            .context("CreateHostedZone answers no id")?
            .replace("/hostedzone/", ""))
    }

    /// Makes the execution and the infrastructure role, and tells their ARNs.
    ///
    /// # Errors
    /// When one is refused.
    pub async fn roles(&self) -> anyhow::Result<[String; 2]> {
        Ok([
            self.role("ecsTaskExecutionRole", "ecs-tasks.amazonaws.com")
                .await?,
            self.role("ecsInfrastructureRole", "ecs.amazonaws.com")
                .await?,
        ])
    }

    /// Makes a role that a service of AWS may assume, and tells its ARN.
    ///
    /// # Errors
    /// When it is refused.
    pub async fn role(&self, name: &str, service: &str) -> anyhow::Result<String> {
        let trust = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
        })
        .to_string();
        self.gateway()
            .iam(
                "CreateRole",
                &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)],
            )
            .await?;
        Ok(format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}"))
    }
}
