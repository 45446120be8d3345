//! The contract, as functions of a [`Subject`]. `contract_tests!` makes a test of each for one implementation.

use std::sync::Barrier;
use std::thread;
use std::time::Duration;

use auth_ephemeral::{Attempt, EphemeralStore, Space};

pub(crate) const SPACES: [Space; 3] = [Space::Challenge, Space::OauthState, Space::OauthCode];
const KEY: [u8; 32] = [7; 32];
const LIFE: Duration = Duration::from_mins(5);
const THREADS: u32 = 16;
/// How often a race is run: each time it begins anew.
const RACES: u8 = 50;

/// An implementation under test: an empty store, and time that passes when the test says so.
pub(crate) trait Subject: Sized {
    /// How many entries are a flood.
    const FLOOD: u64;

    /// None where there is nothing to test it with, which it has said.
    fn new() -> Option<Self>;
    fn store(&self) -> &EphemeralStore;
    fn pass(&self, span: Duration);
}

macro_rules! contract_tests {
    ($subject:ty: $($test:ident)+) => { $(
        #[test]
        fn $test() {
            if let Some(subject) = <$subject as $crate::contract::Subject>::new() {
                $crate::contract::$test(&subject);
            }
        }
    )+ };
    ($subject:ty) => {
        contract_tests! { $subject:
            what_was_put_is_found_until_it_is_taken
            spaces_and_keys_do_not_mix
            an_entry_is_found_until_its_time_is_over
            a_put_replaces_value_time_and_tries
            exactly_so_many_tries_are_counted
            after_the_last_try_only_its_holder_takes_the_entry
            a_look_counts_no_try
            of_many_who_take_one_gets_it
            of_many_tries_at_once_as_many_count_as_are_allowed
            a_flood_of_one_space_leaves_the_others_alone
            nothing_of_an_entry_is_printed
        }
    };
}
pub(crate) use contract_tests;

pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn put(subject: &impl Subject, space: Space, key: &[u8; 32], value: &[u8]) {
    wait(subject.store().put(space, key, value.to_vec(), LIFE)).unwrap();
}

fn get(subject: &impl Subject, space: Space, key: &[u8; 32]) -> Option<Vec<u8>> {
    wait(subject.store().get(space, key)).unwrap()
}

fn take(subject: &impl Subject, space: Space, key: &[u8; 32]) -> Option<Vec<u8>> {
    wait(subject.store().take(space, key)).unwrap()
}

fn attempt(subject: &impl Subject, limit: u32) -> Option<Attempt> {
    wait(subject.store().attempt(Space::Challenge, &KEY, limit)).unwrap()
}

