//! A deployment and its revisions, as ECS tells them.

use aws_sdk_ecs::types as ecs;
use express_core::resources::ecs_service::{DeploymentStatus, ObservedDeployment};
use express_handler::aws::AwsClients;
use express_handler::aws::error::{AwsError, MESSAGE_BYTES_MAX, aws_error};
use express_handler::telemetry::presentable;

use super::bake::{Phases, Standing};
use super::snapshot::{Deployment, Revision, Tasks, last_part};
use crate::time::millis;

/// What is known of the revisions of a deployment.
#[derive(Clone, Debug, Default)]
pub struct Revisions(Vec<Known>);

#[derive(Clone, Debug)]
struct Known {
    arn: String,
    task_definition_arn: Option<String>,
    group_arn: Option<String>,
}

impl Revisions {
    /// Reads those of `deployment` that are not known, and returns how many calls that took. A revision never changes,
    /// but that ECS chooses its target group after a while.
    ///
    /// # Errors
    /// When AWS refuses.
    pub async fn read(
        &mut self,
        aws: &AwsClients,
        deployment: &ecs::ServiceDeployment,
    ) -> Result<u32, AwsError> {
        let old = deployment.source_service_revisions().iter();
        let arns: Vec<String> = old
            .chain(deployment.target_service_revision())
            .filter_map(|revision| revision.arn().map(str::to_owned))
            .collect();
        let is_known = |arn: &String| {
            let known = self.find(arn);
            known.is_some_and(|known| known.group_arn.is_some())
        };
        if arns.iter().all(is_known) {
            return Ok(0);
        }
        let answer = aws
            .ecs
            .describe_service_revisions()
            .set_service_revision_arns(Some(arns))
            .send()
            .await
            .map_err(aws_error("ecs:DescribeServiceRevisions"))?;
        self.0 = answer.service_revisions().iter().map(known).collect();
        Ok(1)
    }

    /// ARN of the task definition that `deployment` deploys.
    #[must_use]
    pub fn deployed(&self, deployment: &ecs::ServiceDeployment) -> Option<&str> {
        let known = self.find(deployment.target_service_revision()?.arn()?)?;
        known.task_definition_arn.as_deref()
    }

    fn find(&self, arn: &str) -> Option<&Known> {
        self.0.iter().find(|known| known.arn == arn)
    }

    fn shown(&self, summary: &ecs::ServiceRevisionSummary) -> Revision {
        let arn = summary.arn().unwrap_or_default();
        let known = self.find(arn);
        let definition = known.and_then(|known| known.task_definition_arn.as_deref());
        Revision {
            id: last_part(arn).to_owned(),
            task_definition: definition.map(|arn| last_part(arn).to_owned()),
            group_arn: known.and_then(|known| known.group_arn.clone()),
            tasks: Tasks {
                desired: count(summary.requested_task_count()),
                running: count(summary.running_task_count()),
                pending: count(summary.pending_task_count()),
            },
            percent: summary.requested_production_traffic_weight(),
        }
    }
}

fn known(revision: &ecs::ServiceRevision) -> Known {
    let resolved = revision.resolved_configuration();
    let balancer = resolved.and_then(|resolved| resolved.load_balancers().first());
    let group = balancer.and_then(|balancer| balancer.target_group_arn());
    Known {
        arn: revision
            .service_revision_arn()
            .unwrap_or_default()
            .to_owned(),
        task_definition_arn: revision.task_definition().map(str::to_owned),
        group_arn: group.map(str::to_owned),
    }
}

/// A deployment as it is shown.
#[must_use]
pub fn shown(
    found: &ecs::ServiceDeployment,
    observed: ObservedDeployment,
    revisions: &Revisions,
    phases: &mut Phases,
    now_ms: u64,
) -> Deployment {
    let new = found.target_service_revision();
    let configuration = found.deployment_configuration();
    let standing = Standing {
        deployment: &observed.arn,
        stage: found.lifecycle_stage(),
        percent: new.and_then(|new| new.requested_production_traffic_weight()),
        updated_ms: found.updated_at().and_then(millis),
        configuration,
    };
    let bake = phases.bake(standing, now_ms);
    let strategy = configuration.and_then(|configuration| configuration.strategy());
    let breaker = found.deployment_circuit_breaker();
    let old = found.source_service_revisions().iter();
    let reason = observed.status_reason.as_deref();
    Deployment {
        id: last_part(&observed.arn).to_owned(),
        status: found
            .status()
            .map(|status| status.as_str().to_owned())
            .unwrap_or_default(),
        standing: observed.status,
        status_reason: reason.map(|reason| presentable(reason, MESSAGE_BYTES_MAX)),
        stage: observed.stage,
        strategy: strategy.map(|strategy| strategy.as_str().to_owned()),
        began_ms: observed.created_ms,
        ended_ms: found.finished_at().and_then(millis),
        new: new.map(|new| revisions.shown(new)),
        old: old.map(|old| revisions.shown(old)).collect(),
        bake: bake.filter(|_| observed.status == DeploymentStatus::Running),
        failures: observed.progress.failures,
        threshold: breaker.map(|breaker| count(breaker.threshold())),
    }
}

/// A count of AWS's, which is never below 0.
#[must_use]
pub fn count(count: i32) -> u32 {
    u32::try_from(count).unwrap_or_default()
}
