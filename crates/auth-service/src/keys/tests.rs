//! When keys come and go, by the dates of the table alone (REQ-15, T-23).

use std::time::Duration;

use auth_core::{SigningAlgorithm, Timestamp};
use auth_persistence::signing_key::SigningKeyEntry;

use super::plan::{AT_ONCE, Changes, OVERLAP, PUBLISHED_AHEAD, Plan};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const LIFE: Duration = Duration::from_hours(90 * 24);
const TICK: Duration = Duration::from_micros(1);
const NOON: Timestamp = Timestamp::from_seconds(1_772_366_400);

const EDDSA: Plan = Plan { algorithm: SigningAlgorithm::EdDsa, life: LIFE };
const ES256: Plan = Plan { algorithm: SigningAlgorithm::Es256, life: LIFE };

fn key(kid: &str, activates_at: Timestamp, retires_at: Option<Timestamp>) -> SigningKeyEntry {
    let (kid, algorithm) = (kid.to_owned(), "EdDSA".to_owned());
    SigningKeyEntry { kid, algorithm, created_at: activates_at, activates_at, retires_at }
}

fn of(algorithm: SigningAlgorithm, mut key: SigningKeyEntry) -> SigningKeyEntry {
    algorithm.as_str().clone_into(&mut key.algorithm);
    key
}

/// The table after `changes`, with `kid` for the new key.
fn changed(mut keys: Vec<SigningKeyEntry>, changes: &Changes, kid: &str) -> Vec<SigningKeyEntry> {
    for key in &mut keys {
        let end = changes.retire.iter().find(|(kid, _)| *kid == key.kid).map(|(_, end)| *end);
        key.retires_at = end.or(key.retires_at);
    }
    keys.retain(|key| changes.delete_until.is_none_or(|end| key.retires_at.is_none_or(|at| at > end)));
    keys.extend(changes.signs_from.map(|from| key(kid, from, None)));
    keys.sort_by_key(|key| key.activates_at);
    keys
}

fn signing(plan: Plan, keys: &[SigningKeyEntry], now: Timestamp) -> Option<&str> {
    plan.signing(keys, now).map(|key| key.kid.as_str())
}

#[test]
fn without_a_key_one_is_made_that_signs_at_once() {
    let other = of(SigningAlgorithm::Hs256, key("h", NOON, None));
    for keys in [vec![], vec![other], vec![key("dead", NOON.minus(DAY), Some(NOON))]] {
        assert!(EDDSA.has_no_key(&keys, NOON));
        assert_eq!(EDDSA.due(&keys, NOON), Changes { signs_from: Some(NOON), ..Changes::default() });
    }
}

#[test]
fn a_successor_is_due_so_early_that_it_signs_when_the_key_has_its_age() {
    let keys = vec![key("a", NOON, None)];
    let due_at = NOON.plus(LIFE).minus(PUBLISHED_AHEAD);
    assert!(EDDSA.due(&keys, due_at.minus(TICK)).is_none());
    let due = EDDSA.due(&keys, due_at);
    assert_eq!(due.signs_from, Some(NOON.plus(LIFE)));
    assert_eq!(due.retire, [("a".to_owned(), NOON.plus(LIFE).plus(OVERLAP))]);
    assert_eq!(due.delete_until, None);
    let keys = changed(keys, &due, "b");
    for now in [due_at, NOON.plus(LIFE), NOON.plus(LIFE + LIFE).minus(PUBLISHED_AHEAD + TICK)] {
        assert!(EDDSA.due(&keys, now).signs_from.is_none(), "{now}");
    }
    assert_eq!(signing(EDDSA, &keys, NOON.plus(LIFE).minus(TICK)), Some("a"));
    assert_eq!(signing(EDDSA, &keys, NOON.plus(LIFE)), Some("b"));
}

/// Whatever life access tokens have here or elsewhere.
#[test]
fn a_replaced_key_outlives_every_token_that_it_signed() {
    assert!(OVERLAP >= auth_core::MAX_ACCESS_TOKEN_LIFETIME + HOUR);
    let keys = changed(vec![key("a", NOON, None)], &EDDSA.rotation(&[key("a", NOON, None)], NOON), "b");
    let mut now = NOON;
    while signing(EDDSA, &keys, now) == Some("a") {
        assert!(keys[0].retires_at.is_some_and(|end| now.plus(DAY) <= end), "{now}");
        now = now.plus(Duration::from_mins(1));
    }
    assert_eq!(now, NOON.plus(PUBLISHED_AHEAD));
}

#[test]
fn a_key_that_would_not_outlive_its_tokens_does_not_sign_where_there_is_another() {
    let ending = key("ending", NOON, Some(NOON.plus(DAY)));
    let keys = [key("old", NOON.minus(DAY), None), ending.clone()];
    assert_eq!(signing(EDDSA, &keys, NOON), Some("ending"));
    assert_eq!(signing(EDDSA, &keys, NOON.plus(TICK)), Some("old"));
    assert_eq!(signing(EDDSA, std::slice::from_ref(&ending), NOON.plus(TICK)), Some("ending"), "better than none");
    assert!(EDDSA.has_no_key(std::slice::from_ref(&ending), NOON.plus(TICK)));
    assert_eq!(signing(EDDSA, &[ending], NOON.plus(DAY)), None);
}

