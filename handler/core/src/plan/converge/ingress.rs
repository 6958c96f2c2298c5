//! What lets requests in: the port, the rule, and the alarm that watches them.

use super::facts::is_deploying;
use crate::desired::Desired;
use crate::observed::{Observed, Presence};
use crate::plan::specs;
use crate::resources::metric_alarm;
use crate::resources::security_group::{self, Source};
use crate::step::{GroupOf, Step};

/// What lets requests in: the service's group and the rule.
pub(super) fn ingress(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    service_ingress(desired, observed, observed, steps);
    match &observed.listener_rule {
        Presence::Unknown => {}
        Presence::Absent if observed.is_priority_taken => {
            steps.push(Step::ClaimNextSlot(specs::slot_request(desired)));
        }
        Presence::Absent => {
            steps.extend(specs::listener_rule(desired, observed).map(Step::CreateListenerRule));
        }
        Presence::Present(rule) => {
            let groups = specs::serving_first(observed)
                .map(|[first, second]| [first.arn.as_str(), second.arn.as_str()]);
            let repaired = groups.and_then(|groups| rule.repaired_weights(groups));
            if let Some(weights) = repaired.filter(|_| !is_deploying(observed)) {
                steps.push(Step::RepairListenerRule {
                    rule_arn: rule.arn.clone(),
                    weights,
                });
            }
        }
    }
}

/// While a service moves, its tasks take requests from the load balancer that it leaves, too.
pub(super) fn of_left(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    if let Some(left) = observed.from_leaving_side() {
        service_ingress(desired, observed, &left, steps);
    }
}

/// The alarm that watches what the load balancer sends to the tasks.
pub(super) fn alarm(desired: &Desired, observed: &Observed, steps: &mut Vec<Step>) {
    if let Some(spec) = specs::metric_alarm(desired, observed) {
        let is_wrong = match &observed.metric_alarm {
            Presence::Unknown => false,
            Presence::Absent => true,
            Presence::Present(alarm) => metric_alarm::differs(&spec, alarm),
        };
        // ECS reads the alarm all through a deployment: nobody moves it then.
        if is_wrong && !is_deploying(observed) {
            steps.push(Step::PutMetricAlarm(spec));
        }
    }
}

/// The port that the tasks use, and the one that those of the revision before still use.
fn service_ingress(desired: &Desired, observed: &Observed, side: &Observed, steps: &mut Vec<Step>) {
    let (Some(group), Some(source), Some(port)) = (
        observed.service_security_group.present(),
        side.load_balancer_security_group.present(),
        specs::container_port(desired, observed),
    ) else {
        return;
    };
    let source = Source::Group(source.id.clone());
    let authorize = security_group::diff(group, &source, &[port]).authorize;
    if !authorize.is_empty() {
        steps.push(Step::AuthorizeIngress {
            of: GroupOf::Service,
            group_id: group.id.clone(),
            rules: authorize,
        });
    }
}
