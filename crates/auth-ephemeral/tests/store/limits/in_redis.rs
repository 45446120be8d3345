//! The contract on the limiter in Redis, and what lies there.

use std::sync::Arc;
use std::time::Duration;

use auth_core::ManualClock;
use auth_ephemeral::RateLimiter;

use super::contract::{HOUR, Subject, assert_about, charge, drain, limit_tests, take};
use crate::test_redis::Corner;

struct InRedis {
    corner: Corner,
    instances: Vec<RateLimiter>,
}

impl Subject for InRedis {
    fn new() -> Option<Self> {
        let corner = Corner::new()?;
        let instance = |_| RateLimiter::in_redis(&corner.redis(), Arc::new(ManualClock::default()));
        Some(Self { instances: (0..3).map(instance).collect(), corner })
    }

    fn handles(&self) -> Vec<RateLimiter> {
        self.instances.clone()
    }

    /// Brings the end of each count nearer, as time does.
    fn pass(&self, span: Duration) {
        for name in self.corner.names() {
            let (full_at, mark) = self.stored(&name);
            let nearer = full_at.saturating_sub(u64::try_from(span.as_micros()).unwrap());
            self.corner.set(&name, format!("{nearer}{mark}").as_bytes());
        }
    }
}

impl InRedis {
    fn stored(&self, name: &str) -> (u64, &'static str) {
        let stored: String = self.corner.ask("GET", &[name]);
        let digits = stored.trim_end_matches('!');
        (digits.parse().unwrap(), if digits == stored { "" } else { "!" })
    }

    /// How long it is from now until the only count is whole.
    fn left(&self) -> Duration {
        let now: (u64, u64) = self.corner.ask("TIME", &[]);
        let (full_at, _) = self.stored(&self.corner.names()[0]);
        Duration::from_micros(full_at.saturating_sub(now.0 * 1_000_000 + now.1))
    }
}

limit_tests! { InRedis }

/// Redis forgets each count by itself, as soon as it is whole: none is immortal, whatever is done to it.
#[test]
fn every_count_ends_when_it_is_whole() {
    let Some(subject) = InRedis::new() else { return };
    let (limiter, charge) = (subject.limiter(), charge("login", 1, 3));
    let assert_ends = |hours: u32| {
        let name = &subject.corner.names()[0];
        let left = Duration::from_millis(subject.corner.ask("PTTL", &[name]));
        assert_about(left, HOUR * hours);
    };
    let first = take(&limiter, std::slice::from_ref(&charge)).unwrap();
    assert_ends(1);
    assert_eq!(drain(&limiter, &charge), 2);
    assert_ends(3);
    crate::contract::wait(limiter.give_back(first));
    assert_ends(2);
    assert_eq!(drain(&limiter, &charge), 1);
    let other = RateLimiter::in_redis(&subject.corner.redis(), Arc::new(ManualClock::default()));
    assert_eq!(drain(&other, &charge), 0);
    assert_ends(3);
    for _ in 0..3 {
        subject.pass(HOUR);
    }
    let last = take(&limiter, std::slice::from_ref(&charge)).unwrap();
    crate::contract::wait(limiter.give_back(last));
    assert_eq!(subject.corner.names(), [""; 0], "a whole count takes no room");
}

/// a clock of Redis that was set back an hour keeps nobody out longer than the quota says, and gives nobody anything.
#[test]
fn a_count_too_far_ahead_is_cut_to_nothing_left_also_by_a_refusal() {
    let Some(subject) = InRedis::new() else { return };
    let (limiter, charge, other) = (subject.limiter(), charge("login", 1, 3), charge("mfa", 2, 5));
    assert_eq!(drain(&limiter, &charge), 3);
    let name = subject.corner.names().remove(0);
    let (full_at, _) = subject.stored(&name);
    for mark in ["", "!"] {
        subject.corner.set(&name, format!("{}{mark}", full_at + 1_000_000_000_000).as_bytes());
        let refused = take(&limiter, &[other.clone(), charge.clone()]).unwrap_err();
        assert_about(refused.retry_after, HOUR);
        assert_eq!(refused.is_first, mark.is_empty());
        assert_about(subject.left(), 3 * HOUR);
    }
    subject.pass(HOUR);
    assert_eq!(drain(&limiter, &charge), 1);
}

/// Who can write to Redis can do away with limits; who writes nonsense does no more than that.
#[test]
fn what_is_no_count_of_ours_counts_as_whole() {
    let Some(subject) = InRedis::new() else { return };
    let (limiter, charge) = (subject.limiter(), charge("login", 1, 2));
    for nonsense in ["", "!", "x", "-5", "12 monkeys", "NaN"] {
        drain(&limiter, &charge);
        subject.corner.set(&subject.corner.names()[0], nonsense.as_bytes());
        assert_eq!(drain(&limiter, &charge), 2, "{nonsense}");
    }
    subject.corner.set(&subject.corner.names()[0], b"99999999999999999999999999");
    assert_eq!(drain(&limiter, &charge), 0);
    assert!(!limiter.is_degraded());
}

/// Operators see which limits are used, and nobody sees by whom.
#[test]
fn a_name_tells_the_limit_and_not_the_key() {
    let Some(subject) = InRedis::new() else { return };
    assert_eq!(drain(&subject.limiter(), &charge("login_account", 0xC5, 1)), 1);
    let name = subject.corner.names().remove(0);
    // The prefix is random.
    let name = name.strip_prefix(&subject.corner.prefix).unwrap();
    assert!(name.starts_with("limit:login_account:"), "{name}");
    assert!(!name.to_lowercase().contains("c5c5") && !name.contains("xcXF"), "{name}: in hexadecimal or base64");
}

/// REQ-60
#[test]
fn instances_with_another_prefix_count_apart() {
    let Some(subject) = InRedis::new() else { return };
    let Some(other) = InRedis::new() else { return };
    let charge = charge("login", 1, 2);
    assert_eq!((drain(&subject.limiter(), &charge), drain(&other.limiter(), &charge)), (2, 2));
}
