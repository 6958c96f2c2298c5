//! Which Updates lead back, and when what is there may stay.

use super::*;
use crate::claim::{Abandoned, Change};

fn there() -> OwnerRecord {
    let made = Request {
        change: Some(Change {
            from: None,
            to: "old".to_owned(),
        }),
        ..create("create", WEB)
    };
    done(&owner(), &made)
}

/// Something of the service that is asked for is about to be changed.
fn change(record: &mut OwnerRecord) {
    let asked = record.operation.as_ref().and_then(|it| it.converge.clone());
    let service = record.services.get_mut(&asked.expect("an Update"));
    service.expect("a service").stands_at = None;
}

/// An Update between properties of these names.
fn leading(request_id: &str, from: &str, to: &str) -> Request {
    Request {
        change: Some(Change {
            from: Some(from.to_owned()),
            to: to.to_owned(),
        }),
        ..update(request_id, WEB, WEB)
    }
}

/// The record once the request has failed, after something was changed or before.
fn failed(record: &OwnerRecord, request: &Request, has_changed: bool) -> OwnerRecord {
    let mut record = begun(record, request);
    if has_changed {
        change(&mut record);
    }
    decide(&mut record, false, WEB);
    record.finish_operation(true);
    record
}

/// Whether an Update leads back, and whether what is there may stay.
fn is_back(record: &OwnerRecord, request: &Request) -> (bool, bool) {
    let begun = begun(record, request);
    let may_stay = begun.may_stay();
    let operation = begun.operation.expect("it has just begun");
    (operation.way.is_back, may_stay)
}

#[test]
fn an_update_to_where_the_one_before_has_led_away_from_leads_back() {
    let back = leading("back", "new", "old");
    let on = leading("on", "new", "newer");
    let there = there();
    let forth = leading("forth", "old", "new");
    for (record, expected) in [
        (failed(&there, &forth, false), (true, true)),
        (failed(&there, &forth, true), (true, false)),
        // Cancelled.
        (begun(&there, &forth), (true, true)),
        // Another part of the stack has failed.
        (done(&there, &forth), (true, false)),
        // It has never come: it could not be read, or nobody took it up.
        (there.clone(), (false, true)),
    ] {
        assert_eq!(is_back(&record, &back), expected, "{:?}", record.led_from);
        assert_eq!(is_back(&record, &on), (false, false));
    }
}

#[test]
fn what_was_changed_on_the_way_back_does_not_stay_as_it_is() {
    let refused = failed(&there(), &leading("forth", "old", "new"), false);
    let mut back = begun(&refused, &leading("back", "new", "old"));
    assert!(back.may_stay());
    change(&mut back);
    assert!(!back.may_stay());
    // Sent again, because it has failed.
    decide(&mut back, false, WEB);
    back.finish_operation(true);
    assert_eq!(
        is_back(&back, &leading("again", "new", "old")),
        (true, false)
    );
}

#[test]
fn once_it_is_back_the_same_update_again_leads_forth() {
    let refused = failed(&there(), &leading("forth", "old", "new"), false);
    let back = done(&refused, &leading("back", "new", "old"));
    assert_eq!(back.led_from, None);
    let again = leading("again", "old", "new");
    assert_eq!(is_back(&back, &again), (false, false));
}

/// Where people take a change back, CloudFormation's way back leads forth again.
#[test]
fn an_update_to_what_was_there_before_is_led_back_from_like_any_other() {
    let changed = done(&there(), &leading("forth", "old", "new"));
    let reverted = leading("revert", "new", "old");
    let again = leading("again", "old", "new");
    for (has_changed, expected) in [(false, (true, true)), (true, (true, false))] {
        let failed = failed(&changed, &reverted, has_changed);
        assert_eq!(is_back(&failed, &again), expected, "{has_changed}");
        // It may have been the way back itself, which is sent again.
        let sent_again = leading("sent again", "new", "old");
        assert_eq!(is_back(&failed, &sent_again), (true, false));
    }
}

/// Or CloudFormation was told to go on without the resource.
#[test]
fn a_way_back_that_fails_does_not_make_what_it_leads_back_from_a_way_back() {
    let forth = leading("forth", "old", "new");
    let back = leading("back", "new", "old");
    let never_there = failed(&failed(&there(), &forth, false), &back, false);
    let forth_again = leading("forth again", "old", "new");
    assert_eq!(is_back(&never_there, &forth_again), (false, false));
    // What is there is new, and CloudFormation takes it for old.
    let skipped = failed(&done(&there(), &forth), &back, false);
    let refused = failed(&skipped, &leading("on", "old", "newer"), false);
    let back = leading("back again", "newer", "old");
    assert_eq!(is_back(&refused, &back), (true, false));
}

