//! Any sequence of events.

use proptest::prelude::*;

use super::{INVENTED, SHOP, WEB, create, decide, delete, done, owner, update};
use crate::claim::{
    FINISHED_REQUESTS_MAX, OwnerRecord, Reception, Request, RequestId, RequestType,
};

/// What may happen to one owner.
#[derive(Clone, Debug)]
enum Event {
    /// A request, new or sent before, arrives.
    Arrive(Box<Request>),
    /// The open operation is answered, and CloudFormation hears it or does not.
    Answer { is_success: bool, heard: bool },
    /// The first of the ended requests is answered.
    AnswerSuperseded,
}

fn any_event() -> impl Strategy<Value = Event> {
    let arn = || prop::sample::select(vec![WEB, SHOP]);
    let id = prop::sample::select(vec![WEB, SHOP, INVENTED]);
    let issued_s = prop::sample::select(vec![1, 1, 1, 2]);
    let request = (0..3_u8, 0..12_u8, arn(), id, issued_s);
    let request = request.prop_map(|(kind, number, arn, id, issued_s)| {
        // What is asked under an id is always the same: its kind is part of it.
        let request_id = format!("{kind}-{number}-{arn}-{id}");
        let request = match kind {
            0 => create(&request_id, arn),
            1 => update(&request_id, id, arn),
            _ => delete(&request_id, id),
        };
        // All are issued within the time by which the clocks differ, so that the order says nothing.
        Request {
            request_id: RequestId::new(&request_id, Some(issued_s * 1_000)),
            ..request
        }
    });
    prop_oneof![
        3 => request.prop_map(|request| Event::Arrive(Box::new(request))),
        2 => any::<(bool, bool)>().prop_map(|(is_success, heard)| Event::Answer { is_success, heard }),
        1 => Just(Event::AnswerSuperseded),
    ]
}

/// Applies one event; `over` are the requests that have ended, newest last.
fn happen(
    record: &mut OwnerRecord,
    event: &Event,
    over: &mut Vec<RequestId>,
) -> Result<(), TestCaseError> {
    match event {
        Event::Arrive(request) => {
            let before = record.clone();
            let reception = record.receive(request, Some("sealed"));
            let mut remembered = over.iter().rev().take(FINISHED_REQUESTS_MAX);
            if remembered.any(|id| *id == request.request_id) {
                prop_assert_eq!(&reception, &Reception::Finished);
            }
            let mut known = record.operation.iter().map(|open| &open.request_id);
            if known.any(|open| open.is_later_use_of(&request.request_id)) {
                prop_assert_eq!(&reception, &Reception::Finished);
            }
            if let Reception::Begin(begun) = reception {
                check_begun(&before, request, &begun)?;
                if let Some(ended) = &before.operation {
                    over.push(ended.request_id.clone());
                }
                *record = *begun;
            }
        }
        Event::Answer { is_success, heard } => {
            let Some(open) = record.operation.clone() else {
                return Ok(());
            };
            let answered = open.converge.or(open.physical_id).unwrap_or_default();
            decide(record, *is_success, &answered);
            if *is_success {
                for arn in &open.remove {
                    record.services.remove(arn);
                }
            }
            record.finish_operation(*heard);
            over.push(open.request_id);
            prop_assert!(record.operation.is_none());
        }
        Event::AnswerSuperseded => {
            if let Some(first) = record.superseded.first().cloned() {
                record.finish_superseded(&first.request_id);
            }
        }
    }
    Ok(())
}

/// What every new operation must be.
fn check_begun(
    before: &OwnerRecord,
    request: &Request,
    begun: &OwnerRecord,
) -> Result<(), TestCaseError> {
    let open = begun.operation.as_ref().expect("it has begun");
    prop_assert_eq!(&open.request_id, &request.request_id);
    if let Some(ended) = &before.operation {
        let is_owed = begun
            .superseded
            .iter()
            .any(|owed| owed.request_id == ended.request_id);
        let is_same_place = request.request_id.is_later_use_of(&ended.request_id);
        prop_assert_eq!(is_owed, !is_same_place, "{:?}", ended);
    }
    for (arn, service) in &begun.services {
        let is_wanted = open.converge.as_ref() == Some(arn);
        let is_named = request.request_type == RequestType::Delete
            && request.physical_id.as_ref() == Some(arn);
        let is_to_go = open.remove.contains(arn);
        let age = |id: &String| before.answered_ids.iter().position(|told| told == id);
        let named = request.physical_id.as_ref();
        let is_invented = named.is_some_and(|named| named == INVENTED);
        let is_in_vain = match request.request_type {
            RequestType::Create => false,
            RequestType::Update => named
                .and_then(age)
                .is_some_and(|named| Some(named) < age(arn)),
            RequestType::Delete => !service.is_named && is_invented,
        };
        let is_left_behind = request.request_type == RequestType::Delete
            && begun.unreached.as_ref() == Some(arn)
            && named.is_some_and(|named| begun.answered_ids.contains(named));
        let was_asked_for = request.request_type == RequestType::Delete
            && before.services.get(arn).is_some_and(|it| it.is_doomed);
        let goes_unnamed = (is_in_vain && !service.is_let_go) || !service.is_answered;
        prop_assert_eq!(
            is_to_go,
            !is_wanted && (is_named || was_asked_for || is_left_behind || goes_unnamed)
        );
    }
    for arn in before.services.keys() {
        prop_assert!(begun.services.contains_key(arn), "{} is forgotten", arn);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_sequence_keeps_one_operation_and_loses_no_service(
        events in prop::collection::vec(any_event(), 1..60),
    ) {
        let mut record = owner();
        let mut over = Vec::new();
        for event in &events {
            happen(&mut record, event, &mut over)?;
            let open = record.operation.as_ref().map(|open| &open.request_id);
            prop_assert!(!record.finished_requests.iter().any(|id| Some(id) == open));
            let open_id = open.map(RequestId::cloudformation_id);
            let mut owed = record.superseded.iter().map(|owed| &owed.request_id);
            prop_assert!(!owed.any(|owed| Some(owed.cloudformation_id()) == open_id));
            prop_assert!(record.finished_requests.len() <= FINISHED_REQUESTS_MAX);
        }
        // Whatever happened: a Delete of each service that is left leaves nothing.
        let left: Vec<String> = record.services.keys().cloned().collect();
        for (index, arn) in left.iter().enumerate() {
            if record.services.contains_key(arn) {
                record = done(&record, &delete(&format!("last-{index}"), arn));
            }
        }
        prop_assert!(record.services.is_empty(), "{:?}", record.services);
    }
}
