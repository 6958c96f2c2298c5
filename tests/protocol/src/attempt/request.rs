//! From an event to an open operation, as `handler/src/request.rs` has it.

mod taking;

use std::rc::Rc;

use express_core::claim::{Further, Request, RequestType, ServiceRecord};

use super::{ANSWER_MARGIN_S, Attempt, Known, Reply, ledger_reply};
use crate::effect::{Effect, RequestId, Response};
use crate::history::Properties;
use crate::ledger::arn;
use crate::world::Invocation;
use taking::Taking;

/// Takes up one event.
pub async fn receive(invocation: Invocation, id: RequestId) -> Option<Reply> {
    let is_guard = invocation.world.state().history.stacks[id.stack].is_provider;
    let (request, properties) = request_of(&invocation, id, is_guard);
    let taking = Taking {
        invocation: &invocation,
        id,
        request,
        properties,
    };
    if taking.request.request_type == RequestType::Create
        && let Some(taken) = taking.create_at_once().await
    {
        return taken;
    }
    taking.take_up().await
}

/// The next attempt at the operation that a waiter waits for.
pub async fn carry_on(invocation: Invocation, id: RequestId, is_last: bool) -> Option<Reply> {
    let found = ledger_reply(invocation.call(Effect::FindOwner).await).ok()?;
    let Response::Owner(Some(mut stored)) = found else {
        return Some(Reply::Done);
    };
    let name = id.to_string();
    let open = stored.record.operation.as_ref();
    if open.is_none_or(|open| open.request_id.as_str() != name) {
        return Some(Reply::Done);
    }
    if is_last && let Some(operation) = &mut Rc::make_mut(&mut stored).record.operation {
        operation.answer_by_ms = operation.answer_by_ms.min(invocation.now_ms());
    }
    let name = invocation.attempt_name();
    Attempt::new(&invocation, stored, name, Known::default())
        .run()
        .await
}

/// The request as core has it.
fn request_of(
    invocation: &Invocation,
    id: RequestId,
    waits_for_closings: bool,
) -> (Request, Option<Properties>) {
    let state = invocation.world.state();
    let sent = state.request(id);
    let converge = sent.properties.map(|properties| {
        let service = ServiceRecord {
            cluster: String::new(),
            name: String::new(),
            host: String::new(),
            is_answered: false,
            is_let_go: false,
            is_named: false,
            created_by: None,
            is_reached: false,
            is_doomed: false,
            claiming_in: None,
            leaving: None,
            alias_moved_ms: None,
            alias_change: None,
            has_test_rule: false,
            changed_ms: None,
            stands_at: None,
            hosted_zone_id: None,
            stays: Vec::new(),
            has_alias_record: false,
            alias_leads_to: None,
            slot: None,
            further: Further::new(),
        };
        (arn(properties.service), service)
    });
    let now_ms = state.now_ms;
    // The response URL was signed at a full second.
    let issued_ms = sent.sent_ms / 1000 * 1000;
    let timeout_ms = sent.timeout_s * 1000;
    let given_up_ms = issued_ms + timeout_ms;
    let request = Request {
        request_id: id.to_string().as_str().into(),
        request_type: sent.request_type,
        physical_id: sent.physical_id.clone(),
        converge,
        change: None,
        waits_for_closings,
        now_ms,
        issued_ms,
        answer_by_ms: given_up_ms - (ANSWER_MARGIN_S * 1000).min(timeout_ms / 2),
        given_up_ms,
    };
    (request, sent.properties)
}
