//! What AWS answers when it refuses.

/// An error answer: status, AWS's code, and a message for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// For example `ResourceInUse`.
    pub code: String,
    /// One sentence.
    pub message: String,
    /// Members beside code and message, as DynamoDB's `CancellationReasons` and `Item`.
    pub details: Option<Box<serde_json::Map<String, serde_json::Value>>>,
}

impl Refusal {
    /// A refusal with this status and code.
    pub fn new(status: u16, code: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            message: message.into(),
            details: None,
        }
    }

    /// The caller's fault: status 400.
    pub fn client(code: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(400, code, message)
    }

    /// AWS's fault: status 500.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalFailure", message)
    }

    /// An operation that is not here.
    pub fn unsupported(service: &str, operation: &str) -> Self {
        Self::client(
            "UnsupportedOperation",
            format!("local-aws has no operation `{service}:{operation}`"),
        )
    }
}
