//! Every case runs on SQLite (a temporary file) and on PostgreSQL (a database of its own).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

mod fixture;
mod rows;

mod consistency;
mod constraints;
mod executor;
mod keys_and_trail;
mod migrations;
mod postgres;
mod prepared;
mod refresh;
mod schema;
mod sessions;
mod sqlite;
mod users;
