//! The contract on the store in Redis, and what lies there.

use std::time::Duration;

use auth_ephemeral::Space;

use crate::contract::{SPACES, Subject as _, contract_tests, wait};
use crate::test_redis::{InRedis, store};

const KEY: [u8; 32] = [0xC5; 32];
const LIFE: Duration = Duration::from_mins(10);

contract_tests! { InRedis }

fn put(subject: &InRedis, space: Space, value: &[u8]) {
    wait(subject.store().put(space, &KEY, value.to_vec(), LIFE)).unwrap();
}

/// The name of the only entry.
fn name(subject: &InRedis) -> String {
    let mut names = subject.names();
    assert_eq!(names.len(), 1, "{names:?}");
    names.remove(0)
}

/// REQ-60
#[test]
fn instances_with_the_same_prefix_share_their_entries_and_others_do_not() {
    let Some(subject) = InRedis::new() else { return };
    let (same, other) = (store(&subject.prefix), store(&format!("{}other:", subject.prefix)));
    put(&subject, Space::Challenge, b"v");
    assert_eq!(wait(other.get(Space::Challenge, &KEY)), Ok(None));
    assert_eq!(wait(other.take(Space::Challenge, &KEY)), Ok(None));
    assert_eq!(wait(same.attempt(Space::Challenge, &KEY, 5)).unwrap().unwrap().left, 4);
    assert_eq!(wait(subject.store().attempt(Space::Challenge, &KEY, 5)).unwrap().unwrap().left, 3);
    assert_eq!(wait(same.take(Space::Challenge, &KEY)), Ok(Some(b"v".to_vec())));
    assert_eq!(wait(subject.store().get(Space::Challenge, &KEY)), Ok(None));
}

/// Redis forgets each entry by itself: none is immortal, whatever is done to it.
#[test]
fn every_entry_has_an_end_whatever_is_done_to_it() {
    let Some(subject) = InRedis::new() else { return };
    let life = i64::try_from(LIFE.as_millis()).unwrap();
    put(&subject, Space::Challenge, b"old");
    put(&subject, Space::Challenge, b"new");
    for _ in 0..7 {
        let left: i64 = subject.ask("PTTL", &[&name(&subject)]);
        assert!((1..=life).contains(&left), "{left}");
        wait(subject.store().attempt(Space::Challenge, &KEY, 5)).unwrap();
        wait(subject.store().get(Space::Challenge, &KEY)).unwrap();
    }
    wait(subject.store().put(Space::OauthCode, &KEY, vec![1], Duration::ZERO)).unwrap();
    wait(subject.store().take(Space::Challenge, &KEY)).unwrap().unwrap();
    wait(subject.store().attempt(Space::Challenge, &KEY, 5)).unwrap();
    wait(subject.store().put(Space::OauthState, &KEY, vec![1], Duration::MAX)).unwrap();
    // The code of no time at all may be there still for a moment; the flow's name sorts after it.
    assert!(subject.ask::<i64>("PTTL", &[subject.names().last().unwrap()]) > 0);
}

/// Whoever reads Redis learns neither keys, which come from tokens, nor values.
#[test]
fn neither_a_key_nor_a_value_lies_open_in_redis() {
    let Some(subject) = InRedis::new() else { return };
    for space in SPACES {
        put(&subject, space, b"a canary of a verifier");
    }
    let names = subject.names();
    assert_eq!(names.len(), SPACES.len());
    for name in names {
        let stored: Vec<u8> = subject.ask("GET", &[&name]);
        assert!(!stored.windows(6).any(|part| part == b"canary"), "{name}");
        assert!(!stored.windows(32).any(|part| part == KEY), "{name}");
        // The prefix is random.
        let name = name.strip_prefix(&subject.prefix).unwrap();
        assert!(!name.to_lowercase().contains("c5c5") && !name.contains("xcXF"), "{name}: in hexadecimal or base64");
    }
}

/// Whoever writes to Redis can't make a sign-in of their own somebody else's.
#[test]
fn an_entry_that_somebody_changed_or_moved_is_not_found() {
    let Some(subject) = InRedis::new() else { return };
    put(&subject, Space::Challenge, b"whose sign-in it is");
    let name = name(&subject);
    let stored: Vec<u8> = subject.ask("GET", &[&name]);
    let last = stored.len() - 1;
    let elsewhere = [9; 32];
    wait(subject.store().put(Space::Challenge, &elsewhere, b"another's".to_vec(), LIFE)).unwrap();
    let others: Vec<String> = subject.names().into_iter().filter(|other| *other != name).collect();
    let of_another: Vec<u8> = subject.ask("GET", &[&others[0]]);
    let mut flipped = stored.clone();
    flipped[last] ^= 1;
    for changed in [flipped, stored[..last].to_vec(), b"\0\0\0\0plain".to_vec(), b"\0\0\0\0".to_vec(), of_another] {
        subject.set(&name, &changed);
        assert_eq!(wait(subject.store().get(Space::Challenge, &KEY)), Ok(None));
        assert_eq!(wait(subject.store().attempt(Space::Challenge, &KEY, 5)), Ok(None));
    }
    assert_eq!(wait(subject.store().take(Space::Challenge, &KEY)), Ok(None));
    assert_eq!(wait(subject.store().take(Space::Challenge, &elsewhere)), Ok(Some(b"another's".to_vec())));
    put(&subject, Space::Challenge, b"x");
    subject.set(&name, b"");
    assert_eq!(wait(subject.store().get(Space::Challenge, &KEY)), Ok(None));
    assert_eq!(wait(subject.store().take(Space::Challenge, &KEY)), Ok(None));
}

/// However many come at once, one connection serves them, and nobody gets another's answer.
#[test]
fn a_thousand_operations_at_once_get_their_own_answers() {
    let Some(subject) = InRedis::new() else { return };
    let key = |number: u32| {
        let mut key = KEY;
        key[..4].copy_from_slice(&number.to_be_bytes());
        key
    };
    let go_round = |number: u32| {
        let (store, key) = (subject.store().clone(), key(number));
        async move {
            store.put(Space::OauthState, &key, number.to_be_bytes().to_vec(), LIFE).await.unwrap();
            assert_eq!(store.get(Space::OauthState, &key).await.unwrap().unwrap(), number.to_be_bytes());
            store.take(Space::OauthState, &key).await.unwrap().unwrap()
        }
    };
    let values = wait(async {
        let tasks: Vec<_> = (0..1000).map(|number| tokio::spawn(go_round(number))).collect();
        let mut values = Vec::new();
        for task in tasks {
            values.push(task.await.unwrap());
        }
        values
    });
    assert!(values.into_iter().eq((0..1000_u32).map(|number| number.to_be_bytes().to_vec())));
    assert_eq!(subject.names(), [""; 0]);
}
