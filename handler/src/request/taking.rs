//! Taking a request up: what it means for its owner, its operation in the ledger, its waiter, its first attempt.

use express_core::claim::{
    Change, Owner, OwnerRecord, Reception, Request, RequestType, ServiceRecord,
};
use express_core::decision::HandlerErrorCode;
use express_core::desired::Identity;
use express_core::naming;
use express_core::observed::{Observed, Presence};
use provider_schema::{Properties, RequestContext};
use serde_json::Value;

use super::early::{self, EarlyAnswer};
use super::first_look::Look;
use super::{RequestError, WAITERS_MAX};
use crate::cloudformation::event::{self, Envelope};
use crate::ledger::{self, LedgerError, NameClaims, Stored};
use crate::operation::{Attempt, Known, environment};
use crate::seal::SealContext;
use crate::sealed::SealedOperation;
use crate::waiter::{self, Deadlines, Started, WaiterReply};
use crate::{Invocation, Runtime, guard, observe};

/// Milliseconds by which the clocks of this process and of CloudFormation may differ: AWS itself refuses requests whose
/// signature is off by more.
/// AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>
const CLOCK_SKEW_MAX_MS: u64 = 15 * 60 * 1000;
/// Times that a lost race for the owner's record is run again.
const RACES_MAX: usize = 5;

/// One request being taken up.
pub(crate) struct Taking<'a> {
    pub(crate) runtime: &'a Runtime,
    pub(super) invocation: &'a Invocation,
    pub(crate) envelope: &'a Envelope,
    pub(crate) early: &'a EarlyAnswer<'a>,
    pub(super) owner: Owner,
    /// Milliseconds since the epoch when the invocation began.
    pub(super) began_ms: u64,
}

