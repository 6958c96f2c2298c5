//! Lifecycle hooks of a service's deployments, to the SDK's words and back.
//!
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>

use aws_sdk_ecs::types::{
    DeploymentLifecycleHook, DeploymentLifecycleHookStage, DeploymentLifecycleHookTargetType,
};
use aws_smithy_types::{Document, Number};
use provider_schema::{LifecycleHook, LifecycleStage, canonical_json};
use serde_json::{Value, json};

/// The list is to be sent also when it is empty: UpdateService keeps the members that it is not told, so that hooks
/// would stay for ever.
/// As others say: <https://github.com/hashicorp/terraform-provider-aws/pull/47096>; not seen on AWS by us.
pub fn to_sdk(hooks: &[LifecycleHook]) -> Vec<DeploymentLifecycleHook> {
    hooks
        .iter()
        .map(|hook| {
            let LifecycleHook {
                hook_target_arn,
                role_arn,
                lifecycle_stages,
                hook_details,
            } = hook;
            let stages = lifecycle_stages.iter();
            let stages = stages.map(|stage| DeploymentLifecycleHookStage::from(stage.as_str()));
            // It was checked when the properties were read.
            let details = hook_details.as_deref();
            let details = details.and_then(|text| serde_json::from_str(text).ok());
            DeploymentLifecycleHook::builder()
                .hook_target_arn(hook_target_arn)
                .role_arn(role_arn)
                .set_lifecycle_stages(Some(stages.collect()))
                .set_hook_details(details.as_ref().map(to_document))
                .build()
        })
        .collect()
}

/// The hooks, sorted; none when there is one that we do not write.
pub fn read(found: &[DeploymentLifecycleHook]) -> Option<Vec<LifecycleHook>> {
    let mut hooks: Vec<LifecycleHook> = found.iter().map(read_one).collect::<Option<_>>()?;
    hooks.sort_unstable();
    Some(hooks)
}

fn read_one(found: &DeploymentLifecycleHook) -> Option<LifecycleHook> {
    let is_lambda = found
        .target_type()
        .is_none_or(|kind| *kind == DeploymentLifecycleHookTargetType::AwsLambda);
    let mut lifecycle_stages: Vec<LifecycleStage> = found
        .lifecycle_stages()
        .iter()
        .map(|stage| {
            let mut known = LifecycleStage::ALL.iter();
            known
                .find(|(name, _)| *name == stage.as_str())
                .map(|(_, stage)| *stage)
        })
        .collect::<Option<_>>()?;
    lifecycle_stages.sort_unstable();
    let hook = LifecycleHook {
        hook_target_arn: found.hook_target_arn()?.to_owned(),
        role_arn: found.role_arn()?.to_owned(),
        lifecycle_stages,
        hook_details: found
            .hook_details()
            .map(|details| canonical_json(&to_json(details))),
    };
    is_lambda.then_some(hook)
}

fn to_document(value: &Value) -> Document {
    match value {
        Value::Null => Document::Null,
        Value::Bool(truth) => Document::Bool(*truth),
        Value::String(text) => Document::String(text.clone()),
        Value::Number(number) => {
            if let Some(number) = number.as_u64() {
                Document::Number(Number::PosInt(number))
            } else if let Some(number) = number.as_i64() {
                Document::Number(Number::NegInt(number))
            } else {
                Document::Number(Number::Float(number.as_f64().unwrap_or_default()))
            }
        }
        Value::Array(items) => Document::Array(items.iter().map(to_document).collect()),
        Value::Object(members) => Document::Object(
            members
                .iter()
                .map(|(name, member)| (name.clone(), to_document(member)))
                .collect(),
        ),
    }
}

fn to_json(document: &Document) -> Value {
    match document {
        Document::Null => Value::Null,
        Document::Bool(truth) => json!(truth),
        Document::String(text) => json!(text),
        Document::Number(Number::PosInt(number)) => json!(number),
        Document::Number(Number::NegInt(number)) => json!(number),
        Document::Number(Number::Float(number)) => json!(number),
        Document::Array(items) => items.iter().map(to_json).collect(),
        Document::Object(members) => members
            .iter()
            .map(|(name, member)| (name.clone(), to_json(member)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    }
}
