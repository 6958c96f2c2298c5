//! One run of a history: a clock, a queue of what is under way, and the tasks that wait for it.
//!
//! Stacks and invocations are futures, polled when their time comes; a call is an entry of the queue that has its effect
//! whether its caller lives or not. Nothing else is concurrent, and nothing is random but what the history's seed says.

mod invocation;
mod lambda;
mod land;

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use express_core::claim::RequestType;

use crate::attempt::Reply as WaiterReply;
use crate::aws::Aws;
use crate::cloudformation;
use crate::effect::{Answer, Effect, OperationId, Reply, RequestId};
use crate::history::{Happening, History, Properties, Service};
use crate::invariants::{self, Violation};
use crate::ledger::{Ledger, Ordinal};
use crate::rules::{Gap, Rule};

pub use invocation::Invocation;
pub use lambda::{Caller, Work};
pub use land::Touched;

/// Events of one history at most: beyond this it never comes to rest.
const EVENTS_MAX: u64 = 200_000;
/// Milliseconds between the last event and the sweep that finds what is left.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// How a run is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options {
    /// A rule that is left out.
    pub off: Option<Rule>,
    /// What the protocol is known not to hold against, and is asked for.
    pub gap: Option<Gap>,
    /// Whether what happens is written down.
    pub traces: bool,
}

/// How a run ended.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// What did not hold.
    pub violation: Option<Violation>,
    /// What happened, when it was asked for.
    pub trace: Vec<String>,
}

/// Everything that there is.
#[derive(Debug)]
pub struct State {
    /// Milliseconds since the beginning.
    pub now_ms: u64,
    /// What is played.
    pub history: Rc<History>,
    /// How.
    pub options: Options,
    /// The ledger.
    pub ledger: Ledger,
    /// The table as it was, to be restored.
    pub backup: Option<Ledger>,
    /// Whether the table was restored.
    pub is_restored: bool,
    /// The account.
    pub aws: Aws,
    /// The requests of each stack.
    pub requests: Vec<Vec<Request>>,
    /// The services that CloudFormation takes for existing, and has not asked to delete.
    pub live: BTreeMap<Service, Live>,
    /// Step Functions' executions by name.
    pub executions: BTreeMap<(OperationId, u64), Execution>,
    /// Times that a slot was given back in a pool.
    pub releases: BTreeMap<u8, u64>,
    /// What did not hold.
    pub violation: Option<Violation>,
    /// What happened.
    pub trace: Vec<String>,
    /// Stacks that are done with.
    pub done: usize,
    /// Whether the provider's stack was deleted: nobody calls the function any more.
    pub is_provider_gone: bool,
    /// Invocations that were made for pools.
    pool_invocations: u32,
    attempts: u64,
    sequence: u64,
    /// What comes, by time; the events are kept apart, so that sorting moves little.
    queue: BinaryHeap<Due>,
    events: Vec<Option<Event>>,
    unused: Vec<usize>,
    replies: Vec<Option<Reply>>,
}

/// A request as CloudFormation sent it.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is asked.
    pub request_type: RequestType,
    /// The id in the event.
    pub physical_id: Option<String>,
    /// The properties, but for a Delete.
    pub properties: Option<Properties>,
    /// When.
    pub sent_ms: u64,
    /// `ServiceTimeout`.
    pub timeout_s: u64,
    /// What arrived, in order.
    pub answers: Vec<Answer>,
    /// What CloudFormation read.
    pub seen: Option<Answer>,
    /// When CloudFormation began to read no answer any more.
    pub given_up_ms: Option<u64>,
    /// Whether Lambda has given up to deliver it.
    pub is_dead_letter: bool,
    /// Invocations that were made for it.
    pub invocations: u32,
}

/// A service that CloudFormation takes for existing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Live {
    /// The stack.
    pub stack: usize,
    /// Its version; none when an update failed in a way that leaves it open.
    pub version: Option<u32>,
}

/// An execution of the waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Execution {
    /// When it was started.
    pub started_ms: u64,
    /// Whether it runs.
    pub is_running: bool,
}

