//! Tags of everything that a service consists of, written in place by the five services that have it.
//!
//! Repeat-safe: setting a tag again and removing one that is not there change nothing.
//! Each call takes one ARN: Elastic Load Balancing has a list, and refuses a second one in it
//! (<https://github.com/aws/aws-sdk-go-v2/issues/2715>).
//! AWS: <https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_AddTags.html>,
//! <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_TagResource.html>

use express_core::step::Tagging;

use super::tags;
use crate::aws::AwsClients;
use crate::aws::error::{AwsError, aws_error};

/// Removes and sets the tags everywhere, the services side by side. What is to go goes first: beside it there may be no
/// room for what comes.
///
/// # Errors
/// With the first refusal, once all have answered: no call is left in flight. What others did stays, and the next attempt
/// completes it.
pub async fn apply(aws: &AwsClients, tagging: &Tagging) -> Result<(), AwsError> {
    let tagged = tokio::join!(
        load_balancing(aws, tagging),
        security_group(aws, tagging),
        alarm(aws, tagging),
        scalable_target(aws, tagging),
    );
    all(<[_; 4]>::from(tagged))?;
    // Last: its tags stand for those of all the others, which are written again until these are right.
    ecs(aws, tagging).await
}

async fn load_balancing(aws: &AwsClients, tagging: &Tagging) -> Result<(), AwsError> {
    let arns = tagging.load_balancing_arns.iter();
    let tagged = arns.map(|arn| load_balancing_one(aws, tagging, arn));
    all(futures::future::join_all(tagged).await)
}

/// What came of calls side by side: the first refusal, but rather one whose call may still have its effect.
fn all(tagged: impl IntoIterator<Item = Result<(), AwsError>>) -> Result<(), AwsError> {
    let errors = tagged.into_iter().filter_map(Result::err);
    let graver = |first: AwsError, next: AwsError| {
        let is_graver = next.is_outcome_unknown() && !first.is_outcome_unknown();
        if is_graver { next } else { first }
    };
    errors.reduce(graver).map_or(Ok(()), Err)
}

async fn load_balancing_one(
    aws: &AwsClients,
    tagging: &Tagging,
    arn: &str,
) -> Result<(), AwsError> {
    if !tagging.remove.is_empty() {
        aws.elbv2
            .remove_tags()
            .resource_arns(arn)
            .set_tag_keys(Some(tagging.remove.clone()))
            .send()
            .await
            .map_err(aws_error("elasticloadbalancing:RemoveTags"))?;
    }
    if !tagging.set.is_empty() {
        aws.elbv2
            .add_tags()
            .resource_arns(arn)
            .set_tags(tags::to_elbv2(&tagging.set))
            .send()
            .await
            .map_err(aws_error("elasticloadbalancing:AddTags"))?;
    }
    Ok(())
}

async fn ecs(aws: &AwsClients, tagging: &Tagging) -> Result<(), AwsError> {
    for arn in &tagging.ecs_arns {
        if !tagging.remove.is_empty() {
            aws.ecs
                .untag_resource()
                .resource_arn(arn)
                .set_tag_keys(Some(tagging.remove.clone()))
                .send()
                .await
                .map_err(aws_error("ecs:UntagResource"))?;
        }
        if !tagging.set.is_empty() {
            aws.ecs
                .tag_resource()
                .resource_arn(arn)
                .set_tags(Some(tags::to_ecs(&tagging.set)))
                .send()
                .await
                .map_err(aws_error("ecs:TagResource"))?;
        }
    }
    Ok(())
}

async fn security_group(aws: &AwsClients, tagging: &Tagging) -> Result<(), AwsError> {
    if !tagging.remove.is_empty() {
        // A tag without a value is removed whatever its value is.
        // AWS: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DeleteTags.html
        let keys = tagging
            .remove
            .iter()
            .map(|key| aws_sdk_ec2::types::Tag::builder().key(key).build())
            .collect();
        aws.ec2
            .delete_tags()
            .resources(&tagging.security_group_id)
            .set_tags(Some(keys))
            .send()
            .await
            .map_err(aws_error("ec2:DeleteTags"))?;
    }
    if !tagging.set.is_empty() {
        aws.ec2
            .create_tags()
            .resources(&tagging.security_group_id)
            .set_tags(Some(tags::to_ec2(&tagging.set)))
            .send()
            .await
            .map_err(aws_error("ec2:CreateTags"))?;
    }
    Ok(())
}

async fn alarm(aws: &AwsClients, tagging: &Tagging) -> Result<(), AwsError> {
    if !tagging.remove.is_empty() {
        aws.cloudwatch
            .untag_resource()
            .resource_arn(&tagging.alarm_arn)
            .set_tag_keys(Some(tagging.remove.clone()))
            .send()
            .await
            .map_err(aws_error("cloudwatch:UntagResource"))?;
    }
    if !tagging.set.is_empty() {
        aws.cloudwatch
            .tag_resource()
            .resource_arn(&tagging.alarm_arn)
            .set_tags(Some(tags::to_cloudwatch(&tagging.set)))
            .send()
            .await
            .map_err(aws_error("cloudwatch:TagResource"))?;
    }
    Ok(())
}

async fn scalable_target(aws: &AwsClients, tagging: &Tagging) -> Result<(), AwsError> {
    // What it may not have, it may have had with another value.
    let blank = tagging
        .set
        .iter()
        .filter(|(_, value)| tags::is_blank(value));
    let blank_keys = blank.map(|(key, _)| key.clone());
    let remove: Vec<String> = tagging.remove.iter().cloned().chain(blank_keys).collect();
    if !remove.is_empty() {
        aws.autoscaling
            .untag_resource()
            .resource_arn(&tagging.scalable_target_arn)
            .set_tag_keys(Some(remove))
            .send()
            .await
            .map_err(aws_error("application-autoscaling:UntagResource"))?;
    }
    if let Some(set) = tags::to_autoscaling(&tagging.set) {
        aws.autoscaling
            .tag_resource()
            .resource_arn(&tagging.scalable_target_arn)
            .set_tags(Some(set))
            .send()
            .await
            .map_err(aws_error("application-autoscaling:TagResource"))?;
    }
    Ok(())
}
