//! The three-way merge of what the old properties said, what the service runs, and what the properties say now.
//!
//! - What we never write is kept as it is: further containers, volumes, the other fields of `Main`.
//! - What we write is the template's. Where somebody changed it, it is repaired.
//! - An environment variable or secret of `Main` that neither the old nor the new properties name is somebody's
//!   addition, and is kept. One that the old properties name and the new ones do not is removed.

use super::{ObservedTaskDefinition, TaskDefinitionSpec, diff};

/// What is to run: `new`, with what was added to `live`, which runs.
///
/// Without `old` nobody can tell an addition from what the template removed; the variables are then the template's alone.
/// But where what runs says all that `new` says it stays as it is: CloudFormation's way back from properties that were
/// refused, and cannot be read, changes nothing.
#[must_use]
pub fn merge(
    old: Option<&TaskDefinitionSpec>,
    live: Option<&ObservedTaskDefinition>,
    new: &TaskDefinitionSpec,
) -> TaskDefinitionSpec {
    let mut merged = new.clone();
    let Some((observed, live)) = live.and_then(|found| Some((found, found.live.as_ref()?))) else {
        return merged;
    };
    merged.kept.clone_from(&live.kept);
    let Some(old) = old else {
        let kept = merge(Some(new), Some(observed), new);
        return if diff(&kept, observed).is_empty() {
            kept
        } else {
            merged
        };
    };
    // A name is that of a variable or of a secret, not of both: ECS refuses a container with both.
    let is_added = |(name, _): &&(String, String)| !names(old, name) && !names(new, name);
    let container = &mut merged.container;
    container
        .environment
        .extend(live.environment.iter().filter(is_added).cloned());
    container.environment.sort();
    container
        .secrets
        .extend(live.secrets.iter().filter(is_added).cloned());
    container.secrets.sort();
    merged
}

fn names(spec: &TaskDefinitionSpec, name: &str) -> bool {
    let container = &spec.container;
    container
        .environment
        .iter()
        .chain(&container.secrets)
        .any(|(known, _)| known == name)
}

#[cfg(test)]
mod tests;
