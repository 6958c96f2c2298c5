use express_core::claim::{Owner, OwnerRecord, Reception, Request, RequestType, SCHEMA_VERSION};
use express_core::naming;
use serde_json::{Value, json};

use super::*;
use crate::fake_aws::{FakeAws, invocation};

fn owner() -> Owner {
    Owner {
        stack_id: "stack".to_owned(),
        logical_resource_id: "Web".to_owned(),
    }
}

/// The record with a Create as its operation.
fn begun(record: &OwnerRecord, request_id: &str) -> OwnerRecord {
    let request = Request {
        request_id: request_id.to_owned(),
        request_type: RequestType::Create,
        physical_id: None,
        converge: None,
        change: None,
        waits_for_closings: false,
        now_ms: 1,
        issued_ms: 1,
        answer_by_ms: 2,
        given_up_ms: 3,
    };
    match record.receive(&request, None) {
        Reception::Begin(begun) => *begun,
        other => panic!("a Create begins: {other:?}"),
    }
}

/// What the table says.
fn item(record: &OwnerRecord, revision: u64) -> Value {
    json!({"Item": {
        "schema_version": {"N": SCHEMA_VERSION.to_string()},
        "revision": {"N": revision.to_string()},
        "record": {"S": serde_json::to_string(record).unwrap()},
    }})
}

#[tokio::test]
async fn who_has_waited_does_not_go_on_with_what_a_later_request_asks() {
    let first = begun(&OwnerRecord::new(owner()), "first");
    let later = begun(&first, "later");
    for (found, is_read) in [(&first, true), (&later, false)] {
        let answers = [item(&first, 7), item(found, 8)];
        let fake = FakeAws::new(move |number, _| Some((200, answers[number].to_string())));
        let (runtime, invocation) = (fake.runtime(), invocation());
        let stored = ledger::find(&runtime, &naming::owner_key(&owner())).await;
        let stored = stored.unwrap().unwrap();
        let mut attempt = Attempt::new(&runtime, &invocation, stored, "attempt".to_owned());
        let read = attempt.read_again().await;
        if is_read {
            read.unwrap();
            assert_eq!(attempt.stored.revision(), 8);
        } else {
            assert!(matches!(read, Err(LedgerError::Conflict)), "{read:?}");
            assert_eq!(attempt.stored.record, first);
        }
    }
}
