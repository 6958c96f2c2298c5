//! The demo: the provider's real binary under a CloudFormation engine, and what it does to an account, live.
//!
//! ```text
//! stages ─► gateway ─► MiniStack (CloudFormation, Lambda, Step Functions, DynamoDB, KMS, S3, IAM)
//!    │                     └─► bootstrap ─► local-aws (EC2, ELB, ECS, ACM, Route 53, alarms, logs, auto scaling)
//!    └── tree ◄── look ◄────────────────────────┘ in this process
//! ```
//!
//! `local-aws` runs in this process, so that it can be watched; everyone else reaches it over HTTP, as AWS.
//! Its time runs `rate` times as fast, the waiter's waits are as much shorter, and the handler knows nothing of
//! it. Every stage checks [`facts`]; the first that is not as expected ends the demo with a failure.

#![expect(
    clippy::disallowed_methods,
    reason = "the rule is for the provider; the demo waits for other processes, in real time"
)]

mod deployments;
mod facts;
mod gateway;
mod ministack;
mod package;
mod resource;
mod screen;
mod stack;
mod stages;
mod tree;
mod watching;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use local_aws::clock::Clock;
use local_aws::wire::Service;
use local_aws::{Account, LocalAws, server};
use serde_json::json;

use crate::account::Inventory;
use gateway::Gateway;
use ministack::MiniStack;
use screen::Screen;
use stages::{FIRST_STACK, PROVIDER_STACK, SECOND_STACK, Stages};
use tree::Tree;

/// The account of the local stack.
const ACCOUNT_ID: &str = "123456789012";
/// Its region.
const REGION: &str = "us-east-1";
/// The domain that the account has a hosted zone for.
const DOMAIN_NAME: &str = "apps.example.com";
/// Bucket and key of the deployment package.
const PACKAGE: &str = "express-packages/bootstrap.zip";
/// The services that are `local-aws`'s, as the SDKs' variables name them.
/// AWS: <https://docs.aws.amazon.com/sdkref/latest/guide/ss-endpoints-table.html>
const LOCAL_AWS_SERVICES: [&str; 9] = [
    "ACM",
    "APPLICATION_AUTO_SCALING",
    "CLOUDWATCH",
    "CLOUDWATCH_LOGS",
    "EC2",
    "ECS",
    "ELASTIC_LOAD_BALANCING_V2",
    "ROUTE_53",
    "WAFV2",
];

/// What the demo is started with.
#[derive(Clone, Debug)]
pub struct Options {
    /// A Python that has MiniStack.
    pub python: PathBuf,
    /// The provider's binary, built for this machine.
    pub bootstrap: PathBuf,
    /// Where logs and the deployment package go.
    pub work_folder: PathBuf,
    /// Simulated seconds per second; at least 1.
    pub rate: u32,
    /// Leave the services and everything else running at the end.
    pub keep: bool,
}

/// Runs all stages. Dropping the future ends everything that was started.
///
/// # Errors
/// When a stage does not end as it should; the text says what is different.
pub async fn run(options: &Options) -> anyhow::Result<()> {
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
    let gateway = ministack.gateway();

    let code_uri = upload(gateway, options).await?;
    let provider = package::template(&template("provider.yaml")?, &code_uri)?;
    let mut stages = prepared(account, gateway).await?;
    stages.screen.say(&format!(
        "Account {ACCOUNT_ID}, {REGION}. A second here is {} simulated ones; durations are simulated.",
        options.rate
    ));
    stages.provider(&provider).await?;
    stages.services().await?;
    if options.keep {
        stages.screen.say(&how_to_look(gateway, &local_aws));
        return std::future::pending().await;
    }
    stages.deletes().await?;
    stages.conclude()
}

/// What an account has before the provider: a hosted zone for the domain, and two roles.
async fn prepared(account: LocalAws, gateway: Gateway) -> anyhow::Result<Stages> {
    let zone = account
        .perform(
            Service::Route53,
            "CreateHostedZone",
            json!({"path": "/2013-04-01/hostedzone", "body": {"Name": DOMAIN_NAME, "CallerReference": "demo"}}),
        )
        .map_err(|refusal| anyhow::anyhow!("CreateHostedZone was refused: {refusal:?}"))?;
    let hosted_zone_id = zone
        .pointer("/CreateHostedZoneResponse/HostedZone/Id")
        .and_then(serde_json::Value::as_str)
        .context("CreateHostedZone answers no id")?
        .replace("/hostedzone/", "");
    let snapshot = account.snapshot();
    Ok(Stages {
        gateway,
        tree: Tree::new(&Inventory::read(&snapshot, &hosted_zone_id)),
        screen: Screen::new(snapshot.clock().now_ms()),
        account,
        hosted_zone_id,
        stage: 0,
        watching: None,
        quickstart: template("quickstart.yaml")?,
        execution_role: role(gateway, "ecsTaskExecutionRole", "ecs-tasks.amazonaws.com").await?,
        infrastructure_role: role(gateway, "ecsInfrastructureRole", "ecs.amazonaws.com").await?,
    })
}

/// Makes a role that a service of AWS may assume, and tells its ARN.
async fn role(gateway: Gateway, name: &str, service: &str) -> anyhow::Result<String> {
    let trust = json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}],
    })
    .to_string();
    gateway
        .iam(
            "CreateRole",
            &[("RoleName", name), ("AssumeRolePolicyDocument", &trust)],
        )
        .await?;
    Ok(format!("arn:aws:iam::{ACCOUNT_ID}:role/{name}"))
}

/// Uploads the deployment package, as `sam package` would, and tells where it is.
async fn upload(gateway: Gateway, options: &Options) -> anyhow::Result<String> {
    let Options {
        python,
        bootstrap,
        work_folder,
        rate: _,
        keep: _,
    } = options;
    let archive = package::archive(python, bootstrap, work_folder)?;
    let bucket = PACKAGE.split('/').next().unwrap_or(PACKAGE);
    gateway
        .put_to_s3(&format!("/{bucket}"), bytes::Bytes::new())
        .await?;
    gateway.put_to_s3(&format!("/{PACKAGE}"), archive).await?;
    Ok(format!("s3://{PACKAGE}"))
}

fn template(name: &str) -> anyhow::Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("templates")
        .join(name);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// For whoever wants to look around with the AWS CLI.
fn how_to_look(gateway: Gateway, local_aws: &str) -> String {
    let mut lines = vec![
        "\nEverything is still running. To look around with the AWS CLI, in another terminal:\n"
            .to_owned(),
        format!(
            "  export AWS_ACCESS_KEY_ID={ACCOUNT_ID} AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={REGION}"
        ),
        format!("  export AWS_ENDPOINT_URL={}", gateway.url()),
    ];
    let variables = LOCAL_AWS_SERVICES
        .map(|service| format!("  export AWS_ENDPOINT_URL_{service}={local_aws}"));
    lines.extend(variables);
    lines.extend([
        format!("  aws cloudformation describe-stack-events --stack-name {FIRST_STACK}"),
        "  aws elbv2 describe-load-balancers".to_owned(),
        format!("  aws cloudformation delete-stack --stack-name {SECOND_STACK}"),
        format!("\nThe stacks are {PROVIDER_STACK}, {FIRST_STACK} and {SECOND_STACK}. Ctrl-C ends everything."),
    ]);
    lines.join("\n")
}
