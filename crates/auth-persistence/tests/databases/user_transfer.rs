//! Users in bulk: whole rows in, pages of them out.

use auth_core::{Role, Timestamp, UserId};
use auth_persistence::user::{self, User};
use auth_persistence::{Conflict, DbError, Hidden, oauth_account, reserved_address, totp_credential};

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, new_account, new_user, user_id};

on_both_databases!(
    a_whole_row_is_read_as_written,
    who_is_there_is_found_by_any_key,
    pages_follow_each_other_by_id,
    a_confirmed_credential_is_listed_and_its_codes_count_once,
    accounts_of_many_users_are_read_at_once,
    kept_addresses_are_found_among_many,
);

fn whole(number: u64) -> User {
    let new = new_user(number);
    User {
        id: new.id,
        email: new.email.as_ref().map(|email| email.as_str().to_owned()),
        email_normalized: new.email.as_ref().map(|email| email.canonical().to_owned()),
        email_verified_at: Some(NOW),
        username: new.username.as_ref().map(|name| name.as_str().to_owned()),
        username_normalized: new.username.as_ref().map(|name| name.canonical().to_owned()),
        password_hash: Some(Hidden::new("$argon2id$whole".to_owned())),
        display_name: Some("Jörg 🚀".to_owned()),
        avatar_url: Some("https://example.com/a.png".to_owned()),
        role: Role::Admin,
        disabled_at: Some(NOW.plus(HOUR)),
        password_must_change: true,
        premium_until: Some(Timestamp::MAX),
        last_login_at: Some(NOW.minus(HOUR)),
        token_epoch: 3,
        security_epoch: 4,
        premium_epoch: 5,
        mfa_enabled_at: Some(NOW),
        email_changed_at: Some(NOW),
        email_vouched_at: Some(NOW.minus(HOUR)),
        created_at: Timestamp::from_micros(-1),
        updated_at: NOW,
    }
}

fn store(test: &TestDatabase, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        test.write(move |c| user::insert_stored(c, &whole(number)));
    }
}

fn a_whole_row_is_read_as_written(test: &TestDatabase) {
    store(test, [1]);
    assert_eq!(test.read(|c| user::find(c, user_id(1))).unwrap(), whole(1));
    let again = |changed: User| test.refused(move |c| user::insert_stored(c, &changed));
    let with = |email: u64, name: u64| User {
        id: user_id(9),
        email: whole(email).email,
        email_normalized: whole(email).email_normalized,
        username: whole(name).username,
        username_normalized: whole(name).username_normalized,
        ..whole(1)
    };
    assert_eq!(again(with(1, 2)), DbError::UniqueViolation(Conflict::UserEmail));
    assert_eq!(again(with(2, 1)), DbError::UniqueViolation(Conflict::UserUsername));
    assert!(matches!(again(whole(1)), DbError::UniqueViolation(_)));
}

fn who_is_there_is_found_by_any_key(test: &TestDatabase) {
    store(test, 1..=4);
    let found = test.read(|c| {
        let email = whole(2).email_normalized.unwrap();
        let name = whole(3).username_normalized.unwrap();
        user::find_any(c, &[user_id(1), user_id(9)], &[&email, "nobody@example.com"], &[&name, &name])
    });
    assert_eq!(found.iter().map(|user| user.id).collect::<Vec<_>>(), in_order([1, 2, 3]));
    let once = test.read(|c| user::find_any(c, &[user_id(2)], &[&whole(2).email_normalized.unwrap()], &[]));
    assert_eq!(once, [whole(2)]);
    assert_eq!(test.read(|c| user::find_any(c, &[], &[], &[])), []);
}

fn pages_follow_each_other_by_id(test: &TestDatabase) {
    store(test, [5, 2, 4, 1, 3]);
    let page = |after: Option<UserId>| {
        let users = test.read(move |c| user::page_by_id(c, after, 2));
        users.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    let ids = in_order([1, 2, 3, 4, 5]);
    assert_eq!(page(None), ids[..2]);
    assert_eq!(page(Some(ids[1])), ids[2..4]);
    assert_eq!(page(Some(ids[3])), ids[4..]);
    assert_eq!(page(Some(ids[4])), []);
}

fn in_order<const N: usize>(numbers: [u64; N]) -> Vec<UserId> {
    let mut ids: Vec<UserId> = numbers.map(user_id).into();
    ids.sort_unstable();
    ids
}

fn a_confirmed_credential_is_listed_and_its_codes_count_once(test: &TestDatabase) {
    store(test, 1..=3);
    test.write(|c| totp_credential::insert_confirmed(c, user_id(1), b"sealed", NOW));
    assert!(test.write(|c| totp_credential::begin(c, user_id(2), b"pending", NOW)));
    let listed = test.read(|c| totp_credential::list_confirmed(c, &[1, 2, 3].map(user_id)));
    assert_eq!(listed.len(), 1);
    assert_eq!((listed[0].user_id, listed[0].confirmed_at, listed[0].last_step), (user_id(1), Some(NOW), Some(0)));
    assert_eq!(listed[0].secret_sealed.expose(), b"sealed");
    assert!(test.write(|c| totp_credential::use_step(c, user_id(1), 7)));
    assert!(!test.write(|c| totp_credential::use_step(c, user_id(1), 7)));
}

fn accounts_of_many_users_are_read_at_once(test: &TestDatabase) {
    store(test, 1..=3);
    for (number, provider, subject) in [(2, "google", "b"), (1, "google", "a"), (1, "corp", "a")] {
        test.write(move |c| oauth_account::insert(c, &new_account(number, provider, subject)));
    }
    let listed = test.read(|c| oauth_account::list_of(c, &[2, 1, 3].map(user_id)));
    let mut listed: Vec<_> = listed.iter().map(|account| (account.user_id, account.provider.as_str())).collect();
    // Those of one user together, by their providers when they were linked at once.
    assert!(listed.is_sorted());
    listed.sort_unstable();
    let mut expected = [(user_id(1), "corp"), (user_id(1), "google"), (user_id(2), "google")];
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let found = test.read(|c| oauth_account::find_any(c, "google", &["a", "b", "c", "A"]));
    let mut found: Vec<_> = found.iter().map(|account| account.user_id).collect();
    found.sort_unstable();
    assert_eq!(found, in_order([1, 2]));
}

fn kept_addresses_are_found_among_many(test: &TestDatabase) {
    store(test, 1..=2);
    let keep = |email: &'static str, number: u64, until: Timestamp| {
        test.write(move |c| reserved_address::reserve(c, email, user_id(number), until));
    };
    keep("old@example.com", 1, NOW.plus(HOUR));
    keep("other@example.com", 2, NOW.plus(HOUR));
    let emails = ["old@example.com", "other@example.com", "new@example.com"];
    let mut both = test.read(move |c| reserved_address::find_any(c, &emails, NOW));
    both.sort_unstable();
    assert_eq!(both, [("old@example.com".to_owned(), user_id(1)), ("other@example.com".to_owned(), user_id(2))]);
    assert_eq!(test.read(move |c| reserved_address::find_any(c, &emails, NOW.plus(HOUR))), []);
}
