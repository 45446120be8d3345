//! What every channel must keep to, tried on each implementation.

mod contract;
mod in_memory;
#[cfg(feature = "redis")]
mod in_redis;
