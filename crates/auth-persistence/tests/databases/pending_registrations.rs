//! Registrations that wait for their address to be proven.

use auth_core::{DisplayName, TokenPurpose};
use auth_persistence::one_time_token::{self, NewOneTimeToken, Subject};
use auth_persistence::pending_registration::{
    NewPending, delete_by_email, delete_expired, find, find_by_email, replace, take,
};
use auth_persistence::{Hidden, user};

use crate::fixture::{TestDatabase, on_both_databases, sixteen_at_once};
use crate::rows::{HOUR, NOW, TICK, new_pending, new_token, new_user, token_hash};

on_both_databases!(
    a_registration_is_read_as_written,
    a_registration_is_found_until_it_expires,
    a_new_registration_takes_the_place_of_the_old_one_and_ends_its_verification,
    a_registration_waits_beside_the_account_that_has_the_address,
    one_of_many_takes_a_registration,
    one_registration_stays_of_many_at_once,
    the_loser_of_a_race_leaves_the_transaction_usable,
    an_expired_registration_is_not_taken,
    a_registration_is_deleted_by_its_address,
    expired_registrations_are_deleted,
);

fn put(test: &TestDatabase, pending: NewPending) {
    assert!(test.write(move |c| replace(c, &pending)));
}

fn a_registration_is_read_as_written(test: &TestDatabase) {
    put(test, NewPending { display_name: Some(DisplayName::parse("Jörg 🚀").unwrap()), ..new_pending(1, 1) });
    let new = new_pending(1, 1);
    let stored = test.read(move |c| find(c, new.id, NOW)).unwrap();
    assert_eq!(stored.id, new.id);
    assert_eq!(stored.email, Hidden::new(new.email.as_str().to_owned()));
    assert_eq!(stored.email_normalized.expose(), "user1@example.com");
    assert_eq!(stored.password_hash, new.password_hash);
    assert_eq!(stored.display_name.as_deref(), Some("Jörg 🚀"));
    assert_eq!((stored.created_at, stored.expires_at), (NOW, new.expires_at));
    assert_eq!(test.read(|c| find_by_email(c, "user1@example.com", NOW)), Some(stored.clone()));
    assert_eq!(test.write(move |c| take(c, new.id, NOW)), Some(stored), "and is taken as it was read");
}

fn a_registration_is_found_until_it_expires(test: &TestDatabase) {
    put(test, new_pending(1, 1));
    let found = |now| {
        let by_id = test.read(move |c| find(c, new_pending(1, 1).id, now)).is_some();
        let by_email = test.read(move |c| find_by_email(c, "user1@example.com", now)).is_some();
        (by_id, by_email)
    };
    assert_eq!(found(NOW.plus(HOUR).minus(TICK)), (true, true));
    assert_eq!(found(NOW.plus(HOUR)), (false, false));
    assert_eq!(test.read(|c| find_by_email(c, "user2@example.com", NOW)), None);
}

/// P-27 and section 2.F: whoever registers an address after somebody else did leaves them nothing that works.
fn a_new_registration_takes_the_place_of_the_old_one_and_ends_its_verification(test: &TestDatabase) {
    put(test, new_pending(1, 1));
    let subject = Subject::Pending(new_pending(1, 1).id);
    let verification = NewOneTimeToken { purpose: TokenPurpose::VerifyEmail, ..new_token(2, subject) };
    test.write(move |c| one_time_token::insert(c, &new_token(1, subject)));
    test.write(move |c| one_time_token::insert(c, &verification));
    put(test, new_pending(2, 1));
    assert_eq!(test.read(|c| find(c, new_pending(1, 1).id, NOW)), None);
    let token = test.write(|c| one_time_token::spend(c, TokenPurpose::VerifyEmail, &token_hash(2), NOW));
    assert_eq!(token, None);
    // The link to reset the password is the address's owner's, whoever registered last.
    let token = test.write(|c| one_time_token::spend(c, TokenPurpose::ResetPassword, &token_hash(1), NOW));
    assert_eq!(token.map(|token| token.subject), Some(Subject::Pending(new_pending(2, 1).id)));
    let id = test.read(|c| find_by_email(c, "user1@example.com", NOW)).unwrap().id;
    assert_eq!(id, new_pending(2, 1).id);
}

