use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;

use super::*;
use crate::fake_aws::{FakeAws, Sent};

const CONTEXT: SealContext<'static> = SealContext {
    owner_key: "owner",
    request_id: "r-1",
};

/// A KMS whose only data key is 32 times 5, and which unwraps it only in the context that it was asked in.
fn kms() -> FakeAws {
    FakeAws::new(|_, sent: &Sent| {
        let request = sent.json();
        let context = &request["EncryptionContext"];
        let context = format!(
            "{}|{}",
            context["express:owner"], context["express:request"]
        );
        let (plain, wrapped) = (
            BASE64_STANDARD.encode([5; 32]),
            BASE64_STANDARD.encode(&context),
        );
        let target = sent.header("x-amz-target").unwrap().to_owned();
        if target.ends_with("GenerateDataKey") {
            return Some((
                200,
                json!({"Plaintext": plain, "CiphertextBlob": wrapped}).to_string(),
            ));
        }
        if request["CiphertextBlob"] == wrapped {
            return Some((200, json!({"Plaintext": plain}).to_string()));
        }
        Some((
            400,
            json!({"__type": "InvalidCiphertextException"}).to_string(),
        ))
    })
}

#[tokio::test]
async fn what_was_sealed_is_opened_by_the_same_operation() {
    let fake = kms();
    let runtime = fake.runtime();
    let sealed = seal(&runtime, &CONTEXT, b"https://host/?signature=canary")
        .await
        .unwrap();
    assert!(!sealed.windows(6).any(|window| window == b"canary"));
    assert_eq!(
        open(&runtime, &CONTEXT, &sealed).await.unwrap(),
        b"https://host/?signature=canary"
    );
    let request = fake.sent()[0].json();
    assert_eq!(request["KeySpec"], "AES_256");
    assert_eq!(
        request["KeyId"],
        "arn:aws:kms:eu-west-1:111122223333:key/0a1b"
    );
    assert_eq!(
        request["EncryptionContext"],
        json!({"express:owner": "owner", "express:request": "r-1"})
    );
}

#[tokio::test]
async fn no_other_operation_opens_it() {
    let runtime = kms().runtime();
    let sealed = seal(&runtime, &CONTEXT, b"secret").await.unwrap();
    for context in [
        SealContext {
            owner_key: "other",
            ..CONTEXT
        },
        SealContext {
            request_id: "r-2",
            ..CONTEXT
        },
        SealContext {
            owner_key: "ownerr",
            request_id: "-1",
        },
    ] {
        let refused = open(&runtime, &context, &sealed).await;
        assert!(matches!(refused, Err(SealError::Damaged)), "{context:?}");
        // The cipher alone refuses too, should KMS ever hand the key out.
        let parts = Parts::of(&sealed).unwrap();
        assert!(
            matches!(decrypt(&[5; 32], &parts, &context), Err(SealError::Damaged)),
            "{context:?}"
        );
    }
}

#[tokio::test]
async fn every_changed_or_missing_byte_is_noticed() {
    let runtime = kms().runtime();
    let sealed = seal(&runtime, &CONTEXT, b"secret").await.unwrap();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(
            open(&runtime, &CONTEXT, &changed).await.is_err(),
            "byte {at}"
        );
        assert!(
            open(&runtime, &CONTEXT, &sealed[..at]).await.is_err(),
            "length {at}"
        );
    }
}

#[tokio::test]
async fn a_newer_format_asks_for_an_upgrade() {
    let refused = open(&kms().runtime(), &CONTEXT, &[2, 0, 0])
        .await
        .unwrap_err();
    assert_eq!(
        refused.to_string(),
        "sealed in format 2, this version of the provider reads format 1"
    );
    assert_eq!(refused.class(), HandlerErrorCode::HandlerInternalFailure);
}

#[test]
fn format_1_stays_readable() {
    let sealed = encrypt(&[5; 32], b"key", [7; 12], &CONTEXT, b"plain").unwrap();
    let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    expect_test::expect![
        "0100036b6579070707070707070707070707b92e5c790e7f7af874dcaac3ed13cdac393c246da4"
    ]
    .assert_eq(&hex);
}

#[tokio::test]
async fn a_refusal_of_kms_keeps_its_class() {
    let fake = FakeAws::new(|_, _| Some((400, json!({"__type": "DisabledException"}).to_string())));
    let refused = seal(&fake.runtime(), &CONTEXT, b"x").await.unwrap_err();
    assert_eq!(refused.class(), HandlerErrorCode::HandlerInternalFailure);
}
