//! Random histories of many stacks and services in one account: through the handler, the SDK and the simulated AWS.
//!
//! ```text
//! seed ─► generate ─► History (data) ─► play ─► World ─► every answer, every attempt and the end are checked
//!                        ▲                                          │ a violation
//!                        └────────────── shrink ◄───────────────────┘
//! ```
//!
//! A history is a list of events that mean something in any state of the account, so that any part of it is a history
//! too. The same history in a new world gives the same trace, byte by byte.

mod account;
pub(crate) mod again;
mod drift;
pub(crate) mod ending;
mod generate;
mod history;
mod play;
mod shrink;
pub(crate) mod watch;

pub use drift::Drift;
pub use generate::{LATER_CHANGES_FROM, NEWEST_FROM, PRESERVING_FROM, TAKEN_BACK_FROM, generate};
pub use history::{Event, History, Image, Service, Timed};
pub use play::{Played, play};
pub use shrink::shrink;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Something that must hold did not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What, with the trace where there is one.
    pub text: String,
}

impl Violation {
    /// What did not hold, without the names and numbers of this history: two violations of one kind are alike.
    #[must_use]
    pub fn kind(&self) -> String {
        let line = self.headline();
        let words = line.split_whitespace();
        let words = words.filter(|word| word.chars().all(|letter| letter.is_alphabetic()));
        words.collect::<Vec<_>>().join(" ")
    }

    /// What did not hold, in a line.
    #[must_use]
    pub fn headline(&self) -> &str {
        let lines = self.text.lines();
        let mut lines = lines.filter(|line| !line.trim().is_empty());
        let first = lines.next().unwrap_or_default();
        // The attempt's number comes first.
        if first.starts_with("after attempt") {
            lines.next().unwrap_or_default().trim()
        } else {
            first
        }
    }

    pub(crate) fn of(panic: &(dyn Any + Send)) -> Self {
        let text = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        Self {
            text: text.unwrap_or_else(|| "a panic without words".to_owned()),
        }
    }
}

/// Plays a history in a world of its own.
///
/// # Errors
/// What did not hold.
pub fn check(history: &History) -> Result<Played, Violation> {
    catch_unwind(AssertUnwindSafe(|| play(history))).map_err(|panic| Violation::of(&*panic))
}
