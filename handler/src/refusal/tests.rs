use serde_json::{Value, json};

use super::*;
use crate::fake_aws::{FakeAws, invocation};

fn event(request_type: &str, physical_id: &str) -> Value {
    json!({
        "RequestType": request_type,
        "ResponseURL": "https://sink.example/x?signature=canary",
        "StackId": "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/1",
        "RequestId": "r-1",
        "ResourceType": "Custom::ExpressService",
        "LogicalResourceId": "Web",
        "PhysicalResourceId": physical_id,
        "ResourceProperties": {},
        "OldResourceProperties": {},
    })
}

async fn answered(event: &Value) -> Value {
    let fake = FakeAws::statuses(&[200]);
    let runtime = fake.runtime();
    let responder = Responder {
        clock: &runtime.clock,
        connector: &runtime.connector,
        hosts: &runtime.settings.response_hosts,
    };
    let refusal = Refusal {
        code: HandlerErrorCode::InvalidRequest,
        problem: "no",
        remedy: Some("do"),
    };
    let delivery = refuse_all(&responder, &invocation(), event, &refusal)
        .await
        .unwrap();
    assert_eq!(delivery, Some(Delivery::Delivered));
    fake.sent()[0].json()
}

#[tokio::test]
async fn a_refused_create_names_nothing_and_its_delete_succeeds() {
    let create = answered(&event("Create", "ignored")).await;
    assert_eq!(create["Status"], "FAILED");
    assert_eq!(
        create["Reason"],
        "InvalidRequest: no. Do. [operation r-1, log stream stream-1]"
    );
    let id = create["PhysicalResourceId"].as_str().unwrap();
    let delete = event("Delete", id);
    let answer = answered(&delete).await;
    assert_eq!(
        (
            answer["Status"].as_str(),
            answer["PhysicalResourceId"].as_str()
        ),
        (Some("SUCCESS"), Some(id))
    );
    assert!(is_delete_of_nothing(&event::parse(&delete).unwrap()));
}

#[tokio::test]
async fn a_refused_update_or_delete_keeps_its_id() {
    for request_type in ["Update", "Delete", "Read"] {
        let answer = answered(&event(request_type, "arn:web")).await;
        assert_eq!(answer["Status"], "FAILED", "{request_type}");
        assert_eq!(answer["PhysicalResourceId"], "arn:web", "{request_type}");
    }
}

#[tokio::test]
async fn an_event_without_a_url_is_not_answered() {
    let fake = FakeAws::statuses(&[200]);
    let runtime = fake.runtime();
    let responder = Responder {
        clock: &runtime.clock,
        connector: &runtime.connector,
        hosts: &runtime.settings.response_hosts,
    };
    let refusal = Refusal {
        code: HandlerErrorCode::InvalidRequest,
        problem: "no",
        remedy: None,
    };
    assert_eq!(
        refuse_all(&responder, &invocation(), &json!({}), &refusal).await,
        Ok(None)
    );
    assert!(fake.sent().is_empty());
}
