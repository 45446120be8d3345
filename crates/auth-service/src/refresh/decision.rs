//! What becomes of a presented refresh token: the table of `docs/tokens.md`, as a function of the session's row.
//!
//! Pure: no database, no clock of its own. The statements that carry a decision out repeat its condition, so a
//! decision made on an outdated row changes nothing; it is then made again.

use std::time::Duration;

use auth_core::Timestamp;

/// The part of a session's row that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RefreshState {
    /// The newest generation (`cur`).
    pub(crate) generation: u32,
    /// The last generation that was presented as current and replaced (`prev`).
    pub(crate) previous: Option<u32>,
    /// The newest generation that its client has shown to hold.
    pub(crate) seen: u32,
    /// When the current generation was made; `None` from log-in until the first refresh.
    pub(crate) rotated_at: Option<Timestamp>,
    /// When the current generation was last given out.
    pub(crate) handed_at: Option<Timestamp>,
}

/// What to do with a presented token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Decision {
    /// Row 1: current again, soon after it was given out: the same token again.
    Repeat,
    /// Row 2: current: a new generation.
    Rotate,
    /// Row 3: the previous one within the grace: the current token again.
    HandOutAgain,
    /// Row 4: neither yes nor no: an answer with the current token may be on its way. Ask again in this time.
    Wait(Duration),
    /// Row 5: the previous one, late, and nobody used its successor: its answer was lost. A new generation.
    Skip,
    /// Row 6: an old token whose successor is in use: theft.
    Reuse,
    /// Row 7: a generation newer than the row: the database has lost commits.
    FastForward,
}

impl RefreshState {
    /// Decides about `presented` at the time `now`, with `grace` as `AUTH_REFRESH_GRACE` (zero: strict mode).
    pub(crate) fn decide(&self, presented: u32, now: Timestamp, grace: Duration) -> Decision {
        if presented > self.generation {
            return Decision::FastForward;
        }
        if grace.is_zero() {
            return if presented == self.generation { Decision::Rotate } else { Decision::Reuse };
        }
        let in_window = is_within(self.rotated_at, now, grace);
        let is_quiet = is_within(self.handed_at, now, grace) || in_window;
        if presented == self.generation {
            return if is_quiet { Decision::Repeat } else { Decision::Rotate };
        }
        if Some(presented) != self.previous {
            return Decision::Reuse;
        }
        if in_window {
            Decision::HandOutAgain
        } else if is_quiet {
            Decision::Wait(remaining(self.handed_at, now, grace))
        } else if self.seen < self.generation {
            Decision::Skip
        } else {
            Decision::Reuse
        }
    }
}

/// Whether `since` is less than `grace` ago. A time in the future is inside (clocks differ), but not one so far in
/// the future that only a clock set wrong explains it: that would keep the window open until then.
fn is_within(since: Option<Timestamp>, now: Timestamp, grace: Duration) -> bool {
    since.is_some_and(|since| now < since.plus(grace) && since <= now.plus(grace))
}

fn remaining(handed_at: Option<Timestamp>, now: Timestamp, grace: Duration) -> Duration {
    handed_at.map_or(grace, |at| at.plus(grace).saturating_since(now)).min(grace)
}

#[cfg(test)]
mod tests {
    use super::*;

    const G: Duration = Duration::from_secs(30);

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(1_000_000 + seconds)
    }

    /// cur = 5, prev = 4, rotated at 0, last handed out at `handed`.
    fn state(handed: i64, seen: u32) -> RefreshState {
        RefreshState { generation: 5, previous: Some(4), seen, rotated_at: Some(at(0)), handed_at: Some(at(handed)) }
    }

    /// REQ-11
    #[test]
    fn every_row_of_the_table_is_decided_as_written() {
        use Decision::*;
        let cases = [
            ("1 current, just rotated", 5, 0, 4, 29, Repeat),
            ("1 current, handed out again late", 5, 20, 4, 49, Repeat),
            ("2 current, quiet time over", 5, 0, 4, 30, Rotate),
            ("2 current, handed out again and over", 5, 20, 4, 50, Rotate),
            ("3 previous in the window", 4, 0, 5, 29, HandOutAgain),
            ("4 previous, window closed, handed out again", 4, 20, 5, 30, Wait(Duration::from_secs(20))),
            ("5 previous, late, successor unseen", 4, 0, 4, 30, Skip),
            ("6 previous, late, successor seen", 4, 0, 5, 30, Reuse),
            ("6 older than previous, in the window", 3, 0, 4, 1, Reuse),
            ("7 newer than current", 6, 0, 4, 1, FastForward),
        ];
        for (name, presented, handed, seen, now, expected) in cases {
            assert_eq!(state(handed, seen).decide(presented, at(now), G), expected, "{name}");
        }
    }

    #[test]
    fn the_first_refresh_after_log_in_rotates_at_once() {
        let fresh = RefreshState { generation: 1, previous: None, seen: 0, rotated_at: None, handed_at: None };
        assert_eq!(fresh.decide(1, at(0), G), Decision::Rotate);
        assert_eq!(fresh.decide(0, at(0), G), Decision::Reuse);
    }

    #[test]
    fn strict_mode_rotates_always_and_takes_every_old_token_for_theft() {
        for now in [-100, 0, 1, 100] {
            assert_eq!(state(0, 4).decide(5, at(now), Duration::ZERO), Decision::Rotate);
            assert_eq!(state(0, 4).decide(4, at(now), Duration::ZERO), Decision::Reuse);
        }
    }

    #[test]
    fn a_time_slightly_in_the_future_is_inside_and_one_far_in_the_future_has_elapsed() {
        assert_eq!(state(0, 4).decide(4, at(-30), G), Decision::HandOutAgain);
        assert_eq!(state(0, 4).decide(5, at(-31), G), Decision::Rotate);
    }

    #[test]
    fn waiting_never_takes_longer_than_the_grace() {
        for now in 30..60 {
            if let Decision::Wait(time) = state(29, 5).decide(4, at(now), G) {
                assert!(time > Duration::ZERO && time <= G);
            }
        }
    }
}
