//! Clients that a user signed in with before.

use auth_persistence::known_client::{any, is_known, keep_newest, note};
use auth_persistence::user;

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, new_user, user_id};

on_both_databases!(
    a_client_is_known_once_it_was_noted_and_to_its_user_alone,
    the_clients_seen_last_are_kept,
    a_client_is_noted_by_many_at_once,
);

fn known(test: &TestDatabase, client: &'static str) -> bool {
    test.read(move |c| is_known(c, user_id(1), client))
}

fn a_client_is_known_once_it_was_noted_and_to_its_user_alone(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        user::insert(c, &new_user(2))
    });
    assert!(!test.read(|c| any(c, user_id(1))) && !known(test, "a"));
    test.write(|c| note(c, user_id(1), "a", NOW));
    assert!(test.read(|c| any(c, user_id(1))) && known(test, "a"));
    assert!(!known(test, "b"));
    assert!(!test.read(|c| is_known(c, user_id(2), "a")) && !test.read(|c| any(c, user_id(2))));
}

fn the_clients_seen_last_are_kept(test: &TestDatabase) {
    test.write(|c| {
        user::insert(c, &new_user(1))?;
        user::insert(c, &new_user(2))?;
        for (hours, client) in [(1, "a"), (2, "b"), (3, "c"), (4, "a")] {
            note(c, user_id(1), client, NOW.plus(HOUR * hours))?;
        }
        note(c, user_id(2), "other", NOW)
    });
    assert_eq!(test.write(|c| keep_newest(c, user_id(1), 3)), 0);
    assert_eq!(test.write(|c| keep_newest(c, user_id(1), 2)), 1);
    assert_eq!(["a", "b", "c"].map(|client| known(test, client)), [true, false, true]);
    assert_eq!(test.write(|c| keep_newest(c, user_id(1), 0)), 2);
    assert!(test.read(|c| any(c, user_id(2))));
}

fn a_client_is_noted_by_many_at_once(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    sixteen_at_once(|_| test.write(|c| note(c, user_id(1), "a", NOW)));
    assert_eq!(test.write(|c| keep_newest(c, user_id(1), 0)), 1);
}
