//! The integration tests; `tests/README.md` says which test lives where.

mod driver;
