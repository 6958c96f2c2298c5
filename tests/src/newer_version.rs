//! A newer version of the provider beside the one under test: while the function is updated, and after it was set back,
//! both work on the same ledger.
//!
//! What an older version can meet of a newer one of the same `schema_version` is what that writes besides: here every
//! attempt of the newer version adds a field to the owner's record, to each service and to the operation in it, and an
//! attribute to the item. Whatever the older version writes over that must still have it. What it refuses, because the
//! version is another, has tests of its own (case 58).

use std::collections::BTreeSet;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use local_aws::LocalAws;
use local_aws::wire::Service;
use serde_json::{Value, json};

use crate::world::provider::LEDGER_TABLE;

/// The field and the attribute that only the newer version knows.
const FURTHER: &str = "KnownToTheNewerVersion";

/// The request as the newer version sends it.
pub(crate) fn as_newer_version(mut request: HttpRequest) -> HttpRequest {
    if let Some(mut body) = written(&request) {
        items(&mut body).into_iter().for_each(mark);
        *request.body_mut() = SdkBody::from(body.to_string());
        // The length was that of the other body.
        request.headers_mut().remove("content-length");
    }
    request
}

/// What the older version loses with this request of what the newer one had written.
pub(crate) fn lost(account: &LocalAws, request: &HttpRequest) -> Vec<String> {
    let Some(mut body) = written(request) else {
        return Vec::new();
    };
    let mut lost = Vec::new();
    for item in items(&mut body) {
        let key =
            json!({"TableName": LEDGER_TABLE, "Key": {"pk": item["pk"]}, "ConsistentRead": true});
        let stored = account.perform(Service::DynamoDb, "GetItem", key);
        let stored = stored.map_or(Value::Null, |answer| answer["Item"].clone());
        if revision(&stored) + 1 != revision(item) {
            // It is about to be refused.
            continue;
        }
        let (parts, kept) = (parts(item), marked(item));
        let before = marked(&stored);
        let gone = before
            .intersection(&parts)
            .filter(|part| !kept.contains(*part));
        lost.extend(gone.map(|part| {
            format!(
                "an older version has dropped what a newer one knows of {part} of {}",
                item["pk"]
            )
        }));
    }
    lost
}

/// The body of a request that may write owners' items.
fn written(request: &HttpRequest) -> Option<Value> {
    let target = request.headers().get("x-amz-target")?;
    if !target.ends_with(".PutItem") && !target.ends_with(".TransactWriteItems") {
        return None;
    }
    serde_json::from_slice(request.body().bytes()?).ok()
}

/// The owners' items that it puts.
fn items(body: &mut Value) -> Vec<&mut Value> {
    let is_owner = |item: &&mut Value| {
        let pk = item["pk"]["S"].as_str();
        pk.is_some_and(|pk| pk.starts_with("owner#"))
    };
    if body.get("Item").is_some() {
        return body.get_mut("Item").into_iter().filter(is_owner).collect();
    }
    let writes = body.get_mut("TransactItems").and_then(Value::as_array_mut);
    let puts = writes.into_iter().flatten();
    puts.filter_map(|write| write.pointer_mut("/Put/Item"))
        .filter(is_owner)
        .collect()
}

fn record(item: &Value) -> Value {
    let text = item["record"]["S"].as_str().unwrap_or_default();
    serde_json::from_str(text).unwrap_or_default()
}

fn revision(item: &Value) -> u64 {
    let text = item["revision"]["N"].as_str().unwrap_or_default();
    text.parse().unwrap_or_default()
}

fn mark(item: &mut Value) {
    let mut record = record(item);
    if !record.is_object() {
        return;
    }
    record[FURTHER] = json!({"since": 2});
    for service in record["services"].as_object_mut().into_iter().flatten() {
        service.1[FURTHER] = json!("a text");
    }
    if record["operation"].is_object() {
        record["operation"][FURTHER] = json!([1, 2]);
    }
    item["record"] = json!({"S": record.to_string()});
    item[FURTHER] = json!({"S": "an attribute"});
}

/// Everything in an item that can be marked, with whether it is.
fn all_parts(item: &Value) -> Vec<(String, bool)> {
    let record = record(item);
    let is_marked = |part: &Value| part.get(FURTHER).is_some();
    let mut parts = vec![
        ("the item".to_owned(), is_marked(item)),
        ("the record".to_owned(), is_marked(&record)),
    ];
    for (arn, service) in record["services"].as_object().into_iter().flatten() {
        parts.push((format!("service {arn}"), is_marked(service)));
    }
    let operation = &record["operation"];
    if let Some(request_id) = operation["request_id"].as_str() {
        parts.push((format!("operation {request_id}"), is_marked(operation)));
    }
    parts
}

fn parts(item: &Value) -> BTreeSet<String> {
    all_parts(item).into_iter().map(|(part, _)| part).collect()
}

fn marked(item: &Value) -> BTreeSet<String> {
    let parts = all_parts(item).into_iter();
    parts
        .filter(|(_, is_marked)| *is_marked)
        .map(|(part, _)| part)
        .collect()
}
