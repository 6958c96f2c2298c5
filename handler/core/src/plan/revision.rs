//! Which revision of the task definition is to run, in the light of the one that runs.

use crate::claim::LedTo;
use crate::desired::{Desired, DesiredTaskDefinition};
use crate::naming;
use crate::observed::{Observed, Presence, is_owned};
use crate::plan::PlanError;
use crate::resources::ecs_service::{
    DeploymentStatus, ObservedDeployment, ObservedEcsService, ServiceStatus,
};
use crate::resources::task_definition::{
    self, ObservedTaskDefinition, TaskDefinitionSpec, diff, merge,
};

/// What is known of the revision that the service runs.
enum Running<'a> {
    /// There is none whose content is to be carried over.
    None,
    /// It was not looked at.
    Unseen(&'a str),
    /// This.
    Seen(&'a ObservedTaskDefinition),
}

/// The service, when it is there and ours.
pub(super) fn live_service<'a>(
    desired: &Desired,
    observed: &'a Observed,
) -> Option<&'a ObservedEcsService> {
    observed.ecs_service.present().filter(|service| {
        service.status == ServiceStatus::Active
            && is_owned(&service.tags, &desired.identity.owner_key)
    })
}

/// The ARN of the revision that runs, when what is to run depends on it and it was not looked at.
#[must_use]
pub fn unseen_running_revision(desired: &Desired, observed: &Observed) -> Option<String> {
    if let Some(kept) = kept_revision(desired, observed) {
        let is_seen = !observed.running_task_definition.is_unknown();
        return (!is_seen).then(|| kept.to_owned());
    }
    match (&desired.task_definition, running(desired, observed)) {
        (DesiredTaskDefinition::Ours(_), Running::Unseen(arn)) => Some(arn.to_owned()),
        _ => None,
    }
}

/// The ARN of the service revision whose deployment has failed, when what is to run depends on its task definition and
/// that was not looked at.
#[must_use]
pub fn unseen_failed_revision(desired: &Desired, observed: &Observed) -> Option<String> {
    let (_, failed) = running_after_failure(desired, observed)?;
    let is_unseen = failed.task_definition_arn.is_none();
    failed.target_revision_arn.clone().filter(|_| is_unseen)
}

/// The ARN of the revision that runs, where it is to stay although the user's family has a newer one: the newest deployment
/// was of that one and has failed, and an Update back would begin it again, in vain for ever.
fn kept_revision<'a>(desired: &Desired, observed: &'a Observed) -> Option<&'a str> {
    let (runs, failed) = running_after_failure(desired, observed)?;
    let newest = &observed.task_definition.present()?.arn;
    let is_newest = failed.task_definition_arn.as_ref() == Some(newest);
    (is_newest && runs != newest).then_some(runs)
}

/// Of a service that leads back from a failed Update, to a family of the user's without a revision: what runs of that
/// family, and the deployment that has failed.
fn running_after_failure<'a>(
    desired: &Desired,
    observed: &'a Observed,
) -> Option<(&'a str, &'a ObservedDeployment)> {
    let DesiredTaskDefinition::Given(family) = &desired.task_definition else {
        return None;
    };
    let service = live_service(desired, observed)?;
    let runs = service.task_definition_arn.as_str();
    let deployment = service.deployment.as_ref();
    let failed = deployment.filter(|it| it.status == DeploymentStatus::Failed)?;
    let is_led_back = desired.leads_back_from == Some(LedTo::NotReached);
    (is_led_back && is_revision_of(runs, family)).then_some((runs, failed))
}

/// Whether `arn` is a revision of a family whose ARN has none.
fn is_revision_of(arn: &str, family: &str) -> bool {
    arn.rsplit_once(':').is_some_and(|(of, _)| of == family)
}

/// After a deployment that failed the newest revision is the one that failed, and the service runs the
/// one before. Going back to that one is no change: it is taken for the newest when it is what is desired.
pub fn prefer_running(desired: &Desired, observed: &mut Observed) {
    if let Some(kept) = kept_revision(desired, observed) {
        let running = observed.running_task_definition.present();
        if let Some(running) = running.filter(|running| running.arn == kept) {
            observed.task_definition = Presence::Present(running.clone());
        }
        return;
    }
    let Running::Seen(running) = running(desired, observed) else {
        return;
    };
    let (Some(newest), Some(wanted)) = (
        observed.task_definition.present(),
        merged(desired, observed),
    ) else {
        return;
    };
    if newest.arn == running.arn {
        let running = running.clone();
        observed.running_task_definition = Presence::Present(running);
    } else if !is_usable(desired, observed, &wanted, newest)
        && is_usable(desired, observed, &wanted, running)
    {
        observed.task_definition = Presence::Present(running.clone());
    }
}

