use serde_json::json;

use super::*;
use crate::fake_aws::FakeAws;

const URL: &str = "https://sink.example/arn%3Aaws%3A%7CWeb?X-Amz-Signature=canary%2B";

fn failed(reason: &str) -> Answer {
    Answer {
        status: Status::Failed,
        physical_resource_id: "id".into(),
        stack_id: "arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/1".into(),
        request_id: "r-1".into(),
        logical_resource_id: "Web".into(),
        reason: Some(reason.into()),
        data: None,
    }
}

fn success(data: Value) -> Answer {
    let data = data.as_object().cloned();
    Answer {
        status: Status::Success,
        reason: None,
        data,
        ..failed("")
    }
}

async fn send(fake: &FakeAws, url: &str, answer: &Answer) -> Result<Delivery, RespondError> {
    let body = render(answer)?;
    super::send(&fake.runtime(), &Sensitive::new(url.to_owned()), &body).await
}

/// The one body that was sent, checked to be within the limit and of the length that was declared.
async fn sent_body(answer: &Answer) -> Value {
    let fake = FakeAws::statuses(&[200]);
    assert_eq!(send(&fake, URL, answer).await, Ok(Delivery::Delivered));
    let [sent] = &fake.sent()[..] else {
        panic!("one request")
    };
    assert!(sent.body.len() <= RESPONSE_BYTES_MAX, "{}", sent.body.len());
    assert_eq!(
        sent.header("content-length"),
        Some(sent.body.len().to_string().as_str())
    );
    sent.json()
}

#[tokio::test]
async fn case_2_an_answer_is_a_put_with_an_empty_content_type_to_the_exact_url() {
    let fake = FakeAws::statuses(&[200]);
    let answer = success(json!({"Endpoint": "https://web"}));
    assert_eq!(send(&fake, URL, &answer).await, Ok(Delivery::Delivered));
    let sent = &fake.sent()[0];
    assert_eq!((sent.method.as_str(), sent.uri.as_str()), ("PUT", URL));
    assert_eq!(sent.header("content-type"), Some(""));
    assert_eq!(
        String::from_utf8_lossy(&sent.body),
        r#"{"Status":"SUCCESS","PhysicalResourceId":"id","StackId":"arn:aws:cloudformation:eu-west-1:111122223333:stack/shop/1","RequestId":"r-1","LogicalResourceId":"Web","Data":{"Endpoint":"https://web"}}"#
    );
}

#[tokio::test]
async fn case_2_the_length_is_in_bytes_not_characters() {
    let body = sent_body(&failed("köl 東京")).await;
    assert_eq!(body["Reason"], "köl 東京");
}

#[tokio::test]
async fn case_2_other_failures_are_tried_again_with_growing_waits() {
    for (statuses, expected, tries) in [
        (&[500, 503, 200][..], Ok(Delivery::Delivered), 3),
        (&[0, 200], Ok(Delivery::Delivered), 2),
        (&[400, 404, 301, 500, 204], Ok(Delivery::Delivered), 5),
        (&[403, 200], Ok(Delivery::Refused { status: 403 }), 1),
        (&[500, 403, 200], Ok(Delivery::Refused { status: 403 }), 2),
        (
            &[500; 6],
            Err(RespondError::NotAccepted {
                last: "status 500".into(),
            }),
            5,
        ),
        (
            &[0; 6],
            Err(RespondError::NotAccepted {
                last: "no answer".into(),
            }),
            5,
        ),
    ] {
        let fake = FakeAws::statuses(statuses);
        assert_eq!(
            send(&fake, URL, &failed("x")).await,
            expected,
            "{statuses:?}"
        );
        assert_eq!(fake.sent().len(), tries, "{statuses:?}");
        assert_eq!(
            fake.slept_ms(),
            &[200, 400, 800, 1600][..tries - 1],
            "{statuses:?}"
        );
    }
}

#[tokio::test]
async fn case_11_a_foreign_host_gets_no_request() {
    let fake = FakeAws::statuses(&[200]);
    let refused = send(
        &fake,
        "https://evil.example/?signature=canary",
        &failed("x"),
    )
    .await
    .unwrap_err();
    assert!(matches!(refused, RespondError::ForeignHost(_)), "{refused}");
    assert!(!refused.to_string().contains("canary"), "{refused}");
    assert!(fake.sent().is_empty());
}

#[tokio::test]
async fn case_3_a_body_of_the_limit_is_sent_and_a_byte_more_is_not() {
    let overhead = serde_json::to_vec(&Body::of(&success(json!({"A": ""}))))
        .unwrap()
        .len();
    let filled = |bytes: usize| success(json!({"A": "x".repeat(bytes - overhead)}));
    let at_limit = sent_body(&filled(4096)).await;
    assert_eq!(at_limit["Status"], "SUCCESS");
    let above = sent_body(&filled(4097)).await;
    assert_eq!(above["Status"], "FAILED");
    assert_eq!(above["PhysicalResourceId"], "id");
    let reason = above["Reason"].as_str().unwrap();
    assert!(
        reason.contains("4097 bytes") && above.get("Data").is_none(),
        "{reason}"
    );
}

#[tokio::test]
async fn case_3_the_reason_is_cut_first_and_between_characters() {
    let data = json!({"A": "x".repeat(3500)});
    for reason in [
        "y".repeat(3000),
        "ä".repeat(3000),
        "\"".repeat(3000),
        "\u{1}".repeat(3000),
    ] {
        let answer = Answer {
            reason: Some(reason.clone()),
            ..success(data.clone())
        };
        let body = sent_body(&answer).await;
        assert_eq!(body["Data"], data);
        assert_eq!(body["Status"], "SUCCESS");
        let alone = sent_body(&failed(&reason)).await;
        let kept = alone["Reason"].as_str().unwrap();
        assert!(
            reason.starts_with(kept) && kept.len() >= REASON_BYTES_MIN,
            "{}",
            kept.len()
        );
        assert!(kept.len() <= REASON_BYTES_MAX);
    }
}

#[tokio::test]
async fn ids_that_are_too_large_are_not_sent_cut() {
    let fake = FakeAws::statuses(&[200]);
    let answer = Answer {
        stack_id: "s".repeat(5000),
        ..failed("x")
    };
    let refused = send(&fake, URL, &answer).await.unwrap_err();
    assert!(
        matches!(refused, RespondError::TooLarge { bytes } if bytes > 5000),
        "{refused}"
    );
    assert!(fake.sent().is_empty());
}

#[tokio::test]
async fn what_cloudformation_requires_is_never_missing() {
    let answer = Answer {
        physical_resource_id: String::new(),
        reason: None,
        ..failed("")
    };
    let body = sent_body(&answer).await;
    assert_eq!(body["PhysicalResourceId"], "express-nothing:r-1");
    assert_eq!(body["Reason"], "InternalFailure: no reason was given");
}
