//! What must hold whatever CloudFormation and Lambda send, in whatever order.

mod way_back;

use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    ATTEMPT_LENGTH_S, ATTEMPT_MARGIN_S, DecidedAnswer, FINISHED_REQUESTS_MAX, Further, Owner,
    OwnerRecord, Reception, Request, RequestType, ServiceRecord, Superseded,
};

const WEB: &str = "arn:aws:ecs:eu-west-1:123456789012:service/default/web";
const SHOP: &str = "arn:aws:ecs:eu-west-1:123456789012:service/default/shop";
/// What CloudFormation makes up when it cancels a Create that was not answered.
const INVENTED: &str = "app-Web-1A2B3C4D5E6F";

fn owner() -> OwnerRecord {
    OwnerRecord::new(Owner {
        stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/app/1".to_owned(),
        logical_resource_id: "Web".to_owned(),
    })
}

fn request(request_id: &str, request_type: RequestType) -> Request {
    Request {
        request_id: request_id.to_owned(),
        request_type,
        physical_id: None,
        converge: None,
        waits_for_closings: false,
        now_ms: 1_000,
        issued_ms: 1_000,
        answer_by_ms: 3_000_000,
        given_up_ms: 3_600_000,
    }
}

fn service(arn: &str) -> (String, ServiceRecord) {
    let name = arn.rsplit('/').next().expect("a name").to_owned();
    let record = ServiceRecord {
        cluster: "default".to_owned(),
        host: format!("{name}.example.com"),
        name,
        is_answered: false,
        is_let_go: false,
        claiming_in: None,
        leaving: None,
        alias_moved_ms: None,
        has_test_rule: false,
        slot: None,
        further: Further::new(),
    };
    (arn.to_owned(), record)
}

fn create(request_id: &str, arn: &str) -> Request {
    Request {
        converge: Some(service(arn)),
        ..request(request_id, RequestType::Create)
    }
}

fn update(request_id: &str, physical_id: &str, arn: &str) -> Request {
    Request {
        physical_id: Some(physical_id.to_owned()),
        converge: Some(service(arn)),
        ..request(request_id, RequestType::Update)
    }
}

fn delete(request_id: &str, physical_id: &str) -> Request {
    Request {
        physical_id: Some(physical_id.to_owned()),
        ..request(request_id, RequestType::Delete)
    }
}

/// The record once the request has begun.
fn begun(record: &OwnerRecord, request: &Request) -> OwnerRecord {
    let reception = record.receive(request, Some("sealed"));
    let Reception::Begin(begun) = reception else {
        panic!("{request:?} should begin: {reception:?}");
    };
    *begun
}

/// The id to answer with, and the record to write before.
fn nothing_to_do(record: &OwnerRecord, request: &Request) -> (String, OwnerRecord) {
    let reception = record.receive(request, None);
    let Reception::NothingToDo {
        physical_id,
        tombstone,
    } = reception
    else {
        panic!("{request:?} should need nothing: {reception:?}");
    };
    (physical_id, *tombstone)
}

fn decide(record: &mut OwnerRecord, is_success: bool, physical_id: &str) {
    let operation = record.operation.as_mut().expect("an open operation");
    operation.answer = Some(DecidedAnswer {
        is_success,
        body: "{}".to_owned(),
        physical_id: physical_id.to_owned(),
    });
}

/// The record once the request has ended, heard by CloudFormation.
fn done(record: &OwnerRecord, request: &Request) -> OwnerRecord {
    let mut record = begun(record, request);
    let operation = record.operation.clone().expect("it has just begun");
    let answered = operation.converge.or(operation.physical_id).expect("an id");
    decide(&mut record, true, &answered);
    for arn in operation.remove {
        record.services.remove(&arn);
    }
    record.finish_operation(true);
    record
}

fn to_remove(record: &OwnerRecord) -> Vec<&str> {
    let operation = record.operation.as_ref().expect("an open operation");
    operation.remove.iter().map(String::as_str).collect()
}

