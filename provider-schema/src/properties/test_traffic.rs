//! `Deployment.TestTraffic`: who sees the new revision first.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::limits;

/// Requests that go to the new revision as soon as it runs, before it takes any others: those with this header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct TestTraffic {
    /// Name of the header.
    ///
    /// Up to 40 letters, digits, hyphens and underscores; not `Host`. Case does not matter. While nothing is deployed,
    /// these requests go where all go. Not with `ROLLING`, which has no test traffic. The rollback alarm counts them
    /// with the others.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HttpHeaderConditionConfig.html>
    #[schemars(length(min = 1, max = limits::HEADER_NAME_LENGTH_MAX))]
    pub header_name: String,

    /// Value of the header.
    ///
    /// Up to 128 visible ASCII characters; none of `*`, `?` and the backslash, which would make a pattern of it. Case
    /// does not matter. It is no secret: whoever may describe the listener's rules reads it.
    /// AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_HttpHeaderConditionConfig.html>
    #[schemars(length(min = 1, max = limits::HEADER_VALUE_LENGTH_MAX))]
    pub header_value: String,
}
