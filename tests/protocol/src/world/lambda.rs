//! Who invokes the function, and what becomes of an invocation's end: Lambda, the waiter, the schedule.

use std::rc::Rc;

use express_core::claim::{ISSUE_TIMES_DIFFER_MS, RequestType};

use super::invocation::LENGTH_MS;
use super::{Event, Invocation, World};
use crate::attempt::{Reply, pool_operation, request};
use crate::effect::{OperationId, RequestId};
use crate::history::{Happening, POOL_OPERATIONS};
use crate::rules::Gap;

/// Milliseconds before Lambda delivers an event that the function failed on: at once, then after one minute, then
/// after two more.
/// AWS: <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html>
const DELIVERY_PAUSES_MS: [u64; 3] = [0, 60_000, 120_000];
/// The waiter's pause after a call that failed (`templates/provider.yaml`).
const PAUSE_AFTER_FAILURE_MS: u64 = 20_000;
/// How long after its start the waiter tries again after a failure (`templates/provider.yaml`).
const FAILURES_UNTIL_MS: u64 = 3_300_000;

/// Who invoked the function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Lambda delivers an event; how often it has before.
    Lambda(RequestId, usize),
    /// The waiter.
    Waiter(OperationId, u64, bool),
    /// The schedule.
    Schedule,
}

/// What an invocation is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// CloudFormation's event.
    Request(RequestId),
    /// An operation goes on; whether nobody calls after this.
    Operation(OperationId, bool),
    /// The daily sweep.
    Sweep,
}

impl World {
    fn invoke(self: &Rc<Self>, work: Work, caller: Caller) {
        if self.state.borrow().is_provider_gone {
            return;
        }
        let invocation = {
            let mut state = self.state.borrow_mut();
            let (stack, request, number) = match work {
                Work::Request(id) | Work::Operation(OperationId::Request(id), _) => {
                    let request = state.request_mut(id);
                    request.invocations += 1;
                    (id.stack, id.number, request.invocations - 1)
                }
                Work::Operation(OperationId::Close(_), _) | Work::Sweep => {
                    state.pool_invocations += 1;
                    let number = state.pool_invocations - 1;
                    // A fault names the request as 0 to 3, so some of each kind are met.
                    (POOL_OPERATIONS, number % 4, number / 4)
                }
            };
            drop(state);
            Invocation::new(Rc::clone(self), stack, request, number)
        };
        self.state
            .borrow_mut()
            .note(|| format!("{invocation} begins: {work:?}"));
        let ends_ms = invocation.began_ms + LENGTH_MS;
        let future: std::pin::Pin<Box<dyn Future<Output = Option<Reply>>>> = match work {
            Work::Request(id) => Box::pin(request::receive(invocation, id)),
            Work::Operation(OperationId::Request(id), is_last) => {
                Box::pin(request::carry_on(invocation, id, is_last))
            }
            Work::Operation(OperationId::Close(at), _) => {
                Box::pin(pool_operation::carry_on(invocation, at))
            }
            Work::Sweep => Box::pin(pool_operation::sweep(invocation)),
        };
        let task = self.spawn(future, Some(caller));
        self.state
            .borrow_mut()
            .schedule(ends_ms, Event::Timeout(task));
    }

    pub(super) fn deliver(self: &Rc<Self>, id: RequestId, tries: usize) {
        if !self.is_too_close_to_tell(id) && !self.is_forgotten(id) {
            self.invoke(Work::Request(id), Caller::Lambda(id, tries));
        }
    }

    /// Whether a request was over when the table was restored, which does not know of it any more.
    fn is_forgotten(&self, id: RequestId) -> bool {
        let state = self.state.borrow();
        let request = state.request(id);
        let is_over = request.seen.is_some() || request.given_up_ms.is_some();
        state.is_restored && is_over && !state.is_known(id)
    }

