//! The real binary among faults: killed, starved of disk, descriptors and database, and kept waiting by its clients.
//!
//! Nothing here waits for a fixed time: every wait is for a condition, and ends in a failure when it takes absurdly long.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[path = "../support/breaches.rs"]
mod breaches;
#[path = "../support/database.rs"]
#[expect(dead_code, reason = "several suites share it, and each asks its own questions")]
mod database;

mod answer;
mod caller;
mod clock;
mod cluster;
mod doom;
mod groups;
mod honest;
mod letters;
mod load;
mod operations_table;
mod people;
mod process;
mod provider_flow;
mod proxy;
mod queue;
mod quiet_port;
mod redis_bed;
mod redis_server;
mod seeded;
mod small_disk;
mod sql;
mod surroundings;
mod tracer;
mod wait;

mod bad_start;
mod blocked_log;
mod breach_list_away;
mod copy_killed;
mod degraded_clock;
mod degraded_disk;
mod degraded_outside;
mod degraded_postgres;
mod degraded_redis;
mod descriptors;
mod full_disk;
mod keys_rotated;
mod keys_secret;
mod killed;
mod limits_held;
mod locked_file;
mod mail_killed;
mod mail_killed_at_a_write;
mod mail_refused;
mod mail_server_away;
mod mail_server_wrong;
mod mail_stop;
mod mail_two_instances;
mod one_rotation;
mod password_killed;
mod postgres_away;
mod protocol;
mod provider_away;
mod provider_breaker;
mod provider_killed_at_a_write;
mod provider_wrong;
mod proxy_itself;
mod redis_away;
mod redis_reached;
mod registering_killed;
mod restored_backup;
mod revocation_converges;
mod slow_clients;
mod start_together;
mod stop;
mod storm;