#[test]
fn repeated_request_is_the_open_operation_and_later_nothing() {
    let open = begun(&owner(), &create("1", WEB));
    assert_eq!(open.receive(&create("1", WEB), None), Reception::Open);
    let over = done(&owner(), &create("1", WEB));
    assert_eq!(over.receive(&create("1", WEB), None), Reception::Finished);
}

#[test]
fn delete_under_an_invented_id_removes_what_the_unanswered_create_makes() {
    let open = begun(&owner(), &create("1", WEB));
    let deleting = begun(&open, &delete("2", INVENTED));
    assert_eq!(to_remove(&deleting), [WEB]);
    let ended: Vec<&str> = deleting
        .superseded
        .iter()
        .map(|superseded| superseded.request_id.as_str())
        .collect();
    assert_eq!(ended, ["1"]);
}

#[test]
fn delete_under_an_unknown_id_spares_what_was_answered() {
    let record = done(&owner(), &create("1", WEB));
    for id in [
        SHOP,
        "2024/03/05/[$LATEST]0123456789abcdef",
        "other-Web-1A2B3C4D5E6F",
        "app-Webs-1A2B3C4D5E6F",
        "app-Web-1A2B3C4D5E6F7890",
        "app-Web-1a2b-3c4d5e6",
        "app-Web-",
    ] {
        assert_eq!(nothing_to_do(&record, &delete("2", id)).0, id);
    }
}

#[test]
fn case_43b_an_answer_that_crossed_the_cancellation_is_known_by_the_invented_id() {
    let record = done(&owner(), &create("1", WEB));
    let deleting = begun(&record, &delete("2", INVENTED));
    assert_eq!(to_remove(&deleting), [WEB]);
}

#[test]
fn what_a_stack_has_let_go_of_outlives_a_later_create_that_is_cancelled() {
    // `DeletionPolicy: Retain`, then the same logical id again, under another service name.
    let record = done(&owner(), &create("1", WEB));
    let creating = begun(&record, &create("2", SHOP));
    let cancelled = begun(&creating, &delete("3", INVENTED));
    assert_eq!(to_remove(&cancelled), [SHOP]);
    // Also when the answer has crossed the cancellation.
    let created = done(&record, &create("2", SHOP));
    assert_eq!(to_remove(&begun(&created, &delete("3", INVENTED))), [SHOP]);
    // The same name again: what was let go of is neither made by the Create, nor its to remove.
    let adopting = begun(&record, &create("2", WEB));
    let cancelled = begun(&adopting, &delete("3", INVENTED));
    assert_eq!(to_remove(&cancelled), [""; 0]);
    // Who asks for its removal by name gets it.
    assert_eq!(to_remove(&begun(&created, &delete("3", WEB))), [WEB]);
}

#[test]
fn case_43c_an_update_back_under_the_old_id_removes_a_replacement_answered_in_vain() {
    let record = done(&owner(), &create("1", WEB));
    let record = done(&record, &update("2", WEB, SHOP));
    let mut back = begun(&record, &update("3", WEB, WEB));
    assert_eq!(to_remove(&back), [SHOP]);
    // Should that fail, the next request removes it, whatever it names.
    decide(&mut back, false, WEB);
    back.finish_operation(true);
    let deleting = begun(&back, &delete("4", WEB));
    assert_eq!(to_remove(&deleting), [SHOP, WEB]);
}

#[test]
fn what_is_kept_of_an_older_replacement_stays() {
    // `UpdateReplacePolicy: Retain`: the old one gets no Delete, and the stack goes on with the new one.
    let record = done(&owner(), &create("1", WEB));
    let record = done(&record, &update("2", WEB, SHOP));
    let going_on = begun(&record, &update("3", SHOP, SHOP));
    assert_eq!(to_remove(&going_on), [""; 0]);
    // Back to the first name: now that one is the newest.
    let record = done(&record, &update("3", SHOP, WEB));
    let going_on = begun(&record, &update("4", WEB, WEB));
    assert_eq!(to_remove(&going_on), [""; 0]);
}

