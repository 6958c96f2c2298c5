//! Key Management Service: data keys that open again only under the encryption context they were made with.
//!
//! AWS: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html>,
//! <https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html>

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::cloud::{Cloud, Outcome};
use crate::wire::{Input, Refusal};

/// Data keys by the text of their encrypted form.
#[derive(Clone, Debug, Default)]
pub struct State {
    data_keys: BTreeMap<String, DataKey>,
}

#[derive(Clone, Debug)]
struct DataKey {
    key_id: String,
    plaintext: String,
    context: Value,
}

pub(crate) fn call(cloud: &mut Cloud, operation: &str, input: Input<'_>) -> Outcome {
    match operation {
        "GenerateDataKey" => generate_data_key(cloud, input),
        "Decrypt" => decrypt(cloud, input),
        _ => Err(Refusal::unsupported("kms", operation)),
    }
}

fn generate_data_key(cloud: &mut Cloud, input: Input<'_>) -> Outcome {
    let key_id = input.required("KeyId")?;
    if input.text("KeySpec") != Some("AES_256") {
        return Err(Refusal::client(
            "ValidationException",
            "local-aws makes data keys of KeySpec AES_256 only",
        ));
    }
    let data_key = DataKey {
        key_id: key_id.to_owned(),
        plaintext: STANDARD.encode(cloud.random.bytes()),
        context: context(input),
    };
    let ciphertext = STANDARD.encode(cloud.random.bytes());
    let output = json!({
        "KeyId": data_key.key_id,
        "Plaintext": data_key.plaintext,
        "CiphertextBlob": ciphertext,
    });
    cloud.kms.data_keys.insert(ciphertext, data_key);
    Ok(output)
}

fn decrypt(cloud: &Cloud, input: Input<'_>) -> Outcome {
    let ciphertext = input.required("CiphertextBlob")?;
    let opened = cloud
        .kms
        .data_keys
        .get(ciphertext)
        .filter(|data_key| data_key.context == context(input));
    match opened {
        Some(data_key) => Ok(json!({
            "KeyId": data_key.key_id,
            "Plaintext": data_key.plaintext,
            "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
        })),
        None => Err(Refusal::client(
            "InvalidCiphertextException",
            "the ciphertext is unknown, or its encryption context is another",
        )),
    }
}

fn context(input: Input<'_>) -> Value {
    input
        .member("EncryptionContext")
        .cloned()
        .unwrap_or_else(|| json!({}))
}
