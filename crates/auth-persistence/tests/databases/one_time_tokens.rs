//! One-time tokens.

use auth_core::{Timestamp, TokenPurpose};
use auth_persistence::one_time_token::{
    NewOneTimeToken, OneTimeToken, Subject, delete_expired, end_for_pending, end_for_user, find, insert, spend,
};
use auth_persistence::{DbConnection, DbError, Hidden, pending_registration, user};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK, new_pending, new_token, new_user, token_hash, user_id};

on_both_databases!(
    a_token_is_read_as_written,
    a_token_is_good_once,
    one_of_many_spends_a_token,
    a_token_is_good_until_it_expires,
    a_token_is_good_for_its_own_purpose_alone,
    a_token_that_was_looked_at_can_still_be_spent,
    the_other_tokens_of_a_user_are_ended,
    the_other_tokens_of_a_registration_are_ended,
    no_purpose_ends_no_token,
    expired_tokens_are_deleted_used_or_not,
);

use TokenPurpose::{ChangeEmail, ResetPassword, VerifyEmail};

const USER: fn() -> Subject = || Subject::User(user_id(1));
const PENDING: fn() -> Subject = || Subject::Pending(new_pending(1, 1).id);

fn subjects(c: &mut DbConnection) -> Result<(), DbError> {
    user::insert(c, &new_user(1))?;
    user::insert(c, &new_user(2))?;
    pending_registration::replace(c, &new_pending(1, 1)).map(drop)
}

fn put(test: &TestDatabase, token: NewOneTimeToken) {
    test.write(move |c| insert(c, &token));
}

fn found(test: &TestDatabase, purpose: TokenPurpose, number: u8, now: Timestamp) -> Option<OneTimeToken> {
    test.read(move |c| find(c, purpose, &token_hash(number), now))
}

fn spent(test: &TestDatabase, purpose: TokenPurpose, number: u8, now: Timestamp) -> Option<OneTimeToken> {
    test.write(move |c| spend(c, purpose, &token_hash(number), now))
}

fn a_token_is_read_as_written(test: &TestDatabase) {
    test.write(subjects);
    for (number, subject) in [(1, USER()), (2, PENDING())] {
        let payload = (number == 1).then(|| Hidden::new("{\"new_email\":\"a@b.example\"}".to_owned()));
        let new = NewOneTimeToken { purpose: ChangeEmail, payload, ..new_token(number, subject) };
        put(test, new.clone());
        let expected = OneTimeToken {
            id: new.id,
            subject,
            purpose: ChangeEmail,
            payload: new.payload,
            created_at: NOW,
            expires_at: new.expires_at,
        };
        assert_eq!(found(test, ChangeEmail, number, NOW), Some(expected.clone()));
        assert_eq!(spent(test, ChangeEmail, number, NOW), Some(expected));
    }
}

/// P-01: a link works once.
fn a_token_is_good_once(test: &TestDatabase) {
    test.write(subjects);
    put(test, new_token(1, USER()));
    assert!(spent(test, ResetPassword, 1, NOW).is_some());
    assert!(spent(test, ResetPassword, 1, NOW).is_none());
    assert!(found(test, ResetPassword, 1, NOW).is_none());
}

/// P-01: also when it is followed sixteen times at once.
fn one_of_many_spends_a_token(test: &TestDatabase) {
    test.write(subjects);
    for number in 0..20 {
        put(test, new_token(number, USER()));
        let outcomes = sixteen_at_once(|_| {
            test.database.statements_blocking(move |c| spend(c, ResetPassword, &token_hash(number), NOW)).unwrap()
        });
        assert_eq!(outcomes.into_iter().flatten().count(), 1, "token {number}");
    }
}

