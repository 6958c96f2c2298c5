//! A small service and what may be changed of it, as its template would say it.

use provider_schema::{Properties, Scheme, Sharing};
use serde_json::{Value, json};

use crate::claim::{LedTo, Owner};
use crate::desired::{Desired, Environment, Identity};
use crate::network::{self, RouteTable, Subnet, VpcFacts};

/// The properties of one service, in one VPC.
#[derive(Clone, Debug)]
pub(super) struct Web {
    pub(super) properties: Properties,
    before: Option<Properties>,
    leads_back_from: Option<LedTo>,
    vpc_id: &'static str,
    /// That of its subnets.
    range: &'static str,
    has_hosted_zone: bool,
}

/// The service `web`: three required properties and a name.
pub(super) fn web() -> Web {
    let properties = json!({
        "ServiceName": "web",
        "InfrastructureRoleArn": "arn:aws:iam::123456789012:role/infrastructure",
        "ExecutionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "PrimaryContainer": {"Image": "web:1"},
    });
    Web {
        properties: serde_json::from_value(properties).expect("properties of the ledger's form"),
        before: None,
        leads_back_from: None,
        vpc_id: "vpc-1",
        range: "10.0.1.0/24",
        has_hosted_zone: true,
    }
}

impl Web {
    /// Sets what `pointer` names, in the ledger's form of the properties.
    pub(super) fn set(mut self, pointer: &str, value: Value) -> Self {
        let mut form = serde_json::to_value(&self.properties).expect("properties have a form");
        let mut place = &mut form;
        for key in pointer.split('/').skip(1) {
            place = &mut place[key];
        }
        *place = value;
        self.properties = serde_json::from_value(form).expect("the changed form is one too");
        self
    }

    pub(super) fn image(self, image: &str) -> Self {
        self.set("/PrimaryContainer/Image", json!(image))
    }

    pub(super) fn port(self, port: u16) -> Self {
        self.set("/PrimaryContainer/ContainerPort", json!(port))
    }

    pub(super) fn health_check_path(self, path: &str) -> Self {
        self.set("/HealthCheckPath", json!(path))
    }

    pub(super) fn infrastructure_role(self, name: &str) -> Self {
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        self.set("/InfrastructureRoleArn", json!(arn))
    }

    pub(super) fn tasks(self, min: u32, max: u32) -> Self {
        self.set("/ScalingTarget/MinTaskCount", json!(min))
            .set("/ScalingTarget/MaxTaskCount", json!(max))
    }

    pub(super) fn metric(self, metric: &str, target: u32) -> Self {
        self.set("/ScalingTarget/AutoScalingMetric", json!(metric))
            .set("/ScalingTarget/AutoScalingTargetValue", json!(target))
    }

    pub(super) fn tags(self, tags: &[(&str, &str)]) -> Self {
        let tags: Vec<Value> = tags
            .iter()
            .map(|(key, value)| json!({"Key": key, "Value": value}))
            .collect();
        self.set("/Tags", json!(tags))
    }

    pub(super) fn subnets(self, ids: &[&str]) -> Self {
        self.set("/NetworkConfiguration/Subnets", json!(ids))
    }

    pub(super) fn cluster(self, name: &str) -> Self {
        self.set("/Cluster", json!(name))
    }

    pub(super) fn scheme(mut self, scheme: Scheme) -> Self {
        self.properties.load_balancer.scheme = Some(scheme);
        self
    }

    pub(super) fn sharing(mut self, sharing: Sharing) -> Self {
        self.properties.load_balancer.sharing = sharing;
        self
    }

    pub(super) fn vpc(mut self, vpc_id: &'static str) -> Self {
        self.vpc_id = vpc_id;
        self
    }

    pub(super) fn range(mut self, range: &'static str) -> Self {
        self.range = range;
        self
    }

    /// The service runs a task definition of the user's.
    pub(super) fn given(mut self, arn: &str) -> Self {
        self.properties.primary_container = None;
        self.properties.execution_role_arn = None;
        self.properties.task_definition_arn = Some(arn.to_owned());
        self
    }

    pub(super) fn without_hosted_zone(mut self) -> Self {
        self.has_hosted_zone = false;
        self
    }

    /// As an Update of `before`.
    pub(super) fn updating(mut self, before: &Self) -> Self {
        self.before = Some(before.properties.clone());
        self
    }

    /// As an Update that leads back from one that got so far.
    pub(super) fn back_from(mut self, led_to: LedTo) -> Self {
        self.leads_back_from = Some(led_to);
        self
    }

    pub(super) fn desired(&self) -> Desired {
        let environment = Environment {
            partition: "aws".to_owned(),
            region: "eu-west-1".to_owned(),
            account_id: "123456789012".to_owned(),
            domain_name: "example.com".to_owned(),
            hosted_zone_id: self.has_hosted_zone.then(|| "Z1".to_owned()),
            certificate_arn: "arn:aws:acm:eu-west-1:123456789012:certificate/1".to_owned(),
        };
        let owner = Owner {
            stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1".to_owned(),
            logical_resource_id: "Web".to_owned(),
        };
        Desired::new(
            Identity::new(&owner, &self.properties, &environment),
            environment,
            network::resolve(&self.properties, &self.vpc_facts(), &[]).expect("the subnets fit"),
            &self.properties,
            self.before.as_ref(),
        )
        .leading_back_from(self.leads_back_from)
    }

    /// Public subnets `subnet-a` to `-c` in a zone each, of which the first two are the default ones, and
    /// private ones `subnet-x` to `-z` beside them.
    fn vpc_facts(&self) -> VpcFacts {
        let subnet = |id: &str, zone: &str| Subnet {
            id: id.to_owned(),
            vpc_id: self.vpc_id.to_owned(),
            zone: zone.to_owned(),
            range: Some(self.range.to_owned()),
            free_addresses: 100,
        };
        let all_subnets = vec![
            subnet("subnet-a", "eu-west-1a"),
            subnet("subnet-b", "eu-west-1b"),
            subnet("subnet-c", "eu-west-1c"),
            subnet("subnet-x", "eu-west-1a"),
            subnet("subnet-y", "eu-west-1b"),
            subnet("subnet-z", "eu-west-1c"),
        ];
        let asked = &self.properties.network_configuration.subnets;
        let is_for_tasks = |subnet: &&Subnet| {
            if asked.is_empty() {
                ["subnet-a", "subnet-b"].contains(&subnet.id.as_str())
            } else {
                asked.contains(&subnet.id)
            }
        };
        VpcFacts {
            task_subnets: all_subnets.iter().filter(is_for_tasks).cloned().collect(),
            route_tables: vec![
                RouteTable {
                    is_main: true,
                    subnet_ids: Vec::new(),
                    leads_to_internet_gateway: true,
                },
                RouteTable {
                    is_main: false,
                    subnet_ids: ["subnet-x", "subnet-y", "subnet-z"]
                        .map(str::to_owned)
                        .into(),
                    leads_to_internet_gateway: false,
                },
            ],
            all_subnets,
        }
    }
}
