//! ECS services, and the deployments that every change of them starts.
//!
//! Identity: name and cluster. Repeat-safe: CreateService with the request's client token.
//! UpdateService has no token: it is sent only when the observed service differs, or ECS has given up its deployment
//! for a role that was made a moment ago.
//! Never written: `desiredCount` (auto scaling's), the rule's weights (ECS's), `loadBalancers` without
//! need: sending it again keeps the groups from alternating.
//! Delete is complete only at INACTIVE: ECS needs the user's roles until then.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateService.html>
//! Express Mode's values: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>

use provider_schema::{LifecycleHook, Percent, ThresholdType};

use super::Tags;
use crate::diagnosis::Progress;
use crate::naming;

/// Seconds after a task's start during which ECS ignores unhealthy targets: Express Mode's. A service is created with
/// it; what people give it later is theirs.
pub const HEALTH_CHECK_GRACE_S: i32 = 300;
/// Percent of the desired count that may run during a deployment: Express Mode's.
pub const MAXIMUM_PERCENT: i32 = 200;
/// Percent of the desired count that stays running: Express Mode's.
pub const MINIMUM_HEALTHY_PERCENT: i32 = 100;

/// A service that is to exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EcsServiceSpec {
    /// Short name of its cluster.
    pub cluster: String,
    /// Its name.
    pub name: String,
    /// With the revision.
    pub task_definition_arn: String,
    /// Tasks at first; auto scaling's from then on.
    pub initial_desired_count: u32,
    /// Where the tasks are.
    pub network: TaskNetwork,
    /// How requests come to them.
    pub ingress: ServiceIngress,
    /// How deployments go.
    pub deployment_settings: DeploymentSettings,
    /// `healthCheckGracePeriodSeconds`: of a service that exists, its own, which every update sends again.
    pub health_check_grace_s: i32,
    /// Names of the alarms that roll a deployment back: ours first, then those of the properties.
    pub alarm_names: Vec<String>,
    /// Names of alarms that the old properties gave and the new ones do not.
    pub dropped_alarm_names: Vec<String>,
    /// Tags, the user's among them.
    pub tags: Tags,
}

/// `awsvpcConfiguration`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TaskNetwork {
    /// Sorted.
    pub subnet_ids: Vec<String>,
    /// Sorted: ours and the user's.
    pub security_group_ids: Vec<String>,
    /// Whether tasks get public addresses.
    pub assign_public_ip: bool,
}

/// `loadBalancers` with its `advancedConfiguration`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceIngress {
    /// `targetGroupArn`
    pub target_group_arn: String,
    /// `alternateTargetGroupArn`
    pub alternate_target_group_arn: String,
    /// `productionListenerRule`
    pub rule_arn: String,
    /// `testListenerRule`
    pub test_rule_arn: Option<String>,
    /// `roleArn`: the infrastructure role.
    pub infrastructure_role_arn: String,
    /// `containerPort`
    pub container_port: u16,
}

/// `loadBalancers` in the middle of a move: one group of each load balancer, without `advancedConfiguration`, so that
/// every task takes requests from both. ECS allows more than one group with rolling deployments only.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/register-multiple-targetgroups.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// `targetGroupArn` of each. The one on the new load balancer is first when we write it: that is where a deployment
    /// can fail, and whose health is asked for then.
    pub target_group_arns: [String; 2],
    /// `containerPort` of both
    pub container_port: u16,
}

/// A service that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedEcsService {
    /// Its ARN.
    pub arn: String,
    /// Where it stands.
    pub status: ServiceStatus,
    /// With the revision.
    pub task_definition_arn: String,
    /// Where the tasks are.
    pub network: TaskNetwork,
    /// How requests come to them; none when it is not in the form that we write.
    pub ingress: Option<ServiceIngress>,
    /// The same in the middle of a move.
    pub bridge: Option<Bridge>,
    /// How deployments go; none when percentages or switches are not what we write.
    pub deployment_settings: Option<DeploymentSettings>,
    /// `healthCheckGracePeriodSeconds`
    pub health_check_grace_s: i32,
    /// Names of the alarms that roll deployments back.
    pub alarm_names: Vec<String>,
    /// Its tags.
    pub tags: Tags,
    /// `currentServiceDeployment`: the deployment that is going on, or the last one.
    pub current_deployment_arn: Option<String>,
    /// `currentServiceRevisions`: one at rest, two during a deployment.
    pub current_revision_arns: Vec<String>,
    /// The newest deployment; none before it was asked for.
    pub deployment: Option<ObservedDeployment>,
    /// ARN of the target group that serves, once a deployment has succeeded.
    pub live_target_group_arn: Option<String>,
    /// Its newest event, in ECS's words.
    pub latest_event: Option<String>,
}

