//! The pure half of the provider: everything that can be decided without calling AWS.
//!
//! ```text
//! properties + network ─► desired ┐
//! AWS ─────────────────► observed ├─► plan ─► Converged │ Apply(steps) │ Wait(reason)
//! ledger ──────────────► claims   ┘
//! ```
//!
//! - [`claim`]: what the ledger knows of an owner, and how it may change.
//! - [`network`]: where tasks and load balancers go.
//! - [`desired`]: what a service consists of; the only reader of the properties.
//! - [`sought`]: where its parts are found.
//! - [`observed`]: what AWS last told us; absence is not ignorance.
//! - [`plan`]: the order of things, and its reasons.
//! - [`diagnosis`]: why a service does not get on.
//! - [`step`], [`decision`]: what planning answers.
//! - [`naming`]: every name, tag and token.
//!
//! There is no AWS SDK, no async runtime, no clock and no random source among the dependencies; the
//! lints of this package bar clocks and the environment.

#![deny(clippy::wildcard_enum_match_arm)]

pub mod claim;
pub mod decision;
pub mod desired;
pub mod diagnosis;
pub mod naming;
pub mod network;
pub mod observed;
pub mod plan;
pub mod resources;
pub mod sought;
pub mod step;
