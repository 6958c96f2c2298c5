//! The sweeper: once a day it compares what the ledger knows with what AWS has of it, and reports.
//!
//! # Guarantees
//! It deletes nothing by itself. It starts the closing of load balancers that are empty or CLOSED and
//! still there: a closing that died is carried on, and its own checks decide. It lists load balancers with room
//! that have dropped out of their pool's list. It points rollback alarms at the group that is idle. It ends operations
//! that nobody comes back for. What it has seen to be gone, nobody looks for any more. Target groups with names like ours
//! that the ledger does not know are reported: deletion never follows from absence of knowledge.

mod alarms;
mod unattended;

use std::collections::BTreeSet;

use express_core::claim::{OwnerRecord, ServiceRecord, Slot};
use express_core::naming::{self, Pair};

use crate::Runtime;
use crate::error::chain;
use crate::ledger::pool::{self, Members};
use crate::ledger::scan::{self, Contents};
use crate::pool_operation::{self, PoolError};
use crate::resources;

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Load balancers whose closing was started again.
    pub closing: Vec<String>,
    /// Load balancers with room that no claim would have tried any more.
    pub offered: Vec<String>,
    /// Target groups with our name that no owner's service has.
    pub unknown_target_groups: Vec<String>,
    /// Services whose removal has failed, which CloudFormation may have forgotten or has never known: cluster and name, and
    /// the stack whose next Delete of the resource takes them.
    pub forgotten: Vec<String>,
    /// Rollback alarms that looked at the group that serves.
    pub corrected_alarms: Vec<String>,
    /// Resources of which a request was still open that nobody came back for, and their stacks.
    pub unattended: Vec<String>,
    /// Why something could not be looked at or mended: AWS or the ledger did not answer, or has refused.
    pub skipped: Vec<String>,
}

/// Sweeps once. A part that cannot be looked at or mended today does not keep the rest, and is the next day's sweep's.
///
/// # Errors
/// When the ledger cannot be read: then nothing is swept, and Lambda tries again.
pub async fn run(runtime: &Runtime) -> Result<Report, PoolError> {
    let contents = scan::read(runtime).await?;
    let mut report = Report::default();
    look_and_mend(runtime, &contents, &mut report).await;
    tracing::info!(
        event = "sweep.ended",
        owners = contents.owners.len(),
        closing = ?report.closing,
        offered = ?report.offered,
        unknown_target_groups = ?report.unknown_target_groups,
        forgotten = ?report.forgotten,
        corrected_alarms = ?report.corrected_alarms,
        unattended = ?report.unattended,
        skipped = ?report.skipped,
    );
    if report.needs_a_person() {
        // The provider's template has an alarm for this line.
        tracing::warn!(event = "sweep.findings");
    }
    Ok(report)
}

impl Report {
    /// Whether it says anything that nobody but a person puts in order, or should know the cause of.
    fn needs_a_person(&self) -> bool {
        let Self {
            closing: _,
            offered: _,
            unknown_target_groups,
            forgotten,
            corrected_alarms: _,
            unattended,
            skipped,
        } = self;
        [unknown_target_groups, forgotten, unattended, skipped]
            .into_iter()
            .any(|found| !found.is_empty())
    }

    fn skip(&mut self, problem: String) {
        tracing::warn!(event = "sweep.skipped", problem);
        self.skipped.push(problem);
    }

    /// What a part of the sweep has found; nothing where it did not get through.
    fn found(&mut self, looked: Result<Vec<String>, PoolError>) -> Vec<String> {
        looked.unwrap_or_else(|error| {
            self.skip(chain(&error).to_string());
            Vec::new()
        })
    }
}

async fn look_and_mend(runtime: &Runtime, contents: &Contents, report: &mut Report) {
    tend_load_balancers(runtime, contents, report).await;
    let unattended = unattended::end(runtime, contents).await;
    report.unattended = report.found(unattended);
    let unknown = unknown_target_groups(runtime, contents).await;
    report.unknown_target_groups = report.found(unknown);
    report.forgotten = contents.owners.iter().flat_map(forgotten).collect();
    if let Err(error) = alarms::correct(runtime, contents, &mut report.corrected_alarms).await {
        report.skip(chain(&error).to_string());
    }
}

