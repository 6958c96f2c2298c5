//! What Describe calls tell of a deployment.

use serde_json::{Value, json};

use super::Deployment;
use crate::ecs::revision::counts;
use crate::ecs::service::{ALL_TENTHS, Service};
use crate::ecs::{State, set};
use crate::wire::timestamp;

impl Deployment {
    pub(super) fn output(&self, state: &State) -> Value {
        let desired = state.services.get(&self.service).map_or(0, |it| it.desired);
        let revision = |arn: &String, share: u32, is_tested: bool| {
            let mut output = counts(state, arn, desired);
            // ECS moves no traffic in a rolling deployment.
            if self.is_rolling() {
                return output;
            }
            let weight = f64::from(share) / 10.0;
            set(
                &mut output,
                "requestedProductionTrafficWeight",
                json!(weight),
            );
            let test_weight = if is_tested { 100.0 } else { 0.0 };
            set(
                &mut output,
                "requestedTestTrafficWeight",
                json!(test_weight),
            );
            output
        };
        let sources = self.source.iter();
        let has_test_rule = |arn: &String| {
            let revision = state.revisions.get(arn);
            revision.is_some_and(|revision| revision.load_balancer.test_rule.is_some())
        };
        let is_source_tested = !self.is_tested && has_test_rule(&self.target);
        let mut output = json!({
            "serviceDeploymentArn": self.arn,
            "serviceArn": self.service,
            "clusterArn": cluster_arn(state, &self.service),
            "createdAt": timestamp(self.created_at_ms),
            "updatedAt": timestamp(self.updated_at_ms),
            "sourceServiceRevisions": sources
                .map(|arn| revision(arn, ALL_TENTHS - self.target_share, is_source_tested))
                .collect::<Value>(),
            "targetServiceRevision": revision(&self.target, self.target_share, self.is_tested),
            "status": self.status.name(),
            "deploymentConfiguration": self.configuration.document,
            "deploymentCircuitBreaker": {
                "status": self.monitor_status(self.configuration.breaker.enabled, self.breaker_triggered),
                "failureCount": self.failures,
                "threshold": self.configuration.breaker.threshold(desired),
            },
            "alarms": {
                "status": self.monitor_status(self.watches_alarms, !self.triggered_alarms.is_empty()),
                "alarmNames": self.configuration.alarms.names,
                "triggeredAlarmNames": self.triggered_alarms,
            },
        });
        if !self.is_rolling() {
            set(&mut output, "lifecycleStage", json!(self.stage.name()));
        }
        if !self.hook_runs.is_empty() {
            let runs = self.hook_runs.iter().map(super::hooks::Run::output);
            set(&mut output, "lifecycleHookDetails", runs.collect());
        }
        self.set_times(&mut output);
        if let Some((reason, at_ms)) = &self.rollback {
            let rollback = json!({"reason": reason, "startedAt": timestamp(*at_ms), "serviceRevisionArn": self.source});
            set(&mut output, "rollback", rollback);
        }
        output
    }

    pub(super) fn brief(&self, state: &State) -> Value {
        let mut output = json!({
            "serviceDeploymentArn": self.arn,
            "serviceArn": self.service,
            "clusterArn": cluster_arn(state, &self.service),
            "createdAt": timestamp(self.created_at_ms),
            "targetServiceRevisionArn": self.target,
            "status": self.status.name(),
        });
        self.set_times(&mut output);
        output
    }

    fn set_times(&self, output: &mut Value) {
        if let Some(at_ms) = self.started_at_ms {
            set(output, "startedAt", timestamp(at_ms));
        }
        if let Some(at_ms) = self.finished_at_ms {
            set(output, "finishedAt", timestamp(at_ms));
        }
        if let Some(reason) = &self.status_reason {
            set(output, "statusReason", json!(reason));
        }
    }

    /// `ServiceDeploymentRollbackMonitorsStatus`
    const fn monitor_status(&self, enabled: bool, triggered: bool) -> &'static str {
        if triggered {
            "TRIGGERED"
        } else if !enabled {
            "DISABLED"
        } else if self.is_open() {
            "MONITORING"
        } else {
            "MONITORING_COMPLETE"
        }
    }

    /// As an element of `Service.deployments`.
    fn summary(&self, state: &State, role: &str, revision: &str) -> Value {
        let (rollout, reason) = if revision == self.target {
            self.status.rollout()
        } else {
            ("COMPLETED", "completed.")
        };
        let desired = state.services.get(&self.service).map_or(0, |it| it.desired);
        let counts = counts(state, revision, desired);
        let made_of = state.revisions.get(revision);
        json!({
            "id": self.id,
            "status": role,
            "taskDefinition": made_of.map(|it| &it.task_definition),
            "desiredCount": desired,
            "runningCount": counts.get("runningTaskCount"),
            "pendingCount": counts.get("pendingTaskCount"),
            "failedTasks": if revision == self.target { self.failed_tasks } else { 0 },
            "createdAt": timestamp(self.created_at_ms),
            "updatedAt": timestamp(self.updated_at_ms),
            "launchType": "FARGATE",
            "platformVersion": made_of.map(|it| &it.platform_version),
            "platformFamily": "Linux",
            "networkConfiguration": made_of.map(|it| it.network.output()),
            "rolloutState": rollout,
            "rolloutStateReason": format!("ECS deployment {} {reason}", self.id),
        })
    }
}

fn cluster_arn<'a>(state: &'a State, service: &str) -> Option<&'a String> {
    let service = state.services.get(service)?;
    state
        .clusters
        .get(&service.cluster)
        .map(|cluster| &cluster.arn)
}

/// `Service.deployments`: the newest deployment, or after a rollback the one rolled back to, is
/// PRIMARY; the revision that it replaces is ACTIVE while it is there.
pub(in crate::ecs) fn summaries(state: &State, service: &Service) -> Value {
    let Some(newest) = state.deployments.get(&service.deployment) else {
        return json!([]);
    };
    let of_revision = |arn: &str| {
        let made = state.deployments.values().filter(|it| it.target == arn);
        made.max_by_key(|it| it.created_at_ms).unwrap_or(newest)
    };
    match (&service.revision, newest.is_open()) {
        (Some(current), true) => json!([
            newest.summary(state, "PRIMARY", &newest.target),
            of_revision(current).summary(state, "ACTIVE", current),
        ]),
        (Some(current), false) => {
            json!([of_revision(current).summary(state, "PRIMARY", current)])
        }
        (None, _) => json!([newest.summary(state, "PRIMARY", &newest.target)]),
    }
}
