//! The contract on the store in memory, and its bounds.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use auth_core::ManualClock;
use auth_ephemeral::{EphemeralError, EphemeralStore, MemoryConfig, Room, Space};

use crate::contract::{SPACES, Subject, contract_tests, wait};

struct InMemory {
    store: EphemeralStore,
    clock: Arc<ManualClock>,
}

impl Subject for InMemory {
    /// More than any space holds.
    const FLOOD: u64 = 120_000;

    fn new() -> Option<Self> {
        let clock = Arc::new(ManualClock::default());
        Some(Self { store: EphemeralStore::in_memory(MemoryConfig::default(), clock.clone()), clock })
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
    let subject = InMemory::new().unwrap();
    let clone = subject.store().clone();
    wait(subject.store().put(Space::OauthCode, &[1; 32], vec![1], Duration::from_secs(9))).unwrap();
    assert_eq!(wait(clone.take(Space::OauthCode, &[1; 32])), Ok(Some(vec![1])));
    assert_eq!(wait(subject.store().get(Space::OauthCode, &[1; 32])), Ok(None));
}

#[test]
fn a_value_larger_than_its_space_is_refused() {
    let room = |bytes| Room { max_entries: NonZeroUsize::MIN, max_bytes: NonZeroUsize::new(bytes).unwrap() };
    let config = MemoryConfig { oauth_codes: room(10), challenges: room(20), oauth_states: room(30) };
    let store = EphemeralStore::in_memory(config, Arc::new(ManualClock::default()));
    for (space, bytes) in [(Space::OauthCode, 10), (Space::Challenge, 20), (Space::OauthState, 30)] {
        let put = |length| wait(store.put(space, &[1; 32], vec![0; length], Duration::from_secs(9)));
        assert_eq!((put(bytes), put(bytes + 1)), (Ok(()), Err(EphemeralError::Full)), "{space:?}");
    }
}

/// X-25, O-30: the newest entries of each space are there, as many as it holds.
#[test]
fn each_space_is_bounded_by_its_own_room() {
    let room = |entries| Room {
        max_entries: NonZeroUsize::new(entries).unwrap(),
        max_bytes: NonZeroUsize::new(1000).unwrap(),
    };
    let config = MemoryConfig { challenges: room(3), oauth_states: room(4), oauth_codes: room(5) };
    let store = EphemeralStore::in_memory(config, Arc::new(ManualClock::default()));
    for space in SPACES {
        for number in 0..10 {
            wait(store.put(space, &[number; 32], vec![number], Duration::from_secs(10 + u64::from(number)))).unwrap();
        }
    }
    let kept = |space| {
        let is_kept = |key: &u8| wait(store.get(space, &[*key; 32])).unwrap().is_some();
        (0..10).filter(is_kept).collect::<Vec<_>>()
    };
    assert_eq!(kept(Space::Challenge), [7, 8, 9]);
    assert_eq!(kept(Space::OauthState), [6, 7, 8, 9]);
    assert_eq!(kept(Space::OauthCode), [5, 6, 7, 8, 9]);
}
