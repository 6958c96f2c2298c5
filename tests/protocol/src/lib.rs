//! The protocol of the ledger, played through without AWS: owners, attempts, waiters, claims, closings, answers.
//!
//! ```text
//! seed ─► history ─► stacks (CloudFormation) ─► invocations (Lambda, waiter) ─► calls ─► ledger and a small AWS
//!                                                                                  └─► invariants, after each
//! ```
//!
//! The items of the ledger are core's types, and change by core's transitions; the function is `attempt`, which makes
//! the handler's calls in the handler's order. What is in doubt is the order of things: an invocation may die at any
//! call, a call may have its effect long after, an event may come twice, an answer may be lost. One history takes a
//! fraction of a millisecond, so a million of them are played where the scenarios of `tests` play a hundred.
//!
//! Deliberately absent: what each AWS resource is made of (`tests` has the handler, the SDK and `local-aws` for that),
//! and clocks that differ: nothing compares two of them.

pub mod attempt;
pub mod aws;
pub mod cloudformation;
pub mod effect;
pub mod history;
pub mod invariants;
pub mod ledger;
pub mod rules;
pub mod seeds;
pub mod shrink;
pub mod world;

pub use history::History;
pub use rules::Rule;
pub use world::{Options, Outcome, World};
