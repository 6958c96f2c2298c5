//! An account in which every step has the effect that AWS documents, and time passes only when waited.

use std::collections::BTreeMap;

use super::web::Web;
use crate::decision::{Decision, Wait, WaitReason};
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming::Pair;
use crate::observed::{AliasLook, Observed, Presence};
use crate::plan::{self, PlanError, Timing};
use crate::resources::alias_record::AliasChange;
use crate::resources::ecs_service::{
    DeploymentStatus, ObservedDeployment, ObservedEcsService, ServiceStatus, Strategy,
};
use crate::resources::listener_rule::ObservedListenerRule;
use crate::resources::task_definition::{ObservedTaskDefinition, PrimaryContainerFacts};
use crate::step::Step;

mod effects;

/// Rounds in which everything must come to rest (the handler allows 40).
pub(super) const ROUNDS_MAX: usize = 30;
/// When the first operation begins: any time after the epoch.
const BEGINNING_MS: u64 = 1_700_000_000_000;
/// A task definition of the user's: the container `Main` on port 9000.
pub(super) const GIVEN: &str = "arn:aws:ecs:eu-west-1:123456789012:task-definition/theirs:7";

/// What there is, and the operation that is under way.
#[derive(Clone, Debug)]
pub(super) struct World {
    /// The properties of the last operation.
    pub(super) web: Web,
    pub(super) observed: Observed,
    /// Revisions of our family, oldest first, with those that are deregistered.
    pub(super) registered: Vec<ObservedTaskDefinition>,
    /// ARNs of the active ones.
    pub(super) active: Vec<String>,
    pub(super) timing: Timing,
    /// The group that serves.
    live: Option<Pair>,
    /// The service before its running deployment.
    previous: Option<ObservedEcsService>,
    pub(super) deployments: u32,
}

impl World {
    /// An account with nothing in it but its network, and a Create that begins.
    pub(super) fn empty(web: Web) -> Self {
        let observed = Observed {
            cluster: Presence::Absent,
            log_group: Presence::Absent,
            task_definition: Presence::Absent,
            running_task_definition: Presence::Unknown,
            registered_in_vain: None,
            has_served: false,
            slot: Presence::Absent,
            pool_id: None,
            leaving: None,
            pool_subnets: Presence::Unknown,
            vpc_cidrs: Presence::Present(vec!["10.0.0.0/16".to_owned()]),
            load_balancer_security_group: Presence::Absent,
            load_balancer: Presence::Absent,
            https_listener: Presence::Absent,
            http_listener: Presence::Absent,
            service_security_group: Presence::Absent,
            target_group_a: Presence::Absent,
            target_group_b: Presence::Absent,
            listener_rule: Presence::Absent,
            test_rule: Presence::Absent,
            is_priority_taken: false,
            metric_alarm: Presence::Absent,
            ecs_service: Presence::Absent,
            scalable_target: Presence::Absent,
            scaling_policy: Presence::Absent,
            alias_record: Presence::Absent,
            alias_look: AliasLook::Needed,
            alias_change: AliasChange::None,
            revisions: Presence::Unknown,
        };
        Self {
            web,
            observed,
            registered: Vec::new(),
            active: Vec::new(),
            timing: Timing {
                now_ms: BEGINNING_MS,
                started_ms: BEGINNING_MS,
                stop_at_ms: BEGINNING_MS + 3_000_000,
                deployment_ms: 0,
                way_back: None,
                tags_anew: false,
                deployment_asked_ms: None,
                settings_sent_ms: None,
                service_updates: 0,
                deployment_before: None,
                abandoned: None,
                hopeless_deployment: None,
                early_deployment: None,
                stop_asked: None,
                alias_moved_ms: None,
                has_alias_record: false,
                is_create: true,
                request_id: "create".into(),
            },
            live: None,
            previous: None,
            deployments: 0,
        }
    }

    /// Begins an Update an hour later.
    pub(super) fn begin_update(&mut self) {
        let now_ms = self.timing.now_ms + 3_600_000;
        self.timing = Timing {
            now_ms,
            started_ms: now_ms,
            stop_at_ms: now_ms + 3_000_000,
            deployment_ms: 0,
            way_back: None,
            tags_anew: false,
            deployment_asked_ms: None,
            settings_sent_ms: None,
            service_updates: 0,
            deployment_before: None,
            abandoned: None,
            hopeless_deployment: None,
            early_deployment: None,
            stop_asked: None,
            alias_moved_ms: None,
            has_alias_record: true,
            is_create: false,
            request_id: format!("update at {now_ms}").as_str().into(),
        };
        self.observed.revisions = Presence::Unknown;
    }

    pub(super) fn plan(&self, desired: &Desired) -> Result<Decision, PlanError> {
        plan::converge(desired, &self.look(desired), &self.timing)
    }

    /// What is observed for `desired`: the newest revision of our family or the given one, and the active
    /// revisions once a deployment was asked for.
    fn look(&self, desired: &Desired) -> Observed {
        let mut observed = self.observed.clone();
        observed.task_definition = match &desired.task_definition {
            DesiredTaskDefinition::Ours(_) => self.registered.last().cloned().into(),
            DesiredTaskDefinition::Given(arn) if arn.contains("/theirs:") => {
                Presence::Present(ObservedTaskDefinition {
                    arn: arn.clone(),
                    spec: None,
                    live: None,
                    tags: BTreeMap::new(),
                    primary: PrimaryContainerFacts {
                        port: Some(9000),
                        log_group: None,
                    },
                    misfit: None,
                })
            }
            DesiredTaskDefinition::Given(_) => Presence::Absent,
        };
        if let Some(arn) = plan::unseen_running_revision(desired, &observed) {
            let found = self.registered.iter().find(|found| found.arn == arn);
            observed.running_task_definition = found.cloned().into();
        }
        plan::prefer_running(desired, &mut observed);
        if self.timing.deployment_asked_ms.is_some() {
            observed.revisions = Presence::Present(self.active.clone());
        }
        observed
    }

