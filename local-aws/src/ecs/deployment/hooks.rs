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
    /// Its place among those of the service.
    hook: usize,
    id: String,
    function: String,
    status: RunStatus,
    calls: usize,
    began_at_ms: u64,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum RunStatus {
    /// Called again then.
    InProgress(u64),
    Succeeded,
    /// In AWS's words, why.
    Failed(String),
}

/// Calls the hooks of a stage until all have succeeded.
pub(super) fn call(cloud: &mut Cloud, deployment: &Deployment, stage: Stage) -> Progress {
    let hooks = deployment.configuration.hooks.iter();
    let hooks: Vec<(usize, LifecycleHook)> = (0..)
        .zip(hooks)
        .filter(|(_, hook)| hook.stages.iter().any(|name| name == stage.hook_name()))
        .map(|(position, hook)| (position, hook.clone()))
        .collect();
    let mut progress = Progress::Done;
    for (hook_position, hook) in hooks {
        let known = cloud.ecs.deployments.get(&deployment.arn);
        let mut runs = known.map_or_else(Vec::new, |it| it.hook_runs.clone());
        let mut known = runs.iter();
        let mut run = match known.position(|run| run.hook == hook_position) {
            Some(position) => runs.remove(position),
            None => begin(cloud, hook_position, &hook),
        };
        if let RunStatus::InProgress(due_ms) = run.status
            && due_ms <= cloud.now_ms
        {
            ask(cloud, &hook, &mut run);
        }
        match &run.status {
            RunStatus::Succeeded => {}
            RunStatus::InProgress(_) => progress = Progress::Working,
            RunStatus::Failed(problem) => {
                let failure = Failure::Hook(stage.hook_name(), problem.clone());
                progress = Progress::Failed(failure);
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

fn begin(cloud: &mut Cloud, position: usize, hook: &LifecycleHook) -> Run {
    Run {
        hook: position,
        id: cloud.random.hex(32),
        function: hook.function.clone(),
        status: RunStatus::InProgress(cloud.now_ms),
        calls: 0,
        began_at_ms: cloud.now_ms,
    }
}

fn ask(cloud: &Cloud, hook: &LifecycleHook, run: &mut Run) {
    let LifecycleHook { function, role, .. } = hook;
    run.status = match (
        denial(cloud, role, function),
        answer(cloud, function, run.calls),
    ) {
        (Some(denial), _) => RunStatus::Failed(denial),
        (None, HookAnswer::Succeeded) => RunStatus::Succeeded,
        (None, HookAnswer::Failed) => RunStatus::Failed(format!(
            "Lifecycle hook target {function} returned FAILED status."
        )),
        (None, HookAnswer::InProgress(delay_s)) => {
            let delay_ms = delay_s.unwrap_or(CALLBACK_S) * 1_000;
            RunStatus::InProgress(cloud.now_ms + delay_ms)
        }
    };
    run.calls += 1;
}

fn denial(cloud: &Cloud, role: &str, function: &str) -> Option<String> {
    if can_assume(cloud, role) {
        role::denial(role, "ECSHook", "lambda", "InvokeFunction", function)
    } else {
        Some(format!(
            "ECS was unable to assume the role '{role}' to invoke {function}."
        ))
    }
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
            "status": match &self.status {
                RunStatus::InProgress(_) => "IN_PROGRESS",
                RunStatus::Succeeded => "SUCCEEDED",
                RunStatus::Failed(_) => "FAILED",
            },
            "expiresAt": timestamp(self.began_at_ms + TIMEOUT_MS),
            "timeoutAction": "ROLLBACK",
        })
    }
}
