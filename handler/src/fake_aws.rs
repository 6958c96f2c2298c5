//! For unit tests: a connector that answers from a closure and remembers what it was sent.

use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_async::rt::sleep::{AsyncSleep, SharedAsyncSleep, Sleep, TokioSleep};
use aws_smithy_async::time::{SharedTimeSource, StaticTimeSource, SystemTimeSource};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use express_core::claim::{OwnerRecord, Reception, Request, RequestType};

use crate::aws::AwsClients;
use crate::clock::Clock;
use crate::cloudformation::response_host::ResponseHosts;
use crate::settings::Settings;
use crate::{Invocation, Runtime};

/// A request as it was sent.
#[derive(Debug, Clone)]
pub struct Sent {
    pub method: String,
    pub uri: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Sent {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// Status and body of an answer; `None`: no answer arrives.
pub type Reply = Option<(u16, String)>;

type Replies = dyn Fn(usize, &Sent) -> Reply + Send + Sync;

/// Answers the n-th request, counted from 0, with what the closure returns for it.
#[derive(Clone)]
pub struct FakeAws {
    replies: Arc<Replies>,
    sent: Arc<Mutex<Vec<Sent>>>,
    slept_ms: Arc<Mutex<Vec<u64>>>,
}

impl std::fmt::Debug for FakeAws {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FakeAws")
    }
}

impl FakeAws {
    pub fn new(replies: impl Fn(usize, &Sent) -> Reply + Send + Sync + 'static) -> Self {
        Self {
            replies: Arc::new(replies),
            sent: Arc::default(),
            slept_ms: Arc::default(),
        }
    }

    /// Answers every request with this status.
    pub fn statuses(statuses: &'static [u16]) -> Self {
        Self::new(|n, _| {
            statuses
                .get(n)
                .filter(|status| **status > 0)
                .map(|status| (*status, String::new()))
        })
    }

    pub fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    pub fn slept_ms(&self) -> Vec<u64> {
        self.slept_ms.lock().unwrap().clone()
    }

    /// A clock that stands still, sleeps in no time and draws 7s.
    pub fn clock(&self) -> Clock {
        Clock::new(
            SharedTimeSource::new(StaticTimeSource::from_secs(1_000)),
            SharedAsyncSleep::new(self.clone()),
            Arc::new(|buffer| buffer.fill(7)),
        )
    }

    pub fn connector(&self) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }

    pub fn sdk_config(&self) -> SdkConfig {
        let connector = self.connector();
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "id", "key", None, None, "test",
            )))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .sleep_impl(TokioSleep::new())
            .time_source(SystemTimeSource::new())
            .build()
    }

    pub fn runtime(&self) -> Runtime {
        Runtime {
            aws: AwsClients::new(&self.sdk_config()),
            settings: Settings {
                seen_after_ms: express_core::claim::SEEN_AFTER_MS,
                members_max: express_core::claim::pool::MEMBERS_MAX,
                ledger_table: "ledger".into(),
                waiter_state_machine_arn:
                    "arn:aws:states:eu-west-1:111122223333:stateMachine:waiter".into(),
                seal_key_arn: "arn:aws:kms:eu-west-1:111122223333:key/0a1b".into(),
                domain_name: "apps.example.com".into(),
                hosted_zone_id: None,
                certificate_arn: "arn:aws:acm:eu-west-1:111122223333:certificate/0a1b".into(),
                response_hosts: ResponseHosts::parse("https://sink.example").unwrap(),
            },
            clock: self.clock(),
            connector: self.connector(),
        }
    }
}

pub fn invocation() -> Invocation {
    Invocation {
        function_arn: "arn:aws:lambda:eu-west-1:111122223333:function:express".into(),
        log_stream: "stream-1".into(),
    }
}

/// The record with a Create as its operation.
pub fn with_create(record: &OwnerRecord, request_id: &str) -> OwnerRecord {
    let request = Request {
        request_id: request_id.into(),
        request_type: RequestType::Create,
        physical_id: None,
        converge: None,
        change: None,
        waits_for_closings: false,
        now_ms: 1,
        issued_ms: 1,
        answer_by_ms: 2,
        given_up_ms: 3,
    };
    match record.receive(&request, None) {
        Reception::Begin(begun) => *begun,
        other => panic!("a Create begins: {other:?}"),
    }
}

impl AsyncSleep for FakeAws {
    fn sleep(&self, duration: std::time::Duration) -> Sleep {
        self.slept_ms
            .lock()
            .unwrap()
            .push(u64::try_from(duration.as_millis()).unwrap());
        Sleep::new(std::future::ready(()))
    }
}

impl HttpConnector for FakeAws {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sent = Sent {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            headers: request
                .headers()
                .iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            body: request.body().bytes().unwrap_or_default().to_vec(),
        };
        let number = self.sent.lock().unwrap().len();
        let reply = (self.replies)(number, &sent);
        self.sent.lock().unwrap().push(sent);
        HttpConnectorFuture::ready(match reply {
            Some((status, body)) => Ok(HttpResponse::new(
                status.try_into().unwrap(),
                SdkBody::from(body),
            )),
            None => Err(ConnectorError::io(
                "connection reset by https://sink.example/?signature=canary".into(),
            )),
        })
    }
}