impl ObservedEcsService {
    /// ARN of the revision that it has at rest; none during a deployment.
    #[must_use]
    pub const fn only_revision_arn(&self) -> Option<&String> {
        match self.current_revision_arns.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Whether it uses target groups of this service: their names are hashes of it, so that nobody else's are by chance.
    #[must_use]
    pub fn uses_groups_of(&self, service_arn: &str) -> bool {
        let named = format!(":targetgroup/{}", naming::target_groups_of(service_arn));
        let ingress = self.ingress.iter().map(|it| &it.target_group_arn);
        let bridge = self.bridge.iter().flat_map(|it| &it.target_group_arns);
        ingress.chain(bridge).any(|arn| arn.contains(&named))
    }
}

/// `status` of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServiceStatus {
    /// In use.
    Active,
    /// Being deleted: its tasks and targets are going.
    Draining,
    /// Deleted; its name is free.
    Inactive,
}

/// A service deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedDeployment {
    /// Its ARN.
    pub arn: String,
    /// Where it stands.
    pub status: DeploymentStatus,
    /// `statusReason`, in ECS's words.
    pub status_reason: Option<String>,
    /// Whether the circuit breaker has ended it.
    pub is_given_up: bool,
    /// `lifecycleStage`
    pub stage: Option<String>,
    /// Milliseconds since the epoch.
    pub created_ms: u64,
    /// How far it is.
    pub progress: Progress,
    /// The revision that it deploys; none before ECS has made it.
    pub target_revision_arn: Option<String>,
    /// Task definition of the revision that it deploys; none before it was asked for.
    pub task_definition_arn: Option<String>,
}

impl ObservedDeployment {
    /// Whether it goes on, forth or back.
    #[must_use]
    pub const fn is_running(&self) -> bool {
        match self.status {
            DeploymentStatus::Running | DeploymentStatus::GoingBack => true,
            DeploymentStatus::Successful | DeploymentStatus::Failed => false,
        }
    }
}

/// `status` of a service deployment, as far as we tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum DeploymentStatus {
    /// PENDING, IN_PROGRESS
    Running,
    /// STOP_REQUESTED, ROLLBACK_REQUESTED, ROLLBACK_IN_PROGRESS
    GoingBack,
    /// SUCCESSFUL
    Successful,
    /// STOPPED, ROLLBACK_SUCCESSFUL, ROLLBACK_FAILED
    Failed,
}

/// What an UpdateService has to say, by AWS's field names; nothing else is sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EcsServiceChange {
    /// `taskDefinition`
    pub task_definition_arn: Option<String>,
    /// `networkConfiguration`
    pub network: Option<TaskNetwork>,
    /// `loadBalancers`
    pub ingress: Option<ServiceIngress>,
    /// `loadBalancers` in the middle of a move
    pub bridge: Option<Bridge>,
    /// `deploymentConfiguration`
    pub deployment: Option<DeploymentChange>,
    /// `forceNewDeployment`: the same is deployed once more.
    pub is_deployed_again: bool,
}

/// What is sent as `deploymentConfiguration`: ECS keeps the members that it is not told, so all that we decide are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentChange {
    /// How deployments go.
    pub settings: DeploymentSettings,
    /// `alarms.alarmNames`: ours, those of the properties, and those that people have added.
    pub alarm_names: Vec<String>,
}

/// What of `deploymentConfiguration` the properties decide, beside the alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeploymentSettings {
    /// How requests move to the new revision.
    pub strategy: Strategy,
    /// `deploymentCircuitBreaker.enable`
    pub is_breaker_enabled: bool,
    /// `deploymentCircuitBreaker.thresholdConfiguration.type`
    pub threshold_type: ThresholdType,
    /// `deploymentCircuitBreaker.thresholdConfiguration.value`
    pub threshold: u32,
    /// `lifecycleHooks`, sorted.
    pub lifecycle_hooks: Vec<LifecycleHook>,
}

/// `strategy`, with what ECS wants to know for it. Times are in minutes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// A part first, then the rest.
    Canary {
        /// `canaryPercent`
        percent: Percent,
        /// `canaryBakeTimeInMinutes`
        canary_bake: u32,
        /// `bakeTimeInMinutes`
        bake: u32,
    },
    /// In equal steps.
    Linear {
        /// `stepPercent`
        percent: Percent,
        /// `stepBakeTimeInMinutes`
        step_bake: u32,
        /// `bakeTimeInMinutes`
        bake: u32,
    },
    /// All at once.
    BlueGreen {
        /// `bakeTimeInMinutes`
        bake: u32,
    },
    /// Task by task, in the group that serves.
    Rolling,
}

