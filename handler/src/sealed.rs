//! What the ledger keeps sealed of an open operation: where its answer goes, and its properties.

use provider_schema::Properties;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Runtime;
use crate::seal::{self, SealContext, SealError};
use crate::telemetry::Sensitive;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The secret part of an operation.
#[derive(Clone, Debug)]
pub struct SealedOperation {
    /// Where the answer goes.
    pub response_url: Sensitive<String>,
    /// What is asked for; none for a Delete, and of what a newer version has sealed with a property that this one does
    /// not know.
    pub properties: Option<Properties>,
    /// Whether that is so.
    pub is_of_newer_version: bool,
    /// What was asked for before, of an Update; none when this version cannot read it any more.
    pub old_properties: Option<Properties>,
}

/// What [`SealedOperation::seal`] makes; each in Base64.
#[derive(Clone, Debug)]
pub struct Sealed {
    /// All of it.
    pub whole: String,
    /// Only where the answer goes: what is kept of a request that a later one ends. Properties of both would not fit
    /// into one item of the ledger.
    pub url: String,
}

#[derive(Clone, Copy, Serialize)]
struct Plain<'a> {
    response_url: &'a str,
    properties: Option<&'a Properties>,
    old_properties: Option<&'a Properties>,
}

/// The same as it is found. A newer version may have sealed properties that this one does not know; where the answer
/// goes can be read all the same.
#[derive(Deserialize)]
struct Opened {
    response_url: String,
    properties: Option<Value>,
    old_properties: Option<Value>,
}

impl SealedOperation {
    /// That of a Delete, which has no properties.
    #[must_use]
    pub const fn of_delete(response_url: Sensitive<String>) -> Self {
        Self {
            response_url,
            properties: None,
            is_of_newer_version: false,
            old_properties: None,
        }
    }

    /// The properties of before and those that are asked for; none unless both are known.
    #[must_use]
    pub fn old_and_new(&self) -> Option<(&Properties, &Properties)> {
        Some((self.old_properties.as_ref()?, self.properties.as_ref()?))
    }

    /// Seals it for the ledger.
    ///
    /// # Errors
    /// When KMS gives no data key.
    pub async fn seal(
        &self,
        runtime: &Runtime,
        context: &SealContext<'_>,
    ) -> Result<Sealed, SealError> {
        let whole = Plain {
            response_url: self.response_url.expose(),
            properties: self.properties.as_ref(),
            old_properties: self.old_properties.as_ref(),
        };
        let url = Plain {
            properties: None,
            old_properties: None,
            ..whole
        };
        let [whole, url] = [whole, url].map(|plain| serde_json::to_vec(&plain));
        let whole = whole.map_err(|_| SealError::Damaged)?;
        let url = url.map_err(|_| SealError::Damaged)?;
        let sealed = seal::seal_each(runtime, context, [whole.as_slice(), url.as_slice()]).await?;
        let [whole, url] = sealed.map(|sealed| STANDARD.encode(sealed));
        Ok(Sealed { whole, url })
    }

    /// Opens either part that [`Self::seal`] returned for the same owner and request.
    ///
    /// # Errors
    /// When it was sealed for another operation, has been changed, or KMS refuses.
    pub async fn open(
        runtime: &Runtime,
        context: &SealContext<'_>,
        sealed: &str,
    ) -> Result<Self, SealError> {
        let sealed = STANDARD.decode(sealed).map_err(|_| SealError::Damaged)?;
        let bytes = seal::open(runtime, context, &sealed).await?;
        let opened: Opened = serde_json::from_slice(&bytes).map_err(|_| SealError::Damaged)?;
        let is_asked = opened.properties.is_some();
        let properties = opened.properties.and_then(known);
        Ok(Self {
            response_url: Sensitive::new(opened.response_url),
            is_of_newer_version: is_asked && properties.is_none(),
            properties,
            old_properties: opened.old_properties.and_then(known),
        })
    }
}

/// The properties, unless there is one among them that this version does not know. The tag has vouched for them.
fn known(properties: Value) -> Option<Properties> {
    serde_json::from_value(properties).ok()
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use super::*;
    use crate::fake_aws::FakeAws;

    const CONTEXT: SealContext<'static> = SealContext {
        owner_key: "owner",
        request_id: "r-1",
    };
    const URL: &str = "https://host/?signature=1";

    /// A KMS with one data key.
    fn kms() -> FakeAws {
        let key = STANDARD.encode([5; 32]);
        let answer = json!({"Plaintext": key, "CiphertextBlob": key}).to_string();
        FakeAws::new(move |_, _| Some((200, answer.clone())))
    }

    /// What becomes of this plain text.
    async fn opened(plain: Value) -> SealedOperation {
        let fake = kms();
        let runtime = fake.runtime();
        let plain = plain.to_string();
        let sealed = seal::seal(&runtime, &CONTEXT, plain.as_bytes()).await;
        let sealed = STANDARD.encode(sealed.unwrap());
        let opened = SealedOperation::open(&runtime, &CONTEXT, &sealed).await;
        opened.unwrap()
    }

    fn properties() -> Value {
        let path = concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../provider-schema/fixtures/old/0.1.0.sealed.json"
        );
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    #[tokio::test]
    async fn where_to_answer_is_read_also_of_properties_that_a_newer_version_has_sealed() {
        let mut newer = properties();
        newer["KnownToTheNewerVersion"] = json!(1);
        let of_newer = opened(json!({
            "response_url": URL, "properties": newer, "old_properties": properties(),
            "known_to_the_newer_version": true,
        }));
        let of_newer = of_newer.await;
        assert_eq!(of_newer.response_url.expose(), URL);
        assert!(of_newer.is_of_newer_version && of_newer.properties.is_none());
        assert!(of_newer.old_properties.is_some());
        let own = opened(json!({
            "response_url": URL, "properties": properties(), "old_properties": newer,
        }));
        let own = own.await;
        assert!(!own.is_of_newer_version && own.properties.is_some());
        // No base for a comparison, as an older format is none.
        assert!(own.old_properties.is_none());
        let delete = opened(json!({"response_url": URL}));
        assert!(!delete.await.is_of_newer_version);
    }
}
