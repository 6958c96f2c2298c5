//! What one Express service is to consist of. The only reader of the properties: the destructuring
//! below has no `..`, so a new property does not compile before it is used here.
//! Express Mode's values: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/express-service-work.html>

mod deployment;

use std::collections::BTreeMap;

use provider_schema::{
    AutoScalingMetric, Deployment, DeploymentStrategy, PrimaryContainer, Properties, ScalingTarget,
    Sharing, Tag,
};

pub use self::deployment::RollbackAlarms;
use self::deployment::{deployment_settings, rollback_alarms, test_header};
use crate::claim::{Further, LedTo, Owner, ServiceRecord};
use crate::naming;
use crate::network::{Network, scheme_name};
use crate::resources::Tags;
use crate::resources::cluster::ClusterSpec;
use crate::resources::ecs_service::DeploymentSettings;
use crate::resources::listener_rule::TestHeader;
use crate::resources::log_group::LogGroupSpec;
use crate::resources::task_definition::{ContainerSpec, TaskDefinitionSpec};

/// What the provider knows beside the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Environment {
    /// `aws`, `aws-cn`…
    pub partition: String,
    /// Region of provider and services.
    pub region: String,
    /// Account of provider and services.
    pub account_id: String,
    /// The domain of which every service has a name.
    pub domain_name: String,
    /// Its hosted zone; none when DNS is managed elsewhere.
    pub hosted_zone_id: Option<String>,
    /// The wildcard certificate.
    pub certificate_arn: String,
}

/// Which service a request is about: known before anything is looked up or made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The owner.
    pub owner: Owner,
    /// Its key.
    pub owner_key: String,
    /// ARN of the ECS service: the physical id.
    pub service_arn: String,
    /// Short name of the cluster.
    pub cluster: String,
    /// Name of the service.
    pub service: String,
    /// Its host name.
    pub host: String,
}

impl Identity {
    /// The identity that the properties give to a resource of `owner`.
    #[must_use]
    pub fn new(owner: &Owner, properties: &Properties, environment: &Environment) -> Self {
        let service = properties
            .service_name
            .clone()
            .unwrap_or_else(|| naming::generated_service_name(owner));
        let cluster = properties.cluster.clone();
        let Environment {
            partition,
            region,
            account_id,
            domain_name,
            hosted_zone_id: _,
            certificate_arn: _,
        } = environment;
        Self {
            owner: owner.clone(),
            owner_key: naming::owner_key(owner),
            // Service ARNs have had the cluster's name in them for every account since 2021.
            // AWS: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/service-arn-migration.html
            service_arn: format!(
                "arn:{partition}:ecs:{region}:{account_id}:service/{cluster}/{service}"
            ),
            host: format!("{}.{domain_name}", naming::host_label(&service, &cluster)),
            cluster,
            service,
        }
    }

    /// The identity of a service that the ledger knows.
    #[must_use]
    pub fn of_record(owner: &Owner, service_arn: &str, record: &ServiceRecord) -> Self {
        Self {
            owner: owner.clone(),
            owner_key: naming::owner_key(owner),
            service_arn: service_arn.to_owned(),
            cluster: record.cluster.clone(),
            service: record.name.clone(),
            host: record.host.clone(),
        }
    }

    /// The account that it is in.
    #[must_use]
    pub fn account_id(&self) -> &str {
        naming::account_of(&self.service_arn)
    }

    /// What the ledger is to keep of it.
    #[must_use]
    pub fn to_record(&self) -> ServiceRecord {
        ServiceRecord {
            cluster: self.cluster.clone(),
            name: self.service.clone(),
            host: self.host.clone(),
            is_answered: false,
            is_let_go: false,
            is_named: false,
            created_by: None,
            is_reached: false,
            is_doomed: false,
            claiming_in: None,
            slot: None,
            leaving: None,
            alias_moved_ms: None,
            alias_change: None,
            has_test_rule: false,
            changed_ms: None,
            stands_at: None,
            hosted_zone_id: None,
            stays: Vec::new(),
            has_alias_record: false,
            alias_leads_to: None,
            further: Further::new(),
        }
    }

    /// The tags of ours that everything of this service carries.
    #[must_use]
    pub fn tags(&self) -> Tags {
        Tags::from([
            (
                naming::TAG_PROVIDER.to_owned(),
                naming::TAG_PROVIDER_VALUE.to_owned(),
            ),
            (naming::TAG_OWNER.to_owned(), self.owner_key.clone()),
            (naming::TAG_HOST.to_owned(), self.host.clone()),
        ])
    }
}

