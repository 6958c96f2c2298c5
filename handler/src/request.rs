//! A request of CloudFormation: from the event to an open operation, or to an answer at once.
//!
//! ```text
//! event ─► envelope (always answerable) ─► place and type ─► properties ─► identity
//!   ─► record of the owner: what does this mean? ─► begin: record and names in one write
//!   ─► waiter ─► first attempt
//! ```
//!
//! # Guarantees
//! Whatever has a response URL gets an answer. Nothing in AWS is changed before the operation is in the
//! ledger and its waiter has been started, so a crash at any later point leaves somebody who comes back
//! (R3). A request that changes nothing (an unchanged Update, a Delete of nothing) is answered at once,
//! without a waiter.

pub(crate) mod early;

use express_core::claim::{Owner, OwnerRecord, Reception, Request, RequestType};
use express_core::decision::{Decision, HandlerErrorCode};
use express_core::desired::{Desired, Identity};
use express_core::naming;
use express_core::network::{self, VpcFacts};
use express_core::observed::{Observed, Presence};
use express_core::plan::{self, Timing};
use provider_schema::{Properties, RequestContext};
use serde_json::Value;

use crate::cloudformation::event::{self, Envelope};
use crate::error::chain;
use crate::ledger::{self, LedgerError, NameClaims, Stored};
use crate::operation::{Attempt, Known, environment};
use crate::process::catch_panic;
use crate::seal::{SealContext, SealError};
use crate::sealed::SealedOperation;
use crate::waiter::{self, Deadlines, Started, WaiterReply};
use crate::{Invocation, Runtime, guard, observe, refusal};
use early::EarlyAnswer;

/// Times that a lost race for the owner's record is run again.
const RACES_MAX: usize = 5;
/// Executions of the waiter for one operation: each died unanswered.
const WAITERS_MAX: u32 = 10;

