//! Sealing: what the ledger keeps of an open operation, readable by this function only.
//!
//! A response URL is a credential and properties hold environment values, but the next attempt needs both.
//! They are kept as one sealed attribute for as long as the operation is open. Encryption of the
//! table would not do: it hides nothing from whoever may read the table, and backups keep deleted items.
//!
//! Each sealing draws a new data key from KMS; the data key, encrypted under the provider's key, travels with
//! the ciphertext. KMS's encryption context and the cipher's additional data bind both to owner and
//! request: what was sealed for one operation cannot be opened as another's.
//!
//! Format 1: `1 | length of the wrapped key (2 bytes) | wrapped key | nonce (12) | ciphertext and tag`.
//! A later format gets the next number and must go on reading this one.
//! AWS: <https://docs.aws.amazon.com/kms/latest/APIReference/API_GenerateDataKey.html>,
//! <https://docs.aws.amazon.com/kms/latest/developerguide/encrypt_context.html>

use aes_gcm::aead::{Aead, KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Nonce};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::DataKeySpec;
use express_core::decision::HandlerErrorCode;

use crate::Runtime;
use crate::aws::error::{AwsError, aws_error};

/// The first byte of what [`seal`] returns.
pub const FORMAT: u8 = 1;

/// Bytes of a nonce of AES-GCM.
const NONCE_BYTES: usize = 12;

/// Keys of KMS's encryption context. They appear in CloudTrail, so the values must be no secrets.
const CONTEXT_OWNER: &str = "express:owner";
const CONTEXT_REQUEST: &str = "express:request";

/// What sealed data belongs to. No secret: KMS logs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealContext<'a> {
    /// The owner's key in the ledger.
    pub owner_key: &'a str,
    /// The request whose operation is open, as the ledger has it.
    pub request_id: &'a str,
}

/// Why something could not be sealed or opened.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// KMS failed.
    #[error("sealing key")]
    Key(#[source] AwsError),
    /// KMS returned something that is no data key.
    #[error("KMS returned no usable data key")]
    KeyUnusable,
    /// Sealed by a version of the provider that is newer than this one.
    #[error("sealed in format {0}, this version of the provider reads format {FORMAT}")]
    NewerFormat(u8),
    /// Not what was sealed, or not for this owner and request.
    #[error("sealed data is damaged or belongs to another operation")]
    Damaged,
}

impl SealError {
    /// What the failure means for the operation.
    #[must_use]
    pub const fn class(&self) -> HandlerErrorCode {
        match self {
            Self::Key(error) => error.class,
            Self::KeyUnusable => HandlerErrorCode::ServiceInternalError,
            Self::NewerFormat(_) => HandlerErrorCode::HandlerInternalFailure,
            Self::Damaged => HandlerErrorCode::InternalFailure,
        }
    }

    /// As [`AwsError::may_be_iam_propagation`].
    #[must_use]
    pub fn may_be_iam_propagation(&self) -> bool {
        matches!(self, Self::Key(error) if error.may_be_iam_propagation())
    }
}

/// Seals `plaintext` for one operation.
///
/// # Errors
/// If KMS gives no data key.
pub async fn seal(
    runtime: &Runtime,
    context: &SealContext<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let [sealed] = seal_each(runtime, context, [plaintext]).await?;
    Ok(sealed)
}

/// Seals each of `plaintexts` for one operation, so that each can be opened without the others. One data key serves all:
/// their nonces differ.
///
/// # Errors
/// If KMS gives no data key.
pub async fn seal_each<const N: usize>(
    runtime: &Runtime,
    context: &SealContext<'_>,
    plaintexts: [&[u8]; N],
) -> Result<[Vec<u8>; N], SealError> {
    let key = runtime
        .aws
        .kms
        .generate_data_key()
        .key_id(&runtime.settings.seal_key_arn)
        .key_spec(DataKeySpec::Aes256)
        .encryption_context(CONTEXT_OWNER, context.owner_key)
        .encryption_context(CONTEXT_REQUEST, context.request_id)
        .send()
        .await
        .map_err(aws_error("kms:GenerateDataKey"))
        .map_err(SealError::Key)?;
    let plain = key.plaintext().ok_or(SealError::KeyUnusable)?.as_ref();
    let wrapped = key
        .ciphertext_blob()
        .ok_or(SealError::KeyUnusable)?
        .as_ref();
    let mut sealed = [const { Vec::new() }; N];
    for (sealed, plaintext) in sealed.iter_mut().zip(plaintexts) {
        let nonce: [u8; NONCE_BYTES] = runtime.clock.random_bytes();
        *sealed = encrypt(plain, wrapped, nonce, context, plaintext)?;
    }
    Ok(sealed)
}

