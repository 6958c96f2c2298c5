//! Pure decisions of the `Custom::ExpressService` provider: no AWS SDK, no clock, no randomness.
#![deny(clippy::wildcard_enum_match_arm)]

pub mod decision;
