//! What `deploy/` and docs/deployment.md show: read as their programs read it, and run where those are there.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[expect(dead_code, unused_imports, unused_macros, reason = "the harness serves several suites")]
#[path = "../support/mod.rs"]
mod support;

mod application;
mod caddy;
mod compose;
mod dockerfile;
mod files;
mod front;
mod guard;
mod nginx;
mod proxies;
mod settings;
mod system_calls;
mod systemd;
mod traefik;
mod visitor;