/// What is to be removed, and nothing is done about: CloudFormation has asked for it, or does not know of it.
fn forgotten(record: &OwnerRecord) -> Vec<String> {
    let stack = record.owner.stack_name();
    let is_left = |service: &&ServiceRecord| {
        record.operation.is_none() && (service.is_doomed || !service.is_answered)
    };
    let left = record.services.values().filter(is_left);
    left.map(|service| format!("{}/{} of {stack}", service.cluster, service.name))
        .collect()
}

/// Looks at each load balancer of the ledger. One that cannot be looked at today does not keep the others.
async fn tend_load_balancers(runtime: &Runtime, contents: &Contents, report: &mut Report) {
    let most = runtime.settings.members_max;
    for (pool_id, ordinal, members) in &contents.load_balancers {
        let name = naming::load_balancer(pool_id, *ordinal);
        let tended = if members.is_shared_with_room(most) {
            offer_again(runtime, contents, pool_id, *ordinal).await
        } else if members.slots.is_empty() && !members.is_gone {
            close_again(runtime, pool_id, *ordinal, members).await
        } else {
            continue;
        };
        match tended {
            Ok(Tended::AsItWas) => {}
            Ok(Tended::Offered) => report.offered.push(name),
            Ok(Tended::Closing) => report.closing.push(name),
            Err(error) => report.skip(format!("{name}: {}", chain(&error))),
        }
    }
}

/// What was done about a load balancer.
enum Tended {
    /// Nothing.
    AsItWas,
    /// Its closing was started again.
    Closing,
    /// It was listed among those with room.
    Offered,
}

/// A claim that found it full may have taken it off the list just after somebody had left, and had listed it in vain.
async fn offer_again(
    runtime: &Runtime,
    contents: &Contents,
    pool_id: &str,
    ordinal: u64,
) -> Result<Tended, PoolError> {
    let listed = contents.open.get(pool_id);
    if listed.is_none_or(|open| open.contains(&ordinal)) {
        return Ok(Tended::AsItWas);
    }
    pool::offer(runtime, pool_id, ordinal).await?;
    Ok(Tended::Offered)
}

async fn close_again(
    runtime: &Runtime,
    pool_id: &str,
    ordinal: u64,
    members: &Members,
) -> Result<Tended, PoolError> {
    let name = naming::load_balancer(pool_id, ordinal);
    let (account_id, group) = (runtime.settings.account_id(), [name.clone()]);
    let (found, groups) = futures::try_join!(
        resources::load_balancer::find(&runtime.aws, &name),
        resources::security_group::find_by_names(&runtime.aws, account_id, None, &group),
    )?;
    if found.is_none() && groups.is_empty() {
        if !members.is_open {
            pool::forget(runtime, pool_id, ordinal).await?;
        }
        return Ok(Tended::AsItWas);
    }
    let slot = Slot {
        pool_id: pool_id.to_owned(),
        ordinal,
        number: 0,
    };
    // A number of its own for each sweep: the name of an execution is used once.
    let now_s = runtime.clock.now_ms() / 1000;
    pool_operation::start_close(runtime, &slot, now_s).await?;
    Ok(Tended::Closing)
}

async fn unknown_target_groups(
    runtime: &Runtime,
    contents: &Contents,
) -> Result<Vec<String>, PoolError> {
    let known: BTreeSet<String> = contents
        .owners
        .iter()
        .flat_map(|record| &record.services)
        .flat_map(|(arn, service)| service.pool_ids().map(move |pool_id| (arn, pool_id)))
        .flat_map(|(arn, pool_id)| Pair::BOTH.map(|pair| naming::target_group(arn, pool_id, pair)))
        .collect();
    let found = resources::target_group::list_names_of_ours(&runtime.aws).await?;
    Ok(found
        .into_iter()
        .filter(|name| !known.contains(name))
        .collect())
}
