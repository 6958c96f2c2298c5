//! Requests that nobody would come back for: their waiter cannot be started, or Lambda does not deliver them again.
//!
//! CloudFormation would wait for an hour, and then again for the Delete. So they are answered FAILED, in the record
//! wherever that can be read: whatever has begun is ended by that, and never answers otherwise. A delivery that fails at an
//! operation with a waiter is none of these.

use express_core::claim::{Operation, OwnerRecord, Standing};
use express_core::naming;

use super::RequestError;
use super::taking::Taking;
use crate::aws::error::AwsError;
use crate::error::chain;
use crate::ledger::{self, LedgerError, Stored};
use crate::operation::Attempt;
use crate::waiter::WaiterReply;

/// A delivery of an event that begins so many milliseconds after its issue is taken for the last one. Lambda tries twice
/// more after one that failed: one minute after that, which may have taken a minute itself, and two minutes after the
/// second. It does not say how exactly.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const LAST_DELIVERY_MS: u64 = 150_000;

impl Taking<'_> {
    /// Whether Lambda does not deliver the event again, as far as is known.
    pub(super) fn is_last_delivery(&self) -> bool {
        self.began_ms.saturating_sub(self.issued_ms()) >= LAST_DELIVERY_MS
    }

    /// What has become of the request; unknown where nothing can be read.
    pub(super) async fn standing(&self) -> Standing {
        let owner_key = naming::owner_key(&self.owner);
        let request_id = &self.envelope.id();
        match ledger::find(self.runtime, &owner_key).await {
            Ok(Some(stored)) => stored.record.standing(request_id),
            // A newer version has written it. If that one has taken the request up, it answers.
            Err(LedgerError::Unreadable { .. }) => {
                let named = ledger::names_request(self.runtime, &owner_key, request_id).await;
                if named.unwrap_or_default() {
                    Standing::Over
                } else {
                    Standing::Unknown
                }
            }
            Ok(None) | Err(_) => Standing::Unknown,
        }
    }

    /// Ends a delivery that has failed at an operation with a waiter, which carries on and answers. Only because that may
    /// die, Lambda is asked to deliver the event again where it does.
    pub(super) fn leave_to_waiter(&self, error: RequestError) -> Result<WaiterReply, RequestError> {
        if error.cause().is_retriable() && !self.is_last_delivery() {
            return Err(error);
        }
        let problem = chain(&error).to_string();
        tracing::warn!(event = "request.left_to_waiter", problem);
        Ok(WaiterReply::Done)
    }

    /// Decides on FAILED for an operation that has just begun, and whose waiter AWS does not let us start: nothing was
    /// made for it, and the names that were claimed are given back by the same write.
    pub(super) async fn refuse_unattended(
        &self,
        read: Option<&Stored>,
        stored: &mut Stored,
        error: AwsError,
    ) -> Result<(), RequestError> {
        let is_decided = |open: &Operation| open.answer.is_some();
        if stored.record.operation.as_ref().is_some_and(is_decided) {
            return Ok(());
        }
        let code = error.class;
        let error = RequestError::Waiter(error);
        let problem = chain(&error).to_string();
        let Some(answer) = self.early.of_what_may_be().refusal(code, &problem) else {
            return Err(error);
        };
        tracing::error!(event = "request.unattended", code = %code, problem);
        let before = read.map_or_else(
            || OwnerRecord::new(self.owner.clone()),
            |read| read.record.clone(),
        );
        let services: Vec<String> = stored.record.services.keys().cloned().collect();
        for arn in services {
            if !before.services.contains_key(&arn) {
                stored.release_service(&arn);
            }
        }
        stored.record = before.refused(stored.record.clone(), answer);
        Ok(ledger::write(self.runtime, stored).await?)
    }

    /// Sees to it that an open operation is answered, although the event will not come again.
    pub(super) async fn end_unattended(
        &self,
        error: &RequestError,
    ) -> Result<WaiterReply, RequestError> {
        let Err(no_waiter) = self.start_waiter().await else {
            return Ok(WaiterReply::Done);
        };
        let owner_key = naming::owner_key(&self.owner);
        let Some(stored) = ledger::find(self.runtime, &owner_key).await? else {
            return Ok(WaiterReply::Done);
        };
        let open = stored.record.operation.as_ref();
        let Some(open) = open.filter(|open| open.request_id == self.envelope.id()) else {
            return Ok(WaiterReply::Done);
        };
        if open.has_waiter && !error.is_of_dead_waiter() && !no_waiter.is_of_dead_waiter() {
            return self.leave_to_waiter(no_waiter);
        }
        let problem = chain(error).to_string();
        tracing::error!(event = "request.unattended", code = %error.cause(), problem);
        let name = crate::attempt_name(self.runtime);
        Attempt::new(self.runtime, self.invocation, stored, name)
            .fail(error.cause(), &problem)
            .await
            .map_err(RequestError::Untold)
    }
}
