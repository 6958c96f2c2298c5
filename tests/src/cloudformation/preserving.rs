//! Deploying with `--disable-rollback`: what has succeeded stays, and what has failed waits for the next operation, which may
//! be `RollbackStack`.
//!
//! AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html>

use super::request::{Request, Seen};
use super::rollback::{FailedReplacement, ROLLBACK_AFTER_S};
use super::stack::{self, Resource, Stack, StackOutcome, StackStatus, Unchanged};
use super::{RequestType, Template};

/// When a resource whose Create has failed is deleted: "upon the next stack operation", and AWS does not say whether that is
/// before its next Create, or with everything that an update has replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailedCreate {
    /// Before the next Create.
    DeletedFirst,
    /// Once everything else is there.
    DeletedLast,
}

impl Stack {
    /// Creates or updates the stack, and takes nothing back but what has failed.
    pub async fn deploy_preserving(
        self,
        template: Template,
        failed_create: FailedCreate,
    ) -> StackOutcome {
        let mut seen = Vec::new();
        let is_left = !self.state.borrow().failed.is_empty();
        if is_left && failed_create == FailedCreate::DeletedFirst {
            let failed = self.take_failed();
            seen.extend(self.clean_up_or_owe(failed).await);
            // Each step is an event of the stack's own.
            self.world.sleep_s(ROLLBACK_AFTER_S).await;
        }
        let before = self.resources();
        let is_new = before.is_empty();
        let requests = stack::requests(&template, &before, Unchanged::Skipped);
        let changed = self.send_independently(requests).await;
        let mut to_undo = Vec::new();
        for one in &changed {
            if one.is_success() {
                self.keep(one, &template.resources);
                self.owe_replaced(one);
            } else if one.request_type == RequestType::Create {
                self.keep_failed(one);
            } else {
                to_undo.push(one.clone());
            }
        }
        let is_complete =
            template.sibling_fails_after_s.is_none() && changed.iter().all(Seen::is_success);
        seen.extend(changed);
        if !to_undo.is_empty() {
            self.world.sleep_s(ROLLBACK_AFTER_S).await;
            let (_, undone) = self.undo(&before, &template, &to_undo).await;
            seen.extend(undone);
        }
        if is_complete {
            self.owe_removed(&template);
            seen.extend(self.clean_up(self.take_left()).await);
        }
        let status = match (is_complete, is_new) {
            (true, true) => StackStatus::CreateComplete,
            (true, false) => StackStatus::UpdateComplete,
            (false, true) => StackStatus::CreateFailed,
            (false, false) => StackStatus::UpdateFailed,
        };
        StackOutcome { status, seen }
    }

    /// `RollbackStack`: takes everything back to what it was when an operation last completed; without such, it is deleted.
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_RollbackStack.html>
    pub async fn roll_back(self) -> StackOutcome {
        let Some(stable) = self.state.borrow().stable.clone() else {
            return self.delete().await;
        };
        let reaction = self.state.borrow().failed_replacement;
        let mut doomed = self.take_failed();
        let mut back = Vec::new();
        for (id, known) in self.resources() {
            let delete = || stack::delete(&id, known.physical_id.clone(), &known.properties);
            match stable.get(&id) {
                None => {
                    self.state.borrow_mut().resources.remove(&id);
                    doomed.push(delete());
                }
                Some(before) if before.properties == known.properties => {}
                Some(before)
                    if before.physical_id != known.physical_id
                        && reaction == FailedReplacement::DeleteAnsweredId =>
                {
                    self.is_again(&id, before.clone());
                    doomed.push(delete());
                }
                Some(before) => back.push(stack::update(&id, &known, &before.properties)),
            }
        }
        let mut seen = self.send_independently(back).await;
        let is_back = seen.iter().all(Seen::is_success);
        for undone in seen.iter().filter(|undone| undone.is_success()) {
            self.owe_replaced(undone);
            let physical_id = undone.physical_id.clone().unwrap_or_default();
            let properties = stable[&undone.logical_id].properties.clone();
            let resource = Resource {
                physical_id,
                properties,
            };
            self.is_again(&undone.logical_id, resource);
        }
        doomed.extend(self.take_owed());
        seen.extend(self.clean_up(doomed).await);
        StackOutcome {
            status: StackStatus::of_update_rollback(is_back),
            seen,
        }
    }

