//! Lifecycle hooks: at its stages a deployment asks functions whether it may go on.
//!
//! There is no Lambda here. What a function answers is registered with [`answer_hook`], or, as with images, told by
//! its name: one whose name contains `demo-refuses` fails, one with `demo-waits` is in progress twice before it
//! succeeds, any other succeeds.
//! AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html>

use serde_json::{Value, json};

use super::failure::Failure;
use super::stages::{Progress, change};
use super::{Deployment, Stage};
use crate::cloud::Cloud;
use crate::ecs::service::LifecycleHook;
use crate::ecs::{can_assume, role};
use crate::wire::timestamp;

/// After which time a function that is in progress is called again, if it does not say.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/developerguide/deployment-lifecycle-hooks.html>
const CALLBACK_S: u64 = 30;
/// How long a hook may take: 1440 minutes if nothing is said.
/// AWS: <https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DeploymentLifecycleHook.html>
const TIMEOUT_MS: u64 = 1440 * 60_000;

/// What a function says, `hookStatus`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HookAnswer {
    /// The deployment may go on.
    Succeeded,
    /// It has to go back.
    Failed,
    /// Not decided: the function is called again after `callBackDelay` seconds, or after 30.
    InProgress(Option<u64>),
}

/// What the function answers to its calls, one after the other, and the last to all that follow.
pub fn answer_hook(cloud: &mut Cloud, function_arn: &str, answers: &[HookAnswer]) {
    let hooks = &mut cloud.ecs.hook_answers;
    hooks.insert(function_arn.to_owned(), answers.to_vec());
}

/// A hook of the present stage.
#[derive(Clone, Debug)]
pub(super) struct Run {
    id: String,
    function: String,
    status: RunStatus,
    calls: usize,
    began_at_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RunStatus {
    /// Called again then.
    InProgress(u64),
    Succeeded,
    Failed,
}

/// Calls the hooks of a stage until all have succeeded.
pub(super) fn call(cloud: &mut Cloud, deployment: &Deployment, stage: Stage) -> Progress {
    let hooks = deployment.configuration.hooks.iter();
    let hooks: Vec<LifecycleHook> = hooks
        .filter(|hook| hook.stages.iter().any(|name| name == stage.hook_name()))
        .cloned()
        .collect();
    let mut progress = Progress::Done;
    for hook in hooks {
        let known = cloud.ecs.deployments.get(&deployment.arn);
        let mut runs = known.map_or_else(Vec::new, |it| it.hook_runs.clone());
        let position = runs.iter().position(|run| run.function == hook.function);
        let mut run = match position {
            Some(position) => runs.remove(position),
            None => begin(cloud, &hook),
        };
        if let RunStatus::InProgress(due_ms) = run.status
            && due_ms <= cloud.now_ms
        {
            ask(cloud, &hook, &mut run);
        }
        match run.status {
            RunStatus::Succeeded => {}
            RunStatus::InProgress(_) => progress = Progress::Working,
            RunStatus::Failed => {
                progress = Progress::Failed(Failure::Hook {
                    function: hook.function.clone(),
                    stage: stage.hook_name(),
                });
            }
        }
        runs.push(run);
        change(cloud, deployment, |it| it.hook_runs = runs);
        if matches!(progress, Progress::Failed(_)) {
            break;
        }
    }
    progress
}

fn begin(cloud: &mut Cloud, hook: &LifecycleHook) -> Run {
    Run {
        id: cloud.random.hex(32),
        function: hook.function.clone(),
        status: RunStatus::InProgress(cloud.now_ms),
        calls: 0,
        began_at_ms: cloud.now_ms,
    }
}

fn ask(cloud: &Cloud, hook: &LifecycleHook, run: &mut Run) {
    let LifecycleHook { function, role, .. } = hook;
    let denial = role::denial(role, "ECSHook", "lambda", "InvokeFunction", function);
    run.status = if !can_assume(cloud, role) || denial.is_some() {
        RunStatus::Failed
    } else {
        match answer(cloud, function, run.calls) {
            HookAnswer::Succeeded => RunStatus::Succeeded,
            HookAnswer::Failed => RunStatus::Failed,
            HookAnswer::InProgress(delay_s) => {
                let delay_ms = delay_s.unwrap_or(CALLBACK_S) * 1_000;
                RunStatus::InProgress(cloud.now_ms + delay_ms)
            }
        }
    };
    run.calls += 1;
}

fn answer(cloud: &Cloud, function: &str, call: usize) -> HookAnswer {
    if let Some(answers) = cloud.ecs.hook_answers.get(function) {
        let registered = answers.get(call).or(answers.last());
        return registered.copied().unwrap_or(HookAnswer::Succeeded);
    }
    if function.contains("demo-refuses") {
        HookAnswer::Failed
    } else if function.contains("demo-waits") && call < 2 {
        HookAnswer::InProgress(None)
    } else {
        HookAnswer::Succeeded
    }
}

impl Run {
    /// An element of `lifecycleHookDetails`.
    pub(super) fn output(&self) -> Value {
        json!({
            "hookId": self.id,
            "targetType": "AWS_LAMBDA",
            "targetArn": self.function,
            "status": match self.status {
                RunStatus::InProgress(_) => "IN_PROGRESS",
                RunStatus::Succeeded => "SUCCEEDED",
                RunStatus::Failed => "FAILED",
            },
            "expiresAt": timestamp(self.began_at_ms + TIMEOUT_MS),
            "timeoutAction": "ROLLBACK",
        })
    }
}
