//! Taking a request up, as `handler/src/request/taking.rs` and `first_look.rs` have it.

use std::rc::Rc;

use express_core::claim::{DecidedAnswer, Owner, OwnerRecord, Reception, Request, RequestType};

use crate::attempt::answer::send;
use crate::attempt::{Attempt, Known, Reply, join, ledger_reply};
use crate::aws::{DeploymentStatus, Sight};
use crate::effect::{Answer, Effect, OperationId, RequestId, Response};
use crate::history::{Properties, Service};
use crate::ledger::{LedgerFailure, Ordinal, Stored, arn};
use crate::rules::Rule;
use crate::world::Invocation;

/// Times that a lost race for the owner's record is run again.
const RACES_MAX: usize = 5;
/// Executions of the waiter for one operation.
const WAITERS_MAX: u64 = 10;

/// One request being taken up.
pub(super) struct Taking<'a> {
    pub(super) invocation: &'a Invocation,
    pub(super) id: RequestId,
    pub(super) request: Request,
    pub(super) properties: Option<Properties>,
}

/// Why a request could not be taken up.
enum Failed {
    Ledger(LedgerFailure),
    Waiter,
}

/// A request that could not begin.
struct Refused<'a> {
    failed: Failed,
    /// The owner's record as it was read.
    read: Option<&'a Stored>,
    /// The same, or one of an owner of whom nothing is known.
    before: &'a OwnerRecord,
    /// The record with the request as its operation.
    begun: OwnerRecord,
}

/// What a first look at an Update found.
enum Look {
    /// Nothing to change: the id to answer with.
    Unchanged(String),
    /// Something to change, and what is there.
    Changes(Sight),
    /// It cannot be said without beginning the operation.
    Unclear,
}

