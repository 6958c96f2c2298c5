//! The HTTP client of one attempt: each call takes a round of the executor and is written into the history.

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

/// What an attempt's SDK clients and its answers to CloudFormation go through.
#[derive(Clone)]
pub struct Gate {
    pub(crate) account: LocalAws,
    pub(crate) inner: InProcess,
    pub(crate) attempt: u64,
    pub(crate) round: Arc<AtomicU64>,
    pub(crate) history: Arc<Mutex<History>>,
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Gate")
            .field("attempt", &self.attempt)
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
        let before = self.account.recorder().count();
        // The effect takes place here, not when the future is polled: what was recorded meanwhile is ours.
        let answer = self.inner.call(request);
        let recorder = self.account.recorder();
        let mut history = lock(&self.history);
        for recorded in recorder.since(before).unwrap_or_default() {
            history.events.push(Event::Called(Box::new(Call {
                attempt: self.attempt,
                round: self.round.load(Ordering::SeqCst),
                recorded: recorded.clone(),
            })));
        }
        if self.inner.has_crashed() {
            history.events.push(Event::Crashed {
                attempt: self.attempt,
            });
        }
        answer
    }
}
