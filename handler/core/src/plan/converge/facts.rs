//! What several stages ask of the observation.

pub(super) use crate::plan::revision::live_service;

use crate::desired::Desired;
use crate::observed::{Observed, is_owned};
use crate::plan::{Timing, revision, specs};
use crate::resources::ecs_service::{
    self, EcsServiceSpec, ObservedDeployment, ObservedEcsService, ServiceStatus,
};
use crate::resources::listener_rule::ObservedListenerRule;

pub(super) fn wanted_service(desired: &Desired, observed: &Observed) -> Option<EcsServiceSpec> {
    specs::ecs_service(desired, observed, revision::wanted(desired, observed)?)
}

/// Whether ECS was told what is asked for now.
pub(super) fn is_as_wanted(
    desired: &Desired,
    observed: &Observed,
    service: &ObservedEcsService,
) -> bool {
    wanted_service(desired, observed)
        .is_some_and(|wanted| ecs_service::diff(&wanted, service).is_empty())
}

pub(super) fn is_deploying(observed: &Observed) -> bool {
    observed
        .ecs_service
        .present()
        .filter(|service| service.status == ServiceStatus::Active)
        .and_then(|service| service.deployment.as_ref())
        .is_some_and(ObservedDeployment::is_running)
}

/// Whether nobody waits for the deployment any more: a request that this one has ended had asked for it.
pub(super) fn is_abandoned(deployment: &ObservedDeployment, timing: &Timing) -> bool {
    let abandoned = timing.abandoned.as_ref();
    !is_own(deployment, timing)
        && abandoned.is_some_and(|it| it.is(&deployment.arn) && it.is_of(deployment.created_ms))
}

/// Whether this operation started the deployment: it has asked for one, and this is not the one that was
/// the newest before it asked. No clock of ours is compared with one of ECS's.
pub(super) fn is_own(deployment: &ObservedDeployment, timing: &Timing) -> bool {
    timing.deployment_asked_ms.is_some()
        && timing.deployment_before.as_ref() != Some(&deployment.arn)
}

/// Whether a rule may be changed. One without any tags may have been made a moment ago and not show them everywhere yet;
/// one that has lost all of them IAM keeps from being changed.
pub(super) fn is_ours(desired: &Desired, rule: &ObservedListenerRule) -> bool {
    rule.tags.is_empty() || is_owned(&rule.tags, &desired.identity.owner_key)
}
