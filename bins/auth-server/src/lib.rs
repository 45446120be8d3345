//! The authentication server's parts: its settings, its command line, and the wiring of the other crates into one
//! process. No rule of authentication lives here.
//!
//! A library beside the binary, so that integration tests read the same settings and every item is reachable from
//! outside, also where its feature comes with a later release.
#![deny(missing_docs)]

mod audit;
mod backup;
pub mod cli;
mod columns;
mod database_copy;
mod first_admin;
mod healthcheck;
mod http;
mod keys;
mod logging;
mod metrics;
mod new_file;
mod outbox;
mod progress;
mod providers;
pub mod run;
mod secret_file;
mod serve;
mod service_config;
pub mod settings;
mod start;
mod traces;
mod users;
