//! From an event to an open operation, as `handler/src/request.rs` has it.

use std::rc::Rc;

use express_core::claim::{Owner, OwnerRecord, Reception, Request, RequestType, ServiceRecord};

use super::answer::send;
use super::{ANSWER_MARGIN_S, Attempt, Reply, ledger_reply};
use crate::aws::{DeploymentStatus, Sight};
use crate::effect::{Answer, Effect, OperationId, RequestId, Response};
use crate::history::{Properties, Service};
use crate::ledger::{LedgerFailure, Stored, arn};
use crate::rules::Rule;
use crate::world::Invocation;

/// Times that a lost race for the owner's record is run again.
const RACES_MAX: usize = 5;
/// Executions of the waiter for one operation.
const WAITERS_MAX: u64 = 10;

/// Takes up one event.
pub async fn receive(invocation: Invocation, id: RequestId) -> Option<Reply> {
    let (request, properties) = request_of(&invocation, id);
    let taking = Taking {
        invocation: &invocation,
        id,
        properties,
    };
    if request.request_type == RequestType::Create {
        let record = taking.nobody();
        if let Reception::Begin(record) = record.receive(&request, None) {
            match taking.begin(None, *record, true).await {
                Ok((stored, name)) => return taking.start(stored, name, true).await,
                Err(LedgerFailure::Conflict) => {}
                Err(failure) => return taking.refused(failure).await,
            }
        }
    }
    taking.take_up(&request).await
}

/// The next attempt at the operation that a waiter waits for.
pub async fn carry_on(invocation: Invocation, id: RequestId, is_last: bool) -> Option<Reply> {
    let found = ledger_reply(invocation.call(Effect::FindOwner).await).ok()?;
    let Response::Owner(Some(mut stored)) = found else {
        return Some(Reply::Done);
    };
    let name = id.to_string();
    let open = stored.record.operation.as_ref();
    if open.is_none_or(|open| open.request_id != name) {
        return Some(Reply::Done);
    }
    if is_last && let Some(operation) = &mut Rc::make_mut(&mut stored).record.operation {
        operation.answer_by_ms = operation.answer_by_ms.min(invocation.now_ms());
    }
    let name = invocation.attempt_name();
    Attempt::new(&invocation, stored, name, false).run().await
}

/// One request being taken up.
struct Taking<'a> {
    invocation: &'a Invocation,
    id: RequestId,
    properties: Option<Properties>,
}

