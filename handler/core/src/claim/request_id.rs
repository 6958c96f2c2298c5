//! What a request is known by.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Stands between CloudFormation's id and the second; no id that an accepted event can carry has one.
const ISSUED_AT: char = '@';

/// What a request is known by: CloudFormation's id of it, and the second in which it was issued.
///
/// An event that is delivered again has both. The id alone may come again with another request: when a deployment that
/// has failed is tried again. <https://github.com/aws/aws-cdk/issues/35957>,
/// <https://github.com/aws-amplify/amplify-category-api/pull/3521>
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestId(String);

impl RequestId {
    /// Of a request that CloudFormation calls `id`, and has issued at `issued_ms`, milliseconds since the epoch; where the
    /// event does not say when, the id is all there is.
    #[must_use]
    pub fn new(id: &str, issued_ms: Option<u64>) -> Self {
        Self(issued_ms.map_or_else(
            || id.to_owned(),
            |issued_ms| format!("{id}{ISSUED_AT}{}", issued_ms / 1_000),
        ))
    }

    /// CloudFormation's id.
    #[must_use]
    pub fn cloudformation_id(&self) -> &str {
        let Self(whole) = self;
        whole.split_once(ISSUED_AT).map_or(whole, |(id, _)| id)
    }

    /// Whether CloudFormation has issued this under the id of `other` after that.
    #[must_use]
    pub fn is_later_use_of(&self, other: &Self) -> bool {
        let is_same = self.cloudformation_id() == other.cloudformation_id();
        is_same && self.issued_s() > other.issued_s()
    }

    fn issued_s(&self) -> Option<u64> {
        let (_, issued_s) = self.0.split_once(ISSUED_AT)?;
        issued_s.parse().ok()
    }

    /// As the ledger has it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for RequestId {
    fn from(whole: &str) -> Self {
        Self(whole.to_owned())
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_that_comes_again_is_another_request_with_the_same_id() {
        let first = RequestId::new("1f-2e", Some(1_766_000_000_000));
        let again = RequestId::new("1f-2e", Some(1_766_000_001_000));
        assert!(again.is_later_use_of(&first) && !first.is_later_use_of(&again));
        assert!(!first.is_later_use_of(&first));
        assert!(!again.is_later_use_of(&RequestId::new("other", Some(1_766_000_000_000))));
        assert_eq!(first.as_str(), "1f-2e@1766000000");
        for id in [first, again, RequestId::new("1f-2e", None)] {
            assert_eq!(id.cloudformation_id(), "1f-2e");
            assert_eq!(RequestId::from(id.as_str()), id);
        }
    }
}