/// Everything that is decided before AWS is asked what is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Which service.
    pub identity: Identity,
    /// What the provider knows.
    pub environment: Environment,
    /// Where tasks and load balancer are.
    pub network: Network,
    /// The pool of its load balancer.
    pub pool_id: String,
    /// The owner that the pool is for, when it is dedicated.
    pub dedicated_to: Option<String>,
    /// The cluster.
    pub cluster: ClusterSpec,
    /// The log group; with a given task definition it is that one's business.
    pub log_group: Option<LogGroupSpec>,
    /// What runs.
    pub task_definition: DesiredTaskDefinition,
    /// Beside the service's own group.
    pub user_security_group_ids: Vec<String>,
    /// With which ECS moves traffic.
    pub infrastructure_role_arn: String,
    /// Path of the health check.
    pub health_check_path: String,
    /// How many tasks.
    pub scaling: Scaling,
    /// How deployments go.
    pub deployment: DeploymentSettings,
    /// The header that makes test traffic of a request.
    pub test_header: Option<TestHeader>,
    /// What rolls a deployment back.
    pub alarms: RollbackAlarms,
    /// The user's tags and ours.
    pub tags: Tags,
    /// What the old properties wanted to run, when that was registered by us.
    pub task_definition_before: Option<Box<TaskDefinitionSpec>>,
    /// The task definition that the old properties gave: the service may still run it.
    pub given_before: Option<String>,
    /// Keys of tags that the old properties had and these have not.
    pub removed_tag_keys: Vec<String>,
    /// Whether the old properties had it deployed task by task.
    pub was_rolling: bool,
    /// How far the Update before got, when this one leads back from it.
    pub leads_back_from: Option<LedTo>,
}

/// What runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DesiredTaskDefinition {
    /// Registered by us.
    Ours(Box<TaskDefinitionSpec>),
    /// Given by the user; with or without a revision.
    Given(String),
}

/// How many tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scaling {
    /// At least.
    pub min: u32,
    /// At most.
    pub max: u32,
    /// What is tracked.
    pub metric: AutoScalingMetric,
    /// The value that is aimed at.
    pub target_value: u32,
}

impl Desired {
    /// What `properties` mean for the service `identity` in `network`.
    ///
    /// `old` are the properties that CloudFormation says were there before, of an Update.
    #[must_use]
    pub fn new(
        identity: Identity,
        environment: Environment,
        network: Network,
        properties: &Properties,
        old: Option<&Properties>,
    ) -> Self {
        let Properties {
            service_token: _,
            service_timeout_s: _,
            // Both are the identity's.
            service_name: _,
            cluster,
            infrastructure_role_arn,
            // What runs is `task_definition`'s.
            execution_role_arn: _,
            task_role_arn: _,
            primary_container: _,
            task_definition_arn: _,
            cpu: _,
            memory_mib: _,
            cpu_architecture: _,
            health_check_path,
            // Subnets are the network's.
            network_configuration,
            scaling_target,
            tags,
            load_balancer,
            deployment,
        } = properties;
        let all_tags = with_ours(tags, &identity);
        let region = &environment.region;
        let task_definition = task_definition(&identity, region, properties);
        let before = old.map(|old| self::task_definition(&identity, region, old));
        let is_dedicated = load_balancer.sharing == Sharing::Dedicated;
        let dedicated_to = is_dedicated.then(|| identity.owner_key.clone());
        Self {
            pool_id: naming::pool_id(
                &network.vpc_id,
                scheme_name(network.scheme),
                dedicated_to.as_deref(),
            ),
            dedicated_to,
            cluster: ClusterSpec {
                name: cluster.clone(),
            },
            log_group: log_group(&task_definition, &all_tags),
            task_definition,
            user_security_group_ids: network_configuration.security_groups.clone(),
            infrastructure_role_arn: infrastructure_role_arn.clone(),
            health_check_path: health_check_path.clone(),
            scaling: scaling(scaling_target),
            deployment: deployment_settings(deployment),
            test_header: test_header(deployment),
            alarms: rollback_alarms(deployment, old),
            tags: all_tags,
            task_definition_before: before.and_then(|before| match before {
                DesiredTaskDefinition::Ours(spec) => Some(spec),
                DesiredTaskDefinition::Given(_) => None,
            }),
            given_before: old.and_then(|old| old.task_definition_arn.clone()),
            removed_tag_keys: removed_keys(old, tags),
            was_rolling: old
                .is_some_and(|old| old.deployment.strategy == DeploymentStrategy::Rolling),
            leads_back_from: None,
            identity,
            environment,
            network,
        }
    }

    /// The same, where the Update leads back from one that got so far.
    #[must_use]
    pub fn leading_back_from(self, leads_back_from: Option<LedTo>) -> Self {
        Self {
            leads_back_from,
            ..self
        }
    }

