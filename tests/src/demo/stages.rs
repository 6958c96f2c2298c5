//! The stages, one after another; each must show what it is there to show.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use anyhow::ensure;
use local_aws::LocalAws;
use local_aws::elbv2::Answer;

use super::DOMAIN_NAME;
use super::facts;
use super::gateway::Gateway;
use super::screen::{Screen, duration};
use super::stack::{self, Seen, Stack};
use super::tree::Tree;
use super::watching::Watching;
use crate::account::Kind;

/// Between two looks at the account.
const LOOK_EVERY: Duration = Duration::from_millis(150);
/// For how long, at most, the monitor is let look on after CloudFormation has ended.
const LOOK_ON_FOR: Duration = Duration::from_secs(5);
/// For what goes on after CloudFormation is done: the closing of the last load balancer.
const AFTERWARDS_MAX: Duration = Duration::from_secs(60);

/// Stack of the provider.
pub const PROVIDER_STACK: &str = "express-provider";
/// Stack of the first service.
pub const FIRST_STACK: &str = "web";
/// Stack of the second service.
pub const SECOND_STACK: &str = "api";
const REFUSED_STACK: &str = "typo";

const FIRST_IMAGE: &str = "public.ecr.aws/nginx/nginx:1.27";
const REFUSED_TEMPLATE: &str = include_str!("refused.yaml");
/// What the refusal must say: the causes and the remedy.
const REFUSED_REASONS: [&str; 3] = [
    "/HealthChekPath",
    "did you mean `HealthCheckPath`",
    "memory",
];

/// Everything that the stages need.
pub struct Stages {
    pub(super) gateway: Gateway,
    pub(super) account: LocalAws,
    pub(super) hosted_zone_id: String,
    pub(super) tree: Tree,
    pub(super) screen: Screen,
    pub(super) stage: u32,
    /// The deployment that is shown.
    pub(super) watching: Option<Watching>,
    /// The quickstart template's text.
    pub(super) quickstart: String,
    pub(super) execution_role: String,
    pub(super) infrastructure_role: String,
}

/// A service that has come up.
pub(super) struct Service {
    pub(super) endpoint: String,
    pub(super) physical_id: String,
    pub(super) answer: Answer,
}

impl Stages {
    /// Installs the provider from a copy of its template.
    ///
    /// # Errors
    /// When the stack does not come up, or exports no service token.
    pub async fn provider(&mut self, template: &str) -> anyhow::Result<()> {
        let hosted_zone_id = self.hosted_zone_id.clone();
        let parameters = [
            ("DomainName", DOMAIN_NAME),
            ("HostedZoneId", hosted_zone_id.as_str()),
        ];
        let stack = Stack {
            name: PROVIDER_STACK,
            template,
            parameters: &parameters,
        };
        let seen = self
            .stage("the provider is installed", stack.create(self.gateway))
            .await?;
        expect(&seen, "CREATE_COMPLETE")?;
        let token = seen.output("ServiceToken")?;
        ensure!(
            token.contains(":function:"),
            "the service token `{token}` is no function"
        );
        Ok(())
    }

    /// A service comes up, gets a new image, refuses a broken one, and gets a neighbour; a mistake changes nothing.
    ///
    /// # Errors
    /// When anything is not as it should be.
    pub async fn services(&mut self) -> anyhow::Result<()> {
        let first = self
            .created(FIRST_STACK, "three inputs become a service")
            .await?;
        self.visited(&first);
        self.updated(&first).await?;
        self.rolled_back(&first).await?;
        let second = self
            .created(SECOND_STACK, "a second service joins the load balancer")
            .await?;
        ensure!(
            first.answer.load_balancer_arn == second.answer.load_balancer_arn,
            "the two services are on two load balancers"
        );
        let priorities =
            [&first, &second].map(|service| facts::priority(&self.account, &service.answer));
        let [first_priority, second_priority] = priorities;
        let (first_priority, second_priority) = (first_priority?, second_priority?);
        ensure!(
            first_priority != second_priority,
            "both rules have priority {first_priority}"
        );
        self.screen.say(&format!(
            "  Both are on one load balancer, with rule priorities {first_priority} and {second_priority}."
        ));
        self.refused().await
    }

