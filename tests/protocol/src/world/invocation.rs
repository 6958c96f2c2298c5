//! One invocation of the function, as its code sees the world: calls that take time and may go wrong.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use fastrand::Rng;

use super::{Event, World};
use crate::effect::{Effect, Reply};
use crate::history::FaultKind;
use crate::rules::Rule;

/// Milliseconds that an invocation may live: the function's timeout.
pub(super) const LENGTH_MS: u64 = 60_000;
/// Milliseconds after which the SDK gives a call up.
const CALL_MS: u64 = 10_000;
/// Milliseconds beyond an invocation's life within which its last call has its effect, less than the margin of
/// `express_core::claim::ATTEMPT_MARGIN_S`.
const LATE_MS: u64 = 14_000;

/// One invocation.
pub struct Invocation {
    /// The world it runs in.
    pub world: Rc<World>,
    /// The stack that it works for, or that of pool operations.
    pub stack: usize,
    /// The request that it works for.
    pub request: u32,
    /// Which invocation for that request.
    pub number: u32,
    /// When it began.
    pub began_ms: u64,
    rng: RefCell<Rng>,
    calls: Cell<u32>,
}

impl Invocation {
    pub(super) fn new(world: Rc<World>, stack: usize, request: u32, number: u32) -> Self {
        let (seed, began_ms) = {
            let state = world.state.borrow();
            (state.history.seed, state.now_ms)
        };
        let mut seed = Rng::with_seed(seed);
        let parts = [stack as u64, u64::from(request), u64::from(number)];
        let mixed = parts.into_iter().fold(seed.u64(..), |mixed, part| {
            (mixed ^ part)
                .wrapping_mul(0x9e37_79b9_7f4a_7c15)
                .rotate_left(29)
        });
        Self {
            world,
            stack,
            request,
            number,
            began_ms,
            rng: RefCell::new(Rng::with_seed(mixed)),
            calls: Cell::new(0),
        }
    }

    /// Milliseconds since the beginning, by this function's clock.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.world.now_ms()
    }

    /// Whether a rule is left out.
    #[must_use]
    pub fn is_off(&self, rule: Rule) -> bool {
        self.world.state.borrow().is_off(rule)
    }

    /// A name for an attempt that no other attempt has.
    #[must_use]
    pub fn attempt_name(&self) -> String {
        let mut state = self.world.state.borrow_mut();
        state.attempts += 1;
        format!("a{}", state.attempts)
    }

    /// Waits.
    pub async fn sleep_ms(&self, milliseconds: u64) {
        let at_ms = self.now_ms() + milliseconds;
        self.world.until(at_ms, |_| false).await;
    }

    /// Makes one call.
    pub async fn call(&self, effect: Effect) -> Reply {
        let unknown = effect.unknown();
        match self.begin(effect, self.now_ms()) {
            Begun::Answered(reply, ends_ms) => {
                self.world.until(ends_ms, |_| false).await;
                reply
            }
            Begun::Under(ticket, ends_ms) => {
                self.world.until(ends_ms, |_| false).await;
                let landed = self.world.state.borrow_mut().replies[ticket].take();
                landed.unwrap_or(Err(unknown))
            }
            Begun::Crashed => {
                self.world.has_crashed.set(true);
                std::future::pending().await
            }
        }
    }

    /// Makes calls side by side, and waits until all have ended.
    pub async fn calls(&self, effects: Vec<Effect>) -> Vec<Reply> {
        let now_ms = self.now_ms();
        let mut ends_ms = now_ms;
        let mut pending = Vec::with_capacity(effects.len());
        for effect in effects {
            let unknown = effect.unknown();
            match self.begin(effect, now_ms) {
                Begun::Answered(reply, at_ms) => {
                    ends_ms = ends_ms.max(at_ms);
                    pending.push((unknown, Some(reply), None));
                }
                Begun::Under(ticket, at_ms) => {
                    ends_ms = ends_ms.max(at_ms);
                    pending.push((unknown, None, Some(ticket)));
                }
                Begun::Crashed => {
                    self.world.has_crashed.set(true);
                    std::future::pending::<()>().await;
                }
            }
        }
        self.world.until(ends_ms, |_| false).await;
        let mut state = self.world.state.borrow_mut();
        pending
            .into_iter()
            .map(|(unknown, reply, ticket)| {
                let landed = ticket.and_then(|ticket: usize| state.replies[ticket].take());
                reply.or(landed).unwrap_or(Err(unknown))
            })
            .collect()
    }

    fn begin(&self, effect: Effect, now_ms: u64) -> Begun {
        let call = self.calls.replace(self.calls.get() + 1);
        let mut state = self.world.state.borrow_mut();
        let fault = state
            .history
            .faults
            .iter()
            .find(|fault| {
                fault.call == call
                    && fault.invocation == self.number
                    && fault.request == self.request
                    && fault.stack == self.stack
            })
            .map(|fault| fault.kind);
        let mut rng = self.rng.borrow_mut();
        let lands_ms = now_ms
            + if rng.u32(0..24) == 0 {
                rng.u64(0..9_000)
            } else {
                rng.u64(1..300)
            };
        let returns_ms = lands_ms + rng.u64(1..100);
        let latest_ms = self.began_ms + LENGTH_MS + LATE_MS;
        if let Some(kind) = fault {
            state.note(|| format!("{self} {kind:?} at {effect}"));
        }
        let actor = self.stack;
        let late = |at_ms: u64, effect: Effect| {
            let land = Event::Land {
                actor,
                effect,
                ticket: None,
            };
            (latest_ms.min(at_ms), land)
        };
        let (lands, begun) = match fault {
            None => {
                state.replies.push(None);
                let ticket = state.replies.len() - 1;
                let land = Event::Land {
                    actor,
                    effect,
                    ticket: Some(ticket),
                };
                (Some((lands_ms, land)), Begun::Under(ticket, returns_ms))
            }
            Some(FaultKind::CrashBefore) => (None, Begun::Crashed),
            Some(FaultKind::CrashAfter) => (Some(late(now_ms, effect)), Begun::Crashed),
            Some(FaultKind::CrashLate(by_ms)) => {
                (Some(late(now_ms + by_ms, effect)), Begun::Crashed)
            }
            Some(FaultKind::Lost(by_ms)) => {
                let answered = Begun::Answered(Err(effect.unknown()), now_ms + CALL_MS);
                (Some(late(now_ms + by_ms, effect)), answered)
            }
            Some(FaultKind::Throttled) => {
                (None, Begun::Answered(Err(effect.throttled()), returns_ms))
            }
        };
        if let Some((at_ms, land)) = lands {
            state.schedule(at_ms, land);
        }
        begun
    }
}

enum Begun {
    Answered(Reply, u64),
    Under(usize, u64),
    Crashed,
}

impl std::fmt::Display for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.stack == crate::history::POOL_OPERATIONS {
            write!(f, "pool/{}", self.number)
        } else {
            write!(f, "r{}-{}/{}", self.stack, self.request, self.number)
        }
    }
}
