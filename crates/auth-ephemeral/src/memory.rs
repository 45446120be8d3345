//! Entries in this process's memory, each space with its own room.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::{Clock, Timestamp};

use crate::entries::{Entries, Entry};
use crate::store::{Attempt, EphemeralError, Space};

/// How much a store in memory holds at most, space by space: a flood of one takes nothing from the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// For sign-ins that are half done.
    pub challenges: Room,
    /// For OAuth flows between start and callback, which anybody may begin.
    pub oauth_states: Room,
    /// For codes that an app exchanges.
    pub oauth_codes: Room,
}

/// How much one space holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Entries. Each costs some 150 bytes beside its value.
    pub max_entries: NonZeroUsize,
    /// Bytes of all values together.
    pub max_bytes: NonZeroUsize,
}

/// 100 000 OAuth flows with 40 MiB of values, which are less than 64 MiB in all; 25 000 challenges and as many codes with
/// 8 MiB of values each, which are less than 12 MiB in all each. Together that is less than 88 MiB.
impl Default for MemoryConfig {
    fn default() -> Self {
        const MIB: usize = 1024 * 1024;
        const FLOWS: Room =
            Room { max_entries: NonZeroUsize::new(100_000).unwrap(), max_bytes: NonZeroUsize::new(40 * MIB).unwrap() };
        const OTHERS: Room =
            Room { max_entries: NonZeroUsize::new(25_000).unwrap(), max_bytes: NonZeroUsize::new(8 * MIB).unwrap() };
        Self { challenges: OTHERS, oauth_states: FLOWS, oauth_codes: OTHERS }
    }
}

/// One lock for all: an operation holds it for a few steps in some trees.
pub(crate) struct Memory {
    clock: Arc<dyn Clock>,
    spaces: Mutex<Spaces>,
}

struct Spaces {
    challenges: Entries,
    oauth_states: Entries,
    oauth_codes: Entries,
}

impl Spaces {
    const fn of(&mut self, space: Space) -> &mut Entries {
        match space {
            Space::Challenge => &mut self.challenges,
            Space::OauthState => &mut self.oauth_states,
            Space::OauthCode => &mut self.oauth_codes,
        }
    }
}

impl Memory {
    pub(crate) fn new(config: MemoryConfig, clock: Arc<dyn Clock>) -> Self {
        let spaces = Spaces {
            challenges: Entries::new(config.challenges),
            oauth_states: Entries::new(config.oauth_states),
            oauth_codes: Entries::new(config.oauth_codes),
        };
        Self { clock, spaces: Mutex::new(spaces) }
    }

    pub(crate) fn put(
        &self,
        space: Space,
        key: &[u8; 32],
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        let (mut spaces, now) = self.enter();
        let entries = spaces.of(space);
        if !entries.can_hold(value.len()) {
            return Err(EphemeralError::Full);
        }
        let (value, expires_at) = (value.into_boxed_slice(), now.plus(ttl));
        entries.replace(Entry { key: *key, value, expires_at, tries: 0, is_exhausted: false });
        Ok(())
    }

    pub(crate) fn get(&self, space: Space, key: &[u8; 32]) -> Option<Vec<u8>> {
        let (mut spaces, now) = self.enter();
        spaces.of(space).live(key, now).map(|entry| entry.value.to_vec())
    }

    pub(crate) fn attempt(&self, space: Space, key: &[u8; 32], limit: u32) -> Option<Attempt> {
        let (mut spaces, now) = self.enter();
        let entry = spaces.of(space).live(key, now)?;
        let left = limit.checked_sub(entry.tries)?.checked_sub(1)?;
        entry.tries += 1;
        entry.is_exhausted = left == 0;
        Some(Attempt { value: entry.value.to_vec(), left })
    }

    pub(crate) fn take(&self, space: Space, key: &[u8; 32]) -> Option<Vec<u8>> {
        let (mut spaces, now) = self.enter();
        let entry = spaces.of(space).remove(key)?;
        (now < entry.expires_at).then(|| entry.value.into_vec())
    }

