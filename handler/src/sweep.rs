//! The sweeper: once a day it compares what AWS has with what the ledger knows, and reports.
//!
//! # Guarantees
//! It deletes nothing by itself. It starts the closing of load balancers that are empty or CLOSED and
//! still there: a closing that died is carried on, and its own checks decide. It points rollback alarms at
//! the group that is idle. Everything else that looks left over is reported: deletion never follows from
//! absence of knowledge (DESIGN §4).

mod alarms;

use std::collections::BTreeSet;

use express_core::claim::Slot;
use express_core::naming::{self, Pair};

use crate::Runtime;
use crate::ledger::scan::{self, Contents};
use crate::pool_operation::{self, PoolError};
use crate::resources;

/// What a sweep found.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Report {
    /// Load balancers whose closing was started again.
    pub closing: Vec<String>,
    /// Target groups with our name that no owner's service has.
    pub unknown_target_groups: Vec<String>,
    /// Rollback alarms that looked at the group that serves.
    pub corrected_alarms: Vec<String>,
}

/// Sweeps once.
///
/// # Errors
/// When AWS or the ledger does not answer; the next day's sweep looks again.
pub async fn run(runtime: &Runtime) -> Result<Report, PoolError> {
    let contents = scan::read(runtime).await?;
    let report = Report {
        closing: close_again(runtime, &contents).await?,
        unknown_target_groups: unknown_target_groups(runtime, &contents).await?,
        corrected_alarms: alarms::correct(runtime, &contents).await?,
    };
    tracing::info!(
        event = "sweep.ended",
        owners = contents.owners.len(),
        closing = ?report.closing,
        unknown_target_groups = ?report.unknown_target_groups,
        corrected_alarms = ?report.corrected_alarms,
    );
    Ok(report)
}

async fn close_again(runtime: &Runtime, contents: &Contents) -> Result<Vec<String>, PoolError> {
    let mut closing = Vec::new();
    for (pool_id, ordinal, members) in &contents.load_balancers {
        if !members.slots.is_empty() {
            continue;
        }
        let name = naming::load_balancer(pool_id, *ordinal);
        let group = [name.clone()];
        let (found, groups) = futures::try_join!(
            resources::load_balancer::find(&runtime.aws, &name),
            resources::security_group::find_by_names(&runtime.aws, None, &group),
        )?;
        if found.is_none() && groups.is_empty() {
            continue;
        }
        let slot = Slot {
            pool_id: pool_id.clone(),
            ordinal: *ordinal,
            number: 0,
        };
        // A number of its own for each sweep: the name of an execution is used once.
        let now_s = runtime.clock.now_ms() / 1000;
        pool_operation::start_close(runtime, &slot, now_s).await?;
        closing.push(name);
    }
    Ok(closing)
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