/// Why a request could not be taken up. Lambda delivers it again.
#[derive(Debug, thiserror::Error)]
pub enum RequestError {
    /// The ledger did not answer, or other attempts were quicker too often.
    #[error("ledger")]
    Ledger(#[from] LedgerError),
    /// The request could not be sealed.
    #[error("cannot seal the request")]
    Seal(#[from] SealError),
    /// The waiter could not be started; nothing was changed.
    #[error("cannot start the waiter")]
    Waiter(#[source] crate::aws::error::AwsError),
    /// No waiter of this operation stays alive.
    #[error("{WAITERS_MAX} waiters of this operation have died")]
    WaitersExhausted,
    /// CloudFormation's host did not take the answer.
    #[error("cannot answer")]
    Respond(#[from] crate::cloudformation::respond::RespondError),
}

impl RequestError {
    const fn class(&self) -> HandlerErrorCode {
        match self {
            Self::Ledger(error) => error.class(),
            Self::Seal(error) => error.class(),
            // The operation is open and nobody comes back for it but this event; or nobody can be told.
            Self::Waiter(_) | Self::WaitersExhausted | Self::Respond(_) => {
                HandlerErrorCode::NetworkFailure
            }
        }
    }
}

/// Takes up one event.
///
/// # Errors
/// When it has to be delivered again.
pub async fn receive(
    event: &Value,
    invocation: &Invocation,
    runtime: &Runtime,
) -> Result<WaiterReply, RequestError> {
    let envelope = match event::parse(event) {
        Ok(envelope) => envelope,
        Err(error) => return early::unreadable(runtime, invocation, &error).await,
    };
    tracing::info!(
        event = "attempt.started",
        request_type = %envelope.request_type,
        stack_id = envelope.stack_id.as_str(),
        logical_resource_id = envelope.logical_resource_id,
        request_id = envelope.request_id,
        physical_resource_id = envelope.physical_resource_id,
    );
    if let Err(error) = runtime
        .settings
        .response_hosts
        .admit(&envelope.response_url)
    {
        // Whoever sent this is not CloudFormation: nothing is done for him and nothing is sent.
        tracing::error!(event = "response.failed", error = %error);
        return Ok(WaiterReply::Done);
    }
    let early = EarlyAnswer::new(runtime, invocation, &envelope);
    if let Err(error) = envelope.stack_id.check_place(&invocation.function_arn) {
        if refusal::is_delete_of_nothing(&envelope) {
            // The Delete after a refused Create must succeed, whatever the refusal was for.
            let id = envelope.physical_resource_id.as_deref();
            return early.succeeded(id.unwrap_or_default()).await;
        }
        return early
            .failed(HandlerErrorCode::InvalidRequest, &error.to_string())
            .await;
    }
    let outcome = catch_panic(Box::pin(take(&envelope, invocation, runtime, &early))).await;
    let (code, problem) = match outcome {
        Ok(Err(error)) if !error.class().is_retriable() => {
            (error.class(), chain(&error).to_string())
        }
        Ok(outcome) => return outcome,
        Err(_) => (HandlerErrorCode::InternalFailure, PANICKED.to_owned()),
    };
    if is_open(runtime, &envelope).await {
        // Its waiter carries on, and answers.
        return Ok(WaiterReply::Done);
    }
    // Delivering the event again would end the same way: the user is told now.
    early.failed(code, &problem).await
}

/// Whether the request has an operation in the ledger.
async fn is_open(runtime: &Runtime, envelope: &Envelope) -> bool {
    let owner_key = naming::owner_key(&Owner {
        stack_id: envelope.stack_id.as_str().to_owned(),
        logical_resource_id: envelope.logical_resource_id.clone(),
    });
    match ledger::find(runtime, &owner_key).await {
        Ok(Some(stored)) => stored
            .record
            .operation
            .is_some_and(|operation| operation.request_id == envelope.request_id),
        // What cannot be read was not begun by this version.
        Ok(None) | Err(_) => false,
    }
}

async fn take(
    envelope: &Envelope,
    invocation: &Invocation,
    runtime: &Runtime,
    early: &EarlyAnswer<'_>,
) -> Result<WaiterReply, RequestError> {
    if envelope.resource_type == guard::RESOURCE_TYPE {
        return guard::receive(runtime, envelope, early).await;
    }
    let reception = Taking {
        runtime,
        invocation,
        envelope,
        early,
        owner: Owner {
            stack_id: envelope.stack_id.as_str().to_owned(),
            logical_resource_id: envelope.logical_resource_id.clone(),
        },
    };
    match envelope.request_type {
        event::RequestType::Delete => reception.delete().await,
        event::RequestType::Create | event::RequestType::Update => {
            match reception.parse(&envelope.properties) {
                Ok(properties) => reception.converge(properties).await,
                Err(errors) => {
                    early
                        .failed(HandlerErrorCode::InvalidRequest, &errors.to_string())
                        .await
                }
            }
        }
    }
}

/// One request being taken up.
struct Taking<'a> {
    runtime: &'a Runtime,
    invocation: &'a Invocation,
    envelope: &'a Envelope,
    early: &'a EarlyAnswer<'a>,
    owner: Owner,
}

impl Taking<'_> {
    fn parse(&self, properties: &Value) -> Result<Properties, provider_schema::PropertyErrors> {
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
        provider_schema::parse(properties, &context)
    }

    /// Create and Update.
    async fn converge(&self, properties: Properties) -> Result<WaiterReply, RequestError> {
        let environment = environment(self.runtime, &self.owner.stack_id);
        let identity = Identity::new(&self.owner, &properties, &environment);
        let request = self.request(Some((identity.service_arn.clone(), identity.to_record())));
        let sealed = SealedOperation {
            response_url: self.envelope.response_url.clone(),
            // An old format that this version cannot read any more is no base for a comparison.
            old_properties: self
                .envelope
                .old_properties
                .as_ref()
                .and_then(|old| self.parse(old).ok()),
            properties: Some(properties),
        };
        if request.request_type == RequestType::Create {
            // Almost always nothing is known of the owner yet: it is written without being read first.
            let record = OwnerRecord::new(self.owner.clone());
            if let Reception::Begin(record) = record.receive(&request, None) {
                let properties = sealed.properties.clone();
                let given_task_definition = properties
                    .as_ref()
                    .is_some_and(|properties| properties.task_definition_arn.is_some());
                let looks_around = async {
                    match &properties {
                        Some(properties) => {
                            observe::vpc_facts(&self.runtime.aws, properties).await.ok()
                        }
                        None => None,
                    }
                };
                let mut observed = Observed::of_new_service();
                let (begun, vpc_facts, _) = futures::join!(
                    self.begin(None, *record, &sealed, Some(&identity)),
                    looks_around,
                    // What could not be looked at stays unknown, and is looked at again.
                    observe::service_and_cluster(&self.runtime.aws, &identity, &mut observed),
                );
                match begun {
                    Ok((stored, name)) => {
                        if given_task_definition {
                            observed.task_definition = Presence::Unknown;
                        }
                        let known = Known {
                            is_first: true,
                            vpc_facts,
                            observed: Some(observed),
                        };
                        return self.start(stored, name, sealed, known).await;
                    }
                    Err(RequestError::Ledger(LedgerError::Conflict)) => {}
                    Err(error) => return self.refused(error).await,
                }
            }
        }
        self.take_up(&request, sealed, Some(&identity)).await
    }

    async fn delete(&self) -> Result<WaiterReply, RequestError> {
        let request = self.request(None);
        let sealed = SealedOperation {
            response_url: self.envelope.response_url.clone(),
            properties: None,
            old_properties: None,
        };
        self.take_up(&request, sealed, None).await
    }

    fn request(&self, converge: Option<(String, express_core::claim::ServiceRecord)>) -> Request {
        let now_ms = self.runtime.clock.now_ms();
        // An hour that has not come yet says that somebody's clock is wrong: then it is the arrival that counts.
        let issued_ms = self.envelope.issued_ms().unwrap_or(now_ms).min(now_ms);
        let timeout = early::service_timeout_s(&self.envelope.properties);
        let Deadlines {
            answer_by_ms,
            given_up_ms,
        } = Deadlines::new(issued_ms, timeout);
        Request {
            request_id: self.envelope.request_id.clone(),
            request_type: match self.envelope.request_type {
                event::RequestType::Create => RequestType::Create,
                event::RequestType::Update => RequestType::Update,
                event::RequestType::Delete => RequestType::Delete,
            },
            physical_id: self.envelope.physical_resource_id.clone(),
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
                    let mut known = Known::default();
                    if let (Some(stored), Some(identity)) = (&stored, identity) {
                        match self.look_first(stored, &begun, &sealed, identity).await {
                            Look::Unchanged(attributes) => {
                                return self.unchanged(stored, *begun, *attributes).await;
                            }
                            Look::Changes(found) => known = *found,
                            Look::Unclear => {}
                        }
                    }
                    let new = identity
                        .filter(|identity| !record.services.contains_key(&identity.service_arn));
                    match self.begin(stored.as_ref(), *begun, &sealed, new).await {
                        Ok((stored, name)) => return self.start(stored, name, sealed, known).await,
                        Err(RequestError::Ledger(LedgerError::Conflict)) => {}
                        Err(error) => return self.refused(error).await,
                    }
                }
            }
        }
        Err(LedgerError::Conflict.into())
    }