/// What is to be registered, unless it is there; none when it is not ours, or depends on what was not looked at.
pub(super) fn merged(desired: &Desired, observed: &Observed) -> Option<TaskDefinitionSpec> {
    let DesiredTaskDefinition::Ours(new) = &desired.task_definition else {
        return None;
    };
    let old = desired.task_definition_before.as_deref();
    match running(desired, observed) {
        Running::None => Some(merge(old, None, new)),
        Running::Unseen(_) => None,
        Running::Seen(live) => Some(merge(old, Some(live), new)),
    }
}

/// The ARN of the task definition that is to run, once it exists as wanted.
pub(super) fn wanted<'a>(desired: &Desired, observed: &'a Observed) -> Option<&'a str> {
    let found = observed.task_definition.present()?;
    match &desired.task_definition {
        DesiredTaskDefinition::Given(_) => Some(&found.arn),
        DesiredTaskDefinition::Ours(_) => {
            is_usable(desired, observed, &merged(desired, observed)?, found)
                .then_some(found.arn.as_str())
        }
    }
}

/// A revision that is as wanted, or that cannot be had otherwise. One that somebody else registered is used only where it
/// runs already.
fn is_usable(
    desired: &Desired,
    observed: &Observed,
    wanted: &TaskDefinitionSpec,
    found: &ObservedTaskDefinition,
) -> bool {
    let runs = || {
        live_service(desired, observed)
            .is_some_and(|service| service.task_definition_arn == found.arn)
    };
    let is_as_written = || {
        observed.registered_in_vain.as_ref() == Some(&found.arn) || diff(wanted, found).is_empty()
    };
    (is_owned(&found.tags, &desired.identity.owner_key) || runs()) && is_as_written()
}

fn running<'a>(desired: &Desired, observed: &'a Observed) -> Running<'a> {
    let Some(service) = live_service(desired, observed) else {
        return Running::None;
    };
    let arn = &service.task_definition_arn;
    if !is_of_our_family(desired, arn) || was_given(desired, arn) {
        return Running::None;
    }
    let known = [&observed.task_definition, &observed.running_task_definition];
    let seen = known
        .into_iter()
        .filter_map(Presence::present)
        .find(|found| found.arn == *arn);
    match seen {
        Some(seen) => Running::Seen(seen),
        // AWS knows nothing of what runs: there is nothing to carry over.
        None if observed.running_task_definition.is_absent() => Running::None,
        None => Running::Unseen(arn),
    }
}

fn is_of_our_family(desired: &Desired, arn: &str) -> bool {
    let family = naming::family(&desired.identity.service, &desired.identity.service_arn);
    arn.contains(&format!("/{family}:"))
}

/// A task definition that the template gave before may be replaced by one of ours.
fn was_given(desired: &Desired, arn: &str) -> bool {
    let given = desired.given_before.as_ref();
    given.is_some_and(|given| arn == given || is_revision_of(arn, given))
}

/// Somebody deployed a revision by hand. What it adds is carried over; where it changes what the template says,
/// overwriting it would undo somebody's work without a word.
///
/// # Errors
/// When that is so.
pub(super) fn refuse_foreign(desired: &Desired, observed: &Observed) -> Result<(), PlanError> {
    let Some(service) = live_service(desired, observed) else {
        return Ok(());
    };
    let arn = &service.task_definition_arn;
    if was_given(desired, arn) {
        return Ok(());
    }
    let is_refused = match running(desired, observed) {
        Running::None => !is_of_our_family(desired, arn),
        Running::Unseen(_) => false,
        Running::Seen(live) => {
            !is_owned(&live.tags, &desired.identity.owner_key)
                && !adds_only(desired, observed, live)
        }
    };
    if is_refused {
        return Err(PlanError::ForeignTaskDefinition { arn: arn.clone() });
    }
    Ok(())
}

/// Whether `live` says what the old or the new properties say, and more.
fn adds_only(desired: &Desired, observed: &Observed, live: &ObservedTaskDefinition) -> bool {
    let is_as_before = desired
        .task_definition_before
        .as_deref()
        .is_some_and(|old| {
            let before = merge(Some(old), Some(live), old);
            task_definition::diff(&before, live).is_empty()
        });
    is_as_before
        || merged(desired, observed)
            .is_some_and(|wanted| task_definition::diff(&wanted, live).is_empty())
}
