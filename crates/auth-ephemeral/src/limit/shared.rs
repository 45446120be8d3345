//! Counts in Redis, and what counts while Redis can't.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use auth_core::Clock;

use super::memory::Counts;
use super::{Charge, Exhausted, Quota, Taken};
use crate::in_redis::Redis;

pub(super) struct Shared {
    redis: Redis,
    /// What this process counts for itself. It stays when Redis is back, so that one who was limited by it has not
    /// everything again when Redis goes away next.
    alone: Counts,
    is_alone: AtomicBool,
}

impl Shared {
    pub(super) fn new(redis: Redis, clock: Arc<dyn Clock>) -> Self {
        Self { redis, alone: Counts::new(clock), is_alone: AtomicBool::new(false) }
    }

    pub(super) async fn take(&self, charges: Vec<Charge>) -> Result<Taken, Exhausted> {
        let answer = self.redis.charge(&charges).await;
        self.note(answer.is_err());
        if let Ok(answer) = answer {
            answer?;
            return Ok(Taken { charges, is_alone: false });
        }
        // Whatever it is that went wrong: nobody must get round a limit by it.
        let charges: Vec<_> = charges.iter().map(halved).collect();
        self.alone.take(&charges)?;
        Ok(Taken { charges, is_alone: true })
    }

    pub(super) async fn give_back(&self, taken: Taken) {
        if taken.is_alone {
            self.alone.give_back(&taken.charges);
        } else {
            self.redis.refund(&taken.charges).await;
        }
    }

    pub(super) fn is_alone(&self) -> bool {
        self.is_alone.load(Ordering::Relaxed)
    }

    fn note(&self, is_alone: bool) {
        // A look before the write: nearly always nothing changes, and then no core takes the line from another.
        if self.is_alone() != is_alone && self.is_alone.swap(is_alone, Ordering::Relaxed) != is_alone {
            if is_alone {
                tracing::warn!("Redis doesn't count: rate limits hold for this process alone, with half of each quota");
            } else {
                tracing::info!("Redis counts again: rate limits hold for all instances");
            }
        }
    }
}

/// Several processes that each count for themselves allow more together than was meant.
fn halved(charge: &Charge) -> Charge {
    let Charge { limit, key, quota: Quota { count, per } } = *charge;
    let count = NonZeroU32::new(count.get() / 2).unwrap_or(NonZeroU32::MIN);
    Charge { limit, key, quota: Quota { count, per } }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn half_of_a_quota_is_rounded_down_and_never_nothing() {
        for (count, expected) in [(1, 1), (2, 1), (3, 1), (5, 2), (10, 5)] {
            let quota = Quota { count: NonZeroU32::new(count).unwrap(), per: Duration::from_mins(15) };
            let quota = halved(&Charge { limit: "login", key: [0; 32], quota }).quota;
            assert_eq!((quota.count.get(), quota.per), (expected, Duration::from_mins(15)), "{count}");
        }
    }
}
