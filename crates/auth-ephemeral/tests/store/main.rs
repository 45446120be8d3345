//! What every store of short-lived state must keep to, tried on each implementation.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail with it")]

mod contract;
mod memory;