    /// Plans and applies until there is nothing left to do, and returns all steps by round.
    ///
    /// Fails the test when a step is repeated, or when it does not come to rest in time.
    pub(super) fn converge(&mut self, web: Web) -> Vec<Vec<Step>> {
        let desired = web.clone().updating(&self.web).desired();
        let mut done: Vec<Vec<Step>> = Vec::new();
        for _ in 0..ROUNDS_MAX {
            match self.plan(&desired).expect("there is a plan") {
                Decision::Converged(_) => {
                    self.web = web;
                    return done;
                }
                Decision::Removed => panic!("a service that is wanted was removed"),
                Decision::Wait(wait) => self.wait(&wait),
                Decision::Apply(steps) => {
                    for step in &steps {
                        assert!(
                            !done.iter().flatten().any(|earlier| earlier == step),
                            "{step} again, after {done:#?}"
                        );
                        self.apply(step);
                    }
                    done.push(steps);
                }
            }
        }
        panic!("no rest after {ROUNDS_MAX} rounds: {done:#?}");
    }

    /// What happens while nothing is done: deployments and removals come to their end.
    pub(super) fn wait(&mut self, wait: &Wait) {
        self.timing.now_ms += u64::from(wait.retry_after_s) * 1000;
        match &wait.reason {
            WaitReason::DeploymentRunning { .. } | WaitReason::OtherDeployment { .. } => {
                self.end_deployment();
            }
            WaitReason::ServiceDraining { .. } => {
                let Presence::Present(service) = &mut self.observed.ecs_service else {
                    panic!("nothing drains");
                };
                service.status = ServiceStatus::Inactive;
            }
            // It passes with time alone.
            WaitReason::NameSettling { .. } => {}
            WaitReason::AlarmNotOk { .. }
            | WaitReason::StepRefused { .. }
            | WaitReason::LoadBalancersClosing
            | WaitReason::AnswersOwed
            | WaitReason::NotYetSeen
            | WaitReason::OtherAttempt => panic!("nothing ends this: {}", wait.reason),
        }
    }

    /// A running deployment succeeds and its group takes the traffic; one that goes back has failed.
    fn end_deployment(&mut self) {
        let Presence::Present(service) = &mut self.observed.ecs_service else {
            panic!("no service deploys");
        };
        let deployment = service.deployment.as_mut().expect("a deployment");
        match deployment.status {
            DeploymentStatus::Running => {
                deployment.status = DeploymentStatus::Successful;
                self.live = Some(match (&service.bridge, &service.deployment_settings) {
                    (Some(bridge), _) => pair_of(&bridge.target_group_arns[0]),
                    // A rolling deployment stays in the group that serves.
                    (None, Some(settings)) if settings.strategy == Strategy::Rolling => {
                        self.live.unwrap_or(Pair::A)
                    }
                    (None, _) => idle(self.live),
                });
            }
            DeploymentStatus::GoingBack => {
                deployment.status = DeploymentStatus::Failed;
                if let Some(previous) = self.previous.take() {
                    service.task_definition_arn = previous.task_definition_arn;
                    service.ingress = previous.ingress;
                    service.bridge = previous.bridge;
                }
            }
            DeploymentStatus::Successful | DeploymentStatus::Failed => {
                panic!("the deployment has ended")
            }
        }
        let live = self.live.and_then(|pair| {
            let group = self.observed.target_group(pair).present()?;
            Some(group.arn.clone())
        });
        if let Presence::Present(service) = &mut self.observed.ecs_service {
            service.live_target_group_arn.clone_from(&live);
        }
        let is_on_rule = |rule: &ObservedListenerRule| {
            live.as_ref()
                .is_some_and(|live| rule.weights.contains_key(live))
        };
        if let Presence::Present(rule) = &mut self.observed.listener_rule
            && is_on_rule(rule)
        {
            for (group, weight) in &mut rule.weights {
                *weight = if Some(group) == live.as_ref() { 100 } else { 0 };
            }
        }
    }

    /// ECS begins a deployment of `task_definition_arn`.
    pub(super) fn deploy(&mut self, task_definition_arn: &str) {
        self.timing.now_ms += 1000;
        self.deployments += 1;
        let Presence::Present(service) = &mut self.observed.ecs_service else {
            panic!("no service to deploy");
        };
        service.deployment = Some(ObservedDeployment {
            arn: format!("deployment-{}", self.deployments),
            status: DeploymentStatus::Running,
            status_reason: None,
            is_given_up: false,
            stage: None,
            created_ms: self.timing.now_ms,
            progress: crate::diagnosis::Progress::default(),
            target_revision_arn: None,
            task_definition_arn: Some(task_definition_arn.to_owned()),
        });
        // Two revisions run now, and nobody asks which of them serves.
        service.live_target_group_arn = None;
    }
}

/// Which of the two groups of its load balancer has this ARN.
fn pair_of(arn: &str) -> Pair {
    if arn.contains("-a/") {
        Pair::A
    } else {
        Pair::B
    }
}

/// The first deployment goes to group a; every other to the one that does not serve.
const fn idle(live: Option<Pair>) -> Pair {
    match live {
        None | Some(Pair::B) => Pair::A,
        Some(Pair::A) => Pair::B,
    }
}
