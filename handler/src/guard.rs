//! `Custom::ExpressProviderGuard`: keeps the provider's stack from being deleted while it is needed.
//!
//! Every other resource of the provider outlives the guard (`DependsOn` in `templates/provider.yaml`), so
//! its Delete comes first: it fails while any owner has a service, and waits for answers that are owed and for
//! load balancers that are being closed. It is an operation like any other, with a waiter, even when nothing is to be
//! waited for: an event that is delivered again then finds it, and neither answers otherwise nor leaves it open.
//!
//! Its Create and Update accept the provider's domain, or refuse one that services have no name below
//! (`guard/domain.rs`).

mod domain;

use express_core::decision::HandlerErrorCode;
use express_core::naming;

use crate::Runtime;
use crate::ledger::scan::{self, Contents};
use crate::ledger::{LedgerError, pool};
use crate::pool_operation::{self, Close};
use crate::request::RequestError;
use crate::request::early::is_delete;
use crate::request::taking::Taking;
use crate::resources;
use crate::waiter::WaiterReply;

/// The guard's resource type.
pub const RESOURCE_TYPE: &str = "Custom::ExpressProviderGuard";
/// The guard's physical id.
const PHYSICAL_ID: &str = "express-provider-guard";
/// Services named in a refusal.
const NAMED_MAX: usize = 5;
/// Seconds between looks at load balancers that are being closed.
pub(crate) const RETRY_S: u32 = 15;

/// What still needs the provider.
pub(crate) enum Need {
    /// Nothing.
    Nothing,
    /// Services.
    Services {
        /// Which, for the user.
        problem: String,
    },
    /// Requests that are not answered yet.
    Answers,
    /// Load balancers that are going.
    Closings,
}

/// Answers a request for the guard, or begins its Delete.
///
/// # Errors
/// When the ledger does not answer: Lambda delivers the event again.
pub(crate) async fn receive(taking: &Taking<'_>) -> Result<WaiterReply, RequestError> {
    if is_delete(taking.envelope.request_type) {
        return taking.delete().await;
    }
    match domain::accept(taking).await? {
        Some(problem) => {
            let code = HandlerErrorCode::ResourceConflict;
            taking.early.failed(code, &problem).await
        }
        None => taking.early.succeeded(PHYSICAL_ID).await,
    }
}

/// Looks whether anything still needs the provider, and carries closings on.
///
/// # Errors
/// When the ledger does not answer.
pub(crate) async fn look(runtime: &Runtime) -> Result<Need, LedgerError> {
    let contents = scan::read(runtime).await?;
    if let Some(problem) = services_left(&contents) {
        return Ok(Need::Services { problem });
    }
    if is_awaited(&contents, runtime.clock.now_ms()) {
        return Ok(Need::Answers);
    }
    Ok(if is_closing(runtime, &contents).await {
        Need::Closings
    } else {
        Need::Nothing
    })
}

/// Whether CloudFormation still waits for the answer to a Delete: without this function it would come never.
fn is_awaited(contents: &Contents, now_ms: u64) -> bool {
    let mut open = contents
        .owners
        .iter()
        .filter_map(|record| record.operation.as_ref());
    open.any(|operation| !operation.waits_for_closings && now_ms < operation.given_up_ms)
}

fn services_left(contents: &Contents) -> Option<String> {
    let services: Vec<String> = contents
        .owners
        .iter()
        .flat_map(|record| {
            record.services.keys().map(|arn| {
                let owner = &record.owner;
                format!(
                    "`{arn}` (`{}` of `{}`)",
                    owner.logical_resource_id, owner.stack_id
                )
            })
        })
        .collect();
    if services.is_empty() {
        return None;
    }
    let (still_need, stacks) = match services.len() {
        1 => ("service still needs", "its stack"),
        _ => ("services still need", "their stacks"),
    };
    Some(format!(
        "{} {still_need} this provider: {}; delete {stacks} first",
        services.len(),
        first_of(&services)
    ))
}

/// As many as a refusal names.
fn first_of(services: &[String]) -> String {
    let first: Vec<&str> = services
        .iter()
        .take(NAMED_MAX)
        .map(String::as_str)
        .collect();
    first.join(", ")
}

/// Whether a load balancer without members still exists; one that people have made their own does not
/// count, it stays. When AWS does not say, it is taken for one that is going.
async fn is_closing(runtime: &Runtime, contents: &Contents) -> bool {
    for (pool_id, ordinal, members) in &contents.load_balancers {
        if !members.slots.is_empty() || members.is_gone {
            continue;
        }
        let close = Close {
            pool_id: pool_id.clone(),
            ordinal: *ordinal,
        };
        // Its own waiter may not have begun yet, and would not find this function any more.
        if pool_operation::carry_on(runtime, &close).await.is_err() {
            return true;
        }
        if members.is_open {
            match pool::find_members(runtime, pool_id, *ordinal).await {
                // People have made it their own: it stays.
                Ok(Some(members)) if members.is_open => continue,
                Ok(_) => {}
                Err(_) => return true,
            }
        }
        let name = naming::load_balancer(pool_id, *ordinal);
        let (account_id, group) = (runtime.settings.account_id(), [name.clone()]);
        let found = futures::try_join!(
            resources::load_balancer::find(&runtime.aws, &name),
            resources::security_group::find_by_names(&runtime.aws, account_id, None, &group),
        );
        match found {
            // Whether that can be noted or not, this one is gone.
            Ok((None, groups)) if groups.is_empty() => {
                let _noted = pool::forget(runtime, pool_id, *ordinal).await;
            }
            Ok(_) | Err(_) => return true,
        }
    }
    false
}
