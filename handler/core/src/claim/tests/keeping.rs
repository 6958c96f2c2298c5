//! What a record keeps, for how long, and who may write it.

use serde_json::{Value, json};

use super::{
    INVENTED, SHOP, WEB, at, begun, create, decide, delete, done, nothing_to_do, owner, to_remove,
    update,
};
use crate::claim::{
    ATTEMPT_LENGTH_S, ATTEMPT_MARGIN_S, Change, DecidedAnswer, FINISHED_REQUESTS_MAX, OwnerRecord,
    Reception, Request, RequestId, RequestType, SEEN_AFTER_MS, SUPERSEDED_MAX,
    SUPERSEDED_SEALED_LENGTH_MAX, ServiceRecord, Superseded, UNATTENDED_AFTER_MS, WAY_BACK_MS,
    unseen_for_ms,
};
use crate::network::Reach;

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

#[test]
fn a_delete_that_names_the_refusal_of_a_create_takes_what_that_create_has_made_nevertheless() {
    let record = done(&owner(), &create("1", WEB));
    let removed = |named: &str| {
        let Reception::Begin(begun) = record.receive(&delete("2", named), None) else {
            return Vec::new();
        };
        begun.operation.expect("it is open").remove
    };
    assert_eq!(removed("express-nothing:1"), [WEB]);
    // Another Create was refused before anything of it was known.
    assert_eq!(removed("express-nothing:0"), Vec::<String>::new());
}

#[test]
fn a_delete_that_names_the_refusal_of_a_create_leaves_what_a_later_one_has_made() {
    // CloudFormation keeps what has failed until the next update (`--disable-rollback`), and removes it last.
    let read = owner();
    let before = begun(&read, &create("1", WEB));
    let answer = DecidedAnswer {
        is_success: false,
        body: "{}".to_owned(),
        physical_id: "express-nothing:1".to_owned(),
    };
    let mut refused = read.refused(before, answer);
    refused.finish_operation(true);
    let served = done(&refused, &create("2", WEB));
    let (_, left) = nothing_to_do(&served, &delete("3", "express-nothing:1"));
    assert_eq!(left.services, served.services);
}

