//! ECS clusters: found, and `default` created when it is absent; never changed, never deleted.
//!
//! Identity: name. Repeat-safe: CreateCluster with the name of an active cluster returns that cluster.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_CreateCluster.html>

use aws_sdk_ecs::types::Cluster;
use express_core::resources::cluster::{ClusterSpec, ObservedCluster};

use crate::aws::AwsClients;
use crate::aws::error::answer::{member, text};
use crate::aws::error::{AwsError, aws_error};

/// `status` of a cluster that services can be made in, and of one that they can be made in soon: its capacity providers
/// are being attached. One that was deleted stays visible as INACTIVE.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_Cluster.html>
const PRESENT: [&str; 2] = ["ACTIVE", "PROVISIONING"];

/// The capacity providers of a cluster that is made: those of Fargate.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-capacity-providers.html>
const CAPACITY_PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// The cluster of this name.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn find(aws: &AwsClients, name: &str) -> Result<Option<ObservedCluster>, AwsError> {
    const OPERATION: &str = "ecs:DescribeClusters";
    let answer = aws
        .ecs
        .describe_clusters()
        .clusters(name)
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    answer
        .clusters()
        .iter()
        .find(|cluster| {
            cluster
                .status()
                .is_some_and(|status| PRESENT.contains(&status))
        })
        .map(|cluster| observed(OPERATION, cluster))
        .transpose()
}

/// Creates the cluster.
///
/// # Errors
/// When AWS refuses or its answer is unusable.
pub async fn create(aws: &AwsClients, spec: &ClusterSpec) -> Result<ObservedCluster, AwsError> {
    const OPERATION: &str = "ecs:CreateCluster";
    let ClusterSpec { name } = spec;
    let answer = aws
        .ecs
        .create_cluster()
        .cluster_name(name)
        .set_capacity_providers(Some(CAPACITY_PROVIDERS.map(str::to_owned).to_vec()))
        .send()
        .await
        .map_err(aws_error(OPERATION))?;
    observed(OPERATION, member(OPERATION, "cluster", answer.cluster())?)
}

fn observed(operation: &'static str, cluster: &Cluster) -> Result<ObservedCluster, AwsError> {
    Ok(ObservedCluster {
        arn: text(operation, "clusterArn", cluster.cluster_arn())?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fake_aws::FakeAws;

    #[tokio::test]
    async fn a_cluster_that_is_being_provisioned_is_there_and_one_that_is_going_is_not() {
        for (status, is_there) in [
            ("ACTIVE", true),
            ("PROVISIONING", true),
            ("DEPROVISIONING", false),
            ("INACTIVE", false),
        ] {
            let cluster = json!({"clusterArn": "arn", "clusterName": "default", "status": status});
            let reply = json!({"clusters": [cluster]}).to_string();
            let fake = FakeAws::new(move |_, _| Some((200, reply.clone())));
            let found = find(&fake.runtime().aws, "default").await;
            assert_eq!(found.unwrap().is_some(), is_there, "{status}");
        }
    }
}