/// What the threads got that began at the same moment.
fn all_at_once<T: Send>(subject: &impl Subject, act: impl Fn(&EphemeralStore) -> T + Sync) -> Vec<T> {
    let (barrier, store) = (Barrier::new(THREADS as usize), subject.store());
    let run = || {
        barrier.wait();
        act(store)
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(run)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

pub(crate) fn what_was_put_is_found_until_it_is_taken(subject: &impl Subject) {
    for value in [b"".as_slice(), b"x", &[0, 255, 13, 10], &[b'v'; 4096]] {
        assert_eq!(get(subject, Space::OauthState, &KEY), None);
        put(subject, Space::OauthState, &KEY, value);
        assert_eq!(get(subject, Space::OauthState, &KEY).as_deref(), Some(value));
        assert_eq!(get(subject, Space::OauthState, &KEY).as_deref(), Some(value), "a look changes nothing");
        assert_eq!(take(subject, Space::OauthState, &KEY).as_deref(), Some(value));
        assert_eq!(take(subject, Space::OauthState, &KEY), None);
    }
}

/// T-06: what was made for one purpose is nothing for another.
pub(crate) fn spaces_and_keys_do_not_mix(subject: &impl Subject) {
    put(subject, Space::Challenge, &KEY, b"challenge");
    for space in [Space::OauthState, Space::OauthCode] {
        assert_eq!(get(subject, space, &KEY), None);
        assert_eq!(take(subject, space, &KEY), None);
        assert_eq!(wait(subject.store().attempt(space, &KEY, 5)).unwrap(), None);
    }
    assert_eq!(get(subject, Space::Challenge, &[8; 32]), None);
    for space in SPACES {
        put(subject, space, &KEY, format!("{space:?}").as_bytes());
    }
    for space in SPACES {
        assert_eq!(take(subject, space, &KEY), Some(format!("{space:?}").into_bytes()));
    }
}

pub(crate) fn an_entry_is_found_until_its_time_is_over(subject: &impl Subject) {
    put(subject, Space::Challenge, &KEY, b"v");
    subject.pass(LIFE.checked_sub(Duration::from_secs(1)).unwrap());
    assert!(get(subject, Space::Challenge, &KEY).is_some());
    assert!(attempt(subject, 5).is_some());
    subject.pass(Duration::from_secs(1));
    assert_eq!(get(subject, Space::Challenge, &KEY), None);
    assert_eq!(attempt(subject, 5), None);
    assert_eq!(take(subject, Space::Challenge, &KEY), None);
    put(subject, Space::Challenge, &KEY, b"v");
    subject.pass(LIFE);
    assert_eq!(take(subject, Space::Challenge, &KEY), None, "also when nobody looked at it before");
}

pub(crate) fn a_put_replaces_value_time_and_tries(subject: &impl Subject) {
    put(subject, Space::Challenge, &KEY, b"old");
    assert_eq!(attempt(subject, 2).unwrap().left, 1);
    assert_eq!(attempt(subject, 2).unwrap().left, 0);
    subject.pass(LIFE.checked_sub(Duration::from_secs(1)).unwrap());
    put(subject, Space::Challenge, &KEY, b"new");
    subject.pass(Duration::from_secs(2));
    assert_eq!(get(subject, Space::Challenge, &KEY).as_deref(), Some(b"new".as_slice()), "the old time would be over");
    assert_eq!(attempt(subject, 2), Some(Attempt { value: b"new".to_vec(), left: 1 }));
}

/// M-05
pub(crate) fn exactly_so_many_tries_are_counted(subject: &impl Subject) {
    put(subject, Space::Challenge, &KEY, b"v");
    for left in (0..5).rev() {
        assert_eq!(attempt(subject, 5), Some(Attempt { value: b"v".to_vec(), left }));
    }
    assert_eq!(attempt(subject, 5), None);
    assert_eq!(attempt(subject, 5), None);
    assert_eq!(get(subject, Space::Challenge, &KEY), None);
    put(subject, Space::Challenge, &KEY, b"v");
    assert_eq!(attempt(subject, 0), None);
}

/// The last try may be the right one, and whoever made it still goes on alone.
pub(crate) fn after_the_last_try_only_its_holder_takes_the_entry(subject: &impl Subject) {
    put(subject, Space::Challenge, &KEY, b"v");
    assert_eq!(attempt(subject, 1).unwrap().left, 0);
    assert_eq!((attempt(subject, 1), get(subject, Space::Challenge, &KEY)), (None, None));
    assert_eq!(take(subject, Space::Challenge, &KEY).as_deref(), Some(b"v".as_slice()));
    assert_eq!(take(subject, Space::Challenge, &KEY), None);
}

pub(crate) fn a_look_counts_no_try(subject: &impl Subject) {
    put(subject, Space::Challenge, &KEY, b"v");
    for _ in 0..20 {
        assert!(get(subject, Space::Challenge, &KEY).is_some());
    }
    assert_eq!(attempt(subject, 5).unwrap().left, 4);
}

/// M-03
pub(crate) fn of_many_who_take_one_gets_it(subject: &impl Subject) {
    for race in 0..RACES {
        put(subject, Space::OauthCode, &KEY, &[race]);
        let got = all_at_once(subject, |store| wait(store.take(Space::OauthCode, &KEY)).unwrap());
        assert_eq!(got.into_iter().flatten().collect::<Vec<_>>(), [[race]]);
    }
}

/// M-05
pub(crate) fn of_many_tries_at_once_as_many_count_as_are_allowed(subject: &impl Subject) {
    for race in 0..RACES {
        put(subject, Space::Challenge, &KEY, &[race]);
        let got = all_at_once(subject, |store| wait(store.attempt(Space::Challenge, &KEY, 5)).unwrap());
        let mut left: Vec<u32> = got.iter().flatten().map(|attempt| attempt.left).collect();
        left.sort_unstable();
        assert_eq!(left, [0, 1, 2, 3, 4]);
        assert!(got.iter().flatten().all(|attempt| attempt.value == [race]));
    }
}

/// O-30: unfinished OAuth flows outlive half-done sign-ins, and more of them come than are kept.
pub(crate) fn a_flood_of_one_space_leaves_the_others_alone<S: Subject>(subject: &S) {
    put(subject, Space::Challenge, &KEY, b"challenge");
    put(subject, Space::OauthCode, &KEY, b"code");
    assert_eq!(attempt(subject, 5).unwrap().left, 4);
    wait(async {
        for number in 0..S::FLOOD {
            let mut key = KEY;
            key[..8].copy_from_slice(&number.to_be_bytes());
            subject.store().put(Space::OauthState, &key, vec![7; 40], 2 * LIFE).await.unwrap();
        }
    });
    assert_eq!(attempt(subject, 5), Some(Attempt { value: b"challenge".to_vec(), left: 3 }));
    assert_eq!(take(subject, Space::Challenge, &KEY).as_deref(), Some(b"challenge".as_slice()));
    assert_eq!(take(subject, Space::OauthCode, &KEY).as_deref(), Some(b"code".as_slice()));
}

pub(crate) fn nothing_of_an_entry_is_printed(subject: &impl Subject) {
    put(subject, Space::Challenge, &[0xC5; 32], &[0xC5; 8]);
    let attempt = wait(subject.store().attempt(Space::Challenge, &[0xC5; 32], 5)).unwrap().unwrap();
    let printed = format!("{:?} {attempt:?}", subject.store());
    assert!(!printed.contains("197") && !printed.to_lowercase().contains("c5"), "{printed}");
}
