//! Rules across fields. Each is asked only about values that are valid on their own, so that one
//! mistake is reported once.

use std::collections::HashMap;

use serde_json::Value;

use crate::attributes::worst_case_answer_bytes;
use crate::error::{Pointer, PropertyErrors, quoted};
use crate::limits::{
    ALARM_NAMES_MAX, ANSWER_BYTES_MAX, ANSWER_BYTES_RESERVED, CLUSTER_AND_SERVICE_LENGTH_MAX,
    DEPLOYMENT_MARGIN_MIN, LIFECYCLE_HOOKS_MAX, SECURITY_GROUPS_MAX, SERVICE_TIMEOUT_S_MAX,
    SHARED_TASKS_MAX, SUBNETS_MAX, SUBNETS_MIN, TAGS_MAX, TAGS_OURS, TAGS_PER_RESOURCE,
};
use crate::parse::{Members, Reading};
use crate::properties::{Deployment, LifecycleStage, Properties, Sharing, defaults};
use crate::{RequestContext, fargate};

/// The memory is one that Fargate gives with this CPU.
pub(crate) fn memory_fits(
    cpu: Option<u32>,
    memory_mib: Reading<u32>,
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    let (Some(cpu), Some(memory)) = (cpu, memory_mib.or(defaults::memory_mib())) else {
        return;
    };
    if let Some(problem) = fargate::memory_problem(cpu, memory) {
        let origin = if memory_mib == Reading::Absent {
            "the default "
        } else {
            ""
        };
        problems.add(pointer, format!("{origin}{problem}"));
    }
}

/// A deployment with its bakes can end before CloudFormation gives up.
pub(crate) fn timeout_suffices(
    service_timeout_s: Reading<u32>,
    deployment: &Deployment,
    members: &Members<'_>,
    problems: &mut PropertyErrors,
) {
    let Some(timeout) = service_timeout_s.or(defaults::service_timeout_s()) else {
        return;
    };
    let (bakes, how) = deployment.bakes();
    let needed = (bakes + DEPLOYMENT_MARGIN_MIN) * 60;
    if timeout >= needed {
        return;
    }
    // Where more than CloudFormation's most is needed, only shorter bakes help.
    let (pointer, subject) = if needed > SERVICE_TIMEOUT_S_MAX {
        ("Deployment", "the bakes are too long: ")
    } else {
        ("ServiceTimeout", "")
    };
    problems.add(
        &members.pointer(pointer),
        format!(
            "{subject}`{timeout}` seconds are too few: {how} minutes of bake and {DEPLOYMENT_MARGIN_MIN} \
             minutes for tasks to start and to roll back are {needed} seconds"
        ),
    );
}

/// `names` has `None` for what is no name.
pub(crate) fn alarm_names(
    names: &[Option<String>],
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    unique_ids(names, pointer, problems);
    if names.len() > ALARM_NAMES_MAX {
        problems.add(
            pointer,
            format!(
                "{} alarms are given, at most {ALARM_NAMES_MAX} are allowed",
                names.len()
            ),
        );
    }
}

/// `stages` has `None` for what is no stage.
pub(crate) fn lifecycle_stages(
    stages: &[Option<LifecycleStage>],
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    let names: Vec<Option<String>> = stages
        .iter()
        .map(|stage| stage.map(|stage| stage.as_str().to_owned()))
        .collect();
    unique_ids(&names, pointer, problems);
}

pub(crate) fn lifecycle_hooks(number: usize, pointer: &Pointer, problems: &mut PropertyErrors) {
    if number > LIFECYCLE_HOOKS_MAX {
        problems.add(
            pointer,
            format!("{number} hooks are given, at most {LIFECYCLE_HOOKS_MAX} are allowed"),
        );
    }
}

pub(crate) fn datapoints(
    datapoints: Option<u32>,
    periods: Option<u32>,
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    if let (Some(datapoints), Some(periods)) = (datapoints, periods)
        && datapoints > periods
    {
        problems.add(
            pointer,
            format!("`{datapoints}` is more than `EvaluationPeriods`, which is `{periods}`"),
        );
    }
}

pub(crate) fn task_counts(
    min: Option<u32>,
    max: Option<u32>,
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    if let (Some(min), Some(max)) = (min, max)
        && min > max
    {
        problems.add(
            pointer,
            format!("`{min}` is more than `MaxTaskCount`, which is `{max}`"),
        );
    }
}

/// One service must not take all targets of a load balancer that others need too.
pub(crate) fn shared_tasks(
    max: u32,
    sharing: Sharing,
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    if takes_too_much(max, sharing) {
        problems.add(
            pointer,
            format!(
                "`{max}` is more than the {SHARED_TASKS_MAX} that one service may have on a shared load balancer; \
                 lower it, or set `LoadBalancer.Sharing` to `DEDICATED`"
            ),
        );
    }
}

