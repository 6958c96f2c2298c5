//! Closing a load balancer that its last service has left: an operation of the pool, with a waiter of
//! its own, so that nobody's Delete waits for ELB's network interfaces.
//!
//! # Guarantees
//! A load balancer that people have made their own stays OPEN and is reported: one with a listener, rules or a
//! default action of theirs, further certificates or deletion protection. Closing is decided by the one
//! conditional write that sees no members; from then on nobody can claim a slot there, and the ordinal is
//! never used again, so a deletion that lands late meets nothing that is in use.
//!
//! # Crash safety
//! Every part is found again from the ledger's state and the deterministic name, and deleting what is
//! gone is fine.

use express_core::claim::Slot;
use express_core::naming;
use express_core::resources::listener::{HTTPS_PORT, ObservedListener};
use express_core::resources::load_balancer::ObservedLoadBalancer;

use crate::Runtime;
use crate::aws::error::AwsError;
use crate::ledger::{LedgerError, pool};
use crate::resources;
use crate::waiter::{self, WaiterReply};

/// Seconds between looks while ELB still holds the security group with its network interfaces.
const RETRY_S: u64 = 30;

/// Milliseconds after closing within which ELB lets go of the group, by far. What holds it then is a rule that people
/// have made: the waiter ends, and the daily sweep tries again.
const LETS_GO_MS: u64 = 3_600_000;

/// Why a pool operation did not go on; its waiter calls again.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// AWS refused.
    #[error(transparent)]
    Aws(#[from] AwsError),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The load balancer that a pool operation closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Its pool.
    pub pool_id: String,
    /// Its ordinal there.
    pub ordinal: u64,
}

impl Close {
    /// `pool-<pool>-<ordinal>-close`
    #[must_use]
    pub fn operation_id(&self) -> String {
        format!("pool-{}-{}-close", self.pool_id, self.ordinal)
    }

    /// Reads what [`Self::operation_id`] wrote.
    #[must_use]
    pub fn parse(operation_id: &str) -> Option<Self> {
        let (pool_id, ordinal) = operation_id
            .strip_prefix("pool-")?
            .strip_suffix("-close")?
            .rsplit_once('-')?;
        Some(Self {
            pool_id: pool_id.to_owned(),
            ordinal: ordinal.parse().ok()?,
        })
    }
}

/// Starts the closing of the load balancer of `slot`. `next_slot` tells one emptiness from the next:
/// the name of an execution cannot be used again for 90 days.
///
/// # Errors
/// When Step Functions does not answer.
pub async fn start_close(runtime: &Runtime, slot: &Slot, next_slot: u64) -> Result<(), AwsError> {
    let close = Close {
        pool_id: slot.pool_id.clone(),
        ordinal: slot.ordinal,
    };
    let operation_id = close.operation_id();
    let name = waiter::execution_name(&format!("{operation_id}-{next_slot}"), 0);
    waiter::start(runtime, &operation_id, &name).await?;
    Ok(())
}

/// Carries on a closing.
///
/// # Errors
/// When AWS or the ledger does not answer: the waiter calls again.
pub async fn carry_on(runtime: &Runtime, close: &Close) -> Result<WaiterReply, PoolError> {
    let Close { pool_id, ordinal } = close;
    let Some(members) = pool::find_members(runtime, pool_id, *ordinal).await? else {
        return Ok(WaiterReply::Done);
    };
    if !members.slots.is_empty() {
        // Somebody has joined again.
        return Ok(WaiterReply::Done);
    }
    let name = naming::load_balancer(pool_id, *ordinal);
    let found = resources::load_balancer::find(&runtime.aws, &name).await?;
    if members.is_open {
        if let Some(load_balancer) = &found
            && let Some(reason) = kept_by_people(runtime, load_balancer).await?
        {
            tracing::warn!(event = "pool.kept", load_balancer = name, reason);
            return Ok(WaiterReply::Done);
        }
        if !pool::close(runtime, pool_id, *ordinal).await? {
            return Ok(WaiterReply::Done);
        }
    }
    if let Some(load_balancer) = found
        && is_of_pool(runtime, &load_balancer.arn, pool_id).await?
    {
        // Closed before and still there: ELB has its time from now on.
        if !members.is_open && !pool::close(runtime, pool_id, *ordinal).await? {
            return Ok(WaiterReply::Done);
        }
        resources::load_balancer::delete(&runtime.aws, &load_balancer.arn).await?;
        tracing::info!(event = "pool.load_balancer.deleted", load_balancer = name);
        // Its network interfaces hold the group for a while yet.
        return Ok(WaiterReply::wait(RETRY_S));
    }
    let now_ms = runtime.clock.now_ms();
    let is_long_closed = members
        .closed_ms
        .is_some_and(|closed_ms| now_ms.saturating_sub(closed_ms) >= LETS_GO_MS);
    delete_security_group(runtime, &name, pool_id, is_long_closed).await
}

