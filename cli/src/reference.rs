//! Which service is meant: by its ARN, or by the stack and the logical id that made it.
//!
//! A stack's service is found by the tags that the provider puts on it, so no permission for CloudFormation or for
//! the provider's ledger is needed. ECS lists services by cluster only.

use anyhow::{Context, bail};
use clap::Args;
use express_core::claim::Owner;
use express_core::naming;
use express_core::resources::Tags;
use express_handler::aws::AwsClients;
use express_handler::aws::error::answer::PAGES_MAX;
use express_handler::aws::error::{AwsError, aws_error, if_found};
use express_handler::resources::tags;

use aws_sdk_ecs::types::{Service, ServiceField};

use crate::time::millis;

/// Services that one DescribeServices takes.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html>
const DESCRIBED_MAX: usize = 10;
/// Services that one page of ListServices may have.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListServices.html>
const LISTED_MAX: i32 = 100;

/// Which service is meant.
#[derive(Args, Clone, Debug)]
// The subcommands' own arguments are a group of this name already.
#[group(skip)]
pub struct Arguments {
    /// ARN of the ECS service: the resource's physical id (`Ref`), or its attribute `ServiceArn`.
    #[arg(required_unless_present = "stack", conflicts_with_all = ["stack", "cluster"])]
    service_arn: Option<String>,
    /// Name or ARN of the stack, instead of the service's ARN.
    #[arg(long, requires = "logical_id")]
    stack: Option<String>,
    /// Logical id of the Custom::ExpressService in that stack.
    #[arg(long, requires = "stack")]
    logical_id: Option<String>,
    /// Cluster to look in for the stack's service; all of the region's unless given.
    #[arg(long)]
    cluster: Option<String>,
}

/// The ARN of an ECS service and the names in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceArn {
    /// As a whole.
    pub arn: String,
    /// Short name of the cluster.
    pub cluster: String,
    /// Name of the service.
    pub name: String,
}

impl ServiceArn {
    /// Reads `arn:<partition>:ecs:<region>:<account>:service/<cluster>/<name>`.
    #[must_use]
    pub fn parse(arn: &str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        let [_, _, "ecs", _, _, resource] = parts.as_slice() else {
            return None;
        };
        let path: Vec<&str> = resource.split('/').collect();
        let ["service", cluster, name] = path.as_slice() else {
            return None;
        };
        Some(Self {
            arn: arn.to_owned(),
            cluster: (*cluster).to_owned(),
            name: (*name).to_owned(),
        })
    }
}

/// What is looked for.
#[derive(Clone, Debug)]
pub enum Reference {
    /// The service of this ARN.
    Service(ServiceArn),
    /// The service of a resource of a stack.
    OfStack {
        /// Name or ARN of the stack.
        stack: String,
        /// Logical id.
        logical_id: String,
        /// Where to look; everywhere if none.
        cluster: Option<String>,
    },
}

impl TryFrom<Arguments> for Reference {
    type Error = anyhow::Error;

    fn try_from(arguments: Arguments) -> anyhow::Result<Self> {
        match arguments {
            Arguments {
                service_arn: Some(arn),
                ..
            } => {
                let parsed = ServiceArn::parse(&arn);
                let parsed = parsed.with_context(|| {
                    format!("`{arn}` is not the ARN of a service, such as arn:aws:ecs:eu-west-1:123456789012:service/default/web")
                })?;
                Ok(Self::Service(parsed))
            }
            Arguments {
                service_arn: None,
                stack: Some(stack),
                logical_id: Some(logical_id),
                cluster,
            } => Ok(Self::OfStack {
                stack,
                logical_id,
                cluster,
            }),
            Arguments { .. } => bail!("give the service's ARN, or --stack and --logical-id"),
        }
    }
}

impl std::fmt::Display for Reference {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Service(service) => write!(formatter, "service `{}`", service.arn),
            Self::OfStack {
                stack,
                logical_id,
                cluster: _,
            } => write!(formatter, "service of `{logical_id}` in stack `{stack}`"),
        }
    }
}

/// A look-up, and the calls that it took.
#[derive(Clone, Debug)]
pub struct Found {
    /// None while there is no such service.
    pub service: Option<ServiceArn>,
    /// Calls of AWS.
    pub calls: u32,
}

