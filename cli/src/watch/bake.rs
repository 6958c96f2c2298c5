//! What a deployment waits out, and when that ends.
//!
//! ECS tells the stage and the configuration, and not since when: that is when a look first saw it. At the first
//! look it is when ECS last changed the deployment, which is during a bake when it began.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/canary-deployment.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentConfiguration.html>

use aws_sdk_ecs::types::{
    DeploymentConfiguration, DeploymentStrategy, ServiceDeploymentLifecycleStage,
};

use super::snapshot::{Bake, Waits};

const MINUTE_MS: u64 = 60_000;

/// Where a deployment stands.
#[derive(Clone, Debug, PartialEq)]
struct Phase {
    deployment: String,
    stage: Option<ServiceDeploymentLifecycleStage>,
    percent: Option<f64>,
}

/// Since when it stands there.
#[derive(Clone, Debug, Default)]
pub struct Phases {
    known: Option<(Phase, u64)>,
}

/// A deployment that is going on, as ECS shows it now.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// Its ARN.
    pub deployment: &'a str,
    /// `lifecycleStage`
    pub stage: Option<&'a ServiceDeploymentLifecycleStage>,
    /// Percent of the traffic that the new revision has.
    pub percent: Option<f64>,
    /// `updatedAt`, in milliseconds since the epoch.
    pub updated_ms: Option<u64>,
    /// `deploymentConfiguration`
    pub configuration: Option<&'a DeploymentConfiguration>,
}

impl Phases {
    /// What is waited out now.
    pub fn bake(&mut self, standing: Standing<'_>, now_ms: u64) -> Option<Bake> {
        let since_ms = self.since(standing, now_ms);
        let (what, minutes) = wait(standing)?;
        let ends_ms = since_ms + u64::try_from(minutes).ok()? * MINUTE_MS;
        (minutes > 0).then_some(Bake { what, ends_ms })
    }

    fn since(&mut self, standing: Standing<'_>, now_ms: u64) -> u64 {
        let phase = Phase {
            deployment: standing.deployment.to_owned(),
            stage: standing.stage.cloned(),
            percent: standing.percent,
        };
        let since_ms = match &self.known {
            Some((known, since_ms)) if *known == phase => *since_ms,
            Some((known, _)) if known.deployment == phase.deployment => now_ms,
            Some(_) | None => standing.updated_ms.unwrap_or(now_ms),
        };
        self.known = Some((phase, since_ms));
        since_ms
    }
}

fn wait(standing: Standing<'_>) -> Option<(Waits, i32)> {
    let configuration = standing.configuration?;
    if standing.stage == Some(&ServiceDeploymentLifecycleStage::BakeTime) {
        return Some((Waits::Bake, configuration.bake_time_in_minutes()?));
    }
    let is_partial = standing
        .percent
        .is_some_and(|percent| percent > 0.0 && percent < 100.0);
    match configuration.strategy()? {
        DeploymentStrategy::Canary if is_partial => {
            let canary = configuration.canary_configuration()?;
            Some((Waits::Canary, canary.canary_bake_time_in_minutes()?))
        }
        DeploymentStrategy::Linear if is_partial => {
            let linear = configuration.linear_configuration()?;
            Some((Waits::Step, linear.step_bake_time_in_minutes()?))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_ecs::types::CanaryConfiguration;

    use super::*;

    fn configuration() -> DeploymentConfiguration {
        DeploymentConfiguration::builder()
            .strategy(DeploymentStrategy::Canary)
            .bake_time_in_minutes(3)
            .canary_configuration(
                CanaryConfiguration::builder()
                    .canary_bake_time_in_minutes(2)
                    .build(),
            )
            .build()
    }

    #[test]
    fn a_bake_ends_so_long_after_it_was_first_seen_or_after_the_last_change() {
        use ServiceDeploymentLifecycleStage as Stage;
        let configuration = configuration();
        let mut phases = Phases::default();
        let mut at = |stage: &Stage, percent, now_ms| {
            let standing = Standing {
                deployment: "arn",
                stage: Some(stage),
                percent: Some(percent),
                updated_ms: Some(1_000),
                configuration: Some(&configuration),
            };
            phases.bake(standing, now_ms)
        };
        let bake = |what, ends_ms| Some(Bake { what, ends_ms });
        let shift = Stage::ProductionTrafficShift;
        assert_eq!(at(&shift, 5.0, 9_000), bake(Waits::Canary, 121_000));
        assert_eq!(at(&shift, 5.0, 14_000), bake(Waits::Canary, 121_000));
        assert_eq!(at(&shift, 100.0, 130_000), None);
        assert_eq!(
            at(&Stage::BakeTime, 100.0, 135_000),
            bake(Waits::Bake, 315_000)
        );
        assert_eq!(
            at(&Stage::BakeTime, 100.0, 140_000),
            bake(Waits::Bake, 315_000)
        );
    }
}
