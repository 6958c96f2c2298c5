//! What must hold whatever CloudFormation and Lambda send, in whatever order.

mod abandoning;
mod keeping;
mod leading_back;
mod replacing;
mod sequences;

use super::{
    DecidedAnswer, Further, Owner, OwnerRecord, Reception, Request, RequestType, ServiceRecord,
};
use crate::naming::ID_OF_NOTHING;

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
        request_id: request_id.into(),
        request_type,
        physical_id: None,
        converge: None,
        change: None,
        waits_for_closings: false,
        now_ms: 1_000,
        issued_ms: 1_000,
        answer_by_ms: 3_000_000,
        given_up_ms: 3_600_000,
    }
}

pub(super) fn service(arn: &str) -> (String, ServiceRecord) {
    let name = arn.rsplit('/').next().expect("a name").to_owned();
    let record = ServiceRecord {
        cluster: "default".to_owned(),
        host: format!("{name}.example.com"),
        name,
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
fn what_a_stack_has_let_go_of_outlives_a_create_that_never_arrived() {
    let created = done(&owner(), &create("1", WEB));
    assert_eq!(to_remove(&begun(&created, &delete("3", INVENTED))), [WEB]);
    // An event has named it, so that the stack cannot have created anew before it let it go. The second time is the same
    // event, delivered twice.
    let mut record = done(&created, &update("2", WEB, WEB));
    for _ in 0..2 {
        let (id, tombstone) = nothing_to_do(&record, &delete("3", INVENTED));
        assert_eq!(id, INVENTED);
        assert!(tombstone.services.contains_key(WEB));
        record = tombstone;
    }
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
    assert_eq!(to_remove(&deleting), [WEB, SHOP]);
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
    // CloudFormation has forgotten it, and asks for the removal of what it knows: that takes it along.
    let updated = done(&record, &update("4", SHOP, SHOP));
    assert_eq!(to_remove(&begun(&updated, &delete("5", SHOP))), [SHOP, WEB]);
    // Unless it is wanted again, and was reached.
    let leading_back = begun(&updated, &update("5", SHOP, WEB));
    assert!(leading_back.services[WEB].is_doomed);
    let back = done(&updated, &update("5", SHOP, WEB));
    assert!(!back.services[WEB].is_doomed);
    assert_eq!(to_remove(&begun(&back, &delete("6", SHOP))), [SHOP]);
    // It was, but something else in the stack has failed, and it could not be removed again.
    let mut undone = begun(&back, &delete("6", WEB));
    decide(&mut undone, false, WEB);
    undone.finish_operation(true);
    assert_eq!(to_remove(&begun(&undone, &delete("7", SHOP))), [SHOP, WEB]);
}

#[test]
fn a_replacement_that_failed_and_could_not_be_cleaned_up_goes_with_the_next_delete() {
    let created = done(&owner(), &create("1", WEB));
    let mut record = begun(&created, &update("2", WEB, SHOP));
    decide(&mut record, false, SHOP);
    record.finish_operation(true);
    // CloudFormation stays with the service of before, and cleans up the one that it was told of, in vain.
    let mut record = begun(&record, &delete("3", SHOP));
    decide(&mut record, false, SHOP);
    record.finish_operation(true);
    assert_eq!(to_remove(&begun(&record, &delete("4", WEB))), [WEB, SHOP]);
}

#[test]
fn a_create_that_fails_to_take_up_again_what_was_to_be_removed_has_it_deleted() {
    let mut record = begun(&done(&owner(), &create("1", WEB)), &delete("2", WEB));
    decide(&mut record, false, WEB);
    record.finish_operation(true);
    let again = begun(&record, &at(10_000, create("3", WEB)));
    let operation = again.operation.as_ref().expect("an operation");
    assert_eq!(again.failed_id(operation).map(String::as_str), Some(WEB));
}

#[test]
fn a_clean_up_that_failed_goes_with_the_delete_after_a_create_that_was_cancelled() {
    // The resource was taken out of the template, and CloudFormation has given its removal up.
    let mut record = begun(&done(&owner(), &create("1", WEB)), &delete("2", WEB));
    decide(&mut record, false, WEB);
    record.finish_operation(true);
    // It is in the template again, and the Create is cancelled before its event arrives.
    let deleting = begun(&record, &at(20_000, delete("4", INVENTED)));
    assert_eq!(to_remove(&deleting), [WEB]);
    let refused = format!("{ID_OF_NOTHING}3");
    let deleting = begun(&record, &at(20_000, delete("4", &refused)));
    assert_eq!(to_remove(&deleting), [WEB]);
    // What nobody wanted to be removed stays: it was kept by `DeletionPolicy: Retain`.
    let kept = done(&owner(), &create("1", WEB));
    assert_eq!(
        nothing_to_do(&kept, &at(20_000, delete("4", &refused))).0,
        refused
    );
}

#[test]
fn what_a_delete_names_goes_before_what_an_earlier_one_has_left() {
    let record = done(&owner(), &create("1", SHOP));
    let mut record = begun(&done(&record, &update("2", SHOP, WEB)), &delete("3", SHOP));
    decide(&mut record, false, SHOP);
    record.finish_operation(true);
    assert_eq!(to_remove(&begun(&record, &delete("4", WEB))), [WEB, SHOP]);
}

#[test]
fn a_create_that_takes_up_again_what_was_let_go_of_and_fails_does_not_have_it_deleted() {
    let record = done(&owner(), &create("1", WEB));
    let mut adopting = begun(&record, &create("2", WEB));
    let operation = adopting.operation.as_ref().expect("an operation");
    assert_eq!(adopting.failed_id(operation), None);
    let nothing = format!("{ID_OF_NOTHING}2");
    decide(&mut adopting, false, &nothing);
    adopting.finish_operation(true);
    let deleting = adopting.receive(&delete("3", &nothing), None);
    assert!(matches!(deleting, Reception::NothingToDo { .. }));
    // Another request ends it before it has failed.
    let ended = begun(&begun(&record, &create("2", WEB)), &delete("3", INVENTED));
    assert_eq!(ended.superseded[0].physical_id, nothing);
    // What has never served was made by a Create that failed, and goes with it.
    let mut failed = begun(&owner(), &create("1", WEB));
    decide(&mut failed, false, WEB);
    failed.finish_operation(true);
    let again = begun(&failed, &create("2", WEB));
    let operation = again.operation.as_ref().expect("an operation");
    assert_eq!(again.failed_id(operation).map(String::as_str), Some(WEB));
}

#[test]
fn a_refused_request_keeps_what_is_there_and_owes_its_answer() {
    let created = done(&owner(), &create("1", WEB));
    let record = done(&created, &update("2", WEB, WEB));
    let answer = DecidedAnswer {
        is_success: false,
        body: "refused".to_owned(),
        physical_id: WEB.to_owned(),
    };
    let refusing = update("3", WEB, SHOP);
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
            request_id: "3".into(),
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
