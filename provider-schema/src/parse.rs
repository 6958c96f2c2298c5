//! CloudFormation's JSON to [`Properties`]: strict, and all problems together.
//!
//! Reading goes in the order of the documentation. Each value is judged where it is read
//! (`rules.rs`, `arn.rs`); what concerns several is judged afterwards (`validate.rs`), and only if
//! each of them was valid. Lists whose order has no meaning are sorted, so that equal requests are
//! equal properties. Placeholders stand for what was invalid; they never leave this module.

mod container;
mod deployment;
mod lifecycle_hooks;
mod reader;
mod unknown;

pub(crate) use self::reader::{Members, Reading};

use serde_json::Value;

use self::container::primary_container;
use self::deployment::deployment;
use crate::error::{Pointer, PropertyErrors};
use crate::limits::{PROPERTIES_BYTES_MAX, SERVICE_TIMEOUT_S_MAX, TASKS_MAX};
use crate::properties::{
    AutoScalingMetric, CpuArchitecture, LoadBalancer, NetworkConfiguration, Properties,
    ScalingTarget, Scheme, Sharing, Tag, defaults,
};
use crate::{RequestContext, arn, fargate, rules, validate};

const ARCHITECTURES: &[(&str, CpuArchitecture)] = &[
    ("X86_64", CpuArchitecture::X86_64),
    ("ARM64", CpuArchitecture::Arm64),
];

const METRICS: &[(&str, AutoScalingMetric)] = &[
    ("AVERAGE_CPU", AutoScalingMetric::AverageCpu),
    ("AVERAGE_MEMORY", AutoScalingMetric::AverageMemory),
    (
        "REQUEST_COUNT_PER_TARGET",
        AutoScalingMetric::RequestCountPerTarget,
    ),
];

const SHARINGS: &[(&str, Sharing)] = &[
    ("SHARED", Sharing::Shared),
    ("DEDICATED", Sharing::Dedicated),
];

const SCHEMES: &[(&str, Scheme)] = &[
    ("internet-facing", Scheme::InternetFacing),
    ("internal", Scheme::Internal),
];

/// What `TaskDefinitionArn` excludes, as in `CreateExpressGatewayService`.
pub const EXCLUDED_BY_TASK_DEFINITION: &[&str] = &[
    "ExecutionRoleArn",
    "TaskRoleArn",
    "PrimaryContainer",
    "Cpu",
    "Memory",
    "CpuArchitecture",
];

/// Reads the properties of a request.
///
/// # Errors
///
/// Names every problem. Properties above [`PROPERTIES_BYTES_MAX`] are refused unread.
pub fn parse(value: &Value, request: &RequestContext<'_>) -> Result<Properties, PropertyErrors> {
    parse_update(value, None, request)
}

/// Reads the properties of a request that changes a service from what its `old` properties say. What was accepted when
/// there was no limit to the tasks on a shared load balancer may stay, so that a service that has more can be changed,
/// and a failed change undone.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_update(
    value: &Value,
    old: Option<&Value>,
    request: &RequestContext<'_>,
) -> Result<Properties, PropertyErrors> {
    let has_too_many_tasks = old.is_some_and(validate::shares_too_many_tasks);
    let mut problems = PropertyErrors::default();
    let bytes = value.to_string().len();
    if bytes > PROPERTIES_BYTES_MAX {
        let problem = format!(
            "the properties have {bytes} bytes, at most {PROPERTIES_BYTES_MAX} are allowed"
        );
        problems.add(&Pointer::default(), problem);
        return Err(problems);
    }
    let properties = Members::of(value, Pointer::default(), &mut problems)
        .map(|members| properties(members, has_too_many_tasks, request, &mut problems));
    match properties {
        Some(properties) if problems.0.is_empty() => Ok(properties),
        _ => Err(problems),
    }
}

