//! One request: sent, then waited for until it is answered, given up or cancelled.

use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::task::{Context, Poll, Waker};

use serde_json::{Map, Value};

use super::RequestType;
use super::answer::{self, Arrived};
use super::event;
use crate::history::Event;
use crate::world::World;

/// How long CloudFormation waits when the template does not say, in seconds; also the longest.
/// AWS: <https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-cloudformation-customresource.html>
const SERVICE_TIMEOUT_S: u64 = 3600;

/// What is to be sent.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) request_type: RequestType,
    pub(super) logical_id: String,
    pub(super) physical_id: Option<String>,
    pub(super) properties: Value,
    pub(super) old_properties: Option<Value>,
}

/// What CloudFormation saw of one request.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// The stack's name.
    pub stack: String,
    /// The resource.
    pub logical_id: String,
    /// The request.
    pub request_id: String,
    /// What was asked.
    pub request_type: RequestType,
    /// The physical id in the event.
    pub sent_id: Option<String>,
    /// How it went.
    pub status: SeenStatus,
    /// The answer's `Reason`, or CloudFormation's own.
    pub reason: String,
    /// The answer's physical id.
    pub physical_id: Option<String>,
    /// The answer's `Data`.
    pub data: Map<String, Value>,
    /// Milliseconds since the epoch.
    pub sent_ms: u64,
    /// Milliseconds since the epoch.
    pub seen_ms: u64,
}

/// How a request went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SeenStatus {
    /// Answered SUCCESS.
    Success,
    /// Answered FAILED, or with what CloudFormation does not accept.
    Failed,
    /// Not answered within `ServiceTimeout`.
    TimedOut,
    /// Given up because something else in the stack failed. What is answered later is not read.
    Cancelled,
}

impl Seen {
    /// Whether it was answered SUCCESS.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.status == SeenStatus::Success
    }

    /// Seconds from the event to the answer.
    #[must_use]
    pub const fn seconds(&self) -> u64 {
        (self.seen_ms - self.sent_ms) / 1000
    }
}

/// Tells everybody in a stack that something failed.
#[derive(Default)]
pub(super) struct Cancellation {
    is_cancelled: Cell<bool>,
    waiting: RefCell<Vec<Waker>>,
}

impl Cancellation {
    pub(super) fn cancel(&self) {
        self.is_cancelled.set(true);
        self.waiting.take().into_iter().for_each(Waker::wake);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.is_cancelled.get()
    }

    fn poll(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_cancelled.get() {
            return Poll::Ready(());
        }
        self.waiting.borrow_mut().push(context.waker().clone());
        Poll::Pending
    }
}

enum Ended {
    Answered(Arrived),
    TimedOut,
    Cancelled,
}

/// Sends a request and waits.
pub(super) async fn send(
    world: &World,
    stack: (&str, &str),
    request: Request,
    cancellation: &Cancellation,
) -> Seen {
    let (stack_name, stack_id) = stack;
    let event = event::of(world, stack_id, &request);
    let sent_ms = world.now_ms();
    world.send(event.clone());
    let url = event["ResponseURL"].as_str().unwrap_or_default();
    let mut timeout = Box::pin(world.sleep_s(service_timeout(&request.properties)));
    let ended = poll_fn(|context| {
        if let Poll::Ready(arrived) = world.answers().poll(url, context) {
            return Poll::Ready(Ended::Answered(arrived));
        }
        if cancellation.poll(context).is_ready() {
            return Poll::Ready(Ended::Cancelled);
        }
        timeout.as_mut().poll(context).map(|()| Ended::TimedOut)
    })
    .await;
    let mut seen = Seen {
        stack: stack_name.to_owned(),
        logical_id: request.logical_id,
        request_id: event["RequestId"].as_str().unwrap_or_default().to_owned(),
        request_type: request.request_type,
        sent_id: request.physical_id,
        status: SeenStatus::Cancelled,
        reason: "Resource creation cancelled".to_owned(),
        physical_id: None,
        data: Map::new(),
        sent_ms,
        seen_ms: world.now_ms(),
    };
    match ended {
        Ended::Cancelled => {}
        Ended::TimedOut => {
            seen.status = SeenStatus::TimedOut;
            seen.reason =
                "CloudFormation did not receive a response from your Custom Resource".to_owned();
        }
        Ended::Answered(arrived) => seen.read(&arrived, &event),
    }
    world.history().events.push(Event::Saw(seen.clone()));
    seen
}

impl Seen {
    fn read(&mut self, arrived: &Arrived, event: &Value) {
        self.seen_ms = arrived.at_ms;
        match answer::check(&arrived.put, event) {
            Ok(answer) => {
                self.status = if answer.is_success {
                    SeenStatus::Success
                } else {
                    SeenStatus::Failed
                };
                self.physical_id = Some(answer.physical_id);
                self.reason = answer.reason.unwrap_or_default();
                self.data = answer.data;
            }
            Err(problem) => {
                self.status = SeenStatus::Failed;
                self.reason = format!("Invalid response object: {problem}");
            }
        }
    }
}

fn service_timeout(properties: &Value) -> u64 {
    properties["ServiceTimeout"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or(SERVICE_TIMEOUT_S)
        .min(SERVICE_TIMEOUT_S)
}
