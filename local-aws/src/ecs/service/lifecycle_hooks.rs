//! `lifecycleHooks`: functions that a deployment calls at its stages.
//!
//! Only hooks of type AWS_LAMBDA are here.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>

use serde_json::{Value, json};

use crate::ecs::{invalid_parameter, required, set};
use crate::wire::{Input, Refusal};

/// The stages that can have a hook. Two of them are no stage of their own for DescribeServiceDeployments.
const STAGES: [&str; 8] = [
    "RECONCILE_SERVICE",
    "PRE_SCALE_UP",
    "POST_SCALE_UP",
    "TEST_TRAFFIC_SHIFT",
    "POST_TEST_TRAFFIC_SHIFT",
    "PRE_PRODUCTION_TRAFFIC_SHIFT",
    "PRODUCTION_TRAFFIC_SHIFT",
    "POST_PRODUCTION_TRAFFIC_SHIFT",
];

/// A hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ecs) struct LifecycleHook {
    /// `hookTargetArn`
    pub(in crate::ecs) function: String,
    /// `roleArn`: whom ECS calls it as.
    pub(in crate::ecs) role: String,
    /// `lifecycleStages`
    pub(in crate::ecs) stages: Vec<String>,
}

/// The member `lifecycleHooks` of `deploymentConfiguration`; the document gets AWS's default of `targetType`.
///
/// # Errors
/// `InvalidParameterException` for what AWS does not take.
pub(super) fn parse(given: Input<'_>, document: &mut Value) -> Result<Vec<LifecycleHook>, Refusal> {
    let mut hooks = Vec::new();
    let mut filled = Vec::new();
    for hook in given.items("lifecycleHooks") {
        hook.only(&[
            "targetType",
            "hookTargetArn",
            "roleArn",
            "lifecycleStages",
            "hookDetails",
        ])?;
        if let Some(other) = hook.text("targetType").filter(|it| *it != "AWS_LAMBDA") {
            return Err(invalid_parameter(format!(
                "local-aws runs no lifecycle hooks of type '{other}'."
            )));
        }
        let stages = hook.texts("lifecycleStages");
        if stages.is_empty() {
            return Err(invalid_parameter("lifecycleStages cannot be empty."));
        }
        if let Some(unknown) = stages.iter().find(|stage| !STAGES.contains(stage)) {
            return Err(invalid_parameter(format!(
                "Invalid lifecycle stage '{unknown}' of a lifecycle hook."
            )));
        }
        let function = required(hook, "hookTargetArn")?;
        if !function.contains(":lambda:") || !function.contains(":function:") {
            return Err(invalid_parameter(format!(
                "hookTargetArn '{function}' is not the ARN of a Lambda function."
            )));
        }
        hooks.push(LifecycleHook {
            function: function.to_owned(),
            role: required(hook, "roleArn")?.to_owned(),
            stages: stages.into_iter().map(str::to_owned).collect(),
        });
        let mut output = hook.value().clone();
        set(&mut output, "targetType", json!("AWS_LAMBDA"));
        filled.push(output);
    }
    match document.as_object_mut() {
        Some(document) if filled.is_empty() => {
            document.remove("lifecycleHooks");
        }
        _ => set(document, "lifecycleHooks", filled.into()),
    }
    Ok(hooks)
}