/// Finds the service.
///
/// # Errors
/// When AWS refuses.
pub async fn find(aws: &AwsClients, reference: &Reference) -> Result<Found, AwsError> {
    let (stack, logical_id, cluster) = match reference {
        Reference::Service(service) => {
            return Ok(Found {
                service: Some(service.clone()),
                calls: 0,
            });
        }
        Reference::OfStack {
            stack,
            logical_id,
            cluster,
        } => (stack, logical_id, cluster),
    };
    let mut calls = 0;
    let clusters = match cluster {
        Some(cluster) => vec![cluster.clone()],
        None => list_clusters(aws, &mut calls).await?,
    };
    let mut newest: Option<(u64, ServiceArn)> = None;
    for cluster in clusters {
        let arns = list_services(aws, &cluster, &mut calls).await?;
        for some in arns.chunks(DESCRIBED_MAX) {
            calls += 1;
            let services = describe(aws, &cluster, some).await?;
            let wanted = services
                .iter()
                .filter(|service| is_of(&tags::from_ecs(service.tags()), stack, logical_id));
            // During a replacement there are two: the new one is meant.
            newest = wanted
                .filter_map(aged)
                .chain(newest)
                .max_by_key(|(at, _)| *at);
        }
    }
    Ok(Found {
        service: newest.map(|(_, service)| service),
        calls,
    })
}

fn aged(service: &Service) -> Option<(u64, ServiceArn)> {
    let created_ms = service.created_at().and_then(millis).unwrap_or_default();
    Some((created_ms, ServiceArn::parse(service.service_arn()?)?))
}

/// Whether tags are those of a service of this stack, which is given by name or by ARN.
fn is_of(tags: &Tags, stack: &str, logical_id: &str) -> bool {
    let has = |key: &str, value: &str| tags.get(key).is_some_and(|found| found == value);
    let owner = Owner {
        stack_id: stack.to_owned(),
        logical_resource_id: logical_id.to_owned(),
    };
    if stack.starts_with("arn:") {
        return has(naming::TAG_OWNER, &naming::owner_key(&owner));
    }
    has(naming::TAG_STACK_NAME, stack) && has(naming::TAG_LOGICAL_ID, logical_id)
}

async fn list_clusters(aws: &AwsClients, calls: &mut u32) -> Result<Vec<String>, AwsError> {
    let mut pages = aws.ecs.list_clusters().into_paginator().send();
    let mut arns = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            break;
        };
        *calls += 1;
        arns.extend_from_slice(page.map_err(aws_error("ecs:ListClusters"))?.cluster_arns());
    }
    Ok(arns)
}

async fn list_services(
    aws: &AwsClients,
    cluster: &str,
    calls: &mut u32,
) -> Result<Vec<String>, AwsError> {
    let mut pages = aws
        .ecs
        .list_services()
        .cluster(cluster)
        .max_results(LISTED_MAX)
        .into_paginator()
        .send();
    let mut arns = Vec::new();
    for _ in 0..PAGES_MAX {
        let Some(page) = pages.next().await else {
            break;
        };
        *calls += 1;
        // A cluster that has gone meanwhile has no services.
        let Some(page) = if_found(page.map_err(aws_error("ecs:ListServices")))? else {
            break;
        };
        arns.extend_from_slice(page.service_arns());
    }
    Ok(arns)
}

async fn describe(
    aws: &AwsClients,
    cluster: &str,
    arns: &[String],
) -> Result<Vec<Service>, AwsError> {
    let answer = aws
        .ecs
        .describe_services()
        .cluster(cluster)
        .set_services(Some(arns.to_vec()))
        .include(ServiceField::Tags)
        .send()
        .await
        .map_err(aws_error("ecs:DescribeServices"))?;
    Ok(answer.services().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/shop/0a1b";

    fn tags(pairs: &[(&str, &str)]) -> Tags {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn an_arn_is_taken_apart_and_anything_else_refused() {
        let arn = "arn:aws-cn:ecs:cn-north-1:123456789012:service/prod/web";
        let parsed = ServiceArn::parse(arn).expect("is one");
        assert_eq!(
            (parsed.cluster.as_str(), parsed.name.as_str()),
            ("prod", "web")
        );
        for wrong in [
            "web",
            "arn:aws:ecs:eu-west-1:123456789012:service/web",
            "arn:aws:ecs:eu-west-1:123456789012:cluster/prod/web",
            "arn:aws:elasticloadbalancing:eu-west-1:123456789012:service/prod/web",
        ] {
            assert_eq!(ServiceArn::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_stacks_service_is_known_by_its_tags() {
        let owner = Owner {
            stack_id: STACK.to_owned(),
            logical_resource_id: "Web".to_owned(),
        };
        let key = naming::owner_key(&owner);
        let found = tags(&[
            (naming::TAG_OWNER, &key),
            (naming::TAG_STACK_NAME, owner.stack_name()),
            (naming::TAG_LOGICAL_ID, "Web"),
        ]);
        assert!(is_of(&found, "shop", "Web"));
        assert!(is_of(&found, STACK, "Web"));
        assert!(!is_of(&found, "shop", "Api"));
        assert!(!is_of(&found, "sho", "Web"));
        assert!(!is_of(&tags(&[]), STACK, "Web"));
    }
}
