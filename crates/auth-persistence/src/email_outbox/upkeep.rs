//! What an operator sees of the outbox and does with it.

use auth_core::Timestamp;
use diesel::dsl::{count_star, exists, min};
use diesel::prelude::*;
use uuid::Uuid;

use super::QueuedEmail;
use crate::chosen::choose;
use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::email_outbox::{self, dsl};
use crate::sql_type::{At, at, key};
use crate::statement::update;

/// How full the outbox is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxCounts {
    /// How many mails wait to be sent and would still be of use.
    pub waiting: i64,
    /// How many were refused for good and are still there.
    pub failed: i64,
    /// When the oldest of those that wait was queued.
    pub oldest_waiting: Option<Timestamp>,
}

/// At `$now` it could be tried at once.
macro_rules! can_be_tried {
    ($now:expr) => {
        dsl::sent_at
            .is_null()
            .and(dsl::expires_at.gt(at($now)))
            .and(dsl::claimed_until.is_null().or(dsl::claimed_until.le(at($now))))
    };
}

/// How full the outbox is at `now`.
///
/// # Errors
///
/// When the database can't be read.
pub fn counts(connection: &mut DbConnection, now: Timestamp) -> Result<OutboxCounts, DbError> {
    let (waiting, oldest_waiting) = email_outbox::table
        .filter(dsl::sent_at.is_null())
        .filter(dsl::failed_at.is_null())
        .filter(dsl::expires_at.gt(at(now)))
        .select((count_star(), min(dsl::created_at)))
        .get_result(connection)?;
    let failed = email_outbox::table.filter(dsl::failed_at.is_not_null()).count().get_result(connection)?;
    Ok(OutboxCounts { waiting, failed, oldest_waiting })
}

/// The mails that wait or have failed, the longest queued first, at most `limit` of them.
///
/// # Errors
///
/// When the database can't be read.
pub fn list_open(connection: &mut DbConnection, limit: u32) -> Result<Vec<QueuedEmail>, DbError> {
    Ok(email_outbox::table
        .filter(dsl::sent_at.is_null())
        .order((dsl::created_at, dsl::id))
        .limit(limit.into())
        .select(QueuedEmail::as_select())
        .load(connection)?)
}

/// Lets the mail be tried at once, though it was put off or has failed. False: there is no such mail, it was sent or
/// is of no use any more, or a worker has it.
///
/// # Errors
///
/// When the database can't be written.
pub fn retry(connection: &mut DbConnection, id: Uuid, now: Timestamp) -> Result<bool, DbError> {
    let at_once = (dsl::failed_at.eq(None::<At>), dsl::next_attempt_at.eq(at(now)));
    let mail = dsl::id.eq(key(id)).and(can_be_tried!(now));
    Ok(update(email_outbox::table, at_once, mail).execute(connection)? == 1)
}

/// [`retry`] for all mails; returns for how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn retry_all(connection: &mut DbConnection, now: Timestamp) -> Result<usize, DbError> {
    let at_once = (dsl::failed_at.eq(None::<At>), dsl::next_attempt_at.eq(at(now)));
    Ok(update(email_outbox::table, at_once, can_be_tried!(now)).execute(connection)?)
}

/// It waits for a time later than `$latest`, or a worker has it until then.
macro_rules! stranded {
    ($latest:expr) => {
        dsl::sent_at
            .is_null()
            .and(dsl::failed_at.is_null())
            .and(dsl::next_attempt_at.gt(at($latest)).or(dsl::claimed_until.gt(Some(at($latest)))))
    };
}

/// Whether [`release_stranded`] would find anything.
///
/// # Errors
///
/// When the database can't be read.
pub fn has_stranded(connection: &mut DbConnection, latest: Timestamp) -> Result<bool, DbError> {
    Ok(diesel::select(exists(email_outbox::table.filter(stranded!(latest)))).get_result(connection)?)
}

/// Lets the mails be tried at `now` that wait until after `latest`, and returns how many there were. With a `latest` that no
/// mail is put off to, a clock that was ahead and is right again has put them there.
///
/// # Errors
///
/// When the database can't be written.
pub fn release_stranded(connection: &mut DbConnection, now: Timestamp, latest: Timestamp) -> Result<usize, DbError> {
    let at_once = (dsl::next_attempt_at.eq(at(now)), dsl::claimed_until.eq(None::<At>));
    Ok(update(email_outbox::table, at_once, stranded!(latest)).execute(connection)?)
}

/// Deletes mails that had been sent or had failed by `before`, at most `limit` of them, and returns how many there
/// were.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_finished(connection: &mut DbConnection, before: Timestamp, limit: u32) -> Result<usize, DbError> {
    let sent = dsl::sent_at.le(at(before));
    let sent = choose(connection, email_outbox::table, sent, dsl::sent_at, limit).delete().execute(connection)?;
    let limit = limit.saturating_sub(u32::try_from(sent).unwrap_or(u32::MAX));
    let failed = dsl::failed_at.le(at(before));
    let failed = choose(connection, email_outbox::table, failed, dsl::failed_at, limit).delete().execute(connection)?;
    Ok(sent + failed)
}
