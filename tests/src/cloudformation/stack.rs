//! Stacks: create, update, delete, and what follows from each failure.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::future::join_all;
use serde_json::Value;

use super::request::{self, Cancellation, Request, Seen};
use super::rollback::FailedReplacement;
use super::{LOGICAL_ID, RequestType, Template, event};
use crate::properties::ServiceProperties;
use crate::world::World;

/// How often CloudFormation tries to delete what an update has replaced or removed.
const CLEAN_UP_TRIES: usize = 3;

/// One stack. Clones share it.
#[derive(Clone)]
pub struct Stack {
    pub(super) world: World,
    pub(super) state: Rc<RefCell<State>>,
}

pub(super) struct State {
    name: String,
    id: String,
    pub(super) resources: BTreeMap<String, Resource>,
    /// Whose Create has failed in an operation that took nothing back.
    pub(super) failed: BTreeMap<String, Resource>,
    /// Deletes of what such operations have replaced or removed.
    pub(super) owed: Vec<Request>,
    /// What there was when such an operation last completed.
    pub(super) stable: Option<BTreeMap<String, Resource>>,
    pub(super) failed_replacement: FailedReplacement,
}

/// A resource that CloudFormation takes for existing.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `Ref`.
    pub physical_id: String,
    /// As they were last sent.
    pub properties: Value,
}

/// How a stack operation ended.
#[derive(Clone, Debug)]
pub struct StackOutcome {
    /// The stack's status.
    pub status: StackStatus,
    /// What CloudFormation saw of each request, in the order in which they ended.
    pub seen: Vec<Seen>,
}

/// CloudFormation's words, without those for what is under way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "AWS's own names")]
pub enum StackStatus {
    CreateComplete,
    CreateFailed,
    RollbackComplete,
    RollbackFailed,
    UpdateComplete,
    UpdateFailed,
    UpdateRollbackComplete,
    UpdateRollbackFailed,
    DeleteComplete,
    DeleteFailed,
}

/// What an update does with resources whose properties are as before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// Nothing, as CloudFormation.
    Skipped,
    /// An Update with the same properties: stands for a change that means nothing, such as another order.
    Sent,
}

impl StackStatus {
    /// After an update was taken back.
    pub(super) const fn of_update_rollback(is_complete: bool) -> Self {
        if is_complete {
            Self::UpdateRollbackComplete
        } else {
            Self::UpdateRollbackFailed
        }
    }

    /// Whether an operation has failed that took nothing back.
    #[must_use]
    pub const fn is_preserved(self) -> bool {
        matches!(self, Self::CreateFailed | Self::UpdateFailed)
    }
}

impl StackOutcome {
    /// The last request's answer.
    ///
    /// # Panics
    /// When nothing was sent.
    #[must_use]
    pub fn last(&self) -> &Seen {
        self.seen
            .last()
            .unwrap_or_else(|| panic!("nothing was sent"))
    }

    /// The first request's answer: that of the change itself, before any rollback.
    ///
    /// # Panics
    /// When nothing was sent.
    #[must_use]
    pub fn first(&self) -> &Seen {
        self.seen
            .first()
            .unwrap_or_else(|| panic!("nothing was sent"))
    }
}

impl Stack {
    pub(crate) fn new(world: World, name: &str) -> Self {
        let uuid = world.random_uuid();
        let id = world
            .account()
            .cloud()
            .account
            .arn("cloudformation", &format!("stack/{name}/{uuid}"));
        Self::with_id(world, name, id)
    }

    pub(crate) fn with_id(world: World, name: &str, id: String) -> Self {
        Self {
            world,
            state: Rc::new(RefCell::new(State {
                name: name.to_owned(),
                id,
                resources: BTreeMap::new(),
                failed: BTreeMap::new(),
                owed: Vec::new(),
                stable: None,
                failed_replacement: FailedReplacement::DeleteAnsweredId,
            })),
        }
    }

    /// What follows a replacing Update that failed.
    #[must_use]
    pub fn after_failed_replacement(self, reaction: FailedReplacement) -> Self {
        self.state.borrow_mut().failed_replacement = reaction;
        self
    }

    /// The ARN.
    #[must_use]
    pub fn id(&self) -> String {
        self.state.borrow().id.clone()
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> String {
        self.state.borrow().name.clone()
    }

    /// What CloudFormation takes for existing, by logical id.
    #[must_use]
    pub fn resources(&self) -> BTreeMap<String, Resource> {
        self.state.borrow().resources.clone()
    }

    /// Every resource that CloudFormation knows of, also those whose Create has failed.
    #[must_use]
    pub fn known(&self) -> BTreeMap<String, Resource> {
        let state = self.state.borrow();
        let mut known = state.failed.clone();
        known.extend(state.resources.clone());
        known
    }

    /// Whether CloudFormation knows of nothing any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known().is_empty() && self.state.borrow().owed.is_empty()
    }

