//! The subnets of the service's load balancer: what the ledger has of them, as long as a load balancer can be there.
//!
//! Whoever finds the load balancer missing makes it with what the ledger has, and not with what he needs himself. The
//! service that had that written may be gone by then, and its subnets with it, or they may have got other routes: such
//! a subnet would be refused for everybody who comes, so it is replaced in the ledger first.

use std::collections::BTreeMap;

use express_core::claim::Slot;
use express_core::desired::Desired;
use express_core::naming;
use express_core::network::{self, Network};
use express_core::observed::{Observed, Presence};

use super::{Attempt, OperationError, StepError};
use crate::aws::error::AwsError;
use crate::ledger::{self, LedgerError};
use crate::{observe, resources};

/// Times that a load balancer's subnets are set before the attempt gives up: once for each further zone that
/// others may add meanwhile, of the six that a region has at most.
/// AWS: <https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-availability-zones.html>
const EXTENSIONS_MAX: usize = 6;

impl Attempt<'_> {
    /// What a load balancer that is missing is to be made with, whoever makes it.
    pub(super) async fn observe_subnets(
        &self,
        desired: &Desired,
        observed: &mut Observed,
    ) -> Result<(), OperationError> {
        let (Some(slot), true, true) = (
            observed.slot.present(),
            observed.load_balancer.is_absent(),
            observed.pool_subnets.is_unknown(),
        ) else {
            return Ok(());
        };
        let (network, named) = (&desired.network, &desired.network.ingress_subnets);
        let found = ledger::pool::find_members(self.runtime, &slot.pool_id, slot.ordinal).await?;
        let held = found.map(|members| members.subnets).unwrap_or_default();
        let subnets = if held.is_empty() {
            // Without the item, after a restore of the table, nobody else can know better.
            named.clone()
        } else {
            let usable = self.usable_subnets(network, slot, held, named).await;
            usable.map_err(|error| match error {
                StepError::Aws(source) => OperationError::Observe(source),
                StepError::Ledger(error) => OperationError::Ledger(error),
            })?
        };
        observed.pool_subnets = Presence::Present(subnets);
        Ok(())
    }

    /// Gives a load balancer a further zone: what was sent last must hold what everybody has asked for, and the subnets that
    /// it is in by now, of which ELB does not ask whether they have room.
    pub(super) async fn extend_subnets(
        &self,
        network: &Network,
        load_balancer_arn: &str,
        slot: &Slot,
        wanted: &BTreeMap<String, String>,
    ) -> Result<(), StepError> {
        let aws = &self.runtime.aws;
        let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
        for _ in 0..EXTENSIONS_MAX {
            let found = resources::load_balancer::find(aws, &name).await?;
            let found = found.map(|found| found.subnets).unwrap_or_default();
            let mut named = wanted.clone();
            named.extend(found.clone());
            let held = ledger::pool::extend(self.runtime, slot, &named).await?;
            let subnets = self.usable_subnets(network, slot, held, &named).await?;
            let subnet_ids: Vec<String> = subnets.values().cloned().collect();
            let set =
                resources::load_balancer::set_subnets(aws, load_balancer_arn, &subnet_ids).await;
            if let Err(refused) = set {
                let refused = self.forget_refused(slot, &subnets, &named, &found, refused);
                return Err(refused.await);
            }
            let held = ledger::pool::extend(self.runtime, slot, wanted).await?;
            if held == subnets {
                return Ok(());
            }
        }
        Err(LedgerError::Conflict.into())
    }

    /// What ELB refuses must not be asked for by everybody who comes later: the ledger is to hold what the load balancer is
    /// in, and nothing of what was asked for in vain.
    ///
    /// What the extension fails for: the refusal, where nobody but the service itself has asked for what the load balancer is
    /// not in; else a conflict, as without what others have asked for it is worth another try, by an attempt that sees no
    /// older state of the load balancer. And a refusal that is not for a subnet: nothing is forgotten then.
    async fn forget_refused(
        &self,
        slot: &Slot,
        held: &BTreeMap<String, String>,
        named: &BTreeMap<String, String>,
        found: &BTreeMap<String, String>,
        refused: AwsError,
    ) -> StepError {
        if !refused.is_for_a_subnet() || found.is_empty() {
            return refused.into();
        }
        if let Err(error) = ledger::pool::replace(self.runtime, slot, held, found).await {
            return error.into();
        }
        let is_of_others = held
            .iter()
            .any(|(zone, subnet)| named.get(zone) != Some(subnet));
        if is_of_others {
            LedgerError::Conflict.into()
        } else {
            refused.into()
        }
    }

    /// Those that the ledger holds, without those in which no load balancer of this scheme can be any more, with what
    /// is `named` in their place. Nothing is asked when all of them are named: those have just been looked at.
    async fn usable_subnets(
        &self,
        network: &Network,
        slot: &Slot,
        held: BTreeMap<String, String>,
        named: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, String>, StepError> {
        let others: Vec<String> = held
            .iter()
            .filter(|(zone, subnet)| named.get(*zone) != Some(*subnet))
            .map(|(_, subnet)| subnet.clone())
            .collect();
        if others.is_empty() {
            return Ok(held);
        }
        let facts = observe::subnet_facts(&self.runtime.aws, &network.vpc_id, &others).await?;
        let usable = network::usable_subnets(network.scheme, &held, named, &facts);
        if usable != held {
            tracing::info!(
                event = "pool.subnets.replaced",
                ?held,
                ?usable,
                pool_id = slot.pool_id,
                ordinal = slot.ordinal,
            );
            ledger::pool::replace(self.runtime, slot, &held, &usable).await?;
        }
        Ok(usable)
    }
}