    /// Writes the operation, sealed, with the names of a new service.
    async fn begin(
        &self,
        read: Option<&Stored>,
        mut record: OwnerRecord,
        sealed: &SealedOperation,
        new: Option<&Identity>,
    ) -> Result<(Stored, String), RequestError> {
        let owner_key = naming::owner_key(&self.owner);
        let context = SealContext {
            owner_key: &owner_key,
            request_id: &self.envelope.request_id,
        };
        let sealed = sealed.seal(self.runtime, &context).await?;
        let name = crate::attempt_name(self.runtime);
        // Where another attempt may still be mutating, this one has to wait for it first.
        let _may_mutate = record.begin_attempt(&name);
        let names = new.map(|identity| NameClaims {
            service_arn: &identity.service_arn,
            host: &identity.host,
        });
        let stored = ledger::begin(self.runtime, read, record, Some(sealed), names).await?;
        Ok((stored, name))
    }

    /// A request that could not begin: one whose names belong to somebody else is answered, any other is
    /// delivered again.
    async fn refused(&self, error: RequestError) -> Result<WaiterReply, RequestError> {
        match error {
            RequestError::Ledger(taken @ LedgerError::OwnedByAnother { .. }) => {
                let problem =
                    format!("{taken}; choose another `ServiceName`, or remove that resource first");
                self.early
                    .failed(HandlerErrorCode::AlreadyExists, &problem)
                    .await
            }
            other => Err(other),
        }
    }

    async fn start(
        &self,
        stored: Stored,
        name: String,
        sealed: SealedOperation,
        known: Known,
    ) -> Result<WaiterReply, RequestError> {
        self.start_waiter().await?;
        Attempt::new(self.runtime, self.invocation, stored, name)
            .knowing(sealed, known)
            .run()
            .await
            .map_err(RequestError::Ledger)
    }

    /// The same request again: its operation is open, and somebody must come back for it.
    async fn go_on(&self, stored: Stored) -> Result<WaiterReply, RequestError> {
        self.start_waiter().await?;
        let name = crate::attempt_name(self.runtime);
        Attempt::new(self.runtime, self.invocation, stored, name)
            .run()
            .await
            .map_err(RequestError::Ledger)
    }

