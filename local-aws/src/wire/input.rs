//! Typed reading of a call's members, whatever the protocol.

use serde_json::{Value, json};

use super::Refusal;

/// The members of a call or of a structure inside it. Scalars may be strings (Query) or typed (JSON).
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    value: &'a Value,
}

impl<'a> Input<'a> {
    /// Reads `value`, an object.
    #[must_use]
    pub const fn new(value: &'a Value) -> Self {
        Self { value }
    }

    /// The value itself, as it was sent.
    #[must_use]
    pub const fn value(self) -> &'a Value {
        self.value
    }

    /// A member as it was sent; null counts as absent.
    #[must_use]
    pub fn member(self, name: &str) -> Option<&'a Value> {
        self.value.get(name).filter(|value| !value.is_null())
    }

    /// A text member.
    #[must_use]
    pub fn text(self, name: &str) -> Option<&'a str> {
        self.member(name).and_then(Value::as_str)
    }

    /// A text member that AWS requires.
    ///
    /// # Errors
    /// `ValidationError` when it is absent or not text.
    pub fn required(self, name: &str) -> Result<&'a str, Refusal> {
        self.text(name).ok_or_else(|| {
            Refusal::client(
                "ValidationError",
                format!("the member `{name}` is required"),
            )
        })
    }

    /// A whole number, typed or as text.
    ///
    /// # Errors
    /// `ValidationError` when it is present and not a whole number.
    pub fn integer(self, name: &str) -> Result<Option<i64>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        value
            .as_i64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
            .map(Some)
            .ok_or_else(|| not_a("whole number", name, value))
    }

    /// A number, typed or as text.
    ///
    /// # Errors
    /// `ValidationError` when it is present and not a number.
    pub fn number(self, name: &str) -> Result<Option<f64>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        value
            .as_f64()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
            .map(Some)
            .ok_or_else(|| not_a("number", name, value))
    }

    /// A truth value, typed or as text.
    ///
    /// # Errors
    /// `ValidationError` when it is present and neither true nor false.
    pub fn flag(self, name: &str) -> Result<Option<bool>, Refusal> {
        let Some(value) = self.member(name) else {
            return Ok(None);
        };
        value
            .as_bool()
            .or_else(|| value.as_str().and_then(|text| text.parse().ok()))
            .map(Some)
            .ok_or_else(|| not_a("truth value", name, value))
    }

    /// Refuses every member that is not in `known`, so that nothing is accepted and ignored.
    ///
    /// # Errors
    /// `UnsupportedMember`, naming the first one.
    pub fn only(self, known: &[&str]) -> Result<(), Refusal> {
        let unknown = self
            .value
            .as_object()
            .into_iter()
            .flatten()
            .find(|(name, value)| !value.is_null() && !known.contains(&name.as_str()));
        match unknown {
            None => Ok(()),
            Some((name, _)) => Err(Refusal::client(
                "UnsupportedMember",
                format!("local-aws does not implement the member `{name}` of this operation"),
            )),
        }
    }

    /// A structure.
    #[must_use]
    pub fn object(self, name: &str) -> Option<Self> {
        self.member(name)
            .filter(|value| value.is_object())
            .map(Self::new)
    }

    /// The elements of a list of structures; empty when absent. REST-XML writes a list of one
    /// element as that element.
    pub fn items(self, name: &str) -> impl Iterator<Item = Self> + use<'a> {
        let elements: &'a [Value] = match self.member(name) {
            Some(Value::Array(elements)) => elements,
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            Some(_) | None => &[],
        };
        elements.iter().map(Self::new)
    }

    /// The elements of a list of texts; empty when absent.
    #[must_use]
    pub fn texts(self, name: &str) -> Vec<&'a str> {
        self.member(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }
}

fn not_a(kind: &str, name: &str, value: &Value) -> Refusal {
    Refusal::client(
        "ValidationError",
        format!("the member `{name}` is not a {kind}: {value}"),
    )
}

/// The member that marks a time in outputs; each protocol writes it in its own way.
pub(crate) const TIMESTAMP: &str = "$timestamp_ms";

/// A time in an output.
#[must_use]
pub fn timestamp(ms: u64) -> Value {
    json!({ TIMESTAMP: ms })
}

/// Milliseconds since the epoch, if `value` is a time.
pub(crate) fn as_timestamp(value: &Value) -> Option<u64> {
    value.get(TIMESTAMP).and_then(Value::as_u64)
}
