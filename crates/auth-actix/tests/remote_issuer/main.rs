//! A service that trusts an issuer by its URL alone, against an issuer of the test's own that misbehaves on demand.
#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod confirmed;
mod forged;
mod issuer;
mod outage;
mod renewal;
mod trusted;
mod warnings;
mod world;