    /// The tags of a shared thing: from the pool alone, so that every service asks for the same.
    #[must_use]
    pub fn pool_tags(&self, ordinal: u64) -> Tags {
        let mut tags = Tags::from([
            (
                naming::TAG_PROVIDER.to_owned(),
                naming::TAG_PROVIDER_VALUE.to_owned(),
            ),
            (naming::TAG_POOL.to_owned(), self.pool_id.clone()),
            (naming::TAG_ORDINAL.to_owned(), ordinal.to_string()),
        ]);
        if let Some(owner_key) = &self.dedicated_to {
            tags.insert(naming::TAG_OWNER.to_owned(), owner_key.clone());
        }
        tags
    }
}

fn task_definition(
    identity: &Identity,
    region: &str,
    properties: &Properties,
) -> DesiredTaskDefinition {
    let Properties {
        task_definition_arn,
        primary_container,
        execution_role_arn,
        task_role_arn,
        cpu,
        memory_mib,
        cpu_architecture,
        tags,
        deployment,
        ..
    } = properties;
    match (task_definition_arn, primary_container, execution_role_arn) {
        (None, Some(container), Some(execution_role_arn)) => {
            DesiredTaskDefinition::Ours(Box::new(TaskDefinitionSpec {
                family: naming::family(&identity.service, &identity.service_arn),
                cpu: *cpu,
                memory_mib: *memory_mib,
                cpu_architecture: *cpu_architecture,
                execution_role_arn: execution_role_arn.clone(),
                task_role_arn: task_role_arn.clone(),
                container: container_spec(container, deployment, identity, region),
                kept: None,
                tags: with_ours(tags, identity),
            }))
        }
        // `provider_schema::parse` lets nothing else through than a given task definition.
        (given, _, _) => DesiredTaskDefinition::Given(given.clone().unwrap_or_default()),
    }
}

fn scaling(target: &ScalingTarget) -> Scaling {
    let ScalingTarget {
        min_task_count,
        max_task_count,
        auto_scaling_metric,
        auto_scaling_target_value,
    } = target;
    Scaling {
        min: *min_task_count,
        max: *max_task_count,
        metric: *auto_scaling_metric,
        target_value: *auto_scaling_target_value,
    }
}

fn container_spec(
    container: &PrimaryContainer,
    deployment: &Deployment,
    identity: &Identity,
    region: &str,
) -> ContainerSpec {
    let PrimaryContainer {
        image,
        container_port,
        aws_logs_configuration,
        repository_credentials,
        command,
        environment,
        secrets,
    } = container;
    let log_stream_prefix = aws_logs_configuration.as_ref().map_or_else(
        || DEFAULT_LOG_STREAM_PREFIX.to_owned(),
        |logs| logs.log_stream_prefix.clone(),
    );
    let mut environment: Vec<(String, String)> = environment
        .iter()
        .map(|pair| (pair.name.clone(), pair.value.clone()))
        .collect();
    environment.sort();
    let mut secrets: Vec<(String, String)> = secrets
        .iter()
        .map(|secret| (secret.name.clone(), secret.value_from.clone()))
        .collect();
    secrets.sort();
    ContainerSpec {
        image: image.clone(),
        port: *container_port,
        command: command.clone(),
        environment,
        secrets,
        repository_credentials: repository_credentials
            .as_ref()
            .map(|credentials| credentials.credentials_parameter.clone()),
        log_group: log_group_name(identity, Some(container)),
        log_stream_prefix,
        region: region.to_owned(),
        force_deployment: deployment.force_deployment.clone(),
    }
}

/// The log group that the properties give, or the service's own.
#[must_use]
pub fn log_group_name(identity: &Identity, container: Option<&PrimaryContainer>) -> String {
    container
        .and_then(|container| container.aws_logs_configuration.as_ref())
        .map_or_else(
            || naming::log_group(&identity.service, &identity.cluster),
            |logs| logs.log_group.clone(),
        )
}

/// Prefix of log streams when the properties give none: Express Mode's.
const DEFAULT_LOG_STREAM_PREFIX: &str = "ecs";

fn log_group(task_definition: &DesiredTaskDefinition, tags: &Tags) -> Option<LogGroupSpec> {
    match task_definition {
        DesiredTaskDefinition::Ours(spec) => Some(LogGroupSpec {
            name: spec.container.log_group.clone(),
            tags: tags.clone(),
        }),
        DesiredTaskDefinition::Given(_) => None,
    }
}

fn with_ours(tags: &[Tag], identity: &Identity) -> Tags {
    let mut all: BTreeMap<String, String> = tags
        .iter()
        .map(|tag| (tag.key.clone(), tag.value.clone()))
        .collect();
    all.extend(identity.tags());
    all
}

fn removed_keys(old: Option<&Properties>, tags: &[Tag]) -> Vec<String> {
    old.map(|old| old.tags.as_slice())
        .unwrap_or_default()
        .iter()
        .map(|tag| &tag.key)
        .filter(|key| !tags.iter().any(|tag| tag.key == **key))
        .cloned()
        .collect()
}
