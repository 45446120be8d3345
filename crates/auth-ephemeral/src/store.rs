//! The store as its users see it, whatever keeps the entries.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use auth_core::{Clock, ErrorCode};

#[cfg(feature = "redis")]
use crate::in_redis::Redis;
use crate::memory::{Memory, MemoryConfig};

/// What an entry is for. It is part of every key: an entry of one space is never found in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// Sign-ins that are half done.
    Challenge,
    /// OAuth flows between start and callback.
    OauthState,
    /// Codes that an app exchanges for the result of an OAuth flow.
    OauthCode,
}

#[cfg(feature = "redis")]
impl Space {
    /// What instances of all versions call it.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Challenge => "challenge",
            Self::OauthState => "oauth_state",
            Self::OauthCode => "oauth_code",
        }
    }
}

/// One counted try at an entry.
#[derive(Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What the entry holds.
    pub value: Vec<u8>,
    /// How many tries are left after this one.
    pub left: u32,
}

/// Without the value.
impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").field("left", &self.left).finish_non_exhaustive()
    }
}

/// Why the store could not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EphemeralError {
    /// The value is larger than everything that its space may keep; or Redis has no memory left.
    #[error("the store of short-lived state has no room for the value")]
    Full,
    /// The store is out of reach. One in memory never is.
    #[error("the store of short-lived state is out of reach")]
    Unavailable,
}

impl EphemeralError {
    /// The stable code of this refusal.
    pub const fn code(self) -> ErrorCode {
        ErrorCode::Overloaded
    }
}

/// Values under keys, for a time. A clone is a handle on the same entries.
///
/// Keys and values are never printed.
#[derive(Clone)]
pub struct EphemeralStore(Backend);

/// An enum rather than a trait: there is one choice, made at the start.
#[derive(Clone)]
enum Backend {
    Memory(Arc<Memory>),
    #[cfg(feature = "redis")]
    Redis(Redis),
}

impl EphemeralStore {
    /// A store in this process's memory, which tells the time by `clock`.
    ///
    /// Each space is bounded by `config`. When a new entry has no room in its space, the entries there that expire soonest
    /// are dropped to make some, however fresh they are: a flood costs others what they have in that space, never what
    /// they have in another one, nor the server its memory.
    /// Entries that have expired are never found, and a few of them are dropped with each operation.
    pub fn in_memory(config: MemoryConfig, clock: Arc<dyn Clock>) -> Self {
        Self(Backend::Memory(Arc::new(Memory::new(config, clock))))
    }

    /// A store in Redis, which all instances share that have the same server and prefix. Redis tells the time.
    ///
    /// It is bounded by Redis's `maxmemory`, all spaces together. Give Redis the policy `noeviction`: then a flood has new
    /// entries refused as [`Full`](EphemeralError::Full), and costs nobody an entry that is there.
    ///
    /// An operation that failed may have been carried out all the same, or be so a little later: a try that was counted
    /// and not handed out, an entry that was taken and given to nobody.
    #[cfg(feature = "redis")]
    pub fn in_redis(redis: &Redis) -> Self {
        Self(Backend::Redis(redis.clone()))
    }
}

#[cfg_attr(
    not(feature = "redis"),
    expect(clippy::unused_async, reason = "a store on the network waits where one in memory doesn't")
)]
impl EphemeralStore {
    /// Keeps `value` under `key` in `space` until `ttl` has passed. What was there before is replaced, its count of
    /// tries with it.
    ///
    /// # Errors
    ///
    /// [`Full`](EphemeralError::Full) for a value that is larger than all of its space may be, and for a Redis without
    /// memory (what was there before is kept then); [`Unavailable`](EphemeralError::Unavailable).
    pub async fn put(&self, space: Space, key: &[u8; 32], value: Vec<u8>, ttl: Duration) -> Result<(), EphemeralError> {
        match &self.0 {
            Backend::Memory(memory) => memory.put(space, key, value, ttl),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => redis.put(space, key, &value, ttl).await,
        }
    }

    /// The value under `key` in `space`, unless it has expired, was taken, or has no tries left. Counts nothing.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](EphemeralError::Unavailable).
    pub async fn get(&self, space: Space, key: &[u8; 32]) -> Result<Option<Vec<u8>>, EphemeralError> {
        match &self.0 {
            Backend::Memory(memory) => Ok(memory.get(space, key)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => redis.get(space, key).await,
        }
    }

    /// Counts a try at the entry and returns its value, in one step: of all calls together, `limit` get it. After the
    /// last one neither `attempt` nor [`get`](Self::get) finds the entry; only [`take`](Self::take) does, so that the
    /// last try may be the right one.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](EphemeralError::Unavailable), and [`Full`](EphemeralError::Full) for a Redis that has no memory to
    /// count in.
    pub async fn attempt(&self, space: Space, key: &[u8; 32], limit: u32) -> Result<Option<Attempt>, EphemeralError> {
        match &self.0 {
            Backend::Memory(memory) => Ok(memory.attempt(space, key, limit)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => redis.attempt(space, key, limit).await,
        }
    }

    /// Removes the entry and returns its value: of all calls together, one gets it. Whoever counts tries calls
    /// [`attempt`](Self::attempt) first, since this finds an entry without any left, too.
    ///
    /// # Errors
    ///
    /// [`Unavailable`](EphemeralError::Unavailable).
    pub async fn take(&self, space: Space, key: &[u8; 32]) -> Result<Option<Vec<u8>>, EphemeralError> {
        match &self.0 {
            Backend::Memory(memory) => Ok(memory.take(space, key)),
            #[cfg(feature = "redis")]
            Backend::Redis(redis) => redis.take(space, key).await,
        }
    }
}

impl fmt::Debug for EphemeralStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.0 {
            Backend::Memory(_) => "memory",
            #[cfg(feature = "redis")]
            Backend::Redis(_) => "Redis",
        };
        f.debug_tuple("EphemeralStore").field(&place).finish()
    }
}
