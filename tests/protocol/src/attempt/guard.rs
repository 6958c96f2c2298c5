//! The guard, which keeps the provider while services need it, as `handler/src/guard.rs` has it.

use super::{Problem, ledger_reply, pool_operation};
use crate::effect::{Effect, Response};
use crate::ledger::{Contents, LedgerFailure};
use crate::world::Invocation;

/// The guard's physical id.
pub const PHYSICAL_ID: &str = "guard";
/// Seconds between looks at load balancers that are being closed.
pub(super) const RETRY_S: u64 = 15;

/// What still needs the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Need {
    /// Nothing.
    Nothing,
    /// Services.
    Services,
    /// Answers that are owed, or load balancers that are going.
    Time,
}

/// Looks whether anything still needs the provider, and carries closings on.
pub(super) async fn look(invocation: &Invocation) -> Result<Need, LedgerFailure> {
    let Response::Scanned(contents) = ledger_reply(invocation.call(Effect::Scan).await)? else {
        return Err(LedgerFailure::Unknown);
    };
    if contents.has_services {
        return Ok(Need::Services);
    }
    if contents.awaited_until_ms > invocation.now_ms() {
        return Ok(Need::Time);
    }
    // When AWS does not say, it is taken for one that is going.
    let is_closing = is_closing(invocation, &contents).await.unwrap_or(true);
    Ok(if is_closing {
        Need::Time
    } else {
        Need::Nothing
    })
}

/// Whether a load balancer without members still exists; one that people have made their own does not count.
async fn is_closing(invocation: &Invocation, contents: &Contents) -> Result<bool, Problem> {
    for (at, is_open) in &contents.empty {
        pool_operation::close(invocation, *at).await?;
        if *is_open {
            let members = invocation.call(Effect::FindMembers(*at, None)).await?;
            if matches!(members, Response::Members(Some(members)) if members.is_open) {
                continue;
            }
        }
        let found = invocation.call(Effect::FindLoadBalancer(*at)).await?;
        if !matches!(found, Response::Found(None)) {
            return Ok(true);
        }
        // Whether that can be noted or not, this one is gone.
        let _noted = invocation.call(Effect::Forget(*at)).await;
    }
    Ok(false)
}
