//! CloudFormation: one stack with one resource, what it sends, and what it does after each answer.
//!
//! It sends one request at a time. What it gives up it is not told of any more: a Create that was cancelled before it was
//! answered is deleted under an id that it invents.

use std::rc::Rc;

use express_core::claim::{ISSUE_TIMES_DIFFER_MS, RequestType};

use crate::attempt::{Reply, guard};
use crate::effect::{Answer, RequestId};
use crate::history::{Act, Change, Happening, Properties, UndoneBy};
use crate::ledger::service_of;
use crate::rules::Gap;
use crate::world::{Event, Live, Request, World};

/// Times that an operation which failed while everything was to be taken back is asked for again, by a person.
const RETRIES_MAX: usize = 6;
/// Milliseconds until a person does.
const RETRY_MS: u64 = 120_000;
/// Versions from here on are nobody's: what is to have one is deployed anew.
const DRIFTED: u32 = 1_000;
/// Milliseconds between looks whether the other stacks are done with.
const LOOK_MS: u64 = 60_000;

/// What CloudFormation takes for existing.
#[derive(Clone, Debug)]
struct Known {
    physical_id: String,
    properties: Properties,
}

/// A stack that is being played.
struct Stack {
    world: Rc<World>,
    stack: usize,
    known: Option<Known>,
}

/// Plays a stack's script.
pub async fn play(world: Rc<World>, stack: usize) -> Option<Reply> {
    let history = Rc::clone(&world.state().history);
    let mut played = Stack {
        world,
        stack,
        known: None,
    };
    if history.stacks[stack].is_provider {
        played.delete_provider().await;
        return None;
    }
    for act in &history.stacks[stack].acts {
        played.pause(act.after_ms).await;
        match (act.change, played.known.take()) {
            (Change::Deploy(properties), None) => played.create(act, properties).await,
            (Change::Deploy(properties), Some(known)) => {
                played.update(act, known, properties).await;
            }
            (Change::Delete, Some(known)) => {
                played.delete(act, known.physical_id).await;
            }
            (Change::Delete, None) => {}
        }
    }
    played.world.state().done += 1;
    None
}

impl Stack {
    async fn pause(&self, milliseconds: u64) {
        let at_ms = self.world.now_ms() + milliseconds;
        self.world.until(at_ms, |_| false).await;
    }

    /// Deletes the guard once all other stacks are done with, and then the function.
    async fn delete_provider(&self) {
        let history = Rc::clone(&self.world.state().history);
        while self.world.state().done + 1 < history.stacks.len() {
            self.pause(LOOK_MS).await;
        }
        for act in &history.stacks[self.stack].acts {
            self.pause(act.after_ms).await;
            let is_deleted = self.delete(act, guard::PHYSICAL_ID.to_owned()).await;
            self.world.state().is_provider_gone |= is_deleted;
        }
    }

    async fn create(&mut self, act: &Act, properties: Properties) {
        let seen = self
            .send(
                act,
                RequestType::Create,
                None,
                Some(properties),
                act.cancelled_after_ms,
            )
            .await;
        match seen {
            Some(Answer {
                is_success: true,
                physical_id,
            }) if !act.sibling_fails => self.keep(physical_id, properties),
            seen => {
                // `<stack>-<logical id>-<twelve letters or digits>`, of a resource without a logical id.
                let invented = format!("{}--{:012}", self.stack, self.world.now_ms());
                let physical_id = seen.map_or(invented, |seen| seen.physical_id);
                self.delete(act, physical_id).await;
            }
        }
    }

    async fn update(&mut self, act: &Act, known: Known, properties: Properties) {
        let seen = self
            .send(
                act,
                RequestType::Update,
                Some(known.physical_id.clone()),
                Some(properties),
                act.cancelled_after_ms,
            )
            .await;
        match seen {
            Some(Answer {
                is_success: true,
                physical_id,
            }) if !act.sibling_fails => {
                let is_replaced = physical_id != known.physical_id;
                self.keep(physical_id, properties);
                if is_replaced {
                    self.delete(act, known.physical_id).await;
                }
            }
            None if self.asks_for(Gap::AnswerCrosses) => {
                self.delete(act, known.physical_id).await;
            }
            seen => {
                let answered =
                    seen.map_or_else(|| known.physical_id.clone(), |seen| seen.physical_id);
                self.undo(act, known, answered).await;
            }
        }
    }

