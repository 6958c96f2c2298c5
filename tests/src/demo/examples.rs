//! Every template that uses the provider, deployed, changed and deleted, all side by side on one local stack.
//!
//! Each service must answer, must be the same after the change, and nothing may be left of any. That the ledger holds
//! nothing either is said by the provider's guard, which lets the provider go last.

mod cases;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use futures::future::join_all;
use local_aws::LocalAws;

use self::cases::{CASES, Case, Change, IMAGE};
use super::local_stack::LocalStack;
use super::screen::{Screen, duration};
use super::stack::{self, Seen, Stack};
use super::stages::PROVIDER_STACK;
use super::{ACCOUNT_ID, DOMAIN_NAME, Options, REGION, facts, template};
use crate::account::Inventory;

/// For what goes on after CloudFormation is done: load balancers that are closed.
const AFTERWARDS_MAX: Duration = Duration::from_secs(60);
/// Between two looks at it.
const LOOK_EVERY: Duration = Duration::from_millis(150);

/// Deploys, changes and deletes the examples.
///
/// # Errors
/// When one does not do what it is there to show; all that went wrong is named.
pub async fn run(options: &Options) -> anyhow::Result<()> {
    let local_stack = LocalStack::start(options).await?;
    let account = &local_stack.account;
    let hosted_zone_id = local_stack.hosted_zone()?;
    install(&local_stack, options, &hosted_zone_id).await?;
    let inputs = inputs(&local_stack).await?;
    let before = Left::read(account, &hosted_zone_id);

    let lives = CASES.iter().map(|case| live(&local_stack, case, &inputs));
    let failed: Vec<String> = join_all(lives)
        .await
        .into_iter()
        .zip(CASES)
        .filter_map(|(outcome, case)| {
            let error = outcome.err()?;
            Some(format!("{}: {error:#}", case.template))
        })
        .collect();
    ensure!(failed.is_empty(), "{}", failed.join("\n"));

    nothing_is_left(account, &hosted_zone_id, &before).await?;
    let seen = stack::delete(local_stack.gateway(), PROVIDER_STACK).await?;
    expect(&seen, "DELETE_COMPLETE").context("the provider")
}

async fn install(
    local_stack: &LocalStack,
    options: &Options,
    hosted_zone_id: &str,
) -> anyhow::Result<()> {
    let provider = Stack {
        name: PROVIDER_STACK,
        template: &local_stack.provider_template(options).await?,
        parameters: &[
            ("DomainName", DOMAIN_NAME),
            ("HostedZoneId", hosted_zone_id),
        ],
    };
    expect(
        &provider.create(local_stack.gateway()).await?,
        "CREATE_COMPLETE",
    )
}

/// What the examples' parameters are set to; an example takes those that it has.
async fn inputs(local_stack: &LocalStack) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let [execution_role, infrastructure_role] = local_stack.roles().await?;
    let account = &local_stack.account;
    let security_group = cases::security_group(account)?;
    let public_subnets = cases::public_subnets(account)?;
    let private_subnets = cases::private_subnets(account)?;
    let secret = format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:given-a1b2c3");
    Ok(BTreeMap::from([
        ("Image", IMAGE.to_owned()),
        ("WebImage", IMAGE.to_owned()),
        ("ApiImage", IMAGE.to_owned()),
        ("ExecutionRoleArn", execution_role),
        (
            "TaskRoleArn",
            local_stack
                .role("taskRole", "ecs-tasks.amazonaws.com")
                .await?,
        ),
        ("RegistryCredentialsArn", secret.clone()),
        ("DatabaseUrlArn", secret),
        ("ExtraSecurityGroups", security_group),
        (
            "SmokeTestArn",
            format!("arn:aws:lambda:{REGION}:{ACCOUNT_ID}:function:smoke-test"),
        ),
        (
            "HookRoleArn",
            local_stack.role("hookRole", "ecs.amazonaws.com").await?,
        ),
        ("Subnets", public_subnets.join(",")),
        ("InfrastructureRoleArn", infrastructure_role),
        ("PrivateSubnets", private_subnets.join(",")),
    ]))
}

/// One example from its creation to its end.
async fn live(
    local_stack: &LocalStack,
    case: &Case,
    inputs: &BTreeMap<&'static str, String>,
) -> anyhow::Result<()> {
    let (gateway, account) = (local_stack.gateway(), &local_stack.account);
    let name = name(case.template);
    let text = template(case.template)?;
    let parameters = parameters_of(&text, inputs);
    let began_ms = account.clock().now_ms();
    let say = |what: &str| {
        let now_ms = account.clock().now_ms();
        let took = duration(now_ms.saturating_sub(began_ms));
        Screen::new(now_ms).say(&format!("  {name}: {what} after {took}"));
    };

    let stack = Stack {
        name,
        template: &text,
        parameters: &parameters,
    };
    let created = stack.create(gateway).await?;
    expect(&created, "CREATE_COMPLETE")?;
    let live_before = answered(account, &created)?;
    (case.created)(account, &created).context("after the creation")?;
    say("created");

    let changed = changed(&parameters, case.change);
    let stack = Stack {
        parameters: &changed,
        ..stack
    };
    let updated = stack.update(gateway).await?;
    expect(&updated, "UPDATE_COMPLETE")?;
    ensure!(
        updated.physical_ids == created.physical_ids && endpoints(&updated).eq(endpoints(&created)),
        "the update has replaced something"
    );
    let live_after = answered(account, &updated)?;
    expect_deployed(&live_before, &live_after, case.deploys)?;
    (case.updated)(account, &updated).context("after the update")?;
    say("updated");

    expect(&stack::delete(gateway, name).await?, "DELETE_COMPLETE")?;
    say("deleted");
    Ok(())
}

