//! What the database refuses, and what we hear of it.

use auth_core::{Timestamp, UserId};
use auth_persistence::authenticator_failure::{ANY_LANE, Authenticator};
use auth_persistence::data_key::SealedDataKey;
use auth_persistence::oauth_account::NewOAuthAccount;
use auth_persistence::one_time_token::{NewOneTimeToken, Subject};
use auth_persistence::revocation::Revocation;
use auth_persistence::signing_key::SealedSigningKey;
use auth_persistence::{
    Conflict, DbConnection, DbError, Hidden, audit_event, authenticator_failure, backup_code, data_key, email_outbox,
    known_client, nested_transaction, oauth_account, one_time_token, pending_registration, reserved_address,
    revocation, session, signing_key, totp_credential, user,
};

use crate::fixture::{TestDatabase, on_both_databases, run};
use crate::rows::{
    HOUR, NOW, audit_event, new_account, new_email, new_pending, new_session, new_token, new_user, token_hash, user_id,
    user_with_session, uuid,
};

on_both_databases!(
    each_taken_key_of_a_user_is_named,
    a_taken_session_id_is_named,
    a_taken_data_key_is_named,
    a_taken_signing_key_is_named,
    a_taken_audit_event_id_is_named,
    a_taken_email_id_is_named,
    a_taken_revocation_id_is_named,
    each_taken_key_of_a_one_time_token_is_named,
    a_taken_id_of_a_pending_registration_is_named,
    a_taken_backup_code_is_named,
    each_taken_key_of_a_linked_account_is_named,
    each_row_about_a_user_needs_the_user,
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
    test.write(|c| audit_event::insert(c, &audit_event(1, 1), None));
    assert_eq!(conflict(test.refused(|c| audit_event::insert(c, &audit_event(1, 1), None))), Conflict::AuditEventId);
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
        premium_epoch: None,
        premium_until: None,
        expires_at: Timestamp::MAX,
    };
    assert_eq!(conflict(test.refused(move |c| revocation::insert(c, &[news.clone(), news]))), Conflict::RevocationId);
}

fn each_taken_key_of_a_one_time_token_is_named(test: &TestDatabase) {
    test.write(user_with_session);
    test.write(|c| one_time_token::insert(c, &new_token(1, Subject::User(user_id(1)))));
    let taken = |change: fn(&mut NewOneTimeToken)| {
        let mut other = new_token(2, Subject::User(user_id(1)));
        change(&mut other);
        conflict(test.refused(move |c| one_time_token::insert(c, &other)))
    };
    assert_eq!(taken(|other| other.id = new_token(1, other.subject).id), Conflict::OneTimeTokenId);
    assert_eq!(taken(|other| other.hash = token_hash(1)), Conflict::OneTimeTokenHash);
}

fn a_taken_id_of_a_pending_registration_is_named(test: &TestDatabase) {
    assert!(test.write(|c| pending_registration::replace(c, &new_pending(1, 1))));
    let error = test.refused(|c| pending_registration::replace(c, &new_pending(1, 2)));
    assert_eq!(conflict(error), Conflict::PendingRegistrationId);
}

fn a_taken_backup_code_is_named(test: &TestDatabase) {
    test.write(user_with_session);
    let error = test.refused(|c| backup_code::replace_all(c, user_id(1), &[[1; 32]; 2], NOW));
    assert_eq!(conflict(error), Conflict::BackupCode);
}

fn each_taken_key_of_a_linked_account_is_named(test: &TestDatabase) {
    test.write(user_with_session);
    test.write(|c| user::insert(c, &new_user(2)));
    test.write(|c| oauth_account::insert(c, &new_account(1, "google", "s1")));
    let taken = |user, subject: &'static str| {
        conflict(test.refused(move |c| oauth_account::insert(c, &new_account(user, "google", subject))))
    };
    assert_eq!(taken(2, "s1"), Conflict::OAuthIdentity);
    assert_eq!(taken(1, "s2"), Conflict::OAuthProvider);
}

fn each_row_about_a_user_needs_the_user(test: &TestDatabase) {
    type Insertion = fn(&mut DbConnection, UserId) -> Result<(), DbError>;

    let nobody = user_id(9);
    let insertions: [Insertion; 8] = [
        |c, user| one_time_token::insert(c, &new_token(1, Subject::User(user))),
        |c, id| one_time_token::insert(c, &new_token(1, Subject::Pending(id))),
        |c, user| authenticator_failure::add(c, user, Authenticator::Password, ANY_LANE).map(drop),
        |c, user| reserved_address::reserve(c, "a@example.com", user, NOW),
        |c, user| known_client::note(c, user, "a", NOW),
        |c, user| totp_credential::begin(c, user, b"sealed", NOW).map(drop),
        |c, user| backup_code::replace_all(c, user, &[[1; 32]], NOW),
        |c, user| oauth_account::insert(c, &NewOAuthAccount { user_id: user, ..new_account(1, "google", "s1") }),
    ];
    for insert in insertions {
        assert_eq!(test.refused(move |c| insert(c, nobody)), DbError::ForeignKeyViolation);
    }
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
    test.write(|c| {
        email_outbox::insert(c, &new_email(1, None))?;
        one_time_token::insert(c, &new_token(1, Subject::User(user_id(1))))?;
        authenticator_failure::add(c, user_id(1), Authenticator::Password, ANY_LANE)?;
        totp_credential::begin(c, user_id(1), b"sealed", NOW)?;
        totp_credential::confirm(c, user_id(1), b"sealed", NOW.minus(HOUR), 1, NOW)?;
        backup_code::replace_all(c, user_id(1), &[[1; 32]], NOW)?;
        oauth_account::insert(c, &new_account(1, "google", "s1"))
    });
    let secret = if test.is_sqlite() { "x'01'" } else { "'\\x01'" };
    let unprepared = format!("UPDATE email_outbox SET secret_sealed = {secret}");
    let sent =
        format!("UPDATE email_outbox SET secret_sealed = {secret}, prepared_at = created_at, sent_at = created_at");
    let failed = sent.replace("sent_at", "failed_at");
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
        "UPDATE users SET security_epoch = -1",
        "UPDATE email_outbox SET sent_at = created_at, failed_at = created_at",
        &unprepared,
        &sent,
        &failed,
        "UPDATE one_time_tokens SET user_id = NULL",
        "UPDATE one_time_tokens SET token_hash = substr(token_hash, 2)",
        "UPDATE authenticator_failures SET authenticator = 'pin'",
        "UPDATE authenticator_failures SET count = 0",
        "UPDATE totp_credentials SET last_step = -1",
        "UPDATE totp_credentials SET last_step = NULL",
        "UPDATE totp_credentials SET confirmed_at = NULL",
        "UPDATE totp_credentials SET secret_sealed = NULL",
        "UPDATE backup_codes SET code_hash = substr(code_hash, 2)",
        "UPDATE oauth_accounts SET user_id = NULL",
        "UPDATE oauth_accounts SET issuer = NULL",
        "UPDATE oauth_accounts SET subject = ''",
        "UPDATE oauth_accounts SET provider = ''",
    ] {
        let sql = statement.to_owned();
        let error = test.refused(move |c| run(c, &sql));
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
