//! What every limiter must keep to, tried on each implementation.

#[cfg(feature = "redis")]
mod away;
mod contract;
mod in_memory;
#[cfg(feature = "redis")]
mod in_redis;
