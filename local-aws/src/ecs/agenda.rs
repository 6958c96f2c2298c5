//! What happens when: the engine's appointments, earliest first.
//!
//! An appointment is never withdrawn. Its subject knows the time that it waits for, and lets one that
//! has another time pass.

use std::collections::BTreeSet;

/// Whose turn it is, by ARN.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// A task moves on by itself.
    Task(String),
    /// The scheduler looks at a service.
    Service(String),
}

/// The appointments; at the same time tasks come before services, which then see where they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Agenda {
    appointments: BTreeSet<(u64, Subject)>,
}

impl Agenda {
    pub(super) fn add(&mut self, at_ms: u64, subject: Subject) {
        self.appointments.insert((at_ms, subject));
    }

    pub(super) fn next_due_ms(&self) -> Option<u64> {
        self.appointments.first().map(|(at_ms, _)| *at_ms)
    }

    pub(super) fn take_due(&mut self, now_ms: u64) -> Option<(u64, Subject)> {
        self.next_due_ms().filter(|at_ms| *at_ms <= now_ms)?;
        self.appointments.pop_first()
    }
}
