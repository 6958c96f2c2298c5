//! Tags of what Elastic Load Balancing has: its Describe calls do not tell them.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTags.html>

use std::collections::BTreeMap;

use express_core::resources::Tags;

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::answer::text;
use crate::aws::error::{AwsError, aws_error};

/// ARNs in one call at most.
/// AWS: the page above, parameter `ResourceArns`.
pub const ARNS_MAX: usize = 20;

/// Tags by ARN.
///
/// # Errors
/// When AWS refuses: also when one of the resources is gone.
pub async fn find(aws: &AwsClients, arns: &[String]) -> Result<BTreeMap<String, Tags>, AwsError> {
    const OPERATION: &str = "elasticloadbalancing:DescribeTags";
    let mut found = BTreeMap::new();
    for arns in arns.chunks(ARNS_MAX) {
        let answer = aws
            .elbv2
            .describe_tags()
            .set_resource_arns(Some(arns.to_vec()))
            .send()
            .await
            .map_err(aws_error(OPERATION))?;
        for description in answer.tag_descriptions() {
            let arn = text(OPERATION, "ResourceArn", description.resource_arn())?;
            found.insert(arn, tags::from_elbv2(description.tags()));
        }
    }
    Ok(found)
}
