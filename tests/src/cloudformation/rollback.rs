//! What CloudFormation does when a stack operation has failed.

use std::collections::BTreeMap;

use super::request::{Request, Seen};
use super::stack::{self, Resource, Stack, StackOutcome, StackStatus};
use super::{RequestType, Template};

/// Seconds from the last answer, or the cancellation, to the rollback's first request. A stack operation notes the
/// failure of the resource and its own before it begins the rollback, each an event of its own; so the rollback's
/// requests are issued in another second.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html>
pub const ROLLBACK_AFTER_S: u64 = 2;

/// What follows a replacing Update that failed, or that has to be undone. Both have been observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedReplacement {
    /// The id that was answered is deleted, the old one stays as it is.
    DeleteAnsweredId,
    /// An Update back to the old properties under the id that was answered; whatever id it does not answer
    /// with is deleted.
    UpdateBack,
}

impl Stack {
    /// Deletes all that was begun: by the answered id, or by one that CloudFormation makes up for what it
    /// gave up before it was answered.
    pub(super) async fn roll_back_create(&self, mut seen: Vec<Seen>) -> StackOutcome {
        self.world.sleep_s(ROLLBACK_AFTER_S).await;
        let requests = seen.iter().map(|seen| self.delete_created(seen)).collect();
        let deleted = self.send_independently(requests).await;
        let status = if deleted.iter().all(Seen::is_success) {
            StackStatus::RollbackComplete
        } else {
            StackStatus::RollbackFailed
        };
        seen.extend(deleted);
        StackOutcome { status, seen }
    }

    pub(super) fn delete_created(&self, seen: &Seen) -> Request {
        let physical_id = seen
            .physical_id
            .clone()
            .unwrap_or_else(|| self.invented_id(&seen.logical_id));
        stack::delete(&seen.logical_id, physical_id, &self.sent_properties(seen))
    }

    fn invented_id(&self, logical_id: &str) -> String {
        let random = self.world.random_hex(12).to_uppercase();
        format!("{}-{logical_id}-{random}", self.name())
    }

    pub(super) fn sent_properties(&self, seen: &Seen) -> serde_json::Value {
        let history = self.world.history();
        let event = history
            .sent()
            .find(|event| event["RequestId"] == seen.request_id.as_str());
        event
            .map(|event| event["ResourceProperties"].clone())
            .unwrap_or_default()
    }

    /// Takes everything that was touched back to what it was, then deletes what is new.
    pub(super) async fn roll_back_update(
        &self,
        before: &BTreeMap<String, Resource>,
        template: &Template,
        mut seen: Vec<Seen>,
    ) -> StackOutcome {
        self.world.sleep_s(ROLLBACK_AFTER_S).await;
        let (is_undone, undone) = self.undo(before, template, &seen).await;
        seen.extend(undone);
        StackOutcome {
            status: StackStatus::of_update_rollback(is_undone),
            seen,
        }
    }

    /// Takes what was touched back to what it was; whether that has succeeded, and what came of each request.
    pub(super) async fn undo(
        &self,
        before: &BTreeMap<String, Resource>,
        template: &Template,
        touched: &[Seen],
    ) -> (bool, Vec<Seen>) {
        let reaction = self.state.borrow().failed_replacement;
        let mut back = Vec::new();
        let mut doomed = Vec::new();
        for touched in touched {
            let Some(known) = before.get(&touched.logical_id) else {
                doomed.push(self.delete_created(touched));
                continue;
            };
            let answered = touched
                .physical_id
                .clone()
                .unwrap_or_else(|| known.physical_id.clone());
            let is_replaced = answered != known.physical_id;
            if is_replaced && reaction == FailedReplacement::DeleteAnsweredId {
                let properties = &template.resources[&touched.logical_id];
                doomed.push(stack::delete(&touched.logical_id, answered, properties));
            } else {
                back.push(update_back(touched, known, answered, template));
            }
        }
        let mut seen = self.send_independently(back).await;
        for undone in &seen {
            doomed.extend(self.settle_undone(undone, template));
        }
        let is_undone = seen.iter().all(Seen::is_success);
        seen.extend(self.clean_up(doomed).await);
        (is_undone, seen)
    }

    /// Notes the id that the Update back answered with, also when it failed; the one it was sent with goes, if it is
    /// another and the service is back.
    fn settle_undone(&self, undone: &Seen, template: &Template) -> Option<Request> {
        let (sent, answered) = (undone.sent_id.clone()?, undone.physical_id.clone()?);
        if let Some(known) = self
            .state
            .borrow_mut()
            .resources
            .get_mut(&undone.logical_id)
        {
            known.physical_id.clone_from(&answered);
        }
        let properties = &template.resources[&undone.logical_id];
        (sent != answered && undone.is_success())
            .then(|| stack::delete(&undone.logical_id, sent, properties))
    }
}

fn update_back(
    touched: &Seen,
    known: &Resource,
    physical_id: String,
    template: &Template,
) -> Request {
    Request {
        request_type: RequestType::Update,
        logical_id: touched.logical_id.clone(),
        physical_id: Some(physical_id),
        properties: known.properties.clone(),
        old_properties: template.resources.get(&touched.logical_id).cloned(),
    }
}
