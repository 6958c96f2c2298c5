//! A stand-in for the parts of AWS that `Custom::ExpressService` uses.
//!
//! It exists because no emulator has what the provider leans on: native ECS deployments, target
//! registration, listener-rule weights, and the errors that guard shared things. It speaks the wire
//! of each service, so the shipped binary, the AWS CLI and boto3 can all talk to it, and it refuses
//! what AWS refuses. An operation that is not here is refused by name; nothing is accepted and ignored.
//!
//! Two ways in, one implementation: [`server::serve`] answers HTTP on a loopback port, and
//! [`connector::InProcess`] is an HTTP client for the SDK that never leaves the process.
//!
//! ```text
//! bytes ─► wire (service by SigV4 scope, protocol, operation, input) ─► fault rules
//!       ─► Cloud::advance_to(now) ─► <service>::call(&mut Cloud, operation, input) ─► wire ─► bytes
//! ```
//!
//! Invariants: one [`Cloud`] behind one lock, so each call is atomic; time comes from one
//! [`clock::Clock`] and identifiers from one seeded [`random::Random`], so the same calls give the
//! same answers; each behaviour names the AWS page that it follows.

pub mod clock;
pub mod cloud;
pub mod connector;
pub mod fault;
mod paging;
mod policy;
pub mod random;
pub mod recorder;
pub mod server;
mod tags;
mod throttle;
mod wildcard;
pub mod wire;

pub mod acm;
pub mod autoscaling;
pub mod cloudwatch;
pub mod dynamodb;
pub mod ec2;
pub mod ecs;
pub mod elbv2;
pub mod kms;
pub mod logs;
pub mod response_sink;
pub mod route53;
pub mod sfn;
mod sts;
pub mod wafv2;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

pub use cloud::{Account, Cloud};

/// How a [`LocalAws`] starts.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The account, region and partition that every ARN carries.
    pub account: Account,
    /// Where time comes from.
    pub clock: clock::Clock,
    /// Seed of every generated identifier.
    pub seed: u64,
}

/// One simulated account and region. Clones share it.
#[derive(Clone)]
pub struct LocalAws {
    shared: Arc<Shared>,
}

struct Shared {
    region: String,
    cloud: Mutex<Cloud>,
    clock: clock::Clock,
    dynamodb: dynamodb::Tables,
    faults: Mutex<fault::Faults>,
    recorder: Mutex<recorder::Recorder>,
    throttle: Mutex<throttle::Throttle>,
    /// The tag that the caller's policy demands.
    demanded_tag: Mutex<Option<String>>,
    /// What stale reads see.
    past: Mutex<Option<Cloud>>,
}

