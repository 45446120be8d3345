//! The entries of one space, bounded in number and in bytes.

use std::collections::BTreeSet;

use auth_core::Timestamp;

use crate::memory::Room;

/// How many expired entries an operation drops at most: more than it can add, so that they never pile up, and few, so
/// that no request pays for all that came before it.
const DROPPED_AT_ONCE: usize = 4;

pub(crate) type Key = [u8; 32];

pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Box<[u8]>,
    pub(crate) expires_at: Timestamp,
    pub(crate) tries: u32,
    /// Whether all tries are used up; only the last of them may still take the entry.
    pub(crate) is_exhausted: bool,
}

/// Trees over numbered slots, not a hash table: its growth would be a pause for all, and after much coming and going it
/// takes twice its room. The trees hold numbers instead of keys, so that an entry costs less than half of what it would.
pub(crate) struct Entries {
    room: Room,
    slots: Vec<Option<Entry>>,
    /// The slots that are empty.
    free: Vec<usize>,
    /// Each slot once, by the beginning of its key. Keys are hashes: one that begins alike is rare, and looked at too.
    by_key: BTreeSet<(u64, usize)>,
    /// Each slot once, the one that expires soonest first.
    by_end: BTreeSet<(Timestamp, usize)>,
    /// Of all values.
    bytes: usize,
}

impl Entries {
    pub(crate) const fn new(room: Room) -> Self {
        Self { room, slots: Vec::new(), free: Vec::new(), by_key: BTreeSet::new(), by_end: BTreeSet::new(), bytes: 0 }
    }

    /// Whether a value of so many bytes could ever be kept.
    pub(crate) const fn can_hold(&self, bytes: usize) -> bool {
        bytes <= self.room.max_bytes.get()
    }

    /// The entry, unless its time is over or its tries are. One that was found expired is gone, also for a clock that
    /// is set back.
    pub(crate) fn live(&mut self, key: &Key, now: Timestamp) -> Option<&mut Entry> {
        let slot = self.find(key)?;
        if self.slot(slot)?.expires_at <= now {
            self.empty(slot);
            return None;
        }
        self.slots.get_mut(slot)?.as_mut().filter(|entry| !entry.is_exhausted)
    }

    /// Keeps `entry` in place of the one of the same key, and of as many others as is needed.
    pub(crate) fn replace(&mut self, entry: Entry) {
        self.remove(&entry.key);
        while !self.has_room(entry.value.len()) && self.drop_first() {}
        self.bytes += entry.value.len();
        let (start, end) = (start(&entry.key), entry.expires_at);
        let slot = self.fill(entry);
        self.by_key.insert((start, slot));
        self.by_end.insert((end, slot));
    }

    pub(crate) fn remove(&mut self, key: &Key) -> Option<Entry> {
        let slot = self.find(key)?;
        self.empty(slot)
    }

    pub(crate) fn drop_expired(&mut self, now: Timestamp) {
        for _ in 0..DROPPED_AT_ONCE {
            match self.by_end.first() {
                Some((end, _)) if *end <= now => self.drop_first(),
                _ => return,
            };
        }
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.by_end.len() < self.room.max_entries.get() && self.bytes + bytes <= self.room.max_bytes.get()
    }

    /// Drops the entry that expires soonest, so that expired ones go before all others. False: there is none.
    fn drop_first(&mut self) -> bool {
        let first = self.by_end.first().map(|(_, slot)| *slot);
        first.and_then(|slot| self.empty(slot)).is_some()
    }

    fn find(&self, key: &Key) -> Option<usize> {
        let start = start(key);
        let alike = self.by_key.range((start, 0)..=(start, usize::MAX));
        alike.map(|(_, slot)| *slot).find(|slot| self.slot(*slot).is_some_and(|entry| entry.key == *key))
    }

    fn slot(&self, slot: usize) -> Option<&Entry> {
        self.slots.get(slot)?.as_ref()
    }

    fn fill(&mut self, entry: Entry) -> usize {
        if let Some(slot) = self.free.pop()
            && let Some(empty) = self.slots.get_mut(slot)
        {
            *empty = Some(entry);
            return slot;
        }
        let length = self.slots.len();
        if length == self.slots.capacity() {
            // Twice as many, but never more than can be needed.
            let left = self.room.max_entries.get().saturating_sub(length);
            self.slots.reserve_exact(length.max(16).min(left));
        }
        self.slots.push(Some(entry));
        length
    }

    fn empty(&mut self, slot: usize) -> Option<Entry> {
        let entry = self.slots.get_mut(slot)?.take()?;
        self.by_key.remove(&(start(&entry.key), slot));
        self.by_end.remove(&(entry.expires_at, slot));
        self.bytes -= entry.value.len();
        if self.by_end.is_empty() {
            // What a flood took is given back when all of it has expired.
            (self.slots, self.free) = (Vec::new(), Vec::new());
        } else {
            self.free.push(slot);
        }
        Some(entry)
    }
}

/// The first eight bytes.
fn start(key: &Key) -> u64 {
    key.first_chunk().copied().map(u64::from_be_bytes).unwrap_or_default()
}

#[cfg(test)]
impl Entries {
    pub(crate) fn len(&self) -> usize {
        self.by_end.len()
    }

    /// The trees and the count of bytes say the same as the slots, and no slot is lost.
    pub(crate) fn assert_consistent(&self) {
        let filled = || self.slots.iter().enumerate().filter_map(|(slot, entry)| Some((slot, entry.as_ref()?)));
        assert_eq!(filled().map(|(slot, entry)| (start(&entry.key), slot)).collect::<BTreeSet<_>>(), self.by_key);
        assert_eq!(filled().map(|(slot, entry)| (entry.expires_at, slot)).collect::<BTreeSet<_>>(), self.by_end);
        assert_eq!(filled().map(|(_, entry)| entry.value.len()).sum::<usize>(), self.bytes);
        let empty = (0..self.slots.len()).filter(|slot| self.slots[*slot].is_none()).collect::<BTreeSet<_>>();
        assert_eq!(self.free.iter().copied().collect::<BTreeSet<_>>(), empty);
        assert_eq!(self.free.len(), empty.len());
        assert!(self.slots.len() <= self.room.max_entries.get());
    }
}
