//! Reads `Deployment.LifecycleHooks`.

use super::reader::Members;
use crate::error::PropertyErrors;
use crate::properties::{LifecycleHook, LifecycleStage};
use crate::{RequestContext, arn, rules, validate};

pub(super) fn lifecycle_hooks(
    deployment: &mut Members<'_>,
    request: &RequestContext<'_>,
    problems: &mut PropertyErrors,
) -> Vec<LifecycleHook> {
    let mut hooks = Vec::new();
    for mut hook in deployment.objects("LifecycleHooks", problems) {
        let hook_target_arn = hook.required("HookTargetArn", problems, |text| {
            arn::function(text, request)
        });
        let role_arn = hook.required("RoleArn", problems, |text| arn::role(text, request));
        let lifecycle_stages = lifecycle_stages(&mut hook, problems);
        let hook_details = hook
            .scalar("HookDetails", problems, rules::hook_details)
            .given();
        hook.finish(problems);
        hooks.push(LifecycleHook {
            hook_target_arn: hook_target_arn.unwrap_or_default(),
            role_arn: role_arn.unwrap_or_default(),
            lifecycle_stages,
            hook_details,
        });
    }
    validate::lifecycle_hooks(hooks.len(), &deployment.pointer("LifecycleHooks"), problems);
    // ECS calls the hooks of a stage in no order.
    hooks.sort_unstable();
    hooks
}

fn lifecycle_stages(hook: &mut Members<'_>, problems: &mut PropertyErrors) -> Vec<LifecycleStage> {
    let pointer = hook.pointer("LifecycleStages");
    let problems_before = problems.0.len();
    let stages = hook.scalars("LifecycleStages", problems, |text| {
        rules::choice(text, LifecycleStage::ALL)
    });
    if stages.is_empty() && problems.0.len() == problems_before {
        problems.add(&pointer, "is required");
    }
    validate::lifecycle_stages(&stages, &pointer, problems);
    let mut stages: Vec<LifecycleStage> = stages.into_iter().flatten().collect();
    stages.sort_unstable();
    stages
}
