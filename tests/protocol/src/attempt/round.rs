//! One round: what is seen, and the steps that are applied side by side, as `handler/src/operation/round.rs` has it.

use super::goal::Goal;
use super::plan::Step;
use super::{Attempt, Problem, join};
use crate::aws::{AwsFailure, Sight};
use crate::effect::{Effect, Failure, Response};

impl Attempt<'_> {
    pub(super) async fn observe(&self, goal: &Goal) -> Result<Sight, Problem> {
        let at = self.slot_of(goal.service()).map(|(at, _)| at);
        let observe = Effect::Observe(goal.service(), at);
        match self.invocation.call(observe).await? {
            Response::Sight(sight) => {
                let mut seen = *sight;
                if matches!(goal, Goal::Remove(service) if self.has_drained(*service)) {
                    // An earlier attempt has removed it, and it is not looked at again.
                    seen.rule = None;
                }
                Ok(seen)
            }
            other => unreachable!("{other:?} is no sight"),
        }
    }

    /// Applies the steps side by side; what is known then, unless it has to be looked at again.
    pub(super) async fn apply(
        &mut self,
        goal: &Goal,
        steps: Vec<Step>,
        mut seen: Sight,
    ) -> Result<Option<Sight>, Problem> {
        self.note_deployment(&steps, &seen);
        if steps.contains(&Step::ClaimSlot) {
            self.note_claim(goal);
        }
        self.write().await?;
        let calls = steps.iter().filter_map(Step::call).collect();
        let (claimed, replies) = join(
            self.apply_claims(goal, &steps),
            self.invocation.calls(calls),
        )
        .await;
        let mut is_known = !steps.iter().any(Step::is_claim);
        let (mut failure, mut is_done) = (None, true);
        match claimed {
            Ok(None) => {}
            Ok(Some((at, slot))) => {
                self.keep_slot(goal, at, slot);
                self.is_priority_taken = false;
                // Where its load balancer stands is not known yet.
                seen.load_balancer = None;
            }
            Err(problem) => {
                self.is_in_flight |= problem.may_land_late(self.invocation);
                (failure, is_done) = (Some(problem), false);
            }
        }
        let called = steps.into_iter().filter(|step| step.call().is_some());
        for (step, reply) in called.zip(replies) {
            match reply {
                Ok(response) => is_known &= merge(&mut seen, response),
                Err(error) => {
                    (is_known, is_done) = (false, false);
                    let problem = Problem::from(error);
                    self.is_in_flight |= problem.may_land_late(self.invocation);
                    failure = failure.or(self.tolerate(step, error));
                }
            }
        }
        match failure {
            None => {
                if let (Some(operation), true) = (&mut self.stored_mut().record.operation, is_done)
                {
                    operation.note_progress();
                }
                Ok(is_known.then_some(seen))
            }
            Some(problem) => Err(problem),
        }
    }

    fn note_deployment(&mut self, steps: &[Step], seen: &Sight) {
        let deploys = |step: &Step| {
            matches!(
                step,
                Step::Call(Effect::CreateService(_) | Effect::UpdateService(_))
            )
        };
        let now_ms = self.invocation.now_ms();
        if steps.iter().any(deploys)
            && let Some(operation) = &mut self.stored_mut().record.operation
        {
            let newest = seen.service.as_ref();
            operation.deployment_before =
                newest.map(|(service, _)| service.deployment.id.to_string());
            operation.deployment_asked_ms = Some(now_ms);
            let updates = |step: &Step| matches!(step, Step::Call(Effect::UpdateService(_)));
            operation.service_updates += u32::from(steps.iter().any(updates));
        }
    }

    fn tolerate(&mut self, step: Step, error: Failure) -> Option<Problem> {
        match error {
            Failure::Aws(AwsFailure::PriorityInUse) => {
                self.is_priority_taken = true;
                None
            }
            Failure::Aws(AwsFailure::AlreadyExists | AwsFailure::NotFound)
                if !self.outdated.contains(&step) =>
            {
                self.outdated.push(step);
                None
            }
            Failure::Aws(_) | Failure::Ledger(_) => Some(error.into()),
        }
    }
}

/// What a successful call says about the service; whether everything is still known.
fn merge(seen: &mut Sight, response: Response) -> bool {
    match response {
        Response::Groups(groups) => seen.groups = Some(groups),
        Response::LoadBalancer(status) => seen.load_balancer = Some(status),
        Response::Rule(placed) => seen.rule = Some(placed),
        _ => return false,
    }
    true
}
