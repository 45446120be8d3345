//! Which generations of which sessions have come back: proof that an answer arrived.
//!
//! A generation that was seen turns a late use of its predecessor into theft. It only raises the alarm earlier, so the
//! marks wait here, cost the request no I/O, and may be lost.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::id::SessionId;

/// The highest generation seen of each session since the last [`drain`](Self::drain).
#[derive(Debug)]
pub struct SeenGenerations {
    shards: [Mutex<HashMap<SessionId, u32>>; SHARDS],
    capacity_per_shard: usize,
}

const SHARDS: usize = 16;

impl SeenGenerations {
    /// Room for about `capacity` sessions (at least 16); while it is full, further sessions are not noted.
    pub fn new(capacity: usize) -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()), capacity_per_shard: capacity.div_ceil(SHARDS).max(1) }
    }

    /// Notes that an access token of this generation was used.
    pub fn record(&self, session: SessionId, generation: u32) {
        let mut shard = self.shard(session);
        if let Some(highest) = shard.get_mut(&session) {
            *highest = generation.max(*highest);
        } else if shard.len() < self.capacity_per_shard {
            shard.insert(session, generation);
        }
    }

    /// Takes all marks, to be written to the database.
    pub fn drain(&self) -> Vec<(SessionId, u32)> {
        self.shards.iter().flat_map(|shard| std::mem::take(&mut *lock(shard))).collect()
    }

    /// The highest generation noted and not yet drained.
    pub fn highest(&self, session: SessionId) -> Option<u32> {
        self.shard(session).get(&session).copied()
    }

    /// By the last byte: an id of version 7 begins with the time, and ends with random bits.
    fn shard(&self, session: SessionId) -> MutexGuard<'_, HashMap<SessionId, u32>> {
        lock(&self.shards[usize::from(session.as_uuid().as_bytes()[15]) % SHARDS])
    }
}

/// Room for 65 536 sessions, about 2 MiB.
impl Default for SeenGenerations {
    fn default() -> Self {
        Self::new(65_536)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::OsRandom;
    use crate::time::Timestamp;

    fn session() -> SessionId {
        SessionId::new(Timestamp::from_seconds(1), &OsRandom)
    }

    #[test]
    fn the_highest_generation_counts() {
        let (seen, session) = (SeenGenerations::default(), session());
        for generation in [3, 9, 4] {
            seen.record(session, generation);
        }
        assert_eq!(seen.highest(session), Some(9));
        assert_eq!(seen.highest(self::session()), None);
        assert_eq!(seen.drain(), [(session, 9)]);
    }

    #[test]
    fn what_was_drained_is_gone() {
        let (seen, session) = (SeenGenerations::default(), session());
        seen.record(session, 1);
        seen.drain();
        assert_eq!((seen.highest(session), seen.drain()), (None, Vec::new()));
        seen.record(session, 1);
        assert_eq!(seen.highest(session), Some(1));
    }

    #[test]
    fn a_full_memory_takes_no_further_sessions_but_keeps_its_own_up_to_date() {
        let seen = SeenGenerations::new(160);
        let sessions: Vec<_> = (0..1000).map(|_| session()).collect();
        for session in &sessions {
            seen.record(*session, 1);
        }
        let noted: Vec<_> = sessions.iter().filter(|session| seen.highest(**session).is_some()).collect();
        assert!((100..=160).contains(&noted.len()), "{}", noted.len());
        seen.record(*noted[0], 2);
        assert_eq!(seen.highest(*noted[0]), Some(2));
        seen.drain();
        seen.record(sessions[999], 1);
        assert_eq!(seen.highest(sessions[999]), Some(1));
    }
}
