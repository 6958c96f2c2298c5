//! Log groups: created when absent, used unchanged when present, never deleted (Express Mode keeps them too).
//!
//! Repeat-safe: CreateLogGroup of an existing name is refused, and the group is then used.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>

use super::Tags;

/// The log group of the primary container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogGroupSpec {
    /// Its name.
    pub name: String,
    /// Tags it is created with.
    pub tags: Tags,
}

/// A log group that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedLogGroup {
    /// Its name.
    pub name: String,
}
