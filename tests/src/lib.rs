//! The CloudFormation driver: the handler, the SDK and a simulated account in one thread, on one clock.
//!
//! ```text
//! Scenario ─► Stack (CloudFormation) ─► Lambda ─► handler ─► SDK ─► Gate ─► local-aws
//!                  ▲                      ▲                                    │
//!                  └── answers (PUT) ─────┼──── waiter (Step Functions) ◄──────┘ StartExecution
//! ```
//!
//! Everything is a task of one [`executor::Executor`]: stacks, deliveries, attempts, waiters. Time moves
//! only when every task waits, so an hour of polls costs nothing and two runs of one seed are alike. After
//! every attempt the [`invariants`] are checked; a violation is a panic that names the attempt.

pub mod account;
pub mod bench;
pub mod by_hand;
pub mod changes;
pub mod client;
pub mod cloudformation;
pub mod demo;
pub mod everywhere;
pub mod executor;
pub mod fuzz;
pub mod gate;
pub mod history;
pub mod invariants;
pub mod lambda;
pub mod logs;
pub mod network;
mod newer_version;
pub mod properties;
mod recording;
pub mod scenario;
pub mod simulation;
pub mod threads;
pub mod trace;
pub mod waiter;
pub mod world;

pub use cloudformation::{Seen, Stack, StackOutcome, StackStatus, Template};
pub use properties::{ServiceProperties, web};
pub use scenario::{Run, Scenario};
pub use world::World;