    /// Takes an Update back.
    async fn undo(&mut self, act: &Act, known: Known, answered: String) {
        if answered != known.physical_id && act.undone_by == UndoneBy::DeleteAnsweredId {
            self.known = Some(known);
            self.delete(act, answered).await;
            return;
        }
        let mut before = known.properties;
        if act.undone_by == UndoneBy::UpdateBackInVain {
            // Somebody has changed it meanwhile, so it needs a deployment.
            before.version += DRIFTED;
            before.deployment.succeeds = false;
        } else {
            before.deployment.succeeds = true;
        }
        before.deployment.takes_ms = before.deployment.takes_ms.min(RETRY_MS);
        // Every id that was told stands for something that may be left.
        let mut told = vec![known.physical_id, answered];
        for _ in 0..RETRIES_MAX {
            let physical_id = told.last().cloned();
            let seen = self
                .send(act, RequestType::Update, physical_id, Some(before), None)
                .await;
            if let Some(seen) = seen {
                told.retain(|id| *id != seen.physical_id);
                if seen.is_success {
                    self.keep(seen.physical_id, before);
                    for left in told {
                        self.delete(act, left).await;
                    }
                    return;
                }
                told.push(seen.physical_id);
            }
            self.pause(RETRY_MS).await;
        }
        // The person deletes the stack. It knows the id that it was told last, and no other.
        if let Some(last) = told.pop() {
            for left in &told {
                self.forget(left);
            }
            self.delete(act, last).await;
        }
    }

    /// Deletes by an id, again while it fails; whether it succeeded.
    async fn delete(&self, act: &Act, physical_id: String) -> bool {
        self.forget(&physical_id);
        for _ in 0..RETRIES_MAX {
            let seen = self
                .send(
                    act,
                    RequestType::Delete,
                    Some(physical_id.clone()),
                    None,
                    None,
                )
                .await;
            if seen.is_some_and(|seen| seen.is_success) {
                return true;
            }
            self.pause(RETRY_MS).await;
        }
        false
    }

    /// The service need not serve any more.
    fn forget(&self, physical_id: &str) {
        if let Some(service) = service_of(physical_id) {
            self.world.state().live.remove(&service);
        }
    }

    fn keep(&mut self, physical_id: String, properties: Properties) {
        let mut state = self.world.state();
        if let Some(service) = service_of(&physical_id) {
            let live = Live {
                stack: self.stack,
                version: Some(properties.version),
            };
            state.live.insert(service, live);
        }
        self.known = Some(Known {
            physical_id,
            properties,
        });
    }

    /// Sends a request and waits for its answer, for as long as CloudFormation does.
    async fn send(
        &self,
        act: &Act,
        request_type: RequestType,
        physical_id: Option<String>,
        properties: Option<Properties>,
        cancelled_after_ms: Option<u64>,
    ) -> Option<Answer> {
        let (id, sent_ms) = {
            let mut state = self.world.state();
            let now_ms = state.now_ms;
            let number = u32::try_from(state.requests[self.stack].len()).unwrap_or(u32::MAX);
            let id = RequestId {
                stack: self.stack,
                number,
            };
            state.note(|| {
                let (physical_id, properties) = (&physical_id, &properties);
                format!("CloudFormation sends {id} {request_type:?} {physical_id:?} {properties:?}")
            });
            state.requests[self.stack].push(Request {
                request_type,
                physical_id,
                properties,
                sent_ms: now_ms,
                timeout_s: act.timeout_s,
                answers: Vec::new(),
                seen: None,
                given_up_ms: None,
                is_dead_letter: false,
                invocations: 0,
            });
            state.schedule(now_ms, Event::Deliver(id, 0));
            for again_ms in &act.duplicates_ms {
                state.schedule(now_ms + again_ms, Event::Deliver(id, 0));
            }
            let history = Rc::clone(&state.history);
            for happening in &history.happenings {
                if let Happening::WaiterDies {
                    stack,
                    request,
                    after_ms,
                    ..
                } = happening
                    && (*stack, *request) == (id.stack, id.number)
                {
                    state.schedule(now_ms + after_ms, Event::Happens(*happening));
                }
            }
            (id, now_ms)
        };
        let timeout_ms = act.timeout_s * 1000;
        let cancelled_after_ms = cancelled_after_ms.map(|after_ms| {
            // The same for an event that is still on its way when the next one is sent.
            let is_told =
                request_type == RequestType::Create || self.asks_for(Gap::IssueTimesClose);
            if is_told {
                after_ms
            } else {
                after_ms.max(ISSUE_TIMES_DIFFER_MS + 1001)
            }
        });
        let waits_ms = cancelled_after_ms.map_or(timeout_ms, |after_ms| after_ms.min(timeout_ms));
        self.world
            .until(sent_ms + waits_ms, |state| state.request(id).seen.is_some())
            .await;
        let mut state = self.world.state();
        let seen = state.request(id).seen.clone();
        if seen.is_none() {
            state.note(|| format!("CloudFormation gives {id} up"));
            let now_ms = state.now_ms;
            state.request_mut(id).given_up_ms = Some(now_ms);
        }
        seen
    }

    fn asks_for(&self, gap: Gap) -> bool {
        self.world.state().options.gap == Some(gap)
    }
}
