//! The integration tests; `tests/README.md` says which test lives where.

mod certificate;
mod contract;
mod crash_everywhere;
mod create;
mod delete;
mod deployment;
mod diagnosis;
mod domain;
mod drift;
mod driver;
mod guard;
mod kept;
mod ledger;
mod monitor;
mod moves;
mod network;
mod requests;
mod rollback;
mod rollback_alarm;
mod sharing;
mod simulation;
mod sweep;
mod templates;
mod test_traffic;
mod update;
mod versions;