    /// Both services go; nothing of theirs is left.
    ///
    /// # Errors
    /// When a stack does not go, or something is left behind.
    pub async fn deletes(&mut self) -> anyhow::Result<()> {
        for (name, title) in [
            (
                SECOND_STACK,
                "the second service is deleted; the first stays up",
            ),
            (
                FIRST_STACK,
                "the first service is deleted, and with it the load balancer",
            ),
        ] {
            let seen = self.stage(title, stack::delete(self.gateway, name)).await?;
            expect(&seen, "DELETE_COMPLETE")?;
            if name == SECOND_STACK {
                let endpoint = self.endpoint(FIRST_STACK).await?;
                facts::answers(&self.account, &endpoint)?;
                self.screen.say(&format!("  {endpoint} is still answered."));
            }
        }
        self.wait_for_pool_to_close().await
    }

    /// The demo's last line.
    ///
    /// # Errors
    /// When more is left than should be.
    pub fn conclude(&mut self) -> anyhow::Result<()> {
        let kept = facts::left(&self.tree)?;
        let names = |kind: Kind| {
            let names = kept.iter().filter(|(known, _)| *known == kind);
            names
                .map(|(_, name)| name.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        ensure!(
            kept.len() == 3,
            "the cluster and two log groups should be left, and not {kept:?}"
        );
        self.screen.say(&format!(
            "\nLeft in the account: the cluster ({}), the log groups ({}) and the provider (stack {PROVIDER_STACK}).",
            names(Kind::Cluster),
            names(Kind::LogGroup)
        ));
        Ok(())
    }

    async fn created(&mut self, name: &str, title: &str) -> anyhow::Result<Service> {
        let (quickstart, roles) = (self.quickstart.clone(), self.roles());
        let parameters = inputs(FIRST_IMAGE, &roles);
        let stack = Stack {
            name,
            template: &quickstart,
            parameters: &parameters,
        };
        let seen = self.stage(title, stack.create(self.gateway)).await?;
        expect(&seen, "CREATE_COMPLETE")?;
        let endpoint = seen.output("Endpoint")?.to_owned();
        let suffix = format!(".{DOMAIN_NAME}");
        ensure!(
            endpoint.ends_with(&suffix),
            "the endpoint `{endpoint}` is not below {DOMAIN_NAME}"
        );
        let answer = facts::answers(&self.account, &endpoint)?;
        let physical_id = seen.physical_id("Web")?.to_owned();
        let image = facts::image(&self.account, &physical_id)?;
        ensure!(image == FIRST_IMAGE, "the service runs `{image}`");
        self.screen
            .say(&format!("  {endpoint} is answered by a healthy task."));
        Ok(Service {
            endpoint,
            physical_id,
            answer,
        })
    }

    async fn refused(&mut self) -> anyhow::Result<()> {
        let before = facts::names(&self.tree);
        let roles = self.roles();
        let [execution, infrastructure] = &roles;
        let parameters = [
            ("ExecutionRoleArn", execution.as_str()),
            ("InfrastructureRoleArn", infrastructure.as_str()),
        ];
        let stack = Stack {
            name: REFUSED_STACK,
            template: REFUSED_TEMPLATE,
            parameters: &parameters,
        };
        let seen = self
            .stage("two mistakes are refused", stack.create(self.gateway))
            .await?;
        expect(&seen, "ROLLBACK_COMPLETE")?;
        let reasons = seen.failures.join("\n");
        for expected in REFUSED_REASONS {
            ensure!(
                reasons.contains(expected),
                "no failure says `{expected}`:\n{reasons}"
            );
        }
        ensure!(
            facts::names(&self.tree) == before,
            "the refused request has changed the account"
        );
        let seen = stack::delete(self.gateway, REFUSED_STACK).await?;
        expect(&seen, "DELETE_COMPLETE")
    }

    /// Runs one operation of CloudFormation and shows what happens meanwhile, and what CloudFormation then says.
    pub(super) async fn stage(
        &mut self,
        title: &str,
        operation: impl Future<Output = anyhow::Result<Seen>>,
    ) -> anyhow::Result<Seen> {
        self.stage += 1;
        self.tree.forget_gone();
        let (began, began_ms) = (Instant::now(), self.account.clock().now_ms());
        self.screen
            .begin(&format!("\n{}. {title}", self.stage), began_ms);
        let mut operation = pin!(operation);
        let seen = loop {
            tokio::select! {
                seen = &mut operation => break seen?,
                () = tokio::time::sleep(LOOK_EVERY) => self.look_around().await?,
            }
        };
        self.look_on().await?;
        self.screen.leave(&self.tree);
        let took = duration(self.account.clock().now_ms().saturating_sub(began_ms));
        self.screen.say(&format!(
            "  CloudFormation: {} after {took} ({:.1} s of real time)",
            seen.status,
            began.elapsed().as_secs_f64()
        ));
        for (logical_id, physical_id) in &seen.physical_ids {
            self.screen
                .say(&format!("    {logical_id} = {physical_id}"));
        }
        let is_gone = seen.status == "DELETE_COMPLETE";
        for (name, value) in seen.outputs.iter().filter(|_| !is_gone) {
            self.screen.say(&format!("    output {name} = {value}"));
        }
        for failure in &seen.failures {
            self.screen.say(&format!("    failed: {failure}"));
        }
        Ok(seen)
    }

    /// The stack may know of the end of a deployment before the monitor has looked for it.
    async fn look_on(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        loop {
            self.look_around().await?;
            let is_over = self.watching.as_ref().is_none_or(|it| it.ending.is_some());
            if is_over || began.elapsed() >= LOOK_ON_FOR {
                return Ok(());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look_around(&mut self) -> anyhow::Result<()> {
        if let Some(watching) = &mut self.watching {
            let (at_ms, news) = watching.look().await?;
            for fact in news {
                self.screen.tell(&fact.to_string(), at_ms);
            }
        }
        self.look();
        Ok(())
    }

    fn look(&mut self) {
        let changes = self
            .tree
            .look(&self.account.snapshot(), &self.hosted_zone_id);
        self.screen.show(&self.tree, &changes);
    }

    /// Closing the last load balancer is a pool's own operation, which nobody's Delete waits for.
    async fn wait_for_pool_to_close(&mut self) -> anyhow::Result<()> {
        self.screen
            .say("  The load balancer is closed by an operation of its own:");
        let began = Instant::now();
        loop {
            self.look();
            let left = facts::left(&self.tree);
            if left.is_ok() || began.elapsed() > AFTERWARDS_MAX {
                self.screen.leave(&self.tree);
                return left.map(drop);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// The endpoint of a stack that is up.
    async fn endpoint(&self, name: &str) -> anyhow::Result<String> {
        let seen = stack::look(self.gateway, name).await?;
        Ok(seen.output("Endpoint")?.to_owned())
    }

    pub(super) fn roles(&self) -> [String; 2] {
        [
            self.execution_role.clone(),
            self.infrastructure_role.clone(),
        ]
    }
}

/// The quickstart's three inputs.
pub(super) fn inputs<'a>(
    image: &'a str,
    [execution, infrastructure]: &'a [String; 2],
) -> [(&'a str, &'a str); 3] {
    [
        ("Image", image),
        ("ExecutionRoleArn", execution),
        ("InfrastructureRoleArn", infrastructure),
    ]
}

pub(super) fn expect(seen: &Seen, status: &str) -> anyhow::Result<()> {
    ensure!(
        seen.status == status,
        "the stack is {}, not {status}: {}",
        seen.status,
        seen.failures.join("; ")
    );
    Ok(())
}
