//! Log groups: created when absent, used unchanged when present, never deleted.
//!
//! Identity: name. Repeat-safe: CreateLogGroup of an existing name is refused, and the group is then used.
//! AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html>

use std::collections::HashMap;

use express_core::resources::log_group::{LogGroupSpec, ObservedLogGroup};

use crate::aws::AwsClients;
use crate::aws::error::{AwsError, aws_error};

pub mod tail;

/// The log group of exactly this name.
///
/// The look-up is by prefix, and the answer is sorted by name: a group of exactly this name comes before
/// all that are longer, so the first page is enough.
/// AWS: <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeLogGroups.html>
///
/// # Errors
/// When AWS refuses.
pub async fn find(aws: &AwsClients, name: &str) -> Result<Option<ObservedLogGroup>, AwsError> {
    let answer = aws
        .logs
        .describe_log_groups()
        .log_group_name_prefix(name)
        .send()
        .await
        .map_err(aws_error("logs:DescribeLogGroups"))?;
    Ok(answer
        .log_groups()
        .iter()
        .any(|group| group.log_group_name() == Some(name))
        .then(|| ObservedLogGroup {
            name: name.to_owned(),
        }))
}

/// Creates the log group, or uses the one that exists.
///
/// # Errors
/// When AWS refuses for another reason than that the group exists.
pub async fn create(aws: &AwsClients, spec: &LogGroupSpec) -> Result<ObservedLogGroup, AwsError> {
    let LogGroupSpec { name, tags } = spec;
    let tags: HashMap<String, String> = tags.clone().into_iter().collect();
    let created = aws
        .logs
        .create_log_group()
        .log_group_name(name)
        .set_tags((!tags.is_empty()).then_some(tags))
        .send()
        .await
        .map_err(aws_error("logs:CreateLogGroup"));
    match created {
        Ok(_) => Ok(ObservedLogGroup { name: name.clone() }),
        Err(error) if error.is("ResourceAlreadyExistsException") => {
            Ok(ObservedLogGroup { name: name.clone() })
        }
        Err(error) => Err(error),
    }
}