impl Taking<'_> {
    pub(super) fn parse(
        &self,
        properties: &Value,
    ) -> Result<Properties, provider_schema::PropertyErrors> {
        let place = self.envelope.stack_id.place();
        let context = RequestContext {
            partition: &place.partition,
            region: &place.region,
            account_id: &place.account,
            stack_id: self.envelope.stack_id.as_str(),
            logical_resource_id: &self.envelope.logical_resource_id,
            request_id: &self.envelope.request_id,
            domain_name: &self.runtime.settings.domain_name,
        };
        let old = self.envelope.old_properties.as_ref();
        provider_schema::parse_update(properties, old, &context)
    }

    /// Create and Update.
    pub(super) async fn converge(
        &self,
        properties: Properties,
    ) -> Result<WaiterReply, RequestError> {
        let environment = environment(self.runtime, &self.owner.stack_id);
        let identity = Identity::new(&self.owner, &properties, &environment);
        let mut request = self.request(Some((identity.service_arn.clone(), identity.to_record())));
        let sealed = SealedOperation {
            response_url: self.envelope.response_url.clone(),
            // What cannot be read, because it was refused or is in an old format, is no base for a comparison.
            old_properties: self
                .envelope
                .old_properties
                .as_ref()
                .and_then(|old| self.parse(old).ok()),
            properties: Some(properties),
            is_of_newer_version: false,
        };
        let (old, new) = (&self.envelope.old_properties, &self.envelope.properties);
        request.change = Some(Change::new(&self.owner, old.as_ref(), new));
        if request.request_type == RequestType::Create
            && let Some(taken) = self.create_at_once(&request, &sealed, &identity).await
        {
            return taken;
        }
        self.take_up(&request, sealed, Some(&identity)).await
    }

    /// Almost always nothing is known of the owner of a Create yet: its record is written without being read
    /// first, while AWS is looked at. None when there is a record, which has to be read then.
    async fn create_at_once(
        &self,
        request: &Request,
        sealed: &SealedOperation,
        identity: &Identity,
    ) -> Option<Result<WaiterReply, RequestError>> {
        let properties = sealed.properties.as_ref()?;
        let unknown = OwnerRecord::new(self.owner.clone());
        let Reception::Begin(record) = unknown.receive(request, None) else {
            return None;
        };
        let aws = &self.runtime.aws;
        let zone = self.runtime.settings.hosted_zone_id.as_deref();
        let mut observed = Observed::of_new_service();
        if properties.task_definition_arn.is_some() {
            observed.task_definition = Presence::Unknown;
        }
        let (begun, vpc_facts, _) = futures::join!(
            self.begin(None, (*record).clone(), sealed, Some(identity)),
            // What could not be looked at stays unknown, and is looked at again.
            observe::vpc_facts(aws, properties),
            observe::what_a_new_service_meets(aws, identity, zone, &mut observed),
        );
        match begun {
            Ok(begun) => {
                let known = Known {
                    is_first: true,
                    vpc_facts: vpc_facts.ok(),
                    observed: Some(observed),
                };
                Some(self.work(begun, sealed.clone(), known).await)
            }
            Err(RequestError::Ledger(LedgerError::Conflict)) => None,
            Err(error) => {
                let refused = Refused {
                    error,
                    read: None,
                    before: &unknown,
                    begun: *record,
                };
                Some(self.refused(refused, sealed).await)
            }
        }
    }

    /// Delete.
    pub(crate) async fn delete(&self) -> Result<WaiterReply, RequestError> {
        let request = self.request(None);
        let sealed = SealedOperation::of_delete(self.envelope.response_url.clone());
        self.take_up(&request, sealed, None).await
    }

    /// When CloudFormation issued the request, as far as is known.
    pub(crate) fn issued_ms(&self) -> u64 {
        let now_ms = self.runtime.clock.now_ms();
        // Our clock may be slow. A time far ahead is nobody's issue time, though, and would overtake all that follows.
        let latest_ms = now_ms + CLOCK_SKEW_MAX_MS;
        let issued_ms = self.envelope.issued_ms();
        issued_ms
            .filter(|issued| *issued <= latest_ms)
            .unwrap_or(now_ms)
    }

    fn request(&self, converge: Option<(String, ServiceRecord)>) -> Request {
        let now_ms = self.runtime.clock.now_ms();
        let issued_ms = self.issued_ms();
        let timeout = early::service_timeout_s(&self.envelope.properties);
        // By our own clock, and rather too early than too late.
        let Deadlines {
            answer_by_ms,
            given_up_ms,
        } = Deadlines::new(issued_ms.min(now_ms), timeout);
        Request {
            request_id: self.envelope.id(),
            request_type: match self.envelope.request_type {
                event::RequestType::Create => RequestType::Create,
                event::RequestType::Update => RequestType::Update,
                event::RequestType::Delete => RequestType::Delete,
            },
            physical_id: self.envelope.physical_resource_id.clone(),
            change: None,
            waits_for_closings: self.envelope.resource_type == guard::RESOURCE_TYPE,
            converge,
            now_ms,
            issued_ms,
            answer_by_ms,
            given_up_ms,
        }
    }

    /// Finds out what the request means for its owner, and does it.
    async fn take_up(
        &self,
        request: &Request,
        sealed: SealedOperation,
        identity: Option<&Identity>,
    ) -> Result<WaiterReply, RequestError> {
        let owner_key = naming::owner_key(&self.owner);
        for _ in 0..RACES_MAX {
            let stored = ledger::find(self.runtime, &owner_key).await?;
            let record = stored.as_ref().map_or_else(
                || OwnerRecord::new(self.owner.clone()),
                |stored| stored.record.clone(),
            );
            let open_sealed = stored.as_ref().and_then(|stored| stored.sealed.as_deref());
            match (record.receive(request, open_sealed), stored) {
                (Reception::Finished, _) => return Ok(WaiterReply::Done),
                (Reception::AnsweredAtOnce(body), _) => return self.early.send(&body).await,
                (
                    Reception::NothingToDo {
                        physical_id,
                        tombstone,
                    },
                    stored,
                ) => match ledger::begin(self.runtime, stored.as_ref(), *tombstone, None, None)
                    .await
                {
                    Ok(_) => return self.early.succeeded(&physical_id).await,
                    Err(LedgerError::Conflict) => {}
                    Err(error) => return Err(error.into()),
                },
                (Reception::Overtaken, _) => {
                    return self
                        .early
                        .failed(HandlerErrorCode::ResourceConflict, OVERTAKEN)
                        .await;
                }
                (Reception::NotFound, _) => {
                    return self
                        .early
                        .failed(HandlerErrorCode::NotFound, UNKNOWN_TO_LEDGER)
                        .await;
                }
                (Reception::Open, Some(stored)) => return self.go_on(stored).await,
                // An operation cannot be open in a record that is not there.
                (Reception::Open, None) => {}
                (Reception::Begin(begun), stored) => {
                    let new = New {
                        read: stored.as_ref(),
                        before: &record,
                        begun: *begun,
                        identity,
                    };
                    if let Some(reply) = self.take_new(new, &sealed).await? {
                        return Ok(reply);
                    }
                }
            }
        }
        Err(LedgerError::Conflict.into())
    }

    /// A request that is new to its owner. None when another one was quicker: what this one means has changed then.
    async fn take_new(
        &self,
        new: New<'_>,
        sealed: &SealedOperation,
    ) -> Result<Option<WaiterReply>, RequestError> {
        let New {
            read,
            before,
            begun,
            identity,
        } = new;
        let mut known = Known::default();
        if let (Some(stored), Some(identity)) = (read, identity) {
            match self.look_first(stored, &begun, sealed, identity).await {
                Look::Unchanged(attributes) => {
                    return match self.unchanged(stored, begun, *attributes).await {
                        Err(RequestError::Ledger(LedgerError::Conflict)) => Ok(None),
                        answered => answered.map(Some),
                    };
                }
                Look::Changes(found) => known = *found,
                Look::Unclear => {}
            }
        }
        let names = identity.filter(|it| !before.services.contains_key(&it.service_arn));
        match self.begin(read, begun.clone(), sealed, names).await {
            Ok(begun) => {
                let worked = self.work(begun, sealed.clone(), known).await;
                worked.map(Some)
            }
            Err(RequestError::Ledger(LedgerError::Conflict)) => Ok(None),
            Err(error) => {
                let refused = Refused {
                    error,
                    read,
                    before,
                    begun,
                };
                self.refused(refused, sealed).await.map(Some)
            }
        }
    }

    /// Writes the operation, sealed, with the names of a new service, and starts its waiter.
    async fn begin(
        &self,
        read: Option<&Stored>,
        mut record: OwnerRecord,
        sealed: &SealedOperation,
        new: Option<&Identity>,
    ) -> Result<Begun, RequestError> {
        let owner_key = naming::owner_key(&self.owner);
        let request_id = self.envelope.id();
        let context = SealContext {
            owner_key: &owner_key,
            request_id: request_id.as_str(),
        };
        let (sealed, domain) = futures::join!(sealed.seal(self.runtime, &context), async {
            match new {
                Some(_) => ledger::domain::check(self.runtime).await,
                // What is there already is held to its own domain by each attempt.
                None => Ok(()),
            }
        });
        let sealed = sealed?;
        domain?;
        if let Some(operation) = &mut record.operation {
            operation.sealed_url = Some(sealed.url);
        }
        let name = crate::attempt_name(self.runtime);
        // Where another attempt may still be mutating, this one has to wait for it first.
        let _may_mutate = record.begin_attempt(&name);
        let names = new.map(|identity| NameClaims {
            service_arn: &identity.service_arn,
            host: &identity.host,
        });
        let mut stored =
            ledger::begin(self.runtime, read, record, Some(sealed.whole), names).await?;
        let is_attended = match self.start_waiter().await {
            Ok(()) => true,
            Err(RequestError::Waiter(error))
                if !error.class.is_retriable() && !error.may_be_iam_propagation() =>
            {
                self.refuse_unattended(read, &mut stored, error).await?;
                false
            }
            Err(error) => return Err(error),
        };
        Ok(Begun {
            stored,
            name,
            is_attended,
        })
    }

    /// A request that could not begin: one whose names belong to somebody else, or which has come while the provider's
    /// domain changes, is answered, any other is delivered again. The answer is an operation like any other: were it
    /// sent and forgotten, the same event would be carried out when it arrives again after the name has become free, and
    /// nobody would remove what that makes.
    async fn refused(
        &self,
        refused: Refused<'_>,
        sealed: &SealedOperation,
    ) -> Result<WaiterReply, RequestError> {
        let Refused {
            error,
            read,
            before,
            begun,
        } = refused;
        let RequestError::Ledger(refusal) = &error else {
            return Err(error);
        };
        let problem = match refusal {
            LedgerError::OwnedByAnother { .. } => format!("{refusal}; {NAME_IS_TAKEN}"),
            LedgerError::DomainNotAccepted { .. } => format!("{refusal}; {WAIT_FOR_PROVIDER}"),
            LedgerError::Conflict | LedgerError::Unreadable { .. } | LedgerError::Aws(_) => {
                return Err(error);
            }
        };
        let code = refusal.class();
        let Some(answer) = self.early.refusal(code, &problem) else {
            return self.early.failed(code, &problem).await;
        };
        tracing::info!(event = "request.refused", code = %code, problem);
        let record = before.refused(begun, answer);
        let begun = self.begin(read, record, sealed, None).await?;
        self.work(begun, sealed.clone(), Known::default()).await
    }

    /// The first attempt.
    async fn work(
        &self,
        begun: Begun,
        sealed: SealedOperation,
        known: Known,
    ) -> Result<WaiterReply, RequestError> {
        let Begun {
            stored,
            name,
            is_attended,
        } = begun;
        let attempt = Attempt::new(self.runtime, self.invocation, stored, name)
            .knowing(sealed, known)
            .begun_at(self.began_ms);
        if is_attended {
            self.run(attempt).await
        } else {
            attempt.tell().await.map_err(RequestError::Untold)
        }
    }

    /// An attempt at an operation that has a waiter.
    async fn run(&self, attempt: Attempt<'_>) -> Result<WaiterReply, RequestError> {
        match attempt.run().await {
            Ok(reply) => Ok(reply),
            Err(error) => self.leave_to_waiter(error.into()),
        }
    }

    /// The same request again: its operation is open, and somebody must come back for it. Where Step Functions does not
    /// say whether its waiter is still there, the one that it had is relied on.
    async fn go_on(&self, stored: Stored) -> Result<WaiterReply, RequestError> {
        let open = stored.record.operation.as_ref();
        let had_waiter = open.is_some_and(|open| open.has_waiter);
        match self.start_waiter().await {
            Ok(()) => {}
            Err(error) if had_waiter && !error.is_of_dead_waiter() => {
                return self.leave_to_waiter(error);
            }
            Err(error) => return Err(error),
        }
        let name = crate::attempt_name(self.runtime);
        self.run(Attempt::new(self.runtime, self.invocation, stored, name))
            .await
    }

    pub(super) async fn start_waiter(&self) -> Result<(), RequestError> {
        let request_id = &self.envelope.id();
        let operation_id = format!("{}#{request_id}", naming::owner_key(&self.owner));
        for restart in 0..WAITERS_MAX {
            let name = waiter::execution_name(request_id.as_str(), restart);
            match waiter::start(self.runtime, &operation_id, &name).await {
                Ok(Started::Started) => return Ok(()),
                Ok(Started::AlreadyExists) => {}
                Err(error) if restart == 0 => return Err(RequestError::Waiter(error)),
                Err(error) => return Err(RequestError::NextWaiter(error)),
            }
        }
        Err(RequestError::WaitersExhausted)
    }
}

