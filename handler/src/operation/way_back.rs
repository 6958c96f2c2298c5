//! Ways back: what an Update must leave time for, and what one that leads back does differently.
//!
//! Which one leads back is told by its properties: `express_core::claim`.

use express_core::claim::Operation;
use express_core::observed::Observed;
use express_core::plan::{self, PlanError, WayBack};
use express_core::step::Step;
use provider_schema::updates::{Effect, changes};
use provider_schema::{Attributes, Properties};

use super::goal::Goal;
use super::{Attempt, OperationError};
use crate::waiter::{self, Deadlines};

impl Attempt<'_> {
    /// What is there, of a service that is led back to it by an Update and has not been changed since: whatever keeps the
    /// provider from changing it was there before, and does not make the way back fail, which would leave the whole stack
    /// in UPDATE_ROLLBACK_FAILED.
    pub(super) fn what_stays(
        &self,
        goal: &Goal,
        observed: &Observed,
        error: &PlanError,
    ) -> Option<Attributes> {
        let Goal::Converge(desired) = goal else {
            return None;
        };
        if !self.stored.record.may_stay() || !error.is_of_somebody_else() {
            return None;
        }
        // Of a move that was to begin there is a claim at most: nothing of the service has changed.
        let as_it_stands = Observed {
            leaving: None,
            ..observed.clone()
        };
        let attributes = plan::attributes(desired, &as_it_stands)?;
        tracing::info!(event = "operation.left_as_it_is", problem = %error);
        Some(attributes)
    }

    /// Gives back the place of a move that has got no further: nothing of the service is there.
    pub(super) async fn leave_what_was_claimed(
        &mut self,
        goal: &Goal,
        observed: &mut Observed,
    ) -> Result<(), OperationError> {
        let claimed = observed.leaving.as_ref().map(|left| left.slot.clone());
        match claimed {
            Some(slot) => self.apply(goal, &[Step::LeaveSlot(slot)], observed).await,
            None => Ok(()),
        }
    }

    /// The update that CloudFormation sends when something else in the stack fails; nobody leads back from one of those.
    pub(super) fn way_back(&self, operation: &Operation) -> Option<WayBack> {
        let (old, new) = self.old_and_new()?;
        let deadlines = Deadlines::new(0, Some(u64::from(old.service_timeout_s)));
        (!operation.way.is_back).then(|| WayBack {
            stop_after_ms: waiter::stop_at_ms(0, deadlines.answer_by_ms),
            evaluation_periods: old.deployment.rollback_alarm.evaluation_periods,
            deployment_ms: deployment_ms(new, old),
        })
    }

    pub(super) fn old_and_new(&self) -> Option<(&Properties, &Properties)> {
        self.sealed.as_ref()?.old_and_new()
    }
}

/// Whether the Update that an operation leads back from may have left tags of its own.
pub(crate) fn writes_tags_anew(
    operation: &Operation,
    old_and_new: Option<(&Properties, &Properties)>,
) -> bool {
    let is_led_back = operation.way.is_back && !operation.is_back_unchanged();
    let is_changed = old_and_new.is_some_and(|(old, new)| old.tags != new.tags);
    is_led_back && is_changed && !operation.has_tagged
}

/// How long a deployment takes, in the manner of `new`, of what differs from `old`; nothing when nothing does that is
/// deployed before a service moves.
pub(super) fn deployment_ms(old: &Properties, new: &Properties) -> u64 {
    let changed = changes(old, new);
    if !changed
        .iter()
        .any(|it| it.effect() == Effect::NewDeployment)
    {
        return 0;
    }
    let (bake_min, _) = new.deployment.bakes();
    plan::ROLLING_MS + u64::from(bake_min) * 60_000
}

#[cfg(test)]
mod tests;
