//! What a service that moves has on the load balancer that it leaves: found as on the other one, by name and by our tags.

use express_core::desired::Identity;
use express_core::naming;
use express_core::observed::{LeavingSide, Observed, Presence};

use super::{by_arn, by_name, look as look_at, rule};
use crate::aws::AwsClients;
use crate::aws::error::AwsError;
use crate::resources;

/// Everything there that is unknown; nothing of a service that does not move.
pub(super) async fn look(
    aws: &AwsClients,
    identity: &Identity,
    observed: &mut Observed,
) -> Result<(), AwsError> {
    let Some(leaving) = observed.leaving.as_deref_mut() else {
        return Ok(());
    };
    let LeavingSide {
        slot,
        load_balancer,
        load_balancer_security_group,
        https_listener,
        target_group_a,
        target_group_b,
        listener_rule,
    } = leaving;
    let name = naming::load_balancer(&slot.pool_id, slot.ordinal);
    futures::try_join!(
        look_at(load_balancer, || resources::load_balancer::find(aws, &name)),
        look_at(load_balancer_security_group, || async {
            let names = std::slice::from_ref(&name);
            let found =
                resources::security_group::find_by_names(aws, identity.account_id(), None, names)
                    .await?;
            Ok(found.into_iter().next())
        }),
        async {
            let pool_id = Some(slot.pool_id.as_str());
            by_name::target_groups(aws, identity, pool_id, target_group_a, target_group_b).await?;
            by_arn::tags_of_groups(aws, [target_group_a, target_group_b]).await
        },
    )?;
    if !listener_rule.is_unknown() {
        return Ok(());
    }
    let mut redirect = Presence::Absent;
    let arn = load_balancer.present().map(|found| found.arn.as_str());
    by_arn::listeners_of(aws, arn, https_listener, &mut redirect).await?;
    *listener_rule = match https_listener.present() {
        Some(listener) => rule::find_on(aws, identity, &listener.arn)
            .await?
            .into_iter()
            .next()
            .into(),
        // Without a listener, or without a load balancer for one, there is no rule.
        None => Presence::Absent,
    };
    Ok(())
}
