//! The attributes of a converged service.

use provider_schema::{Attributes, NONE};

use crate::desired::{Desired, DesiredTaskDefinition};
use crate::network::scheme_name;
use crate::observed::Observed;

/// What a service gives to its stack; none as long as it moves, or when a part of it is not there.
#[must_use]
pub fn attributes(desired: &Desired, observed: &Observed) -> Option<Attributes> {
    if observed.leaving.is_some() {
        return None;
    }
    let [a, b] = observed.target_groups()?;
    let load_balancer = observed.load_balancer.present()?;
    let slot = observed.slot.present()?;
    let task_definition = observed.task_definition.present()?;
    let environment = &desired.environment;
    let log_group = match &desired.task_definition {
        DesiredTaskDefinition::Ours(spec) => Some(&spec.container.log_group),
        DesiredTaskDefinition::Given(_) => task_definition.primary.log_group.as_ref(),
    };
    let listener = observed.https_listener.present()?;
    let alarm = observed.metric_alarm.present()?;
    Some(Attributes {
        endpoint: format!("https://{}", desired.identity.host),
        load_balancer_arn: load_balancer.arn.clone(),
        load_balancer_dns_name: load_balancer.dns_name.clone(),
        load_balancer_hosted_zone_id: load_balancer.hosted_zone_id.clone(),
        task_definition_arn: task_definition.arn.clone(),
        service_security_group_id: observed.service_security_group.present()?.id.clone(),
        log_group_name: log_group.map_or_else(|| NONE.to_owned(), Clone::clone),
        load_balancer_pool: format!(
            "{}-{}-{}",
            scheme_name(desired.network.scheme),
            slot.pool_id,
            slot.ordinal
        ),
        service_arn: desired.identity.service_arn.clone(),
        listener_arn: listener.arn.clone(),
        listener_rule_arn: observed.listener_rule.present()?.arn.clone(),
        target_group_arns: [a.arn.clone(), b.arn.clone()],
        certificate_arn: listener.certificate_arn.clone()?,
        load_balancer_security_group_id: observed
            .load_balancer_security_group
            .present()?
            .id
            .clone(),
        rollback_alarm_arn: alarm.arn.clone(),
        log_group_arn: log_group.map_or_else(
            || NONE.to_owned(),
            |name| {
                format!(
                    "arn:{}:logs:{}:{}:log-group:{name}",
                    environment.partition, environment.region, environment.account_id
                )
            },
        ),
        scalable_target_arn: observed.scalable_target.present()?.arn.clone(),
    })
}
