use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use express_core::claim::pool::MEMBERS_MAX;
use express_core::claim::{
    ANSWERED_IDS_MAX, DecidedAnswer, FINISHED_REQUESTS_MAX, SUPERSEDED_MAX,
    SUPERSEDED_SEALED_LENGTH_MAX, Superseded,
};
use provider_schema::limits::{ANSWER_BYTES_MAX, PROPERTIES_BYTES_MAX};
use serde_json::{Value, json};

use super::*;
use crate::fake_aws::{FakeAws, Sent, with_create};
use crate::seal::SealContext;
use crate::sealed::SealedOperation;
use crate::telemetry::Sensitive;

/// The revision that a write asks for.
fn seen(sent: &Sent) -> String {
    let values = &sent.json()["ExpressionAttributeValues"];
    values[":seen"]["N"].as_str().unwrap().to_owned()
}

/// An owner's record as it was read in revision 7, with names to give back.
fn read(released: Vec<Names>) -> Stored {
    Stored {
        record: OwnerRecord::new(Owner {
            stack_id: "stack".to_owned(),
            logical_resource_id: "Web".to_owned(),
        }),
        sealed: None,
        revision: 7,
        further: Item::default(),
        released,
    }
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
    let mut stored = read(Vec::new());
    let error = write(&runtime, &mut stored).await.unwrap_err();
    assert!(!matches!(error, LedgerError::Conflict), "{error}");
    // Meanwhile another writer may have made revision 8: the next write must not ask for that one.
    IS_WELL.store(true, Ordering::Relaxed);
    write(&runtime, &mut stored).await.unwrap();
    assert_eq!(seen(fake.sent().last().unwrap()), "7");
    assert_eq!(stored.revision(), 8);
}

#[tokio::test]
async fn a_write_that_met_another_transaction_gives_no_record_without_its_names() {
    let reasons = json!([{"Code": "None"}, {"Code": "TransactionConflict"}, {"Code": "None"}]);
    let cancelled = json!({
        "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
        "CancellationReasons": reasons,
    });
    let fake = FakeAws::new(move |_, _| Some((400, cancelled.to_string())));
    let names = Names {
        service_arn: "service".to_owned(),
        host: "web.example.com".to_owned(),
    };
    let mut stored = read(vec![names]);
    let error = write(&fake.runtime(), &mut stored).await.unwrap_err();
    assert!(matches!(error, LedgerError::Conflict), "{error}");
    let puts = |sent: &Sent| sent.header("x-amz-target") == Some("DynamoDB_20120810.PutItem");
    assert!(!fake.sent().iter().any(puts), "it was written by itself");
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

#[test]
fn there_is_room_beside_the_first_of_an_open_load_balancer_until_it_is_full() {
    let full = MEMBERS_MAX;
    for (is_open, count, limit, has_room) in [
        (true, 0, None, false),
        (true, 1, None, true),
        (true, full - 1, None, true),
        (true, full, None, false),
        (false, 1, None, false),
        (true, 1, Some(2), true),
        (true, 2, Some(2), false),
        (true, 1, Some(0), false),
        (true, full, Some(full + 1), false),
    ] {
        let members = pool::Members {
            slots: (0..count).map(|slot| (slot.to_string(), slot)).collect(),
            next_slot: count,
            is_open,
            closed_ms: None,
            is_gone: false,
            subnets: BTreeMap::new(),
            members_max: limit,
        };
        assert_eq!(members.is_shared_with_room(full), has_room, "{members:?}");
    }
}

/// Bytes of one item.
/// AWS: <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const ITEM_BYTES_MAX: usize = 400 * 1024;
/// Bytes of a data key that KMS has encrypted, and more.
const WRAPPED_KEY_BYTES: usize = 256;
/// Characters of a response URL with a session token, and more.
const URL_LENGTH: usize = 2_500;

/// The largest request, sealed.
async fn largest_sealed() -> crate::sealed::Sealed {
    let fake = FakeAws::new(|_, _| {
        let (plain, wrapped) = ([5; 32], [6; WRAPPED_KEY_BYTES]);
        let answer = json!({
            "Plaintext": STANDARD.encode(plain), "CiphertextBlob": STANDARD.encode(wrapped),
        });
        Some((200, answer.to_string()))
    });
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../provider-schema/fixtures/old/0.1.0.sealed.json"
    );
    let mut properties: Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let room = PROPERTIES_BYTES_MAX - properties.to_string().len();
    properties["PrimaryContainer"]["Environment"][1]["Value"] = json!("x".repeat(room));
    let properties: Option<provider_schema::Properties> =
        Some(serde_json::from_value(properties).unwrap());
    let sealed = SealedOperation {
        response_url: Sensitive::new("u".repeat(URL_LENGTH)),
        old_properties: properties.clone(),
        properties,
        is_of_newer_version: false,
    };
    let context = SealContext {
        owner_key: "owner",
        request_id: "request",
    };
    sealed.seal(&fake.runtime(), &context).await.unwrap()
}

