//! Addresses kept for who had them.

use auth_core::UserId;
use auth_persistence::reserved_address::{delete_expired, holder, release, reserve};
use auth_persistence::{DbConnection, DbError, user};

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, TICK, new_user, user_id};

on_both_databases!(
    an_address_is_kept_until_its_time_is_over,
    an_address_is_kept_for_one_user_and_as_long_as_was_said_last,
    an_address_is_released_by_who_has_it,
    addresses_no_longer_kept_are_deleted,
);

fn users(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    user::insert(c, &new_user(2))
}

fn held(test: &TestDatabase, address: &'static str) -> Option<UserId> {
    test.read(move |c| holder(c, address, NOW))
}

fn an_address_is_kept_until_its_time_is_over(test: &TestDatabase) {
    test.write(users);
    test.write(|c| reserve(c, "old@example.com", user_id(1), NOW.plus(HOUR)));
    let held_at = |now| test.read(move |c| holder(c, "old@example.com", now));
    assert_eq!(held_at(NOW.plus(HOUR).minus(TICK)), Some(user_id(1)));
    assert_eq!(held_at(NOW.plus(HOUR)), None);
    assert_eq!(held(test, "other@example.com"), None);
}

fn an_address_is_kept_for_one_user_and_as_long_as_was_said_last(test: &TestDatabase) {
    test.write(users);
    test.write(|c| reserve(c, "old@example.com", user_id(1), NOW));
    test.write(|c| reserve(c, "old@example.com", user_id(1), NOW.plus(HOUR)));
    assert_eq!(held(test, "old@example.com"), Some(user_id(1)));
    test.write(|c| reserve(c, "old@example.com", user_id(2), NOW.plus(HOUR)));
    assert_eq!(held(test, "old@example.com"), Some(user_id(2)));
}

fn an_address_is_released_by_who_has_it(test: &TestDatabase) {
    test.write(users);
    test.write(|c| reserve(c, "old@example.com", user_id(1), NOW.plus(HOUR)));
    assert!(!test.write(|c| release(c, "old@example.com", user_id(2))));
    assert!(test.write(|c| release(c, "old@example.com", user_id(1))));
    assert!(!test.write(|c| release(c, "old@example.com", user_id(1))));
    assert_eq!(held(test, "old@example.com"), None);
}

fn addresses_no_longer_kept_are_deleted(test: &TestDatabase) {
    test.write(users);
    test.write(|c| {
        reserve(c, "a@example.com", user_id(1), NOW)?;
        reserve(c, "b@example.com", user_id(1), NOW.minus(TICK))?;
        reserve(c, "c@example.com", user_id(1), NOW.plus(TICK))
    });
    assert_eq!([1, 9, 9].map(|limit| test.write(move |c| delete_expired(c, NOW, limit))), [1, 1, 0]);
    assert_eq!(held(test, "c@example.com"), Some(user_id(1)));
}
