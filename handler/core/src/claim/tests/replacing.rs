//! A replacement, what ends it, and the Update that leads back to the service of before.

use super::{SHOP, WEB, begun, create, decide, delete, done, owner, to_remove, update};
use crate::claim::OwnerRecord;

/// `WEB` was replaced by `SHOP`, and the request back to `WEB` is open.
fn leading_back() -> OwnerRecord {
    let created = done(&owner(), &create("1", WEB));
    let replaced = done(&created, &update("2", WEB, SHOP));
    begun(&replaced, &update("3", SHOP, WEB))
}

fn failed_id(record: &OwnerRecord) -> Option<&str> {
    let operation = record.operation.as_ref().expect("an open operation");
    record.failed_id(operation).map(String::as_str)
}

/// The open operation has failed, and CloudFormation has heard so.
fn failed(mut record: OwnerRecord) -> OwnerRecord {
    let id = failed_id(&record).expect("an id").to_owned();
    decide(&mut record, false, &id);
    record.finish_operation(true);
    record
}

#[test]
fn replacement_that_fails_is_answered_with_its_own_id() {
    let created = done(&owner(), &create("1", WEB));
    let replacing = begun(&created, &update("2", WEB, SHOP));
    assert_eq!(failed_id(&replacing), Some(SHOP));
}

#[test]
fn way_back_that_fails_is_answered_with_the_id_that_it_came_with() {
    assert_eq!(failed_id(&leading_back()), Some(SHOP));
}

#[test]
fn after_a_way_back_that_failed_the_delete_of_what_stands_removes_both() {
    let deleting = begun(&failed(leading_back()), &delete("4", SHOP));
    assert_eq!(to_remove(&deleting), [SHOP, WEB]);
}

#[test]
fn delete_that_ends_the_way_back_removes_both() {
    let deleting = begun(&leading_back(), &delete("4", SHOP));
    assert_eq!(to_remove(&deleting), [SHOP, WEB]);
}

#[test]
fn delete_that_has_removed_the_one_comes_again_for_the_other() {
    let mut deleting = begun(&failed(leading_back()), &delete("4", SHOP));
    deleting.services.remove(SHOP);
    let again = begun(&failed(deleting), &delete("5", SHOP));
    assert_eq!(to_remove(&again), [WEB]);
}

#[test]
fn clean_up_that_names_the_one_of_before_leaves_the_one_that_stands() {
    let deleting = begun(&failed(leading_back()), &delete("4", WEB));
    assert_eq!(to_remove(&deleting), [WEB]);
}

#[test]
fn way_back_that_succeeds_at_last_leaves_the_replacement_to_its_clean_up() {
    let back = done(&failed(leading_back()), &update("4", SHOP, WEB));
    let cleaning = begun(&back, &delete("5", SHOP));
    assert_eq!(to_remove(&cleaning), [SHOP]);
}

#[test]
fn failed_update_to_one_that_was_kept_does_not_doom_it() {
    // `SHOP` is kept by `UpdateReplacePolicy: Retain`, and an Update that asks for it again fails.
    let created = done(&owner(), &create("1", SHOP));
    let replaced = done(&created, &update("2", SHOP, WEB));
    let undone = done(
        &failed(begun(&replaced, &update("3", WEB, SHOP))),
        &update("4", WEB, WEB),
    );
    let deleting = begun(&undone, &delete("5", WEB));
    assert_eq!(to_remove(&deleting), [WEB]);
}

#[test]
fn update_in_place_that_fails_is_answered_with_its_id() {
    let created = done(&owner(), &create("1", WEB));
    let updating = begun(&created, &update("2", WEB, WEB));
    assert_eq!(failed_id(&updating), Some(WEB));
    assert!(updating.services[WEB].is_answered);
    assert_eq!(failed(updating).unreached, None);
}

#[test]
fn request_that_names_what_was_decided_shows_that_the_answer_was_heard() {
    // To and fro once, so that either was told before the other; the process died before it noted the last answer.
    let created = done(&owner(), &create("1", SHOP));
    let replaced = done(&created, &update("2", SHOP, WEB));
    for is_success in [true, false] {
        let mut replaced_again = begun(&replaced, &update("3", WEB, SHOP));
        decide(&mut replaced_again, is_success, SHOP);
        let back = begun(&replaced_again, &update("4", SHOP, WEB));
        assert_eq!(failed_id(&back), Some(SHOP), "answered {is_success}");
        let deleting = begun(&failed(back), &delete("5", SHOP));
        assert_eq!(to_remove(&deleting), [SHOP, WEB], "answered {is_success}");
    }
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
    assert_eq!(to_remove(&deleting), [WEB, SHOP]);
}