#[test]
fn a_clean_up_that_failed_does_not_become_a_part_of_the_next_update() {
    let record = done(&owner(), &create("1", WEB));
    let mut record = begun(&done(&record, &update("2", WEB, SHOP)), &delete("3", WEB));
    decide(&mut record, false, WEB);
    record.finish_operation(true);
    let going_on = begun(&record, &update("4", SHOP, SHOP));
    assert_eq!(to_remove(&going_on), [""; 0]);
}

#[test]
fn a_refused_request_keeps_what_is_there_and_owes_its_answer() {
    let record = done(&owner(), &create("1", WEB));
    let answer = DecidedAnswer {
        is_success: false,
        body: "refused".to_owned(),
        physical_id: WEB.to_owned(),
    };
    let refusing = update("2", WEB, SHOP);
    let mut refused = record.refused(begun(&record, &refusing), answer);
    assert_eq!(refused.services, record.services);
    assert_eq!(to_remove(&refused), [""; 0]);
    assert_eq!(refused.receive(&refusing, None), Reception::Open);
    refused.finish_operation(true);
    assert_eq!(refused.receive(&refusing, None), Reception::Finished);
    assert_eq!(refused.services, record.services);
}

#[test]
fn delete_repeated_under_another_request_has_nothing_to_do() {
    let record = done(&done(&owner(), &create("1", WEB)), &delete("2", WEB));
    assert!(record.is_idle(), "{record:?}");
    assert_eq!(nothing_to_do(&record, &delete("3", WEB)).0, WEB);
}

#[test]
fn case_43b_a_create_that_arrives_after_its_delete_has_no_effect() {
    let create = at(1_000, create("1", WEB));
    let delete = at(2_000, delete("2", INVENTED));
    let (_, record) = nothing_to_do(&owner(), &delete);
    assert!(record.is_idle(), "a tombstone alone is forgotten in time");
    assert_eq!(record.receive(&create, None), Reception::Overtaken);
    // Cancelled within the second: issue times tell no more.
    let (_, at_once) = nothing_to_do(&owner(), &at(1_000, delete));
    assert_eq!(at_once.receive(&create, None), Reception::Overtaken);
    // The same resource, added to the stack again later.
    let again = at(
        60_000,
        Request {
            request_id: "3".to_owned(),
            ..create
        },
    );
    assert!(matches!(record.receive(&again, None), Reception::Begin(_)));
}

#[test]
fn a_request_that_was_answered_at_once_is_answered_again_in_the_same_words() {
    let record = done(&owner(), &create("1", WEB));
    let mut unchanged = begun(&record, &update("2", WEB, WEB));
    unchanged.answer_at_once(WEB, "the answer".to_owned());
    assert!(unchanged.operation.is_none());
    let again = unchanged.receive(&update("2", WEB, WEB), None);
    assert_eq!(again, Reception::AnsweredAtOnce("the answer".to_owned()));
    // Once another request was answered like this, it is over like any other.
    let mut later = begun(&unchanged, &update("3", WEB, WEB));
    later.answer_at_once(WEB, "another answer".to_owned());
    assert_eq!(
        later.receive(&update("2", WEB, WEB), None),
        Reception::Finished
    );
}

#[test]
fn a_request_that_cloudformation_has_moved_on_from_has_no_effect() {
    let record = done(&owner(), &at(1_000, create("1", WEB)));
    let record = done(&record, &at(100_000, update("2", WEB, WEB)));
    let late = |request| record.receive(&at(50_000, request), None);
    assert_eq!(late(update("3", WEB, SHOP)), Reception::Overtaken);
    assert_eq!(late(delete("4", WEB)), Reception::Overtaken);
    assert_eq!(late(create("1", WEB)), Reception::Finished);
    // Another host's clock, not another order.
    let close = at(99_000, delete("5", WEB));
    assert!(matches!(record.receive(&close, None), Reception::Begin(_)));
}

