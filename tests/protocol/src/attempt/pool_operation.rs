//! Closing a load balancer, and the sweep, as `handler/src/pool_operation.rs` and `handler/src/sweep.rs` have them.

use super::{Problem, Reply};
use crate::effect::{Effect, OperationId, Response};
use crate::ledger::Ordinal;
use crate::world::Invocation;

/// Seconds between looks while ELB still holds the security group with its network interfaces.
const RETRY_S: u64 = 30;

/// Starts the closing of a load balancer. `number` tells one emptiness from the next.
pub(super) async fn start_close(
    invocation: &Invocation,
    at: Ordinal,
    number: u64,
) -> Result<(), Problem> {
    let effect = Effect::StartWaiter(OperationId::Close(at), number);
    invocation.call(effect).await?;
    Ok(())
}

/// Carries on a closing.
pub async fn carry_on(invocation: Invocation, at: Ordinal) -> Option<Reply> {
    close(&invocation, at).await.ok()
}

/// One round of a closing.
pub(super) async fn close(invocation: &Invocation, at: Ordinal) -> Result<Reply, Problem> {
    let Response::Members(Some(members)) = invocation.call(Effect::FindMembers(at, None)).await?
    else {
        return Ok(Reply::Done);
    };
    if members.count > 0 {
        return Ok(Reply::Done);
    }
    let found = match invocation.call(Effect::FindLoadBalancer(at)).await? {
        Response::Found(found) => found,
        other => unreachable!("{other:?} is no load balancer"),
    };
    if members.is_open {
        if let Some((_, true)) = found {
            return Ok(Reply::Done);
        }
        if invocation.call(Effect::Close(at)).await? != Response::Accepted(true) {
            return Ok(Reply::Done);
        }
    }
    if let Some((id, _)) = found {
        if !members.is_open && invocation.call(Effect::Close(at)).await? != Response::Accepted(true)
        {
            return Ok(Reply::Done);
        }
        invocation.call(Effect::DeleteLoadBalancer(at, id)).await?;
        // Its network interfaces hold the group for a while yet.
        return Ok(Reply::Wait(RETRY_S));
    }
    Ok(Reply::Done)
}

/// Sweeps once: what is empty and still there is closed again, what is gone is looked for no more, and what has room is
/// listed. One that cannot be looked at does not keep the others.
pub async fn sweep(invocation: Invocation) -> Option<Reply> {
    let Ok(Response::Scanned(contents)) = invocation.call(Effect::Scan).await else {
        return None;
    };
    for at in contents.unlisted {
        let _offered = invocation.call(Effect::Offer(at)).await;
    }
    for (at, is_open) in contents.empty {
        match invocation.call(Effect::FindLoadBalancer(at)).await {
            Ok(Response::Found(Some(_))) => {
                // A number of its own for each sweep: the name of an execution is used once.
                let now_s = invocation.now_ms() / 1000;
                let _started = start_close(&invocation, at, now_s).await;
            }
            Ok(Response::Found(None)) if !is_open => {
                let _noted = invocation.call(Effect::Forget(at)).await;
            }
            Ok(_) | Err(_) => {}
        }
    }
    Some(Reply::Done)
}
