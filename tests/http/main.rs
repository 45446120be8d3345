//! Black-box tests over HTTP against the real binary: the contract, and the abuse that it has to withstand.
//!
//! Marks such as `T-08`, `R-03` and `W-01` are rows of `docs/security.md`, `REQ-07` are requirements.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy takes only functions marked as tests for tests, not what they call"
)]

#[expect(dead_code, reason = "the harness serves several suites")]
#[path = "../support/mod.rs"]
mod support;

mod access_token;
mod audit;
mod bearer;
mod contract;
mod cors;
mod http_surface;
mod json_bodies;
mod jwt;
mod login;
mod logout;
mod logs;
mod naughty_strings;
mod one_instance_of_several;
mod readme;
mod refresh;
mod refresh_token;
mod register;
mod sessions;
mod settings_in_force;
mod smuggling;
mod start_up;
mod system;
mod users_me;
mod vectors;
mod verify;