fn properties(
    mut members: Members<'_>,
    has_too_many_tasks: bool,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) -> Properties {
    let role = |text: &str| arn::role(text, request);
    let service_token = members.scalar("ServiceToken", problems, rules::any).given();
    let service_timeout_s = members.scalar("ServiceTimeout", problems, service_timeout);
    let service_name = members.scalar("ServiceName", problems, rules::service_name);
    let cluster = members.scalar("Cluster", problems, |text| arn::cluster(text, request));
    let infrastructure_role_arn = members.required("InfrastructureRoleArn", problems, role);
    let execution_role_arn = members.scalar("ExecutionRoleArn", problems, role).given();
    let task_role_arn = members.scalar("TaskRoleArn", problems, role).given();
    let primary_container = primary_container(&mut members, request, problems);
    let task_definition_arn = members.scalar("TaskDefinitionArn", problems, |text| {
        arn::task_definition(text, request)
    });
    task_definition_or_container(&members, problems);
    let cpu = members
        .scalar("Cpu", problems, fargate::cpu)
        .or(defaults::cpu());
    let memory_mib = members.scalar("Memory", problems, fargate::memory);
    let cpu_architecture = members
        .scalar("CpuArchitecture", problems, |text| {
            rules::choice(text, ARCHITECTURES)
        })
        .or(CpuArchitecture::default());
    let health_check_path = members.scalar("HealthCheckPath", problems, rules::health_check_path);
    if !members.is_given("TaskDefinitionArn") {
        validate::memory_fits(cpu, memory_mib, &members.pointer("Memory"), problems);
    }
    let network_configuration = network_configuration(&mut members, problems);
    let scaling_target = scaling_target(&mut members, problems);
    let tags = tags(&mut members, problems);
    let before = problems.0.len();
    let load_balancer = load_balancer(&mut members, problems);
    // Whether it is shared is known only without mistakes there.
    if !has_too_many_tasks && problems.0.len() == before {
        validate::shared_tasks(
            scaling_target.max_task_count,
            load_balancer.sharing,
            &members.pointer("ScalingTarget").member("MaxTaskCount"),
            problems,
        );
    }
    let deployment = deployment(&mut members, request, problems);
    if let Some(deployment) = &deployment {
        validate::timeout_suffices(service_timeout_s, deployment, &members, problems);
    }
    members.finish(problems);
    let properties = Properties {
        service_token,
        service_timeout_s: service_timeout_s
            .or(defaults::service_timeout_s())
            .unwrap_or_default(),
        service_name: service_name.given(),
        cluster: cluster.or(defaults::cluster()).unwrap_or_default(),
        infrastructure_role_arn: infrastructure_role_arn.unwrap_or_default(),
        execution_role_arn,
        task_role_arn,
        primary_container,
        task_definition_arn: task_definition_arn.given(),
        cpu: cpu.unwrap_or_default(),
        memory_mib: memory_mib.or(defaults::memory_mib()).unwrap_or_default(),
        cpu_architecture: cpu_architecture.unwrap_or_default(),
        health_check_path: health_check_path
            .or(defaults::health_check_path())
            .unwrap_or_default(),
        network_configuration,
        scaling_target,
        tags,
        load_balancer,
        deployment: deployment.unwrap_or_default(),
    };
    validate::names_and_answer_fit(&properties, request, problems);
    properties
}

fn service_timeout(text: &str) -> Result<u32, String> {
    rules::whole_number(text, 1..=SERVICE_TIMEOUT_S_MAX)
}

fn task_definition_or_container(members: &Members<'_>, problems: &mut PropertyErrors) {
    if members.is_given("TaskDefinitionArn") {
        for name in EXCLUDED_BY_TASK_DEFINITION
            .iter()
            .filter(|name| members.is_given(name))
        {
            problems.add(
                &members.pointer(name),
                "cannot be given with `TaskDefinitionArn`",
            );
        }
        let deployment = members.pointer("Deployment");
        if members.is_given_within("Deployment", "ForceDeployment") {
            let problem =
                "cannot be given with `TaskDefinitionArn`: a new revision of it is deployed";
            problems.add(&deployment.member("ForceDeployment"), problem);
        }
        return;
    }
    for name in ["ExecutionRoleArn", "PrimaryContainer"] {
        if !members.is_given(name) {
            let problem = "is required unless `TaskDefinitionArn` is given";
            problems.add(&members.pointer(name), problem);
        }
    }
}