/// What people have done to the load balancer that makes it theirs: its deletion takes all listeners with it.
/// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DeleteLoadBalancer.html>
async fn kept_by_people(
    runtime: &Runtime,
    load_balancer: &ObservedLoadBalancer,
) -> Result<Option<&'static str>, AwsError> {
    let aws = &runtime.aws;
    let (attributes, listeners) = futures::try_join!(
        resources::load_balancer::find_attributes(aws, &load_balancer.arn),
        resources::listener::find_all(aws, &load_balancer.arn),
    )?;
    if attributes.is_some_and(|attributes| attributes.deletion_protection) {
        return Ok(Some("deletion protection is on"));
    }
    if !listeners.iter().all(ObservedListener::is_on_port_of_ours) {
        return Ok(Some("it has a listener on a port of its own"));
    }
    if listeners.iter().any(|it| it.has_other_default_action) {
        return Ok(Some("a listener has a default action of its own"));
    }
    for listener in &listeners {
        // Only a listener that speaks TLS may be asked for its certificates.
        let certificates = async {
            if listener.port == HTTPS_PORT {
                resources::listener::list_certificates(aws, &listener.arn).await
            } else {
                Ok(Vec::new())
            }
        };
        let rules = resources::listener_rule::find_all(aws, &listener.arn);
        let (rules, certificates) = futures::try_join!(rules, certificates)?;
        // No service is a member any more, so no rule is a service's; the default rule has no priority.
        if rules.iter().any(|rule| rule.priority.is_some()) {
            return Ok(Some("a listener has rules of its own"));
        }
        if !certificates.is_empty() {
            return Ok(Some("a listener has further certificates"));
        }
    }
    Ok(None)
}

async fn is_of_pool(runtime: &Runtime, arn: &str, pool_id: &str) -> Result<bool, AwsError> {
    let mut tags = resources::elb_tags::find(&runtime.aws, &[arn.to_owned()]).await?;
    let tags = tags.remove(arn).unwrap_or_default();
    Ok(tags
        .get(naming::TAG_POOL)
        .is_some_and(|pool| pool == pool_id))
}

/// ELB's network interfaces hold the group for minutes after the load balancer is gone.
async fn delete_security_group(
    runtime: &Runtime,
    name: &str,
    pool_id: &str,
    is_long_closed: bool,
) -> Result<WaiterReply, PoolError> {
    let aws = &runtime.aws;
    let (account_id, names) = (runtime.settings.account_id(), [name.to_owned()]);
    let found = resources::security_group::find_by_names(aws, account_id, None, &names).await?;
    let group = found.into_iter().find(|group| {
        group
            .tags
            .get(naming::TAG_POOL)
            .is_some_and(|pool| pool == pool_id)
    });
    let Some(group) = group else {
        return Ok(WaiterReply::Done);
    };
    match resources::security_group::delete(aws, &group.id).await {
        Ok(()) => Ok(WaiterReply::Done),
        Err(error) if error.is_conflict() => {
            // For minutes that is ELB; for longer, somebody's rule names the group. AWS's text says what holds it.
            let (code, message) = (error.code, error.message);
            tracing::warn!(
                event = "pool.security_group.in_use",
                group = group.id,
                code,
                message
            );
            Ok(if is_long_closed {
                WaiterReply::Done
            } else {
                WaiterReply::wait(RETRY_S)
            })
        }
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::Close;

    #[test]
    fn an_operation_id_is_read_back() {
        let close = Close {
            pool_id: "1a2b3c4d".to_owned(),
            ordinal: 7,
        };
        assert_eq!(Close::parse(&close.operation_id()), Some(close));
        assert_eq!(Close::parse("0123#request"), None);
    }
}
