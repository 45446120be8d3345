//! A part of the counts, bounded.

use std::collections::{BTreeMap, BTreeSet};

/// How many whole counts an operation drops at most in each part that it looks at: more than it can add, so that they never
/// pile up, and few, so that no request pays for all that came before it.
const DROPPED_AT_ONCE: usize = 4;

/// A count's name: a hash of it under keys of this process.
pub(super) type Name = (u64, u64);

struct Count {
    /// When it is whole, in microseconds.
    full_at: u64,
    /// Whether a refusal was told since it had something left.
    is_told: bool,
}

/// Counts that aren't whole. One that is missing is whole.
///
/// Trees, not a hash table: its growth would be a pause for all.
pub(super) struct Shard {
    max: usize,
    by_name: BTreeMap<Name, Count>,
    /// Each count once, the one that is whole soonest first.
    by_end: BTreeSet<(u64, Name)>,
}

impl Shard {
    pub(super) const fn new(max: usize) -> Self {
        Self { max, by_name: BTreeMap::new(), by_end: BTreeSet::new() }
    }

    /// When the count is whole: long ago, if it isn't here.
    pub(super) fn full_at(&self, name: Name) -> u64 {
        self.by_name.get(&name).map_or(0, |count| count.full_at)
    }

    /// Has the count be whole at `full_at`, and has something left of it. A new one takes the place of that which is
    /// whole soonest: a flood of counts costs those the least that have been used up most.
    pub(super) fn set(&mut self, name: Name, full_at: u64) {
        if let Some(count) = self.by_name.get_mut(&name) {
            self.by_end.remove(&(count.full_at, name));
            *count = Count { full_at, is_told: false };
        } else {
            while self.by_name.len() >= self.max && self.drop_first() {}
            self.by_name.insert(name, Count { full_at, is_told: false });
        }
        self.by_end.insert((full_at, name));
    }

    /// Has the count be whole.
    pub(super) fn remove(&mut self, name: Name) {
        if let Some(count) = self.by_name.remove(&name) {
            self.by_end.remove(&(count.full_at, name));
        }
    }

    /// Notes that a refusal by this count was told. True: it is the first since there was something left.
    pub(super) fn tell(&mut self, name: Name) -> bool {
        self.by_name.get_mut(&name).is_some_and(|count| !std::mem::replace(&mut count.is_told, true))
    }

    /// Drops a few counts that are whole.
    pub(super) fn drop_whole(&mut self, now: u64) {
        for _ in 0..DROPPED_AT_ONCE {
            match self.by_end.first() {
                Some((full_at, _)) if *full_at <= now => self.drop_first(),
                _ => return,
            };
        }
    }

    /// Drops the count that is whole soonest. False: there is none.
    fn drop_first(&mut self) -> bool {
        let first = self.by_end.pop_first();
        first.and_then(|(_, name)| self.by_name.remove(&name)).is_some()
    }
}

#[cfg(test)]
impl Shard {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Both trees say the same, and not too much.
    pub(super) fn assert_consistent(&self) {
        let by_name = self.by_name.iter().map(|(name, count)| (count.full_at, *name));
        assert_eq!(by_name.collect::<BTreeSet<_>>(), self.by_end);
        assert!(self.by_name.len() <= self.max);
    }
}

#[cfg(test)]
mod tests {
    use auth_core::{Random as _, SeededRandom};

    use super::*;

    fn shard(max: usize, counts: &[(u64, u64)]) -> Shard {
        let mut shard = Shard::new(max);
        for (name, full_at) in counts {
            shard.set((*name, 0), *full_at);
        }
        shard.assert_consistent();
        shard
    }

    fn kept(shard: &Shard) -> Vec<u64> {
        shard.by_name.keys().map(|(name, _)| *name).collect()
    }

    ///
    #[test]
    fn the_count_that_is_whole_soonest_makes_room_and_never_the_new_one() {
        let mut shard = shard(3, &[(1, 30), (2, 10), (3, 20)]);
        shard.set((4, 0), 5);
        assert_eq!(kept(&shard), [1, 3, 4]);
        shard.set((4, 0), 40);
        assert_eq!(kept(&shard), [1, 3, 4], "one that is there needs no room of its own");
        shard.set((5, 0), 1);
        assert_eq!(kept(&shard), [1, 4, 5]);
        shard.assert_consistent();
    }

    #[test]
    fn whole_counts_are_dropped_in_small_steps_and_others_are_not() {
        let mut shard = shard(100, &(0..10).map(|name| (name, 10 + name)).collect::<Vec<_>>());
        let mut left = vec![shard.len()];
        for _ in 0..3 {
            shard.drop_whole(15);
            left.push(shard.len());
        }
        assert_eq!(left, [10, 6, 4, 4]);
        assert_eq!(kept(&shard), [6, 7, 8, 9]);
        shard.assert_consistent();
    }

    #[test]
    fn a_refusal_is_the_first_until_something_was_left_again() {
        let mut shard = shard(3, &[(1, 30), (2, 30)]);
        let name = (1, 0);
        assert_eq!([shard.tell(name), shard.tell(name), shard.tell((2, 0))], [true, false, true]);
        shard.set(name, 40);
        assert_eq!([shard.tell(name), shard.tell(name), shard.tell((2, 0))], [true, false, false]);
    }

    #[test]
    fn any_coming_and_going_leaves_the_trees_consistent() {
        let mut shard = Shard::new(20);
        let random = SeededRandom::new(7);
        for _ in 0..5000 {
            let mut draw = [0; 3];
            random.fill(&mut draw);
            let [act, name, time] = draw.map(u64::from);
            match act % 8 {
                0..5 => shard.set((name % 40, 0), time),
                5 => shard.remove((name % 40, 0)),
                6 => drop(shard.tell((name % 40, 0))),
                _ => shard.drop_whole(time / 8),
            }
            shard.assert_consistent();
        }
    }
}