#[test]
fn a_key_that_has_not_begun_signs_only_where_there_is_no_other() {
    let waiting = key("waiting", NOON.plus(HOUR), None);
    assert_eq!(signing(EDDSA, std::slice::from_ref(&waiting), NOON), Some("waiting"));
    assert_eq!(signing(EDDSA, &[key("old", NOON.minus(DAY), None), waiting.clone()], NOON), Some("old"));
    assert!(EDDSA.due(&[waiting], NOON).is_none());
}

#[test]
fn at_once_every_other_key_ends_when_the_new_one_begins() {
    let ends_before = key("ends before", NOON.minus(DAY), Some(NOON.plus(TICK)));
    let keys = vec![
        ends_before.clone(),
        key("old", NOON.minus(HOUR), Some(NOON.plus(DAY))),
        key("a", NOON, None),
        of(SigningAlgorithm::Es256, key("other", NOON, None)),
        key("waiting", NOON.plus(PUBLISHED_AHEAD), None),
    ];
    let changes = Plan::rotation_at_once(&keys, NOON);
    let from = NOON.plus(AT_ONCE);
    assert_eq!((changes.signs_from, changes.delete_until), (Some(from), None));
    assert_eq!(changes.retire, ["old", "a", "other", "waiting"].map(|kid| (kid.to_owned(), from)));
    let keys = changed(keys, &changes, "new");
    assert!(EDDSA.due(&keys, NOON).is_none() && EDDSA.due(&keys, from).is_none());
    assert_eq!(signing(EDDSA, &keys, from.minus(TICK)), Some("a"));
    assert_eq!(signing(EDDSA, &keys, from), Some("new"));
    let others = ES256.due(&keys, NOON);
    assert_eq!(others.signs_from, Some(NOON), "whoever has another algorithm set makes a key of it");
}

#[test]
fn a_waiting_successor_is_told_unless_a_wrong_clock_made_it() {
    let waits = |until| EDDSA.successor(&[key("a", NOON, None), key("b", until, None)], NOON).is_some();
    assert!(waits(NOON.plus(TICK)) && waits(NOON.plus(DAY)));
    assert!(!waits(NOON.plus(DAY + TICK)) && !waits(NOON));
    // Nobody makes keys without end because one clock is wrong.
    let keys = [key("a", NOON, None), key("b", NOON.plus(LIFE * 5), None)];
    assert!(EDDSA.due(&keys, NOON.plus(LIFE * 2)).is_none());
}

#[test]
fn a_key_of_an_algorithm_that_nobody_signs_with_ends_when_it_is_older_than_keys_get() {
    let other = of(SigningAlgorithm::Es256, key("other", NOON, None));
    let keys = |now: Timestamp| vec![other.clone(), key("a", now.minus(HOUR), None)];
    let end = NOON.plus(LIFE + DAY);
    assert!(EDDSA.due(&keys(end.minus(TICK)), end.minus(TICK)).is_none());
    let due = EDDSA.due(&keys(end), end);
    assert_eq!(due.retire, [("other".to_owned(), end.plus(DAY * 7))]);
    assert_eq!(due.signs_from, None);

    // Somebody does sign with it all the same, and only days later has the time to look.
    let keys = changed(keys(end), &due, "");
    for now in [end, end.plus(DAY * 5)] {
        assert_eq!(signing(ES256, &keys, now), Some("other"));
        let signs_from = now.plus(PUBLISHED_AHEAD);
        assert_eq!(ES256.due(&keys, now).signs_from, Some(signs_from));
        assert!(keys[0].retires_at.unwrap() >= signs_from.plus(DAY), "its last tokens live to their end");
    }
}

#[test]
fn a_retired_key_is_deleted_after_a_week() {
    let keys = [key("a", NOON, Some(NOON)), key("b", NOON, None)];
    assert!(EDDSA.due(&keys, NOON.plus(DAY * 7).minus(TICK)).is_none());
    let due = EDDSA.due(&keys, NOON.plus(DAY * 7));
    assert_eq!(due, Changes { delete_until: Some(NOON), ..Changes::default() });
}

#[test]
fn instances_with_different_lives_make_one_successor() {
    let short = Plan { life: HOUR, ..EDDSA };
    let now = NOON.plus(HOUR);
    let keys = changed(vec![key("a", NOON, None)], &short.due(&[key("a", NOON, None)], now), "b");
    for plan in [short, EDDSA] {
        assert!(plan.due(&keys, now).is_none());
        assert_eq!(signing(plan, &keys, now), Some("a"));
        assert_eq!(signing(plan, &keys, now.plus(PUBLISHED_AHEAD)), Some("b"));
    }
}
