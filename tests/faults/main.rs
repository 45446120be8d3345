//! The real binary among faults: killed, starved of disk, descriptors and database, and kept waiting by its clients.
//!
//! Nothing here waits for a fixed time: every wait is for a condition, and ends in a failure when it takes absurdly long.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[path = "../support/database.rs"]
#[expect(dead_code, reason = "several suites share it, and each asks its own questions")]
mod database;

mod answer;
mod caller;
mod cluster;
mod honest;
mod process;
mod seeded;
mod small_disk;
mod sql;
mod wait;

mod bad_start;
mod blocked_log;
mod descriptors;
mod full_disk;
mod killed;
mod locked_file;
mod one_rotation;
mod postgres_away;
mod protocol;
mod slow_clients;
mod start_together;
mod stop;
