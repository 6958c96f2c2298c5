//! The application's container and what it is given.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::defaults;
use crate::limits;

/// The application's container.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct PrimaryContainer {
    /// Image of the container, with a tag or a digest.
    ///
    /// Up to 255 characters without the digest, no spaces.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
    #[schemars(length(min = 1))]
    pub image: String,

    /// TCP port on which the application listens for HTTP.
    ///
    /// 1 to 65535.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_PortMapping.html>
    #[serde(default = "defaults::container_port")]
    #[schemars(range(min = 1, max = 65535))]
    pub container_port: u16,

    /// Where the container's output goes.
    ///
    /// A log group named after cluster and service if not given.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aws_logs_configuration: Option<AwsLogsConfiguration>,

    /// Credentials for a private registry that is not ECR.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository_credentials: Option<RepositoryCredentials>,

    /// Command of the container, in place of the image's.
    ///
    /// One list item for each word.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ContainerDefinition.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub command: Vec<String>,

    /// Environment variables of the container.
    ///
    /// Names are unique, also among `Secrets`. Their order has no meaning. Not for secrets: ECS
    /// shows them to everyone who may describe the task definition.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/taskdef-envfiles.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("insertionOrder" = false))]
    pub environment: Vec<KeyValuePair>,

    /// Environment variables whose values ECS reads from Secrets Manager or Parameter Store.
    ///
    /// The execution role must be allowed to read them. Names are unique, also among
    /// `Environment`. Their order has no meaning.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specifying-sensitive-data.html>
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("insertionOrder" = false))]
    pub secrets: Vec<Secret>,
}

/// Where the container's output goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct AwsLogsConfiguration {
    /// CloudWatch Logs log group that the output goes to.
    ///
    /// Created if absent, else used unchanged. 1 to 512 letters, digits and `. - _ / #`.
    /// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>
    #[schemars(length(min = 1, max = limits::LOG_GROUP_LENGTH_MAX), regex(pattern = r"^[.\-_/#A-Za-z0-9]+$"))]
    pub log_group: String,

    /// First part of the names of the log streams.
    ///
    /// Up to 474 characters, neither `:` nor `*`.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/using_awslogs.html>
    #[serde(default = "defaults::log_stream_prefix")]
    #[schemars(length(min = 1, max = limits::LOG_STREAM_PREFIX_LENGTH_MAX), regex(pattern = r"^[^:*]+$"))]
    pub log_stream_prefix: String,
}

/// Credentials for a private registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct RepositoryCredentials {
    /// Secrets Manager secret with the user name and password for the registry.
    ///
    /// Its ARN, or its name if it is in the stack's region.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_RepositoryCredentials.html>
    pub credentials_parameter: String,
}

/// An environment variable. Its `Debug` form does not show the value.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct KeyValuePair {
    /// Name of the variable.
    ///
    /// Neither empty nor with `=`.
    #[schemars(length(min = 1))]
    pub name: String,

    /// Value of the variable; may be empty.
    pub value: String,
}

/// An environment variable whose value is secret. Its `Debug` form does not show where from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Secret {
    /// Name of the variable.
    ///
    /// Neither empty nor with `=`.
    #[schemars(length(min = 1))]
    pub name: String,

    /// Where the value is.
    ///
    /// The ARN of a Secrets Manager secret (or of one key of it) or of a Systems Manager
    /// parameter; for a parameter in the stack's region, its name is enough.
    /// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Secret.html>
    pub value_from: String,
}

impl fmt::Debug for KeyValuePair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value: _ } = self;
        f.debug_struct("KeyValuePair")
            .field("name", name)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            name,
            value_from: _,
        } = self;
        f.debug_struct("Secret")
            .field("name", name)
            .finish_non_exhaustive()
    }
}
