use express_core::claim::{Owner, OwnerRecord, SCHEMA_VERSION};
use express_core::naming;
use serde_json::{Value, json};

use super::*;
use crate::fake_aws::{FakeAws, invocation, with_create};

fn owner() -> Owner {
    Owner {
        stack_id: "stack".to_owned(),
        logical_resource_id: "Web".to_owned(),
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
    let first = with_create(&OwnerRecord::new(owner()), "first");
    let later = with_create(&first, "later");
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
