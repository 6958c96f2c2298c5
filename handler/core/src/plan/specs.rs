//! The specifications of one service's resources, each made as soon as what it refers to is known.

use std::collections::BTreeMap;

use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming::{self, Pair};
use crate::observed::Observed;
use crate::resources::Tags;
use crate::resources::alias_record::AliasRecordSpec;
use crate::resources::ecs_service::{
    EcsServiceSpec, HEALTH_CHECK_GRACE_S, ServiceIngress, ServiceStatus, Strategy, TaskNetwork,
};
use crate::resources::listener::{ListenerRole, ListenerSpec};
use crate::resources::listener_rule::{ListenerRuleSpec, TestHeader};
use crate::resources::load_balancer::LoadBalancerSpec;
use crate::resources::metric_alarm::{MetricAlarmSpec, Watched};
use crate::resources::scalable_target::{ScalableTargetSpec, resource_id};
use crate::resources::scaling_policy::{ScalingPace, ScalingPolicySpec, TrackedMetric};
use crate::resources::security_group::SecurityGroupSpec;
use crate::resources::target_group::{ObservedTargetGroup, TargetGroupSpec};
use crate::step::SlotRequest;
use provider_schema::AutoScalingMetric;

pub(super) fn slot_request(desired: &Desired) -> SlotRequest {
    SlotRequest {
        pool_id: desired.pool_id.clone(),
        vpc_id: desired.network.vpc_id.clone(),
        scheme: crate::network::scheme_name(desired.network.scheme).to_owned(),
        dedicated_to: desired.dedicated_to.clone(),
        subnets: desired.network.ingress_subnets.clone(),
        service_arn: desired.identity.service_arn.clone(),
        owner_key: desired.identity.owner_key.clone(),
    }
}

pub(super) fn service_security_group(desired: &Desired) -> SecurityGroupSpec {
    SecurityGroupSpec {
        name: naming::service_security_group(&desired.identity.service_arn),
        account_id: desired.identity.account_id().to_owned(),
        description: format!("Express service {}", desired.identity.service),
        vpc_id: desired.network.vpc_id.clone(),
        tags: desired.tags.clone(),
    }
}

pub(super) fn load_balancer_security_group(desired: &Desired, ordinal: u64) -> SecurityGroupSpec {
    SecurityGroupSpec {
        name: naming::load_balancer(&desired.pool_id, ordinal),
        account_id: desired.identity.account_id().to_owned(),
        description: "Load balancer shared by Express services".to_owned(),
        vpc_id: desired.network.vpc_id.clone(),
        tags: desired.pool_tags(ordinal),
    }
}

/// The subnets are the ledger's, so that whoever creates the load balancer asks for the same.
pub(super) fn load_balancer(
    desired: &Desired,
    pool_subnets: &BTreeMap<String, String>,
    ordinal: u64,
) -> LoadBalancerSpec {
    LoadBalancerSpec {
        name: naming::load_balancer(&desired.pool_id, ordinal),
        scheme: desired.network.scheme,
        subnets: pool_subnets.clone(),
        tags: desired.pool_tags(ordinal),
    }
}

pub(super) fn listeners(desired: &Desired, ordinal: u64, arn: &str) -> [ListenerSpec; 2] {
    let listener = |role| ListenerSpec {
        load_balancer_arn: arn.to_owned(),
        role,
        tags: desired.pool_tags(ordinal),
    };
    [
        listener(ListenerRole::Https {
            certificate_arn: desired.environment.certificate_arn.clone(),
        }),
        listener(ListenerRole::Redirect),
    ]
}

pub(super) fn target_group(desired: &Desired, pair: Pair) -> TargetGroupSpec {
    TargetGroupSpec {
        pair,
        name: naming::target_group(&desired.identity.service_arn, &desired.pool_id, pair),
        vpc_id: desired.network.vpc_id.clone(),
        health_check_path: desired.health_check_path.clone(),
        tags: ingress_tags(desired),
    }
}

/// ECS's infrastructure role may move only what carries Express Mode's own tag, with its managed policy.
pub(super) fn ingress_tags(desired: &Desired) -> Tags {
    let mut tags = desired.tags.clone();
    tags.insert(naming::TAG_ECS_MANAGED.to_owned(), "true".to_owned());
    tags
}

pub(super) fn listener_rule(desired: &Desired, observed: &Observed) -> Option<ListenerRuleSpec> {
    let slot = observed.slot.present()?;
    let priority = naming::rule_priority(slot.number);
    rule(desired, observed, naming::TAG_SLOT, priority, None)
}