/// What comes next.
#[derive(Debug)]
pub enum Event {
    /// A task has waited long enough.
    Wake(usize),
    /// A call has its effect.
    Land {
        /// Whose it is.
        actor: usize,
        /// What.
        effect: Effect,
        /// Where the answer goes, if anybody waits for it.
        ticket: Option<usize>,
    },
    /// An invocation has run for as long as it may.
    Timeout(usize),
    /// Lambda delivers an event.
    Deliver(RequestId, usize),
    /// The waiter calls.
    WaiterCalls {
        /// For what.
        operation: OperationId,
        /// Which execution.
        number: u64,
        /// Whether for the last time.
        is_last: bool,
    },
    /// Something happens besides.
    Happens(Happening),
    /// The table is backed up.
    BackUp,
}

/// When an entry of the queue is due, its place in the order of those at the same time, and its event.
type Due = Reverse<(u64, u64, usize)>;

/// Something that waits.
struct Task {
    work: Pin<Box<dyn Future<Output = Option<WaiterReply>>>>,
    /// Who invoked it; none for a stack.
    caller: Option<Caller>,
}

/// The run.
pub struct World {
    state: RefCell<State>,
    tasks: RefCell<Vec<Option<Task>>>,
    current: Cell<usize>,
    /// Whether the process of the task that runs has just died.
    has_crashed: Cell<bool>,
}

impl World {
    /// Runs a history to its end.
    #[must_use]
    pub fn run(history: &Rc<History>, options: Options) -> Outcome {
        let world = Rc::new(Self {
            state: RefCell::new(State::new(history, options)),
            tasks: RefCell::default(),
            current: Cell::new(0),
            has_crashed: Cell::new(false),
        });
        world.begin();
        world.drain();
        if !history.restores_the_table() {
            let at_ms = world.state.borrow().now_ms + DAY_MS;
            let sweep = Event::Happens(Happening::Sweep { at_ms });
            world.state.borrow_mut().schedule(at_ms, sweep);
            world.drain();
        }
        // The tasks hold the world, and the world the tasks.
        world.tasks.borrow_mut().clear();
        let mut state = world.state.borrow_mut();
        if state.violation.is_none() {
            state.violation = invariants::at_rest(&state);
        }
        Outcome {
            violation: state.violation.take(),
            trace: std::mem::take(&mut state.trace),
        }
    }

    fn begin(self: &Rc<Self>) {
        let history = Rc::clone(&self.state.borrow().history);
        for stack in 0..history.stacks.len() {
            let work = cloudformation::play(Rc::clone(self), stack);
            self.spawn(Box::pin(work), None);
        }
        let mut state = self.state.borrow_mut();
        for happening in &history.happenings {
            let at_ms = match *happening {
                Happening::Sweep { at_ms } | Happening::ForeignRule { at_ms, .. } => at_ms,
                Happening::Restore { at_ms, by_ms } => {
                    state.schedule(at_ms.saturating_sub(by_ms), Event::BackUp);
                    at_ms
                }
                // Scheduled when the request is sent.
                Happening::WaiterDies { .. } => continue,
            };
            state.schedule(at_ms, Event::Happens(*happening));
        }
    }

    fn drain(self: &Rc<Self>) {
        let mut events = 0;
        loop {
            let next = {
                let mut state = self.state.borrow_mut();
                if state.violation.is_some() {
                    return;
                }
                let Some(Reverse((at_ms, _, index))) = state.queue.pop() else {
                    return;
                };
                state.now_ms = at_ms;
                state.unused.push(index);
                let Some(next) = state.events[index].take() else {
                    continue;
                };
                events += 1;
                if events > EVENTS_MAX {
                    state.violation = Some(Violation {
                        invariant: "everything comes to rest",
                        problem: format!("{EVENTS_MAX} events were not enough"),
                    });
                    return;
                }
                next
            };
            match next {
                Event::Wake(task) => self.poll(task),
                Event::Land {
                    actor,
                    effect,
                    ticket,
                } => self.state.borrow_mut().land(actor, effect, ticket),
                Event::Timeout(task) => self.time_out(task),
                Event::Deliver(request, tries) => self.deliver(request, tries),
                Event::WaiterCalls {
                    operation,
                    number,
                    is_last,
                } => self.waiter_calls(operation, number, is_last),
                Event::Happens(happening) => self.happen(happening),
                Event::BackUp => {
                    let mut state = self.state.borrow_mut();
                    state.backup = Some(state.ledger.clone());
                }
            }
        }
    }

    fn spawn(
        &self,
        work: Pin<Box<dyn Future<Output = Option<WaiterReply>>>>,
        caller: Option<Caller>,
    ) -> usize {
        let mut tasks = self.tasks.borrow_mut();
        tasks.push(Some(Task { work, caller }));
        let task = tasks.len() - 1;
        let mut state = self.state.borrow_mut();
        let now_ms = state.now_ms;
        state.schedule(now_ms, Event::Wake(task));
        task
    }

