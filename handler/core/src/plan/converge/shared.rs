//! What the service shares with others: the load balancer, its security group and its listeners.

use provider_schema::Scheme;

use crate::desired::Desired;
use crate::naming;
use crate::observed::{Observed, Presence};
use crate::plan::{PlanError, specs};
use crate::resources::listener;
use crate::resources::load_balancer::LoadBalancerState;
use crate::resources::security_group::{IngressRule, ObservedSecurityGroup, Source};
use crate::step::{GroupOf, Step};

pub(super) fn load_balancer(
    desired: &Desired,
    observed: &Observed,
    steps: &mut Vec<Step>,
) -> Result<(), PlanError> {
    let Some(slot) = observed.slot.present() else {
        return Ok(());
    };
    let group_id = load_balancer_security_group(desired, observed, slot.ordinal, steps);
    match (&observed.load_balancer, group_id) {
        (Presence::Absent, Some(security_group_id)) => {
            let pool_subnets = observed.pool_subnets.present();
            steps.extend(pool_subnets.map(|subnets| Step::CreateLoadBalancer {
                spec: specs::load_balancer(desired, subnets, slot.ordinal),
                security_group_id,
            }));
        }
        (Presence::Present(found), _) => {
            if found.state == LoadBalancerState::Failed {
                return Err(PlanError::LoadBalancerFailed {
                    name: naming::load_balancer(&slot.pool_id, slot.ordinal),
                });
            }
            if let Some(subnets) = found.extended_subnets(&desired.network.ingress_subnets) {
                steps.push(Step::ExtendSubnets {
                    load_balancer_arn: found.arn.clone(),
                    slot: slot.clone(),
                    subnets,
                });
            }
            let [https, redirect] = specs::listeners(desired, slot.ordinal, &found.arn);
            for (presence, spec) in [
                (&observed.https_listener, https),
                (&observed.http_listener, redirect),
            ] {
                if presence.is_absent() {
                    steps.push(Step::CreateListener(spec));
                }
            }
            // It covers every name below the domain, and so every service of the listener.
            let certificate_arn = &desired.environment.certificate_arn;
            if let Presence::Present(listener) = &observed.https_listener
                && listener.has_other_certificate(certificate_arn)
            {
                steps.push(Step::SetListenerCertificate {
                    listener_arn: listener.arn.clone(),
                    certificate_arn: certificate_arn.clone(),
                });
            }
        }
        (Presence::Unknown | Presence::Absent, _) => {}
    }
    Ok(())
}

/// The load balancer's group admits clients on both ports: from everywhere, or from the VPC.
fn load_balancer_security_group(
    desired: &Desired,
    observed: &Observed,
    ordinal: u64,
    steps: &mut Vec<Step>,
) -> Option<String> {
    let group = match &observed.load_balancer_security_group {
        Presence::Unknown => return None,
        Presence::Absent => {
            steps.push(Step::CreateSecurityGroup {
                of: GroupOf::LoadBalancer,
                spec: specs::load_balancer_security_group(desired, ordinal),
            });
            return None;
        }
        Presence::Present(group) => group,
    };
    if let Presence::Present(vpc_cidrs) = &observed.vpc_cidrs {
        let further = group.out_of_reach(vpc_cidrs);
        if is_unfinished(group, observed) {
            // The ranges are the pool policy's from when the group is new; what people change later is theirs, and so is
            // a group that they have shut.
            steps.push(Step::AuthorizeIngress {
                of: GroupOf::LoadBalancer,
                group_id: group.id.clone(),
                rules: admitting(&match desired.network.scheme {
                    Scheme::InternetFacing => vec![EVERYWHERE.to_owned()],
                    Scheme::Internal => vpc_cidrs.clone(),
                }),
            });
        } else if !further.is_empty() {
            let mut ingress = match desired.network.scheme {
                Scheme::InternetFacing => Vec::new(),
                Scheme::Internal => admitting(&further),
            };
            ingress.retain(|rule| !group.ingress.contains(rule));
            steps.push(Step::AdmitRanges {
                group_id: group.id.clone(),
                ranges: further,
                ingress,
            });
        }
    }
    Some(group.id.clone())
}

/// Both ports, for clients from these ranges.
fn admitting(ranges: &[String]) -> Vec<IngressRule> {
    ranges
        .iter()
        .flat_map(|range| {
            [listener::HTTPS_PORT, listener::HTTP_PORT].map(|port| IngressRule {
                port,
                source: Source::Cidr(range.clone()),
            })
        })
        .collect()
}

/// Whether the ranges of the VPC matter: to a load balancer that is being opened, and to one that may not reach the
/// service's tasks, because the VPC had fewer when it was.
#[must_use]
pub fn needs_vpc_ranges(desired: &Desired, observed: &Observed) -> bool {
    match &observed.load_balancer_security_group {
        Presence::Unknown => false,
        Presence::Absent => true,
        Presence::Present(group) => {
            let ranges = &desired.network.ranges;
            is_unfinished(group, observed) || !group.out_of_reach(ranges).is_empty()
        }
    }
}

/// Whether a load balancer's group has not all of its rules yet: it may reach everything, as AWS makes it. One that clients
/// reach through a listener has got what it lets in, and if it may reach everything then people want it to.
fn is_unfinished(group: &ObservedSecurityGroup, observed: &Observed) -> bool {
    let is_in_use = observed.https_listener.present().is_some() && !group.ingress.is_empty();
    group.has_default_egress && !is_in_use
}

/// All IPv4 addresses.
const EVERYWHERE: &str = "0.0.0.0/0";