fn network_configuration(
    members: &mut Members<'_>,
    problems: &mut PropertyErrors,
) -> NetworkConfiguration {
    let Reading::Given(mut network) = members.object("NetworkConfiguration", problems) else {
        return NetworkConfiguration::default();
    };
    let security_groups =
        network.scalars("SecurityGroups", problems, |text| arn::ec2_id(text, "sg"));
    let subnets = network.scalars("Subnets", problems, |text| arn::ec2_id(text, "subnet"));
    validate::security_groups(
        &security_groups,
        &network.pointer("SecurityGroups"),
        problems,
    );
    validate::subnets(&subnets, &network.pointer("Subnets"), problems);
    network.finish(problems);
    let mut security_groups: Vec<String> = security_groups.into_iter().flatten().collect();
    let mut subnets: Vec<String> = subnets.into_iter().flatten().collect();
    security_groups.sort_unstable();
    subnets.sort_unstable();
    NetworkConfiguration {
        security_groups,
        subnets,
    }
}

fn scaling_target(members: &mut Members<'_>, problems: &mut PropertyErrors) -> ScalingTarget {
    let Reading::Given(mut target) = members.object("ScalingTarget", problems) else {
        return ScalingTarget::default();
    };
    let tasks = |text: &str| rules::whole_number(text, 1..=TASKS_MAX);
    let min_task_count = target
        .scalar("MinTaskCount", problems, tasks)
        .or(defaults::min_task_count());
    let max_task_count = target
        .scalar("MaxTaskCount", problems, tasks)
        .or(defaults::max_task_count());
    let metric = target
        .scalar("AutoScalingMetric", problems, |text| {
            rules::choice(text, METRICS)
        })
        .or(AutoScalingMetric::default());
    // Which values are allowed depends on the metric; of an unknown one nothing is known.
    let value_max = match metric {
        Some(AutoScalingMetric::AverageCpu | AutoScalingMetric::AverageMemory) => 100,
        Some(AutoScalingMetric::RequestCountPerTarget) | None => u32::MAX,
    };
    let value = target
        .scalar("AutoScalingTargetValue", problems, |text| {
            rules::whole_number(text, 1..=value_max)
        })
        .or(defaults::auto_scaling_target_value());
    validate::task_counts(
        min_task_count,
        max_task_count,
        &target.pointer("MinTaskCount"),
        problems,
    );
    target.finish(problems);
    ScalingTarget {
        min_task_count: min_task_count.unwrap_or_default(),
        max_task_count: max_task_count.unwrap_or_default(),
        auto_scaling_metric: metric.unwrap_or_default(),
        auto_scaling_target_value: value.unwrap_or_default(),
    }
}

fn tags(members: &mut Members<'_>, problems: &mut PropertyErrors) -> Vec<Tag> {
    let mut tags = Vec::new();
    let mut keys = Vec::new();
    for mut tag in members.objects("Tags", problems) {
        let key = tag.required("Key", problems, rules::tag_key);
        let value = tag.required_value("Value", problems, rules::tag_value);
        keys.push((key.clone().unwrap_or_default(), tag.pointer("Key")));
        tag.finish(problems);
        tags.push(Tag {
            key: key.unwrap_or_default(),
            value: value.unwrap_or_default(),
        });
    }
    validate::tags(&keys, &members.pointer("Tags"), problems);
    tags.sort_unstable();
    tags
}

fn load_balancer(members: &mut Members<'_>, problems: &mut PropertyErrors) -> LoadBalancer {
    let Reading::Given(mut load_balancer) = members.object("LoadBalancer", problems) else {
        return LoadBalancer::default();
    };
    let sharing = load_balancer
        .scalar("Sharing", problems, |text| rules::choice(text, SHARINGS))
        .or(Sharing::default());
    let scheme = load_balancer
        .scalar("Scheme", problems, |text| rules::choice(text, SCHEMES))
        .given();
    load_balancer.finish(problems);
    LoadBalancer {
        sharing: sharing.unwrap_or_default(),
        scheme,
    }
}