#[test]
fn case_8_what_arrives_after_cloudformation_gave_it_up_has_no_effect() {
    let late = |request: Request| Request {
        now_ms: request.given_up_ms,
        ..request
    };
    assert_eq!(
        owner().receive(&late(create("1", WEB)), None),
        Reception::Overtaken
    );
    let open = begun(&owner(), &create("1", WEB));
    assert_eq!(
        open.receive(&late(create("1", WEB)), None),
        Reception::Open,
        "its own operation goes on: somebody has to clean up"
    );
}

fn at(issued_ms: u64, request: Request) -> Request {
    Request {
        now_ms: issued_ms.max(request.now_ms),
        issued_ms,
        ..request
    }
}

#[test]
fn update_of_what_was_never_made_or_is_deleted_is_not_found() {
    let never = owner().receive(&update("1", WEB, WEB), None);
    assert_eq!(never, Reception::NotFound);
    let deleted = done(&done(&owner(), &create("1", WEB)), &delete("2", WEB));
    let after = deleted.receive(&update("3", WEB, WEB), None);
    assert_eq!(after, Reception::NotFound);
}

#[test]
fn replacement_keeps_the_old_service_until_its_own_delete() {
    let record = done(&owner(), &create("1", WEB));
    let replacing = begun(&record, &update("2", WEB, SHOP));
    assert_eq!(to_remove(&replacing), [""; 0]);
    let replaced = done(&record, &update("2", WEB, SHOP));
    let cleaning = begun(&replaced, &delete("3", WEB));
    assert_eq!(to_remove(&cleaning), [WEB]);
}

#[test]
fn update_back_removes_a_replacement_that_was_never_answered() {
    let record = done(&owner(), &create("1", WEB));
    let replacing = begun(&record, &update("2", WEB, SHOP));
    let back = begun(&replacing, &update("3", WEB, WEB));
    assert_eq!(to_remove(&back), [SHOP]);
}

#[test]
fn update_back_under_the_id_of_the_failed_replacement_leaves_it_to_its_delete() {
    let record = done(&owner(), &create("1", WEB));
    let mut replacing = begun(&record, &update("2", WEB, SHOP));
    decide(&mut replacing, false, SHOP);
    replacing.finish_operation(true);
    let back = done(&replacing, &update("3", SHOP, WEB));
    let cleaning = begun(&back, &delete("4", SHOP));
    assert_eq!(to_remove(&cleaning), [SHOP]);
}

#[test]
fn clean_up_spares_a_replacement_whose_answer_was_heard_before_a_crash() {
    let record = done(&owner(), &create("1", WEB));
    let mut replacing = begun(&record, &update("2", WEB, SHOP));
    // The answer is sent, and the attempt dies before it can note that.
    decide(&mut replacing, true, SHOP);
    let cleaning = begun(&replacing, &delete("3", WEB));
    assert_eq!(to_remove(&cleaning), [WEB]);
}

#[test]
fn delete_after_a_failed_replacement_that_nobody_heard_of_removes_both() {
    let record = done(&owner(), &create("1", WEB));
    let mut replacing = begun(&record, &update("2", WEB, SHOP));
    decide(&mut replacing, false, SHOP);
    let deleting = begun(&replacing, &delete("3", WEB));
    assert_eq!(to_remove(&deleting), [SHOP, WEB]);
}

#[test]
fn create_whose_answer_was_heard_before_a_crash_is_replaced_not_removed() {
    let mut created = begun(&owner(), &create("1", WEB));
    decide(&mut created, true, WEB);
    // CloudFormation names the service: it has heard of it.
    let replacing = begun(&created, &update("2", WEB, SHOP));
    assert_eq!(to_remove(&replacing), [""; 0]);
}

