//! The memory that a flood of unfinished OAuth flows takes, measured as what the whole process takes: nothing else runs in
//! it, and neither the allocator's own bytes nor what it can't use again are left out.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "the helpers of a test fail with it")]

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use auth_core::{ManualClock, Random as _, SeededRandom};
use auth_ephemeral::{EphemeralStore, MemoryConfig, Space};

const STARTS: usize = 100_000;
const FLOW: Duration = Duration::from_mins(10);
const MIB: u64 = 1 << 20;

/// Entries that can be made again, to look for them without having kept them.
struct Source(SeededRandom);

impl Source {
    fn new(seed: u64) -> Self {
        Self(SeededRandom::new(seed))
    }

    /// The hash of a token, and 300 to 500 bytes as a flow takes them.
    fn next(&self) -> ([u8; 32], Vec<u8>) {
        let (mut key, mut length) = ([0; 32], [0; 2]);
        self.0.fill(&mut key);
        self.0.fill(&mut length);
        (key, vec![key[0]; 300 + usize::from(u16::from_le_bytes(length)) % 201])
    }
}

/// A store in memory has answered when it was asked; a runtime would be measured with it.
fn answer<T>(answer: impl Future<Output = T>) -> T {
    match pin!(answer).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => panic!("a store in memory never waits"),
    }
}

/// One after the other, so that it is told which is the older one.
fn flood(store: &EphemeralStore, clock: &ManualClock, space: Space, seed: u64, entries: usize) {
    let source = Source::new(seed);
    for _ in 0..entries {
        let (key, value) = source.next();
        answer(store.put(space, &key, value, FLOW)).unwrap();
        clock.advance(Duration::from_micros(1));
    }
}

fn found(store: &EphemeralStore, seed: u64, entries: usize) -> usize {
    let source = Source::new(seed);
    let found = |(key, value): ([u8; 32], Vec<u8>)| answer(store.get(Space::OauthState, &key)).unwrap() == Some(value);
    (0..entries).filter(|_| found(source.next())).count()
}

/// The most memory that this process ever had, in bytes.
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}

/// Does once what is measured later: the program's own pages, which are read when they are first needed, are no entries.
fn rehearse() {
    let clock = Arc::new(ManualClock::default());
    let store = EphemeralStore::in_memory(MemoryConfig::default(), clock.clone());
    for round in 0..2 {
        flood(&store, &clock, Space::OauthState, round, 100);
        assert_eq!(found(&store, round, 100), 100);
        clock.advance(FLOW);
    }
}

/// X-25, O-30. One test, since the peak of a process never sinks.
#[test]
fn a_hundred_thousand_unfinished_starts_stay_within_64_mib_and_expire() {
    let clock = Arc::new(ManualClock::default());
    let store = EphemeralStore::in_memory(MemoryConfig::default(), clock.clone());
    rehearse();
    let before = most_memory();
    let grown = || most_memory().saturating_sub(before);

    flood(&store, &clock, Space::OauthState, 1, STARTS);
    assert_eq!(found(&store, 1, STARTS), STARTS, "none was dropped");
    assert!(grown() > 30 * MIB, "nothing was measured: {} bytes", grown());
    assert!(grown() < 64 * MIB, "{} KiB", grown() / 1024);

    // Twice as many again: each drops an older one.
    flood(&store, &clock, Space::OauthState, 2, 2 * STARTS);
    assert_eq!(found(&store, 1, STARTS), 0, "the older ones are gone");
    let kept = found(&store, 2, 2 * STARTS);
    assert!((STARTS - STARTS / 100..=STARTS).contains(&kept), "{kept}");
    assert!(grown() < 64 * MIB, "{} KiB", grown() / 1024);

    clock.advance(FLOW);
    assert_eq!(found(&store, 2, 2 * STARTS), 0, "all have expired");
    flood(&store, &clock, Space::OauthState, 3, STARTS);
    assert_eq!(found(&store, 3, STARTS), STARTS, "there is room for all again");
    assert!(grown() < 64 * MIB, "what has expired takes nothing: {} KiB", grown() / 1024);

    println!("the most that flows took: {} KiB", grown() / 1024);

    // The other spaces, full as well.
    flood(&store, &clock, Space::Challenge, 4, STARTS);
    flood(&store, &clock, Space::OauthCode, 5, STARTS);
    assert_eq!(found(&store, 3, STARTS), STARTS, "a flow is not dropped for them");
    assert!(grown() < 88 * MIB, "{} KiB", grown() / 1024);
    println!("the most that all took: {} KiB", grown() / 1024);
}