    fn is_again(&self, logical_id: &str, resource: Resource) {
        let mut state = self.state.borrow_mut();
        state.resources.insert(logical_id.to_owned(), resource);
    }

    /// Deletes what has failed; what cannot be deleted now is, once everything else is there.
    async fn clean_up_or_owe(&self, doomed: Vec<Request>) -> Vec<Seen> {
        let seen = self.clean_up(doomed.clone()).await;
        let is_gone = |request: &Request| {
            let mut deleted = seen.iter().filter(|seen| seen.is_success());
            deleted.any(|seen| seen.sent_id == request.physical_id)
        };
        let left = doomed.into_iter().filter(|request| !is_gone(request));
        self.state.borrow_mut().owed.extend(left);
        seen
    }

    /// Notes a resource that could not be created. One that could not before, either, goes with what is replaced.
    fn keep_failed(&self, seen: &Seen) {
        let delete = self.delete_created(seen);
        let resource = Resource {
            physical_id: delete.physical_id.unwrap_or_default(),
            properties: delete.properties,
        };
        let id = resource.physical_id.clone();
        let mut state = self.state.borrow_mut();
        let before = state.failed.insert(seen.logical_id.clone(), resource);
        if let Some(before) = before.filter(|before| before.physical_id != id) {
            let delete = stack::delete(&seen.logical_id, before.physical_id, &before.properties);
            state.owed.push(delete);
        }
    }

    /// What is replaced is deleted once everything is there: the resource of before, or one whose Create has failed.
    fn owe_replaced(&self, seen: &Seen) {
        let mut state = self.state.borrow_mut();
        let failed = state.failed.remove(&seen.logical_id);
        let replaced = failed.map(|failed| failed.physical_id);
        let replaced = replaced.into_iter().chain(seen.sent_id.clone());
        let is_another = |id: &String| Some(id) != seen.physical_id.as_ref();
        let properties = self.sent_properties(seen);
        for id in replaced.filter(is_another) {
            let delete = stack::delete(&seen.logical_id, id, &properties);
            state.owed.push(delete);
        }
    }

    fn owe_removed(&self, template: &Template) {
        let mut state = self.state.borrow_mut();
        let removed: Vec<(String, Resource)> = state
            .resources
            .extract_if(.., |id, _| !template.resources.contains_key(id))
            .collect();
        for (id, known) in removed {
            let delete = stack::delete(&id, known.physical_id, &known.properties);
            state.owed.push(delete);
        }
    }

    /// Notes that an operation has completed, and takes the Deletes of what those before it have left.
    pub(super) fn take_left(&self) -> Vec<Request> {
        let stable = self.resources();
        self.state.borrow_mut().stable = Some(stable);
        let mut left = self.take_owed();
        left.extend(self.take_failed());
        left
    }

    /// Deletes of what has failed to be created.
    pub(super) fn take_failed(&self) -> Vec<Request> {
        let failed = std::mem::take(&mut self.state.borrow_mut().failed);
        let deletes = failed.into_iter();
        deletes
            .map(|(id, failed)| stack::delete(&id, failed.physical_id, &failed.properties))
            .collect()
    }

    /// Deletes of what was replaced or removed by operations that have not completed, unless a later one has come back to it.
    pub(super) fn take_owed(&self) -> Vec<Request> {
        let mut state = self.state.borrow_mut();
        let mut owed = std::mem::take(&mut state.owed);
        owed.retain(|delete| {
            let current = state.resources.get(&delete.logical_id);
            current.map(|current| &current.physical_id) != delete.physical_id.as_ref()
        });
        owed
    }
}
