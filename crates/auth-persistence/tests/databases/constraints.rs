//! What the database refuses, and what we hear of it.

use auth_core::Timestamp;
use auth_persistence::data_key::SealedDataKey;
use auth_persistence::revocation::Revocation;
use auth_persistence::signing_key::SealedSigningKey;
use auth_persistence::{
    Conflict, DbError, Hidden, audit_event, data_key, email_outbox, nested_transaction, revocation, session,
    signing_key, user,
};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{NOW, audit_event, new_email, new_session, new_user, user_with_session, uuid};

on_both_databases!(
    each_taken_key_of_a_user_is_named,
    a_taken_session_id_is_named,
    a_taken_data_key_is_named,
    a_taken_signing_key_is_named,
    a_taken_audit_event_id_is_named,
    a_taken_email_id_is_named,
    a_taken_revocation_id_is_named,
    an_unknown_key_is_told_by_its_name,
    a_session_needs_its_user,
    values_against_the_rules_are_refused,
    a_conflict_in_a_nested_transaction_leaves_the_outer_one_usable,
);

fn conflict(error: DbError) -> Conflict {
    match error {
        DbError::UniqueViolation(conflict) => conflict,
        other => panic!("not a conflict: {other:?}"),
    }
}

fn each_taken_key_of_a_user_is_named(test: &TestDatabase) {
    test.write(|c| user::insert(c, &new_user(1)));
    let taken = |change: fn(&mut user::NewUser)| {
        let mut other = new_user(2);
        change(&mut other);
        conflict(test.refused(move |c| user::insert(c, &other)))
    };
    assert_eq!(taken(|other| other.id = new_user(1).id), Conflict::UserId);
    assert_eq!(taken(|other| other.email = new_user(1).email), Conflict::UserEmail);
    assert_eq!(taken(|other| other.username = new_user(1).username), Conflict::UserUsername);
}

fn a_taken_session_id_is_named(test: &TestDatabase) {
    test.write(user_with_session);
    assert_eq!(conflict(test.refused(|c| session::insert(c, &new_session(1, 1)))), Conflict::SessionId);
}

fn a_taken_data_key_is_named(test: &TestDatabase) {
    let key = SealedDataKey {
        purpose: "refresh_mac".to_owned(),
        version: 1,
        key_sealed: Hidden::new(vec![1]),
        created_at: NOW,
    };
    let again = key.clone();
    test.write(move |c| data_key::insert(c, &key));
    assert_eq!(conflict(test.refused(move |c| data_key::insert(c, &again))), Conflict::DataKey);
}

fn a_taken_signing_key_is_named(test: &TestDatabase) {
    let key = SealedSigningKey {
        kid: "k".to_owned(),
        algorithm: "EdDSA".to_owned(),
        private_sealed: Hidden::new(vec![1]),
        public_jwk: None,
        created_at: NOW,
        activates_at: NOW,
        retires_at: None,
    };
    let again = key.clone();
    test.write(move |c| signing_key::insert(c, &key));
    assert_eq!(conflict(test.refused(move |c| signing_key::insert(c, &again))), Conflict::SigningKey);
}

fn a_taken_audit_event_id_is_named(test: &TestDatabase) {
    test.write(|c| audit_event::insert(c, &audit_event(1, 1)));
    assert_eq!(conflict(test.refused(|c| audit_event::insert(c, &audit_event(1, 1)))), Conflict::AuditEventId);
}

fn a_taken_email_id_is_named(test: &TestDatabase) {
    test.write(user_with_session);
    test.write(|c| email_outbox::insert(c, &new_email(1, None)));
    assert_eq!(conflict(test.refused(|c| email_outbox::insert(c, &new_email(1, None)))), Conflict::EmailId);
}

fn a_taken_revocation_id_is_named(test: &TestDatabase) {
    let news = Revocation {
        id: uuid(1),
        at: NOW,
        session_id: Some(new_session(1, 1).id),
        user_id: None,
        lowest_epoch: None,
        expires_at: Timestamp::MAX,
    };
    assert_eq!(conflict(test.refused(move |c| revocation::insert(c, &[news.clone(), news]))), Conflict::RevocationId);
}

fn an_unknown_key_is_told_by_its_name(test: &TestDatabase) {
    test.write(|c| run(c, "CREATE TABLE plug_in (a integer CONSTRAINT plug_in_a_key UNIQUE)"));
    let name = if test.is_sqlite() { "plug_in.a" } else { "plug_in_a_key" };
    let error = test.refused(|c| run(c, "INSERT INTO plug_in VALUES (1), (1)"));
    assert_eq!(conflict(error), Conflict::Other(name.to_owned()));
}

fn a_session_needs_its_user(test: &TestDatabase) {
    assert_eq!(test.refused(|c| session::insert(c, &new_session(1, 1))), DbError::ForeignKeyViolation);
}

fn values_against_the_rules_are_refused(test: &TestDatabase) {
    test.write(user_with_session);
    for statement in [
        "UPDATE users SET role = 'root'",
        "UPDATE users SET email = NULL",
        "UPDATE users SET username = NULL",
        "UPDATE users SET token_epoch = -1",
        "UPDATE sessions SET seen_generation = 2",
        "UPDATE sessions SET previous_generation = 1",
        "UPDATE sessions SET generation = 4294967296",
        "UPDATE sessions SET revoke_reason = 'logout'",
        "UPDATE sessions SET auth_methods = NULL",
    ] {
        let error = test.refused(move |c| run(c, statement));
        assert!(matches!(error, DbError::Internal(_)), "{statement}: {error:?}");
    }
}

fn a_conflict_in_a_nested_transaction_leaves_the_outer_one_usable(test: &TestDatabase) {
    let found = test.write(|c| {
        user::insert(c, &new_user(1))?;
        let nested = nested_transaction(c, |c| {
            user::insert(c, &new_user(3))?;
            user::insert(c, &user::NewUser { email: None, username: None, ..new_user(1) })
        });
        assert_eq!(nested, Err(DbError::UniqueViolation(Conflict::UserId)));
        user::insert(c, &new_user(2))?;
        Ok([1, 2, 3].map(|n| user::find(c, new_user(n).id).unwrap().is_some()))
    });
    assert_eq!(found, [true, true, false]);
}
