//! Makes a history that fails smaller, for as long as it fails in the same way.

use std::rc::Rc;

use crate::history::{Change, History};
use crate::world::{Options, World};

/// A history that fails, made as small as it still does, and what it breaks.
#[must_use]
pub fn shrunk(history: &History, options: Options) -> History {
    let fails_with = |history: &History| {
        let outcome = World::run(&Rc::new(history.clone()), options);
        outcome.violation.map(|violation| violation.invariant)
    };
    let Some(invariant) = fails_with(history) else {
        return history.clone();
    };
    let mut smallest = history.clone();
    loop {
        let smaller = candidates(&smallest)
            .into_iter()
            .find(|candidate| fails_with(candidate) == Some(invariant));
        match smaller {
            Some(smaller) => smallest = smaller,
            None => return smallest,
        }
    }
}

/// Histories with one thing less. A stack keeps its number, since faults name it: it only does nothing any more.
fn candidates(history: &History) -> Vec<History> {
    let mut candidates = Vec::new();
    let mut with = |change: &dyn Fn(&mut History)| {
        let mut candidate = history.clone();
        change(&mut candidate);
        if candidate != *history {
            candidates.push(candidate);
        }
    };
    for stack in 0..history.stacks.len() {
        with(&|history| history.stacks[stack].acts.clear());
    }
    for index in 0..history.happenings.len() {
        with(&|history| {
            history.happenings.remove(index);
        });
    }
    for index in 0..history.faults.len() {
        with(&|history| {
            history.faults.remove(index);
        });
    }
    for stack in 0..history.stacks.len() {
        for act in (0..history.stacks[stack].acts.len()).rev() {
            with(&|history| {
                history.stacks[stack].acts.remove(act);
            });
            with(&|history| history.stacks[stack].acts[act].duplicates_ms.clear());
            with(&|history| history.stacks[stack].acts[act].cancelled_after_ms = None);
            with(&|history| history.stacks[stack].acts[act].sibling_fails = false);
            with(&|history| {
                if let Change::Deploy(properties) = &mut history.stacks[stack].acts[act].change {
                    properties.deployment.succeeds = true;
                    properties.deployment.takes_ms = properties.deployment.takes_ms.min(60_000);
                }
            });
        }
    }
    // Stacks at the end that do nothing are named by nothing.
    with(&|history| {
        if history
            .stacks
            .last()
            .is_some_and(|stack| stack.acts.is_empty())
        {
            history.stacks.pop();
        }
    });
    candidates
}