/// Opens what [`seal`] returned for the same owner and request.
///
/// # Errors
/// If it was sealed for another operation, has been changed, or KMS does not unwrap the data key.
pub async fn open(
    runtime: &Runtime,
    context: &SealContext<'_>,
    sealed: &[u8],
) -> Result<Vec<u8>, SealError> {
    let parts = Parts::of(sealed)?;
    let unwrapped = runtime
        .aws
        .kms
        .decrypt()
        // Names the key: a ciphertext under somebody else's key is refused.
        .key_id(&runtime.settings.seal_key_arn)
        .ciphertext_blob(Blob::new(parts.wrapped_key))
        .encryption_context(CONTEXT_OWNER, context.owner_key)
        .encryption_context(CONTEXT_REQUEST, context.request_id)
        .send()
        .await
        .map_err(aws_error("kms:Decrypt"))
        .map_err(|error| match error.is("InvalidCiphertextException") {
            // KMS's answer to another encryption context too.
            true => SealError::Damaged,
            false => SealError::Key(error),
        })?;
    let key = unwrapped
        .plaintext()
        .ok_or(SealError::KeyUnusable)?
        .as_ref();
    decrypt(key, &parts, context)
}

/// Sealed data, taken apart.
struct Parts<'a> {
    wrapped_key: &'a [u8],
    nonce: [u8; NONCE_BYTES],
    ciphertext: &'a [u8],
}

impl<'a> Parts<'a> {
    fn of(sealed: &'a [u8]) -> Result<Self, SealError> {
        let (format, rest) = sealed.split_first().ok_or(SealError::Damaged)?;
        if *format != FORMAT {
            return Err(if *format > FORMAT {
                SealError::NewerFormat(*format)
            } else {
                SealError::Damaged
            });
        }
        let (length, rest) = rest.split_first_chunk().ok_or(SealError::Damaged)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (wrapped_key, rest) = rest.split_at_checked(length).ok_or(SealError::Damaged)?;
        let (nonce, ciphertext) = rest.split_first_chunk().ok_or(SealError::Damaged)?;
        Ok(Self {
            wrapped_key,
            nonce: *nonce,
            ciphertext,
        })
    }
}

fn encrypt(
    key: &[u8],
    wrapped_key: &[u8],
    nonce: [u8; NONCE_BYTES],
    context: &SealContext<'_>,
    plaintext: &[u8],
) -> Result<Vec<u8>, SealError> {
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| SealError::KeyUnusable)?;
    let length = u16::try_from(wrapped_key.len()).map_err(|_| SealError::KeyUnusable)?;
    let payload = Payload {
        msg: plaintext,
        aad: &additional_data(wrapped_key, context),
    };
    let ciphertext = cipher
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| SealError::KeyUnusable)?;
    let mut sealed = Vec::with_capacity(3 + wrapped_key.len() + NONCE_BYTES + ciphertext.len());
    sealed.push(FORMAT);
    sealed.extend_from_slice(&length.to_be_bytes());
    sealed.extend_from_slice(wrapped_key);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&ciphertext);
    Ok(sealed)
}

fn decrypt(key: &[u8], parts: &Parts<'_>, context: &SealContext<'_>) -> Result<Vec<u8>, SealError> {
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| SealError::KeyUnusable)?;
    let payload = Payload {
        msg: parts.ciphertext,
        aad: &additional_data(parts.wrapped_key, context),
    };
    cipher
        .decrypt(&Nonce::from(parts.nonce), payload)
        .map_err(|_| SealError::Damaged)
}

/// What the tag vouches for beside the ciphertext. Each part is preceded by its length, so that no two
/// contexts give the same bytes.
fn additional_data(wrapped_key: &[u8], context: &SealContext<'_>) -> Vec<u8> {
    let mut data = vec![FORMAT];
    for part in [
        wrapped_key,
        context.owner_key.as_bytes(),
        context.request_id.as_bytes(),
    ] {
        data.extend_from_slice(&(part.len() as u64).to_be_bytes());
        data.extend_from_slice(part);
    }
    data
}

#[cfg(test)]
mod tests;