#[test]
fn answer_that_was_not_heard_tells_no_id() {
    let mut record = begun(&owner(), &create("1", WEB));
    decide(&mut record, true, WEB);
    record.finish_operation(false);
    let deleting = begun(&record, &delete("2", INVENTED));
    assert_eq!(to_remove(&deleting), [WEB]);
}

#[test]
fn operation_whose_response_url_is_lost_is_over_when_it_is_ended() {
    let open = begun(&owner(), &create("1", WEB));
    let Reception::Begin(deleting) = open.receive(&delete("2", INVENTED), None) else {
        panic!("there is something to delete");
    };
    assert_eq!(
        deleting.receive(&create("1", WEB), None),
        Reception::Finished
    );
}

/// What a newer version has written into each part that carries it along.
fn with_further(record: &OwnerRecord) -> OwnerRecord {
    let mut written = serde_json::to_value(record).expect("a record is JSON");
    written["later"] = json!({"since": 1});
    for service in written["services"]
        .as_object_mut()
        .expect("services")
        .values_mut()
    {
        service["later"] = json!([2]);
    }
    if written["operation"].is_object() {
        written["operation"]["later"] = json!("three");
    }
    serde_json::from_value(written).expect("an older version reads it")
}

#[test]
fn what_a_newer_version_has_added_stays_where_it_was() {
    let record = with_further(&done(&owner(), &create("1", WEB)));
    let replacing = with_further(&begun(&record, &update("2", WEB, SHOP)));
    let mut replaced = replacing.clone();
    decide(&mut replaced, true, SHOP);
    let kept = serde_json::to_value(&replaced).expect("a record is JSON");
    assert_eq!(kept["later"], json!({"since": 1}));
    assert_eq!(kept["services"][WEB]["later"], json!([2]));
    assert_eq!(kept["services"][SHOP]["later"], json!([2]));
    assert_eq!(kept["operation"]["later"], "three");
    // What is said of an operation goes with it; what is said of a service stays.
    replaced.finish_operation(true);
    let next = begun(&replaced, &update("3", SHOP, SHOP));
    let kept = serde_json::to_value(&next).expect("a record is JSON");
    assert_eq!(kept["operation"]["later"], Value::Null);
    assert_eq!(kept["services"][SHOP]["later"], json!([2]));
}

fn superseded(request_id: &str) -> Superseded {
    Superseded {
        request_id: request_id.to_owned(),
        physical_id: WEB.to_owned(),
        answer: None,
        sealed: "sealed".to_owned(),
    }
}

#[test]
fn a_delete_waits_for_an_attempt_that_may_still_mutate_and_for_answers_that_are_owed() {
    let begins = |record: &OwnerRecord| {
        let reception = record.receive(&delete("2", INVENTED), None);
        matches!(reception, Reception::Begin(_))
    };
    assert!(!begins(&owner()));
    let mut running = owner();
    assert!(running.begin_attempt("a"));
    assert!(begins(&running));
    let mut owing = owner();
    owing.superseded.push(superseded("1"));
    assert!(begins(&owing));
}

#[test]
fn a_request_that_was_told_that_it_is_over_is_over() {
    let mut record = owner();
    record.superseded = vec![superseded("1"), superseded("2")];
    record.finish_superseded("1");
    assert_eq!(record.superseded, [superseded("2")]);
    let again = record.receive(&create("1", WEB), None);
    assert_eq!(again, Reception::Finished);
}

#[test]
fn an_owner_is_forgotten_only_when_it_holds_nothing_and_is_owed_nothing() {
    assert!(owner().is_idle());
    let created = done(&owner(), &create("1", WEB));
    assert!(!created.is_idle(), "it has a service");
    let asked = OwnerRecord {
        operation: begun(&owner(), &create("1", WEB)).operation,
        ..owner()
    };
    assert!(!asked.is_idle(), "it is owed the answer to its request");
    let ended = OwnerRecord {
        superseded: vec![superseded("1")],
        ..owner()
    };
    assert!(
        !ended.is_idle(),
        "it is owed the answer to a request that was ended"
    );
}

