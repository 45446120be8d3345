//! Steps of time: which code is due.

use crate::time::Timestamp;

/// How long a step lasts, in seconds (RFC 6238, section 5.2).
const SECONDS: i64 = 30;

/// The number of a step of 30 seconds since 1970: RFC 6238's `T`, of which there is one code each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TotpStep(i64);

impl TotpStep {
    /// The step at the time `now`; before 1970 the first one.
    pub const fn at(now: Timestamp) -> Self {
        Self(if now.as_seconds() < 0 { 0 } else { now.as_seconds() / SECONDS })
    }

    /// The step with this number, for instance the last accepted one that a database holds.
    pub const fn from_i64(number: i64) -> Self {
        Self(number)
    }

    /// The number, to be stored and compared.
    pub const fn as_i64(self) -> i64 {
        self.0
    }

    /// This step with its neighbours, the later ones last. The first step is its own neighbour.
    pub(super) fn window(self) -> [Self; 3] {
        [Self((self.0 - 1).max(0)), self, Self(self.0 + 1)]
    }

    /// When it begins, in seconds since 1970.
    pub(super) fn start(self) -> u64 {
        u64::try_from(self.0.saturating_mul(SECONDS)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_lasts_from_a_full_half_minute_to_the_next() {
        for (seconds, step) in [(0, 0), (29, 0), (30, 1), (59, 1), (60, 2), (20_000_000_000, 666_666_666)] {
            assert_eq!(TotpStep::at(Timestamp::from_seconds(seconds)).as_i64(), step, "{seconds}");
        }
        assert_eq!(TotpStep::at(Timestamp::from_micros(29_999_999)).as_i64(), 0);
    }

    #[test]
    fn no_time_is_out_of_range() {
        for time in [Timestamp::from_micros(i64::MIN), Timestamp::from_micros(-1)] {
            assert_eq!(TotpStep::at(time).window().map(TotpStep::as_i64), [0, 0, 1]);
        }
        let [.., last] = TotpStep::at(Timestamp::MAX).window();
        assert_eq!(last.start(), 253_402_207_200);
    }

    #[test]
    fn steps_are_ordered_by_time() {
        let steps = [0, 1, 30, 20_000_000_000].map(|seconds| TotpStep::at(Timestamp::from_seconds(seconds)));
        assert_eq!(steps.iter().max(), steps.last());
        assert!(steps[0] < steps[2]);
        assert_eq!(TotpStep::from_i64(steps[3].as_i64()), steps[3]);
    }
}
