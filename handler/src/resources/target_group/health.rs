//! The health of a group's targets.
//!
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_DescribeTargetHealth.html>

use express_core::diagnosis::Target;

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, aws_error};

/// The targets of the group.
///
/// # Errors
/// When AWS refuses.
pub async fn find(aws: &AwsClients, target_group_arn: &str) -> Result<Vec<Target>, AwsError> {
    let answer = aws
        .elbv2
        .describe_target_health()
        .target_group_arn(target_group_arn)
        .send()
        .await
        .map_err(aws_error("elasticloadbalancing:DescribeTargetHealth"))?;
    let described = answer.target_health_descriptions().iter();
    Ok(described
        .filter_map(|described| {
            let health = described.target_health()?;
            let target = described.target();
            Some(Target {
                address: target
                    .and_then(|target| target.id())
                    .unwrap_or_default()
                    .to_owned(),
                state: health
                    .state()
                    .map(|state| state.as_str().to_owned())
                    .unwrap_or_default(),
                reason: health.reason().map(|reason| reason.as_str().to_owned()),
                description: health.description().map(str::to_owned),
            })
        })
        .collect())
}
