//! The stages that deploy, with what `express monitor` tells of them.

use std::future::Future;

use anyhow::{Context, ensure};
use express_cli::watch::ending::Ending;
use local_aws::elbv2::{self, Answer};

use super::facts;
use super::stack::{Seen, Stack};
use super::stages::{FIRST_STACK, Service, Stages, expect, inputs};
use super::watching::Watching;

const SECOND_IMAGE: &str = "public.ecr.aws/nginx/nginx:1.28";
/// Healthy to the load balancer, 500 to everyone else.
const BROKEN_IMAGE: &str = "demo/errors";
/// Enough that those of a canary of 5 % are above the rollback alarm's 20.
const REQUESTS_A_MINUTE: u32 = 1_200;

impl Stages {
    /// Requests come to a service from now on.
    pub(super) fn visited(&mut self, service: &Service) {
        let host = service.endpoint.trim_start_matches("https://");
        elbv2::visit(&mut self.account.cloud(), host, REQUESTS_A_MINUTE);
        self.screen.say(&format!(
            "  From now on it gets {REQUESTS_A_MINUTE} requests a minute."
        ));
    }

    /// A new image comes in little by little.
    ///
    /// # Errors
    /// When anything is not as it should be.
    pub(super) async fn updated(&mut self, service: &Service) -> anyhow::Result<()> {
        let (quickstart, roles) = (self.quickstart.clone(), self.roles());
        let parameters = inputs(SECOND_IMAGE, &roles);
        let stack = Stack {
            name: FIRST_STACK,
            template: &quickstart,
            parameters: &parameters,
        };
        let seen = self
            .deployment(
                "a new image is deployed: 5 % of the requests first",
                stack.update(self.gateway),
                &service.physical_id,
            )
            .await?;
        let (seen, watching) = seen;
        expect(&seen, "UPDATE_COMPLETE")?;
        ensure!(
            watching.ending == Some(Ending::Steady) && watching.percents.contains(&5.0),
            "the monitor saw {:?} after the weights {:?}",
            watching.ending,
            watching.percents
        );
        let physical_id = seen.physical_id("Web")?;
        ensure!(
            physical_id == service.physical_id,
            "the update has replaced the service: `{physical_id}`"
        );
        let endpoint = seen.output("Endpoint")?;
        ensure!(
            endpoint == service.endpoint,
            "the endpoint has become `{endpoint}`"
        );
        let answer = facts::answers(&self.account, endpoint)?;
        let image = facts::image(&self.account, physical_id)?;
        ensure!(image == SECOND_IMAGE, "the service still runs `{image}`");
        let live = |answer: &Answer| {
            let mut groups = answer.groups.iter().filter(|group| group.weight > 0);
            groups.next().map(|group| group.arn.clone())
        };
        ensure!(
            live(&answer) != live(&service.answer),
            "the traffic is where it was before the deployment"
        );
        self.screen.say(
            "  The traffic is with the other target group; physical id and endpoint are as before.",
        );
        Ok(())
    }

    /// A broken image goes again, and the stack is as before.
    ///
    /// # Errors
    /// When anything is not as it should be.
    pub(super) async fn rolled_back(&mut self, service: &Service) -> anyhow::Result<()> {
        let (quickstart, roles) = (self.quickstart.clone(), self.roles());
        let parameters = inputs(BROKEN_IMAGE, &roles);
        let stack = Stack {
            name: FIRST_STACK,
            template: &quickstart,
            parameters: &parameters,
        };
        let (seen, watching) = self
            .deployment(
                "an image that answers with errors is rolled back by its alarm",
                stack.update(self.gateway),
                &service.physical_id,
            )
            .await?;
        expect(&seen, "UPDATE_ROLLBACK_COMPLETE")?;
        let reasons = seen.failures.join("\n");
        ensure!(
            reasons.contains("-rollback` rolled the deployment back"),
            "no failure names the alarm:\n{reasons}"
        );
        ensure!(
            watching.ending == Some(Ending::Failed)
                && watching
                    .findings
                    .first()
                    .is_some_and(|code| code == "AlarmRolledBack"),
            "the monitor saw {:?} and found {:?}",
            watching.ending,
            watching.findings
        );
        facts::answers(&self.account, &service.endpoint)?;
        let image = facts::image(&self.account, &service.physical_id)?;
        ensure!(image == SECOND_IMAGE, "the service runs `{image}`");
        self.screen.say(&format!(
            "  {} is answered by the image from before; most requests never saw the broken one.",
            service.endpoint
        ));
        Ok(())
    }

    /// A stage that deploys: what `express monitor` tells of it is shown, too.
    async fn deployment(
        &mut self,
        title: &str,
        operation: impl Future<Output = anyhow::Result<Seen>>,
        service_arn: &str,
    ) -> anyhow::Result<(Seen, Watching)> {
        self.watching = Some(Watching::new(&self.account, service_arn)?);
        let seen = self.stage(title, operation).await?;
        let watching = self.watching.take();
        Ok((seen, watching.context("nothing was watched")?))
    }
}
