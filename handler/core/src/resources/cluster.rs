//! ECS clusters: only `default` is ever created, and none is ever changed or deleted.
//!
//! Repeat-safe: CreateCluster with the name of an active cluster returns that cluster.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>

/// The cluster that is made when it is absent.
pub const DEFAULT_CLUSTER: &str = "default";

/// The cluster that the service runs in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterSpec {
    /// Short name.
    pub name: String,
}

impl ClusterSpec {
    /// Whether it may be made when it is absent; any other must exist.
    #[must_use]
    pub fn is_made_when_absent(&self) -> bool {
        self.name == DEFAULT_CLUSTER
    }
}

/// An active cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedCluster {
    /// Its ARN.
    pub arn: String,
}