fn superseded(request_id: &str) -> Superseded {
    Superseded {
        request_id: request_id.into(),
        physical_id: WEB.to_owned(),
        answer: None,
        sealed: "sealed".to_owned(),
        is_tried: false,
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
    record.finish_superseded(&"1".into());
    assert_eq!(record.superseded, [superseded("2")]);
    let again = record.receive(&create("1", WEB), None);
    assert_eq!(again, Reception::Finished);
}

/// A Create, and one that CloudFormation has issued a second later under the same id.
fn issued_twice() -> [Request; 2] {
    [1_000, 2_000].map(|issued_ms| Request {
        request_id: RequestId::new("1", Some(issued_ms)),
        issued_ms,
        ..create("", WEB)
    })
}

#[test]
fn an_id_that_comes_again_with_a_later_request_is_a_new_request() {
    let [first, again] = issued_twice();
    let over = done(&owner(), &first);
    assert_eq!(over.receive(&first, None), Reception::Finished);
    let open = begun(&over, &again);
    assert_eq!(open.receive(&again, None), Reception::Open);
    assert_eq!(open.receive(&first, None), Reception::Finished);
    let over = done(&over, &again);
    for delivered in [&first, &again] {
        assert_eq!(over.receive(delivered, None), Reception::Finished);
    }
}

/// CloudFormation may count from the first issue, or from the second.
#[test]
fn a_request_that_is_issued_again_is_answered_in_time_for_both_issues() {
    const LATER_MS: u64 = 60_000;
    let [first, again] = issued_twice();
    let again = Request {
        answer_by_ms: first.answer_by_ms + LATER_MS,
        given_up_ms: first.given_up_ms + LATER_MS,
        ..again
    };
    let deadlines_of = |request: &Request| {
        let taken = begun(&begun(&owner(), &first), request);
        let open = taken.operation.expect("a request has begun");
        (open.answer_by_ms, open.given_up_ms)
    };
    assert_eq!(
        deadlines_of(&again),
        (first.answer_by_ms, again.given_up_ms)
    );
    // Another request, what CloudFormation does after it has given the first one up, and what comes too late for that.
    let other = Request {
        request_id: "2".into(),
        ..again.clone()
    };
    let changed = Request {
        change: Some(Change {
            from: None,
            to: "other properties".to_owned(),
        }),
        ..again.clone()
    };
    let next = Request {
        request_type: RequestType::Delete,
        ..again.clone()
    };
    let named = Request {
        physical_id: Some(WEB.to_owned()),
        ..again.clone()
    };
    let late = Request {
        now_ms: first.answer_by_ms,
        ..again
    };
    for request in [other, changed, next, named, late] {
        let own = (request.answer_by_ms, request.given_up_ms);
        assert_eq!(deadlines_of(&request), own);
    }
}

#[test]
fn nothing_is_answered_any_more_to_a_request_whose_id_has_come_again() {
    let [first, again] = issued_twice();
    // It arrives for the first time when the second one is open, or over.
    let open = begun(&owner(), &again);
    for record in [open, done(&owner(), &again)] {
        assert_eq!(record.receive(&first, None), Reception::Finished);
    }
    let mut at_once = begun(&owner(), &first);
    at_once.answer_at_once(WEB, "{}".to_owned());
    let open = begun(&at_once, &again);
    assert_eq!(open.receive(&first, None), Reception::Finished);
    // Where the first one's answer goes, that of the second is read.
    let open = begun(&owner(), &first);
    let owed = begun(&open, &at(1_500, update("2", WEB, WEB)));
    for before in [open, owed] {
        let taken = begun(&before, &again);
        let is_owed = |owed: &Superseded| owed.request_id == first.request_id;
        assert!(!taken.superseded.iter().any(is_owed));
        assert_eq!(taken.receive(&first, None), Reception::Finished);
    }
    let deleting = Request {
        request_id: again.request_id,
        issued_ms: again.issued_ms,
        ..delete("", INVENTED)
    };
    let mut owed = owner();
    owed.superseded = vec![superseded(first.request_id.as_str())];
    let Reception::NothingToDo { tombstone, .. } = owed.receive(&deleting, None) else {
        panic!("there is nothing to delete");
    };
    assert!(tombstone.superseded.is_empty());
}

#[test]
fn of_an_ended_request_only_where_its_answer_goes_is_kept() {
    let mut open = begun(&owner(), &create("1", WEB));
    let operation = open.operation.as_mut().expect("an operation");
    operation.sealed_url = Some("url".to_owned());
    let ended = begun(&open, &delete("2", INVENTED));
    assert_eq!(ended.superseded[0].sealed, "url");
    // What an older version has begun has no such part: all that it sealed is kept, if there is room for that.
    let older = begun(&owner(), &create("1", WEB));
    let kept = |length: usize| {
        let whole = "x".repeat(length);
        let reception = older.receive(&delete("2", INVENTED), Some(&whole));
        let Reception::Begin(ended) = reception else {
            panic!("{reception:?}");
        };
        assert_eq!(
            ended.receive(&create("1", WEB), None),
            Reception::Finished,
            "{length}"
        );
        ended.superseded.len()
    };
    assert_eq!(kept(SUPERSEDED_SEALED_LENGTH_MAX), 1);
    assert_eq!(kept(SUPERSEDED_SEALED_LENGTH_MAX + 1), 0);
}

#[test]
fn answers_that_are_owed_have_a_limit_and_the_oldest_is_over() {
    let mut record = done(&owner(), &create("0", WEB));
    for number in 1..=SUPERSEDED_MAX + 2 {
        record = begun(&record, &update(&number.to_string(), WEB, WEB));
    }
    assert_eq!(record.superseded.len(), SUPERSEDED_MAX);
    assert_eq!(record.superseded[0].request_id.as_str(), "2");
    let oldest = record.receive(&update("1", WEB, WEB), None);
    assert_eq!(oldest, Reception::Finished);
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
fn what_nobody_comes_back_for_is_ended_when_nobody_can_be_trying_any_more() {
    let created = done(&owner(), &create("1", WEB));
    let mut record = begun(&begun(&created, &update("2", WEB, WEB)), &delete("3", WEB));
    assert_eq!(record.superseded.len(), 1);
    let newest_ms = record.newest_issued_ms;
    assert!(!record.end_unattended(newest_ms + UNATTENDED_AFTER_MS - 1));
    assert!(record.end_unattended(newest_ms + UNATTENDED_AFTER_MS));
    assert!(record.operation.is_none() && record.superseded.is_empty());
    assert!(record.is_over(&"2".into()) && record.is_over(&"3".into()));
    assert!(
        record.services.contains_key(WEB),
        "it is still to be removed"
    );
    assert!(!record.end_unattended(u64::MAX), "nothing is open any more");
}

#[test]
fn what_was_decided_and_perhaps_heard_is_not_removed_because_nobody_came_back() {
    let ended = |mut record: OwnerRecord, id: &str| {
        decide(&mut record, true, id);
        let now_ms = record.newest_issued_ms + UNATTENDED_AFTER_MS;
        assert!(record.end_unattended(now_ms));
        record
    };
    // A replacement serves, and the clean-up of what it has replaced comes at last.
    let created = done(&owner(), &create("1", WEB));
    let replaced = ended(begun(&created, &update("2", WEB, SHOP)), SHOP);
    let cleaning = begun(&replaced, &delete("3", WEB));
    assert_eq!(to_remove(&cleaning), [WEB]);
    // The way back was reached, and the clean-up of the replacement comes.
    let replaced = done(&created, &update("2", WEB, SHOP));
    let back = ended(begun(&replaced, &update("3", SHOP, WEB)), WEB);
    let cleaning = begun(&back, &delete("4", SHOP));
    assert_eq!(to_remove(&cleaning), [SHOP]);
}

#[test]
fn what_is_remembered_of_an_owner_has_a_limit() {
    let mut record = done(&owner(), &create("1", WEB));
    for number in 0..2 * FINISHED_REQUESTS_MAX {
        record = done(&record, &update(&format!("u{number}"), WEB, WEB));
    }
    assert_eq!(record.finished_requests.len(), FINISHED_REQUESTS_MAX);
    assert_eq!(record.finished_requests.last(), Some(&"u99".into()));
    assert_eq!(record.finished_requests.first(), Some(&"u50".into()));
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

#[test]
fn what_was_changed_counts_as_seen_after_a_while() {
    let unseen = |now_ms| unseen_for_ms(90_000, now_ms, SEEN_AFTER_MS);
    assert_eq!(unseen(100_000), Some(5_000));
    assert_eq!(unseen(105_000), None);
    // The host that wrote it had a clock ahead of ours, by a little or by far.
    assert_eq!(unseen(86_000), Some(11_000));
    assert_eq!(unseen(10_000), None);
    // A stand-in shows everything at once.
    assert_eq!(unseen_for_ms(90_000, 90_000, 0), None);
}

/// Whatever the clocks say: one host's may be ahead of another's, and both events may fall into one millisecond.
#[test]
fn a_request_knows_what_was_changed_before_it_began() {
    let changed = |record: &mut OwnerRecord, at_ms| {
        record.services.get_mut(WEB).expect("a service").changed_ms = Some(at_ms);
    };
    let before = |record: &OwnerRecord| record.operation.as_ref()?.changed_before_ms;
    let mut record = done(&owner(), &create("1", WEB));
    assert_eq!(before(&begun(&record, &update("2", WEB, WEB))), None);
    let next = update("2", WEB, WEB);
    for at_ms in [next.now_ms - 1, next.now_ms, next.now_ms + 1] {
        changed(&mut record, at_ms);
        let mut begun = begun(&record, &next);
        changed(&mut begun, next.now_ms + 2);
        assert_eq!(before(&begun), Some(at_ms));
    }
}

#[test]
fn what_aws_refuses_is_remembered_until_something_is_done() {
    let next = begun(&owner(), &create("1", WEB));
    let mut operation = next.operation.expect("an open operation");
    operation.note_refused(Some("CreateService: busy".to_owned()), None);
    assert_eq!(operation.unseen_since_ms, None);
    operation.note_refused(None, Some(5_000));
    operation.note_refused(None, Some(7_000));
    operation.note_refused(None, None);
    assert_eq!(operation.refused.as_deref(), Some("CreateService: busy"));
    assert_eq!(operation.unseen_since_ms, Some(5_000));
    operation.note_progress();
    assert_eq!((operation.refused, operation.unseen_since_ms), (None, None));
}

#[test]
fn what_routes_said_is_remembered_of_the_subnets_and_of_those_to_go_back_to() {
    let reach = |id: &str, all_public| Reach {
        subnets: vec![id.to_owned()],
        scheme: None,
        all_public,
        any_public: all_public,
    };
    let mut service = done(&owner(), &create("1", WEB)).services[WEB].clone();
    let known = |service: &ServiceRecord, now_ms| -> Vec<(String, bool)> {
        let reaches = service.reaches(now_ms).into_iter();
        reaches
            .map(|it| (it.subnets[0].clone(), it.all_public))
            .collect()
    };
    assert_eq!(known(&service, 0), []);
    for (came, remembered) in [
        (reach("a", true), vec![("a", true)]),
        (reach("a", false), vec![("a", true)]),
        (reach("b", false), vec![("a", true), ("b", false)]),
        (reach("c", false), vec![("b", false), ("c", false)]),
        // Back: whoever goes there once more looks at its routes.
        (reach("b", true), vec![("b", true)]),
        (reach("c", true), vec![("b", true), ("c", true)]),
    ] {
        service.note_reach(&came, 1_000);
        let remembered: Vec<(String, bool)> = remembered
            .into_iter()
            .map(|(id, all_public)| (id.to_owned(), all_public))
            .collect();
        assert_eq!(known(&service, 1_000 + WAY_BACK_MS - 1), remembered);
    }
    let last = [("c".to_owned(), true)];
    assert_eq!(known(&service, 1_000 + WAY_BACK_MS), last);
}

#[test]
fn an_open_operation_is_read_under_the_names_that_were_written_first() {
    let begun = begun(&owner(), &create("1", WEB));
    let mut written = serde_json::to_value(&begun).expect("a record is JSON");
    let operation = written["operation"].as_object_mut().expect("an operation");
    assert_eq!(operation["deployments_asked"], 0);
    for later in ["unseen_since_ms", "removal_refused_ms", "stop_asked"] {
        operation.remove(later);
    }
    let service = &mut written["services"][WEB];
    service.as_object_mut().expect("a service").remove("stays");
    let read: OwnerRecord = serde_json::from_value(written).expect("an older record is read");
    assert_eq!(read, begun);
}
