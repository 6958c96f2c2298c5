//! What a service consists of besides tasks and deployments: it changes seldom, so it is read seldom.

use aws_sdk_ecs::types::Service;
use express_core::diagnosis::{Expected, Masks};
use express_core::resources::listener_rule::load_balancer_of;
use express_core::resources::load_balancer::LoadBalancerState;
use express_core::resources::scalable_target::resource_id;
use express_core::resources::task_definition::ContainerSpec;
use express_handler::aws::AwsClients;
use express_handler::aws::error::AwsError;
use express_handler::resources::{listener_rule, load_balancer, scalable_target, task_definition};

use super::snapshot::{Part, last_part};
use crate::reference::ServiceArn;

/// What was read.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// For the tree.
    pub parts: Vec<Part>,
    /// Whether the load balancer is still being set up: nothing reaches a target before it is in service.
    pub is_provisioning: bool,
    /// Values of the rule's host-header condition.
    pub hosts: Vec<String>,
    /// ARNs of the target groups.
    pub group_arns: Vec<String>,
    /// What the service should be, as far as its task definition says.
    pub expected: Expected,
    /// The container that takes the requests, if the task definition is one of the provider's.
    pub container: Option<ContainerSpec>,
    /// What could not be read, and why.
    pub unread: Vec<String>,
    /// Calls of AWS.
    pub calls: u32,
}

impl Parts {
    /// Reads them; `task_definition_arn` is what the service runs, or is to run.
    pub async fn read(
        aws: &AwsClients,
        arn: &ServiceArn,
        service: &Service,
        task_definition_arn: &str,
    ) -> Self {
        let mut read = Self::default();
        let balancer = service.load_balancers().first();
        let advanced = balancer.and_then(|balancer| balancer.advanced_configuration());
        let groups = [
            balancer.and_then(|balancer| balancer.target_group_arn()),
            advanced.and_then(|advanced| advanced.alternate_target_group_arn()),
        ];
        read.group_arns = groups.into_iter().flatten().map(str::to_owned).collect();
        read.expected.service.clone_from(&arn.name);
        if let Some(role) = advanced.and_then(|advanced| advanced.role_arn()) {
            role.clone_into(&mut read.expected.infrastructure_role_arn);
        }
        if let Some(rule) = advanced.and_then(|advanced| advanced.production_listener_rule()) {
            read.ingress(aws, rule).await;
        }
        read.scaling(aws, arn).await;
        read.task_definition(aws, task_definition_arn).await;
        let network = service.network_configuration();
        let network = network.and_then(|network| network.awsvpc_configuration());
        let security_groups = network.map(|network| network.security_groups());
        for id in security_groups.unwrap_or_default() {
            read.add("security group", id, "of the tasks");
        }
        read
    }

    fn add(&mut self, kind: &'static str, name: &str, state: impl Into<String>) {
        self.parts.push(Part {
            kind,
            name: name.to_owned(),
            state: state.into(),
        });
    }

    /// What a call answers; nothing, with a note, if it cannot be had.
    fn noted<T>(&mut self, answer: Result<Option<T>, AwsError>) -> Option<T> {
        self.calls += 1;
        answer.unwrap_or_else(|error| {
            self.unread.push(error.to_string());
            None
        })
    }

    async fn ingress(&mut self, aws: &AwsClients, rule_arn: &str) {
        let full_name = load_balancer_of(rule_arn).unwrap_or_default();
        let name = full_name.split('/').nth(1).unwrap_or_default();
        let (balancer, rule) = futures::join!(
            load_balancer::find(aws, name),
            listener_rule::find(aws, rule_arn)
        );
        if let Some(balancer) = self.noted(balancer) {
            let state = match balancer.state {
                LoadBalancerState::Provisioning => "provisioning",
                LoadBalancerState::Active => "active",
                LoadBalancerState::Failed => "failed",
            };
            self.is_provisioning = balancer.state == LoadBalancerState::Provisioning;
            self.add("load balancer", name, state);
        }
        match self.noted(rule) {
            Some(rule) => {
                let priority = rule.priority.map_or_else(String::new, |number| {
                    format!("priority {number}, for {}", rule.hosts.join(", "))
                });
                self.add("listener rule", last_part(rule_arn), priority);
                self.hosts = rule.hosts;
            }
            None => self.add("listener rule", last_part(rule_arn), "not found"),
        }
    }

    async fn scaling(&mut self, aws: &AwsClients, arn: &ServiceArn) {
        let id = resource_id(&arn.cluster, &arn.name);
        let found = scalable_target::find(aws, &id).await;
        if let Some(found) = self.noted(found) {
            let bounds = format!("{} to {} tasks", found.min_capacity, found.max_capacity);
            self.add("scalable target", &id, bounds);
        }
    }

    async fn task_definition(&mut self, aws: &AwsClients, arn: &str) {
        let found = task_definition::find(aws, arn).await;
        let Some(found) = self.noted(found) else {
            return;
        };
        self.expected.port = found.primary.port;
        if let Some(group) = &found.primary.log_group {
            self.add("log group", group, "of the containers");
        }
        if let Some(spec) = found.spec {
            let container = spec.container;
            let expected = &mut self.expected;
            expected.image = Some(container.image.clone());
            expected.memory_mib = Some(spec.memory_mib);
            expected.cpu_architecture = Some(spec.cpu_architecture);
            expected.execution_role_arn = Some(spec.execution_role_arn);
            expected.task_role_arn = spec.task_role_arn;
            expected.masks = Masks::of(container.environment.iter().map(|(_, value)| value));
            self.container = Some(container);
        }
    }
}