#[test]
fn what_is_remembered_of_an_owner_has_a_limit() {
    let mut record = done(&owner(), &create("1", WEB));
    for number in 0..2 * FINISHED_REQUESTS_MAX {
        record = done(&record, &update(&format!("u{number}"), WEB, WEB));
    }
    assert_eq!(record.finished_requests.len(), FINISHED_REQUESTS_MAX);
    assert_eq!(record.finished_requests.last(), Some(&"u99".to_owned()));
    assert_eq!(record.finished_requests.first(), Some(&"u50".to_owned()));
}

#[test]
fn attempt_mutates_alone_until_it_ends_or_was_seen_dead() {
    let mut record = owner();
    assert!(record.begin_attempt("a"));
    assert!(!record.begin_attempt("b"));
    let seconds = |record: &mut OwnerRecord, unchanged_s| {
        record.running.as_mut().expect("running").unchanged_s = unchanged_s;
    };
    seconds(&mut record, ATTEMPT_LENGTH_S + ATTEMPT_MARGIN_S - 1);
    assert!(!record.begin_attempt("b"));
    seconds(&mut record, ATTEMPT_LENGTH_S + ATTEMPT_MARGIN_S);
    assert!(record.begin_attempt("b"));
    record.end_attempt("a");
    assert!(record.is_running("b"), "the dead one ends nobody's attempt");
    assert!(!record.is_running("a"));
    record.end_attempt("b");
    assert!(record.begin_attempt("c"));
}

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
    let request = (0..3_u8, 0..12_u8, arn(), id).prop_map(|(kind, number, arn, id)| {
        // A request id belongs to one request: its kind is part of it.
        let request_id = format!("{kind}-{number}-{arn}-{id}");
        match kind {
            0 => create(&request_id, arn),
            1 => update(&request_id, id, arn),
            _ => delete(&request_id, id),
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
    over: &mut Vec<String>,
) -> Result<(), TestCaseError> {
    match event {
        Event::Arrive(request) => {
            let before = record.clone();
            let reception = record.receive(request, Some("sealed"));
            let remembered: BTreeSet<&String> =
                over.iter().rev().take(FINISHED_REQUESTS_MAX).collect();
            if remembered.contains(&request.request_id) {
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
        let is_owed = |id: &str| begun.superseded.iter().any(|owed| owed.request_id == id);
        prop_assert!(is_owed(&ended.request_id), "{:?} is owed an answer", ended);
    }
    for (arn, service) in &begun.services {
        let is_wanted = open.converge.as_ref() == Some(arn);
        let is_named = request.request_type == RequestType::Delete
            && request.physical_id.as_ref() == Some(arn);
        let is_to_go = open.remove.contains(arn);
        let age = |id: &String| before.answered_ids.iter().position(|told| told == id);
        let named = request.physical_id.as_ref();
        let is_in_vain = match request.request_type {
            RequestType::Create => false,
            RequestType::Update => named
                .and_then(age)
                .is_some_and(|named| Some(named) < age(arn)),
            RequestType::Delete => named.is_some_and(|named| named == INVENTED),
        };
        let is_left_behind = request.request_type == RequestType::Delete
            && begun.unreached.as_ref() == Some(arn)
            && named.is_some_and(|named| begun.answered_ids.contains(named));
        let goes_unnamed = (is_in_vain && !service.is_let_go) || !service.is_answered;
        prop_assert_eq!(
            is_to_go,
            !is_wanted && (is_named || is_left_behind || goes_unnamed)
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
            prop_assert!(!record.superseded.iter().any(|owed| Some(&owed.request_id) == open));
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
