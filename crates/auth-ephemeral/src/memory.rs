//! Entries in this process's memory, bounded in number and in bytes.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::{Clock, Timestamp};

use crate::store::{Attempt, EphemeralError, Space};

/// How many expired entries an operation drops at most: more than it can add, so that they never pile up, and few, so
/// that no request pays for all that came before it.
const DROPPED_AT_ONCE: usize = 4;

/// How much a store in memory holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryConfig {
    /// Entries. Each costs some 200 bytes beside its value.
    pub max_entries: NonZeroUsize,
    /// Bytes of all values together.
    pub max_bytes: NonZeroUsize,
}

/// 100 000 entries, 32 MiB of values: less than 64 MiB in all.
impl Default for MemoryConfig {
    fn default() -> Self {
        const ENTRIES: NonZeroUsize = NonZeroUsize::new(100_000).unwrap();
        const BYTES: NonZeroUsize = NonZeroUsize::new(32 * 1024 * 1024).unwrap();
        Self { max_entries: ENTRIES, max_bytes: BYTES }
    }
}

type Key = (Space, [u8; 32]);

struct Entry {
    value: Box<[u8]>,
    expires_at: Timestamp,
    tries: u32,
    /// Whether all tries are used up; only the last of them may still take the entry.
    is_exhausted: bool,
}

/// Trees, not a hash table: its growth would be a pause for all, and after much coming and going it takes twice its room.
#[derive(Default)]
struct Entries {
    by_key: BTreeMap<Key, Entry>,
    /// Each key once, the one that expires soonest first.
    by_end: BTreeSet<(Timestamp, Key)>,
    /// Of all values.
    bytes: usize,
}

/// One lock for all: an operation holds it for a few steps in two trees.
pub(crate) struct Memory {
    config: MemoryConfig,
    clock: Arc<dyn Clock>,
    entries: Mutex<Entries>,
}

impl Memory {
    pub(crate) fn new(config: MemoryConfig, clock: Arc<dyn Clock>) -> Self {
        Self { config, clock, entries: Mutex::default() }
    }

    pub(crate) fn put(
        &self,
        space: Space,
        key: &[u8; 32],
        value: Vec<u8>,
        ttl: Duration,
    ) -> Result<(), EphemeralError> {
        if value.len() > self.config.max_bytes.get() {
            return Err(EphemeralError::Full);
        }
        let (mut entries, now) = self.enter();
        entries.remove(&(space, *key));
        entries.make_room(self.config, value.len());
        let (value, expires_at) = (value.into_boxed_slice(), now.plus(ttl));
        entries.insert((space, *key), Entry { value, expires_at, tries: 0, is_exhausted: false });
        Ok(())
    }

    pub(crate) fn get(&self, space: Space, key: &[u8; 32]) -> Option<Vec<u8>> {
        let (mut entries, now) = self.enter();
        entries.live(&(space, *key), now).map(|entry| entry.value.to_vec())
    }

    pub(crate) fn attempt(&self, space: Space, key: &[u8; 32], limit: u32) -> Option<Attempt> {
        let (mut entries, now) = self.enter();
        let entry = entries.live(&(space, *key), now)?;
        let left = limit.checked_sub(entry.tries)?.checked_sub(1)?;
        entry.tries += 1;
        entry.is_exhausted = left == 0;
        Some(Attempt { value: entry.value.to_vec(), left })
    }

    pub(crate) fn take(&self, space: Space, key: &[u8; 32]) -> Option<Vec<u8>> {
        let (mut entries, now) = self.enter();
        let entry = entries.remove(&(space, *key))?;
        (now < entry.expires_at).then(|| entry.value.into_vec())
    }

    /// The entries, with some expired ones dropped, and the time that all of this operation goes by.
    fn enter(&self) -> (MutexGuard<'_, Entries>, Timestamp) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        entries.drop_expired(now);
        (entries, now)
    }
}

impl Entries {
    /// The entry, unless its time is over or its tries are. One that was found expired is gone, also for a clock that is set back.
    fn live(&mut self, key: &Key, now: Timestamp) -> Option<&mut Entry> {
        if self.by_key.get(key)?.expires_at <= now {
            self.remove(key);
        }
        self.by_key.get_mut(key).filter(|entry| !entry.is_exhausted)
    }

