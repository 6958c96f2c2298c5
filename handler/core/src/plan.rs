//! Planning: from what is desired and what is observed to the one thing to do next. Pure.

mod error;

pub use error::PlanError;
