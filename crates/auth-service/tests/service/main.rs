//! The use cases through the crate's public API, on SQLite (a temporary file) and on PostgreSQL (a database of its own),
//! with clocks that the tests set.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

mod bed;
mod refresh_rules;

mod account_deletion;
mod audit_trail;
mod export;
mod keys;
mod log_in;
mod log_out;
mod profile;
mod race;
mod register;
mod revocation;
mod session_end;
mod strict_mode;
mod token_reuse;
