//! What must hold after every step, whoever asks: invariants 3, 4, 5, 6 and 9, and the bounds on waiting of 1.

use std::collections::BTreeSet;
use std::time::Duration;

use auth_core::Timestamp;
use auth_persistence::session::Session;
use auth_service::RefreshError;

use super::client::{Bounds, Pair};
use super::world::TICK;
use crate::bed::records::unverified_claims;

/// One presentation of a token, and what became of it.
pub(super) struct Presentation<'a> {
    pub(super) presented: u32,
    pub(super) before: &'a Session,
    pub(super) after: &'a Session,
    pub(super) answer: Result<&'a Pair, &'a RefreshError>,
    /// By the clock of the instance that answered.
    pub(super) clock: Timestamp,
    /// In ticks, the same for everybody.
    pub(super) time: u32,
}

pub(super) struct Watch {
    bounds: Bounds,
    grace: Duration,
    skew: Duration,
    changed_at: Option<u32>,
    skipped: BTreeSet<u32>,
    /// How often each kind of thing was met, so that a test can tell that it was not idle.
    pub(super) met: Met,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Met {
    pub(super) rotations: u32,
    pub(super) skips: u32,
    pub(super) repeats: u32,
    pub(super) hand_outs: u32,
    pub(super) waits: u32,
}

impl Watch {
    pub(super) fn new(bounds: Bounds) -> Self {
        let (grace, skew) = (TICK * bounds.grace, TICK * bounds.skew);
        Self { bounds, grace, skew, changed_at: None, skipped: BTreeSet::new(), met: Met::default() }
    }

    pub(super) fn presentation(&mut self, it: &Presentation<'_>) {
        self.row(it.after);
        if it.before.revoked_at.is_some() {
            assert!(matches!(it.answer, Err(RefreshError::Invalid)), "6: a revoked session answers {:?}", it.answer);
            assert_eq!(it.before, it.after, "9: a revoked session is not written to");
            return;
        }
        match it.answer {
            Ok(pair) => self.granted(it, pair),
            Err(RefreshError::RetryLater(time)) => self.told_to_wait(it, *time),
            Err(RefreshError::Reused) => assert!(it.after.revoked_at.is_some(), "6: reuse ends the session"),
            Err(error) => panic!("an authentic token of a live session was answered {error:?}"),
        }
        if !matches!(it.answer, Err(RefreshError::Reused)) {
            assert_eq!(it.after.revoked_at, None);
        }
    }

    /// Invariant 3, but for what compares two rows.
    pub(super) fn row(&self, row: &Session) {
        assert!(row.previous_generation.is_none_or(|previous| previous < row.generation), "3: {row:?}");
        assert!(row.seen_generation <= row.generation, "3: {row:?}");
        match (row.rotated_at, row.handed_at) {
            (Some(rotated), Some(handed)) => {
                assert!(rotated <= handed, "3: {row:?}");
                assert!(handed < rotated.plus(self.grace).plus(self.skew), "3: {row:?}");
            }
            (rotated, handed) => assert_eq!(rotated, handed, "3: {row:?}"),
        }
    }

    fn granted(&mut self, it: &Presentation<'_>, pair: &Pair) {
        let (before, after) = (it.before, it.after);
        let is_current = it.presented == before.generation;
        assert!(is_current || Some(it.presented) == before.previous_generation, "4: {} got {pair:?}", it.presented);
        assert!(!self.skipped.contains(&it.presented), "6: the skipped generation {} was accepted", it.presented);
        assert_eq!(pair.generation, after.generation, "4: the answer carries the row's current token");
        assert_eq!(
            unverified_claims(&pair.access)["gen"],
            after.generation,
            "4: gen is the refresh token's generation"
        );
        if after.generation == before.generation {
            assert_eq!((before.previous_generation, before.rotated_at), (after.previous_generation, after.rotated_at));
            *(if is_current { &mut self.met.repeats } else { &mut self.met.hand_outs }) += 1;
        } else {
            self.changed(it, is_current);
        }
    }

    /// Rows 2 and 5.
    fn changed(&mut self, it: &Presentation<'_>, is_current: bool) {
        let (before, after) = (it.before, it.after);
        assert_eq!(after.generation, before.generation + 1, "3: a generation grows by one");
        assert_eq!(after.previous_generation, Some(it.presented), "6: what is below the previous one is dead");
        let window = before.rotated_at.is_some_and(|at| it.clock < at.plus(self.grace));
        assert!(!window, "5: the generation changed inside the window");
        if let Some(at) = self.changed_at.replace(it.time) {
            let apart = it.time - at + self.bounds.skew;
            assert!(apart >= self.bounds.grace, "5: two changes {apart} ticks apart");
        }
        if is_current {
            self.met.rotations += 1;
        } else {
            self.skipped.insert(before.generation);
            self.met.skips += 1;
        }
    }

    fn told_to_wait(&mut self, it: &Presentation<'_>, time: Duration) {
        assert_eq!(it.before, it.after, "row 4 writes nothing");
        assert!(time > Duration::ZERO && time <= self.grace, "1: told to wait for {time:?}");
        let rotated_at = it.before.rotated_at.unwrap();
        assert!(it.clock >= rotated_at.plus(self.grace), "5: inside the window nobody waits");
        assert!(it.clock < rotated_at.plus(self.grace * 2), "1: told to wait after 2G");
        let ticks = it.time - self.changed_at.unwrap();
        assert!(ticks <= 2 * self.bounds.grace + self.bounds.skew, "1: told to wait {ticks} ticks after the rotation");
        self.met.waits += 1;
    }
}
