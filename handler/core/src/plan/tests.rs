//! What is planned, as text: properties, an observation, and the decision that follows.
//!
//! - [`web`]: the properties of a small service, changed by chained constructors.
//! - [`seen`]: what is observed of it once it is as desired, disturbed by chained constructors. It is what
//!   [`world`] has become by applying the plans themselves, so no observation is written down twice.
//! - [`check`] prints the decision; what is to change is told from what was seen, as in an Update.

mod convergence;
mod creation;
mod deployments;
mod drift;
mod expected;
mod moves;
mod ranges;
mod refusals;
mod removal;
mod revisions;
mod seen;
mod stages;
mod test_traffic;
mod updates;
mod web;
mod world;

use std::fmt::Write as _;

use expect_test::Expect;

use super::PlanError;
use crate::decision::Decision;
use seen::{Seen, rule, seen, service};
use web::{Web, web};

/// Plans an Update of what was `seen` to `wanted` and compares the decision's text.
fn check(wanted: Web, seen: Seen, expect: Expect) {
    expect.assert_eq(&decided(wanted, &seen));
}

/// The text of what an Update of what was `seen` to `wanted` decides.
fn decided(wanted: Web, seen: &Seen) -> String {
    let world = &seen.world;
    text(&world.plan(&wanted.updating(&world.web).desired()))
}

/// One line per step, or what is waited for, or why there is no plan.
fn text(decision: &Result<Decision, PlanError>) -> String {
    let mut text = String::new();
    match decision {
        Ok(Decision::Converged(_)) => text.push_str("Converged\n"),
        Ok(Decision::Removed) => text.push_str("Removed\n"),
        Ok(Decision::Apply(steps)) => {
            for step in steps {
                writeln!(text, "{step}").expect("a string takes all");
            }
        }
        Ok(Decision::Wait(wait)) => {
            writeln!(text, "Wait {} s: {}", wait.retry_after_s, wait.reason)
                .expect("a string takes all");
        }
        Err(error) => {
            writeln!(text, "{}: {error}", error.class()).expect("a string takes all");
        }
    }
    text
}