impl Taking<'_> {
    fn nobody(&self) -> OwnerRecord {
        OwnerRecord::new(Owner {
            stack_id: self.id.stack.to_string(),
            logical_resource_id: String::new(),
        })
    }

    /// The record is written without being read first, while AWS is looked at. None when there is a record.
    pub(super) async fn create_at_once(&self) -> Option<Option<Reply>> {
        let properties = self.properties?;
        let unknown = self.nobody();
        let Reception::Begin(record) = unknown.receive(&self.request, None) else {
            return None;
        };
        let look = self
            .invocation
            .call(Effect::Observe(properties.service, None));
        let (begun, looked) = join(self.begin(None, (*record).clone(), true), look).await;
        match begun {
            Ok((stored, name)) => {
                let service = match looked {
                    Ok(Response::Sight(seen)) => Some(seen.service),
                    _ => None,
                };
                let known = Known {
                    is_first: true,
                    seen: service.map(|service| Sight {
                        service,
                        ..Sight::default()
                    }),
                };
                Some(self.work(stored, name, known).await)
            }
            Err(Failed::Ledger(LedgerFailure::Conflict)) => None,
            Err(failed) => {
                let refused = Refused {
                    failed,
                    read: None,
                    before: &unknown,
                    begun: *record,
                };
                Some(self.refused(refused).await)
            }
        }
    }

    pub(super) async fn take_up(&self) -> Option<Reply> {
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
            match (self.reception(&record, sealed), stored) {
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
                (Reception::NotFound | Reception::Overtaken, _) => return self.fail_early().await,
                (Reception::Open, Some(stored)) => return self.go_on(stored).await,
                (Reception::Open, None) => {}
                (Reception::Begin(begun), stored) => {
                    if let Some(reply) = self.take_new(stored.as_deref(), &record, *begun).await {
                        return reply;
                    }
                }
            }
        }
        None
    }

    /// A request that is new to its owner. None when another one was quicker: what this one means has changed then.
    async fn take_new(
        &self,
        read: Option<&Stored>,
        before: &OwnerRecord,
        begun: OwnerRecord,
    ) -> Option<Option<Reply>> {
        let mut known = Known::default();
        if let Some(stored) = read {
            match self.look_first(stored, &begun).await {
                Look::Unchanged(id) => {
                    return match self.answer_unchanged(stored, begun, id).await {
                        Err(LedgerFailure::Conflict) => None,
                        answered => Some(answered.ok().flatten()),
                    };
                }
                Look::Changes(seen) => known.seen = Some(seen),
                Look::Unclear => {}
            }
        }
        let is_new = self
            .properties
            .map(|properties| arn(properties.service))
            .is_some_and(|arn| !before.services.contains_key(&arn));
        match self.begin(read, begun.clone(), is_new).await {
            Ok((stored, name)) => Some(self.work(stored, name, known).await),
            Err(Failed::Ledger(LedgerFailure::Conflict)) => None,
            Err(failed) => {
                let refused = Refused {
                    failed,
                    read,
                    before,
                    begun,
                };
                Some(self.refused(refused).await)
            }
        }
    }

    fn reception(&self, record: &OwnerRecord, sealed: Option<&str>) -> Reception {
        let request = &self.request;
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

    /// Writes the operation, sealed, with the names of a new service, and starts its waiter.
    async fn begin(
        &self,
        read: Option<&Stored>,
        mut record: OwnerRecord,
        is_new: bool,
    ) -> Result<(Rc<Stored>, String), Failed> {
        let name = self.invocation.attempt_name();
        let _may_mutate = record.begin_attempt(&name);
        let sealed = Some(self.id.to_string());
        let names = self
            .properties
            .map(|properties| properties.service)
            .filter(|_| is_new);
        let stored = self
            .put(read, record, sealed, names)
            .await
            .map_err(Failed::Ledger)?;
        if !self.invocation.is_off(Rule::WaiterFirst) {
            self.start_waiter().await.ok_or(Failed::Waiter)?;
        }
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
            released: Vec::new(),
        };
        ledger_reply(self.invocation.call(put).await)?;
        Ok(stored)
    }

    /// A request that could not begin: one whose names belong to somebody else is answered by an operation of its own,
    /// any other is delivered again.
    async fn refused(&self, refused: Refused<'_>) -> Option<Reply> {
        let Refused {
            failed: Failed::Ledger(LedgerFailure::OwnedByAnother),
            read,
            before,
            begun,
        } = refused
        else {
            return None;
        };
        let answer = DecidedAnswer {
            is_success: false,
            body: "FAILED".to_owned(),
            physical_id: self.id_of_failure(),
        };
        let record = before.refused(begun, answer);
        let (stored, name) = self.begin(read, record, false).await.ok()?;
        self.work(stored, name, Known::default()).await
    }

    async fn fail_early(&self) -> Option<Reply> {
        self.answer_early(false, self.id_of_failure()).await
    }

    /// The id that the event carries, or one that names nothing.
    fn id_of_failure(&self) -> String {
        let nothing = || format!("nothing-{}", self.id);
        self.request.physical_id.clone().unwrap_or_else(nothing)
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

    /// The first attempt.
    async fn work(&self, stored: Rc<Stored>, name: String, known: Known) -> Option<Reply> {
        let reply = Attempt::new(self.invocation, stored, name, known)
            .run()
            .await;
        if self.invocation.is_off(Rule::WaiterFirst) && reply != Some(Reply::Done) {
            self.start_waiter().await?;
        }
        reply
    }

    async fn go_on(&self, stored: Rc<Stored>) -> Option<Reply> {
        if !self.invocation.is_off(Rule::WaiterFirst) {
            self.start_waiter().await?;
        }
        let name = self.invocation.attempt_name();
        Attempt::new(self.invocation, stored, name, Known::default())
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

    /// Looks whether an Update in place has anything to change, before anything is written.
    async fn look_first(&self, stored: &Stored, begun: &OwnerRecord) -> Look {
        let Some(properties) = self.properties else {
            return Look::Unclear;
        };
        let is_quiet = stored.record.operation.is_none()
            && stored.record.running.is_none()
            && stored.record.superseded.is_empty();
        let is_alone = begun
            .operation
            .as_ref()
            .is_some_and(|operation| operation.remove.is_empty());
        let id = arn(properties.service);
        let Some(service) = stored.record.services.get(&id) else {
            return Look::Unclear;
        };
        if !is_quiet || !is_alone {
            return Look::Unclear;
        }
        let at = service.slot.as_ref().and_then(|slot| {
            Some(Ordinal {
                pool: slot.pool_id.parse().ok()?,
                number: slot.ordinal,
            })
        });
        let observe = Effect::Observe(properties.service, at);
        match self.invocation.call(observe).await {
            Ok(Response::Sight(seen)) if at.is_some() && self.is_as_desired(properties, &seen) => {
                Look::Unchanged(id)
            }
            Ok(Response::Sight(seen)) => Look::Changes(*seen),
            Ok(_) | Err(_) => Look::Unclear,
        }
    }

    fn is_as_desired(&self, properties: Properties, seen: &Sight) -> bool {
        let Some((service, status)) = &seen.service else {
            return false;
        };
        let is_at_rest = *status != DeploymentStatus::Running && service.drains_until_ms.is_none();
        is_at_rest
            && service.owner == self.id.stack
            && service.serves == Some(properties.version)
            && seen.groups.is_some()
            && seen.rule.is_some()
    }

    /// Answers an Update that changes nothing; that it did is written first.
    async fn answer_unchanged(
        &self,
        read: &Stored,
        begun: OwnerRecord,
        physical_id: String,
    ) -> Result<Option<Reply>, LedgerFailure> {
        let mut record = begun;
        // The body of an answer says no more here than the id in it.
        record.answer_at_once(&physical_id, physical_id.clone());
        self.put(Some(read), record, None, None).await?;
        Ok(self.answer_early(true, physical_id).await)
    }
}
