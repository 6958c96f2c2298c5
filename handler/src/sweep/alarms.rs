//! Rollback alarms after deployments that others have started: at rest an alarm looks at the group that is idle,
//! and a deployment from the console or a script swaps the two without telling us.
//!
//! An alarm is moved only by whoever may mutate for its owner, and only while the service is at rest.

use express_core::claim::OwnerRecord;
use express_core::naming;
use express_core::observed::is_owned;
use express_core::resources::ecs_service::{ObservedEcsService, ServiceStatus};
use express_core::resources::metric_alarm::{self, MetricAlarmSpec};

use crate::Runtime;
use crate::aws::error::AwsError;
use crate::error::chain;
use crate::ledger::scan::Contents;
use crate::ledger::{self, LedgerError};
use crate::pool_operation::PoolError;
use crate::resources;

/// Milliseconds after which a sweep looks at no further service: with three calls each, not all of a thousand
/// fit. It begins at another one every time, so that in some days all are looked at.
const BUDGET_MS: u64 = 30_000;

/// Points alarms at the idle groups, and adds the names of those that were wrong. One that cannot be looked at does not
/// keep the others.
///
/// # Errors
/// When AWS or the ledger did not answer for one of them.
pub(super) async fn correct(
    runtime: &Runtime,
    contents: &Contents,
    corrected: &mut Vec<String>,
) -> Result<(), PoolError> {
    let services: Vec<(&OwnerRecord, &String)> = contents
        .owners
        .iter()
        .filter(|record| is_quiet(record))
        .flat_map(|record| record.services.keys().map(move |arn| (record, arn)))
        .collect();
    let began_ms = runtime.clock.now_ms();
    let mut failure = None;
    for (record, arn) in from_anywhere(runtime, &services) {
        if runtime.clock.now_ms().saturating_sub(began_ms) > BUDGET_MS {
            tracing::info!(event = "sweep.alarms.unfinished", services = services.len());
            break;
        }
        match correct_if_wrong(runtime, record, arn).await {
            Ok(name) => corrected.extend(name),
            Err(error) => {
                let problem = chain(&error).to_string();
                tracing::warn!(event = "sweep.alarm.skipped", service = arn, problem);
                failure.get_or_insert(error);
            }
        }
    }
    failure.map_or(Ok(()), Err)
}

/// The name of the alarm, if it was wrong.
async fn correct_if_wrong(
    runtime: &Runtime,
    record: &OwnerRecord,
    arn: &str,
) -> Result<Option<String>, PoolError> {
    match wrong_alarm(runtime, record, arn).await? {
        Some(_) => correct_one(runtime, record, arn).await,
        None => Ok(None),
    }
}

fn is_quiet(record: &OwnerRecord) -> bool {
    record.operation.is_none() && record.running.is_none() && record.superseded.is_empty()
}

/// All of them, beginning at a random one.
fn from_anywhere<'a, T>(runtime: &Runtime, all: &'a [T]) -> impl Iterator<Item = &'a T> {
    let random = u64::from_le_bytes(runtime.clock.random_bytes());
    let count = u64::try_from(all.len()).unwrap_or(u64::MAX).max(1);
    let start = usize::try_from(random % count).unwrap_or_default();
    all.iter().cycle().skip(start).take(all.len())
}

/// What the alarm of a service at rest should be, when it is not.
async fn wrong_alarm(
    runtime: &Runtime,
    record: &OwnerRecord,
    arn: &str,
) -> Result<Option<MetricAlarmSpec>, AwsError> {
    let Some(held) = record.services.get(arn) else {
        return Ok(None);
    };
    let aws = &runtime.aws;
    let name = naming::rollback_alarm(&held.name, arn);
    let (service, alarm) = futures::try_join!(
        resources::ecs_service::find(aws, &held.cluster, &held.name),
        resources::metric_alarm::find(aws, &name),
    )?;
    let owner_key = naming::owner_key(&record.owner);
    let (Some(service), Some(alarm)) = (service.filter(is_at_rest), alarm) else {
        return Ok(None);
    };
    let (Some(revision), Some(ingress), Some(deployment), true) = (
        service.only_revision_arn(),
        &service.ingress,
        &service.deployment_settings,
        is_owned(&service.tags, &owner_key),
    ) else {
        return Ok(None);
    };
    let revision = resources::ecs_service::deployment::find_revision(aws, revision).await?;
    let live = revision.and_then(|revision| revision.target_group_arn);
    let spec = live.and_then(|live| {
        MetricAlarmSpec::at_rest(name, &alarm, ingress, &deployment.strategy, &live)
    });
    Ok(spec.filter(|spec| metric_alarm::differs(spec, &alarm)))
}

fn is_at_rest(service: &ObservedEcsService) -> bool {
    service.status == ServiceStatus::Active && service.only_revision_arn().is_some()
}

/// Takes the right to mutate for the owner, looks again, and writes; nothing when somebody else is at work.
async fn correct_one(
    runtime: &Runtime,
    record: &OwnerRecord,
    arn: &str,
) -> Result<Option<String>, PoolError> {
    let owner_key = naming::owner_key(&record.owner);
    let Some(mut stored) = ledger::find(runtime, &owner_key).await? else {
        return Ok(None);
    };
    let attempt = crate::attempt_name(runtime);
    if !is_quiet(&stored.record) || !stored.record.begin_attempt(&attempt) {
        return Ok(None);
    }
    match ledger::write(runtime, &mut stored).await {
        Ok(()) => {}
        Err(LedgerError::Conflict) => return Ok(None),
        Err(error) => return Err(error.into()),
    }
    let written = write_alarm(runtime, &stored.record, arn).await;
    // A call without an answer may still have its effect: others then watch it out, as after a crash.
    if !written.as_ref().is_err_and(AwsError::is_outcome_unknown) {
        stored.record.end_attempt(&attempt);
        match ledger::write(runtime, &mut stored).await {
            Ok(()) | Err(LedgerError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(written?)
}

async fn write_alarm(
    runtime: &Runtime,
    record: &OwnerRecord,
    arn: &str,
) -> Result<Option<String>, AwsError> {
    let Some(spec) = wrong_alarm(runtime, record, arn).await? else {
        return Ok(None);
    };
    resources::metric_alarm::put(&runtime.aws, &spec).await?;
    Ok(Some(spec.name))
}
