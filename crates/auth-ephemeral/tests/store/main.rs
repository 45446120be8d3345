//! What everything that keeps short-lived state must keep to, tried on each implementation.
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail with it")]

mod broadcast;
mod contract;
#[cfg(feature = "redis")]
mod in_redis;
mod limits;
mod memory;
#[cfg(feature = "redis")]
mod redis_away;
#[cfg(feature = "redis")]
mod redis_server;
#[cfg(feature = "redis")]
mod test_redis;
