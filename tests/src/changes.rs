//! Every property that can change without a replacement or a move, each with another value.
//!
//! The order counts: the simulator's histories name changes by their number, so a new one goes to the end.

use std::fmt;

use local_aws::wire::Service;
use provider_schema::updates::{self, Property};
use serde_json::{Value, json};

use crate::network;
use crate::properties::{ServiceProperties, lifecycle_hook, role, web};
use crate::world::World;

/// So many changes were known when the simulator's first seeds were noted; numbers that it draws for them stay below.
pub const FIRST_CHANGES: usize = 24;

/// A security group of the account that changes name.
const SECURITY_GROUP: &str = "sg-0a0a0a0a0a0a0a0a0";
/// Revisions of a task definition of the account that changes name, without their number.
const TASK_DEFINITION: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/own";
/// A secret of the account.
const SECRET: &str = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:registry-AbCdEf";

/// A JSON pointer, and the value there; null takes away what is there.
type Setting = (&'static str, Value);

/// A change of one property, or of some at once.
#[derive(Clone, Debug)]
pub struct Change {
    /// What the properties have before it and after it: without that the other value would not be allowed.
    around: Vec<Setting>,
    /// What changes; the first names it.
    set: Vec<Setting>,
}

impl Change {
    /// The JSON pointer of what changes.
    #[must_use]
    pub fn pointer(&self) -> &'static str {
        self.set.first().map_or("", |(pointer, _)| pointer)
    }

    /// These properties, before it.
    #[must_use]
    pub fn before(&self, properties: ServiceProperties) -> ServiceProperties {
        with(properties, &self.around)
    }

    /// These properties, after it.
    #[must_use]
    pub fn after(&self, properties: ServiceProperties) -> ServiceProperties {
        with(self.before(properties), &self.set)
    }

    /// What changes, in the words of the table of updates.
    #[must_use]
    pub fn properties(&self) -> Vec<Property> {
        let (old, new) = (self.before(web()), self.after(web()));
        updates::changes(&old.parsed(), &new.parsed())
    }

    /// Whether it names what [`make_own_things`] makes.
    #[must_use]
    pub fn names_own_things(&self) -> bool {
        let mut values = self.around.iter().chain(&self.set);
        values.any(|(_, value)| {
            let text = value.to_string();
            text.contains(SECURITY_GROUP) || text.contains(TASK_DEFINITION)
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.set.first() {
            Some((pointer, value)) => write!(formatter, "{pointer}={value}"),
            None => Ok(()),
        }
    }
}

fn with(properties: ServiceProperties, settings: &[Setting]) -> ServiceProperties {
    let settings = settings.iter();
    settings.fold(properties, |properties, (pointer, value)| match value {
        Value::Null => properties.unset(pointer),
        value => properties.set(pointer, value.clone()),
    })
}

/// All of them.
#[must_use]
pub fn changes() -> Vec<Change> {
    let first = first().into_iter();
    let mut changes: Vec<Change> = first.map(|(name, value)| alone(name, value)).collect();
    changes.extend(of_the_task());
    changes.extend(of_the_service());
    changes.extend(of_deployments());
    changes
}

fn first() -> [Setting; FIRST_CHANGES] {
    [
        (
            "/PrimaryContainer/Image",
            json!("public.ecr.aws/nginx/nginx:1.28"),
        ),
        ("/PrimaryContainer/ContainerPort", json!(8080)),
        ("/PrimaryContainer/Command", json!(["serve"])),
        (
            "/PrimaryContainer/Environment",
            json!([{"Name": "MODE", "Value": "production"}]),
        ),
        (
            "/PrimaryContainer/AwsLogsConfiguration",
            json!({"LogGroup": "/team/web", "LogStreamPrefix": "web"}),
        ),
        (
            "/ExecutionRoleArn",
            json!("arn:aws:iam::123456789012:role/other-execution"),
        ),
        ("/TaskRoleArn", json!("arn:aws:iam::123456789012:role/task")),
        (
            "/InfrastructureRoleArn",
            json!("arn:aws:iam::123456789012:role/other-infrastructure"),
        ),
        ("/Cpu", json!(512)),
        ("/Memory", json!(4096)),
        ("/HealthCheckPath", json!("/up")),
        (
            "/ScalingTarget",
            json!({"MinTaskCount": 2, "MaxTaskCount": 4}),
        ),
        (
            "/ScalingTarget",
            json!({"AutoScalingMetric": "REQUEST_COUNT_PER_TARGET", "AutoScalingTargetValue": 500}),
        ),
        ("/Tags", json!([{"Key": "team", "Value": "web"}])),
        ("/Deployment/Preset", json!("DEVELOPMENT")),
        ("/Deployment/Strategy", json!("ROLLING")),
        (
            "/Deployment/CanaryConfiguration",
            json!({"CanaryPercent": 10, "CanaryBakeTimeInMinutes": 5}),
        ),
        ("/Deployment/BakeTimeInMinutes", json!(10)),
        (
            "/Deployment/CircuitBreaker",
            json!({"Enable": true, "ThresholdConfiguration": {"Type": "COUNT", "Value": 2}}),
        ),
        (
            "/Deployment/RollbackAlarm",
            json!({"ErrorRatePercent": 2.5, "MinimumRequests": 50, "Count4xx": true, "EvaluationPeriods": 5}),
        ),
        ("/Deployment/AlarmNames", json!(["latency"])),
        (
            "/Deployment/TestTraffic",
            json!({"HeaderName": "X-Test", "HeaderValue": "new"}),
        ),
        (
            "/Deployment/LifecycleHooks",
            json!([lifecycle_hook("check", &["POST_SCALE_UP"])]),
        ),
        ("/Deployment/ForceDeployment", json!("again")),
    ]
}

/// What is not allowed together with a task definition of one's own.
const EXCLUDED: [&str; 7] = [
    "/PrimaryContainer",
    "/ExecutionRoleArn",
    "/TaskRoleArn",
    "/Cpu",
    "/Memory",
    "/CpuArchitecture",
    "/Deployment/ForceDeployment",
];

fn of_the_task() -> Vec<Change> {
    let logs = json!({"LogGroup": "/team/web", "LogStreamPrefix": "web"});
    let logs = ("/PrimaryContainer/AwsLogsConfiguration", logs);
    let own = |revision: u32| {
        let arn = json!(format!("{TASK_DEFINITION}:{revision}"));
        let excluded = EXCLUDED.iter().map(|pointer| (*pointer, Value::Null));
        let own = std::iter::once(("/TaskDefinitionArn", arn)).chain(excluded);
        own.collect::<Vec<Setting>>()
    };
    let secrets = json!([{"Name": "TOKEN", "ValueFrom": SECRET}]);
    let credentials = json!({"CredentialsParameter": SECRET});
    vec![
        alone("/PrimaryContainer/Secrets", secrets),
        alone("/PrimaryContainer/RepositoryCredentials", credentials),
        among(
            &logs,
            "/PrimaryContainer/AwsLogsConfiguration/LogGroup",
            json!("/team/others"),
        ),
        among(
            &logs,
            "/PrimaryContainer/AwsLogsConfiguration/LogStreamPrefix",
            json!("others"),
        ),
        alone("/CpuArchitecture", json!("ARM64")),
        Change {
            around: Vec::new(),
            set: own(1),
        },
        Change {
            around: own(1),
            set: own(2),
        },
    ]
}

fn of_the_service() -> Vec<Change> {
    vec![
        alone("/ServiceTimeout", json!(3_000)),
        alone(
            "/NetworkConfiguration/SecurityGroups",
            json!([SECURITY_GROUP]),
        ),
        alone("/ScalingTarget/MinTaskCount", json!(2)),
        alone("/ScalingTarget/MaxTaskCount", json!(4)),
        alone("/ScalingTarget/AutoScalingMetric", json!("AVERAGE_MEMORY")),
        alone("/ScalingTarget/AutoScalingTargetValue", json!(75)),
    ]
}

fn of_deployments() -> Vec<Change> {
    let as_preset = json!({"Strategy": "BLUE_GREEN", "BakeTimeInMinutes": 0});
    let as_preset = ("/Deployment", as_preset);
    let linear = ("/Deployment/Strategy", json!("LINEAR"));
    let header = json!({"HeaderName": "X-Test", "HeaderValue": "new"});
    let tested = ("/Deployment/TestTraffic", header);
    vec![
        among(&as_preset, "/Deployment/Preset", json!("DEVELOPMENT")),
        alone("/Deployment/CanaryConfiguration/CanaryPercent", json!(10)),
        alone(
            "/Deployment/CanaryConfiguration/CanaryBakeTimeInMinutes",
            json!(5),
        ),
        among(
            &linear,
            "/Deployment/LinearConfiguration/StepPercent",
            json!(50),
        ),
        among(
            &linear,
            "/Deployment/LinearConfiguration/StepBakeTimeInMinutes",
            json!(2),
        ),
        alone("/Deployment/CircuitBreaker/Enable", json!(false)),
        alone(
            "/Deployment/CircuitBreaker/ThresholdConfiguration/Type",
            json!("COUNT"),
        ),
        alone(
            "/Deployment/CircuitBreaker/ThresholdConfiguration/Value",
            json!(40),
        ),
        alone("/Deployment/RollbackAlarm/ErrorRatePercent", json!(2.5)),
        alone("/Deployment/RollbackAlarm/MinimumRequests", json!(50)),
        alone("/Deployment/RollbackAlarm/Count4xx", json!(true)),
        alone("/Deployment/RollbackAlarm/EvaluationPeriods", json!(5)),
        alone("/Deployment/RollbackAlarm/DatapointsToAlarm", json!(1)),
        among(
            &tested,
            "/Deployment/TestTraffic/HeaderName",
            json!("X-Canary"),
        ),
        among(
            &tested,
            "/Deployment/TestTraffic/HeaderValue",
            json!("newer"),
        ),
    ]
}

fn alone(pointer: &'static str, value: Value) -> Change {
    Change {
        around: Vec::new(),
        set: vec![(pointer, value)],
    }
}

fn among(around: &Setting, pointer: &'static str, value: Value) -> Change {
    Change {
        around: vec![around.clone()],
        set: vec![(pointer, value)],
    }
}

/// Makes what changes name and what no service makes: a security group and two revisions of a task definition.
///
/// # Panics
/// When AWS refuses.
pub fn make_own_things(world: &World) {
    for size in [("256", "512"), ("512", "1024")] {
        register_own(world, "public.ecr.aws/nginx/nginx:1.27", size);
    }
    let subnet = &world.subnets()[0];
    let vpc_id = network::subnet(world, subnet).vpc_id;
    let input = json!({"GroupName": "own", "GroupDescription": "of the account", "VpcId": vpc_id});
    let made = perform(world, Service::Ec2, "CreateSecurityGroup", input);
    // Its id is the same in every world, so that a history can name it before there is one.
    let groups = &mut world.account().cloud().ec2.security_groups;
    let made = made["groupId"].as_str().and_then(|id| groups.remove(id));
    let mut group = made.expect("a security group");
    SECURITY_GROUP.clone_into(&mut group.id);
    groups.insert(group.id.clone(), group);
}

/// Registers a revision of the account's own family, of so much CPU and memory; its ARN.
///
/// # Panics
/// When ECS refuses.
pub fn register_own(world: &World, image: &str, (cpu, memory): (&str, &str)) -> String {
    let main = json!({
        "name": "Main",
        "image": image,
        "portMappings": [{"name": "main", "containerPort": 80, "protocol": "tcp"}],
    });
    let definition = json!({
        "family": "own",
        "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"],
        "cpu": cpu,
        "memory": memory,
        "executionRoleArn": role("execution"),
        "containerDefinitions": [main],
    });
    let registered = perform(world, Service::Ecs, "RegisterTaskDefinition", definition);
    let arn = registered["taskDefinition"]["taskDefinitionArn"].as_str();
    arn.unwrap_or_else(|| panic!("a revision without an ARN"))
        .to_owned()
}

fn perform(world: &World, service: Service, operation: &str, input: Value) -> Value {
    let answer = world.account().perform(service, operation, input);
    answer.unwrap_or_else(|refusal| panic!("{operation}: {refusal:?}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use provider_schema::EXCLUDED_BY_TASK_DEFINITION;
    use provider_schema::updates::Effect;

    use super::*;

    /// Why no change is here of what could change in place.
    fn reason_against(property: Property) -> Option<&'static str> {
        match (property, property.effect()) {
            (_, Effect::Replacement) => {
                Some("replaces: `case_40_another_name_or_cluster_replaces`")
            }
            (_, Effect::Move) => Some("moves: `it/moves.rs`"),
            (Property::ServiceToken, _) => Some("CloudFormation refuses another function"),
            (Property::Subnets, _) => Some("those of the world: `case_29_other_subnets_…`"),
            _ => None,
        }
    }

    #[test]
    fn each_property_changes_alone_or_there_is_a_reason() {
        let mut alone = HashSet::new();
        for change in changes() {
            let changed = change.properties();
            assert!(!changed.is_empty(), "{change} changes nothing");
            if let [property] = changed[..] {
                alone.insert(property);
            }
        }
        for property in Property::ALL {
            let (reason, has_change) = (reason_against(*property), alone.contains(property));
            let path = property.path();
            assert_eq!(has_change, reason.is_none(), "{path}: {reason:?}");
        }
    }

    #[test]
    fn what_a_task_definition_excludes_goes_with_it() {
        for name in EXCLUDED_BY_TASK_DEFINITION {
            assert!(EXCLUDED.contains(&format!("/{name}").as_str()), "{name}");
        }
    }
}
