//! What a second factor changes in the rows of users and sessions.

use auth_core::Timestamp;
use auth_persistence::session::{self, Session};
use auth_persistence::user::{self, User};
use auth_persistence::{backup_code, totp_credential};

use crate::fixture::{TestDatabase, on_both_databases};
use crate::rows::{HOUR, NOW, TICK, new_session, new_user, session_id, user_id, user_with_session};

on_both_databases!(
    a_new_user_has_no_second_factor,
    a_second_factor_is_noted_and_taken_back,
    a_proof_is_noted_with_its_methods,
    a_proof_changes_no_other_session,
    no_proof_is_noted_in_a_session_that_is_not_theirs,
    no_proof_is_noted_in_a_session_that_ended,
    a_deleted_user_takes_the_second_factor_along,
);

fn find(test: &TestDatabase, number: u64) -> User {
    test.read(move |c| user::find(c, user_id(number))).unwrap()
}

fn found_session(test: &TestDatabase, number: u64) -> Session {
    test.read(move |c| session::find(c, session_id(number))).unwrap()
}

fn proven(test: &TestDatabase, user: u64, methods: Option<&'static str>, now: Timestamp) -> bool {
    test.write(move |c| session::prove_again(c, session_id(1), user_id(user), methods, now))
}

fn a_new_user_has_no_second_factor(test: &TestDatabase) {
    test.write(user_with_session);
    assert_eq!(find(test, 1).mfa_enabled_at, None);
}

fn a_second_factor_is_noted_and_taken_back(test: &TestDatabase) {
    test.write(user_with_session);
    test.write(|c| user::insert(c, &new_user(2)));
    let before = find(test, 1);
    for (since, now) in [(Some(NOW), NOW.plus(HOUR)), (None, NOW.plus(2 * HOUR))] {
        assert!(test.write(move |c| user::set_mfa_enabled(c, user_id(1), since, now)));
        assert_eq!(find(test, 1), User { mfa_enabled_at: since, updated_at: now, ..before.clone() });
        let (_, joined) = test.read(|c| session::find_with_user(c, session_id(1))).unwrap();
        assert_eq!(joined.mfa_enabled_at, since);
    }
    assert_eq!((find(test, 2).mfa_enabled_at, find(test, 2).updated_at), (None, NOW));
    assert!(!test.write(|c| user::set_mfa_enabled(c, user_id(3), Some(NOW), NOW)));
}

fn a_proof_is_noted_with_its_methods(test: &TestDatabase) {
    test.write(user_with_session);
    let before = found_session(test, 1);
    let later = NOW.plus(HOUR);
    assert!(proven(test, 1, None, later));
    assert_eq!(found_session(test, 1), Session { authenticated_at: later, ..before.clone() }, "nothing else");
    assert!(proven(test, 1, Some("pwd,otp,mfa"), later.plus(TICK)));
    let auth_methods = "pwd,otp,mfa".to_owned();
    assert_eq!(found_session(test, 1), Session { authenticated_at: later.plus(TICK), auth_methods, ..before });
}

/// Step-up renews the proof of this session alone.
fn a_proof_changes_no_other_session(test: &TestDatabase) {
    test.write(user_with_session);
    test.write(|c| session::insert(c, &new_session(2, 1)));
    let before = found_session(test, 2);
    assert!(proven(test, 1, Some("pwd,otp,mfa"), NOW.plus(HOUR)));
    assert_eq!(found_session(test, 2), before);
}

fn no_proof_is_noted_in_a_session_that_is_not_theirs(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(2)));
    assert!(!proven(test, 2, Some("otp"), NOW), "there is none");
    test.write(user_with_session);
    let before = found_session(test, 1);
    assert!(!proven(test, 2, Some("otp"), NOW.plus(HOUR)));
    assert_eq!(found_session(test, 1), before);
}

fn no_proof_is_noted_in_a_session_that_ended(test: &TestDatabase) {
    test.write(user_with_session);
    let expires_at = new_session(1, 1).expires_at;
    assert!(!proven(test, 1, Some("otp"), expires_at), "expired, to the microsecond");
    assert_eq!(found_session(test, 1).authenticated_at, NOW);
    assert!(proven(test, 1, Some("otp"), expires_at.minus(TICK)));
    test.write(|c| session::revoke(c, session_id(1), user_id(1), "logout", NOW));
    let before = found_session(test, 1);
    assert!(!proven(test, 1, Some("pwd"), NOW.plus(HOUR)));
    assert_eq!(found_session(test, 1), before);
}

/// REQ-40: nothing about the account stays but the trail.
fn a_deleted_user_takes_the_second_factor_along(test: &TestDatabase) {
    for number in [1, 2] {
        test.write(move |c| {
            user::insert(c, &new_user(number))?;
            totp_credential::begin(c, user_id(number), b"sealed", NOW)?;
            backup_code::replace_all(c, user_id(number), &[[1; 32], [2; 32]], NOW)
        });
    }
    assert!(test.write(|c| user::delete(c, user_id(1))));
    assert_eq!(test.read(|c| totp_credential::find(c, user_id(1))), None);
    assert_eq!(test.write(|c| backup_code::delete_all(c, user_id(1))), 0);
    assert!(test.read(|c| totp_credential::find(c, user_id(2))).is_some(), "others keep theirs");
    assert_eq!(test.read(|c| backup_code::count_left(c, user_id(2))), 2);
}
