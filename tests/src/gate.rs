//! The HTTP client of one process: each call takes a round of the executor and is written into the history.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use local_aws::LocalAws;
use local_aws::connector::InProcess;

use crate::executor::next_round;
use crate::history::{Call, Event, History, lock};
use crate::newer_version;

/// What a process's SDK clients and its answers to CloudFormation go through. Clones share it.
#[derive(Clone)]
pub struct Gate {
    account: LocalAws,
    round: Arc<AtomicU64>,
    history: Arc<Mutex<History>>,
    attempt: Arc<Mutex<Current>>,
}

/// The attempt that a process works on.
#[derive(Clone)]
struct Current {
    number: u64,
    inner: InProcess,
    version: Version,
}

/// Which version of the provider an attempt is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// The one under test, and there is no other.
    Only,
    /// The one under test, beside a newer one.
    Older,
    /// The other one.
    Newer,
}

impl Gate {
    pub(crate) fn new(
        account: LocalAws,
        round: Arc<AtomicU64>,
        history: Arc<Mutex<History>>,
    ) -> Self {
        let current = Current {
            number: 0,
            inner: InProcess::new(account.clone()),
            version: Version::Only,
        };
        Self {
            account,
            round,
            history,
            attempt: Arc::new(Mutex::new(current)),
        }
    }

    /// From now on calls are those of this attempt, whose crash is its own.
    pub(crate) fn begin(&self, number: u64, version: Version) -> InProcess {
        let inner = InProcess::new(self.account.clone());
        *lock(&self.attempt) = Current {
            number,
            inner: inner.clone(),
            version,
        };
        inner
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("attempt", &lock(&self.attempt).number)
            .finish_non_exhaustive()
    }
}

impl HttpConnector for Gate {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let gate = self.clone();
        HttpConnectorFuture::new(async move {
            next_round(&gate.round).await;
            gate.carry_out(request).await
        })
    }
}

impl HttpClient for Gate {
    fn http_connector(
        &self,
        _settings: &HttpConnectorSettings,
        _components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl Gate {
    fn carry_out(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Current {
            number: attempt,
            inner,
            version,
        } = lock(&self.attempt).clone();
        let request = match version {
            Version::Only => request,
            Version::Older => {
                let lost = newer_version::lost(&self.account, &request);
                lock(&self.history).lost.extend(lost);
                request
            }
            Version::Newer => newer_version::as_newer_version(request),
        };
        let before = self.account.recorder().count();
        // The effect takes place here, not when the future is polled: what was recorded meanwhile is ours.
        let answer = inner.call(request);
        self.write_down(attempt, before);
        if inner.has_crashed() {
            lock(&self.history).events.push(Event::Crashed { attempt });
        }
        answer
    }

    /// The calls of a dead attempt that are still on their way have their effect: they are its own.
    pub(crate) fn land_late_calls(&self, attempt: u64, inner: &InProcess) {
        let before = self.account.recorder().count();
        inner.land_late_calls();
        self.write_down(attempt, before);
    }

    /// What was recorded since there were `before` calls was called by this attempt.
    fn write_down(&self, attempt: u64, before: usize) {
        let recorder = self.account.recorder();
        let mut history = lock(&self.history);
        for recorded in recorder.since(before).unwrap_or_default() {
            history.events.push(Event::Called(Box::new(Call {
                attempt,
                round: self.round.load(Ordering::SeqCst),
                recorded: Arc::clone(recorded),
            })));
        }
    }
}