/// What a replacement has done to the service that it makes is nothing to the one that it was to replace.
#[test]
fn a_replacement_that_fails_half_way_is_led_back_from_to_what_stands() {
    let forth = Request {
        change: leading("forth", "old", "new").change,
        ..update("forth", WEB, SHOP)
    };
    let replacing = failed(&there(), &forth, true);
    assert_eq!(
        is_back(&replacing, &leading("back", "new", "old")),
        (true, true)
    );
}

/// The attempt that answers may die before it can write down that the answer was heard.
#[test]
fn what_was_reached_stands_also_when_only_the_next_request_learns_of_it() {
    let replace = Request {
        change: leading("forth", "old", "new").change,
        ..update("forth", WEB, SHOP)
    };
    let clean_up = delete("clean-up", WEB);
    let refused = Request {
        change: leading("on", "new", "newer").change,
        ..update("on", SHOP, SHOP)
    };
    let back = Request {
        change: leading("back", "newer", "new").change,
        ..update("back", SHOP, SHOP)
    };
    let mut replaced = begun(&there(), &replace);
    change(&mut replaced);
    decide(&mut replaced, true, SHOP);
    let cleaned = done(&replaced, &clean_up);
    let mut in_place = begun(&there(), &leading("forth", "old", "new"));
    change(&mut in_place);
    decide(&mut in_place, true, WEB);
    for (record, refused, back) in [
        (cleaned, refused, back),
        (
            in_place,
            leading("on", "new", "newer"),
            leading("back", "newer", "new"),
        ),
    ] {
        let refused = failed(&record, &refused, false);
        assert_eq!(is_back(&refused, &back), (true, true));
    }
}

/// A Create may take up what stands, and an Update whose properties are the same is none that leads back.
#[test]
fn only_an_update_to_other_properties_may_leave_all_as_it_is() {
    let there = there();
    assert_eq!(
        is_back(&there, &leading("same", "old", "old")),
        (false, false)
    );
    let again = Request {
        request_id: "again".into(),
        change: Some(Change {
            from: None,
            to: "old".to_owned(),
        }),
        ..create("again", WEB)
    };
    assert_eq!(is_back(&there, &again), (false, false));
}

#[test]
fn the_order_of_properties_and_who_carries_them_out_make_no_difference() {
    let of = |properties: serde_json::Value| Change::new(&owner().owner, None, &properties).to;
    let first = of(serde_json::json!({"ServiceToken": "one", "Cpu": "256", "Memory": "512"}));
    let again = of(serde_json::json!({"Memory": "512", "Cpu": "256", "ServiceToken": "two"}));
    let other = of(serde_json::json!({"Memory": "512", "Cpu": "512"}));
    assert_eq!(first, again);
    assert_ne!(first, other);
}

#[test]
fn what_a_failed_update_has_left_running_is_waited_for_by_nobody_on_the_way_back() {
    let forth = leading("forth", "old", "new");
    let asks = |mut record: OwnerRecord| {
        change(&mut record);
        let operation = record.operation.as_mut().expect("it has just begun");
        operation.deployment_asked_ms = Some(2_000);
        operation.deployment_before = Some("before".to_owned());
        record
    };
    for (is_success, back, expected) in [
        (false, leading("back", "new", "old"), true),
        (true, leading("back", "new", "old"), false),
        (false, leading("on", "new", "newer"), false),
    ] {
        let mut record = asks(begun(&there(), &forth));
        decide(&mut record, is_success, WEB);
        record.finish_operation(true);
        let operation = begun(&record, &back).operation;
        let abandoned = operation.and_then(|operation| operation.abandoned);
        let before = abandoned.map(|it| it.before);
        let expected = expected.then(|| Some("before".to_owned()));
        assert_eq!(before, expected, "{is_success} {}", back.request_id);
    }
}

/// CloudFormation was told to go on without the resource: what it believes is not so.
#[test]
fn what_was_left_half_way_does_not_stay_when_the_next_update_is_refused() {
    let astray = failed(&there(), &leading("forth", "old", "new"), true);
    let skipped = failed(&astray, &leading("back", "new", "old"), true);
    for record in [astray, skipped] {
        let refused = failed(&record, &leading("on", "old", "newer"), false);
        let back = leading("back again", "newer", "old");
        assert_eq!(is_back(&refused, &back), (true, false));
    }
}

#[test]
fn a_deployment_that_ecs_had_not_named_is_one_that_was_made_when_it_was_asked_for() {
    let left = |asked_ms, arn: Option<&str>| Abandoned {
        before: Some("before".to_owned()),
        arn: arn.map(str::to_owned),
        asked_ms,
    };
    for (asked_ms, arn, created_ms, is_of_then) in [
        (None, None, 9_000_000, true),
        (Some(1_000_000), None, 880_000, true),
        (Some(1_000_000), None, 1_120_000, true),
        (Some(1_000_000), None, 1_120_001, false),
        (Some(1_000_000), Some("its"), 9_000_000, true),
    ] {
        let is_of = left(asked_ms, arn).is_of(created_ms);
        assert_eq!(is_of, is_of_then, "{asked_ms:?} {arn:?} {created_ms}");
    }
}