fn a_registration_waits_beside_the_account_that_has_the_address(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    put(test, new_pending(1, 1));
}

/// P-01: one click makes one account.
fn one_of_many_takes_a_registration(test: &TestDatabase) {
    for round in 0..10 {
        put(test, new_pending(round, 1));
        let id = new_pending(round, 1).id;
        let taken = sixteen_at_once(|_| test.write(move |c| take(c, id, NOW)));
        assert_eq!(taken.into_iter().flatten().count(), 1, "round {round}");
    }
}

/// P-17: of one address.
fn one_registration_stays_of_many_at_once(test: &TestDatabase) {
    let stored = sixteen_at_once(|number| test.write(move |c| replace(c, &new_pending(number, 1))));
    assert!(stored.contains(&true));
    assert!(test.read(|c| find_by_email(c, "user1@example.com", NOW)).is_some());
    assert_eq!(test.write(|c| delete_by_email(c, "user1@example.com")), 1);
}

/// PostgreSQL lets both delete nothing and one of them insert; SQLite has one writer.
fn the_loser_of_a_race_leaves_the_transaction_usable(test: &TestDatabase) {
    if test.is_sqlite() {
        return;
    }
    let database = test.database.clone();
    let (inserted, is_inserted) = std::sync::mpsc::channel();
    let (finish, may_finish) = std::sync::mpsc::channel::<()>();
    let winner = std::thread::spawn(move || {
        database.write_blocking(move |c| {
            let won = replace(c, &new_pending(1, 1))?;
            inserted.send(()).unwrap();
            may_finish.recv().unwrap();
            Ok::<_, auth_persistence::DbError>(won)
        })
    });
    is_inserted.recv().unwrap();
    let database = test.database.clone();
    let loser = std::thread::spawn(move || {
        database.write_blocking(|c| {
            let won = replace(c, &new_pending(2, 1))?;
            user::insert(c, &new_user(1))?;
            Ok::<_, auth_persistence::DbError>(won)
        })
    });
    crate::fixture::until(|| test.read(waits_for_a_lock));
    finish.send(()).unwrap();
    assert_eq!((winner.join().unwrap(), loser.join().unwrap()), (Ok(true), Ok(false)));
    assert!(test.read(|c| user::find(c, new_user(1).id)).is_some());
}

fn waits_for_a_lock(c: &mut auth_persistence::DbConnection) -> Result<bool, auth_persistence::DbError> {
    use diesel::RunQueryDsl as _;

    // Other tests' databases are in the same cluster.
    let waiting = diesel::dsl::sql::<diesel::sql_types::Bool>(
        "EXISTS (SELECT 1 FROM pg_stat_activity
         WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0)",
    );
    Ok(diesel::select(waiting).get_result(c)?)
}

fn an_expired_registration_is_not_taken(test: &TestDatabase) {
    put(test, new_pending(1, 1));
    let taken = |now| test.write(move |c| take(c, new_pending(1, 1).id, now)).is_some();
    assert!(!taken(NOW.plus(HOUR)));
    assert!(taken(NOW.plus(HOUR).minus(TICK)));
}

fn a_registration_is_deleted_by_its_address(test: &TestDatabase) {
    put(test, new_pending(1, 1));
    put(test, new_pending(2, 2));
    assert_eq!(test.write(|c| delete_by_email(c, "user1@example.com")), 1);
    assert_eq!(test.write(|c| delete_by_email(c, "user1@example.com")), 0);
    assert!(test.read(|c| find_by_email(c, "user2@example.com", NOW)).is_some());
}

fn expired_registrations_are_deleted(test: &TestDatabase) {
    for (number, expires_at) in [(1, NOW), (2, NOW.minus(TICK)), (3, NOW.plus(TICK))] {
        put(test, NewPending { expires_at, ..new_pending(number, number) });
    }
    assert_eq!([1, 9, 9].map(|limit| test.write(move |c| delete_expired(c, NOW, limit))), [1, 1, 0]);
    assert!(test.read(|c| find_by_email(c, "user3@example.com", NOW)).is_some());
}
