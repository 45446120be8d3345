//! Rows to begin with.

use std::time::Duration;

use auth_core::{
    AuditEventId, DisplayName, Email, Role, SeededRandom, SessionId, Timestamp, TokenHash, TokenPurpose, UserId,
    Username,
};
use auth_persistence::audit_event::AuditEvent;
use auth_persistence::email_outbox::NewEmail;
use auth_persistence::oauth_account::NewOAuthAccount;
use auth_persistence::one_time_token::{NewOneTimeToken, Subject};
use auth_persistence::pending_registration::NewPending;
use auth_persistence::session::NewSession;
use auth_persistence::user::NewUser;
use auth_persistence::{DbConnection, DbError, Hidden, session, user};
use uuid::Uuid;

/// Noon of 1 March 2026, and some microseconds that must not get lost.
pub(crate) const NOW: Timestamp = Timestamp::from_micros(1_772_366_400_123_457);
pub(crate) const HOUR: Duration = Duration::from_hours(1);
/// The shortest time that the databases tell apart.
pub(crate) const TICK: Duration = Duration::from_micros(1);

pub(crate) fn uuid(number: u64) -> Uuid {
    auth_core::new_uuid(NOW, &SeededRandom::new(number))
}

pub(crate) fn user_id(number: u64) -> UserId {
    UserId::from_uuid(uuid(number))
}

pub(crate) fn session_id(number: u64) -> SessionId {
    SessionId::from_uuid(uuid(1_000_000 + number))
}

/// `User1@Example.com`, called `Name1`, and so on.
pub(crate) fn new_user(number: u64) -> NewUser {
    NewUser {
        id: user_id(number),
        email: Some(Email::parse(&format!("User{number}@Example.com")).unwrap()),
        email_verified_at: None,
        username: Some(Username::parse(&format!("Name{number}")).unwrap()),
        password_hash: Some(Hidden::new(format!("$argon2id${number}"))),
        display_name: None,
        avatar_url: None,
        role: Role::User,
        password_must_change: false,
        created_at: NOW,
    }
}

pub(crate) fn new_session(number: u64, user: u64) -> NewSession {
    NewSession {
        id: session_id(number),
        user_id: user_id(user),
        generation: 1,
        salt: Hidden::new([7; 32]),
        created_at: NOW,
        expires_at: NOW.plus(24 * HOUR),
        ip: Some("192.0.2.1".to_owned()),
        user_agent: None,
        auth_methods: "pwd".to_owned(),
    }
}

/// Stores user 1 with session 1.
pub(crate) fn user_with_session(connection: &mut DbConnection) -> Result<(), DbError> {
    user::insert(connection, &new_user(1))?;
    session::insert(connection, &new_session(1, 1))
}

pub(crate) fn audit_event(number: u64, user: u64) -> AuditEvent {
    AuditEvent {
        id: AuditEventId::from_uuid(uuid(2_000_000 + number)),
        at: NOW,
        event: "login".to_owned(),
        outcome: "success".to_owned(),
        user_id: Some(user_id(user)),
        actor_id: None,
        ip: None,
        user_agent: None,
        request_id: None,
        details: serde_json::json!({ "method": "pwd" }),
    }
}

pub(crate) fn new_email(number: u64, dedupe_key: Option<&str>) -> NewEmail {
    NewEmail {
        id: uuid(3_000_000 + number),
        recipient: Hidden::new("User1@example.com".to_owned()),
        recipient_normalized: Hidden::new("user1@example.com".to_owned()),
        template: "welcome".to_owned(),
        payload: Hidden::new("{}".to_owned()),
        dedupe_key: dedupe_key.map(str::to_owned),
        created_at: NOW,
        expires_at: NOW.plus(HOUR),
        user_id: Some(user_id(1)),
    }
}

/// A registration of `User{email}@Example.com`.
pub(crate) fn new_pending(number: u64, email: u64) -> NewPending {
    NewPending {
        id: user_id(4_000_000 + number),
        email: Email::parse(&format!("User{email}@Example.com")).unwrap(),
        password_hash: Hidden::new(format!("$argon2id$pending{number}")),
        display_name: None,
        created_at: NOW,
        expires_at: NOW.plus(HOUR),
    }
}

pub(crate) fn token_hash(number: u8) -> TokenHash {
    TokenHash::from_bytes([number; 32])
}

/// A token that resets the password.
pub(crate) fn new_token(number: u8, subject: Subject) -> NewOneTimeToken {
    NewOneTimeToken {
        id: uuid(5_000_000 + u64::from(number)),
        subject,
        purpose: TokenPurpose::ResetPassword,
        hash: token_hash(number),
        payload: None,
        created_at: NOW,
        expires_at: NOW.plus(HOUR),
    }
}

/// An account of a provider that is its own issuer.
pub(crate) fn new_account(user: u64, provider: &str, subject: &str) -> NewOAuthAccount {
    NewOAuthAccount {
        user_id: user_id(user),
        provider: provider.to_owned(),
        issuer: provider.to_owned(),
        subject: subject.to_owned(),
        email: Some(Email::parse("There@Example.org").unwrap()),
        display_name: Some(DisplayName::parse("Ada There").unwrap()),
        avatar_url: Some("https://pictures.example/ada".to_owned()),
        linked_at: NOW,
    }
}
