//! A first look at an Update in place: most change one thing or nothing, and what changes nothing is answered
//! without an operation.

use express_core::claim::{self, OwnerRecord};
use express_core::decision::Decision;
use express_core::desired::{Desired, Identity};
use express_core::network::{self, Reach, VpcFacts};
use express_core::observed::Observed;
use express_core::plan::{self, Timing};
use express_core::sought::Sought;
use provider_schema::Properties;

use super::RequestError;
use super::taking::Taking;
use crate::ledger::{self, Stored};
use crate::observe;
use crate::operation::writes_tags_anew;
use crate::operation::{Known, environment};
use crate::sealed::SealedOperation;
use crate::waiter::WaiterReply;

/// What a first look at an Update found.
pub(super) enum Look {
    /// Nothing to change.
    Unchanged(Box<provider_schema::Attributes>),
    /// Something to change, and what is there.
    Changes(Box<Known>),
    /// It cannot be said without beginning the operation.
    Unclear,
}

impl Taking<'_> {
    /// Looks whether an Update in place has anything to change, before anything is written.
    pub(super) async fn look_first(
        &self,
        stored: &Stored,
        begun: &OwnerRecord,
        sealed: &SealedOperation,
        identity: &Identity,
    ) -> Look {
        let is_quiet = stored.record.operation.is_none()
            && stored.record.running.is_none()
            && stored.record.superseded.is_empty()
            && !self.is_unseen(&stored.record);
        let is_alone = begun
            .operation
            .as_ref()
            .is_some_and(|operation| operation.remove.is_empty());
        let service = stored.record.services.get(&identity.service_arn);
        // What an Update has tagged before it failed is not looked at.
        let is_tagged = begun
            .operation
            .as_ref()
            .is_some_and(|operation| writes_tags_anew(operation, sealed.old_and_new()));
        let (Some(service), Some(properties), true) = (
            service,
            &sealed.properties,
            is_quiet && is_alone && !is_tagged,
        ) else {
            return Look::Unclear;
        };
        let mut observed = Observed::of_record(service);
        let reaches = service.reaches(self.runtime.clock.now_ms());
        match self
            .look((properties, &reaches), sealed, identity, &mut observed)
            .await
        {
            Some((Some(attributes), _)) => Look::Unchanged(attributes),
            Some((None, vpc_facts)) => Look::Changes(Box::new(Known {
                is_first: false,
                vpc_facts: Some(vpc_facts),
                observed: Some(observed),
            })),
            None => Look::Unclear,
        }
    }

    /// Whether AWS may not show yet what was changed last.
    fn is_unseen(&self, record: &OwnerRecord) -> bool {
        let now_ms = self.runtime.clock.now_ms();
        let seen_after_ms = self.runtime.settings.seen_after_ms;
        record.newest_change_ms().is_some_and(|changed_ms| {
            claim::unseen_for_ms(changed_ms, now_ms, seen_after_ms).is_some()
        })
    }

    /// The attributes, when nothing is to change; none of it when AWS does not say: the operation asks again.
    async fn look(
        &self,
        (properties, reaches): (&Properties, &[Reach]),
        sealed: &SealedOperation,
        identity: &Identity,
        observed: &mut Observed,
    ) -> Option<(Option<Box<provider_schema::Attributes>>, VpcFacts)> {
        let aws = &self.runtime.aws;
        let environment = environment(self.runtime, &self.owner.stack_id);
        let sought = Sought::new(identity, &environment, properties);
        let facts = observe::with_network(aws, &sought, false, (properties, reaches), observed)
            .await
            .ok()?;
        let desired = Desired::new(
            identity.clone(),
            environment,
            network::resolve(properties, &facts, reaches).ok()?,
            properties,
            sealed.old_properties.as_ref(),
        );
        observe::for_planning(aws, &desired, observed).await.ok()?;
        let now_ms = self.runtime.clock.now_ms();
        let timing = Timing {
            now_ms,
            started_ms: now_ms,
            stop_at_ms: u64::MAX,
            deployment_ms: 0,
            way_back: None,
            tags_anew: false,
            deployment_asked_ms: None,
            settings_sent_ms: None,
            service_updates: 0,
            deployment_before: None,
            abandoned: None,
            hopeless_deployment: None,
            early_deployment: None,
            stop_asked: None,
            alias_moved_ms: None,
            // Whosever the record is, one that leads elsewhere is not "nothing to change".
            has_alias_record: true,
            is_create: false,
            request_id: self.envelope.id(),
        };
        match plan::converge(&desired, observed, &timing) {
            Ok(Decision::Converged(attributes)) => Some((Some(attributes), facts)),
            Ok(Decision::Apply(_) | Decision::Wait(_) | Decision::Removed) | Err(_) => {
                Some((None, facts))
            }
        }
    }

    /// Answers an Update that changes nothing. That it did is written first: a request that comes at the same time
    /// begins after it, or ends it.
    ///
    /// # Errors
    /// A conflict when another request was quicker: then what this one means has to be found out again.
    pub(super) async fn unchanged(
        &self,
        read: &Stored,
        begun: OwnerRecord,
        attributes: provider_schema::Attributes,
    ) -> Result<WaiterReply, RequestError> {
        let physical_id = attributes.service_arn.clone();
        let body = self.early.success_with(&physical_id, &attributes)?;
        let mut stored = read.clone();
        stored.record = begun;
        stored.record.answer_at_once(&physical_id, body.clone());
        ledger::write(self.runtime, &mut stored).await?;
        self.early.send(&body).await
    }
}
