use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use super::*;
use crate::fake_aws::{FakeAws, Sent};

/// The revision that a write asks for.
fn seen(sent: &Sent) -> String {
    let values = &sent.json()["ExpressionAttributeValues"];
    values[":seen"]["N"].as_str().unwrap().to_owned()
}

/// DynamoDB fails until it is told that it is well.
static IS_WELL: AtomicBool = AtomicBool::new(false);

#[tokio::test]
async fn a_write_of_unknown_outcome_is_not_taken_for_written() {
    let fake = FakeAws::new(|_, _| {
        Some(if IS_WELL.load(Ordering::Relaxed) {
            (200, "{}".to_owned())
        } else {
            (500, json!({"__type": "InternalServerError"}).to_string())
        })
    });
    let runtime = fake.runtime();
    let mut stored = Stored {
        record: OwnerRecord::new(Owner {
            stack_id: "stack".to_owned(),
            logical_resource_id: "Web".to_owned(),
        }),
        sealed: None,
        revision: 7,
        further: Item::default(),
        released: Vec::new(),
    };
    assert!(write(&runtime, &mut stored).await.is_err());
    // Meanwhile another writer may have made revision 8: the next write must not ask for that one.
    IS_WELL.store(true, Ordering::Relaxed);
    write(&runtime, &mut stored).await.unwrap();
    assert_eq!(seen(fake.sent().last().unwrap()), "7");
    assert_eq!(stored.revision(), 8);
}

#[tokio::test]
async fn a_claim_without_an_answer_may_land_late_and_a_record_may_not() {
    let fake =
        FakeAws::new(|_, _| Some((500, json!({"__type": "InternalServerError"}).to_string())));
    let runtime = fake.runtime();
    let claim = pool::offer(&runtime, "pool", 1).await.unwrap_err();
    assert!(claim.may_land_late(), "{claim}");
    let looked = find(&runtime, "owner").await.unwrap_err();
    assert!(!looked.may_land_late(), "{looked}");
    assert!(!LedgerError::Conflict.may_land_late());
}
