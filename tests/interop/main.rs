//! Sign-in with OpenID Connect against a provider that isn't ours: the npm package `oidc-provider`, certified by the
//! OpenID Foundation, so that our reading of the standard isn't tested against itself. A browser without a window walks
//! its pages.
//!
//! Without Node.js 18 or newer, or without npm and a registry to install from, each test says that it was left out; with
//! `CI=true` that is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[path = "../faults/quiet_port.rs"]
mod quiet_port;
#[expect(dead_code, unused_imports, unused_macros, reason = "the harness serves several suites")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "several suites share it, and each asks its own questions")]
#[path = "../faults/wait.rs"]
mod wait;

mod browser;
mod flow;
mod form;
mod node;
mod provider;

mod keys;
mod link;
mod redirect;
mod refusals;
mod sign_in;
