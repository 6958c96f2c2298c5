//! Templates: the services of one stack, and a sibling that may fail.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::properties::ServiceProperties;

/// The logical id of a template's only service.
pub const LOGICAL_ID: &str = "Web";

/// What a stack is to consist of.
#[derive(Clone, Debug, Default)]
pub struct Template {
    pub(super) resources: BTreeMap<String, Value>,
    pub(super) sibling_fails_after_s: Option<u64>,
}

impl Template {
    /// No resource at all.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// One service under [`LOGICAL_ID`].
    #[must_use]
    pub fn of(properties: &ServiceProperties) -> Self {
        Self::empty().with(LOGICAL_ID, properties)
    }

    /// One more service.
    #[must_use]
    pub fn with(mut self, logical_id: &str, properties: &ServiceProperties) -> Self {
        self.resources
            .insert(logical_id.to_owned(), properties.stringified());
        self
    }

    /// One service whose properties arrive as they are: numbers and truth values are not made texts.
    #[must_use]
    pub fn of_raw(properties: &ServiceProperties) -> Self {
        let mut template = Self::empty();
        template
            .resources
            .insert(LOGICAL_ID.to_owned(), properties.raw());
        template
    }

    /// Some other resource of the stack fails `seconds` after the services were begun: what is under way
    /// then is cancelled, and the stack rolls back. If all services are done before, it fails all the same.
    #[must_use]
    pub fn sibling_fails_after(mut self, seconds: u64) -> Self {
        self.sibling_fails_after_s = Some(seconds);
        self
    }
}