impl LocalAws {
    /// An empty account with the default VPC.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        let dynamodb = dynamodb::Tables::new(settings.clock.clone());
        let region = settings.account.region.clone();
        let cloud = Cloud::new(
            settings.account,
            settings.clock.now_ms(),
            random::Random::seeded(settings.seed),
        );
        Self {
            shared: Arc::new(Shared {
                region,
                cloud: Mutex::new(cloud),
                clock: settings.clock,
                dynamodb,
                faults: Mutex::default(),
                recorder: Mutex::default(),
                throttle: Mutex::default(),
                demanded_tag: Mutex::default(),
                past: Mutex::default(),
            }),
        }
    }

    /// The simulated cloud, brought to the present first.
    ///
    /// For what tests read and change behind the provider's back; calls go through [`Self::answer`].
    pub fn cloud(&self) -> MutexGuard<'_, Cloud> {
        let mut cloud = lock(&self.shared.cloud);
        cloud.advance_to(self.shared.clock.now_ms());
        cloud
    }

    /// A copy in which time stands still, for looking at it with several calls while others change the
    /// original. It has no DynamoDB tables, no faults and no record of calls.
    #[must_use]
    pub fn snapshot(&self) -> Self {
        let cloud = self.cloud().clone();
        let clock = clock::Clock::Virtual(clock::VirtualClock::starting_at(cloud.now_ms));
        Self {
            shared: Arc::new(Shared {
                region: self.shared.region.clone(),
                cloud: Mutex::new(cloud),
                dynamodb: dynamodb::Tables::new(clock.clone()),
                clock,
                faults: Mutex::default(),
                recorder: Mutex::default(),
                throttle: Mutex::default(),
                demanded_tag: Mutex::default(),
                past: Mutex::default(),
            }),
        }
    }

    /// The clock that everything here runs on.
    #[must_use]
    pub fn clock(&self) -> &clock::Clock {
        &self.shared.clock
    }

    /// The DynamoDB tables.
    #[must_use]
    pub fn dynamodb(&self) -> &dynamodb::Tables {
        &self.shared.dynamodb
    }

    /// The rules that make calls fail.
    pub fn faults(&self) -> MutexGuard<'_, fault::Faults> {
        lock(&self.shared.faults)
    }

    /// What was called so far.
    pub fn recorder(&self) -> MutexGuard<'_, recorder::Recorder> {
        lock(&self.shared.recorder)
    }

    /// Turns AWS's token buckets on, all full, or off, as they are at first.
    pub fn throttle(&self, enabled: bool) {
        lock(&self.shared.throttle).enable(enabled);
    }

    /// How many calls were refused by the token buckets, by name: `ecs:RegisterTaskDefinition`.
    #[must_use]
    pub fn throttled_calls(&self) -> BTreeMap<String, u64> {
        lock(&self.shared.throttle).refused().clone()
    }

    /// From now on the caller's policy demands the tag `key`, as the provider's own does.
    pub fn demand_tag(&self, key: &str) {
        *lock(&self.shared.demanded_tag) = Some(key.to_owned());
    }

    /// Answers one HTTP request as AWS would: any bytes in, always a response.
    ///
    /// Of the faults, those that AWS itself answers strike here, too.
    #[must_use]
    pub fn answer(&self, request: &http::Request<bytes::Bytes>) -> http::Response<bytes::Bytes> {
        let call = match self.decode(request) {
            Ok(call) => call,
            Err(refusal) => return wire::refuse(request, refusal),
        };
        let fault = self.faults().strike(&call);
        match fault.and_then(|fault| fault.refusal(&call)) {
            Some(refusal) => self.refuse(&call, refusal),
            None => self.carry_out(&call),
        }
    }

    /// The call that a request makes in this region.
    fn decode(&self, request: &http::Request<bytes::Bytes>) -> Result<wire::Call, wire::Refusal> {
        let call = wire::decode(request)?;
        wire::check_region(request, call.service, &self.shared.region)?;
        Ok(call)
    }

    /// Answers a call that has no effect, and records it.
    fn refuse(&self, call: &wire::Call, refusal: wire::Refusal) -> http::Response<bytes::Bytes> {
        let outcome = Err(refusal);
        self.recorder()
            .record(self.clock().now_ms(), call, &outcome);
        wire::encode(call, outcome)
    }

    /// Has the effect of one decoded call, records it and answers in its protocol.
    fn carry_out(&self, call: &wire::Call) -> http::Response<bytes::Bytes> {
        if call.service.mutates(&call.operation) && self.faults().may_read_old() {
            self.keep_past();
        }
        let is_admitted = lock(&self.shared.throttle).admit(self.clock().now_ms(), call);
        let result = if is_admitted {
            self.denial(call).map_or_else(|| self.dispatch(call), Err)
        } else {
            Err(fault::throttled(call))
        };
        self.recorder().record(self.clock().now_ms(), call, &result);
        wire::encode(call, result)
    }

    fn denial(&self, call: &wire::Call) -> Option<wire::Refusal> {
        let demanded = lock(&self.shared.demanded_tag).clone();
        demanded.and_then(|key| policy::denial(&self.cloud(), call, &key))
    }

    /// Keeps what there is before a change, as long as nothing older that is recent is kept.
    fn keep_past(&self) {
        let now_ms = self.clock().now_ms();
        let mut past = lock(&self.shared.past);
        if !past.as_ref().is_some_and(|seen| is_recent(seen, now_ms)) {
            *past = Some(self.cloud().clone());
        }
    }

    /// Answers a read from the account as it was a moment ago: before its last changes, or when it was first read so, up
    /// to [`fault::STALE_MS`] before.
    fn carry_out_late(&self, call: &wire::Call) -> http::Response<bytes::Bytes> {
        let now_ms = self.clock().now_ms();
        let mut past = lock(&self.shared.past);
        let mut seen = match past.take().filter(|seen| is_recent(seen, now_ms)) {
            Some(seen) => seen,
            None => self.cloud().clone(),
        };
        let outcome = seen.call(call);
        *past = Some(seen);
        self.recorder().record(now_ms, call, &outcome);
        wire::encode(call, outcome)
    }

    /// One call that no fault strikes, no policy denies, no bucket counts and no recorder sees: what a test prepares or looks at
    /// itself.
    ///
    /// `input` has the members of the decoded call, `{"GroupId": ["sg-1"]}`; the answer is the decoded output.
    ///
    /// # Errors
    /// What AWS refuses.
    pub fn perform(
        &self,
        service: wire::Service,
        operation: &str,
        input: serde_json::Value,
    ) -> cloud::Outcome {
        self.dispatch(&wire::Call {
            service,
            protocol: wire::Protocol::Json { version: "1.1" },
            operation: operation.to_owned(),
            input,
        })
    }

    fn dispatch(&self, call: &wire::Call) -> cloud::Outcome {
        match call.service {
            wire::Service::DynamoDb => self.shared.dynamodb.call(&call.operation, &call.input),
            wire::Service::Ecs
            | wire::Service::ElasticLoadBalancing
            | wire::Service::Ec2
            | wire::Service::ApplicationAutoScaling
            | wire::Service::CloudWatch
            | wire::Service::Logs
            | wire::Service::Acm
            | wire::Service::Route53
            | wire::Service::Wafv2
            | wire::Service::Kms
            | wire::Service::StepFunctions
            | wire::Service::Sts
            | wire::Service::ResponseSink => self.cloud().call(call),
        }
    }
}

/// Whether a read may still be answered from what was kept then.
fn is_recent(seen: &Cloud, now_ms: u64) -> bool {
    now_ms.saturating_sub(seen.now_ms) <= fault::STALE_MS
}

/// A poisoned lock means that a panic ended another call; its state is as complete as that call left it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
