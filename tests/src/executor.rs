//! A single-threaded executor on a virtual clock: deterministic, and aware of rounds.
//!
//! In a round every task that was woken is polled once, in the order in which the tasks were made. A
//! call of the SDK takes one round ([`crate::gate`]), so calls of one task in one round were made side by
//! side and calls in different rounds one after another. Time moves only when no task is awake.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use futures::future::LocalBoxFuture;
use local_aws::clock::VirtualClock;

/// Simulated time after which a run is taken to go round in circles: the longest honest one, a few
/// operations that each use up CloudFormation's hour, is far below.
const RUN_MS_MAX: u64 = 7 * 24 * 3600 * 1000;

/// Rounds without time moving after which a run is taken to spin.
const ROUNDS_AT_ONE_TIME_MAX: u64 = 1_000_000;

/// Runs tasks on the thread that calls it.
pub struct Executor {
    clock: VirtualClock,
    round: Arc<AtomicU64>,
    tasks: RefCell<BTreeMap<u64, Task>>,
    tasks_made: Cell<u64>,
}

/// Why a run does not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Stuck {
    /// No task is awake, and none sleeps.
    #[error("every task waits for something that never comes")]
    Waits,
    /// Time passes without end.
    #[error("the run goes round in circles")]
    Circles,
    /// Time does not pass any more.
    #[error("tasks wake each other without end")]
    Spins,
}

struct Task {
    future: LocalBoxFuture<'static, ()>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Executor {
    /// An executor without tasks.
    #[must_use]
    pub fn new(clock: VirtualClock) -> Self {
        Self {
            clock,
            round: Arc::default(),
            tasks: RefCell::default(),
            tasks_made: Cell::default(),
        }
    }

    /// The number of the current round, for those who must wait for the next.
    #[must_use]
    pub fn round(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.round)
    }

    /// Adds a task. It runs to its end whether or not the handle is kept.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = T> + 'static) -> Handle<T> {
        let slot = Rc::new(Slot {
            value: RefCell::default(),
            waiting: RefCell::default(),
        });
        let filled = Rc::clone(&slot);
        let task = Task {
            future: Box::pin(async move {
                let value = future.await;
                filled.value.replace(Some(value));
                if let Some(waker) = filled.waiting.take() {
                    waker.wake();
                }
            }),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        };
        let id = self.tasks_made.get();
        self.tasks_made.set(id + 1);
        self.tasks.borrow_mut().insert(id, task);
        Handle(slot)
    }

    /// Runs until `handle`'s task has ended; `after_round` is called after every round.
    ///
    /// # Errors
    /// When that never comes.
    pub fn block_on<T>(&self, handle: &Handle<T>, after_round: &dyn Fn()) -> Result<T, Stuck> {
        let end_ms = self.clock.now_ms() + RUN_MS_MAX;
        loop {
            self.run_until_stalled(after_round)?;
            if let Some(value) = handle.0.value.take() {
                return Ok(value);
            }
            self.advance(end_ms)?;
        }
    }

    /// Runs until no task is left.
    ///
    /// # Errors
    /// When that never comes.
    pub fn run_to_end(&self, after_round: &dyn Fn()) -> Result<(), Stuck> {
        let end_ms = self.clock.now_ms() + RUN_MS_MAX;
        loop {
            self.run_until_stalled(after_round)?;
            if self.tasks.borrow().is_empty() {
                return Ok(());
            }
            self.advance(end_ms)?;
        }
    }

    /// Lets time pass until something happens.
    fn advance(&self, end_ms: u64) -> Result<(), Stuck> {
        if !self.clock.advance_to_next_sleeper() {
            Err(Stuck::Waits)
        } else if self.clock.now_ms() > end_ms {
            Err(Stuck::Circles)
        } else {
            Ok(())
        }
    }

    fn run_until_stalled(&self, after_round: &dyn Fn()) -> Result<(), Stuck> {
        for _ in 0..ROUNDS_AT_ONE_TIME_MAX {
            // Before the look at who is awake: it may add tasks and wake those that wait for an answer.
            after_round();
            let awake: Vec<u64> = self
                .tasks
                .borrow()
                .iter()
                .filter(|(_, task)| task.woken.0.swap(false, Ordering::SeqCst))
                .map(|(id, _)| *id)
                .collect();
            if awake.is_empty() {
                return Ok(());
            }
            self.round.fetch_add(1, Ordering::SeqCst);
            for id in awake {
                self.poll(id);
            }
        }
        Err(Stuck::Spins)
    }

    /// The task is outside the list while it runs, so that it may add others.
    fn poll(&self, id: u64) {
        let Some(mut task) = self.tasks.borrow_mut().remove(&id) else {
            return;
        };
        let waker = Waker::from(Arc::clone(&task.woken));
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_pending() {
            self.tasks.borrow_mut().insert(id, task);
        }
    }
}

/// The end of a task, to be waited for.
pub struct Handle<T>(Rc<Slot<T>>);

struct Slot<T> {
    value: RefCell<Option<T>>,
    waiting: RefCell<Option<Waker>>,
}

impl<T> Future for Handle<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        if let Some(value) = self.0.value.take() {
            return Poll::Ready(value);
        }
        self.0.waiting.replace(Some(context.waker().clone()));
        Poll::Pending
    }
}

/// Waits until a later round than the current one.
pub(crate) async fn next_round(round: &AtomicU64) {
    let now = round.load(Ordering::SeqCst);
    std::future::poll_fn(|context| {
        if round.load(Ordering::SeqCst) > now {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