impl EcsServiceChange {
    /// AWS's names of the fields that are sent.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        let Self {
            task_definition_arn,
            network,
            ingress,
            bridge,
            deployment,
            is_deployed_again,
        } = self;
        [
            (task_definition_arn.is_some(), "taskDefinition"),
            (network.is_some(), "networkConfiguration"),
            (ingress.is_some() || bridge.is_some(), "loadBalancers"),
            (deployment.is_some(), "deploymentConfiguration"),
            (*is_deployed_again, "forceNewDeployment"),
        ]
        .into_iter()
        .filter_map(|(is_sent, field)| is_sent.then_some(field))
        .collect()
    }

    /// Whether ECS starts a deployment for it. `deploymentConfiguration` and `healthCheckGracePeriodSeconds` start none.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_UpdateService.html>
    #[must_use]
    pub const fn starts_deployment(&self) -> bool {
        let Self {
            task_definition_arn,
            network,
            ingress,
            bridge,
            deployment: _,
            is_deployed_again,
        } = self;
        task_definition_arn.is_some()
            || network.is_some()
            || ingress.is_some()
            || bridge.is_some()
            || *is_deployed_again
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Compares field by field.
#[must_use]
pub fn diff(spec: &EcsServiceSpec, observed: &ObservedEcsService) -> EcsServiceChange {
    let EcsServiceSpec {
        cluster: _,
        name: _,
        task_definition_arn,
        initial_desired_count: _,
        network,
        ingress,
        deployment_settings,
        health_check_grace_s: _,
        alarm_names: _,
        dropped_alarm_names: _,
        tags: _,
    } = spec;
    let alarm_names = alarm_names(spec, &observed.alarm_names);
    let is_as_wanted = observed.deployment_settings.as_ref() == Some(deployment_settings)
        && alarm_names.len() == observed.alarm_names.len()
        && alarm_names
            .iter()
            .all(|name| observed.alarm_names.contains(name));
    EcsServiceChange {
        task_definition_arn: (*task_definition_arn != observed.task_definition_arn)
            .then(|| task_definition_arn.clone()),
        network: (*network != observed.network).then(|| network.clone()),
        ingress: (!same_ingress(ingress, observed.ingress.as_ref())).then(|| ingress.clone()),
        bridge: None,
        deployment: (!is_as_wanted).then(|| DeploymentChange {
            settings: deployment_settings.clone(),
            alarm_names,
        }),
        is_deployed_again: false,
    }
}

/// What has to be sent so that `spec` is deployed task by task, behind `load_balancers` and with nothing else changed.
#[must_use]
pub fn rolling(
    spec: &EcsServiceSpec,
    observed: &ObservedEcsService,
    load_balancers: LoadBalancers,
) -> EcsServiceChange {
    let rolling = EcsServiceSpec {
        deployment_settings: DeploymentSettings {
            strategy: Strategy::Rolling,
            // A rolling deployment has none, and nothing that they could judge changes.
            lifecycle_hooks: Vec::new(),
            ..spec.deployment_settings.clone()
        },
        ..spec.clone()
    };
    let (ingress, bridge) = match load_balancers {
        LoadBalancers::One(ingress) => (Some(ingress), None),
        LoadBalancers::Both(bridge) => (None, Some(bridge)),
    };
    EcsServiceChange {
        task_definition_arn: None,
        network: None,
        ingress,
        bridge,
        deployment: diff(&rolling, observed).deployment,
        is_deployed_again: false,
    }
}

/// Behind which load balancers a deployment of a move is to bring the tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoadBalancers {
    /// The one that it moves to.
    One(ServiceIngress),
    /// Both.
    Both(Bridge),
}

/// Ours, those of the properties, and those that people have added; without those that the properties have dropped.
fn alarm_names(spec: &EcsServiceSpec, observed: &[String]) -> Vec<String> {
    let wanted = &spec.alarm_names;
    let added = observed
        .iter()
        .filter(|name| !wanted.contains(name) && !spec.dropped_alarm_names.contains(name));
    wanted.iter().chain(added).cloned().collect()
}

/// ECS may report either group of the pair as the first.
fn same_ingress(spec: &ServiceIngress, observed: Option<&ServiceIngress>) -> bool {
    let Some(observed) = observed else {
        return false;
    };
    let ServiceIngress {
        target_group_arn,
        alternate_target_group_arn,
        rule_arn,
        test_rule_arn,
        infrastructure_role_arn,
        container_port,
    } = spec;
    let pair = [target_group_arn, alternate_target_group_arn];
    pair.contains(&&observed.target_group_arn)
        && pair.contains(&&observed.alternate_target_group_arn)
        && *rule_arn == observed.rule_arn
        && *test_rule_arn == observed.test_rule_arn
        && *infrastructure_role_arn == observed.infrastructure_role_arn
        && *container_port == observed.container_port
}