/// A record with as much as it ever keeps of answers, ids, requests that are over and requests that were ended.
fn fullest_record(sealed_url: String) -> OwnerRecord {
    let owner = Owner {
        stack_id: "s".repeat(300),
        logical_resource_id: "l".repeat(255),
    };
    let request_id = "r".repeat(64);
    let mut record = with_create(&OwnerRecord::new(owner), &request_id);
    let arn = "a".repeat(400);
    // Nothing grows more in JSON than quotation marks, and an answer has few others.
    let answer = DecidedAnswer {
        is_success: true,
        body: "\"".repeat(ANSWER_BYTES_MAX),
        physical_id: arn.clone(),
    };
    let operation = record.operation.as_mut().unwrap();
    operation.answer = Some(answer.clone());
    operation.sealed_url = Some(sealed_url);
    record.answered_ids = vec![arn.clone(); ANSWERED_IDS_MAX];
    record.finished_requests = vec![request_id.as_str().into(); FINISHED_REQUESTS_MAX];
    let superseded = Superseded {
        request_id: request_id.as_str().into(),
        physical_id: arn,
        answer: Some(answer),
        sealed: "s".repeat(SUPERSEDED_SEALED_LENGTH_MAX),
        is_tried: false,
    };
    record.superseded = vec![superseded; SUPERSEDED_MAX];
    record
}

#[tokio::test]
async fn the_largest_request_and_all_that_were_ended_before_it_fit_into_one_item() {
    let sealed = largest_sealed().await;
    assert!(
        sealed.url.len() <= SUPERSEDED_SEALED_LENGTH_MAX,
        "{}",
        sealed.url.len()
    );
    assert!(
        sealed.whole.len() > 2 * PROPERTIES_BYTES_MAX,
        "old and new properties are in it"
    );
    let stored = Stored {
        record: fullest_record(sealed.url),
        sealed: Some(sealed.whole),
        revision: 1,
        further: Item::default(),
        released: Vec::new(),
    };
    let runtime = FakeAws::new(|_, _| None).runtime();
    let put = record_put(&runtime, &stored, 0).unwrap();
    let bytes: usize = put
        .item()
        .iter()
        .map(|(name, value)| {
            let value = value.as_s().or_else(|_| value.as_n()).unwrap();
            name.len() + value.len()
        })
        .sum();
    assert!(bytes <= ITEM_BYTES_MAX, "{bytes}");
}

/// What is on its second page still needs the provider.
#[tokio::test]
async fn the_table_is_read_to_its_last_page() {
    let page = |pool_id: &str, last: Value| {
        let item = json!({
            "pk": {"S": format!("pool#{pool_id}")},
            "schema_version": {"N": SCHEMA_VERSION.to_string()},
            "open": {"L": [{"N": "1"}]},
        });
        let mut page = json!({"Items": [item]});
        page["LastEvaluatedKey"] = last;
        page.to_string()
    };
    let key = json!({"pk": {"S": "pool#first"}});
    // An empty key is none.
    for last in [Value::Null, json!({})] {
        let pages = [page("first", key.clone()), page("second", last)];
        let fake = FakeAws::new(move |number, _| Some((200, pages.get(number)?.clone())));
        let contents = scan::read(&fake.runtime()).await.unwrap();
        let pools: Vec<&String> = contents.open.keys().collect();
        assert_eq!(pools, ["first", "second"]);
        let sent = fake.sent();
        assert_eq!(sent.len(), 2);
        assert_eq!(sent[0].json()["ExclusiveStartKey"], Value::Null);
        assert_eq!(sent[1].json()["ExclusiveStartKey"], key);
    }
}
