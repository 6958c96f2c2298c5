//! A history as data: what CloudFormation, people and chance do. Everything else follows from it.
//!
//! Each invocation draws its delays from a generator of its own, seeded by the history's seed and by which invocation it
//! is. So a history from which one event was taken out still runs the rest nearly as before, and can be shrunk.

mod generate;

/// A service, by the name that its ARN ends with. Two names share a host name from [`SHARED_NAMES`] on.
pub type Service = u16;

/// Names from here on are asked for by several stacks, and two neighbours have one host name, as `a-b` in the cluster
/// `default` and `a` in the cluster `b` have.
pub const SHARED_NAMES: Service = 1000;

/// The stack that a fault of a pool operation names.
pub const POOL_OPERATIONS: usize = usize::MAX;

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct History {
    /// What all delays are drawn from.
    pub seed: u64,
    /// Services on one load balancer at most.
    pub capacity: u64,
    /// The stacks: one resource each.
    pub stacks: Vec<Script>,
    /// What goes wrong, call by call.
    pub faults: Vec<Fault>,
    /// What happens besides.
    pub happenings: Vec<Happening>,
}

/// What is done with one stack, one after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Script {
    /// Whether it is the provider's own stack: once all others are done with, the guard in it is deleted.
    pub is_provider: bool,
    /// The pool (VPC and scheme) of its service.
    pub pool: u8,
    /// The changes.
    pub acts: Vec<Act>,
}

/// One change of a stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Act {
    /// Milliseconds after the change before.
    pub after_ms: u64,
    /// What is asked.
    pub change: Change,
    /// Milliseconds until something else in the stack fails, which cancels this.
    pub cancelled_after_ms: Option<u64>,
    /// Whether something else in the stack fails once this has succeeded.
    pub sibling_fails: bool,
    /// What follows a replacement that is undone.
    pub undone_by: UndoneBy,
    /// `ServiceTimeout` in seconds.
    pub timeout_s: u64,
    /// Milliseconds after which Lambda delivers the event once more.
    pub duplicates_ms: Vec<u64>,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Create or Update to these properties.
    Deploy(Properties),
    /// Delete.
    Delete,
}

/// The properties of a service, as far as they matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Properties {
    /// The name.
    pub service: Service,
    /// Everything that needs a deployment.
    pub version: u32,
    /// How that deployment goes.
    pub deployment: Deployment,
}

/// How a deployment goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deployment {
    /// Milliseconds that it takes.
    pub takes_ms: u64,
    /// Whether it succeeds.
    pub succeeds: bool,
}

/// What CloudFormation does after a replacement that failed or is undone; both have been observed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UndoneBy {
    /// It deletes the id that was answered.
    DeleteAnsweredId,
    /// It sends the old properties under that id, and deletes it when another is answered.
    UpdateBack,
    /// The same, but the service of before does not come up again, and a person deletes the stack.
    UpdateBackInVain,
}

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The stack, or [`POOL_OPERATIONS`].
    pub stack: usize,
    /// Which of its requests.
    pub request: u32,
    /// Which invocation for that request.
    pub invocation: u32,
    /// Which call of that invocation.
    pub call: u32,
    /// What.
    pub kind: FaultKind,
}

/// What can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// The process dies before it calls.
    CrashBefore,
    /// The process dies when the call has had its effect.
    CrashAfter,
    /// The process dies, and the call has its effect so much later.
    CrashLate(u64),
    /// No answer comes, and the call has its effect so much later.
    Lost(u64),
    /// AWS throttles the call.
    Throttled,
}

/// What happens besides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Happening {
    /// The daily sweep.
    Sweep {
        /// Milliseconds since the beginning.
        at_ms: u64,
    },
    /// People make a rule of their own where a slot's priority would be.
    ForeignRule {
        /// Milliseconds since the beginning.
        at_ms: u64,
        /// The pool.
        pool: u8,
        /// The ordinal.
        ordinal: u64,
        /// The slot.
        slot: u64,
    },
    /// The waiter of a request dies, and Lambda delivers the event once more.
    WaiterDies {
        /// The stack.
        stack: usize,
        /// Which of its requests.
        request: u32,
        /// Milliseconds after the request.
        after_ms: u64,
        /// Milliseconds from then to the delivery.
        delivered_ms: u64,
    },
    /// The table is restored as it was earlier.
    Restore {
        /// Milliseconds since the beginning.
        at_ms: u64,
        /// So many milliseconds earlier.
        by_ms: u64,
    },
}

impl History {
    /// Whether anything was lost that the protocol cannot know of.
    #[must_use]
    pub fn restores_the_table(&self) -> bool {
        self.happenings
            .iter()
            .any(|happening| matches!(happening, Happening::Restore { .. }))
    }
}
