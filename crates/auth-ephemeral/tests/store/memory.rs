//! The contract on the store in memory, and that it stays below the memory that it promises.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use auth_core::ManualClock;
use auth_ephemeral::{EphemeralError, EphemeralStore, MemoryConfig, Space};

use crate::contract::{SPACES, Subject, contract_tests, wait};

struct InMemory {
    store: EphemeralStore,
    clock: Arc<ManualClock>,
}

impl Subject for InMemory {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::default());
        Self { store: EphemeralStore::in_memory(MemoryConfig::default(), clock.clone()), clock }
    }

    fn store(&self) -> &EphemeralStore {
        &self.store
    }

    fn pass(&self, span: Duration) {
        self.clock.advance(span);
    }
}

contract_tests! { InMemory }

#[test]
fn a_clone_is_a_handle_on_the_same_entries() {
    let subject = InMemory::new();
    let clone = subject.store().clone();
    wait(subject.store().put(Space::OauthCode, &[1; 32], vec![1], Duration::from_secs(9))).unwrap();
    assert_eq!(wait(clone.take(Space::OauthCode, &[1; 32])), Ok(Some(vec![1])));
    assert_eq!(wait(subject.store().get(Space::OauthCode, &[1; 32])), Ok(None));
}

#[test]
fn a_value_larger_than_the_store_is_refused() {
    let config = MemoryConfig { max_bytes: NonZeroUsize::new(10).unwrap(), ..MemoryConfig::default() };
    let store = EphemeralStore::in_memory(config, Arc::new(ManualClock::default()));
    let put = |length| wait(store.put(Space::OauthCode, &[1; 32], vec![0; length], Duration::from_secs(9)));
    assert_eq!((put(10), put(11)), (Ok(()), Err(EphemeralError::Full)));
}

/// the memory of the whole process, with three times as many entries as there is room for.
#[cfg(target_os = "linux")]
#[test]
fn a_hundred_thousand_entries_take_less_than_64_mib() {
    let before = most_memory();
    let subject = InMemory::new();
    for number in 0_u32..300_000 {
        let mut key = [0; 32];
        key[..4].copy_from_slice(&number.to_le_bytes());
        let space = SPACES[number as usize % SPACES.len()];
        wait_for_nothing(subject.store().put(space, &key, vec![7; 200], Duration::from_mins(5)));
    }
    let grown = most_memory().saturating_sub(before);
    assert!(grown > 20 << 20, "nothing was measured: {grown} bytes");
    assert!(grown < 64 << 20, "{} MiB", grown >> 20);
}

/// A store in memory has answered when it was asked; a runtime for each call would be all that is measured.
#[cfg(target_os = "linux")]
fn wait_for_nothing(answer: impl Future<Output = Result<(), EphemeralError>>) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let answer = std::pin::pin!(answer).poll(&mut context);
    assert_eq!(answer, std::task::Poll::Ready(Ok(())));
}

/// The most memory that this process ever had, in bytes.
#[cfg(target_os = "linux")]
fn most_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse::<u64>().unwrap() * 1024
}
