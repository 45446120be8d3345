//! Mails to be sent, queued in the transaction of what they tell about.
//!
//! A mail *waits* until it is *sent* or has *failed* for good. A worker *claims* those that are due for some time, its
//! lease; what it does with one counts only as long as the lease is its own. Before the first attempt it *prepares*
//! the mail: decides whom it goes to and with which token, so that every attempt sends the same.

mod lease;
mod upkeep;

use auth_core::{Timestamp, UserId};
use diesel::prelude::*;
use uuid::Uuid;

pub use self::lease::{
    Prepared, claim, drop_claimed, fail, give_up, has_due, mark_sent, prepare, release, retry_later,
};
pub use self::upkeep::{
    OutboxCounts, counts, delete_finished, has_stranded, list_open, release_stranded, retry, retry_all,
};
use crate::column::{HiddenText, OptionalHiddenBytes};
use crate::connection::{DbConnection, MultiBackend};
use crate::error::{Conflict, DbError};
use crate::hidden::Hidden;
use crate::schema::email_outbox::{self, dsl};
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
    /// Who gets it, in the form that tells addresses apart.
    #[diesel(deserialize_as = HiddenText)]
    pub recipient_normalized: Hidden<String>,
    /// Which mail it is.
    pub template: String,
    /// What is filled in, as JSON, without secrets.
    #[diesel(deserialize_as = HiddenText)]
    pub payload: Hidden<String>,
    /// What keeps the same mail from being queued twice.
    pub dedupe_key: Option<String>,
    /// When it was queued.
    pub created_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
    /// How often sending was tried without success.
    pub attempts: i32,
    /// When to try next.
    pub next_attempt_at: Timestamp,
    /// Until when a worker has it.
    pub claimed_until: Option<Timestamp>,
    /// When it was decided whom it goes to and with which token.
    pub prepared_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was refused for good.
    pub failed_at: Option<Timestamp>,
    /// Why the last attempt failed.
    pub last_error: Option<String>,
    /// The token in it, sealed, from its preparation to its end.
    #[diesel(deserialize_as = OptionalHiddenBytes)]
    pub secret_sealed: Option<Hidden<Vec<u8>>>,
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
    /// Who gets it, in the form that tells addresses apart ([`Email::canonical`](auth_core::Email::canonical)).
    pub recipient_normalized: Hidden<String>,
    /// Which mail it is.
    pub template: String,
    /// What is filled in, as JSON, without secrets.
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
            dsl::id.eq(key(email.id)),
            dsl::recipient.eq(email.recipient.expose()),
            dsl::recipient_normalized.eq(email.recipient_normalized.expose()),
            dsl::template.eq(&email.template),
            dsl::payload.eq(email.payload.expose()),
            dsl::dedupe_key.eq(&email.dedupe_key),
            dsl::created_at.eq(at(email.created_at)),
            dsl::expires_at.eq(at(email.expires_at)),
            dsl::attempts.eq(0),
            dsl::next_attempt_at.eq(at(email.created_at)),
            dsl::user_id.eq(email.user_id.map(key)),
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
        .filter(dsl::user_id.eq(key(user)))
        .order((dsl::created_at, dsl::id))
        .select(QueuedEmail::as_select())
        .load(connection)?)
}

/// Deletes the mails of these templates that are about the user's account or go to this address (in its normalized
/// form), unless they were sent, and returns how many there were: what they offer has been overtaken. Those that failed
/// are among them, since they could be tried again.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_unsent(
    connection: &mut DbConnection,
    user: UserId,
    canonical: Option<&str>,
    templates: &[&str],
) -> Result<usize, DbError> {
    let unsent = || dsl::sent_at.is_null().and(dsl::template.eq_any(templates.iter().copied()));
    let about_user = email_outbox::table.filter(dsl::user_id.eq(key(user))).filter(unsent());
    let mut deleted = diesel::delete(about_user).execute(connection)?;
    if let Some(canonical) = canonical {
        let to_address = email_outbox::table.filter(dsl::recipient_normalized.eq(canonical)).filter(unsent());
        deleted += diesel::delete(to_address).execute(connection)?;
    }
    Ok(deleted)
}

/// Deletes one mail that was not sent, claimed or not. False: there is none.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_unsent_one(connection: &mut DbConnection, id: Uuid) -> Result<bool, DbError> {
    let unsent = email_outbox::table.filter(dsl::id.eq(key(id))).filter(dsl::sent_at.is_null());
    Ok(diesel::delete(unsent).execute(connection)? == 1)
}

/// Deletes the mails of this template about the user's account that wait to be sent to another address than this one,
/// given in its normalized form, and returns how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_unsent_elsewhere(
    connection: &mut DbConnection,
    user: UserId,
    template: &str,
    canonical: &str,
) -> Result<usize, DbError> {
    let elsewhere = email_outbox::table
        .filter(dsl::user_id.eq(key(user)))
        .filter(dsl::template.eq(template))
        .filter(dsl::sent_at.is_null())
        .filter(dsl::recipient_normalized.ne(canonical));
    Ok(diesel::delete(elsewhere).execute(connection)?)
}

/// Deletes the mails of this template that wait to be sent to this address, given in its normalized form, and returns
/// how many there were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_waiting(connection: &mut DbConnection, canonical: &str, template: &str) -> Result<usize, DbError> {
    let waiting = email_outbox::table
        .filter(dsl::recipient_normalized.eq(canonical))
        .filter(dsl::template.eq(template))
        .filter(dsl::sent_at.is_null())
        .filter(dsl::failed_at.is_null());
    Ok(diesel::delete(waiting).execute(connection)?)
}