/// The rule for test traffic; none when there is to be none, or not yet.
pub(super) fn test_rule(desired: &Desired, observed: &Observed) -> Option<ListenerRuleSpec> {
    let header = desired.test_header.clone()?;
    let slot = observed.slot.present()?;
    let priority = naming::test_rule_priority(slot.number);
    let tag = naming::TAG_TEST_SLOT;
    rule(desired, observed, tag, priority, Some(header))
}

fn rule(
    desired: &Desired,
    observed: &Observed,
    slot_tag: &str,
    priority: u32,
    header: Option<TestHeader>,
) -> Option<ListenerRuleSpec> {
    let slot = observed.slot.present()?;
    let [first, second] = serving_first(observed)?;
    let mut tags = ingress_tags(desired);
    tags.insert(naming::TAG_POOL.to_owned(), slot.pool_id.clone());
    tags.insert(naming::TAG_ORDINAL.to_owned(), slot.ordinal.to_string());
    tags.insert(slot_tag.to_owned(), slot.number.to_string());
    Some(ListenerRuleSpec {
        listener_arn: observed.https_listener.present()?.arn.clone(),
        priority,
        host: desired.identity.host.clone(),
        header,
        first_group_arn: first.arn.clone(),
        second_group_arn: second.arn.clone(),
        tags,
    })
}

/// Both target groups, the one that serves first: a rule that is made again must lead to running tasks.
pub(super) fn serving_first(observed: &Observed) -> Option<[&ObservedTargetGroup; 2]> {
    let [a, b] = observed.target_groups()?;
    let live = observed
        .ecs_service
        .present()
        .and_then(|service| service.live_target_group_arn.as_ref());
    Some(if live == Some(&b.arn) { [b, a] } else { [a, b] })
}

/// The alarm looks at the idle group; while none is live yet, and where the new revision takes the live one, at both.
pub(super) fn metric_alarm(desired: &Desired, observed: &Observed) -> Option<MetricAlarmSpec> {
    let [a, b] = observed.target_groups()?;
    let live = observed
        .ecs_service
        .present()
        .and_then(|service| service.live_target_group_arn.as_deref());
    let both = || Watched::Both(a.full_name().to_owned(), b.full_name().to_owned());
    let watched = match (&desired.deployment.strategy, live) {
        (Strategy::Rolling, _) => both(),
        (_, Some(live)) if live == a.arn => Watched::One(b.full_name().to_owned()),
        (_, Some(live)) if live == b.arn => Watched::One(a.full_name().to_owned()),
        (
            Strategy::Canary { .. } | Strategy::Linear { .. } | Strategy::BlueGreen { .. },
            Some(_) | None,
        ) => both(),
    };
    let name = alarm_name(desired);
    let environment = &desired.environment;
    Some(MetricAlarmSpec {
        arn: format!(
            "arn:{}:cloudwatch:{}:{}:alarm:{name}",
            environment.partition, environment.region, environment.account_id
        ),
        name,
        load_balancer: observed.load_balancer.present()?.full_name().to_owned(),
        watched,
        rule: desired.alarms.rule,
        actions: observed
            .metric_alarm
            .present()
            .map(|found| found.actions.clone())
            .unwrap_or_default(),
        tags: desired.tags.clone(),
    })
}

pub(super) fn alarm_name(desired: &Desired) -> String {
    naming::rollback_alarm(&desired.identity.service, &desired.identity.service_arn)
}

/// The container port: ours, or that of the given task definition.
pub(super) fn container_port(desired: &Desired, observed: &Observed) -> Option<u16> {
    match &desired.task_definition {
        DesiredTaskDefinition::Ours(spec) => Some(spec.container.port),
        DesiredTaskDefinition::Given(_) => observed.task_definition.present()?.primary.port,
    }
}