    /// The entries, with some expired ones dropped in every space, so that a flood is forgotten whatever comes after it;
    /// and the time that all of this operation goes by: that of the monotonic clock, so that nothing here lives longer or
    /// shorter because the machine's clock is set.
    fn enter(&self) -> (MutexGuard<'_, Spaces>, Timestamp) {
        let mut spaces = self.spaces.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Timestamp::UNIX_EPOCH.plus(self.clock.monotonic());
        for space in [Space::Challenge, Space::OauthState, Space::OauthCode] {
            spaces.of(space).drop_expired(now);
        }
        (spaces, now)
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{ManualClock, Random as _, SeededRandom};

    use super::*;

    const SPACE: Space = Space::Challenge;

    fn memory(max_entries: usize, max_bytes: usize) -> (Memory, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let room = Room {
            max_entries: NonZeroUsize::new(max_entries).unwrap(),
            max_bytes: NonZeroUsize::new(max_bytes).unwrap(),
        };
        let config = MemoryConfig { challenges: room, oauth_states: room, oauth_codes: room };
        (Memory::new(config, clock.clone()), clock)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Which of the keys `[0; 32]`, `[1; 32]`… are found.
    fn found(memory: &Memory, keys: u8) -> Vec<u8> {
        (0..keys).filter(|key| memory.get(SPACE, &[*key; 32]).is_some()).collect()
    }

    fn kept(memory: &Memory, space: Space) -> usize {
        memory.spaces.lock().unwrap().of(space).len()
    }

    fn assert_consistent(memory: &Memory) {
        let mut spaces = memory.spaces.lock().unwrap();
        for space in [Space::Challenge, Space::OauthState, Space::OauthCode] {
            spaces.of(space).assert_consistent();
        }
    }

    /// X-25, O-30
    #[test]
    fn at_the_bound_of_entries_the_one_that_expires_soonest_makes_room() {
        let (memory, _) = memory(3, 1000);
        for (key, ttl) in [(0, 30), (1, 10), (2, 20), (3, 5)] {
            memory.put(SPACE, &[key; 32], vec![key], seconds(ttl)).unwrap();
        }
        assert_eq!(found(&memory, 4), [0, 2, 3], "the new entry is never the one that goes");
        memory.put(SPACE, &[3; 32], vec![9], seconds(50)).unwrap();
        assert_eq!(found(&memory, 4), [0, 2, 3], "a replaced entry needs no room of its own");
        assert_consistent(&memory);
    }

    /// X-25, O-30
    #[test]
    fn at_the_bound_of_bytes_as_many_make_room_as_are_needed() {
        let (memory, _) = memory(100, 100);
        for key in 0..10 {
            memory.put(SPACE, &[key; 32], vec![key; 10], seconds(100 + u64::from(key))).unwrap();
        }
        memory.put(SPACE, &[10; 32], vec![10; 25], seconds(1)).unwrap();
        assert_eq!(found(&memory, 11), [3, 4, 5, 6, 7, 8, 9, 10]);
        assert_consistent(&memory);
    }

    #[test]
    fn a_value_that_can_never_fit_is_refused_and_drops_nothing() {
        let (memory, _) = memory(3, 10);
        memory.put(SPACE, &[0; 32], vec![0; 10], seconds(9)).unwrap();
        for key in [0, 1] {
            assert_eq!(memory.put(SPACE, &[key; 32], vec![0; 11], seconds(9)), Err(EphemeralError::Full));
        }
        assert_eq!(found(&memory, 2), [0]);
    }

    /// Each operation drops a few, whichever space and key it is about, until none is left.
    #[test]
    fn expired_entries_are_dropped_in_small_steps() {
        let (memory, clock) = memory(100, 1000);
        for key in 0..10 {
            memory.put(SPACE, &[key; 32], vec![key], seconds(10)).unwrap();
        }
        memory.put(SPACE, &[10; 32], vec![10], seconds(20)).unwrap();
        clock.advance(seconds(10));
        let mut left = vec![kept(&memory, SPACE)];
        for space in [SPACE, Space::OauthState, Space::OauthCode] {
            assert_eq!(memory.get(space, &[99; 32]), None);
            left.push(kept(&memory, SPACE));
        }
        assert_eq!(left, [11, 7, 3, 1]);
        assert_consistent(&memory);
    }

    #[test]
    fn a_stream_of_short_lives_never_fills_the_store() {
        let (memory, clock) = memory(1000, 100_000);
        for step in 0_u32..5000 {
            let mut key = [0; 32];
            key[..4].copy_from_slice(&step.to_le_bytes());
            memory.put(SPACE, &key, vec![0; 50], seconds(10)).unwrap();
            clock.advance(seconds(1));
            assert!(kept(&memory, SPACE) <= 11);
        }
        assert_consistent(&memory);
    }

    /// more entries than are dropped at once, so that these are refused for their time alone.
    #[test]
    fn a_clock_that_is_set_takes_no_time_and_gives_none() {
        let (memory, clock) = memory(20, 100);
        for key in 0..20 {
            memory.put(SPACE, &[key; 32], vec![0], seconds(10)).unwrap();
        }
        clock.set(Timestamp::MAX);
        assert_eq!(found(&memory, 20).len(), 20);
        clock.set(Timestamp::UNIX_EPOCH);
        clock.advance(seconds(10));
        assert_eq!(memory.take(SPACE, &[19; 32]), None);
        assert_eq!(memory.attempt(SPACE, &[18; 32], 5), None);
        assert_eq!(memory.get(SPACE, &[17; 32]), None);
        assert!(found(&memory, 20).is_empty());
        assert_consistent(&memory);
    }
    /// Keys that begin alike are told apart all the same.
    #[test]
    fn keys_that_differ_in_their_last_byte_are_different_keys() {
        let (memory, _) = memory(100, 1000);
        let key = |last: u8| [[7; 31].as_slice(), &[last]].concat().try_into().unwrap();
        for last in 0..10 {
            memory.put(SPACE, &key(last), vec![last], seconds(u64::from(10 + last))).unwrap();
        }
        assert_eq!(memory.take(SPACE, &key(3)), Some(vec![3]));
        memory.put(SPACE, &key(4), vec![44], seconds(10)).unwrap();
        let values: Vec<_> = (0..11).map(|last| memory.get(SPACE, &key(last)).map(|value| value[0])).collect();
        let expected = [Some(0), Some(1), Some(2), None, Some(44), Some(5), Some(6), Some(7), Some(8), Some(9), None];
        assert_eq!(values, expected);
        assert_consistent(&memory);
    }

    /// slots are used again, and the trees stay true to them, whatever comes and goes.
    #[test]
    fn any_coming_and_going_leaves_the_entries_consistent() {
        let (memory, clock) = memory(50, 2000);
        let random = SeededRandom::new(7);
        for step in 0..5000 {
            let mut draw = [0; 4];
            random.fill(&mut draw);
            let [act, key, length, ttl] = draw;
            match act % 8 {
                0..4 => memory.put(SPACE, &[key; 32], vec![act; length.into()], seconds(ttl.into())).unwrap(),
                4 => drop(memory.take(SPACE, &[key; 32])),
                5 => drop(memory.attempt(SPACE, &[key; 32], 2)),
                6 => drop(memory.get(SPACE, &[key; 32])),
                _ => clock.advance(seconds(u64::from(ttl) / 16)),
            }
            if step % 10 == 0 {
                assert_consistent(&memory);
            }
        }
    }
}
