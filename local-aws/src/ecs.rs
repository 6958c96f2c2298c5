//! ECS on Fargate: clusters, task definitions, services with their deployments and revisions, tasks.
//!
//! A service's every configuration is a revision; a deployment brings a revision into service; tasks
//! belong to a revision. The engine is one state machine for each deployment ([`deployment`], stages
//! named as on AWS) over one for each task ([`task`]), both driven by an [`agenda`]: the scheduler looks
//! at a service that is changing every 5 s and at a steady one every 30 s, as `fleet` says.
//!
//! Not simulated, and refused: launch types and capacity providers other than FARGATE, lifecycle hooks that pause,
//! early success criteria, services without a load balancer.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Operations.html>

mod agenda;
mod cluster;
mod deployment;
mod fleet;
mod image;
pub(crate) mod page;
mod revision;
mod role;
mod service;
mod tag;
mod task;
mod task_definition;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};
use role::can_assume;

pub use deployment::{HookAnswer, answer_hook};
pub use task::traffic_answer;

/// What the service holds.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// Roles that ECS cannot assume yet, by ARN: until when, in milliseconds since the epoch.
    ///
    /// IAM takes seconds until a new role can be assumed; what a role's name says of it is in `role`.
    pub unassumable_roles: BTreeMap<String, u64>,
    /// Where the first revision of a service goes.
    pub first_revision: FirstRevision,
    /// Whether a revision is described without the variables whose value is empty. AWS documents neither; both were reported
    /// (<https://github.com/hashicorp/terraform-provider-aws/issues/39533>,
    /// <https://github.com/aws-actions/amazon-ecs-deploy-task-definition/issues/216>).
    pub drops_empty_variables: bool,
    /// What lifecycle hooks answer, by the ARN of their function.
    hook_answers: BTreeMap<String, Vec<HookAnswer>>,
    clusters: BTreeMap<String, cluster::Cluster>,
    task_definitions: BTreeMap<String, Vec<task_definition::TaskDefinition>>,
    services: BTreeMap<String, service::Service>,
    revisions: BTreeMap<String, revision::Revision>,
    deployments: BTreeMap<String, deployment::Deployment>,
    tasks: BTreeMap<String, task::Task>,
    /// Tasks by the private address of their interface.
    addresses: BTreeMap<String, String>,
    agenda: agenda::Agenda,
}

/// The target group that a service's first revision takes. AWS documents neither; both were seen
/// (<https://github.com/go-to-k/cdk-real-drift/issues/1730> for the alternate).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FirstRevision {
    /// `targetGroupArn`
    #[default]
    Primary,
    /// `alternateTargetGroupArn`
    Alternate,
}

/// What a container answers to an HTTP request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HealthAnswer {
    /// This HTTP status.
    Status(u16),
    /// Nothing listens on the port.
    Refused,
    /// Nothing has the address.
    Timeout,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "CreateCluster" => cluster::create(cloud, input),
        "DescribeClusters" => cluster::describe(cloud, input),
        "ListClusters" => cluster::list(cloud, input),
        "DeleteCluster" => cluster::delete(cloud, input),
        "PutClusterCapacityProviders" => cluster::put_capacity_providers(cloud, input),
        "RegisterTaskDefinition" => task_definition::register(cloud, input),
        "DescribeTaskDefinition" => task_definition::describe(cloud, input),
        "DeregisterTaskDefinition" => task_definition::deregister(cloud, input),
        "ListTaskDefinitions" => task_definition::list(cloud, input),
        "CreateService" => service::create(cloud, input),
        "UpdateService" => service::update(cloud, input),
        "DescribeServices" => service::describe(cloud, input),
        "ListServices" => service::list(cloud, input),
        "DeleteService" => service::delete(cloud, input),
        "ListServiceDeployments" => deployment::list(cloud, input),
        "DescribeServiceDeployments" => deployment::describe(cloud, input),
        "StopServiceDeployment" => deployment::stop(cloud, input),
        "DescribeServiceRevisions" => revision::describe(cloud, input),
        "ListTasks" => task::list(cloud, input),
        "DescribeTasks" => task::describe(cloud, input),
        "StopTask" => task::stop(cloud, input),
        "TagResource" => tag::tag_resource(cloud, input),
        "UntagResource" => tag::untag_resource(cloud, input),
        "ListTagsForResource" => tag::list_tags_for_resource(cloud, input),
        _ => Err(Refusal::unsupported("ecs", operation)),
    }
}

/// When the next thing happens here by itself, in milliseconds since the epoch.
pub(crate) fn next_due_ms(state: &State) -> Option<u64> {
    state.agenda.next_due_ms()
}

/// Lets happen what is due at `cloud.now_ms`.
pub(crate) fn happen(cloud: &mut Cloud) {
    while let Some((at_ms, subject)) = cloud.ecs.agenda.take_due(cloud.now_ms) {
        match subject {
            agenda::Subject::Task(arn) => task::advance(cloud, &arn, at_ms),
            agenda::Subject::Service(arn) => fleet::look(cloud, &arn, at_ms),
        }
    }
}

/// What the task at `ip` answers to a load balancer's health check.
pub(crate) fn health_check(cloud: &Cloud, ip: &str, port: u16, path: &str) -> HealthAnswer {
    task::health_answer(cloud, ip, port, path)
}

/// The desired count of an ACTIVE service.
pub(crate) fn desired_count(cloud: &Cloud, cluster: &str, service: &str) -> Option<u32> {
    let arn = service::arn_of(&cloud.account, cluster, service);
    let found = cloud.ecs.services.get(&arn);
    found.filter(|it| it.is_active()).map(|it| it.desired)
}

/// Sets the desired count of an ACTIVE service, as auto scaling does: no deployment starts.
pub(crate) fn set_desired_count(cloud: &mut Cloud, cluster: &str, service: &str, count: u32) {
    let arn = service::arn_of(&cloud.account, cluster, service);
    if let Some(service) = cloud.ecs.services.get_mut(&arn).filter(|it| it.is_active()) {
        service.desired = count;
        fleet::look_soon(cloud, &arn);
    }
}

fn client(code: &str, message: impl Into<String>) -> Refusal {
    Refusal::client(code, message)
}

fn invalid_parameter(message: impl Into<String>) -> Refusal {
    client("InvalidParameterException", message)
}

fn required<'a>(input: Input<'a>, name: &str) -> Result<&'a str, Refusal> {
    let value = input.text(name).filter(|value| !value.is_empty());
    value.ok_or_else(|| invalid_parameter(format!("{name} cannot be empty.")))
}

/// Letters, digits, hyphens and underscores: the names of clusters, services, families, containers.
fn is_name(name: &str, chars_max: usize) -> bool {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    (1..=chars_max).contains(&name.len()) && name.chars().all(allowed)
}

/// Sets a member of an output.
fn set(output: &mut Value, name: &str, value: Value) {
    if let Some(members) = output.as_object_mut() {
        members.insert(name.to_owned(), value);
    }
}

fn with_token(mut output: Value, token: Option<String>) -> Value {
    if let Some(token) = token {
        set(&mut output, "nextToken", json!(token));
    }
    output
}

#[cfg(test)]
pub(crate) mod tests;