fn a_token_is_good_until_it_expires(test: &TestDatabase) {
    test.write(subjects);
    put(test, new_token(1, USER()));
    assert!(found(test, ResetPassword, 1, NOW.plus(HOUR)).is_none());
    assert!(spent(test, ResetPassword, 1, NOW.plus(HOUR)).is_none());
    assert!(found(test, ResetPassword, 1, NOW.plus(HOUR).minus(TICK)).is_some());
    assert!(spent(test, ResetPassword, 1, NOW.plus(HOUR).minus(TICK)).is_some());
}

/// T-06: the hash holds the purpose; the row's own is asked for all the same.
fn a_token_is_good_for_its_own_purpose_alone(test: &TestDatabase) {
    test.write(subjects);
    put(test, new_token(1, USER()));
    for purpose in TokenPurpose::ALL.into_iter().filter(|purpose| *purpose != ResetPassword) {
        assert!(found(test, purpose, 1, NOW).is_none(), "{purpose}");
        assert!(spent(test, purpose, 1, NOW).is_none(), "{purpose}");
    }
    assert!(spent(test, ResetPassword, 1, NOW).is_some());
}

/// Mail scanners follow links: a look decides nothing.
fn a_token_that_was_looked_at_can_still_be_spent(test: &TestDatabase) {
    test.write(subjects);
    put(test, new_token(1, USER()));
    for _ in 0..3 {
        assert!(found(test, ResetPassword, 1, NOW).is_some());
    }
    assert!(spent(test, ResetPassword, 1, NOW).is_some());
}

/// P-02: with one reset every other link of the kind dies.
fn the_other_tokens_of_a_user_are_ended(test: &TestDatabase) {
    test.write(subjects);
    for number in 1..=3 {
        put(test, new_token(number, USER()));
    }
    put(test, NewOneTimeToken { purpose: VerifyEmail, ..new_token(4, USER()) });
    put(test, new_token(5, Subject::User(user_id(2))));
    assert!(spent(test, ResetPassword, 1, NOW).is_some());
    let end = |c: &mut _| end_for_user(c, user_id(1), &[ResetPassword, ChangeEmail], NOW);
    assert_eq!(test.write(end), 2);
    assert_eq!(test.write(end), 0);
    assert!(found(test, ResetPassword, 2, NOW).is_none() && spent(test, ResetPassword, 3, NOW).is_none());
    assert!(found(test, VerifyEmail, 4, NOW).is_some(), "another purpose");
    assert!(found(test, ResetPassword, 5, NOW).is_some(), "another user");
}

fn the_other_tokens_of_a_registration_are_ended(test: &TestDatabase) {
    test.write(subjects);
    put(test, new_token(1, PENDING()));
    put(test, NewOneTimeToken { purpose: VerifyEmail, ..new_token(2, PENDING()) });
    put(test, new_token(3, USER()));
    let end = |c: &mut _| end_for_pending(c, new_pending(1, 1).id, &[ResetPassword], NOW);
    assert_eq!(test.write(end), 1);
    assert!(found(test, ResetPassword, 1, NOW).is_none());
    assert!(found(test, VerifyEmail, 2, NOW).is_some() && found(test, ResetPassword, 3, NOW).is_some());
}

fn no_purpose_ends_no_token(test: &TestDatabase) {
    test.write(subjects);
    put(test, new_token(1, USER()));
    assert_eq!(test.write(|c| end_for_user(c, user_id(1), &[], NOW)), 0);
    assert!(found(test, ResetPassword, 1, NOW).is_some());
}

fn expired_tokens_are_deleted_used_or_not(test: &TestDatabase) {
    test.write(subjects);
    for number in 1..=4 {
        let expires_at = NOW.plus(TICK * u32::from(number));
        put(test, NewOneTimeToken { expires_at, ..new_token(number, USER()) });
    }
    assert!(spent(test, ResetPassword, 1, NOW).is_some());
    let deleted = |limit| test.write(move |c| delete_expired(c, NOW.plus(3 * TICK), limit));
    assert_eq!([2, 2, 2].map(deleted), [2, 1, 0]);
    assert!(found(test, ResetPassword, 4, NOW).is_some());
}
