//! Making a history that fails as short and as plain as it can be.

use super::{Event, History, Image, Violation, check};
use crate::cloudformation::FailedReplacement;

/// Histories that are tried at most.
const TRIES_MAX: usize = 400;

/// Makes a history plainer by one thing.
type Change<'a> = &'a dyn Fn(&mut History);

/// The plainest history found in which `violation` happens too.
#[must_use]
pub fn shrink(history: &History, violation: &Violation) -> (History, Violation) {
    let kind = violation.kind();
    let fails = |history: &History| check(history).err().filter(|found| found.kind() == kind);
    with(history, violation, fails)
}

fn with(
    history: &History,
    violation: &Violation,
    fails: impl Fn(&History) -> Option<Violation>,
) -> (History, Violation) {
    let mut best = (history.clone(), violation.clone());
    let mut tries = 0;
    loop {
        let mut is_better = false;
        for candidate in plainer(&best.0) {
            tries += 1;
            if tries > TRIES_MAX {
                return best;
            }
            if let Some(found) = fails(&candidate) {
                best = (candidate, found);
                is_better = true;
                break;
            }
        }
        if !is_better {
            return best;
        }
    }
}

/// Each of them is plainer by one thing: an event less, then less in an event.
fn plainer(history: &History) -> Vec<History> {
    let mut candidates = Vec::new();
    for number in (0..history.events.len()).rev() {
        let mut shorter = history.clone();
        shorter.events.remove(number);
        candidates.push(shorter);
    }
    let mut add = |change: Change<'_>| {
        let mut changed = history.clone();
        change(&mut changed);
        if changed != *history {
            candidates.push(changed);
        }
    };
    add(&|history| history.redelivered_after_s = None);
    add(&|history| history.reaction = FailedReplacement::DeleteAnsweredId);
    add(&|history| history.two_versions = false);
    add(&|history| history.preserving = None);
    add(&|history| history.members_max = None);
    for number in 0..history.events.len() {
        add(&|history| history.events[number].pause_s = 0);
        add(&|history| history.events[number].pause_s = 700);
        add(&|history| {
            if let Event::Fault { times, .. } = &mut history.events[number].event {
                *times = 1;
            }
        });
        let count = match &history.events[number].event {
            Event::Deploy { services, .. } => services.len(),
            _ => 0,
        };
        add(&|history| {
            if let Event::Deploy {
                sibling_fails_after_s,
                ..
            } = &mut history.events[number].event
            {
                *sibling_fails_after_s = None;
            }
        });
        for service in 0..count {
            plainer_service(number, service, &mut add);
        }
    }
    candidates
}

fn plainer_service(event: usize, service: usize, add: &mut dyn FnMut(Change<'_>)) {
    let mut change = |change: &dyn Fn(&mut super::Service)| {
        add(&|history| {
            if let Event::Deploy { services, .. } = &mut history.events[event].event {
                change(&mut services[service]);
            }
        });
    };
    change(&|service| service.changes.clear());
    change(&|service| {
        service.changes.pop();
    });
    change(&|service| service.image = Image::Healthy);
    change(&|service| service.is_in_prod = false);
    change(&|service| service.is_dedicated = false);
    change(&|service| service.is_internal = false);
    change(&|service| service.first_zone = None);
    add(&|history| {
        if let Event::Deploy { services, .. } = &mut history.events[event].event
            && services.len() > 1
        {
            services.remove(service);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulation::generate;

    #[test]
    fn what_does_not_matter_goes_and_what_does_stays() {
        let is_delete =
            |timed: &crate::simulation::Timed| matches!(timed.event, Event::Delete { .. });
        let history = (0..)
            .map(generate)
            .find(|history| history.events.len() > 5 && history.events.iter().any(is_delete))
            .unwrap();
        let violation = Violation {
            text: "a Delete".to_owned(),
        };
        let fails = |history: &History| {
            let has_one = history.events.iter().any(is_delete);
            has_one.then(|| violation.clone())
        };
        let (shrunk, _) = with(&history, &violation, fails);
        assert_eq!(shrunk.events.len(), 1, "{shrunk}");
        assert!(is_delete(&shrunk.events[0]), "{shrunk}");
        assert_eq!(shrunk.redelivered_after_s, None);
    }
}
