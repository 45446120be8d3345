//! What those who write clients stand on: the OpenAPI document passes a linter, the live server answers as it says whatever
//! it is sent, and a TypeScript client that is generated of it walks through a session.
//!
//! Without Node.js 18.17 or newer and npm, or without Python 3.10 or newer with `venv`, and a registry to install from, each
//! test says that it was left out; with `CI=true` that is a failure.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[expect(dead_code, unused_imports, reason = "the harness serves several suites")]
#[path = "../support/mod.rs"]
mod support;
#[expect(dead_code, reason = "several suites share it, and each asks its own questions")]
#[path = "../faults/wait.rs"]
mod wait;

mod tools;

mod document;
mod properties;
mod typescript;