/// The stack of an example is called like its file.
fn name(template: &str) -> &str {
    let file = template.rsplit('/').next().unwrap_or(template);
    file.strip_suffix(".yaml").unwrap_or(file)
}

/// Those of the inputs that a template has parameters for.
fn parameters_of<'a>(
    template: &str,
    inputs: &'a BTreeMap<&'static str, String>,
) -> Vec<(&'a str, &'a str)> {
    inputs
        .iter()
        .filter(|(input, _)| template.contains(&format!("\n  {input}:\n    Type: ")))
        .map(|(input, value)| (*input, value.as_str()))
        .collect()
}

/// The parameters with one of another value.
fn changed<'a>(
    parameters: &[(&'a str, &'a str)],
    Change { parameter, value }: Change,
) -> Vec<(&'a str, &'a str)> {
    let others = parameters.iter().filter(|(name, _)| *name != parameter);
    others.copied().chain([(parameter, value)]).collect()
}

/// A deployment ends with the traffic on the other target group.
fn expect_deployed(
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
    expected: &[&str],
) -> anyhow::Result<()> {
    let deployed: Vec<_> = after
        .iter()
        .filter(|(endpoint, group)| before.get(*endpoint) != Some(*group))
        .map(|(endpoint, _)| endpoint.as_str())
        .collect();
    ensure!(
        deployed == expected,
        "the change has deployed {deployed:?}, not {expected:?}"
    );
    Ok(())
}

/// The outputs that are endpoints.
fn endpoints(seen: &Seen) -> impl Iterator<Item = (&String, &String)> {
    let outputs = seen.outputs.iter();
    outputs.filter(|(name, _)| name.ends_with("Endpoint"))
}

/// The target group that each output with an endpoint leads to; all of them must be answered by a healthy task.
fn answered(account: &LocalAws, seen: &Seen) -> anyhow::Result<BTreeMap<String, String>> {
    let mut live = BTreeMap::new();
    for (name, endpoint) in endpoints(seen) {
        let answer = facts::answers(account, endpoint)?;
        let mut groups = answer.groups.iter().filter(|group| group.weight > 0);
        let group = groups.next().context("no group has a weight")?;
        live.insert(name.clone(), group.arn.clone());
    }
    ensure!(!live.is_empty(), "no output is an endpoint");
    Ok(live)
}

fn expect(seen: &Seen, status: &str) -> anyhow::Result<()> {
    ensure!(
        seen.status == status,
        "the stack is {}, not {status}: {}",
        seen.status,
        seen.failures.join("; ")
    );
    Ok(())
}

/// What could be left behind.
#[derive(Debug)]
struct Left {
    inventory: Inventory,
    /// What templates make and the inventory does not list: it is about services.
    others: BTreeMap<&'static str, usize>,
}

impl Left {
    fn read(account: &LocalAws, hosted_zone_id: &str) -> Self {
        let snapshot = account.snapshot();
        let inventory = Inventory::read(&snapshot, hosted_zone_id).without_what_stays();
        let cloud = snapshot.cloud();
        Self {
            inventory,
            others: BTreeMap::from([
                ("VPCs", cloud.ec2.vpcs.len()),
                ("subnets", cloud.ec2.subnets.len()),
                ("internet gateways", cloud.ec2.internet_gateways.len()),
                ("route tables", cloud.ec2.route_tables.len()),
                ("web ACLs", cloud.wafv2.web_acls.len()),
                ("associations of web ACLs", cloud.wafv2.associations.len()),
            ]),
        }
    }
}

/// Waits until there is no more than before: what closes load balancers does so in its own time.
async fn nothing_is_left(
    account: &LocalAws,
    hosted_zone_id: &str,
    before: &Left,
) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let now = Left::read(account, hosted_zone_id);
        let mut more = before.inventory.diff(&now.inventory);
        more.retain(|line| line.starts_with('+'));
        more.extend(now.others.iter().filter_map(|(kind, count)| {
            let was = before.others.get(kind).copied().unwrap_or_default();
            (*count > was).then(|| format!("+ {} {kind}", count - was))
        }));
        if more.is_empty() {
            return Ok(());
        }
        ensure!(
            began.elapsed() < AFTERWARDS_MAX,
            "left behind: {}",
            more.join(", ")
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
