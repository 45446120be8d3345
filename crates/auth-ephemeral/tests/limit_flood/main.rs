//! The memory that a flood of limited strangers takes, measured as what the whole process takes: nothing else runs in it,
//! and neither the allocator's own bytes nor what it can't use again are left out.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail with it")]

use std::num::NonZeroU32;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use auth_core::ManualClock;
use auth_ephemeral::{Charge, Exhausted, Quota, RateLimiter, Taken};

const MIB: u64 = 1 << 20;
const QUARTER: Duration = Duration::from_mins(15);
/// Some parts are full before the others, so this is less than what is kept in all.
const KEPT: u32 = 190_000;

/// A limiter in memory has answered when it was asked; a runtime would be measured with it.
fn take(limiter: &RateLimiter, stranger: u32, count: u32) -> Result<Taken, Exhausted> {
    let mut key = [0; 32];
    key[..4].copy_from_slice(&stranger.to_le_bytes());
    let quota = Quota { count: NonZeroU32::new(count).unwrap(), per: QUARTER };
    let answer = limiter.take(vec![Charge { limit: "login", key, quota }]);
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a limiter in memory never waits"),
    }
}

/// One after the other, so that it is told which is the older one.
fn flood(limiter: &RateLimiter, clock: &ManualClock, strangers: std::ops::Range<u32>) {
    for stranger in strangers {
        let _ = take(limiter, stranger, 1).unwrap();
        clock.advance(Duration::from_micros(1));
    }
}

/// Every tenth is asked for.
fn are_known(limiter: &RateLimiter, strangers: std::ops::Range<u32>) -> bool {
    strangers.step_by(10).all(|stranger| take(limiter, stranger, 1).is_err())
}

/// The most memory that this process ever had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// One test, since the peak of a process never sinks.
#[test]
fn three_hundred_thousand_strangers_stay_within_24_mib_and_are_forgotten() {
    let clock = Arc::new(ManualClock::default());
    // The program's own pages, which are read when they are first needed, are no counts.
    flood(&RateLimiter::in_memory(Arc::clone(&clock) as _), &clock, 0..100);
    let limiter = RateLimiter::in_memory(Arc::clone(&clock) as _);
    let before = most_memory();
    let grown = || most_memory().saturating_sub(before);

    flood(&limiter, &clock, 0..KEPT);
    assert!(grown() > 8 * MIB, "nothing was measured: {} bytes", grown());
    assert!(are_known(&limiter, 0..KEPT), "none was dropped");
    flood(&limiter, &clock, KEPT..300_000);
    assert!(grown() < 24 * MIB, "{} KiB", grown() / 1024);
    assert!(are_known(&limiter, 300_000 - KEPT..300_000), "the newest are known");

    clock.advance(QUARTER);
    flood(&limiter, &clock, 0..KEPT);
    assert!(are_known(&limiter, 0..KEPT), "there is room for all again");
    assert!(grown() < 24 * MIB, "what is whole takes nothing: {} KiB", grown() / 1024);
    println!("the most that counts took: {} KiB", grown() / 1024);
}
