//! Counts in this process's memory.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use auth_core::Clock;

use super::gcra::Rate;
use super::shard::{Name, Shard};
use super::{Charge, Exhausted};

/// How many are kept at most: less than 24 MiB in all.
const MAX_COUNTS: usize = 200_000;

/// As many as have a lock of their own: more than there are cores, mostly.
const SHARDS: usize = 16;

/// Counts in several parts, so that requests for different ones seldom wait for each other.
pub(super) struct Counts {
    clock: Arc<dyn Clock>,
    shards: [Mutex<Shard>; SHARDS],
    /// Two keys that nobody outside can know: what anybody calls themselves decides neither where their count lies nor
    /// whether it meets another one.
    hashers: [RandomState; 2],
    /// Whose turn it is to be looked through whatever is asked for, so that a flood is forgotten whatever comes after it.
    turn: AtomicUsize,
}

/// The parts that an operation needs.
struct Locked<'a>([Option<MutexGuard<'a, Shard>>; SHARDS]);

impl Counts {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::bounded(MAX_COUNTS, clock)
    }

    fn bounded(max: usize, clock: Arc<dyn Clock>) -> Self {
        let shards = std::array::from_fn(|_| Mutex::new(Shard::new(max / SHARDS)));
        Self { clock, shards, hashers: std::array::from_fn(|_| RandomState::new()), turn: AtomicUsize::new(0) }
    }

    pub(super) fn take(&self, charges: &[Charge]) -> Result<(), Exhausted> {
        let names = self.names(charges);
        let (mut locked, now) = self.enter(&names);
        let mut longest: Option<(&Charge, Name, u64)> = None;
        for (index, (charge, name)) in charges.iter().zip(&names).enumerate() {
            // A count that is charged twice has to have two left.
            let before = names.iter().take(index).filter(|other| *other == name).count() as u64;
            let rate = Rate::of(charge.quota);
            let full_at = rate.seen(locked.full_at(*name), now).saturating_add(before.saturating_mul(rate.interval));
            if let Err(wait) = rate.take(full_at, now)
                && longest.is_none_or(|(_, _, longest)| longest < wait)
            {
                longest = Some((charge, *name, wait));
            }
        }
        if let Some((Charge { limit, quota, .. }, name, wait)) = longest {
            let (retry_after, is_first) = (Duration::from_micros(wait), locked.tell(name));
            return Err(Exhausted { limit, quota: *quota, retry_after, is_first });
        }
        for (charge, name) in charges.iter().zip(names) {
            let rate = Rate::of(charge.quota);
            let full_at = rate.seen(locked.full_at(name), now).saturating_add(rate.interval);
            locked.set(name, full_at, now);
        }
        Ok(())
    }

    pub(super) fn give_back(&self, charges: &[Charge]) {
        let names = self.names(charges);
        let (mut locked, now) = self.enter(&names);
        for (charge, name) in charges.iter().zip(names) {
            let rate = Rate::of(charge.quota);
            let full_at = rate.seen(locked.full_at(name), now).saturating_sub(rate.interval);
            locked.set(name, full_at, now);
        }
    }

    fn names(&self, charges: &[Charge]) -> Vec<Name> {
        let [first, second] = &self.hashers;
        let name = |charge: &Charge| {
            let name = (charge.limit, charge.key);
            (first.hash_one(name), second.hash_one(name))
        };
        charges.iter().map(name).collect()
    }

    /// The parts that `names` lie in, with a few whole counts dropped; and the time that all of this operation goes by.
    fn enter(&self, names: &[Name]) -> (Locked<'_>, u64) {
        let mut is_needed = [false; SHARDS];
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % SHARDS;
        for index in names.iter().map(|name| shard_of(*name)).chain([turn]) {
            is_needed[index] = true;
        }
        // In the same order always, so that no two operations wait for each other.
        let mut locked = Locked(std::array::from_fn(|index| is_needed[index].then(|| lock(&self.shards[index]))));
        let now = u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX);
        for shard in locked.0.iter_mut().flatten() {
            shard.drop_whole(now);
        }
        (locked, now)
    }
}

impl Locked<'_> {
    fn full_at(&mut self, name: Name) -> u64 {
        self.of(name).map_or(0, |shard| shard.full_at(name))
    }

    fn set(&mut self, name: Name, full_at: u64, now: u64) {
        match self.of(name) {
            Some(shard) if full_at > now => shard.set(name, full_at),
            Some(shard) => shard.remove(name),
            None => {}
        }
    }

    fn tell(&mut self, name: Name) -> bool {
        self.of(name).is_some_and(|shard| shard.tell(name))
    }

    fn of(&mut self, name: Name) -> Option<&mut Shard> {
        self.0[shard_of(name)].as_deref_mut()
    }
}

fn shard_of((first, _): Name) -> usize {
    usize::try_from(first % SHARDS as u64).unwrap_or_default()
}

fn lock(shard: &Mutex<Shard>) -> MutexGuard<'_, Shard> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
