//! The logic of the command `express`, apart from its `main`, so that tests watch a service in process.
//!
//! ```text
//! reference (which service) ─► watch: reader ─► Snapshot ─► facts ─► lines │ JSON
//!                                        └────► evidence (express-handler) ─► diagnosis (express-core)
//!                                                         Snapshot ─► tree ─► screen
//! ```
//!
//! Nothing here changes anything in AWS.

pub mod connection;
pub mod diagnose;
pub mod local;
pub mod monitor;
pub mod reference;
pub mod time;
pub mod watch;
