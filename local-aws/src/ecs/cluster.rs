//! Clusters.
//!
//! A deleted cluster stays describable as INACTIVE; creating it again makes it ACTIVE.
//! Repeat-safe: CreateCluster of an ACTIVE cluster answers that cluster unchanged.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>

use serde_json::{Value, json};

use super::page::{PAGE_MAX, page};
use super::tag::{self, Tags};
use super::{State, client, invalid_parameter};
use crate::cloud::{Account, Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Letters of a cluster's name.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html> (`clusterName`)
const NAME_CHARS_MAX: usize = 255;

/// The capacity providers that exist without being created.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>
const FARGATE_PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// A cluster; its name is its key in the state.
#[derive(Clone, Debug)]
pub(super) struct Cluster {
    pub(super) arn: String,
    pub(super) active: bool,
    pub(super) tags: Tags,
    settings: Value,
    capacity_providers: Vec<String>,
    default_strategy: Value,
}

/// The cluster of a call: the member `cluster`, by name or ARN, `default` when absent.
///
/// # Errors
/// `ClusterNotFoundException` when it does not exist or is INACTIVE.
pub(super) fn of_call(cloud: &Cloud, input: Input<'_>) -> Result<String, Refusal> {
    let reference = input.text("cluster").unwrap_or("default");
    let name = name_of(&cloud.account, reference).unwrap_or_default();
    match cloud.ecs.clusters.get(name) {
        Some(cluster) if cluster.active => Ok(name.to_owned()),
        Some(_) | None => Err(not_found()),
    }
}

pub(super) fn not_found() -> Refusal {
    client("ClusterNotFoundException", "Cluster not found.")
}

/// A name as it is; of an ARN of this account and region the name in it.
fn name_of<'a>(account: &Account, reference: &'a str) -> Option<&'a str> {
    if reference.starts_with("arn:") {
        reference.strip_prefix(&account.arn("ecs", "cluster/"))
    } else {
        Some(reference)
    }
}

pub(super) fn create(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "clusterName",
        "tags",
        "settings",
        "capacityProviders",
        "defaultCapacityProviderStrategy",
    ])?;
    let name = input.text("clusterName").unwrap_or("default");
    if !super::is_name(name, NAME_CHARS_MAX) {
        return Err(invalid_parameter(format!(
            "Invalid identifier: '{name}' is not a cluster name."
        )));
    }
    let tags = tag::parse(input)?;
    let (capacity_providers, default_strategy) =
        providers(input, "defaultCapacityProviderStrategy")?;
    if !cloud.ecs.clusters.get(name).is_some_and(|it| it.active) {
        let cluster = Cluster {
            arn: cloud.account.arn("ecs", &format!("cluster/{name}")),
            active: true,
            tags,
            settings: input
                .member("settings")
                .cloned()
                .unwrap_or_else(|| json!([{"name": "containerInsights", "value": "disabled"}])),
            capacity_providers,
            default_strategy,
        };
        cloud.ecs.clusters.insert(name.to_owned(), cluster);
    }
    Ok(json!({"cluster": output(&cloud.ecs, name, true)}))
}

pub(super) fn describe(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["clusters", "include"])?;
    let mut asked = input.texts("clusters");
    if asked.is_empty() {
        asked.push("default");
    }
    let with_tags = tag::wanted(input);
    let mut clusters = Vec::new();
    let mut failures = Vec::new();
    for reference in asked {
        let name = name_of(&cloud.account, reference).unwrap_or_default();
        if cloud.ecs.clusters.contains_key(name) {
            clusters.push(output(&cloud.ecs, name, with_tags));
        } else {
            let arn = if reference.starts_with("arn:") {
                reference.to_owned()
            } else {
                cloud.account.arn("ecs", &format!("cluster/{reference}"))
            };
            failures.push(json!({"arn": arn, "reason": "MISSING"}));
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

pub(super) fn list(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["nextToken", "maxResults"])?;
    let arns = cloud.ecs.clusters.values();
    let arns = arns.filter(|it| it.active).map(|it| it.arn.clone());
    let (arns, token) = page(arns.collect(), input, PAGE_MAX)?;
    Ok(super::with_token(json!({"clusterArns": arns}), token))
}

pub(super) fn delete(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&["cluster"])?;
    super::required(input, "cluster")?;
    let name = of_call(cloud, input)?;
    if live_services(&cloud.ecs, &name).next().is_some() {
        return Err(client(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    let mut tasks = cloud.ecs.tasks.values();
    if tasks.any(|task| task.cluster == name && !task.is_stopped()) {
        return Err(client(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ));
    }
    if let Some(cluster) = cloud.ecs.clusters.get_mut(&name) {
        cluster.active = false;
    }
    Ok(json!({"cluster": output(&cloud.ecs, &name, false)}))
}

pub(super) fn put_capacity_providers(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    input.only(&[
        "cluster",
        "capacityProviders",
        "defaultCapacityProviderStrategy",
    ])?;
    super::required(input, "cluster")?;
    let name = of_call(cloud, input)?;
    let (capacity_providers, strategy) = providers(input, "defaultCapacityProviderStrategy")?;
    if let Some(cluster) = cloud.ecs.clusters.get_mut(&name) {
        cluster.capacity_providers = capacity_providers;
        cluster.default_strategy = strategy;
    }
    Ok(json!({"cluster": output(&cloud.ecs, &name, false)}))
}

/// The capacity providers and the default strategy, which may name only those.
fn providers(input: Input<'_>, strategy: &str) -> Result<(Vec<String>, Value), Refusal> {
    let providers = input.texts("capacityProviders");
    let unknown = |name: &&str| !FARGATE_PROVIDERS.contains(name);
    if let Some(name) = providers.iter().find(|name| unknown(name)) {
        return Err(invalid_parameter(format!(
            "The specified capacity provider '{name}' was not found."
        )));
    }
    for item in input.items(strategy) {
        let name = item.text("capacityProvider").unwrap_or_default();
        if !providers.contains(&name) {
            return Err(invalid_parameter(format!(
                "The capacity provider '{name}' of the strategy is not associated with the cluster."
            )));
        }
    }
    let strategy = input.member(strategy).cloned().unwrap_or_else(|| json!([]));
    Ok((providers.into_iter().map(str::to_owned).collect(), strategy))
}

/// Services that are not INACTIVE.
fn live_services<'a>(
    state: &'a State,
    cluster: &str,
) -> impl Iterator<Item = &'a super::service::Service> {
    let services = state.services.values();
    services.filter(move |service| service.cluster == cluster && !service.is_inactive())
}

fn output(state: &State, name: &str, with_tags: bool) -> Value {
    let Some(cluster) = state.clusters.get(name) else {
        return Value::Null;
    };
    let tasks = || state.tasks.values().filter(|task| task.cluster == name);
    let mut output = json!({
        "clusterArn": cluster.arn,
        "clusterName": name,
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks().filter(|task| task.is_running()).count(),
        "pendingTasksCount": tasks().filter(|task| task.is_starting()).count(),
        "activeServicesCount": live_services(state, name).count(),
        "statistics": [],
        "settings": cluster.settings,
        "capacityProviders": cluster.capacity_providers,
        "defaultCapacityProviderStrategy": cluster.default_strategy,
        "tags": [],
    });
    if with_tags {
        super::set(&mut output, "tags", tag::output(&cluster.tags));
    }
    output
}