    /// Whether CloudFormation has asked for something else within [`ISSUE_TIMES_DIFFER_MS`], and the ledger knows
    /// nothing of the request: its issue time does not tell then that it is over.
    fn is_too_close_to_tell(&self, id: RequestId) -> bool {
        let state = self.state.borrow();
        let request = state.request(id);
        let next = state.requests[id.stack].get(id.number as usize + 1);
        let is_close =
            next.is_some_and(|next| next.sent_ms <= request.sent_ms + ISSUE_TIMES_DIFFER_MS + 1000);
        is_close
            && request.request_type != RequestType::Create
            && state.options.gap != Some(Gap::IssueTimesClose)
            && !state.is_known(id)
    }

    pub(super) fn waiter_calls(
        self: &Rc<Self>,
        operation: OperationId,
        number: u64,
        is_last: bool,
    ) {
        let is_running = self
            .state
            .borrow()
            .executions
            .get(&(operation, number))
            .is_some_and(|execution| execution.is_running);
        if is_running {
            self.invoke(
                Work::Operation(operation, is_last),
                Caller::Waiter(operation, number, is_last),
            );
        }
    }

    /// An invocation has ended: with a reply, or, having failed or died, without.
    pub(super) fn ended(&self, caller: Option<Caller>, reply: Option<Reply>, without: &str) {
        let Some(caller) = caller else {
            return;
        };
        let mut state = self.state.borrow_mut();
        let now_ms = state.now_ms;
        state.note(|| match reply {
            Some(reply) => format!("{caller:?} gets {reply:?}"),
            None => format!("{caller:?}: the invocation {without}"),
        });
        match caller {
            Caller::Schedule => {}
            Caller::Lambda(id, tries) => {
                if reply.is_none() {
                    match DELIVERY_PAUSES_MS.get(tries + 1) {
                        Some(pause_ms) => {
                            state.schedule(now_ms + pause_ms, Event::Deliver(id, tries + 1));
                        }
                        None => state.request_mut(id).is_dead_letter = true,
                    }
                }
            }
            Caller::Waiter(operation, number, is_last) => {
                let Some(execution) = state.executions.get_mut(&(operation, number)) else {
                    return;
                };
                let (pause_ms, is_next_last) = match reply {
                    Some(Reply::Wait(seconds)) if !is_last => (seconds * 1000, false),
                    None if !is_last => {
                        let is_late = now_ms >= execution.started_ms + FAILURES_UNTIL_MS;
                        (PAUSE_AFTER_FAILURE_MS, is_late)
                    }
                    Some(_) | None => {
                        execution.is_running = false;
                        return;
                    }
                };
                state.schedule(
                    now_ms + pause_ms,
                    Event::WaiterCalls {
                        operation,
                        number,
                        is_last: is_next_last,
                    },
                );
            }
        }
    }

    pub(super) fn happen(self: &Rc<Self>, happening: Happening) {
        self.state
            .borrow_mut()
            .note(|| format!("happens: {happening:?}"));
        match happening {
            Happening::Sweep { .. } => self.invoke(Work::Sweep, Caller::Schedule),
            Happening::ForeignRule {
                pool,
                ordinal,
                slot,
                ..
            } => {
                let at = crate::ledger::Ordinal {
                    pool,
                    number: ordinal,
                };
                // Where the priority is taken or there is no load balancer, people are refused.
                let _refused = self.state.borrow_mut().aws.create_rule(at, slot, None);
            }
            Happening::WaiterDies {
                stack,
                request,
                delivered_ms,
                ..
            } => {
                let id = RequestId {
                    stack,
                    number: request,
                };
                let mut state = self.state.borrow_mut();
                for ((operation, _), execution) in &mut state.executions {
                    if *operation == OperationId::Request(id) {
                        execution.is_running = false;
                    }
                }
                let at_ms = state.now_ms + delivered_ms;
                state.schedule(at_ms, Event::Deliver(id, 0));
            }
            Happening::Restore { .. } => {
                let mut state = self.state.borrow_mut();
                if let Some(backup) = state.backup.take() {
                    state.ledger = backup;
                    state.is_restored = true;
                }
            }
        }
    }
}