    /// An event of this stack that CloudFormation itself does not send, for [`World::deliver`].
    #[must_use]
    pub fn event(
        &self,
        request_type: RequestType,
        physical_id: Option<&str>,
        properties: &ServiceProperties,
    ) -> Value {
        let request = Request {
            request_type,
            logical_id: LOGICAL_ID.to_owned(),
            physical_id: physical_id.map(str::to_owned),
            properties: properties.stringified(),
            old_properties: None,
        };
        event::of(&self.world, &self.id(), &request)
    }

    /// The same of an Update.
    #[must_use]
    pub fn update_event(
        &self,
        physical_id: &str,
        old: &ServiceProperties,
        new: &ServiceProperties,
    ) -> Value {
        let mut event = self.event(RequestType::Update, Some(physical_id), new);
        event["OldResourceProperties"] = old.stringified();
        event
    }

    /// Creates or updates the stack.
    pub async fn deploy(self, template: Template) -> StackOutcome {
        if self.state.borrow().resources.is_empty() {
            self.create(template).await
        } else {
            self.update(template, Unchanged::Skipped).await
        }
    }

    /// Deploys and waits. Only for code outside the executor: a test, not a task.
    #[must_use]
    pub fn deploy_now(&self, template: Template) -> StackOutcome {
        self.world.block_on(self.clone().deploy(template))
    }

    /// Sends every resource an Update with the properties it has.
    pub async fn update_unchanged(self) -> StackOutcome {
        let resources = self
            .resources()
            .into_iter()
            .map(|(id, known)| (id, known.properties));
        let template = Template {
            resources: resources.collect(),
            sibling_fails_after_s: None,
        };
        self.update(template, Unchanged::Sent).await
    }

    /// The same, and waits. Only for code outside the executor.
    #[must_use]
    pub fn update_unchanged_now(&self) -> StackOutcome {
        self.world.block_on(self.clone().update_unchanged())
    }

    /// Deletes the stack and waits.
    #[must_use]
    pub fn delete_now(&self) -> StackOutcome {
        self.world.block_on(self.clone().delete())
    }

    async fn create(&self, template: Template) -> StackOutcome {
        let requests = template
            .resources
            .iter()
            .map(|(id, properties)| create(id, properties))
            .collect();
        let changed = self
            .send_all(requests, template.sibling_fails_after_s)
            .await;
        if changed.is_complete {
            for seen in &changed.seen {
                self.keep(seen, &template.resources);
            }
            return StackOutcome {
                status: StackStatus::CreateComplete,
                seen: changed.seen,
            };
        }
        self.roll_back_create(changed.seen).await
    }

    pub(super) async fn update(&self, template: Template, unchanged: Unchanged) -> StackOutcome {
        let before = self.resources();
        let requests = requests(&template, &before, unchanged);
        let changed = self
            .send_all(requests, template.sibling_fails_after_s)
            .await;
        if !changed.is_complete {
            return self
                .roll_back_update(&before, &template, changed.seen)
                .await;
        }
        let mut seen = changed.seen;
        for seen in &seen {
            self.keep(seen, &template.resources);
        }
        // The old ones go once everything new is there; their failure does not undo the update.
        let replaced = seen.iter().filter(|seen| seen.sent_id != seen.physical_id);
        let replaced =
            replaced.filter_map(|seen| Some((seen.logical_id.clone(), seen.sent_id.clone()?)));
        let removed = before
            .iter()
            .filter(|(id, _)| !template.resources.contains_key(*id))
            .map(|(id, known)| (id.clone(), known.physical_id.clone()));
        let doomed: Vec<Request> = replaced
            .chain(removed)
            .map(|(id, physical_id)| delete(&id, physical_id, &before[&id].properties))
            .collect();
        self.state
            .borrow_mut()
            .resources
            .retain(|id, _| template.resources.contains_key(id));
        let left = self.take_left();
        seen.extend(
            self.clean_up(doomed.into_iter().chain(left).collect())
                .await,
        );
        StackOutcome {
            status: StackStatus::UpdateComplete,
            seen,
        }
    }

    /// Deletes the stack.
    pub async fn delete(self) -> StackOutcome {
        let known = self.known();
        let requests = known
            .iter()
            .map(|(id, known)| delete(id, known.physical_id.clone(), &known.properties))
            .collect();
        let mut seen = self.clean_up(self.take_owed()).await;
        // One Delete that fails does not stop the others.
        let deleted = self.send_independently(requests).await;
        for gone in deleted.iter().filter(|seen| seen.is_success()) {
            let mut state = self.state.borrow_mut();
            state.resources.remove(&gone.logical_id);
            state.failed.remove(&gone.logical_id);
        }
        let status = if deleted.iter().all(Seen::is_success) {
            StackStatus::DeleteComplete
        } else {
            StackStatus::DeleteFailed
        };
        seen.extend(deleted);
        StackOutcome { status, seen }
    }

