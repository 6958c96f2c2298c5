//! The order in which a service comes and goes, as `core/src/plan` has it.

use express_core::claim::Operation;

use super::goal::Goal;
use super::{Attempt, Problem, STOP_MARGIN_S};
use crate::aws::{BalancerStatus, DeploymentStatus, EcsService, Sight};
use crate::effect::Effect;
use crate::history::{Properties, Service};
use crate::rules::Rule;

/// Seconds between looks at something that goes on.
const LOOK_S: u64 = 15;

/// What planning answers.
pub(super) enum Decision {
    Converged,
    Removed,
    Wait(u64),
    Apply(Vec<Step>),
}

/// One change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// A slot is claimed: several calls.
    ClaimSlot,
    /// The next slot is claimed, because a foreign rule has the priority.
    ClaimNextSlot,
    /// Anything else is one call.
    Call(Effect),
}

impl Step {
    pub(super) fn call(&self) -> Option<Effect> {
        match self {
            Self::Call(effect) => Some(effect.clone()),
            Self::ClaimSlot | Self::ClaimNextSlot => None,
        }
    }

    pub(super) const fn is_claim(&self) -> bool {
        matches!(self, Self::ClaimSlot | Self::ClaimNextSlot)
    }
}

impl Attempt<'_> {
    pub(super) fn plan(
        &self,
        goal: &Goal,
        operation: &Operation,
        seen: &Sight,
    ) -> Result<Decision, Problem> {
        match goal {
            Goal::Converge(properties) => self.converge(*properties, operation, seen),
            Goal::Remove(service) => Ok(self.remove(*service, seen)),
        }
    }

    fn converge(
        &self,
        properties: Properties,
        operation: &Operation,
        seen: &Sight,
    ) -> Result<Decision, Problem> {
        let service = properties.service;
        let slot = self.slot_of(service);
        let mut steps = Vec::new();
        if slot.is_none() {
            steps.push(Step::ClaimSlot);
        }
        match seen.groups {
            None => steps.push(Step::Call(Effect::CreateGroups(service))),
            Some(groups) if groups.owner != self.invocation.stack => {
                return Err(Problem::Plan("the groups belong to another"));
            }
            Some(_) => {}
        }
        if let Some((at, number)) = slot {
            match (seen.load_balancer, seen.groups, seen.rule) {
                (None, _, _) => steps.push(Step::Call(Effect::CreateLoadBalancer(at))),
                (Some(BalancerStatus::Active), Some(_), None) if self.is_priority_taken => {
                    steps.push(Step::ClaimNextSlot);
                }
                (Some(BalancerStatus::Active), Some(groups), None) => {
                    steps.push(Step::Call(Effect::CreateRule {
                        at,
                        slot: number,
                        service,
                        groups: groups.id,
                    }));
                }
                (Some(_), _, _) => {}
            }
        }
        if !steps.is_empty() {
            return Ok(Decision::Apply(steps));
        }
        if seen.rule.is_none() {
            // The load balancer is being made.
            return Ok(Decision::Wait(LOOK_S));
        }
        self.deploy(properties, operation, seen)
    }

    fn deploy(
        &self,
        properties: Properties,
        operation: &Operation,
        seen: &Sight,
    ) -> Result<Decision, Problem> {
        let apply = |effect| Ok(Decision::Apply(vec![Step::Call(effect)]));
        let Some((found, status)) = &seen.service else {
            return apply(Effect::CreateService(properties));
        };
        if found.owner != self.invocation.stack {
            return Err(Problem::Plan("the service belongs to another"));
        }
        if found.drains_until_ms.is_some() {
            return Ok(Decision::Wait(LOOK_S));
        }
        match status {
            DeploymentStatus::Running if self.is_time_to_stop(operation) => {
                apply(Effect::StopDeployment(properties.service))
            }
            DeploymentStatus::Running => Ok(Decision::Wait(LOOK_S)),
            DeploymentStatus::Failed if self.is_of_this_operation(found) => {
                Err(Problem::Plan("the deployment failed"))
            }
            DeploymentStatus::Successful | DeploymentStatus::Failed => {
                if found.serves == Some(properties.version) {
                    Ok(Decision::Converged)
                } else {
                    apply(Effect::UpdateService(properties))
                }
            }
        }
    }

    pub(super) fn is_time_to_stop(&self, operation: &Operation) -> bool {
        let length_ms = operation.answer_by_ms.saturating_sub(operation.started_ms);
        let margin_ms = (STOP_MARGIN_S * 1000).min(length_ms / 2);
        self.invocation.now_ms() >= operation.answer_by_ms.saturating_sub(margin_ms)
    }

    /// Whether a deployment was asked for by this operation: it is another than the newest before.
    fn is_of_this_operation(&self, found: &EcsService) -> bool {
        let operation = self.stored.record.operation.as_ref();
        operation.is_some_and(|operation| {
            operation.deployment_asked_ms.is_some()
                && operation.deployment_before.as_deref()
                    != Some(found.deployment.id.to_string().as_str())
        })
    }

    /// The phases, each begun when the one before has left nothing: rule, service, the rest.
    fn remove(&self, service: Service, seen: &Sight) -> Decision {
        let stack = self.invocation.stack;
        let apply = |effect| Decision::Apply(vec![Step::Call(effect)]);
        let rule = seen.rule.and_then(|placed| {
            let is_ours = placed.rule.of.is_some_and(|of| of.owner == stack);
            is_ours.then_some(placed.rule.id)
        });
        if let Some(id) = rule {
            return apply(Effect::DeleteRule(id));
        }
        if let Some((found, _)) = seen
            .service
            .as_ref()
            .filter(|(found, _)| found.owner == stack)
        {
            match found.drains_until_ms {
                None => return apply(Effect::DeleteService(service)),
                Some(_) if self.invocation.is_off(Rule::SuccessAtInactive) => {}
                Some(_) => return Decision::Wait(LOOK_S),
            }
        }
        match seen.groups.filter(|groups| groups.owner == stack) {
            Some(groups) => apply(Effect::DeleteGroups(service, groups.id)),
            None => Decision::Removed,
        }
    }
}
