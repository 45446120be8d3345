//! Counts in memory by their model, at their bound, and in floods.

use std::collections::HashMap;
use std::num::NonZeroU32;

use auth_core::{ManualClock, Random as _, SeededRandom};

use super::*;
use crate::limit::Quota;

fn counts(max: usize) -> (Counts, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::default());
    (Counts::bounded(max, Arc::clone(&clock) as _), clock)
}

fn charge(limit: &'static str, key: u32, count: u32, seconds: u64) -> Charge {
    let mut name = [0; 32];
    name[..4].copy_from_slice(&key.to_le_bytes());
    let quota = Quota { count: NonZeroU32::new(count).unwrap(), per: Duration::from_secs(seconds) };
    Charge { limit, key: name, quota }
}

fn kept(counts: &Counts) -> usize {
    counts.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
}

fn assert_consistent(counts: &Counts) {
    counts.shards.iter().for_each(|shard| shard.lock().unwrap().assert_consistent());
}

/// What GCRA says, written down as simply as can be, without locks or bounds.
#[derive(Default)]
struct Model {
    full_at: HashMap<(&'static str, [u8; 32]), u64>,
    told: HashMap<(&'static str, [u8; 32]), bool>,
}

impl Model {
    fn take(&mut self, charges: &[Charge], now: u64) -> Result<(), Exhausted> {
        let (mut after, mut longest) = (self.full_at.clone(), None::<Exhausted>);
        for charge in charges {
            let (limit, quota) = (charge.limit, charge.quota);
            let (count, interval) = (u64::from(quota.count.get()), interval(charge));
            let full_at = after.entry((limit, charge.key)).or_default();
            *full_at = (*full_at).max(now) + interval;
            let wait = full_at.saturating_sub(now + count * interval);
            let retry_after = Duration::from_micros(wait);
            if wait > 0 && longest.is_none_or(|longest| longest.retry_after < retry_after) {
                let is_first = !self.told.get(&(limit, charge.key)).copied().unwrap_or_default();
                longest = Some(Exhausted { limit, quota, retry_after, is_first });
            }
        }
        if let Some(exhausted) = longest {
            let worst = charges.iter().find(|charge| charge.limit == exhausted.limit).unwrap();
            self.told.insert((worst.limit, worst.key), true);
            return Err(exhausted);
        }
        self.full_at = after;
        for charge in charges {
            self.told.remove(&(charge.limit, charge.key));
        }
        Ok(())
    }

    fn give_back(&mut self, charges: &[Charge], now: u64) {
        for charge in charges {
            let full_at = self.full_at.entry((charge.limit, charge.key)).or_default();
            *full_at = (*full_at).max(now) - interval(charge);
            self.told.remove(&(charge.limit, charge.key));
        }
    }
}

fn interval(charge: &Charge) -> u64 {
    u64::try_from(charge.quota.per.as_micros()).unwrap().div_ceil(charge.quota.count.get().into())
}

/// REQ-50: takes, gifts and time in any order, with one charge or two; what was refused has changed nothing.
#[test]
fn any_sequence_is_answered_as_the_algorithm_says() {
    for seed in 0..20 {
        let (counts, clock) = counts(160_000);
        let (mut model, mut taken, random) = (Model::default(), Vec::new(), SeededRandom::new(seed));
        let (mut granted, mut refused) = (0, 0);
        for _ in 0..2000 {
            let mut draw = [0; 4];
            random.fill(&mut draw);
            let [act, key, other, span] = draw.map(u32::from);
            let now = u64::try_from(clock.monotonic().as_micros()).unwrap();
            match act % 16 {
                0..10 => {
                    let mut charges = vec![charge("login", key % 3, 5, 7)];
                    if other % 3 == 0 {
                        charges.push(charge("account", other % 2, 7, 11));
                    }
                    let answer = counts.take(&charges);
                    assert_eq!(answer, model.take(&charges, now));
                    match answer {
                        Ok(()) => {
                            granted += 1;
                            taken.push(charges);
                        }
                        Err(exhausted) => {
                            refused += 1;
                            assert!(!exhausted.retry_after.is_zero());
                        }
                    }
                }
                10..12 => {
                    if let Some(charges) = taken.pop() {
                        counts.give_back(&charges);
                        model.give_back(&charges, now);
                    }
                }
                _ => clock.advance(Duration::from_millis(u64::from(span) * 4)),
            }
            assert_consistent(&counts);
        }
        assert!(granted > 100 && refused > 100, "{granted} {refused}");
    }
}

/// REQ-50: in any window, however it lies, no more than what is there at once and what comes back meanwhile.
#[test]
fn no_window_has_more_than_the_quota_allows() {
    for (seed, count, seconds) in [(1, 1, 1), (2, 5, 9), (3, 30, 60), (4, 3, 1)] {
        let (counts, clock) = counts(16);
        let random = SeededRandom::new(seed);
        let charge = charge("login", 1, count, seconds);
        let mut granted = Vec::new();
        for _ in 0..3000 {
            let mut span = [0; 2];
            random.fill(&mut span);
            clock.advance(Duration::from_micros(u64::from(u16::from_le_bytes(span)) * seconds * 8 / u64::from(count)));
            if counts.take(std::slice::from_ref(&charge)).is_ok() {
                granted.push(clock.monotonic());
            }
        }
        assert!(granted.len() > 500, "{}", granted.len());
        for (first, begin) in granted.iter().enumerate() {
            for (more, end) in granted[first..].iter().enumerate() {
                let back = end.saturating_sub(*begin).as_nanos() * u128::from(count) / charge.quota.per.as_nanos();
                assert!((more as u128) < u128::from(count) + back, "{more} from {begin:?} to {end:?}");
            }
        }
    }
}

/// REQ-50, L-24: whoever keeps on trying gets in as soon as somebody who waited.
#[test]
fn a_patient_victim_waits_no_longer_than_one_who_does_not_try() {
    let (counts, clock) = counts(1600);
    let charge = [charge("login", 1, 5, 900)];
    (0..5).for_each(|_| counts.take(&charge).unwrap());
    for second in 0..180 {
        let wait = counts.take(&charge).unwrap_err().retry_after;
        assert_eq!(wait, Duration::from_secs(180 - second));
        clock.advance(Duration::from_secs(1));
    }
    counts.take(&charge).unwrap();
    counts.take(&charge).unwrap_err();
}

/// a flood takes neither memory nor what is known of those who have used their quota up.
#[test]
fn a_flood_of_counts_is_bounded_and_forgets_none_that_is_used_up() {
    let (counts, clock) = counts(1600);
    let victims: Vec<_> = (0..100).map(|victim| [charge("login_account", victim, 10, 900)]).collect();
    for victim in &victims {
        (0..10).for_each(|_| counts.take(victim).unwrap());
    }
    for stranger in 1000..50_000 {
        counts.take(&[charge("login_account", stranger, 10, 900), charge("login", stranger, 5, 900)]).unwrap();
        clock.advance(Duration::from_micros(10));
    }
    assert!((1500..=1600).contains(&kept(&counts)), "{}", kept(&counts));
    for victim in &victims {
        counts.take(victim).unwrap_err();
    }
    assert_consistent(&counts);
}

/// whatever is asked for, by whomever.
#[test]
fn a_flood_is_forgotten_when_its_counts_are_whole() {
    let (counts, clock) = counts(16_000);
    for stranger in 0..10_000 {
        counts.take(&[charge("login", stranger, 5, 900)]).unwrap();
    }
    assert_eq!(kept(&counts), 10_000);
    clock.advance(Duration::from_mins(3));
    for _ in 0..10_000 {
        let _ = counts.take(&[charge("refresh", 7, 30, 60)]);
    }
    assert_eq!(kept(&counts), 1);
    counts.give_back(&[charge("refresh", 7, 1, 86_400)]);
    assert_eq!(kept(&counts), 0, "a count that is whole takes no memory");
}

#[test]
fn a_refused_request_adds_no_count() {
    let (counts, _) = counts(1600);
    let full = charge("login", 1, 1, 900);
    counts.take(std::slice::from_ref(&full)).unwrap();
    for stranger in 0..100 {
        counts.take(&[charge("login_account", stranger, 10, 900), full.clone()]).unwrap_err();
    }
    assert_eq!(kept(&counts), 1);
}
