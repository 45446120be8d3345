//! Mails to be sent, queued in the transaction of what they tell about.

use auth_core::{Timestamp, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::column::HiddenText;
use crate::connection::{DbConnection, MultiBackend};
use crate::error::{Conflict, DbError};
use crate::hidden::Hidden;
use crate::schema::email_outbox;
use crate::sql_type::{at, key};
use crate::transaction::nested_transaction;

/// A mail, as stored.
#[derive(Clone, Debug, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = email_outbox, check_for_backend(MultiBackend))]
pub struct QueuedEmail {
    /// The mail's id; its Message-ID is made from it.
    pub id: Uuid,
    /// Who gets it.
    #[diesel(deserialize_as = HiddenText)]
    pub recipient: Hidden<String>,
    /// Which mail it is.
    pub template: String,
    /// What is filled in, as JSON; it may hold a token.
    #[diesel(deserialize_as = HiddenText)]
    pub payload: Hidden<String>,
    /// What keeps the same mail from being queued twice.
    pub dedupe_key: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
    /// How often sending was tried.
    pub attempts: i32,
    /// When to try next.
    pub next_attempt_at: Timestamp,
    /// Until when a worker has it.
    pub claimed_until: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// Whose account it is about.
    pub user_id: Option<UserId>,
}

/// A mail to be queued, for sending at once.
#[derive(Clone, Debug)]
pub struct NewEmail {
    /// The mail's id.
    pub id: Uuid,
    /// Who gets it.
    pub recipient: Hidden<String>,
    /// Which mail it is.
    pub template: String,
    /// What is filled in, as JSON.
    pub payload: Hidden<String>,
    /// What keeps the same mail from being queued twice.
    pub dedupe_key: Option<String>,
    /// Now.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
    /// Whose account it is about.
    pub user_id: Option<UserId>,
}

/// Queues `email`. False: one with the same `dedupe_key` is there already.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn insert(connection: &mut DbConnection, email: &NewEmail) -> Result<bool, DbError> {
    // The savepoint keeps the transaction around it usable on PostgreSQL after the conflict.
    match nested_transaction(connection, |connection| insert_row(connection, email)) {
        Ok(()) => Ok(true),
        Err(DbError::UniqueViolation(Conflict::EmailDedupeKey)) => Ok(false),
        Err(error) => Err(error),
    }
}

fn insert_row(connection: &mut DbConnection, email: &NewEmail) -> Result<(), DbError> {
    diesel::insert_into(email_outbox::table)
        .values((
            email_outbox::id.eq(key(email.id)),
            email_outbox::recipient.eq(email.recipient.expose()),
            email_outbox::template.eq(&email.template),
            email_outbox::payload.eq(email.payload.expose()),
            email_outbox::dedupe_key.eq(&email.dedupe_key),
            email_outbox::created_at.eq(at(email.created_at)),
            email_outbox::expires_at.eq(at(email.expires_at)),
            email_outbox::attempts.eq(0),
            email_outbox::next_attempt_at.eq(at(email.created_at)),
            email_outbox::user_id.eq(email.user_id.map(key)),
        ))
        .execute(connection)?;
    Ok(())
}

/// All mails about the user's account, the oldest first.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_for_user(connection: &mut DbConnection, user: UserId) -> Result<Vec<QueuedEmail>, DbError> {
    Ok(email_outbox::table
        .filter(email_outbox::user_id.eq(key(user)))
        .order((email_outbox::created_at, email_outbox::id))
        .select(QueuedEmail::as_select())
        .load(connection)?)
}
