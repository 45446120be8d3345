//! Mails sent over TCP to an SMTP server that misbehaves on demand.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

mod addresses;
mod bed;
mod console;
mod delivery;
mod encryption;
mod messages;
mod refusals;
mod silence;