/// An operation that has begun.
struct Begun {
    /// What the ledger has of it.
    stored: Stored,
    /// What the record calls the attempt that has begun it.
    name: String,
    /// Whether it has a waiter; else all that is left to do is telling what was decided.
    is_attended: bool,
}

/// A request that is new to its owner.
struct New<'a> {
    /// The owner's record as it was read.
    read: Option<&'a Stored>,
    /// The same, or one of an owner of whom nothing is known.
    before: &'a OwnerRecord,
    /// The record with the request as its operation.
    begun: OwnerRecord,
    /// What is to be, where the request is not a Delete.
    identity: Option<&'a Identity>,
}

/// A request that could not begin.
struct Refused<'a> {
    error: RequestError,
    /// The owner's record as it was read.
    read: Option<&'a Stored>,
    /// The same, or one of an owner of whom nothing is known.
    before: &'a OwnerRecord,
    /// The record with the request as its operation.
    begun: OwnerRecord,
}

const NAME_IS_TAKEN: &str = "choose another `ServiceName`, or remove that resource first. If it was retained \
    (`DeletionPolicy: Retain`), put it back into its stack under the same logical id and remove it there; \
    when that stack is gone, nothing can free the name yet";

const WAIT_FOR_PROVIDER: &str = "deploy again once the update of the provider's stack has ended";

const OVERTAKEN: &str = "the request arrived after CloudFormation had given it up, or had asked for \
    something else: nothing was changed. Deploy again";

const UNKNOWN_TO_LEDGER: &str = "this provider does not know the resource that is to be updated: \
    it was made by another provider, or the ledger has lost it. Remove the resource from the template, \
    deploy, and add it again";