    async fn start_waiter(&self) -> Result<(), RequestError> {
        let request_id = &self.envelope.request_id;
        let operation_id = format!("{}#{request_id}", naming::owner_key(&self.owner));
        for restart in 0..WAITERS_MAX {
            let name = waiter::execution_name(request_id, restart);
            match waiter::start(self.runtime, &operation_id, &name).await {
                Ok(Started::Started) => return Ok(()),
                Ok(Started::AlreadyExists) => {}
                Err(error) => return Err(RequestError::Waiter(error)),
            }
        }
        Err(RequestError::WaitersExhausted)
    }

    /// Looks whether an Update in place has anything to change, before anything is written.
    async fn look_first(
        &self,
        stored: &Stored,
        begun: &OwnerRecord,
        sealed: &SealedOperation,
        identity: &Identity,
    ) -> Look {
        let is_quiet = stored.record.operation.is_none()
            && stored.record.running.is_none()
            && stored.record.superseded.is_empty();
        let is_alone = begun
            .operation
            .as_ref()
            .is_some_and(|operation| operation.remove.is_empty());
        let service = stored.record.services.get(&identity.service_arn);
        let (Some(service), Some(properties), true) =
            (service, &sealed.properties, is_quiet && is_alone)
        else {
            return Look::Unclear;
        };
        let mut observed = Observed {
            slot: service.slot.clone().into(),
            ..Observed::default()
        };
        match self.look(properties, sealed, identity, &mut observed).await {
            Some((Some(attributes), _)) => Look::Unchanged(attributes),
            Some((None, vpc_facts)) => Look::Changes(Box::new(Known {
                is_first: false,
                vpc_facts: Some(vpc_facts),
                observed: Some(observed),
            })),
            None => Look::Unclear,
        }
    }

    /// The attributes, when nothing is to change; none of it when AWS does not say: the operation asks again.
    async fn look(
        &self,
        properties: &Properties,
        sealed: &SealedOperation,
        identity: &Identity,
        observed: &mut Observed,
    ) -> Option<(Option<Box<provider_schema::Attributes>>, VpcFacts)> {
        let aws = &self.runtime.aws;
        let facts = observe::vpc_facts(aws, properties).await.ok()?;
        let desired = Desired::new(
            identity.clone(),
            environment(self.runtime, &self.owner.stack_id),
            network::resolve(properties, &facts).ok()?,
            properties,
            sealed.old_properties.as_ref(),
        );
        observe::for_converging(aws, &desired, false, observed)
            .await
            .ok()?;
        let now_ms = self.runtime.clock.now_ms();
        let timing = Timing {
            now_ms,
            started_ms: now_ms,
            stop_at_ms: u64::MAX,
            deployment_asked_ms: None,
            deployment_before: None,
            is_create: false,
            request_id: self.envelope.request_id.clone(),
        };
        match plan::converge(&desired, observed, &timing) {
            Ok(Decision::Converged(attributes)) => Some((Some(attributes), facts)),
            Ok(Decision::Apply(_) | Decision::Wait(_) | Decision::Removed) | Err(_) => {
                Some((None, facts))
            }
        }
    }

    /// Answers an Update that changes nothing, and remembers that it did.
    async fn unchanged(
        &self,
        read: &Stored,
        begun: OwnerRecord,
        attributes: provider_schema::Attributes,
    ) -> Result<WaiterReply, RequestError> {
        let physical_id = attributes.service_arn.clone();
        let reply = self.early.succeeded_with(&physical_id, &attributes).await?;
        let mut stored = read.clone();
        stored.record = begun;
        stored.record.remember_answered(&physical_id);
        ledger::write(self.runtime, &mut stored).await?;
        Ok(reply)
    }
}

/// What a first look at an Update found.
enum Look {
    /// Nothing to change.
    Unchanged(Box<provider_schema::Attributes>),
    /// Something to change, and what is there.
    Changes(Box<Known>),
    /// It cannot be said without beginning the operation.
    Unclear,
}

const PANICKED: &str =
    "the provider failed in a way that it should not; its log says where, please report it";

const OVERTAKEN: &str = "the request arrived after CloudFormation had given it up, or had asked for \
    something else: nothing was changed. Deploy again";

const UNKNOWN_TO_LEDGER: &str = "this provider does not know the resource that is to be updated: \
    it was made by another provider, or the ledger has lost it. Remove the resource from the template, \
    deploy, and add it again";
