//! The integration tests; `tests/README.md` says which test lives where.

mod contract;
mod crash_everywhere;
mod create;
mod delete;
mod driver;
mod sharing;
mod simulation;
mod templates;
mod update;
