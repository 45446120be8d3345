//! Statements about all users at once: for operators, when nothing that was given out may be good any more.
//!
//! Those of a restored backup go through whole tables, in one transaction before a server runs. Those beside running
//! servers go through the users in the order of their ids, a [`Stretch`] at a time, so that nobody waits long.

use auth_core::{Timestamp, TokenPurpose, UserId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::connection::DbConnection;
use crate::error::DbError;
use crate::schema::{
    backup_codes, devices, email_outbox, one_time_tokens, sessions, signing_keys, totp_credentials, users,
};
use crate::sql_type::{at, key};

/// The users from one id to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stretch {
    after: Uuid,
    last: Uuid,
}

impl Stretch {
    /// The id that the next stretch begins after.
    pub fn last(&self) -> UserId {
        UserId::from_uuid(self.last)
    }
}

/// The next users after `after`, at most `limit`; `None` after the last one.
///
/// # Errors
///
/// When the database can't be read.
pub fn stretch(connection: &mut DbConnection, after: Option<UserId>, limit: u32) -> Result<Option<Stretch>, DbError> {
    let after = after.map_or(Uuid::nil(), |id| *id.as_uuid());
    let ids = users::table.filter(users::id.gt(key(after))).order(users::id).limit(limit.into()).select(users::id);
    let ids: Vec<Uuid> = ids.load(connection)?;
    Ok(ids.last().map(|last| Stretch { after, last: *last }))
}

/// Raises the epochs of all of them, of their access tokens and of their half-done sign-ins: each user with the lowest
/// epoch of access tokens that is still good. To be called first in its transaction, for the reason of
/// [`user::lock`](crate::user::lock).
///
/// # Errors
///
/// When the database can't be written.
pub fn raise_epochs(connection: &mut DbConnection, stretch: Stretch) -> Result<Vec<(UserId, i64)>, DbError> {
    let these = users::table.filter(users::id.gt(key(stretch.after))).filter(users::id.le(key(stretch.last)));
    let raise = (users::token_epoch.eq(users::token_epoch + 1), users::security_epoch.eq(users::security_epoch + 1));
    Ok(diesel::update(these).set(raise).returning((users::id, users::token_epoch)).get_results(connection)?)
}

/// Those of them that have sessions, ended or not: nobody else can have an access token.
///
/// # Errors
///
/// When the database can't be read.
pub fn with_sessions(connection: &mut DbConnection, stretch: Stretch) -> Result<Vec<UserId>, DbError> {
    let theirs = sessions::table.filter(sessions::user_id.gt(key(stretch.after)));
    let theirs = theirs.filter(sessions::user_id.le(key(stretch.last)));
    Ok(theirs.select(sessions::user_id).distinct().load(connection)?)
}

/// Revokes their live sessions; how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn revoke_sessions(
    connection: &mut DbConnection,
    stretch: Stretch,
    reason: &str,
    now: Timestamp,
) -> Result<usize, DbError> {
    let theirs = sessions::table.filter(sessions::user_id.gt(key(stretch.after)));
    let live = theirs
        .filter(sessions::user_id.le(key(stretch.last)))
        .filter(sessions::revoked_at.is_null())
        .filter(sessions::expires_at.gt(at(now)));
    let end = (sessions::revoked_at.eq(Some(at(now))), sessions::revoke_reason.eq(reason));
    Ok(diesel::update(live).set(end).execute(connection)?)
}

/// Ends the links of `purpose` that were mailed to them and not used, and deletes mails of `template` on their way to them.
///
/// # Errors
///
/// When the database can't be written.
pub fn end_links(
    connection: &mut DbConnection,
    stretch: Stretch,
    purpose: TokenPurpose,
    template: &str,
    now: Timestamp,
) -> Result<(), DbError> {
    let theirs = one_time_tokens::table.filter(one_time_tokens::user_id.gt(key(stretch.after)));
    let unused = theirs
        .filter(one_time_tokens::user_id.le(key(stretch.last)))
        .filter(one_time_tokens::purpose.eq(purpose.as_str()))
        .filter(one_time_tokens::used_at.is_null());
    diesel::update(unused).set(one_time_tokens::used_at.eq(Some(at(now)))).execute(connection)?;
    let theirs = email_outbox::table.filter(email_outbox::user_id.gt(key(stretch.after)));
    let waiting = theirs
        .filter(email_outbox::user_id.le(key(stretch.last)))
        .filter(email_outbox::template.eq(template))
        .filter(email_outbox::sent_at.is_null());
    diesel::delete(waiting).execute(connection)?;
    Ok(())
}

/// Revokes every session that isn't, expired or not; how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn revoke_every_session(connection: &mut DbConnection, reason: &str, now: Timestamp) -> Result<usize, DbError> {
    let end = (sessions::revoked_at.eq(Some(at(now))), sessions::revoke_reason.eq(reason));
    Ok(diesel::update(sessions::table.filter(sessions::revoked_at.is_null())).set(end).execute(connection)?)
}

/// Raises all epochs of all users by `by`.
///
/// # Errors
///
/// When the database can't be written.
pub fn raise_every_epoch(connection: &mut DbConnection, by: i64) -> Result<usize, DbError> {
    let raise = (
        users::token_epoch.eq(users::token_epoch + by),
        users::security_epoch.eq(users::security_epoch + by),
        users::premium_epoch.eq(users::premium_epoch + by),
    );
    Ok(diesel::update(users::table).set(raise).execute(connection)?)
}

/// Uses up every link that was mailed; how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn end_every_link(connection: &mut DbConnection, now: Timestamp) -> Result<usize, DbError> {
    let unused = one_time_tokens::table.filter(one_time_tokens::used_at.is_null());
    Ok(diesel::update(unused).set(one_time_tokens::used_at.eq(Some(at(now)))).execute(connection)?)
}

/// Deletes every mail that was not sent; how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_every_unsent_mail(connection: &mut DbConnection) -> Result<usize, DbError> {
    Ok(diesel::delete(email_outbox::table.filter(email_outbox::sent_at.is_null())).execute(connection)?)
}

/// Deletes every backup code; how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_every_backup_code(connection: &mut DbConnection) -> Result<usize, DbError> {
    Ok(diesel::delete(backup_codes::table).execute(connection)?)
}

/// Takes every code of an authenticator app until this step for used.
///
/// # Errors
///
/// When the database can't be written.
pub fn use_every_step_until(connection: &mut DbConnection, step: i64) -> Result<usize, DbError> {
    let earlier = totp_credentials::table.filter(totp_credentials::last_step.lt(step));
    Ok(diesel::update(earlier).set(totp_credentials::last_step.eq(Some(step))).execute(connection)?)
}

/// Deletes every device; how many.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_every_device(connection: &mut DbConnection) -> Result<usize, DbError> {
    Ok(diesel::delete(devices::table).execute(connection)?)
}

/// Deletes every signing key; how many. A server makes another when it starts.
///
/// # Errors
///
/// When the database can't be written.
pub fn delete_every_signing_key(connection: &mut DbConnection) -> Result<usize, DbError> {
    Ok(diesel::delete(signing_keys::table).execute(connection)?)
}
