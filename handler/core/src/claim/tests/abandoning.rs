//! Which deployment nobody waits for any more, once a later request has ended the one that asked for it.

use super::{WEB, begun, create, done, owner, update};
use crate::claim::{Abandoned, Awaited, OwnerRecord, StopAsked, Waiting};
use crate::resources::ecs_service::DeploymentStatus;
use crate::step::Stop;

const BEFORE: &str = "deployment-of-before";
const ASKED: &str = "deployment-that-was-asked-for";

/// An open Update that has asked for a deployment, and waits for what is given.
fn deploying(awaited: Option<Awaited>) -> OwnerRecord {
    let mut record = begun(&done(&owner(), &create("1", WEB)), &update("2", WEB, WEB));
    let operation = record.operation.as_mut().expect("an open operation");
    operation.deployment_asked_ms = Some(1_000);
    operation.deployment_before = Some(BEFORE.to_owned());
    operation.waiting = awaited.map(|awaited| Waiting {
        awaited,
        observed_ms: 1_000,
    });
    record
}

fn deployment(arn: &str) -> Awaited {
    Awaited::Deployment {
        arn: arn.to_owned(),
        status: DeploymentStatus::Running,
    }
}

/// What the next request finds abandoned.
fn abandoned(record: &OwnerRecord, request_id: &str) -> Option<Abandoned> {
    let next = begun(record, &update(request_id, WEB, WEB));
    next.operation.expect("an open operation").abandoned
}

fn after(before: &str, arn: Option<&str>) -> Abandoned {
    Abandoned {
        before: Some(before.to_owned()),
        arn: arn.map(str::to_owned),
        asked_ms: None,
    }
}

#[test]
fn abandoned_is_the_deployment_that_was_seen_and_else_the_next_after_that_of_before() {
    let draining = Awaited::Draining {
        service_arn: WEB.to_owned(),
    };
    let table = [
        (Some(deployment(ASKED)), Some(ASKED)),
        // It looked before ECS had listed its own.
        (Some(deployment(BEFORE)), None),
        (Some(draining), None),
        (None, None),
    ];
    for (awaited, arn) in table {
        let record = deploying(awaited.clone());
        let expected = Some(after(BEFORE, arn));
        assert_eq!(abandoned(&record, "3"), expected, "{awaited:?}");
    }
}

#[test]
fn a_request_that_asked_for_no_deployment_hands_on_what_was_abandoned_before_it() {
    let idle = done(&owner(), &create("1", WEB));
    assert_eq!(abandoned(&begun(&idle, &update("2", WEB, WEB)), "3"), None);
    let next = begun(&deploying(Some(deployment(ASKED))), &update("3", WEB, WEB));
    assert_eq!(abandoned(&next, "4"), Some(after(BEFORE, Some(ASKED))));
}

#[test]
fn one_that_was_not_seen_is_any_but_that_of_before_and_one_that_was_seen_is_itself() {
    let unseen = after(BEFORE, None);
    assert!(unseen.is(ASKED) && !unseen.is(BEFORE));
    let seen = after(BEFORE, Some(ASKED));
    assert!(seen.is(ASKED) && !seen.is(BEFORE) && !seen.is("another"));
}

#[test]
fn a_stop_is_noted_for_what_it_was_made_for() {
    let unseen = || {
        let next = begun(&deploying(None), &update("3", WEB, WEB));
        next.operation.expect("an open operation")
    };
    let mut stopping = unseen();
    stopping.note_stop(ASKED, Stop::Hopeless, 7_000);
    let mut asked = unseen();
    asked.stop_asked = Some(StopAsked {
        deployment_arn: ASKED.to_owned(),
        at_ms: 7_000,
    });
    assert_eq!(stopping, asked);
    stopping.note_stop(ASKED, Stop::OutOfTime, 0);
    assert!(stopping.is_out_of_time);
    stopping.note_stop(BEFORE, Stop::Abandoned, 0);
    assert_eq!(stopping.abandoned, Some(after(BEFORE, None)));
    stopping.note_stop(ASKED, Stop::Abandoned, 0);
    assert_eq!(stopping.abandoned, Some(after(BEFORE, Some(ASKED))));
}
