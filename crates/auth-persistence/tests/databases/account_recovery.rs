//! What recovery changes in a user's row.

use auth_core::Email;
use auth_persistence::one_time_token::Subject;
use auth_persistence::user::{self, NewUser, User};
use auth_persistence::{
    Conflict, DbError, Hidden, authenticator_failure, known_client, one_time_token, reserved_address,
};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, new_token, new_user, token_hash, user_id};

on_both_databases!(
    a_security_epoch_rises_by_one,
    no_rise_of_a_security_epoch_is_lost,
    a_password_is_set_whatever_it_was,
    an_unusable_password_is_none,
    an_address_is_replaced_with_its_proof,
    an_address_is_not_taken_from_another_user,
    one_of_many_changes_to_the_same_address_wins,
    an_address_is_verified_once,
    an_address_that_was_replaced_is_confirmed_once,
    a_deleted_user_takes_along_whatever_recovery_stored,
);

fn find(test: &TestDatabase, number: u64) -> User {
    test.read(move |c| user::find(c, user_id(number))).unwrap()
}

fn email(text: &str) -> Email {
    Email::parse(text).unwrap()
}

fn a_security_epoch_rises_by_one(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    assert_eq!(find(test, 1).security_epoch, 0);
    assert_eq!(test.write(|c| user::raise_security_epoch(c, user_id(1))), Some(1));
    assert_eq!(test.write(|c| user::raise_security_epoch(c, user_id(1))), Some(2));
    assert_eq!(test.write(|c| user::raise_security_epoch(c, user_id(2))), None);
    assert_eq!((find(test, 1).security_epoch, find(test, 1).token_epoch), (2, 0));
}

fn no_rise_of_a_security_epoch_is_lost(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let mut epochs = sixteen_at_once(|_| test.write(|c| user::raise_security_epoch(c, user_id(1))).unwrap());
    epochs.sort_unstable();
    assert_eq!(epochs, (1..=16).collect::<Vec<_>>());
}

fn a_password_is_set_whatever_it_was(test: &TestDatabase) {
    test.write(|c| user::insert(c, &NewUser { password_must_change: true, ..new_user(1) }));
    assert!(test.write(|c| user::set_password(c, user_id(1), Some("$new"), NOW.plus(HOUR))));
    let user = find(test, 1);
    assert_eq!(user.password_hash, Some(Hidden::new("$new".to_owned())));
    assert_eq!((user.password_must_change, user.updated_at), (false, NOW.plus(HOUR)));
    assert!(!test.write(|c| user::set_password(c, user_id(2), Some("$new"), NOW)));
}

fn an_unusable_password_is_none(test: &TestDatabase) {
    test.write(|c| user::insert(c, &NewUser { password_must_change: true, ..new_user(1) }));
    assert!(test.write(|c| user::set_password(c, user_id(1), None, NOW)));
    let user = find(test, 1);
    assert_eq!((user.password_hash, user.password_must_change), (None, true), "the demand stays");
    assert!(!test.write(|c| user::update_password_hash(c, user_id(1), "$argon2id$1", "$new", NOW)));
}

fn an_address_is_replaced_with_its_proof(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    for verified_at in [Some(NOW), None] {
        let new = email("Ada@Bücher.example");
        assert!(test.write(move |c| user::set_email(c, user_id(1), &new, verified_at, NOW.plus(HOUR))));
        let user = find(test, 1);
        assert_eq!(user.email.as_deref(), Some("Ada@Bücher.example"));
        assert_eq!(user.email_normalized.as_deref(), Some("ada@xn--bcher-kva.example"));
        assert_eq!((user.email_verified_at, user.updated_at), (verified_at, NOW.plus(HOUR)));
        assert_eq!(user.email_changed_at, Some(NOW.plus(HOUR)), "verified or not");
    }
    assert!(!test.write(|c| user::set_email(c, user_id(2), &email("b@example.com"), None, NOW)));
}

fn an_address_is_not_taken_from_another_user(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    test.write(|c| user::insert(c, &new_user(2)));
    let error = test.refused(|c| user::set_email(c, user_id(2), &email("USER1@example.com"), Some(NOW), NOW));
    assert_eq!(error, DbError::UniqueViolation(Conflict::UserEmail));
}

