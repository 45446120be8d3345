//! Providers of plain OAuth 2.0 as an application uses them, against one in the test's own process.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod bed;
mod configuration;
mod flows;
mod people;
mod refusals;
mod slow;
