//! The generic cell rate algorithm (ITU-T I.371, annex A) on one number, in whole microseconds.

use super::Quota;

/// A quota as the algorithm takes it, rounded so that nobody gets more.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    /// How long it takes until one is back.
    pub(crate) interval: u64,
    /// How far ahead a count may be whole so that one is left.
    pub(crate) room: u64,
}

impl Rate {
    pub(crate) fn of(quota: Quota) -> Self {
        let count = u64::from(quota.count.get());
        let per = u64::try_from(quota.per.as_micros()).unwrap_or(u64::MAX);
        let interval = per.div_ceil(count).max(1);
        Self { interval, room: interval.saturating_mul(count - 1) }
    }

    /// When the count is whole, as seen now: not in the past, and never further ahead than all of the quota takes, whatever
    /// it was that put it there.
    pub(crate) fn seen(self, full_at: u64, now: u64) -> u64 {
        full_at.clamp(now, now.saturating_add(self.room).saturating_add(self.interval))
    }

    /// When the count is whole after one more is taken; or how long it takes until one is back, which is more than zero.
    pub(crate) fn take(self, full_at: u64, now: u64) -> Result<u64, u64> {
        match full_at.saturating_sub(now.saturating_add(self.room)) {
            0 => Ok(full_at.saturating_add(self.interval)),
            wait => Err(wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;
    use std::time::Duration;

    use super::*;

    fn rate(count: u32, per: Duration) -> Rate {
        Rate::of(Quota { count: NonZeroU32::new(count).unwrap(), per })
    }

    #[test]
    fn a_quota_is_rounded_in_nobody_s_favour() {
        for (count, per, interval, room) in [
            (5, Duration::from_mins(15), 180_000_000, 720_000_000),
            (3, Duration::from_secs(1), 333_334, 666_668),
            (1, Duration::from_secs(1), 1_000_000, 0),
            (1_000_000, Duration::from_secs(1), 1, 999_999),
            (1_000_000, Duration::from_nanos(5), 1, 999_999),
        ] {
            let rate = rate(count, per);
            assert_eq!((rate.interval, rate.room), (interval, room), "{count} per {per:?}");
        }
    }

    #[test]
    fn all_are_there_at_once_and_one_after_each_interval() {
        let rate = rate(3, Duration::from_secs(3));
        let (mut full_at, now) = (0, 50_000_000);
        for _ in 0..3 {
            full_at = rate.take(rate.seen(full_at, now), now).unwrap();
        }
        assert_eq!(rate.take(full_at, now), Err(1_000_000));
        assert_eq!(rate.take(full_at, now + 999_999), Err(1));
        assert_eq!(rate.take(full_at, now + 1_000_000), Ok(now + 4_000_000));
    }

    #[test]
    fn a_time_too_far_ahead_is_as_good_as_nothing_left() {
        let rate = rate(3, Duration::from_secs(3));
        let seen = rate.seen(u64::MAX, 5);
        assert_eq!((seen, rate.take(seen, 5)), (3_000_005, Err(1_000_000)));
    }
}
