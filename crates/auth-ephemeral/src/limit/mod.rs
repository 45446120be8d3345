//! How often somebody may do something: the generic cell rate algorithm (GCRA), in memory or in Redis.
//!
//! A count is one number, the time at which all of its quota is there again. A request that is refused takes nothing, so
//! somebody who keeps on trying never waits longer for it.

mod gcra;
mod memory;
mod shard;
#[cfg(feature = "redis")]
mod shared;

use std::fmt;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use auth_core::Clock;

#[cfg(feature = "redis")]
pub(crate) use self::gcra::Rate;
use self::memory::Counts;
#[cfg(feature = "redis")]
use self::shared::Shared;
#[cfg(feature = "redis")]
use crate::in_redis::Redis;

/// `count` times at once, of which one comes back each `per / count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// How many at once: 1 to 1 000 000.
    pub count: NonZeroU32,
    /// How long it takes until all of them are back: 1 s to 30 days.
    pub per: Duration,
}

impl Quota {
    /// How long it takes until one of them is back.
    pub fn interval(&self) -> Duration {
        self.per / self.count.get()
    }
}

/// One count that a request is charged to.
#[derive(Clone)]
pub struct Charge {
    /// What is limited, for instance `login`: part of the count's name, and of what operators read.
    pub limit: &'static str,
    /// Whom it is limited for: a keyed hash, so that whoever reads the counts learns nothing.
    pub key: [u8; 32],
    /// How often.
    pub quota: Quota,
}

/// What was taken, to be given back if it turns out that nothing had to be charged.
#[derive(Debug)]
#[must_use]
pub struct Taken {
    charges: Vec<Charge>,
    /// Whether it was this process that counted, since those who share the counts couldn't.
    #[cfg(feature = "redis")]
    is_alone: bool,
}

/// One of the counts has nothing left, and none was charged. Where several have nothing left, it is the one that takes
/// longest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exhausted {
    /// What is limited.
    pub limit: &'static str,
    /// The quota of the count; half of it while this process counts for itself.
    pub quota: Quota,
    /// How long it takes until one is back, and more than zero.
    pub retry_after: Duration,
    /// Whether it is the first refusal of this count since it had something left: what is worth writing down.
    pub is_first: bool,
}

/// Counts. A clone is a handle on the same ones.
///
/// A count is named by its limit and key. Whoever charges it says its quota; another quota than before holds from then on,
/// and what is left of the old one is never waited for longer than the new one's `per`.
#[derive(Clone)]
pub struct RateLimiter(Backend);

#[derive(Clone)]
enum Backend {
    Memory(Arc<Counts>),
    #[cfg(feature = "redis")]
    Redis(Arc<Shared>),
}

impl RateLimiter {
    /// Counts in this process's memory, by the clock's monotonic time.
    ///
    /// At most 200 000 counts are kept that aren't whole, in less than 24 MiB. Beyond that, the ones that are whole soonest
    /// make room, so that a flood of counts that were hardly used forgets none that has been used up.
    pub fn in_memory(clock: Arc<dyn Clock>) -> Self {
        Self(Backend::Memory(Arc::new(Counts::new(clock))))
    }

    /// Counts in Redis, which all instances share that have the same server and prefix. Redis tells the time.
    ///
    /// While Redis is away, or refuses to count, this process counts for itself, by `clock` and with half of each quota
    /// (rounded down, at least 1): several instances together allow more then, but none allows everything.
    #[cfg(feature = "redis")]
    pub fn in_redis(redis: &Redis, clock: Arc<dyn Clock>) -> Self {
        Self(Backend::Redis(Arc::new(Shared::new(redis.clone(), clock))))
    }
}

#[cfg_attr(
    not(feature = "redis"),
    expect(clippy::unused_async, reason = "counts on the network wait where those in memory don't")
)]
impl RateLimiter {
    /// Takes one from each count, or nothing from any. It is not taken back when the caller goes away.
    ///
    /// # Errors
    ///
    /// [`Exhausted`].
    pub async fn take(&self, charges: Vec<Charge>) -> Result<Taken, Exhausted> {
        match &self.0 {
            Backend::Memory(counts) => {
                counts.take(&charges)?;
                Ok(Taken {
                    charges,
                    #[cfg(feature = "redis")]
                    is_alone: true,
                })
            }
            #[cfg(feature = "redis")]
            Backend::Redis(shared) => shared.take(charges).await,
        }
    }

    /// Gives back what was taken, where it was taken. A count never gets more than its quota by it. What can't be given
    /// back to Redis, since it is away now, is lost.
    pub async fn give_back(&self, taken: Taken) {
        match &self.0 {
            Backend::Memory(counts) => counts.give_back(&taken.charges),
            #[cfg(feature = "redis")]
            Backend::Redis(shared) => shared.give_back(taken).await,
        }
    }

    /// Whether the counts that instances share were out of reach the last time, so that this process counts for itself, more
    /// strictly. Counts in memory never are.
    pub fn is_degraded(&self) -> bool {
        match &self.0 {
            Backend::Memory(_) => false,
            #[cfg(feature = "redis")]
            Backend::Redis(shared) => shared.is_alone(),
        }
    }
}

/// Without the key.
impl fmt::Debug for Charge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Charge").field("limit", &self.limit).field("quota", &self.quota).finish_non_exhaustive()
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = match &self.0 {
            Backend::Memory(_) => "memory",
            #[cfg(feature = "redis")]
            Backend::Redis(_) => "Redis",
        };
        f.debug_tuple("RateLimiter").field(&place).finish()
    }
}
