use expect_test::{Expect, expect};
use serde_json::json;

use super::*;

fn request(request_type: &str) -> Value {
    json!({
        "RequestType": request_type,
        "ResponseURL": "https://host/?signature=canary",
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/6f0a2c30-0001",
        "RequestId": "5e0c3f1a-0001",
        "ResourceType": "Custom::ExpressService",
        "LogicalResourceId": "Web",
        "PhysicalResourceId": "arn:aws:ecs:eu-west-1:111122223333:service/default/web",
        "ResourceProperties": {"Image": "canary", "ServiceToken": "arn"},
        "OldResourceProperties": {"Image": "old"},
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut event = request("Update");
    event[field] = value;
    event
}

fn without(request_type: &str, field: &str) -> Value {
    let mut event = request(request_type);
    event.as_object_mut().unwrap().remove(field);
    event
}

fn check(event: &Value, expected: &Expect) {
    expected.assert_eq(&match parse(event) {
        Ok(envelope) => format!("{envelope:?}"),
        Err(error) => {
            let answer = if error.answerable.is_some() {
                "answerable"
            } else {
                "unanswerable"
            };
            format!("{answer}: {error}")
        }
    });
}

#[test]
fn a_create_has_no_physical_id_and_no_old_properties() {
    let envelope = parse(&request("Create")).unwrap();
    assert_eq!(envelope.physical_resource_id, None);
    assert_eq!(envelope.old_properties, None);
    assert_eq!(envelope.properties["Image"], "canary");
    assert_eq!(
        envelope.response_url.expose(),
        "https://host/?signature=canary"
    );
}

#[test]
fn an_update_has_both_and_a_delete_has_an_id() {
    let update = parse(&request("Update")).unwrap();
    assert_eq!(update.old_properties.unwrap()["Image"], "old");
    assert!(update.physical_resource_id.unwrap().ends_with("/web"));
    let delete = parse(&request("Delete")).unwrap();
    assert!(delete.physical_resource_id.is_some() && delete.old_properties.is_none());
    let bare = parse(&without("Delete", "ResourceProperties")).unwrap();
    assert_eq!(bare.properties, json!({}));
}

#[test]
fn an_envelope_shows_neither_url_nor_properties() {
    check(
        &request("Create"),
        &expect![[
            r#"Envelope { request_type: Create, request_id: "5e0c3f1a-0001", stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/6f0a2c30-0001", resource_type: "Custom::ExpressService", logical_resource_id: "Web", physical_resource_id: None, .. }"#
        ]],
    );
}

#[test]
fn case_5_whatever_is_wrong_the_answer_can_be_sent() {
    check(
        &with("RequestType", json!("Read")),
        &expect!["answerable: RequestType `Read` is not known, expected Create, Update or Delete"],
    );
    check(
        &without("Create", "ResourceProperties"),
        &expect!["answerable: ResourceProperties is missing"],
    );
    check(
        &with("ResourceProperties", json!("text")),
        &expect!["answerable: ResourceProperties is not a JSON object"],
    );
    check(
        &without("Update", "OldResourceProperties"),
        &expect!["answerable: OldResourceProperties is missing"],
    );
    check(
        &without("Delete", "PhysicalResourceId"),
        &expect!["answerable: PhysicalResourceId is missing"],
    );
    check(
        &with("StackId", json!("shop")),
        &expect!["answerable: StackId `shop` is not the ARN of a stack"],
    );
    check(
        &with("RequestId", json!("a b")),
        &expect![
            "answerable: RequestId `a b` is not an id of letters, digits and hyphens with at most 64 characters"
        ],
    );
    check(
        &with("LogicalResourceId", json!("a/b")),
        &expect![
            "answerable: LogicalResourceId `a/b` is not alphanumeric with at most 255 characters"
        ],
    );
    check(
        &json!({"ResponseURL": "https://host/", "RequestType": 5, "StackId": ""}),
        &expect![
            "answerable: RequestType is not a string; RequestId is missing; StackId is empty; LogicalResourceId is missing; ResourceType is missing; ResourceProperties is missing"
        ],
    );
}

#[test]
fn case_5_without_a_url_there_is_nothing_to_answer() {
    check(
        &json!([1]),
        &expect!["unanswerable: the event is not a JSON object"],
    );
    check(
        &without("Create", "ResponseURL"),
        &expect!["unanswerable: ResponseURL is missing"],
    );
    check(
        &with("ResponseURL", json!("")),
        &expect!["unanswerable: ResponseURL is empty"],
    );
    check(
        &with("ResponseURL", json!(5)),
        &expect!["unanswerable: ResponseURL is not a string"],
    );
}

#[test]
fn a_request_through_a_topic_is_refused_and_answered() {
    let wrapped = |message: &str| json!({"Records": [{"EventSource": "aws:sns", "Sns": {"Message": message}}]});
    check(
        &wrapped(&request("Create").to_string()),
        &expect![
            "answerable: the request came through an Amazon SNS topic; set ServiceToken to the ARN of the provider's function itself"
        ],
    );
    check(
        &wrapped("not JSON"),
        &expect![
            "unanswerable: the request came through an Amazon SNS topic; set ServiceToken to the ARN of the provider's function itself"
        ],
    );
    let refused = parse(&wrapped(&request("Delete").to_string())).unwrap_err();
    assert_eq!(refused.request_type, Some(RequestType::Delete));
    assert_eq!(refused.answerable.unwrap().request_id, "5e0c3f1a-0001");
}

#[test]
fn ids_go_back_verbatim_even_malformed_ones() {
    let answerable = parse(&with("RequestId", json!("a b")))
        .unwrap_err()
        .answerable
        .unwrap();
    assert_eq!(answerable.request_id, "a b");
    assert_eq!(answerable.logical_resource_id, "Web");
}

#[test]
fn a_request_was_issued_when_its_url_was_signed() {
    for (url, expected) in [
        (
            "https://host/key?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Date=20261121T061203Z&X-Amz-Expires=7200",
            Some(1_795_241_523_000),
        ),
        (
            "https://host/key?X-Amz-Date=20240229T000000Z",
            Some(1_709_164_800_000),
        ),
        ("https://host/key?X-Amz-Date=20261321T061203Z", None),
        ("https://host/key?X-Amz-Date=2026-11-21T06:12:03Z", None),
        ("https://host/key?X-Amz-Date=", None),
        ("https://host/key?X-Amz-Date=２0261121T061203Z", None),
        ("https://host/key?Expires=1795241523", None),
        ("https://host/key", None),
    ] {
        let envelope = parse(&with("ResponseURL", json!(url))).unwrap();
        assert_eq!(envelope.issued_ms(), expected, "{url}");
    }
}