impl Taking<'_> {
    fn nobody(&self) -> OwnerRecord {
        OwnerRecord::new(Owner {
            stack_id: self.id.stack.to_string(),
            logical_resource_id: String::new(),
        })
    }

    async fn take_up(&self, request: &Request) -> Option<Reply> {
        for _ in 0..RACES_MAX {
            let found = ledger_reply(self.invocation.call(Effect::FindOwner).await).ok()?;
            let stored = match found {
                Response::Owner(stored) => stored,
                other => unreachable!("{other:?} is no record"),
            };
            let record = stored
                .as_ref()
                .map_or_else(|| self.nobody(), |stored| stored.record.clone());
            let sealed = stored.as_ref().and_then(|stored| stored.sealed.as_deref());
            match (self.reception(&record, request, sealed), stored) {
                (Reception::Finished, _) => return Some(Reply::Done),
                (Reception::AnsweredAtOnce(physical_id), _) => {
                    return self.answer_early(true, physical_id).await;
                }
                (
                    Reception::NothingToDo {
                        physical_id,
                        tombstone,
                    },
                    stored,
                ) => match self.put(stored.as_deref(), *tombstone, None, None).await {
                    Ok(_) => return self.answer_early(true, physical_id).await,
                    Err(LedgerFailure::Conflict) => {}
                    Err(_) => return None,
                },
                (Reception::NotFound | Reception::Overtaken, _) => {
                    return self.fail_early(request).await;
                }
                (Reception::Open, Some(stored)) => return self.go_on(stored).await,
                (Reception::Open, None) => {}
                (Reception::Begin(begun), stored) => {
                    if let Some(stored) = &stored
                        && let Some(found) = self.unchanged(stored, &begun).await
                    {
                        return self.answer_unchanged(stored, *begun, found).await;
                    }
                    let new = self
                        .properties
                        .map(|properties| arn(properties.service))
                        .is_some_and(|arn| !record.services.contains_key(&arn));
                    match self.begin(stored.as_deref(), *begun, new).await {
                        Ok((stored, name)) => return self.start(stored, name, false).await,
                        Err(LedgerFailure::Conflict) => {}
                        Err(failure) => return self.refused(failure).await,
                    }
                }
            }
        }
        None
    }

    fn reception(
        &self,
        record: &OwnerRecord,
        request: &Request,
        sealed: Option<&str>,
    ) -> Reception {
        let names_one = request
            .physical_id
            .as_ref()
            .is_some_and(|id| record.services.contains_key(id));
        if self.invocation.is_off(Rule::OwnershipLookup)
            && request.request_type == RequestType::Delete
            && !names_one
        {
            return Reception::NothingToDo {
                physical_id: request.physical_id.clone().unwrap_or_default(),
                tombstone: Box::new(record.clone()),
            };
        }
        record.receive(request, sealed)
    }

    /// Writes the operation, sealed, with the names of a new service.
    async fn begin(
        &self,
        read: Option<&Stored>,
        mut record: OwnerRecord,
        is_new: bool,
    ) -> Result<(Rc<Stored>, String), LedgerFailure> {
        let name = self.invocation.attempt_name();
        let _may_mutate = record.begin_attempt(&name);
        let sealed = Some(self.id.to_string());
        let names = self
            .properties
            .map(|properties| properties.service)
            .filter(|_| is_new);
        let stored = self.put(read, record, sealed, names).await?;
        Ok((stored, name))
    }

    async fn put(
        &self,
        read: Option<&Stored>,
        record: OwnerRecord,
        sealed: Option<String>,
        names: Option<Service>,
    ) -> Result<Rc<Stored>, LedgerFailure> {
        let seen = read.map_or(0, |read| read.revision);
        let stored = Rc::new(Stored {
            record,
            sealed,
            revision: seen + 1,
        });
        let put = Effect::PutOwner {
            stored: Rc::clone(&stored),
            seen,
            names,
        };
        ledger_reply(self.invocation.call(put).await)?;
        Ok(stored)
    }

    async fn refused(&self, failure: LedgerFailure) -> Option<Reply> {
        if failure != LedgerFailure::OwnedByAnother {
            return None;
        }
        let (request, _) = request_of(self.invocation, self.id);
        self.fail_early(&request).await
    }

    async fn fail_early(&self, request: &Request) -> Option<Reply> {
        let nothing = || format!("nothing-{}", self.id);
        let physical_id = request.physical_id.clone().unwrap_or_else(nothing);
        self.answer_early(false, physical_id).await
    }

    async fn answer_early(&self, is_success: bool, physical_id: String) -> Option<Reply> {
        let answer = Answer {
            is_success,
            physical_id,
        };
        send(self.invocation, self.id, &answer)
            .await
            .then_some(Reply::Done)
    }

    async fn start(&self, stored: Rc<Stored>, name: String, is_first: bool) -> Option<Reply> {
        let is_waiter_first = !self.invocation.is_off(Rule::WaiterFirst);
        if is_waiter_first {
            self.start_waiter().await?;
        }
        let reply = Attempt::new(self.invocation, stored, name, is_first)
            .run()
            .await;
        if !is_waiter_first && reply != Some(Reply::Done) {
            self.start_waiter().await?;
        }
        reply
    }

    async fn go_on(&self, stored: Rc<Stored>) -> Option<Reply> {
        let is_waiter_first = !self.invocation.is_off(Rule::WaiterFirst);
        if is_waiter_first {
            self.start_waiter().await?;
        }
        let name = self.invocation.attempt_name();
        Attempt::new(self.invocation, stored, name, false)
            .run()
            .await
    }

    async fn start_waiter(&self) -> Option<()> {
        for number in 0..WAITERS_MAX {
            let effect = Effect::StartWaiter(OperationId::Request(self.id), number);
            match self.invocation.call(effect).await {
                Ok(Response::Accepted(true)) => return Some(()),
                Ok(_) => {}
                Err(_) => return None,
            }
        }
        None
    }

    /// The id to answer with, when an Update in place has nothing to change.
    async fn unchanged(&self, stored: &Stored, begun: &OwnerRecord) -> Option<String> {
        let properties = self.properties?;
        let is_quiet = stored.record.operation.is_none()
            && stored.record.running.is_none()
            && stored.record.superseded.is_empty();
        let is_alone = begun
            .operation
            .as_ref()
            .is_some_and(|operation| operation.remove.is_empty());
        let id = arn(properties.service);
        let slot = stored.record.services.get(&id)?.slot.as_ref()?;
        if !is_quiet || !is_alone {
            return None;
        }
        let observe = Effect::Observe(properties.service, None);
        let Ok(Response::Sight(sight)) = self.invocation.call(observe).await else {
            return None;
        };
        let Sight {
            service,
            groups,
            rule,
            load_balancer: _,
        } = *sight;
        let (service, status) = service?;
        let is_at_rest = status != DeploymentStatus::Running && service.drains_until_ms.is_none();
        let is_as_desired = service.owner == self.id.stack
            && service.serves == Some(properties.version)
            && groups.is_some()
            && rule.is_some_and(|placed| placed.ordinal.number == slot.ordinal);
        (is_at_rest && is_as_desired).then_some(id)
    }

    async fn answer_unchanged(
        &self,
        read: &Stored,
        begun: OwnerRecord,
        physical_id: String,
    ) -> Option<Reply> {
        let mut record = begun;
        record.answer_at_once(&physical_id, physical_id.clone());
        self.put(Some(read), record, None, None).await.ok()?;
        self.answer_early(true, physical_id).await
    }
}

/// The request as core has it.
fn request_of(invocation: &Invocation, id: RequestId) -> (Request, Option<Properties>) {
    let state = invocation.world.state();
    let sent = state.request(id);
    let converge = sent.properties.map(|properties| {
        let service = ServiceRecord {
            cluster: String::new(),
            name: String::new(),
            host: String::new(),
            is_answered: false,
            claiming_in: None,
            slot: None,
        };
        (arn(properties.service), service)
    });
    let now_ms = state.now_ms;
    // The response URL was signed at a full second.
    let issued_ms = sent.sent_ms / 1000 * 1000;
    let timeout_ms = sent.timeout_s * 1000;
    let given_up_ms = issued_ms + timeout_ms;
    let request = Request {
        request_id: id.to_string(),
        request_type: sent.request_type,
        physical_id: sent.physical_id.clone(),
        converge,
        waits_for_closings: false,
        now_ms,
        issued_ms,
        answer_by_ms: given_up_ms - (ANSWER_MARGIN_S * 1000).min(timeout_ms / 2),
        given_up_ms,
    };
    (request, sent.properties)
}
