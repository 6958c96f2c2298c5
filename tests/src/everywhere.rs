//! Every journey of a stack, with one trouble at every call of it, one call at a time.
//!
//! ```text
//! Journey ─► played without trouble: its calls, how each stack operation ends
//!    └─ for each call n, for each Trouble ─► played again in a new world ─► the same ends, nothing left
//! ```
//!
//! A trouble that AWS or the process recovers from must not be seen at all: the stack's operations end as they do
//! without it. One that is for good (a permission that is missing) may make an operation fail, and what is begun then
//! must be taken away. The invariants of every attempt hold meanwhile, and services that serve go on serving.

mod journeys;
mod trouble;

pub use journeys::{JOURNEYS, Journey, life};
pub use trouble::Trouble;

use std::panic::{AssertUnwindSafe, catch_unwind};

use serde_json::json;

use crate::account::Inventory;
use crate::cloudformation::{SeenStatus, StackStatus};
use crate::invariants::check_attempts_apart;
use crate::simulation::{Violation, again, ending, watch};
use crate::{Run, World};

/// A journey as it goes without trouble.
pub struct Clean {
    journey: &'static Journey,
    calls: u64,
    statuses: Vec<StackStatus>,
}

/// What came of one call's trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// The trouble came, and everything held.
    Struck,
    /// It does not apply: there is no such call, or it means nothing in this journey.
    Spared,
}

impl Clean {
    /// Plays the journey without trouble.
    ///
    /// # Errors
    /// What did not hold.
    pub fn of(journey: &'static Journey) -> Result<Self, Violation> {
        let played = || {
            let (run, before) = journey.run(None);
            check_end(&run, &before);
            Self {
                journey,
                calls: run.world.history().calls().count() as u64,
                statuses: run.statuses(),
            }
        };
        catch_unwind(AssertUnwindSafe(played)).map_err(|panic| Violation::of(&*panic))
    }

    /// How each stack operation ends.
    #[must_use]
    pub fn statuses(&self) -> &[StackStatus] {
        &self.statuses
    }

    /// The numbers of its calls, each `every`th from `first` on.
    pub fn calls(&self, first: u64, every: u64) -> impl Iterator<Item = u64> + use<> {
        let step = usize::try_from(every.max(1)).unwrap_or(usize::MAX);
        (first..self.calls).step_by(step)
    }

    /// Plays it with `trouble` from call number `call` on.
    ///
    /// # Errors
    /// What did not hold.
    pub fn with(&self, trouble: Trouble, call: u64) -> Result<Met, Violation> {
        let played = catch_unwind(AssertUnwindSafe(|| self.play(trouble, call)));
        played.map_err(|panic| {
            let what = Violation::of(&*panic);
            let name = self.journey.name;
            Violation {
                text: format!("{name}, {trouble} at call {call}: {}", what.text),
            }
        })
    }

    fn play(&self, trouble: Trouble, call: u64) -> Met {
        if trouble.is_for_good() && self.journey.again.is_some() {
            // What is refused because the ledger may not be written is not in the ledger: the same event is worked on
            // when it comes again, though CloudFormation has its answer and reads no other.
            return Met::Spared;
        }
        let (run, before) = self.journey.run(Some(trouble.at(call)));
        if run.world.faults().struck() == 0 {
            return Met::Spared;
        }
        if !trouble.is_for_good() {
            assert_eq!(
                run.statuses(),
                self.statuses,
                "it ends in another way\n{}",
                run.trace()
            );
        }
        check_end(&run, &before);
        check_attempts_apart(&run.world);
        Met::Struck
    }
}

/// Nobody waited in vain, what failed can be deleted again, and then all is as before.
fn check_end(run: &Run, before: &Inventory) {
    let late = |status| status == SeenStatus::TimedOut;
    assert!(
        !run.world.history().seen().any(|seen| late(seen.status)),
        "CloudFormation has given up waiting\n{}",
        run.trace()
    );
    run.world.faults().clear();
    again::delete_failed(&run.world);
    if run.world.logs().text().contains("pool.close.skipped") {
        // A closing that could not be started is the daily sweep's.
        run.world.deliver(json!({"sweep": true}));
        run.world.settle();
    }
    ending::unsealed(&run.world);
    ending::nothing_held(&run.world);
    let left = before.diff(&run.world.inventory().without_what_stays());
    assert!(
        left.is_empty(),
        "after the last Delete something is different: {left:?}\n{}",
        run.trace()
    );
}

impl Journey {
    fn run(&self, rule: Option<local_aws::fault::Rule>) -> (Run, Inventory) {
        let world = World::new();
        (self.prepare)(&world);
        let _watcher = watch::begin(&world);
        let before = world.inventory().without_what_stays();
        if let Some(rule) = rule {
            world.faults().add(rule);
        }
        let mut scenario = (self.scenario)();
        if let Some(later) = self.again {
            scenario = scenario.delivered_again(&[later]);
        }
        (scenario.run_in(world), before)
    }
}