    fn insert(&mut self, key: Key, entry: Entry) {
        self.bytes += entry.value.len();
        self.by_end.insert((entry.expires_at, key));
        self.by_key.insert(key, entry);
    }

    fn remove(&mut self, key: &Key) -> Option<Entry> {
        let entry = self.by_key.remove(key)?;
        self.by_end.remove(&(entry.expires_at, *key));
        self.bytes -= entry.value.len();
        Some(entry)
    }

    fn drop_expired(&mut self, now: Timestamp) {
        for _ in 0..DROPPED_AT_ONCE {
            match self.by_end.first() {
                Some((end, _)) if *end <= now => self.drop_first(),
                _ => return,
            }
        }
    }

    /// Expired entries go before all others, since they are the first in line.
    fn make_room(&mut self, config: MemoryConfig, bytes: usize) {
        while self.by_key.len() >= config.max_entries.get() || self.bytes + bytes > config.max_bytes.get() {
            self.drop_first();
        }
    }

    fn drop_first(&mut self) {
        if let Some((_, key)) = self.by_end.pop_first()
            && let Some(entry) = self.by_key.remove(&key)
        {
            self.bytes -= entry.value.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use auth_core::ManualClock;

    use super::*;

    const SPACE: Space = Space::Challenge;

    fn memory(max_entries: usize, max_bytes: usize) -> (Memory, Arc<ManualClock>) {
        let clock = Arc::new(ManualClock::default());
        let config = MemoryConfig {
            max_entries: NonZeroUsize::new(max_entries).unwrap(),
            max_bytes: NonZeroUsize::new(max_bytes).unwrap(),
        };
        (Memory::new(config, clock.clone()), clock)
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    /// Which of the keys `[0; 32]`, `[1; 32]`… are found.
    fn found(memory: &Memory, keys: u8) -> Vec<u8> {
        (0..keys).filter(|key| memory.get(SPACE, &[*key; 32]).is_some()).collect()
    }

    /// The index and the count of bytes say the same as the map.
    fn assert_consistent(memory: &Memory) {
        let entries = memory.entries.lock().unwrap();
        let indexed: Vec<_> = entries.by_key.iter().map(|(key, entry)| (entry.expires_at, *key)).collect();
        assert_eq!(indexed.into_iter().collect::<BTreeSet<_>>(), entries.by_end);
        assert_eq!(entries.by_key.values().map(|entry| entry.value.len()).sum::<usize>(), entries.bytes);
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

    /// Each operation drops a few, whichever key it is about, until none is left.
    #[test]
    fn expired_entries_are_dropped_in_small_steps() {
        let (memory, clock) = memory(100, 1000);
        for key in 0..10 {
            memory.put(SPACE, &[key; 32], vec![key], seconds(10)).unwrap();
        }
        memory.put(SPACE, &[10; 32], vec![10], seconds(20)).unwrap();
        clock.advance(seconds(10));
        let mut kept = vec![memory.entries.lock().unwrap().by_key.len()];
        for _ in 0..3 {
            assert_eq!(memory.get(SPACE, &[99; 32]), None);
            kept.push(memory.entries.lock().unwrap().by_key.len());
        }
        assert_eq!(kept, [11, 7, 3, 1]);
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
            assert!(memory.entries.lock().unwrap().by_key.len() <= 11);
        }
        assert_consistent(&memory);
    }

    /// more entries than are dropped at once, so that these are refused for their time alone.
    #[test]
    fn a_clock_that_is_set_back_revives_nothing_that_was_refused() {
        let (memory, clock) = memory(20, 100);
        for key in 0..20 {
            memory.put(SPACE, &[key; 32], vec![0], seconds(10)).unwrap();
        }
        let before = clock.now();
        clock.advance(seconds(10));
        assert_eq!(memory.take(SPACE, &[19; 32]), None);
        assert_eq!(memory.attempt(SPACE, &[18; 32], 5), None);
        assert_eq!(memory.get(SPACE, &[17; 32]), None);
        clock.set(before);
        assert_eq!(found(&memory, 20), [12, 13, 14, 15, 16]);
        assert_consistent(&memory);
    }
}
