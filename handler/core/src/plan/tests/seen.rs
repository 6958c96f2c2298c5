//! What is observed of a service, and what may have happened to it.

use std::collections::BTreeMap;

use super::web::Web;
use super::world::World;
use crate::observed::{Observed, Presence};
use crate::resources::Tags;
use crate::resources::alias_record::ObservedAliasRecord;
use crate::resources::ecs_service::{
    DeploymentStatus, ObservedDeployment, ObservedEcsService, ServiceStatus,
};
use crate::resources::listener_rule::ObservedListenerRule;
use crate::resources::metric_alarm::AlarmState;

/// A world in which an Update of the service has just begun.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) world: World,
}

/// Everything as `web` asks for, and an Update begins.
pub(super) fn seen(web: Web) -> Seen {
    let mut world = World::empty(web.clone());
    world.converge(web);
    world.begin_update();
    Seen { world }
}

impl Seen {
    /// Disturbs the observation.
    pub(super) fn but(mut self, disturb: impl FnOnce(&mut Observed)) -> Self {
        disturb(&mut self.world.observed);
        self
    }

    /// Disturbs the service.
    pub(super) fn service(self, disturb: impl FnOnce(&mut ObservedEcsService)) -> Self {
        self.but(|observed| disturb(service(observed)))
    }

    /// Disturbs the newest deployment.
    pub(super) fn deployment(self, disturb: impl FnOnce(&mut ObservedDeployment)) -> Self {
        self.service(|service| {
            disturb(service.deployment.as_mut().expect("there is a deployment"));
        })
    }

    /// A deployment that began before the Update did stands at `status`.
    pub(super) fn other_deployment(self, status: DeploymentStatus) -> Self {
        let began_ms = self.world.timing.started_ms - 60_000;
        self.deployment(|deployment| {
            deployment.status = status;
            deployment.created_ms = began_ms;
        })
    }

    /// A deployment that the Update asked for stands at `status`.
    pub(super) fn own_deployment(mut self, status: DeploymentStatus) -> Self {
        let asked_ms = self.world.timing.now_ms;
        self.world.timing.deployment_asked_ms = Some(asked_ms);
        self.deployment(|deployment| {
            deployment.status = status;
            deployment.created_ms = asked_ms + 500;
        })
        .after_s(1)
    }

    /// That much later.
    pub(super) fn after_s(mut self, seconds: u64) -> Self {
        self.world.timing.now_ms += seconds * 1000;
        self
    }

    pub(super) fn status(self, status: ServiceStatus) -> Self {
        self.service(|service| service.status = status)
    }

    pub(super) fn alarm(self, state: AlarmState) -> Self {
        self.but(|observed| match &mut observed.metric_alarm {
            Presence::Present(alarm) => alarm.state = state,
            Presence::Unknown | Presence::Absent => panic!("there is an alarm"),
        })
    }
}

/// Tags of something that is somebody else's.
pub(super) fn foreign() -> Tags {
    BTreeMap::from([("express:owner".to_owned(), "somebody".to_owned())])
}

/// A record that leads to somebody else's load balancer.
pub(super) fn foreign_record() -> ObservedAliasRecord {
    ObservedAliasRecord {
        target_dns_name: "theirs-1.eu-west-1.elb.amazonaws.com.".to_owned(),
        target_hosted_zone_id: "ZELB".to_owned(),
        evaluate_target_health: true,
        other_type: None,
    }
}

/// The service that was observed.
pub(super) fn service(observed: &mut Observed) -> &mut ObservedEcsService {
    match &mut observed.ecs_service {
        Presence::Present(service) => service,
        Presence::Unknown | Presence::Absent => panic!("no service"),
    }
}

/// The rule that was observed.
pub(super) fn rule(observed: &mut Observed) -> &mut ObservedListenerRule {
    match &mut observed.listener_rule {
        Presence::Present(rule) => rule,
        Presence::Unknown | Presence::Absent => panic!("there is a rule"),
    }
}