/// Whether the properties of a request break [`shared_tasks`]; not, when they cannot be read so far.
pub(crate) fn shares_too_many_tasks(properties: &Value) -> bool {
    let max = properties.pointer("/ScalingTarget/MaxTaskCount");
    let max = max.and_then(|max| match max {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64().and_then(|number| u32::try_from(number).ok()),
    });
    let sharing = match properties.pointer("/LoadBalancer/Sharing") {
        Some(sharing) if sharing == "DEDICATED" => Sharing::Dedicated,
        Some(_) | None => Sharing::Shared,
    };
    max.is_some_and(|max| takes_too_much(max, sharing))
}

const fn takes_too_much(max: u32, sharing: Sharing) -> bool {
    match sharing {
        Sharing::Shared => max > SHARED_TASKS_MAX,
        Sharing::Dedicated => false,
    }
}

/// `ids` has `None` for what is no id.
pub(crate) fn security_groups(
    ids: &[Option<String>],
    pointer: &Pointer,
    problems: &mut PropertyErrors,
) {
    unique_ids(ids, pointer, problems);
    if ids.len() > SECURITY_GROUPS_MAX {
        problems.add(
            pointer,
            format!(
                "{} security groups are given, at most {SECURITY_GROUPS_MAX} are allowed: a task \
                 has five, and one is the provider's",
                ids.len()
            ),
        );
    }
}

/// `ids` has `None` for what is no id.
pub(crate) fn subnets(ids: &[Option<String>], pointer: &Pointer, problems: &mut PropertyErrors) {
    unique_ids(ids, pointer, problems);
    if ids.len() > SUBNETS_MAX {
        let problem = format!(
            "{} subnets are given, at most {SUBNETS_MAX} are allowed",
            ids.len()
        );
        problems.add(pointer, problem);
    }
    // None at all means those of the default VPC.
    if !ids.is_empty() && ids.len() < SUBNETS_MIN {
        problems.add(
            pointer,
            "one subnet is given, expected two or more in different zones",
        );
    }
}

fn unique_ids(ids: &[Option<String>], pointer: &Pointer, problems: &mut PropertyErrors) {
    let mut sorted: Vec<&String> = ids.iter().flatten().collect();
    sorted.sort_unstable();
    let mut repeated: Vec<&String> = sorted
        .windows(2)
        .filter(|pair| pair.first() == pair.get(1))
        .flat_map(<[_]>::first)
        .copied()
        .collect();
    repeated.dedup();
    for id in repeated {
        problems.add(pointer, format!("{} is given more than once", quoted(id)));
    }
}

/// Names are unique over `Environment` and `Secrets`: ECS registers no task definition otherwise.
/// The message names the places, not the names.
/// <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>
pub(crate) fn variable_names(names: &[(String, Pointer)], problems: &mut PropertyErrors) {
    for (first, second) in repeated(names) {
        problems.add(second, format!("is the same name as at {}", first.as_str()));
    }
}

pub(crate) fn tags(keys: &[(String, Pointer)], list: &Pointer, problems: &mut PropertyErrors) {
    if keys.len() > TAGS_MAX {
        problems.add(
            list,
            format!(
                "{} tags are given, at most {TAGS_MAX} are allowed: a resource has \
                 {TAGS_PER_RESOURCE}, and {TAGS_OURS} are the provider's",
                keys.len()
            ),
        );
    }
    for (first, second) in repeated(keys) {
        problems.add(second, format!("is the same key as at {}", first.as_str()));
    }
}

/// Every repetition, with the place of the first one. Empty names stand for invalid ones.
fn repeated(names: &[(String, Pointer)]) -> Vec<(&Pointer, &Pointer)> {
    let mut first_at: HashMap<&str, &Pointer> = HashMap::new();
    let mut repeated = Vec::new();
    for (name, pointer) in names.iter().filter(|(name, _)| !name.is_empty()) {
        match first_at.get(name.as_str()) {
            Some(first) => repeated.push((*first, pointer)),
            None => {
                first_at.insert(name, pointer);
            }
        }
    }
    repeated
}

/// The names leave room for every attribute: an answer that does not fit is no answer.
pub(crate) fn names_and_answer_fit(
    properties: &Properties,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) {
    let service = properties.service_name.as_deref().unwrap_or_default();
    let length = properties.cluster.len() + service.len();
    if length > CLUSTER_AND_SERVICE_LENGTH_MAX {
        problems.add(
            &Pointer::default(),
            format!(
                "`Cluster` and `ServiceName` have {length} characters together, at most \
                 {CLUSTER_AND_SERVICE_LENGTH_MAX} are allowed"
            ),
        );
        return;
    }
    let bytes = worst_case_answer_bytes(properties, request);
    let room = ANSWER_BYTES_MAX - ANSWER_BYTES_RESERVED;
    if bytes > room {
        problems.add(
            &Pointer::default(),
            format!(
                "the attributes could need {bytes} bytes of CloudFormation's answer, {room} are \
                 there: shorten `Cluster`, `ServiceName`, the log group's or task definition's \
                 name, or the logical id"
            ),
        );
    }
}