/// P-18: unique when it is confirmed.
fn one_of_many_changes_to_the_same_address_wins(test: &TestDatabase) {
    for number in 0..16 {
        test.write(move |c| user::insert(c, &new_user(number)));
    }
    let outcomes = sixteen_at_once(|number| {
        let change = move |c: &mut _| user::set_email(c, user_id(number), &email("wanted@example.com"), Some(NOW), NOW);
        test.database.write_blocking(change)
    });
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Ok(true)).count(), 1);
    let taken = Err(DbError::UniqueViolation(Conflict::UserEmail));
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == taken).count(), 15);
}

fn an_address_is_verified_once(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    test.write(|c| user::insert(c, &NewUser { email: None, ..new_user(2) }));
    assert!(test.write(|c| user::mark_email_verified(c, user_id(1), NOW)));
    assert!(!test.write(|c| user::mark_email_verified(c, user_id(1), NOW.plus(HOUR))));
    assert_eq!(find(test, 1).email_verified_at, Some(NOW));
    assert!(!test.write(|c| user::mark_email_verified(c, user_id(2), NOW)), "no address");
    assert!(!test.write(|c| user::mark_email_verified(c, user_id(3), NOW)), "no user");
}

/// H-01: whether whoever has the address has the account is known after that, and not before.
fn an_address_that_was_replaced_is_confirmed_once(test: &TestDatabase) {
    test.write(|c| user::insert(c, &NewUser { email_verified_at: Some(NOW), ..new_user(1) }));
    test.write(|c| user::insert(c, &new_user(2)));
    assert_eq!(find(test, 1).email_changed_at, None);
    assert!(!test.write(|c| user::confirm_email_owner(c, user_id(1))), "it was never replaced");
    for (changed_at, address) in [(NOW, "a@example.com"), (NOW.plus(HOUR), "b@example.com")] {
        for number in [1, 2] {
            let new = email(&format!("{number}-{address}"));
            assert!(test.write(move |c| user::set_email(c, user_id(number), &new, Some(NOW), changed_at)));
        }
        assert!(!test.write(|c| user::mark_email_verified(c, user_id(1), NOW)));
        let before = find(test, 1);
        assert_eq!(before.email_changed_at, Some(changed_at));
        assert!(test.write(|c| user::confirm_email_owner(c, user_id(1))));
        assert!(!test.write(|c| user::confirm_email_owner(c, user_id(1))));
        assert_eq!(find(test, 1), User { email_changed_at: None, ..before });
        assert_eq!(find(test, 2).email_changed_at, Some(changed_at), "nobody else's");
    }
    assert!(!test.write(|c| user::confirm_email_owner(c, user_id(3))), "no user");
}

/// REQ-40: nothing about the account stays but the trail.
fn a_deleted_user_takes_along_whatever_recovery_stored(test: &TestDatabase) {
    use auth_core::TokenPurpose::ResetPassword;
    use authenticator_failure::{ANY_LANE, Authenticator};

    test.write(|c| {
        user::insert(c, &new_user(1))?;
        one_time_token::insert(c, &new_token(1, Subject::User(user_id(1))))?;
        authenticator_failure::add(c, user_id(1), Authenticator::Password, ANY_LANE)?;
        reserved_address::reserve(c, "old@example.com", user_id(1), NOW.plus(HOUR))?;
        known_client::note(c, user_id(1), "a", NOW)
    });
    assert!(test.write(|c| user::delete(c, user_id(1))));
    assert_eq!(test.read(|c| one_time_token::find(c, ResetPassword, &token_hash(1), NOW)), None);
    let failures = |c: &mut _| authenticator_failure::count(c, user_id(1), Authenticator::Password, ANY_LANE);
    assert_eq!(test.read(failures), 0);
    assert_eq!(test.read(|c| reserved_address::holder(c, "old@example.com", NOW)), None);
    assert!(!test.read(|c| known_client::any(c, user_id(1))));
}
