//! State that lives for seconds or minutes: half-done sign-ins, the state of OAuth flows, single-use codes, the counts of
//! rate limits, and news from one instance to the others.
//!
//! An [`EphemeralStore`] keeps values under keys of 32 bytes (the hash of a token, so that the store holds nothing that
//! could be presented), each in a [`Space`] of its own, each for a time. Two operations decide races: of all callers
//! that [take](EphemeralStore::take) an entry one gets it, and an entry hands out exactly as many
//! [attempts](EphemeralStore::attempt) as it allows.
//!
//! A [`RateLimiter`] says how often somebody may do something: a request takes one from each count that it is charged to, or
//! nothing from any. A [`Broadcast`] tells all instances something at once, and keeps none of it.
//!
//! All three are kept in the process's memory: what is there is lost when the process ends, and other instances don't
//! see it. With the feature `redis` they may be kept in Redis instead, which instances share. Nothing that must survive
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
//!
//! ```
//! use std::num::NonZeroU32;
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use auth_core::SystemClock;
//! use auth_ephemeral::{Broadcast, Charge, Heard, Quota, RateLimiter};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let limiter = RateLimiter::in_memory(Arc::new(SystemClock));
//! let quota = Quota { count: NonZeroU32::new(2).expect("not zero"), per: Duration::from_secs(900) };
//! let login = Charge { limit: "login", key: [7; 32], quota };
//! let first = limiter.take(vec![login.clone()]).await.expect("two are there");
//! let _second = limiter.take(vec![login.clone()]).await.expect("one is there");
//! let refused = limiter.take(vec![login.clone()]).await.expect_err("none is left");
//! assert!(refused.is_first && refused.retry_after <= Duration::from_secs(450));
//!
//! // The first one was right after all, and costs nothing.
//! limiter.give_back(first).await;
//! assert!(limiter.take(vec![login]).await.is_ok());
//!
//! let broadcast = Broadcast::in_memory();
//! let mut listener = broadcast.listen();
//! broadcast.tell(b"somebody was signed out".to_vec());
//! assert!(listener.next().await == Some(Heard::Message(b"somebody was signed out".to_vec())));
//! # }
//! ```
#![deny(missing_docs)]

mod broadcast;
mod entries;
#[cfg(feature = "redis")]
mod in_redis;
mod limit;
mod memory;
mod store;

pub use broadcast::{Broadcast, Heard, Listener};
#[cfg(feature = "redis")]
pub use in_redis::{InvalidRedis, Redis, RedisConfig};
pub use limit::{Charge, Exhausted, Quota, RateLimiter, Taken};
pub use memory::{MemoryConfig, Room};
pub use store::{Attempt, EphemeralError, EphemeralStore, Space};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct ReadmeExample;