    /// Sends a Delete that had failed once more: what somebody does who deletes the stack again.
    pub async fn delete_again(self, failed: Seen) -> Option<Seen> {
        let physical_id = failed.sent_id.clone()?;
        let request = delete(
            &failed.logical_id,
            physical_id,
            &self.sent_properties(&failed),
        );
        self.send_independently(vec![request]).await.pop()
    }

    /// Notes a resource as existing.
    pub(super) fn keep(&self, seen: &Seen, properties: &BTreeMap<String, Value>) {
        if let (Some(physical_id), Some(properties)) =
            (&seen.physical_id, properties.get(&seen.logical_id))
        {
            self.state.borrow_mut().resources.insert(
                seen.logical_id.clone(),
                Resource {
                    physical_id: physical_id.clone(),
                    properties: properties.clone(),
                },
            );
        }
    }

    /// Sends requests side by side; the first failure, or the sibling's, cancels those under way.
    pub(super) async fn send_all(
        &self,
        requests: Vec<Request>,
        sibling_fails_after_s: Option<u64>,
    ) -> Changed {
        let cancellation = Rc::new(Cancellation::default());
        let sibling = sibling_fails_after_s.map(|seconds| {
            let (world, cancellation) = (self.world.clone(), Rc::clone(&cancellation));
            self.world.spawn(async move {
                world.sleep_s(seconds).await;
                cancellation.cancel();
            })
        });
        let seen = self.send_with(requests, &cancellation).await;
        if let Some(sibling) = sibling {
            sibling.await;
        }
        Changed {
            is_complete: !cancellation.is_cancelled(),
            seen,
        }
    }

    /// Sends requests side by side, each to its own end.
    pub(super) async fn send_independently(&self, requests: Vec<Request>) -> Vec<Seen> {
        join_all(requests.into_iter().map(|request| async move {
            let mut seen = self
                .send_with(vec![request], &Cancellation::default())
                .await;
            seen.pop()
        }))
        .await
        .into_iter()
        .flatten()
        .collect()
    }

    /// Sends Deletes of what is not needed any more: one that fails is tried again, and then forgotten.
    /// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html> (`Resource removed from
    /// stack but not deleted`)
    pub(super) async fn clean_up(&self, doomed: Vec<Request>) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut left = doomed;
        for _ in 0..CLEAN_UP_TRIES {
            let tried = self.send_independently(left.clone()).await;
            let failed: BTreeSet<Option<String>> = tried
                .iter()
                .filter(|seen| !seen.is_success())
                .map(|seen| seen.sent_id.clone())
                .collect();
            left.retain(|request| failed.contains(&request.physical_id));
            seen.extend(tried);
        }
        seen
    }

    async fn send_with(&self, requests: Vec<Request>, cancellation: &Cancellation) -> Vec<Seen> {
        let (name, id) = (self.name(), self.id());
        let sent = requests.into_iter().map(|request| async {
            let seen = request::send(&self.world, (&name, &id), request, cancellation).await;
            if !seen.is_success() {
                cancellation.cancel();
            }
            seen
        });
        join_all(sent).await
    }
}

/// What came of requests that were sent together.
pub(super) struct Changed {
    /// Nothing failed, the sibling included.
    pub(super) is_complete: bool,
    pub(super) seen: Vec<Seen>,
}

/// What brings a stack from what it has to what the template says, but for what goes.
pub(super) fn requests(
    template: &Template,
    before: &BTreeMap<String, Resource>,
    unchanged: Unchanged,
) -> Vec<Request> {
    let resources = template.resources.iter();
    resources
        .filter_map(|(id, properties)| match before.get(id) {
            None => Some(create(id, properties)),
            Some(known) if known.properties == *properties && unchanged == Unchanged::Skipped => {
                None
            }
            Some(known) => Some(update(id, known, properties)),
        })
        .collect()
}

fn create(logical_id: &str, properties: &Value) -> Request {
    Request {
        request_type: RequestType::Create,
        logical_id: logical_id.to_owned(),
        physical_id: None,
        properties: properties.clone(),
        old_properties: None,
    }
}

pub(super) fn update(logical_id: &str, known: &Resource, properties: &Value) -> Request {
    Request {
        request_type: RequestType::Update,
        logical_id: logical_id.to_owned(),
        physical_id: Some(known.physical_id.clone()),
        properties: properties.clone(),
        old_properties: Some(known.properties.clone()),
    }
}

pub(super) fn delete(logical_id: &str, physical_id: String, properties: &Value) -> Request {
    Request {
        request_type: RequestType::Delete,
        logical_id: logical_id.to_owned(),
        physical_id: Some(physical_id),
        properties: properties.clone(),
        old_properties: None,
    }
}
