//! What happened in a world, in order: what traces, call counts and invariants are made of.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use local_aws::recorder::Recorded;
use serde_json::Value;

use crate::cloudformation::Seen;

/// Everything that happened, oldest first.
#[derive(Debug, Default)]
pub struct History {
    /// The events.
    pub events: Vec<Event>,
    /// What an older version of the provider has dropped of what a newer one had written.
    pub lost: Vec<String>,
}

/// One thing that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// CloudFormation sent a request.
    Sent {
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// The event of the function.
        event: Value,
    },
    /// An attempt began.
    Started {
        /// Its number, from 1.
        attempt: u64,
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// What the function was called with.
        input: Value,
    },
    /// An attempt made a call, which was carried out.
    Called(Box<Call>),
    /// A fault ended an attempt.
    Crashed {
        /// Its number.
        attempt: u64,
    },
    /// An attempt is over.
    Ended {
        /// Its number.
        attempt: u64,
        /// Milliseconds since the epoch.
        at_ms: u64,
        /// How it ended.
        end: AttemptEnd,
    },
    /// What CloudFormation made of a request.
    Saw(Seen),
    /// An execution of the waiter ended.
    WaiterEnded {
        /// The execution's name.
        name: String,
        /// Whether it ended as Succeeded.
        status: local_aws::sfn::ExecutionStatus,
    },
}

/// One call of an attempt.
#[derive(Clone, Debug)]
pub struct Call {
    /// The attempt's number.
    pub attempt: u64,
    /// The executor's round: calls of one attempt in one round are side by side.
    pub round: u64,
    /// What was called, and what came of it.
    pub recorded: Arc<Recorded>,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AttemptEnd {
    /// The function returned.
    Returned(Value),
    /// The function returned an error.
    Failed(String),
    /// The process died.
    Crashed,
    /// Lambda ended it at its timeout.
    TimedOut,
}

/// A poisoned lock means that a test has already panicked; what it left is still worth printing.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// What the latest attempt returned, or its error; nothing if it is not this one, or returned nothing.
    pub(crate) fn returned(&self, number: u64) -> String {
        match self.events.last() {
            Some(Event::Ended { attempt, end, .. }) if *attempt == number => match end {
                AttemptEnd::Returned(value) => value.to_string(),
                AttemptEnd::Failed(error) => error.clone(),
                AttemptEnd::Crashed | AttemptEnd::TimedOut => String::new(),
            },
            Some(_) | None => String::new(),
        }
    }

    /// The calls, oldest first.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.events.iter().filter_map(|event| match event {
            Event::Called(call) => Some(&**call),
            Event::Sent { .. }
            | Event::Started { .. }
            | Event::Crashed { .. }
            | Event::Ended { .. }
            | Event::Saw(_)
            | Event::WaiterEnded { .. } => None,
        })
    }

    /// What CloudFormation saw, oldest first.
    pub fn seen(&self) -> impl Iterator<Item = &Seen> {
        self.events.iter().filter_map(|event| match event {
            Event::Saw(seen) => Some(seen),
            Event::Sent { .. }
            | Event::Started { .. }
            | Event::Called(_)
            | Event::Crashed { .. }
            | Event::Ended { .. }
            | Event::WaiterEnded { .. } => None,
        })
    }

    /// The events that CloudFormation sent, oldest first.
    pub fn sent(&self) -> impl Iterator<Item = &Value> {
        self.events.iter().filter_map(|event| match event {
            Event::Sent { event, .. } => Some(event),
            Event::Started { .. }
            | Event::Called(_)
            | Event::Crashed { .. }
            | Event::Ended { .. }
            | Event::Saw(_)
            | Event::WaiterEnded { .. } => None,
        })
    }
}
