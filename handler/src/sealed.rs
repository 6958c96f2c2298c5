//! What the ledger keeps sealed of an open operation: where its answer goes, and its properties.

use provider_schema::Properties;
use serde::{Deserialize, Serialize};

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
    /// What is asked for; none for a Delete.
    pub properties: Option<Properties>,
    /// What was asked for before, of an Update; none when this version cannot read it any more.
    pub old_properties: Option<Properties>,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    response_url: String,
    properties: Option<Properties>,
    old_properties: Option<Properties>,
}

impl SealedOperation {
    /// Seals it for the ledger, in Base64.
    ///
    /// # Errors
    /// When KMS gives no data key.
    pub async fn seal(
        &self,
        runtime: &Runtime,
        context: &SealContext<'_>,
    ) -> Result<String, SealError> {
        let plain = Plain {
            response_url: self.response_url.expose().clone(),
            properties: self.properties.clone(),
            old_properties: self.old_properties.clone(),
        };
        let bytes = serde_json::to_vec(&plain).map_err(|_| SealError::Damaged)?;
        let sealed = seal::seal(runtime, context, &bytes).await?;
        Ok(STANDARD.encode(sealed))
    }

    /// Opens what [`Self::seal`] returned for the same owner and request.
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
        let plain: Plain = serde_json::from_slice(&bytes).map_err(|_| SealError::Damaged)?;
        Ok(Self {
            response_url: Sensitive::new(plain.response_url),
            properties: plain.properties,
            old_properties: plain.old_properties,
        })
    }
}
