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
pub mod examples;
mod facts;
mod gateway;
mod local_stack;
mod ministack;
mod package;
mod resource;
mod screen;
mod stack;
mod stages;
mod tree;
mod watching;

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::account::Inventory;
use local_stack::LocalStack;
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

/// How the last line ends, when nothing more comes until somebody ends it.
const END: &str = "Ctrl-C ends everything.";

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
    let local_stack = LocalStack::start(options).await?;
    let provider = local_stack.provider_template(options).await?;
    let mut stages = prepared(&local_stack).await?;
    stages.screen.say(&format!(
        "Account {ACCOUNT_ID}, {REGION}. A second here is {} simulated ones; durations are simulated.",
        options.rate
    ));
    stages.provider(&provider).await?;
    stages.services().await?;
    if options.keep {
        stages.screen.say(&how_to_look(&local_stack));
        return std::future::pending().await;
    }
    stages.deletes().await?;
    stages.conclude()
}

/// What an account has before the provider: a hosted zone for the domain, and two roles.
async fn prepared(local_stack: &LocalStack) -> anyhow::Result<Stages> {
    let hosted_zone_id = local_stack.hosted_zone()?;
    let [execution_role, infrastructure_role] = local_stack.roles().await?;
    let snapshot = local_stack.account.snapshot();
    Ok(Stages {
        gateway: local_stack.gateway(),
        tree: Tree::new(&Inventory::read(&snapshot, &hosted_zone_id)),
        screen: Screen::new(snapshot.clock().now_ms()),
        account: local_stack.account.clone(),
        hosted_zone_id,
        stage: 0,
        watching: None,
        quickstart: template("quickstart.yaml")?,
        execution_role,
        infrastructure_role,
    })
}

fn template(name: &str) -> anyhow::Result<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("templates")
        .join(name);
    std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// A local stack with a hosted zone and without the provider, until the future is dropped.
///
/// # Errors
/// When it does not come up.
pub async fn empty(options: &Options) -> anyhow::Result<()> {
    let local_stack = LocalStack::start(options).await?;
    let hosted_zone_id = local_stack.hosted_zone()?;
    let mut lines = exports(&local_stack);
    lines.push(format!("  export HOSTED_ZONE_ID={hosted_zone_id}"));
    lines.push(format!("\nThe zone is that of {DOMAIN_NAME}. {END}"));
    Screen::new(local_stack.account.clock().now_ms()).say(&lines.join("\n"));
    std::future::pending().await
}

/// For whoever wants to look around with the AWS CLI.
fn how_to_look(local_stack: &LocalStack) -> String {
    let mut lines = vec![
        "\nEverything is still running. To look around with the AWS CLI, in another terminal:\n"
            .to_owned(),
    ];
    lines.extend(exports(local_stack));
    lines.extend([
        format!("  aws cloudformation describe-stack-events --stack-name {FIRST_STACK}"),
        "  aws elbv2 describe-load-balancers".to_owned(),
        format!("  aws cloudformation delete-stack --stack-name {SECOND_STACK}"),
        format!("\nThe stacks are {PROVIDER_STACK}, {FIRST_STACK} and {SECOND_STACK}. {END}"),
    ]);
    lines.join("\n")
}

/// Lines for a shell that lead the AWS CLI and the SDKs to the local stack.
fn exports(local_stack: &LocalStack) -> Vec<String> {
    let local_aws = &local_stack.local_aws;
    let mut lines = vec![
        format!(
            "  export AWS_ACCESS_KEY_ID={ACCOUNT_ID} AWS_SECRET_ACCESS_KEY=local AWS_DEFAULT_REGION={REGION}"
        ),
        format!("  export AWS_ENDPOINT_URL={}", local_stack.gateway().url()),
    ];
    let variables = LOCAL_AWS_SERVICES
        .map(|service| format!("  export AWS_ENDPOINT_URL_{service}={local_aws}"));
    lines.extend(variables);
    lines
}
