//! When to try again.

use std::time::Duration;

use auth_core::Random;

/// The wait after the first failure; it doubles with each that follows.
const FIRST: Duration = Duration::from_secs(5);

/// The longest wait of a mail that its server puts off.
pub(super) const LONGEST: Duration = Duration::from_mins(15);

/// The longest wait of a mail whose server was out of reach: when that is back, all mails go within two minutes.
pub(super) const LONGEST_WITHOUT_SERVER: Duration = Duration::from_mins(1);

/// The wait after the failure number `failures` (from 1), at most `longest`, less up to a quarter of it at random: mails
/// that failed together don't come back together.
pub(super) fn wait(failures: i32, longest: Duration, random: &dyn Random) -> Duration {
    let doublings = u32::try_from(failures.saturating_sub(1)).unwrap_or(0).min(16);
    let wait = FIRST.saturating_mul(1 << doublings).min(longest);
    let share = u16::from_be_bytes(random.bytes());
    wait.mul_f64(1.0 - f64::from(share) / f64::from(u16::MAX) / 4.0)
}

#[cfg(test)]
mod tests {
    use auth_core::OsRandom;

    use super::*;

    #[test]
    fn waits_double_from_five_seconds_to_the_longest() {
        for (failures, longest) in [(1, 5), (2, 10), (3, 20), (8, 640), (9, 900), (1000, 900), (i32::MAX, 900)] {
            for _ in 0..100 {
                let wait = wait(failures, LONGEST, &OsRandom).as_secs_f64();
                assert!(wait <= f64::from(longest) && wait >= f64::from(longest) * 0.75, "{failures}: {wait}");
            }
        }
        assert!(wait(30, LONGEST_WITHOUT_SERVER, &OsRandom) <= Duration::from_mins(1));
    }
}
