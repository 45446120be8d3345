//! State that lives for seconds or minutes: half-done sign-ins, the state of OAuth flows, single-use codes.
//!
//! An [`EphemeralStore`] keeps values under keys of 32 bytes (the hash of a token, so that the store holds nothing that
//! could be presented), each in a [`Space`] of its own, each for a time. Two operations decide races: of all callers
//! that [take](EphemeralStore::take) an entry one gets it, and an entry hands out exactly as many
//! [attempts](EphemeralStore::attempt) as it allows.
//!
//! The store is kept in the process's memory: what is in it is lost when the process ends, and other instances don't
//! see it. With the feature `redis` it may be kept in Redis instead, which instances share. Nothing that must survive
//! belongs in either.
//!
//! ```
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use auth_core::SystemClock;
//! use auth_ephemeral::{EphemeralStore, MemoryConfig, Space};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), auth_ephemeral::EphemeralError> {
//! let store = EphemeralStore::in_memory(MemoryConfig::default(), Arc::new(SystemClock));
//! let key = [7; 32];
//! store.put(Space::Challenge, &key, b"whose sign-in it is".to_vec(), Duration::from_secs(300)).await?;
//!
//! // Each guess is counted before it is looked at.
//! let attempt = store.attempt(Space::Challenge, &key, 5).await?.expect("it was put a moment ago");
//! assert_eq!((attempt.value.as_slice(), attempt.left), (b"whose sign-in it is".as_slice(), 4));
//!
//! // The right guess takes the entry, so that nobody goes on with it a second time.
//! assert!(store.take(Space::Challenge, &key).await?.is_some());
//! assert!(store.take(Space::Challenge, &key).await?.is_none());
//! # Ok(())
//! # }
//! ```
#![deny(missing_docs)]

mod entries;
#[cfg(feature = "redis")]
mod in_redis;
mod memory;
mod store;

#[cfg(feature = "redis")]
pub use in_redis::{InvalidRedis, Redis, RedisConfig};
pub use memory::{MemoryConfig, Room};
pub use store::{Attempt, EphemeralError, EphemeralStore, Space};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