    fn poll(self: &Rc<Self>, index: usize) {
        let Some(mut task) = self.tasks.borrow_mut()[index].take() else {
            return;
        };
        self.current.set(index);
        let polled = task
            .work
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()));
        if self.has_crashed.replace(false) {
            self.ended(task.caller, None, "dies");
            return;
        }
        match polled {
            Poll::Ready(reply) => self.ended(task.caller, reply, "fails"),
            Poll::Pending => self.tasks.borrow_mut()[index] = Some(task),
        }
    }

    fn time_out(self: &Rc<Self>, index: usize) {
        let task = self.tasks.borrow_mut()[index].take();
        if let Some(task) = task {
            self.ended(task.caller, None, "runs out of time");
        }
    }

    /// Milliseconds since the beginning.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.state.borrow().now_ms
    }

    /// Everything that there is.
    pub fn state(&self) -> std::cell::RefMut<'_, State> {
        self.state.borrow_mut()
    }

    /// Waits until `ready`, which is asked whenever the task is woken, or until a time.
    pub async fn until(&self, at_ms: u64, ready: impl Fn(&State) -> bool) {
        let mut is_scheduled = false;
        std::future::poll_fn(|_| {
            let mut state = self.state.borrow_mut();
            if state.now_ms >= at_ms || ready(&state) {
                return Poll::Ready(());
            }
            if !is_scheduled {
                is_scheduled = true;
                state.schedule(at_ms, Event::Wake(self.current.get()));
            }
            Poll::Pending
        })
        .await;
    }
}

impl State {
    fn new(history: &Rc<History>, options: Options) -> Self {
        Self {
            now_ms: 0,
            history: Rc::clone(history),
            options,
            ledger: Ledger::default(),
            backup: None,
            is_restored: false,
            aws: Aws::default(),
            requests: vec![Vec::new(); history.stacks.len()],
            live: BTreeMap::new(),
            executions: BTreeMap::new(),
            releases: BTreeMap::new(),
            violation: None,
            trace: Vec::new(),
            done: 0,
            is_provider_gone: false,
            pool_invocations: 0,
            attempts: 0,
            sequence: 0,
            queue: BinaryHeap::new(),
            events: Vec::new(),
            unused: Vec::new(),
            replies: Vec::new(),
        }
    }

    /// Adds to what comes.
    pub fn schedule(&mut self, at_ms: u64, event: Event) {
        self.sequence += 1;
        let index = if let Some(index) = self.unused.pop() {
            self.events[index] = Some(event);
            index
        } else {
            self.events.push(Some(event));
            self.events.len() - 1
        };
        self.queue.push(Reverse((at_ms, self.sequence, index)));
    }

    /// Writes down what happens.
    pub fn note(&mut self, line: impl FnOnce() -> String) {
        if self.options.traces {
            let (seconds, milliseconds) = (self.now_ms / 1000, self.now_ms % 1000);
            self.trace
                .push(format!("{seconds:>6}.{milliseconds:03} {}", line()));
        }
    }

    /// A request.
    #[must_use]
    pub fn request(&self, id: RequestId) -> &Request {
        &self.requests[id.stack][id.number as usize]
    }

    /// A request.
    pub fn request_mut(&mut self, id: RequestId) -> &mut Request {
        &mut self.requests[id.stack][id.number as usize]
    }

    /// Whether the ledger knows a request.
    #[must_use]
    pub fn is_known(&self, id: RequestId) -> bool {
        let id_there = id.to_string().as_str().into();
        let Some(stored) = self.ledger.owners.get(&id.stack) else {
            return false;
        };
        let record = &stored.record;
        let open = record.operation.as_ref();
        record.is_over(&id_there) || open.is_some_and(|open| open.request_id == id_there)
    }

    /// Whether a rule is left out.
    #[must_use]
    pub fn is_off(&self, rule: Rule) -> bool {
        self.options.off == Some(rule)
    }

    /// The load balancers of a pool that have items, in order.
    pub fn ordinals(&self, pool: u8) -> impl Iterator<Item = Ordinal> {
        self.ledger
            .load_balancers
            .keys()
            .copied()
            .filter(move |at| at.pool == pool)
    }
}