pub(super) fn ecs_service(
    desired: &Desired,
    observed: &Observed,
    task_definition_arn: &str,
) -> Option<EcsServiceSpec> {
    let [group, alternate] = match desired.deployment.strategy {
        Strategy::Rolling => weighted_first(observed)?,
        Strategy::Canary { .. } | Strategy::Linear { .. } | Strategy::BlueGreen { .. } => {
            observed.target_groups()?
        }
    };
    let mut security_group_ids = desired.user_security_group_ids.clone();
    security_group_ids.push(observed.service_security_group.present()?.id.clone());
    security_group_ids.sort();
    Some(EcsServiceSpec {
        cluster: desired.cluster.name.clone(),
        name: desired.identity.service.clone(),
        task_definition_arn: task_definition_arn.to_owned(),
        initial_desired_count: desired.scaling.min,
        network: TaskNetwork {
            subnet_ids: desired.network.subnet_ids.clone(),
            security_group_ids,
            assign_public_ip: desired.network.assign_public_ip,
        },
        ingress: ServiceIngress {
            target_group_arn: group.arn.clone(),
            alternate_target_group_arn: alternate.arn.clone(),
            rule_arn: observed.listener_rule.present()?.arn.clone(),
            test_rule_arn: match desired.test_header {
                Some(_) => Some(observed.test_rule.present()?.arn.clone()),
                None => None,
            },
            infrastructure_role_arn: desired.infrastructure_role_arn.clone(),
            container_port: container_port(desired, observed)?,
        },
        deployment_settings: desired.deployment.clone(),
        health_check_grace_s: observed
            .ecs_service
            .present()
            .filter(|service| service.status == ServiceStatus::Active)
            .map_or(HEALTH_CHECK_GRACE_S, |service| service.health_check_grace_s),
        alarm_names: std::iter::once(alarm_name(desired))
            .chain(desired.alarms.names.iter().cloned())
            .collect(),
        dropped_alarm_names: desired.alarms.dropped_names.clone(),
        tags: service_tags(desired),
    })
}

/// Both groups of one side, first the one that its rule sends requests to: a rolling deployment does not touch the
/// rule. None without a rule.
pub(super) fn weighted_first(side: &Observed) -> Option<[&ObservedTargetGroup; 2]> {
    let [a, b] = side.target_groups()?;
    let rule = side.listener_rule.present()?;
    let weight = |group: &ObservedTargetGroup| rule.weights.get(&group.arn).copied().unwrap_or(0);
    Some(if weight(b) > weight(a) {
        [b, a]
    } else {
        [a, b]
    })
}

/// Whoever looks for the service of a stack has the stack's name, and not the id that the owner's key is made of.
fn service_tags(desired: &Desired) -> Tags {
    let owner = &desired.identity.owner;
    let mut tags = desired.tags.clone();
    let named = [
        (naming::TAG_STACK_NAME, owner.stack_name()),
        (naming::TAG_LOGICAL_ID, owner.logical_resource_id.as_str()),
    ];
    tags.extend(named.map(|(key, value)| (key.to_owned(), value.to_owned())));
    tags
}

pub(super) fn scalable_target(desired: &Desired) -> ScalableTargetSpec {
    ScalableTargetSpec {
        resource_id: resource_id(&desired.identity.cluster, &desired.identity.service),
        min_capacity: desired.scaling.min,
        max_capacity: desired.scaling.max,
        tags: desired.tags.clone(),
        is_there: false,
    }
}

pub(super) fn scaling_policy(desired: &Desired, observed: &Observed) -> Option<ScalingPolicySpec> {
    let [a, b] = observed.target_groups()?;
    Some(ScalingPolicySpec {
        name: naming::scaling_policy(&desired.identity.service_arn),
        resource_id: resource_id(&desired.identity.cluster, &desired.identity.service),
        target_tags: desired.tags.clone(),
        metric: match desired.scaling.metric {
            AutoScalingMetric::AverageCpu => TrackedMetric::AverageCpu,
            AutoScalingMetric::AverageMemory => TrackedMetric::AverageMemory,
            AutoScalingMetric::RequestCountPerTarget => TrackedMetric::RequestsPerTarget {
                load_balancer: observed.load_balancer.present()?.full_name().to_owned(),
                target_groups: [a.full_name().to_owned(), b.full_name().to_owned()],
            },
        },
        target_value: desired.scaling.target_value,
        pace: observed
            .scaling_policy
            .present()
            .map_or_else(ScalingPace::default, |policy| policy.pace),
    })
}

pub(super) fn alias_record(desired: &Desired, observed: &Observed) -> Option<AliasRecordSpec> {
    let load_balancer = observed.load_balancer.present()?;
    Some(AliasRecordSpec {
        hosted_zone_id: desired.environment.hosted_zone_id.clone()?,
        host: desired.identity.host.clone(),
        target_dns_name: load_balancer.dns_name.clone(),
        target_hosted_zone_id: load_balancer.hosted_zone_id.clone(),
    })
}
