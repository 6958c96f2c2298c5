//! The caller's policy, as far as it decides what happens when somebody else is faster.
//!
//! Off unless [`crate::LocalAws::demand_tag`] turns it on. One call both makes and changes: RegisterScalableTarget.
//! With a policy that demands a tag, of the request where it makes a target and of the target where it changes one,
//! AWS itself refuses to make one without the tag where the caller thought that there was one to change. What every
//! other call may do is held by its resource, and is checked where the policy is read.
//!
//! AWS: <https://docs.aws.amazon.com/IAM/latest/UserGuide/access_tags.html>,
//! <https://docs.aws.amazon.com/autoscaling/application/userguide/security_iam_service-with-iam.html>

use crate::cloud::Cloud;
use crate::fault;
use crate::wire::{Call, Input, Refusal, Service};
use crate::{Account, autoscaling};

/// What changes a scalable target.
const HELD: [&str; 3] = [
    "DeregisterScalableTarget",
    "PutScalingPolicy",
    "RegisterScalableTarget",
];

/// The refusal of a call that a policy which demands the tag `key` does not allow.
pub(crate) fn denial(cloud: &Cloud, call: &Call, key: &str) -> Option<Refusal> {
    let is_held =
        call.service == Service::ApplicationAutoScaling && HELD.contains(&call.operation.as_str());
    if !is_held || autoscaling::has_tag(cloud, Input::new(&call.input), key) {
        return None;
    }
    let Account { id, partition, .. } = &cloud.account;
    let action = format!("{}:{}", call.service.iam_prefix(), call.operation);
    Some(Refusal::client(
        fault::denial_code(call),
        format!(
            "User: arn:{partition}:sts::{id}:assumed-role/provider/function is not authorized to perform: {action} \
             because no identity-based policy allows the {action} action"
        ),
    ))
}
