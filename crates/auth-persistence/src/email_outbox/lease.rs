//! What a worker does with the mails that it has claimed.
//!
//! A lease is told by the time at which it ends. Every function that names one answers `false` when the mail is not
//! the caller's any more: the lease ended and another worker has it, or it was deleted. It is somebody else's then.

use auth_core::{Timestamp, UserId};
use diesel::dsl::exists;
use diesel::prelude::*;
use uuid::Uuid;

use super::QueuedEmail;
use crate::chosen::choose;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::hidden::Hidden;
use crate::schema::email_outbox::{self, dsl};
use crate::sql_type::{At, at, key};
use crate::statement::update;

/// What is decided about a mail before its first attempt.
#[derive(Clone, Debug)]
pub struct Prepared {
    /// Whose account it is about.
    pub user_id: Option<UserId>,
    /// Who gets it.
    pub recipient: Hidden<String>,
    /// Who gets it, in the form that tells addresses apart.
    pub recipient_normalized: Hidden<String>,
    /// Which mail it is.
    pub template: String,
    /// From when on it is of no use; none leaves it as it was.
    pub expires_at: Option<Timestamp>,
    /// The token in it, sealed.
    pub secret_sealed: Option<Hidden<Vec<u8>>>,
}

/// It waits, its time has come at `$now`, and no worker has it.
macro_rules! due {
    ($now:expr) => {
        dsl::sent_at
            .is_null()
            .and(dsl::failed_at.is_null())
            .and(dsl::next_attempt_at.le(at($now)))
            .and(dsl::claimed_until.is_null().or(dsl::claimed_until.le(at($now))))
    };
}

/// It is the mail `$id`, and the worker whose lease ends at `$lease` has it.
macro_rules! claimed {
    ($id:expr, $lease:expr) => {
        dsl::id.eq(key($id)).and(dsl::claimed_until.eq(at($lease))).and(dsl::sent_at.is_null())
    };
}

/// It failed for good at `$now`.
macro_rules! failed {
    ($now:expr, $error:expr) => {
        (
            dsl::failed_at.eq(Some(at($now))),
            dsl::last_error.eq($error),
            dsl::prepared_at.eq(NO_TIME),
            dsl::secret_sealed.eq(NO_SECRET),
            dsl::claimed_until.eq(NO_TIME),
        )
    };
}

const NO_TIME: Option<At> = None;
const NO_SECRET: Option<&[u8]> = None;

/// Whether [`claim`] would find anything.
///
/// # Errors
///
/// When the database can't be read.
pub fn has_due(connection: &mut DbConnection, now: Timestamp) -> Result<bool, DbError> {
    Ok(diesel::select(exists(email_outbox::table.filter(due!(now)))).get_result(connection)?)
}

/// Claims up to `limit` mails that are due, the longest queued first, until `until`, which must be later than `now`.
/// Several workers at once get different ones. Those past their own end are among them: they are to be dropped.
///
/// # Errors
///
/// When the database can't be written.
pub fn claim(
    connection: &mut DbConnection,
    now: Timestamp,
    until: Timestamp,
    limit: u32,
) -> Result<Vec<QueuedEmail>, DbError> {
    let chosen = choose(connection, email_outbox::table, due!(now), (dsl::created_at, dsl::id), limit);
    let claim = chosen.update(dsl::claimed_until.eq(Some(at(until))), QueuedEmail::as_select());
    let mut mails: Vec<QueuedEmail> = claim.load(connection)?;
    mails.sort_by_key(|mail| (mail.created_at, mail.id));
    Ok(mails)
}

/// Notes what was decided about the mail: every attempt sends the same from now on.
///
/// # Errors
///
/// [`DbError::ForeignKeyViolation`] when the user was deleted meanwhile.
pub fn prepare(
    connection: &mut DbConnection,
    id: Uuid,
    lease: Timestamp,
    prepared: &Prepared,
    now: Timestamp,
) -> Result<bool, DbError> {
    let change = (
        dsl::user_id.eq(prepared.user_id.map(key)),
        dsl::recipient.eq(prepared.recipient.expose()),
        dsl::recipient_normalized.eq(prepared.recipient_normalized.expose()),
        dsl::template.eq(&prepared.template),
        prepared.expires_at.map(|time| dsl::expires_at.eq(at(time))),
        dsl::secret_sealed.eq(prepared.secret_sealed.as_ref().map(|secret| secret.expose().as_slice())),
        dsl::prepared_at.eq(Some(at(now))),
    );
    Ok(update(email_outbox::table, change, claimed!(id, lease)).execute(connection)? == 1)
}

/// Notes that the mail was sent, and drops its token.
///
/// # Errors
///
/// When the database can't be written.
pub fn mark_sent(connection: &mut DbConnection, id: Uuid, lease: Timestamp, now: Timestamp) -> Result<bool, DbError> {
    let sent = (
        dsl::sent_at.eq(Some(at(now))),
        dsl::last_error.eq(None::<&str>),
        dsl::secret_sealed.eq(NO_SECRET),
        dsl::claimed_until.eq(NO_TIME),
    );
    Ok(update(email_outbox::table, sent, claimed!(id, lease)).execute(connection)? == 1)
}

/// Puts the mail off after an attempt that failed, and gives it back.
///
/// # Errors
///
/// When the database can't be written.
pub fn retry_later(
    connection: &mut DbConnection,
    id: Uuid,
    lease: Timestamp,
    next_attempt_at: Timestamp,
    error: &str,
) -> Result<bool, DbError> {
    let later = (
        dsl::attempts.eq(dsl::attempts + 1),
        dsl::next_attempt_at.eq(at(next_attempt_at)),
        dsl::last_error.eq(error),
        dsl::claimed_until.eq(NO_TIME),
    );
    Ok(update(email_outbox::table, later, claimed!(id, lease)).execute(connection)? == 1)
}

/// Gives the mail back without an attempt.
///
/// # Errors
///
/// When the database can't be written.
pub fn release(connection: &mut DbConnection, id: Uuid, lease: Timestamp) -> Result<bool, DbError> {
    let free = dsl::claimed_until.eq(NO_TIME);
    Ok(update(email_outbox::table, free, claimed!(id, lease)).execute(connection)? == 1)
}

/// Notes an attempt at which the mail was refused for good, and drops its token. It has to be prepared anew if it is
/// ever [tried again](super::retry).
///
/// # Errors
///
/// When the database can't be written.
pub fn fail(
    connection: &mut DbConnection,
    id: Uuid,
    lease: Timestamp,
    now: Timestamp,
    error: &str,
) -> Result<bool, DbError> {
    let failed = (dsl::attempts.eq(dsl::attempts + 1), failed!(now, error));
    Ok(update(email_outbox::table, failed, claimed!(id, lease)).execute(connection)? == 1)
}

/// [`fail`] without an attempt: the mail came to its end before it could be sent, or can't be made.
///
/// # Errors
///
/// When the database can't be written.
pub fn give_up(
    connection: &mut DbConnection,
    id: Uuid,
    lease: Timestamp,
    now: Timestamp,
    error: &str,
) -> Result<bool, DbError> {
    Ok(update(email_outbox::table, failed!(now, error), claimed!(id, lease)).execute(connection)? == 1)
}

/// Deletes the mail: nobody gets it, or it came too late.
///
/// # Errors
///
/// When the database can't be written.
pub fn drop_claimed(connection: &mut DbConnection, id: Uuid, lease: Timestamp) -> Result<bool, DbError> {
    Ok(diesel::delete(email_outbox::table.filter(claimed!(id, lease))).execute(connection)? == 1)
}
