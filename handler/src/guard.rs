//! `Custom::ExpressProviderGuard`: keeps the provider's stack from being deleted while services need it.
//!
//! Every other resource of the provider outlives the guard (`DependsOn` in `templates/provider.yaml`), so
//! its Delete comes first: it fails while any owner has a service, and lets load balancers that are being
//! closed finish first.

use express_core::decision::HandlerErrorCode;

use crate::Runtime;
use crate::cloudformation::event::Envelope;
use crate::ledger::pool;
use crate::ledger::scan::{self, Contents};
use crate::pool_operation::{self, Close};
use crate::request::RequestError;
use crate::request::early::{EarlyAnswer, is_delete};
use crate::resources;
use crate::waiter::WaiterReply;
use express_core::naming;

/// The guard's resource type.
pub const RESOURCE_TYPE: &str = "Custom::ExpressProviderGuard";
/// The guard's physical id.
const PHYSICAL_ID: &str = "express-provider-guard";
/// Services named in a refusal.
const NAMED_MAX: usize = 5;
/// Milliseconds between looks at load balancers that are being closed.
const LOOK_MS: u64 = 5_000;
/// Looks at most: 40 s of the 60 that an invocation has.
const LOOKS_MAX: u32 = 8;

/// Answers a request for the guard.
///
/// # Errors
/// When the ledger does not answer: Lambda delivers the event again.
pub(crate) async fn receive(
    runtime: &Runtime,
    envelope: &Envelope,
    early: &EarlyAnswer<'_>,
) -> Result<WaiterReply, RequestError> {
    if !is_delete(envelope.request_type) {
        return early.succeeded(PHYSICAL_ID).await;
    }
    for look in 0..LOOKS_MAX {
        if look > 0 {
            runtime.clock.sleep_ms(LOOK_MS).await;
        }
        let contents = scan::read(runtime).await?;
        if let Some(problem) = services_left(&contents) {
            return early
                .failed(HandlerErrorCode::ResourceConflict, &problem)
                .await;
        }
        if !is_closing(runtime, &contents).await {
            let id = envelope.physical_resource_id.as_deref();
            return early.succeeded(id.unwrap_or(PHYSICAL_ID)).await;
        }
    }
    early
        .failed(
            HandlerErrorCode::ResourceConflict,
            "load balancers that their last service has left are still being deleted; delete the stack \
             again in some minutes",
        )
        .await
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
    let named: Vec<&str> = services
        .iter()
        .take(NAMED_MAX)
        .map(String::as_str)
        .collect();
    Some(format!(
        "{} services still need this provider: {}; delete their stacks first",
        services.len(),
        named.join(", ")
    ))
}

/// Whether a load balancer without members still exists; one that people have made their own does not
/// count, it stays. When AWS does not say, it is taken for one that is going.
async fn is_closing(runtime: &Runtime, contents: &Contents) -> bool {
    for (pool_id, ordinal, members) in &contents.load_balancers {
        if !members.slots.is_empty() {
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
        let group = [name.clone()];
        let found = futures::try_join!(
            resources::load_balancer::find(&runtime.aws, &name),
            resources::security_group::find_by_names(&runtime.aws, None, &group),
        );
        match found {
            Ok((None, groups)) if groups.is_empty() => {}
            Ok(_) | Err(_) => return true,
        }
    }
    false
}
